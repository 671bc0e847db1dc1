//! Batches are read and mapped beside whoever takes them in: on every core, and while the links are still being loaded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use peoplesync_mapping::{Binding, DigestKey, Mapping};
use peoplesync_source::{Batch, End, Fields, Records, Step, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::digest::{Digested, Row};
use super::groups::{BoundOfPeople, OfPeople};
use super::others::Others;
use super::read::next;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::report::progress::Progress;

/// Batches that are mapped before anybody takes them. Each holds half a megabyte; with fewer, cores have nothing to do while the
/// links are loaded.
const AHEAD: usize = 12;

/// What it takes to map the people of a source.
pub(super) struct Mapper {
    pub(super) mapping: Arc<Mapping>,
    /// What groups need of people, where they are managed.
    pub(super) of_people: Option<Arc<OfPeople>>,
    /// The mapping of the last run, where it was another.
    pub(super) before: Option<Arc<Mapping>>,
    pub(super) key: DigestKey,
    /// The moment that `Now()` gives.
    pub(super) now: Timestamp,
    /// Other people, if an expression asks about them.
    pub(super) people: Option<Arc<Others>>,
    /// How the state numbers several sources.
    pub(super) sources: Arc<[u8]>,
}

/// The batches of a source, mapped.
pub(super) struct Batches {
    mapped: mpsc::Receiver<JoinHandle<Digested>>,
    spare: Spare,
    /// Ends with this value.
    reading: JoinSet<Outcome<End>>,
}

/// Memory of batches that were taken in, for those that come.
type Spare = Arc<Mutex<Vec<Vec<Row>>>>;

/// Mappings, bound to the fields of a source.
struct Bound {
    fields: Fields,
    binding: Arc<Binding>,
    of_people: Option<Arc<BoundOfPeople>>,
    before: Option<(Arc<Mapping>, Arc<Binding>)>,
}

impl Mapper {
    /// Begins to read and to map.
    pub(super) fn start(self, mut records: Box<dyn Records>, progress: &Progress) -> Batches {
        let (sender, mapped) = mpsc::channel(AHEAD);
        let (spare, progress) = (Spare::default(), progress.clone());
        let mut reading = JoinSet::new();
        let rows = Arc::clone(&spare);
        let mapper = Arc::new(self);
        reading.spawn(async move {
            let mut bound = None;
            loop {
                let batch = match next(&mut *records).await? {
                    Step::Batch(batch) => batch,
                    Step::End(end) => return Ok(end),
                };
                progress.steps(batch.len());
                let bound = mapper.bound(&mut bound, batch.fields());
                let rows = locked(&rows).pop().unwrap_or_default();
                let mapper = Arc::clone(&mapper);
                // Not on threads that may wait: one for each batch under way took two milliseconds of seventy.
                let digesting = tokio::spawn(async move { mapper.map(&bound, batch, rows) });
                // Where the receiver is gone this task is about to be aborted.
                let _received = sender.send(digesting).await;
            }
        });
        Batches { mapped, spare, reading }
    }

    fn bound(&self, last: &mut Option<Arc<Bound>>, fields: &Fields) -> Arc<Bound> {
        let bound = last.take().filter(|bound| bound.fields.is_same(fields)).unwrap_or_else(|| {
            let before = self.before.as_ref();
            Arc::new(Bound {
                fields: fields.clone(),
                binding: Arc::new(self.mapping.bind(fields)),
                of_people: self.of_people.as_ref().map(|texts| Arc::new(texts.bind(fields))),
                before: before.map(|before| (Arc::clone(before), Arc::new(before.bind(fields)))),
            })
        });
        Arc::clone(last.insert(bound))
    }

    fn map(&self, bound: &Bound, batch: Batch, rows: Vec<Row>) -> Digested {
        let people = self.people.as_deref();
        let mut digested = Digested::new(
            (batch, rows),
            Arc::clone(&bound.binding),
            bound.of_people.as_deref(),
            &self.mapping,
            &self.key,
            self.now,
            people,
        );
        digested.mark_sources(&self.sources);
        if let Some((mapping, binding)) = &bound.before {
            let of_people = bound.of_people.as_deref();
            digested.compare((mapping, binding), of_people, &self.key, self.now, people);
        }
        digested
    }
}

fn locked(spare: &Spare) -> MutexGuard<'_, Vec<Vec<Row>>> {
    spare.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Batches {
    /// The next batch, in the order of the source; none after the last one, or if reading failed.
    pub(super) async fn next(&mut self) -> Outcome<Option<Digested>> {
        match self.mapped.recv().await {
            Some(digesting) => digesting.await.map(Some).map_err(|error| {
                Failure::new(Exit::Bug, "a batch could not be mapped").with_cause(&error)
            }),
            None => Ok(None),
        }
    }

    /// Takes memory back.
    pub(super) fn reuse(&self, rows: Vec<Row>) {
        locked(&self.spare).push(rows);
    }

    /// How the reading ended.
    pub(super) async fn end(mut self) -> Outcome<End> {
        match self.reading.join_next().await {
            Some(Ok(end)) => end,
            Some(Err(error)) => {
                Err(Failure::new(Exit::Bug, "the source could not be read to its end")
                    .with_cause(&error))
            }
            None => Err(Failure::new(Exit::Bug, "the reading of the source was lost")),
        }
    }
}
