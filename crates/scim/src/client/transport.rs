//! One HTTP attempt: connection pool, TLS, headers, time and size limits, the bound on concurrency.
//! What a reply means is judged in `reply`, whether to try again in `retry`.

use std::cell::RefCell;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{
    CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER,
};
use tokio::time::Instant;

use crate::schema::Resource;

use super::address::Base;
use super::auth::Credentials;
use super::bulk::{Bulk, Outcome};
use super::cause::{Cause, TlsFailure};
use super::config::{ClientConfig, Observer};
use super::error::{ClientError, Kind};
use super::joins::Joins;
use super::lanes::Lanes;
use super::pace::{Class, Pace};
use super::reply::{Reply, is_success};
use super::retry::{Failure, Retry, Safety, Sent};
use super::setup;
use super::wire::{self, Lost, Wire};

/// How much of an error body is read: enough for any message, too little to hurt.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// The headers in which services give a request its number, in the order in which they are looked at.
const REQUEST_IDS: &[&str] =
    &["x-request-id", "request-id", "x-correlation-id", "x-trace-id", "x-amzn-requestid"];

/// Nobody has use for more requests at once.
const MOST_LANES: usize = 1024;

/// A longer one is none.
const MAX_REQUEST_ID: usize = 128;

tokio::task_local! {
    /// The number that the target gave to the last write of some work.
    static NUMBER: RefCell<Option<String>>;
}

/// Does some work, and tells the number that the target gave to the last of its writes that went well, if it gave one: by it the
/// target's support finds the request. What fails has it in [`ClientError::request_id`].
pub async fn numbered<F: Future>(work: F) -> (F::Output, Option<String>) {
    let all = async {
        let output = work.await;
        (output, NUMBER.with(RefCell::take))
    };
    NUMBER.scope(RefCell::default(), all).await
}

/// One attempt to send a request, as told to the [observer](super::ClientConfig::observer).
#[derive(Debug)]
#[non_exhaustive]
pub struct RequestEvent<'a> {
    /// The HTTP method, such as `POST`.
    pub method: &'a str,
    /// The request as in [`ClientError::request`], without the values of a filter.
    pub request: &'a str,
    /// 0 for the first attempt.
    pub attempt: u32,
    /// The status, if a reply came.
    pub status: Option<u16>,
    /// Size of the reply's body, decompressed; 0 for failed attempts.
    pub bytes: usize,
    /// How long the attempt took, without waiting for a free slot.
    pub elapsed: Duration,
    /// Why the attempt failed, if it did.
    pub error: Option<&'a ClientError>,
    /// How long until the next attempt; `None` if this was the last.
    pub wait: Option<Duration>,
}

/// What to send.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// What kind of resource it is about; none for what the service says of itself.
    pub(super) resource: Option<Resource>,
    /// Below the base URL, such as `/Users`.
    pub(super) endpoint: &'a str,
    pub(super) id: Option<&'a str>,
    /// Parameters; one without a value is written without `=`.
    pub(super) query: Vec<(&'static str, Option<String>)>,
    pub(super) body: Option<Bytes>,
    /// The version that must be there for the request to be carried out (RFC 7644 §3.14).
    pub(super) if_match: Option<&'a str>,
    /// How it refers to what is created in the same request, if it is sent along with others.
    pub(super) link: Option<&'a Link<'a>>,
}

/// What a creation is called in a bulk request, and its body with references to others there.
#[derive(Debug)]
pub(super) struct Link<'a> {
    pub(super) name: &'a str,
    pub(super) names: &'a [String],
    pub(super) body: Bytes,
}

/// Why an attempt failed, and what that says about it.
pub(super) type Failed = (ClientError, Sent);

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, endpoint: &'a str) -> Self {
        Self {
            method,
            resource: None,
            endpoint,
            id: None,
            query: Vec::new(),
            body: None,
            if_match: None,
            link: None,
        }
    }

    pub(super) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    fn class(&self) -> Class<'_> {
        Class { method: self.method.as_str(), resource: self.resource, write: self.is_write() }
    }

    /// For messages and logs. A filter's values are people's, so they are left out.
    pub(super) fn label(&self) -> String {
        let mut label = format!("{} {}", self.method, self.endpoint);
        if let Some(id) = self.id {
            label.push('/');
            label.push_str(id);
        }
        let shown = self.query.iter().filter(|(name, _)| matches!(*name, "filter" | "startIndex"));
        for (number, (name, value)) in shown.enumerate() {
            label.push(if number == 0 { '?' } else { '&' });
            label.push_str(name);
            label.push('=');
            let value = value.as_deref().unwrap_or_default();
            label.push_str(if *name == "filter" { "…" } else { value });
        }
        label
    }
}

