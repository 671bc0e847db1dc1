//! What must hold for the members of groups.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_scim::Resource;

use super::{ByKey, Findings};
use crate::{Action, Change, Member, Plan};

pub(super) fn check(plan: &Plan, by_key: &ByKey<'_>, findings: &mut Findings) {
    let rejected: BTreeSet<(Resource, &str)> = plan
        .rejected
        .iter()
        .filter_map(|rejection| Some((rejection.resource, rejection.key.as_deref()?)))
        .collect();
    for change in plan.changes.iter().filter(|change| !change.members.is_empty()) {
        let takes_members =
            matches!(change.action, Action::Create | Action::Adopt | Action::Update);
        if change.resource != Resource::Group || !takes_members {
            findings.on("members belong to groups", change, "it has members");
        }
        if change.action == Action::Create && !change.members.remove.is_empty() {
            findings.on("members belong to groups", change, "a new group has nobody to remove");
        }
        once(change, findings);
        for member in &change.members.add {
            added(change, member, by_key, findings);
        }
        for member in &change.members.remove {
            removed(plan, change, member, &rejected, findings);
        }
    }
}

/// Nobody stands twice, and nobody is added and removed.
fn once(change: &Change, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    let members = change.members.add.iter().map(|member| ("added", member));
    let removed = change.members.remove.iter().map(|member| ("removed", member));
    for (what, member) in members.chain(removed) {
        let name = (member.resource, member.key.as_deref(), member.id.as_deref());
        if let Some(before) = seen.insert(name, what) {
            let message = format!("{} is {before} and {what}", member.label());
            findings.on("one change a member", change, message);
        }
    }
    let mut ids = BTreeSet::new();
    let all = change.members.add.iter().chain(&change.members.remove);
    for id in all.filter_map(|member| member.id.as_deref()) {
        if !ids.insert(id) {
            findings.on("one change a member", change, format!("account {id} stands twice"));
        }
    }
}

/// Whoever is added is known, and has an account when it is written.
fn added(change: &Change, member: &Member, by_key: &ByKey<'_>, findings: &mut Findings) {
    let rule = "members have accounts";
    let Some(key) = member.key.as_deref() else {
        return findings.on(rule, change, format!("{} has no key", member.label()));
    };
    let own = by_key.get(&(member.resource, key));
    match own.map(|own| (own.action, &own.id)) {
        Some((Action::Delete | Action::Unlink, _)) => {
            findings.on(rule, change, format!("the account of {key} goes"));
        }
        Some((Action::Create | Action::Adopt, _)) if member.id.is_none() => {}
        _ if member.id.is_none() => {
            findings.on(rule, change, format!("{key} has no account"));
        }
        Some((_, id)) if *id != member.id => {
            let id = id.as_deref().unwrap_or("not known yet");
            findings.on(rule, change, format!("the account of {key} is {id}, not another"));
        }
        _ => {}
    }
    if member.resource == Resource::Group && key == change.key {
        findings.on(rule, change, "the group would be in itself");
    }
}

/// Nobody is removed on a guess.
fn removed(
    plan: &Plan,
    change: &Change,
    member: &Member,
    rejected: &BTreeSet<(Resource, &str)>,
    findings: &mut Findings,
) {
    let rule = "nobody is removed on a guess";
    let label = member.label();
    if member.id.is_none() {
        findings.on(rule, change, format!("{label} has no account that could be removed"));
    }
    if plan.groups_coverage.as_deref() != Some("complete") {
        findings.on(rule, change, format!("{label} is removed, but groups were not all read"));
    }
    if plan.coverage == "partial" {
        findings.on(rule, change, format!("{label} is removed, but people were not all read"));
    }
    if member.key.as_deref().is_some_and(|key| rejected.contains(&(member.resource, key))) {
        findings.on(rule, change, format!("{label} was rejected"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Cause, Digest, MemberChanges, Rejection, Summary};

    fn member(key: &str, id: Option<&str>) -> Arc<Member> {
        let (key, id) = (Some(key.to_owned()), id.map(str::to_owned));
        Arc::new(Member { resource: Resource::User, key, id, name: None })
    }

    fn change(resource: Resource, action: Action, key: &str, id: Option<&str>) -> Change {
        Change {
            action,
            resource,
            cause: Cause::Source,
            key: key.to_owned(),
            id: id.map(str::to_owned),
            name: key.to_owned(),
            origin: None,
            reason: "because".to_owned(),
            attributes: Vec::new(),
            members: MemberChanges::default(),
            digest: Some(Digest(1)),
            written: crate::Written::default(),
        }
    }

    /// Somebody who is created joins, somebody who is known joins, and somebody leaves.
    fn plan() -> Plan {
        let mut group = change(Resource::Group, Action::Update, "eng", Some("g1"));
        group.members.add = vec![member("1", None), member("2", Some("a2"))];
        group.members.remove = vec![member("3", Some("a3"))];
        Plan {
            plan: String::new(),
            coverage: "complete".to_owned(),
            groups_coverage: Some("complete".to_owned()),
            summary: Summary::default(),
            refused: Vec::new(),
            changes: vec![change(Resource::User, Action::Create, "1", None), group],
            rejected: Vec::new(),
            warnings: Vec::new(),
            bookkeeping: Vec::new(),
            group_bookkeeping: Vec::new(),
        }
    }

    fn findings(plan: &Plan) -> Vec<String> {
        let by_key = plan
            .changes
            .iter()
            .map(|change| ((change.resource, change.key.as_str()), change))
            .collect();
        let mut findings = Findings::default();
        check(plan, &by_key, &mut findings);
        findings.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_plan_has_no_finding_and_each_rule_finds_what_breaks_it() {
        assert_eq!(findings(&plan()), Vec::<String>::new());
        let touches: [fn(&mut Plan); 12] = [
            |plan| plan.groups_coverage = Some("partial".to_owned()),
            |plan| plan.coverage = "partial".to_owned(),
            |plan| plan.changes[1].resource = Resource::User,
            |plan| plan.changes[1].action = Action::Delete,
            |plan| drop(plan.changes.remove(0)),
            |plan| plan.changes[0].action = Action::Delete,
            |plan| plan.changes[1].members.add.push(member("2", Some("a2"))),
            |plan| plan.changes[1].members.remove.push(member("2", Some("a2"))),
            |plan| plan.changes[1].members.remove.push(member("4", None)),
            |plan| plan.changes[1].members.add.push(member("1", Some("a1"))),
            |plan| {
                let stranger = Member { key: None, ..(*member("", Some("x"))).clone() };
                plan.changes[1].members.add.push(Arc::new(stranger));
            },
            |plan| {
                plan.rejected.push(Rejection {
                    origin: "people.csv:4".to_owned(),
                    key: Some("3".to_owned()),
                    field: None,
                    reason: "bad".to_owned(),
                    resource: Resource::User,
                });
            },
        ];
        let shown: Vec<String> = touches
            .into_iter()
            .enumerate()
            .map(|(number, touch)| {
                let mut plan = plan();
                touch(&mut plan);
                let found = findings(&plan);
                assert_ne!(found, Vec::<String>::new(), "touch {number}");
                found.join("\n")
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n---\n"));
    }
}
