//! TOML, YAML and JSON as figment providers.

use std::path::Path;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::errors::{ConfigError, Place};
use super::outline::Format;
use super::spans::line_column;

/// A config text in one of the three formats, parsed once.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    name: String,
    dict: Dict,
}

impl Text {
    /// Parses by the ending of the file name: `.yaml`/`.yml`, `.json`, everything else is TOML.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let fail = |message: String, at: Option<(usize, usize)>| ConfigError {
            key: String::new(),
            place: Place::File { path: path.to_owned(), at },
            message,
            hint: None,
            excerpt: None,
        };
        let value = match Format::of(path) {
            Format::Json => serde_json::from_str::<serde_json::Value>(text)
                .map_err(|error| {
                    fail(strip_place(&error.to_string()), Some((error.line(), error.column())))
                })
                .and_then(|json| serialized(&json).map_err(|message| fail(message, None)))?,
            Format::Yaml => serde_saphyr::from_str::<serde_json::Value>(text)
                .map_err(|error| {
                    let place = |number: u64| usize::try_from(number).unwrap_or(1);
                    let at = error.location().map(|at| (place(at.line()), place(at.column())));
                    fail(strip_place(&error.without_snippet().to_string()), at)
                })
                .and_then(|json| serialized(&json).map_err(|message| fail(message, None)))?,
            Format::Toml => toml::from_str::<toml::Value>(text)
                .map_err(|error| {
                    let at = error.span().map(|span| line_column(text, span.start));
                    fail(error.message().to_owned(), at)
                })
                .and_then(|value| serialized(&value).map_err(|message| fail(message, None)))?,
        };
        match value {
            Value::Dict(_, dict) => Ok(Self { name: path.display().to_string(), dict }),
            _ => Err(fail("expected a table of settings".to_owned(), None)),
        }
    }
}

impl Provider for Text {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

fn serialized(value: &impl serde::Serialize) -> Result<Value, String> {
    Value::serialize(value).map_err(|error| error.to_string())
}

/// The libraries end their messages with the place, which is shown on its own.
fn strip_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}
