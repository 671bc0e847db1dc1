use std::sync::Arc;

use peoplesync_scim::Filter;
use peoplesync_scim::path::Path;
use peoplesync_scim::schema::SchemaSet;
use serde_json::json;

use super::*;
use crate::{
    Action, Approvals, AttributeChange, Bookkeeping, Cause, Digest, Edited, Guards, Leavers, Limit,
    Link, ManagedAttribute, MemberChanges, OnDrift, Rejection, Standing, Written,
};

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn managed() -> Managed {
    let attribute = |text: &str| ManagedAttribute {
        path: Path::parse(text).unwrap(),
        create_only: text == "nickName",
        reference: text == MANAGER,
    };
    let attributes = ["nickName", "title", "userName", MANAGER].map(attribute).to_vec();
    let protect = vec![Filter::parse("userName eq \"admin\"").unwrap()];
    let match_by = [Path::parse("userName").unwrap()];
    let schemas = Arc::new(SchemaSet::standard());
    let filter = |text: &str| vec![Filter::parse(text).unwrap()];
    let on_drift = vec![OnDrift::Correct, OnDrift::Report, OnDrift::Correct, OnDrift::Correct];
    Managed::new(Resource::User, attributes, &match_by, protect, schemas)
        .unwrap()
        .with_administrators(filter("userName eq \"u3\""))
        .with_kept(filter("userName eq \"u4\""))
        .with_on_drift(on_drift, OnDrift::Correct)
}

/// Two may leave and one may come.
fn policy() -> Policy {
    let guards =
        Guards { max_leavers: Limit::Count(2), max_creates: Limit::Count(1), ..Guards::NONE };
    let action = crate::LeaverAction::Deactivate;
    Policy {
        adopt: true,
        leavers: Leavers { action, out_of_scope: action, grace_days: 0, delete_after_days: 0 },
        guards,
        approval: Approvals::NONE,
        first_load: false,
        hides_inactive: false,
        full: false,
        edited: Edited::Nothing,
        now: 0,
        source: "people.csv".to_owned(),
        tried: std::collections::BTreeMap::new(),
    }
}

/// The keys 2 to 7 are linked to a2 to a7; a1 to a8 exist, a8 is nobody's.
fn links() -> Links {
    let link = |number: u8| Link {
        key: number.to_string(),
        id: format!("a{number}"),
        digest: Digest(1),
        standing: Standing::Active,
        absent_since: None,
        created: true,
        written: Written::default(),
    };
    (2..8).map(link).collect()
}

fn observation() -> Observation {
    let mut observation = Observation::new();
    for number in 2..9 {
        let name = if number == 7 { "admin".to_owned() } else { format!("u{number}") };
        let active = number != 4;
        let account = json!({ "id": format!("a{number}"), "userName": name, "title": "Lead", "active": active });
        observation.found(managed().observe(&account).unwrap());
    }
    observation
}

fn attribute(path: &str, before: Option<&str>, after: Option<&str>) -> AttributeChange {
    AttributeChange {
        path: Path::parse(path).unwrap(),
        before: before.map(serde_json::Value::from),
        after: after.map(serde_json::Value::from),
        reference: None,
        new_element: false,
        redact: false,
        drift: false,
    }
}

fn reference(after: Option<&str>, key: &str) -> AttributeChange {
    AttributeChange { reference: Some(key.to_owned()), ..attribute(MANAGER, None, after) }
}

fn switch(before: bool, after: bool) -> AttributeChange {
    let before = Some(before.into());
    AttributeChange { before, after: Some(after.into()), ..attribute("active", None, None) }
}

fn change(action: Action, key: &str, id: Option<&str>, attributes: Vec<AttributeChange>) -> Change {
    let is_leaver = matches!(action, Action::Deactivate | Action::Delete | Action::Unlink);
    Change {
        action,
        resource: Resource::User,
        key: key.to_owned(),
        id: id.map(str::to_owned),
        name: format!("u{key}"),
        origin: (!is_leaver).then(|| format!("people.csv:{key}")),
        reason: "because".to_owned(),
        cause: Cause::Source,
        attributes,
        members: MemberChanges::default(),
        digest: (!is_leaver).then_some(Digest(5)),
        written: Written::default(),
    }
}

