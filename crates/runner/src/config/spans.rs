//! Where a key, or a place within a text, stands in a config file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::errors::Place;
use super::outline::{Format, Node, Spot};

/// A config text in which keys are found, so that an error can name line and column.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    path: PathBuf,
    text: String,
    format: Format,
    root: Option<Spot>,
}

/// What a key leads to.
#[derive(Default)]
struct Found<'t> {
    /// Where the last step that the file has stands.
    key: Option<Range<usize>>,
    /// What the key holds; none if the file does not have all its steps.
    value: Option<&'t Spot>,
}

impl Spans {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        let format = Format::of(path);
        let root = format.outline(text);
        Self { path: path.to_owned(), text: text.to_owned(), format, root }
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
            let inside = key.last().and_then(|text| self.raw_offset(raw, text, offset));
            span.start + inside.unwrap_or(0)
        });
        at.map_or_else(|| self.place(key), |at| self.at(Some(at)))
    }

    /// Where a byte of a text stands that is the value of a key, or stands somewhere in it; the start of the key if that
    /// cannot be told.
    pub(crate) fn place_in_value(&self, key: &[String], text: &str, offset: usize) -> Place {
        let at = self.find(key).value.and_then(|value| {
            let span = span_of(value, text)?;
            let raw = self.text.get(span.clone())?;
            Some(span.start + self.raw_offset(raw, text, offset)?)
        });
        at.map_or_else(|| self.place(key), |at| self.at(Some(at)))
    }

    fn raw_offset(&self, raw: &str, text: &str, offset: usize) -> Option<usize> {
        match self.format {
            Format::Toml => raw_offset(raw, text, offset),
            Format::Yaml | Format::Json => yaml_offset(raw, text, offset),
        }
    }

    fn at(&self, offset: Option<usize>) -> Place {
        let at = offset.map(|offset| line_column(&self.text, offset));
        Place::File { path: self.path.clone(), at }
    }

    fn find(&self, key: &[String]) -> Found<'_> {
        let mut found = Found::default();
        let Some(mut value) = self.root.as_ref() else { return found };
        for step in key {
            let next = match &value.node {
                Node::Table(entries) => {
                    let mut entries = entries.iter();
                    let entry = entries.find(|(name, ..)| name == step);
                    entry.map(|(_, span, value)| (span.clone(), value))
                }
                Node::List(items) => {
                    let item = step.parse::<usize>().ok().and_then(|at| items.get(at));
                    item.map(|item| (item.span.clone(), item))
                }
                Node::Text(_) | Node::Other => None,
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
fn span_of(spot: &Spot, text: &str) -> Option<Range<usize>> {
    match &spot.node {
        Node::Text(found) => (found == text).then(|| spot.span.clone()),
        Node::Table(entries) => entries.iter().find_map(|(_, _, value)| span_of(value, text)),
        Node::List(items) => items.iter().find_map(|value| span_of(value, text)),
        Node::Other => None,
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

/// The same for YAML and JSON: quotes, escapes, and lines that are folded or indented.
fn yaml_offset(raw: &str, text: &str, offset: usize) -> Option<usize> {
    let style = raw.chars().next()?;
    let mut at = match style {
        '"' | '\'' => 1,
        // A block begins in the line below its sign.
        '|' | '>' => raw.find('\n')? + 1,
        _ => 0,
    };
    for (read, expected) in text.char_indices() {
        let mut here = raw.get(at..)?;
        let mut next = here.chars().next()?;
        // What is indented or folded has white space that the text has not.
        while next != expected && next.is_whitespace() && !expected.is_whitespace() {
            at += next.len_utf8();
            here = raw.get(at..)?;
            next = here.chars().next()?;
        }
        if read >= offset {
            return Some(at);
        }
        at += match next {
            '\\' if style == '"' => escape_length(here)?,
            '\'' if style == '\'' && here.starts_with("''") => 2,
            next if next == expected || next.is_whitespace() && expected.is_whitespace() => {
                next.len_utf8()
            }
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

/// How long an escape is: `\n`, `\x41`, `\u00eb`, `\U0001f600`, and two of the third kind for one letter, as JSON has it.
fn escape_length(raw: &str) -> Option<usize> {
    Some(match raw.chars().nth(1)? {
        'x' => 4,
        'u' if raw.get(2..4).is_some_and(is_high_surrogate) => 12,
        'u' => 6,
        'U' => 10,
        _ => 2,
    })
}

fn is_high_surrogate(first: &str) -> bool {
    u8::from_str_radix(first, 16).is_ok_and(|first| (0xd8..=0xdb).contains(&first))
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
    fn check_in(name: &str, file: &str, expression: &str) -> String {
        let spans = Spans::new(Path::new(name), file);
        let key = ["people", "scope"].map(str::to_owned);
        let place = spans.place_in_value(&key, expression, expression.find("[x]").unwrap());
        let Place::File { at: Some((line, column)), .. } = &place else { panic!("{place}") };
        let line = file.lines().nth(line - 1).unwrap();
        format!("{place}: {}", line.chars().skip(column - 1).collect::<String>())
    }

    fn check(file: &str, expression: &str) -> String {
        check_in("p.toml", file, expression)
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

    /// JSON is YAML as well.
    #[test]
    fn a_place_in_yaml_and_in_json() {
        let one_line = "a = \"é\" and [x]";
        let check = check_in;
        let plain = "people:\n  scope: a = \"é\" and [x]\n";
        assert_eq!(check("p.yaml", plain, one_line), "p.yaml:2:22: [x]");
        let single = "people: { scope: 'a = \"é\" and [x]' }\n";
        assert_eq!(check("p.yaml", single, one_line), "p.yaml:1:31: [x]' }");
        let quoted = "people: { scope: 'it''s [x]' }";
        assert_eq!(check("p.yml", quoted, "it's [x]"), "p.yml:1:25: [x]' }");
        let double = "people:\n  scope: \"a = \\\"\\u00e9\\\" and [x]\"\n";
        assert_eq!(check("p.yaml", double, one_line), "p.yaml:2:30: [x]\"");
        let block = "people:\n  scope: |\n    a = \"é\"\n      and [x]\n  match: []\n";
        assert_eq!(check("p.yaml", block, "a = \"é\"\n  and [x]\n"), "p.yaml:4:11: [x]");
        let folded = "people:\n  scope: >-\n    a = \"é\"\n    and [x]\n";
        assert_eq!(check("p.yaml", folded, one_line), "p.yaml:4:9: [x]");
        let json = "{ \"people\": {\n\t\"scope\": \"a = \\\"\\uD83D\\uDE00\\\" and [x]\" } }";
        assert_eq!(check("p.json", json, "a = \"😀\" and [x]"), "p.json:2:37: [x]\" } }");
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
