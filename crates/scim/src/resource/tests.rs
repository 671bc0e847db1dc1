use std::fmt::Write as _;

use serde_json::json;

use super::*;

fn ada() -> Json {
    json!({
        "id": "7",
        "UserName": "ada",
        "name": { "familyname": "Lovelace" },
        "nickName": null,
        "emails": [
            { "type": "home", "value": "home@example.com" },
            { "Type": "Work", "value": "work@example.com", "primary": true },
        ],
        "phoneNumbers": { "type": "work", "value": "+44 1" },
        "roles": ["admin"],
        "ims": [],
        "URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User": {
            "Department": "Engines", "manager": { "managerId": 9 },
        },
        "urn:scim:schemas:extension:acme:1.0": { "level": 3 },
    })
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[test]
fn get_reads_what_is_there_however_it_is_spelled() {
    let mut out = String::new();
    for text in [
        "userName",
        "name.familyName",
        "name.givenName",
        "nickName",
        "emails.value",
        "emails.display",
        r#"emails[type eq "home"].value"#,
        r#"emails[type eq "work"].value"#,
        r#"emails[type eq "work"]"#,
        r#"emails[type eq "other"].value"#,
        r#"emails[primary eq true].value"#,
        r#"phoneNumbers[type eq "work"].value"#,
        r#"phoneNumbers[type eq "home"].value"#,
        "phoneNumbers.value",
        "roles.value",
        "roles.type",
        r#"roles[value eq "admin"]"#,
        "ims",
        "ims.value",
        "userName.value",
        "userName.other",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.managerid",
        "urn:ietf:params:scim:schemas:extension:acme:2.0:User:level",
        "urn:none:1.0:level",
    ] {
        let found =
            get(&ada(), &Path::parse(text).unwrap()).map_or("nothing".to_owned(), Json::to_string);
        writeln!(out, "{text} = {found}").unwrap();
    }
    insta::assert_snapshot!(out);
    assert_eq!(get(&json!("text"), &Path::parse("userName").unwrap()), None);
}

/// Sets or clears one path after the other, each in a fresh resource, and shows the attribute afterwards.
fn check(start: &Json, edits: &[(&str, Json)]) -> String {
    let mut out = String::new();
    for (text, value) in edits {
        let path = Path::parse(text).unwrap();
        let mut resource = start.clone();
        let done = set(&mut resource, &path, value.clone());
        let shown: Map<String, Json> = resource
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, value)| start.get(key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let gone: Vec<&String> =
            start.as_object().unwrap().keys().filter(|key| resource.get(key).is_none()).collect();
        write!(out, "{text} := {value}\n    {}", Json::Object(shown)).unwrap();
        if !gone.is_empty() {
            write!(out, " gone: {gone:?}").unwrap();
        }
        out.push_str(if done { "\n" } else { " refused\n" });
        if done {
            let now = get(&resource, &path).cloned().unwrap_or_default();
            assert!(crate::value::covers(None, &now, value), "{text} reads {now}");
        }
    }
    out
}

#[test]
fn set_makes_what_is_missing() {
    let start = json!({ "id": "7" });
    insta::assert_snapshot!(check(
        &start,
        &[
            ("USERNAME", json!("ada")),
            ("name.GIVENNAME", json!("Ada")),
            ("emails.value", json!("ada@example.com")),
            (r#"emails[type eq "work"].value"#, json!("ada@example.com")),
            (r#"emails[type eq "work" and primary eq true].value"#, json!("ada@example.com")),
            (r#"emails[type eq "work"]"#, json!({ "value": "ada@example.com" })),
            (r#"emails[type eq "work"]"#, json!("ada@example.com")),
            (r#"emails[not (type eq "home")].value"#, json!("ada@example.com")),
            (r#"emails[type co "o"].value"#, json!("ada@example.com")),
            (&format!("{ENTERPRISE}:department"), json!("Engines")),
            (&format!("{ENTERPRISE}:manager.value"), json!("9")),
            ("urn:acme:2.0:thing.part", json!("x")),
            ("title", json!(null)),
        ]
    ));
}

#[test]
fn set_keeps_what_is_there() {
    insta::assert_snapshot!(check(
        &ada(),
        &[
            ("userName", json!("Ada")),
            ("name.familyName", json!("King")),
            ("name.givenName", json!("Ada")),
            ("nickName", json!("Countess")),
            ("emails.value", json!("new@example.com")),
            (r#"emails[type eq "work"].value"#, json!("new@example.com")),
            (r#"emails[type eq "work"]"#, json!({ "value": "new@example.com" })),
            (r#"emails[type eq "other"].value"#, json!("new@example.com")),
            (r#"emails[not (type eq "home")].value"#, json!("new@example.com")),
            (r#"phoneNumbers[type eq "work"].value"#, json!("+44 2")),
            (r#"phoneNumbers[type eq "mobile"].value"#, json!("+44 3")),
            (r#"roles[value eq "admin"].display"#, json!("Admin")),
            (r#"ims[type eq "xmpp"].value"#, json!("x")),
            (&format!("{ENTERPRISE}:department"), json!("Poetry")),
            ("urn:ietf:params:scim:schemas:extension:acme:2.0:User:level", json!(4)),
        ]
    ));
}

#[test]
fn clear_takes_empty_shells_along() {
    let mut start = ada();
    set(
        &mut start,
        &Path::parse(r#"addresses[type eq "work"].locality"#).unwrap(),
        json!("London"),
    );
    set(&mut start, &Path::parse(r#"addresses[type eq "work"].country"#).unwrap(), json!("GB"));
    insta::assert_snapshot!(check(
        &start,
        &[
            ("userName", json!(null)),
            ("name.familyName", json!(null)),
            ("name.givenName", json!(null)),
            ("emails", json!(null)),
            ("emails.value", json!(null)),
            ("emails.primary", json!(null)),
            (r#"emails[type eq "home"].value"#, json!(null)),
            (r#"emails[type eq "work"].value"#, json!(null)),
            (r#"emails[type eq "work"]"#, json!(null)),
            (r#"emails[type eq "other"]"#, json!(null)),
            (r#"addresses[type eq "work"].locality"#, json!(null)),
            (r#"phoneNumbers[type eq "work"].value"#, json!(null)),
            (r#"roles[value eq "admin"]"#, json!(null)),
            (&format!("{ENTERPRISE}:department"), json!(null)),
            ("urn:ietf:params:scim:schemas:extension:acme:2.0:User:level", json!(null)),
            ("urn:none:1.0:level", json!(null)),
        ]
    ));
}

#[test]
fn clear_takes_every_element_that_matches() {
    let mut resource = json!({ "emails": [
        { "type": "work", "value": "a" }, { "type": "home", "value": "h" }, { "type": "work", "value": "b" },
    ] });
    clear(&mut resource, &Path::parse(r#"emails[type eq "work"].value"#).unwrap());
    assert_eq!(resource, json!({ "emails": [{ "type": "home", "value": "h" }] }));
}

#[test]
fn set_refuses_what_is_no_resource() {
    let mut text = json!("x");
    assert!(!set(&mut text, &Path::parse("userName").unwrap(), json!("ada")));
    assert_eq!(text, json!("x"));
}
