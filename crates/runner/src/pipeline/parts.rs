//! What a config says of people, as the state keeps it with a run: so that a later plan can tell what comes from the config
//! having changed since. Credentials are not in it; where there may be some, there is a keyed hash.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use super::Session;

/// The parts of a config that decide what happens to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// Scope, match rule and mapping.
    pub(crate) people: Json,
    /// What happens to leavers.
    pub(crate) leavers: Json,
    /// A keyed hash of source, target, groups and protected accounts: whether they are others can be told, what they were cannot.
    pub(crate) rest: String,
    /// The same without groups.
    #[serde(default)]
    pub(crate) sides: Option<String>,
    /// The table of groups, with a keyed hash in the place of their source; none where no groups are written.
    #[serde(default)]
    pub(crate) groups: Option<Json>,
}

impl Parts {
    pub(crate) fn new(session: &Session, hash_key: [u8; 32]) -> Self {
        let mut tables: Map<String, Json> =
            serde_json::from_str(&session.loaded.identity).unwrap_or_default();
        let groups = tables.get("groups").filter(|_| session.groups.is_some()).map(|groups| {
            let mut groups = groups.clone();
            if let Some(source) = groups.get_mut("source") {
                *source = Json::from(keyed(hash_key, source));
            }
            groups
        });
        let mut rest = Map::new();
        let profile = serde_json::to_value(&*session.profile).unwrap_or_default();
        rest.insert("profile".to_owned(), profile);
        for name in ["source", "sources", "source_order", "groups"] {
            rest.extend(tables.remove_entry(name));
        }
        if let Some(Json::Object(mut target)) = tables.remove("target") {
            target.remove("name");
            rest.insert("target".to_owned(), Json::Object(target));
        }
        for name in ["protect", "administrators"] {
            let filters = tables.get("guards").and_then(|guards| guards.get(name));
            rest.insert(name.to_owned(), filters.cloned().unwrap_or_default());
        }
        let whole = Json::Object(rest.clone());
        rest.remove("groups");
        let sides = Json::Object(rest);
        Self {
            people: tables.remove("people").unwrap_or_default(),
            leavers: tables.remove("leavers").unwrap_or_default(),
            rest: keyed(hash_key, &whole),
            sides: Some(keyed(hash_key, &sides)),
            groups,
        }
    }

    /// Whether groups were written by the config of this text.
    pub(crate) fn has_groups(text: &str) -> bool {
        serde_json::from_str::<Self>(text).is_ok_and(|parts| parts.groups.is_some())
    }

    /// As the state keeps it.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn keyed(hash_key: [u8; 32], what: &Json) -> String {
    let mut hash = Sha256::new();
    hash.update(hash_key);
    hash.update(what.to_string());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
