//! Reads a whole pass into memory, owned and printable: for tests only.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use peoplesync_source::{
    Connector, Context, Coverage, End, Error, FieldTypes, Key, Origin, Query, Rejected, Removed,
    Source, Step,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::Datum;

/// A pass takes less than this in a test, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many empty batches in a row are no progress.
const MANY_EMPTY: usize = 10_000;

/// Everything that one pass gave.
///
/// `Display` shows it for snapshots: a line for each record and rejection, then the end. A batch lists its rejections after its
/// records.
#[derive(Debug)]
pub struct Pass {
    /// What the fields hold, as far as the source said it before the first batch.
    pub types: FieldTypes,
    /// The records, in order.
    pub records: Vec<Entry>,
    /// The rejections, in order.
    pub rejected: Vec<Rejected>,
    /// The removals, in order.
    pub removed: Vec<Removed>,
    /// How the pass ended; also the error of a source that could not be opened.
    pub end: Result<End, Error>,
    /// The largest number of records in a batch.
    pub longest_batch: usize,
    /// The largest [`size`](peoplesync_source::Batch::size) of a batch, in bytes.
    pub largest_batch: usize,
    /// The largest number of rejections in a batch.
    pub most_rejected: usize,
    /// How many records were read, kept or not.
    pub(crate) read: usize,
    /// How many rejections were read, kept or not.
    pub(crate) refused: usize,
}

/// A record that is owned.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The place.
    pub origin: Origin,
    /// The fields that have values.
    pub fields: BTreeMap<String, Vec<Datum>>,
}

impl Pass {
    /// The record with this key.
    #[must_use]
    pub fn record(&self, key: &str) -> Option<&Entry> {
        self.records.iter().find(|record| record.key == key)
    }

    /// Whether the pass proves that everything was offered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(&self.end, Ok(End { coverage: Coverage::Complete, .. }))
    }

    fn new() -> Self {
        Self {
            types: FieldTypes::new(),
            records: Vec::new(),
            rejected: Vec::new(),
            removed: Vec::new(),
            end: Err(Error::new(peoplesync_source::ErrorKind::Internal, "the pass did not begin")),
            longest_batch: 0,
            largest_batch: 0,
            most_rejected: 0,
            read: 0,
            refused: 0,
        }
    }
}

impl Entry {
    /// The values of a field; none if it is empty.
    #[must_use]
    pub fn values(&self, field: &str) -> &[Datum] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }
}

/// Builds a source from a connector's settings as TOML. The error is shown as a user would see it.
///
/// # Errors
/// The settings do not parse, or contradict each other.
pub fn source<C: Connector>(settings: &str) -> Result<Box<dyn Source>, String> {
    let config: C::Config = toml::from_str(settings).map_err(|error| error.to_string())?;
    C::build(config).map_err(|error| shown(&error))
}

/// Reads a whole pass, on a runtime of its own. Must not be called inside of one.
pub fn read_all(source: &dyn Source, context: &Context, query: &Query) -> Pass {
    read(source, context, query, true)
}

/// The same without keeping records and rejections: their number and the sizes of batches only.
pub(crate) fn measure(source: &dyn Source, context: &Context, query: &Query) -> Pass {
    read(source, context, query, false)
}

fn read(source: &dyn Source, context: &Context, query: &Query, keep: bool) -> Pass {
    with_runtime(|runtime| {
        let mut pass = Pass::new();
        let end = runtime.block_on(read_into(source, context, query, &mut pass, keep));
        Pass { end, ..pass }
    })
}

/// An error as the runner shows it: the chain, then the hint.
pub(crate) fn shown(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str("\n  hint: ");
        text.push_str(hint);
    }
    text
}

/// Waits, but not for ever: a test that hangs helps nobody.
pub(crate) async fn patient<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} seconds", PATIENCE.as_secs());
        Err(Error::new(peoplesync_source::ErrorKind::Internal, message))
    })
}

/// Runs with a runtime whose idle threads end at once, and which does not wait for those that do not end.
pub(crate) fn with_runtime<T>(run: impl FnOnce(&Runtime) -> T) -> T {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(Duration::from_millis(1))
        .build()
        .expect("a runtime can be made");
    let result = run(&runtime);
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

async fn read_into(
    source: &dyn Source,
    context: &Context,
    query: &Query,
    pass: &mut Pass,
    keep: bool,
) -> Result<End, Error> {
    let mut records = patient(source.open(context, query)).await?;
    pass.types = records.types();
    let mut empty = 0;
    loop {
        let batch = match patient(records.next()).await? {
            Step::End(end) => return Ok(end),
            Step::Batch(batch) => batch,
        };
        pass.note_sizes(&batch);
        empty = if batch.is_empty() && batch.rejected().is_empty() { empty + 1 } else { 0 };
        if empty > MANY_EMPTY {
            let message = format!("{MANY_EMPTY} empty batches in a row and no end");
            return Err(Error::new(peoplesync_source::ErrorKind::Internal, message));
        }
        if !keep {
            continue;
        }
        for record in batch.records() {
            let fields = record.fields().iter().enumerate().filter_map(|(index, name)| {
                let values: Vec<_> = record.values(index).map(Datum::from).collect();
                (!values.is_empty()).then(|| (name.to_owned(), values))
            });
            let key = record.key().to_owned();
            pass.records.push(Entry { key, origin: record.origin(), fields: fields.collect() });
        }
        pass.rejected.extend_from_slice(batch.rejected());
        pass.removed.extend_from_slice(batch.removed());
    }
}

impl Pass {
    fn note_sizes(&mut self, batch: &peoplesync_source::Batch) {
        self.longest_batch = self.longest_batch.max(batch.len());
        self.largest_batch = self.largest_batch.max(batch.size());
        self.most_rejected = self.most_rejected.max(batch.rejected().len());
        self.read += batch.len();
        self.refused += batch.rejected().len();
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} key {}", self.origin, self.key)?;
        for (name, values) in &self.fields {
            write!(f, ", {name} ")?;
            for (index, value) in values.iter().enumerate() {
                let separator = if index == 0 { "" } else { " + " };
                write!(f, "{separator}{value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for record in &self.records {
            writeln!(f, "{record}")?;
        }
        for rejected in &self.rejected {
            write!(f, "rejected {}", rejected.origin)?;
            if let Some(key) = &rejected.key {
                write!(f, " key {key}")?;
            }
            if let Some(field) = &rejected.field {
                write!(f, " field {field}")?;
            }
            write!(f, ": {}", rejected.reason)?;
            if !rejected.might_be.is_empty() {
                let keys: Vec<_> = rejected.might_be.iter().map(Key::as_str).collect();
                write!(f, " (might be {})", keys.join(" | "))?;
            }
            writeln!(f)?;
        }
        for removed in &self.removed {
            writeln!(f, "removed {} key {}", removed.origin, removed.key)?;
        }
        match &self.end {
            Err(error) => write!(f, "{:?}: {}", error.kind(), shown(error)),
            Ok(End { coverage: Coverage::Complete, .. }) => write!(f, "complete"),
            Ok(End { coverage: Coverage::Changes, .. }) => write!(f, "changes"),
            Ok(End { coverage: Coverage::Partial { reason }, .. }) => {
                write!(f, "partial: {reason}")
            }
        }
    }
}
