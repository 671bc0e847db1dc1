//! One connection to one server: messages out, messages in, each answer within its time.
//!
//! An own client, because a directory is not trusted either: it reads on demand (so a slow consumer holds the server back
//! instead of filling memory), takes no more memory than has really come, and needs no task of its own, so a dropped pass
//! leaves nothing behind.

#[cfg(feature = "gssapi")]
mod gssapi;
mod result;
#[cfg(feature = "gssapi")]
mod sealed;
mod server;
mod tls;

use std::ops::Range;
use std::time::Duration;

use peoplesync_source::{Context, Error, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{LdapConfig, Method};
use crate::wire::ber::{self, INTEGER, Reader};
use crate::wire::message;
use crate::wire::{Answer, Broken, Control, Credentials, Depth, Filter, Message, Outcome, Search};

pub(crate) use result::{
    ADMIN_LIMIT, INVALID_DN, NO_SUCH_OBJECT, REFERRAL, SIZE_LIMIT, SUCCESS, TIME_LIMIT,
    UNKNOWN_CONTROL, UNWILLING, name as code_name, refused,
};
pub(crate) use server::Server;
pub(crate) use tls::connector as tls_connector;

/// The request for TLS (RFC 4511, section 4.14).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// No message is longer: a group of 200,000 members fits.
const LONGEST: usize = (16 << 20) - 1;

/// What a search of a few entries may take; the schema of a large Active Directory has 1 MiB.
const LARGEST_ANSWER: usize = 12 << 20;

/// So many answers to another operation than the one that is waited for are nonsense.
const STRANGE: usize = 10_000;

/// What the buffer has when little is under way.
const BUFFER: usize = 1 << 16;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection, bound.
pub(crate) struct Connection {
    pub(crate) server: Server,
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// What has come and was not looked at yet.
    unread: Range<usize>,
    last_id: i32,
    patience: Duration,
    /// The server's certificate, where there is TLS.
    #[cfg_attr(not(feature = "gssapi"), expect(dead_code, reason = "Kerberos is bound to it"))]
    certificate: Option<Vec<u8>>,
    /// How we showed who we are, and as whom we were let in.
    pub(crate) bound: String,
}

/// An entry that was read by itself.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) dn: String,
    pub(crate) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Found {
    /// The values of an attribute.
    pub(crate) fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values.as_slice())
    }

    /// The first value of an attribute, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values(name).first().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All values of an attribute that are text.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| std::str::from_utf8(value).ok())
    }
}

/// Connects to the first server that answers, and binds.
pub(crate) async fn connect(
    cx: &Context,
    config: &LdapConfig,
    tls: Option<&TlsConnector>,
    servers: &[Server],
) -> Result<Connection, Error> {
    let mut failed: Option<Error> = None;
    for server in servers {
        cx.go_on()?;
        match open(cx, config, tls, server).await {
            Ok(connection) => return Ok(connection),
            // A refused password is refused everywhere, and too many of them lock the account.
            Err(error) if error.kind() != ErrorKind::Unavailable => return Err(error),
            Err(error) => {
                failed = Some(match failed {
                    Some(before) => before.with_context("also", error),
                    None => error,
                });
            }
        }
    }
    Err(failed.unwrap_or_else(|| Error::config("servers is empty")))
}

async fn open(
    cx: &Context,
    config: &LdapConfig,
    tls: Option<&TlsConnector>,
    server: &Server,
) -> Result<Connection, Error> {
    let patience = Duration::from_secs(config.connect_timeout_secs.max(1));
    let opening = async {
        let mut connection = reach(config, tls, server).await?;
        connection.bind(cx, config).await?;
        Ok(connection)
    };
    timeout(patience, opening).await.unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(Error::unavailable(format!("{server} does not answer within {seconds} seconds")))
    })
}

