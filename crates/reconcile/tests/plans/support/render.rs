//! A plan as text, for snapshots.

use std::fmt::Write as _;

use peoplesync_reconcile::{Bookkeeping, Cause, Digest, Plan, Rejection, Summary, Warning};
use serde_json::Value as Json;

pub(crate) fn render(plan: &Plan) -> String {
    let mut text = format!("{} read: {}\n", plan.coverage, counts(&plan.summary));
    for refusal in &plan.refused {
        writeln!(
            text,
            "REFUSED by {} = {}, found {}: {}",
            refusal.guard, refusal.limit, refusal.found, refusal.message
        )
        .unwrap();
    }
    for change in &plan.changes {
        let id = change.id.as_deref().map(|id| format!(" -> {id}")).unwrap_or_default();
        let origin = change.origin.as_deref().unwrap_or("no record");
        let digest = if change.digest.is_some() { "" } else { ", no digest" };
        let cause = match change.cause {
            Cause::Source => "",
            Cause::Config => ", by the config",
            Cause::Drift => ", drift",
        };
        let action = format!("{:?}", change.action).to_lowercase();
        writeln!(
            text,
            "{action} {}{id} {} ({origin}{digest}{cause}): {}",
            change.key, change.name, change.reason
        )
        .unwrap();
        for attribute in &change.attributes {
            let show = |value: &Option<Json>| {
                value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let after = match (&attribute.after, &attribute.reference) {
                (None, Some(key)) => format!("the account of {key}"),
                (after, Some(key)) => format!("{} (of {key})", show(after)),
                (after, None) => show(after),
            };
            let element = if attribute.new_element { ", a new element" } else { "" };
            writeln!(
                text,
                "    {}: {} => {after}{element}",
                attribute.path,
                show(&attribute.before)
            )
            .unwrap();
        }
    }
    for Rejection { origin, key, field, reason, resource: _ } in &plan.rejected {
        let key = key.as_deref().map(|key| format!(" key {key}")).unwrap_or_default();
        let field = field.as_deref().map(|field| format!(" {field}")).unwrap_or_default();
        writeln!(text, "rejected {origin}{key}{field}: {reason}").unwrap();
    }
    for Warning { key, origin, message } in &plan.warnings {
        let whom: Vec<&str> = [key, origin].into_iter().flatten().map(String::as_str).collect();
        let whom = if whom.is_empty() { String::new() } else { format!(" {}", whom.join(" ")) };
        writeln!(text, "warning{whom}: {message}").unwrap();
    }
    for note in &plan.bookkeeping {
        match note {
            Bookkeeping::Same { key, digest: Digest::UNKNOWN, .. } => {
                writeln!(text, "note {key} is to be looked at again")
            }
            Bookkeeping::Same { key, .. } => writeln!(text, "note {key} is as wanted"),
            Bookkeeping::Absent { key } => writeln!(text, "note {key} is absent from now on"),
            Bookkeeping::Present { key } => writeln!(text, "note {key} is there again"),
            Bookkeeping::Inactive { key } => writeln!(text, "note {key} is inactive already"),
            Bookkeeping::Gone { key } => writeln!(text, "note {key} has no account any more"),
        }
        .unwrap();
    }
    text
}

fn counts(summary: &Summary) -> String {
    let all = [
        ("create", summary.create),
        ("adopt", summary.adopt),
        ("update", summary.update),
        ("reactivate", summary.reactivate),
        ("deactivate", summary.deactivate),
        ("delete", summary.delete),
        ("unlink", summary.unlink),
        ("unchanged", summary.unchanged),
        ("out of scope", summary.out_of_scope),
        ("rejected", summary.rejected),
    ];
    let some: Vec<String> = all
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|(name, number)| format!("{number} {name}"))
        .collect();
    if some.is_empty() { "nothing".to_owned() } else { some.join(", ") }
}
