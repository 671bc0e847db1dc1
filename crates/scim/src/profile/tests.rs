use serde_json::json;

use super::*;
use crate::schema::SchemaSet;

fn profile(table: &Json) -> Profile {
    layered("test", None, |_| Ok(table.clone())).unwrap()
}

/// Both directions: what the client sends, and what the simulator makes of it.
fn check(table: &Json, resource: Resource, body: Json) -> String {
    let profile = profile(table);
    let schemas = profile.schemas().unwrap();
    let sent = profile.encode(resource, &body, &schemas).into_owned();
    let twice = profile.encode(resource, &sent, &schemas).into_owned();
    assert_eq!(sent, twice, "what is in the form of the service already stays");
    let back = profile.decode(resource, sent.clone(), &schemas);
    let back = match back {
        Ok(back) if back == body => "the same".to_owned(),
        Ok(back) => serde_json::to_string_pretty(&back).unwrap(),
        Err(refused) => refused,
    };
    let plain = match profile.decode(resource, body, &schemas) {
        Ok(_) => "taken".to_owned(),
        Err(refused) => refused,
    };
    let sent = serde_json::to_string_pretty(&sent).unwrap();
    format!("sent: {sent}\nread back: {back}\nas the RFCs have it: {plain}\n")
}

fn person() -> Json {
    json!({
        "schemas": [crate::urn::CORE_USER, crate::urn::ENTERPRISE_USER],
        "userName": "ada@example.com",
        "active": true,
        "emails": [{ "type": "home", "value": "a@h" }, { "type": "work", "value": "a@w", "primary": true }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Engines",
            "manager": { "value": "26118915" },
        },
        "urn:example:params:scim:schemas:extension:hr:2.0:User": { "startDate": "2026-01-31T08:30:00Z" },
    })
}

