//! The profile of the target: a file of config/profiles or of the administrator's own, and what the config says instead.

use std::path::Path;

use peoplesync_scim::Profile;
use peoplesync_scim::profile::{ProfileError, layered};
use serde_json::Value as Json;

use crate::config::{ConfigError, ConfigErrors, Loaded};

/// The profiles that are part of the program: name and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// The profile that the config names, with its overrides.
pub(crate) fn load(loaded: &Loaded) -> Result<Profile, ConfigErrors> {
    let target = &loaded.config.target;
    let over = overrides(loaded)?;
    layered(&target.profile, over.as_ref(), |name| read(name, &loaded.base)).map_err(|error| {
        let mut shown = loaded.error(&["target", "profile"], message(&error));
        shown.hint = hint(&error);
        ConfigErrors::from(shown)
    })
}

/// A profile by its name or the path of its file, without a config.
pub(crate) fn named(name: &str, base: &Path) -> Result<Profile, (String, Option<String>)> {
    layered(name, None, |name| read(name, base)).map_err(|error| (message(&error), hint(&error)))
}

/// What the config says instead of the profile; each mistake in it with its own place.
fn overrides(loaded: &Loaded) -> Result<Option<Json>, ConfigErrors> {
    let table = &loaded.config.target.overrides;
    if table.is_empty() {
        return Ok(None);
    }
    let decoded: Result<Profile, _> = crate::config::decode_table(table);
    match decoded {
        Ok(_) => Ok(Some(Json::Object(table.clone()))),
        Err(unfit) => {
            let errors = unfit.into_iter().map(|unfit| {
                let steps = unfit.key.iter().map(String::as_str);
                let key: Vec<&str> = ["target", "overrides"].into_iter().chain(steps).collect();
                ConfigError { hint: unfit.hint, ..loaded.error(&key, unfit.message) }
            });
            Err(ConfigErrors::new(errors.collect()))
        }
    }
}

/// The table of one profile.
fn read(name: &str, base: &Path) -> Result<Json, String> {
    if let Some((_, text)) = EMBEDDED.iter().find(|(embedded, _)| *embedded == name) {
        return table(text);
    }
    let path = base.join(name);
    if Path::new(name).extension().is_some() || path.is_file() {
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot be read: {error}"))?;
        return table(&text);
    }
    Err(MISSING.to_owned())
}

const MISSING: &str = "there is no such profile";

fn table(text: &str) -> Result<Json, String> {
    // Read as a profile first: its mistakes then have a line.
    let told = |error: toml::de::Error| match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or_default();
            format!("line {}: {}", before.matches('\n').count() + 1, error.message())
        }
        None => error.message().to_owned(),
    };
    toml::from_str::<Profile>(text).map_err(told)?;
    toml::from_str(text).map_err(told)
}

fn message(error: &ProfileError) -> String {
    match &error.key {
        None if error.message == MISSING => format!("there is no profile \"{}\"", error.profile),
        _ => error.to_string(),
    }
}

fn hint(error: &ProfileError) -> Option<String> {
    (error.message == MISSING).then(|| {
        let known: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
        match crate::config::nearest(&error.profile, &known) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("this program has {}; or name a file", known.join(", ")),
        }
    })
}

#[cfg(test)]
mod tests;
