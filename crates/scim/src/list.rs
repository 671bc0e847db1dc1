//! Pages of resources (RFC 7644 §3.4.2), read without building a tree of them. Deciding which page is the last one is the client's.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use crate::urn;

/// One page. The resources stay unparsed text.
#[derive(Debug, Default)]
pub struct Page {
    /// How many resources there are on all pages, if the provider says so; it may be wrong.
    pub total_results: Option<u64>,
    /// Number of the first resource on this page, from 1.
    pub start_index: Option<u64>,
    /// How many resources this page holds, as the provider says.
    pub items_per_page: Option<u64>,
    /// Where the next page begins (RFC 9865); missing on the last one.
    pub next_cursor: Option<String>,
    /// The resources, in order.
    pub resources: Vec<Box<RawValue>>,
    /// Whether there was a member `Resources` at all.
    pub has_resources: bool,
}

/// A body that is not a page.
#[derive(Debug)]
pub struct PageError {
    message: &'static str,
    source: Option<serde_json::Error>,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for PageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// Reads a page. Letter case of the names does not count; counts may be numbers or strings.
///
/// # Errors
/// When the body is not JSON, not an object, or an object with nothing of a page in it: an error that
/// was answered with status 200 must not look like an empty page.
pub fn parse_page(body: &[u8]) -> Result<Page, PageError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Draft { page, is_page } = serde_json::from_slice(body).map_err(|source| PageError {
        message: "the answer is not a list of resources",
        source: Some(source),
    })?;
    if is_page || page.has_resources || page.total_results.is_some() {
        return Ok(page);
    }
    Err(PageError {
        message: "the answer is not a list of resources: it has neither `Resources` nor `totalResults`",
        source: None,
    })
}

/// The `id` of a resource, read without parsing the rest; a number is taken as its text.
pub fn id_of(resource: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Id {
        #[serde(default, alias = "Id", alias = "ID")]
        id: Option<Json>,
    }
    let Id { id } = serde_json::from_str(resource.get()).ok()?;
    crate::value::reference_id(&id?)
}

/// The body of a page, as a service provider answers. `total_results` counts all pages, `start_index` is from 1.
pub fn page_body(resources: Vec<Json>, total_results: usize, start_index: usize) -> Json {
    let mut body = json!({
        "schemas": [urn::LIST_RESPONSE],
        "totalResults": total_results,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
    });
    if let Json::Object(members) = &mut body {
        members.insert("Resources".to_owned(), Json::Array(resources));
    }
    body
}

struct Draft {
    page: Page,
    /// Whether `schemas` names the list response.
    is_page: bool,
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DraftVisitor)
    }
}

struct DraftVisitor;

impl<'de> Visitor<'de> for DraftVisitor {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object with `Resources`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut page = Page::default();
        let mut is_page = false;
        while let Some(mut name) = map.next_key::<String>()? {
            name.make_ascii_lowercase();
            match name.as_str() {
                "resources" => {
                    page.resources = map.next_value::<Option<Vec<_>>>()?.unwrap_or_default();
                    page.has_resources = true;
                }
                "totalresults" => page.total_results = count(&map.next_value()?),
                "startindex" => page.start_index = count(&map.next_value()?),
                "itemsperpage" => page.items_per_page = count(&map.next_value()?),
                "nextcursor" => {
                    let cursor = crate::value::reference_id(&map.next_value()?);
                    page.next_cursor = cursor;
                }
                "schemas" => is_page = names_list(&map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Draft { page, is_page })
    }
}

fn names_list(schemas: &Json) -> bool {
    let is_list =
        |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::LIST_RESPONSE));
    schemas.as_array().is_some_and(|urns| urns.iter().any(is_list)) || is_list(schemas)
}

fn count(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests;
