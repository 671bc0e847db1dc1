//! `apply`: a saved plan exactly; or plans, asks, and applies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peoplesync_reconcile::{Bookkeeping, Part, Plan};
use peoplesync_scim::Resource;
use peoplesync_scim::profile::Use;
use peoplesync_state::{Approval, KeptNote, MemberEffect, PARTIAL, RunEnd, RunStart, State};

use serde_json::json;

use super::confirm::confirm;
use super::print;
use crate::approval::{self, Asked};
use crate::cli::ApplyArgs;
use crate::clock;
use crate::config::Loaded;
use crate::execute::{self, Applied, GroupTools, Sent, Tools};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{self, Access, Prepared, cursor, discovery, saved};
use crate::report::progress::Progress;
use crate::report::{Output, human, json};
use crate::{retries, service};

const DAY: i64 = 86_400_000;

pub(super) async fn run(loaded: Loaded, args: &ApplyArgs, output: Output) -> Outcome<Exit> {
    if args.unattended {
        return unattended(&loaded, args.full, output).await;
    }
    let saved = args.plan.as_deref().map(saved::open).transpose()?;
    let full = saved.as_ref().map_or(args.full, |saved| saved.basis.full);
    let moment = saved.as_ref().and_then(|saved| saved.basis.moment());
    let part = part(args);
    let access = Access::Apply;
    let mut prepared =
        pipeline::prepare(loaded, full, moment, access, part.as_ref(), output).await?;
    prepared.verify = args.verify;
    if let Some(saved) = &saved {
        saved::still_fits(saved, &prepared)?;
    }
    if let Some(part) = &part {
        are_in(part, &prepared.plan)?;
    }
    let plan = prepared.part.as_ref().unwrap_or(&prepared.plan).clone();
    if !args.json {
        print(output, &human::plan(&plan, &prepared.title(), output.paint, args.show))?;
    }
    let file = args.plan.as_deref();
    let approval = if plan.refused.is_empty() {
        None
    } else {
        let asked = Asked {
            plan: &plan,
            saved: file.zip(saved.as_ref()),
            signature: args.signature.as_deref(),
            user: &clock::user(),
            now: prepared.session.clock.now().0,
        };
        approval::find(&prepared.session.loaded, &mut prepared.state, asked)?
    };
    match &approval {
        Some(Approval { who, reason, .. }) => output.note(&format!("approved by {who}: {reason}")),
        None if plan.refused.is_empty() => {}
        None => {
            if args.json {
                print(output, &json::text(&json::plan(&plan)))?;
            }
            let waits = service::pending(&plan, prepared.session.clock.now().0);
            prepared.state.keep_pending(Some(&waits))?;
            let table = &prepared.session.loaded.config.approval;
            output.note(&approval::advice(table, &plan, file));
            return Ok(Exit::Refused);
        }
    }
    if saved.is_none() && !plan.changes.is_empty() && !args.yes {
        let changes = match plan.changes.len() {
            1 => "this change".to_owned(),
            count => format!("these {} changes", human::number(count)),
        };
        let hint = "apply a plan that was saved by `plan --out FILE`, or say --yes";
        confirm(&format!("\nApply {changes} to the target?"), "nothing was written", hint, output)?;
    }
    let applied = execute(prepared, approval.as_ref(), stop_on_signal(), output).await?;
    if args.json {
        let mut document = json::applied(&plan, &applied.sent, applied.stopped.as_ref());
        document["not_kept"] =
            json!(lessons(applied.lessons.iter().chain(&applied.lessons_of_groups)));
        document["approval"] = json::approval(approval.as_ref());
        print(output, &json::text(&document))?;
    } else if !plan.changes.is_empty() {
        print(output, &human::applied(&plan, &applied.sent, output.paint, args.show))?;
    }
    if let Some(stopped) = applied.stopped {
        return Err(stopped);
    }
    let all_done = applied.sent.iter().all(Sent::is_whole);
    Ok(if all_done && plan.rejected.is_empty() { Exit::Done } else { Exit::Partly })
}

/// One run as `peoplesync run` makes them, for timers of other programs.
async fn unattended(loaded: &Loaded, full: bool, output: Output) -> Outcome<Exit> {
    let clock = clock::system();
    if service::is_left_out(loaded, &*clock, output) {
        return Ok(Exit::Partly);
    }
    let stop = service::Stop { asked: stop_on_signal(), ..service::Stop::default() };
    let report = service::cycle(loaded, full, &stop, &clock).await;
    output.note(&report.line);
    for event in &report.events {
        crate::notify::tell(loaded, event).await;
    }
    Ok(report.exit)
}

