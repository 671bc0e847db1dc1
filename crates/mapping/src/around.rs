//! What an expression may ask that does not stand in the record: the time, chance, other people. All of it is handed in, so
//! that the same input gives the same bytes.

use std::borrow::Cow;
use std::fmt;

use peoplesync_source::{Record, Timestamp};

use crate::digest::DigestKey;
use crate::expr::Value;

/// The surroundings of a record. What is not given cannot be asked: the record is then rejected, and nothing is guessed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// The moment of the run: what `Now()` gives.
    pub now: Option<Timestamp>,
    /// Where random values come from. With the same key, a rule gives the same person the same value, so that a plan and its
    /// apply agree; nobody without the key can guess it.
    pub seed: Option<&'a DigestKey>,
    /// Other people, and groups.
    pub people: Option<&'a dyn People>,
}

/// What is known of managers and groups. Implemented by whoever reads everybody; [`Asks`] says what has to be collected.
pub trait People: fmt::Debug + Sync {
    /// What a field of this person's manager holds: null if there is no manager or nothing in the field, a list if there are
    /// several values.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn manager_field<'a>(&'a self, person: &Record<'_>, field: &str) -> Result<Value<'a>, Unknown>;

    /// Whether somebody with this key stands anywhere above this person.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn reports_to(&self, person: &Record<'_>, key: &str) -> Result<bool, Unknown>;

    /// The groups that this person is in.
    ///
    /// # Errors
    /// Why nothing can be told of them.
    fn groups<'a>(&'a self, person: &Record<'_>) -> Result<Membership<'a>, Unknown>;
}

/// The groups of somebody, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership<'a> {
    /// Their names, sorted, each once.
    pub names: Vec<&'a str>,
    /// Why there may be more of them; none if these are all.
    pub more: Option<Unknown>,
}

/// Why a question cannot be answered: "the record of the manager was rejected".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub Cow<'static, str>);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unknown {}

/// What a mapping asks of the surroundings. Nothing else needs to be collected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// The time.
    pub clock: bool,
    /// Random values.
    pub chance: bool,
    /// Who stands above whom.
    pub chain: bool,
    /// Who is in which group.
    pub groups: AskedGroups,
    /// The fields of managers: sorted, each once. They are among [`Mapping::fields`](crate::Mapping::fields).
    pub manager_fields: Vec<String>,
}

/// The groups that a mapping asks about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AskedGroups {
    /// None.
    #[default]
    Nothing,
    /// Those of these names: sorted, each once.
    Named(Vec<String>),
    /// Any.
    All,
}

impl Asks {
    /// Whether other people must be known before anybody can be mapped.
    #[must_use]
    pub fn people(&self) -> bool {
        self.managers() || self.groups != AskedGroups::Nothing
    }

    /// Whether it must be known who somebody's manager is.
    #[must_use]
    pub fn managers(&self) -> bool {
        self.chain || !self.manager_fields.is_empty()
    }
}

impl AskedGroups {
    /// Whether whoever knows what this asks can answer what the other one asks.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Nothing) | (Self::All, _) => true,
            (Self::Named(these), Self::Named(those)) => {
                those.iter().all(|name| these.contains(name))
            }
            _ => false,
        }
    }
}
