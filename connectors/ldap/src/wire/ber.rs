//! The part of BER that LDAP uses (RFC 4511, section 5.1): definite lengths, tags of one byte. Reads by position and without
//! recursion, so that no nesting of a server's answer reaches the stack.

use std::fmt;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Bytes that are not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer is not LDAP: {}", self.0)
    }
}

impl std::error::Error for Broken {}

/// Elements one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and content.
    #[inline]
    pub(crate) fn any(&mut self) -> Result<(u8, &'a [u8]), Broken> {
        let tag = *self.0.first().ok_or(Broken("an element is missing"))?;
        let Header { head, len } =
            header(self.0)?.ok_or(Broken("an element ends before its length"))?;
        let content = self.0.get(head..head + len).ok_or(Broken("an element is cut"))?;
        self.0 = self.0.get(head + len..).unwrap_or_default();
        Ok((tag, content))
    }

    /// The content of the next element, which has this tag.
    #[inline]
    pub(crate) fn take(&mut self, tag: u8) -> Result<&'a [u8], Broken> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Broken("an element has another tag than expected")),
        }
    }

    /// The same, if the next element has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Broken> {
        if self.peek() == Some(tag) { self.take(tag).map(Some) } else { Ok(None) }
    }

    /// The next element, a whole number.
    pub(crate) fn integer(&mut self, tag: u8) -> Result<i64, Broken> {
        number(self.take(tag)?)
    }

    /// The next element as text.
    pub(crate) fn text(&mut self) -> Result<String, Broken> {
        Ok(String::from_utf8_lossy(self.take(OCTETS)?).into_owned())
    }
}

/// The size of an element's tag and length, and of its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) head: usize,
    pub(crate) len: usize,
}

/// The header at the start of the bytes; `None` if more bytes are needed to tell.
#[inline]
pub(crate) fn header(bytes: &[u8]) -> Result<Option<Header>, Broken> {
    let &[tag, first, ..] = bytes else { return Ok(None) };
    if tag & 0x1f == 0x1f {
        return Err(Broken("a tag has more than one byte"));
    }
    if first < 0x80 {
        return Ok(Some(Header { head: 2, len: usize::from(first) }));
    }
    let size = usize::from(first & 0x7f);
    if size == 0 || size > 4 {
        return Err(Broken("a length is indefinite or has more than four bytes"));
    }
    let Some(digits) = bytes.get(2..2 + size) else { return Ok(None) };
    let len = digits.iter().fold(0usize, |len, digit| len << 8 | usize::from(*digit));
    Ok(Some(Header { head: 2 + size, len }))
}

fn number(content: &[u8]) -> Result<i64, Broken> {
    if content.is_empty() || content.len() > 8 {
        return Err(Broken("a number has no or too many bytes"));
    }
    let start: i64 = if content[0] & 0x80 == 0 { 0 } else { -1 };
    Ok(content.iter().fold(start, |value, byte| value << 8 | i64::from(*byte)))
}

/// Adds an element.
pub(crate) fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let len = content.len();
    if len < 0x80 {
        out.push(u8::try_from(len).unwrap_or_default());
    } else {
        let digits = len.to_be_bytes();
        let skipped = digits.iter().take_while(|digit| **digit == 0).count();
        out.push(0x80 | u8::try_from(digits.len() - skipped).unwrap_or_default());
        out.extend_from_slice(digits.get(skipped..).unwrap_or_default());
    }
    out.extend_from_slice(content);
}

/// Adds an element whose content is written by the function.
pub(crate) fn put_with(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    write(&mut content);
    put(out, tag, &content);
}

/// Adds a whole number.
pub(crate) fn put_integer(out: &mut Vec<u8>, tag: u8, value: i64) {
    let digits = value.to_be_bytes();
    // As few bytes as keep the sign.
    let mut skipped = 0;
    while skipped < 7
        && ((digits[skipped] == 0 && digits[skipped + 1] < 0x80)
            || (digits[skipped] == 0xff && digits[skipped + 1] >= 0x80))
    {
        skipped += 1;
    }
    put(out, tag, digits.get(skipped..).unwrap_or_default());
}

/// Adds true or false.
pub(crate) fn put_boolean(out: &mut Vec<u8>, value: bool) {
    put(out, BOOLEAN, &[if value { 0xff } else { 0 }]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_in_as_few_bytes_as_they_need() {
        for value in [0, 1, 127, 128, 255, 256, -1, -128, -129, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_integer(&mut out, INTEGER, value);
            assert_eq!(Reader::new(&out).integer(INTEGER), Ok(value));
        }
        let mut out = Vec::new();
        put_integer(&mut out, INTEGER, 128);
        assert_eq!(out, [2, 2, 0, 128]);
    }

    #[test]
    fn lengths_of_every_size_are_read_back() {
        for len in [0, 1, 127, 128, 255, 256, 70_000] {
            let mut out = Vec::new();
            put(&mut out, OCTETS, &vec![7; len]);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.take(OCTETS).map(<[u8]>::len), Ok(len));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn broken_elements_are_told_apart_from_unfinished_ones() {
        let cases: [(&[u8], &str); 6] = [
            (&[], "an element is missing"),
            (&[0x30], "an element ends before its length"),
            (&[0x30, 0x82, 1], "an element ends before its length"),
            (&[0x30, 0x80], "a length is indefinite or has more than four bytes"),
            (&[0x30, 3, 1], "an element is cut"),
            (&[0x1f, 1, 1], "a tag has more than one byte"),
        ];
        for (bytes, why) in cases {
            assert_eq!(Reader::new(bytes).any(), Err(Broken(why)), "{bytes:?}");
        }
        assert!(header(&[0x30, 0x82, 1]).unwrap().is_none());
    }
}
