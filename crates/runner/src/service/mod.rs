//! `peoplesync run`: runs by the schedule, one after another, until it is told to stop.

mod cycle;
mod health;
mod schedule;
mod web;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use peoplesync_source::Clock;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, oneshot};

use crate::config::model::Schedule;
use crate::config::{ConfigError, ConfigErrors, Loaded};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::notify;
use crate::pipeline::{self, Access, Session};
use crate::report::Output;
use cycle::Report;
pub(crate) use cycle::{Stop, pending, run as cycle};
use schedule::{Due, Times};
use web::Board;

/// The clock is looked at again after so long, as it may be set, and a machine may sleep.
const LOOK: Duration = Duration::from_secs(20);

/// What can be told of the service's tables without running.
pub(crate) fn check(loaded: &Loaded) -> Result<(), ConfigErrors> {
    let mut errors = notify::mistakes(loaded);
    if let Some(table) = &loaded.config.schedule {
        errors
            .extend(Times::new(loaded, table).err().into_iter().flat_map(ConfigErrors::into_inner));
        errors.extend(
            web::mistake(table).map(|message| loaded.error(&["schedule", "listen"], message)),
        );
    }
    if loaded.config.quarantine.failed_percent > 100 {
        let message = "expected a share of the writes in percent, at most 100";
        errors.push(loaded.error(&["quarantine", "failed_percent"], message));
    }
    if loaded.config.retries.after_hours.is_empty() {
        errors.push(loaded.error(&["retries", "after_hours"], "there is no number"));
    }
    errors.extend(without_effect(loaded));
    if errors.is_empty() { Ok(()) } else { Err(ConfigErrors::new(errors)) }
}

/// Numbers that are 0 where that would switch off, in silence, what they are for, or do something in every run.
fn without_effect(loaded: &Loaded) -> impl Iterator<Item = ConfigError> {
    let (retries, quarantine) = (&loaded.config.retries, &loaded.config.quarantine);
    let has_no_pause = retries.after_hours.contains(&0);
    let is_zero = [
        (
            ["retries", "after_hours"],
            has_no_pause,
            "hour",
            "whoever fails would be tried in every run",
        ),
        (
            ["retries", "give_up_days"],
            retries.give_up_days == 0,
            "day",
            "nobody would be tried again",
        ),
        (
            ["quarantine", "source_failures"],
            quarantine.source_failures == 0,
            "run",
            "nothing has failed by then",
        ),
        (
            ["quarantine", "min_writes"],
            quarantine.min_writes == 0,
            "write",
            "of none there is no share",
        ),
    ];
    is_zero.into_iter().filter(|(_, is_zero, ..)| *is_zero).map(|(key, _, unit, why)| {
        loaded.error(&key, format!("expected at least 1 {unit}, found 0: {why}"))
    })
}

/// A config that was understood as a whole.
struct Job {
    loaded: Loaded,
    table: Schedule,
    times: Times,
}

impl Job {
    /// Reads the config, and looks at everything in it; with what a run would be made of.
    fn read(path: &Path, clock: &Arc<dyn Clock>) -> Outcome<(Self, Session)> {
        let loaded = pipeline::load(path)?;
        let session = Session::new(loaded.clone(), clock)?;
        let Some(table) = loaded.config.schedule.clone() else {
            return Err(Failure::usage("the config says nothing of when to run")
                .with_hint("write [schedule] with full = \"0 3 * * *\", or use `peoplesync apply --unattended` with a timer of your own"));
        };
        let times = Times::new(&loaded, &table)?;
        if table.incremental.is_none() && table.full.is_none() {
            return Err(
                Failure::usage("[schedule] names no time").with_hint("write full = \"0 3 * * *\"")
            );
        }
        Ok((Self { loaded, table, times }, session))
    }
}

/// What came up while waiting.
enum Woken {
    Due(Due),
    Reload,
    Stop,
}

