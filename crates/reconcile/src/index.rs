//! The links as a run needs them while it reads: fingerprint and digest, 17¼ bytes a link. Keys and ids stay in the state.

use std::fmt;

use crate::{Digest, Fingerprint, Standing};

/// Links by fingerprint.
///
/// Fingerprints are hashes, so about as many of them are in each of many equal parts of the range: a search looks among
/// sixteen. On fingerprints that are no hashes it is still logarithmic.
#[derive(Clone, Default)]
pub struct LinkIndex {
    entries: Vec<Entry>,
    flags: Vec<u8>,
    /// Where each part of the range begins, and where the last one ends.
    starts: Vec<u32>,
    unsorted: bool,
}

/// Links in a part of the range.
const PART: usize = 16;

/// So many links tell how many there are in all.
const SAMPLE: usize = 4096;

/// Room is made for no more links than this before they come.
const MOST_ROOM: f64 = 16e6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    fingerprint: i64,
    digest: i64,
}

/// What is known of a link beside its digest, as bits.
pub(crate) mod flag {
    /// The account was deactivated by us.
    pub(crate) const DEACTIVATED: u8 = 1;
    /// The person was absent in an earlier run.
    pub(crate) const ABSENT: u8 = 1 << 1;
    /// Another link has the same fingerprint.
    pub(crate) const SHARED: u8 = 1 << 2;
    /// The person is in the source and in scope.
    pub(crate) const SEEN: u8 = 1 << 3;
    /// So is the digest.
    pub(crate) const UNCHANGED: u8 = 1 << 4;
    /// Unchanged as long as somebody whom the person refers to has no account.
    pub(crate) const WAITING: u8 = 1 << 5;
    /// A record that may be this person's was rejected.
    pub(crate) const PINNED: u8 = 1 << 6;
    /// The person is in the source and out of scope, or the source says that it was removed.
    pub(crate) const LEFT: u8 = 1 << 7;
}

impl LinkIndex {
    /// No link yet, and room for `links` of them.
    #[must_use]
    pub fn with_capacity(links: usize) -> Self {
        Self {
            entries: Vec::with_capacity(links),
            flags: Vec::with_capacity(links),
            starts: Vec::new(),
            unsorted: false,
        }
    }

    /// Adds a link. Any order will do; sorted by fingerprint, as the state delivers them, costs nothing more.
    /// `absent`: an earlier run found the person absent ([`Link::absent_since`](crate::Link::absent_since)).
    pub fn push(
        &mut self,
        fingerprint: Fingerprint,
        digest: Digest,
        standing: &Standing,
        absent: bool,
    ) {
        let entry = Entry { fingerprint: fingerprint.0, digest: digest.0 };
        self.unsorted |= self.entries.last().is_some_and(|last| *last > entry);
        let deactivated = match standing {
            Standing::Active => 0,
            Standing::Deactivated { .. } => flag::DEACTIVATED,
        };
        if self.entries.len() == SAMPLE && !self.unsorted {
            self.make_room(fingerprint.0);
        }
        self.entries.push(entry);
        self.flags.push(deactivated | if absent { flag::ABSENT } else { 0 });
    }

    /// Makes room for all links at once, as many as there are if fingerprints come sorted and this is the next one: they are
    /// spread evenly. Growing step by step would move everything again and again, and leave holes in memory. Where they are no
    /// hashes this is only room.
    fn make_room(&mut self, next: i64) {
        let share = spread(next) as f64 / u64::MAX as f64;
        let all = self.entries.len() as f64 / share.max(f64::MIN_POSITIVE) * 1.05;
        #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
        #[expect(clippy::cast_sign_loss, reason = "both are counts")]
        let more = (all.min(MOST_ROOM) as usize).saturating_sub(self.entries.len());
        // Memory that is not written to costs nothing; where it cannot be had, it grows as it is needed.
        if self.entries.try_reserve_exact(more).is_ok() {
            self.flags.try_reserve_exact(more).unwrap_or_default();
        }
    }

