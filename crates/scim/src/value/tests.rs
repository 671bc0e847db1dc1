use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::path::Path;
use crate::schema::{Resource, Schema, SchemaSet};

fn schemas() -> SchemaSet {
    let acme: Schema = serde_json::from_value(json!({
        "id": "urn:acme:2.0:User",
        "attributes": [
            { "name": "level", "type": "integer" }, { "name": "rate", "type": "decimal" },
            { "name": "since", "type": "dateTime" }, { "name": "tags", "type": "string", "multiValued": true },
        ],
    }))
    .unwrap();
    SchemaSet::standard().with(acme)
}

/// One line a pair: whether both are the same, and whether the first covers the second.
fn check(pairs: &[(&str, Json, Json)]) -> String {
    let schemas = schemas();
    let mut out = String::new();
    for (path, a, b) in pairs {
        let path = Path::parse(path).unwrap();
        let attribute = schemas.resolve(Resource::User, &path);
        let alike = same(attribute, a, b);
        assert_eq!(alike, same(attribute, b, a), "{path} {a} {b}: order does not matter");
        if alike && a.is_object() == b.is_object() && !a.is_boolean() && !b.is_boolean() {
            assert_eq!(
                canonical(attribute, a),
                canonical(attribute, b),
                "{path} {a} {b}: one form"
            );
        }
        let word = match (alike, covers(attribute, a, b)) {
            (true, true) => "same  ",
            (false, true) => "covers",
            (false, false) => "differ",
            (true, false) => panic!("{path} {a} {b}: the same must be covered"),
        };
        writeln!(out, "{word} {path}: {a}  {b}").unwrap();
    }
    out
}

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

#[test]
fn scalars_are_compared_by_their_type() {
    insta::assert_snapshot!(check(&[
        ("userName", json!("Ada@Example.com"), json!("ada@example.COM")),
        ("userName", json!("ÅSA"), json!("åsa")),
        ("userName", json!("ΟΔΟΣ"), json!("οδοσ")),
        ("userName", json!(" ada"), json!("ada")),
        ("externalId", json!("E7"), json!("e7")),
        ("externalId", json!("7"), json!(7)),
        ("externalId", json!("007"), json!(7)),
        ("active", json!(true), json!("True")),
        ("active", json!("FALSE"), json!("false")),
        ("active", json!(true), json!("yes")),
        ("active", json!(true), json!(false)),
        ("title", json!("true"), json!(true)),
        ("externalId", json!("True"), json!(true)),
        ("title", json!(""), json!(null)),
        ("urn:acme:2.0:User:level", json!(7), json!("7")),
        ("urn:acme:2.0:User:level", json!(7), json!(" 7 ")),
        ("urn:acme:2.0:User:level", json!(7.0), json!(7)),
        ("urn:acme:2.0:User:level", json!("x"), json!("X")),
        ("urn:acme:2.0:User:rate", json!("1.50"), json!(1.5)),
        ("urn:acme:2.0:User:rate", json!(1.5), json!(1.25)),
        (
            "urn:acme:2.0:User:since",
            json!("2026-01-31T09:30:00+01:00"),
            json!("2026-01-31T08:30:00.000Z")
        ),
        ("urn:acme:2.0:User:since", json!("1970-01-02T00:00:00Z"), json!(86400)),
        ("urn:acme:2.0:User:since", json!("2026-01-31T08:30:00Z"), json!("2026-01-31T08:30:01Z")),
        ("urn:unknown:1.0:level", json!(7), json!("7")),
        ("urn:unknown:1.0:level", json!("Red"), json!("red")),
        ("urn:unknown:1.0:flag", json!("True"), json!(true)),
        (
            "urn:unknown:1.0:since",
            json!("2026-01-31T08:30:00Z"),
            json!("2026-01-31T09:30:00+01:00")
        ),
        ("profileUrl", json!("https://example.com/A"), json!("https://example.com/a")),
    ]));
}

