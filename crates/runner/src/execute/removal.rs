//! Members whom a target does not take out of a group by `members[value eq "…"]` (RFC 7644 §3.5.2.2). Some services know only a list
//! of them, as Microsoft Entra sends it by default; others read the same list as "all members", which is what the RFC says of a
//! removal without a filter. So it is tried after a refusal only, with one member of one group that can be read before and
//! after; whoever else went with that one is put back at once, or by the next apply if this one dies, and the list is not used again.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use peoplesync_scim::Resource;
use peoplesync_scim::client::ClientError;
use peoplesync_scim::error::scim_type;
use peoplesync_scim::profile::{RemoveMembers, ShowMembers, Update, elements_of};
use peoplesync_state::Intent;
use serde_json::Value as Json;

use super::filler::Filler;
use super::sent::{Sent, error_line};
use super::trial;

/// How members are removed in this run, where the profile says: by path.
#[derive(Debug, Default)]
pub(super) enum Removal {
    /// As the profile says.
    #[default]
    ByPath,
    /// By a list, which was seen to remove those who are in it and nobody else.
    ByList,
    /// Not at all, for this reason.
    Not(String),
}

/// What the trial of a list has shown.
enum Shown {
    /// That it removes who is in it.
    Works,
    /// Nothing, as the group had no other member.
    Nothing,
}

const HINT: &str = "if the service is known to take a list of members, `remove = \"list\"` in [target.overrides.groups] says so";
const PUT: &str =
    "`update = \"put\"` in [target.overrides.write] replaces groups as a whole instead";

impl Removal {
    /// What an administrator can do so that the next run need not find out again.
    pub(super) fn advice(&self) -> Option<&'static str> {
        matches!(self, Self::ByList).then_some(
            "members were removed from groups by a list, as the target refuses members[value eq \"…\"]; `remove = \"list\"` in [target.overrides.groups] does so from the first request on",
        )
    }
}

/// Whether a target refuses the way in which members are named, and not a member.
pub(super) fn refuses_the_form(error: &ClientError) -> bool {
    let says = error.scim.as_ref().and_then(|scim| scim.scim_type.as_deref()).unwrap_or_default();
    let forms = [scim_type::INVALID_PATH, scim_type::INVALID_FILTER];
    let is_form = forms.iter().any(|form| says.eq_ignore_ascii_case(form));
    !error.ambiguous && (error.status == Some(501) || error.status == Some(400) && is_form)
}

impl Filler<'_, '_> {
    /// Whether there is another way to remove members than the one that was refused.
    pub(super) fn may_list(&self) -> bool {
        let profile = self.sender.tools.client.profile();
        let patches = matches!(profile.write.update, Update::Auto | Update::Patch);
        patches && profile.groups.remove == RemoveMembers::Filter
    }

    /// Why no member is removed any more, if so.
    pub(super) async fn removes_nobody(&self) -> Option<Sent> {
        match &*self.sender.removal.lock().await {
            Removal::Not(why) => Some(Sent::refused(None, why.clone())),
            _ => None,
        }
    }

    /// Removes by a list whom the target refused to remove by path.
    pub(super) async fn remove_by_list(
        &self,
        gone: &[&str],
        refusal: &ClientError,
    ) -> Result<(), Sent> {
        // One group at a time finds out, for all of them.
        let mut removal = self.sender.removal.lock().await;
        let rest: Vec<&str> = match &*removal {
            Removal::Not(why) => return Err(Sent::refused(refusal.status, why.clone())),
            Removal::ByList => gone.to_vec(),
            Removal::ByPath => match self.try_one(gone, refusal).await {
                Ok((one, shown)) => {
                    if matches!(shown, Shown::Works) {
                        *removal = Removal::ByList;
                    }
                    gone.iter().copied().filter(|id| *id != one).collect()
                }
                Err(_) if self.sender.members_without_patch.load(Ordering::Relaxed) => {
                    drop(removal);
                    let replaced = self.replace(&[], gone).await;
                    return replaced.map(|_| ()).map_err(|error| self.sender.failed(&error));
                }
                Err(why) => {
                    let why = format!("{}; {why}", error_line(refusal));
                    *removal = Removal::Not(why.clone());
                    return Err(Sent::refused(refusal.status, why));
                }
            },
        };
        drop(removal);
        if rest.is_empty() {
            return Ok(());
        }
        let removed = self.patch(&[], &rest, RemoveMembers::List).await;
        removed.map(|_| ()).map_err(|error| self.sender.failed(&error))
    }

