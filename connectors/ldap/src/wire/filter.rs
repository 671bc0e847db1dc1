//! Search filters: from the text of RFC 4515 to the bytes of RFC 4511, and filters that are put together here.
//!
//! A filter is kept as its bytes. A value that comes from data never passes through the text form, so there is nothing to escape.

use std::fmt;

use super::ber::{put, put_with};

/// A filter, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    bytes: Vec<u8>,
    /// The attributes that it looks at, as far as it was parsed from text.
    attributes: Vec<String>,
}

/// What is wrong with the text of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterError {
    /// Where, in bytes from the start.
    pub(crate) at: usize,
    message: String,
}

/// Deeper than anybody writes by hand; the stack holds it easily.
const DEEPEST: usize = 100;

const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUAL: u8 = 0xa3;
const SUBSTRINGS: u8 = 0xa4;
const GREATER_OR_EQUAL: u8 = 0xa5;
const LESS_OR_EQUAL: u8 = 0xa6;
const PRESENT: u8 = 0x87;
const APPROXIMATE: u8 = 0xa8;
const EXTENSIBLE: u8 = 0xa9;

impl Filter {
    /// The filter in this text. The outermost parentheses may be missing.
    ///
    /// # Errors
    /// The text is no filter; the error says where.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        let trimmed = text.trim();
        let start = text.len() - text.trim_start().len();
        let mut parser = Parser { text: trimmed.as_bytes(), at: 0, attributes: Vec::new() };
        let mut out = Vec::new();
        let parsed = if trimmed.starts_with('(') {
            parser.filter(&mut out, 0)
        } else {
            parser.component(&mut out, 0)
        };
        let parsed = parsed.and_then(|()| {
            if parser.at == parser.text.len() {
                Ok(())
            } else {
                Err(parser.error("something follows the end of the filter"))
            }
        });
        match parsed {
            Ok(()) => Ok(Self { bytes: out, attributes: parser.attributes }),
            Err(error) => Err(FilterError { at: error.at + start, ..error }),
        }
    }

    /// Entries that have any value of the attribute.
    pub(crate) fn present(attribute: &str) -> Self {
        let mut out = Vec::new();
        put(&mut out, PRESENT, attribute.as_bytes());
        Self { bytes: out, attributes: Vec::new() }
    }

    /// Entries with this value of the attribute.
    pub(crate) fn equal(attribute: &str, value: &[u8]) -> Self {
        let mut out = Vec::new();
        put_assertion(&mut out, EQUAL, attribute.as_bytes(), value);
        Self { bytes: out, attributes: Vec::new() }
    }

    /// Entries with this value or a greater one.
    pub(crate) fn at_least(attribute: &str, value: &str) -> Self {
        let mut out = Vec::new();
        put_assertion(&mut out, GREATER_OR_EQUAL, attribute.as_bytes(), value.as_bytes());
        Self { bytes: out, attributes: Vec::new() }
    }

    /// Entries that all of these hold for.
    pub(crate) fn all<'a>(filters: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::of(AND, filters)
    }

    /// Entries that one of these holds for.
    pub(crate) fn any<'a>(filters: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::of(OR, filters)
    }

    fn of<'a>(tag: u8, filters: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut out = Vec::new();
        put_with(&mut out, tag, |out| {
            filters.into_iter().for_each(|filter| out.extend_from_slice(&filter.bytes));
        });
        Self { bytes: out, attributes: Vec::new() }
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The attributes that its text names.
    pub(crate) fn attributes(&self) -> &[String] {
        &self.attributes
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({} bytes)", self.bytes.len())
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.message, self.at + 1)
    }
}

impl std::error::Error for FilterError {}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    attributes: Vec<String>,
}

