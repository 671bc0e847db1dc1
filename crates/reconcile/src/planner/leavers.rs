//! What happens to the accounts of people who left, and when nothing may happen.

use super::Facts;
use crate::survey::Evidence;
use crate::{Action, Coverage, LeaverAction, Link, Policy, Standing};

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
}

/// Whether a link whose person was not seen can lead to anything under this policy.
pub(crate) fn matters(deactivated: bool, policy: &Policy) -> bool {
    match policy.leavers.action {
        LeaverAction::Ignore => false,
        LeaverAction::Deactivate => !deactivated || policy.leavers.delete_after_days > 0,
        LeaverAction::Unlink | LeaverAction::Delete => true,
    }
}

/// Whether something is to be done now, so that the account must be looked at.
pub(crate) fn is_due(facts: &Facts<'_>, link: &Link) -> bool {
    matches!(verdict(facts, link), Verdict::Due(..))
}

pub(super) fn verdict(facts: &Facts<'_>, link: &Link) -> Verdict {
    let Some(evidence) = evidence(facts, link) else { return Verdict::Nothing };
    let leavers = &facts.policy.leavers;
    let passed =
        |since: i64, days: u32| facts.policy.now >= since.saturating_add(i64::from(days) * DAY_MS);
    let action = match (leavers.action, link.standing) {
        (LeaverAction::Ignore, _) => return Verdict::Nothing,
        (LeaverAction::Deactivate, Standing::Deactivated { since }) => {
            let days = leavers.delete_after_days;
            let is_due = days > 0 && passed(since, days);
            return if is_due { Verdict::Due(Action::Delete, evidence) } else { Verdict::Nothing };
        }
        (LeaverAction::Deactivate, Standing::Active) => Action::Deactivate,
        (LeaverAction::Unlink, _) => Action::Unlink,
        (LeaverAction::Delete, _) => Action::Delete,
    };
    // Whoever is deactivated had the grace period before.
    match link.absent_since {
        _ if leavers.grace_days == 0 || link.standing != Standing::Active => {}
        None => return Verdict::Begins,
        Some(since) if passed(since, leavers.grace_days) => {}
        Some(_) => return Verdict::Waits,
    }
    Verdict::Due(action, evidence)
}

/// Why the person is taken to have left; `None` if nothing proves it.
fn evidence(facts: &Facts<'_>, link: &Link) -> Option<Evidence> {
    let survey = facts.survey;
    if survey.pinned.contains(&link.key) || survey.position(&link.key).is_some() {
        return None;
    }
    let said = survey.left.get(&link.key).map(|(_, evidence)| *evidence);
    match survey.coverage {
        Coverage::Complete => {
            said.or_else(|| survey.unidentified.is_empty().then_some(Evidence::Absent))
        }
        Coverage::Changes => said,
        Coverage::Partial { .. } => None,
    }
}
