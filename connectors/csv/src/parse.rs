//! Splits bytes into rows of fields as RFC 4180 says, and always knows the line. Nothing of headers, keys or encodings.
//!
//! A parser of its own rather than a crate's, for four reasons: the end of the input inside a quote and text after a closing quote
//! are told, not healed in silence; lines are counted as editors do; a row has a limit; fields are slices of the read buffer.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memchr2_iter, memchr3};

/// The characters that give a file its form; all are ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) comment: Option<u8>,
}

/// Reads rows. Blank lines and comments are skipped.
#[derive(Debug)]
pub(crate) struct Parser<R> {
    input: R,
    dialect: Dialect,
    buffer: Vec<u8>,
    /// How much of the buffer is filled.
    filled: usize,
    /// Where the next row begins.
    at: usize,
    /// Whether the input has nothing more.
    ended: bool,
    /// The line at which the next row begins.
    line: u64,
    line_end: LineEnd,
    /// Whether `at` is inside of a comment.
    in_comment: bool,
    // What the last block holds.
    rows: Vec<RowSpan>,
    fields: Vec<Field>,
    /// Fields in which two quotes became one.
    unescaped: Vec<u8>,
}

/// Some rows, valid until the next ones are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    buffer: &'a [u8],
    rows: &'a [RowSpan],
    fields: &'a [Field],
    unescaped: &'a [u8],
}

/// Where a row of a block is.
#[derive(Debug)]
struct RowSpan {
    line: u64,
    raw: Range<usize>,
    fields: Range<usize>,
    is_terminated: bool,
    stray: Option<usize>,
}

/// A row of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    /// The line on which it begins, counted from 1.
    pub(crate) line: u64,
    /// Its bytes without the line end.
    pub(crate) raw: &'a [u8],
    /// Fields refer to `raw` or to this.
    pub(crate) unescaped: &'a [u8],
    pub(crate) fields: &'a [Field],
    /// Whether a line end follows; not so at the end of some files.
    pub(crate) is_terminated: bool,
    /// The field, counted from 0, in which text follows the closing quote. The fields end before it.
    pub(crate) stray: Option<usize>,
}

/// Where a field is. Small, since a hostile row has a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    start: u32,
    end: u32,
    /// In the unescaped bytes of its row, not in the raw ones.
    pub(crate) is_unescaped: bool,
}

impl Field {
    fn new(span: &Range<usize>, is_unescaped: bool) -> Self {
        let narrow = |at| u32::try_from(at).expect("a row is shorter than the read buffer");
        Self { start: narrow(span.start), end: narrow(span.end), is_unescaped }
    }

    /// Its bytes.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Why a file cannot be split any further.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The input failed.
    Io(io::Error),
    /// The input ends inside a quoted field of the row that begins at this line.
    OpenQuote { line: u64, column: usize },
    /// Text follows a closing quote, lines after the row has begun at this one: an earlier quote swallowed rows.
    StrayQuote { line: u64, column: usize },
    /// The row that begins at this line is longer than [`ROW_LIMIT`].
    TooLong { line: u64 },
}

/// More than any row of people has; a quote that is never closed reaches it.
pub(crate) const ROW_LIMIT: usize = 1 << 20;

const BUFFER: usize = 1 << 18;

/// Readers are asked for at least so much, which suits decoders.
const LEAST_READ: usize = 1 << 12;

/// How lines end. Found by the first line, so that a CR inside of a field stays data in files that do not use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Unknown,
    /// LF, with or without a CR before it.
    Lf,
    /// CR alone, as old Macs did; LF ends a line there as well.
    Cr,
}

/// What one attempt to split the buffered bytes gave.
enum Scan {
    /// The row ends here, after so many lines, and the next begins there.
    Row {
        end: usize,
        next: usize,
        lines: u64,
        is_terminated: bool,
        stray: Option<usize>,
    },
    /// There is no further row.
    End,
    /// The row does not end within the buffer.
    More,
    OpenQuote {
        column: usize,
    },
    StrayQuote {
        column: usize,
    },
}

/// What stands after a field.
enum After {
    Delimiter,
    /// A line end of so many bytes; none at the end of the input.
    Line(usize),
    More,
    Text,
}

impl<R: Read> Parser<R> {
    /// A parser whose input begins at this line.
    pub(crate) fn new(input: R, dialect: Dialect, line: u64) -> Self {
        Self {
            input,
            dialect,
            buffer: Vec::new(),
            filled: 0,
            at: 0,
            ended: false,
            line,
            line_end: LineEnd::Unknown,
            in_comment: false,
            rows: Vec::new(),
            fields: Vec::new(),
            unescaped: Vec::new(),
        }
    }

