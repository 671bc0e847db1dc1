//! What is known of others when somebody is mapped: managers and groups, each read only if an expression asks about them.

use peoplesync_mapping::expr::Value;
use peoplesync_mapping::{DigestKey, Membership, People, Unknown};
use peoplesync_source::{Record, Timestamp};

use super::Session;
use super::membership::Groups;
use super::people::Managers;
use crate::failure::Outcome;

/// Managers and groups.
#[derive(Debug)]
pub(crate) struct Others {
    managers: Option<Managers>,
    groups: Option<Groups>,
}

impl Others {
    /// Reads what the mapping asks for; `None` if it asks for nothing.
    pub(crate) async fn read(
        session: &Session,
        key: &DigestKey,
        now: Timestamp,
    ) -> Outcome<Option<Self>> {
        let groups = Groups::read(session, key, now).await?;
        let managers = Managers::read(session, key, now).await?;
        let is_asked = groups.is_some() || managers.is_some();
        Ok(is_asked.then_some(Self { managers, groups }))
    }
}

impl People for Others {
    fn manager_field<'a>(&'a self, person: &Record<'_>, field: &str) -> Result<Value<'a>, Unknown> {
        self.managers.as_ref().ok_or_else(not_asked)?.manager_field(person, field)
    }

    fn reports_to(&self, person: &Record<'_>, key: &str) -> Result<bool, Unknown> {
        self.managers.as_ref().ok_or_else(not_asked)?.reports_to(person, key)
    }

    fn groups<'a>(&'a self, person: &Record<'_>) -> Result<Membership<'a>, Unknown> {
        self.groups.as_ref().ok_or_else(not_asked)?.of(person)
    }
}

/// Only of a mapping that asks what that of this run does not.
fn not_asked() -> Unknown {
    Unknown("this was not read".into())
}
