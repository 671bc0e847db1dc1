use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::path::Path;

fn describe(out: &mut String, prefix: &str, attributes: &[Attribute]) {
    for attribute in attributes {
        let words = [
            Some(format!("{:?}", attribute.kind)),
            attribute.multi_valued.then(|| "list".to_owned()),
            attribute.required.then(|| "required".to_owned()),
            attribute.case_exact.then(|| "caseExact".to_owned()),
            (attribute.mutability != Mutability::ReadWrite)
                .then(|| format!("{:?}", attribute.mutability)),
            (attribute.returned != Returned::Default)
                .then(|| format!("returned={:?}", attribute.returned)),
            (attribute.uniqueness != Uniqueness::None)
                .then(|| format!("unique={:?}", attribute.uniqueness)),
            (!attribute.canonical_values.is_empty()).then(|| attribute.canonical_values.join("|")),
            (!attribute.reference_types.is_empty())
                .then(|| format!("to={}", attribute.reference_types.join("|"))),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        writeln!(out, "{prefix}{}: {}", attribute.name, words.join(" ")).unwrap();
        describe(out, &format!("{prefix}  "), &attribute.sub_attributes);
    }
}

#[test]
fn the_standard_schemas_are_those_of_the_rfc() {
    let schemas = SchemaSet::standard();
    let mut out = String::new();
    writeln!(out, "common").unwrap();
    describe(&mut out, "  ", schemas.common());
    for schema in schemas.iter() {
        writeln!(out, "{} ({})", schema.id, schema.name).unwrap();
        describe(&mut out, "  ", &schema.attributes);
    }
    insta::assert_snapshot!(out);
}

#[test]
fn a_schema_survives_json() {
    for schema in SchemaSet::standard().iter() {
        let back: Schema = serde_json::from_value(schema.to_json()).unwrap();
        assert_eq!(&back, schema);
    }
    let json = SchemaSet::standard().get(urn::ENTERPRISE_USER).unwrap().to_json();
    insta::assert_json_snapshot!(json["attributes"][5]);
}

#[test]
fn a_sloppy_schema_is_read() {
    let schema: Schema = serde_json::from_value(json!({
        "id": "urn:acme:1.0:User", "name": null, "meta": {}, "schemas": [],
        "attributes": [
            { "name": "level", "type": "INTEGER", "multiValued": null, "subAttributes": null },
            { "name": "odd", "type": "money", "mutability": "sometimes", "returned": "Always" },
            { "name": "since", "type": "datetime", "caseExact": true, "uniqueness": "global" },
        ],
    }))
    .unwrap();
    let mut out = String::new();
    describe(&mut out, "", &schema.attributes);
    insta::assert_snapshot!(out, @r"
    level: Integer
    odd: String returned=Always
    since: DateTime caseExact unique=Global
    ");
}

#[test]
fn a_path_finds_its_attribute() {
    let acme: Schema = serde_json::from_value(json!({
        "id": "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
        "attributes": [{ "name": "level", "type": "integer" }],
    }))
    .unwrap();
    let schemas = SchemaSet::standard().with(acme.clone()).with(acme);
    assert_eq!(schemas.iter().count(), 4);
    let mut out = String::new();
    for (resource, text) in [
        (Resource::User, "USERNAME"),
        (Resource::User, "name.GivenName"),
        (Resource::User, "emails"),
        (Resource::User, r#"emails[type eq "work"]"#),
        (Resource::User, r#"emails[type eq "work"].primary"#),
        (Resource::User, "externalId"),
        (Resource::User, "meta.created"),
        (Resource::User, "members"),
        (Resource::Group, "members.value"),
        (Resource::Group, "userName"),
        (Resource::User, "name.nope"),
        (Resource::User, "urn:scim:schemas:extension:enterprise:1.0.manager"),
        (Resource::User, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:Department"),
        (Resource::User, "urn:scim:schemas:extension:acme:1.0:level"),
        (Resource::User, "urn:unknown:1.0:level"),
    ] {
        let path = Path::parse(text).unwrap();
        let found = schemas.resolve(resource, &path).map_or_else(
            || "none".to_owned(),
            |found| {
                let parent =
                    found.parent().map_or(String::new(), |parent| format!("{}.", parent.name));
                format!("{parent}{} {:?}", found.name, found.kind)
            },
        );
        writeln!(out, "{resource} {text} -> {found}").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn values_are_checked_against_their_attribute() {
    let schemas = SchemaSet::standard();
    let mut out = String::new();
    for (text, value) in [
        ("title", json!("Lead")),
        ("title", json!(null)),
        ("title", json!(7)),
        ("title", json!(["a"])),
        ("active", json!(true)),
        ("active", json!("True")),
        ("emails", json!([{ "value": "a@example.com", "primary": true }])),
        ("emails", json!({ "value": "a@example.com" })),
        ("emails", json!(["a@example.com"])),
        ("emails", json!([{ "value": "a", "primary": "yes" }])),
        ("emails", json!([{ "value": "a", "primary": true }, { "value": "b", "primary": true }])),
        ("emails", json!([{ "value": "a", "colour": "red" }])),
        ("name", json!({ "familyName": ["x"] })),
        ("meta", json!({ "created": "2026-01-31T08:30:00Z" })),
        ("meta", json!({ "created": "2026-02-31T08:30:00Z" })),
        ("x509Certificates", json!([{ "value": "QUJD" }, { "value": "not base64!" }])),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", json!("9")),
    ] {
        let path = Path::parse(text).unwrap();
        let attribute = schemas.resolve(Resource::User, &path).unwrap();
        let verdict =
            attribute.check(&value).map_or_else(|error| error.to_string(), |()| "fits".into());
        writeln!(out, "{text} {value}\n    {verdict}").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn resources_have_their_names() {
    for resource in Resource::ALL {
        assert_eq!(serde_json::to_value(resource).unwrap(), json!(resource.to_string()));
    }
    assert_eq!(Resource::Group.endpoint(), "/Groups");
    assert_eq!(Resource::User.schema(), urn::CORE_USER);
}
