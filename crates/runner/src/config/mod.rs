//! The config: default.toml ← file ← `PEOPLESYNC_` variables ← flags, decoded with all errors at once. The only place
//! that names figment.

mod decode;
mod errors;
mod format;
pub(crate) mod groups;
pub(crate) mod model;
mod outline;
pub(crate) mod rule;
mod secrets;
pub(crate) mod service;
mod spans;
mod vault;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::Env;

use decode::Undecoded;
pub(crate) use decode::{decode_table, nearest};
pub(crate) use errors::{ConfigError, ConfigErrors, Place};
use format::Text;
pub(crate) use model::Config;
pub(crate) use secrets::Keeper;
use spans::Spans;

const DEFAULTS: &str = include_str!("../../../../config/default.toml");

/// Every variable with this prefix is a setting, but for those that the program itself reads.
const PREFIX: &str = "PEOPLESYNC_";
const NOT_SETTINGS: &[&str] = &["config", "log", "test_"];

/// A config that was read, with what is needed to point into it.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// The folder of the config file: where relative paths start.
    pub(crate) base: PathBuf,
    /// Everything that decides what a plan holds, as JSON text with sorted keys: the config's identity.
    pub(crate) identity: String,
    spans: Option<Spans>,
}

impl Loaded {
    /// Whether the file or a variable sets this key, and not the defaults alone.
    pub(crate) fn is_written(&self, key: &[&str]) -> bool {
        let key: Vec<String> = key.iter().map(|step| (*step).to_owned()).collect();
        match place(self.spans.as_ref(), &key) {
            Place::Variable(_) => true,
            Place::File { .. } => self.spans.as_ref().is_some_and(|spans| spans.sets(&key)),
            Place::Nowhere => false,
        }
    }

    /// An error about a key, with its place.
    pub(crate) fn error(&self, key: &[&str], message: impl Into<String>) -> ConfigError {
        let key: Vec<String> = key.iter().map(|step| (*step).to_owned()).collect();
        ConfigError {
            place: place(self.spans.as_ref(), &key),
            key: dotted(&key),
            message: message.into(),
            hint: None,
            excerpt: None,
        }
    }

    /// An error about a place within the last step of a key, or within a text that is its value.
    pub(crate) fn error_within(
        &self,
        key: &[&str],
        within: Within<'_>,
        message: impl Into<String>,
    ) -> ConfigError {
        let mut error = self.error(key, message);
        if let (Place::File { at: Some(_), .. }, Some(spans)) = (&error.place, &self.spans) {
            let key: Vec<String> = key.iter().map(|step| (*step).to_owned()).collect();
            error.place = match within {
                Within::Key(offset) => spans.place_in_key(&key, offset),
                Within::Value(text, offset) => spans.place_in_value(&key, text, offset),
            };
        }
        error
    }
}

/// A config that has errors.
#[derive(Debug)]
pub(crate) struct Unread {
    errors: ConfigErrors,
    /// The config without the settings that have one, if that is a config.
    rest: Option<Box<Loaded>>,
}

impl Unread {
    /// All errors, those too that the meaning of what could be read has. What it says of settings that are missing is left
    /// out: they may be those that could not be read.
    pub(crate) fn with_meaning(
        self,
        meaning: impl FnOnce(Loaded) -> Option<ConfigErrors>,
    ) -> ConfigErrors {
        let Some(rest) = self.rest else { return self.errors };
        let spans = rest.spans.clone();
        let is_said = |error: &ConfigError| {
            let key = steps(&error.key);
            spans.as_ref().is_some_and(|spans| spans.sets(&key))
        };
        let more = meaning(*rest).map(ConfigErrors::into_inner).unwrap_or_default();
        let mut errors = self.errors.into_inner();
        errors.extend(more.into_iter().filter(is_said));
        ConfigErrors::new(errors)
    }
}

impl From<ConfigError> for Unread {
    fn from(error: ConfigError) -> Self {
        Self { errors: error.into(), rest: None }
    }
}