impl Parser<'_> {
    fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError { at: self.at, message: message.into() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn filter(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), FilterError> {
        if depth > DEEPEST {
            return Err(self.error("parentheses are nested too deeply"));
        }
        if self.peek() != Some(b'(') {
            return Err(self.error("expected `(`"));
        }
        self.at += 1;
        self.blanks();
        self.component(out, depth)?;
        self.blanks();
        if self.peek() != Some(b')') {
            return Err(self.error("expected `)`"));
        }
        self.at += 1;
        Ok(())
    }

    fn component(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), FilterError> {
        let tag = match self.peek() {
            Some(b'&') => AND,
            Some(b'|') => OR,
            Some(b'!') => NOT,
            _ => return self.item(out),
        };
        self.at += 1;
        let mut content = Vec::new();
        self.blanks();
        if tag == NOT {
            self.filter(&mut content, depth + 1)?;
        } else {
            // None is allowed: `(&)` is always true, `(|)` never (RFC 4526).
            while self.peek() == Some(b'(') {
                self.filter(&mut content, depth + 1)?;
                self.blanks();
            }
        }
        put(out, tag, &content);
        Ok(())
    }

    fn item(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let start = self.at;
        let is_name =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b'_');
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        let attribute = self.text.get(start..self.at).unwrap_or_default();
        self.attributes.push(String::from_utf8_lossy(attribute).into_owned());
        self.blanks();
        let operator = match (self.peek(), self.text.get(self.at + 1)) {
            (Some(b':'), _) => return self.extensible(out, attribute),
            _ if attribute.is_empty() => {
                return Err(self.error("expected the name of an attribute"));
            }
            (Some(b'='), _) => {
                self.at += 1;
                return self.equality(out, attribute);
            }
            (Some(b'>'), Some(b'=')) => GREATER_OR_EQUAL,
            (Some(b'<'), Some(b'=')) => LESS_OR_EQUAL,
            (Some(b'~'), Some(b'=')) => APPROXIMATE,
            _ => return Err(self.error("expected `=`, `>=`, `<=`, `~=` or `:=`")),
        };
        self.at += 2;
        let value = self.value()?;
        put_assertion(out, operator, attribute, &value);
        Ok(())
    }

    /// Behind `=`: a value, `*`, or parts of a value between `*`.
    fn equality(&mut self, out: &mut Vec<u8>, attribute: &[u8]) -> Result<(), FilterError> {
        let mut parts = vec![self.value()?];
        while self.peek() == Some(b'*') {
            self.at += 1;
            parts.push(self.value()?);
        }
        let last = parts.len() - 1;
        if last == 0 {
            put_assertion(out, EQUAL, attribute, &parts[0]);
        } else if parts.iter().all(Vec::is_empty) {
            put(out, PRESENT, attribute);
        } else {
            put_with(out, SUBSTRINGS, |out| {
                put(out, super::ber::OCTETS, attribute);
                put_with(out, super::ber::SEQUENCE, |out| {
                    for (index, part) in
                        parts.iter().enumerate().filter(|(_, part)| !part.is_empty())
                    {
                        let tag = if index == 0 {
                            0x80
                        } else if index == last {
                            0x82
                        } else {
                            0x81
                        };
                        put(out, tag, part);
                    }
                });
            });
        }
        Ok(())
    }

    /// `attribute:dn:rule:=value`, of which attribute, `:dn` and the rule may be missing, but not all.
    fn extensible(&mut self, out: &mut Vec<u8>, attribute: &[u8]) -> Result<(), FilterError> {
        let mut rule: &[u8] = &[];
        let mut with_dn = false;
        loop {
            // At a colon.
            self.at += 1;
            if self.peek() == Some(b'=') {
                self.at += 1;
                break;
            }
            let start = self.at;
            while self
                .peek()
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            {
                self.at += 1;
            }
            let word = self.text.get(start..self.at).unwrap_or_default();
            if word.eq_ignore_ascii_case(b"dn") && !with_dn && rule.is_empty() {
                with_dn = true;
            } else if !word.is_empty() && rule.is_empty() {
                rule = word;
            } else {
                return Err(self.error("expected a matching rule"));
            }
            if self.peek() != Some(b':') {
                return Err(self.error("expected `:=`"));
            }
        }
        if attribute.is_empty() && rule.is_empty() {
            return Err(self.error("an attribute or a matching rule is missing before `:=`"));
        }
        let value = self.value()?;
        put_with(out, EXTENSIBLE, |out| {
            if !rule.is_empty() {
                put(out, 0x81, rule);
            }
            if !attribute.is_empty() {
                put(out, 0x82, attribute);
            }
            put(out, 0x83, &value);
            if with_dn {
                put(out, 0x84, &[0xff]);
            }
        });
        Ok(())
    }

    /// A value up to `*`, `)` or the end, its escapes undone.
    fn value(&mut self) -> Result<Vec<u8>, FilterError> {
        let mut value = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'*' | b')' => break,
                b'(' => return Err(self.error("`(` in a value is written `\\28`")),
                0 => return Err(self.error("a zero byte in a value is written `\\00`")),
                b'\\' => {
                    let digits = self.text.get(self.at + 1..self.at + 3).unwrap_or_default();
                    let escaped = std::str::from_utf8(digits)
                        .ok()
                        .filter(|digits| digits.len() == 2 && !digits.starts_with('+'))
                        .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    value.push(
                        escaped.ok_or_else(|| {
                            self.error("expected two hexadecimal digits after `\\`")
                        })?,
                    );
                    self.at += 3;
                }
                other => {
                    value.push(other);
                    self.at += 1;
                }
            }
        }
        Ok(value)
    }
}

