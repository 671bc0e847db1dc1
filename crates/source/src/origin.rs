//! Where a person can find a record.

use std::fmt;
use std::sync::Arc;

/// The place of a record or a rejection, shown in plans and reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A line of a text file, counted from 1 as editors do; a record that spans lines is named by its first. Shown as
    /// `people.csv:8`.
    Row {
        /// The file as the config names it.
        file: Arc<str>,
        /// The line.
        row: u64,
    },
    /// A place in a sheet. Shown as `people.xlsx!Sheet1!B7`, or `people.xlsx!Sheet1!7` for the whole row.
    Cell {
        /// The file and the sheet: `people.xlsx!Sheet1`.
        sheet: Arc<str>,
        /// The row, counted from 1.
        row: u32,
        /// The column, counted from 0, if the place is one cell.
        column: Option<u16>,
    },
    /// An entry with a name of its own, such as a DN. Shown as it is.
    Entry(Box<str>),
}

impl Origin {
    /// A line of a file.
    pub fn row(file: impl Into<Arc<str>>, row: u64) -> Self {
        Self::Row { file: file.into(), row }
    }

    /// A named entry, such as a DN.
    pub fn entry(name: impl Into<Box<str>>) -> Self {
        Self::Entry(name.into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { file, row } => write!(f, "{file}:{row}"),
            Self::Cell { sheet, row, column: None } => write!(f, "{sheet}!{row}"),
            Self::Cell { sheet, row, column: Some(column) } => {
                write!(f, "{sheet}!{}{row}", column_letters(*column))
            }
            Self::Entry(name) => f.write_str(name),
        }
    }
}

/// The letters of a column: `0` is `A`, `25` is `Z`, `26` is `AA`, as spreadsheets count.
#[must_use]
pub fn column_letters(column: u16) -> String {
    let mut letters = Vec::new();
    let mut rest = u32::from(column) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_read_as_people_write_them() {
        let cell = |column| Origin::Cell { sheet: "p.xlsx!HR".into(), row: 7, column };
        assert_eq!(Origin::row("people.csv", 8).to_string(), "people.csv:8");
        assert_eq!(cell(None).to_string(), "p.xlsx!HR!7");
        assert_eq!(cell(Some(1)).to_string(), "p.xlsx!HR!B7");
        assert_eq!(cell(Some(26)).to_string(), "p.xlsx!HR!AA7");
        assert_eq!(cell(Some(16_383)).to_string(), "p.xlsx!HR!XFD7");
        assert_eq!(Origin::entry("uid=zoe,dc=example").to_string(), "uid=zoe,dc=example");
    }
}
