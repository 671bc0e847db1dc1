//! The parser shared by attribute paths and filters (RFC 7644 §3.4.2.2 and §3.5.2).
//! It knows grammar only; what a name means is the schema's business.

use std::fmt;

use serde_json::Value as Json;

use crate::filter::{Filter, Op};
use crate::path::{Parts, Path};
use crate::urn;

/// Longer texts are refused before they are read.
const MAX_LENGTH: usize = 64 * 1024;
/// Parentheses, `not` and brackets inside each other; keeps the recursion of parser and evaluator small.
const MAX_DEPTH: usize = 40;

/// A path or filter that does not follow the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where it went wrong: bytes from the beginning of the text, always on a character boundary.
    pub offset: usize,
    /// What was expected there; a fragment in lower case.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.offset)
    }
}

impl std::error::Error for SyntaxError {}

/// Reads a whole text as a path.
pub(crate) fn path(text: &str) -> Result<Path, SyntaxError> {
    Parser::new(text)?.whole("the path", |parser| parser.path(false))
}

/// Reads a whole text as a filter.
pub(crate) fn filter(text: &str) -> Result<Filter, SyntaxError> {
    Parser::new(text)?.whole("the filter", |parser| {
        parser.space();
        if parser.rest().is_empty() {
            return Err(parser.error("the filter is empty"));
        }
        let filter = parser.or(false)?;
        parser.space();
        Ok(filter)
    })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, SyntaxError> {
        if text.len() > MAX_LENGTH {
            let message = format!("longer than {MAX_LENGTH} bytes");
            return Err(SyntaxError { offset: 0, message });
        }
        Ok(Self { text, at: 0, depth: 0 })
    }

    fn whole<T>(
        mut self,
        what: &str,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        let value = read(&mut self)?;
        match self.rest().chars().next() {
            None => Ok(value),
            Some(found) => Err(self.error(format!("expected the end of {what}, found `{found}`"))),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        error_at(self.at, message)
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, symbol: char) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    /// The word that comes next, without taking it.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !is_path_char(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// Takes `word` if it comes next, as a word of its own.
    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn or(&mut self, inside: bool) -> Result<Filter, SyntaxError> {
        self.chain("or", Filter::Or, |parser| parser.and(inside))
    }

    fn and(&mut self, inside: bool) -> Result<Filter, SyntaxError> {
        self.chain("and", Filter::And, |parser| parser.term(inside))
    }

    fn chain(
        &mut self,
        word: &str,
        join: fn(Vec<Filter>) -> Filter,
        mut read: impl FnMut(&mut Self) -> Result<Filter, SyntaxError>,
    ) -> Result<Filter, SyntaxError> {
        let first = read(self)?;
        let mut terms = vec![first];
        loop {
            let before = self.at;
            self.space();
            if !self.eat_word(word) {
                self.at = before;
                break;
            }
            self.space();
            terms.push(read(self)?);
        }
        match terms.pop() {
            Some(only) if terms.is_empty() => Ok(only),
            Some(last) => {
                terms.push(last);
                Ok(join(terms))
            }
            None => Err(self.error("expected a filter")),
        }
    }

    fn term(&mut self, inside: bool) -> Result<Filter, SyntaxError> {
        if self.rest().starts_with('(') {
            return self.group(inside);
        }
        let before = self.at;
        if self.eat_word("not") {
            self.space();
            if self.rest().starts_with('(') {
                return Ok(Filter::Not(Box::new(self.group(inside)?)));
            }
            // An attribute may be called `not`.
            self.at = before;
        }
        self.comparison(inside)
    }

    fn group(&mut self, inside: bool) -> Result<Filter, SyntaxError> {
        let open = self.at;
        self.eat('(');
        self.space();
        let filter = self.deeper(|parser| parser.or(inside))?;
        self.space();
        if !self.eat(')') {
            return Err(error_at(open, "this `(` has no matching `)`"));
        }
        Ok(filter)
    }

    fn comparison(&mut self, inside: bool) -> Result<Filter, SyntaxError> {
        let path = self.path(inside)?;
        let after = self.at;
        self.space();
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            self.at += word.len();
            return Ok(Filter::Present(path));
        }
        if let Some(op) = Op::from_name(word) {
            self.at += word.len();
            self.space();
            let value = self.value()?;
            return Ok(Filter::Compare { path, op, value });
        }
        if path.filter().is_some() && path.sub().is_none() {
            self.at = after;
            return Ok(Filter::ValuePath(path));
        }
        let found = if word.is_empty() { String::new() } else { format!(", found `{word}`") };
        Err(self
            .error(format!("expected an operator such as eq, co, sw or pr after `{path}`{found}")))
    }

    fn value(&mut self) -> Result<Json, SyntaxError> {
        let rest = self.rest();
        let length = if rest.starts_with('"') {
            string_end(rest).ok_or_else(|| self.error("this string has no closing `\"`"))?
        } else {
            let stop = |c: char| c.is_whitespace() || matches!(c, ')' | ']' | '(' | '[');
            rest.find(stop).unwrap_or(rest.len())
        };
        let text = rest.get(..length).unwrap_or_default();
        if text.is_empty() {
            return Err(self.error("expected a value: \"text\", a number, true, false or null"));
        }
        let value: Json = serde_json::from_str(text).map_err(|_| {
            let hint = if text.starts_with('"') {
                "is not a JSON string; write a backslash as `\\\\`"
            } else {
                "is not a value; put text in double quotes"
            };
            self.error(format!("`{text}` {hint}"))
        })?;
        if value.is_object() || value.is_array() {
            return Err(
                self.error("a filter compares with text, a number, true, false or null only")
            );
        }
        self.at += length;
        Ok(value)
    }

    fn path(&mut self, inside: bool) -> Result<Path, SyntaxError> {
        let start = self.at;
        let run = self.word();
        self.at += run.len();
        if run.is_empty() {
            return Err(match self.rest().chars().next() {
                Some(found) => self.error(format!("expected an attribute name, found `{found}`")),
                None => self.error("expected an attribute name"),
            });
        }
        let name = Name::split(run, start)?;
        let open = self.at;
        let mut sub = name.sub.map(str::to_owned);
        let mut filter = None;
        if self.eat('[') {
            if inside {
                return Err(error_at(open, "a value filter cannot stand inside another one"));
            }
            if sub.is_some() {
                return Err(error_at(
                    open,
                    "a value filter stands after the attribute, before the sub-attribute",
                ));
            }
            self.space();
            filter = Some(self.deeper(|parser| parser.or(true))?);
            self.space();
            if !self.eat(']') {
                return Err(error_at(open, "this `[` has no matching `]`"));
            }
            if self.eat('.') {
                let word = self.word();
                check_name(word, self.at)?;
                self.at += word.len();
                sub = Some(word.to_owned());
            }
        }
        Ok(Path::from_parts(Parts {
            urn: name.urn,
            attribute: name.attribute.into(),
            filter,
            sub: sub.map(Into::into),
        }))
    }
}

