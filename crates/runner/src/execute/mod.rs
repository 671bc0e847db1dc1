//! Applies a plan: journal, request, outcome, link. Everything was decided by the plan.
//!
//! Order: creates, adoptions, updates and reactivations side by side; then what met a conflict once more, as people
//! may swap a name or take one that is given up; then groups and their members; then whoever leaves, and groups that go; then references to accounts that were created just now;
//! then members whom a full group can only take later.

mod ahead;
mod create;
mod filler;
mod full;
mod groups;
mod journal;
mod lessons;
mod lookup;
mod partly;
pub(crate) mod recover;
mod references;
mod removal;
mod requests;
mod send;
mod sent;
mod settle;
mod trial;
mod undone;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use peoplesync_reconcile::{Action, Change, Digest, Fingerprint, Kept, Link, Links, Managed, Plan};
use peoplesync_scim::Resource;
use peoplesync_scim::client::Client;
use peoplesync_scim::schema::SchemaSet;
use peoplesync_source::Clock;
use peoplesync_state::{KeptNote, RunId, State};

use crate::failure::{Failure, Outcome};
use crate::report::progress::Progress;
use ahead::side_by_side;
pub(crate) use groups::GroupTools;
use journal::Journal;
pub(crate) use sent::{Ended, Sent};

/// What an apply needs beside the plan.
pub(crate) struct Tools {
    pub(crate) client: Client,
    pub(crate) schemas: Arc<SchemaSet>,
    /// The attributes by which a lost create is found again.
    pub(crate) match_by: Vec<peoplesync_scim::Path>,
    /// What groups need, if there are any.
    pub(crate) groups: Option<GroupTools>,
    /// The attributes that are managed, and what of them the target is known to keep otherwise.
    pub(crate) managed: Arc<Managed>,
    pub(crate) kept: Kept,
    pub(crate) fingerprint: Box<dyn Fn(&str) -> Fingerprint + Send + Sync>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The version of each person's account that is changed, by its id, where a write is to be refused that comes too late.
    pub(crate) versions: BTreeMap<String, String>,
    /// Whether each account is read after it was written.
    pub(crate) verify: bool,
    /// Whether history keeps values in full.
    pub(crate) full_history: bool,
    /// Set when the user wants to stop: what is under way ends, nothing more is sent.
    pub(crate) stop: Arc<AtomicBool>,
    /// Whether everything happens on one thread, so that a seed decides the order.
    pub(crate) simulated: bool,
}

/// What came of a plan.
pub(crate) struct Applied {
    /// One for each change, in the plan's order.
    pub(crate) sent: Vec<Sent>,
    /// What the target was seen to keep otherwise than it was written.
    pub(crate) lessons: Vec<KeptNote>,
    /// The groups whose members the target did not change although it answered with success.
    pub(crate) lessons_of_groups: Vec<KeptNote>,
    /// Why the apply ended before its time.
    pub(crate) stopped: Option<Failure>,
    /// Why the target was no longer sent many changes at once, if so.
    pub(crate) singly: Option<String>,
    /// Whether the target cannot do what it says of itself.
    pub(crate) contradicts: bool,
    /// What the profile does not say of the target, and was found out.
    pub(crate) advice: Option<&'static str>,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Applies a plan and gives the state back.
///
/// Everything is sent from this thread, by connections of its own: a request costs far more where its connection belongs to
/// another thread, which must be woken for each part of it.
pub(crate) async fn apply(
    plan: &Plan,
    links: &Links,
    tools: Tools,
    state: State,
    run: RunId,
    progress: &Progress,
) -> Outcome<(Applied, State)> {
    if tools.simulated {
        return send_all(plan, links, tools, state, run, progress).await;
    }
    tools.client.reconnect()?;
    tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::unexpected("cannot start sending", &error))?;
        runtime.block_on(send_all(plan, links, tools, state, run, progress))
    })
}

