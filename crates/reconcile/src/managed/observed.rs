//! What of a resource at the target a plan has to know. Anything else that the target answers is forgotten here (invariant 4).

use std::fmt;

use peoplesync_scim::Filter;
use peoplesync_scim::path::Path;
use peoplesync_scim::resource::{get, member};
use peoplesync_scim::value::{is_unassigned, reference_id};
use serde_json::Value as Json;

use super::{Managed, ManagedAttribute};

/// What a plan has to know of an account at the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The id.
    pub id: String,
    /// What people call it: `userName`, or else `displayName`, or else the id.
    pub name: String,
    /// `meta.version` (RFC 7643 §3.1), the ETag.
    pub version: Option<String>,
    /// Whether it is in use; `None` if the target does not say.
    pub active: Option<bool>,
    /// One a slot; null is no value. A reference is the id alone.
    values: Box<[Json]>,
    /// The slots whose value filter finds no element.
    elementless: Box<[u16]>,
    /// One an attribute that accounts are looked up by: all its values in their canonical form.
    matches: Box<[Box<[String]>]>,
    /// Which filter protects it.
    protected_by: Option<usize>,
    /// Which filter says that it is an administrator's.
    administrator_by: Option<usize>,
    /// Which filter keeps it when its person leaves.
    kept_by: Option<usize>,
}

/// Why an answer of the target is no resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObserveError {
    /// It is not a JSON object.
    NoObject,
    /// It has no `id`.
    NoId,
}

impl Managed {
    /// What a plan has to know of a resource that the target answered.
    ///
    /// # Errors
    /// When it is no object or has no id.
    pub fn observe(&self, resource: &Json) -> Result<Observed, ObserveError> {
        if !resource.is_object() {
            return Err(ObserveError::NoObject);
        }
        let text = |name: &str| match member(resource, name) {
            Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Json::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let id = text("id").ok_or(ObserveError::NoId)?;
        let name = text("userName").or_else(|| text("displayName")).unwrap_or_else(|| id.clone());
        let version = member(resource, "meta").and_then(|meta| member(meta, "version"));
        let values = self.attributes.iter().zip(&self.details).map(|(attribute, detail)| {
            if attribute.create_only || detail.hidden {
                Json::Null
            } else {
                read(resource, attribute)
            }
        });
        let elementless = (0u16..).zip(&self.details).filter_map(|(slot, detail)| {
            get(resource, detail.element.as_ref()?).is_none().then_some(slot)
        });
        let matches = (0..self.lookup_slots.len()).map(|index| {
            let path = &self.attribute(self.lookup_slots[index]).path;
            let values = values_at(resource, path).into_iter();
            let mut values: Vec<String> =
                values.filter_map(|value| self.match_form(index, value)).collect();
            values.sort();
            values.dedup();
            values.into_boxed_slice()
        });
        Ok(Observed {
            name,
            version: version.and_then(Json::as_str).map(str::to_owned),
            active: get(resource, &self.active).and_then(boolean),
            values: values.collect(),
            elementless: elementless.collect(),
            matches: matches.collect(),
            protected_by: self.first(&self.protect, resource),
            administrator_by: self.first(&self.administrators, resource),
            kept_by: self.first(&self.kept, resource),
            id,
        })
    }

    /// The first of these filters that the resource satisfies.
    fn first(&self, filters: &[Filter], resource: &Json) -> Option<usize> {
        filters.iter().position(|filter| filter.matches(resource, &self.schemas))
    }
}

impl Observed {
    /// The value in a slot; `None` for nothing. Attributes that are written only on creation, and those that the target
    /// never returns, have none.
    #[must_use]
    pub fn value(&self, slot: u16) -> Option<&Json> {
        self.values.get(usize::from(slot)).filter(|value| !value.is_null())
    }

    /// Whether the value filter of a slot's path finds an element. True for a path without a filter.
    #[must_use]
    pub fn has_element(&self, slot: u16) -> bool {
        !self.elementless.contains(&slot)
    }

    /// Which of [`Managed::protect`] the account satisfies first.
    #[must_use]
    pub fn protected_by(&self) -> Option<usize> {
        self.protected_by
    }

    /// Which of [`Managed::administrators`] the account satisfies first.
    #[must_use]
    pub fn administrator_by(&self) -> Option<usize> {
        self.administrator_by
    }

    /// Which of [`Managed::kept`] the account satisfies first.
    #[must_use]
    pub fn kept_by(&self) -> Option<usize> {
        self.kept_by
    }

    /// The values by which accounts are matched, in their canonical form, each with the place of its attribute in
    /// [`Managed::match_by`].
    pub fn matches(&self) -> impl Iterator<Item = (usize, &str)> {
        let attributes = self.matches.iter().enumerate();
        attributes.flat_map(|(index, values)| values.iter().map(move |value| (index, &**value)))
    }
}

/// The value of an attribute; null for none.
fn read(resource: &Json, attribute: &ManagedAttribute) -> Json {
    match get(resource, &attribute.path).filter(|value| !is_unassigned(value)) {
        Some(value) if attribute.reference => {
            reference_id(value).map_or_else(|| value.clone(), Json::String)
        }
        Some(value) => value.clone(),
        None => Json::Null,
    }
}

/// A boolean; some providers send one as text.
pub(crate) fn boolean(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(value) => Some(*value),
        Json::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Json::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// All values at a path: `emails.value` has as many as there are e-mails, where `get` picks one.
fn values_at<'a>(resource: &'a Json, path: &Path) -> Vec<&'a Json> {
    let elements = match path.filter() {
        Some(_) => None,
        None => get(resource, &path.root()).and_then(Json::as_array),
    };
    let leaves: Vec<&Json> = match (elements, path.sub()) {
        (Some(elements), Some(sub)) => elements
            .iter()
            .filter_map(|element| match element {
                Json::Object(_) => member(element, sub),
                scalar => sub.eq_ignore_ascii_case("value").then_some(scalar),
            })
            .collect(),
        _ => get(resource, path).into_iter().collect(),
    };
    leaves
        .into_iter()
        .flat_map(|leaf| match leaf {
            Json::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        })
        .collect()
}

impl fmt::Display for ObserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoObject => "the target's answer is no resource: it is not a JSON object",
            Self::NoId => "the target's answer is no resource: it has no id",
        })
    }
}

impl std::error::Error for ObserveError {}
