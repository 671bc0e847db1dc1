//! The bodies of POST, PATCH and PUT, from managed attributes and their differences.
//! They follow the RFCs; how a provider departs from them is its profile's business.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::desired::Difference;
use crate::filter::Filter;
use crate::path::Path;
use crate::resource::{self, key_of};
use crate::schema::{Resource, SchemaSet};
use crate::urn;
use crate::value::is_unassigned;

/// The body that creates a resource (RFC 7644 §3.3), with every URN that it uses in `schemas`.
pub fn create_body(resource: Resource, values: &[(Path, Json)]) -> Json {
    create_body_of(resource, values.iter().map(|(path, value)| (path, value)))
}

/// The same from values that stand anywhere.
pub fn create_body_of<'v>(
    resource: Resource,
    values: impl IntoIterator<Item = (&'v Path, &'v Json)>,
) -> Json {
    let mut body = json!({ "schemas": [resource.schema()] });
    for (path, value) in values {
        if !is_unassigned(value) {
            resource::set(&mut body, path, wrap_reference(path, value));
        }
    }
    list_extensions(&mut body);
    body
}

/// The PATCH (RFC 7644 §3.5.2) that makes the differences vanish: one operation an attribute, in the order of the paths.
///
/// `observed` is the resource as it was when the differences were found; without it, `before` alone tells what exists.
///
/// - A value filter that finds no element would be refused (`noTarget`), so all sub-attributes of a new element are added together
///   as one element of the list.
/// - A value filter that finds several elements would change all of them; then the whole list is replaced by what it
///   should be. So is it for a sub-attribute of a list without a filter (`emails.value`).
pub fn patch_body(
    differences: &[Difference],
    observed: Option<&Json>,
    schemas: &SchemaSet,
) -> Json {
    patch(differences, observed, schemas, false)
}

/// As [`patch_body`], for a provider that cannot address one element of a list: each list is written whole.
pub fn patch_body_with_whole_lists(
    differences: &[Difference],
    observed: &Json,
    schemas: &SchemaSet,
) -> Json {
    patch(differences, Some(observed), schemas, true)
}

fn patch(
    differences: &[Difference],
    observed: Option<&Json>,
    schemas: &SchemaSet,
    whole_lists: bool,
) -> Json {
    let mut operations = Vec::new();
    let spelled: Vec<Difference> = differences
        .iter()
        .map(|difference| Difference {
            path: schemas.spelled(&difference.path),
            ..difference.clone()
        })
        .collect();
    let mut left = spelled.as_slice();
    while let Some(first) = left.first() {
        let same = left.iter().take_while(|other| other.path.same_root(&first.path)).count();
        let (group, rest) = left.split_at(same);
        match observed {
            Some(observed)
                if needs_whole(group, observed, schemas)
                    || whole_lists && group.iter().any(|change| change.path.filter().is_some()) =>
            {
                operations.push(whole(group, observed));
            }
            _ => parts(group, observed, &mut operations),
        }
        left = rest;
    }
    json!({ "schemas": [urn::PATCH_OP], "Operations": operations })
}

/// The body of a PUT (RFC 7644 §3.5.1) that makes the differences vanish and keeps everything else that was observed.
///
/// `meta` and `groups`, which only the provider writes, are left out; `id` stays.
pub fn put_body(observed: &Json, differences: &[Difference]) -> Json {
    let mut body = observed.clone();
    if let Json::Object(members) = &mut body {
        members.retain(|name, value| {
            !["meta", "groups"].iter().any(|read_only| read_only.eq_ignore_ascii_case(name))
                && !value.is_null()
        });
    }
    apply(&mut body, differences);
    list_extensions(&mut body);
    body
}

/// As [`put_body`], but what is taken away is named, as `empty`: for a provider that keeps what a PUT does not name.
pub fn put_body_with_empties(observed: &Json, differences: &[Difference], empty: &Json) -> Json {
    let mut body = put_body(observed, differences);
    for Difference { path, .. } in differences {
        let root = path.root();
        if resource::get(&body, &root).is_none() {
            resource::set_even_null(&mut body, &root, empty.clone());
        }
    }
    body
}

/// The body of a PUT for a provider that keeps what a PUT does not name: the changed attributes alone, each as a whole. What is
/// taken away becomes `empty`, an empty text or null.
pub fn changes_body(
    resource: Resource,
    observed: &Json,
    differences: &[Difference],
    empty: &Json,
) -> Json {
    let mut merged = observed.clone();
    apply(&mut merged, differences);
    let mut body = json!({ "schemas": [resource.schema()] });
    if let Some(id) = resource::member(observed, "id") {
        body["id"] = id.clone();
    }
    for Difference { path, .. } in differences {
        let root = path.root();
        match resource::get(&merged, &root).filter(|value| !is_unassigned(value)) {
            Some(value) => {
                resource::set(&mut body, &root, value.clone());
            }
            None => resource::set_even_null(&mut body, &root, empty.clone()),
        }
    }
    list_extensions(&mut body);
    body
}

