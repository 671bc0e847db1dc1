//! A plan as people read it: what happens to whom, before → after, and why.

use peoplesync_reconcile::{Action, AttributeChange, Change, Plan, REDACTED, Summary};
use peoplesync_scim::{Path, Resource};
use serde_json::Value as Json;

use super::{Paint, groups, line, put};
use crate::execute::{Ended, Sent};

/// More creates than this are shown a line each, without their attributes.
const CREATES_IN_FULL: usize = 5;

/// A plan, with at most `show` changes of each kind (0 shows all).
pub(crate) fn plan(plan: &Plan, title: &str, paint: Paint, show: usize) -> String {
    let mut text = format!("{}\n", paint.bold(title));
    changes(&mut text, plan, Resource::User, paint, show);
    if plan.changes.iter().any(|change| change.resource == Resource::Group) {
        line!(text, "\n{}", paint.bold("Groups"));
        changes(&mut text, plan, Resource::Group, paint, show);
    }
    people(&mut text, plan, paint, show);
    line!(text, "\n{}", totals(&plan.summary, paint));
    causes(&mut text, &plan.summary, paint);
    if let Some(coverage) = plan.groups_coverage.as_deref().filter(|found| *found != "complete") {
        let message = format!(
            "Groups were not read completely ({coverage}): nobody is removed from a group."
        );
        line!(text, "{}", paint.yellow(&message));
    }
    let incomplete = match plan.coverage.as_str() {
        "complete" => None,
        "mixed" => Some(
            "Not all sources were read completely: people of those are left as they are."
                .to_owned(),
        ),
        coverage => Some(format!(
            "The source was not read completely ({coverage}): nobody is taken for a leaver."
        )),
    };
    if let Some(incomplete) = incomplete {
        line!(text, "{}", paint.yellow(&incomplete));
    }
    refusals(&mut text, plan, paint);
    text
}

/// How many changes do not come from the source.
fn causes(text: &mut String, summary: &Summary, paint: Paint) {
    let counts = [("", summary.from_config), (" of groups", summary.groups.from_config)];
    for (of, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        let changes = if count == 1 { "change" } else { "changes" };
        let come = if count == 1 { "comes" } else { "come" };
        let count = number(usize::try_from(count).unwrap_or(usize::MAX));
        let what = "from the config, which is another than in the last run";
        line!(text, "{}", paint.yellow(&format!("{count} {changes}{of} {come} {what}.")));
    }
    let counts = [("", summary.from_drift), (" of groups", summary.groups.from_drift)];
    for (of, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        let changes = if count == 1 { "change" } else { "changes" };
        let undo = if count == 1 { "undoes" } else { "undo" };
        let count = number(usize::try_from(count).unwrap_or(usize::MAX));
        let what = "what others did at the target";
        line!(text, "{}", paint.yellow(&format!("{count} {changes}{of} {undo} {what}.")));
    }
}

/// Why a plan is not applied as it is, a line each.
pub(crate) fn refusals(text: &mut String, plan: &Plan, paint: Paint) {
    for refusal in &plan.refused {
        let what = match refusal.guard.as_str() {
            "approval" => "Needs an approval:".to_owned(),
            guard => format!("Refused by {guard}:"),
        };
        line!(text, "{} {}", paint.red(&what), refusal.message);
    }
}

fn changes(text: &mut String, plan: &Plan, resource: Resource, paint: Paint, show: usize) {
    for action in Action::ALL {
        let is_of_kind = |change: &&Change| change.resource == resource && change.action == action;
        let of_kind: Vec<&Change> = plan.changes.iter().filter(is_of_kind).collect();
        let shown = if show == 0 { of_kind.len() } else { of_kind.len().min(show) };
        let in_full = action != Action::Create || of_kind.len() <= CREATES_IN_FULL;
        if shown > 0 {
            text.push('\n');
        }
        for change in of_kind.iter().take(shown) {
            one(text, change, paint, in_full);
        }
        if of_kind.len() > shown {
            line!(
                text,
                "  {}",
                paint.dim(&format!(
                    "… and {} more to {} (--show 0 shows all)",
                    number(of_kind.len() - shown),
                    action.name()
                ))
            );
        }
    }
}

