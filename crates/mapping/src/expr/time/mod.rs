//! Times as text and back: ISO 8601, the forms that .NET describes, and the forms that it reads without being told. No clock and
//! no time zone names; a time without an offset is UTC.

mod culture;
mod form;
mod general;

use jiff::civil;
use jiff::tz::TimeZone;
use peoplesync_source::Timestamp;

pub(crate) use self::culture::Culture;
pub(crate) use self::form::{Form, Spaces};
pub(crate) use self::general::{read, write};

/// Reads `2026-01-31`, `2026-01-31T08:30:00`, `2026-01-31T08:30:00.5+01:00` and `2026-01-31+01:00`.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    // Nothing else is tried for text that cannot be a time: comparisons of ordinary text come here.
    let digits = text.bytes().take(4).filter(u8::is_ascii_digit).count();
    if digits < 4 || !text.is_ascii() || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    const DATE: usize = "2026-01-31".len();
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) if text.len() == DATE => {
            return utc(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0));
        }
        Err(_) => match text.split_at_checked(DATE) {
            // A date with an offset, as HR systems write it.
            Some((date, offset)) if offset.starts_with(['+', '-', 'Z']) => {
                format!("{date}T00:00:00{offset}").parse().ok()?
            }
            _ if text.contains(['+', 'Z', 'z', '[']) => return None,
            _ => return utc(text.parse::<civil::DateTime>().ok()?),
        },
    };
    Some(Timestamp(time.as_millisecond()))
}

/// `2026-01-31T08:30:00Z`, with a fraction only where there is one. Times beyond the year 9999 come out as the last
/// that can be written.
pub(crate) fn format(time: Timestamp) -> String {
    clamped(time).to_string()
}

/// The date and the time of day in UTC.
pub(crate) fn civil(time: Timestamp) -> civil::DateTime {
    TimeZone::UTC.to_datetime(clamped(time))
}

/// The point in time that is this date and time of day in UTC.
pub(crate) fn utc(time: civil::DateTime) -> Option<Timestamp> {
    let moment = TimeZone::UTC.to_timestamp(time).ok()?;
    Some(Timestamp(moment.as_millisecond()))
}

fn clamped(time: Timestamp) -> jiff::Timestamp {
    let (first, last) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
    let clamped = time.0.clamp(first.as_millisecond(), last.as_millisecond());
    jiff::Timestamp::from_millisecond(clamped).unwrap_or(last)
}

#[cfg(test)]
mod tests;
