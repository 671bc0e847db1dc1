//! Reads all files of a pass into batches, on a thread that may block.

use std::str;
use std::sync::Arc;

use peoplesync_source::files::SourceFile;
use peoplesync_source::{Batch, Context, End, Error, Fields, Origin, Print, Rejected, Seen, Value};

use crate::config::CsvConfig;
use crate::header::{Columns, Header};
use crate::open::{Opened, fault_error};
use crate::parse::{Dialect, Parser, Row};
use crate::reject;

/// What a pass reads.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) config: Arc<CsvConfig>,
    pub(crate) files: Vec<SourceFile>,
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

/// Rows that are split before the first of them is used.
const BLOCK: usize = 64;

/// So many rows tell how long the others are.
const SAMPLE: usize = 4096;

/// Bytes of text for which a new batch has room.
const ROOM: usize = 1 << 17;

/// The state of a pass over all files.
struct Reader<'a, T> {
    cx: &'a Context,
    plan: &'a Plan,
    batch: Batch,
    /// Records of a batch.
    most: usize,
    seen: Seen,
    /// Bytes of the rejections in the batch.
    rejected: usize,
    /// Why the pass does not prove that everybody was offered.
    gaps: Vec<String>,
    /// Takes batches. `false`: nobody wants them any more, so the pass ends.
    take: T,
}

/// The file that is being read.
struct Current {
    name: Arc<str>,
    header: Header,
    columns: Columns,
    dialect: Dialect,
    /// Whether there is nothing to do with a value but to copy it.
    is_plain: bool,
    /// Whether, on top of that, most columns are wanted: then rows are copied as a whole.
    is_whole: bool,
}