/// What is picked of the plan.
fn part(args: &ApplyArgs) -> Option<Part> {
    let part = Part {
        keys: args.only.iter().cloned().collect(),
        actions: args.kind.iter().copied().collect(),
    };
    (part != Part::default()).then_some(part)
}

/// A key that is picked must have a change, or else a slip of the finger would do nothing in silence.
fn are_in(part: &Part, plan: &Plan) -> Outcome<()> {
    let changes = |resource, key: &&String| {
        plan.changes.iter().any(|change| change.resource == resource && change.key == **key)
    };
    let missing = part.keys.iter().find(|key| !changes(Resource::User, key));
    let Some(key) = missing else { return Ok(()) };
    let mut rejected = plan.rejected.iter();
    let hint = match rejected.find(|rejected| rejected.key.as_ref() == Some(key)) {
        Some(rejected) => {
            format!("its record {} was rejected: {}", rejected.origin, rejected.reason)
        }
        None if changes(Resource::Group, &key) => {
            "it is the key of a group: who is in which group is written with the whole plan"
                .to_owned()
        }
        None => format!("`peoplesync preview {key}` shows why"),
    };
    Err(Failure::usage(format!("the plan has no change for the key {key}")).with_hint(hint))
}

/// Applies a plan that was prepared for it, and keeps what came of it. One that is refused needs its approval.
pub(crate) async fn execute(
    prepared: Prepared,
    approval: Option<&Approval>,
    stop: Arc<AtomicBool>,
    output: Output,
) -> Outcome<Applied> {
    let Prepared {
        session,
        client,
        mut state,
        plan,
        part,
        links,
        groups,
        kept,
        versions,
        verify,
        key,
        basis,
        parts,
        next,
        sees_again,
        ..
    } = prepared;
    let is_part = part.is_some();
    let plan = part.unwrap_or(plan);
    let is_approved = approval.is_some_and(|approval| approval.plan == plan.plan);
    if let Some(refusal) = plan.refused.first().filter(|_| !is_approved) {
        return Err(Failure::new(
            Exit::Refused,
            format!("refused by {}: {}", refusal.guard, refusal.message),
        ));
    }
    if !is_part {
        state.keep_pending(None)?;
    }
    // A config that changes nothing is still the one that the next is compared with.
    let is_edited = state.last_config()?.is_some_and(|(digest, _)| digest != basis.config);
    let is_nothing =
        plan.changes.is_empty() && plan.bookkeeping.is_empty() && plan.group_bookkeeping.is_empty();
    if is_nothing && (is_part || !is_edited) {
        if !is_part && !sees_again {
            cursor::keep(&mut state, &basis.config, next.as_ref())?;
        }
        if !is_part {
            retries::forget_over(&mut state, &plan)?;
        }
        return Ok(Applied {
            sent: Vec::new(),
            lessons: Vec::new(),
            lessons_of_groups: Vec::new(),
            stopped: None,
            singly: None,
            contradicts: false,
            advice: None,
        });
    }
    let now = session.clock.now().0;
    let run = state.begin_run(&RunStart {
        kind: match (is_part, basis.full) {
            (true, _) => PARTIAL,
            (false, true) => "full",
            (false, false) => "normal",
        }
        .to_owned(),
        plan_hash: plan.plan.clone(),
        config_digest: basis.config.clone(),
        config: parts.text(),
        who: basis.by.clone(),
        started: now,
    })?;
    let history = &session.loaded.config.history;
    let client = match plan.changes.is_empty() {
        true => client,
        false => discovery::complete(&session, client, &mut state, basis.full).await?,
    };
    let if_match = client.profile().write.if_match == Use::Always;
    let tools = Tools {
        versions: if if_match { versions } else { BTreeMap::new() },
        verify,
        client,
        schemas: Arc::clone(&session.schemas),
        match_by: session.managed.lookup_by().cloned().collect(),
        groups: groups.map(|groups| group_tools(&session, groups)),
        managed: Arc::clone(&session.managed),
        kept,
        fingerprint: Box::new(move |text| pipeline::fingerprint_of(&key, text)),
        clock: Arc::clone(&session.clock),
        full_history: history.values,
        stop,
        simulated: session.wired.is_some(),
    };
    let fingerprint = |text: &str| (tools.fingerprint)(text);
    let notes: Vec<_> = plan
        .bookkeeping
        .iter()
        .map(|note| (fingerprint(pipeline::key_of_note(note)), note.clone()))
        .collect();
    state.bookkeeping(session.managed.resource(), &notes, now)?;
    group_notes(&mut state, &plan, &tools, now)?;
    let progress = Progress::of(output.quiet, "applying", plan.changes.len());
    let (applied, mut state) = execute::apply(&plan, &links, tools, state, run, &progress).await?;
    progress.finish();
    state.remember_kept(session.managed.resource(), &applied.lessons)?;
    state.remember_kept(Resource::Group, &applied.lessons_of_groups)?;
    for (path, people) in lessons(&applied.lessons) {
        let people = match people {
            1 => "one person".to_owned(),
            people => format!("{} people", human::number(people)),
        };
        output.note(&format!(
            "the target does not keep {path} of {people} as it was sent; it is not written again until the person or the target changes"
        ));
    }
    if !applied.lessons_of_groups.is_empty() {
        let groups = match applied.lessons_of_groups.len() {
            1 => "one group".to_owned(),
            groups => format!("{} groups", human::number(groups)),
        };
        output.note(&format!(
            "the target does not keep the members of {groups} as they were sent; they are not written again until the group or the target changes"
        ));
    }
    if applied.contradicts {
        state.forget_discovery()?;
    }
    if let Some(why) = &applied.singly {
        output.note(&format!("single requests were sent instead of bulk requests: {why}"));
    }
    if let Some(advice) = applied.advice {
        output.note(advice);
    }
    let ended = session.clock.now().0;
    let config = &session.loaded.config;
    let in_full = config.history.values;
    retries::keep(&mut state, &plan, &applied.sent, &config.retries, in_full, ended)?;
    if !is_part {
        retries::forget_over(&mut state, &plan)?;
    }
    if applied.stopped.as_ref().is_none_or(|stopped| stopped.exit() != Exit::Unexpected) {
        let counts = json::outcomes(&applied.sent).to_string();
        let outcome = match &applied.stopped {
            Some(_) => "stopped",
            None if is_part => PARTIAL,
            None => pipeline::DONE,
        };
        state.finish_run(run, &RunEnd { ended, outcome: outcome.to_owned(), counts })?;
        let all_done = applied.sent.iter().all(Sent::is_whole);
        if is_part || applied.stopped.is_some() || !all_done || sees_again {
            cursor::leave(&mut state, &basis.config)?;
        } else {
            cursor::keep(&mut state, &basis.config, next.as_ref())?;
        }
        if history.keep_days > 0 {
            state.prune_history(ended - i64::from(history.keep_days) * DAY)?;
        }
    }
    Ok(applied)
}

