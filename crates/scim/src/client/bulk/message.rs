//! The body of a bulk request and what it is answered with (RFC 7644 §3.7). Pure.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value as Json;

use super::super::address::last_segment;
use super::super::reply::{Reply, is_success};
use crate::resource::{key_of, member};
use crate::schema::Resource;
use crate::urn;
use crate::value::reference_id;

/// What stands around the operations, generously.
pub(super) const ENVELOPE: usize = 128;

/// One change, as it stands in a bulk request.
#[derive(Debug, Clone)]
pub(in super::super) struct Part {
    pub(in super::super) method: Method,
    pub(in super::super) resource: Option<Resource>,
    /// Below the base URL, encoded.
    pub(in super::super) path: String,
    /// The `bulkId` of a POST, unlike any other in one process.
    pub(in super::super) name: String,
    pub(in super::super) version: Option<String>,
    pub(in super::super) data: Option<Bytes>,
    /// The body with references to others that are created in the same request, and whom it names.
    pub(in super::super) linked: Option<(Bytes, Vec<String>)>,
}

impl Part {
    /// How many bytes it takes in a request, at most.
    pub(super) fn size(&self) -> usize {
        let data = self.data.as_ref().map_or(0, Bytes::len);
        let linked = self.linked.as_ref().map_or(0, |(body, _)| body.len());
        let version = self.version.as_ref().map_or(0, String::len);
        data.max(linked) + self.path.len() + self.name.len() + version + 96
    }

    fn is_create(&self) -> bool {
        self.method == Method::POST
    }

    fn push(&self, body: &mut Vec<u8>, with_links: bool) {
        let mut field = |key: &str, value: &str| {
            body.extend_from_slice(key.as_bytes());
            serde_json::to_writer(&mut *body, value).expect("a text can be written to memory");
        };
        field("{\"method\":", self.method.as_str());
        field(",\"path\":", &self.path);
        if self.is_create() {
            field(",\"bulkId\":", &self.name);
        }
        if let Some(version) = &self.version {
            field(",\"version\":", version);
        }
        let linked = self.linked.as_ref().filter(|_| with_links).map(|(body, _)| body);
        if let Some(data) = linked.or(self.data.as_ref()) {
            body.extend_from_slice(b",\"data\":");
            body.extend_from_slice(data);
        }
        body.push(b'}');
    }
}

/// The order in which operations are sent: who is named comes before who names, as far as that goes. With whether the
/// references of each can be sent. A service that does not look ahead can carry them out as well, and circles are no conflict.
pub(super) fn ordered(parts: &[&Part], with_links: bool) -> Vec<(usize, bool)> {
    let places: BTreeMap<&str, usize> = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| part.is_create())
        .map(|(index, part)| (part.name.as_str(), index))
        .collect();
    let names = |index: usize| -> &[String] {
        match &parts[index].linked {
            Some((_, names)) if with_links => names,
            _ => &[],
        }
    };
    let mut order = Vec::with_capacity(parts.len());
    let mut placed = BTreeSet::new();
    let mut begun = BTreeSet::new();
    for first in 0..parts.len() {
        let mut stack = vec![first];
        while let Some(&index) = stack.last() {
            let before = if begun.insert(index) { names(index) } else { &[] };
            let before: Vec<usize> = before
                .iter()
                .filter_map(|name| places.get(name.as_str()).copied())
                .filter(|index| !begun.contains(index))
                .collect();
            if before.is_empty() {
                stack.pop();
                let named = names(index);
                let known = |name: &String| {
                    places.get(name.as_str()).is_some_and(|index| placed.contains(index))
                };
                if !placed.contains(&index) {
                    order.push((index, !named.is_empty() && named.iter().all(known)));
                    placed.insert(index);
                }
            } else {
                stack.extend(before);
            }
        }
    }
    order
}

/// The body of the request.
pub(super) fn request<'p>(parts: impl IntoIterator<Item = (&'p Part, bool)>) -> Bytes {
    let mut body =
        format!("{{\"schemas\":[\"{}\"],\"Operations\":[", urn::BULK_REQUEST).into_bytes();
    for (number, (part, with_links)) in parts.into_iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        part.push(&mut body, with_links);
    }
    body.extend_from_slice(b"]}");
    body.into()
}

/// The answers to the parts, in their order; none to one that was not answered. `None`: this is no answer to a bulk request.
pub(super) fn answers(body: Option<Json>, parts: &[&Part]) -> Option<Vec<Option<Reply>>> {
    let Some(Json::Array(operations)) = taken(&mut body?, "Operations") else { return None };
    let (answered, is_whole) = (operations.len(), operations.len() == parts.len());
    let mut free: Vec<Option<Json>> = operations.into_iter().map(Some).collect();
    let mut take = |index: usize, fits: &dyn Fn(&Json) -> bool| -> Option<Json> {
        free.get_mut(index)?.take_if(|answer| fits(answer))
    };
    let mut found: Vec<Option<Json>> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| {
            // Mostly it stands where it stood in the request.
            take(index, &|answer| names(answer, part)).or_else(|| {
                (0..answered).find_map(|other| take(other, &|answer| names(answer, part)))
            })
        })
        .collect();
    // What names nothing is known by its place alone, and only where nobody is missing.
    for (index, place) in found.iter_mut().enumerate().filter(|_| is_whole) {
        if place.is_none() {
            *place = take(index, &|answer| is_nameless(answer, parts[index]));
        }
    }
    Some(found.into_iter().map(|answer| reply(answer?)).collect())
}

/// Whether an answer says itself which part it is about.
fn names(answer: &Json, part: &Part) -> bool {
    if let Some(name) = member(answer, "bulkId").and_then(reference_id) {
        return part.is_create() && name == part.name;
    }
    let location = member(answer, "location").and_then(Json::as_str);
    let id = location.and_then(last_segment);
    !part.is_create() && id.is_some() && id == last_segment(&part.path) && is_method(answer, part)
}

fn is_nameless(answer: &Json, part: &Part) -> bool {
    let named = member(answer, "bulkId").and_then(reference_id).is_some()
        || !part.is_create() && member(answer, "location").and_then(Json::as_str).is_some();
    !named && is_method(answer, part)
}

fn is_method(answer: &Json, part: &Part) -> bool {
    let method = member(answer, "method").and_then(Json::as_str);
    method.is_none_or(|method| method.eq_ignore_ascii_case(part.method.as_str()))
}

/// The answer to one operation as that to a request of its own.
fn reply(mut answer: Json) -> Option<Reply> {
    let status = member(&answer, "status")?;
    // SCIM 1.1, and drafts of 2.0: {"code": "201"}.
    let status = member(status, "code").unwrap_or(status);
    let status = reference_id(status)?.trim().parse().ok()?;
    let response = taken(&mut answer, "response").filter(Json::is_object);
    Some(Reply {
        status,
        content_type: Some("application/scim+json".to_owned()),
        location: member(&answer, "location").and_then(Json::as_str).map(str::to_owned),
        // A refusal is judged by its text.
        body: match &response {
            Some(response) if !is_success(status) => response.to_string().into_bytes(),
            _ => Vec::new(),
        },
        parsed: response,
        ..Reply::default()
    })
}

/// A member of an object, out of it.
fn taken(object: &mut Json, name: &str) -> Option<Json> {
    let members = object.as_object_mut()?;
    members.remove(&key_of(members, name)?)
}
