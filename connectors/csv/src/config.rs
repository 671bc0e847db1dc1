//! The settings of a CSV source.

use std::collections::BTreeMap;

use peoplesync_source::files::Paths;
use peoplesync_source::schemars::JsonSchema;
use peoplesync_source::{Error, table};
use serde::Deserialize;

use crate::encoding::TextEncoding;
use crate::parse::Dialect;

/// CSV files of people, with a header.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct CsvConfig {
    /// The file or files: a path or a list of paths, relative to the config file. `*`, `?`, `[…]` and `**` match file names.
    pub path: Paths,
    /// The column that holds the key: something that never changes, such as an employee number.
    pub key: String,
    /// What stands between two fields: one ASCII character, `tab`, or `auto`, which finds `,` `;` tab or `|` by the header.
    #[serde(default)]
    #[schemars(with = "String")]
    pub delimiter: Delimiter,
    /// What encloses a field that contains delimiters or line ends: one ASCII character, or `none`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub quote: Quote,
    /// `auto` (a byte order mark, otherwise UTF-8), or a name such as `utf-8`, `utf-16le`, `windows-1252`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub encoding: TextEncoding,
    /// The columns that hold several values, each with the text that separates them. Blanks around a value are dropped.
    #[serde(default)]
    pub multi_valued: BTreeMap<String, String>,
    /// Whether blanks around values are dropped. The names in the header and the key are always trimmed.
    #[serde(default)]
    pub trim: bool,
    /// Texts that mean "no value", beside the empty text.
    #[serde(default)]
    pub null: Vec<String>,
    /// The character that begins a line that is skipped, at the very start of it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub comment: Option<Comment>,
}

/// What separates fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Delimiter {
    /// Found by the header.
    #[default]
    Auto,
    /// This character.
    Byte(u8),
}

/// What encloses fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Quote {
    /// Nothing.
    None,
    /// This character; two of it stand for one inside.
    Byte(u8),
}

/// What begins a line that is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Comment(pub u8);

/// The delimiters that `auto` knows, the most usual first.
pub(crate) const DELIMITERS: [u8; 4] = *b",;\t|";

impl CsvConfig {
    /// That the settings do not contradict each other.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let Self { delimiter, quote, comment, .. } = self;
        let same = |what: &str| Err(Error::config(format!("{what} are the same character")));
        match (delimiter, quote, comment) {
            (Delimiter::Byte(one), Quote::Byte(two), _) if one == two => {
                same("delimiter and quote")
            }
            (Delimiter::Byte(one), _, Some(Comment(two))) if one == two => {
                same("delimiter and comment")
            }
            (_, Quote::Byte(one), Some(Comment(two))) if one == two => same("quote and comment"),
            _ if self.key.trim().is_empty() => {
                Err(Error::config("key is empty: it names the column that tells people apart"))
            }
            _ => match self.multi_valued.iter().find(|(_, separator)| separator.is_empty()) {
                Some((name, _)) => {
                    Err(Error::config(format!("the separator of multi_valued.{name} is empty")))
                }
                None => self.path.validate(),
            },
        }
    }

    /// The values in the text of a field: one, or those between the separators; none where there is nothing.
    pub(crate) fn values<'a>(
        &'a self,
        text: &'a str,
        separator: Option<&'a str>,
    ) -> impl Iterator<Item = &'a str> {
        table::values(text, separator, self.trim, &self.null)
    }

    /// How rows are split, once the delimiter is known.
    pub(crate) fn dialect(&self, delimiter: u8) -> Dialect {
        Dialect {
            delimiter,
            quote: match self.quote {
                Quote::None => None,
                Quote::Byte(byte) => Some(byte),
            },
            comment: self.comment.map(|comment| comment.0),
        }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "tab" => Ok(Self::Byte(b'\t')),
            "comma" => Ok(Self::Byte(b',')),
            "semicolon" => Ok(Self::Byte(b';')),
            "pipe" => Ok(Self::Byte(b'|')),
            other => symbol(other, "`tab` or `auto`").map(Self::Byte),
        }
    }
}

impl Default for Quote {
    fn default() -> Self {
        Self::Byte(b'"')
    }
}

impl TryFrom<String> for Quote {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "none" { Ok(Self::None) } else { symbol(&text, "or `none`").map(Self::Byte) }
    }
}

impl TryFrom<String> for Comment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        symbol(&text, "such as `#`").map(Self)
    }
}

/// The one character of a text. A file is split by bytes, so it must be ASCII, and it cannot be a line end.
fn symbol(text: &str, or: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        _ => Err(format!("{text:?} is not one ASCII character, {or}")),
    }
}
