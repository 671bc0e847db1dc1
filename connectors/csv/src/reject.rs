//! Rows that cannot become records: why, and whom they might be about. The rare path.

use std::str;

use peoplesync_source::{Origin, Rejected};

use crate::header::Header;
use crate::parse::{Dialect, Field, Row};

/// The bytes of a field.
pub(crate) fn bytes<'a>(row: &Row<'a>, field: &Field) -> &'a [u8] {
    let whole = if field.is_unescaped { row.unescaped } else { row.raw };
    whole.get(field.span()).unwrap_or_default()
}

/// A row of nothing: spreadsheets write them behind the last person.
pub(crate) fn is_blank(row: &Row<'_>) -> bool {
    row.stray.is_none() && row.fields.iter().all(|field| bytes(row, field).trim_ascii().is_empty())
}

/// The rejection of a row, with whatever can be told of its key.
pub(crate) fn row(
    row: &Row<'_>,
    dialect: Dialect,
    key: usize,
    origin: Origin,
    reason: String,
) -> Rejected {
    let parts: Vec<&[u8]> = match row.stray {
        None => row.fields.iter().map(|field| bytes(row, field)).collect(),
        // Nobody knows where the fields end, so whatever stands between two delimiters might be the key.
        Some(_) => {
            let parts = row.raw.split(|byte| *byte == dialect.delimiter);
            parts.map(|part| unquoted(part, dialect.quote)).collect()
        }
    };
    let rejected = Rejected::new(origin, reason);
    let known = row.fields.get(key).and_then(|field| str::from_utf8(bytes(row, field)).ok());
    let rejected = known.into_iter().fold(rejected, Rejected::with_key);
    let texts = parts.into_iter().filter_map(|part| str::from_utf8(part).ok());
    let mut might_be: Vec<&str> = texts.map(str::trim).collect();
    might_be.retain(|text| {
        !text.is_empty() && rejected.key.as_ref().is_none_or(|key| key.as_str() != *text)
    });
    might_be.sort_unstable();
    might_be.dedup();
    rejected.with_might_be(might_be)
}

/// Why a row of this many fields, or with such a quote, is no record; `None` if its form is right.
pub(crate) fn form(row: &Row<'_>, header: &Header) -> Option<String> {
    let wanted = header.names().len();
    if let Some(column) = row.stray {
        return Some(match header.names().get(column) {
            Some(name) => format!("text follows the closing quote of column `{name}`"),
            None => format!("text follows the closing quote of column {}", column + 1),
        });
    }
    let found = row.fields.len();
    (found != wanted).then(|| {
        let fields = if found == 1 { "field" } else { "fields" };
        format!("{found} {fields} where the header has {wanted}")
    })
}

/// The bytes without blanks and quotes at their ends.
fn unquoted(mut part: &[u8], quote: Option<u8>) -> &[u8] {
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || Some(*byte) == quote;
    while let Some((_, rest)) = part.split_first().filter(|(first, _)| is_edge(first)) {
        part = rest;
    }
    while let Some((_, rest)) = part.split_last().filter(|(last, _)| is_edge(last)) {
        part = rest;
    }
    part
}
