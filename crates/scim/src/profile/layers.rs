//! A profile from its layers: what it extends, itself, and what a config says instead.

use std::fmt;

use serde::Deserialize;
use serde_json::Value as Json;

use super::Profile;

/// More generations than this are a circle.
const MOST_GENERATIONS: usize = 8;

/// Why there is no such profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The profile in which it is wrong, by the name under which it was asked for.
    pub profile: String,
    /// The key, where one is to blame.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile {}: ", self.profile)?;
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProfileError {}

/// The profile of this name with everything that it extends, and `over` on top. `read` gives the table of a profile, or says
/// why there is none.
///
/// # Errors
/// What `read` says; a key or word that no profile has; a circle of `extends`; what [`Profile::mistakes`] finds.
pub fn layered(
    name: &str,
    over: Option<&Json>,
    read: impl Fn(&str) -> Result<Json, String>,
) -> Result<Profile, ProfileError> {
    let fail = |profile: &str, key: Option<String>, message: String| ProfileError {
        profile: profile.to_owned(),
        key,
        message,
    };
    let mut layers = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(name) = next {
        if layers.len() == MOST_GENERATIONS {
            return Err(fail(
                &name,
                Some("extends".to_owned()),
                "extends itself in the end".to_owned(),
            ));
        }
        let table = read(&name).map_err(|message| fail(&name, None, message))?;
        let layer =
            Profile::deserialize(&table).map_err(|error| fail(&name, None, error.to_string()))?;
        next = layer.extends;
        layers.push(table);
    }
    let mut whole = Json::Object(serde_json::Map::new());
    for layer in layers.into_iter().rev().chain(over.cloned()) {
        merge(&mut whole, layer);
    }
    let profile =
        Profile::deserialize(&whole).map_err(|error| fail(name, None, error.to_string()))?;
    match profile.mistakes().into_iter().next() {
        Some((key, message)) => Err(fail(name, Some(key), message)),
        None => Ok(profile),
    }
}

/// Tables are merged key by key; anything else takes the place of what was there.
fn merge(below: &mut Json, above: Json) {
    match (below, above) {
        (Json::Object(below), Json::Object(above)) => {
            for (key, value) in above {
                merge(below.entry(key).or_insert(Json::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}
