//! Changes for people in scope: create, adopt, update, reactivate, deactivate.

use serde_json::Value as Json;

use super::differences::{self, Differences};
use super::fates::Fate;
use super::references::References;
use super::{Draft, Facts, causes, matching, words};
use crate::managed::boolean;
use crate::{
    Action, AttributeChange, Bookkeeping, Candidate, Cause, Change, Digest, Link, Managed,
    MemberChanges, Observed, OnDrift, Rejection, Standing, Warning, Written,
};

/// Plans every candidate. After the leavers, as nobody can refer to an account that goes.
pub(super) fn plan(facts: &Facts<'_>, fates: &[Fate<'_>], draft: &mut Draft) {
    let references = References::new(facts, fates, draft);
    let managed = &*facts.survey.managed;
    let mut without_value = Vec::new();
    for (candidate, fate) in facts.survey.candidates.iter().zip(fates) {
        match fate {
            Fate::Settled => {
                // Nothing changes; but each run says who still waits for whom.
                draft.warn_all(candidate, differences::unresolved(managed, candidate));
                draft.unchanged += 1;
            }
            Fate::Linked(account) => linked(facts, candidate, account, &references, draft),
            Fate::Create { gone, chosen } => {
                if matching::searches(facts.known(), candidate).is_empty() {
                    without_value.push(candidate.origin.as_str());
                }
                let reason = match gone {
                    None => "no account yet".to_owned(),
                    Some(id) => gone_text(id),
                };
                let cause = causes::of_new(facts, candidate, gone.is_some());
                let found = differences::of_new(
                    managed,
                    candidate,
                    chosen,
                    &references,
                    facts.observation.kept(),
                );
                let why = (reason, cause);
                push(managed, candidate, None, Action::Create, why, found, draft);
                if let (Some(change), Some(name)) =
                    (draft.changes.last_mut(), user_name(managed, chosen))
                {
                    change.name = name.to_owned();
                }
            }
            Fate::Adopt { account, attribute, gone } => {
                let name = managed.match_by().nth(*attribute).map(words::short).unwrap_or_default();
                let reason = match gone {
                    None => format!("an account has the same {name}"),
                    Some(id) => format!("{}; another has the same {name}", gone_text(id)),
                };
                let kept = facts.observation.kept();
                let of = (&**account, None);
                let mut found = differences::of_existing(managed, candidate, of, &references, kept);
                differences::add_letter_case(managed, candidate, of, &mut found);
                if account.administrator_by().is_some()
                    && action(managed, &found) == Action::Deactivate
                {
                    let what = "it is not taken over and taken out of use";
                    draft.administrator(facts, account, candidate.into(), what);
                    look_again(facts, candidate, draft);
                    continue;
                }
                let why = (reason, causes::of_new(facts, candidate, gone.is_some()));
                push(managed, candidate, Some(account), Action::Adopt, why, found, draft);
            }
            Fate::Protected(account) => {
                draft.protected(facts, account, candidate.into(), "it is not taken over");
                look_again(facts, candidate, draft);
            }
            Fate::Rejected { field, reason, .. } => {
                draft.rejected.push(Rejection {
                    origin: candidate.origin.clone(),
                    key: Some(candidate.key.clone()),
                    field: field.clone(),
                    reason: reason.clone(),
                    resource: managed.resource(),
                });
                look_again(facts, candidate, draft);
            }
        }
    }
    warn_unmatchable(managed, without_value, draft);
}

