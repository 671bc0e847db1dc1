//! The state's own thread during an apply. Whatever gathered while the disk was busy is written in one transaction, so that
//! durability costs one sync for many requests; a request is sent only after its intent is on the disk.
//!
//! Intents come in blocks, ahead of their requests, and are written at once. Outcomes wait for company, as nobody waits for
//! them: each touches pages all over the file, so the more are written together, the less is written. What is not written when
//! the process dies is looked up by the next run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use peoplesync_scim::Resource;
use peoplesync_state::{Batch, Error, Intent, Owners, RunId, Settlement, State};
use tokio::sync::{Notify, oneshot};

/// So many outcomes are written at once.
const ENOUGH: usize = 2048;

/// So long an outcome waits for company.
const PATIENCE: Duration = Duration::from_millis(100);

/// When each lasting limit of the target has room again, in milliseconds since 1970 (UTC).
pub(super) type UsedLimits = Box<dyn Fn() -> Vec<(String, i64)> + Send>;

/// Writes the journal of one run.
#[derive(Debug)]
pub(super) struct Journal {
    desk: Arc<Desk>,
    writing: Writing,
}

/// Who writes.
#[derive(Debug)]
enum Writing {
    Thread(JoinHandle<(State, Option<Error>)>),
    /// In a simulation, where the order of everything is decided by one thread.
    Task(tokio::task::JoinHandle<(State, Option<Error>)>),
}

/// A handle for those who send requests.
#[derive(Debug, Clone)]
pub(super) struct Recorder(Arc<Desk>);

/// Where entries wait for the thread.
#[derive(Debug, Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    /// Rings when there is something to do at once.
    bell: Condvar,
    /// The same for the task of a simulation, for which everything is to be done at once.
    call: Option<Notify>,
    broken: AtomicBool,
    /// Whose accounts are whose, asked beside the writer; none where nobody was linked before.
    owners: Option<Mutex<Owners>>,
}

#[derive(Debug, Default)]
struct Waiting {
    intents: Vec<Intent>,
    /// Told whether the intents are on the disk.
    askers: Vec<oneshot::Sender<bool>>,
    settlements: Vec<Settlement>,
    withdrawn: Vec<u64>,
    is_closed: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.askers.is_empty() && !self.has_outcomes()
    }

    fn has_outcomes(&self) -> bool {
        !self.settlements.is_empty() || !self.withdrawn.is_empty()
    }

    /// All of it; nothing once nothing more comes.
    fn take(&mut self) -> Option<Self> {
        let is_closed = self.is_closed;
        if is_closed && self.is_empty() {
            return None;
        }
        Some(std::mem::replace(self, Self { is_closed, ..Self::default() }))
    }

    /// What somebody waits for, and no outcomes; unless an intent may have the number of an outcome that waits: what is tried again
    /// has the number of before, which must be free.
    fn take_urgent(&mut self) -> Option<Self> {
        let closed = self.settlements.iter().map(|settlement| settlement.seq);
        let highest = closed.chain(self.withdrawn.iter().copied()).max();
        if self.intents.iter().any(|intent| Some(intent.seq) <= highest) {
            return self.take();
        }
        Some(Self {
            intents: std::mem::take(&mut self.intents),
            askers: std::mem::take(&mut self.askers),
            ..Self::default()
        })
    }

    fn is_enough(&self) -> bool {
        self.is_closed || self.settlements.len() >= ENOUGH
    }
}

impl Journal {
    /// `used` is what was used of the target's lasting limits, which is written along with what was sent. `simulated`: no thread
    /// of its own.
    pub(super) fn start(state: State, run: RunId, used: UsedLimits, simulated: bool) -> Self {
        let call = simulated.then(Notify::new);
        // Where it cannot be asked, an account that is somebody's is found when its link is written.
        let owners = state.owners().ok().flatten().map(Mutex::new);
        let desk = Arc::new(Desk { call, owners, ..Desk::default() });
        let shared = Arc::clone(&desk);
        let mut writer = Writer { state, run, used, failure: None };
        let writing = if simulated {
            Writing::Task(tokio::spawn(async move {
                while let Some(group) = shared.called().await {
                    writer.write(group, &shared.broken);
                }
                (writer.state, writer.failure)
            }))
        } else {
            let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
                let mut since = Instant::now();
                while let Some(group) = shared.take(&mut since) {
                    writer.write(group, &shared.broken);
                }
                (writer.state, writer.failure)
            });
            Writing::Thread(thread.expect("a thread can be started"))
        };
        Self { desk, writing }
    }

    pub(super) fn recorder(&self) -> Recorder {
        Recorder(Arc::clone(&self.desk))
    }

    /// Waits until everything is written, and gives the state back; with the error that stopped the journal, if one did.
    pub(super) async fn finish(self) -> (State, Option<Error>) {
        const NO_PANIC: &str = "the journal's writer returns its errors and does not panic";
        self.desk.lock().is_closed = true;
        self.desk.ring();
        match self.writing {
            Writing::Thread(thread) => thread.join().expect(NO_PANIC),
            Writing::Task(task) => task.await.expect(NO_PANIC),
        }
    }
}

