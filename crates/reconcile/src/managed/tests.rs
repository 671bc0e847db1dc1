use insta::assert_snapshot;
use serde_json::json;

use super::*;

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

/// `path`, `path create` or `path reference`.
fn attributes(lines: &[&str]) -> Vec<ManagedAttribute> {
    let attributes = lines.iter().map(|line| {
        let path_of = |kind: &str| path(line.trim_end_matches(kind).trim());
        let create_only = line.ends_with(" create");
        let reference = line.ends_with(" reference");
        let path = if create_only { path_of(" create") } else { path_of(" reference") };
        ManagedAttribute { path, create_only, reference }
    });
    attributes.collect()
}

fn managed(lines: &[&str], match_by: &[&str], protect: &[&str]) -> Result<Managed, ManagedError> {
    let match_by: Vec<Path> = match_by.iter().map(|text| path(text)).collect();
    let protect = protect.iter().map(|filter| Filter::parse(filter).unwrap()).collect();
    let schemas = Arc::new(SchemaSet::standard());
    Managed::new(Resource::User, attributes(lines), &match_by, protect, schemas)
}

fn check(resource: &Json) -> String {
    let lines = [
        "active",
        "emails.value",
        "emails[type eq \"home\"].value",
        "emails[type eq \"work\"].value",
        "nickName create",
        "password",
        "title",
        "userName",
        &format!("{MANAGER} reference"),
    ];
    let mut sorted = lines;
    sorted.sort_by_key(|line| attributes(&[line])[0].path.clone());
    let protect = ["userName eq \"admin\"", "roles.value eq \"admin\""];
    let managed = managed(&sorted, &["userName", "emails.value"], &protect).unwrap();
    let observed = match managed.observe(resource) {
        Ok(observed) => observed,
        Err(error) => return error.to_string(),
    };
    let Observed { id, name, version, active, .. } = &observed;
    let mut text = format!("id {id}, name {name}, version {version:?}, active {active:?}\n");
    for (slot, attribute) in (0u16..).zip(managed.attributes()) {
        let value = observed.value(slot);
        let element = if observed.has_element(slot) { "" } else { ", no element" };
        if value.is_some() || !element.is_empty() {
            let value = value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            text += &format!("{}: {value}{element}\n", attribute.path);
        }
    }
    for (index, value) in observed.matches() {
        text += &format!("match {index}: {value}\n");
    }
    if let Some(filter) = observed.protected_by() {
        text += &format!("protected by {}\n", managed.protect()[filter]);
    }
    text
}

#[test]
fn of_a_resource_only_what_is_managed_is_kept() {
    let resource = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "a1", "userName": "Zoe", "title": "Lead", "nickName": "Z", "locale": "de", "password": "secret",
        "active": true,
        "emails": [
            { "type": "work", "value": "Zoe@Example.com" },
            { "type": "other", "value": "z@example.com", "primary": true },
        ],
        MANAGER.rsplit_once(':').unwrap().0: { "manager": { "value": "a9", "displayName": "Ada" } },
        "meta": { "version": "W/\"3\"" },
    });
    assert_snapshot!(check(&resource), @r#"
    id a1, name Zoe, version Some("W/\"3\""), active Some(true)
    active: true
    emails.value: "z@example.com"
    emails[type eq "home"].value: nothing, no element
    emails[type eq "work"].value: "Zoe@Example.com"
    title: "Lead"
    userName: "Zoe"
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager: "a9"
    match 0: "zoe"
    match 1: "z@example.com"
    match 1: "zoe@example.com"
    "#);
}

#[test]
fn odd_spellings_are_understood() {
    let resource = json!({
        "ID": 42, "USERNAME": "", "displayName": "Zoë", "Active": "False", "emails": null,
        "roles": [{ "value": "Admin" }],
        MANAGER.rsplit_once(':').unwrap().0: { "manager": { "managerId": 7 } },
    });
    assert_snapshot!(check(&resource), @r#"
    id 42, name Zoë, version None, active Some(false)
    active: "False"
    emails[type eq "home"].value: nothing, no element
    emails[type eq "work"].value: nothing, no element
    userName: ""
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager: "7"
    protected by roles.value eq "admin"
    "#);
}

#[test]
fn what_is_no_resource_is_refused() {
    assert_snapshot!(check(&json!(["a1"])), @"the target's answer is no resource: it is not a JSON object");
    assert_snapshot!(check(&json!({ "userName": "zoe" })), @"the target's answer is no resource: it has no id");
    assert_snapshot!(check(&json!({ "id": "" })), @"the target's answer is no resource: it has no id");
}

#[test]
fn attributes_that_cannot_be_managed_are_refused() {
    let refuse =
        |lines: &[&str], match_by: &[&str]| managed(lines, match_by, &[]).unwrap_err().to_string();
    assert_snapshot!(refuse(&["title"], &["userName"]), @"accounts cannot be matched by userName: the mapping gives it no value");
    assert_snapshot!(refuse(&[&format!("{MANAGER} reference")], &[MANAGER]), @"accounts cannot be matched by urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager: it is a reference to another person");
    assert_snapshot!(refuse(&["userName", "title"], &[]), @"attribute title stands twice or out of the order of paths");
    assert_snapshot!(refuse(&["title", "TITLE"], &[]), @"attribute TITLE stands twice or out of the order of paths");
}
