//! The first half of a plan: the source is read in batches, mapped, digested, and compared with the links. Whoever is as
//! before costs no memory and no request.

use std::sync::Arc;

use peoplesync_mapping::{Binding, DigestKey, Draft, SlotValue, fingerprint};
use peoplesync_reconcile::{
    Candidate, Coverage, Digest, Fingerprint, Intake, LinkIndex, Rejection, Seen, Survey, Wanted,
    WantedValue,
};
use peoplesync_source::{Batch, Fields, Query, Record, Step};

use super::Session;
use crate::failure::{Failure, Outcome};
use crate::report::progress::Progress;

/// What a read came to.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) survey: Survey,
    /// A number that moves when any record, its mapping or a rejection moves, whatever their order.
    pub(crate) snapshot: u128,
}

/// The fingerprint of a key in the link index.
pub(crate) fn print_of(key: &DigestKey, record_key: &str) -> Fingerprint {
    let [a, b, c, d, e, f, g, h, ..] = fingerprint(key, record_key);
    Fingerprint(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// Reads everything.
pub(crate) async fn read(
    session: &Session,
    index: LinkIndex,
    key: &DigestKey,
    full: bool,
    progress: &Progress,
) -> Outcome<Reading> {
    let query = Query::fields(session.mapping.fields().iter().cloned());
    let unreadable = |error| Failure::from(error).about("cannot read the source");
    let mut records = session.source.open(&session.cx, &query).await.map_err(unreadable)?;
    let mut reader = Reader::new(session, index, key, full);
    loop {
        match records.next().await.map_err(unreadable)? {
            Step::Batch(batch) => {
                progress.steps(batch.len());
                reader.batch(&batch);
            }
            Step::End(end) => {
                let coverage = match end.coverage {
                    peoplesync_source::Coverage::Complete => Coverage::Complete,
                    peoplesync_source::Coverage::Partial { reason } => Coverage::Partial { reason },
                    peoplesync_source::Coverage::Changes => Coverage::Changes,
                };
                return Ok(Reading {
                    survey: reader.intake.finish(coverage),
                    snapshot: reader.snapshot,
                });
            }
        }
    }
}

struct Reader<'a> {
    session: &'a Session,
    key: &'a DigestKey,
    /// Compare everybody with the target, digests notwithstanding.
    full: bool,
    intake: Intake,
    draft: Draft,
    binding: Option<(Fields, Binding)>,
    name_slot: Option<usize>,
    snapshot: u128,
}

impl<'a> Reader<'a> {
    fn new(session: &'a Session, index: LinkIndex, key: &'a DigestKey, full: bool) -> Self {
        let name_slot =
            session.mapping.attributes().iter().position(|attribute| {
                attribute.path().to_string().eq_ignore_ascii_case("userName")
            });
        Self {
            session,
            key,
            full,
            intake: Intake::new(index, Arc::clone(&session.managed)),
            draft: Draft::new(&session.mapping),
            binding: None,
            name_slot,
            snapshot: 0,
        }
    }

    fn batch(&mut self, batch: &Batch) {
        let bound = self.binding.as_ref().is_some_and(|(fields, _)| fields.is_same(batch.fields()));
        if !bound {
            self.binding =
                Some((batch.fields().clone(), self.session.mapping.bind(batch.fields())));
        }
        if let Some((fields, binding)) = self.binding.take() {
            for record in batch.records() {
                self.record(&binding, &record);
            }
            self.binding = Some((fields, binding));
        }
        for rejected in batch.rejected() {
            let pins: Vec<(Fingerprint, String)> = rejected
                .key
                .iter()
                .chain(&rejected.might_be)
                .map(|key| (print_of(self.key, key.as_str()), key.as_str().to_owned()))
                .collect();
            let rejection = Rejection {
                origin: rejected.origin.to_string(),
                key: rejected.key.as_ref().map(ToString::to_string),
                field: rejected.field.clone(),
                reason: rejected.reason.clone(),
            };
            self.note_snapshot(pins.first().map_or(Fingerprint(0), |pin| pin.0), Digest(i64::MIN));
            let identified = rejected.key.is_some() && rejected.might_be.is_empty();
            self.intake.reject(rejection, &pins, identified);
        }
        for removed in batch.removed() {
            let key = removed.key.as_str();
            self.intake.removed(print_of(self.key, key), key);
        }
        self.intake.read((batch.len() + batch.rejected().len()) as u64);
    }

    fn record(&mut self, binding: &Binding, record: &Record<'_>) {
        let mapping = &self.session.mapping;
        let print = print_of(self.key, record.key());
        match mapping.map(binding, record, &mut self.draft) {
            Ok(peoplesync_mapping::Outcome::InScope) => {}
            Ok(peoplesync_mapping::Outcome::OutOfScope) => {
                self.note_snapshot(print, Digest::UNKNOWN);
                self.intake.out_of_scope(print, record.key());
                return;
            }
            Err(error) => {
                let rejection = Rejection {
                    origin: record.origin().to_string(),
                    key: Some(record.key().to_owned()),
                    field: error.path.as_ref().map(ToString::to_string),
                    reason: match &error.field {
                        Some(field) => format!("the field `{field}` {}", error.reason),
                        None => error.reason.clone(),
                    },
                };
                self.note_snapshot(print, Digest(i64::MIN));
                self.intake.reject(rejection, &[(print, record.key().to_owned())], true);
                return;
            }
        }
        let hash = self.draft.digest(self.key);
        let digest = Digest::from_hash(hash);
        self.note_snapshot(print, digest);
        // Whether a referenced person has an account decides what can be written, so it is part of what is remembered.
        let resolved =
            self.draft.references().all(|(_, key)| self.intake.is_linked(print_of(self.key, key)));
        let seen = match (self.full, resolved) {
            (true, _) => self.intake.seen(print, Digest::UNKNOWN),
            (false, true) => self.intake.seen(print, digest),
            (false, false) => self.intake.seen_unresolved(print, unresolved(hash)),
        };
        if seen != Seen::Unchanged {
            let candidate = self.candidate(record, print, digest, hash);
            self.intake.candidate(candidate);
        }
    }

    fn candidate(
        &self,
        record: &Record<'_>,
        print: Fingerprint,
        digest: Digest,
        hash: [u8; 16],
    ) -> Candidate {
        let mapping = &self.session.mapping;
        let wanted = self
            .draft
            .desired(mapping)
            .into_iter()
            .map(|slot| Wanted {
                slot: u16::try_from(slot.slot)
                    .expect("`Managed` has refused more than 65,535 attributes"),
                value: match slot.value {
                    SlotValue::Set(value) => WantedValue::Set(value),
                    SlotValue::Clear => WantedValue::Clear,
                    SlotValue::Reference(key) => WantedValue::Reference(key),
                },
            })
            .collect();
        let name = self.name_slot.and_then(|slot| self.draft.text(slot)).unwrap_or(record.key());
        Candidate {
            key: record.key().to_owned(),
            fingerprint: print,
            digest,
            digest_unresolved: if self.draft.references().next().is_some() {
                unresolved(hash)
            } else {
                digest
            },
            origin: record.origin().to_string(),
            name: name.to_owned(),
            wanted,
        }
    }

    fn note_snapshot(&mut self, print: Fingerprint, digest: Digest) {
        let one =
            (u128::from(print.0.cast_unsigned()) << 64) | u128::from(digest.0.cast_unsigned());
        // A sum does not depend on order; the multiplication keeps equal halves of two records from trading places.
        let mixed = (one ^ (one >> 67)).wrapping_mul(0x2d35_8dcc_aa6c_78a5_8bb8_4b93_962e_acc9);
        self.snapshot = self.snapshot.wrapping_add(mixed ^ (mixed >> 61));
    }
}

/// The digest of the same person as long as somebody whom they refer to has no account.
fn unresolved(mut hash: [u8; 16]) -> Digest {
    for byte in &mut hash {
        *byte = !*byte;
    }
    Digest::from_hash(hash)
}
