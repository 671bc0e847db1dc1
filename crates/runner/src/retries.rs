//! When somebody is tried again whose write the target refused: after growing pauses, and not for ever. Whoever has another
//! record since is tried at once.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_reconcile::{Bookkeeping, Change, Plan, Tried};
use peoplesync_scim::Resource;
use peoplesync_state::{Retry, State};

use crate::clock::readable;
use crate::config::model::RetriesTable;
use crate::execute::{Ended, Sent};
use crate::failure::Outcome;

const HOUR: i64 = 3_600_000;

/// Those who wait at this moment, by whom they are.
type Waiting<'a> = BTreeMap<(Resource, &'a str), &'a Retry>;

/// Who was tried before, for a plan. `holds_back`: who has to wait is left out of it.
pub(crate) fn tried(
    state: &State,
    now: i64,
    holds_back: bool,
) -> Outcome<BTreeMap<(Resource, String), Tried>> {
    let tried = state.retries()?.into_iter().map(|retry| {
        let waits = holds_back && retry.next.is_none_or(|next| next > now);
        let waits = waits.then(|| words(&retry));
        ((retry.resource, retry.key), Tried { digest: retry.digest, waits })
    });
    Ok(tried.collect())
}

fn words(retry: &Retry) -> String {
    let times = match retry.failures {
        1 => "once".to_owned(),
        failures => format!("{failures} times"),
    };
    let next = match retry.next {
        Some(next) => format!("the next try is at {}", readable(next)),
        None => "it is not tried again until the record changes or `peoplesync resume`".to_owned(),
    };
    format!("failed {times}, last with: {}; {next}", retry.error)
}

/// Keeps who failed in an apply, and forgets who did not. `in_full`: whether the state may keep values of people.
pub(crate) fn keep(
    state: &mut State,
    plan: &Plan,
    sent: &[Sent],
    table: &RetriesTable,
    in_full: bool,
    now: i64,
) -> Outcome<()> {
    let known = state.retries()?;
    let known: Waiting<'_> =
        known.iter().map(|retry| ((retry.resource, retry.key.as_str()), retry)).collect();
    let mut failed = Vec::new();
    let mut settled = Vec::new();
    for (change, sent) in plan.changes.iter().zip(sent) {
        let who = (change.resource, change.key.as_str());
        match sent.ended {
            Ended::Done if known.contains_key(&who) => settled.push(who),
            Ended::Failed if is_of_the_person(sent.status) => {
                let before = known.get(&who).filter(|retry| retry.digest == change.digest);
                failed.push(next(change, sent, before.copied(), table, in_full, now));
            }
            Ended::Done | Ended::Failed | Ended::Skipped => {}
        }
    }
    Ok(state.keep_retries(&failed, &settled)?)
}

/// Forgets who waits and needs nothing any more, by a plan that is no part: their account is as wanted after all, or they were
/// never linked and are gone.
pub(crate) fn forget_over(state: &mut State, plan: &Plan) -> Outcome<()> {
    let known = state.retries()?;
    if known.is_empty() {
        return Ok(());
    }
    let notes = [(Resource::User, &plan.bookkeeping), (Resource::Group, &plan.group_bookkeeping)];
    let same: BTreeSet<(Resource, &str)> = notes
        .into_iter()
        .flat_map(|(resource, notes)| notes.iter().map(move |note| (resource, note)))
        .filter_map(|(resource, note)| match note {
            Bookkeeping::Same { key, .. } => Some((resource, key.as_str())),
            _ => None,
        })
        .collect();
    // Whoever is told of may have been left out, or could not be looked at.
    let changed = plan.changes.iter().map(|change| change.key.as_str());
    let told = plan.warnings.iter().filter_map(|warning| warning.key.as_deref());
    let rejected = plan.rejected.iter().filter_map(|rejection| rejection.key.as_deref());
    let named: BTreeSet<&str> = changed.chain(told).chain(rejected).collect();
    let may_be_anybody = plan.rejected.iter().any(|rejection| rejection.key.is_none());
    let is_complete = |resource| {
        let coverage = match resource {
            Resource::User => Some(plan.coverage.as_str()),
            Resource::Group => plan.groups_coverage.as_deref(),
        };
        coverage == Some("complete") && !may_be_anybody
    };
    let is_over = |(resource, key): &(Resource, &str)| {
        same.contains(&(*resource, *key)) || is_complete(*resource) && !named.contains(key)
    };
    let known = known.iter().map(|retry| (retry.resource, retry.key.as_str()));
    Ok(state.keep_retries(&[], &known.filter(is_over).collect::<Vec<_>>())?)
}

/// Whether the answer is about this change. That the target is away or busy, refuses the credentials, or has another account than
/// the plan was made for, is not: the next run sends it again, or plans anew.
fn is_of_the_person(status: Option<u16>) -> bool {
    let is_other = |status| matches!(status, 401 | 404 | 408 | 412 | 425 | 429);
    status.is_some_and(|status| (400..500).contains(&status) && !is_other(status))
}

