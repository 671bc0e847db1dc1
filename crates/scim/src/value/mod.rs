//! When two values are the same although they are written differently. Comparison only: nothing here changes what is sent.

pub(crate) mod time;

use serde_json::{Map, Number, Value as Json};

use crate::resource::member;
use crate::schema::{AttributeRef, Kind};

/// Whether two values of an attribute are the same to SCIM:
///
/// - names of sub-attributes never regard letter case, strings do where the schema says `caseExact`; an
///   attribute without a schema does not;
/// - `"True"` is `true` where the schema or the other value says boolean; `"7"` is `7`;
/// - times are compared as instants, also with seconds since 1970;
/// - the order of multi-values means nothing, their number does; a value alone is a list of one;
/// - null, missing, an empty list and an object of such are all "no value" (RFC 7643 §2.5), and `primary: false`
///   is the same as no `primary` (§2.4). An empty string is a value;
/// - a complex value with an id (`manager`) is the same as its id alone.
pub fn same(attribute: Option<AttributeRef<'_>>, a: &Json, b: &Json) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (Json::Object(_), scalar) | (scalar, Json::Object(_)) if is_scalar(scalar) => {
            let object = if a.is_object() { a } else { b };
            let child = attribute.and_then(|attribute| attribute.child("value"));
            reference_id(object).is_some_and(|id| same(child, &Json::String(id), scalar))
        }
        (Json::Bool(expected), Json::String(text)) | (Json::String(text), Json::Bool(expected)) => {
            boolean(text) == Some(*expected)
        }
        _ => canonical(attribute, a) == canonical(attribute, b),
    }
}

/// Whether `observed` holds everything that `desired` asks for. As [`same`], but sub-attributes that
/// `desired` does not name may have any value: they belong to the target.
pub fn covers(attribute: Option<AttributeRef<'_>>, observed: &Json, desired: &Json) -> bool {
    if same(attribute, observed, desired) {
        return true;
    }
    match (observed, desired) {
        (Json::Array(observed), Json::Array(desired)) => covers_list(attribute, observed, desired),
        (Json::Array(observed), one) => covers_list(attribute, observed, std::slice::from_ref(one)),
        (one, Json::Array(desired)) => covers_list(attribute, std::slice::from_ref(one), desired),
        (Json::Object(_), Json::Object(desired)) => desired.iter().all(|(name, value)| {
            let child = attribute.and_then(|attribute| attribute.child(name));
            covers(child, member(observed, name).unwrap_or(&Json::Null), value)
                || is_default(name, value)
                    && is_default(name, member(observed, name).unwrap_or(value))
        }),
        _ => false,
    }
}

fn covers_list(attribute: Option<AttributeRef<'_>>, observed: &[Json], desired: &[Json]) -> bool {
    let complex = observed.iter().chain(desired).any(Json::is_object);
    let lift = |values: &[Json]| -> Vec<Json> {
        let assigned = values.iter().filter(|value| !is_unassigned(value));
        assigned.map(|value| if complex { lift(value) } else { value.clone() }).collect()
    };
    let (observed, mut desired) = (lift(observed), lift(desired));
    if observed.len() != desired.len() {
        return false;
    }
    if let Some(names) = common_names(&desired) {
        // All elements name the same sub-attributes: compare as sets of these, however many there are.
        let project = |element: &Json| {
            let kept = names
                .iter()
                .filter_map(|name| Some((name.clone(), member(element, name)?.clone())));
            Json::Object(kept.collect())
        };
        let projected = Json::Array(observed.iter().map(project).collect());
        return same(attribute, &projected, &Json::Array(desired));
    }
    // The most demanding elements choose first.
    desired.sort_by_key(|element| std::cmp::Reverse(element.as_object().map_or(0, Map::len)));
    let mut left: Vec<&Json> = observed.iter().collect();
    desired.iter().all(|wanted| {
        let hit = left.iter().position(|element| covers(attribute, element, wanted));
        hit.map(|at| left.swap_remove(at)).is_some()
    })
}

/// The names of sub-attributes, if all elements are objects that have the same ones.
fn common_names(elements: &[Json]) -> Option<Vec<String>> {
    let names = |element: &Json| -> Option<Vec<String>> {
        let mut names: Vec<_> =
            element.as_object()?.keys().map(|name| name.to_ascii_lowercase()).collect();
        names.sort();
        Some(names)
    };
    let first = names(elements.first()?)?;
    elements.iter().all(|element| names(element).as_ref() == Some(&first)).then_some(first)
}

/// A value alone as the element of a complex multi-valued attribute: `{"value": …}`.
pub(crate) fn lift(value: &Json) -> Json {
    if is_scalar(value) {
        return Json::Object(Map::from_iter([("value".to_owned(), value.clone())]));
    }
    value.clone()
}

