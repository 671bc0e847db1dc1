//! Reading, setting and clearing a path in a resource. Lenient in what it meets: names in any letter case, lists where one
//! value is expected and the other way round. What a service provider must refuse is `patch`'s business.

use serde_json::{Map, Value as Json};

use crate::filter::Filter;
use crate::path::Path;
use crate::schema::{SchemaSet, is_primary};
use crate::urn;
use crate::value::{is_unassigned, lift};

/// The id of a resource. Some services write it as a number.
pub fn id(resource: &Json) -> Option<String> {
    member(resource, "id").and_then(crate::value::reference_id).filter(|id| !id.is_empty())
}

/// A member of an object; letter case of the name does not count. `None` for anything but an object.
pub fn member<'a>(object: &'a Json, name: &str) -> Option<&'a Json> {
    let members = object.as_object()?;
    members.get(name).or_else(|| {
        let mut others = members.iter();
        others.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// The object of an extension schema; letter case and the SCIM 1.1 spelling of the URN do not count.
pub fn extension<'a>(resource: &'a Json, urn: &str) -> Option<&'a Json> {
    let members = resource.as_object()?;
    members
        .get(urn)
        .or_else(|| members.iter().find(|(key, _)| urn::same(key, urn)).map(|(_, value)| value))
}

/// The value at a path.
///
/// - A value filter picks the first element that satisfies it.
/// - A sub-attribute of a multi-valued attribute without a filter (`emails.value`) is that of the primary element,
///   or of the first if none is primary.
/// - Null is no value.
pub fn get<'a>(resource: &'a Json, path: &Path) -> Option<&'a Json> {
    let holder = match path.urn() {
        Some(urn) => extension(resource, urn)?,
        None => resource,
    };
    let attribute = member(holder, path.attribute())?;
    let element = match (path.filter(), attribute) {
        (Some(filter), Json::Array(elements)) => {
            elements.iter().find(|element| filter.matches_element(element))?
        }
        (Some(filter), one) => filter.matches_element(one).then_some(one)?,
        (None, Json::Array(elements)) if path.sub().is_some() => {
            elements.iter().find(|element| is_primary(element)).or_else(|| elements.first())?
        }
        (None, value) => value,
    };
    leaf(element, path)
}

/// The value at the end of a path, in an element or attribute.
fn leaf<'a>(element: &'a Json, path: &Path) -> Option<&'a Json> {
    let value = match (path.sub(), element) {
        (None, element) => element,
        (Some(sub), Json::Object(_)) => member(element, sub)?,
        (Some(sub), scalar) if sub.eq_ignore_ascii_case("value") => scalar,
        _ => return None,
    };
    (!value.is_null()).then_some(value)
}

/// What [`clear`] would take away: as [`get`], but from the first of all elements in question that has a value.
pub(crate) fn clearable<'a>(resource: &'a Json, path: &Path) -> Option<&'a Json> {
    let found = match get(resource, &path.root())? {
        Json::Array(elements) if path.filter().is_some() || path.sub().is_some() => elements
            .iter()
            .filter(|element| selected(path, element))
            .find_map(|element| leaf(element, path).filter(|value| !is_unassigned(value))),
        _ => get(resource, path),
    };
    found.filter(|value| !is_unassigned(value))
}

/// How many elements the value filter of a path finds; without a filter, how many values the attribute has.
pub(crate) fn count(resource: &Json, path: &Path) -> usize {
    match get(resource, &path.root()) {
        None => 0,
        Some(Json::Array(elements)) => {
            elements.iter().filter(|element| selected(path, element)).count()
        }
        Some(one) => usize::from(selected(path, one)),
    }
}

fn selected(path: &Path, element: &Json) -> bool {
    path.filter().is_none_or(|filter| filter.matches_element(element))
}

