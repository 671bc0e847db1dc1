//! A workbook of any kind: its sheets, and the cells of a sheet, row after row.

use std::fmt;
use std::sync::Arc;

use calamine::{Data, Ods, OdsError, Range, Reader, SheetVisible, Xls, Xlsb, Xlsx};
use peoplesync_source::Error;

use crate::archive::Archive;
use crate::facts::Facts;
use crate::line::{Line, Taker};
use crate::open::protected;
use crate::package::{Package, Packed};
use crate::threads;
use crate::xlsb::digits;

/// A workbook that was opened.
pub(crate) struct Book {
    /// The file as the config names it.
    name: Arc<str>,
    kind: Kind,
    /// What the library reads from, if it is a zip archive.
    package: Option<Package>,
    pub(crate) sheets: Vec<Sheet>,
    /// What is known of each sheet from the beginning; empty where it is found out while a sheet is read.
    facts: Vec<Arc<Facts>>,
    /// For each style of an xlsx file the digits that it shows; 0 for none.
    digits: Vec<u8>,
}

enum Kind {
    Xlsx(Box<Xlsx<Archive>>),
    Xlsb(Box<Xlsb<Archive>>),
    /// The cells of all sheets, in their order.
    Held(Vec<Range<Data>>),
}

/// A sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) name: String,
    pub(crate) is_visible: bool,
    /// Whether it has cells; there are sheets of charts and of macros.
    pub(crate) has_cells: bool,
}

/// Takes the rows of a sheet.
pub(crate) trait Rows {
    /// What is known of the sheet; comes first.
    fn begin(&mut self, facts: Arc<Facts>);

    /// A row that has cells. `false`: no more rows are wanted.
    fn row(&mut self, line: &Line<'_>) -> Result<bool, Error>;
}

impl Book {
    /// Opens a workbook that is a zip archive.
    pub(crate) fn packed(name: &Arc<str>, package: &Package, kind: Packed) -> Result<Self, Error> {
        let fail = |error: &dyn fmt::Display| fail(name, Some(package), error);
        let reader = package.archive();
        let (kind, sheets, facts, digits) = match kind {
            Packed::Xlsx => {
                let mut book = std::thread::scope(|scope| {
                    let ahead = scope.spawn(|| package.look_ahead());
                    let book = Xlsx::new(reader);
                    threads::ended(ahead);
                    book
                })
                .map_err(|error| fail(&error))?;
                let sheets = sheets(book.sheets_metadata());
                let digits = styles(&mut book, &sheets);
                (Kind::Xlsx(Box::new(book)), sheets, Vec::new(), digits)
            }
            Packed::Xlsb => {
                let book = Xlsb::new(reader).map_err(|error| fail(&error))?;
                let sheets = sheets(book.sheets_metadata());
                (Kind::Xlsb(Box::new(book)), sheets, Vec::new(), Vec::new())
            }
            Packed::Ods => {
                let mut book = Ods::new(reader).map_err(|error| match error {
                    OdsError::Password => protected(name),
                    error => fail(&error),
                })?;
                let sheets = sheets(book.sheets_metadata());
                let kind = held(&mut book, &sheets).map_err(|error| fail(&error))?;
                (kind, sheets, package.facts(), Vec::new())
            }
        };
        let package = Some(package.clone());
        Ok(Self { name: Arc::clone(name), kind, package, sheets, facts, digits })
    }

    /// The cells of a workbook in the old binary format.
    pub(crate) fn binary(
        name: &Arc<str>,
        mut book: Xls<impl std::io::Read + std::io::Seek>,
        facts: Vec<Arc<Facts>>,
    ) -> Result<Self, Error> {
        let sheets = sheets(book.sheets_metadata());
        let kind = held(&mut book, &sheets).map_err(|error| fail(name, None, &error))?;
        Ok(Self { name: Arc::clone(name), kind, package: None, sheets, facts, digits: Vec::new() })
    }

    /// What origins call the sheet at this position.
    pub(crate) fn place(&self, index: usize) -> Arc<str> {
        let sheet = self.sheets.get(index).map(|sheet| sheet.name.as_str()).unwrap_or_default();
        format!("{}!{sheet}", self.name).into()
    }

