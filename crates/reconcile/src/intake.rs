//! What a run notes while the source is read: who was seen, who has to be looked at, who must be left alone.
//! No decision is made here; that is the planner's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::index::flag;
use crate::survey::{Evidence, Missing, Survey};
use crate::{Digest, Fingerprint, LinkIndex, Managed, Rejection};

/// What a link says of a person who was just read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The account is as wanted: nothing more to do.
    Unchanged,
    /// Linked, and to be looked at: give it to [`Intake::candidate`].
    Changed,
    /// Linked and unchanged, but somebody whom the person refers to has no account. As that one may get it in this run,
    /// give it to [`Intake::candidate`] as well.
    Waiting,
    /// Not linked: give it to [`Intake::candidate`].
    Unlinked,
}

/// What the config of the last run says of a person, where the config was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// In scope; these are the digests as in [`Candidate`].
    InScope {
        /// If everybody whom the person refers to has an account.
        digest: Digest,
        /// As long as somebody has none.
        digest_unresolved: Digest,
    },
    /// The scope left the record out.
    OutOfScope,
    /// The record could not be mapped.
    Rejected,
}

/// What the read proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Everything was read: whoever was not seen is absent.
    Complete,
    /// A part was read: nobody leaves, whatever else is known.
    Partial {
        /// What is missing, as a fragment.
        reason: String,
    },
    /// What changed was read: absence means nothing, what the source says does.
    Changes,
    /// Some sources were read completely and others were not: whoever was not seen is absent, but for those who are
    /// [held](Intake::hold).
    Mixed {
        /// Which were not, and why, as a fragment.
        reason: String,
        /// How many linked people are left as they are because of that.
        held: u64,
        /// How many wait for their account because of that.
        new: u64,
    },
}

/// A person in scope who is to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The key in the source.
    pub key: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The digest of what is wanted if everybody whom the person refers to has an account. Never
    /// [`UNKNOWN`](Digest::UNKNOWN).
    pub digest: Digest,
    /// The same as long as at least one of them has none. Equal to `digest` for a person without references.
    pub digest_unresolved: Digest,
    /// Where the record is.
    pub origin: String,
    /// What people call the account.
    pub name: String,
    /// What is wanted. Attributes that are to be left alone do not stand here.
    pub wanted: Vec<Wanted>,
}

/// What is wanted of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Which attribute: its place in [`Managed::attributes`].
    pub slot: u16,
    /// Its value.
    pub value: WantedValue,
}

/// A wanted value.
#[derive(Debug, Clone, PartialEq)]
pub enum WantedValue {
    /// This one. Null and an empty list are none, as `Clear`.
    Set(Json),
    /// None.
    Clear,
    /// The id of the account of the person with this key.
    Reference(String),
    /// The first of these that nobody has, for a new account.
    Choice(Vec<Json>),
}

/// Notes of one read. The order in which things are noted does not matter.
#[derive(Debug, Clone)]
pub struct Intake {
    managed: Arc<Managed>,
    index: LinkIndex,
    candidates: Vec<Candidate>,
    /// Fingerprints that were seen a second time although only one link has them.
    repeated: BTreeSet<Fingerprint>,
    /// Linked people who are out of scope or removed. By key, as a fingerprint alone must not make anybody a leaver.
    left: BTreeMap<String, (Fingerprint, Evidence)>,
    /// What the config of before says of candidates, and of linked people who are out of scope.
    before: BTreeMap<String, Before>,
    pinned: BTreeSet<String>,
    rejected: Vec<Rejection>,
    unidentified: Vec<String>,
    out_of_scope: u64,
    read: u64,
}

impl Intake {
    /// Starts with everybody who is linked. To compare everybody with the target, whatever the digests say, give
    /// [`Digest::UNKNOWN`] to [`seen`](Self::seen) for each.
    #[must_use]
    pub fn new(mut index: LinkIndex, managed: Arc<Managed>) -> Self {
        index.finish();
        Self {
            managed,
            index,
            candidates: Vec::new(),
            repeated: BTreeSet::new(),
            left: BTreeMap::new(),
            before: BTreeMap::new(),
            pinned: BTreeSet::new(),
            rejected: Vec::new(),
            unidentified: Vec::new(),
            out_of_scope: 0,
            read: 0,
        }
    }