async fn reach(
    config: &LdapConfig,
    tls: Option<&TlsConnector>,
    server: &Server,
) -> Result<Connection, Error> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(|error| {
        Error::unavailable(format!("cannot connect to {server}")).with_source(error)
    })?;
    // A request is one write, and its answer is waited for.
    drop(tcp.set_nodelay(true));
    let secure = || tls.ok_or_else(|| Error::new(ErrorKind::Internal, "TLS was not set up"));
    let new = |stream: Box<dyn Stream>, certificate: Option<Vec<u8>>| Connection {
        server: server.clone(),
        stream,
        buffer: vec![0; BUFFER],
        unread: 0..0,
        last_id: 0,
        patience: Duration::from_secs(config.timeout_secs.max(1)),
        certificate,
        bound: "as nobody".to_owned(),
    };
    let tcp = match (server.tls, config.start_tls) {
        (true, _) => tcp,
        (false, true) => start_tls(server, tcp).await?,
        (false, false) => return Ok(new(Box::new(tcp), None)),
    };
    let stream = tls::begin(secure()?, server, tcp).await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let certificate = certificates.and_then(<[_]>::first).map(|own| own.as_ref().to_vec());
    Ok(new(Box::new(stream), certificate))
}

/// Asks for TLS. The answer is read byte by byte, as what follows it belongs to TLS.
async fn start_tls(server: &Server, mut tcp: TcpStream) -> Result<TcpStream, Error> {
    let lost = |error| Error::unavailable(format!("{server} does not answer")).with_source(error);
    tcp.write_all(&message::extended(1, START_TLS)).await.map_err(lost)?;
    let mut answer = Vec::new();
    let header = loop {
        answer.push(tcp.read_u8().await.map_err(lost)?);
        if let Some(header) = ber::header(&answer).map_err(|error| broken(server, error))? {
            break header;
        }
    };
    if header.len > BUFFER {
        return Err(broken(server, Broken("the answer to StartTLS is too long")));
    }
    let mut content = vec![0; header.len];
    tcp.read_exact(&mut content).await.map_err(lost)?;
    match Message::parse(&content).map_err(|error| broken(server, error))?.answer {
        Answer::Extended(outcome) if outcome.code == SUCCESS => Ok(tcp),
        Answer::Extended(outcome) => Err(refused(server, "StartTLS", &outcome)),
        _ => Err(broken(server, Broken("StartTLS was answered by something else"))),
    }
}

fn broken(server: &Server, error: Broken) -> Error {
    Error::malformed(format!("{server} does not speak LDAP")).with_source(error)
}

impl Connection {
    async fn bind(&mut self, cx: &Context, config: &LdapConfig) -> Result<(), Error> {
        let Some(bind) = &config.bind else { return Ok(()) };
        match bind.method {
            Method::Simple => {
                let user = bind.user.as_deref().unwrap_or_default();
                let secret =
                    bind.password.as_ref().map(|password| cx.reveal(password)).transpose()?;
                let password = secret.as_ref().map_or("", |secret| secret.expose());
                if password.is_empty() {
                    // A server takes that for a bind as nobody, and shows less without a word (RFC 4513, section 5.1.2).
                    return Err(Error::config("bind.password is empty"));
                }
                let what = format!("the bind of {user}");
                let outcome = self.bind_step(&Credentials::Simple { user, password }).await?;
                self.expect_success(&what, &outcome)?;
                self.bound = format!("simple, as {user}");
            }
            Method::External => {
                let sasl = Credentials::Sasl { mechanism: "EXTERNAL", token: Some(b"") };
                let outcome = self.bind_step(&sasl).await?;
                self.expect_success("the bind by certificate", &outcome)?;
                self.bound = "external, by the client certificate".to_owned();
            }
            #[cfg(feature = "gssapi")]
            Method::Gssapi => self.bound = gssapi::bind(self, cx, bind).await?,
            #[cfg(not(feature = "gssapi"))]
            Method::Gssapi => {
                return Err(Error::new(ErrorKind::Internal, "these settings should be refused"));
            }
        }
        Ok(())
    }

