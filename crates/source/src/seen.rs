//! The keys that a pass has given so far, so that a repeated one is found, and the place of the first is known (C5).
//! Not a store of keys: it cannot list them.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::{Origin, Rejected};

/// Remembers keys in about 22 bytes each, whatever their length.
///
/// A key is kept as 80 bits of keyed hashes, so among a million keys a false repetition has a chance of one in 10¹². An
/// origin that is a line or a cell fits in the same 16 bytes; a named entry is kept as its text beside them.
pub struct Seen {
    hashers: [RandomState; 2],
    /// Hash and packed origin, in the order of the hashes, with gaps: a slot stands at or after the place that its hash
    /// has in the whole range, so a search ends at the first greater one.
    slots: Vec<u128>,
    /// The range of first places; `slots` may be longer.
    range: usize,
    len: usize,
    names: Vec<Arc<str>>,
    others: Vec<Origin>,
}

/// A key as [`Seen`] knows it: its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print(u128);

const EMPTY: u128 = u128::MAX;
const PLACE_BITS: u32 = 48;
const PLACE: u128 = (1 << PLACE_BITS) - 1;

// A packed origin: two bits of kind, ten of name, and the rest.
const NAMES: usize = 1 << 10;
const ROWS: u64 = 1 << 36;
const CELL_ROWS: u64 = 1 << 21;
const NO_COLUMN: u64 = (1 << 15) - 1;
const KIND_ROW: u64 = 0;
const KIND_CELL: u64 = 1;
const KIND_OTHER: u64 = 2;

