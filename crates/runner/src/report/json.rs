//! The machine-readable documents of face.md: the plan, and the plan with its outcomes.

use peoplesync_reconcile::{Plan, REDACTED};
use peoplesync_state::{Approval, Run};
use serde_json::{Value as Json, json};

use crate::clock::rfc3339;
use crate::execute::{Ended, Sent};
use crate::failure::Failure;

/// A run of the past, as `history --runs` and `status` show it.
pub(crate) fn run(run: &Run) -> Json {
    let end = run.end.as_ref();
    json!({
        "run": run.id.0,
        "kind": run.start.kind,
        "who": run.start.who,
        "plan": run.start.plan_hash,
        "started": rfc3339(run.start.started),
        "ended": end.map(|end| rfc3339(end.ended)),
        "outcome": end.map(|end| end.outcome.as_str()),
        "counts": end.and_then(|end| serde_json::from_str::<Json>(&end.counts).ok()),
    })
}

/// `plan --json`: without what only a saved plan needs.
pub(crate) fn plan(plan: &Plan) -> Json {
    let mut document = serde_json::to_value(plan).unwrap_or_default();
    if let Json::Object(members) = &mut document {
        members.remove("bookkeeping");
        members.remove("group_bookkeeping");
        if let Some(Json::Array(changes)) = members.get_mut("changes") {
            for change in changes.iter_mut().filter_map(Json::as_object_mut) {
                change.remove("digest");
                change.remove("written");
                for attribute in
                    change.get_mut("attributes").and_then(Json::as_array_mut).into_iter().flatten()
                {
                    if let Json::Object(attribute) = attribute {
                        attribute.remove("new_element");
                        let is_secret =
                            attribute.get("redact").is_some_and(|redact| *redact == true);
                        for side in ["before", "after"].into_iter().filter(|_| is_secret) {
                            if attribute.get(side).is_some_and(|value| !value.is_null()) {
                                attribute.insert(side.to_owned(), json!(REDACTED));
                            }
                        }
                    }
                }
            }
        }
    }
    document
}

/// How many changes ended in which way.
pub(crate) fn outcomes(sent: &[Sent]) -> Json {
    let count = |ended| sent.iter().filter(|sent| sent.ended == ended).count();
    json!({
        "done": count(Ended::Done),
        "failed": count(Ended::Failed),
        "skipped": count(Ended::Skipped),
    })
}

/// `apply --json`: the plan with an outcome for each change, and their number.
pub(crate) fn applied(of: &Plan, sent: &[Sent], stopped: Option<&Failure>) -> Json {
    let mut document = plan(of);
    document["outcomes"] = outcomes(sent);
    document["stopped"] = stopped.map_or(Json::Null, |failure| Json::String(failure.line()));
    if let Some(Json::Array(changes)) = document.get_mut("changes") {
        for (change, sent) in changes.iter_mut().zip(sent) {
            change["outcome"] = json!(sent.ended);
            change["status"] = json!(sent.status);
            change["error"] = json!(sent.error);
            if let Some(id) = &sent.id {
                change["id"] = json!(id);
            }
        }
    }
    document
}

/// Who let a refused plan pass, and why; null for a plan that needed nobody.
pub(crate) fn approval(approval: Option<&Approval>) -> Json {
    approval.map_or(Json::Null, |approval| {
        json!({
            "who": approval.who,
            "reason": approval.reason,
            "given": rfc3339(approval.given),
            "signed": approval.signature.is_some(),
        })
    })
}

/// One document, ready to print.
pub(crate) fn text(document: &Json) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
