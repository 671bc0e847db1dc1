//! What happens to the accounts of people who left, and when nothing may happen.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::candidates::Whom;
use super::fates::Fate;
use super::{Draft, Facts, causes, words};
use crate::observation::Presence;
use crate::survey::{Evidence, Missing};
use crate::{
    Action, AttributeChange, Bookkeeping, Cause, Change, Coverage, LeaverAction, Leavers, Link,
    MemberChanges, Observed, OnDrift, Policy, Rejection, Standing, Warning, Written,
};

const DAY_MS: i64 = 86_400_000;

/// What is to be done about somebody whom nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Nothing,
    /// The grace period begins.
    Begins,
    /// The grace period has not ended.
    Waits,
    /// This, now.
    Due(Action, Evidence),
    /// The account was taken out of use before: is it still?
    Check(Evidence),
}

/// Whether a link whose person was not seen can lead to anything under this policy.
pub(crate) fn matters(deactivated: bool, policy: &Policy) -> bool {
    [policy.leavers.action, policy.leavers.out_of_scope].iter().any(|action| match action {
        LeaverAction::Ignore => false,
        LeaverAction::Deactivate => {
            !deactivated || policy.full || policy.leavers.delete_after_days > 0
        }
        LeaverAction::Unlink | LeaverAction::Delete => true,
    })
}

/// Whether something is to be done now, so that the account must be looked at.
pub(crate) fn is_due(facts: &Facts<'_>, link: &Link) -> bool {
    matches!(verdict(facts, link), Verdict::Due(..) | Verdict::Check(_))
}

pub(super) fn verdict(facts: &Facts<'_>, link: &Link) -> Verdict {
    verdict_under(facts, link, &facts.policy.leavers)
}

/// The verdict if leavers were treated like this.
pub(super) fn verdict_under(facts: &Facts<'_>, link: &Link, leavers: &Leavers) -> Verdict {
    let Some(evidence) = evidence(facts, link) else { return Verdict::Nothing };
    let action = match (policy_of(evidence, leavers), link.standing) {
        (LeaverAction::Ignore, _) => return Verdict::Nothing,
        (LeaverAction::Deactivate, Standing::Deactivated { since }) => {
            let days = leavers.delete_after_days;
            return match days > 0 && has_passed(facts, since, days) {
                true => Verdict::Due(Action::Delete, evidence),
                false if facts.policy.full => Verdict::Check(evidence),
                false => Verdict::Nothing,
            };
        }
        (LeaverAction::Deactivate, Standing::Active) => Action::Deactivate,
        (LeaverAction::Unlink, _) => Action::Unlink,
        (LeaverAction::Delete, _) => Action::Delete,
    };
    // Whoever is deactivated had the grace period before.
    if link.standing != Standing::Active {
        return Verdict::Due(action, evidence);
    }
    match grace(facts, link, leavers) {
        Grace::Begins => Verdict::Begins,
        Grace::Runs => Verdict::Waits,
        Grace::Over => Verdict::Due(action, evidence),
    }
}

fn policy_of(evidence: Evidence, leavers: &Leavers) -> LeaverAction {
    match evidence {
        Evidence::OutOfScope => leavers.out_of_scope,
        Evidence::Absent | Evidence::Removed => leavers.action,
    }
}

/// Where somebody who left stands in the grace period.
enum Grace {
    Begins,
    Runs,
    Over,
}

/// The period counts from the first complete read that lacked the person, whatever was configured at that time.
fn grace(facts: &Facts<'_>, link: &Link, leavers: &Leavers) -> Grace {
    match link.first_missed() {
        _ if leavers.grace_days == 0 => Grace::Over,
        None => Grace::Begins,
        // The clock was wrong when that was noted. Nobody is to wait for years because it was.
        Some(since) if since > facts.policy.now => Grace::Begins,
        Some(since) if has_passed(facts, since, leavers.grace_days) => Grace::Over,
        Some(_) => Grace::Runs,
    }
}

