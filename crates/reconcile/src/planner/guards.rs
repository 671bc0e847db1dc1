//! Refuses a plan that looks like an accident. The plan itself stays as it is.

use serde_json::Value as Json;

use super::{Facts, words};
use crate::managed::boolean;
use crate::{Action, Change, Coverage, Limit, Refusal};

/// So many leavers are always allowed, and so many changes where the limit is a share, so that small places can work.
const ALWAYS_ALLOWED: u64 = 5;

pub(super) fn refuse(facts: &Facts<'_>, changes: &[Change]) -> Vec<Refusal> {
    let guards =
        [records(facts), leavers(facts, changes), takeovers(facts, changes), all(facts, changes)];
    guards.into_iter().flatten().collect()
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

fn leavers(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let kinds = [
        (Action::Deactivate, "deactivated"),
        (Action::Delete, "deleted"),
        (Action::Unlink, "unlinked"),
    ];
    let number = |action| changes.iter().filter(|change| change.action == action).count() as u64;
    let found = kinds.iter().map(|(action, _)| number(*action)).sum();
    let (linked, limit) = (facts.survey.linked, facts.policy.guards.max_leavers);
    if found <= ALWAYS_ALLOWED || !exceeds(found, limit, linked) {
        return None;
    }
    let done = kinds.iter().filter(|(action, _)| number(*action) > 0);
    let done = words::choice(done.map(|(_, verb)| (*verb).to_owned()));
    Some(Refusal {
        guard: "max_leavers".to_owned(),
        limit: text(limit),
        found,
        message: format!(
            "{found} of {linked} linked people would be {done} ({}), more than max_leavers = {}; look at the source first, and raise guards.max_leavers if they really left",
            share(found, linked),
            text(limit)
        ),
    })
}

/// Accounts that are taken over and taken out of use in one go: nobody is linked yet, so the guard above does not see them.
fn takeovers(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let (active, _) = facts.survey.managed.active();
    let value = |value: &Option<Json>| value.as_ref().and_then(boolean);
    let adopted = || changes.iter().filter(|change| change.action == Action::Adopt);
    let deactivated = adopted().filter(|change| {
        let mut attributes = change.attributes.iter();
        attributes.any(|attribute| {
            attribute.path == *active
                && value(&attribute.before) != Some(false)
                && value(&attribute.after) == Some(false)
        })
    });
    let (found, of) = (deactivated.count() as u64, adopted().count() as u64);
    let limit = facts.policy.guards.max_leavers;
    if found <= ALWAYS_ALLOWED || !exceeds(found, limit, of) {
        return None;
    }
    Some(Refusal {
        guard: "max_leavers".to_owned(),
        limit: text(limit),
        found,
        message: format!(
            "{found} of {of} existing accounts would be taken over and deactivated ({}), more than max_leavers = {}; look at the mapping of active first, and raise guards.max_leavers if that is right",
            share(found, of),
            text(limit)
        ),
    })
}

/// Too many changes look like a mapping or a source gone wrong. The first run changes everybody.
fn all(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let (found, linked) = (changes.len() as u64, facts.survey.linked);
    let limit = facts.policy.guards.max_changes;
    // Of three people, two who change are most of them; a count that somebody wrote means what it says.
    let is_few = matches!(limit, Limit::Percent(_)) && found <= ALWAYS_ALLOWED;
    if linked == 0 || is_few || !exceeds(found, limit, linked) {
        return None;
    }
    Some(Refusal {
        guard: "max_changes".to_owned(),
        limit: text(limit),
        found,
        message: format!(
            "{} for {} ({}), more than max_changes = {}; look at the changes, and raise guards.max_changes if they are right",
            words::count(found, "change", "changes"),
            words::count(linked, "linked person", "linked people"),
            share(found, linked),
            text(limit)
        ),
    })
}

fn exceeds(found: u64, limit: Limit, of: u64) -> bool {
    match limit {
        Limit::Count(count) => found > count,
        // The tiny bit more keeps 10 % of 70 from being 6.999….
        Limit::Percent(percent) => found as f64 > percent * of as f64 / 100.0 + 1e-9,
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
            (1, Limit::Percent(33.4), 3, false),
            (2, Limit::Percent(33.4), 3, true),
            (1, Limit::Percent(0.0), 100, true),
            (100, Limit::Percent(100.0), 100, false),
            (0, Limit::Percent(0.0), 0, false),
            (12, Limit::Count(12), 0, false),
            (13, Limit::Count(12), 0, true),
        ] {
            assert_eq!(exceeds(found, limit, of), expected, "{found} of {of} with {limit:?}");
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
