//! Whether a value has the type that its schema asks for (RFC 7643 §2.3). Strict: for those who receive, not for comparing.

use std::fmt;

use serde_json::Value as Json;

use super::{Attribute, Kind};
use crate::value::{boolean, time};

/// A value of another type than its schema asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Names of the attribute and sub-attribute, such as `emails.primary`.
    pub attribute: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.attribute, self.message)
    }
}

impl std::error::Error for Mismatch {}

impl Attribute {
    /// Whether a value fits this attribute. Null fits always: it means "no value".
    ///
    /// # Errors
    /// Names the first part of the value that does not fit: another JSON type, a list where one value is expected or
    /// the other way round, an unknown sub-attribute, more than one primary element.
    pub fn check(&self, value: &Json) -> Result<(), Mismatch> {
        match value {
            Json::Null => Ok(()),
            Json::Array(elements) if self.multi_valued => {
                elements.iter().try_for_each(|element| self.check_one(element))?;
                let primaries = elements.iter().filter(|element| is_primary(element)).count();
                if primaries > 1 {
                    return Err(
                        self.mismatch(format!("has {primaries} primary elements; one is allowed"))
                    );
                }
                Ok(())
            }
            _ if self.multi_valued => {
                Err(self.mismatch(format!("must be a list, found {}", describe(value))))
            }
            _ => self.check_one(value),
        }
    }

    /// As `check`, for one element of a multi-valued attribute.
    ///
    /// # Errors
    /// As `check`.
    pub fn check_one(&self, value: &Json) -> Result<(), Mismatch> {
        let expected = match (self.kind, value) {
            (Kind::Complex, Json::Object(members)) => {
                for (name, member) in members {
                    let Some(sub) = self.sub(name) else {
                        return Err(self.mismatch(format!("has no sub-attribute `{name}`")));
                    };
                    sub.check(member).map_err(|error| Mismatch {
                        attribute: format!("{}.{}", self.name, error.attribute),
                        ..error
                    })?;
                }
                return Ok(());
            }
            (Kind::Complex, _) => "an object",
            (Kind::String | Kind::Reference, Json::String(_)) | (Kind::Boolean, Json::Bool(_)) => {
                return Ok(());
            }
            (Kind::Decimal, Json::Number(_)) => return Ok(()),
            (Kind::Integer, Json::Number(number)) if !number.is_f64() => return Ok(()),
            (Kind::DateTime, Json::String(text)) if time::parse(text).is_some() => return Ok(()),
            (Kind::Binary, Json::String(text)) if is_base64(text) => return Ok(()),
            (Kind::String | Kind::Reference, _) => "a string",
            (Kind::Boolean, _) => "true or false",
            (Kind::Decimal, _) => "a number",
            (Kind::Integer, _) => "a whole number",
            (Kind::DateTime, _) => "a time such as 2026-01-31T08:30:00Z",
            (Kind::Binary, _) => "base64",
        };
        Err(self.mismatch(format!("must be {expected}, found {}", describe(value))))
    }

    fn mismatch(&self, message: String) -> Mismatch {
        Mismatch { attribute: self.name.clone(), message }
    }
}

/// Whether an element of a multi-valued attribute is marked as the preferred one.
pub(crate) fn is_primary(element: &Json) -> bool {
    match crate::resource::member(element, "primary") {
        Some(Json::Bool(primary)) => *primary,
        Some(Json::String(text)) => boolean(text) == Some(true),
        _ => false,
    }
}

/// Base64 in either alphabet (RFC 4648), padding or not, without line breaks.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len() - body.len() <= 2
        && body.len() % 4 != 1
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
}

/// The type of a value, never the value itself: it may be personal.
fn describe(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
