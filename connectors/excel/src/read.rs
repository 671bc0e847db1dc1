//! Reads all sheets of a pass into batches, on a thread that may block.

use std::sync::Arc;

use peoplesync_source::files::SourceFile;
use peoplesync_source::{Batch, Context, End, Error, Fields, Origin, Rejected, Seen, Value};

use crate::book::Book;
use crate::cell;
use crate::config::ExcelConfig;
use crate::facts::Facts;
use crate::header::{Columns, Header};
use crate::line::{Content, Found, Line};
use crate::open::{Opened, caught, chosen};
use crate::sheet::{Current, People, Sheet};

/// What a pass reads.
pub(crate) struct Plan {
    pub(crate) config: Arc<ExcelConfig>,
    pub(crate) files: Vec<SourceFile>,
    /// The first of them, which is open already.
    pub(crate) first: Option<Opened>,
    /// The fields of all records.
    pub(crate) fields: Fields,
    /// Their names.
    pub(crate) asked: Vec<String>,
}

/// A batch is handed over when it has so many cells, records, bytes or rejections.
const CELLS: usize = 1 << 14;
const RECORDS: usize = 1024;
const BYTES: usize = 1 << 18;
const REJECTED: usize = 256;

/// Bytes of text for which a new batch has room.
const ROOM: usize = 1 << 17;

/// The state of a pass over all files.
pub(crate) struct Reader<'a, T> {
    config: &'a ExcelConfig,
    fields: &'a Fields,
    asked: &'a [String],
    batch: Batch,
    /// Records of a batch.
    most: usize,
    seen: Seen,
    /// Bytes of the rejections in the batch.
    rejected: usize,
    /// Why the pass does not prove that everybody was offered.
    gaps: Vec<String>,
    /// Texts that are made of other values: of the key, and of a cell.
    texts: [String; 3],
    /// Takes batches. `false`: nobody wants them any more, so the pass ends.
    take: T,
}

/// Reads everything. `None`: nobody takes it any more.
pub(crate) fn all(
    cx: &Context,
    mut plan: Plan,
    take: impl FnMut(Batch) -> bool,
) -> Result<Option<End>, Error> {
    let mut first = plan.first.take();
    let mut reader = Reader::new(&plan.config, &plan.fields, &plan.asked, take);
    for file in &plan.files {
        let wanted = caught(cx, &file.name, || {
            let mut opened = match first.take() {
                Some(opened) => opened,
                None => Opened::new(cx, &plan.config, file)?,
            };
            let goes_on = reader.book(&file.name, &mut opened.book)?;
            if goes_on && opened.has_changed() {
                reader.gaps.push(format!("{} changed while it was read", file.name));
            }
            Ok(goes_on)
        })?;
        if !wanted {
            return Ok(None);
        }
    }
    if !reader.flush() {
        return Ok(None);
    }
    Ok(Some(match reader.gaps.as_slice() {
        [] => End::complete(),
        gaps => End::partial(gaps.join("; ")),
    }))
}

impl<'a, T: FnMut(Batch) -> bool> Reader<'a, T> {
    /// A reader that gives batches of these fields.
    pub(crate) fn new(
        config: &'a ExcelConfig,
        fields: &'a Fields,
        asked: &'a [String],
        take: T,
    ) -> Self {
        let most = (CELLS / fields.len().max(1)).clamp(1, RECORDS);
        Self {
            config,
            fields,
            asked,
            batch: Batch::with_capacity(fields.clone(), most, ROOM),
            most,
            seen: Seen::new(),
            rejected: 0,
            gaps: Vec::new(),
            texts: Default::default(),
            take,
        }
    }

    /// Reads the sheets of one workbook; `false` if nobody takes the batches any more.
    pub(crate) fn book(&mut self, name: &str, book: &mut Book) -> Result<bool, Error> {
        for index in chosen(name, &book.sheets, self.config)? {
            let mut sheet = Sheet::new(book.place(index), self.config, &mut *self);
            if !book.read(index, &mut sheet)? {
                return Ok(false);
            }
            sheet.end()?;
        }
        Ok(true)
    }
}

impl<T: FnMut(Batch) -> bool> People for Reader<'_, T> {
    fn header(
        &mut self,
        place: &str,
        header: &Header,
        _: &Facts,
    ) -> Result<Option<Columns>, Error> {
        header.columns(place, self.config, self.asked).map(Some)
    }

    /// Adds the record of a row, or its rejection.
    fn person(&mut self, current: &Current, line: &Line<'_>) -> Result<bool, Error> {
        if line.cells.iter().all(|found| line.is_blank(found)) {
            return Ok(true);
        }
        let mut texts = std::mem::take(&mut self.texts);
        match self.record(current, line, &mut texts) {
            Ok(()) => {}
            Err(bad) => self.refuse(current, line, bad),
        }
        self.texts = texts;
        Ok(!self.is_full() || self.flush())
    }
}

/// Why a row is no record: the cell that is to blame, and the key if it is known.
struct Bad {
    column: u16,
    key: Option<String>,
    reason: String,
}

