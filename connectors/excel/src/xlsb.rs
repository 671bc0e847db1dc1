//! Looks at the binary records of xlsb parts, as `part` does at XML: their lengths, and what the library does not tell of a sheet.

use std::collections::HashMap;
use std::io::{self, Read};

use crate::facts::{Area, Facts, Flaw, MAX_COLUMNS, MAX_ROWS, MOST_DIGITS};
use crate::limit::{Limits, Refused};
use crate::part::{Found, memory};
use crate::scan::Fault;

/// A record holds a text and its runs at most.
const LONGEST_RECORD: usize = 1 << 20;

/// The most that any other part than sheets and texts may hold.
const OTHER_PART: u64 = 32 << 20;

/// What the library needs for a text of nothing.
const BYTES_PER_TEXT: u64 = 48;

// Types of records, [MS-XLSB] 2.3.
const ROW: u16 = 0;
const CELL_RK: u16 = 2;
const CELL_ERROR: u16 = 3;
const CELL_REAL: u16 = 5;
const FORMULA_NUMBER: u16 = 9;
const FORMULA_ERROR: u16 = 11;
/// Cells that do not say their column, which no version of Excel writes.
const SHORT_CELLS: std::ops::RangeInclusive<u16> = 12..=18;
const TEXT: u16 = 19;
const FORMAT: u16 = 44;
const XF: u16 = 47;
const CELL_RICH_TEXT: u16 = 62;
const BEGIN_SHEET: u16 = 129;
const END_SHEET: u16 = 130;
const END_CELLS: u16 = 146;
const BEGIN_TEXTS: u16 = 159;
const MERGE: u16 = 176;
const BEGIN_CELL_FORMATS: u16 = 617;
const END_CELL_FORMATS: u16 = 618;

/// The number formats of a workbook, as far as they add zeros.
#[derive(Debug, Default)]
pub(crate) struct Styles {
    codes: HashMap<u16, u8>,
    /// For each cell format its digits; 0 for none.
    cells: Vec<u8>,
    in_cells: bool,
}

/// With how many digits a number of this format is shown: `00000` gives 5, anything but zeros gives 0.
pub(crate) fn digits(code: &str) -> u8 {
    let first = code.split(';').next().unwrap_or_default();
    if first.len() > 1 && first.bytes().all(|byte| byte == b'0') {
        u8::try_from(first.len()).unwrap_or(MOST_DIGITS).min(MOST_DIGITS)
    } else {
        0
    }
}

impl Styles {
    fn record(&mut self, kind: u16, data: &[u8]) {
        match kind {
            FORMAT => {
                let text = data.get(6..).unwrap_or_default();
                let units = text.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                let code: String = char::decode_utf16(units).filter_map(Result::ok).collect();
                if let Some(id) = u16_at(data, 0) {
                    self.codes.insert(id, digits(&code));
                }
            }
            BEGIN_CELL_FORMATS => self.in_cells = true,
            END_CELL_FORMATS => self.in_cells = false,
            XF if self.in_cells => {
                let digits = u16_at(data, 2).and_then(|id| self.codes.get(&id)).copied();
                self.cells.push(digits.unwrap_or(0));
            }
            _ => {}
        }
    }
}

/// Looks at an xlsb part.
pub(crate) fn inspect(
    input: impl Read,
    size: u64,
    limits: &Limits,
    styles: &mut Styles,
) -> Result<Found, Fault> {
    let mut records = Records { input: io::BufReader::new(input), data: Vec::new() };
    let Some(first) = records.next()? else {
        return Err(Refused::malformed("is empty").into());
    };
    let (most, name, limit) = match first {
        BEGIN_SHEET => (limits.unpacked(), "unpacked_mb", limits.unpacked_mb),
        BEGIN_TEXTS => (limits.memory(), "memory_mb", limits.memory_mb),
        _ => (OTHER_PART, "memory_mb", limits.memory_mb),
    };
    if size > most {
        let what = format!("has {} MiB once it is unpacked", size >> 20);
        return Err(Refused::setting(what, name, limit).into());
    }
    let (mut texts, mut last) = (0, first);
    let mut sheet = Sheet::default();
    while let Some(kind) = records.next()? {
        last = kind;
        match first {
            BEGIN_SHEET => sheet.record(kind, &records.data, styles)?,
            BEGIN_TEXTS => texts += u64::from(kind == TEXT),
            _ => styles.record(kind, &records.data),
        }
    }
    if first == BEGIN_TEXTS {
        memory(size + texts * BYTES_PER_TEXT, limits)?;
    }
    if first != BEGIN_SHEET {
        return Ok(Found::default());
    }
    if last != END_SHEET || !sheet.has_ended {
        return Err(Refused::malformed("ends before the sheet does").into());
    }
    sheet.facts.sort();
    Ok(Found { sheets: vec![sheet.facts] })
}

