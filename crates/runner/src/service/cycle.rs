//! One run without anybody there to ask: plan, hold back who waits, apply what nothing refuses, and keep how the job is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peoplesync_source::Clock;
use peoplesync_state::{Health, Pending, State};
use serde_json::{Value as Json, json};

use super::health::{self, Came};
use crate::approval::{self, Asked};
use crate::clock::{self, rfc3339};
use crate::commands::apply;
use crate::config::Loaded;
use crate::config::model::EventKind;
use crate::execute::Ended;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::notify::Event;
use crate::pipeline::{self, Access, Session};
use crate::report::{Output, human};

/// How a run is stopped, and where it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// Nothing more is sent.
    pub(crate) asked: Arc<AtomicBool>,
    /// Requests are under way, so that it must not be dropped.
    pub(crate) writing: Arc<AtomicBool>,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) exit: Exit,
    pub(crate) started: i64,
    pub(crate) ended: i64,
    /// One line for people.
    pub(crate) line: String,
    /// What went wrong, if anything did.
    pub(crate) error: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) summary: Json,
    pub(crate) outcomes: Json,
    pub(crate) health: Health,
    /// What there is to tell.
    pub(crate) events: Vec<Event>,
}

/// What was found out on the way.
#[derive(Default)]
struct Found {
    plan: Option<String>,
    summary: Json,
    outcomes: Json,
    /// The guards that refused, a line each, and whether that is news.
    refused: Option<(String, bool)>,
    rejected: u64,
    waiting: u64,
    failed: u64,
    done: u64,
    /// Those of them of whom something was not written.
    in_part: u64,
}

/// Makes one run.
pub(crate) async fn run(
    loaded: &Loaded,
    full: bool,
    stop: &Stop,
    clock: &Arc<dyn Clock>,
) -> Report {
    let started = clock.now().0;
    let mut found = Found::default();
    let output = Output::silent();
    let result = attempt(loaded, full, stop, clock, output, &mut found).await;
    stop.writing.store(false, Ordering::Release);
    let ended = clock.now().0;
    let came = match &result {
        Ok(Exit::Refused) => Came::Refused,
        Ok(_) if found.failed == 0 && found.in_part > 0 => Came::InPart(found.in_part),
        Ok(_) if found.failed == 0 && found.waiting > 0 => Came::Waiting(found.waiting),
        Ok(_) if found.failed == 0 => Came::Well,
        Ok(_) => Came::Partly { failed: found.failed, of: found.failed + found.done },
        Err(failure) if failure.is_denied() => Came::Denied(failure.line()),
        Err(failure) if failure.exit() == Exit::Source => Came::Unreadable(failure.line()),
        Err(failure) => Came::Failed(failure.line()),
    };
    let (before, after) = match keep(loaded, &came, ended) {
        Ok(both) => both,
        Err(failure) => {
            tracing::error!(error = %failure.line(), "how the job is could not be kept");
            (Health::default(), Health { error: came.error(), ..Health::default() })
        }
    };
    let exit = match &result {
        Ok(exit) => *exit,
        Err(failure) => failure.exit(),
    };
    let mut report = Report {
        exit,
        started,
        ended,
        line: line(full, &result, &found),
        error: came.error(),
        plan: found.plan.clone(),
        summary: found.summary.clone(),
        outcomes: found.outcomes.clone(),
        health: after.clone(),
        events: Vec::new(),
    };
    events(loaded, (&found, &came), (&before, &after), &mut report);
    report
}

async fn attempt(
    loaded: &Loaded,
    full: bool,
    stop: &Stop,
    clock: &Arc<dyn Clock>,
    output: Output,
    found: &mut Found,
) -> Outcome<Exit> {
    let access = Access::Apply;
    let mut session = Session::new(loaded.clone(), clock)?;
    session.holds_back = true;
    let mut prepared = pipeline::prepare_of(session, full, None, access, None, output).await?;
    let plan = prepared.plan.clone();
    found.waiting = plan.summary.waiting;
    found.plan = Some(plan.plan.clone());
    found.summary = serde_json::to_value(plan.summary).unwrap_or_default();
    found.rejected = plan.rejected.len() as u64;
    let now = prepared.session.clock.now().0;
    let approval = if plan.refused.is_empty() {
        None
    } else {
        let user = clock::user();
        let asked = Asked { plan: &plan, saved: None, signature: None, user: &user, now };
        approval::find(loaded, &mut prepared.state, asked)?
    };
    if !plan.refused.is_empty() && approval.is_none() {
        let is_news = prepared.state.keep_pending(Some(&pending(&plan, now)))?;
        let lines =
            plan.refused.iter().map(|refusal| format!("{}: {}\n", refusal.guard, refusal.message));
        let advice = approval::advice(&loaded.config.approval, &plan, None);
        found.refused = Some((format!("{}{advice}", lines.collect::<String>()), is_news));
        return Ok(Exit::Refused);
    }
    stop.writing.store(true, Ordering::Release);
    let applied =
        apply::execute(prepared, approval.as_ref(), Arc::clone(&stop.asked), output).await?;
    let count = |ended| applied.sent.iter().filter(|sent| sent.ended == ended).count() as u64;
    (found.done, found.failed) = (count(Ended::Done), count(Ended::Failed));
    let whole = applied.sent.iter().filter(|sent| sent.is_whole()).count() as u64;
    found.in_part = found.done - whole;
    found.outcomes =
        json!({ "done": found.done, "failed": found.failed, "skipped": count(Ended::Skipped) });
    match applied.stopped {
        Some(stopped) => Err(stopped),
        None if found.failed + found.in_part + found.rejected + found.waiting > 0 => {
            Ok(Exit::Partly)
        }
        None => Ok(Exit::Done),
    }
}

