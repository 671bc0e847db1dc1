//! Looks at the content of an ods file. The library keeps all cells of all its sheets, and writes out what the file only repeats, so the
//! cost is counted before; and it does not tell hidden rows, merged cells, or the zeros that a number format adds.

use crate::facts::{Area, Facts, Flaw, MAX_COLUMNS, MAX_ROWS, MOST_DIGITS};
use crate::limit::{Limits, Refused};
use crate::part::{Found, memory};
use crate::scan::{Fault, attribute, local_name, number};

/// What the library needs for a cell: its value and the text of its formula, both once more when a sheet is handed out.
const BYTES_PER_CELL: u64 = 96;

/// Repetitions of one cell with a number format that adds zeros; nobody repeats an identifier more often.
const MOST_REPEATED: u32 = 256;

/// Where the value of a cell is, if it is not its text.
const VALUES: [&[u8]; 5] = [
    b"office:value",
    b"office:string-value",
    b"office:date-value",
    b"office:time-value",
    b"office:boolean-value",
];

/// The sheets of an ods file while they are looked at.
#[derive(Debug, Default)]
pub(crate) struct OdsPart {
    sheets: Vec<Facts>,
    /// The depth of the open table, row, cell and annotation; 0 if there is none.
    table: usize,
    row: usize,
    cell: usize,
    annotation: usize,
    at: Place,
    /// The open cell.
    has_value: bool,
    is_number: bool,
    text_length: u64,
    text: Vec<u8>,
    /// The cost of the open row, and its cells up to the last that is not empty.
    row_cost: u64,
    row_width: u64,
    /// Rows of nothing since the last row with something in it.
    blank: u64,
    /// The rows of the open table up to the last with something in it, and its width: the library makes an area of it.
    rows: u64,
    widest: u64,
    cost: u64,
}

/// Where the next cell is, and how often it and its row are repeated.
#[derive(Debug, Default)]
struct Place {
    row: u32,
    column: u32,
    rows: u32,
    columns: u32,
}

impl OdsPart {
    pub(crate) fn open(&mut self, depth: usize, tag: &[u8]) -> Result<(), Refused> {
        match local_name(tag) {
            b"table" if self.table == 0 && attribute(tag, b"table:name").is_some() => {
                self.table = depth;
                self.at = Place::default();
                (self.blank, self.rows, self.widest) = (0, 0, 0);
                self.sheets.push(Default::default());
            }
            b"table-row" if self.table > 0 && self.row == 0 => self.open_row(depth, tag),
            b"table-cell" | b"covered-table-cell" if self.row > 0 && self.cell == 0 => {
                self.open_cell(depth, tag)?;
            }
            b"annotation" if self.cell > 0 && self.annotation == 0 => self.annotation = depth,
            // A text of so many blanks.
            b"s" if self.cell > 0 => {
                self.text_length += u64::from(number(tag, b"text:c").unwrap_or(u32::MAX));
            }
            _ => {}
        }
        Ok(())
    }

    fn open_row(&mut self, depth: usize, tag: &[u8]) {
        self.row = depth;
        self.at.column = 0;
        self.at.rows = repeated(tag, b"table:number-rows-repeated", MAX_ROWS - self.at.row);
        (self.row_cost, self.row_width) = (0, 0);
        let hidden = matches!(attribute(tag, b"table:visibility"), Some(b"collapse" | b"filter"));
        if let (true, Some(facts), 1..) = (hidden, self.sheets.last_mut(), self.at.rows) {
            facts.hide(self.at.row, self.at.row + self.at.rows - 1);
        }
    }

