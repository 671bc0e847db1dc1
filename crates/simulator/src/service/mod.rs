//! The service provider without its network: a request goes in, an answer comes out (RFC 7644 §3).
//! Connections, faults and the record of requests are `serve`'s.

mod bulk;
mod discovery;
mod list;
mod taken;
mod write;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::body::Bytes;
use axum::extract::Query as Parameters;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Request, Response, StatusCode, Uri};
use peoplesync_scim::error::scim_type;
use peoplesync_scim::{Resource, SchemaSet, ScimError};
use serde::Deserialize;
use serde_json::{Value as Json, json};

pub(crate) use self::bulk::Meddle;
use crate::behaviour::Behaviour;
use crate::habits::Habits;
use crate::limits::Joins;
use crate::memberships;
use crate::projection::Selection;
use crate::query::Query;
use crate::quirks::ErrorForm;
use crate::store::{RowRef, Store, tag};
use crate::time::Clock;

/// Where the service lives on its host.
pub(crate) const BASE: &str = "/scim/v2";

/// An answer, complete.
pub(crate) type Reply = Response<Bytes>;

/// The service provider.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) behaviour: Behaviour,
    pub(crate) habits: Habits,
    pub(crate) schemas: SchemaSet,
    pub(crate) clock: Clock,
    /// Whether an answer by default is the whole resource: no attribute is left out unless it is asked for.
    pub(crate) whole: bool,
    /// The base URL.
    pub(crate) url: String,
    /// Who joined which group of late, where that is limited.
    pub(crate) joins: Option<Joins>,
    pub(crate) store: RwLock<Store>,
}

impl Service {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries a request out.
    pub(crate) fn answer(&self, request: &Request<Bytes>) -> Reply {
        self.answer_with(request, &|_| None)
    }

