//! `preview KEY`: one person, step by step. Reads both sides, writes nothing.

use peoplesync_mapping::{
    Around, AttributeStep, Clause, Explanation, MapError, People, Reading, SlotValue,
};
use peoplesync_reconcile::{Change, Link, REDACTED};
use peoplesync_scim::resource;
use peoplesync_source::{Batch, Query, Record, Rejected, Step};
use serde_json::{Value as Json, json};

use super::print;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{self, Access, Prepared};
use crate::report::{Output, Paint, human, json as documents, line};

/// Everything that is known of one person.
struct Person {
    records: Vec<Found>,
    rejected: Vec<(String, String)>,
    link: Option<Link>,
    observed: Option<Json>,
    change: Option<Change>,
    said: Vec<String>,
}

/// A record with this key.
struct Found {
    origin: String,
    explanation: Explanation,
}

pub(super) async fn run(loaded: Loaded, key: &str, json: bool, output: Output) -> Outcome<Exit> {
    let prepared = pipeline::prepare(loaded, false, None, Access::Plan, None, output).await?;
    let (records, rejected) = find(&prepared, key).await?;
    let link = link(&prepared, key)?;
    if records.is_empty() && rejected.is_empty() && link.is_none() {
        return Err(Failure::usage(format!(
            "there is nobody with the key {key} in {}, and no link",
            prepared.session.source_name()
        ))
        .with_hint(
            "the key is the column or attribute that source.settings names, not a mail address",
        ));
    }
    let plan = &prepared.plan;
    let change = plan.changes.iter().find(|change| change.key == key).cloned();
    let id = link
        .as_ref()
        .map(|link| link.id.as_str())
        .or(change.as_ref().and_then(|change| change.id.as_deref()));
    let observed = match id {
        Some(id) => prepared.client.get(prepared.session.managed.resource(), id).await?,
        None => None,
    };
    let of_this = |other: &Option<String>| other.as_deref() == Some(key);
    let rejections = plan.rejected.iter().filter(|rejection| of_this(&rejection.key));
    let warnings = plan.warnings.iter().filter(|warning| of_this(&warning.key));
    let said = rejections
        .map(|rejection| format!("rejected: {}", rejection.reason))
        .chain(warnings.map(|warning| warning.message.clone()))
        .collect();
    let mut person = Person { records, rejected, link, observed, change, said };
    redact(&prepared, &mut person);
    let shown = if json {
        documents::text(&document(&prepared, key, &person))
    } else {
        text(&prepared, key, &person, output.paint)
    };
    print(output, &shown)?;
    Ok(Exit::Done)
}

fn link(prepared: &Prepared, key: &str) -> Outcome<Option<Link>> {
    let fingerprint = pipeline::fingerprint_of(&prepared.key, key);
    Ok(prepared.state.link(prepared.session.managed.resource(), fingerprint, key)?)
}

/// Reads the source for everything with this key: there may be several, which is why nobody is changed.
async fn find(prepared: &Prepared, key: &str) -> Outcome<(Vec<Found>, Vec<(String, String)>)> {
    let session = &prepared.session;
    let query = Query::fields(session.fields_of_people().cloned());
    let unreadable = |error| Failure::from(error).about("cannot read the source");
    let mut records = pipeline::open(session, &query).await?;
    let (mut found, mut rejected) = (Vec::new(), Vec::new());
    while let Step::Batch(batch) = records.next().await.map_err(unreadable)? {
        let of_this = |record: &Record<'_>| record.key() == key;
        found.extend(
            batch.records().filter(of_this).map(|record| explain(prepared, &batch, &record)),
        );
        let is_this = |entry: &&Rejected| {
            entry.key.iter().chain(&entry.might_be).any(|known| known.as_str() == key)
        };
        let entries = batch.rejected().iter().filter(is_this);
        rejected.extend(entries.map(|entry| (entry.origin.to_string(), entry.reason.clone())));
    }
    Ok((found, rejected))
}

fn explain(prepared: &Prepared, batch: &Batch, record: &Record<'_>) -> Found {
    let mapping = &prepared.session.mapping;
    let binding = mapping.bind(batch.fields());
    let (now, seed) = (Some(prepared.moment), Some(&prepared.key));
    let people = prepared.people.as_deref().map(|people| people as &dyn People);
    let around = Around { now, seed, people };
    Found {
        origin: record.origin().to_string(),
        explanation: mapping.explain_in(&around, &binding, record),
    }
}