impl<T: FnMut(Batch) -> bool> Reader<'_, T> {
    fn record(
        &mut self,
        current: &Current,
        line: &Line<'_>,
        [key_text, key_buffer, buffer]: &mut [String; 3],
    ) -> Result<(), Bad> {
        let Columns { key: key_column, wanted } = &current.columns;
        let bad = |column, key: Option<&str>, reason| {
            Err(Bad { column, key: key.map(str::to_owned), reason })
        };
        let key = match at(current, line, *key_column) {
            None => return bad(*key_column, None, "the key is empty".into()),
            Some((line, found)) => cell::value(line, found, key_text)
                .and_then(|value| cell::key(value, key_buffer))
                .map_err(|why| Bad {
                    column: *key_column,
                    key: None,
                    reason: format!("the key {why}"),
                })?,
        };
        if key.is_empty() || self.config.null.iter().any(|null| null == key) {
            return bad(*key_column, None, "the key is empty".into());
        }
        // The names end with the last that is not empty, so a cell beyond them may have been moved there.
        let width = current.header.table.names.len();
        let beyond = line.cells.iter().rev().take_while(|found| usize::from(found.column) >= width);
        if let Some(found) = beyond.filter(|found| !line.is_blank(found)).last() {
            let last = u16::try_from(width.saturating_sub(1)).unwrap_or(u16::MAX);
            let letters = peoplesync_source::column_letters(last);
            let reason =
                format!("a value stands behind column {letters}, the last that has a name");
            return bad(found.column, Some(key), reason);
        }
        for (column, _) in wanted {
            let Some((line, found)) = at(current, line, *column) else { continue };
            if let Content::Shared(_) | Content::Own(_) | Content::Boolean(_) = found.content {
                continue;
            }
            if let Err(why) = cell::value(line, found, buffer) {
                let name = current.header.name(*column).unwrap_or_default();
                return bad(*column, Some(key), format!("column `{name}` {why}"));
            }
        }
        let origin = origin(current, line, *key_column);
        if let Some(rejected) = self.seen.rejection(key, &origin) {
            let name = current.header.name(*key_column).unwrap_or_default();
            self.reject(rejected.with_field(name));
            return Ok(());
        }
        let Some(mut record) = self.batch.record(key, origin) else { return Ok(()) };
        let is_plain = !self.config.trim && self.config.null.is_empty();
        for (field, (column, separator)) in wanted.iter().enumerate() {
            let Some((line, found)) = at(current, line, *column) else { continue };
            match cell::value(line, found, buffer) {
                Ok(Value::Text("")) | Err(_) => {}
                Ok(Value::Text(text)) if separator.is_some() || !is_plain => {
                    for text in self.config.values(text, separator.as_deref()) {
                        record.push(field, Value::Text(text));
                    }
                }
                Ok(value) => record.set(field, value),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, current: &Current, line: &Line<'_>, bad: Bad) {
        let Bad { column, key, reason } = bad;
        let mut rejected = Rejected::new(origin(current, line, column), reason);
        let is_named = current.header.name(column);
        if let Some(name) = is_named {
            rejected = rejected.with_field(name);
        }
        if let Some(key) = &key {
            rejected = rejected.with_key(key);
        }
        // A row without a key, or one that was moved, may be about anybody in it.
        if key.is_none() || is_named.is_none() {
            let mut buffer = String::new();
            let mut might_be: Vec<String> = line
                .cells
                .iter()
                .map(|found| cell::shown(line, found, &mut buffer).into_owned())
                .filter(|text| !text.is_empty() && key.as_ref() != Some(text))
                .collect();
            might_be.sort_unstable();
            might_be.dedup();
            rejected = rejected.with_might_be(might_be.iter().map(String::as_str));
        }
        self.reject(rejected);
    }

    fn reject(&mut self, rejected: Rejected) {
        let keys = rejected.might_be.iter().map(|key| key.as_str().len() + size_of_val(key));
        self.rejected += rejected.reason.len() + keys.sum::<usize>();
        self.batch.reject(rejected);
    }

    fn is_full(&self) -> bool {
        self.batch.len() >= self.most
            || self.batch.size() >= BYTES
            || self.rejected >= BYTES
            || self.batch.rejected().len() >= REJECTED
    }

    /// Hands the batch over, if there is anything in it; `false` if nobody takes it.
    fn flush(&mut self) -> bool {
        if self.batch.is_empty() && self.batch.rejected().is_empty() {
            return true;
        }
        let next = Batch::with_capacity(self.fields.clone(), self.most, ROOM);
        self.rejected = 0;
        (self.take)(std::mem::replace(&mut self.batch, next))
    }
}

fn origin(current: &Current, line: &Line<'_>, column: u16) -> Origin {
    Origin::Cell { sheet: Arc::clone(&current.place), row: line.row + 1, column: Some(column) }
}

/// What is seen in a cell of the row: its own content, or that of the cells it is merged with.
#[inline]
fn at<'c, 'l>(
    current: &'c Current,
    line: &'c Line<'l>,
    column: u16,
) -> Option<(&'c Line<'l>, &'c Found<'l>)>
where
    'l: 'c,
{
    match line.at(column) {
        Some(found) if !line.is_blank(found) => Some((line, found)),
        own => current.merged.seen_at(line.row, column).or_else(|| Some((line, own?))),
    }
}