    /// How many links there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is linked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts the links in order, notes where parts begin, and marks shared fingerprints. Before the first search.
    pub(crate) fn finish(&mut self) {
        if self.unsorted {
            let mut links: Vec<(Entry, u8)> =
                self.entries.iter().copied().zip(self.flags.iter().copied()).collect();
            links.sort_unstable();
            for ((entry, flags), link) in self.entries.iter_mut().zip(&mut self.flags).zip(links) {
                (*entry, *flags) = link;
            }
            self.unsorted = false;
        }
        for (at, pair) in self.entries.windows(2).enumerate() {
            if let [a, b] = pair
                && a.fingerprint == b.fingerprint
            {
                self.flags[at] |= flag::SHARED;
                self.flags[at + 1] |= flag::SHARED;
            }
        }
        let parts = self.entries.len() / PART + 1;
        self.starts = Vec::with_capacity(parts + 1);
        for (at, entry) in self.entries.iter().enumerate() {
            let at = u32::try_from(at).expect("there are fewer than 2^32 links");
            let before_next = scale(spread(entry.fingerprint), parts) + 1;
            self.starts.resize(self.starts.len().max(before_next), at);
        }
        let end = u32::try_from(self.entries.len()).expect("there are fewer than 2^32 links");
        self.starts.resize(parts + 1, end);
    }

    /// The place of a link; the first of several that share the fingerprint.
    pub(crate) fn find(&self, fingerprint: Fingerprint) -> Option<usize> {
        let at = self.first_from(fingerprint.0);
        let entry = self.entries.get(at)?;
        (entry.fingerprint == fingerprint.0).then_some(at)
    }

    pub(crate) fn fingerprint_at(&self, at: usize) -> Fingerprint {
        Fingerprint(self.entries.get(at).map_or(0, |entry| entry.fingerprint))
    }

    pub(crate) fn digest_at(&self, at: usize) -> Digest {
        self.entries.get(at).map_or(Digest::UNKNOWN, |entry| Digest(entry.digest))
    }

    pub(crate) fn flags_at(&self, at: usize) -> u8 {
        self.flags.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn set_at(&mut self, at: usize, flags: u8) {
        if let Some(known) = self.flags.get_mut(at) {
            *known |= flags;
        }
    }

    /// Sets flags on every link that has this fingerprint; false if none has.
    pub(crate) fn set(&mut self, fingerprint: Fingerprint, flags: u8) -> bool {
        let Some(first) = self.find(fingerprint) else { return false };
        let same = self.entries.iter().skip(first);
        let count = same.take_while(|entry| entry.fingerprint == fingerprint.0).count();
        for at in first..first + count {
            self.set_at(at, flags);
        }
        true
    }

    /// Asks for the memory of these links at once, so that the waits for it overlap. Changes nothing but time.
    pub(crate) fn look_ahead(&self, fingerprints: impl Iterator<Item = Fingerprint>) {
        let touched = fingerprints.filter_map(|fingerprint| {
            let (low, high) = self.stretch(fingerprint.0);
            let middle = low + (high - low) / 2;
            Some(self.entries.get(middle)?.fingerprint ^ i64::from(*self.flags.get(middle)?))
        });
        std::hint::black_box(touched.fold(0, |all, one| all ^ one));
    }

    /// The place of the first link whose fingerprint is not smaller.
    fn first_from(&self, wanted: i64) -> usize {
        let (low, high) = self.stretch(wanted);
        let entries = self.entries.get(low..high).unwrap_or_default();
        low + entries.partition_point(|entry| entry.fingerprint < wanted)
    }

    /// Where a fingerprint stands if it is there: from here to there.
    fn stretch(&self, fingerprint: i64) -> (usize, usize) {
        let part = scale(spread(fingerprint), self.starts.len().saturating_sub(1));
        let start = |part: usize| self.starts.get(part).map_or(0, |start| *start as usize);
        (start(part), start(part + 1))
    }
}

/// A fingerprint from 0, in the same order.
fn spread(fingerprint: i64) -> u64 {
    fingerprint.cast_unsigned() ^ (1 << 63)
}

/// The share of `len` that `part` is of the whole range.
fn scale(part: u64, len: usize) -> usize {
    let product = u128::from(part) * len as u128;
    usize::try_from(product >> 64).unwrap_or(usize::MAX)
}

impl fmt::Debug for LinkIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkIndex").field("links", &self.entries.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
