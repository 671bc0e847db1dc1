//! What a reply means: success, a SCIM error, or something that did not come from the SCIM service.
//! Judging only; nothing is sent from here.

use serde_json::Value as Json;

use crate::error::ScimError;
use crate::resource::member;
use crate::urn;
use crate::value::reference_id;

use super::error::{ClientError, Kind};
use super::retry::{self, Sent};

/// One reply, read to its end or to the limit.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) date: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) body: Vec<u8>,
    /// The body as JSON, where it was small and a success, and so had to be read to see whether it is one.
    pub(super) parsed: Option<Json>,
    /// Whether the request carried references to what was created along with it.
    pub(super) linked: bool,
}

impl Reply {
    /// The body as JSON; `None` if there is none. Taken out, so that a body is read once.
    ///
    /// # Errors
    /// [`Kind::Malformed`], when the body is something else: a login page with status 200 must not
    /// pass as a success.
    pub(super) fn json(&mut self) -> Result<Option<Json>, ClientError> {
        if let Some(parsed) = self.parsed.take() {
            return Ok(Some(parsed));
        }
        let body = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        if body.trim_ascii().is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(body).map(Some).map_err(|source| {
            let other = !body.trim_ascii_start().starts_with(b"{");
            let detail = if other { ScimError::parse(self.status, body).detail } else { None };
            let message =
                detail.unwrap_or_else(|| "answered with JSON that cannot be read".to_owned());
            ClientError::new(Kind::Malformed, message).with_status(self.status).because(source)
        })
    }

    /// The id in the body or, failing that, in the `Location` header.
    pub(super) fn id(&self, body: Option<&Json>, endpoint: &str) -> Option<String> {
        let from_body = || reference_id(member(body?, "id")?).filter(|id| !id.is_empty());
        let from_location = |location: &str| super::address::id_of_location(location, endpoint);
        from_body()
            .or_else(|| self.location.as_deref().and_then(from_location))
            .or_else(|| from_location(member(member(body?, "meta")?, "location")?.as_str()?))
    }

    /// The failure that this reply is, if it is one. `write` says whether the request could have
    /// changed something.
    pub(super) fn failure(&mut self, write: bool) -> Option<(ClientError, Sent)> {
        if !is_success(self.status) {
            return Some(self.failed(self.status, write));
        }
        // Some services say 200 and mean the error in the body. No list is that small, so a
        // large body is not parsed for this.
        let small = self.body.len() <= 8 << 10;
        let read = || small.then(|| serde_json::from_slice(&self.body).ok()).flatten();
        let body = self.parsed.take().or_else(read)?;
        if !is_scim_error(&body) && !is_graph_error(&body) {
            self.parsed = Some(body);
            return None;
        }
        let status =
            member(&body, "status").and_then(reference_id).and_then(|text| text.parse().ok());
        let status = status.filter(|status| (400..600).contains(status)).unwrap_or(400);
        Some(self.failed(status, write))
    }

    fn failed(&self, status: u16, write: bool) -> (ClientError, Sent) {
        let wait = matches!(status, 429 | 502..=504)
            .then(|| retry::retry_after(self.retry_after.as_deref()?, self.date.as_deref()))
            .flatten();
        let (mut kind, sent) = retry::judge(status, wait);
        let scim = ScimError::parse(status, &self.body);
        if status == 404 && self.is_scim() {
            kind = Kind::NotFound;
        }
        let mut error =
            ClientError::new(kind, self.message(kind, status, &scim)).with_status(status);
        error.retryable = matches!(status, 408 | 425 | 429) || status >= 500 && status != 501;
        error.ambiguous = write
            && match sent {
                Sent::NotProcessed => false,
                Sent::Perhaps => true,
                // It failed, but nobody knows how far it got before.
                Sent::Decided => status >= 500 && status != 501,
            };
        error.retry_after = wait;
        error.request_id.clone_from(&self.request_id);
        let says_nothing = scim.detail.is_none() && scim.scim_type.is_none() && scim.code.is_none();
        error.scim = (!says_nothing).then(|| Box::new(scim));
        (error, sent)
    }

    /// Whether the SCIM service itself is speaking, rather than something in front of it.
    fn is_scim(&self) -> bool {
        let media_type = self.content_type.as_deref().unwrap_or_default().split(';').next();
        media_type.is_some_and(|media_type| {
            media_type.trim().eq_ignore_ascii_case("application/scim+json")
        }) || serde_json::from_slice(&self.body).is_ok_and(|body: Json| is_scim_error(&body))
    }

    fn message(&self, kind: Kind, status: u16, scim: &ScimError) -> String {
        if (300..400).contains(&status) {
            let place = self.location.as_deref().unwrap_or("another place");
            let place = place.split(['?', '#']).next().unwrap_or_default();
            return format!(
                "redirects to {place}, which is not followed; set the target's URL to it"
            );
        }
        let meaning = match kind {
            Kind::Denied => "access denied",
            Kind::NotFound => "not found",
            Kind::Conflict => "conflicts with another resource",
            Kind::Precondition => "a precondition of the target does not hold",
            Kind::Throttled => "too many requests",
            Kind::Timeout => "the target gave up waiting",
            Kind::Server => "the target failed",
            _ if status == 404 => "not found, but not by the SCIM service",
            _ if matches!(status, 405 | 501) => "the target does not support this",
            _ => "refused",
        };
        match &scim.detail {
            Some(detail) => format!("{meaning}: {detail}"),
            None => meaning.to_owned(),
        }
    }
}

/// Whether a status says that it was done.
pub(super) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// An error body of RFC 7644 §3.12, or of SCIM 1.1 (`Errors`).
fn is_scim_error(body: &Json) -> bool {
    let named = |schemas: &Json| {
        let is_error =
            |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::ERROR));
        schemas.as_array().is_some_and(|schemas| schemas.iter().any(is_error))
    };
    member(body, "schemas").is_some_and(named) || member(body, "Errors").is_some_and(Json::is_array)
}

/// `{"error": {…}}` in place of a resource.
fn is_graph_error(body: &Json) -> bool {
    member(body, "schemas").is_none() && member(body, "error").is_some_and(Json::is_object)
}
