//! Cases are files: a first line with the behaviour, then requests. What is answered is their snapshot.

use std::fmt::Write as _;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use peoplesync_scim::{Resource, urn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value as Json;
use tokio::sync::watch;

use super::{BASE, Reply, Service};
use crate::{Behaviour, Simulator};

/// What cannot stand in a URL; the cases are written without such escapes.
const ESCAPED: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'[').add(b']').add(b'<').add(b'>');

#[test]
fn requests_are_answered_as_the_rfcs_say() {
    insta::glob!("cases/*.txt", |path| {
        insta::assert_snapshot!(check(&std::fs::read_to_string(path).unwrap()));
    });
}

/// Plays a case.
///
/// A case begins with the behaviour as JSON and goes on with requests, parted by lines of dashes. A request is
/// `METHOD /path?query`, header lines, an empty line and a body. Lines that begin with `#` are kept as headings. In a body,
/// `USER`, `GROUP`, `ENTERPRISE`, `PATCH`, `BULK` and `SEARCH` between quotes stand for URNs; `$1` is the id that was given out
/// first. A request line that ends in ` !` is only set up: its answer must be 201 and is not shown.
fn check(case: &str) -> String {
    let mut parts = case.split("\n---\n");
    let behaviour: Behaviour = serde_json::from_str(parts.next().unwrap()).unwrap();
    let service = service(behaviour);
    let mut ids = Vec::new();
    let mut shown = String::new();
    for part in parts {
        let mut lines = part.trim().lines().peekable();
        while let Some(heading) = lines.next_if(|line| line.starts_with('#')) {
            writeln!(shown, "{heading}").unwrap();
        }
        let line = lines.next().unwrap();
        let (line, quiet) = line.strip_suffix(" !").map_or((line, false), |line| (line, true));
        let mut head = format!("{line}\n");
        let (method, target) = line.split_once(' ').unwrap();
        let target = utf8_percent_encode(&expand(target, &ids), &ESCAPED).to_string();
        // Two slashes: not below the base.
        let target = match target.strip_prefix("//") {
            Some(path) => format!("/{path}"),
            None => format!("{BASE}{target}"),
        };
        let mut request = Request::builder().method(method).uri(target);
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            writeln!(head, "{line}").unwrap();
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        for line in lines.clone() {
            writeln!(head, "{line}").unwrap();
        }
        let body = expand(&lines.collect::<Vec<_>>().join("\n"), &ids);
        let reply = service.answer(&request.body(Bytes::from(body)).unwrap());
        if let Some(location) = reply.headers().get(header::LOCATION) {
            ids.push(location.to_str().unwrap().rsplit('/').next().unwrap().to_owned());
        }
        if quiet {
            assert_eq!(reply.status(), 201, "{line}: {:?}", reply.body());
            continue;
        }
        writeln!(shown, "{head}{}", show(&reply)).unwrap();
    }
    shown
}

fn expand(body: &str, ids: &[String]) -> String {
    let urns = [
        ("USER", urn::CORE_USER),
        ("GROUP", urn::CORE_GROUP),
        ("ENTERPRISE", urn::ENTERPRISE_USER),
        ("PATCH", urn::PATCH_OP),
        ("BULK", urn::BULK_REQUEST),
        ("SEARCH", urn::SEARCH_REQUEST),
    ];
    let mut body = body.to_owned();
    for (short, urn) in urns {
        body = body.replace(&format!("\"{short}\""), &format!("\"{urn}\""));
    }
    for (number, id) in ids.iter().enumerate().rev() {
        body = body.replace(&format!("${}", number + 1), id);
    }
    body
}

fn service(behaviour: Behaviour) -> Service {
    let url = format!("http://127.0.0.1:8080{BASE}");
    let builder = Simulator::builder().behaviour(behaviour);
    builder.build(url, watch::channel(false).1).unwrap().service
}

