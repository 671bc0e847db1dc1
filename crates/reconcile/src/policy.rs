//! What the administrator allows: how leavers are treated, and the guards that refuse a plan.

use serde::{Deserialize, Serialize};

/// Everything that decides beside the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Whether an existing account that matches an unlinked person is taken over. Otherwise it is reported.
    pub adopt: bool,
    /// How leavers are treated.
    pub leavers: Leavers,
    /// What refuses a plan.
    pub guards: Guards,
    /// The present, in milliseconds since 1970 (UTC).
    pub now: i64,
    /// The name of the source in reasons: "no longer in people.csv".
    pub source: String,
}

/// How people are treated who are linked and no longer in scope of a completely read source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leavers {
    /// What is done.
    pub action: LeaverAction,
    /// Only after they were absent for so many days.
    pub grace_days: u32,
    /// Deleted so many days after the deactivation; 0 is never.
    pub delete_after_days: u32,
}

/// What is done with a leaver's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaverAction {
    /// Nothing; they are counted.
    Ignore,
    /// The link is forgotten, the account stays as it is.
    Unlink,
    /// `active` becomes false.
    Deactivate,
    /// The account is deleted.
    Delete,
}

/// A number of people, or a share of the linked people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many.
    Count(u64),
    /// So many percent of the people that are linked before the run; 0 to 100.
    Percent(f64),
}

/// What refuses a plan. A refused plan is still shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guards {
    /// Deactivations, deletions and unlinks together. Five are always allowed, so that small places can work.
    pub max_leavers: Limit,
    /// All changes together; not looked at while nobody is linked. Five are always allowed where it is a share.
    pub max_changes: Limit,
    /// So many records must have been read.
    pub min_records: u64,
}