/// One change of each kind, and nothing wrong with it.
fn plan() -> Plan {
    let changes = vec![
        change(
            Action::Create,
            "1",
            None,
            vec![attribute("nickName", None, Some("N")), attribute("userName", None, Some("u1"))],
        ),
        change(Action::Adopt, "8", Some("a8"), vec![reference(None, "1")]),
        change(
            Action::Update,
            "2",
            Some("a2"),
            vec![attribute("title", Some("Lead"), None), reference(Some("a3"), "3")],
        ),
        change(Action::Update, "3", Some("a3"), vec![reference(Some("a8"), "8")]),
        change(Action::Reactivate, "4", Some("a4"), vec![switch(false, true)]),
        change(Action::Deactivate, "5", Some("a5"), vec![switch(true, false)]),
        change(Action::Delete, "6", Some("a6"), vec![]),
    ];
    let mut plan = Plan {
        plan: String::new(),
        coverage: "complete".to_owned(),
        groups_coverage: None,
        summary: crate::Summary::default(),
        refused: Vec::new(),
        changes,
        rejected: vec![Rejection {
            origin: "people.csv:99".to_owned(),
            key: Some("99".to_owned()),
            field: None,
            reason: "bad".to_owned(),
            resource: Resource::User,
        }],
        warnings: Vec::new(),
        bookkeeping: vec![Bookkeeping::Same {
            key: "77".to_owned(),
            digest: Digest(5),
            written: Written::default(),
        }],
        group_bookkeeping: Vec::new(),
    };
    count(&mut plan);
    plan
}

/// Makes the numbers right, so that a test breaks one rule at a time.
fn count(plan: &mut Plan) {
    let count =
        |action| plan.changes.iter().filter(|change| change.action == action).count() as u64;
    plan.summary.create = count(Action::Create);
    plan.summary.adopt = count(Action::Adopt);
    plan.summary.update = count(Action::Update);
    plan.summary.reactivate = count(Action::Reactivate);
    plan.summary.deactivate = count(Action::Deactivate);
    plan.summary.delete = count(Action::Delete);
    plan.summary.unlink = count(Action::Unlink);
    plan.summary.rejected = plan.rejected.len() as u64;
}

fn findings(plan: &Plan) -> String {
    let (managed, links, observation) = (managed(), links(), observation());
    let policy = policy();
    let context = LintContext {
        managed: &managed,
        links: &links,
        observation: Some(&observation),
        limits: Some(Limits { policy: &policy, linked: 6 }),
    };
    let lines: Vec<String> = lint(plan, context).iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn of<'a>(plan: &'a mut Plan, key: &str) -> &'a mut Change {
    plan.changes.iter_mut().find(|change| change.key == key).unwrap()
}

