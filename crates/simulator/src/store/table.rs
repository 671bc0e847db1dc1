//! The resources of one type, in the order in which they were added.
//! A page is a slice of it: nothing is counted through or copied but pointers.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use peoplesync_scim::Resource;
use serde_json::Value as Json;

use super::index::{Indexes, Lookup};

/// One resource as it is sent.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: Arc<str>,
    pub(crate) version: u64,
    /// The `userName` or `displayName`.
    pub(crate) name: Box<str>,
    pub(crate) bytes: Bytes,
}

/// A resource as it was at one moment; a later change makes a new row.
pub(crate) type RowRef = Arc<Row>;

impl Row {
    /// The resource, read from its bytes.
    pub(crate) fn value(&self) -> Json {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

/// The resources of one type.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<RowRef>,
    /// A number for each row, rising; a row keeps it for life, while its position moves when others go.
    numbers: Vec<u64>,
    next: u64,
    by_id: HashMap<Arc<str>, u64>,
    indexes: Indexes,
}

impl Table {
    pub(crate) fn new(resource: Resource) -> Self {
        Self {
            rows: Vec::new(),
            numbers: Vec::new(),
            next: 0,
            by_id: HashMap::new(),
            indexes: Indexes::new(resource),
        }
    }

    /// All rows; borrow a part of them as a page.
    pub(crate) fn rows(&self) -> &[RowRef] {
        &self.rows
    }

    pub(crate) fn get(&self, id: &str) -> Option<&RowRef> {
        self.at(*self.by_id.get(id)?)
    }

    /// The rows among which are all that the filter part selects, in order.
    pub(crate) fn lookup(&self, lookup: &Lookup<'_>) -> Vec<RowRef> {
        match lookup {
            Lookup::Id(id) => self.get(id).cloned().into_iter().collect(),
            Lookup::Value(name, value) => {
                let numbers = self.indexes.get(name, value);
                numbers.iter().filter_map(|number| self.at(*number)).cloned().collect()
            }
        }
    }

    pub(super) fn put(&mut self, row: Row, value: &Json) -> RowRef {
        let row = Arc::new(row);
        if let Some(&number) = self.by_id.get(&row.id) {
            if let Some(position) = self.position(number)
                && let Some(place) = self.rows.get_mut(position)
            {
                let before = std::mem::replace(place, Arc::clone(&row));
                self.indexes.replace(number, Some(&before.value()), Some(value));
            }
            return row;
        }
        let number = self.next;
        self.next += 1;
        self.by_id.insert(Arc::clone(&row.id), number);
        self.numbers.push(number);
        self.rows.push(Arc::clone(&row));
        self.indexes.replace(number, None, Some(value));
        row
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(number) = self.by_id.remove(id) else { return false };
        if let Some(position) = self.position(number) {
            self.numbers.remove(position);
            let row = self.rows.remove(position);
            self.indexes.replace(number, Some(&row.value()), None);
        }
        true
    }

    fn at(&self, number: u64) -> Option<&RowRef> {
        self.rows.get(self.position(number)?)
    }

    fn position(&self, number: u64) -> Option<usize> {
        self.numbers.binary_search(&number).ok()
    }
}
