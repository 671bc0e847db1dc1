//! Times as text and back: ISO 8601. No clock and no time zone names.

use jiff::civil;
use jiff::tz::TimeZone;
use peoplesync_source::Timestamp;

/// Reads `2026-01-31`, `2026-01-31T08:30:00` and `2026-01-31T08:30:00.5+01:00`; without a zone the time is UTC.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    // Nothing else is tried for text that cannot be a time: comparisons of ordinary text come here.
    let digits = text.bytes().take(4).filter(u8::is_ascii_digit).count();
    if digits < 4 || !text.is_ascii() || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let utc =
        |time: civil::DateTime| time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) if text.len() == "2026-01-31".len() => {
            utc(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0))?
        }
        Err(_) if text.contains(['+', 'Z', 'z', '[']) => return None,
        Err(_) => utc(text.parse::<civil::DateTime>().ok()?)?,
    };
    Some(Timestamp(time.as_millisecond()))
}

/// `2026-01-31T08:30:00Z`, with a fraction only where there is one. Times beyond the year 9999 come out as the last
/// that can be written.
pub(crate) fn format(time: Timestamp) -> String {
    let (first, last) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
    let clamped = time.0.clamp(first.as_millisecond(), last.as_millisecond());
    jiff::Timestamp::from_millisecond(clamped).unwrap_or(last).to_string()
}
