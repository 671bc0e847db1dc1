//! What the administrator allows: how leavers are treated, and the guards that refuse a plan.

use std::collections::BTreeMap;

use peoplesync_scim::Resource;
use serde::{Deserialize, Serialize};

use crate::{Change, Digest};

/// Everything that decides beside the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Whether an existing account that matches an unlinked person is taken over. Otherwise it is reported.
    pub adopt: bool,
    /// How leavers are treated.
    pub leavers: Leavers,
    /// What refuses a plan.
    pub guards: Guards,
    /// What needs an approval although no guard refuses it.
    pub approval: Approvals,
    /// Whether no apply has come to its end yet: a first load changes and creates everybody, and one that was interrupted must
    /// be able to go on, so `max_changes` and `max_creates` are not looked at.
    pub first_load: bool,
    /// Whether everybody is compared with the target, so that what others changed there is seen.
    pub full: bool,
    /// What of the config is another than in the last run.
    pub edited: Edited,
    /// Whether the target answers as if an account out of use did not exist: then one that is gone is no reason to create
    /// another one that is out of use.
    pub hides_inactive: bool,
    /// The present, in milliseconds since 1970 (UTC).
    pub now: i64,
    /// The name of the source in reasons: "no longer in people.csv".
    pub source: String,
    /// Whose change was tried before and failed, by key.
    pub tried: BTreeMap<(Resource, String), Tried>,
}

/// A change that failed in an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its [digest](Change::digest): as long as it is the same, so is the change.
    pub digest: Option<Digest>,
    /// Why it is left out of the plan, if it has to wait. Otherwise it is tried again.
    pub waits: Option<String>,
}

impl Policy {
    /// What is known of an earlier try of this very change.
    pub(crate) fn tried(&self, change: &Change) -> Option<&Tried> {
        if self.tried.is_empty() {
            return None;
        }
        let tried = self.tried.get(&(change.resource, change.key.clone()))?;
        (tried.digest == change.digest).then_some(tried)
    }
}

/// How people are treated who are linked and no longer in scope of a completely read source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leavers {
    /// What is done.
    pub action: LeaverAction,
    /// What is done with people who are in the source, and no longer in scope.
    pub out_of_scope: LeaverAction,
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

/// What of the config is another than in the last run: its effects are counted for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// Nothing, or there was no run.
    Nothing,
    /// Rules for people. What those of before say of each person is given to [`Intake::before`](crate::Intake::before).
    Rules {
        /// How leavers were treated.
        leavers: Leavers,
        /// Whether existing accounts were found, or taken over, by another rule.
        matching: bool,
    },
    /// Something of which nobody can tell what it would have done: the source, the target, the protected accounts. Every change
    /// is counted.
    Everything,
}

/// What becomes of an attribute that somebody else has changed at the target, while what is wanted is as it was written last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrift {
    /// It is written again.
    #[default]
    Correct,
    /// It stays, and is told.
    Report,
    /// It stays.
    Leave,
}

/// A number, or a share. A number means what it says: 0 lets nobody through. Of a share five are always allowed, so that small
/// places can work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many.
    Count(u64),
    /// So many percent, 0 to 100: of the people that are linked before the run, unless the guard says otherwise.
    Percent(f64),
}

/// What refuses a plan. A refused plan is still made and shown whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guards {
    /// Deactivations, deletions and unlinks together.
    pub max_leavers: Limit,
    /// All changes together; of groups not those of members alone.
    pub max_changes: Limit,
    /// New accounts or groups.
    pub max_creates: Limit,
    /// People whose `userName` or e-mail address becomes another, groups whose `displayName` does; a share is one of the accounts that are linked or taken over.
    pub max_renames: Limit,
    /// People of whom one attribute is cleared, for each attribute; a share is as with `max_renames`.
    pub max_clears: Limit,
    /// Changes that come from the config having changed since the last run.
    pub max_config_changes: Limit,
    /// Rejected records; a share is one of the records that were read.
    pub max_rejected: Limit,
    /// Members who leave one group; a share is one of its members.
    pub max_members_removed: Limit,
    /// Memberships that end in all groups together; a share is one of all there are.
    pub max_memberships_removed: Limit,
    /// So many records must have been read.
    pub min_records: u64,
}

/// What needs an approval although no guard refuses it. Such a plan is refused too, and says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Approvals {
    /// By what it does.
    pub required: Required,
    /// By how much it does: more changes than these. A share is one of the linked people.
    pub over: Option<Limit>,
}

/// Which plans need an approval by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Required {
    /// None.
    Never,
    /// Those with deactivations, deletions or unlinks.
    Leavers,
    /// All with a change.
    All,
}

impl Approvals {
    /// No plan needs one.
    pub const NONE: Self = Self { required: Required::Never, over: None };
}

impl Limit {
    /// Nothing is too much.
    pub const NONE: Self = Self::Count(u64::MAX);
}

impl Guards {
    /// Nothing is refused.
    pub const NONE: Self = Self {
        max_leavers: Limit::NONE,
        max_changes: Limit::NONE,
        max_creates: Limit::NONE,
        max_renames: Limit::NONE,
        max_clears: Limit::NONE,
        max_config_changes: Limit::NONE,
        max_rejected: Limit::NONE,
        max_members_removed: Limit::NONE,
        max_memberships_removed: Limit::NONE,
        min_records: 0,
    };
}
