//! A part of a plan: what somebody picked of it, and nothing else.

use std::collections::BTreeSet;

use super::{causes, words};
use crate::{Action, Change, Rejection, Survey, Written};

/// What is picked of a plan: changes of these people, and of these kinds. What is empty picks all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// By key.
    pub keys: BTreeSet<String>,
    /// By kind.
    pub actions: BTreeSet<Action>,
}

impl Part {
    fn takes(&self, change: &Change) -> bool {
        (self.keys.is_empty() || self.keys.contains(&change.key))
            && (self.actions.is_empty() || self.actions.contains(&change.action))
    }

    /// Leaves the changes that are picked. A reference to somebody whose account is not created now waits for a later run, as if
    /// that person had none.
    pub(super) fn pick(&self, survey: &Survey, changes: &mut Vec<Change>) {
        changes.retain(|change| self.takes(change));
        let created: BTreeSet<String> = changes
            .iter()
            .filter(|change| change.action == Action::Create)
            .map(|change| change.key.clone())
            .collect();
        for change in changes.iter_mut() {
            let all = change.attributes.len();
            change.attributes.retain(|attribute| match &attribute.reference {
                Some(key) => attribute.after.is_some() || created.contains(key),
                None => true,
            });
            if change.attributes.len() < all
                && let Some(at) = survey.position(&change.key)
            {
                if change.action == Action::Update {
                    let reason = words::differing(&change.attributes, &change.members);
                    change.reason = causes::with_cause(reason, change.cause);
                }
                change.reason += "; a reference waits for an account that is not created now";
                change.digest = Some(survey.candidates[at].digest_unresolved);
                // In the next run the reference is none that was written before.
                change.written = Written::default();
            }
        }
        // An adoption links an account also where nothing of it differs.
        changes.retain(|change| change.action != Action::Update || !change.attributes.is_empty());
    }

    /// Leaves the rejections of whom was picked.
    pub(super) fn pick_rejected(&self, rejected: &mut Vec<Rejection>) {
        if !self.keys.is_empty() {
            let is_picked = |key: &String| self.keys.contains(key);
            rejected.retain(|rejection| rejection.key.as_ref().is_some_and(is_picked));
        }
    }
}
