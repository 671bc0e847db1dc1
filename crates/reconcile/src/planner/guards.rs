//! Refuses a plan that looks like an accident. The plan itself stays as it is.

mod groups;

use std::collections::BTreeMap;

use peoplesync_scim::{Path, Resource};
use serde_json::Value as Json;

use super::{Facts, words};
use crate::managed::boolean;
use crate::{Action, AttributeChange, Cause, Change, Coverage, Limit, Refusal, Required};

pub(super) use groups::refuse as refuse_groups;

/// So many are always allowed where the limit is a share, so that small places can work. A count that somebody wrote means what
/// it says.
const ALWAYS_ALLOWED: u64 = 5;

pub(super) fn refuse(facts: &Facts<'_>, changes: &[Change]) -> Vec<Refusal> {
    let guards = [
        records(facts),
        rejected(facts),
        leavers(facts, changes),
        takeovers(facts, changes),
        creates(facts, changes),
        renames(facts, changes),
        all(facts, changes),
        edited(facts, changes),
    ];
    let guards = guards.into_iter().flatten().chain(clears(facts, changes));
    guards.chain(approval(facts, changes)).collect()
}

/// What a guard found: so many, of so many.
#[derive(Debug, Clone, Copy)]
struct Found {
    guard: &'static str,
    limit: Limit,
    found: u64,
    of: u64,
}

impl Found {
    fn is_too_much(&self) -> bool {
        match self.limit {
            Limit::Count(count) => self.found > count,
            // The tiny bit more keeps 10 % of 70 from being 6.999….
            Limit::Percent(percent) => {
                self.found > ALWAYS_ALLOWED
                    && self.found as f64 > percent * self.of as f64 / 100.0 + 1e-9
            }
        }
    }

    /// The refusal, if it is too much. `what` says it up to the share: "8 of 40 linked people would be deactivated"; `advice`
    /// says what to do.
    fn refuse(self, what: impl FnOnce() -> String, advice: &str) -> Option<Refusal> {
        let Self { guard, limit, found, of } = self;
        self.is_too_much().then(|| Refusal {
            guard: guard.to_owned(),
            limit: text(limit),
            found,
            message: format!(
                "{} ({}), more than {guard} = {}; {advice}",
                what(),
                share(found, of),
                text(limit)
            ),
        })
    }
}

/// Too few records look like a source that lost its data. A read of changes may well be empty.
fn records(facts: &Facts<'_>) -> Option<Refusal> {
    let (found, limit) = (facts.survey.read, facts.policy.guards.min_records);
    if facts.survey.coverage == Coverage::Changes || found >= limit {
        return None;
    }
    let were = if found == 1 { "was" } else { "were" };
    Some(Refusal {
        guard: "min_records".to_owned(),
        limit: limit.to_string(),
        found,
        message: format!(
            "{} {were} read from {}, fewer than min_records = {limit}; if the source really is that small, lower guards.min_records",
            words::count(found, "record", "records"),
            facts.policy.source
        ),
    })
}

/// Many records that cannot be used look like a source whose form has changed.
fn rejected(facts: &Facts<'_>) -> Option<Refusal> {
    let (found, of) = (facts.survey.rejected.len() as u64, facts.survey.read);
    let limit = facts.policy.guards.max_rejected;
    Found { guard: "max_rejected", limit, found, of }.refuse(
        || {
            let were = if found == 1 { "was" } else { "were" };
            let of = match facts.survey.managed.resource() {
                Resource::User => words::count(of, "record", "records"),
                Resource::Group => words::count(of, "record of groups", "records of groups"),
            };
            format!("{found} of {of} {were} rejected")
        },
        "look at the rejected records, and raise guards.max_rejected if the others are right",
    )
}

fn leavers(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let kinds = [
        (Action::Deactivate, "deactivated"),
        (Action::Delete, "deleted"),
        (Action::Unlink, "unlinked"),
    ];
    let number = |action| count(changes, |change| change.action == action);
    let found = kinds.iter().map(|(action, _)| number(*action)).sum();
    let (of, limit) = (facts.survey.linked, facts.policy.guards.max_leavers);
    Found { guard: "max_leavers", limit, found, of }.refuse(
        || {
            let done = kinds.iter().filter(|(action, _)| number(*action) > 0);
            let done = words::choice(done.map(|(_, verb)| (*verb).to_owned()));
            format!("{found} of {} would be {done}", linked(facts))
        },
        "look at the source first, and raise guards.max_leavers if they really left",
    )
}

