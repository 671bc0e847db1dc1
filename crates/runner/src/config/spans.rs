//! Where a key, or a place within a text, stands in a TOML file. Other formats name the key only.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors::Place;

/// A TOML text in which keys are found, so that an error can name line and column.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    path: PathBuf,
    text: String,
}

/// What a key leads to.
#[derive(Default)]
struct Found<'t> {
    /// Where the last step that the file has stands.
    key: Option<Range<usize>>,
    /// What the key holds; none if the file does not have all its steps.
    value: Option<Spanned<DeValue<'t>>>,
}

impl Spans {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether the file sets this very key.
    pub(crate) fn sets(&self, key: &[String]) -> bool {
        self.find(key).value.is_some()
    }

    /// Where the file sets this key, or the nearest table that holds it.
    pub(crate) fn place(&self, key: &[String]) -> Place {
        self.at(self.find(key).key.map(|key| key.start))
    }

    /// Where a byte of the last step of a key stands; the start of the key if that cannot be told.
    pub(crate) fn place_in_key(&self, key: &[String], offset: usize) -> Place {
        let found = self.find(key);
        let at = found.value.and(found.key).map(|span| {
            let raw = self.text.get(span.clone()).unwrap_or_default();
            let inside = key.last().and_then(|text| raw_offset(raw, text, offset));
            span.start + inside.unwrap_or(0)
        });
        at.map_or_else(|| self.place(key), |at| self.at(Some(at)))
    }

    /// Where a byte of a text stands that is the value of a key, or stands somewhere in it; the start of the key if that
    /// cannot be told.
    pub(crate) fn place_in_value(&self, key: &[String], text: &str, offset: usize) -> Place {
        let at = self.find(key).value.and_then(|value| {
            let span = span_of(&value, text)?;
            let raw = self.text.get(span.clone())?;
            Some(span.start + raw_offset(raw, text, offset)?)
        });
        at.map_or_else(|| self.place(key), |at| self.at(Some(at)))
    }

    fn at(&self, offset: Option<usize>) -> Place {
        let at = offset.map(|offset| line_column(&self.text, offset));
        Place::File { path: self.path.clone(), at }
    }

    fn find(&self, key: &[String]) -> Found<'_> {
        let Ok(table) = DeTable::parse(&self.text) else { return Found::default() };
        let mut found = Found::default();
        let mut value = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        for step in key {
            let next = match value.into_inner() {
                DeValue::Table(table) => {
                    let mut entries = table.into_iter();
                    let entry = entries.find(|(name, _)| name.get_ref().as_ref() == step.as_str());
                    entry.map(|(name, value)| (name.span(), value))
                }
                DeValue::Array(array) => {
                    let item = step.parse().ok().and_then(|at| array.into_iter().nth(at));
                    item.map(|item| (item.span(), item))
                }
                _ => None,
            };
            let Some((span, next)) = next else { return found };
            found.key = Some(span);
            value = next;
        }
        found.value = Some(value);
        found
    }
}

/// Where this text stands in a value: the value itself, or an entry of its tables and lists.
fn span_of(value: &Spanned<DeValue<'_>>, text: &str) -> Option<Range<usize>> {
    match value.get_ref() {
        DeValue::String(found) => (found.as_ref() == text).then(|| value.span()),
        DeValue::Table(table) => table.iter().find_map(|(_, value)| span_of(value, text)),
        DeValue::Array(array) => array.iter().find_map(|value| span_of(value, text)),
        _ => None,
    }
}

