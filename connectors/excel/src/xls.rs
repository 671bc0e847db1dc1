//! Workbooks in the old binary format. The library reads them whole, and trusts them; so their records are looked at before: whether the
//! workbook is encrypted, whether each sheet is there to its end, what its cells will cost, and what the library does not tell of them.

use std::collections::HashMap;
use std::sync::Arc;

use calamine::{Reader, Xls};
use peoplesync_source::Error;

use crate::compound::Compound;
use crate::facts::{Area, DATE_1900, DATE_1904, Facts, MOST_DIGITS};
use crate::limit::{Limits, Refused};
use crate::open::protected;
use crate::package::View;
use crate::part::memory;
use crate::scan::Fault;
use crate::xlsb::{digits, u16_at, u32_at};

/// What the library needs for a cell: its value and a formula's text, both twice.
const BYTES_PER_CELL: u64 = 128;

/// The cells of a whole sheet. More are not declared by any program.
const MOST_CELLS: u64 = 65_536 * 256;

// Types of records, [MS-XLS] 2.3.
const FORMULA: u16 = 0x0006;
const EOF: u16 = 0x000a;
const DATE_MODE: u16 = 0x0022;
const FILE_PASS: u16 = 0x002f;
const CONTINUE: u16 = 0x003c;
const BOUND_SHEET: u16 = 0x0085;
const MUL_RK: u16 = 0x00bd;
const RICH_LABEL: u16 = 0x00d6;
const XF: u16 = 0x00e0;
const MERGED: u16 = 0x00e5;
const TEXTS: u16 = 0x00fc;
const LABEL_TEXT: u16 = 0x00fd;
const DIMENSIONS: u16 = 0x0200;
const NUMBER: u16 = 0x0203;
const LABEL: u16 = 0x0204;
const BOOL_OR_ERROR: u16 = 0x0205;
const STRING: u16 = 0x0207;
const ROW: u16 = 0x0208;
const RK: u16 = 0x027e;
const FORMAT: u16 = 0x041e;
const BOF: u16 = 0x0809;

/// The version of the last format before xlsx.
const BIFF8: u16 = 0x0600;

/// Why a workbook was not opened.
pub(crate) enum Failed {
    Fault(Fault),
    Error(Error),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Fault(refused.into())
    }
}

/// Opens a compound file: a workbook in the old format, or an encrypted one of the new.
pub(crate) fn open(
    name: &str,
    view: View,
    limits: &Limits,
) -> Result<(Xls<View>, Vec<Arc<Facts>>), Failed> {
    let protected = || Failed::Error(protected(name));
    let mut compound = Compound::new(view.clone()).map_err(Failed::Fault)?;
    if compound.has("EncryptedPackage") {
        return Err(protected());
    }
    let mut stream = None;
    for name in ["Workbook", "Book"] {
        if stream.is_none() {
            stream = compound.stream(name, limits.memory()).map_err(Failed::Fault)?;
        }
    }
    let Some(stream) = stream else {
        return Err(Refused::malformed("is a compound file, but no workbook").into());
    };
    memory(2 * stream.len() as u64, limits)?;
    let mut workbook = Workbook::default();
    if !workbook.globals(&stream)? {
        return Err(protected());
    }
    let mut facts = Vec::new();
    for start in workbook.sheets.clone() {
        facts.push(Arc::new(workbook.sheet(&stream, start)?));
    }
    memory(workbook.cost, limits)?;
    drop(stream);
    match Xls::new(view) {
        Ok(book) => Ok((book, facts)),
        Err(calamine::XlsError::Password) => Err(protected()),
        Err(error) => Err(Refused::malformed(format!("cannot be read: {error}")).into()),
    }
}

/// One record of a stream.
struct Record<'a> {
    kind: u16,
    data: &'a [u8],
    /// The records that continue it follow here.
    rest: &'a [u8],
}

/// The next record of a stream; `None` at its end.
fn record(stream: &[u8]) -> Result<Option<Record<'_>>, Refused> {
    if stream.is_empty() {
        return Ok(None);
    }
    let cut = || Refused::malformed("ends inside of a record");
    let kind = u16_at(stream, 0).ok_or_else(cut)?;
    let length = usize::from(u16_at(stream, 2).ok_or_else(cut)?);
    let data = stream.get(4..4 + length).ok_or_else(cut)?;
    Ok(Some(Record { kind, data, rest: stream.get(4 + length..).unwrap_or_default() }))
}

#[derive(Default)]
struct Workbook {
    /// Where the sheets begin.
    sheets: Vec<usize>,
    is_biff8: bool,
    is_1904: bool,
    codes: HashMap<u16, u8>,
    /// For each cell format the digits that it shows; 0 for none.
    formats: Vec<u8>,
    /// The lengths of the texts that cells share.
    texts: Vec<u32>,
    /// What the cells will cost.
    cost: u64,
}

