//! A directory in this process, for what no real server does on demand: it cuts, refuses, keeps silent, and sends nonsense.
//! Its BER is written anew, so that a mistake of the connector's own is not made twice.

#![allow(dead_code, reason = "each test program uses a part")]

#[path = "../../../../tests/servers/ber.rs"]
mod ber;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// How often nonsense comes.
const NONSENSE: usize = 64;

pub(crate) use ber::tlv;
use ber::{elements, message};

/// The base below which the people of the fake are.
pub(crate) const BASE: &str = "ou=people,dc=example,dc=com";

/// An entry: its DN and attributes.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) dn: String,
    pub(crate) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    pub(crate) fn new(dn: impl Into<String>, attributes: &[(&str, &[&str])]) -> Self {
        let values =
            |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect();
        let attributes = attributes.iter().map(|(name, list)| ((*name).to_owned(), values(list)));
        Self { dn: dn.into(), attributes: attributes.collect() }
    }
}

type People = dyn Fn() -> Box<dyn Iterator<Item = Entry> + Send> + Send + Sync;

/// How the fake behaves.
#[derive(Clone)]
pub(crate) struct Behaviour {
    pub(crate) people: Arc<People>,
    /// The definitions of its schema.
    pub(crate) schema: Vec<String>,
    /// What a bind must show; anything otherwise.
    pub(crate) password: Option<String>,
    /// The largest page that it gives; it refuses larger ones.
    pub(crate) largest_page: Option<usize>,
    /// The search ends after so many entries with this code.
    pub(crate) limit: Option<(usize, u8)>,
    /// The connection ends after so many entries.
    pub(crate) cut_after: Option<usize>,
    /// Nothing comes any more after so many entries, and the connection stays.
    pub(crate) silent_after: Option<usize>,
    /// A search is answered by this, again and again.
    pub(crate) nonsense: Option<Arc<Vec<u8>>>,
    /// References that come before the end.
    pub(crate) references: Vec<String>,
    /// The most values of an attribute that come at a time.
    pub(crate) range: Option<usize>,
    /// How many bytes of an answer are sent at a time; everything at once otherwise.
    pub(crate) drip: Option<usize>,
    /// A search for people is answered by the end of an extended operation, as Samba does with a control that it cannot read.
    pub(crate) is_strange: bool,
    /// The attributes that a search for people asked for.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

/// A fake that listens. It ends with the test program.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) port: u16,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Behaviour {
    pub(crate) fn of(people: Vec<Entry>) -> Self {
        Self::lazy(move || Box::new(people.clone().into_iter()))
    }

    pub(crate) fn lazy(
        people: impl Fn() -> Box<dyn Iterator<Item = Entry> + Send> + Send + Sync + 'static,
    ) -> Self {
        Self {
            people: Arc::new(people),
            schema: SCHEMA.iter().map(|line| (*line).to_owned()).collect(),
            password: None,
            largest_page: None,
            limit: None,
            cut_after: None,
            silent_after: None,
            nonsense: None,
            references: Vec::new(),
            range: None,
            drip: None,
            is_strange: false,
            asked: Arc::default(),
        }
    }

    pub(crate) fn start(self) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let behaviour = self.clone();
                std::thread::spawn(move || {
                    drop(Session { behaviour, stream, paging: None }.serve())
                });
            }
        });
        Fake { port, connections }
    }
}

impl Fake {
    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Settings that read everybody of the fake, and further lines.
    pub(crate) fn settings(&self, key: &str, more: &str) -> String {
        format!(
            "servers = [\"{}\"]\nkey = \"{key}\"\ntimeout_secs = 2\n{more}\n[[bases]]\ndn = \"{BASE}\"\n",
            self.url()
        )
    }
}

const SCHEMA: [&str; 18] = [
    "( 1.1 NAME 'name' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )",
    "( 1.2 NAME ( 'cn' 'commonName' ) SUP name )",
    "( 1.3 NAME 'mail' SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )",
    "( 1.4 NAME 'title' SUP name )",
    "( 1.5 NAME 'note' SUP name )",
    "( 1.6 NAME 'since' SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 )",
    "( 1.7 NAME 'photo' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )",
    "( 1.8 NAME 'guid' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )",
    "( 1.9 NAME 'employeeNumber' SUP name )",
    "( 1.10 NAME 'member' SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )",
    "( 1.11 NAME 'manager' SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )",
    "( 1.12 NAME 'userAccountControl' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )",
    "( 1.13 NAME 'accountExpires' SYNTAX '1.2.840.113556.1.4.906' )",
    "( 1.14 NAME 'objectGUID' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )",
    "( 1.15 NAME 'objectSid' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )",
    "( 1.16 NAME 'isManager' SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 )",
    "( 1.17 NAME 'uidNumber' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )",
    "( 1.18 NAME 'pwdLastSet' SYNTAX '1.2.840.113556.1.4.906' )",
];

