//! Everything that one of several sources has, found by key. Its batches are kept as they came: about 16 bytes a field and the
//! text itself, and 16 bytes a record for the search.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use peoplesync_source::{
    Batch, Context, Coverage, Error, FieldType, Fields, Query, Record, Rejected, Source, Step,
};

/// The name under which a source has a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column(String);

impl Column {
    pub(super) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// All records of a source.
#[derive(Debug)]
pub(super) struct Table {
    batches: Vec<(Batch, usize)>,
    /// Where each merged field is, for each list of fields that the source's batches have.
    layouts: Vec<(Fields, Vec<Option<usize>>)>,
    /// Hash of the key, batch, row; sorted.
    index: Vec<(u64, u32, u32)>,
    rejected: Vec<Rejected>,
    gap: Option<String>,
    /// For each merged field that the source has, what it says that it holds.
    types: Vec<Option<Option<FieldType>>>,
}

impl Table {
    /// Reads a source to its end. `columns`: for each merged field, what the source calls it.
    pub(super) async fn read(
        source: &dyn Source,
        cx: &Context,
        columns: Vec<Option<Column>>,
    ) -> Result<Self, Error> {
        let mut asked: Vec<&str> =
            columns.iter().flatten().map(|column| column.0.as_str()).collect();
        asked.sort_unstable();
        asked.dedup();
        let mut records = source.open(cx, &Query::fields(asked)).await?;
        let types = records.types();
        let of = |column: &Option<Column>| Some(types.get(&column.as_ref()?.0).copied());
        let mut table = Self {
            types: columns.iter().map(of).collect(),
            batches: Vec::new(),
            layouts: Vec::new(),
            index: Vec::new(),
            rejected: Vec::new(),
            gap: None,
        };
        loop {
            match records.next().await? {
                Step::Batch(batch) => table.take(batch, &columns),
                Step::End(end) => {
                    table.gap = match end.coverage {
                        Coverage::Complete => table.gap,
                        Coverage::Partial { reason } => {
                            Some(format!("only a part was read: {reason}"))
                        }
                        Coverage::Changes => Some("only changes were read".to_owned()),
                    };
                    break;
                }
            }
        }
        table.index.sort_unstable();
        Ok(table)
    }

    fn take(&mut self, batch: Batch, columns: &[Option<Column>]) {
        for rejected in batch.rejected() {
            // Whose record it was cannot be told, so that somebody is missing of whom it is not known who.
            if rejected.key.is_none() || !rejected.might_be.is_empty() {
                let gap = format!("the record at {} may be anybody's", rejected.origin);
                self.gap.get_or_insert(gap);
            }
            self.rejected.push(rejected.clone());
        }
        if batch.is_empty() {
            return;
        }
        let known = self.layouts.iter().position(|(fields, _)| fields.is_same(batch.fields()));
        let layout = known.unwrap_or_else(|| {
            let position = |column: &Option<Column>| batch.fields().position(&column.as_ref()?.0);
            let places = columns.iter().map(position).collect();
            self.layouts.push((batch.fields().clone(), places));
            self.layouts.len() - 1
        });
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let at = narrow(self.batches.len());
        let rows = batch.records().enumerate();
        self.index.extend(rows.map(|(row, record)| (hash_of(record.key()), at, narrow(row))));
        self.batches.push((batch, layout));
    }

    /// Why somebody may be missing, if the read was not complete.
    pub(super) fn gap(&self) -> Option<String> {
        self.gap.clone()
    }

    /// What the source says that a merged field holds, if it has that field.
    pub(super) fn holds(&self, field: usize) -> Option<Option<FieldType>> {
        self.types.get(field).copied().flatten()
    }

    pub(super) fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// The record at a place, counted through batches; none behind the last.
    pub(super) fn at(&self, batch: usize, row: usize) -> Option<Row<'_>> {
        let (batch, layout) = self.batches.get(batch)?;
        let (_, places) = self.layouts.get(*layout)?;
        Some(Row { record: batch.get(row)?, places })
    }

    pub(super) fn batches(&self) -> usize {
        self.batches.len()
    }

    /// The record with this key.
    pub(super) fn find(&self, key: &str) -> Option<Row<'_>> {
        let hash = hash_of(key);
        let first = self.index.partition_point(|(known, _, _)| *known < hash);
        let same = self.index.get(first..)?.iter().take_while(|(known, _, _)| *known == hash);
        let mut rows = same.filter_map(|(_, batch, row)| self.at(*batch as usize, *row as usize));
        rows.find(|row| row.record.key() == key)
    }
}

/// A record of a table, with the places of the merged fields in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) record: Record<'a>,
    places: &'a [Option<usize>],
}

impl Row<'_> {
    /// Where the record has a merged field.
    pub(super) fn place(&self, field: usize) -> Option<usize> {
        self.places.get(field).copied().flatten()
    }
}

/// Keys are compared as well, so a hash without a secret will do.
fn hash_of(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