impl Recorder {
    /// Notes what is about to be sent. `false`: it could not be written, so it must not be sent.
    pub(super) async fn intend(&self, intent: Intent) -> bool {
        self.intend_all(vec![intent]).await.unwrap_or(false)
    }

    /// Notes what is about to be sent; the answer comes when all of it is on the disk.
    pub(super) fn intend_all(&self, intents: Vec<Intent>) -> oneshot::Receiver<bool> {
        let (written, answer) = oneshot::channel();
        if !self.is_broken() {
            let mut waiting = self.0.lock();
            waiting.intents.extend(intents);
            waiting.askers.push(written);
            drop(waiting);
            self.0.ring();
        }
        answer
    }

    /// The key of whoever had this account before the run, as far as the state knows.
    pub(super) fn owner(&self, resource: Resource, id: &str) -> Option<String> {
        let owners = self.0.owners.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        owners.of(resource, id).ok().flatten()
    }

    /// Takes back what was intended and is not sent after all.
    pub(super) fn withdraw(&self, seq: u64) {
        self.0.lock().withdrawn.push(seq);
    }

    /// Notes what came of it. If that cannot be written, the intent stays and the next run looks the account up.
    pub(super) fn settle(&self, settlement: Settlement) {
        let mut waiting = self.0.lock();
        waiting.settlements.push(settlement);
        let is_enough = waiting.settlements.len() == ENOUGH;
        drop(waiting);
        if is_enough || self.0.call.is_some() {
            self.0.ring();
        }
    }

    /// Whether the state can no longer be written, so that nothing more may be sent.
    pub(super) fn is_broken(&self) -> bool {
        self.0.broken.load(Ordering::Acquire)
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.bell.notify_one();
        if let Some(call) = &self.call {
            call.notify_one();
        }
    }

    /// What there is to write; nothing once all is written and nothing more comes. `since` is when outcomes were written last.
    fn take(&self, since: &mut Instant) -> Option<Waiting> {
        let mut waiting = self.lock();
        loop {
            let left = PATIENCE.saturating_sub(since.elapsed());
            if waiting.is_enough() || (waiting.has_outcomes() && left.is_zero()) {
                *since = Instant::now();
                return waiting.take();
            }
            if !waiting.askers.is_empty() {
                return waiting.take_urgent();
            }
            let left = if waiting.has_outcomes() { left } else { PATIENCE };
            waiting =
                self.bell.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The same in a simulation, where nothing waits for company.
    async fn called(&self) -> Option<Waiting> {
        if let Some(call) = &self.call {
            while self.is_idle() {
                call.notified().await;
            }
        }
        self.lock().take()
    }

    fn is_idle(&self) -> bool {
        let waiting = self.lock();
        waiting.is_empty() && !waiting.is_closed
    }
}

struct Writer {
    state: State,
    run: RunId,
    used: UsedLimits,
    failure: Option<Error>,
}

impl Writer {
    /// Writes what came together in one transaction.
    fn write(&mut self, group: Waiting, broken: &AtomicBool) {
        if self.failure.is_none() {
            let batch = Batch {
                intents: &group.intents,
                settlements: &group.settlements,
                withdrawn: &group.withdrawn,
                used_limits: &(self.used)(),
            };
            if let Err(error) = self.state.record(self.run, &batch) {
                broken.store(true, Ordering::Release);
                self.failure = Some(error);
            }
        }
        for asker in group.askers {
            // Nobody waits any more when the apply was interrupted.
            let _gone = asker.send(self.failure.is_none());
        }
    }
}
