//! Proof of who sends a request: what is fixed, and tokens that are fetched and renewed (RFC 6749 §4.4).
//! Revealing secrets is the caller's matter; nothing here prints one.

use std::fmt;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::address::Base;
use super::config::ClientConfig;
use super::error::{ClientError, Kind};
use super::reply::is_success;
use super::setup;

/// A token is renewed when so much of its life is left, or this part of it if that is less.
const EARLY: Duration = Duration::from_secs(60);
const EARLY_PART: u32 = 5;

/// How requests prove who sends them. `Debug` never shows a secret.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// No `Authorization` header; for simulators.
    #[default]
    None,
    /// `Authorization: Bearer …` (RFC 6750). The token is sent as it is: no line break, no blanks.
    Bearer(String),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user name; must not hold a colon.
        user: String,
        /// The password.
        password: String,
    },
    /// A header of the service's own, such as `X-Api-Key`.
    Header {
        /// The name of the header.
        name: String,
        /// What it carries.
        value: String,
    },
    /// A bearer token of an authorization server, by client credentials (RFC 6749 §4.4).
    OAuth2(OAuth2),
}

/// Where tokens come from, and for whom. A token is fetched before the first request, renewed before it expires, and once more
/// when the service refuses it.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuth2 {
    /// The token endpoint; https, but for loopback.
    pub token_url: String,
    /// Who asks.
    pub client_id: String,
    /// The proof.
    pub client_secret: String,
    /// What is asked for, if the server wants to know.
    pub scope: Option<String>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bearer(_) => f.write_str("Bearer(***)"),
            Self::Basic { user, .. } => {
                f.debug_struct("Basic").field("user", user).field("password", &"***").finish()
            }
            Self::Header { name, .. } => {
                f.debug_struct("Header").field("name", name).field("value", &"***").finish()
            }
            Self::OAuth2(oauth2) => oauth2.fmt(f),
        }
    }
}

impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2")
            .field("token_url", &self.token_url.split(['?', '#']).next().unwrap_or_default())
            .field("client_id", &self.client_id)
            .field("client_secret", &"***")
            .field("scope", &self.scope)
            .finish()
    }
}

/// How much of the answer of a token endpoint is read. No token is that long.
const MAX_GRANT_BYTES: usize = 256 << 10;

/// The credentials of one client.
pub(super) struct Credentials {
    auth: Auth,
    /// For the token endpoint, which has a host, and so TLS and a proxy, of its own.
    http: Option<reqwest::Client>,
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: String,
    renew_at: Option<Instant>,
}