    /// Says that these people come next. Changes nothing but time.
    pub fn look_ahead(&self, fingerprints: impl Iterator<Item = Fingerprint>) {
        self.index.look_ahead(fingerprints);
    }

    /// A person in scope was read, everybody whom they refer to is linked, and this is the digest of what is wanted.
    ///
    /// Unchanged needs the same digest (which is not [`UNKNOWN`](Digest::UNKNOWN)), an account that is in use, a person who
    /// was not absent in an earlier run, and a fingerprint that is no other's.
    pub fn seen(&mut self, fingerprint: Fingerprint, digest: Digest) -> Seen {
        self.note(fingerprint, digest, flag::UNCHANGED)
    }

    /// As [`seen`](Self::seen), for a person who refers to somebody that [is not linked](Self::is_linked); with
    /// [`Candidate::digest_unresolved`]. Answers `Waiting` for `Unchanged`.
    pub fn seen_unresolved(&mut self, fingerprint: Fingerprint, unresolved: Digest) -> Seen {
        self.note(fingerprint, unresolved, flag::WAITING)
    }

    fn note(&mut self, fingerprint: Fingerprint, digest: Digest, same: u8) -> Seen {
        use flag::{ABSENT, DEACTIVATED, SEEN, SHARED};
        let Some(at) = self.index.find(fingerprint) else { return Seen::Unlinked };
        let flags = self.index.flags_at(at);
        if flags & SHARED != 0 {
            self.index.set(fingerprint, SEEN);
            return Seen::Changed;
        }
        if flags & SEEN != 0 {
            self.repeated.insert(fingerprint);
            return Seen::Changed;
        }
        let is_plain = flags & (DEACTIVATED | ABSENT) == 0;
        let is_same = digest != Digest::UNKNOWN && self.index.digest_at(at) == digest;
        if !(is_plain && is_same) {
            self.index.set_at(at, SEEN);
            return Seen::Changed;
        }
        self.index.set_at(at, SEEN | same);
        if same == flag::WAITING { Seen::Waiting } else { Seen::Unchanged }
    }

    /// Whether a key with this fingerprint had an account before the run.
    #[must_use]
    pub fn is_linked(&self, fingerprint: Fingerprint) -> bool {
        self.index.find(fingerprint).is_some()
    }

    /// A person who has to be looked at, as [`seen`](Self::seen) said.
    pub fn candidate(&mut self, candidate: Candidate) {
        self.candidates.push(candidate);
    }

    /// What the config of the last run says of a candidate, or of a linked person who is out of scope: only where the config
    /// was changed since.
    pub fn before(&mut self, key: &str, before: Before) {
        self.before.insert(key.to_owned(), before);
    }

    /// A record that the scope leaves out. If the person is linked, this is evidence and not absence.
    pub fn out_of_scope(&mut self, fingerprint: Fingerprint, key: &str) {
        self.out_of_scope += 1;
        self.leave(fingerprint, key, Evidence::OutOfScope);
    }

    /// The source says that this entry was removed. Of two words on one person, out of scope counts, as the person exists.
    pub fn removed(&mut self, fingerprint: Fingerprint, key: &str) {
        self.leave(fingerprint, key, Evidence::Removed);
    }

    fn leave(&mut self, fingerprint: Fingerprint, key: &str, evidence: Evidence) {
        if self.index.set(fingerprint, flag::LEFT) {
            let known = self.left.entry(key.to_owned()).or_insert((fingerprint, evidence));
            known.1 = known.1.max(evidence);
        }
    }

    /// A record that could not be read or mapped. Whose it may be is pinned: a person with one of these keys is neither
    /// changed nor absent, also where their record was read before and looked good.
    ///
    /// `identified`: the record surely is that of a person with one of these keys. Otherwise it may be anybody's, whomever it
    /// pins (a manager's key in a row that lost its own is no identity), and as long as there is such a record nobody is
    /// taken as absent.
    pub fn reject(
        &mut self,
        rejection: Rejection,
        pins: &[(Fingerprint, String)],
        identified: bool,
    ) {
        self.pinned.extend(rejection.key.clone());
        for (fingerprint, key) in pins {
            self.index.set(*fingerprint, flag::PINNED);
            self.pinned.insert(key.clone());
        }
        if !identified {
            self.unidentified.push(rejection.origin.clone());
        }
        self.rejected.push(rejection);
    }