    /// Puts a layer over the stream, for everything from now on.
    #[cfg(feature = "gssapi")]
    fn seal(&mut self, layer: impl FnOnce(Box<dyn Stream>) -> Box<dyn Stream>) {
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = layer(stream);
    }

    async fn bind_step(&mut self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        let id = self.id();
        self.send(&message::bind(id, credentials)).await?;
        let server = self.server.clone();
        match self.answer(id).await?.answer {
            Answer::Bound(outcome) => Ok(outcome),
            _ => Err(broken(&server, Broken("a bind was answered by something else"))),
        }
    }

    fn expect_success(&self, what: &str, outcome: &Outcome) -> Result<(), Error> {
        if outcome.code == SUCCESS { Ok(()) } else { Err(refused(&self.server, what, outcome)) }
    }

    fn id(&mut self) -> i32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.patience, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost().with_source(error)),
            Err(_) => Err(self.late()),
        }
    }

    /// Starts a search and gives its number.
    pub(crate) async fn start(&mut self, search: &Search<'_>) -> Result<i32, Error> {
        let id = self.id();
        self.send(&message::search(id, search)).await?;
        Ok(id)
    }

    /// The next answer to the operation of this number.
    pub(crate) async fn answer(&mut self, id: i32) -> Result<Message<'_>, Error> {
        let mut strange = 0;
        let content = loop {
            let content = self.frame().await?;
            let bytes = self.buffer.get(content.clone()).unwrap_or_default();
            let of =
                Reader::new(bytes).integer(INTEGER).map_err(|error| broken(&self.server, error))?;
            if of == i64::from(id) {
                break content;
            }
            if of == 0 {
                // The server says that it ends the connection (RFC 4511, section 4.4.1).
                return Err(self.said_goodbye(content));
            }
            strange += 1;
            if strange > STRANGE {
                return Err(broken(
                    &self.server,
                    Broken("answers to questions that were not asked"),
                ));
            }
        };
        let bytes = self.buffer.get(content).unwrap_or_default();
        Message::parse(bytes).map_err(|error| broken(&self.server, error))
    }

    /// The next answer to any operation.
    pub(crate) async fn any_answer(&mut self) -> Result<Message<'_>, Error> {
        let content = self.frame().await?;
        let bytes = self.buffer.get(content.clone()).unwrap_or_default();
        if matches!(Reader::new(bytes).integer(INTEGER), Ok(0)) {
            return Err(self.said_goodbye(content));
        }
        let bytes = self.buffer.get(content).unwrap_or_default();
        Message::parse(bytes).map_err(|error| broken(&self.server, error))
    }

    fn said_goodbye(&self, content: Range<usize>) -> Error {
        let bytes = self.buffer.get(content).unwrap_or_default();
        match Message::parse(bytes).map(|message| message.answer) {
            Ok(Answer::Extended(outcome)) => Error::unavailable(format!(
                "{} ended the connection: {}",
                self.server,
                code_name(outcome.code)
            )),
            _ => self.lost(),
        }
    }

    /// A search whose few results are wanted at once. Its referrals are passed over.
    pub(crate) async fn read(
        &mut self,
        base: &str,
        depth: Depth,
        filter: &Filter,
        attributes: &[&str],
        controls: &[Control],
    ) -> Result<(Vec<Found>, Outcome), Error> {
        let attributes: Vec<String> = attributes.iter().map(|&name| name.to_owned()).collect();
        let search =
            Search { base, depth, filter, attributes: &attributes, types_only: false, controls };
        let id = self.start(&search).await?;
        let server = self.server.clone();
        let (mut found, mut size) = (Vec::new(), 0);
        loop {
            match self.answer(id).await?.answer {
                Answer::Entry(entry) => {
                    size += entry.raw().len();
                    if size > LARGEST_ANSWER {
                        return Err(broken(&server, Broken("too much for a small question")));
                    }
                    found.push(Found::of(&entry).map_err(|error| broken(&server, error))?);
                }
                Answer::Done(outcome) => return Ok((found, outcome)),
                _ => {}
            }
        }
    }

    /// One entry by its DN; none if it is not there or not to be seen.
    pub(crate) async fn entry(
        &mut self,
        dn: &str,
        attributes: &[&str],
    ) -> Result<Option<Found>, Error> {
        let anything = Filter::present("objectClass");
        let (found, outcome) = self.read(dn, Depth::Base, &anything, attributes, &[]).await?;
        match outcome.code {
            SUCCESS | NO_SUCH_OBJECT | REFERRAL => Ok(found.into_iter().next()),
            _ => Err(refused(&self.server, &format!("to show {dn}"), &outcome)),
        }
    }

    /// Says goodbye. Nothing depends on it.
    pub(crate) async fn close(mut self) {
        let id = self.id();
        drop(self.send(&message::unbind(id)).await);
    }

    /// The place of the next whole message's content in the buffer.
    async fn frame(&mut self) -> Result<Range<usize>, Error> {
        if let Some(content) = self.buffered()? {
            return Ok(content);
        }
        match timeout(self.patience, self.fill()).await {
            Ok(filled) => filled,
            Err(_) => Err(self.late()),
        }
    }

    fn buffered(&mut self) -> Result<Option<Range<usize>>, Error> {
        let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
        if unread.first().is_some_and(|tag| *tag != ber::SEQUENCE) {
            return Err(broken(&self.server, Broken("a message does not begin as one")));
        }
        let Some(header) = ber::header(unread).map_err(|error| broken(&self.server, error))? else {
            return Ok(None);
        };
        let len = header.head + header.len;
        if len > LONGEST {
            let mib = LONGEST >> 20;
            return Err(broken(&self.server, Broken("a message is too long"))
                .with_hint(format!("an entry with what was asked of it has more than {mib} MiB")));
        }
        if unread.len() < len {
            return Ok(None);
        }
        let start = self.unread.start;
        self.unread.start += len;
        Ok(Some(start + header.head..start + len))
    }

    /// Reads until a whole message has come.
    async fn fill(&mut self) -> Result<Range<usize>, Error> {
        loop {
            self.make_room();
            let room = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
            match self.stream.read(room).await {
                Ok(0) => return Err(self.lost()),
                Ok(read) => self.unread.end += read,
                Err(error) => return Err(self.lost().with_source(error)),
            }
            if let Some(content) = self.buffered()? {
                return Ok(content);
            }
        }
    }

    /// Room behind what has come. What is only claimed gets none: the buffer doubles when it is full.
    fn make_room(&mut self) {
        if self.unread.is_empty() {
            self.unread = 0..0;
            if self.buffer.len() > 16 * BUFFER {
                self.buffer = vec![0; BUFFER];
            }
        }
        if self.unread.end < self.buffer.len() {
            return;
        }
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end > self.buffer.len() / 2 {
            let larger = self.buffer.len() * 2;
            self.buffer.resize(larger, 0);
        }
    }

    fn lost(&self) -> Error {
        Error::unavailable(format!("{} ended the connection", self.server))
    }

    fn late(&self) -> Error {
        let seconds = self.patience.as_secs();
        Error::unavailable(format!("{} did not answer within {seconds} seconds", self.server))
    }
}

impl Found {
    pub(crate) fn of(entry: &crate::wire::Entry<'_>) -> Result<Self, Broken> {
        let mut attributes = Vec::new();
        for attribute in entry.attributes() {
            let (name, mut values) = attribute?;
            let mut all = Vec::new();
            while !values.is_empty() {
                all.push(values.take(ber::OCTETS)?.to_vec());
            }
            attributes.push((String::from_utf8_lossy(name).into_owned(), all));
        }
        Ok(Self { dn: entry.dn().into_owned(), attributes })
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}
