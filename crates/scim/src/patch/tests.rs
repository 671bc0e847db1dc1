use std::fmt::Write as _;

use serde_json::json;

use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn ada() -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": "7", "userName": "ada", "title": "Engineer", "active": true,
        "name": { "familyName": "Lovelace", "givenName": "Ada" },
        "emails": [
            { "type": "work", "value": "w@example.com", "primary": true },
            { "type": "home", "value": "h@example.com" },
        ],
        "groups": [{ "value": "g1" }],
        (ENTERPRISE): { "manager": { "value": "9", "displayName": "Boss" } },
    })
}

fn engines() -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "g1", "displayName": "Engines",
        "members": [{ "value": "1", "display": "One" }, { "value": "2" }],
    })
}

fn patch(operations: &Json) -> Json {
    json!({ "schemas": [urn::PATCH_OP], "Operations": operations })
}

/// For each PATCH: its operations, and what became of the resource or why it was refused.
fn check(start: &Json, kind: Resource, cases: &[Json]) -> String {
    let mut out = String::new();
    for operations in cases {
        let list = match operations {
            Json::Array(_) => operations.clone(),
            one => json!([one]),
        };
        let mut resource = start.clone();
        let result = apply(&mut resource, &patch(&list), &SchemaSet::standard(), kind);
        let shown: Vec<String> = list.as_array().unwrap().iter().map(Json::to_string).collect();
        writeln!(out, "{}", shown.join("\n")).unwrap();
        match result {
            Err(error) => {
                assert_eq!(&resource, start, "a refused PATCH changes nothing");
                writeln!(out, "    refused: {error}").unwrap();
            }
            Ok(changed) => {
                assert_eq!(changed, resource != *start);
                let (old, new) = (start.as_object().unwrap(), resource.as_object().unwrap());
                for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                    match new.get(key) {
                        now if now == old.get(key) => {}
                        Some(now) => writeln!(out, "    {key}: {now}").unwrap(),
                        None => writeln!(out, "    {key} is gone").unwrap(),
                    }
                }
                if !changed {
                    writeln!(out, "    unchanged").unwrap();
                }
            }
        }
    }
    out
}