fn put_assertion(out: &mut Vec<u8>, tag: u8, attribute: &[u8], value: &[u8]) {
    put_with(out, tag, |out| {
        put(out, super::ber::OCTETS, attribute);
        put(out, super::ber::OCTETS, value);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes as hexadecimal digits, with what is printable as it is; or the error.
    fn check(text: &str) -> String {
        match Filter::parse(text) {
            Err(error) => format!("error: {error}"),
            Ok(filter) => {
                let bytes = filter.as_bytes();
                bytes
                    .iter()
                    .map(|&byte| match byte {
                        b' '..=b'~' => char::from(byte).to_string(),
                        other => format!("<{other:02x}>"),
                    })
                    .collect()
            }
        }
    }

    #[test]
    fn filters_become_the_bytes_of_the_protocol() {
        let texts = [
            "(uid=zoe)",
            "uid=zoe",
            " ( & (objectClass=person) (!(uid=a)) (|(a=1)(b=2)) ) ",
            "(&)",
            "(cn=*)",
            "(cn=Z*o*e)",
            "(cn=*o*)",
            "(cn=a*)",
            "(cn=\\28x\\29\\2a\\5c\\00)",
            "(cn=Zoë)",
            "(a>=1)",
            "(a<=1)",
            "(a~=1)",
            "(cn;lang-de=x)",
            "(memberOf:1.2.840.113556.1.4.1941:=cn=g,dc=x)",
            "(cn:dn:caseExactMatch:=x)",
            "(:dn:2.4.6.8.10:=x)",
            "(cn:=x)",
            "(cn=)",
        ];
        let shown: Vec<String> =
            texts.iter().map(|text| format!("{text}\n  {}", check(text))).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn texts_that_are_no_filter_say_where() {
        let deep = "(!".repeat(200);
        let texts = [
            "",
            "(",
            "()",
            "(uid=zoe",
            "(uid=zoe))",
            "(uid)",
            "(=x)",
            "(uid=a(b)",
            "(uid=\\g0)",
            "(uid=\\2)",
            "(uid>1)",
            "(&(uid=a)x)",
            "(!(a=1)(b=2))",
            "(:=x)",
            "(cn:a:b:=x)",
            "(cn:x)",
            "(uid=\\+1)",
            &deep,
        ];
        let shown: Vec<String> =
            texts.iter().map(|text| format!("{:.20}\n  {}", text, check(text))).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
