//! The settings of a spreadsheet source.

use std::collections::BTreeMap;
use std::fmt;

use peoplesync_source::files::Paths;
use peoplesync_source::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use peoplesync_source::{Error, table};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::limit::Limits;

/// Spreadsheets of people: xlsx, xlsm, xlsb, xls and ods.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct ExcelConfig {
    /// The file or files: a path or a list of paths, relative to the config file. `*`, `?`, `[…]` and `**` match file names.
    pub path: Paths,
    /// The sheet or sheets: a name, a pattern with `*` and `?`, a position counted from 1, or a list of these. Without it: the first
    /// visible sheet. A pattern matches visible sheets only.
    #[serde(default)]
    pub sheets: Sheets,
    /// The column that holds the key: something that never changes, such as an employee number.
    pub key: String,
    /// The row that names the columns, counted from 1. Without it: the first of the first 100 rows that has the key as a column.
    #[serde(default)]
    pub header_row: Option<u32>,
    /// Whether people in hidden rows, such as those that a filter hides, are read or skipped.
    #[serde(default)]
    pub hidden_rows: HiddenRows,
    /// What merged cells mean: each of them has the value that is seen, or only the first one has it.
    #[serde(default)]
    pub merged_cells: MergedCells,
    /// The columns that hold several values, each with the text that separates them. Blanks around a value are dropped.
    #[serde(default)]
    pub multi_valued: BTreeMap<String, String>,
    /// Whether blanks around texts are dropped. The names in the header and the key are always trimmed.
    #[serde(default)]
    pub trim: bool,
    /// Texts that mean "no value", beside the empty cell.
    #[serde(default)]
    pub null: Vec<String>,
    /// What a file may cost before it is refused.
    #[serde(default)]
    pub limits: Limits,
}

/// The sheets to read; none means the first visible one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheets(pub Vec<SheetName>);

/// How a sheet is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SheetName {
    /// By its name, or by a pattern.
    Name(String),
    /// By its position, counted from 1.
    Position(u32),
}

/// What is done with hidden rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "peoplesync_source::schemars")]
pub enum HiddenRows {
    /// A hidden row is like any other.
    #[default]
    Read,
    /// A hidden row is not there.
    Skip,
}

/// What merged cells mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "peoplesync_source::schemars")]
pub enum MergedCells {
    /// Each of the cells has the value that is seen.
    #[default]
    Fill,
    /// Only the first cell has it, as the file says.
    First,
}

impl ExcelConfig {
    /// That the settings make sense.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.key.trim().is_empty() {
            let message = "key is empty: it names the column that tells people apart";
            return Err(Error::config(message));
        }
        self.path.validate()?;
        if self.header_row == Some(0) {
            return Err(Error::config("header_row is 0: rows are counted from 1"));
        }
        for sheet in &self.sheets.0 {
            match sheet {
                SheetName::Position(0) => {
                    return Err(Error::config("sheets has 0: sheets are counted from 1"));
                }
                SheetName::Name(name) if name.trim().is_empty() => {
                    return Err(Error::config("sheets has an empty name"));
                }
                SheetName::Name(_) | SheetName::Position(_) => {}
            }
        }
        if let Some((name, _)) =
            self.multi_valued.iter().find(|(_, separator)| separator.is_empty())
        {
            return Err(Error::config(format!("the separator of multi_valued.{name} is empty")));
        }
        self.limits.validate()
    }

    /// The values in a text: one, or those between the separators; none where there is nothing.
    pub(crate) fn values<'a>(
        &'a self,
        text: &'a str,
        separator: Option<&'a str>,
    ) -> impl Iterator<Item = &'a str> {
        table::values(text, separator, self.trim, &self.null)
    }
}

impl<'de> Deserialize<'de> for Sheets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SheetsVisitor)
    }
}

impl<'de> Deserialize<'de> for SheetName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SheetNameVisitor)
    }
}

/// By hand, because an untagged enum would answer every mistake with "did not match any variant".
struct SheetsVisitor;

struct SheetNameVisitor;

const EXPECTED: &str = "a sheet's name or position";

impl<'de> Visitor<'de> for SheetsVisitor {
    type Value = Sheets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{EXPECTED}, or a list of these")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Sheets, E> {
        SheetNameVisitor.visit_str(name).map(|name| Sheets(vec![name]))
    }

    fn visit_i64<E: serde::de::Error>(self, position: i64) -> Result<Sheets, E> {
        SheetNameVisitor.visit_i64(position).map(|name| Sheets(vec![name]))
    }

    fn visit_u64<E: serde::de::Error>(self, position: u64) -> Result<Sheets, E> {
        SheetNameVisitor.visit_u64(position).map(|name| Sheets(vec![name]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sheets, A::Error> {
        let mut sheets = Vec::new();
        while let Some(sheet) = list.next_element()? {
            sheets.push(sheet);
        }
        Ok(Sheets(sheets))
    }
}

impl Visitor<'_> for SheetNameVisitor {
    type Value = SheetName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<SheetName, E> {
        Ok(SheetName::Name(name.to_owned()))
    }

    fn visit_i64<E: serde::de::Error>(self, position: i64) -> Result<SheetName, E> {
        let position = u32::try_from(position);
        position.map(SheetName::Position).map_err(|_| E::custom("sheets are counted from 1"))
    }

    fn visit_u64<E: serde::de::Error>(self, position: u64) -> Result<SheetName, E> {
        let position = u32::try_from(position);
        position.map(SheetName::Position).map_err(|_| E::custom("no workbook has so many sheets"))
    }
}

impl JsonSchema for Sheets {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sheets".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": ["string", "integer"], "minimum": 1 });
        json_schema!({
            "description": "A sheet's name, pattern or position counted from 1, or a list of these.",
            "anyOf": [one, { "type": "array", "items": one }]
        })
    }
}
