//! The second step: references to accounts that were created in this apply.

use peoplesync_reconcile::{Action, AttributeChange, Change};
use peoplesync_scim::desired::Difference;
use peoplesync_state::Intent;
use serde_json::Value as Json;

use super::requests;
use super::send::Sender;
use super::sent::{Ended, Sent};

impl Sender<'_> {
    /// The changes whose references can be written now that everybody has an account.
    pub(super) fn waiting(&self, results: &[Option<Sent>]) -> Vec<usize> {
        let done =
            |index: &usize| results[*index].as_ref().is_some_and(|sent| sent.ended == Ended::Done);
        (0..self.plan.changes.len())
            .filter(|index| requests::pending(&self.plan.changes[*index]).next().is_some())
            .filter(done)
            .collect()
    }

    /// What is noted before the references of a change are written.
    pub(super) fn reference_intent(
        &self,
        index: usize,
        results: &[Option<Sent>],
    ) -> Option<Intent> {
        let change = &self.plan.changes[index];
        if self.resolve(change, results).differences.is_empty() {
            return None;
        }
        let id = results[index].as_ref().and_then(|sent| sent.id.clone());
        // The first step of this change is settled; the second is an intent of its own.
        let seq = self.reference_seq(index);
        Some(Intent { action: Action::Update, id, ..self.intent(seq, change) })
    }

    /// Writes the references of one change to accounts that were created in this apply.
    pub(super) async fn references(
        &self,
        index: usize,
        is_written: bool,
        results: &[Option<Sent>],
    ) -> Sent {
        let change = &self.plan.changes[index];
        let earlier = results[index].clone().unwrap_or_else(Sent::skipped);
        let Resolved { differences, mut attributes, missing } = self.resolve(change, results);
        let seq = self.reference_seq(index);
        if self.must_stop() {
            if is_written && !differences.is_empty() {
                self.journal.withdraw(seq as u64);
            }
            return earlier;
        }
        let id = earlier.id.clone().unwrap_or_default();
        let mut sent = earlier;
        if !differences.is_empty() {
            if !is_written {
                return Sent {
                    error: Some("references not sent: the journal could not be written".into()),
                    ..sent
                };
            }
            let second = self.write(change, &differences, &attributes, &id, None).await;
            let written = second.is_whole() && missing.is_empty();
            for (attribute, difference) in attributes.iter_mut().zip(&differences) {
                attribute.after.clone_from(&difference.after);
            }
            let entry = Change {
                id: Some(id.clone()),
                action: Action::Update,
                reason: "the account referred to was created in this run".to_owned(),
                attributes,
                ..change.clone()
            };
            let created = change.action == Action::Create;
            self.settle(seq, &entry, &second, if written { change.digest } else { None }, created);
            if !second.is_whole() {
                sent = Sent { id: Some(id), ..second };
            }
        }
        if !missing.is_empty() && sent.ended == Ended::Done {
            sent.ended = Ended::Failed;
            sent.error = Some(format!(
                "{} not set, as that account could not be created; a later run sets it",
                missing.join(", ")
            ));
        }
        sent
    }

    fn reference_seq(&self, index: usize) -> usize {
        self.plan.changes.len() + index
    }

    fn resolve(&self, change: &Change, results: &[Option<Sent>]) -> Resolved {
        let mut resolved = Resolved::default();
        for (key, attribute) in requests::pending(change) {
            match self.id_of(change.resource, key, results) {
                Some(id) => {
                    let after = Some(Json::String(id));
                    let difference = Difference { after, ..requests::difference(attribute) };
                    resolved.differences.push(difference);
                    resolved.attributes.push(attribute.clone());
                }
                None => resolved.missing.push(format!("{} (key {key})", attribute.path)),
            }
        }
        resolved
    }
}

/// The references of a change, as far as the accounts exist.
#[derive(Default)]
struct Resolved {
    differences: Vec<Difference>,
    attributes: Vec<AttributeChange>,
    /// Those whose account could not be created.
    missing: Vec<String>,
}
