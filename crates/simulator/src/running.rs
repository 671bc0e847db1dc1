//! A simulator at work, as its owner sees it: where it is, what it was asked, what it holds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use peoplesync_scim::{Resource, ScimError};
use serde_json::Value as Json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Error;
use crate::accept::{Origin, accept};
use crate::recorded::Request;
use crate::serve::Shared;

/// A simulator that serves. Dropping it ends it as well, without waiting.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(crate) fn new(
        address: SocketAddr,
        shared: Arc<Shared>,
        stop: watch::Sender<bool>,
        serving: JoinHandle<std::io::Result<()>>,
    ) -> Self {
        Self { address, shared, stop, serving }
    }

    /// The address and port that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The base URL, such as `http://127.0.0.1:8080/scim/v2`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.service.url
    }

    /// How many requests came in, recorded or not.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// The requests recorded so far, in the order in which they were answered or dropped.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.recorder.list()
    }

    /// As `requests`, and forgets them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Request> {
        self.shared.recorder.take()
    }

    /// All users, in the order in which they were added.
    #[must_use]
    pub fn users(&self) -> Vec<Json> {
        self.resources(Resource::User)
    }

    /// All resources of a type, in the order in which they were added.
    #[must_use]
    pub fn resources(&self, resource: Resource) -> Vec<Json> {
        let service = &self.shared.service;
        let store = service.read();
        let rows = store.table(resource).rows().iter();
        rows.map(|row| service.value(&store, resource, row)).collect()
    }

    /// How many resources of a type there are.
    #[must_use]
    pub fn count(&self, resource: Resource) -> usize {
        self.shared.service.read().table(resource).rows().len()
    }

    /// The resource with this id.
    #[must_use]
    pub fn get(&self, resource: Resource, id: &str) -> Option<Json> {
        let service = &self.shared.service;
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
        let service = &self.shared.service;
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
        let service = &self.shared.service;
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
        let service = &self.shared.service;
        service.remove(&mut service.write(), resource, id)
    }

    /// Ends the service: no further connection is taken, requests that have begun are answered, waiting ones at once.
    ///
    /// # Errors
    /// When serving had failed.
    pub async fn shutdown(self) -> Result<(), Error> {
        self.stop.send_replace(true);
        let failed = || Error::new("the simulator had stopped");
        match self.serving.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed().because(error)),
            Err(error) => Err(failed().because(error)),
        }
    }
}