fn has_passed(facts: &Facts<'_>, since: i64, days: u32) -> bool {
    facts.policy.now >= since.saturating_add(i64::from(days) * DAY_MS)
}

/// Why the person is taken to have left; `None` if nothing proves it.
fn evidence(facts: &Facts<'_>, link: &Link) -> Option<Evidence> {
    let survey = facts.survey;
    if survey.pinned.contains(&link.key) || survey.position(&link.key).is_some() {
        return None;
    }
    let said = survey.left.get(&link.key).map(|(_, evidence)| *evidence);
    match survey.coverage {
        Coverage::Complete | Coverage::Mixed { .. } => {
            said.or_else(|| survey.unidentified.is_empty().then_some(Evidence::Absent))
        }
        Coverage::Changes => said,
        Coverage::Partial { .. } => None,
    }
}

/// Notes who was missed and is there again, though nothing is done for them now: their record or their account cannot be used,
/// say, or they wait. The next time that they are missing is the first.
pub(super) fn note_returned(facts: &Facts<'_>, changes: &[Change], notes: &mut Vec<Bookkeeping>) {
    let seen = facts.survey.candidates.iter().map(|candidate| &candidate.key);
    let returned: Vec<&str> = seen
        .chain(&facts.survey.pinned)
        .filter_map(|key| facts.links.get(key))
        .filter(|link| link.standing == Standing::Active && link.absent_since.is_some())
        .map(|link| link.key.as_str())
        .collect();
    if returned.is_empty() {
        return;
    }
    let changed = changes.iter().map(|change| change.key.as_str());
    let known: BTreeSet<String> =
        changed.chain(notes.iter().map(words::key_of)).map(str::to_owned).collect();
    let returned: BTreeSet<&str> =
        returned.into_iter().filter(|key| !known.contains(*key)).collect();
    notes.extend(returned.into_iter().map(|key| Bookkeeping::Present { key: key.to_owned() }));
}

/// Plans everybody who left.
pub(super) fn plan(facts: &Facts<'_>, fates: &[Fate<'_>], draft: &mut Draft) {
    let in_question: BTreeSet<&str> = fates
        .iter()
        .filter_map(|fate| match fate {
            Fate::Rejected { accounts, .. } => Some(accounts),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    let mut waiting = 0;
    for link in facts.links.missing() {
        match verdict(facts, link) {
            Verdict::Nothing => {}
            Verdict::Waits => waiting += 1,
            Verdict::Begins => {
                waiting += 1;
                draft.bookkeeping.push(Bookkeeping::Absent { key: link.key.clone() });
            }
            // Somebody in the source may be the owner under another key; the rejection says so.
            Verdict::Due(..) | Verdict::Check(_) if in_question.contains(link.id.as_str()) => {}
            Verdict::Due(action, evidence) => leaver(facts, link, action, evidence, draft),
            Verdict::Check(evidence) => check(facts, link, evidence, draft),
        }
    }
    if waiting > 0 {
        let people = if waiting == 1 {
            "1 linked person is".to_owned()
        } else {
            format!("{waiting} linked people are")
        };
        let days = words::count(u64::from(facts.policy.leavers.grace_days), "day", "days");
        let message = format!("{people} absent; the grace period of {days} has not passed");
        draft.warnings.push(Warning { key: None, origin: None, message });
    }
    draft.warnings.extend(kept(facts).map(|message| Warning { key: None, origin: None, message }));
}

/// The account of a leaver, if it is there; otherwise the draft has what there is to say.
fn account<'a>(facts: &Facts<'a>, link: &Link, draft: &mut Draft) -> Option<&'a Observed> {
    let unknown = |reason: &str| Rejection {
        origin: facts.policy.source.clone(),
        key: Some(link.key.clone()),
        field: None,
        reason: format!(
            "the person left, and account {} could not be looked up: {reason}",
            link.id
        ),
        resource: facts.survey.managed.resource(),
    };
    match facts.observation.presence(&link.id) {
        None => draft.rejected.push(unknown("the target was not asked")),
        Some(Presence::Unknown(reason)) => draft.rejected.push(unknown(reason)),
        Some(Presence::Gone) => {
            draft.bookkeeping.push(Bookkeeping::Gone { key: link.key.clone() });
        }
        Some(Presence::Found(account)) => return Some(account),
    }
    None
}

