//! The state's own thread during an apply. Intents and outcomes that arrive together are written in one transaction, so
//! that durability costs one sync for many requests; a request is sent only after its intent is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use peoplesync_state::{Error, Intent, RunId, Settlement, State};
use tokio::sync::{mpsc, oneshot};

/// As many entries as one transaction takes at most.
const GROUP: usize = 512;

/// When each lasting limit of the target has room again, in milliseconds since 1970 (UTC).
pub(super) type UsedLimits = Box<dyn Fn() -> Vec<(String, i64)> + Send>;

enum Entry {
    Intend(Intent, oneshot::Sender<bool>),
    Settle(Box<Settlement>),
}

/// Writes the journal of one run.
#[derive(Debug)]
pub(super) struct Journal {
    entries: mpsc::UnboundedSender<Entry>,
    broken: Arc<AtomicBool>,
    thread: JoinHandle<(State, Option<Error>)>,
}

/// A handle for the tasks that send requests.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    entries: mpsc::UnboundedSender<Entry>,
    broken: Arc<AtomicBool>,
}

impl Journal {
    /// `used` is what was used of the target's lasting limits, which is written along with what was sent.
    pub(super) fn start(state: State, run: RunId, used: UsedLimits) -> Self {
        let (entries, receiver) = mpsc::unbounded_channel();
        let broken = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&broken);
        let thread = std::thread::spawn(move || write(state, run, &used, receiver, &flag));
        Self { entries, broken, thread }
    }

    pub(super) fn recorder(&self) -> Recorder {
        Recorder { entries: self.entries.clone(), broken: Arc::clone(&self.broken) }
    }

    /// Waits until everything is written, and gives the state back; with the error that stopped the journal, if one did.
    pub(super) fn finish(self) -> (State, Option<Error>) {
        drop(self.entries);
        self.thread.join().expect("the journal's thread returns its errors and does not panic")
    }
}

impl Recorder {
    /// Notes what is about to be sent. `false`: it could not be written, so it must not be sent.
    pub(super) async fn intend(&self, intent: Intent) -> bool {
        let (written, answer) = oneshot::channel();
        if self.is_broken() || self.entries.send(Entry::Intend(intent, written)).is_err() {
            return false;
        }
        answer.await.unwrap_or(false)
    }

    /// Notes what came of it. If that cannot be written, the intent stays and the next run looks the account up.
    pub(super) fn settle(&self, settlement: Settlement) {
        if self.entries.send(Entry::Settle(Box::new(settlement))).is_err() {
            self.broken.store(true, Ordering::Release);
        }
    }

    /// Whether the state can no longer be written, so that nothing more may be sent.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

fn write(
    mut state: State,
    run: RunId,
    used: &UsedLimits,
    mut receiver: mpsc::UnboundedReceiver<Entry>,
    broken: &AtomicBool,
) -> (State, Option<Error>) {
    let mut failure = None;
    let mut group = Vec::with_capacity(GROUP);
    while receiver.blocking_recv_many(&mut group, GROUP) > 0 {
        let mut intents = Vec::new();
        let mut waiting = Vec::new();
        let mut settlements = Vec::new();
        for entry in group.drain(..) {
            match entry {
                Entry::Intend(intent, written) => {
                    intents.push(intent);
                    waiting.push(written);
                }
                Entry::Settle(settlement) => settlements.push(*settlement),
            }
        }
        let written = if failure.is_some() {
            false
        } else {
            let used = used();
            let limits = if used.is_empty() { Ok(()) } else { state.keep_used_limits(&used) };
            match limits.and_then(|()| state.intend_and_settle(run, &intents, &settlements)) {
                Ok(()) => true,
                Err(error) => {
                    broken.store(true, Ordering::Release);
                    failure = Some(error);
                    false
                }
            }
        };
        for answer in waiting {
            // Nobody waits any more when the apply was interrupted.
            let _gone = answer.send(written);
        }
    }
    (state, failure)
}
