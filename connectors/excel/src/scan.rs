//! Splits XML into tags without keeping it: what is looked at before the spreadsheet library may read a part. It refuses what would make
//! a parser take memory without end: deep nesting, endless tokens, document types. It is no validator; the library parses.

use std::io::{self, Read};

use crate::limit::Refused;

/// The bytes of a tag, a text, a comment between two marks. A cell has at most 32,767 characters.
const LONGEST_TOKEN: usize = 1 << 20;

/// Levels of elements; a workbook uses about ten.
const DEEPEST: usize = 128;

/// One element of a part, and everything in it, at the level of cells.
const LONGEST_UNIT: u64 = 4 << 20;

/// So much is read at once.
const CHUNK: usize = 1 << 16;

/// Takes the tags of a part.
pub(crate) trait Visit {
    /// An element begins at this depth (the root is at 1); its name and attributes, without the brackets. `is_empty`: it also ends.
    fn open(&mut self, depth: usize, tag: &[u8], is_empty: bool) -> Result<(), Refused>;

    /// The element at this depth ends.
    fn close(&mut self, depth: usize);

    /// A text in the element at this depth. Long ones come in pieces, and references are not resolved.
    fn text(&mut self, _depth: usize, _text: &[u8]) {}

    /// The depth of elements that may hold no more than a cell does.
    fn unit(&self) -> usize;

    /// Passes over elements at the depth of a unit of which nothing matters, from the beginning of these bytes. Gives their length.
    fn pass_over(&mut self, _bytes: &[u8]) -> usize {
        0
    }

    /// Whatever is in the element at the depth of a unit that has just begun comes next.
    fn enter(&mut self, _tag: &[u8]) {}
}

/// What went wrong while a part was scanned.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Reading failed, or the compressed data is damaged.
    Io(io::Error),
    /// The content is not acceptable.
    Refused(Refused),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// What stands after a `<`.
enum Markup {
    Tag,
    /// Ends with these bytes: a comment, character data, an instruction.
    Until(&'static [u8]),
}

/// Sends the tags of a part to the visitor. Gives the number of tags.
pub(crate) fn xml(input: impl Read, visitor: &mut impl Visit) -> Result<u64, Fault> {
    let mut window = Window { input, buffer: vec![0; 2 * CHUNK], from: 0, to: 0, before: 0 };
    if !window.more()? {
        return Err(Refused::malformed("is empty").into());
    }
    let start = window.bytes();
    if start.starts_with(b"\xfe\xff") || start.starts_with(b"\xff\xfe") || start.get(1) == Some(&0)
    {
        return Err(Refused::malformed("is not UTF-8").into());
    }
    let mut state = State { depth: 0, tags: 0, unit_start: 0 };
    loop {
        if !window.find_markup(state.depth, visitor)? {
            break;
        }
        // The bytes begin with `<`.
        if state.depth + 1 == visitor.unit() {
            let passed = visitor.pass_over(window.bytes());
            if passed > 0 {
                window.advance(passed);
                continue;
            }
        }
        match window.markup()? {
            Markup::Until(end) => window.skip_until(end)?,
            Markup::Tag => {
                let length = window.tag_length()?;
                let at = window.before;
                let tag = window.bytes().get(1..length - 1).unwrap_or_default();
                state.tag(tag, at, visitor)?;
                if state.depth == visitor.unit() {
                    visitor.enter(tag);
                }
                window.advance(length);
            }
        }
    }
    if state.depth > 0 {
        return Err(Refused::malformed("ends inside of an element").into());
    }
    Ok(state.tags)
}

struct State {
    depth: usize,
    tags: u64,
    /// Where the last element at the depth of a unit began.
    unit_start: u64,
}

impl State {
    #[inline]
    fn tag(&mut self, tag: &[u8], at: u64, visitor: &mut impl Visit) -> Result<(), Fault> {
        self.tags += 1;
        if tag.first() == Some(&b'/') {
            if self.depth == 0 {
                return Err(Refused::malformed("ends an element that never began").into());
            }
            if self.depth == visitor.unit() && at - self.unit_start > LONGEST_UNIT {
                return Err(Refused::limit("holds a cell of more than 4 MiB").into());
            }
            visitor.close(self.depth);
            self.depth -= 1;
            return Ok(());
        }
        let is_empty = tag.last() == Some(&b'/');
        let name = if is_empty { tag.get(..tag.len() - 1).unwrap_or_default() } else { tag };
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Refused::limit(format!("nests elements deeper than {DEEPEST}")).into());
        }
        let unit = visitor.unit();
        if self.depth == unit {
            self.unit_start = at;
        } else if self.depth > unit && at - self.unit_start > LONGEST_UNIT {
            return Err(Refused::limit("holds a cell of more than 4 MiB").into());
        }
        visitor.open(self.depth, name, is_empty)?;
        if is_empty {
            visitor.close(self.depth);
            self.depth -= 1;
        }
        Ok(())
    }
}