    /// Removes one member by a list; who that was, and what it shows. An error says why the list is not to be used.
    async fn try_one<'i>(
        &self,
        gone: &[&'i str],
        refusal: &ClientError,
    ) -> Result<(&'i str, Shown), String> {
        let never = self.sender.tools.client.profile().groups.members == ShowMembers::Never;
        let before = if never { None } else { self.members().await };
        let before = before.unwrap_or_default();
        let there: BTreeSet<&str> = before.iter().map(|(_, id)| id.as_str()).collect();
        let Some(one) = gone.iter().copied().find(|id| there.contains(id)) else {
            return Err(format!(
                "a list is not tried, as it removes everybody at some services, and the members of this group cannot be read; {HINT}"
            ));
        };
        let leaving = self.change.members.remove.iter().filter_map(|member| member.id.as_deref());
        let lookup = trial::staying(&before, &leaving.collect());
        if lookup.is_empty() {
            return self.tried(&before, one, refusal).await.map(|shown| (one, shown));
        }
        let seq = self.sender.next_seq.fetch_add(1, Ordering::Relaxed);
        if !self.sender.journal.intend(Intent { lookup, ..self.intent(seq) }).await {
            return Err("a list is not tried, as the journal could not be written".to_owned());
        }
        let tried = self.tried(&before, one, refusal).await;
        // Whoever went with the one is back, or was told.
        self.sender.journal.withdraw(seq as u64);
        tried.map(|shown| (one, shown))
    }

    /// The same, once it is known whom to put back.
    async fn tried(
        &self,
        before: &[(Resource, String)],
        one: &str,
        refusal: &ClientError,
    ) -> Result<Shown, String> {
        if let Err(error) = self.patch(&[], &[one], RemoveMembers::List).await {
            let what = error_line(&error);
            if error.is_unsupported() && refusal.is_unsupported() {
                // It has no PATCH for groups, or none that removes: they are replaced.
                self.sender.members_without_patch.store(true, Ordering::Relaxed);
            }
            if !error.ambiguous {
                return Err(format!("a list of members is refused as well: {what}; {PUT}"));
            }
            return Err(self
                .put_back(before, one, &format!("a list was not answered ({what})"))
                .await);
        }
        match self.members().await {
            Some(after) => {
                let is_there = |id: &str| after.iter().any(|(_, there)| there == id);
                let lost = before.iter().filter(|(_, id)| id != one && !is_there(id)).count();
                if lost > 0 {
                    let what = format!("a list with one member removed {lost} others as well");
                    return Err(self.put_back(before, one, &what).await);
                }
                if is_there(one) {
                    return Err(format!(
                        "a list is answered with success and removes nobody; {PUT}"
                    ));
                }
            }
            None if before.len() > 1 => {
                let what = "after a list with one member was sent, the group could not be read";
                return Err(self.put_back(before, one, what).await);
            }
            None => {}
        }
        Ok(if before.len() > 1 { Shown::Works } else { Shown::Nothing })
    }

    /// Adds everybody again who was in the group, but for the one who was to go: who still is in it stays (RFC 7644 §3.5.2.1).
    async fn put_back(&self, before: &[(Resource, String)], one: &str, what: &str) -> String {
        let others: Vec<(Resource, &str)> = before
            .iter()
            .map(|(kind, id)| (*kind, id.as_str()))
            .filter(|(_, id)| *id != one)
            .collect();
        let mut trouble = String::new();
        for some in others.chunks(self.sender.tools.client.profile().groups.chunk()) {
            if let Err(error) = self.patch(some, &[], RemoveMembers::List).await {
                trouble = format!(" ({})", error_line(&error));
            }
        }
        let after = self.members().await.unwrap_or_default();
        let missing: Vec<&str> = others
            .iter()
            .map(|(_, id)| *id)
            .filter(|id| !after.iter().any(|(_, there)| there == id))
            .collect();
        if missing.is_empty() {
            return format!(
                "{what}; they were put back at once, and the list is not used again in this run; {PUT}"
            );
        }
        format!(
            "{what}, and these could not be seen to be back{trouble}: {}; put them back by hand, as whom the source does not name is in no later plan; {PUT}",
            missing.join(", ")
        )
    }

    /// The members that the target shows now.
    async fn members(&self) -> Option<Vec<(Resource, String)>> {
        let read = self.sender.tools.client.get(Resource::Group, self.id).await.ok()??;
        Some(elements_of(&read))
    }

    /// Adds and removes members by PATCH.
    pub(super) async fn patch(
        &self,
        add: &[(Resource, &str)],
        remove: &[&str],
        form: RemoveMembers,
    ) -> Result<Option<Json>, ClientError> {
        let client = &self.sender.tools.client;
        let body = form.patch(add, remove);
        client.patch(Resource::Group, self.id, &body, None).await
    }
}
