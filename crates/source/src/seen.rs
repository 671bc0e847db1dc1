//! The keys that a pass has given so far, so that a repeated one is found, and the place of the first is known (C5).
//! Not a store of keys: it cannot list them.

mod places;
mod table;

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use self::places::Places;
use self::table::Table;
use crate::{Origin, Rejected};

/// Remembers keys in about 13 bytes each, whatever their length.
///
/// A key is kept as 64 bits of a hash with a key of its own, so among a million keys a false repetition has a chance of one in
/// 3.7 × 10⁷, and nobody can prepare one. It would cost one person one run: the next has another key. Places that follow each other
/// (lines of a file, rows of a sheet) cost nothing, others eight bytes; a named entry is kept as its text.
pub struct Seen {
    hasher: RandomState,
    table: Table,
    places: Places,
}

/// A key as [`Seen`] knows it: its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print(u64);

impl Seen {
    /// No key yet.
    #[must_use]
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), table: Table::default(), places: Places::default() }
    }

    /// How many different keys were seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no key was seen yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says that there will be about so many keys in all. Changes nothing but time: without it, room is made little by little.
    /// Where more are said than come, they take their eight bytes each.
    pub fn expect(&mut self, keys: usize) {
        self.table.reserve(keys);
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
        Print(self.hasher.hash_one(key.trim()))
    }

    /// Says that these keys come next. Changes nothing but time: with a million keys most of the work is waiting for memory, and
    /// here the waits overlap.
    pub fn look_ahead(&self, prints: &[Print]) {
        let slots = prints.iter().map(|print| self.table.first_slot(print.0));
        std::hint::black_box(slots.fold(0, |all, slot| all ^ slot));
    }

    /// The same as [`rejection`](Self::rejection) for a key whose print is known.
    pub fn rejection_of(&mut self, print: Print, key: &str, origin: &Origin) -> Option<Rejected> {
        let first = self.insert_print(print, origin)?;
        let key = key.trim();
        Some(Rejected::new(origin.clone(), format!("key {key} is also at {first}")).with_key(key))
    }

    fn insert_print(&mut self, Print(print): Print, origin: &Origin) -> Option<Origin> {
        match self.table.insert(print) {
            None => {
                self.places.push(origin);
                None
            }
            Some(ordinal) => self.places.get(ordinal),
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
        f.debug_struct("Seen").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_new_once_and_its_first_place_is_kept() {
        let mut seen = Seen::new();
        let count = 20_000;
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
    }

    #[test]
    fn every_kind_of_origin_comes_back_as_it_was() {
        let sheet = |row, column| Origin::Cell { sheet: "p.xlsx!HR".into(), row, column };
        let mut origins = vec![
            Origin::row("people.csv", 1),
            Origin::row("people.csv", (1 << 36) - 1),
            Origin::row("people.csv", u64::MAX),
            sheet(1, None),
            sheet(1_048_576, Some(0)),
            sheet(1_048_576, Some(16_383)),
            sheet(u32::MAX, Some(3)),
            sheet(5, Some(u16::MAX)),
            Origin::entry("uid=zoe,dc=example"),
        ];
        origins.extend((0..2048).map(|n| Origin::row(format!("{n}.csv"), n)));
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
