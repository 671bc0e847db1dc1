//! Evaluates filters on resources (RFC 7644 §3.4.2.2).

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::{Filter, Op};
use crate::error::{ScimError, scim_type};
use crate::path::Path;
use crate::resource::{extension, member};
use crate::schema::{AttributeRef, Kind, Resource, SchemaSet};
use crate::value::time::{self, Instant};
use crate::value::{self, is_unassigned};

pub(super) fn resource(filter: &Filter, resource: &Json, schemas: &SchemaSet) -> bool {
    let kind = kind_of(resource);
    evaluate(filter, &Scope::Resource { resource, schemas, kind })
}

pub(super) fn element(filter: &Filter, element: &Json) -> bool {
    evaluate(filter, &Scope::Element { element, attribute: None })
}

pub(super) fn element_of(filter: &Filter, element: &Json, attribute: AttributeRef<'_>) -> bool {
    evaluate(filter, &Scope::Element { element, attribute: Some(attribute) })
}

/// Refuses comparisons that make no sense for the type of their attribute, which `resolve` finds.
pub(super) fn check<'a>(
    filter: &Filter,
    resolve: &dyn Fn(&Path) -> Option<AttributeRef<'a>>,
) -> Result<(), ScimError> {
    let inside = |path: &Path| {
        let Some(inner) = path.filter() else { return Ok(()) };
        let whole = resolve(&path.root());
        check(inner, &|sub| whole.and_then(|whole| whole.child(sub.attribute())))
    };
    match filter {
        Filter::And(terms) | Filter::Or(terms) => {
            terms.iter().try_for_each(|term| check(term, resolve))
        }
        Filter::Not(inner) => check(inner, resolve),
        Filter::Present(path) | Filter::ValuePath(path) => inside(path),
        Filter::Compare { path, op, value } => {
            inside(path)?;
            let Some(attribute) = resolve(path) else { return Ok(()) };
            // A complex attribute is compared by its default sub-attribute.
            let attribute = attribute.child("value").unwrap_or(attribute);
            let problem = match (op, attribute.kind) {
                (
                    Op::Gt | Op::Ge | Op::Lt | Op::Le,
                    Kind::Boolean | Kind::Binary | Kind::Complex,
                ) => "values of this type have no order",
                (Op::Co | Op::Sw | Op::Ew, Kind::Boolean | Kind::Complex) => {
                    "only text can be searched"
                }
                (Op::Gt | Op::Ge | Op::Lt | Op::Le, Kind::DateTime) if instant(value).is_none() => {
                    "expected a time such as \"2026-01-31T08:30:00Z\""
                }
                _ => return Ok(()),
            };
            let detail = format!("`{path} {}`: {problem}", op.name());
            Err(ScimError::new(400, scim_type::INVALID_FILTER, detail))
        }
    }
}

/// What a resource is, by its own word; a User unless it says Group.
fn kind_of(resource: &Json) -> Resource {
    let says_group = |schemas: &Json| {
        let group = Resource::Group.schema();
        let is_group = |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(group));
        schemas.as_array().is_some_and(|urns| urns.iter().any(is_group))
    };
    let group = member(resource, "schemas").is_some_and(says_group)
        || member(resource, "meta").and_then(|meta| member(meta, "resourceType"))
            == Some(&Json::String("Group".to_owned()));
    if group { Resource::Group } else { Resource::User }
}

/// Where the names of a filter are looked up.
enum Scope<'a> {
    Resource { resource: &'a Json, schemas: &'a SchemaSet, kind: Resource },
    Element { element: &'a Json, attribute: Option<AttributeRef<'a>> },
}

impl<'a> Scope<'a> {
    fn attribute(&self, path: &Path) -> (Option<&'a Json>, Option<AttributeRef<'a>>) {
        match self {
            Self::Resource { resource, schemas, kind } => {
                let holder = match path.urn() {
                    Some(urn) => extension(resource, urn),
                    None => Some(*resource),
                };
                let value = holder.and_then(|holder| member(holder, path.attribute()));
                (value, schemas.resolve(*kind, &path.root()))
            }
            Self::Element { element, attribute } => {
                let sub = attribute.and_then(|attribute| attribute.child(path.attribute()));
                let value = match element {
                    Json::Object(_) => member(element, path.attribute()),
                    scalar => path.attribute().eq_ignore_ascii_case("value").then_some(*scalar),
                };
                (value, sub)
            }
        }
    }

