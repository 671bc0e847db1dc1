//! Changes that are asked for at the same time leave in one request (RFC 7644 §3.7). Who asks notices nothing of it: each change
//! has an outcome of its own, judged as that of a single request, and is repeated or looked up by the same rules.
//!
//! Who comes first waits until everybody who can has joined; then the queue is cut into requests, one for each lane, and the
//! first of each carries it. A service that does not serve them, answers nonsense or is no faster by them gets
//! single requests from then on.

mod carry;
mod message;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

pub(super) use self::message::Part;
use super::error::ClientError;
use super::reply::Reply;
use super::transport::{Call, Failed};
use crate::profile::{self, Use};

/// What is sent where neither service nor profile know limits.
const LIMITS: (usize, usize) = (100, 1 << 20);
/// Fewer in one request do not save enough to let a lane stand idle for them.
const FEWEST: usize = 16;
/// No more changes than this are under way at once.
const MOST_AT_ONCE: usize = 4096;
/// So many single requests, and changes in bulk requests, are compared.
const COMPARED: u32 = 64;
/// By how much a change in a bulk request may be slower before it is sent by itself.
const SLOWER: f64 = 1.25;

/// The queue of one client.
#[derive(Debug)]
pub(super) struct Bulk {
    endpoint: String,
    /// Whether it is used even where it is slower.
    is_forced: bool,
    most_bytes: usize,
    /// Whether the service's limits count each change.
    counts: AtomicBool,
    /// Whether a reference to another one in the same request is understood.
    links: AtomicBool,
    numbers: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Why it is no longer used.
    ended: Option<String>,
    most: usize,
    /// So many changes go by themselves: one of those before was lost with all that went with it.
    resting: usize,
    queue: Vec<Waiting>,
    /// The number of the queue.
    number: u64,
    /// So many went by themselves to see how long that takes.
    tried: usize,
    single: Pace,
    together: Pace,
}

/// How long requests of a kind take.
#[derive(Debug, Default)]
struct Pace {
    changes: u32,
    time: Duration,
}

/// Somebody in the queue.
#[derive(Debug)]
struct Waiting {
    part: Part,
    turn: oneshot::Sender<Turn>,
}

/// What becomes of somebody in the queue.
#[derive(Debug)]
enum Turn {
    /// Carry this request, of which one's own part is the first.
    Carry(Part, Vec<Waiting>),
    /// It was sent, and this came of it. With whether references went along.
    Sent(Result<Reply, Failed>, bool),
    /// Send it by itself.
    Alone,
    /// The same: it was refused with references, perhaps because of them.
    Doubted,
    /// Queue again: the request was too large.
    Again,
}

/// What came of a change.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was sent along with others; with whether references went along.
    Sent(Result<Reply, Failed>, bool),
    /// It is to be sent by itself.
    Alone,
    /// The same; where that succeeds, references are not understood.
    Doubted,
}

impl Bulk {
    /// The queue by a profile, if it has one.
    pub(super) fn new(profile: &profile::Profile) -> Option<Self> {
        let profile::Bulk { when, max_operations, max_payload, counts_operations } = profile.bulk;
        let is_used = match when {
            Use::Always => true,
            Use::Auto => max_operations > 1,
            Use::Never => false,
        };
        let limit = |told: u32, default| if told == 0 { default } else { told as usize };
        let state = State { most: limit(max_operations, LIMITS.0).max(1), ..State::default() };
        (is_used && !profile.endpoints.bulk.is_empty()).then(|| Self {
            endpoint: profile.endpoints.bulk.clone(),
            is_forced: when == Use::Always,
            most_bytes: limit(max_payload, LIMITS.1),
            counts: AtomicBool::new(counts_operations),
            links: AtomicBool::new(true),
            numbers: AtomicU64::new(0),
            state: Mutex::new(state),
        })
    }

    /// How many changes may be under way, by the number of requests that may.
    pub(super) fn at_once(&self, lanes: usize) -> usize {
        let state = self.state();
        match state.ended {
            Some(_) => lanes,
            None => (lanes * state.most).clamp(lanes, MOST_AT_ONCE.max(lanes)),
        }
    }

    /// Why single requests are sent instead.
    pub(super) fn ended(&self) -> Option<String> {
        self.state().ended.clone()
    }

    /// Whether references may be sent as `bulkId`s.
    pub(super) fn links(&self) -> bool {
        self.links.load(Ordering::Relaxed) && self.state().ended.is_none()
    }

    /// References are not understood.
    pub(super) fn unlink(&self) {
        self.links.store(false, Ordering::Relaxed);
    }

    /// A single request took so long.
    pub(super) fn single_took(&self, time: Duration) {
        let mut state = self.state();
        if state.single.changes < COMPARED {
            state.single.add(1, time);
        }
    }

