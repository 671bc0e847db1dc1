//! Records and rules in files, and what comes of them.
//!
//! A case is one or more records (a blank line between two), a line `---`, and rules. `field: text` is text, `field = 12` is
//! a typed value, a field that comes again has several values. A rule is `path (options) = expression`; a line that begins
//! with a space goes on with the expression before it. With the option `elements`, the expression is a list of objects in
//! JSON, as the config has them in TOML. A rule `types = a list, b text` is what the source says of its fields. `err_…` files must not compile, or read unknown fields.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail as tests do")]

use std::fmt::Write;

use peoplesync_mapping::{
    AttributeSpec, CompileError, Draft, ElementSpec, Mapping, OnEmpty, Outcome, PartSource,
    PartSpec, Rule, SlotValue, Spec, When,
};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, FieldType, Fields, Origin, Timestamp, Value};
use serde_json::Value as Json;

/// An extension with every type that the core schemas lack.
const BADGE: &str = r#"{
    "id": "urn:example:badge:2.0:User", "name": "Badge", "attributes": [
        {"name": "level", "type": "integer"}, {"name": "weight", "type": "decimal"},
        {"name": "issued", "type": "dateTime"}, {"name": "photo", "type": "binary"},
        {"name": "visitor", "type": "boolean"}, {"name": "doors", "type": "string", "multiValued": true},
        {"name": "floors", "type": "integer", "multiValued": true}, {"name": "buddyId", "type": "string"}
    ]}"#;

#[test]
fn every_case_gives_what_its_snapshot_says() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::glob!("cases/*.txt", |path| {
            let case = std::fs::read_to_string(path).unwrap();
            let must_fail = path.file_name().unwrap().to_string_lossy().starts_with("err_");
            insta::assert_snapshot!(check(&case, must_fail));
        });
    });
}

fn check(case: &str, must_fail: bool) -> String {
    let (records, rules) = case.split_once("---\n").expect("a line `---` before the rules");
    let (resource, spec) = spec(rules);
    let schemas = SchemaSet::standard().with(serde_json::from_str(BADGE).unwrap());
    let mapping = match Mapping::compile(&spec, resource, &schemas) {
        Ok(mapping) => mapping,
        Err(errors) => {
            assert!(must_fail, "does not compile:\n{}", rendered(&errors));
            return rendered(&errors);
        }
    };
    let records: Vec<_> =
        records.split("\n\n").filter(|record| !record.trim().is_empty()).collect();
    let batch = batch(&records);
    if must_fail {
        let known: Vec<_> = batch.fields().iter().map(str::to_owned).collect();
        let errors = mapping.unknown_fields(&known);
        assert!(!errors.is_empty(), "an error was expected");
        return rendered(&errors);
    }
    let binding = mapping.bind(batch.fields());
    let mut draft = Draft::new(&mapping);
    let results = batch.records().map(|record| {
        let outcome = mapping.map(&binding, &record, &mut draft);
        let explained = mapping.explain(&binding, &record);
        match outcome {
            Err(error) => {
                let steps = explained.attributes.into_iter().filter_map(|step| step.value.err());
                let scope = explained.scope.and_then(|scope| scope.holds.err());
                let first = scope.into_iter().chain(steps).next();
                assert_eq!(first.as_ref(), Some(&error), "explain says the same");
                format!("rejected: {error}\n")
            }
            Ok(Outcome::OutOfScope) => {
                assert_eq!(explained.in_scope(), Some(false));
                "out of scope\n".to_owned()
            }
            Ok(Outcome::InScope) => {
                assert_eq!(explained.in_scope(), Some(true));
                let desired = draft.desired(&mapping);
                let steps = explained
                    .attributes
                    .into_iter()
                    .filter_map(|step| Some((step.slot, step.value.expect("map gave a value")?)));
                let slots = desired.iter().map(|slot| (slot.slot, slot.value.clone()));
                assert_eq!(steps.collect::<Vec<_>>(), slots.collect::<Vec<_>>());
                shown(&mapping, &draft)
            }
        }
    });
    results.collect::<Vec<_>>().join("\n")
}

fn shown(mapping: &Mapping, draft: &Draft) -> String {
    let mut text = String::new();
    for slot in draft.desired(mapping) {
        let path = mapping.attributes()[slot.slot].path();
        match slot.value {
            SlotValue::Set(value) => writeln!(text, "{path} = {value}").unwrap(),
            SlotValue::Clear => writeln!(text, "{path} is cleared").unwrap(),
            SlotValue::Reference(key) => writeln!(text, "{path} -> {key}").unwrap(),
            SlotValue::Choice(proposals) => {
                writeln!(text, "{path} = first free of {}", Json::Array(proposals)).unwrap();
            }
        }
    }
    if text.is_empty() { "nothing is managed\n".to_owned() } else { text }
}

