//! A finished read: what has to be asked of the state and of the target before a plan can be made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::planner::{Facts, Known, fates, leavers, matching};
use crate::{
    Before, Candidate, Coverage, Fingerprint, Links, Managed, Observation, Observed, Policy,
    Rejection, Search, WantedValue,
};

/// What a read found. It asks for what it needs, in this order: [`needs`](Self::needs), then
/// [`lookups`](Self::lookups) until there are none, then [`owners`](Self::owners); then [`plan`](crate::plan).
#[derive(Debug, Clone)]
pub struct Survey {
    pub(crate) managed: Arc<Managed>,
    pub(crate) coverage: Coverage,
    /// Sorted by key; each key once, none pinned.
    pub(crate) candidates: Vec<Candidate>,
    /// Those who are unchanged as long as somebody else has no account.
    pub(crate) waiting: BTreeSet<String>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) left: BTreeMap<String, (Fingerprint, Evidence)>,
    pub(crate) before: BTreeMap<String, Before>,
    pub(crate) pinned: BTreeSet<String>,
    /// Those of them who were absent before.
    pub(crate) returned: Vec<Fingerprint>,
    /// The places of rejected records that may be anybody's.
    pub(crate) unidentified: Vec<String>,
    pub(crate) rejected: Vec<Rejection>,
    pub(crate) linked: u64,
    pub(crate) read: u64,
    pub(crate) unchanged: u64,
    pub(crate) out_of_scope: u64,
}

/// A link whose person was not seen in scope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) deactivated: bool,
    /// The source had something to say of a person with this fingerprint.
    pub(crate) left: bool,
    /// Another link has the same fingerprint, so this one may have been seen after all.
    pub(crate) shared: bool,
}

/// Why a person is taken to have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Evidence {
    /// A complete read did not have the record.
    Absent,
    /// The source says that the entry was removed.
    Removed,
    /// The record is there, and the scope leaves it out.
    OutOfScope,
}

/// The links that a plan needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The links of these keys, for [`Links::add`]; sorted. Many have none.
    pub keys: Vec<String>,
    /// All links with these fingerprints, for [`Links::add_missing`]; sorted.
    pub fingerprints: Vec<Fingerprint>,
}

/// What a plan needs to know of the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lookups {
    /// The accounts with these ids, for [`Observation::found`], [`gone`](Observation::gone) or
    /// [`failed`](Observation::failed); sorted.
    pub accounts: Vec<String>,
    /// For [`Observation::searched`] or [`search_failed`](Observation::search_failed), each question once.
    pub searches: Vec<Search>,
}

impl Lookups {
    /// How many requests that would be, one at a time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.accounts.len() + self.searches.len()
    }

    /// Whether nothing is left to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Survey {
    /// The people who are to be looked at, sorted by key.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// What the read proves.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// How many people were linked before the run.
    #[must_use]
    pub fn linked(&self) -> u64 {
        self.linked
    }

    /// The places of all records that were rejected while they were read.
    pub fn rejected_places(&self) -> impl Iterator<Item = &str> {
        self.rejected.iter().map(|rejection| rejection.origin.as_str())
    }

    /// Whether there are rejected records that may be anybody's.
    #[must_use]
    pub fn rejects_unknown(&self) -> bool {
        !self.unidentified.is_empty()
    }

    /// The candidates that have an account at the target, by their link or because one account alone matches.
    #[must_use]
    pub fn matched<'a>(
        &'a self,
        links: &'a Links,
        observation: &'a Observation,
    ) -> Vec<(&'a Candidate, &'a Observed)> {
        let known = Known { survey: self, links, observation };
        let matched = self
            .candidates
            .iter()
            .filter_map(|candidate| Some((candidate, matching::account(known, candidate)?)));
        matched.collect()
    }

    /// The links to read from the state.
    #[must_use]
    pub fn needs(&self, policy: &Policy) -> Needs {
        let mut keys = BTreeSet::new();
        for candidate in &self.candidates {
            keys.insert(candidate.key.as_str());
            keys.extend(references(candidate));
        }
        let relevant = self.missing.iter().filter(|missing| {
            self.counts(missing) && leavers::matters(missing.deactivated, policy)
        });
        let mut fingerprints: Vec<Fingerprint> = relevant
            .map(|missing| missing.fingerprint)
            .chain(self.returned.iter().copied())
            .collect();
        fingerprints.sort();
        fingerprints.dedup();
        Needs { keys: keys.into_iter().map(str::to_owned).collect(), fingerprints }
    }

    /// What is still to be asked of the target. An answer may bring new questions, so ask until nothing is left; each
    /// question is asked once, so that this ends.
    ///
    /// Where there are many, listing the whole target is cheaper: give every account to [`Observation::found`] and call
    /// [`Observation::listed`].
    #[must_use]
    pub fn lookups(&self, links: &Links, observation: &Observation, policy: &Policy) -> Lookups {
        let facts = Facts { survey: self, links, observation, policy };
        let mut accounts = BTreeSet::new();
        let mut searches = BTreeMap::new();
        for candidate in &self.candidates {
            match matching::next(facts.known(), candidate) {
                matching::Next::Account(id) => {
                    accounts.insert(id.to_owned());
                }
                matching::Next::Search(search) => {
                    searches.insert(search.at.clone(), search);
                }
                matching::Next::Answered => {}
            }
        }
        for search in fates::open_choices(&facts) {
            searches.insert(search.at.clone(), search);
        }
        for link in links.missing() {
            if leavers::is_due(&facts, link) && observation.presence(&link.id).is_none() {
                accounts.insert(link.id.clone());
            }
        }
        Lookups {
            accounts: accounts.into_iter().collect(),
            searches: searches.into_values().collect(),
        }
    }

    /// The accounts that unlinked people match: whose are they? The links with these ids are for [`Links::add`]; most have
    /// none.
    #[must_use]
    pub fn owners(&self, links: &Links, observation: &Observation) -> Vec<String> {
        let known = Known { survey: self, links, observation };
        let hits = self.candidates.iter().flat_map(|candidate| matching::hits(known, candidate));
        let unknown = hits.map(|hit| &hit.id).filter(|id| links.by_id(id).is_none());
        unknown.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether there is nothing to look at, because what the person waits for does not come in this run.
    pub(crate) fn is_settled(&self, candidate: &Candidate, links: &Links) -> bool {
        self.waiting.contains(&candidate.key)
            && links.get(&candidate.key).is_some()
            && references(candidate)
                .all(|key| links.get(key).is_none() && self.position(key).is_none())
    }

    /// The place of the candidate with this key.
    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        self.candidates.binary_search_by(|candidate| candidate.key.as_str().cmp(key)).ok()
    }

    /// Whether somebody whom nobody saw may be treated as a leaver by what is known of the fingerprint alone.
    fn counts(&self, missing: &Missing) -> bool {
        match self.coverage {
            Coverage::Complete | Coverage::Mixed { .. } => {
                missing.left || self.unidentified.is_empty()
            }
            Coverage::Changes => missing.left,
            Coverage::Partial { .. } => false,
        }
    }
}

/// The keys that a person refers to.
pub(crate) fn references(candidate: &Candidate) -> impl Iterator<Item = &str> {
    candidate.wanted.iter().filter_map(|wanted| match &wanted.value {
        WantedValue::Reference(key) => Some(key.as_str()),
        WantedValue::Set(_) | WantedValue::Clear | WantedValue::Choice(_) => None,
    })
}