impl Workbook {
    /// Looks at what stands before the sheets. `false`: it is encrypted.
    fn globals(&mut self, stream: &[u8]) -> Result<bool, Refused> {
        let mut rest = stream;
        while let Some(Record { kind, data, rest: next }) = record(rest)? {
            match kind {
                BOF => self.is_biff8 = u16_at(data, 0) == Some(BIFF8),
                FILE_PASS if u16_at(data, 0).is_some_and(|kind| kind != 0) => return Ok(false),
                BOUND_SHEET => {
                    let start = u32_at(data, 0).and_then(|start| usize::try_from(start).ok());
                    let start = start.filter(|start| *start < stream.len());
                    self.sheets.push(start.ok_or_else(|| Refused::malformed("lost a sheet"))?);
                }
                FORMAT if self.is_biff8 => self.format(data),
                XF => {
                    let id = u16_at(data, 2).unwrap_or_default();
                    self.formats.push(self.codes.get(&id).copied().unwrap_or(0));
                }
                DATE_MODE => self.is_1904 = u16_at(data, 0) == Some(1),
                TEXTS => self.texts = texts(data, next)?,
                EOF => return Ok(true),
                _ => {}
            }
            rest = next;
        }
        Err(Refused::malformed("ends before its sheets"))
    }

    fn format(&mut self, data: &[u8]) {
        let (Some(id), Some(flags)) = (u16_at(data, 0), data.get(4)) else { return };
        let text = data.get(5..).unwrap_or_default();
        let is_wide = flags & 1 != 0;
        let code: String =
            text.iter().step_by(1 + usize::from(is_wide)).map(|byte| char::from(*byte)).collect();
        // The library knows what these are; others it takes for numbers.
        let is_known = matches!(id, 5..=8 | 14..=58 | 63..=66 | 164..=382);
        let mark = match (is_date(&code), self.is_1904) {
            (true, false) if !is_known => DATE_1900,
            (true, true) if !is_known => DATE_1904,
            _ => digits(&code).min(MOST_DIGITS),
        };
        self.codes.insert(id, mark);
    }

    /// Looks at a sheet and what its cells will cost.
    fn sheet(&mut self, stream: &[u8], start: usize) -> Result<Facts, Refused> {
        let mut facts = Facts::default();
        let mut rest = stream.get(start..).unwrap_or_default();
        // Charts inside of a sheet are streams in a stream.
        let mut depth = 0_u32;
        let (mut bottom, mut right, mut texts) = (0, 0, 0_u64);
        let short = || Refused::malformed("has a record that is too short");
        while let Some(Record { kind, data, rest: next }) = record(rest)? {
            rest = next;
            match kind {
                BOF => depth += 1,
                EOF if depth <= 1 => {
                    let area = (u64::from(bottom) + 1) * (u64::from(right) + 1);
                    let cost = area.saturating_mul(BYTES_PER_CELL).saturating_add(2 * texts);
                    self.cost = self.cost.saturating_add(cost);
                    facts.sort();
                    return Ok(facts);
                }
                EOF => depth -= 1,
                _ if depth > 1 => {}
                DIMENSIONS => dimensions(data)?,
                ROW => {
                    let row = u16_at(data, 0).ok_or_else(short)?;
                    if u16_at(data, 12).is_some_and(|flags| flags & 0x20 != 0) {
                        facts.hide(row.into(), row.into());
                    }
                }
                MERGED => merged(data, &mut facts)?,
                NUMBER | RK | MUL_RK | LABEL | RICH_LABEL | LABEL_TEXT | BOOL_OR_ERROR
                | FORMULA => {
                    let row = u16_at(data, 0).ok_or_else(short)?;
                    let column = u16_at(data, 2).ok_or_else(short)?;
                    let last = if kind == MUL_RK { u16_at(data, data.len() - 2) } else { None };
                    let last = last.unwrap_or(column);
                    (bottom, right) = (bottom.max(row), right.max(last.max(column)));
                    texts += match kind {
                        LABEL_TEXT => self.text(data),
                        FORMULA => 64 * data.len() as u64,
                        _ => data.len() as u64,
                    };
                    self.shown_digits(kind, data, row, column, &mut facts)?;
                }
                STRING => texts += data.len() as u64,
                _ => {}
            }
        }
        Err(Refused::malformed("ends before a sheet does"))
    }

