//! Who has an account when the plan of people is done, by fingerprint: 8 bytes for each linked person.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_mapping::DigestKey;
use peoplesync_reconcile::{Fingerprint, Holdings};
use peoplesync_scim::Resource;
use peoplesync_state::State;

use crate::failure::Outcome;
use crate::pipeline::digest::print_of;

/// People with an account.
#[derive(Debug)]
pub(super) struct Accounts<'a> {
    /// Sorted.
    linked: Vec<Fingerprint>,
    ending: BTreeSet<Fingerprint>,
    /// Those whose account is created or taken over in this plan.
    pub(super) coming: BTreeMap<Fingerprint, &'a str>,
    /// Those of them whose account is new.
    pub(super) created: BTreeSet<Fingerprint>,
    /// Those of whom the config of before would have said something else.
    by_config: BTreeSet<Fingerprint>,
}

impl<'a> Accounts<'a> {
    pub(super) fn read(state: &State, key: &DigestKey, people: &Holdings<'a>) -> Outcome<Self> {
        let mut linked = Vec::new();
        state.index(Resource::User, |fingerprint, _, _, _| linked.push(fingerprint))?;
        linked.sort_unstable();
        Ok(Self {
            linked,
            ending: people.ending().map(|text| print_of(key, text)).collect(),
            coming: people.coming().map(|text| (print_of(key, text), text)).collect(),
            created: people.created().map(|text| print_of(key, text)).collect(),
            by_config: people.by_config().map(|text| print_of(key, text)).collect(),
        })
    }

    pub(super) fn has(&self, print: Fingerprint) -> bool {
        self.coming.contains_key(&print)
            || self.linked.binary_search(&print).is_ok() && !self.ending.contains(&print)
    }

    /// Whether there would be one under the config of the last run.
    pub(super) fn would_have(&self, print: Fingerprint) -> bool {
        self.has(print) != self.by_config.contains(&print)
    }
}