/// Where a byte of a text is in the raw form that stands in the file, with quotes and escapes; none if the raw form does
/// not read as the text.
fn raw_offset(raw: &str, text: &str, offset: usize) -> Option<usize> {
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter();
    let quote = quotes.clone().find(|quote| raw.starts_with(quote)).unwrap_or_default();
    let escapes = quote.starts_with('"');
    let mut at = quote.len();
    if quote.len() == 3 {
        // A line end right behind the opening quotes is not part of the text.
        let first = raw.get(at..)?;
        let end = ["\r\n", "\n"].into_iter().find(|end| first.starts_with(end));
        at += end.map_or(0, str::len);
    }
    for (read, expected) in text.char_indices() {
        if escapes {
            at += joined_lines(raw.get(at..)?);
        }
        if read >= offset {
            return Some(at);
        }
        let here = raw.get(at..)?;
        at += match here.chars().next()? {
            '\\' if escapes => escape_length(here)?,
            next if next == expected => next.len_utf8(),
            _ => return None,
        };
    }
    Some(at)
}

/// How long the backslash at the end of a line is, with all the white space that it takes out.
fn joined_lines(raw: &str) -> usize {
    let Some(after) = raw.strip_prefix('\\') else { return 0 };
    if !after.trim_start_matches([' ', '\t']).starts_with(['\n', '\r']) {
        return 0;
    }
    raw.len() - after.trim_start_matches([' ', '\t', '\r', '\n']).len()
}

/// How long an escape is: `\n`, `\x41`, `\u00eb`, `\U0001f600`.
fn escape_length(raw: &str) -> Option<usize> {
    Some(match raw.chars().nth(1)? {
        'x' => 4,
        'u' => 6,
        'U' => 10,
        _ => 2,
    })
}

/// Line and column of a byte offset, both counted from 1, columns in characters.
pub(super) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `[x]` of the expression stands in the file, with the rest of its line.
    fn check(file: &str, expression: &str) -> String {
        let spans = Spans::new(Path::new("p.toml"), file);
        let key = ["people", "scope"].map(str::to_owned);
        let place = spans.place_in_value(&key, expression, expression.find("[x]").unwrap());
        let Place::File { at: Some((line, column)), .. } = &place else { panic!("{place}") };
        let line = file.lines().nth(line - 1).unwrap();
        format!("{place}: {}", line.chars().skip(column - 1).collect::<String>())
    }

    #[test]
    fn a_place_in_an_expression_is_a_place_in_the_file() {
        let one_line = "a = \"é\" and [x]";
        let literal = "[people]\nscope = 'a = \"é\" and [x]'";
        assert_eq!(check(literal, one_line), "p.toml:2:22: [x]'");
        let escaped = r#"people.scope = "a = \"\u00e9\" and [x]""#;
        assert_eq!(check(escaped, one_line), r#"p.toml:1:36: [x]""#);
        let table = "people.scope = { value = 'a = \"é\" and [x]' }";
        assert_eq!(check(table, one_line), "p.toml:1:39: [x]' }");
        let joined = "people.scope = \"\"\"\na = \\\"é\\\" \\\n   and [x]\"\"\"";
        assert_eq!(check(joined, one_line), "p.toml:3:8: [x]\"\"\"");
        let lines = "people.scope = '''\na = \"é\"\n  and [x]'''";
        assert_eq!(check(lines, "a = \"é\"\n  and [x]"), "p.toml:3:7: [x]'''");
        let windows = "people.scope = '''\r\na\r\n = [x]'''";
        assert_eq!(check(windows, "a\r\n = [x]"), "p.toml:3:4: [x]'''");
    }

    #[test]
    fn what_does_not_read_as_the_expression_is_pointed_at_as_a_whole() {
        let key = |steps: [&str; 2]| steps.map(str::to_owned);
        let spans = Spans::new(Path::new("p.toml"), "[people]\nscope = 'a'\n'emails[x' = 'a'");
        let place = spans.place_in_value(&key(["people", "scope"]), "other", 3);
        assert_eq!(place.to_string(), "p.toml:2:1");
        assert_eq!(spans.place_in_key(&key(["people", "emails[x"]), 6).to_string(), "p.toml:3:8");
        assert_eq!(spans.place_in_key(&key(["people", "title"]), 6).to_string(), "p.toml:1:2");
    }
}