/// The answer of a token endpoint (RFC 6749 §5.1), or its error (§5.2).
#[derive(Deserialize)]
struct Grant {
    access_token: Option<String>,
    token_type: Option<String>,
    // Some servers write it as text.
    expires_in: Option<serde_json::Value>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Credentials {
    /// Checks whether the credentials can be sent at all.
    pub(super) fn new(config: &ClientConfig, user_agent: HeaderValue) -> Result<Self, ClientError> {
        let auth = &config.auth;
        check(auth, config.allow_plain_http)?;
        let http = match auth {
            Auth::OAuth2(oauth2) => {
                let base = Base::parse(&oauth2.token_url, config.allow_plain_http)?;
                Some(setup::http(config, &base, user_agent)?)
            }
            _ => None,
        };
        Ok(Self { auth: auth.clone(), http, token: Mutex::default() })
    }

    /// The request with its credentials; fetches a token where there is none that is good for a while.
    pub(super) async fn sign(
        &self,
        request: RequestBuilder,
    ) -> Result<RequestBuilder, ClientError> {
        Ok(match (&self.auth, &self.http) {
            (Auth::Bearer(token), _) => request.bearer_auth(token),
            (Auth::Basic { user, password }, _) => request.basic_auth(user, Some(password)),
            (Auth::Header { name, value }, _) => request.header(name, value),
            (Auth::OAuth2(oauth2), Some(http)) => {
                request.bearer_auth(self.token(http, oauth2).await?)
            }
            (Auth::None | Auth::OAuth2(_), _) => request,
        })
    }

    /// Forgets a token that the service refused. Whether another one can be had.
    pub(super) async fn refused(&self) -> bool {
        matches!(self.auth, Auth::OAuth2(_)) && self.token.lock().await.take().is_some()
    }

    async fn token(&self, http: &reqwest::Client, oauth2: &OAuth2) -> Result<String, ClientError> {
        // Held while it is fetched: the others wait for the same token.
        let mut token = self.token.lock().await;
        let good = |token: &&Token| token.renew_at.is_none_or(|renew_at| Instant::now() < renew_at);
        if let Some(token) = token.as_ref().filter(good) {
            return Ok(token.text.clone());
        }
        let fresh = fetch(http, oauth2).await?;
        let text = fresh.text.clone();
        *token = Some(fresh);
        Ok(text)
    }
}

async fn fetch(http: &reqwest::Client, oauth2: &OAuth2) -> Result<Token, ClientError> {
    // In the header first, as every server must accept it (RFC 6749 §2.3.1); some know only the form.
    match ask(http, oauth2, true).await {
        Err(error) if matches!(error.status, Some(400 | 401)) => {
            // The first answer is the one of the way that the RFC wants; it is shown if both fail.
            ask(http, oauth2, false).await.map_err(|_| error)
        }
        answer => answer,
    }
}

async fn ask(http: &reqwest::Client, oauth2: &OAuth2, header: bool) -> Result<Token, ClientError> {
    let host = host(&oauth2.token_url);
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(oauth2.scope.as_deref().map(|scope| ("scope", scope)));
    if !header {
        form.push(("client_id", &oauth2.client_id));
        form.push(("client_secret", &oauth2.client_secret));
    }
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = http
        .post(&oauth2.token_url)
        .header(reqwest::header::ACCEPT, "application/json")
        .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body);
    if header {
        let encode =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        request =
            request.basic_auth(encode(&oauth2.client_id), Some(encode(&oauth2.client_secret)));
    }
    let unreachable = |error: reqwest::Error| {
        let message = format!("no token from {host}");
        ClientError::new(Kind::Unreachable, message)
            .with_retryable(true)
            .because(error.without_url())
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_GRANT_BYTES {
            let message =
                format!("no token from {host}: the answer is larger than {MAX_GRANT_BYTES} bytes");
            return Err(ClientError::new(Kind::TooLarge, message).with_status(status));
        }
    }
    let grant: Option<Grant> = serde_json::from_slice(&body).ok();
    let said = grant
        .as_ref()
        .and_then(|grant| grant.error_description.as_deref().or(grant.error.as_deref()));
    let fail = |kind: Kind, what: &str| {
        let message = match said {
            Some(said) => format!("no token from {host}: {said}"),
            None => format!("no token from {host}: {what}"),
        };
        ClientError::new(kind, message).with_status(status)
    };
    if status >= 500 || status == 429 {
        return Err(fail(Kind::Server, "the authorization server failed").with_retryable(true));
    }
    if !is_success(status) {
        return Err(fail(Kind::Denied, "the client's id or secret is not accepted"));
    }
    let Some(text) = grant.as_ref().and_then(|grant| grant.access_token.clone()) else {
        return Err(fail(Kind::Malformed, "the answer holds no `access_token`"));
    };
    let kind = grant.as_ref().and_then(|grant| grant.token_type.as_deref()).unwrap_or("bearer");
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(fail(Kind::Malformed, &format!("tokens of the type `{kind}` are not known")));
    }
    check_token(&text)?;
    let life = grant.and_then(|grant| match grant.expires_in? {
        serde_json::Value::Number(number) => number.as_u64(),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    });
    let renew_at = life
        .map(Duration::from_secs)
        .map(|life| Instant::now() + life.saturating_sub(EARLY.min(life / EARLY_PART)));
    Ok(Token { text, renew_at })
}

fn host(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.authority().to_owned())
}

fn check(auth: &Auth, allow_plain_http: bool) -> Result<(), ClientError> {
    let wrong = |message: String| Err(ClientError::new(Kind::Config, message));
    match auth {
        Auth::None => Ok(()),
        Auth::Bearer(token) => check_token(token),
        Auth::Basic { user, .. } if user.contains(':') => {
            wrong("the user name holds a colon, which Basic authentication cannot send".to_owned())
        }
        Auth::Basic { .. } => Ok(()),
        Auth::Header { name, value } => {
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                return wrong(format!("{name:?} is no name of a header"));
            }
            if value.is_empty()
                || !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
            {
                return wrong(format!(
                    "the value for the header {name} is empty, or holds a line break or another character that no header has"
                ));
            }
            Ok(())
        }
        Auth::OAuth2(oauth2) => {
            Base::parse(&oauth2.token_url, allow_plain_http).map(|_| ())?;
            if oauth2.client_id.is_empty() || oauth2.client_secret.is_empty() {
                return wrong("the client's id or secret is empty".to_owned());
            }
            Ok(())
        }
    }
}

fn check_token(token: &str) -> Result<(), ClientError> {
    let message = if token.is_empty() {
        "the token is empty"
    } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        "the token holds a blank, a line break or another character that no token has; \
         is there a line break at the end of its file?"
    } else {
        return Ok(());
    };
    Err(ClientError::new(Kind::Config, message))
}
