//! Every function over the same five records, in files: what a person with everything has, nothing, empty texts, several values,
//! and letters beyond ASCII. A line of a file is an expression; its snapshot says what comes of it for each record.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write;

use peoplesync_mapping::expr::{self, Node, Value as Known};
use peoplesync_mapping::functions::{self, Accepts, Ask};
use peoplesync_mapping::{
    Around, AttributeSpec, DigestKey, Lookups, Mapping, Membership, People, SlotValue, Spec, Table,
    Unknown, When,
};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Record, Timestamp, Value};
use serde_json::Value as Json;

/// Where values go that have no type of their own.
const ANY: &str = "urn:example:any:2.0:User:any";

const FIELDS: [&str; 6] = ["name", "mail", "tags", "flag", "count", "when"];
const PLAIN: usize = 0;
const NOTHING: usize = 1;
/// For each record its name, and the values of its fields.
const RECORDS: [(&str, [&[Value<'static>]; 6]); 5] = [
    (
        "plain",
        [
            &[Value::Text("Ada Lovelace")],
            &[Value::Text("ada@example.com")],
            &[Value::Text("b,a,b")],
            &[Value::Text("True")],
            &[Value::Text("2")],
            &[Value::Text("2026-01-31T08:30:00Z")],
        ],
    ),
    ("null", [&[], &[], &[], &[], &[], &[]]),
    ("empty", [&[Value::Text("")]; 6]),
    (
        "list",
        [
            &[Value::Text("Ada"), Value::Text("Zoë")],
            &[Value::Text("ada@example.com"), Value::Text("zoe@example.com")],
            &[Value::Text("b"), Value::Text("a"), Value::Text("b")],
            &[Value::Boolean(true), Value::Boolean(false)],
            &[Value::Integer(2), Value::Integer(3)],
            &[Value::Timestamp(Timestamp(0)), Value::Timestamp(Timestamp(86_400_000))],
        ],
    ),
    (
        "letters",
        [
            &[Value::Text("Łukasz İnönü-Ørsted Юлия")],
            &[Value::Text("łukasz@exämple.com")],
            &[Value::Text("ü,Ü,北京")],
            &[Value::Boolean(false)],
            &[Value::Decimal(2.0)],
            &[Value::Timestamp(Timestamp(1_769_848_200_000))],
        ],
    ),
];

#[derive(Debug)]
struct Others;

impl People for Others {
    fn manager_field<'a>(&'a self, person: &Record<'_>, _: &str) -> Result<Known<'a>, Unknown> {
        match person.key() {
            "plain" | "letters" => Ok(Known::Text("chef@exämple.com".into())),
            "list" => Err(Unknown("the record of the manager was rejected".into())),
            _ => Ok(Known::Null),
        }
    }

    fn reports_to(&self, person: &Record<'_>, key: &str) -> Result<bool, Unknown> {
        Ok(person.key() == "plain" && key == "boss")
    }

    fn groups<'a>(&'a self, person: &Record<'_>) -> Result<Membership<'a>, Unknown> {
        Ok(match person.key() {
            "plain" => Membership { names: vec!["Sales", "Łódź"], more: None },
            "letters" => Membership {
                names: vec!["Sales"],
                more: Some(Unknown("a group was rejected".into())),
            },
            _ => Membership::default(),
        })
    }
}

#[test]
fn every_expression_gives_what_its_snapshot_says() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::glob!("expressions/*.txt", |path| {
            insta::assert_snapshot!(check(&std::fs::read_to_string(path).unwrap()));
        });
    });
}

/// Each expression is evaluated for all records, so that whatever a function takes comes as null, as an empty text, as several
/// values and as letters beyond ASCII, at least three times.
#[test]
fn every_function_is_asked_three_times_about_fields_and_fails_on_no_null() {
    let mut asked: BTreeMap<&str, usize> =
        functions::all().iter().map(|function| (function.name, 0)).collect();
    insta::glob!("expressions/*.txt", |path| {
        for text in lines(&std::fs::read_to_string(path).unwrap()) {
            expr::parse(text).unwrap().each(&mut |expr| {
                if let Node::Call { name, arguments } = &expr.node
                    && (reads_a_field(expr) || takes_no_value(&name.text) || arguments.is_empty())
                {
                    *asked.get_mut(&*name.text).unwrap() += 1;
                }
            });
            let results = results(text);
            for which in [NOTHING, NOTHING + 1] {
                assert!(!results[which].starts_with("rejected"), "{text}: {}", results[which]);
            }
            assert!(!results[PLAIN].starts_with("rejected"), "{text}: {}", results[PLAIN]);
        }
    });
    let seldom: Vec<_> = asked.iter().filter(|(_, count)| **count < 3).collect();
    assert!(seldom.is_empty(), "fewer than three expressions: {seldom:?}");
}