/// Everything that a client shares between its requests.
pub(super) struct Transport {
    /// The pool. It can be renewed, because a connection belongs to the runtime that opened it.
    http: RwLock<reqwest::Client>,
    config: ClientConfig,
    base: Base,
    credentials: Credentials,
    content_type: HeaderValue,
    timeout: Duration,
    connect_timeout: Duration,
    max_response_bytes: usize,
    pub(super) lanes: Lanes,
    pub(super) pace: Pace,
    pub(super) joins: Joins,
    retry: Retry,
    wire: Option<Arc<dyn Wire>>,
    observer: Option<Observer>,
}

impl Transport {
    pub(super) fn new(config: &ClientConfig) -> Result<Self, ClientError> {
        let invalid = |message: &str| ClientError::new(Kind::Config, message);
        let base = Base::parse(&config.base_url, config.allow_plain_http)?;
        let user_agent = user_agent(config)?;
        let content_type = HeaderValue::from_str(&config.content_type).map_err(|_| {
            invalid("the content type holds characters that cannot stand in a header")
        })?;
        if config.concurrency == 0 || config.concurrency > MOST_LANES {
            return Err(invalid("the concurrency must be at least 1"));
        }
        if config.page_size == 0 {
            return Err(invalid("the page size must be at least 1"));
        }
        Ok(Self {
            credentials: Credentials::new(config, user_agent.clone())?,
            http: RwLock::new(setup::http(config, &base, user_agent)?),
            config: config.clone(),
            base,
            content_type,
            timeout: config.timeout,
            connect_timeout: config.connect_timeout,
            max_response_bytes: config.max_response_bytes,
            lanes: Lanes::new(config.concurrency, config.max_concurrency.min(MOST_LANES)),
            pace: Pace::new(config.profile.rates.clone(), &config.used),
            joins: Joins::new(&config.profile.groups, &config.used),
            retry: Retry::new(
                config.retries,
                config.retry_base,
                config.retry_cap,
                config.retry_after_cap,
                config.seed,
            ),
            wire: config.wire.clone(),
            observer: config.observer.clone(),
        })
    }

    /// Leaves all connections to whoever waits for an answer on them; what is sent from now on opens new ones.
    pub(super) fn reconnect(&self) -> Result<(), ClientError> {
        let user_agent = user_agent(&self.config)?;
        let http = setup::http(&self.config, &self.base, user_agent)?;
        *self.http.write().unwrap_or_else(PoisonError::into_inner) = http;
        Ok(())
    }

