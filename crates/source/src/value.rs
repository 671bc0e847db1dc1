//! The values of a field, borrowed from their batch.

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
