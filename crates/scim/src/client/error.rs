//! What can go wrong between the client and a target, sorted by what a caller can do about it.
//! The table from a reply to a kind is here; whether a request is sent again is `retry`'s matter.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::cause::TlsFailure;
use crate::error::ScimError;

/// What kind of failure it is. Each asks for something else of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The client's own configuration cannot work: a bad URL, plain http, an impossible token.
    Config,
    /// No connection, or it was lost before a whole reply was read.
    Unreachable,
    /// The target did not answer within the time limit (or said 408 itself).
    Timeout,
    /// 401 or 403: the credentials are missing, wrong or not enough.
    Denied,
    /// A SCIM 404: the resource surely is not there. A 404 that does not come from the SCIM
    /// service (an HTML page of a proxy, a method that is not served) is [`Kind::Refused`].
    NotFound,
    /// 409: a resource with the same unique value exists (RFC 7644 §3.3), or a version clash.
    Conflict,
    /// 412: a precondition of the target does not hold.
    Precondition,
    /// The reply is larger than [`max_response_bytes`](super::ClientConfig::max_response_bytes).
    TooLarge,
    /// The reply is not what the protocol says: HTML, cut-off JSON, not HTTP at all.
    Malformed,
    /// 429: too many requests, still so after all retries.
    Throttled,
    /// Any other refusal: the remaining 4xx, and redirects, which are never followed.
    Refused,
    /// 5xx.
    Server,
    /// The resource was created, but the reply told no id.
    NoId,
}

/// A request that failed, or a client that cannot be built.
///
/// `Display` is one line that names the request, what the target said and the status; it never
/// repeats the [`source`](Error::source), and holds neither credentials nor query values.
#[derive(Debug)]
pub struct ClientError {
    /// What kind of failure it is.
    pub kind: Kind,
    /// Whether the same request may well succeed later, unchanged.
    pub retryable: bool,
    /// Whether the write may have happened all the same: look the resource up before it is
    /// written again. Always `false` for reads.
    pub ambiguous: bool,
    /// The HTTP status, if a reply came.
    pub status: Option<u16>,
    /// The request, such as `POST /Users`; empty when the client could not be built.
    pub request: String,
    /// What happened, as a fragment without the request and the status.
    pub message: String,
    /// The error body, if the target sent one that could be read.
    pub scim: Option<Box<ScimError>>,
    /// What the profile of the target says about such an error, for administrators.
    pub hint: Option<String>,
    /// What was wrong with TLS, if that is why the target was not reached.
    pub tls: Option<TlsFailure>,
    /// How long the target asks to wait (`Retry-After`), where it does.
    pub retry_after: Option<Duration>,
    /// The number that the target gave to the request, by which its operators find it.
    pub request_id: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ClientError {
    /// Whether the target does not serve this kind of request at all: 405, 501, or a 404 that
    /// does not come from the SCIM service. After a PATCH, this is the sign to fall back to PUT.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!((self.kind, self.status), (_, Some(405 | 501)) | (Kind::Refused, Some(404)))
    }

    /// The answer to a POST names a resource that was there before: whether another one was created is not known.
    #[must_use]
    pub fn somebody_elses(resource: crate::Resource) -> Self {
        let message = "the answer names an account that belongs to somebody else";
        let request = format!("POST {}", resource.endpoint());
        Self::new(Kind::NoId, message).with_ambiguous(true).of(&request)
    }

    /// Whether a resource exists cannot be told: the target does not search by what is known of it, and its list proves nothing.
    #[must_use]
    pub fn list_ended(resource: crate::Resource) -> Self {
        let message = "the target cannot search, and its list ended early";
        Self::new(Kind::Refused, message).of(&format!("GET {}", resource.endpoint()))
    }

    /// A group is answered without the members that it has, so that to replace it would take out everybody whom a PUT does not
    /// name; none was sent.
    #[must_use]
    pub fn members_not_told() -> Self {
        let message = "a group is replaced as a whole here, and is answered without its members: whoever is not named would go, so nothing was written";
        Self::new(Kind::Malformed, message).of("PUT /Groups")
    }

    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            retryable: false,
            ambiguous: false,
            status: None,
            request: String::new(),
            message: message.into(),
            scim: None,
            hint: None,
            tls: None,
            retry_after: None,
            request_id: None,
            source: None,
        }
    }

    pub(super) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same for another one whom it concerns, without its cause.
    pub(super) fn once_more(&self) -> Self {
        Self {
            request: self.request.clone(),
            message: self.message.clone(),
            scim: self.scim.clone(),
            hint: self.hint.clone(),
            tls: self.tls,
            request_id: self.request_id.clone(),
            source: None,
            ..*self
        }
    }

    pub(super) fn of(mut self, request: &str) -> Self {
        request.clone_into(&mut self.request);
        self
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(super) fn with_tls(mut self, failure: TlsFailure) -> Self {
        self.tls = Some(failure);
        self
    }

    pub(super) fn with_retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    pub(super) fn with_ambiguous(mut self, ambiguous: bool) -> Self {
        self.ambiguous = ambiguous;
        self
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.request.is_empty() {
            write!(f, "{}: ", self.request)?;
        }
        f.write_str(&self.message)?;
        if let Some(status) = self.status {
            write!(f, " (status {status}")?;
            if let Some(scim_type) = self.scim.as_ref().and_then(|scim| scim.scim_type.as_deref()) {
                write!(f, ", {scim_type}")?;
            }
            f.write_str(")")?;
        }
        if self.ambiguous {
            f.write_str("; it may have been done all the same")?;
        }
        Ok(())
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