/// A linked account that exists.
fn linked(
    facts: &Facts<'_>,
    candidate: &Candidate,
    account: &Observed,
    references: &References<'_>,
    draft: &mut Draft,
) {
    let managed = &*facts.survey.managed;
    let Some(link) = facts.links.get(&candidate.key) else { return };
    let of = (account, Some(link));
    let mut found =
        differences::of_existing(managed, candidate, of, references, facts.observation.kept());
    // An unknown digest is that of a write that was interrupted or failed: what it was to correct is written with it.
    if link.digest != digest(candidate, &found) {
        differences::add_letter_case(managed, candidate, of, &mut found);
    }
    let cause = causes::of_linked(facts, candidate, link, digest(candidate, &found));
    if cause == Cause::Drift {
        // All that is wanted is what was written last, whether or not that is known attribute by attribute.
        found.attributes.iter_mut().for_each(|attribute| attribute.drift = true);
    }
    leave_drift(managed, candidate, &mut found);
    let is_drift =
        !found.attributes.is_empty() && found.attributes.iter().all(|change| change.drift);
    let cause = if cause == Cause::Source && is_drift { Cause::Drift } else { cause };
    let was_deactivated = link.standing != Standing::Active;
    let (active, slot) = managed.active();
    let is_wanted = slot.is_some_and(|slot| candidate.wanted.iter().any(|w| w.slot == slot));
    if was_deactivated && !is_wanted && account.active != Some(true) {
        // We took the account out of use, and no mapping will bring it back.
        found.attributes.push(AttributeChange {
            path: active.clone(),
            before: account.active.map(Json::Bool),
            after: Some(Json::Bool(true)),
            reference: None,
            new_element: false,
            redact: false,
            drift: false,
        });
        found.attributes.sort_by(|a, b| a.path.cmp(&b.path));
    }
    if found.attributes.is_empty() {
        draft.unchanged += 1;
        same(candidate, link, &found, draft);
        draft.warn_all(candidate, found.warnings);
        return;
    }
    let action = action(managed, &found);
    if account.protected_by().is_some() {
        let names = found.attributes.iter().map(|attribute| words::short(&attribute.path));
        let verb = if found.attributes.len() == 1 { "stays" } else { "stay" };
        let what = format!("{} {verb} as at the target", words::list(names));
        draft.protected(facts, account, candidate.into(), &what);
        return;
    }
    if action == Action::Deactivate && account.administrator_by().is_some() {
        let what = "the mapping says that active becomes false, but the account stays as it is";
        draft.administrator(facts, account, candidate.into(), what);
        return;
    }
    let nobody = MemberChanges::default();
    let reason = match action {
        _ if cause == Cause::Drift => words::differing(&found.attributes, &nobody),
        Action::Deactivate => "active becomes false".to_owned(),
        Action::Reactivate if was_deactivated => "in scope again".to_owned(),
        Action::Reactivate => "active becomes true".to_owned(),
        _ => words::differing(&found.attributes, &nobody),
    };
    push(managed, candidate, Some(account), action, (reason, cause), found, draft);
}

/// Takes out of the differences what others changed at the target and what stays so.
pub(super) fn leave_drift(managed: &Managed, candidate: &Candidate, found: &mut Differences) {
    let Differences { attributes, warnings, .. } = found;
    attributes.retain(|attribute| match managed.on_drift(&attribute.path) {
        _ if !attribute.drift => true,
        OnDrift::Correct => true,
        OnDrift::Leave => false,
        OnDrift::Report => {
            let shown = |value: &Option<Json>| {
                let value =
                    value.as_ref().map(|value| words::value(managed, &attribute.path, value));
                value.unwrap_or_else(|| "nothing".to_owned())
            };
            warnings.push(format!(
                "{} of {} was changed at the target to {} and stays so; wanted is {}",
                words::short(&attribute.path),
                candidate.name,
                shown(&attribute.before),
                shown(&attribute.after)
            ));
            false
        }
    });
}

/// What the differences of a linked account amount to.
fn action(managed: &Managed, found: &Differences) -> Action {
    let (active, _) = managed.active();
    let change = found.attributes.iter().find(|attribute| attribute.path == *active);
    let value = |value: &Option<Json>| value.as_ref().and_then(boolean);
    match change.map(|change| (value(&change.before), value(&change.after))) {
        Some((before, Some(false))) if before != Some(false) => Action::Deactivate,
        Some((Some(false), Some(true))) => Action::Reactivate,
        // `active` that no mapping asks for is there only to bring the account back.
        Some((None, Some(true))) if managed.active().1.is_none() => Action::Reactivate,
        _ => Action::Update,
    }
}

/// Nothing is to be written. The link may still have to learn that.
fn same(candidate: &Candidate, link: &Link, found: &Differences, draft: &mut Draft) {
    let digest = digest(candidate, found);
    let is_known =
        link.digest == digest && link.standing == Standing::Active && link.absent_since.is_none();
    if !is_known {
        let (key, written) = (candidate.key.clone(), found.written());
        draft.bookkeeping.push(Bookkeeping::Same { key, digest, written });
    }
}