/// One connection.
struct Session {
    behaviour: Behaviour,
    stream: TcpStream,
    /// What is left of a search by pages.
    paging: Option<std::iter::Peekable<Box<dyn Iterator<Item = Entry> + Send>>>,
}

type Io<T> = std::io::Result<T>;

impl Session {
    fn serve(mut self) -> Io<()> {
        loop {
            let message = message(&mut self.stream)?;
            let mut fields = elements(&message).into_iter();
            let (Some((_, id)), Some((op, body))) = (fields.next(), fields.next()) else {
                return Ok(());
            };
            let controls = fields.next().map(|(_, controls)| controls).unwrap_or_default();
            match op {
                0x60 => {
                    let parts = elements(body);
                    let shown = parts.get(2).map(|(_, shown)| *shown).unwrap_or_default();
                    let wrong = self
                        .behaviour
                        .password
                        .as_ref()
                        .is_some_and(|password| password.as_bytes() != shown);
                    self.answer(id, 0x61, &result(if wrong { 49 } else { 0 }), &[])?;
                }
                0x63 => self.search(id, body, controls)?,
                0x42 => return Ok(()),
                _ => self.answer(id, 0x78, &result(2), &[])?,
            }
        }
    }

    fn answer(&mut self, id: &[u8], op: u8, body: &[u8], controls: &[u8]) -> Io<()> {
        let mut message = tlv(2, id);
        message.extend(tlv(op, body));
        if !controls.is_empty() {
            message.extend(tlv(0xa0, controls));
        }
        let bytes = tlv(0x30, &message);
        for part in bytes.chunks(self.behaviour.drip.unwrap_or(usize::MAX)) {
            self.stream.write_all(part)?;
        }
        Ok(())
    }

    fn search(&mut self, id: &[u8], body: &[u8], controls: &[u8]) -> Io<()> {
        let fields = elements(body);
        let text = |at: usize| String::from_utf8_lossy(fields[at].1).into_owned();
        let base = text(0);
        let types_only = fields[5].1 != [0];
        let asked: Vec<String> = elements(fields[7].1)
            .iter()
            .map(|(_, name)| String::from_utf8_lossy(name).to_lowercase())
            .collect();
        match base.as_str() {
            "" => {
                let root = Entry::new(
                    "",
                    &[
                        ("namingContexts", &["dc=example,dc=com"]),
                        ("subschemaSubentry", &["cn=Subschema"]),
                        ("supportedControl", &["1.2.840.113556.1.4.319"]),
                        ("vendorName", &["Fake"]),
                    ],
                );
                self.entry(id, &root, &asked, types_only)?;
                self.answer(id, 0x65, &result(0), &[])
            }
            "cn=Subschema" => {
                let schema = self.behaviour.schema.clone();
                let schema: Vec<&str> = schema.iter().map(String::as_str).collect();
                self.entry(
                    id,
                    &Entry::new("cn=Subschema", &[("attributeTypes", &schema)]),
                    &asked,
                    false,
                )?;
                self.answer(id, 0x65, &result(0), &[])
            }
            // The base itself; nonsense comes to the search below it.
            BASE if fields[1].1 == [0] => {
                self.entry(id, &Entry::new(BASE, &[("ou", &["people"])]), &asked, types_only)?;
                self.answer(id, 0x65, &result(0), &[])
            }
            BASE => self.people(id, &asked, types_only, controls),
            dn => {
                let found =
                    (self.behaviour.people)().find(|entry| entry.dn.eq_ignore_ascii_case(dn));
                match found {
                    Some(entry) => {
                        self.entry(id, &entry, &asked, types_only)?;
                        self.answer(id, 0x65, &result(0), &[])
                    }
                    None => self.answer(id, 0x65, &result(32), &[]),
                }
            }
        }
    }