/// Accounts that are taken over and taken out of use in one go: nobody is linked yet, so the guard above does not see them.
fn takeovers(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let (active, _) = facts.survey.managed.active();
    let value = |value: &Option<Json>| value.as_ref().and_then(boolean);
    let is_deactivated = |attribute: &AttributeChange| {
        attribute.path == *active
            && value(&attribute.before) != Some(false)
            && value(&attribute.after) == Some(false)
    };
    let of = count(changes, |change| change.action == Action::Adopt);
    let found = count(changes, |change| {
        change.action == Action::Adopt && change.attributes.iter().any(is_deactivated)
    });
    Found { guard: "max_leavers", limit: facts.policy.guards.max_leavers, found, of }.refuse(
        || format!("{found} of {of} existing accounts would be taken over and deactivated"),
        "look at the mapping of active first, and raise guards.max_leavers if that is right",
    )
}

/// Many newcomers look like a source, or a scope, that is larger than was meant.
fn creates(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    if is_first(facts) {
        return None;
    }
    let found =
        count(changes, |change| change.action == Action::Create && is_first_try(facts, change));
    let (of, limit) = (facts.survey.linked, facts.policy.guards.max_creates);
    Found { guard: "max_creates", limit, found, of }.refuse(
        || {
            let new = match facts.survey.managed.resource() {
                Resource::User => words::count(found, "new account", "new accounts"),
                Resource::Group => words::count(found, "new group", "new groups"),
            };
            format!("{new} beside {}", linked(facts))
        },
        "look at the scope and the source, and raise guards.max_creates if they are right",
    )
}

/// Many new names look like another column in the place of the one of before.
fn renames(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let (name, advice) = match facts.survey.managed.resource() {
        Resource::User => (
            "userName or e-mail address",
            "people sign in with these; look at the mapping, and raise guards.max_renames if it is right",
        ),
        Resource::Group => (
            "displayName",
            "groups are known by it; look at the mapping, and raise guards.max_renames if it is right",
        ),
    };
    let is_renamed = |attribute: &AttributeChange| {
        is_name(facts.survey.managed.resource(), &attribute.path)
            && attribute.before.is_some()
            && attribute.after.is_some()
    };
    let found = count(changes, |change| change.attributes.iter().any(is_renamed));
    let limit = facts.policy.guards.max_renames;
    Found { guard: "max_renames", limit, found, of: held(facts, changes) }
        .refuse(|| format!("{} would get another {name}", several(facts, found)), advice)
}

/// Whether people, or groups, are told apart by it.
fn is_name(resource: Resource, path: &Path) -> bool {
    let is = |name: &str| path.attribute().eq_ignore_ascii_case(name);
    let is_value = path.sub().is_none_or(|sub| sub.eq_ignore_ascii_case("value"));
    let is_one = match resource {
        Resource::User => is("userName") || is("emails") && is_value,
        Resource::Group => is("displayName"),
    };
    path.urn().is_none() && is_one
}

/// One attribute that is lost for many looks like a column that went missing.
fn clears(facts: &Facts<'_>, changes: &[Change]) -> Vec<Refusal> {
    let mut cleared: BTreeMap<&Path, u64> = BTreeMap::new();
    for attribute in changes.iter().flat_map(|change| &change.attributes) {
        if attribute.after.is_none() && attribute.reference.is_none() {
            *cleared.entry(&attribute.path).or_default() += 1;
        }
    }
    let (of, limit) = (held(facts, changes), facts.policy.guards.max_clears);
    let refusals = cleared.into_iter().filter_map(|(path, found)| {
        Found { guard: "max_clears", limit, found, of }.refuse(
            || format!("{} would be cleared for {}", words::short(path), several(facts, found)),
            "look whether the source still has it, and raise guards.max_clears if it is right",
        )
    });
    refusals.collect()
}

/// Too many changes look like a mapping or a source gone wrong. The first run changes everybody.
fn all(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    if is_first(facts) {
        return None;
    }
    changed(facts, count(changes, |change| is_first_try(facts, change)))
}

fn changed(facts: &Facts<'_>, found: u64) -> Option<Refusal> {
    let (of, limit) = (facts.survey.linked, facts.policy.guards.max_changes);
    Found { guard: "max_changes", limit, found, of }.refuse(
        || format!("{} for {}", words::count(found, "change", "changes"), linked(facts)),
        "look at the changes, and raise guards.max_changes if they are right",
    )
}

