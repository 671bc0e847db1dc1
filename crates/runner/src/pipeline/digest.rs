//! A batch of records, mapped and digested: the part of a read that costs time and needs nothing but the batch, so that it
//! runs beside the reading on every core.

use std::sync::Arc;

use super::groups::{BoundOfPeople, Gathered};
use super::others::Others;
use peoplesync_mapping::{
    Around, Binding, DigestKey, Draft, MapError, Mapping, Outcome, People, fingerprint,
};
use peoplesync_reconcile::{Before, Digest, Fingerprint};
use peoplesync_source::{Batch, Timestamp, Value as Raw};

use super::read::unresolved;
use super::sources::SOURCES;

/// A batch with what the mapping says of each record.
#[derive(Debug)]
pub(super) struct Digested {
    pub(super) batch: Batch,
    pub(super) binding: Arc<Binding>,
    pub(super) rows: Vec<Row>,
    /// The people to whom the rows refer, row after row.
    references: Vec<Fingerprint>,
    /// What groups need of these people.
    pub(super) gathered: Gathered,
}

/// What the mapping says of one record.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) print: Fingerprint,
    pub(super) mapped: Mapped,
    /// What the mapping of the last run says, where it was another.
    pub(super) before: Option<Before>,
    /// The sources that have the person, as the state numbers them; 0 where there is one source.
    pub(super) sources: u64,
}

/// How a record was mapped.
#[derive(Debug)]
pub(super) enum Mapped {
    /// In scope: the hash of what is wanted, and where the row's references end in the batch's.
    InScope {
        hash: [u8; 16],
        references_end: usize,
    },
    OutOfScope,
    Rejected(Box<MapError>),
}

/// The fingerprint of a key in the link index.
pub(crate) fn print_of(key: &DigestKey, record_key: &str) -> Fingerprint {
    let [a, b, c, d, e, f, g, h, ..] = fingerprint(key, record_key);
    Fingerprint(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// A hash that is another for other sources, and the same where there is one.
fn with_sources(hash: [u8; 16], sources: u64) -> [u8; 16] {
    // Odd, so that no two sets of sources give the same.
    let mixed = u128::from(sources).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (u128::from_be_bytes(hash) ^ mixed).to_be_bytes()
}

/// The reference that was hashed last: people who stand together in a file often have the same manager.
#[derive(Default)]
struct Last {
    key: String,
    print: Option<Fingerprint>,
}

impl Last {
    fn print_of(&mut self, key: &DigestKey, text: &str) -> Fingerprint {
        if let Some(print) = self.print
            && self.key == text
        {
            return print;
        }
        let print = print_of(key, text);
        self.key.clear();
        self.key.push_str(text);
        self.print = Some(print);
        print
    }
}

impl Digested {
    /// `rows` is memory of an earlier batch, and begins empty.
    pub(super) fn new(
        (batch, mut rows): (Batch, Vec<Row>),
        binding: Arc<Binding>,
        of_people: Option<&BoundOfPeople>,
        mapping: &Mapping,
        key: &DigestKey,
        now: Timestamp,
        people: Option<&Others>,
    ) -> Self {
        let people = people.map(|people| people as &dyn People);
        let around = Around { now: Some(now), seed: Some(key), people };
        let mut draft = Draft::new(mapping);
        rows.clear();
        rows.reserve(batch.len());
        let mut references = Vec::new();
        let mut last = Last::default();
        let mut gathered = Gathered::default();
        for record in batch.records() {
            let mapped = match mapping.map_in(&around, &binding, &record, &mut draft) {
                Ok(Outcome::InScope) => {
                    references.extend(draft.references().map(|(_, text)| last.print_of(key, text)));
                    Mapped::InScope { hash: draft.digest(key), references_end: references.len() }
                }
                Ok(Outcome::OutOfScope) => Mapped::OutOfScope,
                Err(error) => Mapped::Rejected(Box::new(error)),
            };
            let print = print_of(key, record.key());
            let mapped = match (of_people, mapped) {
                (Some(of_people), mapped @ (Mapped::InScope { .. } | Mapped::OutOfScope)) => {
                    let in_scope = matches!(mapped, Mapped::InScope { .. });
                    let done =
                        of_people.gather(&around, &record, print, in_scope, key, &mut gathered);
                    done.map_or_else(|error| Mapped::Rejected(Box::new(error)), |()| mapped)
                }
                (_, mapped) => mapped,
            };
            rows.push(Row { print, mapped, before: None, sources: 0 });
        }
        Self { batch, binding, rows, references, gathered }
    }

    /// Notes which of several sources have each person, by the bits that the state has for them. A person whom another set of
    /// sources has is looked at again, so that it is known where they come from.
    pub(super) fn mark_sources(&mut self, bits: &[u8]) {
        let Some(field) = self.batch.fields().position(SOURCES) else { return };
        for (record, row) in self.batch.records().zip(&mut self.rows) {
            let Some(Raw::Integer(sources)) = record.first(field) else { continue };
            let all = bits.iter().enumerate();
            row.sources = all
                .fold(0, |stable, (at, bit)| stable | (sources.cast_unsigned() >> at & 1) << bit);
            if let Mapped::InScope { hash, .. } = &mut row.mapped {
                *hash = with_sources(*hash, row.sources);
            }
        }
    }

    /// Adds what the mapping of the last run says of each record.
    pub(super) fn compare(
        &mut self,
        (mapping, binding): (&Mapping, &Binding),
        of_people: Option<&BoundOfPeople>,
        key: &DigestKey,
        now: Timestamp,
        people: Option<&Others>,
    ) {
        let people = people.map(|people| people as &dyn People);
        let around = Around { now: Some(now), seed: Some(key), people };
        let mut draft = Draft::new(mapping);
        for (record, row) in self.batch.records().zip(&mut self.rows) {
            row.before = Some(match mapping.map_in(&around, binding, &record, &mut draft) {
                Ok(Outcome::InScope) => {
                    let hash = with_sources(draft.digest(key), row.sources);
                    let digest = Digest::from_hash(hash);
                    let refers = draft.references().next().is_some();
                    let digest_unresolved = if refers { unresolved(hash) } else { digest };
                    Before::InScope { digest, digest_unresolved }
                }
                Ok(Outcome::OutOfScope) => Before::OutOfScope,
                Err(_) => Before::Rejected,
            });
            let Some(of_people) = of_people else { continue };
            match (row.before, &row.mapped) {
                (Some(Before::InScope { .. }), Mapped::OutOfScope) => {
                    of_people.gather_former(&around, &record, row.print, &mut self.gathered);
                }
                (Some(Before::OutOfScope | Before::Rejected), Mapped::InScope { .. }) => {
                    self.gathered.new.insert(row.print);
                }
                _ => {}
            }
        }
    }

    /// The people to whom a row refers, from where the row before ended.
    pub(super) fn references(&self, start: usize, end: usize) -> &[Fingerprint] {
        self.references.get(start..end).unwrap_or_default()
    }
}
