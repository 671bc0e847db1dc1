//! The plan: every change to be made, complete and immutable, with its reason. These types are also the JSON of
//! `plan --json` and of saved plans (face.md); their names are API.

use peoplesync_scim::path::Path;
use peoplesync_scim::schema::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::member::{is_person, is_zero, person};
use crate::{Digest, MemberChanges, Written};

/// What one change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A new account.
    Create,
    /// An existing account is linked, and brought in line if attributes differ.
    Adopt,
    /// Attributes of a linked account change.
    Update,
    /// A linked account comes back into use; attributes may change too.
    Reactivate,
    /// A linked account is taken out of use; attributes may change too.
    Deactivate,
    /// A linked account is removed for good.
    Delete,
    /// The link is forgotten; the account stays.
    Unlink,
}

impl Change {
    /// Whether it undoes, among other things, what others did at the target.
    #[must_use]
    pub fn undoes_drift(&self) -> bool {
        self.cause == Cause::Drift
            || self.members.drift > 0
            || self.attributes.iter().any(|attribute| attribute.drift)
    }
}

impl Action {
    /// All of them, in the order in which plans list them.
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::Adopt,
        Self::Update,
        Self::Reactivate,
        Self::Deactivate,
        Self::Delete,
        Self::Unlink,
    ];

    /// The name, as JSON and the state have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Reactivate => "reactivate",
            Self::Deactivate => "deactivate",
            Self::Delete => "delete",
            Self::Unlink => "unlink",
        }
    }
}

/// Where a change comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The source, or its people, moved.
    #[default]
    Source,
    /// The config was changed since the last run; under the one of before there would be no such change.
    Config,
    /// Somebody else changed the target.
    Drift,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// To what kind of resource.
    pub resource: Resource,
    /// The key in the source.
    pub key: String,
    /// The id at the target; none for a create.
    #[serde(default)]
    pub id: Option<String>,
    /// What people call the account: its userName, or whatever the target shows.
    pub name: String,
    /// Where the record is; none for somebody who is absent.
    #[serde(default)]
    pub origin: Option<String>,
    /// Why, as a fragment: "title differs".
    pub reason: String,
    /// Where it comes from.
    #[serde(default)]
    pub cause: Cause,
    /// The managed attributes that change, in the order of their paths.
    pub attributes: Vec<AttributeChange>,
    /// For a group: who becomes a member, and who no longer is one.
    #[serde(default, skip_serializing_if = "MemberChanges::is_empty")]
    pub members: MemberChanges,
    /// What the link remembers once the change is done; absent for a leaver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The same attribute by attribute.
    #[serde(default, skip_serializing_if = "Written::is_empty")]
    pub written: Written,
}

/// One attribute of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeChange {
    /// The attribute.
    pub path: Path,
    /// What the target has; `null` for nothing.
    pub before: Option<Json>,
    /// What it will have; `null` for nothing, and for a reference to somebody who is created in the same run.
    pub after: Option<Json>,
    /// For a reference: the key of the person who is meant. Where `after` is `null`, the id is filled in during the apply,
    /// after that person was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether the path's value filter names an element that the account does not have yet, so that it must be added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_element: bool,
    /// Whether the values are shown nowhere. A saved plan has them all the same, as they are written from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redact: bool,
    /// Whether others changed it: what is wanted is what was last written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drift: bool,
}

/// What is shown in the place of a value that is shown nowhere.
pub const REDACTED: &str = "[Redact]";

/// What the state remembers without any request, once the plan is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Bookkeeping {
    /// The account was compared and is as wanted: the link gets this digest and is active.
    Same {
        /// The key.
        key: String,
        /// The digest of what is wanted. [`Digest::UNKNOWN`] for somebody who was rejected although nothing moved in the
        /// source (the account is gone, say): the next run looks again.
        digest: Digest,
        /// The same attribute by attribute.
        #[serde(default, skip_serializing_if = "Written::is_empty")]
        written: Written,
    },
    /// The person is absent since this run (the grace period starts).
    Absent {
        /// The key.
        key: String,
    },
    /// The person was absent and is there again, though nothing is done for them now: the grace period ends.
    Present {
        /// The key.
        key: String,
    },
    /// The leaver's account was found inactive: nothing to send, the link becomes deactivated.
    Inactive {
        /// The key.
        key: String,
    },
    /// The leaver's account no longer exists at the target: the link is forgotten.
    Gone {
        /// The key.
        key: String,
    },
}

