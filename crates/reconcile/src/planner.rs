//! Decides. Everything that is done to a target is decided here and only here, from what was read and looked up.

pub(crate) mod leavers;
pub(crate) mod matching;

use crate::{Links, Observation, Plan, Policy, Survey};

/// All that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) links: &'a Links,
    pub(crate) observation: &'a Observation,
    pub(crate) policy: &'a Policy,
}

/// Makes the plan. Whatever was not answered is unknown: its person is rejected, never guessed.
///
/// The plan is sealed: it carries its hash.
#[must_use]
pub fn plan(survey: &Survey, links: &Links, observation: &Observation, policy: &Policy) -> Plan {
    let _facts = Facts { survey, links, observation, policy };
    unimplemented!("follows in the next commit")
}
