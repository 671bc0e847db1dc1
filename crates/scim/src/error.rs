//! Errors of a service provider (RFC 7644 §3.12), read from whatever it sends and written as the RFC says.
//! Transport failures are the client's.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use crate::resource::member;
use crate::urn;

/// Longest detail that is kept, in characters.
const MAX_DETAIL: usize = 300;

/// The values of `scimType` (RFC 7644 §3.12, table 9).
pub mod scim_type {
    /// The filter is malformed or not supported for this attribute.
    pub const INVALID_FILTER: &str = "invalidFilter";
    /// The answer would be larger than the provider is willing to send.
    pub const TOO_MANY: &str = "tooMany";
    /// Another resource has this value already.
    pub const UNIQUENESS: &str = "uniqueness";
    /// The attribute cannot be changed in this way.
    pub const MUTABILITY: &str = "mutability";
    /// The body is not what this request needs.
    pub const INVALID_SYNTAX: &str = "invalidSyntax";
    /// The path is malformed, or names nothing that exists.
    pub const INVALID_PATH: &str = "invalidPath";
    /// The path matches no value.
    pub const NO_TARGET: &str = "noTarget";
    /// A value is missing or does not fit.
    pub const INVALID_VALUE: &str = "invalidValue";
    /// The protocol version is not supported.
    pub const INVALID_VERS: &str = "invalidVers";
    /// Must not stand in a URI.
    pub const SENSITIVE: &str = "sensitive";
}

/// An error answer of a service provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimError {
    /// HTTP status.
    pub status: u16,
    /// The kind of error, as in [`scim_type`]; providers invent their own.
    pub scim_type: Option<String>,
    /// What the provider says, on one line and at most 300 characters long.
    pub detail: Option<String>,
    /// A number of the provider's own, such as `error.code` of the Graph form.
    pub code: Option<i64>,
}

impl ScimError {
    /// An error with a `scimType` and a detail.
    pub fn new(status: u16, scim_type: &str, detail: impl Into<String>) -> Self {
        let scim_type = (!scim_type.is_empty()).then(|| scim_type.to_owned());
        Self { status, scim_type, detail: Some(detail.into()), code: None }
    }

    /// Reads the answer to a request that failed with `status`. Never fails:
    ///
    /// - RFC 7644 §3.12, with `status` as string or number (the status of the answer counts);
    /// - the Graph form `{"error": {"message", "code"}}`, and `{"error": "…", "error_description": "…"}` of OAuth;
    /// - SCIM 1.1 `{"Errors": [{"description", "code"}]}`, and a bare `message`;
    /// - anything else: a short description, such as "answered with HTML: Not Found".
    pub fn parse(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut error = Self { status, scim_type: None, detail: None, code: None };
        if text.is_empty() {
            return error;
        }
        match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(members)) => error.read(&Json::Object(members)),
            Ok(Json::String(message)) => error.detail = shorten(&message),
            _ => error.detail = shorten(&describe(text)),
        }
        error
    }

    fn read(&mut self, body: &Json) {
        let nested = member(body, "error").filter(|error| error.is_object());
        let listed = member(body, "Errors").and_then(|errors| match errors {
            Json::Array(errors) => errors.iter().find(|error| error.is_object()),
            one => Some(one),
        });
        let sources: Vec<&Json> = [Some(body), nested, listed].into_iter().flatten().collect();
        let first = |names: &[&str]| {
            let find =
                |source: &&Json| names.iter().find_map(|name| text_of(member(source, name)?));
            sources.iter().find_map(find)
        };
        self.scim_type = first(&["scimType"]);
        self.detail =
            first(&["detail", "error_user_msg", "message", "description", "error_description"])
                .or_else(|| first(&["error", "title"]))
                .and_then(|detail| shorten(&detail));
        self.code = first(&["code"]).and_then(|code| code.parse().ok());
        if self.code == Some(i64::from(self.status)) {
            // SCIM 1.1 repeats the HTTP status here.
            self.code = None;
        }
    }

    /// The body of the error (RFC 7644 §3.12); the status is a string there.
    pub fn to_json(&self) -> Json {
        let mut body = Map::new();
        body.insert("schemas".into(), json!([urn::ERROR]));
        body.insert("status".into(), self.status.to_string().into());
        if let Some(scim_type) = &self.scim_type {
            body.insert("scimType".into(), scim_type.as_str().into());
        }
        if let Some(detail) = &self.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        Json::Object(body)
    }
}

impl fmt::Display for ScimError {
    /// What the provider said, with status, `scimType` and code: `already taken (409, uniqueness)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or("no explanation given"))?;
        write!(f, " ({}", self.status)?;
        if let Some(scim_type) = &self.scim_type {
            write!(f, ", {scim_type}")?;
        }
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for ScimError {}

fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a body is that is not a JSON object.
fn describe(text: &str) -> String {
    if text.starts_with('<') {
        let title = element_text(text, "title").or_else(|| element_text(text, "h1"));
        let kind = if text.starts_with("<?xml") { "XML" } else { "HTML" };
        return match title {
            Some(title) => format!("answered with {kind}: {title}"),
            None => format!("answered with {kind}"),
        };
    }
    if text.starts_with(['[', '{']) {
        return "answered with JSON that is not an error object".to_owned();
    }
    format!("answered with text: {text}")
}

/// The text of the first `<name>` element.
fn element_text<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let lower = html.to_ascii_lowercase();
    let open = lower.find(&format!("<{name}"))?;
    let start = open + lower.get(open..)?.find('>')? + 1;
    let end = start + lower.get(start..)?.find("</")?;
    html.get(start..end).map(str::trim).filter(|text| !text.is_empty())
}

/// On one line, without control characters, cut to the longest length that is kept.
fn shorten(text: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    if line.is_empty() {
        return None;
    }
    if line.chars().count() <= MAX_DETAIL {
        return Some(line);
    }
    Some(line.chars().take(MAX_DETAIL - 1).chain(['…']).collect())
}

#[cfg(test)]
mod tests;