#[derive(Default)]
struct Sheet {
    facts: Facts,
    row: u32,
    has_ended: bool,
}

impl Sheet {
    fn record(&mut self, kind: u16, data: &[u8], styles: &Styles) -> Result<(), Refused> {
        let short = || Refused::malformed("has a record that is too short");
        match kind {
            ROW => {
                self.row = u32_at(data, 0).ok_or_else(short)?;
                if self.row >= MAX_ROWS {
                    return Err(Refused::malformed("has a row that no sheet can have"));
                }
                // [MS-XLSB] 2.4.671: fDyZero.
                if data.get(11).is_some_and(|flags| flags & 0x10 != 0) {
                    self.facts.hide(self.row, self.row);
                }
            }
            // The library would leave these cells out.
            kind if SHORT_CELLS.contains(&kind) => {
                let hint = "Excel does not write it so; save it as .xlsx, or anew with Excel";
                return Err(Refused::hinted("has cells in a form that is not read", hint));
            }
            CELL_ERROR | FORMULA_ERROR | CELL_RICH_TEXT => {
                let column = column(u32_at(data, 0).ok_or_else(short)?)?;
                self.facts.flaw(self.row, column, Flaw::Error)?;
            }
            CELL_RK | CELL_REAL | FORMULA_NUMBER => {
                let style = u32_at(data, 4).ok_or_else(short)? & 0x00ff_ffff;
                let digits = usize::try_from(style).ok().and_then(|at| styles.cells.get(at));
                if let Some(digits) = digits.copied().filter(|digits| *digits > 0) {
                    let column = column(u32_at(data, 0).ok_or_else(short)?)?;
                    self.facts.digits(self.row, column, digits)?;
                }
            }
            END_CELLS => self.has_ended = true,
            MERGE => {
                let at = |at| u32_at(data, at).ok_or_else(short);
                self.facts.merge(Area {
                    top: at(0)?,
                    bottom: at(4)?,
                    left: column(at(8)?)?,
                    right: column(at(12)?)?,
                })?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn column(column: u32) -> Result<u16, Refused> {
    u16::try_from(column)
        .ok()
        .filter(|column| u32::from(*column) < MAX_COLUMNS)
        .ok_or_else(|| Refused::malformed("has a column that no sheet can have"))
}

/// Records one after the other.
struct Records<R> {
    input: io::BufReader<R>,
    data: Vec<u8>,
}

impl<R: Read> Records<R> {
    /// The type of the next record, whose data is kept; `None` at the end.
    fn next(&mut self) -> Result<Option<u16>, Fault> {
        let Some(first) = self.byte()? else { return Ok(None) };
        let mut kind = u16::from(first);
        if first & 0x80 != 0 {
            kind = u16::from(first & 0x7f) | u16::from(self.need()? & 0x7f) << 7;
        }
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.need()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if length > LONGEST_RECORD {
            return Err(Refused::limit("has a record of more than 1 MiB").into());
        }
        self.data.resize(length, 0);
        self.input.read_exact(&mut self.data).map_err(cut)?;
        Ok(Some(kind))
    }

    fn need(&mut self) -> Result<u8, Fault> {
        self.byte()?.ok_or_else(|| cut(io::ErrorKind::UnexpectedEof.into()))
    }

    fn byte(&mut self) -> Result<Option<u8>, Fault> {
        let mut byte = [0];
        let read = self.input.read(&mut byte).map_err(Fault::Io)?;
        Ok((read == 1).then_some(byte[0]))
    }
}

fn cut(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Refused::malformed("ends inside of a record").into(),
        _ => Fault::Io(error),
    }
}

pub(crate) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

pub(crate) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
