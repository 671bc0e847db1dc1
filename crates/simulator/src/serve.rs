//! Between the network and the service: reads bodies, plays faults, records requests, drops connections.
//! What a request means is for `service`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Request, Response, StatusCode};
use axum::serve::{IncomingStream, Listener};
use peoplesync_scim::ScimError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::fault::{Fault, Faults, RetryAfter};
use crate::limits::Limits;
use crate::recorded::{self, Recorder};
use crate::service::{BASE, Reply, Service, error_reply};
use crate::time::http_date;

/// All that the requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) service: Service,
    pub(crate) recorder: Recorder,
    pub(crate) faults: Option<Faults>,
    pub(crate) limits: Option<Limits>,
    pub(crate) received: AtomicU64,
    /// Closed or true once the service goes down: nothing waits any longer.
    pub(crate) down: watch::Receiver<bool>,
}

/// Serves until the service goes down; then every request that has begun is still answered.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let mut down = shared.down.clone();
    let app = Router::new()
        .fallback(handle)
        .with_state(shared)
        .into_make_service_with_connect_info::<Connection>();
    let stop = async move { drop(down.wait_for(|down| *down).await) };
    axum::serve(Cuttable(listener), app).with_graceful_shutdown(stop).await
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let limit = shared.service.behaviour.max_body;
    let body = read_body(body, limit).await;
    let too_large = body.is_none();
    let request = Request::from_parts(parts, body.unwrap_or_default());
    let number = shared.received.fetch_add(1, Ordering::Relaxed) + 1;
    let recorded = recorded::Request::new(number, &request, BASE);
    if too_large {
        let error = ScimError::new(413, "", format!("the body is larger than {limit} bytes"));
        return shared.finish(recorded, error_reply(&error)).map(Body::from);
    }
    if let Some(wait) = shared.too_fast(&request) {
        let reply = shared.refuse(429, Some(RetryAfter::Seconds(wait)), "too many requests");
        return shared.finish(recorded, reply).map(Body::from);
    }
    let fault = shared.faults.as_ref().and_then(|faults| faults.of(&recorded));
    shared.wait(shared.service.behaviour.latency()).await;
    let reply = match fault {
        None => {
            let reply = shared.carry_out(number, &request);
            shared.finish(recorded, reply)
        }
        Some(Fault::Answer { status, retry_after }) => {
            shared.finish(recorded, shared.refuse(status, retry_after, "a fault on purpose"))
        }
        Some(Fault::DropBefore) => {
            shared.recorder.push(recorded, None);
            connection.cut()
        }
        Some(Fault::DropAfter) => {
            drop(shared.carry_out(number, &request));
            shared.recorder.push(recorded, None);
            connection.cut()
        }
        Some(Fault::LateAnswer(delay)) => {
            let reply = shared.carry_out(number, &request);
            let reply = shared.finish(recorded, reply);
            shared.wait(delay).await;
            reply
        }
        Some(Fault::Page { status }) => shared.finish(recorded, page(status)),
        Some(Fault::Truncated) => {
            let reply = shared.carry_out(number, &request);
            shared.finish(recorded, reply.map(|body| body.slice(..body.len() / 2)))
        }
        Some(Fault::Twice) => {
            connection.repeat();
            shared.finish(recorded, shared.carry_out(number, &request))
        }
    };
    reply.map(Body::from)
}

/// The body; none if it is larger than the limit. What is too much is read all the same, up to a point, because a client
/// that is still sending would not see the answer.
async fn read_body(mut body: Body, limit: usize) -> Option<Bytes> {
    const PATIENCE: usize = 64 * 1024 * 1024;
    let mut read = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { break };
        let Some(data) = frame.data_ref() else { continue };
        length = length.saturating_add(data.len());
        if length <= limit {
            read.extend_from_slice(data);
        } else if length > limit.saturating_add(PATIENCE) {
            break;
        }
    }
    (length <= limit).then(|| Bytes::from(read))
}

impl Shared {
    fn finish(&self, recorded: recorded::Request, reply: Reply) -> Reply {
        self.recorder.push(recorded, Some(reply.status().as_u16()));
        reply
    }