    /// The same; `meddle` may answer each operation of a bulk request in our place.
    pub(crate) fn answer_with(&self, request: &Request<Bytes>, meddle: &Meddle<'_>) -> Reply {
        let segments = segments(request.uri());
        let parts: Option<Vec<&str>> =
            segments.as_ref().map(|segments| segments.iter().map(String::as_str).collect());
        let known = self.authorise(request.headers()).and_then(|()| self.introduced(request));
        let result = known.and_then(|()| {
            match (parts.as_deref().ok_or_else(|| no_endpoint(request))?, &self.behaviour.bulk) {
                ([first], Some(limits)) if self.is_bulk(first) => match request.method().as_str() {
                    "POST" => self.bulk(limits, request, meddle),
                    _ => Err(not_allowed(request)),
                },
                (parts, _) => self.route(request, parts),
            }
        });
        let mut reply = result.unwrap_or_else(|error| self.error_reply(&error));
        if reply.status() == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"SCIM\"");
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if reply.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allowed = HeaderValue::from_static(allowed(&parts.unwrap_or_default()));
            reply.headers_mut().insert(header::ALLOW, allowed);
        }
        reply
    }

    fn authorise(&self, headers: &HeaderMap) -> Result<(), ScimError> {
        let Some(token) = &self.behaviour.bearer else { return Ok(()) };
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = given else {
            return Err(ScimError::new(401, "", "a bearer token is required"));
        };
        match given.split_once(' ') {
            Some((scheme, given))
                if scheme.eq_ignore_ascii_case("bearer") && given.trim() == token =>
            {
                Ok(())
            }
            _ => Err(ScimError::new(401, "", "the token is not valid")),
        }
    }

    /// An error in the form of this service.
    fn error_reply(&self, error: &ScimError) -> Reply {
        if self.habits.quirks.errors == ErrorForm::Scim && self.habits.plain {
            return error_reply(error);
        }
        let (body, kind) = self.habits.error_body(error);
        let status = StatusCode::from_u16(error.status);
        let mut reply =
            reply(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Bytes::from(body));
        reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        reply
    }

    fn introduced(&self, request: &Request<Bytes>) -> Result<(), ScimError> {
        if self.habits.quirks.user_agent && !request.headers().contains_key(header::USER_AGENT) {
            return Err(ScimError::new(403, "", "a User-Agent is required"));
        }
        Ok(())
    }

    fn route(&self, request: &Request<Bytes>, path: &[&str]) -> Result<Reply, ScimError> {
        let endpoints = &self.habits.profile.endpoints;
        let first = path.first().copied().unwrap_or_default();
        let is = |endpoint: &str| !first.is_empty() && endpoint.get(1..) == Some(first);
        let described = [
            (is(&endpoints.service_provider_config), "ServiceProviderConfig"),
            (is(&endpoints.schemas), "Schemas"),
            (is(&endpoints.resource_types), "ResourceTypes"),
        ];
        if let Some((_, name)) = described.into_iter().find(|(found, _)| *found)
            && self.habits.quirks.discovery
        {
            let path: Vec<&str> = [name].into_iter().chain(path.iter().skip(1).copied()).collect();
            return self.discovery(request, &path);
        }
        if let ["Bulk", ..] | ["Me", ..] = path {
            return Err(ScimError::new(501, "", format!("/{} is not supported", path.join("/"))));
        }
        let (resources, rest) = match (self.kind_at(first), path) {
            (Some(kind), [_, rest @ ..]) => (std::slice::from_ref(kind), rest),
            _ => (&Resource::ALL[..], path),
        };
        match (request.method().as_str(), resources, rest) {
            ("GET", _, []) => {
                let query = Query::from_pairs(&parameters(request)?, &self.schemas)?;
                self.list(resources, &query)
            }
            ("POST", _, [".search"]) => {
                let query = Query::from_body(&body(request)?, &self.schemas)?;
                self.list(resources, &query)
            }
            (_, _, [".search"]) => Err(not_allowed(request)),
            ("POST", [resource], []) => self.create(*resource, request),
            ("GET", [resource], [id]) => self.get(*resource, id, request),
            ("PUT", [resource], [id]) => self.replace(*resource, id, request),
            ("PATCH", [resource], [id]) => self.patch(*resource, id, request),
            ("DELETE", [resource], [id]) => self.delete(*resource, id, request),
            (_, _, []) | (_, [_], [_]) => Err(not_allowed(request)),
            _ => Err(no_endpoint(request)),
        }
    }

    fn is_bulk(&self, first: &str) -> bool {
        self.habits.profile.endpoints.bulk.get(1..) == Some(first)
    }

    /// The resources that live below this part of a path.
    fn kind_at(&self, first: &str) -> Option<&'static Resource> {
        let profile = &self.habits.profile;
        Resource::ALL.iter().find(|kind| profile.endpoint(**kind).get(1..) == Some(first))
    }

    /// The kind of resource that a request is about, if it is about one.
    pub(crate) fn resource_of(&self, uri: &Uri) -> Option<Resource> {
        self.kind_at(segments(uri)?.first()?).copied()
    }

    fn get(
        &self,
        resource: Resource,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<Reply, ScimError> {
        let selection = self.selection(request)?;
        let store = self.read();
        let row = store.table(resource).get(id).ok_or_else(|| not_found(resource, id))?;
        if self.habits.may_hide() && self.habits.hides(resource, &row.value()) {
            return Err(not_found(resource, id));
        }
        if self.behaviour.etag
            && let Some(tags) = request.headers().get(header::IF_NONE_MATCH)
            && names(tags, row.version)
        {
            let reply = reply(StatusCode::NOT_MODIFIED, Bytes::new());
            return Ok(self.tagged(reply, row));
        }
        let body = self.show(&store, resource, row, &selection, false);
        Ok(self.tagged(reply(StatusCode::OK, body), row))
    }

    fn selection(&self, request: &Request<Bytes>) -> Result<Selection, ScimError> {
        if request.uri().query().is_none() {
            return Ok(Selection::Default);
        }
        Query::from_pairs(&parameters(request)?, &self.schemas).map(|query| query.selection)
    }

    fn tagged(&self, mut reply: Reply, row: &RowRef) -> Reply {
        if self.behaviour.etag
            && let Ok(tag) = HeaderValue::try_from(tag(row.version))
        {
            reply.headers_mut().insert(header::ETAG, tag);
        }
        reply
    }

    /// A resource as the client wants to see it; mostly its ready-made bytes.
    fn show(
        &self,
        store: &Store,
        resource: Resource,
        row: &RowRef,
        selection: &Selection,
        in_list: bool,
    ) -> Bytes {
        let groups = self.groups(store, resource, row);
        let groups_habits = &self.habits.profile.groups;
        let as_kept = self.habits.shows_as_kept(in_list);
        let hides = memberships::hides(groups_habits, resource);
        if self.whole && as_kept && groups.is_empty() && selection.is_default() && !hides {
            return row.bytes.clone();
        }
        let mut value = with_groups(row, groups);
        selection.apply(&mut value, resource, &self.schemas);
        if let Json::Object(shown) = &mut value {
            memberships::hide(groups_habits, resource, shown);
        }
        if !as_kept {
            value = self.habits.show(resource, value, in_list, &self.schemas);
        }
        Bytes::from(value.to_string())
    }

    /// A resource with all its attributes.
    pub(crate) fn value(&self, store: &Store, resource: Resource, row: &RowRef) -> Json {
        with_groups(row, self.groups(store, resource, row))
    }

    /// The groups of which somebody is a direct member: what `groups` shows (RFC 7643 §4.1.2).
    fn groups(&self, store: &Store, resource: Resource, row: &RowRef) -> Vec<Json> {
        if resource == Resource::Group || store.table(Resource::Group).rows().is_empty() {
            return Vec::new();
        }
        let groups = store.groups_of(&row.id);
        let show = |group: &RowRef| {
            json!({
                "value": &*group.id,
                "$ref": store.location(Resource::Group, &group.id),
                "display": &*group.name,
                "type": "direct",
            })
        };
        groups.iter().map(show).collect()
    }
}

