//! `test`: the mapping tests that stand in the config.

use std::collections::BTreeMap;

use peoplesync_mapping::expr::{Value as Mapped, read_time};
use peoplesync_mapping::{
    Around, DigestKey, Explanation, Mapping, Membership, People, SlotValue, Unknown,
};
use peoplesync_scim::{Path, Resource, SchemaSet, value};
use peoplesync_source::{Batch, Fields, Origin, Record, Timestamp, Value};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::print;
use crate::config::{ConfigError, ConfigErrors, Loaded, nearest};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::pipeline;
use crate::profile;
use crate::report::{Output, line};

pub(super) fn run(loaded: &Loaded, output: Output) -> Outcome<Exit> {
    let schemas = profile::load(loaded)?.schemas().map_err(|(_, message)| {
        ConfigErrors::from(loaded.error(&["target", "profile"], message))
    })?;
    let mapping = pipeline::mapping(loaded, &schemas)?;
    if loaded.config.tests.is_empty() {
        print(output, "the config has no [[tests]]\n")?;
        return Ok(Exit::Done);
    }
    let tests = understood(loaded, &mapping)?;
    let count = tests.len();
    let paint = output.paint;
    let mut text = String::new();
    let mut failed = 0;
    for test in tests {
        let wrong = test.differences(&mapping, &schemas);
        let mark = if wrong.is_empty() { paint.green("✓") } else { paint.red("✗") };
        line!(text, "{mark} {}", test.name);
        for difference in &wrong {
            line!(text, "    {}", difference.what);
            line!(text, "      {}", paint.red(&format!("- {}", difference.expected)));
            line!(text, "      {}", paint.green(&format!("+ {}", difference.found)));
        }
        failed += usize::from(!wrong.is_empty());
    }
    let legend = if failed == 0 { "" } else { " (- expected, + found)" };
    line!(text, "{} passed, {failed} failed{legend}", count - failed);
    print(output, &text)?;
    Ok(if failed == 0 { Exit::Done } else { Exit::Usage })
}

/// A test whose fields and paths are known to mean something.
struct Case<'t> {
    name: String,
    batch: Batch,
    /// The slots, with what must be in them; null for nothing.
    expect: Vec<(usize, &'t Json)>,
    /// Whether anything is said of attributes or of the scope; else the record must be mapped, no more.
    in_scope: Option<bool>,
    error: Option<&'t str>,
    others: Others<'t>,
    now: Option<Timestamp>,
    seed: DigestKey,
}

/// What a test says of other people.
#[derive(Debug)]
struct Others<'t> {
    /// The manager's record.
    manager: Batch,
    reports_to: &'t [String],
    groups: Vec<&'t str>,
}

impl People for Others<'_> {
    fn manager_field<'a>(&'a self, _: &Record<'_>, field: &str) -> Result<Mapped<'a>, Unknown> {
        let at = self.manager.fields().position(field).unwrap_or(usize::MAX);
        let mut values: Vec<Mapped<'a>> = match self.manager.get(0) {
            Some(record) => record.values(at).map(Mapped::from).collect(),
            None => Vec::new(),
        };
        Ok(match values.len() {
            0 => Mapped::Null,
            1 => values.remove(0),
            _ => Mapped::List(values),
        })
    }

    fn reports_to(&self, _: &Record<'_>, key: &str) -> Result<bool, Unknown> {
        Ok(self.reports_to.iter().any(|above| above == key))
    }

    fn groups<'a>(&'a self, _: &Record<'_>) -> Result<Membership<'a>, Unknown> {
        Ok(Membership { names: self.groups.clone(), more: None })
    }
}

/// One line of a diff.
struct Difference {
    what: String,
    expected: String,
    found: String,
}

