//! Where entries become records: at once if nothing is missing, otherwise together with what has to be asked for.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use peoplesync_source::{Batch, Context, Error, Fields, Origin, Rejected, Seen};

use crate::columns::{Columns, KeyOf, Nothing};
use crate::directory::Directory;
use crate::side::Side;
use crate::source::{Shared, broken};
use crate::wire::Entry;
use crate::wire::ber::OCTETS;

/// What a batch holds at most.
const BATCH_RECORDS: usize = 1024;
const BATCH_BYTES: usize = 1 << 20;

/// Where entries become records.
#[derive(Debug)]
pub(crate) struct Intake {
    /// `None`: every field that comes.
    columns: Option<Columns>,
    /// Keys that came. Not kept where the server itself makes each unique, and no entry can come twice.
    seen: Option<Seen>,
    /// The same by name, where it is asked who came.
    pub(crate) present: Option<HashSet<String>>,
    /// The newest value of an attribute, where it is asked for.
    pub(crate) newest: Option<Newest>,
    batch: Option<Batch>,
    /// Entries that lack something, or whose fields are not known yet.
    waiting: Vec<Vec<u8>>,
    waiting_bytes: usize,
    pub(crate) count: u64,
    side: Option<Side>,
}

/// The newest time of a change so far, as the server writes it.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    pub(crate) attribute: &'static str,
    pub(crate) time: Vec<u8>,
}

impl Intake {
    /// Without columns, every field that comes is read.
    pub(crate) fn new(columns: Option<Columns>, comes_once: bool) -> Self {
        Self {
            columns,
            seen: (!comes_once).then(Seen::new),
            present: None,
            newest: None,
            batch: None,
            waiting: Vec::new(),
            waiting_bytes: 0,
            count: 0,
            side: None,
        }
    }

    /// Where values go, if it is known before they come.
    pub(crate) fn columns(&self) -> Option<&Columns> {
        self.columns.as_ref()
    }

    /// The fields, if they are known.
    pub(crate) fn fields(&self) -> Option<&Fields> {
        self.columns.as_ref().map(|columns| &columns.fields)
    }

    pub(crate) fn is_full(&self) -> bool {
        let batch = self.batch.as_ref();
        batch.is_some_and(|batch| {
            batch.len() + batch.rejected().len() >= BATCH_RECORDS || batch.size() >= BATCH_BYTES
        }) || self.waiting.len() >= BATCH_RECORDS
            || self.waiting_bytes >= BATCH_BYTES
    }

    /// Takes an entry: into the batch if it is whole, otherwise aside.
    pub(crate) fn entry(&mut self, cx: &Context, entry: &Entry<'_>) -> Result<(), Error> {
        if let Some(newest) = &mut self.newest {
            newest.note(entry)?;
        }
        let Some(columns) = &self.columns else {
            self.wait(entry);
            return Ok(());
        };
        if columns.may_want() || columns.is_part(entry).map_err(broken)? {
            self.wait(entry);
            return Ok(());
        }
        let batch = self.batch.get_or_insert_with(|| new_batch(&columns.fields));
        if let Some(key) = accept(columns, &mut self.seen, batch, entry)? {
            columns.add_record(batch, entry, &key, cx.now(), &Nothing).map_err(broken)?;
            self.count += 1;
            if let Some(present) = &mut self.present {
                present.insert(key);
            }
        }
        Ok(())
    }

    fn wait(&mut self, entry: &Entry<'_>) {
        self.waiting_bytes += entry.raw().len();
        self.waiting.push(entry.raw().to_vec());
    }

    /// The batch, with what was waiting; `None` if there is nothing.
    pub(crate) async fn give(
        &mut self,
        cx: &Context,
        shared: &Arc<Shared>,
        directory: &Directory,
    ) -> Result<Option<Batch>, Error> {
        if self.waiting.is_empty() {
            return Ok(self.batch.take());
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let entries: Vec<Entry<'_>> = waiting
            .iter()
            .map(|raw| Entry::parse(raw))
            .collect::<Result<_, _>>()
            .map_err(broken)?;
        let of_these;
        let columns = match &self.columns {
            Some(columns) => columns,
            None => {
                of_these = Columns::new(&shared.config, directory, &descriptions(&entries)?)?;
                &of_these
            }
        };
        let side =
            self.side.get_or_insert_with(|| Side::new(cx.clone(), Arc::clone(shared), directory));
        // The references of all of them at once, also of those whose primary group they are; the long lists one by one.
        let mut references = BTreeSet::new();
        let mut groups: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for entry in &entries {
            let mut wants = Side::wants(columns, entry)?;
            references.append(&mut wants.references);
            if let (Some(number), Some(context)) =
                (wants.primary, directory.context_of(&entry.dn()))
            {
                groups.entry(context.to_owned()).or_default().insert(number);
            }
        }
        side.resolve(references).await?;
        side.people_of(groups).await?;
        let mut batch = match self.batch.take() {
            Some(batch) if batch.fields().is_same(&columns.fields) => batch,
            _ => new_batch(&columns.fields),
        };
        for entry in &entries {
            let Some(key) = accept(columns, &mut self.seen, &mut batch, entry)? else { continue };
            let wants = Side::wants(columns, entry)?;
            let dn = entry.dn();
            side.complete(&dn, directory.context_of(&dn), wants).await?;
            columns.add_record(&mut batch, entry, &key, cx.now(), side).map_err(broken)?;
            self.count += 1;
            if let Some(present) = &mut self.present {
                present.insert(key);
            }
        }
        Ok(Some(batch))
    }
}

impl Newest {
    fn note(&mut self, entry: &Entry<'_>) -> Result<(), Error> {
        for attribute in entry.attributes() {
            let (name, mut values) = attribute.map_err(broken)?;
            if name.eq_ignore_ascii_case(self.attribute.as_bytes()) && !values.is_empty() {
                // Times of one server have one form, so their letters are in the order of time.
                let time = values.take(OCTETS).map_err(broken)?;
                if time > self.time.as_slice() {
                    self.time = time.to_vec();
                }
            }
        }
        Ok(())
    }
}

fn new_batch(fields: &Fields) -> Batch {
    Batch::with_capacity(fields.clone(), BATCH_RECORDS, BATCH_RECORDS * 64)
}

/// The key of an entry that is to become a record. The same entry may be below two branches, and comes once.
fn accept(
    columns: &Columns,
    seen: &mut Option<Seen>,
    batch: &mut Batch,
    entry: &Entry<'_>,
) -> Result<Option<String>, Error> {
    let found = columns.key(entry).map_err(broken)?;
    let KeyOf::One(key) = found else {
        batch.reject(columns.without_key(Origin::entry(entry.dn()), &found));
        return Ok(None);
    };
    let Some(seen) = seen else { return Ok(Some(key)) };
    let origin = Origin::entry(entry.dn());
    match seen.insert(&key, &origin) {
        None => Ok(Some(key)),
        Some(first) if first == origin => Ok(None),
        Some(first) => {
            batch.reject(
                Rejected::new(origin, format!("key {key} is also at {first}")).with_key(&key),
            );
            Ok(None)
        }
    }
}

/// The attributes that the entries have, by name.
fn descriptions(entries: &[Entry<'_>]) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    for entry in entries {
        for attribute in entry.attributes() {
            let (description, _) = attribute.map_err(broken)?;
            let text = String::from_utf8_lossy(description);
            let (name, _) = crate::columns::Part::split(&text);
            if known.insert(name.to_lowercase()) {
                names.push(name.to_owned());
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}
