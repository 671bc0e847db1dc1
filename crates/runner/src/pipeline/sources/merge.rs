//! Records of several sources, merged by key: a person has the fields of all of them, and of a field that several have, the
//! value of the first source that has one.

use std::sync::Arc;

use peoplesync_source::{
    Batch, End, Error, FieldTypes, Fields, Origin, Records, Rejected, Step, Value, async_trait,
};

use super::table::{Row, Table};

/// The field that says which sources have the person, as bits in the order of the config. No expression can name it.
pub(in crate::pipeline) const SOURCES: &str = "\u{0}sources";

/// Records in a batch.
const BATCH: usize = 1_000;

/// Everybody, merged.
pub(super) struct Merged {
    fields: Fields,
    tables: Vec<Option<Table>>,
    titles: Vec<String>,
    is_partial: bool,
    /// Whose record comes next: source, batch, row.
    next: (usize, usize, usize),
    places: Places,
    told_rejected: bool,
}

/// Origins with the name of their source in front, made once for each file.
#[derive(Default)]
struct Places(Vec<(usize, Arc<str>, Arc<str>)>);

impl Places {
    fn of(&mut self, at: usize, title: &str, file: &Arc<str>) -> Arc<str> {
        let is_known = |(of, known, _): &&(usize, Arc<str>, Arc<str>)| {
            *of == at && (Arc::ptr_eq(known, file) || known == file)
        };
        if let Some((_, _, named)) = self.0.iter().find(is_known) {
            return Arc::clone(named);
        }
        let named: Arc<str> = format!("{title}: {file}").into();
        self.0.push((at, Arc::clone(file), Arc::clone(&named)));
        named
    }

    fn origin(&mut self, at: usize, title: &str, origin: Origin) -> Origin {
        match origin {
            Origin::Row { file, row } => Origin::Row { file: self.of(at, title, &file), row },
            Origin::Cell { sheet, row, column } => {
                Origin::Cell { sheet: self.of(at, title, &sheet), row, column }
            }
            Origin::Entry(name) => Origin::entry(format!("{title}: {name}")),
        }
    }
}

impl Merged {
    /// `names` are the merged fields, which each table knows by position; no table: the source could not be read.
    pub(super) fn new(
        names: Vec<String>,
        tables: Vec<Option<Table>>,
        titles: Vec<String>,
        is_partial: bool,
    ) -> Self {
        let fields = Fields::new(names.into_iter().chain([SOURCES.to_owned()]));
        let (next, places) = ((0, 0, 0), Places::default());
        Self { fields, tables, titles, is_partial, next, places, told_rejected: false }
    }

    fn reject(&mut self, batch: &mut Batch) {
        for (at, table) in self.tables.iter().enumerate() {
            let title = self.titles.get(at).map_or("", String::as_str);
            for rejected in table.iter().flat_map(Table::rejected) {
                let origin = self.places.origin(at, title, rejected.origin.clone());
                batch.reject(Rejected { origin, ..rejected.clone() });
            }
        }
    }

    /// Adds the next person, if there is one.
    fn person(&mut self, batch: &mut Batch) -> bool {
        loop {
            let (source, at, row) = self.next;
            let Some(table) = self.tables.get(source) else { return false };
            let Some(table) = table.as_ref().filter(|table| at < table.batches()) else {
                self.next = (source + 1, 0, 0);
                continue;
            };
            let Some(found) = table.at(at, row) else {
                self.next = (source, at + 1, 0);
                continue;
            };
            self.next.2 += 1;
            let key = found.record.key();
            let (before, after) = self.tables.split_at(source);
            // Whom an earlier source has was merged when that one was gone through.
            if before.iter().flatten().any(|table| table.find(key).is_some()) {
                continue;
            }
            let later = after.iter().enumerate().skip(1);
            let later =
                later.filter_map(|(at, table)| Some((source + at, table.as_ref()?.find(key)?)));
            let rows: Vec<(usize, Row<'_>)> = [(source, found)].into_iter().chain(later).collect();
            let title = self.titles.get(source).map_or("", String::as_str);
            let origin = self.places.origin(source, title, found.record.origin());
            let Some(mut person) = batch.record(key, origin) else { continue };
            let count = self.fields.len() - 1;
            for field in 0..count {
                let values = rows.iter().find_map(|(_, row)| {
                    let values = row.record.values(row.place(field)?);
                    (values.len() > 0).then_some(values)
                });
                values.into_iter().flatten().for_each(|value| person.push(field, value));
            }
            let sources = rows.iter().fold(0_i64, |bits, (at, _)| bits | 1 << at);
            person.set(count, Value::Integer(sources));
            return true;
        }
    }
}

#[async_trait]
impl Records for Merged {
    fn types(&self) -> FieldTypes {
        // A source that could not be read may say otherwise.
        let Some(tables) = self.tables.iter().map(Option::as_ref).collect::<Option<Vec<_>>>()
        else {
            return FieldTypes::new();
        };
        let of = |field: usize| {
            let mut said = tables.iter().filter_map(|table| table.holds(field));
            let first = said.next()?;
            first.filter(|_| said.all(|other| other == first))
        };
        let fields = self.fields.iter().enumerate();
        fields.filter_map(|(at, name)| Some((name.to_owned(), of(at)?))).collect()
    }

    async fn next(&mut self) -> Result<Step, Error> {
        let mut batch = Batch::with_capacity(self.fields.clone(), BATCH, BATCH * 64);
        if !std::mem::replace(&mut self.told_rejected, true) {
            self.reject(&mut batch);
        }
        while batch.len() < BATCH {
            if !self.person(&mut batch) {
                break;
            }
        }
        if !batch.is_empty() || !batch.rejected().is_empty() {
            return Ok(Step::Batch(batch));
        }
        // The reader knows what of it proves absence; for everybody else it is a part.
        Ok(Step::End(match self.is_partial {
            true => End::partial("not all sources were read completely"),
            false => End::complete(),
        }))
    }
}
