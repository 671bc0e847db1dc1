//! The values of a field, borrowed from their batch; and what can be said of them before they are read.

use std::collections::BTreeMap;

/// One value as the source has it. Nothing is guessed: a CSV file has text only, a directory text and bytes, a
/// spreadsheet also numbers, dates and booleans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text, never re-encoded or trimmed by the contract. An empty cell of a table is no value, not an empty text.
    Text(&'a str),
    /// Bytes that are not text, such as a photo or a raw objectGUID.
    Bytes(&'a [u8]),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// True or false.
    Boolean(bool),
    /// A point in time.
    Timestamp(Timestamp),
}

/// What a field holds, where the structure of a source says it before anything is read: its schema, its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// The text of a table's cell, which has nothing but text: it may be that of a number, a time, of true or false.
    Cell,
    /// Text, where the source tells text from the types below.
    Text,
    /// Bytes that are not text.
    Bytes,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// True or false.
    Boolean,
    /// A point in time.
    Timestamp,
    /// Several values, of whatever type. A field that merely may have more than one value is none.
    List,
}

/// Fields, each with what it holds. One that is not named may hold anything.
pub type FieldTypes = BTreeMap<String, FieldType>;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(i64::from(days) * 86_400_000))
    }
}