/// `urn:…:attribute.sub`, taken apart.
struct Name<'a> {
    urn: Option<Box<str>>,
    attribute: &'a str,
    sub: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn split(run: &'a str, start: usize) -> Result<Self, SyntaxError> {
        let (urn, names) = split_urn(run, start)?;
        let offset = start + (run.len() - names.len());
        let (attribute, sub) = match names.split_once('.') {
            Some((attribute, sub)) => (attribute, Some(sub)),
            None => (names, None),
        };
        check_name(attribute, offset)?;
        if let Some(sub) = sub {
            let offset = offset + attribute.len() + 1;
            if let Some(dot) = sub.find('.') {
                return Err(error_at(offset + dot, "a path has at most one sub-attribute"));
            }
            check_name(sub, offset)?;
        }
        Ok(Self { urn, attribute, sub })
    }
}

fn split_urn(run: &str, start: usize) -> Result<(Option<Box<str>>, &str), SyntaxError> {
    if urn::strip_prefix_ignore_case(run, "urn:").is_none() {
        return match run.find(':') {
            Some(colon) => {
                Err(error_at(start + colon, "a schema before an attribute must begin with `urn:`"))
            }
            None => Ok((None, run)),
        };
    }
    let tail = run.rsplit(':').next().unwrap_or_default();
    // SCIM 1.1 joins with a dot: `urn:scim:schemas:extension:enterprise:1.0.manager`.
    let version = tail
        .split_inclusive('.')
        .take_while(|part| part.trim_end_matches('.').bytes().all(|b| b.is_ascii_digit()))
        .map(str::len)
        .sum::<usize>();
    let (head, names) = run.split_at(run.len() - tail.len() + version);
    let head = head.trim_end_matches([':', '.']);
    if names.is_empty() || is_resource_schema(head, names) {
        let message = "a schema URN alone; add an attribute: `URN:attribute`";
        return Err(error_at(start + run.len(), message));
    }
    let urn = (!urn::is_core(head)).then(|| Box::from(&*urn::canonical(head)));
    Ok((urn, names))
}

/// `urn:ietf:params:scim:schemas:…:2.0:User`, which would otherwise be read as an attribute `User`.
fn is_resource_schema(head: &str, name: &str) -> bool {
    let version = head.rsplit(':').next().unwrap_or_default();
    urn::strip_prefix_ignore_case(head, "urn:ietf:params:scim:schemas:").is_some()
        && ["user", "group"].iter().any(|resource| resource.eq_ignore_ascii_case(name))
        && !version.is_empty()
        && version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn check_name(name: &str, offset: usize) -> Result<(), SyntaxError> {
    let Some(first) = name.chars().next() else {
        return Err(error_at(offset, "expected an attribute name"));
    };
    if !(first.is_ascii_alphabetic() || matches!(first, '_' | '$')) {
        return Err(error_at(offset, format!("an attribute name cannot begin with `{first}`")));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-');
    match name.char_indices().find(|(_, c)| !allowed(*c)) {
        Some((at, bad)) => {
            Err(error_at(offset + at, format!("an attribute name cannot contain `{bad}`")))
        }
        None => Ok(()),
    }
}

fn is_path_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, ':' | '.' | '_' | '$' | '-' | '/' | '%' | '~' | '+' | '@')
}

/// Length of the JSON string at the beginning of `text`, with both quotes.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn error_at(offset: usize, message: impl Into<String>) -> SyntaxError {
    SyntaxError { offset, message: message.into() }
}