fn with_groups(row: &RowRef, groups: Vec<Json>) -> Json {
    let mut value = row.value();
    if !groups.is_empty()
        && let Json::Object(members) = &mut value
    {
        members.insert("groups".to_owned(), Json::Array(groups));
    }
    value
}

/// The path below the base, in parts; none if it does not lie there. A slash at the end means nothing.
fn segments(uri: &Uri) -> Option<Vec<String>> {
    let rest = uri.path().strip_prefix(BASE)?;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let rest = rest.strip_prefix('/')?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let decode = |part: &str| {
        percent_encoding::percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned())
    };
    rest.split('/').map(decode).collect()
}

fn parameters(request: &Request<Bytes>) -> Result<Vec<(String, String)>, ScimError> {
    match Parameters::try_from_uri(request.uri()) {
        Ok(Parameters(pairs)) => Ok(pairs),
        Err(error) => {
            Err(ScimError::new(400, scim_type::INVALID_SYNTAX, format!("the query: {error}")))
        }
    }
}

/// The body as JSON.
fn body<'a, T: Deserialize<'a>>(request: &'a Request<Bytes>) -> Result<T, ScimError> {
    if let Some(kind) = request.headers().get(header::CONTENT_TYPE) {
        let kind = kind.to_str().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let known = ["application/scim+json", "application/json"];
        if !known.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            let detail = format!("the content type must be application/scim+json, found `{kind}`");
            return Err(ScimError::new(415, "", detail));
        }
    }
    let refused = |detail: String| ScimError::new(400, scim_type::INVALID_SYNTAX, detail);
    if request.body().is_empty() {
        return Err(refused("the body is empty".to_owned()));
    }
    serde_json::from_slice(request.body())
        .map_err(|error| refused(format!("the body is not JSON: {error}")))
}

fn allowed(path: &[&str]) -> &'static str {
    match path {
        ["ServiceProviderConfig" | "Schemas" | "ResourceTypes", ..] | [] => "GET",
        [.., ".search"] | ["Bulk"] => "POST",
        [_] => "GET, POST",
        _ => "GET, PUT, PATCH, DELETE",
    }
}

/// Whether a list of entity tags names this version. Compared weakly: versions of SCIM are weak (RFC 7644 §3.14).
fn names(tags: &HeaderValue, version: u64) -> bool {
    let wanted = tag(version);
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').any(|tag| tag.trim() == "*" || plain(tag) == plain(&wanted))
}

fn reply(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    if !reply.body().is_empty() {
        let kind = HeaderValue::from_static("application/scim+json");
        reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    reply
}

fn json_reply(status: StatusCode, body: &Json) -> Reply {
    reply(status, Bytes::from(body.to_string()))
}

/// An error as RFC 7644 §3.12 has it.
pub(crate) fn error_reply(error: &ScimError) -> Reply {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_reply(status, &error.to_json())
}

fn not_found(resource: Resource, id: &str) -> ScimError {
    ScimError::new(404, "", format!("{resource} {id} not found"))
}

fn not_allowed(request: &Request<Bytes>) -> ScimError {
    let path = request.uri().path();
    ScimError::new(405, "", format!("{} is not allowed at {path}", request.method()))
}

fn no_endpoint(request: &Request<Bytes>) -> ScimError {
    let path = request.uri().path();
    ScimError::new(404, "", format!("there is no endpoint {path}; the base is {BASE}"))
}

#[cfg(test)]
mod tests;
