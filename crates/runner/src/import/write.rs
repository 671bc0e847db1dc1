//! A config as a person would write it: what was carried over, and as comments what was not.

use super::{Imported, Parts, Rule};
use crate::report::line;

/// The config, and all that could not be carried over.
pub(super) fn config(parts: Parts, (kind, settings): (&str, &str)) -> Imported {
    let mut text = String::new();
    line!(text, "# Made from the object mapping {}.", parts.title.replace('\n', " "));
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
    line!(text, "[people]");
    if let Some(scope) = &parts.scope {
        match scope.contains('\n') && !scope.contains("'''") {
            true => line!(text, "scope = '''\n{scope}'''"),
            false => line!(text, "scope = {}", quoted(scope)),
        }
    }
    let match_by: Vec<String> = parts.match_by.iter().map(|path| quoted(path)).collect();
    line!(text, "match = [{}]", match_by.join(", "));
    line!(text, "");
    line!(text, "[people.attributes]");
    for rule in &parts.rules {
        attribute(&mut text, rule);
    }
    if parts.ignores_leavers {
        line!(text, "");
        line!(text, "[leavers]");
        line!(text, "action = \"ignore\"        # its flow types do not have \"Delete\"");
    }
    let left_out = parts.rules.iter().filter_map(|rule| {
        let why = rule.left_out.as_ref()?;
        let end = if why.ends_with('?') { "" } else { "." };
        Some(format!("`{}` was left out: {why}{end}", rule.path))
    });
    let mut left: Vec<String> = left_out.chain(parts.left).collect();
    if parts.match_by.is_empty() {
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