fn text(prepared: &Prepared, key: &str, person: &Person, paint: Paint) -> String {
    let mut text = String::new();
    let heading = |text: &mut String, number: u8, what: &str| {
        line!(text, "{}", paint.bold(&format!("{number}. {what}")));
    };
    heading(&mut text, 1, "Record");
    for found in &person.records {
        line!(text, "   key {key} at {}", found.origin);
    }
    for (origin, reason) in &person.rejected {
        line!(text, "   {} {origin}: {reason}", paint.yellow("rejected"));
    }
    if person.records.is_empty() && person.rejected.is_empty() {
        line!(text, "   nobody in {} has the key {key}", prepared.session.source_name());
    }
    heading(&mut text, 2, "Scope");
    for found in &person.records {
        scope(&mut text, &found.explanation, paint);
    }
    heading(&mut text, 3, "Attributes");
    for found in &person.records {
        for step in &found.explanation.attributes {
            attribute(&mut text, prepared, step, paint);
        }
    }
    heading(&mut text, 4, "Link");
    match &person.link {
        Some(link) => {
            let made = if link.created { "created" } else { "adopted" };
            line!(text, "   account {}, {made} by peoplesync", link.id)
        }
        None => line!(text, "   none yet"),
    };
    heading(&mut text, 5, "Account at the target");
    match &person.observed {
        Some(account) => {
            line!(text, "{}", indent(&serde_json::to_string_pretty(account).unwrap_or_default()))
        }
        None if person.link.is_some() => line!(text, "   it no longer exists"),
        None => line!(text, "   none that is linked or matches"),
    };
    heading(&mut text, 6, "Change");
    for said in &person.said {
        line!(text, "   {}", paint.yellow(said));
    }
    match &person.change {
        Some(change) => {
            line!(text, "   {}: {}", change.action.name(), change.reason);
            human::attributes(&mut text, &change.attributes, paint);
        }
        None => text.push_str("   none\n"),
    }
    text
}

fn scope(text: &mut String, explanation: &Explanation, paint: Paint) {
    let Some(scope) = &explanation.scope else {
        text.push_str("   everybody is in scope\n");
        return;
    };
    line!(text, "   {}  →  {}", one_line(&scope.expression), verdict(&scope.holds, paint));
    clauses(text, &scope.clauses, 1, paint);
    readings(text, &scope.fields, paint);
    let excluded = explanation.excluded_by();
    let excluded =
        excluded.iter().map(|(clause, holds)| format!("{} is {holds}", one_line(clause)));
    match excluded.collect::<Vec<_>>().as_slice() {
        [] => {}
        because => {
            line!(text, "     {}", paint.yellow(&format!("excluded, as {}", because.join(", "))))
        }
    }
}

/// The parts of the scope, and theirs.
fn clauses(text: &mut String, clauses: &[Clause], depth: usize, paint: Paint) {
    for clause in clauses {
        let verdict = match &clause.holds {
            Ok(true) if clause.decides => paint.green("true"),
            Ok(false) if clause.decides => paint.yellow("false"),
            Ok(holds) => paint.dim(&holds.to_string()),
            Err(error) => paint.red(&error.reason),
        };
        line!(text, "   {}{}  →  {verdict}", "  ".repeat(depth), one_line(&clause.text));
        self::clauses(text, &clause.clauses, depth + 1, paint);
    }
}

/// Takes out what `Redact` asks to show nowhere: the value, what it was made of, and what the target has.
fn redact(prepared: &Prepared, person: &mut Person) {
    let attributes = prepared.session.mapping.attributes();
    for attribute in attributes.iter().filter(|attribute| attribute.is_redacted()) {
        if let Some(observed) = &mut person.observed
            && resource::get(observed, attribute.path()).is_some()
        {
            resource::set(observed, attribute.path(), Json::from(REDACTED));
        }
    }
    let steps = person.records.iter_mut().flat_map(|found| &mut found.explanation.attributes);
    for step in steps {
        if !attributes.get(step.slot).is_some_and(|attribute| attribute.is_redacted()) {
            continue;
        }
        if let Ok(Some(SlotValue::Set(value))) = &mut step.value {
            *value = Json::from(REDACTED);
        }
        for reading in &mut step.fields {
            REDACTED.clone_into(&mut reading.value);
        }
    }
}

