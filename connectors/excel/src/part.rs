//! Looks at the parts of a workbook: what the library may read without danger, and what it does not tell of a sheet.

use std::io::Read;

use crate::facts::{self, Facts, Flaw, MAX_ROWS};
use crate::limit::{Limits, Refused};
use crate::ods::OdsPart;
use crate::plain;
use crate::scan::{self, Fault, Visit, attribute, is_true, local_name, number};
use crate::xlsb;

/// What the library keeps of an element beside its bytes: the most that was measured is a text of nothing.
const BYTES_PER_TAG: u64 = 48;

/// The most that any other part than sheets and texts may hold.
const OTHER_PART: u64 = 32 << 20;

/// What was found in a part.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of the part, which is one sheet or, in ods, all of them.
    pub(crate) sheets: Vec<Facts>,
}

/// Looks at a part of this name and size.
pub(crate) fn inspect(
    input: impl Read,
    name: &str,
    size: u64,
    limits: &Limits,
    styles: &mut xlsb::Styles,
) -> Result<Found, Fault> {
    if name.to_ascii_lowercase().ends_with(".bin") {
        return xlsb::inspect(input, size, limits, styles);
    }
    let mut visitor =
        Any { limits, size, kind: Kind::Unknown, longest: 0, facts: Facts::default() };
    let tags = scan::xml(input, &mut visitor)?;
    let Any { kind, longest, mut facts, .. } = visitor;
    match kind {
        Kind::Sheet(_) => {
            facts.sort();
            Ok(Found { sheets: vec![facts] })
        }
        Kind::Ods(part) => part.finish(limits),
        Kind::Texts => {
            memory(size + tags * BYTES_PER_TAG, limits)?;
            Ok(Found::default())
        }
        Kind::Other => {
            // Styles are copied to each format that uses them.
            memory(tags * longest, limits)?;
            Ok(Found::default())
        }
        Kind::Unknown => Err(Refused::malformed("has no content").into()),
    }
}

/// That so much fits into memory.
pub(crate) fn memory(bytes: u64, limits: &Limits) -> Result<(), Refused> {
    if bytes <= limits.memory() {
        return Ok(());
    }
    let what = format!("needs about {} MiB of memory", bytes >> 20);
    Err(Refused::setting(what, "memory_mb", limits.memory_mb))
}

/// The depth of cells: worksheet, sheetData, row, c.
const CELL: usize = 4;

/// A visitor that finds out what it sees by the root element.
struct Any<'a> {
    limits: &'a Limits,
    size: u64,
    kind: Kind,
    /// The longest tag.
    longest: u64,
    facts: Facts,
}

enum Kind {
    Unknown,
    Sheet(Sheet),
    Texts,
    Ods(Box<OdsPart>),
    Other,
}

/// Where a sheet is being read: the row and column that come next, for cells that do not say where they are.
#[derive(Default)]
struct Sheet {
    row: u32,
    column: u16,
    /// The last cell's own word on where it is, as far as any is that long, and its length.
    last: [u8; 12],
    last_length: usize,
    inside: Inside,
    /// Whether the value of the cell whose inside is looked at is a text, which may be empty.
    is_text: bool,
}

/// What was seen inside of a cell that could not be passed over.
#[derive(Default, PartialEq)]
enum Inside {
    /// No cell, or one that is settled.
    #[default]
    Nothing,
    /// A cell without a formula as yet.
    Cell,
    /// A formula, which was noted as one without a value.
    Formula,
    /// A formula and the beginning of a value that may turn out to be none.
    Value,
}

impl Visit for Any<'_> {
    #[inline]
    fn open(&mut self, depth: usize, tag: &[u8], _: bool) -> Result<(), Refused> {
        match &mut self.kind {
            Kind::Sheet(sheet) => sheet.open(tag, &mut self.facts),
            Kind::Ods(part) => part.open(depth, tag),
            Kind::Texts => Ok(()),
            Kind::Other => {
                self.longest = self.longest.max(tag.len() as u64);
                Ok(())
            }
            Kind::Unknown => {
                let (kind, most) = match local_name(tag) {
                    b"worksheet" => (Kind::Sheet(Sheet::default()), self.limits.unpacked()),
                    b"sst" => (Kind::Texts, self.limits.memory()),
                    b"document-content" => (Kind::Ods(Box::default()), self.limits.unpacked()),
                    _ => (Kind::Other, OTHER_PART),
                };
                if self.size > most {
                    let what = format!("has {} MiB once it is unpacked", self.size >> 20);
                    return Err(match kind {
                        Kind::Texts => Refused::setting(what, "memory_mb", self.limits.memory_mb),
                        _ => Refused::limit(what),
                    });
                }
                // The library asks for memory for so many, whether they come or not.
                let texts = u64::from(number(tag, b"uniqueCount").unwrap_or(0));
                memory(texts * BYTES_PER_TAG, self.limits)?;
                let is_absurd = matches!(kind, Kind::Texts)
                    && attribute(tag, b"uniqueCount").is_some()
                    && number(tag, b"uniqueCount").is_none();
                if is_absurd {
                    return Err(Refused::malformed("says nonsense about how many texts it has"));
                }
                self.kind = kind;
                Ok(())
            }
        }
    }

    #[inline]
    fn close(&mut self, depth: usize) {
        match &mut self.kind {
            Kind::Sheet(sheet) if depth <= CELL => sheet.inside = Inside::Nothing,
            Kind::Sheet(_) | Kind::Texts | Kind::Unknown | Kind::Other => {}
            Kind::Ods(part) => part.close(depth),
        }
    }

    #[inline]
    fn text(&mut self, depth: usize, text: &[u8]) {
        match &mut self.kind {
            Kind::Ods(part) => part.text(text),
            Kind::Sheet(sheet) if sheet.inside == Inside::Value && depth > CELL => {
                sheet.calculated(&mut self.facts);
            }
            _ => {}
        }
    }

    #[inline]
    fn unit(&self) -> usize {
        match self.kind {
            Kind::Ods(_) => usize::MAX,
            _ => CELL,
        }
    }

    #[inline]
    fn pass_over(&mut self, bytes: &[u8]) -> usize {
        let Kind::Sheet(sheet) = &mut self.kind else { return 0 };
        let Some((length, last)) = plain::cells(bytes) else { return 0 };
        sheet.see(last);
        length
    }

    #[inline]
    fn enter(&mut self, tag: &[u8]) {
        if let Kind::Sheet(sheet) = &mut self.kind
            && local_name(tag) == b"c"
        {
            sheet.inside = Inside::Cell;
            sheet.is_text = attribute(tag, b"t") == Some(b"str");
        }
    }
}

