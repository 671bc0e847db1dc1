//! A record as it is read: a view into its batch.

use std::ops::Range;
use std::slice;
use std::sync::Arc;

use crate::{Batch, Fields, Origin, Timestamp, Value};

/// One raw entry of a source: a key, an origin, and named, multi-valued fields.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    batch: &'a Batch,
    row: usize,
}

impl<'a> Record<'a> {
    #[inline]
    pub(crate) fn new(batch: &'a Batch, row: usize) -> Self {
        Self { batch, row }
    }

    /// The key, never empty.
    #[must_use]
    #[inline]
    pub fn key(&self) -> &'a str {
        self.batch.text_at(self.batch.rows[self.row].key)
    }

    /// Where a person can find the record.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let place = |index: u16| Arc::clone(&self.batch.places[usize::from(index)]);
        match self.batch.rows[self.row].place {
            Place::Row { file, row } => Origin::Row { file: place(file), row },
            Place::Cell { sheet, row, column } => Origin::Cell { sheet: place(sheet), row, column },
            Place::Entry(span) => Origin::Entry(self.batch.text_at(span).into()),
        }
    }

    /// The names of the fields, by position.
    #[must_use]
    pub fn fields(&self) -> &'a Fields {
        &self.batch.fields
    }

    /// All values of the field at a position; none where the field is empty or the position is beyond the fields.
    #[must_use]
    #[inline]
    pub fn values(&self, field: usize) -> Values<'a> {
        let cells = match self.cell(field) {
            None | Some(Cell::Empty) => &[],
            Some(Cell::List(list)) => self.batch.lists[*list as usize].as_slice(),
            Some(single) => slice::from_ref(single),
        };
        Values { batch: self.batch, cells: cells.iter() }
    }

    /// The first value of the field at a position.
    #[must_use]
    #[inline]
    pub fn first(&self, field: usize) -> Option<Value<'a>> {
        match self.cell(field)? {
            Cell::Empty => None,
            Cell::List(list) => {
                self.batch.lists[*list as usize].first().and_then(|cell| self.batch.value(*cell))
            }
            single => self.batch.value(*single),
        }
    }

    #[inline]
    fn cell(&self, field: usize) -> Option<&'a Cell> {
        let width = self.batch.fields.len();
        if field >= width {
            return None;
        }
        self.batch.cells.get(self.row * width + field)
    }
}

/// The values of one field, in order.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    batch: &'a Batch,
    cells: slice::Iter<'a, Cell>,
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        let cell = *self.cells.next()?;
        self.batch.value(cell)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.cells.size_hint()
    }
}

impl ExactSizeIterator for Values<'_> {}

/// A run in one of the batch's buffers, which hold less than 4 GiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let narrow = |at| u32::try_from(at).expect("a batch holds less than 4 GiB of text");
        Self { start: narrow(start), end: narrow(end) }
    }

    #[inline]
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One field of one record: 16 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell {
    Empty,
    Text(Span),
    Bytes(Span),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
    Timestamp(Timestamp),
    /// An index into the batch's lists.
    List(u32),
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: Span,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Row { file: u16, row: u64 },
    Cell { sheet: u16, row: u32, column: Option<u16> },
    Entry(Span),
}

impl Batch {
    #[inline]
    fn text_at(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    #[inline]
    fn value(&self, cell: Cell) -> Option<Value<'_>> {
        Some(match cell {
            Cell::Text(span) => Value::Text(self.text_at(span)),
            Cell::Bytes(span) => Value::Bytes(self.bytes.get(span.range()).unwrap_or_default()),
            Cell::Integer(number) => Value::Integer(number),
            Cell::Decimal(number) => Value::Decimal(number),
            Cell::Boolean(value) => Value::Boolean(value),
            Cell::Timestamp(time) => Value::Timestamp(time),
            // A list holds single values only.
            Cell::Empty | Cell::List(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_takes_sixteen_bytes() {
        assert_eq!(size_of::<Cell>(), 16);
    }

    #[test]
    fn values_keep_order_count_and_kind() {
        let mut batch = Batch::new(Fields::new(["a", "b", "c"]));
        let mut record = batch.record(" k ", Origin::row("f", 2)).unwrap();
        record.push(0, Value::Text("x"));
        record.push(0, Value::Text(""));
        record.push(0, Value::Integer(3));
        record.set(1, Value::Bytes(&[0, 255]));
        batch.record("l", Origin::entry("dn")).unwrap().set(2, Value::Boolean(true));

        let records: Vec<_> = batch.records().collect();
        let values: Vec<_> = records[0].values(0).collect();
        assert_eq!(values, [Value::Text("x"), Value::Text(""), Value::Integer(3)]);
        assert_eq!(records[0].first(1), Some(Value::Bytes(&[0, 255])));
        assert_eq!(records[0].first(2), None);
        assert_eq!((records[0].key(), records[1].key()), ("k", "l"));
        assert_eq!(records[1].first(2), Some(Value::Boolean(true)));
        assert_eq!(records[1].values(9).count(), 0);
        assert_eq!(records[1].origin().to_string(), "dn");
    }

    #[test]
    fn parts_of_one_text_are_values_like_others() {
        let mut batch = Batch::new(Fields::new(["a", "b", "c", "d"]));
        batch.record("k", Origin::row("f", 2)).unwrap().set(0, Value::Text("before"));
        let text = " 7 ,Zoë,,rest";
        let parts = [4..8, 9..9, 0..3];
        let mut record =
            batch.record_of_parts(text, 0..3, Origin::row("f", 3), parts.into_iter()).unwrap();
        record.set(3, Value::Text("other"));
        record.push(2, Value::Text("more"));

        let record = batch.get(1).unwrap();
        assert_eq!((record.key(), record.origin().to_string()), ("7", "f:3".to_owned()));
        let values = |field| record.values(field).collect::<Vec<_>>();
        assert_eq!(values(0), [Value::Text("Zoë")]);
        assert_eq!(values(1), []);
        assert_eq!(values(2), [Value::Text(" 7 "), Value::Text("more")]);
        assert_eq!(values(3), [Value::Text("other")]);
        assert_eq!(batch.get(0).unwrap().first(0), Some(Value::Text("before")));
    }

    #[test]
    fn a_key_of_white_space_is_none() {
        let mut batch = Batch::new(Fields::new(["a"]));
        assert!(batch.record(" \t", Origin::row("f", 2)).is_none());
        let origin = Origin::row("f", 2);
        assert!(batch.record_of_parts("a, ,", 2..3, origin, std::iter::once(0..1)).is_none());
        assert!(batch.is_empty());
    }
}