/// All tests; what is wrong with them comes together.
fn understood<'t>(loaded: &'t Loaded, mapping: &Mapping) -> Result<Vec<Case<'t>>, ConfigErrors> {
    let (mut cases, mut errors) = (Vec::new(), Vec::new());
    for (index, test) in loaded.config.tests.iter().enumerate() {
        let place = index.to_string();
        let mut fail = |key: &[&str], message: &str, hint: Option<String>| {
            let key = [&["tests", place.as_str()], key].concat();
            errors.push(ConfigError { hint, ..loaded.error(&key, message) });
        };
        let mut expect = Vec::new();
        for (text, value) in &test.expect {
            let slot = Path::parse(text).map_err(|error| error.to_string()).and_then(|path| {
                let mut attributes = mapping.attributes().iter();
                let slot = attributes.position(|attribute| *attribute.path() == path);
                slot.ok_or_else(|| "the mapping has no such attribute".to_owned())
            });
            match slot {
                Ok(slot) => expect.push((slot, value)),
                Err(message) => {
                    let known: Vec<&str> =
                        loaded.config.people.attributes.keys().map(String::as_str).collect();
                    let near = nearest(text, &known);
                    let hint = near.map(|near| format!("did you mean `{near}`?"));
                    fail(&["expect", text], &message, hint);
                }
            }
        }
        if test.error.is_some() && (test.in_scope.is_some() || !test.expect.is_empty()) {
            let message = "a rejected record has neither a scope nor attributes";
            fail(
                &["error"],
                message,
                Some("remove `expect` and `in_scope`, or `error`".to_owned()),
            );
        }
        let name = test.name.clone().unwrap_or_else(|| format!("test {}", index + 1));
        for (field, meant) in mistyped(&test.record, mapping.fields()) {
            let hint = Some(format!("did you mean `{meant}`?"));
            fail(&["record", field], "the mapping reads no such field", hint);
        }
        let now = test.now.as_deref().map(|text| read_time(text).ok_or(text)).transpose();
        let now = now.unwrap_or_else(|text| {
            let message = format!("\"{text}\" is no time");
            let hint = "write it as in 2026-01-31 or 2026-01-31T08:30:00Z".to_owned();
            fail(&["now"], &message, Some(hint));
            None
        });
        if test.now.is_none() && mapping.asks().clock {
            let hint = "add `now = \"2026-01-31\"` to the test".to_owned();
            fail(&[], "the mapping asks for the time", Some(hint));
        }
        let mut read = |key: &str, fields| match batch(fields) {
            Ok(batch) => Some(batch),
            Err(field) => {
                let message = "expected a text, a number, a boolean, or a list of them";
                fail(&[key, &field], message, None);
                None
            }
        };
        let (record, manager) = (read("record", &test.record), read("manager", &test.manager));
        let (Some(batch), Some(manager)) = (record, manager) else { continue };
        let (in_scope, error) = (test.in_scope, test.error.as_deref());
        let mut groups: Vec<&str> = test.groups.iter().map(String::as_str).collect();
        groups.sort_unstable();
        groups.dedup();
        let others = Others { manager, reports_to: &test.reports_to, groups };
        let seed = DigestKey::new(Sha256::digest(&test.seed).into());
        cases.push(Case { name, batch, expect, in_scope, error, others, now, seed });
    }
    if errors.is_empty() { Ok(cases) } else { Err(ConfigErrors::new(errors)) }
}

