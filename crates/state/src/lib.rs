#![doc = include_str!("../README.md")]

mod approvals;
mod bookkeeping;
mod codec;
mod cursor;
mod discovery;
mod error;
mod file;
mod health;
mod history;
mod journal;
mod kept;
mod links;
mod lock;
mod memberships;
mod migrate;
mod mount;
mod owners;
mod retries;
mod runs;
mod sources;
mod state;
#[cfg(test)]
mod tests;
mod used_limits;

pub use approvals::Approval;
pub use error::{Error, SqliteError};
pub use health::{Health, Pending};
pub use history::{HistoryEntry, HistoryFilter, HistoryNote};
pub use journal::{Batch, Intent, LinkEffect, Outcome, Settlement};
pub use kept::KeptNote;
pub use lock::ServiceLock;
pub use memberships::MemberEffect;
pub use owners::Owners;
pub use retries::Retry;
pub use runs::{PARTIAL, Run, RunEnd, RunId, RunStart};
pub use sources::Held;
pub use state::{Access, State};
