//! The flat set of managed attributes: what the mapping says a resource should be, and where the target differs.
//! Deciding what to do about a difference is the planner's business.

use std::collections::BTreeSet;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

use crate::path::Path;
use crate::resource;
use crate::schema::{AttributeRef, Kind, Mutability, Resource, Returned, SchemaSet};
use crate::value::{self, is_unassigned, reference_id};

/// What a managed attribute should be. An attribute to be left alone has no assignment.
#[derive(Debug, Clone, PartialEq)]
pub enum Assignment {
    /// It should have this value.
    Set(Json),
    /// It should have none.
    Clear,
}

impl Assignment {
    /// The value, if there should be one. Null and an empty list are none.
    pub fn value(&self) -> Option<&Json> {
        match self {
            Self::Set(value) if !is_unassigned(value) => Some(value),
            _ => None,
        }
    }
}

/// The managed attributes of one resource, sorted by path, each path once.
///
/// A list holds each element once: providers drop repeated ones (RFC 7643 §2.4), and would differ for ever.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    entries: Vec<(Path, Assignment)>,
}

/// One attribute that is not what it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Which attribute.
    pub path: Path,
    /// What the target has; `None` for nothing. The id alone for a reference that is desired as an id.
    pub before: Option<Json>,
    /// What it should have; `None` for nothing.
    pub after: Option<Json>,
}

impl Desired {
    /// Nothing is managed.
    pub fn new() -> Self {
        Self::default()
    }

    /// The assignment of a path.
    pub fn get(&self, path: &Path) -> Option<&Assignment> {
        let at = self.position(path).ok()?;
        self.entries.get(at).map(|(_, assignment)| assignment)
    }

    /// All assignments in the order of their paths.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Path, &Assignment)> {
        self.entries.iter().map(|(path, assignment)| (path, assignment))
    }

    /// Manages a path; gives back the assignment that it had.
    pub fn insert(&mut self, path: Path, mut assignment: Assignment) -> Option<Assignment> {
        if let Assignment::Set(Json::Array(elements)) = &mut assignment {
            drop_repeated(&path, elements);
        }
        match self.position(&path) {
            Ok(at) => {
                let slot = self.entries.get_mut(at)?;
                Some(std::mem::replace(&mut slot.1, assignment))
            }
            Err(at) => {
                self.entries.insert(at, (path, assignment));
                None
            }
        }
    }

    /// Leaves a path to the target; gives back the assignment that it had.
    pub fn remove(&mut self, path: &Path) -> Option<Assignment> {
        let at = self.position(path).ok()?;
        Some(self.entries.remove(at).1)
    }

    /// How many paths are managed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is managed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What a new resource begins with: all paths that should have a value.
    pub fn values(&self) -> Vec<(Path, Json)> {
        let entries = self.entries.iter();
        entries.filter_map(|(path, wanted)| Some((path.clone(), wanted.value()?.clone()))).collect()
    }

    /// The managed attributes that are not what they should be, in the order of their paths.
    ///
    /// - Only managed paths are looked at, and of complex values only the sub-attributes that are desired.
    /// - A scalar desired for a single complex attribute (the manager) is compared with the id in it.
    /// - An empty string is no difference to "no value": many providers keep one after a removal.
    /// - Attributes that are never returned (`password`) are left out: nobody can tell whether they differ.
    pub fn difference(
        &self,
        observed: &Json,
        resource: Resource,
        schemas: &SchemaSet,
    ) -> Vec<Difference> {
        let differences = self.entries.iter().filter_map(|(path, assignment)| {
            let attribute = schemas.resolve(resource, path);
            if attribute.is_some_and(is_hidden) {
                return None;
            }
            let wanted = assignment.value();
            let found = match wanted {
                Some(_) => resource::get(observed, path),
                None => resource::clearable(observed, path),
            };
            compare(path, wanted, found, attribute)
        });
        differences.collect()
    }

    fn position(&self, path: &Path) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.cmp(path))
    }
}

/// Keeps the first of elements that are the same; by text alone where no standard schema says when they are.
fn drop_repeated(path: &Path, elements: &mut Vec<Json>) {
    let attribute = SchemaSet::shared().resolve_any(path);
    let mut seen = BTreeSet::new();
    elements.retain(|element| {
        let form = match attribute {
            Some(_) => value::canonical(attribute, element).to_string(),
            None => element.to_string(),
        };
        seen.insert(form)
    });
}

fn is_hidden(attribute: AttributeRef<'_>) -> bool {
    attribute.returned == Returned::Never || attribute.mutability == Mutability::WriteOnly
}

fn compare(
    path: &Path,
    desired: Option<&Json>,
    observed: Option<&Json>,
    attribute: Option<AttributeRef<'_>>,
) -> Option<Difference> {
    let observed = observed.filter(|value| !is_unassigned(value));
    let alike = match (desired, observed) {
        (None, None) => true,
        (None, Some(observed)) => observed.as_str() == Some(""),
        (Some(_), None) => false,
        (Some(desired), Some(observed)) => value::covers(attribute, observed, desired),
    };
    if alike {
        return None;
    }
    let is_id = |value: &Json| value.is_string() || value.is_number();
    let single = attribute
        .is_none_or(|attribute| attribute.kind == Kind::Complex && !attribute.multi_valued);
    let before = match observed {
        Some(object @ Json::Object(_)) if single && desired.is_none_or(is_id) => {
            reference_id(object).map_or_else(|| object.clone(), Json::String)
        }
        other => other.cloned().unwrap_or_default(),
    };
    Some(Difference {
        path: path.clone(),
        before: observed.is_some().then_some(before),
        after: desired.cloned(),
    })
}

impl FromIterator<(Path, Assignment)> for Desired {
    /// Of two assignments of the same path the later one counts.
    fn from_iter<I: IntoIterator<Item = (Path, Assignment)>>(entries: I) -> Self {
        let mut desired = Self::new();
        for (path, assignment) in entries {
            desired.insert(path, assignment);
        }
        desired
    }
}

impl Serialize for Desired {
    /// An object of path and value; null for a path that should have none.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for (path, assignment) in &self.entries {
            map.serialize_entry(path, &assignment.value())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