    fn end(&self, why: impl Into<String>) {
        let mut state = self.state();
        if state.ended.is_none() {
            let why = why.into();
            tracing::info!(why, "single requests from now on");
            state.ended = Some(why);
        }
        drop(state);
        self.flush(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part that a change is in a request.
    fn part(&self, call: &Call<'_>) -> Part {
        let link = call.link;
        let name = match link {
            Some(link) => link.name.to_owned(),
            None => format!("n{}", self.numbers.fetch_add(1, Ordering::Relaxed)),
        };
        Part {
            method: call.method.clone(),
            resource: call.resource,
            path: super::address::relative(call.endpoint, call.id),
            name,
            version: call.if_match.map(str::to_owned),
            data: call.body.clone(),
            linked: link
                .filter(|link| !link.names.is_empty())
                .map(|link| (Bytes::clone(&link.body), link.names.to_vec())),
        }
    }

    /// Joins the queue: its number, if somebody must see to it that it is sent, and where one's turn is told. `None`: this one
    /// is sent by itself.
    fn join(
        &self,
        call: &Call<'_>,
        lanes: usize,
    ) -> Option<(Option<u64>, oneshot::Receiver<Turn>)> {
        let mut state = self.state();
        if state.ended.is_some() {
            return None;
        }
        if state.resting > 0 {
            state.resting -= 1;
            return None;
        }
        // First it must be known what single requests take.
        if !self.is_forced && state.tried < FEWEST {
            state.tried += 1;
            return None;
        }
        let part = self.part(call);
        let size = part.size();
        if size + message::ENVELOPE > self.most_bytes {
            return None;
        }
        let (turn, told) = oneshot::channel();
        state.queue.push(Waiting { part, turn });
        let is_first = state.queue.len() == 1;
        let is_full = state.queue.len() >= state.most * lanes;
        let number = state.number;
        drop(state);
        if is_full {
            self.flush(lanes);
            return Some((None, told));
        }
        Some((is_first.then_some(number), told))
    }

    /// Sends the queue off, if it is still that one.
    fn flush_turn(&self, number: u64, lanes: usize) {
        if self.state().number == number {
            self.flush(lanes);
        }
    }

    /// Cuts the queue into requests, and gives each to the first of those in it.
    fn flush(&self, lanes: usize) {
        let mut state = self.state();
        state.number += 1;
        let (most, is_over) = (state.most, state.ended.is_some());
        let queue = std::mem::take(&mut state.queue);
        drop(state);
        let size = queue.len().div_ceil(lanes.max(1)).max(FEWEST).min(most);
        let mut requests: Vec<Vec<Waiting>> = Vec::new();
        let mut bytes = 0;
        for waiting in queue {
            bytes += waiting.part.size();
            match requests.last_mut() {
                Some(last) if last.len() < size && bytes + message::ENVELOPE <= self.most_bytes => {
                    last.push(waiting);
                }
                _ => {
                    bytes = waiting.part.size();
                    requests.push(vec![waiting]);
                }
            }
        }
        for request in requests {
            let mut request = request.into_iter();
            let Some(first) = request.next() else { continue };
            let rest: Vec<Waiting> = request.collect();
            if rest.is_empty() || is_over {
                for waiting in [first].into_iter().chain(rest) {
                    waiting.tell(Turn::Alone);
                }
            } else {
                let Waiting { part, turn } = first;
                drop(turn.send(Turn::Carry(part, rest)));
            }
        }
    }

    /// A request came back: so many changes took so long.
    fn together_took(&self, changes: usize, time: Duration) {
        let mut state = self.state();
        state.together.add(u32::try_from(changes).unwrap_or(u32::MAX), time);
        let (single, together) = (state.single.each(), state.together.each());
        let is_known = state.together.changes >= COMPARED && state.single.changes > 0;
        drop(state);
        if !self.is_forced && is_known && together > single * SLOWER {
            self.end(format!(
                "a change took {:.1} ms in a bulk request and {:.1} ms by itself",
                together * 1e3,
                single * 1e3
            ));
        }
    }

    /// The request was too large: smaller ones, or none. Whether another one may be tried.
    fn shrink(&self, changes: usize, why: &ClientError) -> bool {
        let mut state = self.state();
        state.most = state.most.min(changes / 2);
        let may = state.most > 1;
        drop(state);
        if !may {
            self.end(why.to_string());
        }
        may
    }

    /// What went along was lost: some of it goes by itself, as one change that the service chokes on must not take the others
    /// with it for ever.
    fn rest(&self, changes: usize) {
        self.state().resting += 2 * changes;
    }
}

impl Waiting {
    fn tell(self, turn: Turn) {
        // Who no longer waits has no use for it.
        drop(self.turn.send(turn));
    }
}

impl Pace {
    fn add(&mut self, changes: u32, time: Duration) {
        self.changes = self.changes.saturating_add(changes);
        self.time += time;
    }

    /// Seconds for one change.
    fn each(&self) -> f64 {
        self.time.as_secs_f64() / f64::from(self.changes.max(1))
    }
}