fn one(text: &mut String, change: &Change, paint: Paint, in_full: bool) {
    let sign = sign(change.action, paint);
    let name = format!("{:<34}", change.name);
    let place = change.origin.as_deref().map(|origin| format!("  {origin}")).unwrap_or_default();
    line!(
        text,
        "  {sign} {} {:<10} {}",
        paint.bold(&name),
        change.action.name(),
        paint.dim(&format!("key {}{place}", change.key))
    );
    line!(text, "      {}", paint.dim(&change.reason));
    if in_full {
        attributes(text, &change.attributes, paint);
    }
    groups::members(text, &change.members, paint);
}

/// The attributes of one change, a line each.
pub(crate) fn attributes(text: &mut String, attributes: &[AttributeChange], paint: Paint) {
    let width = attributes.iter().map(|attribute| short(&attribute.path).chars().count()).max();
    let width = width.unwrap_or(0).min(44);
    for attribute in attributes {
        let path = format!("{:<width$}", short(&attribute.path));
        let value = |json: &Json| match attribute.redact {
            true => REDACTED.to_owned(),
            false => shortened(json.to_string()),
        };
        let after = match (&attribute.reference, &attribute.after) {
            (Some(key), None) => {
                paint.green(&format!("the account of key {key}, created in this run"))
            }
            (Some(key), Some(id)) => {
                format!("{} {}", paint.green(&value(id)), paint.dim(&format!("(key {key})")))
            }
            (None, Some(after)) => paint.green(&value(after)),
            (None, None) => paint.red("nothing"),
        };
        match &attribute.before {
            Some(before) => {
                line!(text, "        {path}  {} → {after}", paint.red(&value(before)))
            }
            None => line!(text, "        {path}  {after}"),
        };
    }
}

/// A value as it is shown: what is longer than a few lines is cut, and how long it is is said. JSON has it in full.
fn shortened(value: String) -> String {
    const MOST: usize = 300;
    let Some((end, _)) = value.char_indices().nth(MOST) else { return value };
    let length = number(value.chars().count());
    format!("{}… ({length} characters)", value.get(..end).unwrap_or_default())
}

fn people(text: &mut String, plan: &Plan, paint: Paint, show: usize) {
    let limit = |count: usize| if show == 0 { count } else { count.min(show) };
    if !plan.rejected.is_empty() {
        line!(text, "\n{}", paint.bold("Rejected (their accounts stay as they are)"));
    }
    for rejected in plan.rejected.iter().take(limit(plan.rejected.len())) {
        let key = rejected.key.as_deref().map(|key| format!("  key {key}")).unwrap_or_default();
        let field = rejected.field.as_deref().map(|field| format!("{field}: ")).unwrap_or_default();
        let sign = paint.yellow("!");
        line!(text, "  {sign} {}{}  {field}{}", rejected.origin, paint.dim(&key), rejected.reason);
    }
    more(text, plan.rejected.len(), limit(plan.rejected.len()), paint);
    if !plan.warnings.is_empty() {
        line!(text, "\n{}", paint.bold("To know"));
    }
    for warning in plan.warnings.iter().take(limit(plan.warnings.len())) {
        let origin =
            warning.origin.as_deref().map(|origin| format!("{origin}  ")).unwrap_or_default();
        line!(text, "  {} {origin}{}", paint.yellow("·"), warning.message);
    }
    more(text, plan.warnings.len(), limit(plan.warnings.len()), paint);
}

fn more(text: &mut String, all: usize, shown: usize, paint: Paint) {
    if all > shown {
        line!(text, "  {}", paint.dim(&format!("… and {} more", number(all - shown))));
    }
}

