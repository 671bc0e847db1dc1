//! TOML, YAML and JSON as figment providers, and where a key stands in a TOML file.

use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use toml::de::{DeTable, DeValue};

use super::errors::{ConfigError, Place};

/// A config text in one of the three formats, parsed once.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    name: String,
    dict: Dict,
}

impl Text {
    /// Parses by the ending of the file name: `.yaml`/`.yml`, `.json`, everything else is TOML.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let fail = |message: String, at: Option<(usize, usize)>| ConfigError {
            key: String::new(),
            place: Place::File { path: path.to_owned(), at },
            message,
            hint: None,
            excerpt: None,
        };
        let value = match ending {
            "json" => serde_json::from_str::<serde_json::Value>(text)
                .map_err(|error| {
                    fail(strip_place(&error.to_string()), Some((error.line(), error.column())))
                })
                .and_then(|json| serialized(&json).map_err(|message| fail(message, None)))?,
            "yaml" | "yml" => serde_saphyr::from_str::<serde_json::Value>(text)
                .map_err(|error| fail(error.to_string(), None))
                .and_then(|json| serialized(&json).map_err(|message| fail(message, None)))?,
            _ => toml::from_str::<toml::Value>(text)
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

/// serde_json ends its messages with the place, which is shown on its own.
fn strip_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// Finds keys in a TOML text, so that an error can name line and column. Other formats name the key only.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    path: PathBuf,
    text: String,
}

impl Spans {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether the file sets this very key.
    pub(crate) fn sets(&self, key: &[String]) -> bool {
        let mut value = toml::from_str::<toml::Value>(&self.text).ok();
        for step in key {
            value = value.and_then(|mut value| value.as_table_mut()?.remove(step));
        }
        value.is_some()
    }

    /// Where the file sets this key, or the nearest table that holds it.
    pub(crate) fn place(&self, key: &[String]) -> Option<Place> {
        let table = DeTable::parse(&self.text).ok();
        let Some(table) = table else {
            return Some(Place::File { path: self.path.clone(), at: None });
        };
        let mut here = None;
        let mut value = DeValue::Table(table.into_inner());
        for step in key {
            let next = match value {
                DeValue::Table(mut table) => {
                    let found = table
                        .iter()
                        .find(|(name, _)| name.get_ref().as_ref() == step.as_str())
                        .map(|(name, _)| (name.span().start, name.get_ref().to_string()));
                    found.and_then(|(start, name)| {
                        here = Some(start);
                        table.remove(name.as_str())
                    })
                }
                DeValue::Array(array) => step.parse::<usize>().ok().and_then(|index| {
                    let item = array.into_iter().nth(index)?;
                    here = Some(item.span().start);
                    Some(item)
                }),
                _ => None,
            };
            match next {
                Some(next) => value = next.into_inner(),
                None => break,
            }
        }
        let at = here.map(|start| line_column(&self.text, start));
        Some(Place::File { path: self.path.clone(), at })
    }
}

/// Line and column of a byte offset, both counted from 1, columns in characters.
fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