/// Reads everything. `None`: nobody takes it any more.
pub(crate) fn all(
    cx: &Context,
    plan: &Plan,
    take: impl FnMut(Batch) -> bool,
) -> Result<Option<End>, Error> {
    let most = (CELLS / plan.fields.len().max(1)).clamp(1, RECORDS);
    let mut reader = Reader {
        cx,
        plan,
        batch: Batch::with_capacity(plan.fields.clone(), most, ROOM),
        most,
        seen: Seen::new(),
        rejected: 0,
        gaps: Vec::new(),
        take,
    };
    for source in &plan.files {
        if !reader.file(source)? {
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

impl<T: FnMut(Batch) -> bool> Reader<'_, T> {
    /// Reads one file; `false` if nobody takes the batches any more.
    fn file(&mut self, source: &SourceFile) -> Result<bool, Error> {
        let Plan { config, asked, .. } = self.plan;
        let name = Arc::clone(&source.name);
        let mut opened = Opened::new(self.cx, config, source)?;
        let columns = opened.header.columns(&name, config, asked)?;
        let is_plain = !config.trim
            && config.null.is_empty()
            && columns.wanted.iter().all(|(_, separator)| separator.is_none());
        let current = Current {
            dialect: config.dialect(opened.header.delimiter),
            header: opened.header.clone(),
            is_plain,
            is_whole: is_plain && columns.wanted.len() * 2 >= columns.count,
            columns,
            name,
        };
        let size = opened.size();
        if !self.rows(&mut opened.parser, opened.is_gzip, size, &current)? {
            return Ok(false);
        }
        if opened.has_changed() {
            self.gaps.push(format!("{} changed while it was read", current.name));
        }
        Ok(true)
    }

    fn rows<R: std::io::Read>(
        &mut self,
        parser: &mut Parser<R>,
        is_gzip: bool,
        size: Option<u64>,
        current: &Current,
    ) -> Result<bool, Error> {
        let mut prints = Vec::new();
        let known = self.seen.len();
        let (mut rows, mut bytes) = (0, 0);
        loop {
            let block = match parser.next_block(BLOCK) {
                Ok(Some(block)) => block,
                Ok(None) => return Ok(true),
                Err(fault) => {
                    let line = parser.line();
                    return Err(fault_error(self.cx, &current.name, is_gzip, line, fault));
                }
            };
            // The memory of the keys is far away; asked for all at once it comes while the rows are read.
            prints.clear();
            prints.extend(block.rows().map(|row| self.seen.print(key(&row, current))));
            self.seen.look_ahead(&prints);
            if rows < SAMPLE
                && let Some(size) = size
            {
                rows += prints.len();
                // With the line end, and quotes doubled: exact enough.
                bytes += block.rows().map(|row| row.raw.len() + 1).sum::<usize>();
                if rows >= SAMPLE {
                    self.seen.expect(known.saturating_add(expected(size, rows, bytes)));
                }
            }
            for (row, print) in block.rows().zip(&prints) {
                self.row(&row, *print, current)?;
                if self.is_full() && !self.flush() {
                    return Ok(false);
                }
            }
        }
    }

    /// Adds the record of a row, or its rejection.
    fn row(&mut self, row: &Row<'_>, print: Print, current: &Current) -> Result<(), Error> {
        let origin = Origin::Row { file: Arc::clone(&current.name), row: row.line };
        if row.fields.len() != current.columns.count || row.stray.is_some() {
            if !reject::is_blank(row) {
                self.malformed(row, current, origin);
            }
            return Ok(());
        }
        let texts = match Texts::new(row) {
            Some(texts) => texts,
            None if self.not_text(row, current, &origin)? => return Ok(()),
            None => Texts::by_field(row),
        };
        let key = texts.get(current.columns.key).trim();
        if key.is_empty() || self.plan.config.null.iter().any(|null| null == key) {
            if !reject::is_blank(row) {
                let name = &current.header.names()[current.columns.key];
                self.refuse(row, current, origin, Some(name), "the key is empty".into());
            }
            return Ok(());
        }
        if let Some(rejected) = self.seen.rejection_of(print, key, &origin) {
            let name = &current.header.names()[current.columns.key];
            self.reject(rejected.with_field(name));
            return Ok(());
        }
        let wanted = &current.columns.wanted;
        if let Some((raw, key)) = texts.raw.zip(row.fields.get(current.columns.key))
            && current.is_whole
            && !key.is_unescaped
        {
            let parts = wanted.iter().map(|(column, _)| match row.fields.get(*column) {
                Some(field) if !field.is_unescaped => field.span(),
                _ => 0..0,
            });
            let record = self.batch.record_of_parts(raw, key.span(), origin, parts);
            if let Some(mut record) = record
                && !row.unescaped.is_empty()
            {
                for (field, (column, _)) in wanted.iter().enumerate() {
                    let text = texts.get(*column);
                    if row.fields.get(*column).is_some_and(|field| field.is_unescaped)
                        && !text.is_empty()
                    {
                        record.set(field, Value::Text(text));
                    }
                }
            }
            return Ok(());
        }
        if let Some(mut record) = self.batch.record(key, origin) {
            for (field, (column, separator)) in wanted.iter().enumerate() {
                let text = texts.get(*column);
                if current.is_plain {
                    if !text.is_empty() {
                        record.set(field, Value::Text(text));
                    }
                    continue;
                }
                for text in self.plan.config.values(text, separator.as_deref()) {
                    record.push(field, Value::Text(text));
                }
            }
        }
        Ok(())
    }

    /// Rejects a row of the wrong form. A short row at the very end, without a line end, is a cut file.
    fn malformed(&mut self, row: &Row<'_>, current: &Current, origin: Origin) {
        let reason = reject::form(row, &current.header).unwrap_or_default();
        if !row.is_terminated && row.stray.is_none() && row.fields.len() < current.columns.count {
            self.gaps
                .push(format!("{origin} is cut: {reason}, and the file ends without a line end"));
        }
        self.refuse(row, current, origin, None, reason);
    }

    /// Rejects a row with bytes that are no text in the file's encoding. `false`: they are in columns that nobody reads.
    fn not_text(
        &mut self,
        row: &Row<'_>,
        current: &Current,
        origin: &Origin,
    ) -> Result<bool, Error> {
        let columns = &current.columns;
        let wanted = columns.wanted.iter().map(|(column, _)| *column);
        let bad = std::iter::once(columns.key).chain(wanted).find_map(|column| {
            let bytes = reject::bytes(row, row.fields.get(column)?);
            str::from_utf8(bytes).err().map(|error| (column, error, bytes))
        });
        let Some((column, error, bytes)) = bad else { return Ok(false) };
        let is_last = column + 1 == columns.count;
        if !row.is_terminated && is_last && error.error_len().is_none() {
            let name = &current.name;
            let message = format!("{name} ends in the middle of a character, on line {}", row.line);
            let hint = "was it copied while it was still being written?";
            return Err(Error::malformed(message).with_hint(hint));
        }
        let name = &current.header.names()[column];
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let reason = match byte {
            // The decoder's own mark, not a byte of the file, when the file is not UTF-8.
            0xff => format!("column `{name}` is not text in the encoding of the file"),
            byte => format!("column `{name}` is not UTF-8: byte 0x{byte:02X}"),
        };
        self.refuse(row, current, origin.clone(), Some(name), reason);
        Ok(true)
    }

    fn refuse(
        &mut self,
        row: &Row<'_>,
        current: &Current,
        origin: Origin,
        field: Option<&str>,
        reason: String,
    ) {
        let rejected = reject::row(row, current.dialect, current.columns.key, origin, reason);
        self.reject(match field {
            Some(field) => rejected.with_field(field),
            None => rejected,
        });
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
        let next = Batch::with_capacity(self.plan.fields.clone(), self.most, ROOM);
        self.rejected = 0;
        (self.take)(std::mem::replace(&mut self.batch, next))
    }
}

/// How many rows a file has, by the first ones. Rather too few: room for more is made as they come, and what is not used is lost.
fn expected(size: u64, rows: usize, bytes: usize) -> usize {
    // Short rows before very long ones must not ask for more memory than there is.
    const MOST: u128 = 1 << 22;
    let all = u128::from(size) * rows as u128 / bytes.max(1) as u128;
    usize::try_from(MOST.min(all / 100 * 98)).unwrap_or(0)
}

/// The key of a row, if it is text.
fn key<'a>(row: &Row<'a>, current: &Current) -> &'a str {
    let field = row.fields.get(current.columns.key);
    field.and_then(|field| str::from_utf8(reject::bytes(row, field)).ok()).unwrap_or_default()
}

/// The fields of a row as text.
struct Texts<'a> {
    row: Row<'a>,
    /// The raw bytes, if all of them are text: checked at once.
    raw: Option<&'a str>,
}

impl<'a> Texts<'a> {
    /// The fields of a row that is text as a whole.
    fn new(row: &Row<'a>) -> Option<Self> {
        Some(Self { row: *row, raw: Some(str::from_utf8(row.raw).ok()?) })
    }

    /// The fields of a row of which some are no text; those are empty.
    fn by_field(row: &Row<'a>) -> Self {
        Self { row: *row, raw: None }
    }

    fn get(&self, column: usize) -> &'a str {
        let Some(field) = self.row.fields.get(column) else { return "" };
        match self.raw {
            // Delimiters and quotes are ASCII, so a field never begins or ends inside of a character.
            Some(raw) if !field.is_unescaped => raw.get(field.span()).unwrap_or_default(),
            _ => str::from_utf8(reject::bytes(&self.row, field)).unwrap_or_default(),
        }
    }
}
