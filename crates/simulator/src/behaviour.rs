//! What this service provider supports and insists on: the knobs by which it becomes like another one.
//! Single requests that go wrong are not behaviour but faults.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::quirks::Quirks;

/// How the service provider behaves. The default is strict, complete and quick.
///
/// It can be read from a config; what is missing there is as in the default, and an unknown name is an error.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Resources on a page when the client does not say how many.
    pub default_page: usize,
    /// Most resources on a page, whatever the client asks for.
    pub max_page: usize,
    /// Whether PATCH is served; otherwise it is answered with 501.
    pub patch: bool,
    /// Whether a PATCH is answered with 204 and no body, where the client does not ask for attributes.
    pub patch_without_body: bool,
    /// Whether resources have versions, and `If-Match` and `If-None-Match` count.
    pub etag: bool,
    /// Whether filters are served; otherwise they are answered with 400 `invalidFilter`.
    pub filter: bool,
    /// Whether `sortBy` counts; otherwise it is not regarded (RFC 7644 §3.4.2.3).
    pub sort: bool,
    /// Whether two resources may not have the same `externalId`. Two users never have the same `userName`.
    pub unique_external_id: bool,
    /// Whether the members of a group must exist. If so, a deleted resource leaves its groups as well.
    pub check_members: bool,
    /// The bearer token that each request must carry.
    pub bearer: Option<String>,
    /// How long each request waits before anything is done, in milliseconds.
    pub latency_ms: u64,
    /// Largest body of a request, in bytes; a larger one is answered with 413.
    pub max_body: usize,
    /// How bulk requests are served; none: they are answered with 501.
    pub bulk: Option<Bulk>,
    /// Habits that no RFC has.
    pub quirks: Quirks,
}

/// How bulk requests are served (RFC 7644 §3.7).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bulk {
    /// Most operations in one request; more are answered with 413.
    pub max_operations: usize,
    /// Largest body of one, in bytes; a larger one is answered with 413.
    pub max_payload: usize,
    /// Whether an operation that was done is answered with the resource, and not with its place and status alone.
    pub bodies: bool,
}

impl Default for Bulk {
    fn default() -> Self {
        Self { max_operations: 1000, max_payload: 1024 * 1024, bodies: false }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            default_page: 100,
            max_page: 1000,
            patch: true,
            patch_without_body: false,
            etag: true,
            filter: true,
            sort: true,
            unique_external_id: false,
            check_members: true,
            bearer: None,
            latency_ms: 0,
            max_body: 4 * 1024 * 1024,
            bulk: None,
            quirks: Quirks::default(),
        }
    }
}

impl Behaviour {
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }
}

impl fmt::Debug for Behaviour {
    /// The token is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("default_page", &self.default_page)
            .field("max_page", &self.max_page)
            .field("patch", &self.patch)
            .field("patch_without_body", &self.patch_without_body)
            .field("etag", &self.etag)
            .field("filter", &self.filter)
            .field("sort", &self.sort)
            .field("unique_external_id", &self.unique_external_id)
            .field("check_members", &self.check_members)
            .field("bearer", &self.bearer.as_ref().map(|_| "***"))
            .field("latency_ms", &self.latency_ms)
            .field("max_body", &self.max_body)
            .field("bulk", &self.bulk)
            .field("quirks", &self.quirks)
            .finish()
    }
}