    fn open_cell(&mut self, depth: usize, tag: &[u8]) -> Result<(), Refused> {
        self.cell = depth;
        let Place { row, column, .. } = self.at;
        self.at.columns = repeated(tag, b"table:number-columns-repeated", MAX_COLUMNS - column);
        let kind = attribute(tag, b"office:value-type");
        self.is_number = kind == Some(b"float");
        let is_formula = attribute(tag, b"table:formula").is_some();
        self.has_value = kind.is_some() || is_formula;
        self.text.clear();
        self.text_length = tag.len() as u64;
        let Some(facts) = self.sheets.last_mut() else { return Ok(()) };
        let Ok(left) = u16::try_from(column) else { return Ok(()) };
        if attribute(tag, b"calcext:value-type") == Some(b"error") && self.at.columns > 0 {
            facts.flaw(row, left, Flaw::Error)?;
        }
        // The text of a cell is its value only if that is said to be one; nothing may be the text of a formula.
        if is_formula
            && kind != Some(b"string")
            && !VALUES.iter().any(|name| attribute(tag, name).is_some())
        {
            for row in row..row + self.at.rows {
                for column in (left..).take(usize::try_from(self.at.columns).unwrap_or(usize::MAX))
                {
                    facts.flaw(row, column, Flaw::Uncalculated)?;
                }
            }
        }
        let spanned = |name| number(tag, name).unwrap_or(1).max(1);
        let (down, across) = (
            spanned(b"table:number-rows-spanned".as_slice()),
            spanned(b"table:number-columns-spanned".as_slice()),
        );
        if (down, across) != (1, 1) {
            let bottom = row.saturating_add(down - 1).min(MAX_ROWS - 1);
            let right = u16::try_from(column.saturating_add(across - 1).min(MAX_COLUMNS - 1));
            facts.merge(Area { top: row, bottom, left, right: right.unwrap_or(left) })?;
        }
        Ok(())
    }

    pub(crate) fn text(&mut self, text: &[u8]) {
        if self.cell > 0 {
            self.text_length += text.len() as u64;
            if self.is_number && self.annotation == 0 && self.text.len() < 32 {
                self.text.extend_from_slice(text);
            }
        }
    }

    pub(crate) fn close(&mut self, depth: usize) {
        if depth == self.annotation {
            self.annotation = 0;
        } else if depth == self.cell {
            self.cell = 0;
            self.close_cell();
        } else if depth == self.row {
            self.row = 0;
            self.close_row();
        } else if depth == self.table {
            self.table = 0;
            let cells = self.rows.saturating_mul(self.widest);
            self.cost = self.cost.saturating_add(cells.saturating_mul(BYTES_PER_CELL));
        }
    }

    fn close_cell(&mut self) {
        let columns = u64::from(self.at.columns);
        if self.has_value {
            self.row_width = u64::from(self.at.column) + columns;
            self.row_cost =
                self.row_cost.saturating_add(columns.saturating_mul(2 * self.text_length));
            self.shown_digits();
        }
        self.at.column += self.at.columns;
    }

    /// Notes the zeros with which a number is shown.
    fn shown_digits(&mut self) {
        let text = self.text.trim_ascii();
        let is_padded =
            text.len() > 1 && text.first() == Some(&b'0') && text.iter().all(u8::is_ascii_digit);
        let Some(facts) = self.sheets.last_mut() else { return };
        if !self.is_number || !is_padded {
            return;
        }
        let digits = u8::try_from(text.len()).unwrap_or(MOST_DIGITS).min(MOST_DIGITS);
        for row in self.at.row..self.at.row + self.at.rows.min(MOST_REPEATED) {
            for column in self.at.column..self.at.column + self.at.columns.min(MOST_REPEATED) {
                let Ok(column) = u16::try_from(column) else { return };
                // Beyond the limit the number is read as a number.
                if facts.digits(row, column, digits).is_err() {
                    return;
                }
            }
        }
    }

    fn close_row(&mut self) {
        let rows = u64::from(self.at.rows);
        if self.row_width == 0 {
            self.blank += rows;
        } else {
            self.widest = self.widest.max(self.row_width);
            self.rows += rows + std::mem::take(&mut self.blank);
            self.cost = self.cost.saturating_add(self.row_cost.saturating_mul(rows));
        }
        self.at.row += self.at.rows;
    }

    pub(crate) fn finish(mut self, limits: &Limits) -> Result<Found, Fault> {
        memory(self.cost, limits)?;
        self.sheets.iter_mut().for_each(Facts::sort);
        Ok(Found { sheets: self.sheets })
    }
}

/// How often something is repeated, as far as there is room.
fn repeated(tag: &[u8], name: &[u8], room: u32) -> u32 {
    match attribute(tag, name) {
        Some(_) => number(tag, name).unwrap_or(u32::MAX).min(room),
        None => room.min(1),
    }
}
