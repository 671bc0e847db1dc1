#![doc = include_str!("../README.md")]

mod link;
mod plan;
mod policy;

pub use link::{Digest, Fingerprint, Link, Standing};
pub use plan::{
    Action, AttributeChange, Bookkeeping, Change, GroupSummary, Plan, Refusal, Rejection, Summary, Warning,
};
pub use policy::{Guards, LeaverAction, Leavers, Limit, Policy};
