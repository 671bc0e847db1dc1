//! How a service provider departs from the RFCs, as data. A profile is a file of config/profiles or of an administrator's own;
//! config/profiles/generic.toml describes each key. No provider is named here, and nothing is sent from here.
//!
//! The client writes and reads by it, the planner's input is cut by it, and the simulator behaves by it: one description for
//! both sides of the wire.

mod check;
mod discovery;
mod groups;
mod layers;
mod rate;
mod wire;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

pub use self::discovery::Discovery;
pub use self::groups::{
    Grouping, change_members, elements_of, groups_of, members_of, with_members,
};
pub use self::layers::{ProfileError, layered};
pub use self::rate::Rate;
pub use self::words::{
    Clear, Dates, Deactivate, Delete, Ids, Inactive, Manager, OpCase, Paging, PatchForm,
    Reactivate, RemoveMembers, ShowMembers, Update, Use, Verify, Version,
};

use crate::path::Path;
use crate::resource;
use crate::schema::Resource;

/// A target's profile.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// What kind of service it is, in a few words.
    pub title: String,
    /// The profile that this one begins with; what stands in this one wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// The version of SCIM in which bodies are written.
    pub version: Version,
    /// Media type of bodies.
    pub content_type: String,
    /// Where things are below the base URL.
    pub endpoints: Endpoints,
    /// How accounts are listed.
    pub list: List,
    /// How single accounts are found.
    pub filter: Filtering,
    /// How accounts are written.
    pub write: Writing,
    /// How a PATCH is spoken.
    pub patch: Patching,
    /// How values are written.
    pub values: Values,
    /// What becomes of accounts that are no longer used.
    pub lifecycle: Lifecycle,
    /// How people come into possession of their accounts.
    pub invitations: Invitations,
    /// How groups and their members are kept.
    pub groups: Grouping,
    /// How changes are sent together.
    pub bulk: Bulk,
    /// How many requests the service takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<Rate>,
    /// Types of attributes that the RFCs do not define: path and type.
    pub attributes: BTreeMap<String, String>,
    /// What to tell an administrator: a code, a `scimType`, a status or a part of the message, and the explanation.
    pub errors: BTreeMap<String, String>,
    /// Habits that only the simulator has to know.
    pub simulate: Map<String, Json>,
}

/// Where things are below the base URL. An empty text: the service does not have it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// Accounts.
    pub users: String,
    /// Groups.
    pub groups: String,
    /// What the service says that it can do.
    pub service_provider_config: String,
    /// The schemas of its resources.
    pub schemas: String,
    /// The types of its resources.
    pub resource_types: String,
    /// Where many changes are sent at once.
    pub bulk: String,
}

/// How changes are sent together (RFC 7644 §3.7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bulk {
    /// Whether they are.
    #[serde(rename = "use")]
    pub when: Use,
    /// Most changes in one request; 0 is what the service says.
    pub max_operations: u32,
    /// Largest body of one, in bytes; 0 is what the service says.
    pub max_payload: u32,
    /// Whether the limits of `rates` count each change, and not the request.
    pub counts_operations: bool,
}

/// How accounts are listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// How the next page is asked for.
    pub paging: Paging,
    /// How many accounts a page is asked for.
    pub page_size: u32,
    /// How many pages are asked for at once, where pages have numbers and the service says how many there are.
    pub pages_ahead: u32,
    /// Whether a list that was read to its end shows every account.
    pub complete: bool,
    /// Attributes that a list leaves out, and a single account has.
    pub omits: Vec<String>,
}

/// How single accounts are found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filtering {
    /// Whether an account can be found by a filter.
    pub supported: bool,
    /// The attributes that a filter may name; none named is all.
    pub attributes: Vec<String>,
    /// The operators that the service knows.
    pub operators: Vec<String>,
}

/// How accounts are written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Writing {
    /// How accounts are changed.
    pub update: Update,
    /// How a value is taken away.
    pub clear: Clear,
    /// How it is made sure that the service keeps what was written.
    pub verify: Verify,
    /// Whether a change names the version of the account that it was planned for (`If-Match`).
    pub if_match: Use,
    /// Multi-valued attributes of which the service keeps one value.
    pub single: Vec<String>,
    /// Lists of which one element must be marked as primary; the first one is, if none is.
    pub primary: Vec<String>,
    /// Attributes without which no account can be created.
    pub required: Vec<String>,
    /// Attributes that the service does not keep: sent on creation, and never compared.
    pub ignored: Vec<String>,
}

/// How a PATCH is spoken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patching {
    /// How `add`, `remove` and `replace` are spelled.
    pub op: OpCase,
    /// Whether each attribute has an operation of its own.
    pub form: PatchForm,
    /// Whether a path may name one element of a list; otherwise lists are written whole.
    pub value_filters: bool,
    /// How many operations a request may hold; 0 is any number.
    pub max_operations: u32,
}

/// How values are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    /// How the manager is written.
    pub manager: Manager,
    /// Whether ids inside of values are texts or numbers.
    pub ids: Ids,
    /// Whether booleans are written as the texts "True" and "False".
    pub booleans_as_text: bool,
    /// How times are written.
    pub dates: Dates,
}

/// What becomes of accounts that are no longer used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifecycle {
    /// How an account is taken out of use.
    pub deactivate: Deactivate,
    /// How it comes back.
    pub reactivate: Reactivate,
    /// What a DELETE does.
    pub delete: Delete,
    /// Whether an account out of use can still be read.
    pub inactive: Inactive,
}

