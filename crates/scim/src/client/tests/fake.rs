//! A scripted SCIM server on loopback that speaks raw HTTP/1.1, so that it can be as wrong as
//! real ones are: cut replies off, lie about lengths, say nothing, close.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path and query, still encoded.
    pub(super) target: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// A query parameter, decoded.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.query(name)?.parse().ok()
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// These bytes; the connection stays open.
    Bytes(Vec<u8>),
    /// These bytes, perhaps none, then the connection is closed.
    Last(Vec<u8>),
    /// Nothing, for ever.
    Silence,
}

/// A reply with a length, as every decent server sends.
pub(super) fn reply(status: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    Answer::Bytes(format!("{text}\r\n{body}").into_bytes())
}

pub(super) fn scim(status: &str, body: &Json) -> Answer {
    reply(status, &[("Content-Type", "application/scim+json")], &body.to_string())
}

pub(super) fn html(status: &str) -> Answer {
    let page = "<!doctype html><html><head><title>Not your API</title></head></html>";
    reply(status, &[("Content-Type", "text/html")], page)
}

pub(super) fn scim_error(status: u16, scim_type: &str, detail: &str) -> Answer {
    let body = json!({
        "schemas": [crate::urn::ERROR],
        "status": status.to_string(), "scimType": scim_type, "detail": detail,
    });
    scim(&format!("{status} Whatever"), &body)
}

pub(super) fn user(id: usize) -> Json {
    json!({"schemas": [crate::urn::CORE_USER], "id": id.to_string(), "userName": format!("user{id}")})
}

pub(super) fn page(resources: &[Json], total: usize) -> Answer {
    scim("200 OK", &crate::list::page_body(resources.to_vec(), total, 1))
}

pub(super) struct Fake {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Fake {
    /// Answers each request by what `handler` says, which also gets the request's number, from 0.
    pub(super) async fn start(
        handler: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_async(move |number, seen| std::future::ready(handler(number, &seen))).await
    }

    /// Answers the requests in turn; one more than there are answers is a failure of the test.
    pub(super) async fn script(answers: impl Into<Vec<Answer>>) -> Self {
        let answers = answers.into();
        Self::start(move |number, seen| match answers.get(number) {
            Some(answer) => answer.clone(),
            None => reply("599 Unexpected", &[], &format!("not in the script: {}", seen.line())),
        })
        .await
    }

    pub(super) async fn start_async<F>(
        handler: impl Fn(usize, Seen) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let handler = Arc::new(handler);
        let (log, count) = (seen.clone(), connections.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, log.clone(), handler.clone()));
            }
        });
        Self { url, seen, connections }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Method, path and query of every request, in order.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Serves one connection until either side closes it.
pub(super) async fn serve<S, H, F>(mut stream: S, log: Arc<Mutex<Vec<Seen>>>, handler: Arc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(usize, Seen) -> F,
    F: Future<Output = Answer>,
{
    while let Some(seen) = read_request(&mut stream).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(seen.clone());
            log.len() - 1
        };
        match handler(number, seen).await {
            Answer::Bytes(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Answer::Last(bytes) => {
                // The client may be gone already, which is what some tests want.
                drop(stream.write_all(&bytes).await);
                drop(stream.shutdown().await);
                return;
            }
            Answer::Silence => std::future::pending().await,
        }
        if stream.flush().await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { method, target, headers, body: String::from_utf8(body).unwrap() })
}
