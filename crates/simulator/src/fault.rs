//! Faults: requests that go wrong on purpose, chosen one by one by a hook.
//! Limits and quirks that hold for all requests are behaviour.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::recorded::Request;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is done; the answer is a SCIM error with this status.
    Answer {
        /// The HTTP status, such as 429 or 503.
        status: u16,
        /// The header `Retry-After`.
        retry_after: Option<RetryAfter>,
    },
    /// Nothing is done, and the connection is closed without an answer.
    DropBefore,
    /// The request is carried out, and the connection is closed without an answer.
    DropAfter,
    /// The request is carried out; the answer comes after this time.
    LateAnswer(Duration),
    /// Nothing is done; the answer is a page for people, as of something that stands before the service.
    Page {
        /// The HTTP status, such as 502.
        status: u16,
    },
    /// The request is carried out; the body of the answer ends in its middle, as if that were all.
    Truncated,
    /// The request is carried out; its answer comes twice.
    Twice,
}

impl Fault {
    /// A status without `Retry-After`.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer { status, retry_after: None }
    }
}

/// The two forms of the header `Retry-After` (RFC 9110 §10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u32),
    /// A date, so many seconds after the header `Date` of the same answer.
    Date(u32),
}

/// Decides for each request whether it goes wrong. It sees the request before it is carried out.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Hook>);

type Hook = dyn Fn(&Request) -> Option<Fault> + Send + Sync;

impl Faults {
    pub(crate) fn new(hook: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(crate) fn of(&self, request: &Request) -> Option<Fault> {
        (self.0)(request)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults(..)")
    }
}
