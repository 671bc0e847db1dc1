//! An independent look at a finished plan. It shares no code with the planner, so that one mistake is not made twice.

use std::fmt;

use crate::{Links, Managed, Observation, Plan};

/// What the checker may know beside the plan.
#[derive(Debug, Clone, Copy)]
pub struct LintContext<'a> {
    /// What is managed.
    pub managed: &'a Managed,
    /// The links of the people in the plan, as they were before it.
    pub links: &'a Links,
    /// What was found at the target, if that is at hand.
    pub observation: Option<&'a Observation>,
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

/// Checks a plan. Anything found is a bug of the planner, or a plan that was tampered with: it must not be applied.
#[must_use]
pub fn lint(plan: &Plan, context: LintContext<'_>) -> Vec<Finding> {
    let _both = (plan, context);
    unimplemented!("follows")
}
