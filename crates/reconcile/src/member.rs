//! Members of groups, as plans name them. A person may be in hundreds of groups, so a plan shares what it says of one.

use std::sync::Arc;

use peoplesync_scim::Resource;
use serde::{Deserialize, Serialize};

/// Somebody who becomes a member of a group, or no longer is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// A person, or a group within the group.
    #[serde(default = "person", skip_serializing_if = "is_person")]
    pub resource: Resource,
    /// The key in the source; none for a member that peoplesync does not know.
    pub key: Option<String>,
    /// The id at the target; none for somebody whose account is created in the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What people call the account, as far as this run came to know it: links hold no names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The members that a change of a group adds and removes; both sorted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberChanges {
    /// Those who are added.
    #[serde(default, with = "shared", skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Arc<Member>>,
    /// Those who are removed.
    #[serde(default, with = "shared", skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<Arc<Member>>,
    /// How many of both undo what others did at the target.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub drift: u64,
}

impl Member {
    /// What to call it in one word: the name, or else the key, or else the id.
    #[must_use]
    pub fn label(&self) -> &str {
        [&self.name, &self.key, &self.id].into_iter().find_map(Option::as_deref).unwrap_or_default()
    }
}

impl MemberChanges {
    /// Whether nobody is added or removed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// How many are added and removed.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.add.len() + self.remove.len()) as u64
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The kind of resource that goes without saying in JSON.
pub(crate) fn person() -> Resource {
    Resource::User
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
pub(crate) fn is_person(resource: &Resource) -> bool {
    *resource == Resource::User
}

/// Shared members as plain JSON.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Member;

    pub(super) fn serialize<S: Serializer>(
        members: &[Arc<Member>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(members.iter().map(AsRef::as_ref))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<Member>>, D::Error> {
        Ok(Vec::<Member>::deserialize(deserializer)?.into_iter().map(Arc::new).collect())
    }
}
