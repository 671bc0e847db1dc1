//! A batch of records: all text in one buffer, a small cell for each field, nothing allocated per record.

mod spares;

use std::ops::Range;
use std::sync::Arc;

use self::spares::Spare;
pub(crate) use self::spares::Spares;
use crate::record::{Cell, Place, Record, Row, Span};
use crate::{Fields, Key, Origin, Value};

/// An entry that could not become a record. It stops nobody else, and is never silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The key of the entry, as far as it can be told. An account with this key is pinned: present, not absent.
    pub key: Option<Key>,
    /// Further keys that the entry might have, when it is too damaged to tell: each of them is pinned as well.
    pub might_be: Vec<Key>,
    /// Where the entry is.
    pub origin: Origin,
    /// The field that is to blame, if there is one.
    pub field: Option<String>,
    /// Why, as a fragment: "5 fields where the header has 7".
    pub reason: String,
}

impl Rejected {
    /// A rejection without a key or field.
    pub fn new(origin: Origin, reason: impl Into<String>) -> Self {
        Self { key: None, might_be: Vec::new(), origin, field: None, reason: reason.into() }
    }

    /// The same with its key, if the text is one.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Key::new(key);
        self
    }

    /// The same with the field that is to blame.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same with further keys that the entry might have.
    #[must_use]
    pub fn with_might_be<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.might_be.extend(keys.into_iter().filter_map(Key::new));
        self
    }
}

/// An entry that a source of changes says is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The key that the entry had.
    pub key: Key,
    /// Where it was, or the tombstone.
    pub origin: Origin,
}

/// Records, rejections and removals that were read together. See the crate docs for its layout.
#[derive(Debug)]
pub struct Batch {
    pub(crate) fields: Fields,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    /// `fields.len()` cells a record, record after record.
    pub(crate) cells: Vec<Cell>,
    /// Lists of two and more values, as runs of cells.
    pub(crate) lists: Vec<Vec<Cell>>,
    pub(crate) rows: Vec<Row>,
    pub(crate) places: Vec<Arc<str>>,
    rejected: Vec<Rejected>,
    removed: Vec<Removed>,
}

impl Batch {
    /// An empty batch whose records have these fields.
    #[must_use]
    pub fn new(fields: Fields) -> Self {
        Self::with_capacity(fields, 0, 0)
    }

    /// An empty batch with room for so many records and bytes of text.
    #[must_use]
    pub fn with_capacity(fields: Fields, records: usize, text_bytes: usize) -> Self {
        let Spare { mut text, mut cells, mut rows } = fields.spares().take();
        text.reserve(text_bytes);
        cells.reserve(records * fields.len());
        rows.reserve(records);
        Self {
            fields,
            text,
            bytes: Vec::new(),
            cells,
            lists: Vec::new(),
            rows,
            places: Vec::new(),
            rejected: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// The names of the fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many bytes of text and binary the records hold: what a connector bounds, beside their number.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + self.bytes.len()
    }

    /// Adds a record. White space around the key is not part of it; a key of nothing else gives `None`, and the caller
    /// rejects the entry (C5).
    #[inline]
    pub fn record(&mut self, key: &str, origin: Origin) -> Option<RecordWriter<'_>> {
        let key = key.trim();
        if key.is_empty() {
            return None;
        }
        let key = self.push_text(key);
        let place = self.push_origin(origin);
        let first_cell = self.cells.len();
        self.rows.push(Row { key, place });
        self.cells.resize(first_cell + self.fields.len(), Cell::Empty);
        Some(RecordWriter { batch: self, first_cell })
    }

