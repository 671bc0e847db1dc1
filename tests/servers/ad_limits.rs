//! A relay in front of Samba that puts back the limits of Active Directory which Samba leaves out: the largest page, the most
//! values of an attribute at a time, and the end of a search without pages.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::ber::{elements, message, number, tlv};

/// Paged results.
const PAGED: &[u8] = b"1.2.840.113556.1.4.319";

/// DirSync, which has limits of its own.
const DIRSYNC: &[u8] = b"1.2.840.113556.1.4.841";

/// The limits; Active Directory has 1000 and 1500.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) page: usize,
    pub(crate) values: usize,
}

/// A search that is under way.
#[derive(Debug)]
struct Search {
    /// The entries that may still come; without a limit in a search by pages, which the server limits.
    left: Option<usize>,
    is_cut: bool,
}

type Searches = Arc<Mutex<HashMap<Vec<u8>, Search>>>;

/// Starts one in front of a port of this machine; gives its own. It ends with the test program.
pub(crate) fn start(to: u16, limits: Limits) -> u16 {
    start_watched(to, limits, |_| {})
}

/// The same; each request is shown to somebody.
pub(crate) fn start_watched(
    to: u16,
    limits: Limits,
    watch: impl Fn(&[u8]) + Clone + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            let searches = Searches::default();
            let (up, down) = (Arc::clone(&searches), searches);
            let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let watch = watch.clone();
            std::thread::spawn(move || {
                pass(from, into, |content| {
                    watch(content);
                    Some(asked(content, limits, &up))
                })
            });
            std::thread::spawn(move || {
                pass(server, client, |content| answered(content, limits, &down))
            });
        }
    });
    port
}

fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    while let Ok(content) = message(&mut from) {
        let changed = change(&content);
        if changed.is_some_and(|changed| to.write_all(&tlv(0x30, &changed)).is_err()) {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

/// A request, its pages made small enough.
fn asked(content: &[u8], limits: Limits, searches: &Searches) -> Vec<u8> {
    let parts = elements(content);
    if parts[1].0 != 0x63 {
        return content.to_vec();
    }
    let mut is_limited = true;
    let mut controls = Vec::new();
    for (tag, control) in parts.get(2).map(|(_, controls)| elements(controls)).unwrap_or_default() {
        let fields = elements(control);
        if fields[0].1 != PAGED {
            is_limited &= fields[0].1 != DIRSYNC;
            controls.extend(tlv(tag, control));
            continue;
        }
        is_limited = false;
        let value = fields.last().unwrap().1;
        let page = elements(elements(value)[0].1);
        let size = number(page[0].1).clamp(1, limits.page);
        let size = u16::try_from(size).unwrap().to_be_bytes();
        let value =
            tlv(0x30, &[tlv(2, &[&[0], size.as_slice()].concat()), tlv(4, page[1].1)].concat());
        controls.extend(tlv(tag, &[tlv(4, PAGED), tlv(1, &[0xff]), tlv(4, &value)].concat()));
    }
    let search = Search { left: is_limited.then_some(limits.page), is_cut: false };
    searches.lock().unwrap().insert(parts[0].1.to_vec(), search);
    let mut out = [tlv(2, parts[0].1), tlv(0x63, parts[1].1)].concat();
    if !controls.is_empty() {
        out.extend(tlv(0xa0, &controls));
    }
    out
}

/// An answer, cut to the limits; `None` for an entry that is one too many.
fn answered(content: &[u8], limits: Limits, searches: &Searches) -> Option<Vec<u8>> {
    let parts = elements(content);
    let (id, op, body) = (parts[0].1, parts[1].0, parts[1].1);
    let mut searches = searches.lock().unwrap();
    let Some(search) = searches.get_mut(id) else { return Some(content.to_vec()) };
    match op {
        0x64 => {
            if search.left == Some(0) {
                search.is_cut = true;
                return None;
            }
            search.left = search.left.map(|left| left - 1);
            let mut out = [tlv(2, id), tlv(0x64, &entry(body, limits))].concat();
            out.extend(parts.get(2).map(|(tag, controls)| tlv(*tag, controls)).unwrap_or_default());
            Some(out)
        }
        0x65 if search.is_cut => {
            let done =
                [tlv(10, &[4]), tlv(4, b""), tlv(4, b"00002023: SizeLimitExceeded")].concat();
            Some([tlv(2, id), tlv(0x65, &done)].concat())
        }
        _ => Some(content.to_vec()),
    }
}

fn entry(body: &[u8], limits: Limits) -> Vec<u8> {
    let parts = elements(body);
    if parts[0].1.is_empty() || parts[0].1.starts_with(b"CN=Aggregate,") {
        // What a server says of itself, and the schema, are made up when they are asked for, and come whole.
        return body.to_vec();
    }
    let mut list = Vec::new();
    for (_, attribute) in elements(parts[1].1) {
        let fields = elements(attribute);
        let name = String::from_utf8_lossy(fields[0].1).into_owned();
        let values = elements(fields[1].1);
        let (base, range) = name.split_once(";range=").unwrap_or((&name, ""));
        let from: usize = range.split('-').next().unwrap_or_default().parse().unwrap_or(0);
        let mut put = |name: &str, values: &[(u8, &[u8])]| {
            let values: Vec<u8> = values.iter().flat_map(|(tag, value)| tlv(*tag, value)).collect();
            list.extend(tlv(0x30, &[tlv(4, name.as_bytes()), tlv(0x31, &values)].concat()));
        };
        if values.len() > limits.values {
            if range.is_empty() {
                put(base, &[]);
            }
            let part = format!("{base};range={from}-{}", from + limits.values - 1);
            put(&part, &values[..limits.values]);
        } else {
            put(&name, &values);
        }
    }
    [tlv(4, parts[0].1), tlv(0x30, &list)].concat()
}