fn leaver(facts: &Facts<'_>, link: &Link, action: Action, evidence: Evidence, draft: &mut Draft) {
    let Some(account) = account(facts, link, draft) else { return };
    if action == Action::Deactivate && account.active == Some(false) {
        return draft.bookkeeping.push(Bookkeeping::Inactive { key: link.key.clone() });
    }
    let whom = Whom { key: &link.key, origin: None };
    if account.protected_by().is_some() {
        let what = match action {
            Action::Delete => "it is not deleted",
            Action::Unlink => "its link is kept",
            _ => "it is not deactivated",
        };
        return draft.protected(facts, account, whom, &format!("the person left, but {what}"));
    }
    if account.administrator_by().is_some() && action != Action::Unlink {
        let verb = if action == Action::Delete { "deleted" } else { "deactivated" };
        let what = format!("the person left, but it is not {verb}");
        return draft.administrator(facts, account, whom, &what);
    }
    if let Some(filter) = account.kept_by().and_then(|at| facts.survey.managed.kept().get(at)) {
        let account = words::account(account);
        let message =
            format!("the person left, but account {account} is kept: leavers.unless {filter}");
        return draft.warn(whom, message);
    }
    let was_deactivated = link.standing != Standing::Active;
    let is_in_use_again = was_deactivated && account.active == Some(true);
    if action == Action::Delete && is_in_use_again {
        // Where leavers are taken out of use, so is this one again, and the days until the deletion begin anew.
        if policy_of(evidence, &facts.policy.leavers) == LeaverAction::Deactivate {
            return in_use_again(facts, link, evidence, account, draft);
        }
        let account = words::account(account);
        let message = format!(
            "account {account} was deactivated when the person left, and is in use again at the target; it is not deleted"
        );
        return draft.warn(whom, message);
    }
    let reason = match (action, link.standing) {
        (Action::Delete, Standing::Deactivated { since }) => {
            let days = facts.policy.now.saturating_sub(since) / DAY_MS;
            let since = words::count(days.unsigned_abs(), "day ago", "days ago");
            format!("{}, deactivated {since}", left(facts, evidence))
        }
        _ => left(facts, evidence),
    };
    let cause = causes::of_leaver(facts, link, action, evidence);
    let reason = causes::with_cause(reason, cause);
    draft.changes.push(change(facts, link, action, (reason, cause), account));
}

/// A leaver whose account was taken out of use before, and who may have come back into use at the target.
fn check(facts: &Facts<'_>, link: &Link, evidence: Evidence, draft: &mut Draft) {
    let Some(account) = account(facts, link, draft) else { return };
    let is_left_alone = account.protected_by().is_some()
        || account.administrator_by().is_some()
        || account.kept_by().is_some();
    if account.active == Some(true) && !is_left_alone {
        in_use_again(facts, link, evidence, account, draft);
    }
}

/// Somebody at the target took the account of a leaver into use again. That is drift, which waits for the end of the grace
/// period: one that was configured after the deactivation holds for them too.
fn in_use_again(
    facts: &Facts<'_>,
    link: &Link,
    evidence: Evidence,
    account: &Observed,
    draft: &mut Draft,
) {
    let managed = &facts.survey.managed;
    let mut warn = |until: &str| {
        let account = words::account(account);
        let message = format!(
            "the person left, and account {account} was taken into use again at the target; it stays so{until}"
        );
        draft.warn(Whom { key: &link.key, origin: None }, message);
    };
    match managed.on_drift(managed.active().0) {
        OnDrift::Leave => return,
        OnDrift::Report => return warn(""),
        OnDrift::Correct => {}
    }
    let leavers = &facts.policy.leavers;
    let grace = grace(facts, link, leavers);
    if !matches!(grace, Grace::Over) {
        let days = words::count(u64::from(leavers.grace_days), "day", "days");
        warn(&format!(" until the grace period of {days} has passed"));
        if matches!(grace, Grace::Begins) {
            draft.bookkeeping.push(Bookkeeping::Absent { key: link.key.clone() });
        }
        return;
    }
    let left = left(facts, evidence);
    let reason = format!("{left}; the account was taken into use again at the target");
    let why = (reason, Cause::Drift);
    draft.changes.push(change(facts, link, Action::Deactivate, why, account));
}

