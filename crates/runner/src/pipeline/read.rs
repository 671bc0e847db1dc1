//! The first half of a plan: the source is read in batches, mapped, digested, and compared with the links. Whoever is as
//! before costs no memory and no request.

use std::collections::BTreeSet;
use std::sync::Arc;

use peoplesync_mapping::{
    Around, DigestKey, Draft, MapError, Mapping, Outcome as Scope, People, SlotValue,
};
use peoplesync_reconcile::{
    Candidate, Coverage, Digest, Fingerprint, Intake, LinkIndex, Rejection, Seen, Survey, Wanted,
    WantedValue,
};
use peoplesync_scim::Resource;
use peoplesync_source::{Cursor, End, Origin, Query, Record, Records, Rejected, Step, Timestamp};
use peoplesync_state::State;

use super::Session;
use super::digest::{Digested, Mapped, Row, print_of};
use super::groups::Gathered;
use super::mapper::Mapper;
use super::others::Others;
use super::sources::{Holding, Opened};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::report::progress::Progress;

/// What a read came to.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) survey: Survey,
    /// Where the next read can go on.
    pub(crate) cursor: Option<Cursor>,
    /// A number that moves when any record, its mapping or a rejection moves, whatever their order.
    pub(crate) snapshot: u128,
    /// What groups need of people.
    pub(crate) gathered: Gathered,
    /// Who came from which of several sources.
    pub(crate) holding: Holding,
}

/// Reads everything. Batches are mapped side by side, the first of them while `index` loads the links, and taken in their order.
pub(crate) async fn read(
    (session, state): (&Session, &State),
    index: impl FnOnce() -> Outcome<LinkIndex>,
    key: &DigestKey,
    (before, since): (Option<Arc<Mapping>>, Option<Cursor>),
    (now, full): (Timestamp, bool),
    people: Option<&Arc<Others>>,
    progress: &Progress,
) -> Outcome<Reading> {
    let before_fields = before.iter().flat_map(|before| before.fields());
    let of_groups = session.groups.iter().flat_map(|groups| groups.of_people.fields());
    let fields: BTreeSet<&String> =
        session.fields_of_people().chain(before_fields).chain(of_groups).collect();
    let mut query = Query::fields(fields.into_iter().cloned());
    query.since = since;
    let opened = begin(session, &query).await?;
    let holding = Holding::new(&session.sources, state, &opened.unread)?;
    let mapper = Mapper {
        mapping: Arc::clone(&session.mapping),
        of_people: session.groups.as_ref().map(|groups| Arc::clone(&groups.of_people)),
        before,
        key: key.clone(),
        now,
        people: people.cloned(),
        sources: holding.bits().into(),
    };
    let mut batches = mapper.start(opened.records, progress);
    let mut reader = Reader::new(session, index()?, key, now, full);
    reader.holding = holding;
    reader.people = people.cloned();
    while let Some(digested) = batches.next().await? {
        batches.reuse(reader.take(digested));
    }
    let end = batches.end().await?;
    let cursor = end.cursor.clone();
    let Reader { mut intake, snapshot, gathered, mut holding, .. } = reader;
    holding.rejections().for_each(|rejection| intake.reject(rejection, &[], true));
    let is_anybodys = intake.is_doubtful();
    let held = intake.hold(|fingerprint| holding.holds(fingerprint, is_anybodys));
    let coverage = holding.coverage(coverage(end), held);
    let survey = intake.finish(coverage);
    Ok(Reading { survey, cursor, snapshot, gathered, holding })
}

/// Begins to read the source, once it is known to have every field that the mapping reads.
pub(crate) async fn open(session: &Session, query: &Query) -> Outcome<Box<dyn Records>> {
    check(session).await?;
    Ok(begin(session, query).await?.records)
}

/// The same where its fields are known already. An expression that cannot take what a field holds is an error before anybody is
/// read.
pub(crate) async fn begin(session: &Session, query: &Query) -> Outcome<Opened> {
    let opened = session.sources.open(&session.cx, query).await?;
    session.mistyped(opened.records.types())?;
    Ok(opened)
}

/// Whether the source has what the mapping reads, as it takes it. A source that cannot be read just now may be all right.
pub(crate) async fn fits(session: &Session) -> Outcome<()> {
    check(session).await?;
    let query = Query::fields(session.mapping.fields().iter().cloned());
    match begin(session, &query).await {
        Err(failure) if failure.exit() == Exit::Usage => Err(failure),
        _ => Ok(()),
    }
}

/// The fields of the source, if it says which it has; an error if the mapping reads others.
pub(super) async fn check(session: &Session) -> Outcome<Option<Vec<String>>> {
    let fields = session.sources.fields(&session.cx).await;
    session.unknown_fields(fields.as_deref())?;
    Ok(fields.filter(|fields| !fields.is_empty()))
}

pub(super) async fn next(records: &mut dyn Records) -> Outcome<Step> {
    records.next().await.map_err(unreadable)
}

