//! C12, C14, C15: threads, open files, memory, and time.

use std::time::{Duration, Instant};

use peoplesync_source::{Connector, Coverage, ErrorKind, Query, Step};
use tokio::runtime::Runtime;

use crate::pass::{measure, patient, with_runtime};
use crate::process::{Held, Memory, forget_peak};
use crate::rule::{Act, Trial, Verdict};
use crate::{Large, Situation, Table};

/// Whatever a dropped or cancelled pass still does must be over by then.
const GRACE: Duration = Duration::from_secs(3);

/// Batches that may still come after cancelling: those already read.
const AFTER_CANCEL: usize = 16;

/// What a batch may hold.
const BATCH_RECORDS: usize = 65_536;
const BATCH_BYTES: usize = 8 << 20;

/// What a pass over 40 MB may add to the memory of the process, keys for C5 included.
const GROWTH: u64 = 24 << 20;

/// The same for hostile input, whose single records may be large.
const HOSTILE_GROWTH: u64 = 40 << 20;

/// A large source, or a small one where no large one can be.
fn crowd<C: Connector>(trial: &mut Trial<'_>) -> Result<Vec<Act>, (String, String)> {
    let large = trial.acts::<C>(&Situation::Large(Large::USUAL))?;
    if large.is_empty() { trial.acts::<C>(&Situation::Rows(Table::people())) } else { Ok(large) }
}

pub(crate) fn c12<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    if Held::now().is_none() {
        trial.except("any source", "threads and open files are counted on Linux only");
        return Ok(());
    }
    for act in crowd::<C>(trial)? {
        with_runtime(|runtime| {
            // The first time may set up what stays, such as a cache.
            drop_half_way(runtime, &act)?;
            let idle = settle(runtime, None);
            for _ in 0..3 {
                drop_half_way(runtime, &act)?;
            }
            let after = settle(runtime, idle);
            let tasks = runtime.metrics().num_alive_tasks();
            act.expect(tasks == 0, || {
                format!("{tasks} tasks go on after their passes were dropped")
            })?;
            let (Some(idle), Some(after)) = (idle, after) else { return Ok(()) };
            act.expect(after.is_within(idle), || {
                format!(
                    "three passes were dropped half-way; threads: {} before, {} after; open files: {} before, {} after",
                    idle.threads, after.threads, idle.files, after.files
                )
            })
        })?;
    }
    Ok(())
}

pub(crate) fn c14<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    let large = Large::USUAL;
    for act in trial.acts::<C>(&Situation::Large(large))? {
        let read = within(trial, &act, GROWTH)?;
        act.expect(read == large.records, || format!("{read} of {} records came", large.records))?;
    }
    for act in trial.acts::<C>(&Situation::Hostile)? {
        within(trial, &act, HOSTILE_GROWTH)?;
    }
    Ok(())
}

pub(crate) fn c15<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    for first_batches in [0, 1] {
        for act in crowd::<C>(trial)? {
            with_runtime(|runtime| runtime.block_on(cancel_after(&act, first_batches)))?;
        }
    }
    Ok(())
}

/// Opens, reads one batch, drops.
fn drop_half_way(runtime: &Runtime, act: &Act) -> Verdict {
    runtime.block_on(async {
        let opened = patient(act.source.open(&act.scene.context, &Query::default())).await;
        let mut records = opened.map_err(|error| (act.label.clone(), error.to_string()))?;
        patient(records.next()).await.map_err(|error| (act.label.clone(), error.to_string()))?;
        Ok(())
    })
}

/// What the process holds once that is within the limit, or after the grace period. Without a limit: once no task is left and the
/// count no longer falls.
fn settle(runtime: &Runtime, limit: Option<Held>) -> Option<Held> {
    let deadline = Instant::now() + GRACE;
    let mut held = Held::now();
    let mut steady = 0;
    while Instant::now() < deadline {
        runtime.block_on(tokio::task::yield_now());
        std::thread::yield_now();
        let now = Held::now();
        let busy = runtime.metrics().num_alive_tasks() > 0;
        match (limit, now) {
            (Some(limit), Some(now)) if !busy && now.is_within(limit) => return Some(now),
            (None, _) if !busy && now == held => steady += 1,
            _ => steady = 0,
        }
        held = now;
        if steady > 2_000 {
            break;
        }
    }
    held
}

/// Reads everything and gives the number of records; fails if a batch or the memory grows too far.
fn within(trial: &mut Trial<'_>, act: &Act, growth: u64) -> Result<usize, (String, String)> {
    forget_peak();
    let before = Memory::now();
    let pass = measure(&*act.source, &act.scene.context, &Query::default());
    let after = Memory::now();
    act.expect(pass.longest_batch.max(pass.most_rejected) <= BATCH_RECORDS, || {
        let (records, rejected) = (pass.longest_batch, pass.most_rejected);
        format!("a batch held {records} records, one {rejected} rejections; the limit is {BATCH_RECORDS}")
    })?;
    act.expect(pass.largest_batch <= BATCH_BYTES, || {
        format!("a batch held {} bytes; the limit is {BATCH_BYTES}", pass.largest_batch)
    })?;
    match (before, after) {
        (Some(before), Some(after)) => {
            let grown = after.peak.saturating_sub(before.now);
            act.expect(grown <= growth, || {
                format!(
                    "the pass took {} MiB of memory; the limit is {} MiB",
                    grown >> 20,
                    growth >> 20
                )
            })?;
        }
        _ => trial.except("the memory of the process", "it can be told on Linux only"),
    }
    Ok(pass.read)
}

async fn cancel_after(act: &Act, first_batches: usize) -> Verdict {
    let context = &act.scene.context;
    let fail = |error: peoplesync_source::Error| (act.label.clone(), error.to_string());
    let mut records = patient(act.source.open(context, &Query::default())).await.map_err(fail)?;
    for _ in 0..first_batches {
        patient(records.next()).await.map_err(fail)?;
    }
    context.cancel();
    let cancelled = Instant::now();
    for _ in 0..=AFTER_CANCEL {
        let step = patient(records.next()).await;
        let late = cancelled.elapsed();
        act.expect(late < GRACE, || format!("the pass went on for {} seconds", late.as_secs()))?;
        match step {
            Ok(Step::Batch(_)) => {}
            Ok(Step::End(end)) => {
                return act.expect(matches!(end.coverage, Coverage::Partial { .. }), || {
                    format!("the pass was cancelled and ends {:?}", end.coverage)
                });
            }
            Err(error) => {
                return act.expect(error.kind() == ErrorKind::Cancelled, || {
                    format!(
                        "an error of kind Cancelled was expected, not {:?}: {error}",
                        error.kind()
                    )
                });
            }
        }
    }
    act.expect(false, || format!("more than {AFTER_CANCEL} batches came after cancelling"))
}
