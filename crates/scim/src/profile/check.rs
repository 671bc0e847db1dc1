//! Whether a profile makes sense beyond its types: paths that are paths, limits that are possible, keys that fit together.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Clear, Deactivate, Delete, Invitations, Profile, Update, Use};
use crate::path::Path;
use crate::schema::{Resource, Schema, SchemaSet};

/// The types that an attribute of a profile may have.
const TYPES: [&str; 7] =
    ["string", "boolean", "integer", "decimal", "dateTime", "reference", "complex"];

impl Profile {
    /// What is wrong with the profile: key and reason, all of them.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut wrong = |key: &str, reason: String| found.push((key.to_owned(), reason));
        let lists = [
            ("list.omits", &self.list.omits),
            ("filter.attributes", &self.filter.attributes),
            ("write.single", &self.write.single),
            ("write.primary", &self.write.primary),
            ("write.required", &self.write.required),
            ("write.ignored", &self.write.ignored),
            ("groups.filter_attributes", &self.groups.filter_attributes),
            ("groups.fixed", &self.groups.fixed),
        ];
        for (key, texts) in lists {
            for text in texts {
                if let Err(error) = Path::parse(text) {
                    wrong(key, format!("`{text}`: {error}"));
                }
            }
        }
        let Invitations { invited, claimed, link, code } = &self.invitations;
        let places = [("invited", invited), ("claimed", claimed), ("link", link), ("code", code)];
        for (name, text) in places.into_iter().filter(|(_, text)| !text.is_empty()) {
            if let Err(error) = Path::parse(text) {
                wrong(&format!("invitations.{name}"), format!("`{text}`: {error}"));
            }
        }
        if self.list.page_size == 0 {
            wrong("list.page_size", "expected at least 1, found 0".to_owned());
        }
        if self.list.pages_ahead == 0 {
            wrong("list.pages_ahead", "expected at least 1, found 0".to_owned());
        }
        if self.filter.supported && !self.filter.operators.iter().any(|op| op == "eq") {
            wrong("filter.operators", "without `eq` nobody can be found by a filter".to_owned());
        }
        for rate in &self.rates {
            if let Some(reason) = rate.mistake() {
                wrong("rates", reason);
            }
        }
        let endpoints = [
            ("endpoints.users", &self.endpoints.users),
            ("endpoints.groups", &self.endpoints.groups),
            ("endpoints.service_provider_config", &self.endpoints.service_provider_config),
            ("endpoints.schemas", &self.endpoints.schemas),
            ("endpoints.resource_types", &self.endpoints.resource_types),
            ("endpoints.bulk", &self.endpoints.bulk),
        ];
        for (key, path) in endpoints {
            if !path.is_empty() && !path.starts_with('/') {
                wrong(key, format!("`{path}` must begin with a slash"));
            }
        }
        if self.endpoints.users.is_empty() {
            wrong("endpoints.users", "a service without accounts is no target".to_owned());
        }
        let refused = self.lifecycle.delete == Delete::None;
        if self.lifecycle.deactivate == Deactivate::Delete && refused {
            let reason =
                "accounts are taken out of use by DELETE, which `lifecycle.delete` refuses";
            wrong("lifecycle.deactivate", reason.to_owned());
        }
        if self.write.update == Update::PutChanges && self.write.clear == Clear::Remove {
            let reason = "a PUT that keeps what it does not name cannot take a value away like this: write \"empty\" or \"null\"";
            wrong("write.clear", reason.to_owned());
        }
        if self.bulk.when == Use::Always && self.endpoints.bulk.is_empty() {
            wrong("bulk.use", "there is no `endpoints.bulk` to send to".to_owned());
        }
        if let Err((key, reason)) = self.extensions() {
            wrong(&format!("attributes.\"{key}\""), reason);
        }
        found
    }

    /// The schemas of the RFCs, with what the profile says of other attributes.
    ///
    /// # Errors
    /// The key of `attributes` that is wrong, and why.
    pub fn schemas(&self) -> Result<SchemaSet, (String, String)> {
        let standard = self.names_of(SchemaSet::standard());
        Ok(self.extensions()?.into_iter().fold(standard, SchemaSet::with))
    }

    /// Schemas as they are where an account may be known by its `externalId` alone: the profile does not require `userName`.
    #[must_use]
    pub fn names_of(&self, schemas: SchemaSet) -> SchemaSet {
        let is_name = |name: &str| name.eq_ignore_ascii_case("userName");
        let user = schemas.get(Resource::User.schema()).cloned();
        match user {
            Some(mut user) if !self.write.required.iter().any(|name| is_name(name)) => {
                for attribute in user.attributes.iter_mut().filter(|known| is_name(&known.name)) {
                    attribute.required = false;
                }
                schemas.with(user)
            }
            _ => schemas,
        }
    }

    /// The extensions that the profile describes.
    pub fn extensions(&self) -> Result<Vec<Schema>, (String, String)> {
        let mut extensions: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        for (text, kind) in &self.attributes {
            let wrong = |reason: String| (text.clone(), reason);
            let (kind, multi) = match kind.strip_suffix("[]") {
                Some(kind) => (kind, true),
                None => (kind.as_str(), false),
            };
            if !TYPES.contains(&kind) {
                let types = TYPES.join(", ");
                return Err(wrong(format!(
                    "`{kind}` is no type; there are {types}, and each with [] for a list"
                )));
            }
            let (urn, name) = text
                .rsplit_once(':')
                .filter(|(urn, _)| urn.to_ascii_lowercase().starts_with("urn:"))
                .ok_or_else(|| {
                    wrong(
                        "expected an attribute of an extension: a URN, a colon, a name".to_owned(),
                    )
                })?;
            let attribute = json!({ "name": name, "type": kind, "multiValued": multi });
            extensions.entry(urn).or_default().push(attribute);
        }
        let schema = |(urn, attributes): (&str, Vec<Json>)| {
            let schema = json!({ "id": urn, "name": urn, "attributes": attributes });
            serde_json::from_value(schema).map_err(|error| (urn.to_owned(), error.to_string()))
        };
        extensions.into_iter().map(schema).collect()
    }
}
