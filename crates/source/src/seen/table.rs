//! A set of 64-bit hashes that knows the how-manieth each of them was, in about 13 bytes a hash.

/// The upper half of each hash stands with its ordinal in one slot. The slots are in the order of the hashes, with gaps: one
/// stands at or after the place that its hash has in the whole range, so a search ends at the first greater one. The lower
/// halves stand apart, in the order of the ordinals; they are looked at where the upper halves are equal.
///
/// All of it grows in blocks, in place: memory never holds an old table beside a new one. Blocks are large, so that the system
/// gives them page by page as they fill, and they leave no holes between the short-lived memory of batches.
#[derive(Default)]
pub(super) struct Table {
    blocks: Vec<Vec<u64>>,
    /// The range of first places.
    range: usize,
    /// Behind the last slot that may be in use.
    end: usize,
    lower: Vec<Vec<u32>>,
    len: usize,
}

/// No slot in use: ordinals count from 1 there.
const EMPTY: u64 = 0;

/// Slots and lower halves of a block.
const BLOCK: usize = 1 << 17;

/// The first range.
const LEAST: usize = 1 << 10;

/// Slots behind the range, for the last hashes of all.
const TAIL: usize = 64;

impl Table {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a hash, or gives the ordinal that it got when it was added before.
    pub(super) fn insert(&mut self, hash: u64) -> Option<usize> {
        // Between 85 and 92 of a hundred slots are in use.
        if (self.len + 1) * 100 > self.range * 92 {
            self.grow((self.range + self.range / 12).max(LEAST));
        }
        let (upper, lower) = halves(hash);
        let mut at = self.first_place(hash);
        while let Some(slot) = self.slot(at)
            && slot != EMPTY
        {
            let (there, ordinal) = halves(slot);
            let ordinal = ordinal as usize - 1;
            if there == upper && self.lower_of(ordinal) == Some(lower) {
                return Some(ordinal);
            }
            if there > upper {
                break;
            }
            at += 1;
        }
        if self.len.is_multiple_of(BLOCK) {
            self.lower.push(Vec::with_capacity(BLOCK));
        }
        self.lower.last_mut().expect("a block was added").push(lower);
        self.len += 1;
        let ordinal = u32::try_from(self.len).expect("a source has fewer than 2^32 keys");
        self.place(at, u64::from(upper) << 32 | u64::from(ordinal));
        None
    }

    /// Makes room for so many hashes at once, of which each else would be moved again and again.
    pub(super) fn reserve(&mut self, hashes: usize) {
        let range = hashes.saturating_mul(100) / 91;
        if range > self.range {
            self.grow(range);
        }
    }

    /// The slot where the search for a hash begins.
    pub(super) fn first_slot(&self, hash: u64) -> u64 {
        self.slot(self.first_place(hash)).unwrap_or(EMPTY)
    }

    /// The share of the range that a hash has, which keeps the order.
    fn first_place(&self, hash: u64) -> usize {
        let (upper, _) = halves(hash);
        usize::try_from((u64::from(upper) * self.range as u64) >> 32).unwrap_or(usize::MAX)
    }

    fn slot(&self, at: usize) -> Option<u64> {
        self.blocks.get(at / BLOCK)?.get(at % BLOCK).copied()
    }

    fn set(&mut self, at: usize, slot: u64) {
        self.blocks[at / BLOCK][at % BLOCK] = slot;
    }

    fn lower_of(&self, ordinal: usize) -> Option<u32> {
        self.lower.get(ordinal / BLOCK)?.get(ordinal % BLOCK).copied()
    }