/// What is no accident, and still needs somebody's word.
fn approval(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let policy = facts.policy.approval;
    let refusal = |limit: String, found, message| Refusal {
        guard: "approval".to_owned(),
        limit,
        found,
        message,
    };
    let found = changes.len() as u64;
    if let Some(limit) = policy.over {
        let over = Found { guard: "approval.over", limit, found, of: facts.survey.linked };
        if over.is_too_much() {
            let what = words::count(found, "change", "changes");
            let limit = text(limit);
            let message = format!("{what}, more than approval.over = {limit}");
            return Some(refusal(limit, found, message));
        }
    }
    let leavers = count(changes, |change| {
        matches!(change.action, Action::Deactivate | Action::Delete | Action::Unlink)
    });
    match policy.required {
        Required::All if found > 0 => {
            let what = words::count(found, "change", "changes");
            Some(refusal("all".to_owned(), found, format!("{what}, and approval.required = all")))
        }
        Required::Leavers if leavers > 0 => {
            let what = words::count(leavers, "leaver", "leavers");
            let message = format!("{what}, and approval.required = leavers");
            Some(refusal("leavers".to_owned(), leavers, message))
        }
        Required::Never | Required::Leavers | Required::All => None,
    }
}

/// What a changed config does to many looks like a slip in it.
fn edited(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    if is_first(facts) {
        return None;
    }
    let found = count(changes, |change| change.cause == Cause::Config);
    let (of, limit) = (facts.survey.linked, facts.policy.guards.max_config_changes);
    Found { guard: "max_config_changes", limit, found, of }.refuse(
        || {
            let (changes, come) = match found {
                1 => ("change", "comes"),
                _ => ("changes", "come"),
            };
            format!(
                "{found} {changes} {come} from the config, which is another than in the last run, for {}",
                linked(facts)
            )
        },
        "look whether they are what was meant, and approve the plan if they are",
    )
}

/// Whether a change was never let pass before. Whom the target has refused is not new each time that they are tried again, and
/// must not hold up everybody else.
fn is_first_try(facts: &Facts<'_>, change: &Change) -> bool {
    facts.policy.tried(change).is_none()
}

fn is_first(facts: &Facts<'_>) -> bool {
    facts.policy.first_load || facts.survey.linked == 0
}

/// The accounts that are linked, or will be by being taken over.
fn held(facts: &Facts<'_>, changes: &[Change]) -> u64 {
    facts.survey.linked + count(changes, |change| change.action == Action::Adopt)
}

fn count(changes: &[Change], is_counted: impl Fn(&Change) -> bool) -> u64 {
    changes.iter().filter(|change| is_counted(change)).count() as u64
}

/// "7 linked people".
fn linked(facts: &Facts<'_>) -> String {
    let (one, many) = match facts.survey.managed.resource() {
        Resource::User => ("linked person", "linked people"),
        Resource::Group => ("linked group", "linked groups"),
    };
    words::count(facts.survey.linked, one, many)
}

/// "7 people".
fn several(facts: &Facts<'_>, number: u64) -> String {
    match facts.survey.managed.resource() {
        Resource::User => words::count(number, "person", "people"),
        Resource::Group => words::count(number, "group", "groups"),
    }
}

/// A limit as the config writes it.
fn text(limit: Limit) -> String {
    match limit {
        Limit::Count(count) => count.to_string(),
        Limit::Percent(percent) => format!("{percent}%"),
    }
}

/// "30 %", rounded to whole percents.
fn share(part: u64, of: u64) -> String {
    if of == 0 {
        return "of nobody".to_owned();
    }
    format!("{:.0} %", part as f64 * 100.0 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_exceeded_only_beyond_it() {
        for (found, limit, of, expected) in [
            (7, Limit::Percent(10.0), 70, false),
            (8, Limit::Percent(10.0), 70, true),
            (100, Limit::Percent(100.0), 100, false),
            (0, Limit::Percent(0.0), 0, false),
            // Five of a share are always allowed.
            (5, Limit::Percent(0.0), 100, false),
            (6, Limit::Percent(0.0), 100, true),
            (5, Limit::Percent(10.0), 5, false),
            (6, Limit::Percent(10.0), 0, true),
            // A count means what it says.
            (12, Limit::Count(12), 0, false),
            (13, Limit::Count(12), 0, true),
            (1, Limit::Count(0), 100, true),
            (0, Limit::Count(0), 100, false),
        ] {
            let guard = Found { guard: "max_leavers", limit, found, of };
            assert_eq!(guard.is_too_much(), expected, "{guard:?}");
        }
    }

    #[test]
    fn limits_are_written_as_in_the_config() {
        let limits = [Limit::Percent(10.0), Limit::Percent(2.5), Limit::Count(7)];
        assert_eq!(limits.map(text), ["10%", "2.5%", "7"]);
        assert_eq!(
            [share(12, 40), share(1, 3), share(8, 3), share(1, 0)],
            ["30 %", "33 %", "267 %", "of nobody"]
        );
    }
}
