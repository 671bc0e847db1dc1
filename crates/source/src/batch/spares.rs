//! The memory of batches that were used up, for those that come after: a pass touches as much memory as it has batches at a
//! time, however many they are in all.

use std::sync::{Mutex, PoisonError};

use super::Batch;
use crate::record::{Cell, Row};

/// What batches with the same fields have left.
#[derive(Default)]
pub(crate) struct Spares(Mutex<Vec<Spare>>);

/// The empty buffers of one batch.
#[derive(Default)]
pub(super) struct Spare {
    pub(super) text: String,
    pub(super) cells: Vec<Cell>,
    pub(super) rows: Vec<Row>,
}

/// More batches than a pass has at a time.
const MOST: usize = 16;

/// A buffer beyond this was an unusual batch's, and is given back at once.
const MOST_BYTES: usize = 1 << 20;

impl Spares {
    pub(super) fn take(&self) -> Spare {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps what a batch leaves.
    fn keep(&self, mut spare: Spare) {
        let bytes = spare.text.capacity()
            + spare.cells.capacity() * size_of::<Cell>()
            + spare.rows.capacity() * size_of::<Row>();
        if bytes == 0 || bytes > MOST_BYTES {
            return;
        }
        spare.text.clear();
        spare.cells.clear();
        spare.rows.clear();
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < MOST {
            spares.push(spare);
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let spare = Spare {
            text: std::mem::take(&mut self.text),
            cells: std::mem::take(&mut self.cells),
            rows: std::mem::take(&mut self.rows),
        };
        self.fields.spares().keep(spare);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Batch, Fields, Origin};

    #[test]
    fn a_batch_begins_empty_with_what_another_left() {
        let fields = Fields::new(["name"]);
        let mut first = Batch::with_capacity(fields.clone(), 4, 64);
        first.record("7", Origin::row("people.csv", 2)).unwrap();
        let (text, cells) = (first.text.as_ptr(), first.cells.as_ptr());
        drop(first);

        let second = Batch::with_capacity(fields.clone(), 2, 32);
        assert!(second.is_empty() && second.size() == 0 && second.cells.is_empty());
        assert_eq!((second.text.as_ptr(), second.cells.as_ptr()), (text, cells));
        let third = Batch::with_capacity(fields, 2, 32);
        assert_ne!(third.text.as_ptr(), text);
    }
}
