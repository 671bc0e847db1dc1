//! `history`: what was done, when, by whom, why, by which rule, old and new.

use std::collections::BTreeMap;

use peoplesync_scim::{Path, Resource};
use peoplesync_state::{Approval, HistoryEntry, HistoryFilter, Run, RunId, State};
use serde_json::{Value as Json, json};

use super::print;
use crate::cli::HistoryArgs;
use crate::clock::{SystemClock, readable, rfc3339};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::pipeline::{Access, open_store};
use crate::report::json::{self as documents, text};
use crate::report::{Output, Paint, line, put};

/// So many entries are shown to people.
const SHOWN: u64 = 100;

pub(super) fn run(loaded: &Loaded, args: &HistoryArgs, output: Output) -> Outcome<Exit> {
    let now = peoplesync_source::Clock::now(&SystemClock).0;
    let state = open_store(loaded, Access::Plan, now)?;
    let all = if args.jsonl { u64::MAX } else { SHOWN };
    let limit = args.limit.map_or(all, |limit| limit as u64);
    let shown = if args.runs {
        runs(&state, args, limit, output)
    } else {
        entries(&state, args, limit, output)
    };
    print(output, &shown?)?;
    Ok(Exit::Done)
}

/// What is known of the runs of the entries.
struct Runs {
    by_id: BTreeMap<RunId, Run>,
    /// All that were given of a run's plan, newest first.
    approvals: BTreeMap<RunId, Vec<Approval>>,
    /// The rules of each config, by its digest: those of people, and those of groups.
    rules: BTreeMap<String, [BTreeMap<Path, String>; 2]>,
}

impl Runs {
    fn read(state: &State) -> Outcome<Self> {
        let runs = state.last_runs(u32::MAX)?;
        let approvals = state.last_approvals(u32::MAX)?;
        let mut rules = BTreeMap::new();
        for run in &runs {
            let digest = &run.start.config_digest;
            if !rules.contains_key(digest) {
                rules.insert(digest.clone(), rules_of(&run.start.config));
            }
        }
        let mut by_run: BTreeMap<RunId, Vec<Approval>> = BTreeMap::new();
        for (approval, run) in approvals {
            if let Some(run) = run {
                by_run.entry(run).or_default().push(approval);
            }
        }
        let by_id = runs.into_iter().map(|run| (run.id, run)).collect();
        Ok(Self { by_id, approvals: by_run, rules })
    }

    fn approvals(&self, run: RunId) -> &[Approval] {
        self.approvals.get(&run).map(Vec::as_slice).unwrap_or_default()
    }

    fn who(&self, run: RunId) -> &str {
        self.by_id.get(&run).map_or("", |run| run.start.who.as_str())
    }

    /// The rule that gave an attribute its value in a run.
    fn rule(&self, run: RunId, resource: Resource, path: &str) -> Option<&str> {
        let [people, groups] = self.rules.get(&self.by_id.get(&run)?.start.config_digest)?;
        let rules = match resource {
            Resource::User => people,
            Resource::Group => groups,
        };
        rules.get(&Path::parse(path).ok()?).map(String::as_str)
    }
}

/// The expressions of a config, as it was kept with a run: of people, and of groups.
fn rules_of(config: &str) -> [BTreeMap<Path, String>; 2] {
    let config: Json = serde_json::from_str(config).unwrap_or_default();
    ["/people/attributes", "/groups/attributes"].map(|table| rules_in(config.pointer(table)))
}

fn rules_in(table: Option<&Json>) -> BTreeMap<Path, String> {
    let rules = table.and_then(Json::as_object);
    let rules = rules.into_iter().flatten().filter_map(|(path, rule)| {
        let rule = match rule {
            Json::String(text) => text.clone(),
            Json::Object(table) => {
                let mut expressions = ["value", "values", "reference"].iter();
                match expressions.find_map(|name| table.get(*name)) {
                    Some(Json::String(text)) => text.clone(),
                    _ => Json::Object(table.clone()).to_string(),
                }
            }
            other => other.to_string(),
        };
        Some((Path::parse(path).ok()?, rule))
    });
    rules.collect()
}

