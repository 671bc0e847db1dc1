//! The situations that a harness stages, and the people in them.

use std::fmt;

use peoplesync_source::Value;

/// The credential that a harness puts wherever its settings take one in [`Situation::Secret`]. No output may contain it.
pub const SECRET: &str = "hunter2-planted-by-the-testkit";

/// What a source is to look like.
///
/// A table's fields are the named ones; the key stands in a place of the connector's choice. A source that needs more fields (an
/// object class) adds them.
#[derive(Debug, Clone, PartialEq)]
pub enum Situation {
    /// These rows and nothing unusual. Every harness can do this.
    Rows(Table),
    /// Text that is easily damaged, in every form that the source may have it in: with and without BOM, line ends, encodings.
    Texts(Table),
    /// Several values in a field.
    Lists(Table),
    /// Values that are bytes.
    Bytes(Table),
    /// Numbers and booleans that the source has as such, not as text.
    Typed(Table),
    /// Points in time that the source has as such.
    Times(Table),
    /// These rows, one of them spoiled so that it cannot become a record.
    BadRow {
        /// All rows, none of them spoiled yet.
        table: Table,
        /// The one to spoil.
        bad: usize,
    },
    /// These rows, of which the two named ones have the same key.
    RepeatedKey {
        /// All rows; the repeated key is in them.
        table: Table,
        /// The first of the two.
        first: usize,
        /// The second of the two.
        second: usize,
    },
    /// These rows, one of which has no key.
    EmptyKey {
        /// All rows; the key of one is an empty text.
        table: Table,
        /// That one.
        empty: usize,
    },
    /// A valid source with these fields and nobody in it.
    Empty(Table),
    /// A source whose structure is not what the settings say: another header, another tree.
    WrongStructure(Table),
    /// A source of these rows that is asked for [`Large::UNKNOWN_FIELD`], which its structure does not have.
    UnknownField(Table),
    /// A source that is not there or does not answer.
    Missing,
    /// A source that refuses our credentials or rights.
    Denied,
    /// These rows, but the source ends before it is over: a cut file, a lost connection, a size limit.
    Cut(Table),
    /// More than fits in the memory that a pass may use.
    Large(Large),
    /// Whatever the connector's author fears most: endless values, a million columns, bombs. The pass must end, no matter how.
    Hostile,
    /// A source whose settings hold [`SECRET`] wherever they take a credential. It need not be reachable.
    Secret,
}

/// Rows of people.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The names of the fields, without the key.
    pub fields: Vec<String>,
    /// The people.
    pub rows: Vec<Row>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The key.
    pub key: String,
    /// The values of each field, in the order of the table's fields. No value: the field is empty.
    pub values: Vec<Vec<Datum>>,
}

/// A value that is owned; see [`Value`].
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Text.
    Text(String),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// True or false.
    Boolean(bool),
    /// A point in time: milliseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
}

/// A source of many people, made one by one so that the test itself stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Large {
    /// How many.
    pub records: usize,
}

impl Situation {
    /// What the situation is called in declarations and failures.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rows(_) => "rows",
            Self::Texts(_) => "texts",
            Self::Lists(_) => "lists",
            Self::Bytes(_) => "bytes",
            Self::Typed(_) => "numbers and booleans",
            Self::Times(_) => "points in time",
            Self::BadRow { .. } => "a bad row",
            Self::RepeatedKey { .. } => "a repeated key",
            Self::EmptyKey { .. } => "an empty key",
            Self::Empty(_) => "an empty source",
            Self::WrongStructure(_) => "a wrong structure",
            Self::UnknownField(_) => "an unknown field",
            Self::Missing => "a missing source",
            Self::Denied => "a denied source",
            Self::Cut(_) => "a cut source",
            Self::Large(_) => "a large source",
            Self::Hostile => "hostile input",
            Self::Secret => "a secret",
        }
    }

    /// All of them, as the rules stage them.
    pub(crate) fn all() -> Vec<Self> {
        let people = Table::people;
        vec![
            Self::Rows(people()),
            Self::Texts(Table::texts()),
            Self::Lists(Table::lists()),
            Self::Bytes(Table::bytes()),
            Self::Typed(Table::typed()),
            Self::Times(Table::times()),
            Self::bad_row(),
            Self::repeated_key(),
            Self::empty_key(),
            Self::Empty(Table { rows: Vec::new(), ..people() }),
            Self::WrongStructure(people()),
            Self::UnknownField(people()),
            Self::Missing,
            Self::Denied,
            Self::Cut(people()),
            Self::Large(Large::USUAL),
            Self::Hostile,
            Self::Secret,
        ]
    }

    pub(crate) fn bad_row() -> Self {
        Self::BadRow { table: Table::people(), bad: 2 }
    }

    pub(crate) fn repeated_key() -> Self {
        let mut table = Table::people();
        table.rows[3].key = table.rows[1].key.clone();
        Self::RepeatedKey { table, first: 1, second: 3 }
    }

    pub(crate) fn empty_key() -> Self {
        let mut table = Table::people();
        table.rows[2].key = String::new();
        Self::EmptyKey { table, empty: 2 }
    }
}

