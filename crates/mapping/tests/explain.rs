//! What `preview` shows: each step with what it reads and what comes of it.

use std::fmt::Write;

use peoplesync_mapping::{AttributeSpec, Clause, Explanation, Mapping, Spec};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Value};

fn explain(scope: &str) -> Explanation {
    let spec = Spec {
        scope: Some(scope.to_owned()),
        attributes: vec![
            AttributeSpec::value("userName", "Coalesce([mail], [upn], [mail])"),
            AttributeSpec::value("active", "status"),
            AttributeSpec::value("title", "title"),
            AttributeSpec::value("roles", "roles"),
            AttributeSpec::reference(
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
                "boss",
            ),
        ],
        ..Spec::default()
    };
    let mapping = Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).expect("right");
    let mut batch = Batch::new(Fields::new(["upn", "status", "roles", "boss"]));
    let mut record = batch.record("7", Origin::row("people.csv", 2)).expect("a key");
    record.set(0, Value::Text("zoe@example.com"));
    record.set(1, Value::Text("active"));
    record.push(2, Value::Text("admin"));
    record.push(2, Value::Integer(7));
    record.set(3, Value::Text(" 3 "));
    let record = batch.get(0).expect("one record");
    mapping.explain(&mapping.bind(batch.fields()), &record)
}

fn draw_clauses(clauses: &[Clause], depth: usize, text: &mut String) {
    for clause in clauses {
        let holds = match &clause.holds {
            Ok(holds) => holds.to_string(),
            Err(error) => error.to_string(),
        };
        let mark = if clause.decides { " <-" } else { "" };
        writeln!(text, "{}{}: {holds}{mark}", "    ".repeat(depth), clause.text)
            .expect("writing to text");
        draw_clauses(&clause.clauses, depth + 1, text);
    }
}

fn drawn(explanation: &Explanation) -> String {
    let mut text = String::new();
    let readings = |fields: &[peoplesync_mapping::Reading]| -> String {
        fields
            .iter()
            .map(|reading| format!("\n    {} is {}", reading.field, reading.value))
            .collect()
    };
    if let Some(scope) = &explanation.scope {
        writeln!(text, "scope {}: {:?}{}", scope.expression, scope.holds, readings(&scope.fields))
            .expect("writing to text");
        draw_clauses(&scope.clauses, 1, &mut text);
    }
    for step in &explanation.attributes {
        let value = match &step.value {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("error: {error}"),
        };
        writeln!(text, "{} {}: {value}{}", step.slot, step.expression, readings(&step.fields))
            .expect("writing to text");
    }
    text
}

#[test]
fn each_step_tells_what_it_read_and_errors_hide_nothing() {
    let explanation = explain("status <> \"left\" and Count(roles) > 2");
    assert_eq!(explanation.in_scope(), Some(false));
    insta::assert_snapshot!(drawn(&explanation), @r#"
    scope status <> "left" and Count(roles) > 2: Ok(false)
        status is "active"
        roles is ["admin", 7]
        status <> "left": true
        Count(roles) > 2: false <-
    0 status: error: active: the field `status` holds text that is neither true nor false; compare it, as in `status = "…"`
        status is "active"
    1 roles: Some(Set(Array [Object {"value": String("admin")}, Object {"value": String("7")}]))
        roles is ["admin", 7]
    2 title: None
        title is null
    3 Coalesce([mail], [upn], [mail]): Some(Set(String("zoe@example.com")))
        mail is null
        upn is "zoe@example.com"
    4 boss: Some(Reference("3"))
        boss is " 3 "
    "#);
}

#[test]
fn a_scope_that_cannot_be_told_is_neither_in_nor_out() {
    let explanation = explain("status");
    assert_eq!(explanation.in_scope(), None);
    insta::assert_snapshot!(drawn(&explanation).lines().next().expect("a line"), @r#"scope status: Err(MapError { path: None, field: Some("status"), reason: "holds text where true or false is needed; compare it, as in `status = \"…\"`" })"#);
}

/// The clauses of a scope, and those that exclude.
fn check(scope: &str) -> String {
    let explanation = explain(scope);
    let mut text = String::new();
    draw_clauses(&explanation.scope.as_ref().expect("a scope").clauses, 0, &mut text);
    for (clause, holds) in explanation.excluded_by() {
        writeln!(text, "excluded, as {clause} is {holds}").expect("writing to text");
    }
    text
}

#[test]
fn the_clauses_that_exclude_are_named() {
    let scopes = [
        "(status = \"left\" or not (upn matches \"zoe\" and boss <> null)) and Count(roles) = 2",
        "status = \"x\" or Count(roles) > 2 or mail <> null",
        "not (status = \"x\" or upn <> null)",
        "status = \"x\"",
        "status <> \"x\"",
        "mail = null and status",
    ];
    insta::assert_snapshot!(scopes.map(|scope| format!("{scope}\n{}", check(scope))).join("\n"));
}
