//! The links as a run needs them while it reads: fingerprint and digest, 17 bytes a link. Keys and ids stay in the state.

use std::fmt;

use crate::{Digest, Fingerprint, Standing};

/// Links by fingerprint.
///
/// Fingerprints are hashes, so the place of one is almost its share of the range: a search takes about four probes among
/// a million links. On fingerprints that are no hashes it is still logarithmic.
#[derive(Clone, Default)]
pub struct LinkIndex {
    entries: Vec<Entry>,
    flags: Vec<u8>,
    unsorted: bool,
}

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
        self.entries.push(entry);
        self.flags.push(deactivated | if absent { flag::ABSENT } else { 0 });
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

    /// Puts the links in order and marks shared fingerprints. Before the first search.
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

    /// The place of the first link whose fingerprint is not smaller.
    fn first_from(&self, wanted: i64) -> usize {
        let len = self.entries.len();
        let Some(last) = len.checked_sub(1) else { return 0 };
        let mut guess = scale(spread(wanted), len).min(last);
        // Each step leaves about the square root of the distance.
        for _ in 0..3 {
            let there = self.entry(guess);
            let distance = scale(spread(wanted).abs_diff(spread(there)), len);
            if distance == 0 {
                break;
            }
            guess = if wanted > there {
                (guess + distance).min(last)
            } else {
                guess.saturating_sub(distance)
            };
        }
        // Doubling steps enclose the place, whatever the guess was worth.
        let mut step = 1;
        let (mut low, mut high) = (guess, guess);
        if self.entry(guess) < wanted {
            while high < len && self.entry(high) < wanted {
                low = high + 1;
                high = (high + step).min(len);
                step *= 2;
            }
        } else {
            while low > 0 && self.entry(low - 1) >= wanted {
                high = low - 1;
                low = low.saturating_sub(step);
                step *= 2;
            }
        }
        let range = self.entries.get(low..high).unwrap_or_default();
        low + range.partition_point(|entry| entry.fingerprint < wanted)
    }

    fn entry(&self, at: usize) -> i64 {
        self.entries.get(at).map_or(i64::MAX, |entry| entry.fingerprint)
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