/// A place in what a config says: the byte of a key's last step, or of a text that is its value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Within<'t> {
    Key(usize),
    Value(&'t str, usize),
}

/// Reads a config file and what lies above and below it.
pub(crate) fn load(path: &Path) -> Result<Loaded, Unread> {
    let unreadable = |error: std::io::Error| ConfigError {
        key: String::new(),
        place: Place::File { path: path.to_owned(), at: None },
        message: match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        },
        hint: Some(
            "name another with --config FILE or $PEOPLESYNC_CONFIG; `peoplesync demo` needs none"
                .to_owned(),
        ),
        excerpt: None,
    };
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        ConfigError {
            key: String::new(),
            place: Place::File { path: path.to_owned(), at: Some((line, column)) },
            message: "this is not UTF-8".to_owned(),
            hint: Some(
                "save the file as UTF-8 in the editor; some call it \"Unicode\" wrongly".to_owned(),
            ),
            excerpt: None,
        }
    })?;
    let base = path.parent().filter(|base| !base.as_os_str().is_empty());
    read(path, &text, base.unwrap_or(Path::new(".")))
}

/// Reads a config from text, as if it stood in a file of this name in this folder.
pub(crate) fn parse(path: &Path, text: &str, base: &Path) -> Result<Loaded, ConfigErrors> {
    read(path, text, base).map_err(|unread| unread.errors)
}

fn read(path: &Path, text: &str, base: &Path) -> Result<Loaded, Unread> {
    let defaults = Text::parse(Path::new("default.toml"), DEFAULTS)?;
    let file = Text::parse(path, text)?;
    let figment = Figment::new().merge(defaults).merge(file).merge(
        Env::prefixed(PREFIX)
            .filter(|name| {
                let name = name.as_str().to_ascii_lowercase();
                !NOT_SETTINGS
                    .iter()
                    .any(|own| name == *own || (own.ends_with('_') && name.starts_with(own)))
            })
            .split("__"),
    );
    let spans = Spans::new(path, text);
    let decoded = decode::decode(&figment, &|key| place(Some(&spans), key));
    let loaded =
        |(config, identity)| Loaded { config, base: base.to_owned(), identity, spans: Some(spans) };
    match decoded {
        Ok(decoded) => Ok(loaded(decoded)),
        Err(Undecoded { errors, rest }) => Err(Unread {
            errors: ConfigErrors::new(errors),
            rest: rest.map(|rest| Box::new(loaded(*rest))),
        }),
    }
}

/// Where a key is set: a variable wins over the file.
fn place(spans: Option<&Spans>, key: &[String]) -> Place {
    let variables = Env::prefixed(PREFIX).split("__");
    let wanted = key.join(".").to_ascii_lowercase();
    if !wanted.is_empty()
        && variables.iter().any(|(name, _)| {
            let name = name.as_str().to_ascii_lowercase();
            wanted == name || wanted.starts_with(&format!("{name}."))
        })
    {
        return Place::Variable(format!("{PREFIX}{}", key.join("__").to_ascii_uppercase()));
    }
    spans.map_or(Place::Nowhere, |spans| spans.place(key))
}

/// `people.attributes."name.givenName"`: steps with dots or colons are quoted, as TOML has it.
fn dotted(key: &[String]) -> String {
    let step = |step: &String| {
        let plain = step.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if plain && !step.is_empty() {
            step.clone()
        } else {
            format!("\"{}\"", step.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    key.iter().map(step).collect::<Vec<_>>().join(".")
}

/// The steps of a key that is shown as [`dotted`].
fn steps(shown: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in shown.chars() {
        match c {
            '\\' if quoted && !escaped => escaped = true,
            '"' if !escaped => quoted = !quoted,
            '.' if !quoted => steps.push(String::new()),
            c => {
                escaped = false;
                steps.last_mut().expect("there is a first step").push(c);
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_shown() {
        let key = ["people", "attributes", r#"emails[type eq "work"].value"#, "a.b\\", ""];
        let key = key.map(str::to_owned);
        assert_eq!(steps(&dotted(&key)), key);
    }
}
