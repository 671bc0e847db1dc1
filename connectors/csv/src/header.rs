//! The first row: the names of the columns, the delimiter, and which columns a pass reads.

use peoplesync_source::{Error, table};

use crate::config::{CsvConfig, DELIMITERS, Delimiter};
use crate::parse::{Fault, Parser, Row};

/// The header of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) table: table::Header,
    pub(crate) delimiter: u8,
}

/// Where the columns are that a pass reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    /// How many fields a row has.
    pub(crate) count: usize,
    pub(crate) key: usize,
    /// For each wanted field its column, and the text that separates its values if it has several.
    pub(crate) wanted: Vec<(usize, Option<String>)>,
}

/// The delimiter of a file that begins with this text. The one for which the key is a column; otherwise the one that gives the most
/// columns, so that the message about the missing key shows the best reading.
pub(crate) fn delimiter(config: &CsvConfig, head: &[u8]) -> u8 {
    if let Delimiter::Byte(byte) = config.delimiter {
        return byte;
    }
    let rate = |delimiter: u8| {
        let mut parser = Parser::new(head, config.dialect(delimiter), 1);
        let Ok(Some(block)) = parser.next_block(1) else { return (false, 0) };
        let names = block.rows().next().and_then(|row| names(&row)).unwrap_or_default();
        (names.len() > 1 && names.iter().any(|name| name == config.key.trim()), names.len())
    };
    let taken = |byte: &u8| {
        let dialect = config.dialect(*byte);
        dialect.quote == Some(*byte) || dialect.comment == Some(*byte)
    };
    // Of equals, `max_by_key` takes the last; the most usual is to win.
    let candidates = DELIMITERS.into_iter().rev().filter(|byte| !taken(byte));
    candidates.max_by_key(|delimiter| rate(*delimiter)).unwrap_or(b',')
}

/// The trimmed names of a header row; `None` if it is no text.
fn names(row: &Row<'_>) -> Option<Vec<String>> {
    let bytes = |field: &crate::parse::Field| {
        let whole = if field.is_unescaped { row.unescaped } else { row.raw };
        whole.get(field.span()).unwrap_or_default()
    };
    row.fields
        .iter()
        .map(|field| Some(std::str::from_utf8(bytes(field)).ok()?.trim().to_owned()))
        .collect()
}

impl Header {
    /// The header of a file, from its first row.
    pub(crate) fn new(file: &str, row: Option<&Row<'_>>, delimiter: u8) -> Result<Self, Error> {
        let Some(row) = row else {
            return Err(Error::malformed(format!("{file} is empty: it has no header"))
                .with_hint("a file with a header and no rows would mean: there is nobody"));
        };
        let line = row.line;
        if let Some(column) = row.stray {
            let column = column + 1;
            let message = format!(
                "{file}:{line} is no header: text follows the closing quote of column {column}"
            );
            return Err(Error::malformed(message));
        }
        match names(row) {
            Some(names) => Ok(Self { table: table::Header { names }, delimiter }),
            None => Err(Error::malformed(format!("{file}:{line} is no header: it is not text"))
                .with_hint("set `encoding`")),
        }
    }

    /// Where the key and these fields are.
    pub(crate) fn columns(
        &self,
        file: &str,
        config: &CsvConfig,
        fields: &[String],
    ) -> Result<Columns, Error> {
        let key = config.key.trim();
        let mut asked = vec![key];
        asked.extend(config.multi_valued.keys().map(String::as_str));
        asked.extend(fields.iter().map(String::as_str));
        let places = self.table.find(file, &asked, |at| (at + 1).to_string());
        let places = places.map_err(|error| match self.delimiter_hint(config) {
            Some(hint) => error.with_hint(hint),
            None => error,
        })?;
        let wanted = places.iter().skip(asked.len() - fields.len()).zip(fields);
        Ok(Columns {
            count: self.names().len(),
            key: places.first().copied().unwrap_or_default(),
            wanted: wanted
                .map(|(column, name)| (*column, config.multi_valued.get(name).cloned()))
                .collect(),
        })
    }

    /// All names, in the order of the file.
    pub(crate) fn names(&self) -> &[String] {
        &self.table.names
    }

    /// That the header is one column, but would be several with another delimiter than the given one.
    fn delimiter_hint(&self, config: &CsvConfig) -> Option<String> {
        let [only] = self.names() else { return None };
        let Delimiter::Byte(_) = config.delimiter else { return None };
        let other = DELIMITERS.into_iter().find(|byte| only.as_bytes().contains(byte))?;
        let (delimiter, other) = (show_delimiter(self.delimiter), show_delimiter(other));
        (!self.table.looks_like_a_person()).then(|| {
            format!("the header is one column with the delimiter {delimiter}; it contains {other}")
        })
    }
}

/// How a delimiter is written in a message.
pub(crate) fn show_delimiter(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".into(),
        byte => format!("`{}`", char::from(byte)),
    }
}

/// A fault of a file's structure as an error that names the place.
pub(crate) fn structural(file: &str, fault: &Fault) -> Option<Error> {
    let hint = "a quote inside of a quoted field is written twice; with quote = \"none\" quotes mean nothing";
    match fault {
        Fault::Io(_) => None,
        Fault::OpenQuote { line, column } => Some(
            Error::malformed(format!(
                "{file} ends inside of the quotes that column {} of line {line} opens",
                column + 1
            ))
            .with_hint(format!("is the file cut? {hint}")),
        ),
        Fault::StrayQuote { line, column } => Some(
            Error::malformed(format!(
                "the quotes that column {} of {file}:{line} opens close lines later, in the middle of text",
                column + 1
            ))
            .with_hint(format!("rows may be lost between them; {hint}")),
        ),
        Fault::TooLong { line } => Some(
            Error::malformed(format!("the row that begins at {file}:{line} is longer than 1 MiB"))
                .with_hint(format!("is a quote opened there and never closed? {hint}")),
        ),
    }
}
