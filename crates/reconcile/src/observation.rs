//! Everything that was looked up at the target for one plan. What was not answered is unknown, and never taken as gone.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_scim::Filter;
use peoplesync_scim::path::Path;
use serde_json::Value as Json;

use crate::{Kept, Observed};

/// A question to the target: which accounts have this value?
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The match attribute.
    pub path: Path,
    /// The value.
    pub value: Json,
    /// Which match attribute it is, from 0, and the canonical form of the value.
    pub(crate) at: (usize, String),
}

/// Everything that was looked up.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    accounts: BTreeMap<String, Presence>,
    searched: BTreeMap<(usize, String), Result<(), String>>,
    by_value: BTreeMap<(usize, String), BTreeSet<String>>,
    is_list: bool,
    kept: Kept,
}

/// What is known of one account.
#[derive(Debug, Clone)]
pub(crate) enum Presence {
    Found(Box<Observed>),
    Gone,
    Unknown(String),
}

impl Search {
    /// The filter that asks it (RFC 7644 §3.4.2.2): `userName eq "zoe@example.com"`. For a path with a value filter, both
    /// conditions are put on the same element: `emails[type eq "work" and value eq "zoe@example.com"]`.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let plain = || Filter::eq(self.path.clone(), self.value.clone());
        let (Some(filter), Some(sub)) = (self.path.filter(), self.path.sub()) else {
            return plain();
        };
        let Ok(sub) = Path::parse(sub) else { return plain() };
        let both = filter.clone().and(Filter::eq(sub, self.value.clone()));
        match Path::parse(&format!("{}[{both}]", self.path.root())) {
            Ok(element) => Filter::ValuePath(element),
            Err(_) => plain(),
        }
    }
}

impl Observation {
    /// Nothing was looked up yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What earlier runs have learned of what the target keeps otherwise than it was written.
    #[must_use]
    pub fn with_kept(mut self, kept: Kept) -> Self {
        self.kept = kept;
        self
    }

    /// What the target keeps otherwise than it was written.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// This account exists: it was asked for, listed, or found by a search.
    pub fn found(&mut self, observed: Observed) {
        for (index, value) in observed.matches() {
            let at = (index, value.to_owned());
            self.by_value.entry(at).or_default().insert(observed.id.clone());
        }
        self.accounts.insert(observed.id.clone(), Presence::Found(Box::new(observed)));
    }

    /// The target said that there is no account with this id.
    pub fn gone(&mut self, id: &str) {
        self.accounts.insert(id.to_owned(), Presence::Gone);
    }

    /// The account could not be looked up; why, as a fragment. Its person is not planned.
    pub fn failed(&mut self, id: &str, reason: &str) {
        self.accounts.insert(id.to_owned(), Presence::Unknown(reason.to_owned()));
    }

    /// A search was answered with these accounts. Only those count that have the value, as some providers ignore filters.
    pub fn searched(&mut self, search: &Search, hits: impl IntoIterator<Item = Observed>) {
        hits.into_iter().for_each(|observed| self.found(observed));
        self.searched.insert(search.at.clone(), Ok(()));
    }

    /// A search could not be answered; why, as a fragment. Its person is not planned.
    pub fn search_failed(&mut self, search: &Search, reason: &str) {
        self.searched.insert(search.at.clone(), Err(reason.to_owned()));
    }

    /// Every account of the target was given to [`found`](Self::found), so searches need no answer of their own. Only after a
    /// list that was read to its end; an id that is not in it is still asked for.
    pub fn listed(&mut self) {
        self.is_list = true;
    }

    /// The account, if it was found.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Observed> {
        match self.accounts.get(id)? {
            Presence::Found(observed) => Some(observed),
            Presence::Gone | Presence::Unknown(_) => None,
        }
    }

    pub(crate) fn presence(&self, id: &str) -> Option<&Presence> {
        self.accounts.get(id)
    }

    /// The accounts with this value; `None` if nobody asked yet.
    pub(crate) fn hits(&self, search: &Search) -> Option<Result<Vec<&Observed>, &str>> {
        match self.searched.get(&search.at) {
            None if !self.is_list => return None,
            Some(Err(reason)) => return Some(Err(reason)),
            _ => {}
        }
        let ids = self.by_value.get(&search.at).into_iter().flatten();
        // An account that was found twice has the values that it had last.
        let hits = ids.filter_map(|id| self.get(id));
        let has = |observed: &&Observed| {
            observed.matches().any(|(index, value)| index == search.at.0 && value == search.at.1)
        };
        Some(Ok(hits.filter(has).collect()))
    }
}

#[cfg(test)]
mod tests;