fn rendered(errors: &[CompileError]) -> String {
    errors.iter().map(CompileError::render).collect::<Vec<_>>().join("\n\n")
}

fn spec(rules: &str) -> (Resource, Spec) {
    let (mut resource, mut spec) = (Resource::User, Spec::default());
    let rules = rules.trim_end().replace("\n ", "\u{0}");
    for rule in rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let rule = rule.replace('\u{0}', "\n ");
        let (name, expression) = rule.split_once(" = ").expect("a rule is `path = expression`");
        let (path, options) = match name.rsplit_once(" (") {
            Some((path, options)) => (path, options.trim_end_matches(')')),
            None => (name, ""),
        };
        if path == "scope" {
            spec.scope = Some(expression.to_owned());
        } else if path == "types" {
            spec.types = expression.split(", ").map(field_type).collect();
        } else if path == "resource" {
            resource = if expression == "Group" { Resource::Group } else { Resource::User };
        } else {
            let mut attribute = AttributeSpec::value(path, expression);
            for option in options.split(", ").filter(|option| !option.is_empty()) {
                match option {
                    "reference" => attribute = AttributeSpec::reference(path, expression),
                    "clear" => attribute.on_empty = OnEmpty::Clear,
                    "create" => attribute.when = When::Create,
                    "elements" => attribute.rule = Rule::Elements(elements(expression)),
                    other => panic!("there is no option `{other}`"),
                }
            }
            spec.attributes.push(attribute);
        }
    }
    (resource, spec)
}

/// `mail text`
fn field_type(text: &str) -> (String, FieldType) {
    let (name, holds) = text.rsplit_once(' ').unwrap();
    let holds = match holds {
        "cell" => FieldType::Cell,
        "text" => FieldType::Text,
        "bytes" => FieldType::Bytes,
        "integer" => FieldType::Integer,
        "decimal" => FieldType::Decimal,
        "boolean" => FieldType::Boolean,
        "time" => FieldType::Timestamp,
        "list" => FieldType::List,
        other => panic!("there is no type `{other}`"),
    };
    (name.to_owned(), holds)
}

/// `[{"value": "mail", "type": "work", "primary": true}, {"values": "others"}]`
fn elements(json: &str) -> Vec<ElementSpec> {
    let list: Vec<serde_json::Map<String, Json>> = serde_json::from_str(json).unwrap();
    let element = |(index, element): (usize, &serde_json::Map<String, Json>)| {
        let parts = element.iter().map(|(name, source)| PartSpec {
            name: if name == "values" { "value".to_owned() } else { name.clone() },
            setting: (name == "values").then(|| name.clone()),
            source: match source {
                Json::Bool(flag) => PartSource::Flag(*flag),
                Json::String(text) if name == "type" => PartSource::Text(text.clone()),
                text => PartSource::Expression(text.as_str().unwrap().to_owned()),
            },
        });
        let each = element.contains_key("values");
        ElementSpec { place: vec![index.to_string()], each, parts: parts.collect() }
    };
    list.iter().enumerate().map(element).collect()
}

fn batch(records: &[&str]) -> Batch {
    let mut names: Vec<&str> = Vec::new();
    let lines = records.iter().flat_map(|record| record.lines());
    for (name, ..) in lines.filter_map(field) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut batch = Batch::new(Fields::new(names.iter().copied()));
    for (row, record) in records.iter().enumerate() {
        let origin = Origin::row("case", row as u64 + 1);
        let mut writer = batch.record(&row.to_string(), origin).unwrap();
        for (name, typed, text) in record.lines().filter_map(field) {
            let position = names.iter().position(|known| *known == name).unwrap();
            let bytes;
            let value = if !typed {
                Value::Text(text)
            } else if let Ok(number) = text.parse() {
                Value::Integer(number)
            } else if let Ok(number) = text.parse() {
                Value::Decimal(number)
            } else if let Ok(value) = text.parse() {
                Value::Boolean(value)
            } else if let Some(milliseconds) = text.strip_prefix('@') {
                Value::Timestamp(Timestamp(milliseconds.parse().unwrap()))
            } else {
                bytes = text.bytes().rev().collect::<Vec<u8>>();
                Value::Bytes(&bytes)
            };
            writer.push(position, value);
        }
    }
    batch
}

/// Name, whether the value is typed, and the value.
fn field(line: &str) -> Option<(&str, bool, &str)> {
    if line.starts_with('#') {
        return None;
    }
    let text = line.split_once(": ").map(|(name, text)| (name, false, text));
    text.or_else(|| line.split_once(" = ").map(|(name, text)| (name, true, text)))
}
