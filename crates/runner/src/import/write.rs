//! A config as a person would write it: what was carried over, and as comments what was not.

use super::{Imported, Parts, Rule, Table};
use crate::report::line;

/// The config, and all that could not be carried over.
pub(super) fn config(parts: Parts, (kind, settings): (&str, &str)) -> Imported {
    let mut text = String::new();
    line!(text, "# Made from the object mapping {}.", parts.people.title.replace('\n', " "));
    line!(text, "# Set the source, the target and the key, then run `peoplesync check`.");
    line!(text, "");
    line!(text, "[source]");
    line!(text, "kind = {}", quoted(kind));
    line!(text, "");
    line!(text, "[source.settings]");
    // What each setting means, the schema says; here they are to be set.
    for setting in settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        line!(text, "{setting}");
    }
    line!(text, "");
    line!(text, "[target]");
    line!(
        text,
        "url = \"https://scim.example.com/v2\"        # the tenant URL of the provisioning"
    );
    line!(text, "# auth = {{ bearer = {{ env = \"SCIM_TOKEN\" }} }}    # its secret token");
    line!(text, "");
    table(&mut text, "people", &parts.people);
    if parts.people.ignores_leavers {
        line!(text, "");
        line!(text, "[leavers]");
        line!(text, "action = \"ignore\"        # its flow types do not have \"Delete\"");
    }
    if let Some(groups) = &parts.groups {
        line!(text, "");
        line!(text, "# Made from the object mapping {}. Set the source of groups.", groups.title);
        table(&mut text, "groups", groups);
        line!(text, "");
        line!(text, "[groups.source]");
        line!(text, "kind = {}", quoted(kind));
        line!(text, "");
        line!(text, "[groups.source.settings]");
        for setting in settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            line!(text, "{}", setting.replace("people", "groups"));
        }
    }
    let left_out =
        parts.people.rules.iter().chain(parts.groups.iter().flat_map(|table| &table.rules));
    let left_out = left_out.filter_map(|rule| {
        let why = rule.left_out.as_ref()?;
        let end = if why.ends_with('?') { "" } else { "." };
        Some(format!("`{}` was left out: {why}{end}", rule.path))
    });
    let mut left: Vec<String> = left_out.chain(parts.left).collect();
    if parts.people.match_by.is_empty() {
        left.push("No attribute has a matching priority: nobody is matched with an account that is there already.".to_owned());
    }
    if !left.is_empty() {
        line!(text, "");
        line!(text, "# What could not be carried over, or not exactly:");
        for what in &left {
            line!(text, "# - {}", what.replace('\n', " "));
        }
    }
    Imported { text, left }
}

/// The table of people or of groups.
fn table(text: &mut String, name: &str, table: &Table) {
    line!(text, "[{name}]");
    if let Some(scope) = &table.scope {
        match scope.contains('\n') && !scope.contains("'''") {
            true => line!(text, "scope = '''\n{scope}'''"),
            false => line!(text, "scope = {}", quoted(scope)),
        }
    }
    let match_by: Vec<String> = table.match_by.iter().map(|path| quoted(path)).collect();
    line!(text, "match = [{}]", match_by.join(", "));
    if let Some(members) = &table.members {
        line!(
            text,
            "members = {}        # the keys of people; or see `member_key`",
            quoted(members)
        );
    }
    if name == "groups" && !table.ignores_leavers {
        line!(
            text,
            "# on_absent = \"delete\"        # its flow types have \"Delete\"; here groups that are gone stay"
        );
    }
    line!(text, "");
    line!(text, "[{name}.attributes]");
    for rule in &table.rules {
        attribute(text, rule);
    }
}

fn attribute(text: &mut String, rule: &Rule) {
    let key = key(&rule.path);
    let expression = quoted(&rule.expression);
    let value = match (rule.is_reference, rule.is_create_only) {
        (false, false) => expression,
        (is_reference, is_create_only) => {
            let name = if is_reference { "reference" } else { "value" };
            let when = if is_create_only { ", when = \"create\"" } else { "" };
            format!("{{ {name} = {expression}{when} }}")
        }
    };
    let comment = if rule.left_out.is_some() { "# " } else { "" };
    line!(text, "{comment}{key} = {}", value.replace('\n', " "));
}

/// A key of TOML.
fn key(path: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !path.is_empty() && path.chars().all(is_bare) { path.to_owned() } else { quoted(path) }
}

/// A text of TOML, as it is if it can be.
fn quoted(text: &str) -> String {
    let literal = !text.contains('\'') && !text.chars().any(char::is_control);
    match () {
        () if literal && text.contains(['"', '\\']) => format!("'{text}'"),
        () => toml::Value::from(text).to_string(),
    }
}

/// A text as our language writes it.
pub(super) fn text_literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}
