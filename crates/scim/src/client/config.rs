//! What a client must be told: where the target is, how to prove who we are, and every limit.
//! Nothing here does I/O or reads the environment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::profile::Profile;
use crate::schema::SchemaSet;

use super::RequestEvent;
use super::auth::Auth;
use super::wire::Wire;

/// Is called after every attempt; see [`ClientConfig::observer`].
pub type Observer = Arc<dyn Fn(&RequestEvent<'_>) + Send + Sync>;

/// Everything that [`Client::new`](super::Client::new) needs. Start from
/// [`ClientConfig::new`], which has defaults that suit most targets, and change fields.
#[derive(Clone)]
pub struct ClientConfig {
    /// The service provider's base URL, such as `https://scim.example.com/v2`. A path is kept, and
    /// a query (`?tenant=a`) goes with every request. No user name, password or fragment.
    pub base_url: String,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// `User-Agent` of every request; some targets refuse requests without one.
    pub user_agent: String,
    /// `Content-Type` of bodies: `application/scim+json` (RFC 7644 §3.1) unless a target insists.
    pub content_type: String,
    /// Limit for one attempt, from the connection to the last byte of the reply.
    pub timeout: Duration,
    /// Limit for the connection alone, with TLS.
    pub connect_timeout: Duration,
    /// A reply that is larger, decompressed, is refused while it is being read.
    pub max_response_bytes: usize,
    /// How many requests are under way at once, at first; at least 1.
    pub concurrency: usize,
    /// Up to how many may be under way at once, as long as more of them at once are answered faster. Not more than
    /// `concurrency`: the number is fixed.
    pub max_concurrency: usize,
    /// How often a request is repeated after its first attempt failed, where that is safe.
    pub retries: u32,
    /// The first back-off is drawn from zero to this; the range doubles with every retry.
    pub retry_base: Duration,
    /// The range of the back-off grows no further than this.
    pub retry_cap: Duration,
    /// `Retry-After` is kept to the second up to this. A target that asks for more gets no retry:
    /// the error carries [`retry_after`](super::ClientError::retry_after), so that the caller can
    /// come back then.
    pub retry_after_cap: Duration,
    /// `count` of each page asked for; at least 1. Targets may give less, and some refuse it.
    pub page_size: u32,
    /// How many pages are asked for at once, where they have numbers and the target says how many resources there are;
    /// at least 1.
    pub pages_ahead: usize,
    /// Allows `http://` to hosts other than this machine: credentials and people travel readable.
    pub allow_plain_http: bool,
    /// PEM certificates that are trusted besides the system's, for targets with an own authority.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// PEM of a certificate and its private key, by which the target knows this client (mutual TLS).
    pub identity_pem: Option<Vec<u8>>,
    /// A proxy for everything but loopback, such as `http://proxy.example.com:3128`; a user name and a password may stand in
    /// it. Without one, those of the environment are used (`HTTPS_PROXY`, `NO_PROXY`).
    pub proxy: Option<String>,
    /// How long until each lasting limit of the profile has room again, as an earlier client [told](super::Client::used).
    pub used: Vec<(String, Duration)>,
    /// Seed of the back-off's jitter, for runs that must repeat exactly; `None` draws one.
    pub seed: Option<u64>,
    /// The schemas by which [`Client::find`](super::Client::find) checks what a filter returned.
    pub schemas: SchemaSet,
    /// How the target departs from the RFCs: where things are, how bodies are written, how pages are asked for.
    pub profile: Arc<Profile>,
    /// Carries requests and replies in place of the network; for simulations.
    pub wire: Option<Arc<dyn Wire>>,
    /// Is told about every attempt, for logs, metrics and counting. Must be quick.
    pub observer: Option<Observer>,
}

impl ClientConfig {
    /// A config with the defaults: no credentials, 30 s per attempt (10 s to connect), replies up
    /// to 32 MiB, 8 requests at once, 4 retries with back-off from 0.25 s to at most 30 s,
    /// `Retry-After` up to 5 minutes, pages of 100, plain http to loopback only.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            auth: Auth::None,
            user_agent: concat!("peoplesync/", env!("CARGO_PKG_VERSION")).to_owned(),
            content_type: "application/scim+json".to_owned(),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_response_bytes: 32 << 20,
            concurrency: 8,
            max_concurrency: 0,
            retries: 4,
            retry_base: Duration::from_millis(250),
            retry_cap: Duration::from_secs(30),
            retry_after_cap: Duration::from_secs(300),
            page_size: 100,
            pages_ahead: 1,
            allow_plain_http: false,
            extra_roots_pem: None,
            identity_pem: None,
            proxy: None,
            used: Vec::new(),
            seed: None,
            schemas: SchemaSet::standard(),
            profile: Arc::default(),
            wire: None,
            observer: None,
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query may hold a key, so the URL is cut there.
        let base_url = self.base_url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("ClientConfig")
            .field("base_url", &super::address::without_userinfo(base_url))
            .field("auth", &self.auth)
            .field("user_agent", &self.user_agent)
            .field("timeout", &self.timeout)
            .field("concurrency", &self.concurrency)
            .field("retries", &self.retries)
            .field("page_size", &self.page_size)
            .field("allow_plain_http", &self.allow_plain_http)
            .finish_non_exhaustive()
    }
}
