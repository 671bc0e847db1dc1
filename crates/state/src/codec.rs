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

const ACTIONS: [Action; 7] = [
    Action::Create,
    Action::Adopt,
    Action::Update,
    Action::Reactivate,
    Action::Deactivate,
    Action::Delete,
    Action::Unlink,
];

pub(crate) fn action_word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Reactivate => "reactivate",
        Action::Deactivate => "deactivate",
        Action::Delete => "delete",
        Action::Unlink => "unlink",
    }
}

pub(crate) fn action_of(word: &str) -> Result<Action, Fault> {
    ACTIONS
        .into_iter()
        .find(|action| action_word(*action) == word)
        .ok_or_else(|| Fault::Unknown { what: "action", value: word.to_owned() })
}

pub(crate) fn outcome_of(word: &str) -> Result<Outcome, Fault> {
    [Outcome::Done, Outcome::Failed, Outcome::Skipped]
        .into_iter()
        .find(|outcome| outcome.name() == word)
        .ok_or_else(|| Fault::Unknown { what: "outcome", value: word.to_owned() })
}
