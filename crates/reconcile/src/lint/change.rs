//! What must hold for each change.

use peoplesync_scim::schema::Uniqueness;
use peoplesync_scim::{Resource, value};
use serde_json::Value as Json;

use super::{ByKey, Findings, LintContext};
use crate::{
    Action, AttributeChange, Cause, Change, Digest, ManagedAttribute, OnDrift, Plan, Standing,
};

pub(super) fn check(
    plan: &Plan,
    change: &Change,
    context: LintContext<'_>,
    by_key: &ByKey<'_>,
    findings: &mut Findings,
) {
    identity(change, context, findings);
    leaver(plan, change, findings);
    target(change, context, findings);
    activity(change, findings);
    drift(change, context, findings);
    for pair in change.attributes.windows(2) {
        if let [a, b] = pair
            && a.path >= b.path
        {
            findings.on("order", change, format!("{} stands after {}", b.path, a.path));
        }
    }
    for attribute in &change.attributes {
        let mut managed = (0u16..).zip(context.managed.attributes());
        match managed.find(|(_, managed)| managed.path == attribute.path) {
            Some((slot, managed)) => {
                one_attribute(change, attribute, slot, managed, context, findings);
                reference(change, attribute, managed, context, by_key, findings);
            }
            None if is_switch(change, attribute) => {}
            None => {
                let message = format!("{} is not managed", attribute.path);
                findings.on("only managed attributes", change, message);
            }
        }
    }
}

/// Whether this is the `active` that takes an account out of use, or back into it, without a mapping.
fn is_switch(change: &Change, attribute: &AttributeChange) -> bool {
    attribute.path.to_string().eq_ignore_ascii_case("active")
        && matches!(change.action, Action::Deactivate | Action::Reactivate)
}

/// Ids, links and digests.
fn identity(change: &Change, context: LintContext<'_>, findings: &mut Findings) {
    let link = context.links.get(&change.key);
    match (change.action, &change.id) {
        (Action::Create, None) => {
            let is_there = link
                .is_some_and(|link| context.observation.is_some_and(|o| o.get(&link.id).is_some()));
            if is_there {
                findings.on("link", change, "the person has an account already");
            }
        }
        (Action::Create, Some(id)) => {
            findings.on(
                "id",
                change,
                format!("{id} is the id of an account that does not exist yet"),
            );
        }
        (_, None) => findings.on("id", change, "it has no id"),
        (Action::Adopt, Some(id)) => {
            if let Some(owner) = context.links.by_id(id) {
                findings.on("link", change, format!("account {id} is linked to key {}", owner.key));
            }
        }
        (_, Some(id)) => match link {
            None => findings.on("link", change, "the person is not linked"),
            Some(link) if link.id != *id => {
                findings.on(
                    "link",
                    change,
                    format!("the person is linked to {}, not {id}", link.id),
                );
            }
            Some(_) => {}
        },
    }
    let digest = change.digest;
    let is_right = match change.action {
        Action::Create | Action::Adopt | Action::Update | Action::Reactivate => digest.is_some(),
        Action::Deactivate => true,
        Action::Delete | Action::Unlink => digest.is_none(),
    };
    if !is_right || digest == Some(Digest::UNKNOWN) {
        let message = match digest {
            None => "it has no digest",
            Some(Digest::UNKNOWN) => "its digest is the unknown one",
            Some(_) => "it has a digest, and there is no link left to keep it",
        };
        findings.on("digest", change, message);
    }
    if digest.is_some() != change.origin.is_some() {
        findings.on("origin", change, "a record has an origin and a digest, a leaver has neither");
    }
}

/// Somebody without a record is a leaver.
fn leaver(plan: &Plan, change: &Change, findings: &mut Findings) {
    if change.digest.is_some() {
        return;
    }
    let said = ["no longer in scope", "removed from "];
    let coverage = match change.resource {
        Resource::User => plan.coverage.as_str(),
        Resource::Group => plan.groups_coverage.as_deref().unwrap_or("none"),
    };
    let is_proven = match coverage {
        // Who is held by a source that was not read, the runner compares by itself.
        "complete" | "mixed" => true,
        "changes" => said.iter().any(|word| change.reason.starts_with(word)),
        _ => false,
    };
    if !is_proven {
        let message = format!("nothing proves that the person left: the coverage is {coverage}");
        findings.on("nobody leaves on a guess", change, message);
    }
}

