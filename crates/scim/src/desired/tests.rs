use std::fmt::Write as _;

use serde_json::json;

use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn desired(entries: &Json) -> Desired {
    let entries = entries.as_object().unwrap().iter();
    entries
        .map(|(path, value)| {
            let assignment =
                if value.is_null() { Assignment::Clear } else { Assignment::Set(value.clone()) };
            (Path::parse(path).unwrap(), assignment)
        })
        .collect()
}

/// One line a difference.
fn check(entries: &Json, observed: &Json) -> String {
    let differences = desired(entries).difference(observed, Resource::User, &SchemaSet::standard());
    let mut out = String::new();
    for difference in &differences {
        let show = |value: &Option<Json>| value.as_ref().map_or("nothing".into(), Json::to_string);
        let Difference { path, before, after } = difference;
        writeln!(out, "{path}: {} -> {}", show(before), show(after)).unwrap();
    }
    out
}

#[test]
fn only_managed_paths_that_differ_are_named() {
    let observed = json!({
        "userName": "ADA", "title": "Engineer", "displayName": "Ada", "active": "True", "nickName": "",
        "name": { "familyName": "Lovelace" },
        "emails": [{ "type": "work", "value": "Ada@example.com", "primary": true }],
        "locale": null, "timezone": [],
        "roles": [{ "value": "admin", "display": "Admin" }],
        (ENTERPRISE): { "department": "Engines", "manager": { "value": "9", "displayName": "Boss" } },
    });
    insta::assert_snapshot!(check(&json!({
        "userName": "ada",
        "title": "Lead",
        "active": true,
        "nickName": null,
        "locale": null,
        "timezone": null,
        "name.familyName": null,
        "name.givenName": "Ada",
        r#"emails[type eq "work"].value"#: "ada@example.com",
        r#"emails[type eq "home"].value"#: "home@example.com",
        "roles": ["admin"],
        "password": "secret",
        format!("{ENTERPRISE}:department"): "Poetry",
        format!("{ENTERPRISE}:manager"): "8",
    }), &observed), @r#"
    emails[type eq "home"].value: nothing -> "home@example.com"
    name.familyName: "Lovelace" -> nothing
    name.givenName: nothing -> "Ada"
    title: "Engineer" -> "Lead"
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department: "Engines" -> "Poetry"
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager: "9" -> "8"
    "#);
}

#[test]
fn managers_are_compared_by_id_in_all_forms() {
    let path = format!("{ENTERPRISE}:manager");
    for observed in [
        json!({ "value": "9" }),
        json!({ "value": 9 }),
        json!({ "managerId": 9 }),
        json!("9"),
        json!(9),
    ] {
        let observed = json!({ (ENTERPRISE): { "manager": observed } });
        assert_eq!(check(&json!({ &path: "9" }), &observed), "", "{observed}");
    }
    let observed =
        json!({ (ENTERPRISE): { "manager": { "managerId": 9, "displayName": "Boss" } } });
    insta::assert_snapshot!(check(&json!({ &path: null }), &observed), @r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager: "9" -> nothing"#);
    insta::assert_snapshot!(check(&json!({ &path: "7" }), &json!({})), @r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager: nothing -> "7""#);
    // A manager in the SCIM 1.1 spelling of the extension is found as well.
    let observed =
        json!({ "urn:scim:schemas:extension:enterprise:1.0": { "manager": { "managerId": 9 } } });
    assert_eq!(check(&json!({ &path: "9" }), &observed), "");
}

#[test]
fn lists_and_objects_show_all_of_what_was_there() {
    let observed = json!({ "roles": [{ "value": "admin" }], "name": { "givenName": "Ada", "middleName": "K" } });
    insta::assert_snapshot!(check(&json!({
        "roles": [{ "value": "author" }, { "value": "admin" }],
        "name": { "givenName": "Augusta" },
        "emails": [],
    }), &observed), @r#"
    name: {"givenName":"Ada","middleName":"K"} -> {"givenName":"Augusta"}
    roles: [{"value":"admin"}] -> [{"value":"author"},{"value":"admin"}]
    "#);
}

#[test]
fn a_set_is_sorted_and_holds_each_path_once() {
    let path = |text| Path::parse(text).unwrap();
    let mut set = Desired::new();
    assert!(set.is_empty());
    assert_eq!(set.insert(path("title"), Assignment::Set(json!("a"))), None);
    assert_eq!(set.insert(path("active"), Assignment::Set(json!(true))), None);
    assert_eq!(set.insert(path("locale"), Assignment::Clear), None);
    assert_eq!(
        set.insert(path("Title"), Assignment::Set(json!("b"))),
        Some(Assignment::Set(json!("a")))
    );
    assert_eq!(set.get(&path("TITLE")), Some(&Assignment::Set(json!("b"))));
    insta::assert_snapshot!(serde_json::to_string(&set).unwrap(), @r#"{"active":true,"locale":null,"title":"b"}"#);
    assert_eq!(set.values(), [(path("active"), json!(true)), (path("title"), json!("b"))]);
    assert_eq!(set.remove(&path("locale")), Some(Assignment::Clear));
    assert_eq!((set.len(), set.iter().len()), (2, 2));
}

#[test]
fn a_list_holds_each_element_once() {
    let set = desired(&json!({
        "roles": ["admin", "Admin", { "value": "ADMIN" }, "author"],
        "photos": [{ "value": "https://example.com/A" }, { "value": "https://example.com/a" }],
        "urn:acme:2.0:User:tags": ["a", "A", "a"],
    }));
    insta::assert_snapshot!(serde_json::to_string(&set).unwrap(), @r#"{"photos":[{"value":"https://example.com/A"},{"value":"https://example.com/a"}],"roles":["admin","author"],"urn:acme:2.0:User:tags":["a","A"]}"#);
}

#[test]
fn a_difference_is_json() {
    let difference =
        Difference { path: Path::parse("title").unwrap(), before: None, after: Some(json!("x")) };
    let json = serde_json::to_string(&difference).unwrap();
    insta::assert_snapshot!(json, @r#"{"path":"title","before":null,"after":"x"}"#);
    assert_eq!(serde_json::from_str::<Difference>(&json).unwrap(), difference);
}
