//! How the enums of the workspace are written into columns. The numbers and words here are in every state: they never
//! change their meaning.

use peoplesync_reconcile::Action;
use peoplesync_scim::Resource;

use crate::error::Fault;
use crate::journal::Outcome;

pub(crate) fn resource_number(resource: Resource) -> i64 {
    match resource {
        Resource::User => 1,
        Resource::Group => 2,
    }
}

pub(crate) fn resource_of(number: i64) -> Result<Resource, Fault> {
    Resource::ALL
        .into_iter()
        .find(|resource| resource_number(*resource) == number)
        .ok_or_else(|| Fault::Unknown { what: "resource", value: number.to_string() })
}

pub(crate) fn action_of(word: &str) -> Result<Action, Fault> {
    Action::ALL
        .into_iter()
        .find(|action| action.name() == word)
        .ok_or_else(|| Fault::Unknown { what: "action", value: word.to_owned() })
}

pub(crate) fn outcome_of(word: &str) -> Result<Outcome, Fault> {
    [Outcome::Done, Outcome::Failed, Outcome::Skipped]
        .into_iter()
        .find(|outcome| outcome.name() == word)
        .ok_or_else(|| Fault::Unknown { what: "outcome", value: word.to_owned() })
}
