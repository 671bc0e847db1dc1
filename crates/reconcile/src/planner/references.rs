//! Whose account a reference (manager) means, and whether there is one.

use std::collections::BTreeSet;

use super::fates::Fate;
use super::{Draft, Facts};
use crate::observation::Presence;
use crate::{Action, Bookkeeping};

/// What a referenced key comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Referred<'a> {
    /// The account with this id.
    Account(&'a str),
    /// An account that is created in this plan; its id comes with the apply.
    Created,
    /// No account.
    Nobody,
}

/// The keys that have an account when the plan is done.
#[derive(Debug)]
pub(super) struct References<'a> {
    facts: &'a Facts<'a>,
    fates: &'a [Fate<'a>],
    /// Keys whose link ends in this plan.
    forgotten: BTreeSet<String>,
}

impl<'a> References<'a> {
    /// After the leavers were planned.
    pub(super) fn new(facts: &'a Facts<'a>, fates: &'a [Fate<'a>], draft: &Draft) -> Self {
        let ends = |action| matches!(action, Action::Delete | Action::Unlink);
        let changes = draft.changes.iter().filter(|change| ends(change.action));
        let gone = draft.bookkeeping.iter().filter_map(|entry| match entry {
            Bookkeeping::Gone { key } => Some(key),
            _ => None,
        });
        let forgotten = changes.map(|change| &change.key).chain(gone).cloned().collect();
        Self { facts, fates, forgotten }
    }

    pub(super) fn resolve(&self, key: &str) -> Referred<'a> {
        if self.forgotten.contains(key) {
            return Referred::Nobody;
        }
        let fate = self.facts.survey.position(key).map(|at| &self.fates[at]);
        match fate {
            Some(Fate::Create { .. }) => return Referred::Created,
            Some(Fate::Adopt { account, .. }) => return Referred::Account(&account.id),
            _ => {}
        }
        let Some(link) = self.facts.links.get(key) else { return Referred::Nobody };
        match self.facts.observation.presence(&link.id) {
            Some(Presence::Gone) => Referred::Nobody,
            _ => Referred::Account(&link.id),
        }
    }
}
