//! What the target makes of what it is sent: its answers are compared with what was written, attribute by attribute. What it
//! keeps otherwise is noted, as hashes, so that the next runs do not write it again.

use peoplesync_reconcile::{Action, Change, Digest};
use peoplesync_scim::Resource;
use peoplesync_scim::desired::Difference;
use peoplesync_scim::profile::{ShowMembers, Verify, members_of};
use peoplesync_scim::resource::member;
use peoplesync_state::KeptNote;
use serde_json::Value as Json;

use super::send::Sender;

impl Sender<'_> {
    /// Compares an account as the target has it after a write with what was written. `answer` is what came with the success; if
    /// that was nothing, the account is read where profile or user ask for it, and where the same was written before in vain.
    /// `must_read`: something was left out, which an answer to the rest need not show.
    pub(super) async fn learn(
        &self,
        change: &Change,
        id: &str,
        written: &[Difference],
        answer: Option<&Json>,
        must_read: bool,
    ) {
        if change.resource == Resource::Group {
            return self.see_members(change, id, answer);
        }
        if written.is_empty() {
            return;
        }
        let client = &self.tools.client;
        // A success that did not invite anybody has been seen.
        let invitations = &client.profile().invitations;
        let invites = written.iter().any(|difference| invitations.concerns(&difference.path));
        let by_profile = client.profile().write.verify == Verify::Read;
        let reads = self.tools.verify || invites || by_profile;
        let read = match answer {
            Some(_) if !reads => None,
            None if !reads && !must_read && !self.is_repeated(change) => return,
            // A read that fails teaches nothing; the write itself was a success.
            _ => client.get(change.resource, id).await.ok().flatten(),
        };
        let Some(account) = read.as_ref().or(answer) else { return };
        let Ok(account) = self.tools.managed.observe(account) else { return };
        let lessons: Vec<KeptNote> = written
            .iter()
            .filter_map(|Difference { path, after, .. }| {
                let managed = &self.tools.managed;
                let (wanted, found) =
                    self.tools.kept.lesson(managed, path, after.as_ref(), &account)?;
                Some(KeptNote { id: id.to_owned(), path: path.to_string(), wanted, found })
            })
            .collect();
        if !lessons.is_empty()
            && let Ok(mut noted) = self.noted.lock()
        {
            noted.extend(lessons);
        }
    }

    /// Notes with whom a new group was answered. Where none are named, nothing is known.
    fn see_members(&self, change: &Change, id: &str, answer: Option<&Json>) {
        let never = self.tools.client.profile().groups.members == ShowMembers::Never;
        let named = answer.filter(|answer| member(answer, "members").is_some_and(Json::is_array));
        let Some(group) = named.filter(|_| change.action == Action::Create && !never) else {
            return;
        };
        let shown = members_of(group).into_iter().map(|(id, _)| id).collect();
        if let Ok(mut all) = self.shown_members.lock() {
            all.insert(id.to_owned(), shown);
        }
    }

    /// Everything that was noted.
    pub(super) fn lessons(&self) -> Vec<KeptNote> {
        self.noted.lock().map(|mut noted| std::mem::take(&mut *noted)).unwrap_or_default()
    }

    /// The same of groups.
    pub(super) fn lessons_of_groups(&self) -> Vec<KeptNote> {
        let noted = self.noted_of_groups.lock();
        noted.map(|mut noted| std::mem::take(&mut *noted)).unwrap_or_default()
    }

    /// Whether the record is as it was when it was written last, so that this is the same write once more.
    fn is_repeated(&self, change: &Change) -> bool {
        let known = self.links.get(&change.key).map(|link| link.digest);
        known.is_some_and(|known| known != Digest::UNKNOWN && change.digest == Some(known))
    }
}
