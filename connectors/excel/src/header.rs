//! The row that names the columns: where it is, and which columns a pass reads.

use peoplesync_source::{Error, column_letters, table};

use crate::cell;
use crate::config::ExcelConfig;
use crate::line::Line;

/// The header is looked for among so many rows that have cells.
const MOST_ROWS: usize = 100;

/// The header of a sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) table: table::Header,
    /// The row, counted from 0.
    pub(crate) row: u32,
}

/// Where the columns are that a pass reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) key: u16,
    /// For each wanted field its column, and the text that separates its values if it has several.
    pub(crate) wanted: Vec<(u16, Option<String>)>,
}

/// Looks for the header of a sheet.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    /// The first row that has cells, for the message if none is a header.
    first: Option<Header>,
    rows: usize,
}

impl Finder {
    /// Whether this row is the header. `Ok(None)`: it may come later.
    pub(crate) fn row(
        &mut self,
        place: &str,
        config: &ExcelConfig,
        line: &Line<'_>,
        names: Vec<String>,
    ) -> Result<Option<Header>, Error> {
        if let Some(wanted) = config.header_row {
            let row = wanted - 1;
            return match line.row.cmp(&row) {
                std::cmp::Ordering::Less => Ok(None),
                std::cmp::Ordering::Equal => Ok(Some(header(row, names))),
                std::cmp::Ordering::Greater => Err(empty(place, wanted)),
            };
        }
        let header = header(line.row, names);
        if header.table.used_names().next().is_none() {
            return Ok(None);
        }
        if header.table.names.iter().any(|name| name == config.key.trim()) {
            return Ok(Some(header));
        }
        self.rows += 1;
        let first = self.first.get_or_insert(header);
        if self.rows == MOST_ROWS { Ok(Some(first.clone())) } else { Ok(None) }
    }

    /// The sheet ended before a header was found.
    pub(crate) fn end(self, place: &str, config: &ExcelConfig) -> Result<Header, Error> {
        match (self.first, config.header_row) {
            (_, Some(row)) => Err(empty(place, row)),
            (Some(first), None) => Ok(first),
            (None, None) => Err(Error::malformed(format!("{place} is empty: it has no header"))
                .with_hint("a header and no rows would mean: there is nobody")),
        }
    }
}

impl Header {
    /// Where the key and these fields are.
    pub(crate) fn columns(
        &self,
        place: &str,
        config: &ExcelConfig,
        fields: &[String],
    ) -> Result<Columns, Error> {
        let mut asked = vec![config.key.trim()];
        asked.extend(config.multi_valued.keys().map(String::as_str));
        asked.extend(fields.iter().map(String::as_str));
        let letters = |at| column_letters(u16::try_from(at).unwrap_or(u16::MAX));
        let row = self.row + 1;
        let is_missing = |name: &&str| !self.table.names.iter().any(|known| known == name);
        if self.table.looks_like_a_person() && asked.iter().any(is_missing) {
            let message = format!("row {row} of {place} does not name the columns");
            let hint = "it looks like a person; header_row says which row names the columns";
            return Err(Error::malformed(message).with_hint(hint));
        }
        let places = self.table.find(place, &asked, letters).map_err(|error| {
            match error.hint().filter(|_| is_missing(&config.key.trim())) {
                Some(hint) if config.header_row.is_none() => {
                    let hint = format!("{hint} (row {row}; header_row says which row names them)");
                    error.with_hint(hint)
                }
                _ => error,
            }
        })?;
        let columns: Vec<u16> =
            places.into_iter().map(|at| u16::try_from(at).unwrap_or(u16::MAX)).collect();
        let wanted = columns.iter().skip(asked.len() - fields.len()).zip(fields);
        Ok(Columns {
            key: columns.first().copied().unwrap_or_default(),
            wanted: wanted
                .map(|(column, name)| (*column, config.multi_valued.get(name).cloned()))
                .collect(),
        })
    }

    /// The name of a column, as far as it has one.
    pub(crate) fn name(&self, column: u16) -> Option<&str> {
        let name = self.table.names.get(usize::from(column))?;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }
}

/// The names in a row, by column: in one line, and without what follows the last of them.
pub(crate) fn names(line: &Line<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut buffer = String::new();
    for found in &line.cells {
        let text = cell::shown(line, found, &mut buffer);
        let mut words = text.split_whitespace();
        let Some(first) = words.next() else { continue };
        let name = words.fold(first.to_owned(), |name, word| name + " " + word);
        names.resize(usize::from(found.column), String::new());
        names.push(name);
    }
    names
}

fn header(row: u32, names: Vec<String>) -> Header {
    Header { table: table::Header { names }, row }
}

fn empty(place: &str, row: u32) -> Error {
    Error::malformed(format!("row {row} of {place} is empty, but it is to name the columns"))
        .with_hint("header_row says which row names them; without it the row is looked for")
}