    /// Adds a record whose values are parts of one text, such as the row of a table: the text is copied once, not value by value.
    /// `parts` are ranges of the text, one a field; an empty one is no value. What is not a part of the text is set afterwards.
    ///
    /// The key is a range too, and as in [`record`](Self::record) gives `None` where it is of white space. A range that is
    /// none of the text's is a bug of the connector and panics.
    #[inline]
    pub fn record_of_parts(
        &mut self,
        text: &str,
        key: Range<usize>,
        origin: Origin,
        parts: impl Iterator<Item = Range<usize>>,
    ) -> Option<RecordWriter<'_>> {
        let raw = text.get(key.clone()).expect("the key is a part of the text");
        let before = raw.len() - raw.trim_start().len();
        let key = key.start + before..key.start + before + raw.trim().len();
        if key.is_empty() {
            return None;
        }
        let place = self.push_origin(origin);
        let start = self.push_text(text).range().start;
        self.rows.push(Row { key: Span::new(start + key.start, start + key.end), place });
        let first_cell = self.cells.len();
        self.cells.extend(parts.take(self.fields.len()).map(|part| {
            if part.is_empty() {
                return Cell::Empty;
            }
            let is_part = text.is_char_boundary(part.start) && text.is_char_boundary(part.end);
            assert!(is_part, "{part:?} is no part of the text");
            Cell::Text(Span::new(start + part.start, start + part.end))
        }));
        self.cells.resize(first_cell + self.fields.len(), Cell::Empty);
        Some(RecordWriter { batch: self, first_cell })
    }

    /// Adds a rejection.
    pub fn reject(&mut self, rejected: Rejected) {
        self.rejected.push(rejected);
    }

    /// Adds a removal.
    pub fn remove(&mut self, removed: Removed) {
        self.removed.push(removed);
    }

    /// The records, in the order in which they were added.
    #[inline]
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        (0..self.rows.len()).map(|row| Record::new(self, row))
    }

    /// The record at a position.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Record<'_>> {
        (index < self.rows.len()).then(|| Record::new(self, index))
    }

    /// The rejections.
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// The removals.
    #[must_use]
    pub fn removed(&self) -> &[Removed] {
        &self.removed
    }

    #[inline]
    fn push_text(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start, self.text.len())
    }

    #[inline]
    fn push_origin(&mut self, origin: Origin) -> Place {
        match origin {
            Origin::Row { file, row } => Place::Row { file: self.push_place(file), row },
            Origin::Cell { sheet, row, column } => {
                Place::Cell { sheet: self.push_place(sheet), row, column }
            }
            Origin::Entry(name) => Place::Entry(self.push_text(&name)),
        }
    }

    /// The index of a file or sheet name; the last one used is nearly always the one that comes again.
    #[inline]
    fn push_place(&mut self, name: Arc<str>) -> u16 {
        let is_name = |place: &Arc<str>| Arc::ptr_eq(place, &name) || *place == name;
        let known = self.places.iter().rposition(is_name);
        let index = known.unwrap_or_else(|| {
            self.places.push(name);
            self.places.len() - 1
        });
        u16::try_from(index).expect("a batch reads from fewer than 65,536 files")
    }

    #[inline]
    fn cell(&mut self, value: Value<'_>) -> Cell {
        match value {
            Value::Text(text) => Cell::Text(self.push_text(text)),
            Value::Bytes(bytes) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Cell::Bytes(Span::new(start, self.bytes.len()))
            }
            Value::Integer(number) => Cell::Integer(number),
            Value::Decimal(number) => Cell::Decimal(number),
            Value::Boolean(value) => Cell::Boolean(value),
            Value::Timestamp(time) => Cell::Timestamp(time),
        }
    }
}

/// Fills the fields of one record.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    batch: &'a mut Batch,
    first_cell: usize,
}

impl RecordWriter<'_> {
    /// Gives the field at this position one value, instead of whatever it had. A position beyond the fields is a bug of
    /// the connector and panics.
    #[inline]
    pub fn set(&mut self, field: usize, value: Value<'_>) {
        let index = self.index(field);
        self.batch.cells[index] = self.batch.cell(value);
    }

    /// Adds a value to the field at this position, after those that it has. A position beyond the fields is a bug of the
    /// connector and panics.
    #[inline]
    pub fn push(&mut self, field: usize, value: Value<'_>) {
        let index = self.index(field);
        let added = self.batch.cell(value);
        match self.batch.cells[index] {
            Cell::Empty => self.batch.cells[index] = added,
            Cell::List(list) => self.batch.lists[list as usize].push(added),
            single => {
                let list = u32::try_from(self.batch.lists.len())
                    .expect("a batch holds fewer than 2^32 lists");
                self.batch.lists.push(vec![single, added]);
                self.batch.cells[index] = Cell::List(list);
            }
        }
    }

    #[inline]
    fn index(&self, field: usize) -> usize {
        assert!(field < self.batch.fields.len(), "field {field} is beyond the batch's fields");
        self.first_cell + field
    }
}
