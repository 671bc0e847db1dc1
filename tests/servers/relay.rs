//! A relay in front of a server that cuts the connection, or falls silent, after so many bytes of the server's answers.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What happens after the last byte that is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The connection ends.
    Cut,
    /// Nothing comes any more, and the connection stays.
    Silence,
}

/// A relay that listens. It ends with the test program.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) port: u16,
    limit: Arc<AtomicU64>,
    is_silent: Arc<AtomicBool>,
    passed: Arc<AtomicU64>,
}

impl Relay {
    /// In front of a port of this machine.
    pub(crate) fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            limit: Arc::new(AtomicU64::new(u64::MAX)),
            is_silent: Arc::default(),
            passed: Arc::default(),
        };
        let (limit, is_silent, passed) =
            (Arc::clone(&relay.limit), Arc::clone(&relay.is_silent), Arc::clone(&relay.passed));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                let (mut from_client, mut to_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    drop(std::io::copy(&mut from_client, &mut to_server));
                    drop(to_server.shutdown(Shutdown::Both));
                });
                let then = if is_silent.load(Ordering::SeqCst) { Then::Silence } else { Then::Cut };
                let (limit, passed) = (limit.load(Ordering::SeqCst), Arc::clone(&passed));
                std::thread::spawn(move || pass(server, client, limit, then, &passed));
            }
        });
        relay
    }

    /// What happens to the connections that come from now on.
    pub(crate) fn after(&self, bytes: u64, then: Then) {
        self.limit.store(bytes, Ordering::SeqCst);
        self.is_silent.store(then == Then::Silence, Ordering::SeqCst);
    }

    /// How many bytes of the server have passed so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

fn pass(mut server: TcpStream, mut client: TcpStream, limit: u64, then: Then, passed: &AtomicU64) {
    let mut left = limit;
    let mut bytes = [0; 4096];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let Ok(read @ 1..) = server.read(&mut bytes[..most]) else { break };
        passed.fetch_add(read as u64, Ordering::SeqCst);
        left -= read as u64;
        if client.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    if left == 0 && then == Then::Silence {
        // Until the client has had enough.
        drop(std::io::copy(&mut server, &mut std::io::sink()));
    }
    drop(client.shutdown(Shutdown::Both));
}