fn reads_a_field(expr: &expr::Expr) -> bool {
    let mut any = false;
    expr.each_field(&mut |_, _| any = true);
    any
}

/// Whether all that the function takes is written out.
fn takes_no_value(name: &str) -> bool {
    let parameters = functions::find(name).unwrap().parameters;
    parameters.iter().all(|parameter| parameter.accepts == Accepts::Field)
}

#[test]
fn what_asks_for_others_is_rejected_where_nobody_is_known() {
    let asking = functions::all().iter().filter(|function| {
        matches!(
            function.asks,
            Ask::Groups | Ask::Chain | Ask::ManagerField | Ask::Clock | Ask::Chance
        )
    });
    for function in asking {
        let (expression, _) = function.examples[0];
        let mapping = mapping(expression);
        let batch = batch();
        let (binding, record) = (mapping.bind(batch.fields()), batch.get(PLAIN).unwrap());
        let step = mapping.explain(&binding, &record).attributes.pop().unwrap();
        let error = step.value.expect_err(function.name);
        assert!(error.reason.contains("cannot be told"), "{}: {}", function.name, error.reason);
    }
}

fn check(file: &str) -> String {
    let mut shown = String::new();
    for text in lines(file) {
        writeln!(shown, "{text}").unwrap();
        for ((name, _), result) in RECORDS.iter().zip(results(text)) {
            writeln!(shown, "  {name:8} {result}").unwrap();
        }
    }
    shown
}

fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn mapping(text: &str) -> Mapping {
    let mut attribute = AttributeSpec::value(ANY, text);
    attribute.when = When::Create;
    let offices = [("b,a,b", "Łódź"), ("", "nowhere")];
    let offices: Table =
        offices.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    let lookups = Lookups::from([("offices".to_owned(), offices)]);
    let manager = Some("mail".to_owned());
    let domain = Some("exämple.com".to_owned());
    let spec = Spec { attributes: vec![attribute], lookups, manager, domain, ..Spec::default() };
    Mapping::compile(&spec, Resource::User, &SchemaSet::standard())
        .unwrap_or_else(|errors| panic!("{}", errors[0].render()))
}

fn batch() -> Batch {
    let mut batch = Batch::new(Fields::new(FIELDS));
    for (name, fields) in RECORDS {
        let mut record = batch.record(name, Origin::row("case", 1)).unwrap();
        for (position, values) in fields.iter().enumerate() {
            values.iter().for_each(|value| record.push(position, *value));
        }
    }
    batch
}

/// What comes of an expression, record by record.
fn results(text: &str) -> Vec<String> {
    let (mapping, batch) = (mapping(text), batch());
    let binding = mapping.bind(batch.fields());
    let (others, seed) = (Others, DigestKey::new([7; 32]));
    let now = Some(Timestamp(1_769_848_200_000));
    let around = Around { now, seed: Some(&seed), people: Some(&others) };
    let results = batch.records().map(|record| {
        let step = mapping.explain_in(&around, &binding, &record).attributes.pop().unwrap();
        match step.value {
            Ok(None) => "null".to_owned(),
            Ok(Some(SlotValue::Set(value))) => value.to_string(),
            // The planner takes the first that nobody has.
            Ok(Some(SlotValue::Choice(proposals))) => Json::Array(proposals).to_string(),
            Ok(Some(other)) => panic!("{other:?}"),
            Err(error) => match error.field {
                Some(field) => format!("rejected: the field `{field}` {}", error.reason),
                None => format!("rejected: {}", error.reason),
            },
        }
    });
    results.collect()
}
