//! Which attributes are part of an answer: `attributes` and `excludedAttributes` (RFC 7644 §3.9), and `returned` of the
//! schemas.

use peoplesync_scim::error::scim_type;
use peoplesync_scim::schema::{Attribute, Returned};
use peoplesync_scim::value::is_unassigned;
use peoplesync_scim::{Path, Resource, SchemaSet, ScimError, urn};
use serde_json::{Map, Value as Json};

use crate::schemas::top;

/// What a client wants to see.
#[derive(Debug, Default)]
pub(crate) enum Selection {
    /// What is returned by default.
    #[default]
    Default,
    /// These, and what is always returned.
    Only(Vec<Name>),
    /// All but these; what is always returned stays.
    Without(Vec<Name>),
}

/// An attribute, one of its sub-attributes, or all attributes of an extension.
#[derive(Debug)]
pub(crate) struct Name {
    urn: Option<String>,
    attribute: Option<String>,
    sub: Option<String>,
}

impl Selection {
    /// Reads both parameters.
    ///
    /// # Errors
    /// 400 `invalidValue` for both at once and for what is no attribute name.
    pub(crate) fn new(
        only: Option<Vec<String>>,
        without: Option<Vec<String>>,
        schemas: &SchemaSet,
    ) -> Result<Self, ScimError> {
        let read = |names: Vec<String>| -> Result<Vec<Name>, ScimError> {
            names.iter().map(|name| Name::parse(name, schemas)).collect()
        };
        match (only, without) {
            (Some(_), Some(_)) => {
                let detail = "`attributes` and `excludedAttributes` exclude each other";
                Err(ScimError::new(400, scim_type::INVALID_VALUE, detail))
            }
            (Some(only), None) if !only.is_empty() => Ok(Self::Only(read(only)?)),
            (None, Some(without)) => Ok(Self::Without(read(without)?)),
            _ => Ok(Self::Default),
        }
    }

    /// Whether the whole resource is wanted, as far as these names go.
    pub(crate) fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }

    /// Takes out what is not wanted.
    pub(crate) fn apply(&self, value: &mut Json, resource: Resource, schemas: &SchemaSet) {
        let Json::Object(members) = value else { return };
        let whole = std::mem::take(members);
        for (key, value) in whole {
            if let Some(extension) = schemas.get(&key).filter(|_| key.contains(':')) {
                let Json::Object(inner) = value else { continue };
                let kept =
                    self.members(inner, Some(&key), |name| find(extension.attributes.iter(), name));
                if !kept.is_empty() {
                    members.insert(key, Json::Object(kept));
                }
                continue;
            }
            let one = Map::from_iter([(key, value)]);
            members.extend(self.members(one, None, |name| find(top(schemas, resource), name)));
        }
    }

    fn members<'a>(
        &self,
        members: Map<String, Json>,
        urn: Option<&str>,
        known: impl Fn(&str) -> Option<&'a Attribute>,
    ) -> Map<String, Json> {
        let keep = |(name, value): (String, Json)| {
            let attribute = known(&name);
            let value = self.attribute(value, urn, &name, attribute)?;
            Some((name, value))
        };
        members.into_iter().filter_map(keep).collect()
    }

    /// The part of an attribute that is wanted.
    fn attribute(
        &self,
        value: Json,
        urn: Option<&str>,
        name: &str,
        attribute: Option<&Attribute>,
    ) -> Option<Json> {
        let returned = attribute.map_or(Returned::Default, |attribute| attribute.returned);
        match (self, returned) {
            (_, Returned::Never) => None,
            (_, Returned::Always) => Some(value),
            (Self::Default, Returned::Request) => None,
            (Self::Default, Returned::Default) => Some(value),
            (Self::Only(names), _) => {
                let hits: Vec<&Name> = names.iter().filter(|hit| hit.covers(urn, name)).collect();
                if hits.iter().any(|hit| hit.sub.is_none()) {
                    return Some(value);
                }
                let value = (!hits.is_empty()).then(|| {
                    parts(value, &|sub| {
                        let always = attribute
                            .and_then(|attribute| attribute.sub(sub))
                            .is_some_and(|sub| sub.returned == Returned::Always);
                        always || hits.iter().any(|hit| hit.is_sub(sub))
                    })
                });
                value.filter(|value| !is_unassigned(value))
            }
            (Self::Without(names), returned) => {
                let hits: Vec<&Name> = names.iter().filter(|hit| hit.covers(urn, name)).collect();
                if returned == Returned::Request || hits.iter().any(|hit| hit.sub.is_none()) {
                    return None;
                }
                let value = parts(value, &|sub| !hits.iter().any(|hit| hit.is_sub(sub)));
                Some(value).filter(|value| !is_unassigned(value))
            }
        }
    }
}

impl Name {
    fn parse(text: &str, schemas: &SchemaSet) -> Result<Self, ScimError> {
        if let Some(schema) = schemas.get(text) {
            return Ok(Self { urn: Some(schema.id.clone()), attribute: None, sub: None });
        }
        let path = Path::parse(text).map_err(|error| {
            ScimError::new(
                400,
                scim_type::INVALID_VALUE,
                format!("attribute name `{text}`: {error}"),
            )
        })?;
        Ok(Self {
            urn: path.urn().map(ToOwned::to_owned),
            attribute: Some(path.attribute().to_owned()),
            sub: path.sub().map(ToOwned::to_owned),
        })
    }

    fn covers(&self, urn: Option<&str>, name: &str) -> bool {
        let same_urn = match (self.urn.as_deref(), urn) {
            (None, None) => true,
            (Some(a), Some(b)) => urn::same(a, b),
            (Some(core), None) => urn::is_core(core),
            (None, Some(_)) => false,
        };
        same_urn && self.attribute.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
    }

    fn is_sub(&self, name: &str) -> bool {
        self.sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case(name))
    }
}

fn find<'a>(mut known: impl Iterator<Item = &'a Attribute>, name: &str) -> Option<&'a Attribute> {
    known.find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The wanted sub-attributes of each element.
fn parts(value: Json, wanted: &dyn Fn(&str) -> bool) -> Json {
    match value {
        Json::Array(elements) => {
            Json::Array(elements.into_iter().map(|element| parts(element, wanted)).collect())
        }
        Json::Object(mut members) => {
            members.retain(|name, _| wanted(name));
            Json::Object(members)
        }
        scalar => scalar,
    }
}