fn nowhere() -> Refused {
    Refused::malformed("has a cell that is nowhere")
}

/// Whether an attribute may be a mere `e`.
#[inline]
fn may_be_error(tag: &[u8]) -> bool {
    memchr::memchr_iter(b'e', tag).any(|at| {
        let next = tag.get(at + 1);
        matches!(next, Some(b'"' | b'\'')) && at.checked_sub(1).and_then(|at| tag.get(at)) == next
    })
}

impl Sheet {
    #[inline]
    fn open(&mut self, tag: &[u8], facts: &mut Facts) -> Result<(), Refused> {
        if tag.starts_with(b"c ") {
            return self.cell(tag, facts);
        }
        match local_name(tag) {
            b"c" => self.cell(tag, facts),
            b"row" => self.row(tag, facts),
            b"mergeCell" => {
                let reference = attribute(tag, b"ref").and_then(facts::area);
                facts.merge(
                    reference.ok_or_else(|| Refused::malformed("merges cells that are no area"))?,
                )
            }
            b"f" if self.inside == Inside::Cell => {
                self.inside = Inside::Formula;
                let (row, column) = match self.last_length {
                    0 => (self.row.saturating_sub(1), self.column.saturating_sub(1)),
                    _ => facts::cell(self.last()).ok_or_else(nowhere)?,
                };
                facts.flaw(row, column, Flaw::Uncalculated)
            }
            b"v" if self.inside == Inside::Formula && !self.is_text => {
                self.inside = Inside::Value;
                Ok(())
            }
            b"v" | b"is" if self.inside == Inside::Formula => {
                self.calculated(facts);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The formula of the open cell has a value.
    fn calculated(&mut self, facts: &mut Facts) {
        self.inside = Inside::Nothing;
        facts.no_flaw();
    }

    /// The last cell's own word on where it is.
    fn last(&self) -> &[u8] {
        self.last.get(..self.last_length).unwrap_or_default()
    }

    /// Notes where a cell says that it is: that matters only for errors, and if the next cell does not say it.
    #[inline]
    fn see(&mut self, reference: &[u8]) {
        self.last_length = reference.len().min(self.last.len());
        self.last.iter_mut().zip(reference).for_each(|(to, from)| *to = *from);
    }

    #[inline]
    fn cell(&mut self, tag: &[u8], facts: &mut Facts) -> Result<(), Refused> {
        let reference = match tag.strip_prefix(b"c r=\"") {
            Some(rest) => {
                rest.iter().position(|byte| *byte == b'"').and_then(|end| rest.get(..end))
            }
            None => attribute(tag, b"r"),
        };
        let mut counted = 0;
        if let Some(reference) = reference {
            self.see(reference);
        } else {
            if let Some((_, column)) = facts::cell(self.last()) {
                self.column = column.saturating_add(1);
            }
            self.last_length = 0;
            counted = self.column;
            self.column = self.column.saturating_add(1);
        }
        // Few cells hold errors; others have a longer type, if they have one.
        if may_be_error(tag) && attribute(tag, b"t") == Some(b"e") {
            let place = match reference {
                Some(reference) => facts::cell(reference),
                None => Some((self.row.saturating_sub(1), counted)),
            };
            let (row, column) = place.ok_or_else(nowhere)?;
            facts.flaw(row, column, Flaw::Error)?;
        }
        Ok(())
    }

    fn row(&mut self, tag: &[u8], facts: &mut Facts) -> Result<(), Refused> {
        self.row = match attribute(tag, b"r") {
            Some(_) => number(tag, b"r").unwrap_or(0),
            None => self.row + 1,
        };
        self.column = 0;
        self.last_length = 0;
        if self.row == 0 || self.row > MAX_ROWS {
            return Err(Refused::malformed("has a row that no sheet can have"));
        }
        if is_true(tag, b"hidden") {
            facts.hide(self.row - 1, self.row - 1);
        }
        Ok(())
    }
}
