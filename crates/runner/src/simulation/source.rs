//! The source of a history: it gives the people as they are, a part of them, changes, or nothing, as the seed will have it.

use std::collections::BTreeSet;

use peoplesync_source::{
    Batch, Checked, Context, Coverage, Cursor, End, Error, ErrorKind, Fields, Origin, Query,
    Records, Rejected, Removed, Source, Step, Value, async_trait,
};

use super::checker::{Proof, Read};
use super::world::{Person, Record, Status};
use super::{Sabotage, Shared, Sim, locked};

const FIELDS: [&str; 6] = ["id", "mail", "first", "title", "manager", "status"];

#[derive(Debug)]
pub(super) struct SimulatedSource(pub(super) Shared);

/// What a read gives next.
enum Given {
    Record(String, Person),
    Rejected(Rejected),
    Removed(String),
}

struct SimulatedRecords {
    sim: Shared,
    given: Vec<Given>,
    /// The read fails when so many are left.
    fails_at: Option<usize>,
    read: Read,
    end: Option<End>,
}

#[async_trait]
impl Source for SimulatedSource {
    async fn check(&self, _: &Context) -> Result<Checked, Error> {
        let fields = Some(FIELDS.iter().map(|&name| name.to_owned()).collect());
        Ok(Checked { fields, used: None, notes: Vec::new() })
    }

    async fn open(&self, _: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        let mut sim = locked(&self.0);
        sim.may_die(super::Moment::Read);
        if sim.is_stormy() && sim.dice.one_in(6) {
            sim.note("the source is out of reach");
            let kind = match sim.dice.below(2) {
                0 => ErrorKind::Unavailable,
                _ => ErrorKind::Denied,
            };
            return Err(Error::new(kind, "out of reach"));
        }
        let opened = opened(&self.0, &mut sim, query);
        Ok(Box::new(opened))
    }
}

fn opened(shared: &Shared, sim: &mut Sim, query: &Query) -> SimulatedRecords {
    let since = query.since.as_ref().map(|cursor| cursor.0.parse::<usize>().unwrap());
    let mut read = Read { truth: sim.world.people.clone(), ..Read::default() };
    let mut keys: Vec<String> = match since {
        Some(since) => {
            let keys: BTreeSet<&String> = sim.world.log.iter().skip(since).collect();
            keys.into_iter().cloned().collect()
        }
        None => sim.world.people.keys().cloned().collect(),
    };
    let cursor = sim.incremental.then(|| Cursor(sim.world.log.len().to_string()));
    let is_partial = since.is_none() && sim.is_stormy() && sim.dice.one_in(5);
    let lies = sim.sabotage == Sabotage::ShortAndComplete && sim.dice.one_in(2);
    if is_partial || lies {
        sim.dice.shuffle(&mut keys);
        let left_out = sim.dice.index(keys.len() + 1);
        keys.truncate(keys.len() - left_out);
    }
    let mut given = Vec::new();
    for key in keys {
        match sim.world.people.get(&key) {
            Some(person) => given.push(record(sim, &key, person.clone(), &mut read)),
            None => {
                read.removed.insert(key.clone());
                given.push(Given::Removed(key));
            }
        }
    }
    sim.dice.shuffle(&mut given);
    let fails_at = (sim.is_stormy() && sim.dice.one_in(8)).then(|| sim.dice.index(given.len() + 1));
    let (proof, coverage) = match (since, is_partial) {
        (Some(_), _) => (Proof::Changes, Coverage::Changes),
        (None, true) => (Proof::Partial, Coverage::Partial { reason: "cut".to_owned() }),
        (None, false) => (Proof::Complete, Coverage::Complete),
    };
    read.proof = proof;
    let cursor = cursor.filter(|_| proof != Proof::Partial);
    let end = Some(End { coverage, cursor });
    SimulatedRecords { sim: shared.clone(), given, fails_at, read, end }
}

/// A record as it is given, and what the checker is to know of it.
fn record(sim: &mut Sim, key: &str, person: Person, read: &mut Read) -> Given {
    let rejected = || Rejected::new(Origin::entry(key), "damaged");
    match person.record {
        Record::Good | Record::Unmappable => {
            // What cannot be mapped is a record all the same, and pins its account; who is out of scope is not mapped.
            if person.record == Record::Good || !sim.settings.in_scope(&person) {
                read.delivered.insert(key.to_owned());
            } else {
                read.pinned.insert(key.to_owned());
            }
            Given::Record(key.to_owned(), person)
        }
        Record::Rejected => {
            read.pinned.insert(key.to_owned());
            Given::Rejected(rejected().with_key(key))
        }
        Record::Shifted => {
            read.pinned.insert(key.to_owned());
            let other = sim.world.somebody(&mut sim.dice).unwrap_or_default();
            Given::Rejected(rejected().with_key(&other).with_might_be([key, "First"]))
        }
        Record::Nameless => {
            read.nameless = true;
            Given::Rejected(rejected())
        }
    }
}

#[async_trait]
impl Records for SimulatedRecords {
    async fn next(&mut self) -> Result<Step, Error> {
        // At once, and not when the program next waits: how far it comes until then is not decided by the seed.
        if locked(&self.sim).may_die(super::Moment::Read) {
            return std::future::pending().await;
        }
        let mut sim = locked(&self.sim);
        if self.given.is_empty() && self.fails_at.is_none() {
            sim.note(&format!("read: {:?}", self.read.proof));
            sim.checker.read(std::mem::take(&mut self.read));
            return Ok(Step::End(self.end.take().unwrap()));
        }
        let fields = Fields::new(FIELDS);
        let mut batch = Batch::new(fields);
        for _ in 0..1 + sim.dice.index(8) {
            if self.fails_at == Some(self.given.len()) {
                sim.note("the source fails within a read");
                return Err(Error::unavailable("lost"));
            }
            match self.given.pop() {
                None => break,
                Some(Given::Rejected(rejected)) => batch.reject(rejected),
                Some(Given::Removed(key)) => batch.remove(Removed {
                    origin: Origin::entry(key.as_str()),
                    key: peoplesync_source::Key::new(&key).unwrap(),
                }),
                Some(Given::Record(key, person)) => fill(&mut batch, &key, &person),
            }
        }
        Ok(Step::Batch(batch))
    }
}

fn fill(batch: &mut Batch, key: &str, person: &Person) {
    let mail = (person.record == Record::Good).then_some(person.mail.as_str());
    let status = match person.status {
        Status::Active => "active",
        Status::Inactive => "inactive",
        Status::External => "external",
    };
    let values = [
        Some(key),
        mail,
        Some(person.first.as_str()),
        person.title.as_deref(),
        person.manager.as_deref(),
        Some(status),
    ];
    let mut writer = batch.record(key, Origin::entry(key)).unwrap();
    for (field, value) in values.into_iter().enumerate() {
        if let Some(value) = value {
            writer.set(field, Value::Text(value));
        }
    }
}