impl Case<'_> {
    /// What is not as the test says.
    fn differences(&self, mapping: &Mapping, schemas: &SchemaSet) -> Vec<Difference> {
        let difference = |what: &str, expected: &str, found: &str| Difference {
            what: what.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        let Some(record) = self.batch.get(0) else {
            return vec![difference("record", "one", "none")];
        };
        let around = Around { now: self.now, seed: Some(&self.seed), people: Some(&self.others) };
        let explained = mapping.explain_in(&around, &mapping.bind(self.batch.fields()), &record);
        let in_scope = explained.in_scope();
        let scope = explained.scope.as_ref().and_then(|scope| scope.holds.as_ref().err());
        let steps = explained.attributes.iter().filter_map(|step| step.value.as_ref().err());
        let errors: Vec<String> = match in_scope {
            Some(false) => Vec::new(),
            _ => scope.into_iter().chain(steps).map(ToString::to_string).collect(),
        };
        if let Some(wanted) = self.error {
            let found = match (in_scope, errors.as_slice()) {
                (_, errors) if errors.iter().any(|error| error.contains(wanted)) => {
                    return Vec::new();
                }
                (Some(false), _) => "out of scope".to_owned(),
                (_, []) => "no error".to_owned(),
                (_, errors) => errors.join("; "),
            };
            return vec![difference("error", wanted, &found)];
        }
        let word = |holds| if holds { "in scope" } else { "out of scope" };
        let wants_attributes = !self.expect.is_empty();
        let wanted = self.in_scope.or(wants_attributes.then_some(true));
        if let Some(error) = errors.first() {
            let expected = wanted.map_or("a record that can be mapped", word);
            return vec![difference("record", expected, &format!("rejected: {error}"))];
        }
        if let (Some(wanted), Some(found)) = (wanted, in_scope)
            && wanted != found
        {
            return vec![difference("scope", word(wanted), &reason(word(found), &explained))];
        }
        if in_scope == Some(false) {
            return Vec::new();
        }
        let expected = self.expect.iter().filter_map(|(slot, expected)| {
            let attribute = mapping.attributes().get(*slot)?;
            let found = explained.attributes.get(*slot)?.value.as_ref().ok()?;
            let value = match found {
                Some(SlotValue::Set(value)) => value.clone(),
                Some(SlotValue::Reference(key)) => Json::String(key.clone()),
                // Nobody else is here who could have it.
                Some(SlotValue::Choice(proposals)) => {
                    proposals.first().cloned().unwrap_or_default()
                }
                Some(SlotValue::Clear) | None => Json::Null,
            };
            let definition = schemas.resolve(Resource::User, attribute.path());
            let shown = match found {
                None => "nothing (left as it is)".to_owned(),
                Some(SlotValue::Clear) => "nothing (emptied)".to_owned(),
                Some(_) => value.to_string(),
            };
            // As in a table, where an empty cell is no value.
            let expected = if *expected == "" { &Json::Null } else { *expected };
            let wanted =
                if expected.is_null() { "nothing".to_owned() } else { expected.to_string() };
            (!value::same(definition, expected, &value))
                .then(|| difference(&attribute.path().to_string(), &wanted, &shown))
        });
        expected.collect()
    }
}

/// What was found of the scope, with the clauses that decided.
fn reason(found: &str, explained: &Explanation) -> String {
    let clauses = explained.excluded_by();
    let clauses = clauses.iter().map(|(clause, holds)| format!("{clause} is {holds}"));
    match clauses.collect::<Vec<_>>().as_slice() {
        [] => found.to_owned(),
        clauses => format!("{found}: {}", clauses.join(", ")),
    }
}

/// Fields of a record that nothing reads, and that look like one that is read and not there. A record may have others.
fn mistyped<'t>(
    record: &'t BTreeMap<String, Json>,
    read: &'t [String],
) -> impl Iterator<Item = (&'t str, &'t str)> {
    let missing: Vec<&str> =
        read.iter().map(String::as_str).filter(|field| !record.contains_key(*field)).collect();
    let unread = record.keys().filter(|field| !read.contains(field));
    unread.filter_map(move |field| Some((field.as_str(), nearest(field, &missing)?)))
}

/// A record of a test; the error is the field that cannot be one.
fn batch(fields: &BTreeMap<String, Json>) -> Result<Batch, String> {
    let mut batch = Batch::new(Fields::new(fields.keys().map(String::as_str)));
    let mut record =
        batch.record("test", Origin::entry("[[tests]]")).expect("the key is not empty");
    for (field, (name, value)) in fields.iter().enumerate() {
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
