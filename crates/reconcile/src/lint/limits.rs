//! Whether a plan that exceeds a guard says that it is refused. Counted anew.

use peoplesync_scim::Resource;

use super::{Findings, Limits};
use crate::{Action, Cause, Change, Limit, Plan};

pub(super) fn check(plan: &Plan, limits: Limits<'_>, changes: &[&Change], findings: &mut Findings) {
    let Limits { policy, linked } = limits;
    let mut leavers = 0;
    let mut creates = 0;
    let mut by_config = 0;
    let mut all = 0;
    for change in changes {
        let is_new = policy.tried(change).is_none();
        match change.action {
            Action::Deactivate | Action::Delete | Action::Unlink => leavers += 1,
            Action::Create => creates += u64::from(is_new),
            Action::Adopt | Action::Update | Action::Reactivate => {}
        }
        by_config += u64::from(change.cause == Cause::Config);
        let of_members = change.action == Action::Update && change.attributes.is_empty();
        all += u64::from(is_new && (change.resource == Resource::User || !of_members));
    }
    let has_others = plan.changes.len() > changes.len();
    let guards = &policy.guards;
    let always = [("max_leavers", guards.max_leavers, leavers)];
    let later = [
        ("max_changes", guards.max_changes, all),
        ("max_creates", guards.max_creates, creates),
        ("max_config_changes", guards.max_config_changes, by_config),
    ];
    let is_first = policy.first_load || linked == 0;
    let later = later.into_iter().filter(|_| !is_first);
    for (guard, limit, found) in always.into_iter().chain(later) {
        let says_so = plan.refused.iter().any(|refusal| refusal.guard == guard);
        // All of them hold for people and for groups, counted apart; and the first for accounts that are taken over.
        let may_be_for_others = says_so && (guard == "max_leavers" || has_others);
        if exceeds(found, limit, linked) != says_so && !may_be_for_others {
            let is = if says_so { "is" } else { "is not" };
            let message = format!("{found} were found, and the plan {is} refused by {guard}");
            findings.add("guards refuse what exceeds them", "plan", message);
        }
    }
}

fn exceeds(found: u64, limit: Limit, linked: u64) -> bool {
    match limit {
        Limit::Count(count) => found > count,
        Limit::Percent(percent) => {
            found > 5 && (linked == 0 || found as f64 / linked as f64 > percent / 100.0 + 1e-9)
        }
    }
}