/// A piece of the input.
struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// Bytes before the piece.
    before: u64,
}

impl<R: Read> Window<R> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.from..self.to).unwrap_or_default()
    }

    #[inline]
    fn advance(&mut self, length: usize) {
        self.from += length;
        self.before += length as u64;
    }

    /// Reads on behind the bytes that are there; `false` at the end.
    fn more(&mut self) -> Result<bool, Fault> {
        if self.from > 0 {
            self.buffer.copy_within(self.from..self.to, 0);
            self.to -= self.from;
            self.from = 0;
        }
        if self.to > LONGEST_TOKEN {
            return Err(Refused::limit("holds a text or a tag of more than 1 MiB").into());
        }
        if self.buffer.len() - self.to < CHUNK {
            self.buffer.resize(self.to + 2 * CHUNK, 0);
        }
        let space = self.buffer.get_mut(self.to..).unwrap_or_default();
        let read = self.input.read(space).map_err(Fault::Io)?;
        self.to += read;
        Ok(read > 0)
    }

    /// Goes to the next `<`; `false` if there is none. What is passed is text.
    #[inline]
    fn find_markup(&mut self, depth: usize, visitor: &mut impl Visit) -> Result<bool, Fault> {
        let mut length = 0;
        loop {
            let bytes = self.bytes();
            let found = memchr::memchr(b'<', bytes);
            let passed = found.unwrap_or(bytes.len());
            if passed > 0 {
                visitor.text(depth, bytes.get(..passed).unwrap_or_default());
            }
            length += passed;
            self.advance(passed);
            if length > LONGEST_TOKEN {
                return Err(Refused::limit("holds a text of more than 1 MiB").into());
            }
            if found.is_some() {
                return Ok(true);
            }
            if !self.more()? {
                return Ok(false);
            }
        }
    }

    /// What the `<` begins.
    #[inline]
    fn markup(&mut self) -> Result<Markup, Fault> {
        loop {
            let bytes = self.bytes();
            match bytes.get(1) {
                Some(b'?') => return Ok(Markup::Until(b"?>")),
                Some(b'!') => {}
                Some(_) => return Ok(Markup::Tag),
                None => {
                    self.need()?;
                    continue;
                }
            }
            if bytes.starts_with(b"<!--") {
                return Ok(Markup::Until(b"-->"));
            }
            if bytes.starts_with(b"<![CDATA[") {
                return Ok(Markup::Until(b"]]>"));
            }
            if bytes.len() > 9 {
                let what = "declares a document type, which a workbook never has";
                return Err(Refused::malformed(what).into());
            }
            self.need()?;
        }
    }

    /// Passes everything up to this end.
    fn skip_until(&mut self, end: &[u8]) -> Result<(), Fault> {
        let mut length = 0;
        loop {
            let bytes = self.bytes();
            if let Some(at) = memchr::memmem::find(bytes, end) {
                self.advance(at + end.len());
                return Ok(());
            }
            // The end may begin in this piece.
            let passed = bytes.len().saturating_sub(end.len() - 1);
            length += passed;
            if length > LONGEST_TOKEN {
                return Err(Refused::limit("holds a comment of more than 1 MiB").into());
            }
            self.advance(passed);
            self.need()?;
        }
    }

    /// The length of the tag that begins here, with its brackets. A `>` in quotes does not end it, unless it is an end tag.
    #[inline]
    fn tag_length(&mut self) -> Result<usize, Fault> {
        let bytes = self.bytes();
        if let Some(end) = memchr::memchr(b'>', bytes) {
            let tag = bytes.get(..end).unwrap_or_default();
            let (double, single) = tag.iter().fold((0_u32, 0_u32), |(double, single), byte| {
                (double + u32::from(*byte == b'"'), single + u32::from(*byte == b'\''))
            });
            if (double.is_multiple_of(2) && single == 0) || tag.get(1) == Some(&b'/') {
                return Ok(end + 1);
            }
        }
        self.long_tag_length()
    }

    /// The same for a tag with a `>` in quotes, or one that is not here to its end.
    #[cold]
    fn long_tag_length(&mut self) -> Result<usize, Fault> {
        let mut at = 1;
        let mut quote = None;
        loop {
            let bytes = self.bytes();
            let is_end = bytes.get(1) == Some(&b'/');
            while let Some(rest) = bytes.get(at..) {
                let next = match quote {
                    Some(quote) => memchr::memchr(quote, rest),
                    None if is_end => memchr::memchr(b'>', rest),
                    None => rest.iter().position(|byte| matches!(byte, b'>' | b'"' | b'\'')),
                };
                let Some(next) = next else {
                    at = bytes.len();
                    break;
                };
                let byte = rest.get(next).copied().unwrap_or_default();
                at += next + 1;
                match (quote, byte) {
                    (None, b'>') => return Ok(at),
                    (None, mark) => quote = Some(mark),
                    (Some(_), _) => quote = None,
                }
            }
            self.need()?;
        }
    }

    /// Reads on; it is a fault if there is nothing.
    fn need(&mut self) -> Result<(), Fault> {
        if self.more()? { Ok(()) } else { Err(Refused::malformed("ends inside of a tag").into()) }
    }
}