pub(super) fn unreadable(error: peoplesync_source::Error) -> Failure {
    Failure::from(error).about("cannot read the source")
}

pub(super) fn coverage(end: End) -> Coverage {
    match end.coverage {
        peoplesync_source::Coverage::Complete => Coverage::Complete,
        peoplesync_source::Coverage::Partial { reason } => Coverage::Partial { reason },
        peoplesync_source::Coverage::Changes => Coverage::Changes,
    }
}

struct Reader<'a> {
    session: &'a Session,
    key: &'a DigestKey,
    /// The moment that `Now()` gives.
    now: Timestamp,
    /// Compare everybody with the target, digests notwithstanding.
    full: bool,
    intake: Intake,
    draft: Draft,
    gathered: Gathered,
    name_slot: Option<usize>,
    snapshot: u128,
    /// Who was referred to last, and whether they are linked; that does not change during a read.
    last_reference: Option<(Fingerprint, bool)>,
    /// Other people, if an expression asks about them.
    people: Option<Arc<Others>>,
    /// Who is left alone because a source that may have them was not read.
    holding: Holding,
}

impl<'a> Reader<'a> {
    fn new(
        session: &'a Session,
        index: LinkIndex,
        key: &'a DigestKey,
        now: Timestamp,
        full: bool,
    ) -> Self {
        let name_slot =
            session.mapping.attributes().iter().position(|attribute| {
                attribute.path().to_string().eq_ignore_ascii_case("userName")
            });
        Self {
            session,
            key,
            now,
            full,
            intake: Intake::new(index, Arc::clone(&session.managed)),
            draft: Draft::new(&session.mapping),
            gathered: Gathered::default(),
            name_slot,
            snapshot: 0,
            last_reference: None,
            people: None,
            holding: Holding::default(),
        }
    }

    /// Takes in what came of a batch; its memory of rows is free then.
    fn take(&mut self, mut digested: Digested) -> Vec<Row> {
        self.gathered.merge(&mut digested.gathered);
        let batch = &digested.batch;
        let mut references_start = 0;
        self.intake.look_ahead(digested.rows.iter().map(|row| row.print));
        for (record, row) in batch.records().zip(&digested.rows) {
            let (holding, intake) = (&mut self.holding, &self.intake);
            let is_linked = || intake.is_linked(row.print);
            if holding.leaves_alone(row.print, row.sources, is_linked) {
                if let Mapped::InScope { references_end, .. } = &row.mapped {
                    references_start = *references_end;
                }
                self.note_snapshot(row.print, Digest::UNKNOWN);
                continue;
            }
            match &row.mapped {
                Mapped::InScope { hash, references_end } => {
                    let references = digested.references(references_start, *references_end);
                    references_start = *references_end;
                    self.in_scope(&digested, &record, row, *hash, references);
                }
                Mapped::OutOfScope => {
                    // Who is nobody's leaver needs no word of the config of before.
                    if let Some(before) = row.before.filter(|_| self.intake.is_linked(row.print)) {
                        self.intake.before(record.key(), before);
                    }
                    self.note_snapshot(row.print, Digest::UNKNOWN);
                    self.holding.saw(row.print, row.sources);
                    self.intake.out_of_scope(row.print, record.key());
                }
                Mapped::Rejected(error) => self.unmapped(&record, row.print, error),
            }
        }
        for rejected in batch.rejected() {
            let pins: Vec<(Fingerprint, String)> = rejected
                .key
                .iter()
                .chain(&rejected.might_be)
                .map(|key| (print_of(self.key, key.as_str()), key.as_str().to_owned()))
                .collect();
            let rejection = rejection(rejected, self.session.managed.resource());
            self.note_snapshot(pins.first().map_or(Fingerprint(0), |pin| pin.0), Digest(i64::MIN));
            pins.iter().for_each(|pin| self.holding.unsure(pin.0));
            // A damaged row says whose it is if the key that it seems to have is somebody's; what else it holds may be the key of
            // a manager, and says nothing.
            let identified = rejected.key.as_ref().is_some_and(|key| {
                rejected.might_be.is_empty()
                    || self.intake.is_linked(print_of(self.key, key.as_str()))
            });
            self.intake.reject(rejection, &pins, identified);
        }
        for removed in batch.removed() {
            let key = removed.key.as_str();
            self.intake.removed(print_of(self.key, key), key);
        }
        self.intake.read((batch.len() + batch.rejected().len()) as u64);
        digested.rows
    }

