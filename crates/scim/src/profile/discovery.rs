//! What a service says of itself: ServiceProviderConfig, Schemas and ResourceTypes (RFC 7644 §4), read as far as a client needs
//! it. What is not said stays open; a profile's word goes first.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Paging, Profile, Update, Use};
use crate::resource::member;
use crate::schema::Resource;

/// A bulk request with more operations saves nothing more, and loses more when it is lost.
const ENOUGH: u32 = 100;

/// What a service says of itself; `None` where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// Whether PATCH is served.
    pub patch: Option<bool>,
    /// Whether filters are served.
    pub filter: Option<bool>,
    /// Most results of a filter, and mostly of a page.
    pub max_results: Option<u32>,
    /// Whether resources have versions.
    pub etag: Option<bool>,
    /// Whether bulk requests are served.
    pub bulk: Option<bool>,
    /// Most operations of a bulk request.
    pub bulk_operations: Option<u32>,
    /// Largest body of a bulk request, in bytes.
    pub bulk_payload: Option<u32>,
    /// Whether passwords can be set.
    pub change_password: Option<bool>,
    /// Whether pages are asked for by cursor (RFC 9865).
    pub cursor: Option<bool>,
    /// Whether pages are asked for by number (RFC 9865).
    pub index: Option<bool>,
    /// Most resources on a page (RFC 9865).
    pub max_page_size: Option<u32>,
    /// Where resources are: `User` and `Group` with their endpoints.
    pub endpoints: Vec<(String, String)>,
    /// The URNs of all schemas that it names.
    pub schemas: Vec<String>,
}

impl Discovery {
    /// Reads the answers; what was not answered is `None`.
    pub fn read(config: Option<&Json>, types: Option<&Json>, schemas: Option<&Json>) -> Self {
        let at = |table: &str, key: &str| member(member(config?, table)?, key);
        let says = |table: &str, key: &str| match at(table, key)? {
            Json::Bool(yes) => Some(*yes),
            Json::String(text) => crate::value::boolean(text),
            _ => None,
        };
        let number = |table: &str, key: &str| {
            let number = at(table, key)?.as_u64().filter(|number| *number > 0)?;
            Some(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let text = |value: &Json, key: &str| member(value, key)?.as_str().map(str::to_owned);
        let endpoints = listed(types)
            .filter_map(|kind| Some((text(kind, "name")?, text(kind, "endpoint")?)))
            .collect();
        Self {
            patch: says("patch", "supported"),
            filter: says("filter", "supported"),
            max_results: number("filter", "maxResults"),
            etag: says("etag", "supported"),
            bulk: says("bulk", "supported"),
            bulk_operations: number("bulk", "maxOperations"),
            bulk_payload: number("bulk", "maxPayloadSize"),
            change_password: says("changePassword", "supported"),
            cursor: says("pagination", "cursor"),
            index: says("pagination", "index"),
            max_page_size: number("pagination", "maxPageSize"),
            endpoints,
            schemas: listed(schemas).filter_map(|schema| text(schema, "id")).collect(),
        }
    }

    /// Whether the service says nothing of what it can do.
    pub fn is_silent(&self) -> bool {
        [self.patch, self.filter, self.etag, self.bulk].iter().all(Option::is_none)
    }

    /// The endpoint of a kind of resource as the service names it, from its last segment on: a full address or one with the
    /// path of the base URL is in use as well.
    pub fn endpoint(&self, resource: Resource) -> Option<String> {
        let (_, endpoint) =
            self.endpoints.iter().find(|(name, _)| name.eq_ignore_ascii_case(resource.name()))?;
        let path = endpoint.split(['?', '#']).next()?.trim_end_matches('/');
        let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
        Some(format!("/{last}"))
    }
}

impl Profile {
    /// Whether it leaves something that matters to what the service says of itself, so that it is worth a request to ask.
    pub fn is_open(&self) -> bool {
        self.write.update == Update::Auto
    }

    /// Fills in what the profile leaves open, which is what it has as any service would, with what this one says of itself.
    #[must_use]
    pub fn with_discovery(mut self, found: &Discovery) -> Self {
        let open = Self::default();
        if self.write.update == Update::Auto {
            self.write.update = match found.patch {
                Some(false) => Update::Put,
                _ => Update::Patch,
            };
        }
        if self.write.if_match == Use::Auto {
            self.write.if_match = match found.etag {
                Some(true) => Use::Always,
                _ => Use::Never,
            };
        }
        // Without limits it says nothing that can be kept to.
        if self.bulk.when == Use::Auto {
            self.bulk.when = match (found.bulk, found.bulk_operations) {
                (Some(true), Some(_)) => Use::Auto,
                _ => Use::Never,
            };
        }
        if self.bulk.when != Use::Never && self.bulk.max_operations == 0 {
            self.bulk.max_operations = found.bulk_operations.unwrap_or(0).min(ENOUGH);
        }
        if self.bulk.when != Use::Never && self.bulk.max_payload == 0 {
            self.bulk.max_payload = found.bulk_payload.unwrap_or(0);
        }
        if found.filter == Some(false) && self.filter == open.filter {
            self.filter.supported = false;
        }
        if self.list.paging == Paging::Auto
            && found.index == Some(false)
            && found.cursor == Some(true)
        {
            self.list.paging = Paging::Cursor;
        }
        if let Some(most) = found.max_page_size
            && self.list.page_size == open.list.page_size
        {
            self.list.page_size = self.list.page_size.min(most);
        }
        self
    }
}

/// The resources of a list, or the one that was answered instead.
fn listed(answer: Option<&Json>) -> impl Iterator<Item = &Json> {
    let resources = answer.and_then(|answer| member(answer, "Resources"));
    let resources = resources.or(answer.filter(|answer| answer.is_array()));
    let list = resources.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter()
}