/// The one form of all values that are the [`same`], for sorting and digests: lower-case names and (unless case
/// counts) strings, sorted lists, no members without a value. Not meant to be sent.
pub fn canonical(attribute: Option<AttributeRef<'_>>, value: &Json) -> Json {
    match value {
        _ if is_unassigned(value) => Json::Null,
        Json::Array(elements) => {
            let mut elements: Vec<Json> = elements
                .iter()
                .filter(|element| !is_unassigned(element))
                .map(|element| canonical(attribute, element))
                .collect();
            if elements.len() == 1 {
                return elements.remove(0);
            }
            elements.sort_by_cached_key(Json::to_string);
            Json::Array(elements)
        }
        Json::Object(members) => {
            let assigned = members
                .iter()
                .filter(|(name, value)| !is_unassigned(value) && !is_default(name, value));
            let forms = assigned.map(|(name, value)| {
                let child = attribute.and_then(|attribute| attribute.child(name));
                (name.to_ascii_lowercase(), canonical(child, value))
            });
            Json::Object(forms.collect())
        }
        scalar => canonical_scalar(attribute, scalar),
    }
}

fn canonical_scalar(attribute: Option<AttributeRef<'_>>, value: &Json) -> Json {
    let kind = attribute.map_or(Kind::String, |attribute| attribute.kind);
    match (kind, value) {
        (Kind::Complex, _) => canonical(attribute, &lift(value)),
        (Kind::Boolean, Json::String(text)) => {
            boolean(text).map_or_else(|| string(attribute, text), Json::Bool)
        }
        (Kind::Boolean, Json::Bool(_)) => value.clone(),
        (Kind::Integer | Kind::Decimal, Json::Number(number)) => Json::Number(plain(number)),
        (Kind::Integer | Kind::Decimal, Json::String(text)) => {
            match text.trim().parse::<Number>() {
                Ok(number) => Json::Number(plain(&number)),
                Err(_) => string(attribute, text),
            }
        }
        (Kind::DateTime, Json::String(text)) => match time::parse(text) {
            Some(instant) => Json::String(instant.to_string()),
            None => string(attribute, text),
        },
        (Kind::DateTime, Json::Number(number)) => match number.as_i64() {
            Some(seconds) => Json::String(time::Instant { seconds, nanos: 0 }.to_string()),
            None => value.clone(),
        },
        (_, Json::String(text)) => string(attribute, text),
        (_, scalar) => string(attribute, &scalar.to_string()),
    }
}

fn string(attribute: Option<AttributeRef<'_>>, text: &str) -> Json {
    let exact = attribute.is_some_and(|attribute| is_exact(attribute));
    Json::String(if exact { text.to_owned() } else { fold(text) })
}

/// Whether letter case counts. References and binary values are case exact whatever their schema says (RFC 7643 §2.3.6, §2.3.7).
pub(crate) fn is_exact(attribute: AttributeRef<'_>) -> bool {
    attribute.case_exact || matches!(attribute.kind, Kind::Reference | Kind::Binary)
}

/// A number without a needless fraction: `7.0` is `7`.
fn plain(number: &Number) -> Number {
    /// Up to here, an `f64` holds whole numbers exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
            format!("{float:.0}").parse().unwrap_or_else(|_| number.clone())
        }
        _ => number.clone(),
    }
}

/// Whether a value is none at all: null, an empty list, or an object or list of nothing but these.
pub fn is_unassigned(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(elements) => elements.iter().all(is_unassigned),
        Json::Object(members) => members.values().all(is_unassigned),
        _ => false,
    }
}

/// `primary: false` says as much as no `primary`.
fn is_default(name: &str, value: &Json) -> bool {
    name.eq_ignore_ascii_case("primary")
        && match value {
            Json::Bool(primary) => !primary,
            Json::String(text) => boolean(text) == Some(false),
            other => is_unassigned(other),
        }
}

fn is_scalar(value: &Json) -> bool {
    matches!(value, Json::String(_) | Json::Number(_) | Json::Bool(_))
}

/// Reads `true` and `false`, in any letter case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The id in a reference: a string or number alone, or the `value` (in Meta's samples `managerId`) of an object.
/// An empty id is none.
pub fn reference_id(reference: &Json) -> Option<String> {
    match reference {
        Json::String(id) => (!id.is_empty()).then(|| id.clone()),
        Json::Number(id) => Some(id.to_string()),
        Json::Object(_) => ["value", "managerId"]
            .iter()
            .filter_map(|name| member(reference, name))
            .filter(|id| is_scalar(id))
            .find_map(reference_id),
        _ => None,
    }
}

/// Text without letter case, for comparing only.
pub fn fold(text: &str) -> String {
    // Not `str::to_lowercase`: a sigma must not depend on its neighbours.
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
