//! `status`: how the job is: last runs, quarantine, who waits for another try, and the plan that waits for an approval.

use peoplesync_scim::Resource;
use serde_json::{Value as Json, json};

use super::print;
use crate::clock::{SystemClock, readable, rfc3339};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::pipeline::{Access, open_store};
use crate::report::json::{run as document_of_run, text};
use crate::report::{Output, Paint, human, line};

/// So many runs are shown.
const RUNS: u32 = 5;

/// So many of those who wait are shown to people.
const SHOWN: usize = 20;

pub(super) fn run(loaded: &Loaded, json: bool, output: Output) -> Outcome<Exit> {
    let now = peoplesync_source::Clock::now(&SystemClock).0;
    let state = open_store(loaded, Access::Plan, now)?;
    let links = state.count(Resource::User)?;
    let document = document(&state, links)?;
    let shown = if json { text(&document) } else { shown(&state, links, output.paint)? };
    print(output, &shown)?;
    let is_well = state.health()?.quarantine.is_none();
    Ok(if is_well { Exit::Done } else { Exit::Partly })
}

fn shown(state: &peoplesync_state::State, links: u64, paint: Paint) -> Outcome<String> {
    let mut text = String::new();
    let people = if links == 1 { "person is" } else { "people are" };
    line!(text, "{} {people} linked.", human::number(usize::try_from(links).unwrap_or(usize::MAX)));
    let health = state.health()?;
    if let Some((since, reason)) = &health.quarantine {
        line!(text, "{} since {}: {reason}", paint.red("In quarantine"), readable(*since));
        line!(text, "  `peoplesync resume` ends it; a run that goes well does too");
    } else if let Some(error) = &health.error {
        line!(
            text,
            "{} at {}: {error}",
            paint.yellow("The last run failed"),
            readable(health.tried)
        );
    }
    if let Some(pending) = state.pending()? {
        line!(
            text,
            "\n{} since {}",
            paint.yellow("A plan waits for an approval"),
            readable(pending.since)
        );
        let refused: Json = serde_json::from_str(&pending.refused).unwrap_or_default();
        for refusal in refused.as_array().into_iter().flatten() {
            let part = |name: &str| refusal.get(name).and_then(Json::as_str).unwrap_or_default();
            line!(text, "  {}: {}", part("guard"), part("message"));
        }
        line!(text, "  peoplesync approve {} --reason \"…\"", pending.plan);
    }
    let retries = state.retries()?;
    if !retries.is_empty() {
        line!(text, "\nWaiting for another try");
    }
    for retry in retries.iter().take(SHOWN) {
        let next = match retry.next {
            Some(next) => format!("next at {}", readable(next)),
            None => "given up".to_owned(),
        };
        let kind = if retry.resource == Resource::Group { "group " } else { "" };
        line!(
            text,
            "  {kind}key {}  failed {}, {next}: {}",
            retry.key,
            times(retry.failures),
            retry.error
        );
    }
    if retries.len() > SHOWN {
        line!(text, "  … and {} more (--json shows all)", human::number(retries.len() - SHOWN));
    }
    let runs = state.last_runs(RUNS)?;
    line!(text, "\n{}", if runs.is_empty() { "Nothing was applied yet." } else { "Last runs" });
    for run in runs {
        let end = match &run.end {
            Some(end) => format!("{} {}", end.outcome, counts(&end.counts)),
            None => paint.yellow("did not end"),
        };
        line!(
            text,
            "  run {} at {}, {}: {}",
            run.id,
            readable(run.start.started),
            run.start.kind,
            end.trim_end()
        );
    }
    Ok(text)
}

fn times(number: u32) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

fn counts(counts: &str) -> String {
    let counts: Json = serde_json::from_str(counts).unwrap_or_default();
    let counts = counts.as_object().into_iter().flatten();
    let counts = counts.filter(|(_, count)| count.as_u64() != Some(0));
    let counts: Vec<String> = counts.map(|(name, count)| format!("{count} {name}")).collect();
    if counts.is_empty() { String::new() } else { format!("({})", counts.join(", ")) }
}

fn document(state: &peoplesync_state::State, links: u64) -> Outcome<Json> {
    let health = state.health()?;
    let runs: Vec<Json> = state.last_runs(RUNS)?.iter().map(document_of_run).collect();
    let retries: Vec<Json> = state
        .retries()?
        .iter()
        .map(|retry| {
            json!({
                "resource": retry.resource.to_string(),
                "key": retry.key,
                "failures": retry.failures,
                "since": rfc3339(retry.since),
                "last": rfc3339(retry.last),
                "next": retry.next.map(rfc3339),
                "error": retry.error,
            })
        })
        .collect();
    let parsed = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
    let pending = state.pending()?.map(|pending| {
        json!({
            "plan": pending.plan,
            "since": rfc3339(pending.since),
            "refused": parsed(&pending.refused),
            "summary": parsed(&pending.summary),
        })
    });
    Ok(json!({
        "linked": links,
        "quarantine": health.quarantine.as_ref().map(|(since, reason)| json!({ "since": rfc3339(*since), "reason": reason })),
        "error": health.error,
        "pending": pending,
        "waiting": retries,
        "runs": runs,
    }))
}
