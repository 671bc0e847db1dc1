//! From the merged layers to the typed config. serde stops at its first error, so each error is noted, what caused it is
//! taken out, and decoding starts again until nothing new is found.

use figment::error::{Actual, Kind};
use figment::providers::Serialized;
use figment::value::{Dict, Value};
use figment::{Error, Figment};

use serde::de::DeserializeOwned;

use super::dotted;
use super::errors::{ConfigError, Place};
use super::model::Config;
use crate::registry::Unfit;

/// As many as the state can tell apart.
const MOST_SOURCES: usize = 32;

/// More errors than anybody reads at once; also the bound of the loop.
const MOST_ERRORS: usize = 50;

/// Tables whose loss does not change what a plan holds, and credentials.
const NOT_IDENTITY: &[&[&str]] = &[
    &["state"],
    &["history"],
    &["schedule"],
    &["retries"],
    &["quarantine"],
    &["notifications"],
    &["tests"],
    &["source", "timeout_secs"],
    &["source", "retries"],
    &["source", "full_after_hours"],
    &["target", "auth"],
    &["target", "tls"],
    &["target", "proxy"],
    &["target", "concurrency"],
    &["target", "max_concurrency"],
    &["target", "timeout_secs"],
    &["target", "retries"],
];

/// Every error of a text's form, and what is left without the settings that have one.
pub(super) struct Undecoded {
    pub(super) errors: Vec<ConfigError>,
    pub(super) rest: Option<Box<(Config, String)>>,
}

pub(super) fn decode(
    figment: &Figment,
    place: &dyn Fn(&[String]) -> Place,
) -> Result<(Config, String), Undecoded> {
    let shown = |unfit: Unfit| ConfigError {
        place: place(&unfit.key),
        key: dotted(&unfit.key),
        message: unfit.message,
        hint: unfit.hint,
        excerpt: None,
    };
    let formless = |errors: Vec<Unfit>| Undecoded {
        errors: errors.into_iter().map(shown).collect(),
        rest: None,
    };
    let mut dict: Dict = figment
        .extract()
        .map_err(|error| formless(error.into_iter().map(|error| explain(&error)).collect()))?;
    one_or_several(&mut dict).map_err(|unfit| formless(vec![unfit]))?;
    let whole = |mut config: Config| {
        config.source_order = config.sources.keys().cloned().collect();
        // A name that stands nowhere in the file, as a variable gave it, comes last.
        config.source_order.sort_by_key(|name| {
            let at = match place(&["sources".to_owned(), name.clone()]) {
                Place::File { at, .. } => at,
                Place::Variable(_) | Place::Nowhere => None,
            };
            at.unwrap_or((usize::MAX, 0))
        });
        let identity = identity(dict.clone(), &config.source_order);
        (config, identity)
    };
    match every_error(dict.clone()) {
        Ok(config) => Ok(whole(config)),
        Err((unfit, rest)) => Err(Undecoded {
            errors: unfit.into_iter().map(shown).collect(),
            rest: rest.map(whole).map(Box::new),
        }),
    }
}