async fn send_all(
    plan: &Plan,
    links: &Links,
    tools: Tools,
    state: State,
    run: RunId,
    progress: &Progress,
) -> Outcome<(Applied, State)> {
    let journal = Journal::start(state, run, used_limits(&tools), tools.simulated);
    let sender = send::Sender::new(plan, links, tools, journal.recorder());
    let mut results: Vec<Option<Sent>> = plan.changes.iter().map(|_| None).collect();

    let leaves = |index: &usize| {
        matches!(plan.changes[*index].action, Action::Deactivate | Action::Delete | Action::Unlink)
    };
    let is_group = |index: &usize| plan.changes[*index].resource == Resource::Group;
    let (groups, people): (Vec<usize>, Vec<usize>) = (0..plan.changes.len()).partition(is_group);
    let (last, first): (Vec<usize>, Vec<usize>) = people.into_iter().partition(leaves);

    pass(&sender, first, &mut results, progress).await;
    let again: Vec<usize> = (0..results.len())
        .filter(|index| results[*index].as_ref().is_some_and(Sent::is_conflict))
        .collect();
    progress.more(again.len());
    pass(&sender, again, &mut results, progress).await;

    let (empty, filled): (Vec<usize>, Vec<usize>) = groups.into_iter().partition(leaves);
    let full = groups_pass(&sender, filled, &mut results, progress).await;

    pass(&sender, last, &mut results, progress).await;

    pass(&sender, empty, &mut results, progress).await;

    let waiting = sender.waiting(&results);
    let mut written: Vec<(usize, Sent)> = Vec::with_capacity(waiting.len());
    progress.next("writing references", waiting.len());
    {
        let (sender, results) = (&sender, &*results);
        let intent = |index| sender.reference_intent(index, results);
        let work =
            async |index, is_written| (index, sender.references(index, is_written, results).await);
        let done = |sent| {
            written.push(sent);
            progress.step();
        };
        side_by_side(sender, waiting, intent, work, done).await;
    }
    for (index, sent) in written {
        results[index] = Some(sent);
    }

    full::fill_later(&sender, full, &mut results, progress).await;

    let stopped = sender.stopped();
    let (lessons, lessons_of_groups) = (sender.lessons(), sender.lessons_of_groups());
    let singly = sender.tools.client.bulk_ended();
    let contradicts =
        singly.is_some() || is_set(&sender.without_patch) || is_set(&sender.members_without_patch);
    let advice = sender.removal.lock().await.advice();
    drop(sender);
    let (state, broken) = journal.finish().await;
    let stopped = match broken {
        Some(error) => Some(Failure::from(error).about("the state can no longer be written")),
        None => stopped,
    };
    let sent = results.into_iter().map(|sent| sent.unwrap_or_else(Sent::skipped)).collect();
    let applied =
        Applied { sent, lessons, lessons_of_groups, stopped, singly, contradicts, advice };
    Ok((applied, state))
}

/// What is kept of the limits of a target that outlive a process.
fn used_limits(tools: &Tools) -> journal::UsedLimits {
    let (client, clock) = (tools.client.clone(), Arc::clone(&tools.clock));
    Box::new(move || {
        let now = clock.now().0;
        let until = |left: std::time::Duration| {
            now.saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX))
        };
        client.used().into_iter().map(|(name, left)| (name, until(left))).collect()
    })
}

/// Sends these changes side by side.
async fn pass(
    sender: &send::Sender<'_>,
    indexes: Vec<usize>,
    results: &mut [Option<Sent>],
    progress: &Progress,
) {
    let intent = |index| sender.first_intent(index);
    let work = async |index, is_written| (index, sender.change(index, is_written).await);
    let done = |(index, sent): (usize, Sent)| {
        results[index] = Some(sent);
        progress.step();
    };
    side_by_side(sender, indexes, intent, work, done).await;
}

/// Writes groups: first so that all of them exist, then their members. What met a conflict is tried once more, as groups may swap
/// a name. Gives those that are full for now.
async fn groups_pass(
    sender: &send::Sender<'_>,
    indexes: Vec<usize>,
    results: &mut [Option<Sent>],
    progress: &Progress,
) -> Vec<(usize, filler::Full)> {
    let is_conflict = |results: &[Option<Sent>], index: &usize| {
        results[*index].as_ref().is_some_and(Sent::is_conflict)
    };
    let at_once = sender.tools.client.at_once();
    let mut open = indexes;
    for attempt in 0..2 {
        progress.more(attempt * open.len());
        let written: Vec<(usize, Sent)> = {
            let results = &*results;
            futures_util::stream::iter(open.iter().copied())
                .map(|index| async move { (index, sender.group(index, results).await) })
                .buffer_unordered(at_once)
                .inspect(|_| progress.step())
                .collect()
                .await
        };
        for (index, sent) in written {
            results[index] = Some(sent);
        }
        open.retain(|index| is_conflict(results, index));
    }
    let filling = sender.filling(results);
    progress.more(filling.len());
    let filled: Vec<_> = {
        let results = &*results;
        futures_util::stream::iter(filling)
            .map(|index| async move { (index, sender.fill(index, None, results).await) })
            .buffer_unordered(at_once)
            .inspect(|_| progress.step())
            .collect()
            .await
    };
    let mut full = Vec::new();
    for (index, filled) in filled {
        match filled {
            Ok(sent) => results[index] = Some(sent),
            Err(left) => full.push((index, left)),
        }
    }
    full
}

/// Whether the user asked to stop.
fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Acquire)
}

/// The link that a change leaves behind.
fn link(change: &Change, id: &str, digest: Option<Digest>, created: bool) -> Link {
    Link {
        key: change.key.clone(),
        id: id.to_owned(),
        written: digest.map(|_| change.written.clone()).unwrap_or_default(),
        digest: digest.unwrap_or(Digest::UNKNOWN),
        standing: peoplesync_reconcile::Standing::Active,
        absent_since: None,
        created,
    }
}