    /// Reads the sheet at this position. `false`: the rows were not wanted to the end.
    pub(crate) fn read(&mut self, index: usize, rows: &mut dyn Rows) -> Result<bool, Error> {
        let Self { name, kind, package, sheets, facts, digits } = self;
        let package = package.as_ref();
        let Some(sheet) = sheets.get(index) else { return Ok(true) };
        let place = format!("{name}!{}", sheet.name);
        let fail = |error: &dyn fmt::Display| fail(&place, package, error);
        let known = facts.get(index).cloned();
        let begin = |rows: &mut dyn Rows| {
            let found = package.and_then(|package| package.facts().first().cloned());
            let facts = known.or(found).unwrap_or_default();
            rows.begin(Arc::clone(&facts));
            facts
        };
        match kind {
            Kind::Xlsx(book) => {
                let mut cells =
                    book.worksheet_cells_reader(&sheet.name).map_err(|error| fail(&error))?;
                let facts = begin(rows);
                let digits: &[u8] = digits;
                threads::relayed(rows, |lines| {
                    let mut taker = Taker::new(&place, &facts, lines);
                    loop {
                        let cell = match cells.next_cell_with_style_id() {
                            Ok(cell) => cell,
                            // The place of it is known: all errors are in the facts.
                            Err(calamine::XlsxError::CellError(_)) if !facts.flaws().is_empty() => {
                                continue;
                            }
                            Err(error) => return Err(fail(&error)),
                        };
                        let Some((cell, style)) = cell else { return taker.end() };
                        let digits = digits.get(style).copied().unwrap_or(0);
                        if !taker.cell(cell.get_position(), cell.get_value(), digits)? {
                            return Ok(false);
                        }
                    }
                })
            }
            Kind::Xlsb(book) => {
                let mut cells =
                    book.worksheet_cells_reader(&sheet.name).map_err(|error| fail(&error))?;
                let facts = begin(rows);
                threads::relayed(rows, |lines| {
                    let mut taker = Taker::new(&place, &facts, lines);
                    loop {
                        let cell = match cells.next_cell() {
                            Ok(Some(cell)) => cell,
                            Ok(None) => return taker.end(),
                            Err(calamine::XlsbError::CellError(_)) if !facts.flaws().is_empty() => {
                                continue;
                            }
                            Err(error) => return Err(fail(&error)),
                        };
                        if !taker.known_cell(cell.get_position(), cell.get_value())? {
                            return Ok(false);
                        }
                    }
                })
            }
            Kind::Held(ranges) => {
                let facts = begin(rows);
                let mut taker = Taker::new(&place, &facts, rows);
                let Some(range) = ranges.get(index) else { return Ok(true) };
                let (top, left) = range.start().unwrap_or_default();
                let from =
                    |start: u32, at| u32::try_from(at).unwrap_or(u32::MAX).saturating_add(start);
                for (row, column, value) in range.used_cells() {
                    let place = (from(top, row), from(left, column));
                    if !taker.known_cell(place, &value)? {
                        return Ok(false);
                    }
                }
                taker.end()
            }
        }
    }
}

fn sheets(metadata: &[calamine::Sheet]) -> Vec<Sheet> {
    let sheet = |sheet: &calamine::Sheet| Sheet {
        name: sheet.name.clone(),
        is_visible: sheet.visible == SheetVisible::Visible,
        has_cells: sheet.typ == calamine::SheetType::WorkSheet,
    };
    metadata.iter().map(sheet).collect()
}

/// All cells of a workbook that the library holds in memory.
fn held<R, B: Reader<R>>(book: &mut B, sheets: &[Sheet]) -> Result<Kind, B::Error>
where
    R: std::io::Read + std::io::Seek,
{
    let ranges = sheets.iter().map(|sheet| book.worksheet_range(&sheet.name));
    Ok(Kind::Held(ranges.collect::<Result<_, _>>()?))
}

/// The digits that each style shows. The library only gives styles with a sheet.
fn styles(book: &mut Xlsx<Archive>, sheets: &[Sheet]) -> Vec<u8> {
    let Some(sheet) = sheets.iter().find(|sheet| sheet.has_cells) else { return Vec::new() };
    let Ok(cells) = book.worksheet_cells_reader(&sheet.name) else { return Vec::new() };
    let code = |style: &calamine::Style| {
        style.number_format.as_ref().map_or(0, |format| digits(&format.format_code))
    };
    cells.styles().iter().map(code).collect()
}

/// What the library says, or better what was seen to be wrong before.
fn fail(place: &str, package: Option<&Package>, error: &dyn fmt::Display) -> Error {
    if let Some(known) = package.and_then(Package::take_error) {
        return known;
    }
    let hint = "is the file damaged? saving it anew in a spreadsheet program may mend it";
    Error::malformed(format!("{place} cannot be read: {error}")).with_hint(hint)
}
