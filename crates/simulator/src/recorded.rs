//! Requests as they came in: for fault hooks, and recorded for those who test a client.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

/// A request that reached the service provider.
///
/// `Display` is one line: `PATCH /Users/7 -> 200`. Serialised, it has the members method, path, query, status and body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The how-manieth request since the start; the first is 1.
    pub number: u64,
    /// The method, in upper case.
    pub method: String,
    /// The path below the base URL, such as `/Users/7`; the whole path if it lies elsewhere. Still percent-encoded.
    pub path: String,
    /// What follows `?`; still percent-encoded.
    pub query: Option<String>,
    /// The status of the answer; none before there is one, and where the connection was dropped.
    pub status: Option<u16>,
    raw: Bytes,
}

impl Request {
    pub(crate) fn new(number: u64, request: &axum::http::Request<Bytes>, base: &str) -> Self {
        let path = request.uri().path();
        let below = path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        Self {
            number,
            method: request.method().to_string(),
            path: below.unwrap_or(path).to_owned(),
            query: request.uri().query().map(ToOwned::to_owned),
            status: None,
            raw: request.body().clone(),
        }
    }

    /// The body, if there is one and it is JSON. It is read anew by each call.
    #[must_use]
    pub fn body(&self) -> Option<Json> {
        serde_json::from_slice(&self.raw).ok()
    }

    /// The body as it was sent.
    #[must_use]
    pub fn raw_body(&self) -> &[u8] {
        &self.raw
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        match self.status {
            Some(status) => write!(f, " -> {status}"),
            None => f.write_str(" -> no answer"),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {self} {}", self.number, String::from_utf8_lossy(&self.raw))
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("query", &self.query)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("body", &self.body())?;
        map.end()
    }
}

/// The requests that were answered or dropped, in that order.
#[derive(Debug)]
pub(crate) struct Recorder(Option<Mutex<Vec<Request>>>);

impl Recorder {
    pub(crate) fn new(on: bool) -> Self {
        Self(on.then(Mutex::default))
    }

    pub(crate) fn push(&self, request: Request, status: Option<u16>) {
        if let Some(requests) = &self.0 {
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(Request { status, ..request });
        }
    }

    pub(crate) fn list(&self) -> Vec<Request> {
        self.with(|requests| requests.clone())
    }

    pub(crate) fn take(&self) -> Vec<Request> {
        self.with(std::mem::take)
    }

    fn with(&self, read: impl FnOnce(&mut Vec<Request>) -> Vec<Request>) -> Vec<Request> {
        let Some(requests) = &self.0 else { return Vec::new() };
        read(&mut requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