/// The name of a tag without its prefix: `row` of `x:row r="2"`.
#[inline]
pub(crate) fn local_name(tag: &[u8]) -> &[u8] {
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(tag.len());
    let name = tag.get(..end).unwrap_or_default();
    match name.iter().position(|byte| *byte == b':') {
        Some(colon) => name.get(colon + 1..).unwrap_or_default(),
        None => name,
    }
}

/// The raw value of an attribute, named with its prefix if it has one.
pub(crate) fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let start = tag.iter().position(u8::is_ascii_whitespace)?;
    let mut rest = tag.get(start..)?.trim_ascii_start();
    while let Some(equals) = rest.iter().position(|byte| *byte == b'=') {
        let found = rest.get(..equals)?.trim_ascii();
        let value = rest.get(equals + 1..)?.trim_ascii_start();
        let (quote, value) = value.split_first()?;
        let end = value.iter().position(|byte| byte == quote)?;
        if found == name {
            return value.get(..end);
        }
        rest = value.get(end + 1..)?.trim_ascii_start();
    }
    None
}

/// An attribute that is a number.
pub(crate) fn number(tag: &[u8], name: &[u8]) -> Option<u32> {
    std::str::from_utf8(attribute(tag, name)?).ok()?.trim().parse().ok()
}

/// Whether an attribute is there and true, as XML Schema writes it.
pub(crate) fn is_true(tag: &[u8], name: &[u8]) -> bool {
    matches!(attribute(tag, name), Some(b"1" | b"true" | b"on"))
}
