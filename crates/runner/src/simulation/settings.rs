//! The config of a history at a moment, as text for the program and as facts for the checker.

use super::dice::Dice;
use super::world::{Person, Status};

pub(super) const PROTECTED: &str = "root@example.com";

/// What an administrator may decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) adopt: bool,
    pub(super) action: Action,
    pub(super) grace_days: u32,
    pub(super) delete_after_days: u32,
    pub(super) title: Title,
    /// Whether external people are out of scope.
    pub(super) scope: bool,
    pub(super) concurrency: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Ignore,
    Unlink,
    Deactivate,
    Delete,
}

/// What becomes of the title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Title {
    Plain,
    Upper,
    /// It is not managed.
    Unmanaged,
}

impl Settings {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let mut settings = Self {
            adopt: !dice.one_in(3),
            action: Action::Deactivate,
            grace_days: 0,
            delete_after_days: 0,
            title: Title::Plain,
            scope: !dice.one_in(3),
            concurrency: 1 + dice.below(4),
        };
        for _ in 0..2 {
            settings.edit(dice);
        }
        settings
    }

    /// Changes one of them.
    pub(super) fn edit(&mut self, dice: &mut Dice) {
        match dice.below(5) {
            0 => {
                self.action = match dice.below(6) {
                    0 => Action::Ignore,
                    1 => Action::Unlink,
                    2 => Action::Delete,
                    _ => Action::Deactivate,
                }
            }
            1 => self.grace_days = dice.below(2) * (1 + dice.below(3)),
            2 => self.delete_after_days = dice.below(2) * (1 + dice.below(5)),
            3 => {
                self.title = match dice.below(3) {
                    0 => Title::Plain,
                    1 => Title::Upper,
                    _ => Title::Unmanaged,
                }
            }
            _ => self.scope = !self.scope,
        }
    }

    pub(super) fn toml(&self) -> String {
        let title = match self.title {
            Title::Plain => "title = { value = \"title\", on_empty = \"clear\" }",
            Title::Upper => "title = { value = \"ToUpper([title])\", on_empty = \"clear\" }",
            Title::Unmanaged => "",
        };
        let scope = if self.scope { "status <> \"external\"" } else { "" };
        let action = match self.action {
            Action::Ignore => "ignore",
            Action::Unlink => "unlink",
            Action::Deactivate => "deactivate",
            Action::Delete => "delete",
        };
        let Self { adopt, grace_days, delete_after_days, concurrency, .. } = self;
        format!(
            r#"
[source]
kind = "static"
[source.settings]
key = "id"
records = []

[target]
name = "Simulated"
url = "http://127.0.0.1/scim/v2"
concurrency = {concurrency}

[people]
scope = '{scope}'
adopt = {adopt}

[people.attributes]
externalId = "id"
userName = "mail"
"name.givenName" = "first"
{title}
active = 'status = "active"'
'emails[type eq "work"].value' = "mail"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" = {{ reference = "manager" }}

[leavers]
action = "{action}"
grace_days = {grace_days}
delete_after_days = {delete_after_days}

[guards]
protect = ['userName eq "{PROTECTED}"']

[state]
url = "sqlite:state.db"
"#
        )
    }

    pub(super) fn in_scope(&self, person: &Person) -> bool {
        !(self.scope && person.status == Status::External)
    }

    /// The title of an account; none is no title, and what is not managed is not said.
    pub(super) fn title_of(&self, person: &Person) -> Option<Option<String>> {
        match self.title {
            Title::Plain => Some(person.title.clone()),
            Title::Upper => Some(person.title.as_ref().map(|title| title.to_uppercase())),
            Title::Unmanaged => None,
        }
    }
}
