//! Whether a target has done to the members of a group what it answered with success: some leave them out of a PUT, or take a
//! PATCH and do nothing. An answer that tells members says so. Where none is told, the group is read if profile or user ask for
//! that, and until one of this run was seen to be as it was written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use peoplesync_reconcile::{Change, MemberChanges};
use peoplesync_scim::Resource;
use peoplesync_scim::profile::{ShowMembers, Verify, groups_of, members_of};
use peoplesync_scim::resource::member;
use peoplesync_state::KeptNote;
use serde_json::Value as Json;

use super::filler::{Filler, Step};
use super::sent::Sent;

impl Filler<'_, '_> {
    /// The steps of a request that the target answered with success and has not done, as far as it tells.
    pub(super) async fn undone<'m>(
        &self,
        part: &[Step<'m>],
        answer: Option<&Json>,
    ) -> Vec<Step<'m>> {
        let tools = &self.sender.tools;
        let profile = tools.client.profile();
        if part.is_empty() || profile.groups.members == ShowMembers::Never {
            return Vec::new();
        }
        let proved = &self.sender.members_proved;
        let by_answer = answer.filter(|group| tells(group)).map(|group| missed(part, group));
        let reads = match &by_answer {
            Some(undone) if undone.is_empty() => {
                proved.store(true, Ordering::Relaxed);
                false
            }
            // An answer may be of before, or only a part of what is there.
            Some(_) => true,
            None => {
                let by_profile = profile.write.verify == Verify::Read;
                tools.verify || by_profile || !proved.load(Ordering::Relaxed)
            }
        };
        if !reads {
            return Vec::new();
        }
        // A read that fails teaches nothing; the write itself was a success.
        let read = tools.client.get(Resource::Group, self.id).await.ok().flatten();
        let Some(group) = read else { return Vec::new() };
        let adds = part.iter().any(|step| matches!(step, Step::Add(..)));
        let undone = match profile.groups.members {
            ShowMembers::Auto if !tells(&group) && adds => self.not_found(part).await,
            _ => missed(part, &group),
        };
        if undone.is_empty() {
            proved.store(true, Ordering::Relaxed);
        }
        undone
    }

    /// The same where the group does not tell its members: the target is asked for the groups of one who was added.
    async fn not_found<'m>(&self, part: &[Step<'m>]) -> Vec<Step<'m>> {
        let client = &self.sender.tools.client;
        let adds = part.iter().filter(|step| matches!(step, Step::Add(..))).copied();
        let added: Vec<Step<'m>> = adds.collect();
        let (true, Some(one)) = (client.profile().groups.members_filter, added.first()) else {
            return Vec::new();
        };
        let is_here = |ids: &[String]| ids.iter().any(|id| id == self.id);
        // A target that ignores filters answers with every group: this one would be in itself.
        match client.ids(Resource::Group, &groups_of(self.id)).await {
            Ok(ids) if !is_here(&ids) => {}
            _ => return Vec::new(),
        }
        match client.ids(Resource::Group, &groups_of(one.id())).await {
            Ok(ids) if !is_here(&ids) => added,
            _ => Vec::new(),
        }
    }

    /// Tells what was not done, and notes it, so that the next runs do not write it again.
    pub(super) fn tell_undone(&self, undone: &MemberChanges, sent: Sent) -> Sent {
        if undone.is_empty() {
            return sent;
        }
        if let Some(mark) = self.sender.tools.kept.mark_of_members(undone)
            && let Ok(mut noted) = self.sender.noted_of_groups.lock()
        {
            let (id, path) = (self.id.to_owned(), "members".to_owned());
            noted.push(KeptNote { id, path, wanted: mark, found: mark });
        }
        let names = |members: &[Arc<peoplesync_reconcile::Member>]| {
            let names: Vec<&str> = members.iter().map(|member| member.label()).collect();
            names.join(", ")
        };
        let added = (!undone.add.is_empty())
            .then(|| format!("{} not in the group although they were added", names(&undone.add)));
        let removed = (!undone.remove.is_empty()).then(|| {
            format!("{} still in the group although they were removed", names(&undone.remove))
        });
        let what: Vec<String> = [added, removed].into_iter().flatten().collect();
        let told =
            format!("{}: the target answers with success and does not do it", what.join(", "));
        let error = match sent.error {
            Some(error) => format!("{error}; {told}"),
            None => told,
        };
        Sent { error: Some(error), ..sent }
    }
}

/// Adds steps to the changes that come to nothing.
pub(super) fn note(undone: &mut MemberChanges, change: &Change, steps: &[Step<'_>]) {
    for step in steps {
        let (all, noted) = match step {
            Step::Add(..) => (&change.members.add, &mut undone.add),
            Step::Remove(..) => (&change.members.remove, &mut undone.remove),
        };
        noted.extend(all.iter().find(|member| ***member == *step.member()).map(Arc::clone));
    }
}

/// Whether a group says who is in it, even if that is nobody.
fn tells(group: &Json) -> bool {
    member(group, "members").is_some_and(Json::is_array)
}

/// The steps that a group does not show.
fn missed<'m>(part: &[Step<'m>], group: &Json) -> Vec<Step<'m>> {
    let there: BTreeSet<String> = members_of(group).into_iter().map(|(id, _)| id).collect();
    let is_missed = |step: &&Step<'_>| match step {
        Step::Add(_, id) => !there.contains(*id),
        Step::Remove(_, id) => there.contains(*id),
    };
    part.iter().filter(is_missed).copied().collect()
}
