//! `history`: what was done, when, why, old and new.

use peoplesync_state::{HistoryEntry, HistoryFilter};
use serde_json::{Value as Json, json};

use super::print;
use crate::cli::HistoryArgs;
use crate::clock::{SystemClock, readable, rfc3339};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::pipeline::{Access, open_store};
use crate::report::json::text;
use crate::report::{Output, Paint, line};

pub(super) fn run(loaded: &Loaded, args: &HistoryArgs, output: Output) -> Outcome<Exit> {
    let now = peoplesync_source::Clock::now(&SystemClock).0;
    let state = open_store(loaded, Access::Plan, now)?;
    let entries = state.entries(&HistoryFilter {
        key: args.person.clone(),
        run: None,
        limit: args.limit as u64,
    })?;
    if args.json {
        print(output, &text(&Json::Array(entries.iter().map(document).collect())))?;
        return Ok(Exit::Done);
    }
    if entries.is_empty() {
        let nobody = match &args.person {
            Some(key) => format!("nothing was done for the key {key} yet\n"),
            None => "nothing was done yet\n".to_owned(),
        };
        print(output, &nobody)?;
    }
    let mut shown = String::new();
    for entry in &entries {
        one(&mut shown, entry, output.paint);
    }
    print(output, &shown)?;
    Ok(Exit::Done)
}

fn one(shown: &mut String, entry: &HistoryEntry, paint: Paint) {
    let id = entry.note.id.as_deref().unwrap_or("no id");
    line!(
        shown,
        "{}  {} {}  {}",
        paint.dim(&readable(entry.note.at)),
        paint.bold(entry.note.action.name()),
        entry.outcome.name(),
        paint.dim(&format!("key {}  {id}  run {}", entry.note.key, entry.run.0)),
    );
    line!(shown, "    {}", entry.note.reason);
    if let Some(error) = &entry.error {
        line!(shown, "    {}", paint.red(error));
    }
    for attribute in attributes(entry) {
        let text =
            |name: &str| attribute.get(name).filter(|value| !value.is_null()).map(Json::to_string);
        let path = attribute.get("path").and_then(Json::as_str).unwrap_or_default();
        let members = |name: &str| attribute.get(name).and_then(Json::as_array);
        if let (Some(add), Some(remove)) = (members("add"), members("remove")) {
            for (sign, keys) in [(paint.green("+"), add), (paint.red("−"), remove)] {
                if !keys.is_empty() {
                    let keys: Vec<&str> = keys.iter().filter_map(Json::as_str).collect();
                    line!(shown, "      {path}  {sign} {}", keys.join(", "));
                }
            }
            continue;
        }
        let after = text("after").unwrap_or_else(|| "nothing".to_owned());
        match text("before") {
            Some(before) => {
                line!(shown, "      {path}  {} → {}", paint.red(&before), paint.green(&after))
            }
            None => line!(shown, "      {path}  {}", paint.green(&after)),
        };
    }
}

fn attributes(entry: &HistoryEntry) -> Vec<Json> {
    serde_json::from_str(&entry.note.attributes).unwrap_or_default()
}

fn document(entry: &HistoryEntry) -> Json {
    json!({
        "run": entry.run.0,
        "at": rfc3339(entry.note.at),
        "action": entry.note.action.name(),
        "resource": entry.note.resource,
        "key": entry.note.key,
        "id": entry.note.id,
        "reason": entry.note.reason,
        "attributes": attributes(entry),
        "outcome": entry.outcome.name(),
        "status": entry.status,
        "error": entry.error,
    })
}