    fn in_scope(
        &mut self,
        digested: &Digested,
        record: &Record<'_>,
        row: &Row,
        hash: [u8; 16],
        references: &[Fingerprint],
    ) {
        let (print, digest) = (row.print, Digest::from_hash(hash));
        self.note_snapshot(print, digest);
        // Whether a referenced person has an account decides what can be written, so it is part of what is remembered.
        let resolved = references.iter().all(|reference| self.is_linked(*reference));
        let seen = match (self.full, resolved) {
            (true, _) => self.intake.seen(print, Digest::UNKNOWN),
            (false, true) => self.intake.seen(print, digest),
            (false, false) => self.intake.seen_unresolved(print, unresolved(hash)),
        };
        if seen == Seen::Unchanged {
            return;
        }
        self.holding.saw(print, row.sources);
        // Few are looked at more closely; for them the mapping is done once more, and its values are kept.
        let people = self.people.as_deref().map(|people| people as &dyn People);
        let around = Around { now: Some(self.now), seed: Some(self.key), people };
        let mapping = &self.session.mapping;
        match mapping.map_in(&around, &digested.binding, record, &mut self.draft) {
            Ok(Scope::InScope) => {
                let digest_unresolved =
                    if references.is_empty() { digest } else { unresolved(hash) };
                let candidate = self.candidate(record, print, digest, digest_unresolved);
                if let Some(before) = row.before {
                    self.intake.before(record.key(), before);
                }
                self.intake.candidate(candidate);
            }
            Ok(Scope::OutOfScope) => self.intake.out_of_scope(print, record.key()),
            Err(error) => self.unmapped(record, print, &error),
        }
    }

    fn is_linked(&mut self, reference: Fingerprint) -> bool {
        match self.last_reference {
            Some((last, linked)) if last == reference => linked,
            _ => {
                let linked = self.intake.is_linked(reference);
                self.last_reference = Some((reference, linked));
                linked
            }
        }
    }

    fn unmapped(&mut self, record: &Record<'_>, print: Fingerprint, error: &MapError) {
        let resource = self.session.managed.resource();
        let rejection = unmapped(record.key(), &record.origin(), error, resource);
        self.note_snapshot(print, Digest(i64::MIN));
        self.holding.unsure(print);
        self.intake.reject(rejection, &[(print, record.key().to_owned())], true);
    }

    fn candidate(
        &self,
        record: &Record<'_>,
        print: Fingerprint,
        digest: Digest,
        digest_unresolved: Digest,
    ) -> Candidate {
        let name = self.name_slot.and_then(|slot| self.draft.text(slot)).unwrap_or(record.key());
        Candidate {
            key: record.key().to_owned(),
            fingerprint: print,
            digest,
            digest_unresolved,
            origin: record.origin().to_string(),
            name: name.to_owned(),
            wanted: wanted(&self.draft, &self.session.mapping),
        }
    }

    fn note_snapshot(&mut self, print: Fingerprint, digest: Digest) {
        self.snapshot = self.snapshot.wrapping_add(mix(print, digest));
    }
}

/// What one record adds to the snapshot.
pub(super) fn mix(print: Fingerprint, digest: Digest) -> u128 {
    let one = (u128::from(print.0.cast_unsigned()) << 64) | u128::from(digest.0.cast_unsigned());
    // A sum does not depend on order; the multiplication keeps equal halves of two records from trading places.
    let mixed = (one ^ (one >> 67)).wrapping_mul(0x2d35_8dcc_aa6c_78a5_8bb8_4b93_962e_acc9);
    mixed ^ (mixed >> 61)
}

/// A record that the source could not read.
pub(super) fn rejection(rejected: &Rejected, resource: Resource) -> Rejection {
    Rejection {
        origin: rejected.origin.to_string(),
        key: rejected.key.as_ref().map(ToString::to_string),
        field: rejected.field.clone(),
        reason: rejected.reason.clone(),
        resource,
    }
}

/// A record that could not be mapped.
pub(super) fn unmapped(
    key: &str,
    origin: &Origin,
    error: &MapError,
    resource: Resource,
) -> Rejection {
    Rejection {
        origin: origin.to_string(),
        key: Some(key.to_owned()),
        field: error.path.as_ref().map(ToString::to_string),
        reason: match &error.field {
            Some(field) => format!("the field `{field}` {}", error.reason),
            None => error.reason.clone(),
        },
        resource,
    }
}

/// What a draft wants.
pub(super) fn wanted(draft: &Draft, mapping: &Mapping) -> Vec<Wanted> {
    let wanted = draft.desired(mapping).into_iter().map(|slot| Wanted {
        slot: u16::try_from(slot.slot).expect("`Managed` has refused more than 65,535 attributes"),
        value: match slot.value {
            SlotValue::Set(value) => WantedValue::Set(value),
            SlotValue::Clear => WantedValue::Clear,
            SlotValue::Reference(key) => WantedValue::Reference(key),
            SlotValue::Choice(proposals) => WantedValue::Choice(proposals),
        },
    });
    wanted.collect()
}

/// The digest of the same person as long as somebody whom they refer to has no account.
pub(super) fn unresolved(mut hash: [u8; 16]) -> Digest {
    for byte in &mut hash {
        *byte = !*byte;
    }
    Digest::from_hash(hash)
}
