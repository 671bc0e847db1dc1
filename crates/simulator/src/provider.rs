//! The service provider as its owner sees it, beside all requests: what it was asked, what it holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use axum::http::{Request as HttpRequest, Response};
use peoplesync_scim::{Resource, ScimError};
use serde_json::Value as Json;

use crate::accept::{Origin, accept};
use crate::recorded::{self, Request};
use crate::serve::Shared;
use crate::service::BASE;

/// A service provider, with or without a network; see [`Running`](crate::Running) and
/// [`Builder::without_network`](crate::Builder::without_network).
#[derive(Debug, Clone)]
pub struct Provider(pub(crate) Arc<Shared>);

impl Provider {
    /// Carries a request out and answers it, without a network and at once: faults and latency are of the network, and do not
    /// happen here.
    #[must_use]
    pub fn answer(&self, request: HttpRequest<Vec<u8>>) -> Response<Vec<u8>> {
        let request = request.map(Bytes::from);
        let number = self.0.received.fetch_add(1, Ordering::Relaxed) + 1;
        let recorded = recorded::Request::new(number, &request, BASE);
        let reply = self.0.service.answer(&request);
        self.0.recorder.push(recorded, Some(reply.status().as_u16()));
        reply.map(Into::into)
    }

    /// The base URL, such as `http://127.0.0.1:8080/scim/v2`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.service.url
    }

    /// How many requests came in, recorded or not.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    /// The requests recorded so far, in the order in which they were answered or dropped.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.0.recorder.list()
    }

    /// As `requests`, and forgets them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Request> {
        self.0.recorder.take()
    }

    /// All users, in the order in which they were added.
    #[must_use]
    pub fn users(&self) -> Vec<Json> {
        self.resources(Resource::User)
    }

    /// All resources of a type, in the order in which they were added.
    #[must_use]
    pub fn resources(&self, resource: Resource) -> Vec<Json> {
        let service = &self.0.service;
        let store = service.read();
        let rows = store.table(resource).rows().iter();
        rows.map(|row| service.value(&store, resource, row)).collect()
    }

    /// How many resources of a type there are.
    #[must_use]
    pub fn count(&self, resource: Resource) -> usize {
        self.0.service.read().table(resource).rows().len()
    }

    /// The resource with this id.
    #[must_use]
    pub fn get(&self, resource: Resource, id: &str) -> Option<Json> {
        let service = &self.0.service;
        let store = service.read();
        let row = store.table(resource).get(id)?;
        Some(service.value(&store, resource, row))
    }

    /// Adds resources without a request, under the same rules as a POST, and answers with their ids. An `id` that is
    /// given is kept; `schemas` may be left out.
    ///
    /// # Errors
    /// As the service would answer a POST; those before the refused one have been added.
    pub fn seed(
        &self,
        resource: Resource,
        resources: impl IntoIterator<Item = Json>,
    ) -> Result<Vec<String>, ScimError> {
        let service = &self.0.service;
        let mut store = service.write();
        let mut ids = Vec::new();
        for body in resources {
            let id = body.get("id").and_then(Json::as_str).map(ToOwned::to_owned);
            if let Some(id) = &id
                && store.table(resource).get(id).is_some()
            {
                return Err(ScimError::new(409, "uniqueness", format!("id `{id}` is taken")));
            }
            let new = accept(resource, body, &service.schemas, Origin::Own)?;
            ids.push(service.add(&mut store, resource, new, id)?.id.to_string());
        }
        Ok(ids)
    }

    /// Changes a resource behind the back of the clients; whether there is one. `id` and `meta` stay.
    ///
    /// # Errors
    /// When the result is no resource; then nothing has changed.
    pub fn edit(
        &self,
        resource: Resource,
        id: &str,
        change: impl FnOnce(&mut Json),
    ) -> Result<bool, ScimError> {
        let service = &self.0.service;
        let mut store = service.write();
        let Some(row) = store.table(resource).get(id).cloned() else { return Ok(false) };
        let mut value = row.value();
        change(&mut value);
        let new = accept(resource, value, &service.schemas, Origin::Own)?;
        service.change(&mut store, resource, &row, new)?;
        Ok(true)
    }

    /// Deletes a resource behind the back of the clients; whether there was one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remove(&self, resource: Resource, id: &str) -> Result<bool, ScimError> {
        let service = &self.0.service;
        service.remove(&mut service.write(), resource, id)
    }
}
