use serde_json::json;

use super::*;
use crate::desired::{Assignment, Desired};
use crate::value;

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

/// Both ways of writing, after making sure that each leaves no difference.
fn check(observed: &Json, entries: &Json) -> String {
    let schemas = SchemaSet::standard();
    let desired = desired(entries);
    let differences = desired.difference(observed, Resource::User, &schemas);
    let patch = patch_body(&differences, Some(observed), &schemas);
    let put = put_body(observed, &differences);
    if !differences.is_empty() {
        let mut patched = observed.clone();
        crate::patch::apply(&mut patched, &patch, &schemas, Resource::User).unwrap();
        assert_eq!(desired.difference(&patched, Resource::User, &schemas), []);
    }
    assert_eq!(desired.difference(&put, Resource::User, &schemas), []);
    let operations: Vec<String> =
        patch["Operations"].as_array().unwrap().iter().map(Json::to_string).collect();
    let mut put = put;
    put.as_object_mut().unwrap().remove("schemas");
    format!("PATCH\n  {}\nPUT\n  {put}", operations.join("\n  "))
}

#[test]
fn a_new_resource_lists_every_schema_that_it_uses() {
    let set = desired(&json!({
        "externalId": "7",
        "userName": "ada",
        "active": true,
        "name.givenName": "Ada",
        "name.familyName": "Lovelace",
        r#"emails[type eq "work"].value"#: "ada@example.com",
        r#"emails[type eq "home"].value"#: "home@example.com",
        r#"addresses[type eq "work"].locality"#: "London",
        r#"addresses[type eq "work"].country"#: "GB",
        r#"addresses[type eq "other"].formatted"#: "The attic",
        "title": null,
        "roles": [],
        format!("{ENTERPRISE}:manager"): "9",
        format!("{ENTERPRISE}:department"): "Engines",
        "urn:scim:schemas:extension:facebook:auth_method:1.0.auth_method": "sso",
    }));
    insta::assert_json_snapshot!(create_body(Resource::User, &set.values()));
    let group = desired(&json!({ "displayName": "Engines" }));
    insta::assert_snapshot!(create_body(Resource::Group, &group.values()), @r#"{"displayName":"Engines","schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}"#);
}

#[test]
fn one_changed_title_is_one_operation() {
    let observed = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "7", "userName": "ada", "title": "Engineer",
        "photos": [{ "value": "https://example.com/a.png" }], "meta": { "version": "1" }, "groups": [{ "value": "g" }],
    });
    insta::assert_snapshot!(check(&observed, &json!({ "userName": "ada", "TITLE": "Lead" })), @r#"
    PATCH
      {"op":"replace","path":"title","value":"Lead"}
    PUT
      {"id":"7","photos":[{"value":"https://example.com/a.png"}],"title":"Lead","userName":"ada"}
    "#);
    insta::assert_snapshot!(check(&observed, &json!({ "userName": "ada" })), @r#"
    PATCH
      
    PUT
      {"id":"7","photos":[{"value":"https://example.com/a.png"}],"title":"Engineer","userName":"ada"}
    "#);
}

#[test]
fn simple_and_complex_attributes_are_added_replaced_and_removed() {
    let observed = json!({ "userName": "ada", "title": "Engineer", "name": { "familyName": "Byron", "middleName": "K" } });
    insta::assert_snapshot!(check(&observed, &json!({
        "title": null,
        "nickName": "Countess",
        "name.familyName": "Lovelace",
        "name.givenName": "Ada",
        "name.middleName": null,
        format!("{ENTERPRISE}:department"): "Engines",
        format!("{ENTERPRISE}:manager"): "9",
    })), @r#"
    PATCH
      {"op":"replace","path":"name.familyName","value":"Lovelace"}
      {"op":"add","path":"name.givenName","value":"Ada"}
      {"op":"remove","path":"name.middleName"}
      {"op":"add","path":"nickName","value":"Countess"}
      {"op":"remove","path":"title"}
      {"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Engines"}
      {"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":{"value":"9"}}
    PUT
      {"name":{"familyName":"Lovelace","givenName":"Ada"},"nickName":"Countess","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Engines","manager":{"value":"9"}},"userName":"ada"}
    "#);
}

#[test]
fn sub_attributes_of_a_new_element_become_one_element() {
    let observed =
        json!({ "userName": "ada", "addresses": [{ "type": "home", "locality": "Ockham" }] });
    insta::assert_snapshot!(check(&observed, &json!({
        r#"addresses[type eq "work"].locality"#: "London",
        r#"addresses[type eq "work"].country"#: "GB",
        r#"addresses[type eq "other"].formatted"#: "The attic",
        r#"addresses[type eq "home"].country"#: "GB",
        r#"addresses[type eq "home"].locality"#: "Kirkby",
        r#"emails[type eq "work"].value"#: "ada@example.com",
        r#"phoneNumbers[type eq "fax"].value"#: null,
    })), @r#"
    PATCH
      {"op":"add","path":"addresses[type eq \"home\"].country","value":"GB"}
      {"op":"replace","path":"addresses[type eq \"home\"].locality","value":"Kirkby"}
      {"op":"add","path":"addresses","value":[{"formatted":"The attic","type":"other"},{"country":"GB","locality":"London","type":"work"}]}
      {"op":"add","path":"emails","value":[{"type":"work","value":"ada@example.com"}]}
    PUT
      {"addresses":[{"country":"GB","locality":"Kirkby","type":"home"},{"formatted":"The attic","type":"other"},{"country":"GB","locality":"London","type":"work"}],"emails":[{"type":"work","value":"ada@example.com"}],"userName":"ada"}
    "#);
}

#[test]
fn elements_that_exist_are_changed_in_place() {
    let observed = json!({ "userName": "ada", "emails": [
        { "type": "work", "value": "old@example.com", "primary": true, "display": "Ada" }, { "type": "home", "value": "h@example.com" },
    ] });
    insta::assert_snapshot!(check(&observed, &json!({ r#"emails[type eq "work"].value"#: "new@example.com" })), @r#"
    PATCH
      {"op":"replace","path":"emails[type eq \"work\"].value","value":"new@example.com"}
    PUT
      {"emails":[{"display":"Ada","primary":true,"type":"work","value":"new@example.com"},{"type":"home","value":"h@example.com"}],"userName":"ada"}
    "#);
    insta::assert_snapshot!(check(&observed, &json!({ r#"emails[type eq "work"]"#: { "value": "new@example.com" } })), @r#"
    PATCH
      {"op":"replace","path":"emails[type eq \"work\"]","value":{"display":"Ada","primary":true,"type":"work","value":"new@example.com"}}
    PUT
      {"emails":[{"display":"Ada","primary":true,"type":"work","value":"new@example.com"},{"type":"home","value":"h@example.com"}],"userName":"ada"}
    "#);
    insta::assert_snapshot!(check(&observed, &json!({ r#"emails[type eq "work"].value"#: null })), @r#"
    PATCH
      {"op":"remove","path":"emails[type eq \"work\"].value"}
    PUT
      {"emails":[{"display":"Ada","primary":true,"type":"work"},{"type":"home","value":"h@example.com"}],"userName":"ada"}
    "#);
    insta::assert_snapshot!(check(&observed, &json!({ r#"emails[type eq "other" and primary eq true].value"#: "o@example.com" })), @r#"
    PATCH
      {"op":"add","path":"emails","value":[{"primary":true,"type":"other","value":"o@example.com"}]}
    PUT
      {"emails":[{"display":"Ada","primary":false,"type":"work","value":"old@example.com"},{"type":"home","value":"h@example.com"},{"primary":true,"type":"other","value":"o@example.com"}],"userName":"ada"}
    "#);
}

#[test]
fn a_list_is_replaced_where_a_path_would_hit_the_wrong_elements() {
    let observed = json!({ "userName": "ada", "emails": [
        { "type": "work", "value": "a@example.com" }, { "type": "work", "value": "b@example.com" }, { "type": "home", "value": "h@example.com" },
    ] });
    insta::assert_snapshot!(check(&observed, &json!({ r#"emails[type eq "work"].value"#: "new@example.com" })), @r#"
    PATCH
      {"op":"replace","path":"emails","value":[{"type":"work","value":"new@example.com"},{"type":"work","value":"b@example.com"},{"type":"home","value":"h@example.com"}]}
    PUT
      {"emails":[{"type":"work","value":"new@example.com"},{"type":"work","value":"b@example.com"},{"type":"home","value":"h@example.com"}],"userName":"ada"}
    "#);
    insta::assert_snapshot!(check(&observed, &json!({ "emails.value": "first@example.com" })), @r#"
    PATCH
      {"op":"replace","path":"emails","value":[{"type":"work","value":"first@example.com"},{"type":"work","value":"b@example.com"},{"type":"home","value":"h@example.com"}]}
    PUT
      {"emails":[{"type":"work","value":"first@example.com"},{"type":"work","value":"b@example.com"},{"type":"home","value":"h@example.com"}],"userName":"ada"}
    "#);
    insta::assert_snapshot!(check(&json!({ "userName": "ada" }), &json!({ "emails.value": "first@example.com" })), @r#"
    PATCH
      {"op":"add","path":"emails","value":[{"value":"first@example.com"}]}
    PUT
      {"emails":[{"value":"first@example.com"}],"userName":"ada"}
    "#);
    insta::assert_snapshot!(check(&observed, &json!({ "emails.value": null })), @r#"
    PATCH
      {"op":"remove","path":"emails"}
    PUT
      {"userName":"ada"}
    "#);
}

#[test]
fn without_an_observed_resource_before_tells_what_exists() {
    let difference = |path: &str, before: Json, after: Json| Difference {
        path: Path::parse(path).unwrap(),
        before: (!before.is_null()).then_some(before),
        after: (!after.is_null()).then_some(after),
    };
    let body = patch_body(
        &[
            difference(r#"addresses[type eq "work"].country"#, json!(null), json!("GB")),
            difference(r#"addresses[type eq "work"].locality"#, json!("Bath"), json!("London")),
            difference(r#"emails[type eq "work"].value"#, json!(null), json!("a@example.com")),
        ],
        None,
        &SchemaSet::standard(),
    );
    insta::assert_json_snapshot!(body);
}

#[test]
fn put_keeps_the_id_and_drops_what_only_the_provider_writes() {
    let observed = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "ID": "7", "userName": "ada", "Meta": {}, "GROUPS": [],
        "locale": null, "urn:scim:schemas:extension:enterprise:1.0": { "manager": { "managerId": 9, "displayName": "Boss" } },
    });
    let set = desired(
        &json!({ format!("{ENTERPRISE}:manager"): "8", format!("{ENTERPRISE}:department"): "Engines" }),
    );
    let differences = set.difference(&observed, Resource::User, &SchemaSet::standard());
    let body = put_body(&observed, &differences);
    insta::assert_snapshot!(body, @r#"{"ID":"7","schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:scim:schemas:extension:enterprise:1.0"],"urn:scim:schemas:extension:enterprise:1.0":{"department":"Engines","manager":{"value":"8"}},"userName":"ada"}"#);
    assert!(value::same(None, &json!(body["schemas"][0]), &json!(urn::CORE_USER)));
}

/// The attributes of the Entra tutorial for Workplace, its SCIM 1.1 names included.
const TUTORIAL: [&str; 32] = [
    "userName",
    "displayName",
    "active",
    "title",
    r#"emails[type eq "work"].value"#,
    "name.givenName",
    "name.familyName",
    "name.formatted",
    r#"addresses[type eq "work"].formatted"#,
    r#"addresses[type eq "work"].streetAddress"#,
    r#"addresses[type eq "work"].locality"#,
    r#"addresses[type eq "work"].region"#,
    r#"addresses[type eq "work"].country"#,
    r#"addresses[type eq "work"].postalCode"#,
    r#"addresses[type eq "other"].formatted"#,
    r#"phoneNumbers[type eq "work"].value"#,
    r#"phoneNumbers[type eq "mobile"].value"#,
    r#"phoneNumbers[type eq "fax"].value"#,
    "externalId",
    "preferredLanguage",
    "urn:scim:schemas:extension:enterprise:1.0.manager",
    "urn:scim:schemas:extension:enterprise:1.0.department",
    "urn:scim:schemas:extension:enterprise:1.0.division",
    "urn:scim:schemas:extension:enterprise:1.0.organization",
    "urn:scim:schemas:extension:enterprise:1.0.costCenter",
    "urn:scim:schemas:extension:enterprise:1.0.employeeNumber",
    "urn:scim:schemas:extension:facebook:auth_method:1.0.auth_method",
    "urn:scim:schemas:extension:facebook:frontline:1.0.is_frontline",
    "urn:scim:schemas:extension:facebook:starttermdates:1.0.startDate",
    "locale",
    "nickName",
    "timezone",
];

fn tutorial_schemas() -> SchemaSet {
    let extension = |name: &str, attribute: Json| {
        let id = format!("urn:ietf:params:scim:schemas:extension:facebook:{name}:2.0:User");
        serde_json::from_value(json!({ "id": id, "attributes": [attribute] })).unwrap()
    };
    SchemaSet::standard()
        .with(extension("authmethod", json!({ "name": "auth_method", "type": "string" })))
        .with(extension("frontline", json!({ "name": "is_frontline", "type": "boolean" })))
        .with(extension("starttermdates", json!({ "name": "startDate", "type": "integer" })))
}

fn tutorial_value(path: &str, round: i64) -> Json {
    match path {
        "active" => json!(round == 0),
        path if path.ends_with("is_frontline") => json!(round == 0),
        path if path.ends_with("startDate") => json!(1_736_899_200 + round),
        path if path.ends_with("manager") => json!(format!("10015432{round}")),
        path => json!(format!("{} {round}", path.len())),
    }
}

#[test]
fn each_attribute_of_the_tutorial_is_written_by_one_operation() {
    let schemas = tutorial_schemas();
    let all: Desired = TUTORIAL
        .iter()
        .map(|text| (Path::parse(text).unwrap(), Assignment::Set(tutorial_value(text, 0))))
        .collect();
    let full = create_body(Resource::User, &all.values());
    assert_eq!(all.difference(&full, Resource::User, &schemas), []);
    let mut lines = Vec::new();
    for text in TUTORIAL {
        let path = Path::parse(text).unwrap();
        let required = text == "userName";
        let changes = [Assignment::Set(tutorial_value(text, 1)), Assignment::Clear];
        for change in changes.into_iter().filter(|change| !required || change.value().is_some()) {
            let mut desired = all.clone();
            desired.insert(path.clone(), change);
            let differences = desired.difference(&full, Resource::User, &schemas);
            let body = patch_body(&differences, Some(&full), &schemas);
            let [operation] = body["Operations"].as_array().unwrap().as_slice() else {
                panic!("{text}: {body}")
            };
            lines.push(operation.to_string());
            let mut patched = full.clone();
            crate::patch::apply(&mut patched, &body, &schemas, Resource::User).unwrap();
            assert_eq!(desired.difference(&patched, Resource::User, &schemas), [], "{text}");
            let put = put_body(&full, &differences);
            assert_eq!(desired.difference(&put, Resource::User, &schemas), [], "{text}");
            // And back again, from what is left.
            let back = all.difference(&patched, Resource::User, &schemas);
            let body = patch_body(&back, Some(&patched), &schemas);
            crate::patch::apply(&mut patched, &body, &schemas, Resource::User).unwrap();
            assert_eq!(all.difference(&patched, Resource::User, &schemas), [], "{text} {body}");
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}
