//! Lenient reading of schemas: providers leave out, null or misspell characteristics.

use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};

use super::Schema;
use crate::urn;

/// Null is the default.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// One of a few words; letter case does not count, and an unknown word is the default.
pub(super) fn word<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    const WORDS: [&str; 18] = [
        "string",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "binary",
        "reference",
        "complex",
        "readOnly",
        "readWrite",
        "immutable",
        "writeOnly",
        "always",
        "never",
        "default",
        "request",
        "server",
        "global",
    ];
    let given: Option<String> = Option::deserialize(deserializer)?;
    let word =
        given.and_then(|given| WORDS.into_iter().find(|word| word.eq_ignore_ascii_case(&given)));
    let Some(word) = word else { return Ok(T::default()) };
    let read: Result<T, serde::de::value::Error> = T::deserialize(word.into_deserializer());
    Ok(read.unwrap_or_default())
}

impl Schema {
    /// The resource that `/Schemas` answers with (RFC 7643 §7).
    pub fn to_json(&self) -> Json {
        json!({
            "schemas": [urn::SCHEMA],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes,
            "meta": { "resourceType": "Schema", "location": format!("/Schemas/{}", self.id) },
        })
    }
}
