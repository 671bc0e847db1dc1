#![doc = include_str!("../README.md")]

mod hash;
mod index;
mod intake;
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

pub use index::LinkIndex;
pub use intake::{Candidate, Coverage, Intake, Seen, Wanted, WantedValue};
pub use link::{Digest, Fingerprint, Link, MemberPrint, Standing};
pub use links::Links;
pub use lint::{Finding, LintContext, lint};
pub use managed::{Managed, ManagedAttribute, ManagedError, ObserveError, Observed};
pub use member::{Member, MemberChanges};
pub use observation::{Observation, Search};
pub use plan::{
    Action, AttributeChange, Bookkeeping, Change, GroupSummary, Plan, Refusal, Rejection, Summary,
    Warning,
};
pub use planner::plan;
pub use policy::{Approvals, Guards, LeaverAction, Leavers, Limit, Policy, Required};
pub use survey::{Lookups, Needs, Survey};
