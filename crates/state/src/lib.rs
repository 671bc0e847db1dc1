#![doc = include_str!("../README.md")]

mod approvals;
mod bookkeeping;
mod codec;
mod cursor;
mod error;
mod file;
mod history;
mod journal;
mod kept;
mod links;
mod lock;
mod memberships;
mod migrate;
mod mount;
mod runs;
mod state;
#[cfg(test)]
mod tests;
mod used_limits;

pub use approvals::Approval;
pub use error::{Error, SqliteError};
pub use history::{HistoryEntry, HistoryFilter, HistoryNote};
pub use journal::{Intent, LinkEffect, Outcome, Settlement};
pub use kept::KeptNote;
pub use memberships::MemberEffect;
pub use runs::{PARTIAL, Run, RunEnd, RunId, RunStart};
pub use state::{Access, State};
