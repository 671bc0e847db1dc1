//! The lasting pair of a source key and a target id, and the small numbers by which a no-change run recognises it.

use peoplesync_scim::Resource;
use serde::{Deserialize, Serialize};

use crate::Written;

/// A keyed hash of a source key: where the link stands in the index. Two keys may share one (about once in 10^8 states of
/// a million people), so a change is never decided by it alone: the link of a candidate is read by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub i64);

/// Who is a member of a group, by the fingerprint of the key in the source: a person, or a group in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberPrint {
    /// A person or a group.
    pub resource: Resource,
    /// Of the key.
    pub fingerprint: Fingerprint,
}

/// A keyed hash of everything that the mapping wants an account to be. Equal: nothing to do, no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub i64);

impl Digest {
    /// The digest that no mapping gives (the caller never stores 0 for a mapped person): the account is compared with the
    /// target in the next run.
    pub const UNKNOWN: Self = Self(0);

    /// Another digest than this, of which a part is not written: the next run looks at the account.
    #[must_use]
    pub fn unfinished(self) -> Self {
        Self(!self.0)
    }

    /// The digest in the first eight bytes of a hash; never [`UNKNOWN`](Self::UNKNOWN).
    #[must_use]
    pub fn from_hash(hash: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = hash;
        match i64::from_be_bytes([a, b, c, d, e, f, g, h]) {
            0 => Self(1),
            number => Self(number),
        }
    }
}

/// Whether the account is in use, as far as we made it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Standing {
    /// In scope when last written.
    Active,
    /// Deactivated by us because the person left.
    Deactivated {
        /// When, in milliseconds since 1970 (UTC).
        since: i64,
    },
}

/// The lasting pair (source key, target id). It holds keys, ids and hashes, and no people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The key in the source.
    pub key: String,
    /// The id at the target.
    pub id: String,
    /// What was last written.
    pub digest: Digest,
    /// Whether the account is in use.
    pub standing: Standing,
    /// When an applied run first found the person absent, in milliseconds since 1970 (UTC); for the grace period.
    pub absent_since: Option<i64>,
    /// Whether peoplesync created the account; otherwise it adopted it.
    pub created: bool,
    /// What was last written, attribute by attribute. Of no use where the digest is unknown or the account is not in use.
    #[serde(default, skip_serializing_if = "Written::is_empty")]
    pub written: Written,
}

impl Link {
    /// Whether this is what was last written to an account in use.
    pub(crate) fn wrote(&self, hash: Option<u32>) -> bool {
        self.standing == Standing::Active
            && self.digest != Digest::UNKNOWN
            && hash.is_some_and(|hash| self.written.has(hash))
    }

    /// When the person was first found absent, as far as that is known: who was deactivated was absent then, even where no
    /// grace period was to be noted.
    #[must_use]
    pub fn first_missed(&self) -> Option<i64> {
        match self.standing {
            Standing::Active => self.absent_since,
            Standing::Deactivated { since } => {
                Some(self.absent_since.map_or(since, |absent| absent.min(since)))
            }
        }
    }
}