fn entries(state: &State, args: &HistoryArgs, limit: u64, output: Output) -> Outcome<String> {
    let mut entries = state.entries(&HistoryFilter {
        key: args.person.clone(),
        run: args.run.map(RunId),
        limit,
    })?;
    let runs = Runs::read(state)?;
    if args.json {
        return Ok(text(&entries.iter().map(|entry| document(entry, &runs)).collect()));
    }
    if args.jsonl {
        entries.reverse();
        let lines = entries.iter().map(|entry| format!("{}\n", document(entry, &runs)));
        return Ok(lines.collect());
    }
    if entries.is_empty() {
        return Ok(match (&args.person, args.run) {
            (Some(key), _) => format!("nothing was done for the key {key} yet\n"),
            (None, Some(run)) => format!("run {run} did nothing, or is no longer remembered\n"),
            (None, None) => "nothing was done yet\n".to_owned(),
        });
    }
    let mut shown = String::new();
    for entry in &entries {
        one(&mut shown, entry, &runs, output.paint);
    }
    Ok(shown)
}

fn one(shown: &mut String, entry: &HistoryEntry, runs: &Runs, paint: Paint) {
    let id = entry.note.id.as_deref().unwrap_or("no id");
    let who = runs.who(entry.run);
    let by = if who.is_empty() { String::new() } else { format!(" by {who}") };
    line!(
        shown,
        "{}  {} {}  {}",
        paint.dim(&readable(entry.note.at)),
        paint.bold(entry.note.action.name()),
        entry.outcome.name(),
        paint.dim(&format!("key {}  {id}  run {}{by}", entry.note.key, entry.run.0)),
    );
    line!(shown, "    {}", entry.note.reason);
    for approval in runs.approvals(entry.run) {
        line!(shown, "    approved by {}: {}", approval.who, approval.reason);
    }
    if let Some(error) = &entry.error {
        line!(shown, "    {}", paint.red(error));
    }
    if let Some(request) = &entry.note.request {
        line!(shown, "    {}", paint.dim(&format!("request {request}")));
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
        put!(shown, "      {path}  ");
        if let Some(before) = text("before") {
            put!(shown, "{} → ", paint.red(&before));
        }
        put!(shown, "{}", paint.green(&after));
        let rule = runs
            .rule(entry.run, entry.note.resource, path)
            .map(|rule| paint.dim(&format!("  ({rule})")));
        line!(shown, "{}", rule.unwrap_or_default());
    }
}

fn attributes(entry: &HistoryEntry) -> Vec<Json> {
    serde_json::from_str(&entry.note.attributes).unwrap_or_default()
}

fn document(entry: &HistoryEntry, runs: &Runs) -> Json {
    let mut attributes = attributes(entry);
    for attribute in &mut attributes {
        let path = attribute.get("path").and_then(Json::as_str).unwrap_or_default();
        attribute["rule"] = json!(runs.rule(entry.run, entry.note.resource, path));
    }
    json!({
        "run": entry.run.0,
        "who": runs.who(entry.run),
        "at": rfc3339(entry.note.at),
        "action": entry.note.action.name(),
        "resource": entry.note.resource,
        "key": entry.note.key,
        "id": entry.note.id,
        "reason": entry.note.reason,
        "attributes": attributes,
        "outcome": entry.outcome.name(),
        "status": entry.status,
        "request": entry.note.request,
        "error": entry.error,
    })
}

fn runs(state: &State, args: &HistoryArgs, limit: u64, output: Output) -> Outcome<String> {
    let runs = state.last_runs(u32::try_from(limit).unwrap_or(u32::MAX))?;
    let known = Runs::read(state)?;
    let documents = || runs.iter().map(|run| run_document(run, known.approvals(run.id).first()));
    if args.json {
        return Ok(text(&documents().collect()));
    }
    if args.jsonl {
        return Ok(documents().rev().map(|document| format!("{document}\n")).collect());
    }
    let paint = output.paint;
    let mut shown = String::new();
    for run in &runs {
        let outcome = run.end.as_ref().map_or("did not end", |end| end.outcome.as_str());
        line!(
            shown,
            "{}  {} {outcome}  {}",
            paint.dim(&readable(run.start.started)),
            paint.bold(&format!("run {}", run.id.0)),
            paint
                .dim(&format!("{}, by {}, {}", run.start.kind, run.start.who, run.start.plan_hash)),
        );
        let counts = run
            .end
            .as_ref()
            .and_then(|end| serde_json::from_str::<BTreeMap<String, u64>>(&end.counts).ok());
        let counts: Vec<String> = counts
            .into_iter()
            .flatten()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        if !counts.is_empty() {
            line!(shown, "    {}", counts.join(", "));
        }
        for approval in known.approvals(run.id) {
            line!(shown, "    approved by {}: {}", approval.who, approval.reason);
        }
    }
    if shown.is_empty() {
        shown.push_str("there was no run yet\n");
    }
    Ok(shown)
}

fn run_document(run: &Run, approval: Option<&Approval>) -> Json {
    let mut document = documents::run(run);
    document["approval"] = documents::approval(approval);
    document
}