    fn people(&mut self, id: &[u8], asked: &[String], types_only: bool, controls: &[u8]) -> Io<()> {
        *self.behaviour.asked.lock().expect("nobody panics with it") = asked.to_vec();
        if self.behaviour.is_strange {
            return self.answer(id, 0x78, &result(12), &[]);
        }
        if let Some(nonsense) = self.behaviour.nonsense.clone() {
            // Until the other side has had enough, or a while.
            for _ in 0..NONSENSE {
                self.stream.write_all(&nonsense)?;
            }
            return Err(std::io::Error::other("the end of the nonsense"));
        }
        let page = elements(controls).iter().find_map(|(_, control)| {
            let parts = elements(control);
            let is_paged = parts[0].1 == b"1.2.840.113556.1.4.319";
            let value = parts.last().map(|(_, value)| *value)?;
            let fields = is_paged.then(|| elements(elements(value)[0].1))?;
            let size = fields[0].1.iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
            Some((size, !fields[1].1.is_empty()))
        });
        let goes_on = page.is_some_and(|(_, goes_on)| goes_on);
        let size = page.map_or(usize::MAX, |(size, _)| size);
        if page.is_some() && self.behaviour.largest_page.is_some_and(|largest| size > largest) {
            return self.answer(id, 0x65, &result(11), &[]);
        }
        let mut people = match self.paging.take() {
            Some(rest) if goes_on => rest,
            _ => (self.behaviour.people)().peekable(),
        };
        let mut given = 0;
        while given < size
            && let Some(entry) = people.next()
        {
            if self.behaviour.cut_after == Some(0) {
                return Err(std::io::Error::other("cut"));
            }
            if self.behaviour.silent_after == Some(0) {
                // Until the other side goes.
                return self.stream.read(&mut [0]).map(|_| ());
            }
            if let Some((0, code)) = self.behaviour.limit {
                return self.answer(id, 0x65, &result(code), &[]);
            }
            let one_less = |left: &mut usize| *left = left.saturating_sub(1);
            self.behaviour.cut_after.iter_mut().for_each(one_less);
            self.behaviour.silent_after.iter_mut().for_each(one_less);
            self.behaviour.limit.iter_mut().for_each(|(left, _)| one_less(left));
            self.entry(id, &entry, asked, types_only)?;
            given += 1;
        }
        let more = people.peek().is_some();
        if !more {
            for url in self.behaviour.references.clone() {
                self.answer(id, 0x73, &tlv(4, url.as_bytes()), &[])?;
            }
        }
        let cookie = if more { b"more".as_slice() } else { b"" };
        self.paging = more.then_some(people);
        let mut value = tlv(2, &[0]);
        value.extend(tlv(4, cookie));
        let mut control = tlv(4, b"1.2.840.113556.1.4.319");
        control.extend(tlv(4, &tlv(0x30, &value)));
        let controls = if page.is_some() { tlv(0x30, &control) } else { Vec::new() };
        self.answer(id, 0x65, &result(0), &controls)
    }

    fn entry(&mut self, id: &[u8], entry: &Entry, asked: &[String], types_only: bool) -> Io<()> {
        let everything = asked.is_empty() || asked.iter().any(|name| name == "*");
        let mut list = Vec::new();
        for (name, values) in &entry.attributes {
            let lower = name.to_lowercase();
            let from = asked.iter().find_map(|asked| {
                let (of, range) = asked.split_once(";range=")?;
                (of == lower).then(|| range.split('-').next()?.parse::<usize>().ok()).flatten()
            });
            if !everything && from.is_none() && !asked.contains(&lower) {
                continue;
            }
            let from = from.unwrap_or(0);
            let left = values.get(from..).unwrap_or_default();
            match self.behaviour.range {
                Some(most) if left.len() > most => {
                    if from == 0 {
                        list.extend(attribute(name, &[]));
                    }
                    let part = format!("{name};range={from}-{}", from + most - 1);
                    list.extend(attribute(&part, &left[..most]));
                }
                Some(_) if from > 0 => {
                    list.extend(attribute(&format!("{name};range={from}-*"), left))
                }
                _ => list.extend(attribute(name, if types_only { &[] } else { left })),
            }
        }
        let mut body = tlv(4, entry.dn.as_bytes());
        body.extend(tlv(0x30, &list));
        self.answer(id, 0x64, &body, &[])
    }
}

fn attribute(name: &str, values: &[Vec<u8>]) -> Vec<u8> {
    let mut content = tlv(4, name.as_bytes());
    let values: Vec<u8> = values.iter().flat_map(|value| tlv(4, value)).collect();
    content.extend(tlv(0x31, &values));
    tlv(0x30, &content)
}

fn result(code: u8) -> Vec<u8> {
    [tlv(10, &[code]), tlv(4, b""), tlv(4, b"")].concat()
}