    /// All values at a path, each with its schema.
    fn values(&self, path: &Path) -> Vec<(&'a Json, Option<AttributeRef<'a>>)> {
        let (Some(found), attribute) = self.attribute(path) else { return Vec::new() };
        let elements = match found {
            Json::Array(elements) => elements.as_slice(),
            one => std::slice::from_ref(one),
        };
        let matching = elements.iter().filter(|element| match path.filter() {
            Some(filter) => evaluate(filter, &Scope::Element { element, attribute }),
            None => true,
        });
        let Some(sub) = path.sub() else {
            return matching.map(|element| (element, attribute)).collect();
        };
        let child = attribute.and_then(|attribute| attribute.child(sub));
        let leaves = matching.filter_map(|element| match element {
            Json::Object(_) => member(element, sub),
            scalar => sub.eq_ignore_ascii_case("value").then_some(scalar),
        });
        let flat = leaves.flat_map(|leaf| match leaf {
            Json::Array(elements) => elements.as_slice(),
            one => std::slice::from_ref(one),
        });
        flat.map(|leaf| (leaf, child)).collect()
    }
}

fn evaluate(filter: &Filter, scope: &Scope<'_>) -> bool {
    match filter {
        Filter::And(terms) => terms.iter().all(|term| evaluate(term, scope)),
        Filter::Or(terms) => terms.iter().any(|term| evaluate(term, scope)),
        Filter::Not(inner) => !evaluate(inner, scope),
        Filter::ValuePath(path) => !scope.values(path).is_empty(),
        Filter::Present(path) => scope.values(path).iter().any(|(value, _)| is_present(value)),
        Filter::Compare { path, op, value } => {
            let mut values = scope.values(path);
            values.retain(|(value, _)| !is_unassigned(value));
            if values.is_empty() {
                return match op {
                    Op::Eq => value.is_null(),
                    Op::Ne => !value.is_null(),
                    _ => false,
                };
            }
            values.into_iter().any(|(found, attribute)| compare(*op, found, attribute, value))
        }
    }
}

/// RFC 7644 table 3: a value that is not empty.
fn is_present(value: &Json) -> bool {
    !is_unassigned(value) && value.as_str() != Some("")
}

fn compare(op: Op, found: &Json, attribute: Option<AttributeRef<'_>>, wanted: &Json) -> bool {
    if let Json::Object(_) = found {
        // A complex attribute is compared by its default sub-attribute.
        let child = attribute.and_then(|attribute| attribute.child("value"));
        return match member(found, "value") {
            Some(value) if !value.is_object() => compare(op, value, child, wanted),
            _ => op == Op::Ne,
        };
    }
    match op {
        Op::Eq => value::same(attribute, found, wanted),
        Op::Ne => !value::same(attribute, found, wanted),
        Op::Co | Op::Sw | Op::Ew => {
            let (Some(found), Some(wanted)) = (text(attribute, found), text(attribute, wanted))
            else {
                return false;
            };
            match op {
                Op::Co => found.contains(&wanted),
                Op::Sw => found.starts_with(&wanted),
                _ => found.ends_with(&wanted),
            }
        }
        Op::Gt | Op::Ge | Op::Lt | Op::Le => match order(attribute, found, wanted) {
            Some(Ordering::Less) => matches!(op, Op::Lt | Op::Le),
            Some(Ordering::Equal) => matches!(op, Op::Le | Op::Ge),
            Some(Ordering::Greater) => matches!(op, Op::Gt | Op::Ge),
            None => false,
        },
    }
}

/// A value as text, without letter case unless it counts.
fn text(attribute: Option<AttributeRef<'_>>, value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(if attribute.is_some_and(value::is_exact) { text } else { value::fold(&text) })
}

fn order(attribute: Option<AttributeRef<'_>>, found: &Json, wanted: &Json) -> Option<Ordering> {
    match attribute.map(|attribute| attribute.kind) {
        Some(Kind::Boolean | Kind::Binary | Kind::Complex) => None,
        Some(Kind::DateTime) => Some(instant(found)?.cmp(&instant(wanted)?)),
        Some(Kind::Integer | Kind::Decimal) => number(found)?.partial_cmp(&number(wanted)?),
        _ if found.is_number() && wanted.is_number() => {
            number(found)?.partial_cmp(&number(wanted)?)
        }
        _ => Some(text(attribute, found)?.cmp(&text(attribute, wanted)?)),
    }
}

fn instant(value: &Json) -> Option<Instant> {
    match value {
        Json::String(text) => time::parse(text),
        Json::Number(number) => Some(Instant { seconds: number.as_i64()?, nanos: 0 }),
        _ => None,
    }
}

fn number(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}
