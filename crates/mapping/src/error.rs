//! Errors that people read: of a mapping, pointing into its text, and of one record.

use std::fmt;
use std::ops::Range;

use peoplesync_scim::{Path, Resource};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::expr::SyntaxError;
use crate::expr::check::Problem;
use crate::expr::eval::Fault;

/// Something wrong in the rules of a mapping.
///
/// `Display` is one line; [`render`](Self::render) also draws the place and gives the hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// The key in the config: `people.attributes.title`, `people.scope`.
    pub attribute: Option<String>,
    /// The same key, step by step, as a config file nests it.
    pub place: Vec<String>,
    /// What `text` and `span` are about.
    pub within: Within,
    /// What is wrong; a fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The same where a program can do it.
    pub remedy: Option<Remedy>,
    /// The expression, or the path where that is wrong.
    pub text: String,
    /// The place in the text, in bytes.
    pub span: Range<usize>,
}

/// A change of the config that mends a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The attribute is written for new accounts only: `when = "create"`.
    CreateOnly,
    /// Of several values, each makes an element: `values` instead of `value`.
    OneForEach,
}

/// Which of the two halves of `key = value` an error points into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// The last step of the key: the path of an attribute.
    Key,
    /// The value: an expression.
    Value,
}

/// A key in the config: what it is called in messages, and its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) steps: Vec<String>,
}

impl Key {
    /// The key of the scope for a kind of resource.
    pub(crate) fn scope(resource: Resource) -> Self {
        let steps = vec![table(resource).to_owned(), "scope".to_owned()];
        Self { text: steps.join("."), steps }
    }

    /// The key of the expression for somebody's manager.
    pub(crate) fn manager(resource: Resource) -> Self {
        let steps = vec![table(resource).to_owned(), "manager".to_owned()];
        Self { text: steps.join("."), steps }
    }

    /// The key of an attribute's rule; the path is quoted in the text as TOML wants it.
    pub(crate) fn attribute(resource: Resource, path: &str) -> Self {
        let table = table(resource);
        let steps = vec![table.to_owned(), "attributes".to_owned(), path.to_owned()];
        Self { text: format!("{table}.attributes.{}", quoted(path)), steps }
    }

    /// A key further down.
    pub(crate) fn below<'s>(&self, steps: impl Iterator<Item = &'s String>) -> Self {
        let mut key = self.clone();
        for step in steps {
            key.text.push('.');
            key.text.push_str(&quoted(step));
            key.steps.push(step.clone());
        }
        key
    }
}

impl CompileError {
    pub(crate) fn syntax(key: &Key, text: &str, error: SyntaxError) -> Self {
        let SyntaxError { span, message, hint } = error;
        Self::problem(key, text, Problem::new(span, message, hint))
    }

    /// Something wrong in an expression.
    pub(crate) fn problem(key: &Key, text: &str, problem: Problem) -> Self {
        let Problem { span, message, hint, remedy } = problem;
        Self {
            attribute: Some(key.text.clone()),
            place: key.steps.clone(),
            within: Within::Value,
            message,
            hint,
            remedy,
            text: text.to_owned(),
            span: span.start..span.end,
        }
    }

    /// Something wrong in the path of an attribute.
    pub(crate) fn of_path(key: &Key, path: &str, problem: Problem) -> Self {
        Self { within: Within::Key, ..Self::problem(key, path, problem) }
    }

    /// The message, below it the line of the text with carets under the place, below that the hint.
    #[must_use]
    pub fn render(&self) -> String {
        let mut drawing = self.to_string();
        if let Some((line, before, marked)) = self.line() {
            let carets = "^".repeat(marked.max(1));
            let indent = " ".repeat(before);
            drawing.push_str(&format!("\n    {line}\n    {indent}{carets}"));
        }
        if let Some(hint) = &self.hint {
            drawing.push_str(&format!("\n    {hint}"));
        }
        drawing
    }

