//! How a target departs from the RFCs, as data: a file of config/profiles or of the user's own.

use std::collections::BTreeMap;
use std::path::Path;

use peoplesync_scim::schema::{Schema, SchemaSet};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::config::{ConfigError, Loaded};

/// The profiles that are part of the program: name and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// A target's profile. Its keys are documented in config/profiles/generic.toml.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) update: Update,
    pub(crate) page_size: u64,
    pub(crate) filter: bool,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// How accounts are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Update {
    Patch,
    Put,
    Auto,
}

impl Profile {
    /// The profile that the config names.
    pub(crate) fn load(loaded: &Loaded) -> Result<Self, ConfigError> {
        let (profile, file) = Self::find(loaded)?;
        profile.schemas().map_err(|message| {
            loaded.error(&["target", "profile"], format!("{file}: {message}"))
        })?;
        Ok(profile)
    }

    /// The schemas of the RFCs, and what the profile says of extensions.
    pub(crate) fn schemas(&self) -> Result<SchemaSet, String> {
        let mut extensions: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        for (text, kind) in &self.attributes {
            let name = text
                .rsplit_once(':')
                .filter(|(urn, _)| urn.to_ascii_lowercase().starts_with("urn:"));
            let Some((urn, name)) = name else {
                return Err(format!(
                    "`{text}` does not name an extension's attribute: a URN, a colon, a name"
                ));
            };
            extensions.entry(urn).or_default().push(json!({ "name": name, "type": kind }));
        }
        let mut schemas = SchemaSet::standard();
        for (urn, attributes) in extensions {
            let schema = json!({ "id": urn, "name": urn, "attributes": attributes });
            let schema: Schema =
                serde_json::from_value(schema).map_err(|error| format!("{urn}: {error}"))?;
            schemas = schemas.with(schema);
        }
        Ok(schemas)
    }

    /// The profile that the config names, and what it is called in messages.
    fn find(loaded: &Loaded) -> Result<(Self, String), ConfigError> {
        let name = loaded.config.target.profile.as_str();
        let fail = |message: String| loaded.error(&["target", "profile"], message);
        if let Some((_, text)) = EMBEDDED.iter().find(|(embedded, _)| *embedded == name) {
            let profile = toml::from_str(text).map_err(|error| fail(error.message().to_owned()))?;
            return Ok((profile, name.to_owned()));
        }
        let path = loaded.base.join(name);
        if Path::new(name).extension().is_some() || path.is_file() {
            let text = std::fs::read_to_string(&path).map_err(|error| {
                fail(format!("cannot read the profile {}: {error}", path.display()))
            })?;
            let profile = toml::from_str(&text)
                .map_err(|error| fail(format!("{}: {}", path.display(), error.message())))?;
            return Ok((profile, path.display().to_string()));
        }
        let known: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
        let mut error = fail(format!("there is no profile \"{name}\""));
        error.hint = Some(match crate::config::nearest(name, &known) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("this program has {}; or name a file", known.join(", ")),
        });
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_profile_parses() {
        assert!(EMBEDDED.iter().any(|(name, _)| *name == "generic"));
        for (name, text) in EMBEDDED {
            let profile = toml::from_str::<Profile>(text).map_err(|error| error.to_string());
            if let Err(error) = profile.and_then(|profile| profile.schemas()) {
                panic!("{name}: {error}");
            }
        }
    }
}