#[test]
fn add() {
    insta::assert_snapshot!(check(
        &ada(),
        Resource::User,
        &[
            json!({ "op": "add", "path": "nickName", "value": "Countess" }),
            json!({ "op": "ADD", "path": "TITLE", "value": "Lead" }),
            json!({ "op": "add", "path": "title", "value": "Engineer" }),
            json!({ "op": "add", "path": "name", "value": { "middleName": "K", "GIVENNAME": "Augusta" } }),
            json!({ "op": "add", "path": "name.middleName", "value": "K" }),
            json!({ "op": "add", "path": "emails", "value": [{ "TYPE": "other", "value": "o@example.com" }] }),
            json!({ "op": "add", "path": "emails", "value": { "type": "other", "value": "o@example.com", "primary": true } }),
            json!({ "op": "add", "path": "emails", "value": [{ "value": "H@example.com", "type": "HOME" }] }),
            json!({ "op": "add", "path": "emails", "value": [] }),
            json!({ "op": "add", "path": r#"emails[type eq "HOME"]"#, "value": { "display": "Home" } }),
            json!({ "op": "add", "path": r#"emails[type eq "home"].primary"#, "value": true }),
            json!({ "op": "add", "path": "phoneNumbers", "value": { "value": "+44 1" } }),
            json!({ "op": "add", "value": { "nickName": "C", "emails": [{ "value": "x@example.com" }], (ENTERPRISE): { "department": "Engines" } } }),
            json!({ "op": "add", "value": { "id": "7", "nickName": "C" } }),
            json!({ "op": "add", "path": format!("{ENTERPRISE}:department"), "value": "Engines" }),
            json!({ "op": "add", "path": ENTERPRISE, "value": { "costCenter": "42" } }),
            json!({ "op": "add", "path": ENTERPRISE, "value": { "schemas": [ENTERPRISE], "costCenter": "42" } }),
            json!({ "op": "add", "path": "password", "value": "secret" }),
        ]
    ));
    let bare = json!({ "id": "7", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"] });
    insta::assert_snapshot!(check(&bare, Resource::User, &[
        json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "9" } }),
        json!({ "op": "add", "path": "urn:scim:schemas:extension:enterprise:1.0.department", "value": "Engines" }),
    ]), @r#"
    {"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":{"value":"9"}}
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]
        urn:ietf:params:scim:schemas:extension:enterprise:2.0:User: {"manager":{"value":"9"}}
    {"op":"add","path":"urn:scim:schemas:extension:enterprise:1.0.department","value":"Engines"}
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]
        urn:ietf:params:scim:schemas:extension:enterprise:2.0:User: {"department":"Engines"}
    "#);
}

#[test]
fn replace() {
    insta::assert_snapshot!(check(
        &ada(),
        Resource::User,
        &[
            json!({ "op": "replace", "path": "title", "value": "Lead" }),
            json!({ "op": "replace", "path": "nickName", "value": "Countess" }),
            json!({ "op": "replace", "path": "title", "value": null }),
            json!({ "op": "replace", "path": "emails", "value": [] }),
            json!({ "op": "replace", "path": "active", "value": false }),
            json!({ "op": "replace", "path": "name", "value": { "givenName": "Augusta", "familyName": null } }),
            json!({ "op": "replace", "path": "emails", "value": [{ "value": "x@example.com" }] }),
            json!({ "op": "replace", "path": r#"emails[type eq "work"].value"#, "value": "new@example.com" }),
            json!({ "op": "replace", "path": r#"emails[type eq "home"]"#, "value": { "value": "new@example.com", "primary": true } }),
            json!({ "op": "replace", "path": r#"emails[type eq "home"].primary"#, "value": true }),
            json!({ "op": "replace", "path": r#"emails[type eq "home"].display"#, "value": "Home" }),
            json!({ "op": "replace", "path": "emails.display", "value": "All" }),
            json!({ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "8" } }),
            json!({ "op": "replace", "path": format!("{ENTERPRISE}:manager.value"), "value": "8" }),
            json!({ "op": "replace", "value": { "title": "Lead", "name": { "givenName": "Augusta" } } }),
            json!({ "op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User", "value": { "title": "Lead" } }),
            json!([{ "op": "replace", "path": "title", "value": "A" }, { "op": "replace", "path": "title", "value": "Engineer" }]),
            json!([{ "op": "remove", "path": "title" }, { "op": "add", "path": "title", "value": "B" }]),
        ]
    ));
}

#[test]
fn remove() {
    insta::assert_snapshot!(check(
        &ada(),
        Resource::User,
        &[
            json!({ "op": "remove", "path": "title" }),
            json!({ "op": "Remove", "path": "nickName" }),
            json!({ "op": "remove", "path": "emails" }),
            json!({ "op": "remove", "path": "emails.primary" }),
            json!({ "op": "remove", "path": r#"emails[type eq "work"]"# }),
            json!({ "op": "remove", "path": r#"emails[type eq "work"].value"# }),
            json!({ "op": "remove", "path": r#"emails[type eq "work" or type eq "home"]"# }),
            json!({ "op": "remove", "path": "name.givenName" }),
            json!([{ "op": "remove", "path": "name.givenName" }, { "op": "remove", "path": "name.familyName" }]),
            json!({ "op": "remove", "path": format!("{ENTERPRISE}:manager.value") }),
            json!({ "op": "remove", "path": format!("{ENTERPRISE}:manager") }),
            json!({ "op": "remove", "path": ENTERPRISE }),
            json!({ "op": "remove", "path": "title", "value": null }),
        ]
    ));
}

#[test]
fn refusals() {
    insta::assert_snapshot!(check(
        &ada(),
        Resource::User,
        &[
            json!({ "op": "move", "path": "title" }),
            json!({ "path": "title" }),
            json!("title"),
            json!([]),
            json!({ "op": "add", "path": 7, "value": "x" }),
            json!({ "op": "add", "path": "user name", "value": "x" }),
            json!({ "op": "add", "path": "shoeSize", "value": "x" }),
            json!({ "op": "add", "path": "members", "value": [{ "value": "1" }] }),
            json!({ "op": "add", "path": "name.shoe", "value": "x" }),
            json!({ "op": "add", "path": "urn:acme:1.0:badge", "value": "x" }),
            json!({ "op": "replace", "path": r#"title[value eq "x"]"#, "value": "x" }),
            json!({ "op": "replace", "path": r#"emails[colour eq "red"].value"#, "value": "x" }),
            json!({ "op": "replace", "path": r#"emails[type eq "other"].value"#, "value": "x" }),
            json!({ "op": "add", "path": r#"emails[type eq "other"].value"#, "value": "x" }),
            json!({ "op": "remove", "path": r#"emails[type eq "other"]"# }),
            json!({ "op": "replace", "path": "phoneNumbers.value", "value": "x" }),
            json!({ "op": "remove" }),
            json!({ "op": "remove", "path": "emails", "value": [{ "value": "h@example.com" }] }),
            json!({ "op": "add", "path": "title" }),
            json!({ "op": "add", "path": "title", "value": null }),
            json!({ "op": "add", "path": "title", "value": 7 }),
            json!({ "op": "add", "path": "active", "value": "True" }),
            json!({ "op": "add", "path": r#"emails[type eq "work"].primary"#, "value": "True" }),
            json!({ "op": "add", "path": "emails", "value": ["x@example.com"] }),
            json!({ "op": "add", "path": "emails", "value": [{ "colour": "red" }] }),
            json!({ "op": "replace", "path": "emails", "value": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }),
            json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": "8" }),
            json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "8", "displayName": "Other" } }),
            json!({ "op": "add", "value": "x" }),
            json!({ "op": "add", "value": { "shoeSize": 7 } }),
            json!({ "op": "add", "value": { "id": "8" } }),
            json!({ "op": "add", "value": { (ENTERPRISE): { "shoeSize": 7 } } }),
            json!({ "op": "replace", "path": "id", "value": "8" }),
            json!({ "op": "add", "path": "groups", "value": [{ "value": "g2" }] }),
            json!({ "op": "replace", "path": "meta.version", "value": "2" }),
            json!({ "op": "remove", "path": "userName" }),
            json!({ "op": "replace", "path": "userName", "value": null }),
            json!({ "op": "remove", "path": "schemas" }),
            json!([{ "op": "replace", "path": "title", "value": "Lead" }, { "op": "remove", "path": "userName" }]),
        ]
    ));
    let mut resource = ada();
    for body in [
        json!({}),
        json!("x"),
        json!({ "schemas": [urn::PATCH_OP] }),
        json!({ "Operations": [{ "op": "remove", "path": "title" }] }),
    ] {
        let error =
            apply(&mut resource, &body, &SchemaSet::standard(), Resource::User).unwrap_err();
        assert_eq!(error.scim_type.as_deref(), Some(scim_type::INVALID_SYNTAX), "{error}");
    }
    assert_eq!(resource, ada());
    assert!(
        apply(
            &mut json!([]),
            &patch(&json!([{ "op": "remove", "path": "title" }])),
            &SchemaSet::standard(),
            Resource::User
        )
        .is_err()
    );
}

#[test]
fn members_of_a_group() {
    insta::assert_snapshot!(check(
        &engines(),
        Resource::Group,
        &[
            json!({ "op": "add", "path": "members", "value": [{ "value": "3" }, { "value": "2" }] }),
            json!({ "op": "remove", "path": r#"members[value eq "1"]"# }),
            json!({ "op": "remove", "path": r#"members[value eq "1" or value eq "2"]"# }),
            json!({ "op": "remove", "path": "members" }),
            json!({ "op": "replace", "path": "members", "value": [{ "value": "3" }] }),
            json!({ "op": "replace", "path": r#"members[value eq "1"].value"#, "value": "3" }),
            json!({ "op": "replace", "path": r#"members[value eq "1"].value"#, "value": "1" }),
            json!({ "op": "remove", "path": r#"members[value eq "1"].value"# }),
            json!({ "op": "add", "path": r#"members[value eq "2"].type"#, "value": "User" }),
            json!({ "op": "remove", "path": "displayName" }),
        ]
    ));
}
