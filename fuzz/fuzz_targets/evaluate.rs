//! Whatever compiles gives a value or an error for any record, and what is known of its fields changes neither. Expressions are
//! made from the table of functions, each argument of a kind that its parameter takes, so that most of them compile.
//!
//! The program has no `unsafe`, and the address sanitizer takes half of the time; what grows beyond its input is stopped by the
//! limits of memory and time:
//!
//! ```sh
//! cargo +nightly fuzz run -s none evaluate -- -max_total_time=600 -max_len=2048 -len_control=0 -rss_limit_mb=1024 -timeout=10
//! ```
#![no_main]

use std::fmt::Write;
use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use peoplesync_mapping::expr::Value as Known;
use peoplesync_mapping::functions::{Accepts, all};
use peoplesync_mapping::{
    Around, AttributeSpec, DigestKey, Draft, Lookups, Mapping, Membership, People, Spec, Table, Unknown, When,
};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, FieldType, FieldTypes, Fields, Origin, Record, Timestamp, Value};

const FIELDS: [&str; 4] = ["a", "b", "c", "d"];
/// Texts that mean something to some function.
const TEXTS: [&str; 20] = [
    "", "true", "FALSE", "12", "-1", "9223372036854775807", "-9223372036854775808", "1.5", "1e300",
    "2026-01-31", "2020-03-16-07:00", "3/16/2020 7:00:00 AM", "DE", "+49 30 123456", "Ж", "İı", "ß",
    "e\u{301}", "北京", "a,b c",
];
const FORMS: [&str; 6] = ["yyyy-MM-dd", "o", "M/d/yy h:mm tt", "ddd dd MMMM", "HH:mm:ss.FFFzzz", "%K"];
const PATTERNS: [&str; 5] = ["(?<g>a|b)c?", "(?<g>.*)", "(?<g>)", "(?<g>[^ ]+) ", "(?<g>[a-zß])+$"];
/// It takes a hundred times as long to build as the others, so it comes seldom.
const LARGE_PATTERN: &str = "(?<g>\\\\w)+$";
/// Longer expressions have no further shapes, and take their time.
const LONG: usize = 1_000;
const CULTURES: [&str; 6] = ["tr-TR", "lt", "el", "de-DE", "ja", "nl"];

#[derive(Debug, Clone, Arbitrary)]
enum Cell {
    Text(String),
    Known(u8),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
    Timestamp(i64),
    Bytes(Vec<u8>),
}

#[derive(Debug)]
struct Case {
    expression: String,
    cells: [Vec<Cell>; 4],
    /// What the fields are said to hold, rightly or not.
    types: [u8; 4],
    path: u8,
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let mut expression = String::new();
        write_expression(bytes, &mut expression, 0)?;
        let mut cells = [const { Vec::new() }; 4];
        for field in &mut cells {
            let values = bytes.int_in_range(0..=3)?;
            for _ in 0..values {
                field.push(Cell::arbitrary(bytes)?);
            }
        }
        let types = <[u8; 4]>::arbitrary(bytes)?;
        Ok(Self { expression, cells, types, path: u8::arbitrary(bytes)? })
    }
}

fn write_expression(bytes: &mut Unstructured<'_>, text: &mut String, depth: usize) -> Result<()> {
    let leaf = depth > 5 || text.len() > LONG;
    match bytes.int_in_range(0..=if leaf { 5 } else { 15 })? {
        0 | 1 => text.push_str(bytes.choose::<&str>(&FIELDS)?),
        2 => quote(text, bytes.choose::<&str>(&TEXTS)?),
        3 => quote(text, <&str>::arbitrary(bytes)?),
        4 => write!(text, "{}", i64::arbitrary(bytes)?).expect("a string takes everything"),
        5 => text.push_str(bytes.choose::<&str>(&["null", "true", "false", "0", "1", "2.5"])?),
        6 => {
            text.push('(');
            write_expression(bytes, text, depth + 1)?;
            text.push_str(bytes.choose::<&str>(&[" & ", " = ", " <> ", " < ", " >= "])?);
            write_expression(bytes, text, depth + 1)?;
            text.push(')');
        }
        7 => {
            text.push('(');
            write_expression(bytes, text, depth + 1)?;
            text.push_str(" matches ");
            quote_raw(text, pattern(bytes)?);
            text.push(')');
        }
        _ => write_call(bytes, text, depth)?,
    }
    Ok(())
}

fn write_call(bytes: &mut Unstructured<'_>, text: &mut String, depth: usize) -> Result<()> {
    let function = bytes.choose(all())?;
    text.push_str(function.name);
    text.push('(');
    let needed = function.parameters.iter().filter(|parameter| !parameter.optional).count();
    let most = function.parameters.len() + 2 * function.repeats;
    for index in 0..bytes.int_in_range(needed..=most)? {
        if index > 0 {
            text.push(',');
        }
        let Some(parameter) = function.parameter(index) else { break };
        if bytes.ratio(1, 12)? {
            continue;
        }
        match parameter.accepts {
            Accepts::Pattern => quote_raw(text, pattern(bytes)?),
            Accepts::Group => text.push_str("\"g\""),
            Accepts::Word(words) => text.push_str(bytes.choose::<&str>(words)?),
            Accepts::Field => text.push('a'),
            Accepts::Table => text.push('t'),
            Accepts::TimeForm => quote(text, bytes.choose::<&str>(&FORMS)?),
            Accepts::TimeStyles => text.push_str("\"AllowWhiteSpaces\""),
            Accepts::Culture => quote(text, bytes.choose::<&str>(&CULTURES)?),
            Accepts::Condition | Accepts::Flag => {
                write_expression(bytes, text, depth + 1)?;
                text.push_str(" <> ");
                write_expression(bytes, text, depth + 1)?;
            }
            _ => write_expression(bytes, text, depth + 1)?,
        }
    }
    text.push(')');
    Ok(())
}

