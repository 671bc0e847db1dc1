//! What carries requests to the target and replies back where that is no network: a simulation, in which nothing may depend on
//! sockets or on how long they take.

use std::fmt;
use std::pin::Pin;

use reqwest::{Request, Response};

/// A way to the target that is no network; see [`ClientConfig::wire`](super::ClientConfig::wire). The limits of time and size
/// are the client's, as with a network.
pub trait Wire: fmt::Debug + Send + Sync {
    /// Carries one request to the target, and what it answers back.
    fn carry(&self, request: http::Request<Vec<u8>>) -> Carried<'_>;
}

/// A request under way.
pub type Carried<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, Lost>> + Send + 'a>>;

/// What a wire can lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The request did not reach the target.
    Request,
    /// Nobody knows what reached the target: the connection was cut while an answer was waited for.
    Reply,
}

/// Sends a request of reqwest by a wire.
pub(super) async fn carry(wire: &dyn Wire, request: Request) -> Result<Response, Lost> {
    let request = http::Request::try_from(request).map_err(|_| Lost::Request)?;
    let (parts, body) = request.into_parts();
    let body = body.as_bytes().map(<[u8]>::to_vec).unwrap_or_default();
    wire.carry(http::Request::from_parts(parts, body)).await.map(Response::from)
}