    /// The line of the place, cut where it is long; the columns before the place and those that it takes.
    fn line(&self) -> Option<(String, usize, usize)> {
        /// How many characters are shown before and after the start of the place.
        const BEFORE: usize = 60;
        const AFTER: usize = 100;
        // A text that already ends the message's key needs no second line to be pointed at as a whole.
        let whole = self.span.len() == self.text.len();
        let repeats = self
            .attribute
            .as_ref()
            .is_some_and(|key| key.trim_end_matches(['"', '\'']).ends_with(&self.text));
        if self.text.trim().is_empty() || (whole && repeats) {
            return None;
        }
        let (head, tail) = self.text.split_at_checked(self.span.start)?;
        let head = head.rsplit('\n').next().unwrap_or_default();
        let tail = tail.split('\n').next().unwrap_or_default();
        let length = self.span.len().min(tail.len());
        let skipped = head.char_indices().rev().nth(BEFORE).map_or(0, |(at, c)| at + c.len_utf8());
        let (cut, head) = head.split_at_checked(skipped)?;
        let rest = tail.char_indices().nth(AFTER).map_or(tail.len(), |(at, _)| at);
        let (tail, more) = tail.split_at_checked(rest)?;
        let marked = shown(tail.get(..length.min(tail.len())).unwrap_or(tail));
        let (left, right) =
            (if cut.is_empty() { "" } else { "…" }, if more.is_empty() { "" } else { "…" });
        let before = format!("{left}{}", shown(head));
        let columns = before.width();
        Some((format!("{before}{}{right}", shown(tail)), columns, marked.width()))
    }
}

/// Text as it can stand in one line.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c.width().is_none() { ' ' } else { c }).collect()
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(attribute) = &self.attribute {
            write!(f, "{attribute}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}

/// Why a record cannot be mapped. Its account is pinned: present, not absent. Values are never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapError {
    /// The attribute; none for the scope.
    pub path: Option<Path>,
    /// The field that is to blame, if it is one field's.
    pub field: Option<String>,
    /// Why, as a fragment that reads after the field: "holds text where true or false is needed".
    pub reason: String,
}

impl MapError {
    pub(crate) fn new(path: Option<&Path>, fault: Fault) -> Self {
        Self { path: path.cloned(), field: fault.field, reason: fault.reason }
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}: ")?,
            None => f.write_str("scope: ")?,
        }
        if let Some(field) = &self.field {
            write!(f, "the field `{field}` ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for MapError {}

/// The table of the config that holds the rules for a kind of resource.
pub(crate) fn table(resource: Resource) -> &'static str {
    match resource {
        Resource::User => "people",
        Resource::Group => "groups",
    }
}

/// A step of a key, quoted as TOML wants it.
fn quoted(step: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let quote = if !step.is_empty() && step.chars().all(bare) {
        ""
    } else if step.contains(['"', '\\']) {
        "'"
    } else {
        "\""
    };
    format!("{quote}{step}{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, place: &str) -> String {
        let start = text.find(place).unwrap();
        let span = start..start + place.len();
        CompileError {
            attribute: None,
            place: Vec::new(),
            within: Within::Value,
            message: "here".into(),
            hint: None,
            remedy: None,
            text: text.into(),
            span,
        }
        .render()
    }

    #[test]
    fn carets_stand_under_the_place() {
        insta::assert_snapshot!(drawn("[a] & [b]", "[b]"), @"
        here
            [a] & [b]
                  ^^^
        ");
        insta::assert_snapshot!(drawn("Coalesce(\n\t[名前],\n\t[b])", "[名前]"), @"
        here
             [名前],
             ^^^^^^
        ");
        let long = format!("{} = [x] {}", "[abcdefgh] & ".repeat(20), "or [abcdefgh] ".repeat(20));
        insta::assert_snapshot!(drawn(&long, "[x]"), @"
        here
            …h] & [abcdefgh] & [abcdefgh] & [abcdefgh] & [abcdefgh] &  = [x] or [abcdefgh] or [abcdefgh] or [abcdefgh] or [abcdefgh] or [abcdefgh] or [abcdefgh] or [abcdefgh…
                                                                         ^^^
        ");
    }

    #[test]
    fn keys_are_quoted_as_toml_wants_it() {
        let key = |path| Key::attribute(Resource::User, path).text;
        assert_eq!(key("title"), "people.attributes.title");
        assert_eq!(key("name.givenName"), "people.attributes.\"name.givenName\"");
        assert_eq!(
            key("emails[type eq \"work\"].value"),
            "people.attributes.'emails[type eq \"work\"].value'"
        );
    }
}
