//! An independent look at a finished plan. It shares no code with the planner, so that one mistake is not made twice.

mod change;
mod limits;
mod members;
mod whole;

use std::collections::BTreeMap;
use std::fmt;

use peoplesync_scim::schema::Resource;

use crate::{Change, Links, Managed, Observation, Plan, Policy};

/// What the checker may know beside the plan.
#[derive(Debug, Clone, Copy)]
pub struct LintContext<'a> {
    /// What is managed.
    pub managed: &'a Managed,
    /// The links, before the plan, of the people in it, of those whom they refer to, and of the accounts in it.
    pub links: &'a Links,
    /// What was found at the target, if that is at hand. A saved plan is checked without.
    pub observation: Option<&'a Observation>,
    /// By what the plan was guarded, if that is at hand.
    pub limits: Option<Limits<'a>>,
}

/// By what a plan was guarded.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// What the administrator allows.
    pub policy: &'a Policy,
    /// How many were linked before the plan.
    pub linked: u64,
}

/// Something that a plan must not contain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static str,
    /// Where: action and key of a change, or a part of the plan.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.place, self.message, self.rule)
    }
}

/// Checks a plan as a whole, and the changes of the kind of resource that the context is about. Anything found is a bug of the planner, or a plan that was tampered with: it must not be applied.
#[must_use]
pub fn lint(plan: &Plan, context: LintContext<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    whole::check(plan, &mut findings);
    let by_key: ByKey<'_> = plan
        .changes
        .iter()
        .map(|change| ((change.resource, change.key.as_str()), change))
        .collect();
    members::check(plan, &by_key, &mut findings);
    let resource = context.managed.resource();
    let changes: Vec<&Change> =
        plan.changes.iter().filter(|change| change.resource == resource).collect();
    for change in &changes {
        change::check(plan, change, context, &by_key, &mut findings);
    }
    if let Some(limits) = context.limits {
        limits::check(plan, limits, &changes, &mut findings);
    }
    findings.0.sort();
    findings.0
}

/// The changes by whom they are about.
type ByKey<'a> = BTreeMap<(Resource, &'a str), &'a Change>;

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, rule: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding { rule, place: place.into(), message: message.into() });
    }

    fn on(&mut self, rule: &'static str, change: &Change, message: impl Into<String>) {
        self.add(rule, format!("{:?} of {}", change.action, change.key), message);
    }
}

#[cfg(test)]
mod tests;
