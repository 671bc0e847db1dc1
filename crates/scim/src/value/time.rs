//! Reads the times of SCIM (RFC 7643 §2.3.5) as instants. No clock, no time zone names.

use std::fmt;

/// A moment, comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) seconds: i64,
    /// Nanoseconds after that second.
    pub(crate) nanos: u32,
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds, self.nanos)
    }
}

/// Reads `2026-01-31T08:30:00.5+01:00`; without a zone the time is UTC.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    let mut reader = Reader(text.as_bytes());
    let year = reader.digits(4)?;
    reader.symbol(b"-")?;
    let month = reader.digits(2)?;
    reader.symbol(b"-")?;
    let day = reader.digits(2)?;
    reader.symbol(b"Tt")?;
    let hour = reader.digits(2)?;
    reader.symbol(b":")?;
    let minute = reader.digits(2)?;
    reader.symbol(b":")?;
    let second = reader.digits(2)?;
    let nanos = if reader.symbol(b".").is_some() { reader.fraction()? } else { 0 };
    let offset = reader.offset()?;
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid || !reader.0.is_empty() {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(Instant { seconds, nanos })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn symbol(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        let found = allowed.contains(first).then_some(*first)?;
        self.0 = rest;
        Some(found)
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        (0..count).try_fold(0, |number, _| {
            Some(number * 10 + i64::from(self.symbol(b"0123456789")? - b'0'))
        })
    }

    /// Digits after the point; more than nine are dropped.
    fn fraction(&mut self) -> Option<u32> {
        let mut nanos = 0;
        let mut scale = 100_000_000;
        let mut any = false;
        while let Some(digit) = self.symbol(b"0123456789") {
            nanos += u32::from(digit - b'0') * scale;
            scale /= 10;
            any = true;
        }
        any.then_some(nanos)
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.symbol(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.symbol(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        self.symbol(b":")?;
        let minutes = self.digits(2)?;
        (hours <= 14 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// The moment so many seconds after 1970, as the RFC writes it.
pub(crate) fn write(seconds: i64) -> String {
    let (day_number, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The year from its average length may be one off, the month is found by looking.
    let mut year = 1970 + day_number.div_euclid(366);
    while days(year + 1, 1, 1) <= day_number {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) <= day_number {
        month += 1;
    }
    let day = day_number - days(year, month, 1) + 1;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