    /// The line at which the next row begins, at the earliest.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The next rows, at least one and at most so many; none at the end. A fault comes after the rows before it.
    pub(crate) fn next_block(&mut self, most: usize) -> Result<Option<Block<'_>>, Fault> {
        self.rows.clear();
        self.fields.clear();
        self.unescaped.clear();
        while self.rows.len() < most {
            let (fields, unescaped) = (self.fields.len(), self.unescaped.len());
            let scan = if self.skip_blank() { self.scan(fields) } else { self.at_the_end() };
            if let Scan::Row { end, next, lines, is_terminated, stray } = scan {
                let raw = std::mem::replace(&mut self.at, next)..end;
                let line = self.line;
                self.line += lines;
                let fields = fields..self.fields.len();
                self.rows.push(RowSpan { line, raw, fields, is_terminated, stray });
                continue;
            }
            self.fields.truncate(fields);
            self.unescaped.truncate(unescaped);
            if !self.rows.is_empty() {
                // More bytes would move those of the rows; a fault is found again.
                break;
            }
            let line = self.line;
            match scan {
                Scan::Row { .. } | Scan::More => self.refill()?,
                Scan::End => return Ok(None),
                Scan::OpenQuote { column } => return Err(Fault::OpenQuote { line, column }),
                Scan::StrayQuote { column } => return Err(Fault::StrayQuote { line, column }),
            }
        }
        let Self { buffer, rows, fields, unescaped, .. } = self;
        Ok(Some(Block { buffer, rows, fields, unescaped }))
    }

    /// Goes to the first byte of the next row; `false` if that is not in the buffer.
    fn skip_blank(&mut self) -> bool {
        loop {
            if self.in_comment && !self.skip_comment() {
                return false;
            }
            let Some(&byte) = self.byte(self.at) else { return false };
            if Some(byte) == self.dialect.comment {
                self.in_comment = true;
                continue;
            }
            match self.after(self.at) {
                After::Line(length) if length > 0 => {
                    self.at += length;
                    self.line += 1;
                }
                After::More => return false,
                _ => return true,
            }
        }
    }

    /// Skips the rest of a line of any length; `false` if its end is not in the buffer.
    fn skip_comment(&mut self) -> bool {
        let rest = self.buffer.get(self.at..self.filled).unwrap_or_default();
        let end = match self.line_end {
            LineEnd::Lf => memchr(b'\n', rest),
            LineEnd::Unknown | LineEnd::Cr => memchr2(b'\r', b'\n', rest),
        };
        self.at = end.map_or(self.filled, |end| self.at + end);
        self.in_comment = end.is_none();
        !self.in_comment
    }

    fn at_the_end(&self) -> Scan {
        if self.ended { Scan::End } else { Scan::More }
    }

    /// Splits the row that begins at `at`, if all of it is there. Its fields come after those that were there before.
    fn scan(&mut self, before: usize) -> Scan {
        let mut lines = 0;
        let mut position = self.at;
        loop {
            let quoted = self.dialect.quote.filter(|quote| self.byte(position) == Some(quote));
            let end = match quoted {
                None => self.unquoted(position),
                Some(quote) => self.quoted(position + 1, quote, &mut lines),
            };
            let Some(end) = end else {
                if !self.ended {
                    return Scan::More;
                }
                return Scan::OpenQuote { column: self.fields.len() - before };
            };
            match self.after(end) {
                After::Delimiter => position = end + 1,
                After::Line(length) => {
                    let (next, is_terminated) = (end + length, length > 0);
                    lines += u64::from(is_terminated);
                    return Scan::Row { end, next, lines, is_terminated, stray: None };
                }
                After::More => return Scan::More,
                After::Text => return self.stray(end, lines, before),
            }
        }
    }

    /// Adds the field that begins here; gives its end. `None`: it does not end within the buffer.
    fn unquoted(&mut self, start: usize) -> Option<usize> {
        let rest = self.buffer.get(start..self.filled).unwrap_or_default();
        let delimiter = self.dialect.delimiter;
        let found = match self.line_end {
            LineEnd::Lf => find(delimiter, b'\n', rest),
            LineEnd::Unknown | LineEnd::Cr => memchr3(delimiter, b'\r', b'\n', rest),
        };
        let length = match found {
            // The CR of a CR LF is part of the line end; so is one that is the last byte of all.
            Some(length) => length - usize::from(ends_with_cr(rest, length)),
            None if self.ended => rest.len() - usize::from(rest.ends_with(b"\r")),
            None => return None,
        };
        let end = start + length;
        self.push(start..end);
        Some(end)
    }

    /// Adds the field whose quote was opened before `start`; gives the position after the closing quote.
    fn quoted(&mut self, start: usize, quote: u8, lines: &mut u64) -> Option<usize> {
        let unescaped = self.unescaped.len();
        let mut from = start;
        let close = loop {
            let rest = self.buffer.get(from..self.filled).unwrap_or_default();
            let close = from + memchr(quote, rest)?;
            match self.byte(close + 1) {
                Some(next) if *next == quote => {
                    self.unescaped.extend_from_slice(&self.buffer[from..=close]);
                    from = close + 2;
                }
                None if !self.ended => return None,
                _ => break close,
            }
        };
        *lines += self.count_lines(&self.buffer[start..close]);
        if self.unescaped.len() > unescaped {
            self.unescaped.extend_from_slice(&self.buffer[from..close]);
            self.fields.push(Field::new(&(unescaped..self.unescaped.len()), true));
        } else {
            self.push(start..close);
        }
        Some(close + 1)
    }

    /// Adds a field of the buffer, as seen from the row.
    fn push(&mut self, span: Range<usize>) {
        self.fields.push(Field::new(&(span.start - self.at..span.end - self.at), false));
    }

    /// What stands at the end of a field.
    fn after(&self, position: usize) -> After {
        match (self.byte(position), self.line_end) {
            (None, _) if self.ended => After::Line(0),
            (None, _) => After::More,
            (Some(byte), _) if *byte == self.dialect.delimiter => After::Delimiter,
            (Some(b'\n'), _) => After::Line(1),
            (Some(b'\r'), LineEnd::Cr) => After::Line(1),
            (Some(b'\r'), line_end) => match self.byte(position + 1) {
                Some(b'\n') => After::Line(2),
                None if self.ended => After::Line(1),
                None => After::More,
                Some(_) if line_end == LineEnd::Unknown => After::Line(1),
                Some(_) => After::Text,
            },
            (Some(_), _) => After::Text,
        }
    }

    /// Text follows a closing quote. Where the row has not left its first line, only this line is lost; otherwise an earlier quote
    /// may have swallowed rows, and nobody knows which.
    fn stray(&mut self, position: usize, lines: u64, before: usize) -> Scan {
        let column = self.fields.len() - before - 1;
        if lines > 0 {
            return Scan::StrayQuote { column };
        }
        self.fields.pop();
        let rest = self.buffer.get(position..self.filled).unwrap_or_default();
        let found = match self.line_end {
            LineEnd::Lf => memchr(b'\n', rest),
            LineEnd::Unknown | LineEnd::Cr => memchr2(b'\r', b'\n', rest),
        };
        let end = match found {
            Some(length) => position + length - usize::from(ends_with_cr(rest, length)),
            None if self.ended => self.filled,
            None => return Scan::More,
        };
        let After::Line(length) = self.after(end) else { return Scan::More };
        let is_terminated = length > 0;
        let lines = u64::from(is_terminated);
        Scan::Row { end, next: end + length, lines, is_terminated, stray: Some(column) }
    }

    fn byte(&self, position: usize) -> Option<&u8> {
        self.buffer.get(..self.filled)?.get(position)
    }

    fn count_lines(&self, bytes: &[u8]) -> u64 {
        match self.line_end {
            LineEnd::Cr => memchr2_iter(b'\r', b'\n', bytes).count() as u64,
            LineEnd::Lf | LineEnd::Unknown => memchr_iter(b'\n', bytes).count() as u64,
        }
    }

    /// Reads more behind the row that has begun.
    fn refill(&mut self) -> Result<(), Fault> {
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        if self.buffer.len() - self.filled < LEAST_READ {
            if self.filled > ROW_LIMIT {
                return Err(Fault::TooLong { line: self.line });
            }
            self.buffer.resize((self.buffer.len() * 2).max(BUFFER), 0);
        }
        while !self.ended && self.buffer.len() - self.filled >= LEAST_READ {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(length) => self.filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Io(error)),
            }
        }
        Ok(())
    }

    /// Decides how lines end, once the first row was read: its line end is what stands before `at`.
    pub(crate) fn settle_line_end(&mut self) {
        let before = self.buffer.get(..self.at).unwrap_or_default();
        self.line_end = if before.ends_with(b"\r") { LineEnd::Cr } else { LineEnd::Lf };
    }
}