impl Seen {
    /// No key yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            slots: Vec::new(),
            range: 0,
            len: 0,
            names: Vec::new(),
            others: Vec::new(),
        }
    }

    /// How many different keys were seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no key was seen yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Remembers a key and its place. White space around the key is not part of it. If the key was seen before, gives
    /// the place where that was, and keeps that place.
    pub fn insert(&mut self, key: &str, origin: &Origin) -> Option<Origin> {
        self.insert_print(self.print(key), origin)
    }

    /// The rejection of an entry whose key was seen before, naming both places. `None` if the key is new; it is then
    /// remembered.
    pub fn rejection(&mut self, key: &str, origin: &Origin) -> Option<Rejected> {
        self.rejection_of(self.print(key), key, origin)
    }

    /// The print of a key, for [`look_ahead`](Self::look_ahead) and [`rejection_of`](Self::rejection_of). It holds for this
    /// `Seen` only.
    #[must_use]
    pub fn print(&self, key: &str) -> Print {
        let key = key.trim();
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one(key));
        Print(u128::from(high) << 16 | u128::from(low >> 48))
    }

    /// Says that these keys come next. Changes nothing but time: with a million keys most of the work is waiting for memory, and
    /// here the waits overlap.
    pub fn look_ahead(&self, prints: &[Print]) {
        let slots = prints.iter().filter_map(|print| self.slots.get(self.first_place(print.0)));
        std::hint::black_box(slots.fold(0, |all, slot| all ^ slot));
    }

    /// The same as [`rejection`](Self::rejection) for a key whose print is known.
    pub fn rejection_of(&mut self, print: Print, key: &str, origin: &Origin) -> Option<Rejected> {
        let first = self.insert_print(print, origin)?;
        let key = key.trim();
        Some(Rejected::new(origin.clone(), format!("key {key} is also at {first}")).with_key(key))
    }

    fn insert_print(&mut self, Print(print): Print, origin: &Origin) -> Option<Origin> {
        if (self.len + 1) * 8 > self.range * 7 {
            self.grow();
        }
        let mut at = self.first_place(print);
        while let Some(&slot) = self.slots.get(at)
            && slot != EMPTY
            && slot >> PLACE_BITS <= print
        {
            if slot >> PLACE_BITS == print {
                return Some(self.unpack(slot & PLACE));
            }
            at += 1;
        }
        let place = self.pack(origin);
        self.place(at, print << PLACE_BITS | u128::from(place));
        self.len += 1;
        None
    }

    /// Where the search for this hash begins: its share of the range, which keeps the order.
    fn first_place(&self, print: u128) -> usize {
        let share = (print >> 16) * self.range as u128;
        usize::try_from(share >> 64).unwrap_or(usize::MAX)
    }

    /// Puts a slot at this position and moves those behind it, up to the next gap.
    fn place(&mut self, mut at: usize, slot: u128) {
        let mut carried = slot;
        while let Some(there) = self.slots.get_mut(at) {
            std::mem::swap(there, &mut carried);
            if carried == EMPTY {
                return;
            }
            at += 1;
        }
        self.slots.push(carried);
    }

    fn grow(&mut self) {
        self.range = (self.range + self.range / 2).max(1024);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; self.range]);
        // In order, each goes to its first place or right behind the one before it.
        let mut next = 0;
        for slot in old.into_iter().filter(|slot| *slot != EMPTY) {
            let at = self.first_place(slot >> PLACE_BITS).max(next);
            self.place(at, slot);
            next = at + 1;
        }
    }

    fn pack(&mut self, origin: &Origin) -> u64 {
        let (kind, name, rest) = match origin {
            Origin::Row { file, row } if *row < ROWS => (KIND_ROW, self.name(file), *row),
            Origin::Cell { sheet, row, column } if u64::from(*row) < CELL_ROWS => {
                let column = column.map_or(NO_COLUMN, u64::from);
                let name = if column > NO_COLUMN { None } else { self.name(sheet) };
                (KIND_CELL, name, u64::from(*row) << 15 | column)
            }
            _ => (KIND_OTHER, None, 0),
        };
        if let Some(name) = name {
            return kind << 46 | name << 36 | rest;
        }
        self.others.push(origin.clone());
        KIND_OTHER << 46 | (self.others.len() as u64 - 1)
    }

    /// The index of a file or sheet name, as long as there is room for one more.
    fn name(&mut self, name: &Arc<str>) -> Option<u64> {
        let known = self.names.iter().rposition(|known| known == name);
        if known.is_none() && self.names.len() == NAMES {
            return None;
        }
        Some(known.unwrap_or_else(|| {
            self.names.push(Arc::clone(name));
            self.names.len() - 1
        }) as u64)
    }

    fn unpack(&self, place: u128) -> Origin {
        let place = u64::try_from(place).expect("a place has 48 bits");
        let index = |index: u64| usize::try_from(index).expect("an index of this process");
        let name = || Arc::clone(&self.names[index(place >> 36 & (NAMES as u64 - 1))]);
        let rest = place & (ROWS - 1);
        match place >> 46 {
            KIND_ROW => Origin::Row { file: name(), row: rest },
            KIND_CELL => Origin::Cell {
                sheet: name(),
                row: u32::try_from(rest >> 15).expect("21 bits"),
                column: u16::try_from(rest & NO_COLUMN)
                    .ok()
                    .filter(|column| u64::from(*column) != NO_COLUMN),
            },
            _ => self.others[index(place & ((1 << 46) - 1))].clone(),
        }
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_new_once_and_its_first_place_is_kept() {
        let mut seen = Seen::new();
        let count = 200_000;
        for row in 1..=count {
            let origin = Origin::row("people.csv", row);
            assert_eq!(seen.insert(&format!("key-{row}"), &origin), None, "key-{row}");
        }
        for row in 1..=count {
            let again = Origin::row("more.csv", row + 7);
            let first = seen.insert(&format!(" key-{row} "), &again);
            assert_eq!(first, Some(Origin::row("people.csv", row)));
        }
        assert_eq!(seen.len(), usize::try_from(count).unwrap());
        let slots_per_key = seen.slots.len() as f64 / count as f64;
        assert!(slots_per_key < 1.75, "{slots_per_key} slots a key");
    }

    #[test]
    fn every_kind_of_origin_comes_back_as_it_was() {
        let sheet = |row, column| Origin::Cell { sheet: "p.xlsx!HR".into(), row, column };
        let mut origins = vec![
            Origin::row("people.csv", 1),
            Origin::row("people.csv", ROWS - 1),
            Origin::row("people.csv", ROWS),
            sheet(1, None),
            sheet(1_048_576, Some(0)),
            sheet(1_048_576, Some(16_383)),
            sheet(u32::MAX, Some(3)),
            sheet(5, Some(u16::MAX)),
            Origin::entry("uid=zoe,dc=example"),
        ];
        origins.extend((0..2 * NAMES as u64).map(|n| Origin::row(format!("{n}.csv"), n)));
        let mut seen = Seen::default();
        for (n, origin) in origins.iter().enumerate() {
            assert_eq!(seen.insert(&n.to_string(), origin), None);
        }
        for (n, origin) in origins.iter().enumerate() {
            assert_eq!(seen.insert(&n.to_string(), &Origin::entry("x")).as_ref(), Some(origin));
        }
    }

    #[test]
    fn a_repetition_names_both_places() {
        let mut seen = Seen::new();
        assert_eq!(seen.rejection("7", &Origin::row("people.csv", 3)), None);
        let rejected = seen.rejection(" 7", &Origin::row("people.csv", 9)).unwrap();
        assert_eq!(rejected.origin.to_string(), "people.csv:9");
        assert_eq!(rejected.reason, "key 7 is also at people.csv:3");
        assert_eq!(rejected.key.unwrap().as_str(), "7");

        let prints = ["7", "8"].map(|key| seen.print(key));
        seen.look_ahead(&prints);
        assert!(seen.rejection_of(prints[0], "7", &Origin::row("people.csv", 10)).is_some());
        assert_eq!(seen.rejection_of(prints[1], "8", &Origin::row("people.csv", 11)), None);
    }
}