type Spoil = (&'static str, fn(&mut Plan));

/// Each breaks the plan in one way.
const SPOILED: &[Spoil] = &[
    ("another coverage", |plan| plan.coverage = "most".to_owned()),
    ("a partial read", |plan| plan.coverage = "partial".to_owned()),
    ("a read of changes", |plan| plan.coverage = "changes".to_owned()),
    ("changes in disorder", |plan| plan.changes.swap(0, 1)),
    ("two changes of a key", |plan| {
        plan.changes.push(change(Action::Unlink, "2", Some("a2"), vec![]));
    }),
    ("a rejected person", |plan| plan.rejected[0].key = Some("2".to_owned())),
    ("a note on somebody who changes", |plan| {
        plan.bookkeeping = vec![Bookkeeping::Gone { key: "6".to_owned() }];
    }),
    ("two notes", |plan| {
        plan.bookkeeping.push(Bookkeeping::Inactive { key: "77".to_owned() });
    }),
    ("a create with an id", |plan| of(plan, "1").id = Some("a1".to_owned())),
    ("a create for whom is linked", |plan| {
        plan.changes[0] = change(Action::Create, "7", None, vec![]);
        of(plan, "8").attributes.clear();
    }),
    ("an update without an id", |plan| of(plan, "2").id = None),
    ("an update of another account", |plan| of(plan, "2").id = Some("a7".to_owned())),
    ("an update of whom is not linked", |plan| of(plan, "2").key = "22".to_owned()),
    ("an account taken from another", |plan| of(plan, "8").id = Some("a7".to_owned())),
    ("an update without a digest", |plan| of(plan, "2").digest = None),
    ("an unknown digest", |plan| of(plan, "2").digest = Some(Digest::UNKNOWN)),
    ("a delete with a digest", |plan| of(plan, "6").digest = Some(Digest(5))),
    ("a leaver with an origin", |plan| of(plan, "6").origin = Some("people.csv:1".to_owned())),
    ("a protected account", |plan| {
        plan.changes[3] = change(Action::Update, "7", Some("a7"), vec![reference(Some("a8"), "8")]);
    }),
    ("an account that was not found", |plan| of(plan, "8").id = Some("a9".to_owned())),
    ("an unmanaged attribute", |plan| {
        of(plan, "2").attributes.insert(0, attribute("locale", None, Some("de")));
    }),
    ("an attribute for creation", |plan| {
        of(plan, "2").attributes.insert(0, attribute("nickName", None, Some("Z")));
    }),
    ("attributes in disorder", |plan| of(plan, "2").attributes.swap(0, 1)),
    ("an attribute twice", |plan| {
        let twice = plan.changes[2].attributes[0].clone();
        of(plan, "2").attributes.insert(0, twice);
    }),
    ("nothing changes", |plan| {
        of(plan, "2").attributes[0] = attribute("title", Some("Lead"), Some("Lead"));
    }),
    ("nothing to clear", |plan| of(plan, "1").attributes[0].after = None),
    ("no attribute", |plan| of(plan, "2").attributes.clear()),
    ("a new account that had a value", |plan| {
        of(plan, "1").attributes[0].before = Some(json!("old"));
    }),
    ("another value than that at the target", |plan| {
        of(plan, "2").attributes[0].before = Some(json!("Boss"));
    }),
    ("deactivated to true", |plan| of(plan, "5").attributes = vec![switch(true, true)]),
    ("a leaver with a title", |plan| {
        of(plan, "5").attributes.push(attribute("title", Some("Lead"), None));
    }),
    ("reactivated without active", |plan| {
        of(plan, "4").attributes = vec![attribute("title", Some("Lead"), None)];
    }),
    ("a delete with attributes", |plan| {
        of(plan, "6").attributes.push(attribute("title", Some("Lead"), None));
    }),
    ("a reference to nobody", |plan| of(plan, "8").attributes = vec![reference(None, "55")]),
    ("a reference that waits for whom is there", |plan| {
        of(plan, "8").attributes = vec![reference(None, "3")];
    }),
    ("a reference to another account", |plan| {
        of(plan, "8").attributes = vec![reference(Some("a4"), "3")];
    }),
    ("a reference to a deleted account", |plan| {
        of(plan, "8").attributes = vec![reference(Some("a6"), "6")];
    }),
    ("a reference that does not say to whom", |plan| {
        of(plan, "8").attributes = vec![attribute(MANAGER, None, Some("a3"))];
    }),
    ("an administrator who is deactivated", |plan| {
        plan.changes.remove(3);
        let leaver = change(Action::Deactivate, "3", Some("a3"), vec![switch(true, false)]);
        plan.changes.insert(4, leaver);
        plan.changes.truncate(6);
    }),
    ("a leaver who is to be kept", |plan| {
        plan.changes.remove(4);
        plan.changes[5] = change(Action::Delete, "4", Some("a4"), vec![]);
    }),
    ("a leaver too many", |plan| {
        plan.changes.push(change(Action::Unlink, "4", Some("a4"), vec![]));
        plan.changes.remove(4);
    }),
    ("a refusal for nothing", |plan| {
        plan.refused.push(crate::Refusal {
            guard: "max_creates".to_owned(),
            limit: "1".to_owned(),
            found: 1,
            message: "too many".to_owned(),
        });
    }),
    ("drift of whom the source moved", |plan| of(plan, "3").cause = Cause::Drift),
    ("drift that is to be left alone", |plan| {
        of(plan, "2").cause = Cause::Drift;
        of(plan, "2").digest = Some(Digest(1));
        of(plan, "2").attributes.iter_mut().for_each(|attribute| attribute.drift = true);
    }),
    ("drift of an attribute that was never written", |plan| {
        of(plan, "2").attributes[0].drift = true;
    }),
    ("a value that is shown", |plan| of(plan, "2").attributes[0].redact = true),
    ("a title that is a reference", |plan| {
        of(plan, "2").attributes[0].reference = Some("3".to_owned());
    }),
];

#[test]
fn a_good_plan_has_no_findings() {
    assert_eq!(findings(&plan().seal()), "");
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let mut text = String::new();
    for (name, spoil) in SPOILED {
        let mut plan = plan();
        spoil(&mut plan);
        count(&mut plan);
        let found = findings(&plan.seal());
        assert_ne!(found, "", "{name}: nothing is found");
        text += &format!("# {name}\n{found}\n\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_that_was_touched_is_found() {
    let mut touched = plan().seal();
    touched.changes[2].attributes[0].after = Some(json!("Boss"));
    insta::assert_snapshot!(findings(&touched), @"plan: the content is not what the hash names (hash)");

    let mut wrong = plan();
    wrong.summary.update = 7;
    wrong.summary.rejected = 0;
    insta::assert_snapshot!(findings(&wrong.seal()), @r"
    plan: rejected is 0, but there are 1 (summary)
    plan: update is 7, but there are 2 (summary)
    ");
}