#[test]
fn lists_are_sets_with_counts_and_names_have_no_case() {
    let work = json!({ "type": "work", "value": "a@example.com" });
    let home = json!({ "TYPE": "Home", "Value": "h@example.com" });
    insta::assert_snapshot!(check(&[
        (
            "emails",
            json!([work, home]),
            json!([{ "type": "home", "value": "H@example.com" }, work])
        ),
        ("emails", json!([work, work]), json!([work])),
        ("emails", json!([work, work, home]), json!([work, home, home])),
        ("emails", json!([work]), work.clone()),
        ("emails", json!([]), json!(null)),
        ("emails", json!([null, {}]), json!(null)),
        ("emails", json!([{ "value": "a", "primary": false }]), json!([{ "value": "A" }])),
        (
            "emails",
            json!([{ "value": "a", "primary": "True" }]),
            json!([{ "value": "A", "primary": true }])
        ),
        ("emails", json!([{ "value": "a", "display": null }]), json!([{ "value": "a" }])),
        ("emails", json!([{ "value": "a", "display": "A" }]), json!([{ "value": "a" }])),
        ("emails", json!([{ "value": "a" }]), json!([{ "value": "a", "display": "A" }])),
        ("emails", json!([{ "value": "a" }]), json!([{ "value": "a", "primary": false }])),
        (
            "emails",
            json!([{ "value": "a", "primary": true }]),
            json!([{ "value": "a", "primary": false }])
        ),
        (
            "roles",
            json!([{ "value": "admin", "display": "Admin" }, { "value": "author" }]),
            json!(["author", "admin"])
        ),
        ("roles", json!(["admin"]), json!([{ "value": "Admin" }])),
        (
            "roles",
            json!([{ "value": "a", "type": "x" }, { "value": "a", "type": "y" }]),
            json!([{ "value": "a" }, { "value": "a", "type": "x" }])
        ),
        ("urn:acme:2.0:User:tags", json!(["b", "A"]), json!(["a", "B"])),
        ("urn:acme:2.0:User:tags", json!("a"), json!(["A"])),
        ("name", json!({ "familyName": "Ng", "givenName": "Zoë" }), json!({ "FamilyName": "NG" })),
        ("name", json!({ "familyName": "Ng" }), json!({ "familyName": "Ng", "givenName": null })),
        ("name", json!({ "familyName": "Ng", "givenName": "Zoë" }), json!({ "givenName": null })),
        ("name", json!({}), json!(null)),
    ]));
}

#[test]
fn a_reference_is_its_id() {
    insta::assert_snapshot!(check(&[
        (MANAGER, json!({ "value": "26118915", "$ref": "../Users/26118915" }), json!("26118915")),
        (MANAGER, json!({ "managerId": 26118915 }), json!("26118915")),
        (MANAGER, json!({ "managerId": 26118915 }), json!(26118915)),
        (MANAGER, json!({ "value": "9" }), json!("8")),
        (MANAGER, json!({ "displayName": "Boss" }), json!("8")),
        (MANAGER, json!({ "value": "9", "displayName": "Boss" }), json!({ "value": "9" })),
        (MANAGER, json!("9"), json!("9")),
    ]));
    let id = |json: Json| reference_id(&json);
    assert_eq!(id(json!({ "ManagerID": 7, "value": "" })), Some("7".into()));
    assert_eq!(id(json!("")), None);
    assert_eq!(id(json!(["a"])), None);
    assert_eq!(id(json!({ "value": { "value": "x" } })), None);
    assert_eq!(id(json!(18446744073709551615_u64)), Some("18446744073709551615".into()));
}

#[test]
fn large_lists_are_compared_quickly_in_any_order() {
    let member =
        |at: usize| json!({ "value": format!("id-{at}"), "display": format!("Name {at}") });
    let observed: Vec<Json> = (0..20_000).map(member).collect();
    let desired: Vec<Json> =
        (0..20_000).rev().map(|at| json!({ "value": format!("id-{at}") })).collect();
    let schemas = schemas();
    let path = Path::parse("members").unwrap();
    let attribute = schemas.resolve(Resource::Group, &path);
    assert!(covers(attribute, &json!(observed), &json!(desired)));
    assert!(!covers(attribute, &json!(observed[1..]), &json!(desired)));
}

#[test]
fn times_are_instants() {
    let show =
        |text: &str| time::parse(text).map_or("not a time".to_owned(), |time| time.to_string());
    let lines: Vec<String> = [
        "1970-01-01T00:00:00Z",
        "2000-02-29T12:00:00Z",
        "1969-12-31T23:59:59.5Z",
        "2026-01-31T08:30:00",
        "2026-01-31t08:30:00.123456789123z",
        "2026-01-31T08:30:00-05:30",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "2100-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-31 08:30:00Z",
        "2026-01-31",
        "2026-01-31T08:30:00.Z",
        "2026-01-31T08:30:00+0100",
        "2026-01-31T24:00:00Z",
        "2026-01-31T08:30:00Zx",
        "",
    ]
    .iter()
    .map(|text| format!("{text} = {}", show(text)))
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