    /// Carries a request out. Of the operations of a bulk request, each may go wrong by itself, with a status.
    fn carry_out(&self, number: u64, request: &Request<Bytes>) -> Reply {
        self.service.answer_with(request, &|operation| {
            let counts = self.service.habits.profile.bulk.counts_operations;
            if let Some(wait) = counts.then(|| self.too_fast(operation)).flatten() {
                let wait = Some(RetryAfter::Seconds(wait));
                return Some(self.refuse(429, wait, "too many operations"));
            }
            let recorded = recorded::Request::new(number, operation, BASE);
            match self.faults.as_ref()?.of(&recorded)? {
                Fault::Answer { status, retry_after } => {
                    Some(self.refuse(status, retry_after, "a fault on purpose"))
                }
                _ => None,
            }
        })
    }

    /// Waits for so long, but not beyond the end of the service.
    async fn wait(&self, time: Duration) {
        if time.is_zero() {
            return;
        }
        let mut down = self.down.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = down.wait_for(|down| *down) => {}
        }
    }

    /// After how many seconds a request may come that is one too many.
    fn too_fast(&self, request: &Request<Bytes>) -> Option<u32> {
        let limits = self.limits.as_ref()?;
        let resource = self.service.resource_of(request.uri());
        let now = self.service.clock.now().as_millisecond();
        limits.admit(request.method().as_str(), resource, now).err()
    }

    fn refuse(&self, status: u16, retry_after: Option<RetryAfter>, detail: &str) -> Reply {
        let mut reply = error_reply(&ScimError::new(status, "", detail));
        let headers = reply.headers_mut();
        let now = self.service.clock.now().as_second();
        let text = match retry_after {
            None => return reply,
            Some(RetryAfter::Seconds(seconds)) => seconds.to_string(),
            Some(RetryAfter::Date(seconds)) => {
                if let Ok(date) = HeaderValue::try_from(http_date(now)) {
                    headers.insert(header::DATE, date);
                }
                http_date(now + i64::from(seconds))
            }
        };
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(header::RETRY_AFTER, value);
        }
        reply
    }
}

/// What stands before a service answers for it.
fn page(status: u16) -> Reply {
    let body = "<!doctype html><html><head><title>Something went wrong</title></head></html>";
    let mut reply = Response::new(Bytes::from_static(body.as_bytes()));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    reply
}

/// A connection, as its requests see it.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Tricks>);

/// What a connection does to what is written to it.
#[derive(Debug, Default)]
struct Tricks {
    cut: AtomicBool,
    twice: AtomicBool,
}

impl Connection {
    /// Ends the connection: what is written to it from now on, this answer included, goes nowhere.
    fn cut(&self) -> Reply {
        self.0.cut.store(true, Ordering::Release);
        Response::new(Bytes::new())
    }

    /// What is written next goes out twice.
    fn repeat(&self) {
        self.0.twice.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Cuttable>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Cuttable>) -> Self {
        Self(Arc::clone(&stream.io().tricks))
    }
}

/// A listener whose connections can be cut.
#[derive(Debug)]
struct Cuttable(TcpListener);

impl Listener for Cuttable {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        let (tcp, address) = Listener::accept(&mut self.0).await;
        // Answers are small: waiting for more to send only delays them. Where it fails, they are slower.
        drop(tcp.set_nodelay(true));
        (Stream { tcp, tricks: Arc::default(), echo: Vec::new() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[derive(Debug)]
struct Stream {
    tcp: TcpStream,
    tricks: Arc<Tricks>,
    /// What was written and goes out once more.
    echo: Vec<u8>,
}

impl Stream {
    fn check(&self) -> io::Result<()> {
        match self.tricks.cut.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written
            && self.tricks.twice.load(Ordering::Acquire)
        {
            self.echo.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        if self.tricks.twice.load(Ordering::Acquire) {
            let first = parts.iter().find(|part| !part.is_empty());
            return self.poll_write(context, first.map(|part| &**part).unwrap_or_default());
        }
        Pin::new(&mut self.tcp).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.echo.is_empty() {
            self.tricks.twice.store(false, Ordering::Release);
            let this = &mut *self;
            match Pin::new(&mut this.tcp).poll_write(context, &this.echo) {
                Poll::Ready(Ok(count)) => drop(this.echo.drain(..count)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