/// Somebody who has no account, or none that is sure, although the digest is the one of before: the next run would
/// overlook that.
fn look_again(facts: &Facts<'_>, candidate: &Candidate, draft: &mut Draft) {
    let digests = [candidate.digest, candidate.digest_unresolved];
    if facts.links.get(&candidate.key).is_some_and(|link| digests.contains(&link.digest)) {
        let (key, digest) = (candidate.key.clone(), Digest::UNKNOWN);
        let written = Written::default();
        draft.bookkeeping.push(Bookkeeping::Same { key, digest, written });
    }
}

fn push(
    managed: &Managed,
    candidate: &Candidate,
    account: Option<&Observed>,
    action: Action,
    (reason, cause): (String, Cause),
    found: Differences,
    draft: &mut Draft,
) {
    let (digest, written) = (digest(candidate, &found), found.written());
    draft.changes.push(Change {
        action,
        resource: managed.resource(),
        key: candidate.key.clone(),
        id: account.map(|account| account.id.clone()),
        // A person whose name was chosen once is called as their account is.
        name: match account.filter(|_| candidate.name == candidate.key) {
            Some(account) => account.name.clone(),
            None => candidate.name.clone(),
        },
        origin: Some(candidate.origin.clone()),
        reason: causes::with_cause(reason, cause),
        cause,
        attributes: found.attributes,
        members: MemberChanges::default(),
        digest: Some(digest),
        written,
    });
    draft.warn_all(candidate, found.warnings);
}

/// What a new account is called, if that was chosen.
fn user_name<'c>(managed: &Managed, chosen: &'c [(u16, Json)]) -> Option<&'c str> {
    let is_name =
        |slot: u16| managed.attribute(slot).path.to_string().eq_ignore_ascii_case("userName");
    chosen.iter().find(|(slot, _)| is_name(*slot)).and_then(|(_, value)| value.as_str())
}

fn digest(candidate: &Candidate, found: &Differences) -> Digest {
    if found.is_unresolved { candidate.digest_unresolved } else { candidate.digest }
}

fn gone_text(id: &str) -> String {
    format!("the linked account {id} no longer exists at the target")
}

/// One warning for all who have nothing by which an existing account could be found.
fn warn_unmatchable(managed: &Managed, places: Vec<&str>, draft: &mut Draft) {
    if places.is_empty() || managed.match_by().len() == 0 {
        return;
    }
    let people = words::count(places.len() as u64, "person has", "people have");
    let names = words::choice(managed.match_by().map(words::short));
    let places = words::list(places.into_iter().map(str::to_owned));
    let message = format!(
        "{people} no {names}, by which an existing account could be found; new accounts are created: {places}"
    );
    draft.warnings.push(Warning { key: None, origin: None, message });
}

/// Whom a warning is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) key: &'a str,
    pub(super) origin: Option<&'a str>,
}

impl<'a> From<&'a Candidate> for Whom<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        Self { key: &candidate.key, origin: Some(&candidate.origin) }
    }
}

impl Draft {
    fn warn_all(&mut self, candidate: &Candidate, messages: Vec<String>) {
        for message in messages {
            self.warn(candidate.into(), message);
        }
    }

    pub(super) fn warn(&mut self, whom: Whom<'_>, message: String) {
        let Whom { key, origin } = whom;
        let origin = origin.map(str::to_owned);
        self.warnings.push(Warning { key: Some(key.to_owned()), origin, message });
    }

    /// A change that is left out, because the account is never touched.
    pub(super) fn protected(
        &mut self,
        facts: &Facts<'_>,
        account: &Observed,
        whom: Whom<'_>,
        what: &str,
    ) {
        let filters = facts.survey.managed.protect();
        let filter = account.protected_by().and_then(|at| filters.get(at));
        let filter = filter.map(ToString::to_string).unwrap_or_default();
        let account = words::account(account);
        self.warn(whom, format!("account {account} is protected by {filter}: {what}"));
    }

    /// An account that stays in use, because it is an administrator's.
    pub(super) fn administrator(
        &mut self,
        facts: &Facts<'_>,
        account: &Observed,
        whom: Whom<'_>,
        what: &str,
    ) {
        let filters = facts.survey.managed.administrators();
        let filter = account.administrator_by().and_then(|at| filters.get(at));
        let filter = filter.map(ToString::to_string).unwrap_or_default();
        let account = words::account(account);
        self.warn(
            whom,
            format!("account {account} is an administrator's ({filter}): {what}; if that is wrong, take its rights away at the target first"),
        );
    }
}