/// Runs until it is told to stop. `now`: once at once, before anything is due.
pub(crate) async fn serve(
    path: &Path,
    now: bool,
    clock: Arc<dyn Clock>,
    output: Output,
) -> Outcome<Exit> {
    let fail = |error: std::io::Error| Failure::unexpected("cannot wait for signals", &error);
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate()).map_err(fail)?,
        interrupt: signal(SignalKind::interrupt()).map_err(fail)?,
        hangup: signal(SignalKind::hangup()).map_err(fail)?,
    };
    let (mut job, _) = Job::read(path, &clock)?;
    let _alone = alone(&job.loaded, &*clock)?;
    let board = Board::default();
    board.knows(pipeline::open_store(&job.loaded, Access::Plan, clock.now().0)?.health()?);
    if let Some(listen) = &job.table.listen {
        let address = web::serve(listen, board.clone()).await?;
        output.note(&format!("listening on http://{address}"));
    }
    tell_system(&[sd_notify::NotifyState::Ready]);
    let _watchdog = watchdog();
    let mut due = now.then(|| Due { at: clock.now().0, full: true });
    // What came due before, under this config.
    let mut last: Option<Due> = None;
    loop {
        let moment = clock.now().0;
        let next = due.take().or_else(|| match last {
            Some(last) => job.times.after(last, moment),
            None => job.times.next(moment),
        });
        let Some(next) = next else {
            return Err(Failure::usage("the schedule has no time that ever comes"));
        };
        board.next(next);
        let kind = if next.full { "full run" } else { "run" };
        let status = format!("the next {kind} is at {}", crate::clock::readable(next.at));
        tell_system(&[sd_notify::NotifyState::Status(&status)]);
        match wait(next, &*clock, &mut signals).await {
            Woken::Stop => break,
            Woken::Reload => {
                reload(&mut job, path, &clock, output).await;
                last = None;
            }
            Woken::Due(due) => {
                last = Some(due);
                if is_left_out(&job.loaded, &*clock, output) {
                    continue;
                }
                tell_system(&[sd_notify::NotifyState::Status(&format!("{kind} under way"))]);
                let report = match until_stopped(&job, due.full, &clock, &mut signals).await {
                    Ok(report) => report,
                    Err(left) => {
                        output.note(&left);
                        break;
                    }
                };
                output.note(&report.line);
                for event in &report.events {
                    notify::tell(&job.loaded, event).await;
                }
                let has_stopped = report.stopped;
                board.ran(report.report);
                if has_stopped {
                    break;
                }
            }
        }
    }
    tell_system(&[sd_notify::NotifyState::Stopping]);
    Ok(Exit::Done)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Waits until somebody wants the service to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn wait(due: Due, clock: &dyn Clock, signals: &mut Signals) -> Woken {
    loop {
        let left = due.at - clock.now().0;
        let Ok(left) = u64::try_from(left) else { return Woken::Due(due) };
        if left == 0 {
            return Woken::Due(due);
        }
        tokio::select! {
            biased;
            _ = signals.terminate.recv() => return Woken::Stop,
            _ = signals.interrupt.recv() => return Woken::Stop,
            _ = signals.hangup.recv() => return Woken::Reload,
            () = tokio::time::sleep(LOOK.min(Duration::from_millis(left))) => {}
        }
    }
}

/// A run, and whether the service was told to stop meanwhile.
struct Ran {
    report: Report,
    stopped: bool,
}

impl std::ops::Deref for Ran {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.report
    }
}