/// `Plan: 1 to create, 2 to update; 40 unchanged.`
pub(crate) fn totals(summary: &Summary, paint: Paint) -> String {
    let to_do = [
        (summary.create, "create"),
        (summary.adopt, "adopt"),
        (summary.update, "update"),
        (summary.reactivate, "reactivate"),
        (summary.deactivate, "deactivate"),
        (summary.delete, "delete"),
        (summary.unlink, "unlink"),
    ];
    let rest = [
        (summary.unchanged, "unchanged"),
        (summary.out_of_scope, "out of scope"),
        (summary.rejected, "rejected"),
    ];
    let groups = groups::totals(&summary.groups, paint);
    format!("{} {}{groups}", paint.bold("Plan:"), listed(&to_do, &rest))
}

/// `1 to create, 2 to update; 40 unchanged.`
pub(super) fn listed(to_do: &[(u64, &str)], rest: &[(u64, &str)]) -> String {
    let list = |numbers: &[(u64, &str)], word: &dyn Fn(String, &str) -> String| {
        let counted = numbers.iter().filter(|(count, _)| *count > 0);
        let shown: Vec<String> = counted
            .map(|(count, what)| word(number(usize::try_from(*count).unwrap_or(usize::MAX)), what))
            .collect();
        shown.join(", ")
    };
    let to_do = list(to_do, &|count, what| format!("{count} to {what}"));
    let rest = list(rest, &|count, what| format!("{count} {what}"));
    let mut line = if to_do.is_empty() { "No changes".to_owned() } else { to_do };
    if !rest.is_empty() {
        put!(line, "; {rest}");
    }
    line.push('.');
    line
}

/// What came of an apply.
pub(crate) fn applied(plan: &Plan, sent: &[Sent], paint: Paint, show: usize) -> String {
    let mut text = String::new();
    let partly = plan
        .changes
        .iter()
        .zip(sent)
        .filter(|(_, sent)| sent.ended == Ended::Done && !sent.is_whole());
    for (change, sent) in partly {
        let error = sent.error.as_deref().unwrap_or_default();
        line!(
            text,
            "  {} {} {} {}: {error}",
            paint.yellow("!"),
            paint.bold(&change.name),
            change.action.name(),
            paint.dim(&format!("key {}", change.key))
        );
    }
    let failed: Vec<(&Change, &Sent)> =
        plan.changes.iter().zip(sent).filter(|(_, sent)| sent.ended == Ended::Failed).collect();
    let shown = if show == 0 { failed.len() } else { failed.len().min(show) };
    for (change, sent) in failed.iter().take(shown) {
        let error = sent.error.as_deref().unwrap_or("failed");
        line!(
            text,
            "  {} {} {} {}: {error}",
            paint.red("✗"),
            paint.bold(&change.name),
            change.action.name(),
            paint.dim(&format!("key {}", change.key))
        );
    }
    more(&mut text, failed.len(), shown, paint);
    let count = |ended| sent.iter().filter(|sent| sent.ended == ended).count();
    let (done, skipped) = (count(Ended::Done), count(Ended::Skipped));
    put!(text, "{} {} done", paint.bold("Apply:"), number(done));
    if !failed.is_empty() {
        put!(text, ", {}", paint.red(&format!("{} failed", number(failed.len()))));
    }
    if skipped > 0 {
        put!(text, ", {}", paint.yellow(&format!("{} left out", number(skipped))));
    }
    text.push_str(".\n");
    text
}

fn sign(action: Action, paint: Paint) -> String {
    match action {
        Action::Create => paint.green("+"),
        Action::Adopt => paint.green("="),
        Action::Update => paint.yellow("~"),
        Action::Reactivate => paint.green("^"),
        Action::Deactivate | Action::Delete => paint.red("-"),
        Action::Unlink => paint.yellow("/"),
    }
}

/// The path without the long front of an extension's URN.
pub(crate) fn short(path: &Path) -> String {
    let full = path.to_string();
    match full.strip_prefix("urn:ietf:params:scim:schemas:extension:") {
        Some(rest) => format!("…{rest}"),
        None => full,
    }
}

/// `1234567` is `1,234,567`.
pub(crate) fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
