//! Asks a target what it says of itself (RFC 7644 §4). Silence, and answers that make no sense, are no failure: few services
//! have all three endpoints, and some answer them with HTML.

use reqwest::Method;
use serde_json::Value as Json;

use super::error::{ClientError, Kind};
use super::transport::Call;
use super::{Client, malformed};
use crate::profile::Discovery;

impl Client {
    /// What the target says it can do (RFC 7643 §5); `None` if it has nothing to say. Also asks at the
    /// plural of SCIM 1.1, which some 2.0 services have kept.
    ///
    /// # Errors
    /// As the target answers, but for 404, 405 and 501, which all mean that it has none.
    pub async fn service_provider_config(&self) -> Result<Option<Json>, ClientError> {
        let endpoint = self.0.profile.endpoints.service_provider_config.as_str();
        if endpoint.is_empty() {
            return Ok(None);
        }
        let plural = format!("{endpoint}s");
        match self.describe(endpoint).await? {
            None if !endpoint.ends_with('s') => self.describe(&plural).await,
            answer => Ok(answer),
        }
    }

    /// Everything that the target says of itself. `whole` asks for types and schemas as well, which only people read.
    ///
    /// # Errors
    /// When the target cannot be reached or denies access; otherwise what it does not answer is not known.
    pub async fn discover(&self, whole: bool) -> Result<Discovery, ClientError> {
        let endpoints = &self.0.profile.endpoints;
        let config = silent(self.service_provider_config().await)?;
        if !whole {
            return Ok(Discovery::read(config.as_ref(), None, None));
        }
        let types = silent(self.describe(&endpoints.resource_types).await)?;
        let schemas = silent(self.describe(&endpoints.schemas).await)?;
        Ok(Discovery::read(config.as_ref(), types.as_ref(), schemas.as_ref()))
    }

    async fn describe(&self, endpoint: &str) -> Result<Option<Json>, ClientError> {
        if endpoint.is_empty() {
            return Ok(None);
        }
        let call = Call::new(Method::GET, endpoint);
        let mut reply = match self.send(&call).await {
            Err(error) if error.kind == Kind::NotFound || error.is_unsupported() => {
                return Ok(None);
            }
            reply => reply?,
        };
        match reply.json().map_err(|error| error.of(&call.label()))? {
            Some(answer) if answer.is_object() || answer.is_array() => Ok(Some(answer)),
            _ => Err(malformed(&reply, "answered without a configuration").of(&call.label())),
        }
    }
}

/// A target that answers such a question badly may be a good one all the same.
fn silent(answer: Result<Option<Json>, ClientError>) -> Result<Option<Json>, ClientError> {
    match answer {
        Err(error) if matches!(error.kind, Kind::Unreachable | Kind::Timeout | Kind::Throttled) => {
            Err(error)
        }
        Err(error) if error.status == Some(401) => Err(error),
        Err(_) => Ok(None),
        answer => answer,
    }
}