/// The answer: status, headers, and the body with a line for each member.
fn show(reply: &Reply) -> String {
    let mut shown = format!("< {}", reply.status());
    let named = [header::LOCATION, header::ETAG, header::ALLOW, header::WWW_AUTHENTICATE];
    for name in named {
        if let Some(value) = reply.headers().get(&name) {
            write!(shown, "\n< {name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    if reply.body().is_empty() {
        assert!(!reply.headers().contains_key(header::CONTENT_TYPE));
        return shown + "\n";
    }
    assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/scim+json");
    let body: Json = serde_json::from_slice(reply.body()).unwrap();
    if let Some(detail) = body.get("detail").filter(|_| !reply.status().is_success()) {
        assert_eq!(body["schemas"][0], urn::ERROR);
        assert_eq!(body["status"], reply.status().as_str());
        let kind = body["scimType"].as_str().unwrap_or("-");
        return format!("{shown}\n< {kind}: {}\n", detail.as_str().unwrap());
    }
    format!("{shown}\n{}\n", serde_json::to_string_pretty(&body).unwrap())
}

#[test]
fn every_schema_that_is_shown_can_be_read_back() {
    let service = service(Behaviour::default());
    let request = Request::get(format!("{BASE}/Schemas")).body(Bytes::new()).unwrap();
    let body: Json = serde_json::from_slice(service.answer(&request).body()).unwrap();
    let shown: Vec<peoplesync_scim::schema::Schema> =
        serde_json::from_value(body["Resources"].clone()).unwrap();
    let known: Vec<_> = service.schemas.iter().cloned().collect();
    assert_eq!(shown, known);
    assert_eq!(body["totalResults"], known.len());
}

#[test]
fn the_order_of_requests_alone_decides_the_ids() {
    let ids = || {
        let service = service(Behaviour::default());
        let mut store = service.write();
        [store.new_id(), store.new_id()]
    };
    let [first, second] = ids();
    assert_eq!(ids(), [first.clone(), second.clone()]);
    assert_ne!(first, second);
    insta::assert_snapshot!(first, @"6e789e6a-a1b9-45f4-a06c-5d188009454f");
}

#[test]
fn a_filter_on_an_indexed_attribute_looks_at_few_resources() {
    let service = service(Behaviour::default());
    let mut store = service.write();
    for number in 0..2000 {
        let body = serde_json::json!({
            "userName": format!("u{number}@example.com"),
            "emails": [{ "value": format!("u{number}@example.com"), "type": "work" }],
        });
        let new = crate::accept::accept(
            Resource::User,
            body,
            &service.schemas,
            crate::accept::Origin::Own,
        );
        service.add(&mut store, Resource::User, new.unwrap(), None).unwrap();
    }
    let candidates = |filter: &str| {
        let filter = peoplesync_scim::Filter::parse(filter).unwrap();
        let lookup = crate::store::Lookup::of(&filter, Resource::User);
        lookup.map(|lookup| store.table(Resource::User).lookup(&lookup).len())
    };
    assert_eq!(candidates(r#"userName eq "U7@Example.com""#), Some(1));
    assert_eq!(candidates(r#"active eq true and emails.value eq "u7@example.com""#), Some(1));
    assert_eq!(candidates(r#"emails[type eq "work" and value eq "u7@example.com"]"#), Some(1));
    assert_eq!(candidates(r#"externalId eq "7""#), Some(0));
    assert_eq!(candidates(r#"id eq "7""#), Some(0));
    assert_eq!(candidates(r#"userName sw "u7""#), None);
    assert_eq!(candidates(r#"userName eq "a" or userName eq "b""#), None);
}

#[test]
fn an_added_schema_extends_the_resources_that_its_urn_names() {
    let schema = r#"{"id": "urn:example:badge:Group", "attributes": [
        {"name": "number", "type": "integer", "mutability": "immutable", "required": true},
        {"name": "colour", "type": "string", "returned": "request"}]}"#;
    let builder = Simulator::builder().schemas_json(schema).unwrap();
    let service = builder.build(String::new(), watch::channel(false).1).unwrap().service;
    let send = |method: &str, path: &str, body: &str| {
        let request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        show(&service.answer(&request.body(Bytes::from(expand(body, &[]))).unwrap()))
    };
    let user =
        r#"{"schemas": ["USER"], "userName": "ada", "urn:example:badge:Group": {"number": 7}}"#;
    insta::assert_snapshot!(send("POST", "/Users", user), @r#"
        < 400 Bad Request
        < invalidSyntax: unknown schema `urn:example:badge:Group`
        "#);
    let group = |badge: &str| {
        let schemas = r#""schemas": ["GROUP", "urn:example:badge:Group"], "displayName": "All""#;
        format!(r#"{{{schemas}, "urn:example:badge:Group": {badge}}}"#)
    };
    insta::assert_snapshot!(send("POST", "/Groups", &group(r#"{"colour": "red"}"#)), @r#"
        < 400 Bad Request
        < invalidValue: `urn:example:badge:Group:number` is required
        "#);
    insta::assert_snapshot!(send("POST", "/Groups", &group(r#"{"number": 7, "colour": "red"}"#)), @r#"
        < 201 Created
        < location: /Groups/6e789e6a-a1b9-45f4-a06c-5d188009454f
        < etag: W/"1"
        {
          "displayName": "All",
          "id": "6e789e6a-a1b9-45f4-a06c-5d188009454f",
          "meta": {
            "created": "2026-01-01T00:00:00Z",
            "lastModified": "2026-01-01T00:00:00Z",
            "location": "/Groups/6e789e6a-a1b9-45f4-a06c-5d188009454f",
            "resourceType": "Group",
            "version": "W/\"1\""
          },
          "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:Group",
            "urn:example:badge:Group"
          ],
          "urn:example:badge:Group": {
            "number": 7
          }
        }
        "#);
    let id = service.read().table(Resource::Group).rows()[0].id.to_string();
    insta::assert_snapshot!(send("PUT", &format!("/Groups/{id}"), &group(r#"{"number": 8}"#)), @r#"
        < 400 Bad Request
        < mutability: `urn:example:badge:Group:number` is immutable: it can be set once only
        "#);
    let asked = send("GET", &format!("/Groups/{id}?attributes=urn:example:badge:Group:colour"), "");
    insta::assert_snapshot!(asked, @r#"
        < 200 OK
        < etag: W/"1"
        {
          "id": "6e789e6a-a1b9-45f4-a06c-5d188009454f",
          "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:Group",
            "urn:example:badge:Group"
          ],
          "urn:example:badge:Group": {
            "colour": "red"
          }
        }
        "#);
    assert!(Simulator::builder().schemas_json("[{}]").is_err());
}

#[test]
fn behaviour_is_read_from_data_and_keeps_its_token_to_itself() {
    let behaviour: Behaviour =
        serde_json::from_str(r#"{"bearer": "secret", "max_page": 5}"#).unwrap();
    assert_eq!(
        behaviour,
        Behaviour { bearer: Some("secret".into()), max_page: 5, ..Behaviour::default() }
    );
    assert!(!format!("{behaviour:?}").contains("secret"));
    let typo = serde_json::from_str::<Behaviour>(r#"{"max_pages": 5}"#).unwrap_err().to_string();
    assert!(typo.contains("max_pages") && typo.contains("max_page"), "{typo}");
}

#[test]
fn what_is_shown_can_be_put_back_and_changes_nothing() {
    let service = service(Behaviour::default());
    let send = |method: &str, path: &str, body: Bytes| {
        let request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        service.answer(&request.body(body).unwrap())
    };
    let user = r#"{"schemas": ["USER", "ENTERPRISE"], "userName": "ada", "active": false, "externalId": "7",
        "name": {"formatted": "Ada Lovelace"}, "emails": [{"type": "work", "value": "ada@example.com", "primary": true}],
        "ENTERPRISE": {"manager": {"value": "7"}, "department": "R&D"}}"#;
    let created = send("POST", "/Users", Bytes::from(expand(user, &[])));
    let id = service.read().table(Resource::User).rows()[0].id.to_string();
    let group = format!(
        r#"{{"schemas": ["GROUP"], "displayName": "All", "members": [{{"value": "{id}"}}]}}"#
    );
    assert_eq!(send("POST", "/Groups", Bytes::from(expand(&group, &[]))).status(), 201);

    let shown = send("GET", &format!("/Users/{id}"), Bytes::new()).into_body();
    assert_ne!(&shown, created.body(), "it is in a group now");
    let put = send("PUT", &format!("/Users/{id}"), shown.clone());
    assert_eq!(
        (put.status(), put.headers()[header::ETAG].to_str().unwrap()),
        (StatusCode::OK, "W/\"1\"")
    );
    assert_eq!(put.body(), &shown);
}
