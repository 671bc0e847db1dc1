//! Schemas (RFC 7643 §7): what type an attribute has, whether letter case counts, who may write it.
//! User, Group and Enterprise User are built in; extensions of providers are read from JSON.

mod check;
mod json;
mod set;
mod standard;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::check::Mismatch;
pub(crate) use self::check::is_primary;
pub use self::set::{AttributeRef, SchemaSet};
use crate::urn;

/// The two kinds of resource that are provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// A person's account.
    User,
    /// A group of accounts.
    Group,
}

impl Resource {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// The endpoint below the base URL, such as `/Users` (RFC 7644 §3.2).
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }

    /// URN of the core schema.
    pub fn schema(self) -> &'static str {
        match self {
            Self::User => urn::CORE_USER,
            Self::Group => urn::CORE_GROUP,
        }
    }

    /// The name as in `meta.resourceType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A schema: a URN and the attributes that it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// A name for people, such as "Enterprise User".
    #[serde(default, deserialize_with = "json::or_default")]
    pub name: String,
    /// What it is for.
    #[serde(default, deserialize_with = "json::or_default")]
    pub description: String,
    /// The attributes at the top of the schema.
    #[serde(default, deserialize_with = "json::or_default")]
    pub attributes: Vec<Attribute>,
}

/// An attribute definition (RFC 7643 §7).
///
/// Read from JSON, missing or null characteristics take the defaults of §2.2; unknown words are read as those
/// defaults as well, because a provider's schema must not stop a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The name, in the spelling used when it is written.
    pub name: String,
    /// The data type.
    #[serde(rename = "type", default, deserialize_with = "json::word")]
    pub kind: Kind,
    /// Whether it is a list.
    #[serde(default, deserialize_with = "json::or_default")]
    pub multi_valued: bool,
    /// What it is for.
    #[serde(default, deserialize_with = "json::or_default")]
    pub description: String,
    /// Whether a resource must have it.
    #[serde(default, deserialize_with = "json::or_default")]
    pub required: bool,
    /// Suggested values, such as `work` and `home`.
    #[serde(default, deserialize_with = "json::or_default", skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether letter case counts when values are compared.
    #[serde(default, deserialize_with = "json::or_default")]
    pub case_exact: bool,
    /// Who may write it, and when.
    #[serde(default, deserialize_with = "json::word")]
    pub mutability: Mutability,
    /// When it is part of an answer.
    #[serde(default, deserialize_with = "json::word")]
    pub returned: Returned,
    /// Whether two resources may have the same value.
    #[serde(default, deserialize_with = "json::word")]
    pub uniqueness: Uniqueness,
    /// What a reference may point to: resource types, `external` or `uri`.
    #[serde(default, deserialize_with = "json::or_default", skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// The parts of a complex attribute.
    #[serde(default, deserialize_with = "json::or_default", skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// The sub-attribute of this name; letter case does not count.
    pub fn sub(&self, name: &str) -> Option<&Self> {
        find(&self.sub_attributes, name)
    }
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// Data types (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Text.
    #[default]
    String,
    /// True or false.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// A moment, written as in XML Schema.
    DateTime,
    /// Base64.
    Binary,
    /// A URI; letter case counts.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

/// Who may write an attribute, and when (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// The service provider alone.
    ReadOnly,
    /// Anybody at any time.
    #[default]
    ReadWrite,
    /// Only while it has no value.
    Immutable,
    /// Anybody, but nobody can read it.
    WriteOnly,
}

/// When an attribute is part of an answer (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In each answer, asked for or not.
    Always,
    /// In none.
    Never,
    /// Unless left out on request.
    #[default]
    Default,
    /// Only on request.
    Request,
}

/// Whether two resources may have the same value (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// They may.
    #[default]
    None,
    /// Not at the same endpoint.
    Server,
    /// Nowhere in the world.
    Global,
}

#[cfg(test)]
mod tests;