    /// A record elsewhere could not be used that may be about anybody here: as long as there is one, nobody is taken as absent.
    pub fn doubt(&mut self, origin: &str) {
        self.unidentified.push(origin.to_owned());
    }

    /// Whether there is a record of which nobody can tell whose it is.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        !self.unidentified.is_empty()
    }

    /// Says of everybody who is linked and of whom there was no word, whether a source may have them that was not read: then
    /// they are not absent. Returns how many these are. After everything was noted.
    pub fn hold(&mut self, mut is_held: impl FnMut(Fingerprint) -> bool) -> u64 {
        let mut held = 0;
        for at in 0..self.index.len() {
            let flags = self.index.flags_at(at);
            let has_word = flags & (flag::SEEN | flag::LEFT | flag::PINNED) != 0;
            if !has_word && is_held(self.index.fingerprint_at(at)) {
                self.index.set_at(at, flag::PINNED);
                held += 1;
            }
        }
        held
    }

    /// Counts records read, rejected ones too.
    pub fn read(&mut self, records: u64) {
        self.read += records;
    }

    /// Ends the read.
    #[must_use]
    pub fn finish(mut self, coverage: Coverage) -> Survey {
        self.reject_repeated();
        let Self { managed, index, mut candidates, left, before, pinned, .. } = self;
        candidates.retain(|candidate| !pinned.contains(&candidate.key));
        candidates.sort_by(|a, b| (&a.key, &a.origin).cmp(&(&b.key, &b.origin)));
        let waiting = candidates
            .iter()
            .filter_map(|candidate| {
                let flags = index.flags_at(index.find(candidate.fingerprint)?);
                (flags & flag::WAITING != 0).then(|| candidate.key.clone())
            })
            .collect();

        let mut unchanged = 0;
        let mut missing = Vec::new();
        let mut returned = Vec::new();
        for at in 0..index.len() {
            let flags = index.flags_at(at);
            if flags & flag::PINNED != 0 {
                if flags & flag::ABSENT != 0 {
                    returned.push(index.fingerprint_at(at));
                }
                continue;
            }
            // Where two links share a fingerprint, one may be seen and the other not: the keys will tell.
            let is_shared = flags & flag::SHARED != 0;
            if flags & flag::SEEN == 0 || is_shared {
                missing.push(Missing {
                    fingerprint: index.fingerprint_at(at),
                    deactivated: flags & flag::DEACTIVATED != 0,
                    left: flags & flag::LEFT != 0,
                    shared: is_shared,
                });
            } else if flags & flag::UNCHANGED != 0 {
                unchanged += 1;
            }
        }
        let mut unidentified = self.unidentified;
        unidentified.sort();
        Survey {
            managed,
            coverage,
            candidates,
            waiting,
            missing,
            left,
            before,
            pinned,
            returned,
            unidentified,
            rejected: self.rejected,
            linked: index.len() as u64,
            read: self.read,
            unchanged,
            out_of_scope: self.out_of_scope,
        }
    }

    /// A key must stand once in a source. Where a connector lets one pass twice, neither record is believed.
    fn reject_repeated(&mut self) {
        let mut keys: BTreeMap<&str, u32> = BTreeMap::new();
        for candidate in &self.candidates {
            *keys.entry(&candidate.key).or_default() += 1;
        }
        let is_repeated = |candidate: &&Candidate| {
            self.repeated.contains(&candidate.fingerprint)
                || keys.get(candidate.key.as_str()).is_some_and(|count| *count > 1)
        };
        let repeated: Vec<(Fingerprint, String, String)> = self
            .candidates
            .iter()
            .filter(is_repeated)
            .filter(|candidate| !self.pinned.contains(&candidate.key))
            .map(|candidate| {
                (candidate.fingerprint, candidate.key.clone(), candidate.origin.clone())
            })
            .collect();
        for (fingerprint, key, origin) in repeated {
            let reason = format!("key {key} stands more than once in the source");
            let resource = self.managed.resource();
            let rejection =
                Rejection { origin, key: Some(key.clone()), field: None, reason, resource };
            self.reject(rejection, &[(fingerprint, key)], true);
        }
    }
}

#[cfg(test)]
mod tests;
