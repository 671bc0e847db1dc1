//! Decides. Everything that is done to a target is decided here and only here, from what was read and looked up.

mod candidates;
mod causes;
mod choices;
mod differences;
pub(crate) mod fates;
mod groups;
mod guards;
pub(crate) mod leavers;
pub(crate) mod matching;
mod part;
mod references;
mod summary;
mod without;
mod words;

pub(crate) use differences::differs;

pub use groups::plan_groups;
pub use part::Part;

use crate::{
    Bookkeeping, Change, Coverage, Links, Managed, Observation, Plan, Policy, Rejection, Summary,
    Survey, Warning,
};

/// All that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) links: &'a Links,
    pub(crate) observation: &'a Observation,
    pub(crate) policy: &'a Policy,
}

/// What is known, whatever the policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) links: &'a Links,
    pub(crate) observation: &'a Observation,
}

impl<'a> Facts<'a> {
    pub(crate) fn known(&self) -> Known<'a> {
        Known { survey: self.survey, links: self.links, observation: self.observation }
    }
}

/// A plan in the making, in no order.
#[derive(Debug, Default)]
struct Draft {
    changes: Vec<Change>,
    rejected: Vec<Rejection>,
    warnings: Vec<Warning>,
    bookkeeping: Vec<Bookkeeping>,
    /// Candidates whose account turned out to be as wanted.
    unchanged: u64,
}

/// Makes the plan. Whatever was not answered is unknown: its person is rejected, never guessed.
///
/// - The same facts give the same bytes, in whatever order they were noted.
/// - A guard that refuses does not shorten the plan: it is shown with everything in it.
/// - The plan is sealed: it carries its hash.
#[must_use]
pub fn plan(survey: &Survey, links: &Links, observation: &Observation, policy: &Policy) -> Plan {
    make(Facts { survey, links, observation, policy }, None)
}

/// Makes a part of the plan: the changes that somebody picked, with guards that look at these alone. What the state would
/// remember without a request waits for a whole plan.
#[must_use]
pub fn plan_part(
    survey: &Survey,
    links: &Links,
    observation: &Observation,
    policy: &Policy,
    part: &Part,
) -> Plan {
    make(Facts { survey, links, observation, policy }, Some(part))
}

/// Marks the values that are shown nowhere.
fn redact(managed: &Managed, changes: &mut [Change]) {
    for attribute in changes.iter_mut().flat_map(|change| &mut change.attributes) {
        attribute.redact = managed.is_redacted(&attribute.path);
    }
}

fn make(facts: Facts<'_>, part: Option<&Part>) -> Plan {
    let survey = facts.survey;
    let mut draft = Draft { rejected: survey.rejected.clone(), ..Draft::default() };
    let fates = fates::decide(&facts);
    leavers::plan(&facts, &fates, &mut draft);
    candidates::plan(&facts, &fates, &mut draft);

    let Draft { mut changes, mut rejected, mut warnings, mut bookkeeping, unchanged } = draft;
    changes.sort_by(|a, b| (a.action, &a.key).cmp(&(b.action, &b.key)));
    redact(&survey.managed, &mut changes);
    if let Some(part) = part {
        let all = changes.len() as u64;
        part.pick(survey, &mut changes);
        part.pick_rejected(&mut rejected);
        bookkeeping.clear();
        let all = words::count(all, "change", "changes");
        let message = format!("this is a part of a plan with {all}; the rest is left as it is");
        warnings.push(Warning { key: None, origin: None, message });
    }
    let waiting = without::leave_out_waiting(facts.policy, &mut changes, &mut warnings);
    if part.is_none() {
        leavers::note_returned(&facts, &changes, &mut bookkeeping);
    }
    rejected.sort();
    warnings.sort();
    warnings.dedup();
    bookkeeping.sort_by(|a, b| words::key_of(a).cmp(words::key_of(b)));
    let coverage = match survey.coverage {
        Coverage::Complete => "complete",
        Coverage::Partial { .. } => "partial",
        Coverage::Changes => "changes",
        Coverage::Mixed { .. } => "mixed",
    };
    Plan {
        plan: String::new(),
        coverage: coverage.to_owned(),
        groups_coverage: None,
        summary: Summary { waiting, ..summary::count(survey, &changes, &rejected, unchanged) },
        refused: guards::refuse(&facts, &changes),
        changes,
        rejected,
        warnings,
        bookkeeping,
        group_bookkeeping: Vec::new(),
    }
    .seal()
}
