//! What the tests of several modules share.

use peoplesync_source::{Batch, FieldTypes, Fields, Origin, Record, Timestamp};

use crate::around::{Around, Membership, People, Unknown};
use crate::digest::DigestKey;
use crate::expr;
use crate::expr::Value;
use crate::expr::check::{Needs, Setting, Want, check};
use crate::expr::eval::Machine;
use crate::lookup::{Lookups, Table};

/// The surroundings in which the examples of the table are true: the reference page tells of them.
#[derive(Debug)]
struct Sample;

impl People for Sample {
    fn manager_field<'a>(&'a self, _: &Record<'_>, field: &str) -> Result<Value<'a>, Unknown> {
        Ok(if field == "mail" { Value::text("ada@example.com") } else { Value::Null })
    }

    fn reports_to(&self, _: &Record<'_>, key: &str) -> Result<bool, Unknown> {
        Ok(["3", "1"].contains(&key))
    }

    fn groups<'a>(&'a self, _: &Record<'_>) -> Result<Membership<'a>, Unknown> {
        Ok(Membership { names: vec!["Engineering", "Łódź"], more: None })
    }
}

/// The value of an expression without fields, as text, or what is wrong with it.
pub(crate) fn evaluate(text: &str) -> String {
    let expr = match expr::parse(text) {
        Ok(expr) => expr,
        Err(error) => return format!("syntax: {error}"),
    };
    let mut problems = Vec::new();
    let want = Want { needs: Needs::Any, many: true, copy: false, place: "this" };
    let offices = [("LDZ", "Łódź"), ("LON", "London")];
    let offices: Table =
        offices.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    let lookups = Lookups::from([("offices".to_owned(), offices)]);
    let setting = Setting {
        fields: &[],
        types: &FieldTypes::new(),
        lookups: &lookups,
        domain: Some("example.com"),
        once: true,
        clears: false,
    };
    let code = check(&expr, setting, want, &mut problems);
    if let Some(problem) = problems.first() {
        return format!("problem: {}", problem.message);
    }
    let mut batch = Batch::new(Fields::new::<_, &str>([]));
    batch.record("7", Origin::row("test", 1)).unwrap();
    let record = batch.get(0).unwrap();
    let seed = DigestKey::new([7; 32]);
    let now = Some(Timestamp(1_769_848_200_000));
    let around = Around { now, seed: Some(&seed), people: Some(&Sample) };
    let machine =
        Machine { names: &[], positions: &[], record, around: &around, rule: "test", text };
    match machine.value(&code) {
        Ok(value) => value.to_string(),
        Err(fault) => format!("fault: {}", fault.reason),
    }
}