fn pattern(bytes: &mut Unstructured<'_>) -> Result<&'static str> {
    Ok(if bytes.ratio(1, 40)? { LARGE_PATTERN } else { *bytes.choose(&PATTERNS)? })
}

fn quote(text: &mut String, inner: &str) {
    quote_raw(text, &inner.replace('\\', "\\\\").replace('"', "\\\""));
}

fn quote_raw(text: &mut String, inner: &str) {
    text.push('"');
    text.push_str(inner);
    text.push('"');
}

#[derive(Debug)]
struct Others([&'static str; 2], bool);

impl People for Others {
    fn manager_field<'a>(
        &'a self,
        _: &Record<'_>,
        field: &str,
    ) -> std::result::Result<Known<'a>, Unknown> {
        Ok(if field == "a" { Known::Text("ada".into()) } else { Known::Null })
    }

    fn reports_to(&self, _: &Record<'_>, key: &str) -> std::result::Result<bool, Unknown> {
        Ok(key == "a")
    }

    fn groups<'a>(&'a self, _: &Record<'_>) -> std::result::Result<Membership<'a>, Unknown> {
        let more = self.1.then(|| Unknown("a group was rejected".into()));
        Ok(Membership { names: self.0.to_vec(), more })
    }
}

fn types(of: [u8; 4]) -> FieldTypes {
    let types = [
        FieldType::Cell,
        FieldType::Text,
        FieldType::Bytes,
        FieldType::Integer,
        FieldType::Decimal,
        FieldType::Boolean,
        FieldType::Timestamp,
        FieldType::List,
    ];
    let said = FIELDS.iter().zip(of);
    said.filter_map(|(name, of)| Some(((*name).to_owned(), *types.get(usize::from(of))?))).collect()
}

fn batch(cells: &[Vec<Cell>; 4]) -> Batch {
    let mut batch = Batch::new(Fields::new(FIELDS));
    let mut record = batch.record("7", Origin::row("fuzz", 1)).expect("a key");
    for (position, cells) in cells.iter().enumerate() {
        for cell in cells {
            record.push(
                position,
                match cell {
                    Cell::Text(text) => Value::Text(text),
                    Cell::Known(which) => Value::Text(TEXTS[usize::from(*which) % TEXTS.len()]),
                    Cell::Integer(number) => Value::Integer(*number),
                    Cell::Decimal(number) => Value::Decimal(*number),
                    Cell::Boolean(value) => Value::Boolean(*value),
                    Cell::Timestamp(time) => Value::Timestamp(Timestamp(*time)),
                    Cell::Bytes(bytes) => Value::Bytes(bytes),
                },
            );
        }
    }
    batch
}

/// Made once: it would take most of the time.
static SCHEMAS: LazyLock<SchemaSet> = LazyLock::new(SchemaSet::standard);

fuzz_target!(|case: Case| {
    let paths = ["title", "active", "roles", "urn:example:x:2.0:User:any"];
    let path = paths[usize::from(case.path) % paths.len()];
    let mut attribute = AttributeSpec::value(path, case.expression);
    attribute.when = When::Create;
    let table: Table = [("a".to_owned(), "ä".to_owned())].into_iter().collect();
    let lookups = Lookups::from([("t".to_owned(), table)]);
    let spec = Spec {
        attributes: vec![attribute],
        lookups,
        manager: Some("b".to_owned()),
        domain: Some("ä.example".to_owned()),
        ..Spec::default()
    };
    let Ok(mapping) = Mapping::compile(&spec, Resource::User, &SCHEMAS) else { return };
    let typed = Spec { types: types(case.types), ..spec };
    let typed = (!typed.types.is_empty()).then(|| Mapping::compile(&typed, Resource::User, &SCHEMAS));
    if let Some(Ok(typed)) = typed {
        assert_eq!(typed.digest(), mapping.digest());
    }
    let batch = batch(&case.cells);
    let (binding, record) = (mapping.bind(batch.fields()), batch.get(0).expect("one record"));
    let (others, seed) = (Others(["x", "ö"], case.path > 127), DigestKey::new([7; 32]));
    let now = Some(Timestamp(1_769_848_200_000));
    let around = Around { now, seed: Some(&seed), people: Some(&others) };
    let (mut draft, mut again) = (Draft::new(&mapping), Draft::new(&mapping));
    let first = mapping.map_in(&around, &binding, &record, &mut draft);
    assert_eq!(first, mapping.map_in(&around, &binding, &record, &mut again));
    match first {
        Ok(_) => assert_eq!(draft.desired(&mapping), again.desired(&mapping)),
        Err(error) => assert!(!error.reason.is_empty()),
    }
});
