//! A plan without some of its changes, as they wait for another try.

use std::collections::BTreeSet;

use peoplesync_scim::schema::Resource;

use super::{causes, words};
use crate::{Action, Cause, Change, Digest, Plan, Summary, Warning, Written};

impl Plan {
    /// The plan without the changes that have to wait, each with why, which becomes a warning; and how many these are. What is left
    /// refers to nobody who has no link before these are done.
    #[must_use]
    pub fn without(mut self, why: impl Fn(&Change) -> Option<String>) -> (Self, u64) {
        let (mut kept, mut left_out) = (Vec::new(), 0);
        let mut unlinked = BTreeSet::new();
        for change in std::mem::take(&mut self.changes) {
            let Some(message) = why(&change) else {
                kept.push(change);
                continue;
            };
            left_out += 1;
            self.summary.take_out(&change);
            self.summary.take_out_drift(change.undoes_drift());
            if matches!(change.action, Action::Create | Action::Adopt) {
                unlinked.insert((change.resource, change.key.clone()));
            }
            self.warnings.push(Warning { key: Some(change.key), origin: change.origin, message });
        }
        if !unlinked.is_empty() {
            kept.retain_mut(|change| {
                let undid_drift = change.undoes_drift();
                let is_needed = change.forget(&unlinked);
                if !is_needed {
                    self.summary.take_out(change);
                }
                let undoes_drift = is_needed && change.undoes_drift();
                self.summary.take_out_drift(undid_drift && !undoes_drift);
                is_needed
            });
        }
        self.changes = kept;
        self.warnings.sort();
        (self.seal(), left_out)
    }
}

impl Change {
    /// Takes out what refers to people and groups that are not linked after all; a later run sets it, as the link then has another
    /// digest. Of who would be taken over the account is known, but not whose it is.
    /// Whether anything is left to do.
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
        // What is not written now is not known as written, in the next run.
        self.digest = self.digest.map(Digest::unfinished);
        self.written = Written::default();
        if self.action == Action::Update {
            let reason = words::differing(&self.attributes, !self.members.is_empty());
            self.reason = causes::with_cause(reason, self.cause);
        }
        self.action != Action::Update || !self.attributes.is_empty() || !self.members.is_empty()
    }
}

impl Summary {
    fn take_out(&mut self, change: &Change) {
        let number = match (change.resource, change.action) {
            (Resource::User, Action::Create) => &mut self.create,
            (Resource::User, Action::Adopt) => &mut self.adopt,
            (Resource::User, Action::Update) => &mut self.update,
            (Resource::User, Action::Reactivate) => &mut self.reactivate,
            (Resource::User, Action::Deactivate) => &mut self.deactivate,
            (Resource::User, Action::Delete) => &mut self.delete,
            (Resource::User, Action::Unlink) => &mut self.unlink,
            (Resource::Group, Action::Create) => &mut self.groups.create,
            (Resource::Group, Action::Adopt) => &mut self.groups.adopt,
            (Resource::Group, Action::Delete) => &mut self.groups.delete,
            (Resource::Group, Action::Unlink) => &mut self.groups.unlink,
            (Resource::Group, _) => &mut self.groups.update,
        };
        *number = number.saturating_sub(1);
        let from_config = match change.resource {
            Resource::User => &mut self.from_config,
            Resource::Group => &mut self.groups.from_config,
        };
        *from_config = from_config.saturating_sub(u64::from(change.cause == Cause::Config));
    }

    fn take_out_drift(&mut self, is_out: bool) {
        self.from_drift = self.from_drift.saturating_sub(u64::from(is_out));
    }
}