impl<'a> Block<'a> {
    /// The rows in order.
    pub(crate) fn rows(self) -> impl Iterator<Item = Row<'a>> {
        self.rows.iter().map(move |row| Row {
            line: row.line,
            raw: &self.buffer[row.raw.clone()],
            unescaped: self.unescaped,
            fields: &self.fields[row.fields.clone()],
            is_terminated: row.is_terminated,
            stray: row.stray,
        })
    }
}

/// Like `memchr2`, but made for what is near: most fields are shorter than a call of it takes.
fn find(one: u8, two: u8, bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 4;
    let ones = u64::from_ne_bytes([0x01; 8]);
    // Marks the zero bytes of a word: exactly the first of them, which is the one that is asked for.
    let zeros = |word: u64| word.wrapping_sub(ones) & !word & (ones << 7);
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().take(NEAR).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ones * u64::from(one))) | zeros(word ^ (ones * u64::from(two)));
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let far = words.len().min(NEAR) * 8;
    bytes.get(far..).and_then(|rest| Some(far + memchr2(one, two, rest)?))
}

/// Whether the line feed at this position has a CR before it.
fn ends_with_cr(bytes: &[u8], position: usize) -> bool {
    bytes.get(position) == Some(&b'\n')
        && bytes.get(..position).is_some_and(|before| before.ends_with(b"\r"))
}

#[cfg(test)]
mod tests;
