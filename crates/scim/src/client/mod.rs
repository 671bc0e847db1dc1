//! HTTP client for a SCIM 2.0 service provider (RFC 7644), made for providers as they are.
//! It transports; what to write is decided elsewhere, and no provider is named here.
//!
//! - Reads, PUT, PATCH and DELETE are repeated after lost connections, time-outs, 429, 502, 503 and
//!   504; a POST only when it surely was not processed. A write that may have happened says so:
//!   [`ClientError::ambiguous`].
//! - Filters may be ignored, counts wrong and pages repeated: [`Client::find`] checks every hit, and
//!   [`Pages`] ends where nothing new comes.
//! - "Gone" is believed only from the SCIM service itself, never from an HTML page.

mod address;
mod auth;
mod bulk;
mod cause;
mod config;
mod discover;
mod error;
mod joins;
mod lanes;
mod pace;
mod paging;
mod reply;
mod retry;
mod setup;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value as Json;

pub use self::address::identity;
pub use self::auth::{Auth, OAuth2};
pub use self::cause::TlsFailure;
pub use self::config::{ClientConfig, Observer};
pub use self::error::{ClientError, Kind};
pub use self::paging::Pages;
pub use self::transport::{RequestEvent, numbered};
pub use self::wire::{Carried, Lost, Wire};

use self::bulk::Bulk;
use self::reply::Reply;
use self::transport::{Call, Link, Transport};
use crate::filter::Filter;
use crate::list::{self, Page};
use crate::path::Path;
use crate::profile::Profile;
use crate::resource::member;
use crate::schema::{Resource, SchemaSet};
use crate::value::reference_id;

/// A client of one target. Clones share connections, limits and back-off.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    transport: Arc<Transport>,
    schemas: SchemaSet,
    page_size: u32,
    pages_ahead: usize,
    /// Where changes gather that leave in one request, if the profile has it.
    bulk: Option<Arc<Bulk>>,
    profile: Arc<Profile>,
}

/// A resource that was created.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// Its id, from the body or the `Location` header.
    pub id: String,
    /// What the target says it is now, which may differ from what was sent; `null` without a body.
    pub resource: Json,
    /// `meta.version`, where there is one. The `ETag` header is no substitute: web frameworks set
    /// it to a hash of the body.
    pub version: Option<String>,
    /// Whether it went along with what its [`Links`] name, and refers to that.
    pub linked: bool,
}

/// References of a resource to others that are created at the same time. Where all of them leave in one request, ahead of it,
/// the body with references is sent (RFC 7644 §3.7.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    /// What others call it: a text that no other creation of this client has.
    pub name: String,
    /// Whom it refers to; nobody is somebody whom only others refer to.
    pub names: Vec<String>,
    /// The body in which [`Links::reference`] stands for each of them.
    pub body: Json,
}

impl Links {
    /// What stands in a body for the id of another one.
    #[must_use]
    pub fn reference(name: &str) -> String {
        format!("bulkId:{name}")
    }
}

/// What a DELETE came to. Both mean that the resource is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The target deleted it, or took on to do so (202).
    Deleted,
    /// It was not there; also after a first attempt whose reply was lost.
    Gone,
}

/// What [`Client::find`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The resources that do match, each once.
    pub hits: Vec<Json>,
    /// Whether the target applied the filter. `false` when it returned something that does not match: it
    /// ignores filters like this one, so reading the list once is cheaper than asking again.
    pub filtered: bool,
    /// Whether everything that the target had to offer was read, as [`Pages::complete`].
    pub complete: bool,
}