/// Sets the value at a path; null clears it.
///
/// What is missing on the way is made: the object of the extension, the list, and the element that satisfies an `eq` value
/// filter (`{"type": "work", …}`). Names that exist keep their spelling, new ones get that of the standard schemas. An element
/// set as a whole keeps the sub-attributes that the value does not name; one that becomes primary takes that from the others.
///
/// False if nothing was set, because `resource` is no object or because no element satisfies the filter and none can be made
/// from it (`emails[not (type eq "home")]`).
pub fn set(resource: &mut Json, path: &Path, value: Json) -> bool {
    if value.is_null() {
        clear(resource, path);
        return true;
    }
    let template = match path.filter() {
        Some(filter) if count(resource, path) == 0 => match filter.template() {
            Some(template) => template,
            None => return false,
        },
        _ => Map::new(),
    };
    let Some(holder) = holder(resource, path) else { return false };
    let key = key_of(holder, path.attribute()).unwrap_or_else(|| spelling(&path.root()));
    let slot = holder.entry(key).or_insert(Json::Null);
    match (path.filter(), path.sub()) {
        (None, None) => *slot = value,
        (None, Some(_)) => match slot {
            Json::Array(elements) => {
                let at = elements.iter().position(is_primary).unwrap_or(0);
                if elements.is_empty() {
                    elements.push(Json::Null);
                }
                if let Some(element) = elements.get_mut(at) {
                    set_member(element, path, value);
                }
            }
            Json::Null if is_list(path) => {
                let mut element = Json::Null;
                set_member(&mut element, path, value);
                *slot = Json::Array(vec![element]);
            }
            one => set_member(one, path, value),
        },
        (Some(filter), _) => {
            let elements = as_list(slot);
            let found = elements.iter().position(|element| filter.matches_element(element));
            let at = found.unwrap_or(elements.len());
            let was_primary = elements.get(at).is_some_and(is_primary);
            if found.is_none() {
                elements.push(Json::Object(template));
            }
            if let Some(element) = elements.get_mut(at) {
                set_element(element, path, value);
                if is_primary(element) && !was_primary {
                    demote_others(elements, at);
                }
            }
        }
    }
    true
}

/// Gives an attribute this value, be it null.
pub(crate) fn set_even_null(resource: &mut Json, root: &Path, value: Json) {
    if let Some(holder) = holder(resource, root) {
        let key = key_of(holder, root.attribute()).unwrap_or_else(|| spelling(root));
        holder.insert(key, value);
    }
}

fn set_element(element: &mut Json, path: &Path, value: Json) {
    if path.sub().is_some() {
        return set_member(element, path, value);
    }
    let (Json::Object(old), Json::Object(new)) = (lift(element), lift(&value)) else {
        *element = value;
        return;
    };
    let mut members = old;
    for (name, value) in new {
        let key = key_of(&members, &name).unwrap_or(name);
        members.insert(key, value);
    }
    *element = Json::Object(members);
}

/// One element at most is primary (RFC 7643 §2.4): the one that became so takes it from the others.
fn demote_others(elements: &mut [Json], winner: usize) {
    for (at, element) in elements.iter_mut().enumerate() {
        if at == winner || !is_primary(element) {
            continue;
        }
        if let Json::Object(members) = element {
            let key = key_of(members, "primary").unwrap_or_else(|| "primary".to_owned());
            members.insert(key, Json::Bool(false));
        }
    }
}

/// Sets the sub-attribute that a path ends in.
fn set_member(element: &mut Json, path: &Path, value: Json) {
    let Some(sub) = path.sub() else { return };
    if !element.is_object() {
        *element = if is_unassigned(element) { Json::Object(Map::new()) } else { lift(element) };
    }
    if let Json::Object(members) = element {
        let key = key_of(members, sub).unwrap_or_else(|| spelling(path));
        members.insert(key, value);
    }
}