#[test]
fn values_are_written_in_the_form_of_the_service() {
    let cases = [
        ("as the RFCs", json!({})),
        (
            "numbers and times",
            json!({
                "values": { "manager": "manager_id", "ids": "number", "dates": "epoch", "booleans_as_text": true },
                "attributes": { "urn:example:params:scim:schemas:extension:hr:2.0:User:startDate": "dateTime" },
            }),
        ),
        ("SCIM 1.1", json!({ "version": "1.1", "values": { "manager": "manager_id" } })),
        (
            "one value",
            json!({ "write": { "single": ["emails"] }, "values": { "manager": "plain" } }),
        ),
    ];
    let mut text = String::new();
    for (name, table) in cases {
        let mut body = person();
        if name == "SCIM 1.1" {
            body.as_object_mut()
                .unwrap()
                .remove("urn:example:params:scim:schemas:extension:hr:2.0:User");
        }
        text += &format!("== {name}\n{}\n", check(&table, Resource::User, body));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_patch_is_spoken_in_the_dialect_of_the_service() {
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    let patch = json!({ "schemas": [crate::urn::PATCH_OP], "Operations": [
        { "op": "replace", "path": "active", "value": false },
        { "op": "remove", "path": "title" },
        { "op": "add", "path": "name.givenName", "value": "Ada" },
        { "op": "replace", "path": manager, "value": { "value": "7" } },
        { "op": "replace", "path": "emails", "value": [{ "type": "work", "value": "a@w" }] },
        { "op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "1" },
    ]});
    let cases = [
        ("as the RFCs", json!({})),
        (
            "old",
            json!({ "patch": { "op": "capital" }, "values": { "booleans_as_text": true, "manager": "plain" } }),
        ),
        ("object", json!({ "patch": { "form": "object" }, "write": { "clear": "empty" } })),
        (
            "null, three at once",
            json!({ "patch": { "max_operations": 3 }, "write": { "clear": "null" } }),
        ),
        (
            "SCIM 1.1",
            json!({ "version": "1.1", "values": { "manager": "manager_id", "ids": "number" } }),
        ),
    ];
    let mut text = String::new();
    for (name, table) in cases {
        let profile = profile(&table);
        text += &format!("== {name}\n");
        for request in profile.encode_patch(Resource::User, &patch, &SchemaSet::standard()) {
            for operation in request["Operations"].as_array().unwrap() {
                text += &format!("{operation}\n");
            }
            text += "--\n";
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_layer_goes_before_what_it_extends() {
    let read = |name: &str| match name {
        "base" => {
            Ok(json!({ "title": "Base", "list": { "page_size": 50 }, "errors": { "7": "seven" } }))
        }
        "own" => Ok(json!({ "extends": "base", "title": "Own", "errors": { "8": "eight" } })),
        "circle" => Ok(json!({ "extends": "circle" })),
        "typo" => Ok(json!({ "list": { "page_sise": 50 } })),
        "path" => Ok(json!({ "write": { "ignored": ["a b"] } })),
        "kind" => Ok(json!({ "attributes": { "urn:x:y:z": "text" } })),
        "merge" => Ok(json!({ "write": { "update": "put_changes" } })),
        "sense" => Ok(json!({ "lifecycle": { "deactivate": "delete", "delete": "none" } })),
        _ => Err("there is no such profile".to_owned()),
    };
    let over = json!({ "list": { "page_size": 20, "paging": "cursor" } });
    let own = layered("own", Some(&over), read).unwrap();
    assert_eq!(
        (own.title.as_str(), own.list.page_size, own.list.paging),
        ("Own", 20, Paging::Cursor)
    );
    assert_eq!(own.errors.keys().collect::<Vec<_>>(), ["7", "8"]);

    let wrong = ["circle", "typo", "path", "kind", "merge", "sense", "nobody"];
    let wrong: Vec<String> =
        wrong.iter().map(|name| layered(name, None, read).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(wrong.join("\n"));
}

#[test]
fn errors_are_explained_by_code_then_type_then_words_then_status() {
    let profile = profile(&json!({ "errors": {
        "1789003": "by code", "uniqueness": "by type", "verified domain": "by words", "409": "by status",
    }}));
    let explain = |status, kind, code, message| profile.explain(status, kind, code, message);
    assert_eq!(explain(Some(409), Some("uniqueness"), Some(1_789_003), ""), Some("by code"));
    assert_eq!(explain(Some(409), Some("Uniqueness"), None, ""), Some("by type"));
    assert_eq!(explain(Some(409), None, None, "no Verified Domain"), Some("by words"));
    assert_eq!(explain(Some(409), None, None, "error 1789003"), Some("by status"));
    assert_eq!(explain(Some(400), None, None, ""), None);
}

#[test]
fn what_a_service_says_fills_what_the_profile_leaves_open() {
    let config = json!({
        "patch": { "supported": false },
        "etag": { "supported": true },
        "filter": { "supported": false, "maxResults": 100 },
        "pagination": { "cursor": true, "index": false, "maxPageSize": 50 },
        "bulk": { "supported": true, "maxOperations": 1000, "maxPayloadSize": 9_000_000_000_u64 },
    });
    let types = json!({ "Resources": [
        { "name": "User", "endpoint": "https://scim.example.com/v2/users" },
        { "name": "Group", "endpoint": "/Groups" },
    ]});
    let found = Discovery::read(Some(&config), Some(&types), None);
    assert_eq!(found.endpoint(Resource::User).as_deref(), Some("/users"));
    let open = profile(&json!({})).with_discovery(&found);
    assert_eq!((open.write.update, open.filter.supported), (Update::Put, false));
    assert_eq!((open.list.paging, open.list.page_size), (Paging::Cursor, 50));
    assert_eq!(open.write.if_match, Use::Always);
    let bulk = Bulk { max_operations: 100, max_payload: u32::MAX, ..Bulk::default() };
    assert_eq!(open.bulk, bulk);
    let silent = profile(&json!({})).with_discovery(&Discovery::default());
    assert_eq!((silent.write.if_match, silent.bulk.when), (Use::Never, Use::Never));
    let told = profile(&json!({
        "write": { "update": "patch", "if_match": "never" }, "bulk": { "use": "never" },
        "filter": { "operators": ["eq"] }, "list": { "page_size": 100, "paging": "index" },
    }));
    assert_eq!(told.clone().with_discovery(&found), told);
}
