//! What connectors of tables share: the names of the columns, and the values in a cell. Feature `files`.

use std::collections::BTreeMap;

use crate::{Error, FieldType, FieldTypes};

/// The names of a table's columns, trimmed, in the order of the table. A column may have an empty name; it cannot be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// All names.
    pub names: Vec<String>,
}

impl Header {
    /// Where each name stands; a table may have very many.
    #[must_use]
    pub fn places(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, name) in self.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            places.entry(name).or_default().push(index);
        }
        places
    }

    /// The names that a field can have.
    pub fn used_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The position of each of these names, which must be the name of exactly one column. `table` is the file or sheet, `place`
    /// how a position is shown: `2`, or `B`.
    ///
    /// # Errors
    /// [`Malformed`](crate::ErrorKind::Malformed): a name is missing (the nearest is named) or there more than once, or the row
    /// holds a person's values and no names.
    pub fn find(
        &self,
        table: &str,
        asked: &[&str],
        place: impl Fn(usize) -> String,
    ) -> Result<Vec<usize>, Error> {
        let places = self.places();
        let mut missing: Vec<&str> = Vec::new();
        let mut found = Vec::with_capacity(asked.len());
        for &name in asked {
            match places.get(name).map(Vec::as_slice) {
                Some([at]) => found.push(*at),
                Some(several) => {
                    let places: Vec<_> = several.iter().map(|at| place(*at)).collect();
                    let message = format!(
                        "{table} has column `{name}` more than once: columns {}",
                        places.join(" and ")
                    );
                    return Err(Error::malformed(message));
                }
                None if missing.contains(&name) => {}
                None => missing.push(name),
            }
        }
        if missing.is_empty() { Ok(found) } else { Err(self.missing(table, &missing)) }
    }

    /// Whether this row holds a person's values: then it is not shown, and it is no header.
    #[must_use]
    pub fn looks_like_a_person(&self) -> bool {
        self.names.iter().any(|name| {
            name.contains('@')
                || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()))
        })
    }

    fn missing(&self, table: &str, missing: &[&str]) -> Error {
        if self.looks_like_a_person() {
            let message = format!("the first row of {table} does not name the columns");
            return Error::malformed(message)
                .with_hint("it looks like a person; the first row must be a header");
        }
        let named = missing.iter().map(|name| match nearest(name, self.used_names()) {
            Some(near) => format!("`{name}` (nearest: `{near}`)"),
            None => format!("`{name}`"),
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let columns = shorten(self.used_names());
        Error::malformed(format!("{table} has no column {named}"))
            .with_hint(format!("its columns are {columns}"))
    }
}

/// The values in a text: one, or those between the separators; none where there is nothing, and none that is one of `null`. Blanks
/// around the values of a list are dropped, those around a single value if `trim` says so.
pub fn values<'a>(
    text: &'a str,
    separator: Option<&'a str>,
    trim: bool,
    null: &'a [String],
) -> impl Iterator<Item = &'a str> {
    let mut rest = Some(text);
    let parts = std::iter::from_fn(move || {
        let text = rest?;
        let (part, after) = match separator.and_then(|separator| text.split_once(separator)) {
            Some((part, after)) => (part, Some(after)),
            None => (text, None),
        };
        rest = after;
        Some(if separator.is_some() || trim { part.trim() } else { part })
    });
    parts.filter(move |part| !part.is_empty() && !null.iter().any(|null| null == part))
}

/// What the columns of a table hold: several values where the settings name a separator for them; `others` what is said of all the
/// other ones.
#[must_use]
pub fn types(
    names: &[String],
    multi_valued: &BTreeMap<String, String>,
    others: Option<FieldType>,
) -> FieldTypes {
    let of = |name: &String| match multi_valued.contains_key(name) {
        true => Some(FieldType::List),
        false => others,
    };
    names.iter().filter_map(|name| Some((name.clone(), of(name)?))).collect()
}

/// The name that was probably meant: the same but for case and separators, or a few letters off.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
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
pub fn shorten<'a>(names: impl Iterator<Item = &'a str>) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Header {
        Header { names: names.iter().map(|&name| name.into()).collect() }
    }

    #[test]
    fn names_are_found_once_or_the_table_is_refused() {
        let of = |names: &[&str], asked: &[&str]| {
            let found = header(names).find("p.csv", asked, |at| (at + 1).to_string());
            found.map_err(|error| format!("{error}; {}", error.hint().unwrap_or_default()))
        };
        assert_eq!(of(&["id", "", "name"], &["name", "id", "name"]), Ok(vec![2, 0, 2]));
        assert_eq!(
            of(&["id", "name", "id"], &["id"]).unwrap_err(),
            "p.csv has column `id` more than once: columns 1 and 3; "
        );
        assert_eq!(
            of(&["ID", "full name"], &["id", "dn", "id"]).unwrap_err(),
            "p.csv has no column `id` (nearest: `ID`), `dn`; its columns are ID, full name"
        );
        assert_eq!(
            of(&["7", "Zoë Ng"], &["id"]).unwrap_err(),
            "the first row of p.csv does not name the columns; it looks like a person; the first row must be a header"
        );
    }

    #[test]
    fn a_cell_holds_one_value_several_or_none() {
        let null = ["NULL".to_owned()];
        let of = |text, separator, trim| values(text, separator, trim, &null).collect::<Vec<_>>();
        assert_eq!(of(" a; b ;NULL;;c", Some(";"), false), ["a", "b", "c"]);
        assert_eq!(of(" a; b ", None, false), [" a; b "]);
        assert_eq!(of(" a; b ", None, true), ["a; b"]);
        assert_eq!(of("NULL", None, false), Vec::<&str>::new());
        assert_eq!(of("", Some(";"), false), Vec::<&str>::new());
    }
}