    /// Sends the request, again where that is safe, and gives the reply if it is a success. A change goes along with others, where
    /// there is a `bulk`.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        bulk: Option<&Bulk>,
    ) -> Result<Reply, ClientError> {
        let label = call.label();
        if let Some(id) = call.id {
            super::address::check_id(id).map_err(|error| error.of(&label))?;
        }
        let safety = if call.method == Method::POST { Safety::Once } else { Safety::Idempotent };
        let attempt = |number| {
            let label = &label;
            async move {
                let class = call.class();
                let queued = Instant::now();
                let outcome = match bulk {
                    Some(bulk) => self.together(bulk, call).await,
                    None => Outcome::Alone,
                };
                let is_doubted = matches!(outcome, Outcome::Doubted);
                if let Outcome::Sent(result, linked) = outcome {
                    let failure = |(error, sent): Failed| Failure {
                        error: error.of(label),
                        sent,
                        elapsed: queued.elapsed(),
                    };
                    return result.map(|reply| Reply { linked, ..reply }).map_err(failure);
                }
                let asked = self.pace.admit(class).await;
                let lane = self.lanes.enter().await;
                let started = Instant::now();
                let result = self.signed(call).await;
                let elapsed = started.elapsed();
                drop(lane);
                self.judge_load(&result, 1);
                if let (Some(bulk), Ok(_)) = (bulk, &result) {
                    bulk.single_took(elapsed);
                    if is_doubted {
                        bulk.unlink();
                    }
                }
                let (error, sent) = match result {
                    Ok(reply) => {
                        self.pace.succeeded(class);
                        if call.is_write() {
                            // Nobody asks where no work is numbered.
                            let _unasked =
                                NUMBER.try_with(|number| number.replace(reply.request_id.clone()));
                        }
                        let done = (reply.status, reply.body.len(), elapsed);
                        self.succeeded(call, label, number, done);
                        return Ok(reply);
                    }
                    Err(failure) => failure,
                };
                // Who says "again, at once" has no pace to keep to.
                if error.kind == Kind::Throttled && error.retry_after != Some(Duration::ZERO) {
                    self.pace.refused(class, asked);
                }
                Err(Failure { error: error.of(label), sent, elapsed })
            }
        };
        let report = |number, failure: &Failure, wait| {
            self.failed(call, &label, number, failure, wait);
        };
        self.retry.run(safety, attempt, report).await.map_err(|error| error.of(&label))
    }

    /// An attempt, and a second one with another token if the first one's was refused.
    pub(super) async fn signed(&self, call: &Call<'_>) -> Result<Reply, Failed> {
        // In a box, as its state is large, and those who wait for it are moved before they are polled for the first time.
        let result = Box::pin(self.attempt(call)).await;
        // A token may be withdrawn before its time; another one tells whether it was that.
        match &result {
            Err((error, _)) if error.status == Some(401) && self.credentials.refused().await => {
                Box::pin(self.attempt(call)).await
            }
            _ => result,
        }
    }

    /// What an attempt says of how much may be under way at once; `changes` is how many it carried.
    pub(super) fn judge_load(&self, result: &Result<Reply, Failed>, changes: usize) {
        match result {
            Err((error, _)) if is_overload(error) => self.lanes.overloaded(),
            _ => self.lanes.answered(changes),
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Reply, Failed> {
        let lost = |error| self.lost(error, call.is_write());
        let url = self.base.url(call.endpoint, call.id, &call.query);
        let http = self.http.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut request = http.request(call.method.clone(), url);
        request = self.credentials.sign(request).await.map_err(|error| {
            let sent = if error.retryable { Sent::NotProcessed } else { Sent::Decided };
            (error, sent)
        })?;
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, self.content_type.clone()).body(body.clone());
        }
        if let Some(version) = call.if_match {
            request = request.header(IF_MATCH, version);
        }
        let response = match &self.wire {
            None => request.send().await.map_err(lost)?,
            Some(wire) => self.carry(&**wire, request, call.is_write()).await?,
        };
        let header = |name| text(response.headers(), &name);
        let mut reply = Reply {
            status: response.status().as_u16(),
            content_type: header(CONTENT_TYPE),
            location: header(LOCATION),
            retry_after: header(RETRY_AFTER),
            date: header(DATE),
            request_id: request_id(response.headers()),
            ..Reply::default()
        };
        let read = self.read(response, &mut reply).await;
        let success = is_success(reply.status);
        match read {
            // The status alone says what to do; half an explanation is better than none.
            Ok(()) | Err(_) if !success => {}
            Ok(()) => {}
            Err(Cut::TooLarge) => {
                let message = format!(
                    "the reply is larger than the limit of {} bytes",
                    self.max_response_bytes
                );
                let error = ClientError::new(Kind::TooLarge, message).with_status(reply.status);
                return Err((error.with_ambiguous(call.is_write()), Sent::Decided));
            }
            Err(Cut::Lost(error)) => return Err(lost(error)),
        }
        match reply.failure(call.is_write()) {
            Some(failure) => Err(failure),
            None => Ok(reply),
        }
    }

    /// Reads the body, but never more than the limit into memory.
    async fn read(&self, mut response: reqwest::Response, reply: &mut Reply) -> Result<(), Cut> {
        let success = response.status().is_success();
        let limit = if success {
            self.max_response_bytes
        } else {
            self.max_response_bytes.min(MAX_ERROR_BYTES)
        };
        let announced = response.content_length().unwrap_or(0);
        if success && usize::try_from(announced).map_or(true, |announced| announced > limit) {
            return Err(Cut::TooLarge);
        }
        while let Some(chunk) = response.chunk().await.map_err(Cut::Lost)? {
            let room = limit - reply.body.len();
            if chunk.len() > room {
                reply.body.extend_from_slice(chunk.get(..room).unwrap_or_default());
                return Err(Cut::TooLarge);
            }
            reply.body.extend_from_slice(&chunk);
        }
        Ok(())
    }

    /// Judges an attempt without a whole reply.
    fn lost(&self, error: reqwest::Error, write: bool) -> Failed {
        // The URL may hold a tenant's key or a person's name in its query.
        let error = error.without_url();
        if error.is_builder() {
            let message = "the request cannot be built";
            return (ClientError::new(Kind::Config, message).because(error), Sent::Decided);
        }
        let host = self.base.authority();
        if let Some(problem) = TlsFailure::of(&error) {
            let message = format!("{} {host}", problem.told());
            let failure = ClientError::new(Kind::Unreachable, message).with_tls(problem);
            return (failure.because(Cause::of(&error)), Sent::Decided);
        }
        let (failure, sent) = self.cut(error.is_connect(), error.is_timeout(), write);
        (failure.because(Cause::of(&error)), sent)
    }

    /// An attempt that came to no whole reply: for want of a connection or after it, in time or not.
    fn cut(&self, connecting: bool, late: bool, write: bool) -> Failed {
        let host = self.base.authority();
        let (kind, message, sent) = match (connecting, late) {
            (true, true) => {
                let limit = self.connect_timeout.min(self.timeout);
                (
                    Kind::Timeout,
                    format!("no connection to {host} within {limit:?}"),
                    Sent::NotProcessed,
                )
            }
            (true, false) => {
                (Kind::Unreachable, format!("no connection to {host}"), Sent::NotProcessed)
            }
            (false, true) => {
                (Kind::Timeout, format!("no whole answer within {:?}", self.timeout), Sent::Perhaps)
            }
            (false, false) => {
                let message = "the connection was lost before the whole answer was there";
                (Kind::Unreachable, message.to_owned(), Sent::Perhaps)
            }
        };
        let ambiguous = write && sent == Sent::Perhaps;
        let failure =
            ClientError::new(kind, message).with_retryable(true).with_ambiguous(ambiguous);
        (failure, sent)
    }

    /// One attempt by a wire, judged as one by the network.
    async fn carry(
        &self,
        wire: &dyn Wire,
        request: reqwest::RequestBuilder,
        write: bool,
    ) -> Result<reqwest::Response, Failed> {
        let request = request.build().map_err(|error| self.lost(error, write))?;
        match tokio::time::timeout(self.timeout, wire::carry(wire, request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(lost)) => Err(self.cut(lost == Lost::Request, false, write)),
            Err(_) => Err(self.cut(false, true, write)),
        }
    }

    pub(super) fn succeeded(
        &self,
        call: &Call<'_>,
        request: &str,
        attempt: u32,
        done: (u16, usize, Duration),
    ) {
        let (status, bytes, elapsed) = done;
        tracing::debug!(request, status, attempt, bytes, ?elapsed, "target answered");
        self.observe(&RequestEvent {
            method: call.method.as_str(),
            request,
            attempt,
            status: Some(status),
            bytes,
            elapsed,
            error: None,
            wait: None,
        });
    }

    fn failed(
        &self,
        call: &Call<'_>,
        request: &str,
        attempt: u32,
        failure: &Failure,
        wait: Option<Duration>,
    ) {
        let Failure { error, elapsed, .. } = failure;
        // The message may quote a person's data, so only its kind is logged here; the error
        // itself goes to the caller, who knows what may be shown.
        tracing::debug!(
            request, status = error.status, attempt, kind = ?error.kind, ?elapsed, ?wait,
            "request failed"
        );
        self.observe(&RequestEvent {
            method: call.method.as_str(),
            request,
            attempt,
            status: error.status,
            bytes: 0,
            elapsed: *elapsed,
            error: Some(error),
            wait,
        });
    }

    fn observe(&self, event: &RequestEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

fn user_agent(config: &ClientConfig) -> Result<HeaderValue, ClientError> {
    let invalid = |message: &str| ClientError::new(Kind::Config, message);
    if config.user_agent.trim().is_empty() {
        return Err(invalid("the user agent is empty; some targets refuse requests without one"));
    }
    HeaderValue::from_str(&config.user_agent)
        .map_err(|_| invalid("the user agent holds characters that cannot stand in a header"))
}

/// Whether the target may have too much to do.
fn is_overload(error: &ClientError) -> bool {
    matches!(error.kind, Kind::Timeout | Kind::Unreachable) && error.retryable
        || matches!(error.status, Some(502..=504))
}

/// Why a body was not read to its end.
enum Cut {
    TooLarge,
    Lost(reqwest::Error),
}

/// The number that the target gave to the request, if it is one that can be shown.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = REQUEST_IDS.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    (!id.is_empty() && id.len() <= MAX_REQUEST_ID).then(|| id.to_owned())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    // Not `to_str`: a Location with raw UTF-8 is common enough.
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
