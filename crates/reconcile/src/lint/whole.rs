//! What must hold for a plan as a whole.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_scim::Resource;

use super::Findings;
use crate::{Action, Bookkeeping, Change, Plan};

pub(super) fn check(plan: &Plan, findings: &mut Findings) {
    if !plan.verify_hash() {
        findings.add("hash", "plan", "the content is not what the hash names");
    }
    for coverage in plan.groups_coverage.iter().chain([&plan.coverage]) {
        if !["complete", "mixed", "partial", "changes"].contains(&coverage.as_str()) {
            findings.add("coverage", "plan", format!("`{coverage}` is no coverage"));
        }
    }
    order(plan, findings);
    once(plan, findings);
    rejected(plan, findings);
    bookkeeping(plan, Resource::User, &plan.bookkeeping, &plan.coverage, findings);
    let groups_coverage = plan.groups_coverage.as_deref().unwrap_or("partial");
    bookkeeping(plan, Resource::Group, &plan.group_bookkeeping, groups_coverage, findings);
    summary(plan, findings);
}

fn order(plan: &Plan, findings: &mut Findings) {
    for pair in plan.changes.windows(2) {
        if let [before, after] = pair
            && (before.resource, before.action, &before.key)
                > (after.resource, after.action, &after.key)
        {
            findings.on(
                "order",
                after,
                format!("stands after {:?} of {}", before.action, before.key),
            );
        }
    }
}

/// One change a person and one an account.
fn once(plan: &Plan, findings: &mut Findings) {
    let mut keys = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for change in &plan.changes {
        if let Some(other) = keys.insert((change.resource, &change.key), change) {
            findings.on("one change a key", change, format!("there is also {:?}", other.action));
        }
        let Some(id) = &change.id else { continue };
        if let Some(other) = ids.insert((change.resource, id), change) {
            let message = format!("account {id} is also in {:?} of {}", other.action, other.key);
            findings.on("one change an account", change, message);
        }
    }
}

/// Whoever was rejected is left alone.
fn rejected(plan: &Plan, findings: &mut Findings) {
    let rejected: BTreeSet<(Resource, &str)> = plan
        .rejected
        .iter()
        .filter_map(|rejection| Some((rejection.resource, rejection.key.as_deref()?)))
        .collect();
    let is_rejected = |change: &&Change| rejected.contains(&(change.resource, change.key.as_str()));
    for change in plan.changes.iter().filter(is_rejected) {
        findings.on("rejected people are left alone", change, "the person was rejected");
    }
}

fn bookkeeping(
    plan: &Plan,
    resource: Resource,
    notes: &[Bookkeeping],
    coverage: &str,
    findings: &mut Findings,
) {
    let changes = plan.changes.iter().filter(|change| change.resource == resource);
    let changed: BTreeSet<&str> = changes.map(|change| change.key.as_str()).collect();
    let mut noted = BTreeSet::new();
    for note in notes {
        let (key, is_leaver) = match note {
            Bookkeeping::Same { key, .. } | Bookkeeping::Present { key } => (key.as_str(), false),
            Bookkeeping::Absent { key }
            | Bookkeeping::Inactive { key }
            | Bookkeeping::Gone { key } => (key.as_str(), true),
        };
        let place = || format!("note on {key}");
        if changed.contains(key) {
            findings.add("notes need no request", place(), "there is a change for the same key");
        }
        if !noted.insert(key) {
            findings.add("one note a key", place(), "there are two");
        }
        if is_leaver && coverage == "partial" {
            let message = "a partial read proves nobody absent";
            findings.add("nobody leaves on a guess", place(), message);
        }
    }
}

fn summary(plan: &Plan, findings: &mut Findings) {
    let count_of = |resource, action| {
        let is_counted = |change: &&Change| change.resource == resource && change.action == action;
        plan.changes.iter().filter(is_counted).count()
    };
    let rejected =
        |resource| plan.rejected.iter().filter(|rejection| rejection.resource == resource).count();
    let count = |action| count_of(Resource::User, action);
    let groups = |action| count_of(Resource::Group, action);
    let summary = &plan.summary;
    let numbers = [
        ("create", summary.create, count(Action::Create)),
        ("adopt", summary.adopt, count(Action::Adopt)),
        ("update", summary.update, count(Action::Update)),
        ("reactivate", summary.reactivate, count(Action::Reactivate)),
        ("deactivate", summary.deactivate, count(Action::Deactivate)),
        ("delete", summary.delete, count(Action::Delete)),
        ("unlink", summary.unlink, count(Action::Unlink)),
        ("rejected", summary.rejected, rejected(Resource::User)),
        ("groups.create", summary.groups.create, groups(Action::Create)),
        ("groups.adopt", summary.groups.adopt, groups(Action::Adopt)),
        ("groups.update", summary.groups.update, groups(Action::Update)),
        ("groups.delete", summary.groups.delete, groups(Action::Delete)),
        ("groups.unlink", summary.groups.unlink, groups(Action::Unlink)),
        ("groups.rejected", summary.groups.rejected, rejected(Resource::Group)),
    ];
    for (name, said, found) in numbers {
        if said != found as u64 {
            findings.add("summary", "plan", format!("{name} is {said}, but there are {found}"));
        }
    }
}