/// Takes the value at a path away.
///
/// With a value filter from all elements that satisfy it; a sub-attribute of a multi-valued attribute without a filter from
/// all elements. An element left with nothing but the attributes of the filter, `type` and `primary` goes as well, and so do a list, a complex attribute and the object of an extension left empty.
pub fn clear(resource: &mut Json, path: &Path) {
    let Some(root) = resource.as_object_mut() else { return };
    match path.urn() {
        None => clear_in(root, path),
        Some(urn) => {
            let Some(key) = root.keys().find(|key| urn::same(key, urn)).cloned() else { return };
            let Some(Json::Object(members)) = root.get_mut(&key) else { return };
            clear_in(members, path);
            if members.is_empty() {
                root.remove(&key);
            }
        }
    }
}

fn clear_in(holder: &mut Map<String, Json>, path: &Path) {
    let Some(key) = key_of(holder, path.attribute()) else { return };
    if path.filter().is_none() && path.sub().is_none() {
        holder.remove(&key);
        return;
    }
    let Some(slot) = holder.get_mut(&key) else { return };
    match &mut *slot {
        Json::Array(elements) => {
            elements.retain_mut(|element| {
                !selected(path, element) || keep_without(element, path, true)
            });
        }
        one => {
            if selected(path, one) && !keep_without(one, path, path.filter().is_some()) {
                *one = Json::Null;
            }
        }
    }
    if is_unassigned(slot) {
        holder.remove(&key);
    }
}

/// Takes the sub-attribute out of an element; false if nothing worth keeping is left.
fn keep_without(element: &mut Json, path: &Path, labels_count_for_nothing: bool) -> bool {
    const LABELS: [&str; 2] = ["type", "primary"];
    let Some(sub) = path.sub() else { return false };
    let Json::Object(members) = element else {
        return !sub.eq_ignore_ascii_case("value");
    };
    let Some(key) = key_of(members, sub) else { return true };
    members.remove(&key);
    let template = path.filter().and_then(Filter::template).unwrap_or_default();
    let is_label = |name: &str| {
        labels_count_for_nothing
            && (LABELS.iter().any(|label| label.eq_ignore_ascii_case(name))
                || key_of(&template, name).is_some())
    };
    members.iter().any(|(name, value)| !is_unassigned(value) && !is_label(name))
}

/// The object that the attribute of a path stands in; made if it is missing.
fn holder<'a>(resource: &'a mut Json, path: &Path) -> Option<&'a mut Map<String, Json>> {
    let root = resource.as_object_mut()?;
    let Some(urn) = path.urn() else { return Some(root) };
    let known = root.keys().find(|key| urn::same(key, urn)).cloned();
    let slot = root.entry(known.unwrap_or_else(|| urn.to_owned())).or_insert(Json::Null);
    if !slot.is_object() {
        *slot = Json::Object(Map::new());
    }
    slot.as_object_mut()
}

/// The key of an object that is this name; letter case does not count.
pub(crate) fn key_of(members: &Map<String, Json>, name: &str) -> Option<String> {
    if members.contains_key(name) {
        return Some(name.to_owned());
    }
    members.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

/// The last name of a path as the standard schemas spell it, or else as given.
fn spelling(path: &Path) -> String {
    let given = path.sub().unwrap_or_else(|| path.attribute());
    SchemaSet::shared()
        .resolve_any(path)
        .map_or_else(|| given.to_owned(), |known| known.name.clone())
}

/// Whether the attribute of a path is a list, as far as the standard schemas know.
fn is_list(path: &Path) -> bool {
    SchemaSet::shared().resolve_any(&path.root()).is_some_and(|known| known.multi_valued)
}

fn as_list(slot: &mut Json) -> &mut Vec<Json> {
    if !slot.is_array() {
        let one = slot.take();
        *slot = Json::Array(if is_unassigned(&one) { Vec::new() } else { vec![one] });
    }
    match slot {
        Json::Array(elements) => elements,
        _ => unreachable!("made a list above"),
    }
}

#[cfg(test)]
mod tests;
