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
        let format = Format::of(path);
        let fail = |message: String, at: Option<(usize, usize)>| ConfigError {
            key: String::new(),
            place: Place::File { path: path.to_owned(), at },
            hint: hint(format, text, &message).map(str::to_owned),
            message,
            excerpt: None,
        };
        let value = match format {
            Format::Json => serde_json::from_str::<serde_json::Value>(text)
                .map_err(|error| {
                    fail(strip_place(&error.to_string()), Some((error.line(), error.column())))
                })
                .and_then(|json| twice(text).map_or(Ok(json), |(key, at)| Err(fail(key, Some(at)))))
                .and_then(|json| serialized(&json).map_err(|message| fail(message, None)))?,
            Format::Yaml => serde_saphyr::from_str::<serde_json::Value>(text)
                .map_err(|error| {
                    let place = |number: u64| usize::try_from(number).unwrap_or(1);
                    let at = error.location().map(|at| (place(at.line()), place(at.column())));
                    fail(of_yaml(&error.without_snippet().to_string()), at)
                })
                .and_then(|json| serialized(&json).map_err(|message| fail(message, None)))?,
            Format::Toml => toml::from_str::<toml::Value>(text)
                .map_err(|error| {
                    let at = error.span().map(|span| line_column(text, span.start));
                    fail(of_toml(error.message()).to_owned(), at)
                })
                .and_then(|value| {
                    serialized(&without_times(value)).map_err(|message| fail(message, None))
                })?,
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

/// A date of TOML is the text that it is written as, as in YAML and JSON.
fn without_times(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Datetime(time) => toml::Value::String(time.to_string()),
        toml::Value::Array(values) => {
            toml::Value::Array(values.into_iter().map(without_times).collect())
        }
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, without_times(value)))
            .collect::<toml::Table>()
            .into(),
        other => other,
    }
}

/// A key that a JSON table has twice, and where: `serde_json` keeps the last and says nothing, the reader of YAML tells.
fn twice(text: &str) -> Option<(String, (usize, usize))> {
    let error = serde_saphyr::from_str::<serde_json::Value>(text).err()?;
    let message = error.without_snippet().to_string();
    let at = error.location()?;
    let place = |number: u64| usize::try_from(number).unwrap_or(1);
    message
        .starts_with(YAML_TWICE)
        .then(|| (of_yaml(&message), (place(at.line()), place(at.column()))))
}

const YAML_TWICE: &str = "duplicate mapping key: ";

/// The message for people who do not call the library.
fn of_yaml(message: &str) -> String {
    match message.strip_prefix(YAML_TWICE) {
        Some(rest) => {
            let key = rest.split(", set ").next().unwrap_or(rest);
            format!("the key `{key}` stands here twice")
        }
        None if message.starts_with("multiple YAML documents") => {
            "a second document begins here, and a config is one".to_owned()
        }
        None => strip_place(message),
    }
}

fn of_toml(message: &str) -> &str {
    match message {
        "duplicate key" => "this key or table stands in the file twice",
        // What it takes for the beginning of one is a word without quotes.
        "invalid boolean, expected `true`" | "invalid boolean, expected `false`" => {
            "texts stand in quotes, and a truth is `true` or `false`"
        }
        other => other,
    }
}

/// What the text may be, where it is not what the file's name says.
fn hint(format: Format, text: &str, message: &str) -> Option<&'static str> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match format {
        _ if text.starts_with('<') => Some("this looks like a web page; was it downloaded?"),
        Format::Toml if text.starts_with('{') => {
            Some("this looks like JSON, which is read from files whose names end in .json")
        }
        Format::Json if message == "key must be a string" => {
            Some("keys stand in double quotes, and JSON has no comments; TOML and YAML have")
        }
        _ => None,
    }
}