/// How people come into possession of their accounts: attributes of the account that say so. Empty: there is nothing like it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Invitations {
    /// Whether the person was invited: a boolean.
    pub invited: String,
    /// Whether the person has claimed the account: a boolean.
    pub claimed: String,
    /// The address at which it is claimed.
    pub link: String,
    /// The code with which it is claimed by somebody without a mail address.
    pub code: String,
}

/// Where an account stands between being made and being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Out of use.
    Deactivated,
    /// Nobody was invited yet.
    NotInvited,
    /// Somebody was invited, and has not claimed it yet.
    Invited,
    /// Somebody has claimed it.
    Claimed,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            title: "any SCIM 2.0 service".to_owned(),
            extends: None,
            version: Version::default(),
            content_type: "application/scim+json".to_owned(),
            endpoints: Endpoints::default(),
            list: List::default(),
            filter: Filtering::default(),
            write: Writing::default(),
            patch: Patching::default(),
            values: Values::default(),
            lifecycle: Lifecycle::default(),
            invitations: Invitations::default(),
            groups: Grouping::default(),
            bulk: Bulk::default(),
            rates: Vec::new(),
            attributes: BTreeMap::new(),
            errors: BTreeMap::new(),
            simulate: Map::new(),
        }
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            users: "/Users".to_owned(),
            groups: "/Groups".to_owned(),
            service_provider_config: "/ServiceProviderConfig".to_owned(),
            schemas: "/Schemas".to_owned(),
            resource_types: "/ResourceTypes".to_owned(),
            bulk: "/Bulk".to_owned(),
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self {
            paging: Paging::default(),
            page_size: 200,
            pages_ahead: 4,
            complete: true,
            omits: Vec::new(),
        }
    }
}

impl Default for Filtering {
    fn default() -> Self {
        let operators =
            ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "and", "or", "not"];
        Self {
            supported: true,
            attributes: Vec::new(),
            operators: operators.map(str::to_owned).to_vec(),
        }
    }
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            update: Update::default(),
            clear: Clear::default(),
            verify: Verify::default(),
            if_match: Use::default(),
            single: Vec::new(),
            primary: Vec::new(),
            required: vec!["userName".to_owned()],
            ignored: Vec::new(),
        }
    }
}

impl Default for Patching {
    fn default() -> Self {
        Self {
            op: OpCase::default(),
            form: PatchForm::default(),
            value_filters: true,
            max_operations: 0,
        }
    }
}

impl Profile {
    /// Where resources of a kind are, below the base URL; empty if the service has none.
    pub fn endpoint(&self, resource: Resource) -> &str {
        match resource {
            Resource::User => &self.endpoints.users,
            Resource::Group => &self.endpoints.groups,
        }
    }

    /// Whether a filter by this attribute finds a resource.
    pub fn can_find(&self, resource: Resource, path: &Path) -> bool {
        let named = match resource {
            Resource::User => &self.filter.attributes,
            Resource::Group => &self.groups.filter_attributes,
        };
        let is_named = |text: &String| {
            Path::parse(text).is_ok_and(|known| known == *path || known == path.root())
        };
        self.filter.supported && (named.is_empty() || named.iter().any(is_named))
    }

    /// Where an account stands, if the service invites people at all.
    pub fn stage(&self, account: &Json) -> Option<Stage> {
        let says = |path: &str| {
            let value = resource::get(account, &Path::parse(path).ok()?)?;
            value.as_bool().or_else(|| crate::value::boolean(value.as_str()?))
        };
        if self.invitations.claimed.is_empty() {
            return None;
        }
        Some(match (says("active"), says(&self.invitations.invited)) {
            (Some(false), _) => Stage::Deactivated,
            (_, Some(false)) => Stage::NotInvited,
            _ if says(&self.invitations.claimed) == Some(true) => Stage::Claimed,
            _ => Stage::Invited,
        })
    }

    /// What an administrator should know about an error, if the profile says something about it.
    pub fn explain(
        &self,
        status: Option<u16>,
        scim_type: Option<&str>,
        code: Option<i64>,
        message: &str,
    ) -> Option<&str> {
        let message = message.to_lowercase();
        let code = code.map(|code| code.to_string());
        let status = status.map(|status| status.to_string());
        // The most exact one first: a code, a type, words of the message, and only then the status.
        let ways: [&dyn Fn(&str) -> bool; 4] = [
            &|key| code.as_deref() == Some(key),
            &|key| scim_type.is_some_and(|scim_type| scim_type.eq_ignore_ascii_case(key)),
            &|key| key.parse::<i64>().is_err() && message.contains(&key.to_lowercase()),
            &|key| status.as_deref() == Some(key),
        ];
        ways.into_iter().find_map(|way| {
            self.errors.iter().find(|(key, _)| way(key)).map(|(_, text)| text.as_str())
        })
    }
}

impl Invitations {
    /// Whether this attribute invites somebody, or says who has claimed an account.
    pub fn concerns(&self, path: &Path) -> bool {
        let is = |text: &String| Path::parse(text).is_ok_and(|known| known == *path);
        is(&self.invited) || is(&self.claimed)
    }
}

impl Stage {
    /// The stage in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::NotInvited => "not invited",
            Self::Invited => "invited",
            Self::Claimed => "claimed",
        }
    }
}

#[cfg(test)]
mod tests;
