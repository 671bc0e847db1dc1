//! Configs from the exports of other programs. What is written passes `check`; what cannot be carried over is listed, and
//! stands in the config as a comment.

pub(crate) mod graph;
mod scope;
mod write;

/// A config that was made from an export.
#[derive(Debug)]
pub(crate) struct Imported {
    /// The config, as TOML.
    pub(crate) text: String,
    /// What could not be carried over, or not exactly, a sentence each.
    pub(crate) left: Vec<String>,
}

/// What goes into the config.
#[derive(Debug, Default)]
struct Parts {
    people: Table,
    groups: Option<Table>,
    left: Vec<String>,
}

/// What goes into `[people]` or `[groups]`.
#[derive(Debug, Default)]
struct Table {
    /// What it was made from.
    title: String,
    scope: Option<String>,
    match_by: Vec<String>,
    rules: Vec<Rule>,
    /// The expression for the members of groups.
    members: Option<String>,
    /// Whether those who are gone are left alone.
    ignores_leavers: bool,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    path: String,
    expression: String,
    is_reference: bool,
    is_create_only: bool,
    /// Why it is written as a comment only.
    left_out: Option<String>,
}
