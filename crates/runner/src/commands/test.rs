//! `test`: the mapping tests that stand in the config.

use peoplesync_mapping::{Draft, Mapping, Outcome as Mapped, SlotValue};
use peoplesync_scim::{Path, Resource, SchemaSet, value};
use peoplesync_source::{Batch, Fields, Origin, Value};
use serde_json::Value as Json;

use super::print;
use crate::config::model::MappingTest;
use crate::config::{ConfigErrors, Loaded};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline;
use crate::profile::Profile;
use crate::report::{Output, line};

pub(super) fn run(loaded: &Loaded, output: Output) -> Outcome<Exit> {
    let schemas = Profile::load(loaded)
        .and_then(|profile| {
            profile.schemas().map_err(|message| loaded.error(&["target", "profile"], message))
        })
        .map_err(ConfigErrors::from)?;
    let mapping = pipeline::mapping(loaded, &schemas)?;
    let tests = &loaded.config.tests;
    if tests.is_empty() {
        print(output, "the config has no [[tests]]\n")?;
        return Ok(Exit::Done);
    }
    let paint = output.paint;
    let mut text = String::new();
    let mut failed = 0;
    for (index, test) in tests.iter().enumerate() {
        let name = test.name.clone().unwrap_or_else(|| format!("test {}", index + 1));
        let wrong = check(loaded, &mapping, &schemas, test, index)?;
        let mark = if wrong.is_empty() { paint.green("✓") } else { paint.red("✗") };
        line!(text, "{mark} {name}");
        for line in &wrong {
            line!(text, "    {line}");
        }
        failed += usize::from(!wrong.is_empty());
    }
    line!(text, "{} passed, {failed} failed", tests.len() - failed);
    print(output, &text)?;
    Ok(if failed == 0 { Exit::Done } else { Exit::Usage })
}

/// What is not as the test says.
fn check(
    loaded: &Loaded,
    mapping: &Mapping,
    schemas: &SchemaSet,
    test: &MappingTest,
    index: usize,
) -> Outcome<Vec<String>> {
    let place = index.to_string();
    let fail = |key: &[&str], message: String| {
        let key: Vec<&str> =
            ["tests", place.as_str()].into_iter().chain(key.iter().copied()).collect();
        Failure::from(ConfigErrors::from(loaded.error(&key, message)))
    };
    let batch = batch(test).map_err(|field| {
        fail(
            &["record", &field],
            "expected a text, a number, a boolean, or a list of them".to_owned(),
        )
    })?;
    let Some(record) = batch.get(0) else { return Ok(vec!["the test has no record".to_owned()]) };
    let mut draft = Draft::new(mapping);
    let binding = mapping.bind(batch.fields());
    let in_scope = match mapping.map(&binding, &record, &mut draft) {
        Ok(outcome) => outcome == Mapped::InScope,
        Err(error) => return Ok(vec![format!("cannot be mapped: {}", error.reason)]),
    };
    let mut wrong = Vec::new();
    if let Some(expected) = test.in_scope
        && expected != in_scope
    {
        let word = |holds| if holds { "in scope" } else { "out of scope" };
        wrong.push(format!("expected {}, found {}", word(expected), word(in_scope)));
    }
    if !in_scope {
        if !test.expect.is_empty() && test.in_scope.is_none() {
            wrong.push("out of scope, so there are no attributes to compare".to_owned());
        }
        return Ok(wrong);
    }
    let slots = draft.desired(mapping);
    for (text, expected) in &test.expect {
        let path = Path::parse(text).map_err(|error| fail(&["expect", text], error.to_string()))?;
        let Some(slot) =
            mapping.attributes().iter().position(|attribute| *attribute.path() == path)
        else {
            return Err(fail(&["expect", text], "the mapping has no such attribute".to_owned()));
        };
        let found = slots.iter().find(|found| found.slot == slot).map(|found| match &found.value {
            SlotValue::Set(value) => value.clone(),
            SlotValue::Clear => Json::Null,
            SlotValue::Reference(key) => Json::String(key.clone()),
        });
        let found = found.unwrap_or(Json::Null);
        if !value::same(schemas.resolve(Resource::User, &path), expected, &found) {
            wrong.push(format!("{text}: expected {expected}, found {found}"));
        }
    }
    Ok(wrong)
}

/// The test's record; the error is the field that cannot be one.
fn batch(test: &MappingTest) -> Result<Batch, String> {
    let fields = Fields::new(test.record.keys().map(String::as_str));
    let mut batch = Batch::new(fields);
    let mut record =
        batch.record("test", Origin::entry("[[tests]]")).expect("the key is not empty");
    for (field, (name, value)) in test.record.iter().enumerate() {
        let values = match value {
            Json::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Json::Null => {}
                // As in a table, where an empty cell is no value.
                Json::String(text) if text.is_empty() => {}
                Json::String(text) => record.push(field, Value::Text(text)),
                Json::Bool(value) => record.push(field, Value::Boolean(*value)),
                Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                    (Some(whole), _) => record.push(field, Value::Integer(whole)),
                    (None, Some(decimal)) => record.push(field, Value::Decimal(decimal)),
                    (None, None) => return Err(name.clone()),
                },
                Json::Array(_) | Json::Object(_) => return Err(name.clone()),
            }
        }
    }
    Ok(batch)
}
