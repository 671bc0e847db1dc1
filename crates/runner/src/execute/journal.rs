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
    writing: Writing,
}

/// Who writes.
#[derive(Debug)]
enum Writing {
    Thread(JoinHandle<(State, Option<Error>)>),
    /// In a simulation, where the order of everything is decided by one thread.
    Task(tokio::task::JoinHandle<(State, Option<Error>)>),
}

/// A handle for the tasks that send requests.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    entries: mpsc::UnboundedSender<Entry>,
    broken: Arc<AtomicBool>,
}

impl Journal {
    /// `used` is what was used of the target's lasting limits, which is written along with what was sent. `simulated`: no thread
    /// of its own.
    pub(super) fn start(state: State, run: RunId, used: UsedLimits, simulated: bool) -> Self {
        let (entries, mut receiver) = mpsc::unbounded_channel();
        let broken = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&broken);
        let mut writer = Writer { state, run, used, broken: flag, failure: None };
        let mut group = Vec::with_capacity(GROUP);
        let writing = if simulated {
            Writing::Task(tokio::spawn(async move {
                while receiver.recv_many(&mut group, GROUP).await > 0 {
                    writer.write(&mut group);
                }
                (writer.state, writer.failure)
            }))
        } else {
            Writing::Thread(std::thread::spawn(move || {
                while receiver.blocking_recv_many(&mut group, GROUP) > 0 {
                    writer.write(&mut group);
                }
                (writer.state, writer.failure)
            }))
        };
        Self { entries, broken, writing }
    }

    pub(super) fn recorder(&self) -> Recorder {
        Recorder { entries: self.entries.clone(), broken: Arc::clone(&self.broken) }
    }

    /// Waits until everything is written, and gives the state back; with the error that stopped the journal, if one did.
    pub(super) async fn finish(self) -> (State, Option<Error>) {
        const NO_PANIC: &str = "the journal's writer returns its errors and does not panic";
        drop(self.entries);
        match self.writing {
            Writing::Thread(thread) => thread.join().expect(NO_PANIC),
            Writing::Task(task) => task.await.expect(NO_PANIC),
        }
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

struct Writer {
    state: State,
    run: RunId,
    used: UsedLimits,
    broken: Arc<AtomicBool>,
    failure: Option<Error>,
}

impl Writer {
    /// Writes what arrived together in one transaction.
    fn write(&mut self, group: &mut Vec<Entry>) {
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
        let written = self.failure.is_none() && self.commit(&intents, &settlements);
        for answer in waiting {
            // Nobody waits any more when the apply was interrupted.
            let _gone = answer.send(written);
        }
    }

    fn commit(&mut self, intents: &[Intent], settlements: &[Settlement]) -> bool {
        let used = (self.used)();
        let limits = if used.is_empty() { Ok(()) } else { self.state.keep_used_limits(&used) };
        match limits.and_then(|()| self.state.intend_and_settle(self.run, intents, settlements)) {
            Ok(()) => true,
            Err(error) => {
                self.broken.store(true, Ordering::Release);
                self.failure = Some(error);
                false
            }
        }
    }
}