/// A config has one source or several. The defaults of the one are those of each.
fn one_or_several(dict: &mut Dict) -> Result<(), Unfit> {
    let table = |value: Option<&Value>| match value {
        Some(Value::Dict(_, table)) => Some(table.clone()),
        _ => None,
    };
    let Some(mut sources) = table(dict.get("sources")).filter(|sources| !sources.is_empty()) else {
        return Ok(());
    };
    let one = table(dict.get("source")).unwrap_or_default();
    if one.contains_key("kind") || one.contains_key("settings") {
        return Err(Unfit {
            key: vec!["source".to_owned()],
            message: "stands beside [sources.NAME]".to_owned(),
            hint: Some("give this source a name too: [sources.NAME]".to_owned()),
        });
    }
    for (name, source) in &mut sources {
        // What stands before the dot of a field, and in messages.
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            return Err(Unfit {
                key: vec!["sources".to_owned(), name.clone()],
                message: "a source's name has letters, digits, `_` and `-` only".to_owned(),
                hint: None,
            });
        }
        if let Value::Dict(_, source) = source {
            for (key, value) in &one {
                source.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    if sources.len() > MOST_SOURCES {
        return Err(Unfit {
            key: vec!["sources".to_owned()],
            message: format!("there are {}; more than {MOST_SOURCES} are not read", sources.len()),
            hint: None,
        });
    }
    dict.remove("source");
    dict.insert("sources".to_owned(), Value::from(sources));
    Ok(())
}

/// Decodes a connector's own table.
pub(crate) fn decode_table<T: DeserializeOwned>(
    settings: &serde_json::Map<String, serde_json::Value>,
) -> Result<T, Vec<Unfit>> {
    let dict: Dict = Figment::from(Serialized::defaults(settings))
        .extract()
        .map_err(|error| vec![explain(&error)])?;
    every_error(dict).map_err(|(errors, _)| errors)
}

/// What could be decoded once everything wrong was taken out goes with the errors.
fn every_error<T: DeserializeOwned>(mut dict: Dict) -> Result<T, (Vec<Unfit>, Option<T>)> {
    let mut errors: Vec<Unfit> = Vec::new();
    let mut removed: Vec<Vec<String>> = Vec::new();
    for _ in 0..MOST_ERRORS {
        let error = match Figment::from(Serialized::defaults(&dict)).extract::<T>() {
            Ok(config) if errors.is_empty() => return Ok(config),
            Ok(rest) => return Err((errors, Some(rest))),
            Err(error) => error,
        };
        let key = full_key(&error);
        // A value that was taken out is missed afterwards; that is not an error of the user's.
        if !(matches!(error.kind, Kind::MissingField(_)) && removed.contains(&key)) {
            errors.push(explain(&error));
        }
        // A missing field cannot be taken out: put something of no type in its table's place and look no further there.
        let culprit = match error.kind {
            Kind::MissingField(_) => error.path.clone(),
            _ => key,
        };
        if culprit.is_empty() || !remove(&mut dict, &culprit) {
            break;
        }
        removed.push(culprit);
    }
    Err((errors, None))
}

fn full_key(error: &Error) -> Vec<String> {
    let mut key = error.path.clone();
    match &error.kind {
        Kind::MissingField(name) => key.push(name.to_string()),
        Kind::UnknownField(name, _) if key.last() != Some(name) => key.push(name.clone()),
        _ => {}
    }
    key
}

fn remove(dict: &mut Dict, key: &[String]) -> bool {
    match key {
        [] => false,
        [last] => dict.remove(last).is_some(),
        [first, rest @ ..] => match dict.get_mut(first) {
            Some(Value::Dict(_, inner)) => remove(inner, rest),
            Some(Value::Array(_, _)) => dict.remove(first).is_some(),
            _ => false,
        },
    }
}

fn explain(error: &Error) -> Unfit {
    let key = full_key(error);
    let mut hint = None;
    let message = match &error.kind {
        Kind::UnknownField(name, known) => {
            hint = suggest(name, known);
            "there is no such setting".to_owned()
        }
        Kind::UnknownVariant(name, known) => {
            hint = nearest(name, known).map(|near| format!("did you mean \"{near}\"?"));
            format!("\"{name}\" is not one of {}", list(known))
        }
        Kind::MissingField(_) => "is missing".to_owned(),
        Kind::InvalidType(actual, expected) => {
            format!("expected {}, found {}", wanted(expected), found(actual))
        }
        Kind::InvalidValue(actual, expected) => {
            format!("expected {}, found {}", wanted(expected), found(actual))
        }
        other => other.to_string(),
    };
    Unfit { key, message, hint }
}

/// What was expected, in words instead of Rust's types.
fn wanted(expected: &str) -> &str {
    match expected.trim_end_matches('.') {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, at least 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

/// What the user wrote, without figment's words for types.
fn found(actual: &Actual) -> String {
    match actual {
        Actual::Str(text) => format!("\"{text}\""),
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Map => "a table".to_owned(),
        Actual::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}

fn suggest(name: &str, known: &[&str]) -> Option<String> {
    match nearest(name, known) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        // Where a kind has settings of its own, they are most often written beside `kind`.
        None if known.contains(&"kind") && known.contains(&"settings") => {
            let own: Vec<&str> = known.iter().copied().filter(|name| *name != "settings").collect();
            Some(format!(
                "what a kind has of its own stands under `settings`, as in [source.settings]; known here are {}",
                list(&own)
            ))
        }
        None => Some(format!("known are {}", list(known))),
    }
}

fn list(known: &[&str]) -> String {
    known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The nearest of the known names, if one is near enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|near| {
            (strsim::damerau_levenshtein(&name.to_lowercase(), &near.to_lowercase()), *near)
        })
        .filter(|(distance, near)| *distance <= 1 + near.chars().count() / 4)
        .min()
        .map(|(_, near)| near)
}

fn identity(mut dict: Dict, order: &[String]) -> String {
    for key in NOT_IDENTITY {
        let key: Vec<String> = key.iter().map(|step| (*step).to_owned()).collect();
        remove(&mut dict, &key);
        if let [first, last] = key.as_slice()
            && first == "source"
        {
            for name in order {
                remove(&mut dict, &["sources".to_owned(), name.clone(), last.clone()]);
            }
        }
    }
    if !order.is_empty() {
        dict.insert("source_order".to_owned(), Value::from(order.to_vec()));
    }
    serde_json::to_string(&dict).unwrap_or_default()
}