/// What is known of the account at the target.
fn target(change: &Change, context: LintContext<'_>, findings: &mut Findings) {
    let (Some(observation), Some(id)) = (context.observation, &change.id) else { return };
    match observation.get(id) {
        None => findings.on("only known accounts", change, format!("account {id} was not found")),
        Some(account) if account.protected_by().is_some() => {
            findings.on(
                "protected accounts are never touched",
                change,
                format!("account {id} is protected"),
            );
        }
        Some(account) if change.digest.is_none() && account.kept_by().is_some() => {
            let message = format!("account {id} is to be kept when its person leaves");
            findings.on("leavers.unless", change, message);
        }
        Some(account)
            if account.administrator_by().is_some()
                && matches!(change.action, Action::Deactivate | Action::Delete) =>
        {
            findings.on(
                "administrators stay in use",
                change,
                format!("account {id} is an administrator's"),
            );
        }
        Some(_) => {}
    }
}

/// What others changed at the target is what differs although the link has what is wanted; and it is written only where the
/// config says so.
fn drift(change: &Change, context: LintContext<'_>, findings: &mut Findings) {
    let is_drift = change.cause == Cause::Drift;
    let found = change.attributes.iter().filter(|attribute| attribute.drift);
    if !is_drift && found.clone().next().is_none() && change.members.drift == 0 {
        return;
    }
    let link = context.links.get(&change.key);
    let rule = "drift is what others changed";
    // An account that somebody deleted, or took into use again after its person had left.
    let is_lost = matches!(change.action, Action::Create | Action::Adopt);
    let is_leaver = change.digest.is_none();
    match link {
        None => findings.on(rule, change, "the person was not linked"),
        Some(_) if is_lost || is_leaver => {}
        Some(link) if link.standing != Standing::Active || link.digest == Digest::UNKNOWN => {
            findings.on(rule, change, "it is not known what was written last");
        }
        Some(link) => {
            let is_same = change
                .digest
                .is_some_and(|digest| digest == link.digest || digest == link.digest.unfinished());
            if !is_same && link.written.is_empty() && change.members.drift == 0 {
                findings.on(rule, change, "the link has another digest, so the source moved");
            }
        }
    }
    let is_other = change.attributes.iter().any(|attribute| !attribute.drift)
        || change.members.drift != change.members.len();
    if is_drift && !is_lost && !is_leaver && is_other {
        findings.on(rule, change, "not all of it is");
    }
    let corrected =
        change.attributes.iter().filter(|attribute| attribute.drift || is_drift && is_leaver);
    for attribute in corrected {
        if context.managed.on_drift(&attribute.path) != OnDrift::Correct {
            let message = format!("{} is to be left alone", attribute.path);
            findings.on("on_drift", change, message);
        }
    }
}

/// What `active` becomes fits the action.
fn activity(change: &Change, findings: &mut Findings) {
    let is_active =
        |attribute: &&AttributeChange| attribute.path.to_string().eq_ignore_ascii_case("active");
    let active = change.attributes.iter().find(is_active);
    let after = active.map(|active| active.after.as_ref().map(truth));
    let fits = match change.action {
        Action::Deactivate => after == Some(Some("false")),
        Action::Reactivate => after == Some(Some("true")),
        Action::Update => {
            let before = active.and_then(|active| active.before.as_ref().map(truth));
            after != Some(Some("false")) || before == Some("false")
        }
        Action::Create | Action::Adopt => true,
        Action::Delete | Action::Unlink => change.attributes.is_empty(),
    };
    if !fits {
        let message = match after {
            None | Some(None) => "active gets no value, or attributes change where none may",
            Some(Some("true")) => "active becomes true",
            Some(Some("false")) => "active becomes false",
            Some(Some(_)) => "active becomes neither true nor false",
        };
        findings.on("active fits the action", change, message);
    }
    if change.action == Action::Deactivate
        && change.digest.is_none()
        && change.attributes.len() != 1
    {
        findings.on("active fits the action", change, "of a leaver only active is known");
    }
    let changes_nothing = change.attributes.is_empty() && change.members.is_empty();
    if change.action == Action::Update && changes_nothing {
        findings.on("a change changes something", change, "there is no attribute");
    }
}