/// A person or a group that cannot be planned. Never silent: it is in the report, and the exit code says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rejection {
    /// Where the record is.
    pub origin: String,
    /// Its key, if it has one.
    pub key: Option<String>,
    /// The field or attribute that is to blame.
    pub field: Option<String>,
    /// Why.
    pub reason: String,
    /// Whether it is the record of a person or of a group.
    #[serde(default = "person", skip_serializing_if = "is_person")]
    pub resource: Resource,
}

/// Something that the administrator should know and that stops nothing: a missing manager, leavers held back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// Whom it concerns, if it is one person.
    pub key: Option<String>,
    /// Where the record is.
    pub origin: Option<String>,
    /// What it is, as a sentence fragment.
    pub message: String,
}

/// Why a guard refuses the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The name of the guard in the config: `max_leavers`.
    pub guard: String,
    /// Its setting, as written: `10%`.
    pub limit: String,
    /// What was found.
    pub found: u64,
    /// Both in a sentence, with what to do.
    pub message: String,
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// New accounts.
    pub create: u64,
    /// Changed accounts.
    pub update: u64,
    /// Existing accounts taken over.
    pub adopt: u64,
    /// Accounts taken out of use.
    pub deactivate: u64,
    /// Accounts taken into use again.
    pub reactivate: u64,
    /// Accounts removed.
    pub delete: u64,
    /// Links forgotten.
    pub unlink: u64,
    /// People whose account is as wanted.
    pub unchanged: u64,
    /// Records that the scope leaves out.
    pub out_of_scope: u64,
    /// Records that could not be read, mapped or matched.
    pub rejected: u64,
    /// Changes that are left out, as they wait for another try; of groups too.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: u64,
    /// Changes of people that come from the config having changed since the last run.
    #[serde(default)]
    pub from_config: u64,
    /// Changes of people that undo what others did at the target.
    #[serde(default)]
    pub from_drift: u64,
    /// The same for groups.
    pub groups: GroupSummary,
}

/// How many groups of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// New groups.
    pub create: u64,
    /// Existing groups taken over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub adopt: u64,
    /// Changed groups.
    pub update: u64,
    /// Removed groups.
    pub delete: u64,
    /// Groups whose link is forgotten.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlink: u64,
    /// Groups that are as wanted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unchanged: u64,
    /// Groups that the scope leaves out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub out_of_scope: u64,
    /// Groups that could not be read, mapped or matched.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected: u64,
    /// Changes of groups that come from the config having changed since the last run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub from_config: u64,
    /// Changes of groups that undo what others did at the target.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub from_drift: u64,
}

/// Every change to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The hash over all the rest: `sha256:…`. What is approved and applied is named by it.
    pub plan: String,
    /// What the read of people proves: `complete`, `partial` or `changes`.
    pub coverage: String,
    /// What the read of groups proves, in the same words; none where groups are not managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_coverage: Option<String>,
    /// How many of each.
    pub summary: Summary,
    /// The guards that refuse it; empty when it may be applied.
    pub refused: Vec<Refusal>,
    /// The changes: people before groups, ordered by action and key.
    pub changes: Vec<Change>,
    /// Who could not be planned.
    pub rejected: Vec<Rejection>,
    /// What else there is to know.
    pub warnings: Vec<Warning>,
    /// What the state remembers without a request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bookkeeping: Vec<Bookkeeping>,
    /// The same for groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_bookkeeping: Vec<Bookkeeping>,
}