fn change(
    facts: &Facts<'_>,
    link: &Link,
    action: Action,
    (reason, cause): (String, Cause),
    account: &Observed,
) -> Change {
    Change {
        action,
        resource: facts.survey.managed.resource(),
        key: link.key.clone(),
        id: Some(link.id.clone()),
        name: account.name.clone(),
        origin: None,
        reason,
        cause,
        attributes: attributes(facts, action, account),
        members: MemberChanges::default(),
        digest: None,
        written: Written::default(),
    }
}

fn attributes(facts: &Facts<'_>, action: Action, account: &Observed) -> Vec<AttributeChange> {
    if action != Action::Deactivate {
        return Vec::new();
    }
    vec![AttributeChange {
        path: facts.survey.managed.active().0.clone(),
        before: account.active.map(Json::Bool),
        after: Some(Json::Bool(false)),
        reference: None,
        new_element: false,
        redact: false,
        drift: false,
    }]
}

fn left(facts: &Facts<'_>, evidence: Evidence) -> String {
    match evidence {
        Evidence::Absent => format!("no longer in {}", facts.policy.source),
        Evidence::Removed => format!("removed from {}", facts.policy.source),
        Evidence::OutOfScope => "no longer in scope".to_owned(),
    }
}

/// Why leavers are kept, if any are.
fn kept(facts: &Facts<'_>) -> Option<String> {
    let survey = facts.survey;
    let in_use =
        survey.missing.iter().copied().filter(|missing| !missing.deactivated && !missing.shared);
    let (with_word, without_word): (Vec<Missing>, Vec<Missing>) =
        in_use.partition(|missing| missing.left);
    let (with_word, without_word) = (with_word.len() as u64, without_word.len() as u64);
    let linked = |number| words::count(number, "linked person", "linked people");
    let is_or_are = |number| if number == 1 { "is" } else { "are" };
    let everybody = with_word + without_word;
    let leavers = &facts.policy.leavers;
    let is_ignored = |action| action == LeaverAction::Ignore;
    if let Coverage::Mixed { reason, held, new } = &survey.coverage {
        let waits = match new {
            0 => String::new(),
            1 => ", 1 new person waits".to_owned(),
            new => format!(", {new} new people wait"),
        };
        let kept = format!("{} {} left as they are{waits}", linked(*held), is_or_are(*held));
        return Some(format!("{kept}: {reason}"));
    }
    match &survey.coverage {
        Coverage::Partial { reason } if everybody > 0 => Some(format!(
            "{} not seen in scope {} kept, as only a part was read: {reason}",
            linked(everybody),
            is_or_are(everybody)
        )),
        Coverage::Complete if is_ignored(leavers.action) || is_ignored(leavers.out_of_scope) => {
            let left = if is_ignored(leavers.action) { without_word } else { 0 };
            let out = if is_ignored(leavers.out_of_scope) { with_word } else { 0 };
            let ignored = left + out;
            (ignored > 0)
                .then(|| format!("{} left and {} ignored", linked(ignored), is_or_are(ignored)))
        }
        Coverage::Complete if !survey.unidentified.is_empty() && without_word > 0 => {
            let records = survey.unidentified.len() as u64;
            let records = words::count(records, "rejected record", "rejected records");
            Some(format!(
                "{} not in {} {} kept, as {records} may be theirs: {}",
                linked(without_word),
                facts.policy.source,
                is_or_are(without_word),
                words::list(survey.unidentified.iter().cloned())
            ))
        }
        _ => None,
    }
}