fn truth(value: &Json) -> &'static str {
    match value {
        Json::Bool(true) => "true",
        Json::Bool(false) => "false",
        Json::String(text) if text.trim().eq_ignore_ascii_case("true") => "true",
        Json::String(text) if text.trim().eq_ignore_ascii_case("false") => "false",
        _ => "neither",
    }
}

fn one_attribute(
    change: &Change,
    attribute: &AttributeChange,
    slot: u16,
    managed: &ManagedAttribute,
    context: LintContext<'_>,
    findings: &mut Findings,
) {
    let AttributeChange { path, before, after, reference, .. } = attribute;
    if attribute.redact != context.managed.is_redacted(path) {
        findings.on("redacted values are shown nowhere", change, format!("{path} says otherwise"));
    }
    let is_new = change.action == Action::Create;
    if managed.create_only && !is_new {
        let message = format!("{path} is written when an account is created, and not later");
        findings.on("for creation only", change, message);
    }
    if is_new && before.is_some() {
        findings.on("before", change, format!("{path} of a new account had a value"));
    }
    if reference.is_none() && after.is_none() && (is_new || before.is_none()) {
        findings.on("a change changes something", change, format!("{path} has nothing to clear"));
    }
    let resource = context.managed.resource();
    let definition = context.managed.schemas().resolve(resource, path);
    // Letters may be made large or small where nothing has to be unique.
    let free = definition.is_none_or(|definition| definition.uniqueness == Uniqueness::None);
    let recased = free
        && match (before, after) {
            (Some(Json::String(before)), Some(Json::String(after))) => {
                before.to_lowercase() == after.to_lowercase()
            }
            _ => false,
        };
    if let (Some(before), Some(after)) = (before, after)
        && (before == after
            || !managed.reference && !recased && value::same(definition, before, after))
    {
        findings.on("a change changes something", change, format!("{path} is {before} already"));
    }
    let account = change.id.as_ref().and_then(|id| context.observation?.get(id));
    let is_so = account.is_none_or(|account| match (account.value(slot), before) {
        (None, None) => true,
        (Some(value), Some(before)) => value::same(definition, value, before),
        _ => false,
    });
    if !is_so {
        findings.on("before", change, format!("{path} is something else at the target"));
    }
}

/// A reference points to somebody who has an account when it is written.
fn reference(
    change: &Change,
    attribute: &AttributeChange,
    managed: &ManagedAttribute,
    context: LintContext<'_>,
    by_key: &ByKey<'_>,
    findings: &mut Findings,
) {
    let rule = "references are resolved";
    let path = &attribute.path;
    let Some(key) = &attribute.reference else {
        if managed.reference && attribute.after.is_some() {
            findings.on(rule, change, format!("{path} does not say who is meant"));
        }
        return;
    };
    if !managed.reference {
        findings.on(rule, change, format!("{path} is no reference"));
        return;
    }
    let other = by_key.get(&(change.resource, key.as_str()));
    let action = other.map(|other| other.action);
    let id = match action {
        Some(Action::Delete | Action::Unlink) => {
            return findings.on(rule, change, format!("{path}: the account of {key} goes"));
        }
        Some(Action::Create) => None,
        Some(Action::Adopt) => other.and_then(|other| other.id.as_deref()),
        _ => match context.links.get(key) {
            Some(link) => Some(link.id.as_str()),
            None => return findings.on(rule, change, format!("{path}: {key} has no account")),
        },
    };
    if attribute.after.as_ref().map(Json::as_str) != id.map(Some) {
        let id = id.unwrap_or("known only after it is created");
        let found = attribute.after.as_ref().map_or_else(|| "nothing".to_owned(), Json::to_string);
        let message = format!("{path}: the id of the account of {key} is {id}, not {found}");
        findings.on(rule, change, message);
    }
}
