#![doc = include_str!("../README.md")]

mod groups;
mod hash;
mod index;
mod intake;
mod kept;
mod link;
mod links;
mod lint;
mod managed;
mod member;
mod observation;
mod plan;
mod planner;
mod policy;
mod survey;
mod written;

pub use groups::{
    GroupFacts, GroupMembers, Holding, Holdings, Known, Memberships, Roster, Unmanaged,
};
pub use index::LinkIndex;
pub use intake::{Before, Candidate, Coverage, Intake, Seen, Wanted, WantedValue};
pub use kept::{HashValue, Kept};
pub use link::{Digest, Fingerprint, Link, MemberPrint, Standing};
pub use links::Links;
pub use lint::{Finding, Limits, LintContext, lint};
pub use managed::{Managed, ManagedAttribute, ManagedError, ObserveError, Observed};
pub use member::{Member, MemberChanges};
pub use observation::{Observation, Search};
pub use plan::{
    Action, AttributeChange, Bookkeeping, Cause, Change, GroupSummary, Plan, REDACTED, Refusal,
    Rejection, Summary, Warning,
};
pub use planner::{Part, plan, plan_groups, plan_part};
pub use policy::{
    Approvals, Edited, Guards, LeaverAction, Leavers, Limit, OnDrift, Policy, Required, Tried,
};
pub use survey::{Lookups, Needs, Survey};
pub use written::Written;