    fn text(&self, data: &[u8]) -> u64 {
        let index = u32_at(data, 6).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.texts.get(index)).copied().unwrap_or(0).into()
    }

    fn shown_digits(
        &self,
        kind: u16,
        data: &[u8],
        row: u16,
        column: u16,
        facts: &mut Facts,
    ) -> Result<(), Refused> {
        let cells = match kind {
            NUMBER | RK | FORMULA => 1,
            MUL_RK => data.len().saturating_sub(6) / 6,
            _ => 0,
        };
        for offset in 0..cells {
            let format = u16_at(data, 4 + 6 * offset).map(usize::from);
            let digits = format.and_then(|format| self.formats.get(format)).copied().unwrap_or(0);
            if let (1.., Ok(offset)) = (digits, u16::try_from(offset)) {
                facts.digits(row.into(), column.saturating_add(offset), digits)?;
            }
        }
        Ok(())
    }
}

/// Whether a number format shows a date: it has letters of one outside of quotes and brackets.
fn is_date(code: &str) -> bool {
    let (mut in_quotes, mut in_brackets, mut is_escaped) = (false, false, false);
    code.chars().any(|letter| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match letter {
            '"' => in_quotes = !in_quotes,
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            '\\' | '_' | '*' => is_escaped = true,
            'd' | 'm' | 'y' | 'h' | 's' => return !in_quotes && !in_brackets,
            _ => {}
        }
        false
    })
}

/// The library asks for memory for so many cells, whether they come or not.
fn dimensions(data: &[u8]) -> Result<(), Refused> {
    let rows = match data.len() {
        10 => u16_at(data, 2).map(u32::from),
        _ => u32_at(data, 4),
    };
    let columns = u16_at(data, if data.len() == 10 { 6 } else { 10 });
    let (Some(rows), Some(columns)) = (rows, columns) else { return Ok(()) };
    if u64::from(rows) * u64::from(columns) > MOST_CELLS {
        return Err(Refused::malformed("has a sheet larger than any can be"));
    }
    Ok(())
}

fn merged(data: &[u8], facts: &mut Facts) -> Result<(), Refused> {
    for area in data.get(2..).unwrap_or_default().chunks_exact(8) {
        let at = |at| u16_at(area, at).unwrap_or_default();
        facts.merge(Area { top: at(0).into(), bottom: at(2).into(), left: at(4), right: at(6) })?;
    }
    Ok(())
}

/// The lengths in bytes of the texts that cells share. They lie in one record and those that continue it, and may be cut anywhere.
fn texts(data: &[u8], rest: &[u8]) -> Result<Vec<u32>, Refused> {
    let mut input = Continued { data: data.get(8..).unwrap_or_default(), rest };
    let mut lengths = Vec::new();
    while input.has_more()? {
        let characters = input.u16()?;
        let flags = input.byte()?;
        let runs = if flags & 8 != 0 { usize::from(input.u16()?) } else { 0 };
        let extension = if flags & 4 != 0 { input.u32()? } else { 0 };
        let mut is_wide = flags & 1 != 0;
        let mut left = usize::from(characters);
        let mut length = 0;
        while left > 0 {
            if input.data.is_empty() {
                input.go_on()?;
                is_wide = input.byte()? & 1 != 0;
            }
            let size = 1 + usize::from(is_wide);
            let here = (input.data.len() / size).min(left);
            if here == 0 {
                return Err(Refused::malformed("has a text that is cut"));
            }
            input.data = input.data.get(here * size..).unwrap_or_default();
            left -= here;
            // A character of two bytes takes up to three in UTF-8.
            length += 3 * u32::try_from(here).unwrap_or(u32::MAX / 3);
        }
        input.skip(4 * runs)?;
        input.skip(usize::try_from(extension).unwrap_or(usize::MAX))?;
        lengths.push(length);
    }
    Ok(lengths)
}

struct Continued<'a> {
    data: &'a [u8],
    rest: &'a [u8],
}

impl Continued<'_> {
    fn has_more(&mut self) -> Result<bool, Refused> {
        while self.data.is_empty() {
            match record(self.rest)? {
                Some(next) if next.kind == CONTINUE => {
                    (self.data, self.rest) = (next.data, next.rest);
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn go_on(&mut self) -> Result<(), Refused> {
        if self.has_more()? { Ok(()) } else { Err(Refused::malformed("has a text that is cut")) }
    }

    fn byte(&mut self) -> Result<u8, Refused> {
        self.go_on()?;
        let (byte, rest) = self.data.split_first().unwrap_or((&0, &[]));
        self.data = rest;
        Ok(*byte)
    }

    fn u16(&mut self) -> Result<u16, Refused> {
        Ok(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    fn u32(&mut self) -> Result<u32, Refused> {
        Ok(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    fn skip(&mut self, mut length: usize) -> Result<(), Refused> {
        while length > 0 {
            self.go_on()?;
            let here = length.min(self.data.len());
            self.data = self.data.get(here..).unwrap_or_default();
            length -= here;
        }
        Ok(())
    }
}