    /// Puts a slot at this position and moves those behind it, up to the next gap.
    fn place(&mut self, at: usize, slot: u64) {
        let (mut carried, mut from) = (slot, at % BLOCK);
        for (number, block) in self.blocks.iter_mut().enumerate().skip(at / BLOCK) {
            let gap = block[from..].iter().position(|slot| *slot == EMPTY);
            let last = gap.map_or(BLOCK - 1, |gap| from + gap);
            let moved = std::mem::replace(&mut block[last], carried);
            block[from..=last].rotate_right(1);
            if moved == EMPTY {
                self.end = self.end.max(number * BLOCK + last + 1);
                return;
            }
            (carried, from) = (moved, 0);
        }
        self.end = self.blocks.len() * BLOCK + 1;
        self.make_room();
        self.set(self.end - 1, carried);
    }

    fn grow(&mut self, range: usize) {
        self.range = range;
        self.end = self.end.max(self.range + TAIL);
        self.make_room();
        self.gather();
        while !self.spread() {
            self.end += TAIL;
            self.make_room();
            self.gather();
        }
    }

    fn make_room(&mut self) {
        while self.blocks.len() * BLOCK < self.end {
            self.blocks.push(vec![EMPTY; BLOCK]);
        }
    }

    /// Moves all slots to the end, in their order.
    fn gather(&mut self) {
        let mut to = self.end;
        for from in (0..self.end).rev() {
            let slot = self.slot(from).unwrap_or(EMPTY);
            if slot != EMPTY {
                to -= 1;
                self.set(from, EMPTY);
                self.set(to, slot);
            }
        }
    }

    /// Moves each slot from the end to its first place, or right behind the one before it. `false`: one of the last has no
    /// room there.
    fn spread(&mut self) -> bool {
        let mut next = 0;
        for from in self.end - self.len..self.end {
            let slot = self.slot(from).unwrap_or(EMPTY);
            let to = self.first_place(slot).max(next);
            if to > from {
                return false;
            }
            self.set(from, EMPTY);
            self.set(to, slot);
            next = to + 1;
        }
        true
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are what is asked for")]
fn halves(whole: u64) -> (u32, u32) {
    ((whole >> 32) as u32, whole as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert_all(hashes: impl Iterator<Item = u64> + Clone) -> Table {
        let mut table = Table::default();
        for (ordinal, hash) in hashes.clone().enumerate() {
            assert_eq!(table.insert(hash), None, "{ordinal}");
        }
        for (ordinal, hash) in hashes.enumerate() {
            assert_eq!(table.insert(hash), Some(ordinal));
        }
        table
    }

    #[test]
    fn hashes_take_thirteen_bytes_each() {
        // An odd number times a counter visits every hash once, spread over the range.
        let table = insert_all((1..=200_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let slots = table.end * size_of::<u64>();
        let lower = table.len() * size_of::<u32>();
        let bytes = (slots + lower) as f64 / 200_000.0;
        assert!(bytes < 13.6, "{bytes} bytes a hash");
    }

    #[test]
    fn room_that_was_made_before_is_used_whether_it_is_enough_or_not() {
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (first, expected) in [(0, 50_000), (3_000, 49_000), (2_000, 20_000), (10, 0)] {
            let mut table = Table::default();
            for n in 1..=first {
                assert_eq!(table.insert(hash(n)), None);
            }
            table.reserve(expected);
            for n in 1..=first {
                assert_eq!(table.insert(hash(n)), usize::try_from(n - 1).ok());
            }
            for n in first + 1..=50_000 {
                assert_eq!(table.insert(hash(n)), None);
            }
            for n in 1..=50_000 {
                assert_eq!(table.insert(hash(n)), usize::try_from(n - 1).ok());
            }
            let bytes = (table.end * size_of::<u64>()) as f64 / 50_000.0;
            assert!(bytes < 9.6, "{bytes} bytes of slots a hash");
        }
    }

    #[test]
    fn hashes_that_share_a_half_are_told_apart() {
        insert_all((0..3000_u64).flat_map(|n| [n, n << 32 | 1 << 31, u64::MAX - n]).skip(1));
        insert_all((0..9000).map(|n| 7 << 32 | n));
    }

    #[test]
    fn hashes_at_the_very_end_find_room() {
        insert_all((0..20_000).map(|n| u64::MAX - (n << 20)));
    }
}
