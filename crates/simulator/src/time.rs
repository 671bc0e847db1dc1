//! Time as a parameter, and the two ways in which it is written.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// 2026-01-01T00:00:00Z.
const STANDING: i64 = 1_767_225_600_000;

/// Where the present comes from: milliseconds since 1970.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    pub(crate) fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond((self.0)()).unwrap_or_default()
    }

    /// The present as in `meta.created`: `2026-01-01T00:00:00Z`.
    pub(crate) fn text(&self) -> String {
        self.now().to_string()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(|| STANDING)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.text())
    }
}

/// As in the headers `Date` and `Retry-After` (RFC 9110 §5.6.7).
pub(crate) fn http_date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .unwrap_or_default()
}