fn verdict(holds: &Result<bool, MapError>, paint: Paint) -> String {
    match holds {
        Ok(true) => paint.green("in scope"),
        Ok(false) => paint.yellow("out of scope"),
        Err(error) => paint.red(&error.reason),
    }
}

fn attribute(text: &mut String, prepared: &Prepared, step: &AttributeStep, paint: Paint) {
    let path = prepared.session.mapping.attributes().get(step.slot);
    let path = path.map(|attribute| human::short(attribute.path())).unwrap_or_default();
    let value = match &step.value {
        Ok(None) => paint.dim("left as it is"),
        Ok(Some(SlotValue::Clear)) => paint.green("emptied"),
        Ok(Some(SlotValue::Set(value))) => paint.green(&value.to_string()),
        Ok(Some(SlotValue::Reference(key))) => paint.green(&format!("the account of key {key}")),
        Ok(Some(SlotValue::Choice(proposals))) => {
            let proposals: Vec<String> = proposals.iter().map(Json::to_string).collect();
            let what =
                format!("for a new account the first that is free: {}", proposals.join(", "));
            paint.green(&what)
        }
        Err(error) => paint.red(&error.reason),
    };
    line!(text, "   {path} = {}  →  {value}", one_line(&step.expression));
    readings(text, &step.fields, paint);
}

fn readings(text: &mut String, fields: &[Reading], paint: Paint) {
    for reading in fields {
        line!(text, "     {}", paint.dim(&format!("{} is {}", reading.field, reading.value)));
    }
}

/// An expression that stands on several lines, on one.
fn one_line(expression: &str) -> String {
    let lines = expression.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}

fn clauses_json(clauses: &[Clause]) -> Json {
    let one = |clause: &Clause| {
        json!({
            "text": clause.text,
            "holds": said(&clause.holds),
            "decides": clause.decides,
            "clauses": clauses_json(&clause.clauses),
        })
    };
    clauses.iter().map(one).collect()
}

fn excluded(explanation: &Explanation) -> Json {
    let clauses = explanation.excluded_by();
    clauses.iter().map(|(clause, holds)| json!({ "clause": clause, "holds": holds })).collect()
}

fn said(result: &Result<bool, MapError>) -> Json {
    match result {
        Ok(holds) => json!(holds),
        Err(error) => json!({ "error": error.reason }),
    }
}

fn document(prepared: &Prepared, key: &str, person: &Person) -> Json {
    let attributes = prepared.session.mapping.attributes();
    let fields = |fields: &[Reading]| -> Json {
        fields
            .iter()
            .map(|reading| json!({ "field": reading.field, "value": reading.value }))
            .collect()
    };
    let records: Vec<Json> = person
        .records
        .iter()
        .map(|found| {
            let scope = found.explanation.scope.as_ref();
            let steps: Vec<Json> = found
                .explanation
                .attributes
                .iter()
                .map(|step| {
                    let value = match &step.value {
                        Ok(None) => json!({ "leave": true }),
                        Ok(Some(SlotValue::Clear)) => json!({ "clear": true }),
                        Ok(Some(SlotValue::Set(value))) => json!({ "set": value }),
                        Ok(Some(SlotValue::Reference(key))) => json!({ "reference": key }),
                        Ok(Some(SlotValue::Choice(proposals))) => json!({ "choice": proposals }),
                        Err(error) => json!({ "error": error.reason }),
                    };
                    json!({
                        "path": attributes.get(step.slot).map(|attribute| attribute.path().to_string()),
                        "expression": step.expression,
                        "fields": fields(&step.fields),
                        "value": value,
                    })
                })
                .collect();
            json!({
                "origin": found.origin,
                "scope": scope.map(|scope| json!({
                    "expression": scope.expression,
                    "fields": fields(&scope.fields),
                    "holds": said(&scope.holds),
                    "clauses": clauses_json(&scope.clauses),
                    "excluded_by": excluded(&found.explanation),
                })),
                "attributes": steps,
            })
        })
        .collect();
    let rejected: Vec<Json> = person
        .rejected
        .iter()
        .map(|(origin, reason)| json!({ "origin": origin, "reason": reason }))
        .collect();
    json!({
        "key": key,
        "records": records,
        "rejected": rejected,
        "link": person.link,
        "account": person.observed,
        "change": person.change,
        "said": person.said,
    })
}