impl Client {
    /// Checks the config and sets up TLS and the pool. Connects to nothing.
    ///
    /// # Errors
    /// [`Kind::Config`]: the URL cannot be used, is plain http beyond loopback, or holds credentials;
    /// the token cannot stand in a header; no user agent; a limit of 0; the extra certificates
    /// are not PEM; an https target on a machine without root certificates.
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let transport = Arc::new(Transport::new(&config)?);
        let ClientConfig { schemas, page_size, pages_ahead, profile, .. } = config;
        let bulk = Bulk::new(&profile).map(Arc::new);
        Ok(Self(Arc::new(Shared { transport, schemas, page_size, pages_ahead, bulk, profile })))
    }

    /// How the target departs from the RFCs, as far as this client knows.
    #[must_use]
    pub fn profile(&self) -> &Arc<Profile> {
        &self.0.profile
    }

    /// Opens new connections for what is sent from now on: for a caller who goes on in another runtime, as a connection lives in
    /// the one that opened it and answers slowly, or not at all, from another.
    ///
    /// # Errors
    /// [`Kind::Config`], as of [`Client::new`].
    pub fn reconnect(&self) -> Result<(), ClientError> {
        self.0.transport.reconnect()
    }

    /// How many changes may be under way at once at present: as many as requests may be, which is between 1 and what the config
    /// allows, and more where many leave in one request.
    #[must_use]
    pub fn at_once(&self) -> usize {
        let lanes = self.0.transport.lanes.count();
        self.0.bulk.as_ref().map_or(lanes, |bulk| bulk.at_once(lanes))
    }

    /// Whether creations may refer to one another by [`Links`].
    #[must_use]
    pub fn links(&self) -> bool {
        self.0.bulk.as_ref().is_some_and(|bulk| bulk.links())
    }

    /// Gives references up, as the target does not resolve them.
    pub fn unlink(&self) {
        if let Some(bulk) = &self.0.bulk {
            bulk.unlink();
        }
    }

    /// Why bulk requests (RFC 7644 §3.7) were given up, if they were.
    #[must_use]
    pub fn bulk_ended(&self) -> Option<String> {
        self.0.bulk.as_ref()?.ended()
    }

    /// How long until each lasting limit of the profile, by its name, has room again: what a later process must respect. Give
    /// it to [`ClientConfig::used`], less the time that has passed.
    #[must_use]
    pub fn used(&self) -> Vec<(String, Duration)> {
        let mut used = self.0.transport.pace.used();
        used.extend(self.0.transport.joins.used());
        used
    }

    /// Takes the part of so many joins of what the profile lets one group have in an hour; how many of them may be sent now. Tell
    /// what came of them by [`joined`](Self::joined). `group` is whatever names the group to the caller, for good.
    ///
    /// # Errors
    /// Nobody may join for so long.
    pub fn join(&self, group: &str, wanted: usize) -> Result<usize, Duration> {
        self.0.transport.joins.take(group, wanted)
    }

    /// A request with members who join has come to its end; so many of them surely did not.
    pub fn joined(&self, group: &str, refused: usize) {
        self.0.transport.joins.settle(group, refused);
    }

    /// The same client, connections and limits, with another profile: one that what the target says of itself has completed.
    #[must_use]
    pub fn with_profile(&self, profile: Arc<Profile>) -> Self {
        let Shared { transport, schemas, pages_ahead, .. } = &*self.0;
        Self(Arc::new(Shared {
            transport: Arc::clone(transport),
            schemas: schemas.clone(),
            page_size: profile.list.page_size,
            pages_ahead: *pages_ahead,
            bulk: Bulk::new(&profile).map(Arc::new),
            profile,
        }))
    }

    /// All resources, or those that match, as a cursor over pages; nothing is sent before its
    /// first [`Pages::next`]. With `attributes`, only those (whole, and `id`) are asked for.
    ///
    /// The target may ignore the filter: check what comes, or use [`Client::find`].
    #[must_use]
    pub fn list(
        &self,
        resource: Resource,
        filter: Option<&Filter>,
        attributes: Option<&[Path]>,
    ) -> Pages {
        let count = Some(self.0.page_size);
        Pages::new(self.clone(), resource, filter, attributes, count).ahead(self.0.pages_ahead)
    }

    /// The resources that match a filter. Every hit is checked here by [`Filter::matches`], as
    /// some targets ignore filters and answer with everybody. One request, where the target is
    /// honest about the number of results.
    ///
    /// # Errors
    /// As the target answers; [`Kind::Refused`] or [`Kind::Server`] mostly mean that it does not
    /// understand the filter (400, 500 and 501 are in use).
    pub async fn find(&self, resource: Resource, filter: &Filter) -> Result<Found, ClientError> {
        self.look(resource, filter, true).await
    }

    /// As [`find`](Self::find), for a caller who can read the list instead: it ends with the first page that shows that the
    /// target ignores the filter.
    ///
    /// # Errors
    /// As there.
    pub async fn search(&self, resource: Resource, filter: &Filter) -> Result<Found, ClientError> {
        self.look(resource, filter, false).await
    }

    async fn look(
        &self,
        resource: Resource,
        filter: &Filter,
        to_its_end: bool,
    ) -> Result<Found, ClientError> {
        let mut pages = Pages::new(self.clone(), resource, Some(filter), None, None);
        let mut found = Found { hits: Vec::new(), filtered: true, complete: false };
        while let Some(page) = pages.next().await? {
            for text in page {
                let candidate: Json = serde_json::from_str(text.get()).map_err(|source| {
                    let message = "a resource in the list cannot be read";
                    let request = format!("GET {}?filter=…", resource.endpoint());
                    ClientError::new(Kind::Malformed, message).of(&request).because(source)
                })?;
                if filter.matches(&candidate, &self.0.schemas) {
                    found.hits.push(candidate);
                } else {
                    found.filtered = false;
                }
            }
            if !found.filtered && !to_its_end {
                return Ok(found);
            }
            // All that the target claims is here and fits: asking for an empty page would double
            // the cost of every look-up. A target that ignores filters is read to its end.
            if found.filtered && pages.total_results().is_some() && pages.seen_enough() {
                found.complete = pages.without_id() == 0;
                return Ok(found);
            }
        }
        found.complete = pages.complete();
        Ok(found)
    }

    /// The ids of all resources that a filter finds, taken on trust: what they are is not looked at. For filters over what
    /// the target does not tell, such as the members of a group.
    ///
    /// # Errors
    /// As the target answers; [`Kind::Refused`] or [`Kind::Server`] mostly mean that it does not understand the filter.
    pub async fn ids(
        &self,
        resource: Resource,
        filter: &Filter,
    ) -> Result<Vec<String>, ClientError> {
        let mut pages = Pages::new(self.clone(), resource, Some(filter), None, None);
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await? {
            for text in page {
                let found: Json = serde_json::from_str(text.get()).unwrap_or_default();
                ids.extend(member(&found, "id").and_then(reference_id));
            }
            // One request a question, where the target says how many there are.
            if pages.total_results().is_some() && pages.seen_enough() {
                break;
            }
        }
        Ok(ids)
    }

    /// One resource; `None` if it surely is not there.
    ///
    /// # Errors
    /// As the target answers; a 404 that does not come from the SCIM service is [`Kind::Refused`].
    pub async fn get(&self, resource: Resource, id: &str) -> Result<Option<Json>, ClientError> {
        let call = self.call(Method::GET, resource, Some(id))?;
        let mut reply = match self.send(&call).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(None),
            reply => reply?,
        };
        let body = reply.json().map_err(|error| error.of(&call.label()))?;
        match body {
            // What is read may be merged and written back: another's, or something else, must never be taken for it.
            Some(resource) if is_of(&resource, id) => Ok(Some(resource)),
            _ => {
                let message = "answered with something else than what was asked for";
                Err(malformed(&reply, message).of(&call.label()))
            }
        }
    }

    /// Creates a resource. Never sent twice unless the first surely was not processed.
    ///
    /// # Errors
    /// - [`Kind::Conflict`]: it exists already, most likely; find it.
    /// - [`Kind::NoId`]: created, but neither body nor `Location` name an id; find it.
    /// - Any with [`ambiguous`](ClientError::ambiguous): it may exist now; find it before
    ///   creating it again.
    pub async fn create(&self, resource: Resource, body: &Json) -> Result<Created, ClientError> {
        self.create_linked(resource, body, None).await
    }

    /// As [`create`](Self::create), with references to what is created at the same time, where they can be sent.
    ///
    /// # Errors
    /// As there.
    pub async fn create_linked(
        &self,
        resource: Resource,
        body: &Json,
        links: Option<&Links>,
    ) -> Result<Created, ClientError> {
        let encode = |body| bytes(&self.0.profile.encode(resource, body, &self.0.schemas));
        let link =
            links.map(|Links { name, names, body }| Link { name, names, body: encode(body) });
        let mut call = self.call(Method::POST, resource, None)?;
        call.body = Some(encode(body));
        call.link = link.as_ref();
        let mut reply = self.send(&call).await?;
        let linked = reply.linked;
        let created = reply.json();
        let known = created.as_ref().ok().and_then(Option::as_ref);
        match (reply.id(known, call.endpoint), created) {
            (Some(id), created) => {
                let resource = created.ok().flatten().filter(Json::is_object).unwrap_or_default();
                let version = version(&resource);
                Ok(Created { id, resource, version, linked })
            }
            (None, Err(error)) => Err(error.with_ambiguous(true).of(&call.label())),
            (None, Ok(_)) => {
                let message = "the reply names no id, neither in its body nor as a Location";
                let error = ClientError::new(Kind::NoId, message).with_status(reply.status);
                Err(error.with_ambiguous(true).of(&call.label()))
            }
        }
    }

    /// Replaces a resource (PUT). Gives what the target says it is now; `None` without a body. With a `version`, only
    /// if it is still that (`If-Match`, RFC 7644 §3.14).
    ///
    /// # Errors
    /// As the target answers; [`Kind::NotFound`] if it surely is not there, [`Kind::Precondition`] if it has another version.
    pub async fn replace(
        &self,
        resource: Resource,
        id: &str,
        body: &Json,
        version: Option<&str>,
    ) -> Result<Option<Json>, ClientError> {
        let body = self.0.profile.encode(resource, body, &self.0.schemas);
        self.write(Method::PUT, resource, id, &body, version).await
    }

    /// Changes parts of a resource (PATCH). Gives what the target says it is now; `None` without
    /// a body. Several requests, one after the other, where the target limits their operations. With a `version`, only if it is
    /// still that (`If-Match`, RFC 7644 §3.14).
    ///
    /// # Errors
    /// As the target answers; [`Kind::NotFound`] if it surely is not there, [`Kind::Precondition`] if it has another version, and
    /// [`ClientError::is_unsupported`] if the target has no PATCH.
    pub async fn patch(
        &self,
        resource: Resource,
        id: &str,
        body: &Json,
        version: Option<&str>,
    ) -> Result<Option<Json>, ClientError> {
        let mut answer = None;
        let mut version = version.map(str::to_owned);
        for body in self.0.profile.encode_patch(resource, body, &self.0.schemas) {
            answer = self.write(Method::PATCH, resource, id, &body, version.as_deref()).await?;
            // Our own first part has moved it.
            version = answer.as_ref().and_then(self::version).filter(|_| version.is_some());
        }
        Ok(answer)
    }

    /// Deletes a resource; with a `version`, only if it is still that. 200, 202 and 204 are all success.
    ///
    /// # Errors
    /// As the target answers. A 404 with an HTML body is an error, not [`Deleted::Gone`].
    pub async fn delete(
        &self,
        resource: Resource,
        id: &str,
        version: Option<&str>,
    ) -> Result<Deleted, ClientError> {
        let mut call = self.call(Method::DELETE, resource, Some(id))?;
        call.if_match = version;
        let mut reply = match self.send(&call).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(Deleted::Gone),
            reply => reply?,
        };
        reply.json().map_err(|error| error.with_ambiguous(true).of(&call.label()))?;
        Ok(Deleted::Deleted)
    }

    async fn write(
        &self,
        method: Method,
        resource: Resource,
        id: &str,
        body: &Json,
        version: Option<&str>,
    ) -> Result<Option<Json>, ClientError> {
        let mut call = self.call(method, resource, Some(id))?;
        call.if_match = version;
        call.body = Some(bytes(body));
        let mut reply = self.send(&call).await?;
        let body = reply.json().map_err(|error| error.with_ambiguous(true).of(&call.label()))?;
        // `{"success": true}` and the like are no resource, and another's says nothing of this one.
        Ok(body.filter(|body| is_of(body, id)))
    }

    /// Sends a request. What the profile has to say about a failure goes with it.
    async fn send(&self, call: &Call<'_>) -> Result<Reply, ClientError> {
        let bulk = self.0.bulk.as_deref().filter(|_| call.is_write());
        self.0.transport.send(call, bulk).await.map_err(|mut error| {
            let (scim_type, code) = match &error.scim {
                Some(scim) => (scim.scim_type.as_deref(), scim.code),
                None => (None, None),
            };
            let text = self.0.profile.explain(error.status, scim_type, code, &error.message);
            error.hint = text.map(str::to_owned);
            error
        })
    }

    /// A request without a body.
    fn call<'a>(
        &'a self,
        method: Method,
        resource: Resource,
        id: Option<&'a str>,
    ) -> Result<Call<'a>, ClientError> {
        let endpoint = self.0.profile.endpoint(resource);
        if endpoint.is_empty() {
            let message = format!("this target has no resources of the type {resource}");
            return Err(ClientError::new(Kind::Config, message));
        }
        Ok(Call { resource: Some(resource), id, ..Call::new(method, endpoint) })
    }

    async fn page(
        &self,
        resource: Resource,
        query: &[(&'static str, Option<String>)],
    ) -> Result<Page, ClientError> {
        let mut call = self.call(Method::GET, resource, None)?;
        call.query = query.to_vec();
        let mut reply = self.send(&call).await?;
        list::parse_page(&reply.body).map_err(|source| {
            // HTML and the like have a better explanation than where the JSON parser stopped.
            let error = reply.json().err().unwrap_or_else(|| malformed(&reply, source.to_string()));
            error.of(&call.label())
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("page_size", &self.0.page_size).finish_non_exhaustive()
    }
}

fn bytes(body: &Json) -> Bytes {
    serde_json::to_vec(body).expect("a JSON value can be written").into()
}

fn malformed(reply: &Reply, message: impl Into<String>) -> ClientError {
    ClientError::new(Kind::Malformed, message).with_status(reply.status)
}

/// Whether this is the resource that has the id.
fn is_of(resource: &Json, id: &str) -> bool {
    let named = member(resource, "id").and_then(reference_id);
    named.is_some_and(|named| named.eq_ignore_ascii_case(id))
}

/// `meta.version` (RFC 7643 §3.1), if there is one.
pub fn version(resource: &Json) -> Option<String> {
    reference_id(member(member(resource, "meta")?, "version")?)
}