impl Table {
    /// A table of texts; an empty text means that the field has no value.
    pub fn new(fields: &[&str], rows: &[(&str, &[&str])]) -> Self {
        let row = |(key, values): &(&str, &[&str])| Row {
            key: (*key).into(),
            values: values
                .iter()
                .map(|value| Vec::from_iter((!value.is_empty()).then(|| Datum::text(value))))
                .collect(),
        };
        Self {
            fields: fields.iter().map(|&field| field.into()).collect(),
            rows: rows.iter().map(row).collect(),
        }
    }

    fn with_lists(fields: &[&str], rows: &[(&str, &[&[Datum]])]) -> Self {
        let row = |(key, values): &(&str, &[&[Datum]])| Row {
            key: (*key).into(),
            values: values.iter().map(|list| list.to_vec()).collect(),
        };
        Self {
            fields: fields.iter().map(|&field| field.into()).collect(),
            rows: rows.iter().map(row).collect(),
        }
    }

    /// Five people without anything unusual; one has no mail.
    pub(crate) fn people() -> Self {
        Self::new(
            &["name", "mail", "title"],
            &[
                ("1001", &["Zoë Ng", "zoe@example.com", "Engineer"]),
                ("1002", &["Ada Byron", "ada@example.com", "Analyst"]),
                ("1003", &["Joan Clarke", "joan@example.com", "Cryptanalyst"]),
                ("1004", &["Kofi Mensah", "", "Lead"]),
                ("1005", &["Linh Trần", "linh@example.com", "Designer"]),
            ],
        )
    }

    /// Text that is easily damaged.
    pub(crate) fn texts() -> Self {
        Self::new(
            &["name", "note"],
            &[
                ("quotes", &["Dwayne \"The Rock\" Johnson", "\"\""]),
                ("apostrophe", &["Sinéad O'Connor", "'"]),
                ("separators", &["Ng, Zoë; the \"first\"", "a,b;c\td|e"]),
                ("lines", &["two\nlines", "three\nmore\n\nlines"]),
                ("blanks", &["  two before, two after  ", "\u{a0}no-break\u{a0}"]),
                ("four-bytes", &["𝒵𝑜𝑒 𠮷野", "👩🏽‍🚀👨‍👩‍👧‍👦"]),
                ("right-to-left", &["محمد بن سلمان", "שָׁלוֹם \u{200f}(a)"]),
                ("combining", &["Zoe\u{308}", "Zoë"]),
                ("vietnamese", &["Nguyễn Thị Ánh", "Đặng"]),
                ("turkish", &["İstanbul ılık", "ß ẞ ﬁ"]),
                ("looks-typed", &["007", "1e5"]),
                ("looks-like-a-date", &["2026-01-02", "TRUE"]),
                ("formula", &["=1+1", "+44 20 7946 0000"]),
                ("backslash", &["a\\b\\n", "\\"]),
                ("ключ-7", &["a key beyond ASCII", "Ёлка"]),
                ("empty", &["", "x"]),
                ("null-like", &["NULL", "nil"]),
            ],
        )
    }

    pub(crate) fn lists() -> Self {
        let texts = |values: &[&str]| values.iter().map(|value| Datum::text(value)).collect();
        let lists: [Vec<Datum>; 4] = [
            texts(&["+44 1", "+44 2", "+44 3"]),
            texts(&["only one"]),
            texts(&["same", "same", "Zoë", "same"]),
            Vec::new(),
        ];
        Self::with_lists(
            &["phones", "groups"],
            &[("1001", &[&lists[0], &lists[1]]), ("1002", &[&lists[2], &lists[3]])],
        )
    }

    pub(crate) fn bytes() -> Self {
        let photo = [Datum::Bytes((0..=255).collect())];
        let guid = [Datum::Bytes(vec![0xff, 0x00, 0xfe, 0x80, 0x0d, 0x0a, 0x22, 0x2c])];
        Self::with_lists(&["photo", "guid"], &[("1001", &[&photo, &guid])])
    }

    pub(crate) fn typed() -> Self {
        let values: [&[Datum]; 3] =
            [&[Datum::Integer(-42)], &[Datum::Decimal(0.25)], &[Datum::Boolean(true)]];
        Self::with_lists(&["number", "share", "active"], &[("1001", &values)])
    }

    pub(crate) fn times() -> Self {
        let since = [Datum::Timestamp(1_767_225_600_000)];
        Self::with_lists(&["since"], &[("1001", &[&since])])
    }
}

impl Large {
    /// A field that no table has.
    pub const UNKNOWN_FIELD: &'static str = "no_such_field";

    pub(crate) const USUAL: Self = Self { records: 100_000 };

    /// The names of the fields.
    pub const FIELDS: [&'static str; 2] = ["name", "note"];

    /// The key and the fields of each person: some 400 bytes, all of them different.
    pub fn rows(self) -> impl Iterator<Item = (String, [String; 2])> {
        (0..self.records).map(|n| {
            let note = format!("{n:08} and some words that make the row longer. ").repeat(7);
            (format!("key-{n}"), [format!("Person {n}"), note])
        })
    }
}

impl Datum {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<Value<'_>> for Datum {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.into()),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
            Value::Integer(number) => Self::Integer(number),
            Value::Decimal(number) => Self::Decimal(number),
            Value::Boolean(value) => Self::Boolean(value),
            Value::Timestamp(time) => Self::Timestamp(time.0),
        }
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Integer(number) => write!(f, "{number}"),
            Self::Decimal(number) => write!(f, "{number:?}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Timestamp(time) => write!(f, "@{time}"),
        }
    }
}
