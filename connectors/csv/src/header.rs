//! The first row: the names of the columns, the delimiter, and which columns a pass reads.

use std::collections::BTreeMap;

use peoplesync_source::Error;

use crate::config::{CsvConfig, DELIMITERS, Delimiter};
use crate::parse::{Fault, Parser, Row};

/// The header of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// All names, trimmed, in the order of the file.
    pub(crate) names: Vec<String>,
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
            Some(names) => Ok(Self { names, delimiter }),
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
        let places = self.places();
        self.expect(file, config, &asked, &places)?;
        let position = |name: &str| places.get(name).and_then(|places| places.first()).copied();
        let wanted = fields
            .iter()
            .filter_map(|name| Some((position(name)?, config.multi_valued.get(name).cloned())));
        Ok(Columns {
            count: self.names.len(),
            key: position(key).unwrap_or_default(),
            wanted: wanted.collect(),
        })
    }

    /// Where each name stands; a file may have very many.
    pub(crate) fn places(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, name) in self.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            places.entry(name).or_default().push(index);
        }
        places
    }

    /// The names that a field can have: a column without a name cannot be asked for.
    pub(crate) fn used_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// That each of these names is the name of exactly one column.
    fn expect(
        &self,
        file: &str,
        config: &CsvConfig,
        asked: &[&str],
        places: &BTreeMap<&str, Vec<usize>>,
    ) -> Result<(), Error> {
        let mut missing: Vec<&str> = Vec::new();
        for &name in asked {
            match places.get(name).map(Vec::as_slice) {
                Some([_]) => {}
                Some(several) => {
                    let places: Vec<_> = several.iter().map(|at| (at + 1).to_string()).collect();
                    let message = format!(
                        "{file} has column `{name}` more than once: columns {}",
                        places.join(" and ")
                    );
                    return Err(Error::malformed(message));
                }
                None if missing.contains(&name) => {}
                None => missing.push(name),
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(self.missing(file, config, &missing)) }
    }

    fn missing(&self, file: &str, config: &CsvConfig, missing: &[&str]) -> Error {
        if self.looks_like_a_person() {
            return Error::malformed(format!("the first row of {file} does not name the columns"))
                .with_hint("it looks like a person; the first row must be a header");
        }
        let named = missing.iter().map(|name| match nearest(name, self.used_names()) {
            Some(near) => format!("`{name}` (nearest: `{near}`)"),
            None => format!("`{name}`"),
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let error = Error::malformed(format!("{file} has no column {named}"));
        if let [only] = self.names.as_slice()
            && matches!(config.delimiter, Delimiter::Byte(_))
            && let Some(other) = DELIMITERS.into_iter().find(|byte| only.as_bytes().contains(byte))
        {
            let delimiter = show_delimiter(self.delimiter);
            return error.with_hint(format!(
                "the header is one column with the delimiter {delimiter}; it contains {}",
                show_delimiter(other)
            ));
        }
        let columns = shorten(self.used_names());
        error.with_hint(format!("its columns are {columns}"))
    }

    /// Whether this row holds a person's values: then it is not shown, and it is no header.
    fn looks_like_a_person(&self) -> bool {
        self.names.iter().any(|name| {
            name.contains('@')
                || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()))
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

/// The name that was probably meant: the same but for case and separators, or a few letters off.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| {
        let letters = name.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let wanted = plain(wanted);
    if wanted.is_empty() {
        return None;
    }
    let rated = names.map(|name| (strsim::damerau_levenshtein(&wanted, &plain(name)), name));
    let limit = 1 + wanted.chars().count() / 4;
    rated.filter(|(distance, _)| *distance <= limit).min().map(|(_, name)| name)
}

/// A list of names that stays readable.
fn shorten<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    const LONGEST: usize = 60;
    let mut shown = Vec::new();
    let mut rest = 0;
    for name in names {
        if shown.len() < MOST {
            let short: String = name.chars().take(LONGEST).collect();
            shown.push(if short.len() < name.len() { format!("{short}…") } else { short });
        } else {
            rest += 1;
        }
    }
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
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