/// What was learned, attribute by attribute, with the number of people.
fn lessons<'a>(notes: impl IntoIterator<Item = &'a KeptNote>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for note in notes {
        *counts.entry(note.path.as_str()).or_default() += 1;
    }
    counts
}

fn group_tools(session: &pipeline::Session, groups: pipeline::GroupLinks) -> GroupTools {
    let managed = session.groups.as_ref().map(|groups| groups.managed.match_by().cloned());
    GroupTools {
        links: groups.links,
        found: groups.found,
        match_by: managed.into_iter().flatten().collect(),
    }
}

/// Remembers what was found of groups that need no change.
fn group_notes(state: &mut State, plan: &Plan, tools: &Tools, now: i64) -> Outcome<()> {
    let mut notes = Vec::new();
    let mut members = Vec::new();
    for note in &plan.group_bookkeeping {
        let key = pipeline::key_of_note(note);
        let group = (tools.fingerprint)(key);
        notes.push((group, note.clone()));
        if let (Bookkeeping::Same { .. }, Some(groups)) = (note, &tools.groups)
            && let Some(found) = groups.found.get(key)
        {
            let found = Some(found.clone());
            members.push(MemberEffect { group, found, added: Vec::new(), removed: Vec::new() });
        }
    }
    state.remember_members(&members)?;
    state.bookkeeping(Resource::Group, &notes, now)?;
    Ok(())
}

/// Set by Ctrl-C or SIGTERM: what is under way ends, nothing more is sent.
pub(super) fn stop_on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    tokio::spawn(async move {
        if super::interrupted().await.is_ok() {
            flag.store(true, Ordering::Release);
        }
    });
    stop
}
