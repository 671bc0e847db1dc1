//! The table `[groups]`: which groups there are, what they are called, and who is in them.

use std::collections::BTreeMap;

use peoplesync_reconcile::{OnDrift, Unmanaged};
use peoplesync_source::schemars::{self, JsonSchema};
use serde::Deserialize;

use super::model::{AttributeRule, SourceTable};

/// Groups, and who is in them. Without this table no group is read or touched.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupsTable {
    /// Whether groups are written to the target. Otherwise they are only read, for expressions over people that ask who is in
    /// which.
    #[serde(default = "yes")]
    pub(crate) provision: bool,
    /// Where groups come from: a table as `source`.
    #[serde(default)]
    pub source: Option<SourceTable>,
    /// Instead of a source: an expression over people; there is one group for each of its values. Letter case does not count.
    #[serde(default)]
    pub from: Option<String>,
    /// An expression that says which groups of the source are provisioned; empty is all of them.
    #[serde(default)]
    pub scope: String,
    /// How an unlinked group finds an existing one at the target: attributes, first hit wins.
    #[serde(rename = "match", default = "match_by")]
    pub match_by: Vec<String>,
    /// Whether an existing group that matches is taken over; otherwise it is reported.
    #[serde(default = "yes")]
    pub adopt: bool,
    /// SCIM path = expression, or a table. With `from`, the field `value` is the value that the group is made of.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeRule>,
    /// An expression over groups that gives the keys of their members, such as the name of a field with several values. Without
    /// it members are left as they are.
    #[serde(default)]
    pub members: Option<String>,
    /// An expression over people for what `members` holds where that is not their key, such as the DN; also over groups, where
    /// groups are in groups.
    #[serde(default)]
    pub member_key: Option<String>,
    /// What becomes of groups among the members.
    #[serde(default)]
    pub nested: Nested,
    /// What becomes of members that peoplesync does not know: `keep` or `remove`.
    #[serde(default = "keep")]
    #[schemars(with = "String")]
    pub unmanaged_members: Unmanaged,
    /// What becomes of attributes and members of a group that others change at the target: `correct`, `report` or `leave`. An attribute
    /// may say otherwise for itself; for members whom peoplesync does not know, `unmanaged_members` says it.
    #[serde(default)]
    #[schemars(with = "String")]
    pub on_drift: OnDrift,
    /// What becomes of a linked group that a complete read no longer has, or that is out of scope.
    #[serde(default)]
    pub on_absent: OnAbsent,
}

/// What becomes of groups among the members of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Nested {
    /// They are not looked for: a member is a person.
    #[default]
    Ignore,
    /// Their members, and those of the groups in them, are members of the group.
    Flatten,
    /// They become members themselves, where the target takes groups.
    Pass,
}

/// What becomes of a group that left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnAbsent {
    /// Nothing: the group, its members and its link stay.
    #[default]
    Ignore,
    /// The link is forgotten, the group stays as it is.
    Unlink,
    /// The group is deleted.
    Delete,
}

fn match_by() -> Vec<String> {
    ["externalId", "displayName"].map(str::to_owned).to_vec()
}

fn yes() -> bool {
    true
}

fn keep() -> Unmanaged {
    Unmanaged::Keep
}