fn next(
    change: &Change,
    sent: &Sent,
    before: Option<&Retry>,
    table: &RetriesTable,
    in_full: bool,
    now: i64,
) -> Retry {
    let failures = before.map_or(0, |before| before.failures) + 1;
    let since = before.map_or(now, |before| before.since);
    let place = usize::try_from(failures - 1).unwrap_or(usize::MAX);
    let hours = table.after_hours.get(place).or(table.after_hours.last()).copied().unwrap_or(24);
    let is_over = now - since >= i64::from(table.give_up_days) * 24 * HOUR;
    Retry {
        resource: change.resource,
        key: change.key.clone(),
        digest: change.digest,
        failures,
        since,
        last: now,
        next: (!is_over).then(|| now + i64::from(hours) * HOUR),
        error: sent.kept_error(change, in_full).unwrap_or_else(|| "no reason was given".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use peoplesync_reconcile::{Action, Cause, Digest, MemberChanges, Summary, Written};
    use peoplesync_state::Access;

    use super::*;

    fn state() -> State {
        let access = Access::Write { who: "a test".to_owned(), now: 0 };
        State::open(Path::new(":memory:"), access, || [7; 32]).unwrap()
    }

    fn plan(digest: i64) -> Plan {
        let change = Change {
            action: Action::Create,
            resource: Resource::User,
            key: "7".to_owned(),
            id: None,
            name: "zoe".to_owned(),
            origin: Some("people.csv:2".to_owned()),
            reason: "no account yet".to_owned(),
            cause: Cause::Source,
            attributes: Vec::new(),
            members: MemberChanges::default(),
            digest: Some(Digest(digest)),
            written: Written::default(),
        };
        let plan = Plan {
            plan: String::new(),
            coverage: "complete".to_owned(),
            groups_coverage: None,
            summary: Summary { create: 1, ..Summary::default() },
            refused: Vec::new(),
            changes: vec![change],
            rejected: Vec::new(),
            warnings: Vec::new(),
            bookkeeping: Vec::new(),
            group_bookkeeping: Vec::new(),
        };
        plan.seal()
    }

    /// Whether a change with this digest has to wait.
    fn waits(state: &State, digest: i64, now: i64) -> bool {
        let tried = tried(state, now, true).unwrap();
        tried.values().any(|tried| tried.digest == Some(Digest(digest)) && tried.waits.is_some())
    }

    fn answer(status: Option<u16>) -> Sent {
        let error = Some("taken".to_owned());
        Sent { ended: Ended::Failed, status, error, id: None, request: None }
    }

    #[test]
    fn pauses_grow_until_it_is_given_up() {
        let (mut state, plan) = (state(), plan(1));
        let table = RetriesTable { after_hours: vec![6, 12, 24], give_up_days: 28 };
        let mut now = 0;
        let mut pauses = Vec::new();
        loop {
            assert!(!waits(&state, 1, now), "at {now}");
            keep(&mut state, &plan, &[answer(Some(409))], &table, true, now).unwrap();
            let retry = state.retries().unwrap().remove(0);
            let Some(next) = retry.next else { break };
            assert!(waits(&state, 1, next - 1));
            pauses.push((next - now) / HOUR);
            now = next;
        }
        assert_eq!(pauses.get(..4), Some([6, 12, 24, 24].as_slice()));
        assert_eq!(now / HOUR / 24, 28);
        assert!(waits(&state, 1, i64::MAX), "it is given up");
        assert_eq!(state.resume(Some("7")).unwrap(), 1);
    }

    #[test]
    fn another_record_is_tried_at_once_and_begins_anew() {
        let mut state = state();
        let table = RetriesTable { after_hours: vec![6], give_up_days: 28 };
        keep(&mut state, &plan(1), &[answer(Some(400))], &table, true, 0).unwrap();
        assert_eq!([waits(&state, 1, 1), waits(&state, 2, 1)], [true, false]);
        keep(&mut state, &plan(2), &[answer(Some(400))], &table, true, 1).unwrap();
        assert_eq!(state.retries().unwrap()[0].failures, 1);
        keep(&mut state, &plan(2), &[Sent { ended: Ended::Done, ..answer(None) }], &table, true, 2)
            .unwrap();
        assert_eq!(state.retries().unwrap(), []);
    }

    #[test]
    fn what_is_about_the_run_makes_nobody_wait() {
        let mut state = state();
        let table = RetriesTable { after_hours: vec![6], give_up_days: 28 };
        for status in [None, Some(401), Some(404), Some(412), Some(429), Some(500), Some(503)] {
            keep(&mut state, &plan(1), &[answer(status)], &table, true, 0).unwrap();
        }
        assert_eq!(state.retries().unwrap(), []);
    }
}
