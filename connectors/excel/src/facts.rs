//! What the spreadsheet library does not say about a sheet, or says too late: hidden rows, merged cells, cells with errors, formulas
//! without a value, numbers whose format adds zeros. It is gathered while a part is looked at, in memory that does not grow with the sheet.

use crate::limit::Refused;

/// Rows and columns that a sheet can have.
pub(crate) const MAX_ROWS: u32 = 1_048_576;
pub(crate) const MAX_COLUMNS: u32 = 16_384;

/// More of these in one sheet are refused. Each takes some bytes of memory.
const MOST_MERGES: usize = 100_000;
const MOST_FLAWS: usize = 1_000_000;
const MOST_RUNS: usize = 1_000_000;

/// Numbers are shown with so many digits at most.
pub(crate) const MOST_DIGITS: u8 = 253;

/// In place of digits: the number is a day, counted from 1900 or from 1904.
pub(crate) const DATE_1900: u8 = 254;
pub(crate) const DATE_1904: u8 = 255;

/// What is known of a sheet beside its cells. Rows and columns are counted from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Ranges of hidden rows, first and last, in order.
    hidden: Vec<(u32, u32)>,
    /// Areas of merged cells, by their first row once they are sorted.
    merges: Vec<Area>,
    /// Cells that have no value to rely on, in order of rows and columns once they are sorted.
    flaws: Vec<(u32, u16, Flaw)>,
    /// Runs of cells in a column whose number is shown with this many digits.
    digits: Vec<Digits>,
}

/// Why a cell has no value to rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// It holds an error.
    Error,
    /// It holds a formula that no program has calculated, as programs write that only make files. The library gives an empty cell, which
    /// would clear the attribute of everybody.
    Uncalculated,
}

/// An area of cells, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Area {
    pub(crate) top: u32,
    pub(crate) bottom: u32,
    pub(crate) left: u16,
    pub(crate) right: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Digits {
    column: u16,
    top: u32,
    bottom: u32,
    digits: u8,
}

impl Facts {
    /// Notes hidden rows; they come in order.
    pub(crate) fn hide(&mut self, first: u32, last: u32) {
        match self.hidden.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => self.hidden.push((first, last)),
        }
    }

    /// Notes merged cells.
    pub(crate) fn merge(&mut self, area: Area) -> Result<(), Refused> {
        if area.top > area.bottom || area.left > area.right {
            return Err(Refused::malformed("merges cells that are no area"));
        }
        if self.merges.len() == MOST_MERGES {
            let what = format!("merges cells in more than {MOST_MERGES} places");
            return Err(Refused::limit(what));
        }
        self.merges.push(area);
        Ok(())
    }

    /// Notes a cell that has no value to rely on.
    pub(crate) fn flaw(&mut self, row: u32, column: u16, flaw: Flaw) -> Result<(), Refused> {
        if self.flaws.len() == MOST_FLAWS {
            let what =
                format!("has errors or formulas without a value in more than {MOST_FLAWS} cells");
            return Err(Refused::limit(what));
        }
        self.flaws.push((row, column, flaw));
        Ok(())
    }

    /// The last cell that was noted has a value after all.
    pub(crate) fn no_flaw(&mut self) {
        self.flaws.pop();
    }

    /// Notes that the number of a cell is shown with so many digits at least.
    pub(crate) fn digits(&mut self, row: u32, column: u16, digits: u8) -> Result<(), Refused> {
        // The runs of the last row are the last ones, whatever the order of the columns.
        let is_full = self.digits.len() == MOST_RUNS;
        let last = self.digits.iter_mut().rev().take(64).find(|run| run.column == column);
        match last {
            Some(run) if run.digits == digits && (run.bottom + 1 == row || run.bottom == row) => {
                run.bottom = row;
            }
            _ if is_full => {
                return Err(Refused::limit("changes its number formats too often"));
            }
            _ => self.digits.push(Digits { column, top: row, bottom: row, digits }),
        }
        Ok(())
    }

    /// Brings everything into the order in which rows are read.
    pub(crate) fn sort(&mut self) {
        self.hidden.sort_unstable();
        self.merges.sort_unstable();
        self.flaws.sort_unstable();
        // A cell with both is one with an error.
        self.flaws.dedup_by_key(|(row, column, _)| (*row, *column));
        self.digits.sort_unstable();
    }

    /// Whether a row is hidden.
    pub(crate) fn is_hidden(&self, row: u32) -> bool {
        let before = self.hidden.partition_point(|(first, _)| *first <= row);
        before.checked_sub(1).and_then(|at| self.hidden.get(at)).is_some_and(|(_, end)| row <= *end)
    }

    /// How many rows are hidden.
    pub(crate) fn hidden_rows(&self) -> u32 {
        self.hidden.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The digits with which the number of a cell is shown, if its format says so.
    pub(crate) fn shown_digits(&self, row: u32, column: u16) -> Option<u8> {
        let before = self.digits.partition_point(|run| (run.column, run.top) <= (column, row));
        let run = self.digits.get(before.checked_sub(1)?)?;
        (run.column == column && row <= run.bottom).then_some(run.digits)
    }

    /// The areas of merged cells, by their first row.
    pub(crate) fn merges(&self) -> &[Area] {
        &self.merges
    }

    /// The cells that have no value to rely on, in order.
    pub(crate) fn flaws(&self) -> &[(u32, u16, Flaw)] {
        &self.flaws
    }
}