/// Clears before it sets: clearing takes an element along that has nothing else in it yet.
fn apply(resource: &mut Json, differences: &[Difference]) {
    for Difference { path, .. } in differences.iter().filter(|change| change.after.is_none()) {
        resource::clear(resource, path);
    }
    for Difference { path, after, .. } in differences {
        if let Some(value) = after {
            resource::set(resource, path, wrap_reference(path, value));
        }
    }
}

/// A manager given by its id alone is written as the complex value that RFC 7643 §4.3 asks for.
fn wrap_reference(path: &Path, value: &Json) -> Json {
    let is_manager = path.sub().is_none()
        && path.urn().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::ENTERPRISE_USER))
        && path.attribute().eq_ignore_ascii_case("manager");
    match value {
        Json::String(_) | Json::Number(_) if is_manager => json!({ "value": value }),
        other => other.clone(),
    }
}

/// Whether the attribute of these differences must be written as a whole.
fn needs_whole(group: &[Difference], observed: &Json, schemas: &SchemaSet) -> bool {
    let mut places = group.iter().map(|difference| &difference.path);
    let mixed = group.len() > 1 && places.clone().any(|path| *path == path.root());
    let is_list = |path: &Path| {
        schemas.resolve_any(&path.root()).is_some_and(|attribute| attribute.multi_valued)
            || matches!(resource::get(observed, &path.root()), Some(Json::Array(_)))
    };
    mixed
        || places.any(|path| match path.filter() {
            Some(_) => resource::count(observed, path) > 1,
            None => path.sub().is_some() && is_list(path),
        })
}

/// One operation that writes a whole attribute.
fn whole(group: &[Difference], observed: &Json) -> Json {
    let Some(first) = group.first() else { return Json::Null };
    let root = first.path.root();
    let mut merged = observed.clone();
    apply(&mut merged, group);
    let before = resource::get(observed, &root).filter(|value| !is_unassigned(value));
    operation(&root, before.is_some(), resource::get(&merged, &root))
}

/// Operations on parts of an attribute, or on one that is no list.
fn parts(group: &[Difference], observed: Option<&Json>, operations: &mut Vec<Json>) {
    let mut added: BTreeMap<&Filter, Map<String, Json>> = BTreeMap::new();
    for difference in group {
        let Difference { path, before, after } = difference;
        let exists = match observed {
            Some(observed) => resource::count(observed, path) > 0,
            None => group
                .iter()
                .any(|other| other.path.filter() == path.filter() && other.before.is_some()),
        };
        let template = path
            .filter()
            .filter(|_| !exists)
            .and_then(|filter| Some((filter, filter.template()?, after.as_ref()?)));
        let Some((filter, template, value)) = template else {
            let value = after.as_ref().map(|value| new_value(path, value, observed));
            operations.push(operation(path, before.is_some(), value.as_ref()));
            continue;
        };
        let element = added.entry(filter).or_insert(template);
        let parts = match (path.sub(), value) {
            (Some(sub), value) => Map::from_iter([(sub.to_owned(), value.clone())]),
            (None, Json::Object(members)) => members.clone(),
            (None, scalar) => Map::from_iter([("value".to_owned(), scalar.clone())]),
        };
        for (name, value) in parts {
            let key = key_of(element, &name).unwrap_or(name);
            element.insert(key, value);
        }
    }
    if let (Some(first), false) = (group.first(), added.is_empty()) {
        let elements: Vec<Json> = added.into_values().map(Json::Object).collect();
        operations.push(operation(&first.path.root(), false, Some(&Json::Array(elements))));
    }
}

/// The value to send. Replacing an element replaces all of it, so what the desired value does not name is sent along.
fn new_value(path: &Path, value: &Json, observed: Option<&Json>) -> Json {
    let existing = observed.filter(|_| path.filter().is_some() && path.sub().is_none());
    let merged = existing.and_then(|observed| {
        let mut merged = observed.clone();
        resource::set(&mut merged, path, value.clone());
        resource::get(&merged, path).cloned()
    });
    merged.unwrap_or_else(|| wrap_reference(path, value))
}

fn operation(path: &Path, exists: bool, value: Option<&Json>) -> Json {
    match value {
        None => json!({ "op": "remove", "path": path }),
        Some(value) if exists => json!({ "op": "replace", "path": path, "value": value }),
        Some(value) => json!({ "op": "add", "path": path, "value": value }),
    }
}

/// Adds the URN of each extension object to `schemas`.
pub(crate) fn list_extensions(resource: &mut Json) {
    let Some(members) = resource.as_object_mut() else { return };
    let used: Vec<String> = members
        .keys()
        .filter(|key| urn::strip_prefix_ignore_case(key, "urn:").is_some())
        .cloned()
        .collect();
    let key = key_of(members, "schemas").unwrap_or_else(|| "schemas".to_owned());
    let slot = members.entry(key).or_insert_with(|| json!([]));
    if let Json::Array(listed) = slot {
        for urn in used {
            if !listed
                .iter()
                .any(|known| known.as_str().is_some_and(|known| urn::same(known, &urn)))
            {
                listed.push(Json::String(urn));
            }
        }
    }
}

#[cfg(test)]
mod tests;