/// Makes a run. Told to stop, it ends at once as long as nothing is being written; otherwise what is under way is finished,
/// within a limit. What is not settled then is in the journal, and looked up by the next run. Otherwise gives what there is to
/// say of a run that did not come to its end.
async fn until_stopped(
    job: &Job,
    full: bool,
    clock: &Arc<dyn Clock>,
    signals: &mut Signals,
) -> Result<Ran, String> {
    let stop = Stop::default();
    let leave = Arc::new(Notify::new());
    let (tell, mut told) = oneshot::channel();
    // A thread of its own: an apply keeps the one that it is on, and signals would not be seen there before its end.
    let running = std::thread::spawn({
        let (loaded, stop, clock) = (job.loaded.clone(), stop.clone(), Arc::clone(clock));
        let (leave, runtime) = (Arc::clone(&leave), Handle::current());
        move || {
            let report = runtime.block_on(async {
                tokio::select! {
                    report = cycle::run(&loaded, full, &stop, &clock) => Some(report),
                    () = leave.notified() => None,
                }
            });
            // Nobody listens any more where the service ends without waiting.
            let _left = tell.send(report);
        }
    });
    let ran = |told: Result<Option<Report>, _>, stopped| match (told, running) {
        (Ok(Some(report)), _) => Ok(Ran { report, stopped }),
        (Ok(None), _) => Err(UNWRITTEN.to_owned()),
        (Err(_), running) => match running.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => Err(UNWRITTEN.to_owned()),
        },
    };
    tokio::select! {
        told = &mut told => return ran(told, false),
        () = signals.stop() => {}
    }
    stop.asked.store(true, Ordering::Release);
    if !stop.writing.load(Ordering::Acquire) {
        leave.notify_one();
    }
    let seconds = job.table.stop_secs;
    match tokio::time::timeout(Duration::from_secs(seconds), told).await {
        Ok(told) => ran(told, true),
        Err(_) if !stop.writing.load(Ordering::Acquire) => Err(UNWRITTEN.to_owned()),
        Err(_) => Err(format!(
            "stopped with requests under way: they were not done within schedule.stop_secs = {seconds}; the next run looks up what came of them"
        )),
    }
}

const UNWRITTEN: &str = "stopped before anything was written";

/// Whether a run is left out because of the quarantine.
pub(crate) fn is_left_out(loaded: &Loaded, clock: &dyn Clock, output: Output) -> bool {
    let now = clock.now().0;
    let health =
        pipeline::open_store(loaded, Access::Plan, now).and_then(|state| Ok(state.health()?));
    let is_left_out =
        health.is_ok_and(|health| health::is_left_out(&health, &loaded.config.quarantine, now));
    if is_left_out {
        output.note("left out: the job is in quarantine; `peoplesync status` says why");
    }
    is_left_out
}

/// Reads the config again. One that is wrong is said, and the one of before stays.
async fn reload(job: &mut Job, path: &Path, clock: &Arc<dyn Clock>, output: Output) {
    tell_system(&[sd_notify::NotifyState::Reloading]);
    let read = match Job::read(path, clock) {
        Ok((new, session)) => pipeline::fits(&session).await.map(|()| new),
        Err(failure) => Err(failure),
    };
    match read {
        Ok(new) if new.loaded.config.state.url != job.loaded.config.state.url => {
            output.error("state.url is another: restart the service; the config of before stays");
        }
        Ok(new) => {
            *job = new;
            output.note("the config was read again");
        }
        Err(failure) => {
            output.error(&failure.to_string());
            output.error("the config of before stays");
        }
    }
    tell_system(&[sd_notify::NotifyState::Ready]);
}

/// Two services of one state would double every run.
fn alone(loaded: &Loaded, clock: &dyn Clock) -> Outcome<peoplesync_state::ServiceLock> {
    let path = pipeline::store_path(loaded)?;
    let who = format!("peoplesync run, process {}", std::process::id());
    Ok(peoplesync_state::ServiceLock::take(&path, &who, clock.now().0)?)
}

/// Says something to systemd, if it started the service.
fn tell_system(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(error = %error, "systemd was not told");
    }
}

/// Tells systemd that the service lives, twice as often as it wants to know.
fn watchdog() -> Option<tokio::task::JoinHandle<()>> {
    let every = sd_notify::watchdog_enabled()? / 2;
    Some(tokio::spawn(async move {
        loop {
            tell_system(&[sd_notify::NotifyState::Watchdog]);
            tokio::time::sleep(every).await;
        }
    }))
}