/// The row and column of `B7`, counted from 0.
pub(crate) fn cell(reference: &[u8]) -> Option<(u32, u16)> {
    let reference = reference.trim_ascii();
    let letters = reference.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (letters, digits) = reference.split_at_checked(letters)?;
    if letters.is_empty() || letters.len() > 3 || digits.len() > 7 {
        return None;
    }
    let value = |byte: &u8| u32::from(byte.to_ascii_uppercase() - b'A') + 1;
    let column = letters.iter().fold(0, |column, byte| column * 26 + value(byte));
    let row: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if row == 0 || row > MAX_ROWS || column > MAX_COLUMNS {
        return None;
    }
    Some((row - 1, u16::try_from(column - 1).ok()?))
}

/// The area of `A1:B7`, or of `A1`.
pub(crate) fn area(reference: &[u8]) -> Option<Area> {
    let colon = reference.iter().position(|byte| *byte == b':');
    let (first, last) = match colon {
        Some(colon) => (reference.get(..colon)?, reference.get(colon + 1..)?),
        None => (reference, reference),
    };
    let ((top, left), (bottom, right)) = (cell(first)?, cell(last)?);
    Some(Area { top, bottom, left, right })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_spreadsheets_write_them() {
        assert_eq!(cell(b"A1"), Some((0, 0)));
        assert_eq!(cell(b"XFD1048576"), Some((1_048_575, 16_383)));
        assert_eq!(cell(b"aa7"), Some((6, 26)));
        for wrong in ["", "A", "7", "A0", "XFE1", "A1048577", "AAAA1", "A1B", "A12345678", "Ä1"] {
            assert_eq!(cell(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(area(b"B2:D3"), Some(Area { top: 1, bottom: 2, left: 1, right: 3 }));
        assert_eq!(area(b"B2:"), None);
    }

    #[test]
    fn rows_and_runs_are_found_again() {
        let mut facts = Facts::default();
        facts.hide(3, 4);
        facts.hide(5, 5);
        facts.hide(9, 9);
        for row in 1..5 {
            facts.digits(row, 0, 5).unwrap();
            facts.digits(row, 2, if row == 3 { 4 } else { 8 }).unwrap();
        }
        facts.sort();
        let hidden: Vec<u32> = (0..12).filter(|row| facts.is_hidden(*row)).collect();
        assert_eq!(hidden, [3, 4, 5, 9]);
        assert_eq!(facts.hidden_rows(), 4);
        let of = |column| (0..6).map(|row| facts.shown_digits(row, column)).collect::<Vec<_>>();
        assert_eq!(of(0), [None, Some(5), Some(5), Some(5), Some(5), None]);
        assert_eq!(of(1), [None; 6]);
        assert_eq!(of(2), [None, Some(8), Some(8), Some(4), Some(8), None]);
        assert_eq!(facts.digits.len(), 4);
    }
}
