//! The links that a plan needs, as the runner reads them from the state. Where they are kept is the state's business.

use std::collections::{BTreeMap, BTreeSet};

use crate::Link;

/// The links that a plan needs.
#[derive(Debug, Clone, Default)]
pub struct Links {
    by_key: BTreeMap<String, Link>,
    keys_by_id: BTreeMap<String, String>,
    missing: BTreeSet<String>,
}

impl Links {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a link that was asked for by its key ([`Needs::keys`](crate::Needs::keys)) or by its account
    /// ([`Survey::owners`](crate::Survey::owners)).
    pub fn add(&mut self, link: Link) {
        self.keys_by_id.insert(link.id.clone(), link.key.clone());
        self.by_key.insert(link.key.clone(), link);
    }

    /// Adds a link that was asked for because nobody saw the person ([`Needs::fingerprints`](crate::Needs::fingerprints)).
    pub fn add_missing(&mut self, link: Link) {
        self.missing.insert(link.key.clone());
        self.add(link);
    }

    /// The link of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Link> {
        self.by_key.get(key)
    }

    /// The link to an account.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Link> {
        self.keys_by_id.get(id).and_then(|key| self.by_key.get(key))
    }

    /// All links in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Link> {
        self.by_key.values()
    }

    /// Whether this is the link of somebody whom nobody saw.
    pub(crate) fn is_missing(&self, key: &str) -> bool {
        self.missing.contains(key)
    }

    /// The links of people whom nobody saw, in the order of their keys.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &Link> {
        self.missing.iter().filter_map(|key| self.by_key.get(key))
    }
}

impl Extend<Link> for Links {
    fn extend<I: IntoIterator<Item = Link>>(&mut self, links: I) {
        links.into_iter().for_each(|link| self.add(link));
    }
}

impl FromIterator<Link> for Links {
    fn from_iter<I: IntoIterator<Item = Link>>(links: I) -> Self {
        let mut all = Self::new();
        all.extend(links);
        all
    }
}