/// A refused plan, as the state keeps it until somebody says something.
pub(crate) fn pending(plan: &peoplesync_reconcile::Plan, now: i64) -> Pending {
    Pending {
        plan: plan.plan.clone(),
        since: now,
        refused: serde_json::to_string(&plan.refused).unwrap_or_default(),
        summary: serde_json::to_string(&plan.summary).unwrap_or_default(),
    }
}

/// Keeps how the job is; how it was, and is.
fn keep(loaded: &Loaded, came: &Came, now: i64) -> Outcome<(Health, Health)> {
    let mut state: State = pipeline::open_store(loaded, Access::Apply, now)?;
    let before = state.health()?;
    let after = health::after(&before, came, &loaded.config.quarantine, now);
    state.keep_health(&after)?;
    Ok((before, after))
}

fn line(full: bool, result: &Outcome<Exit>, found: &Found) -> String {
    let kind = if full { "full run" } else { "run" };
    let Found { done, failed, in_part, rejected, waiting, .. } = found;
    let number = |count: u64| human::number(usize::try_from(count).unwrap_or(usize::MAX));
    match result {
        Ok(Exit::Refused) => format!("{kind}: refused, a plan waits for an approval"),
        Ok(_) => {
            let counts = [
                (*in_part, "in part"),
                (*failed, "failed"),
                (*rejected, "rejected"),
                (*waiting, "waiting"),
            ];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            let counts = counts.map(|(count, what)| format!(", {} {what}", number(*count)));
            format!("{kind}: {} done{}", number(*done), counts.collect::<String>())
        }
        Err(failure) => format!("{kind}: {}", failure.line()),
    }
}

/// What there is to tell of a run.
fn events(
    loaded: &Loaded,
    (found, came): (&Found, &Came),
    (before, after): (&Health, &Health),
    report: &mut Report,
) {
    let name = loaded.config.target.title().to_owned();
    let mut told = Vec::new();
    let was_ill = before.quarantine.is_some() || before.error.is_some();
    if let Some((text, true)) = &found.refused {
        told.push((EventKind::Refused, "a plan waits for an approval".to_owned(), text.clone()));
    }
    match (&before.quarantine, &after.quarantine) {
        // Told once: in quarantine every run may fail, and whoever was told knows.
        (Some(_), Some(_)) => {}
        (None, Some((_, reason))) => {
            let hours = loaded.config.quarantine.every_hours;
            let text = format!(
                "{reason}\nUntil a run goes well it is tried every {hours} hours; `peoplesync resume` ends the quarantine."
            );
            told.push((EventKind::Quarantine, "the job is in quarantine".to_owned(), text));
        }
        (_, None) => match &after.error {
            // Who waits was told of when it failed.
            Some(_) if matches!(came, Came::Waiting(_)) => {}
            Some(error) if before.error.as_ref() != Some(error) => {
                told.push((EventKind::Failed, "a run failed".to_owned(), error.clone()));
            }
            Some(_) => {}
            None if was_ill => {
                told.push((
                    EventKind::Recovered,
                    "a run went well again".to_owned(),
                    report.line.clone(),
                ));
            }
            None => {}
        },
    }
    if found.done > 0 {
        told.push((EventKind::Changes, "people were changed".to_owned(), report.line.clone()));
    }
    report.events = told
        .into_iter()
        .map(|(event, title, text)| Event {
            event,
            time: rfc3339(report.ended),
            target: name.clone(),
            title,
            text,
            plan: report.plan.clone(),
            summary: report.summary.clone(),
            outcomes: report.outcomes.clone(),
        })
        .collect();
}
