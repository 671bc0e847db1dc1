//! A plan without some of its changes, as they wait for another try.

use std::collections::BTreeSet;

use peoplesync_scim::schema::Resource;

use super::{causes, words};
use crate::{Action, Change, Digest, Policy, Warning, Written};

/// Leaves out the changes that wait for another try, each with why, which becomes a warning; how many these are. What is left
/// refers to nobody who has no link before these are done.
pub(super) fn leave_out_waiting(
    policy: &Policy,
    changes: &mut Vec<Change>,
    warnings: &mut Vec<Warning>,
) -> u64 {
    let all = changes.len();
    let mut unlinked = BTreeSet::new();
    changes.retain(|change| {
        let why = policy.tried(change).and_then(|tried| tried.waits.clone());
        let Some(message) = why else { return true };
        if matches!(change.action, Action::Create | Action::Adopt) {
            unlinked.insert((change.resource, change.key.clone()));
        }
        let (key, origin) = (Some(change.key.clone()), change.origin.clone());
        warnings.push(Warning { key, origin, message });
        false
    });
    let waiting = all - changes.len();
    if !unlinked.is_empty() {
        changes.retain_mut(|change| change.forget(&unlinked));
    }
    waiting as u64
}

impl Change {
    /// Takes out what refers to people and groups that are not linked after all; a later run sets it, as the link then has another
    /// digest. Of who would be taken over the account is known, but not whose it is. Returns whether anything is left to do.
    fn forget(&mut self, unlinked: &BTreeSet<(Resource, String)>) -> bool {
        let was = (self.attributes.len(), self.members.add.len());
        let is_linked = |resource, key: &Option<String>| {
            key.as_ref().is_none_or(|key| !unlinked.contains(&(resource, key.clone())))
        };
        self.attributes.retain(|attribute| is_linked(Resource::User, &attribute.reference));
        self.members.add.retain(|member| is_linked(member.resource, &member.key));
        if was == (self.attributes.len(), self.members.add.len()) {
            return true;
        }
        self.members.drift = self.members.drift.min(self.members.len());
        // What is not written now is not known as written, in the next run.
        self.digest = self.digest.map(Digest::unfinished);
        self.written = Written::default();
        if self.action == Action::Update {
            let reason = words::differing(&self.attributes, &self.members);
            self.reason = causes::with_cause(reason, self.cause);
        }
        self.action != Action::Update || !self.attributes.is_empty() || !self.members.is_empty()
    }
}
