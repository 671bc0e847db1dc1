#![doc = include_str!("../README.md")]

mod accept;
mod behaviour;
mod builder;
mod error;
mod fault;
mod habits;
mod invitation;
mod limits;
mod memberships;
mod projection;
mod provider;
mod query;
mod quirks;
mod recorded;
mod running;
mod schemas;
mod serve;
mod service;
mod store;
mod time;

pub use behaviour::{Behaviour, Bulk};
pub use builder::{Builder, Simulator};
pub use error::Error;
pub use fault::{Fault, RetryAfter};
pub use provider::Provider;
pub use quirks::{
    BeyondTheEnd, CreateAnswer, ErrorForm, Filters, Patches, Quirks, RemovedMembers, Rewrite,
    Total, UnknownFilters,
};
pub use recorded::Request;
pub use running::Running;
