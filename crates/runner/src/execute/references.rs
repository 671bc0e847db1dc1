//! References to accounts that are created in this apply: along with the creation, where both leave in one request, and otherwise
//! in a second step.

use peoplesync_reconcile::{Action, AttributeChange, Change};
use peoplesync_scim::client::{Created, Links};
use peoplesync_scim::desired::Difference;
use peoplesync_scim::resource;
use peoplesync_scim::value::reference_id;
use peoplesync_state::Intent;
use serde_json::Value as Json;

use super::requests;
use super::send::Sender;
use super::sent::{Ended, Sent};

impl Sender<'_> {
    /// What a creation refers to among those that are created in this apply, as a bulk request says it (RFC 7644 §3.7.2).
    pub(super) fn links(&self, index: usize, written: &[Difference]) -> Option<Links> {
        if !self.tools.client.links() {
            return None;
        }
        let change = &self.plan.changes[index];
        let mut references = Vec::new();
        let mut names = Vec::new();
        for (key, attribute) in requests::pending(change) {
            let newcomer = self.newcomers.get(&(change.resource, key)).copied();
            let is_created = |index: &usize| self.plan.changes[*index].action == Action::Create;
            let Some(newcomer) = newcomer.filter(is_created) else {
                // One of them must wait for the second step, and so do all.
                names.clear();
                break;
            };
            let name = newcomer.to_string();
            let after = Some(Json::String(Links::reference(&name)));
            references.push(Difference { after, ..requests::difference(attribute) });
            names.push(name);
        }
        let body = match names.as_slice() {
            [] => Json::Null,
            _ => requests::create_body(change.resource, &[written, &references].concat()),
        };
        Some(Links { name: index.to_string(), names, body })
    }

    /// Notes whose references went along with the creation. That the target puts ids in their place is seen once.
    pub(super) async fn see_references(&self, index: usize, created: &Created) {
        if !created.linked {
            return;
        }
        let change = &self.plan.changes[index];
        let resolves = async || {
            let read = self.tools.client.get(change.resource, &created.id).await.ok().flatten();
            read.is_some_and(|account| {
                requests::pending(change).all(|(_, attribute)| {
                    let value = resource::get(&account, &attribute.path);
                    let id = value.and_then(reference_id);
                    id.is_some_and(|id| !id.is_empty() && !id.starts_with(&Links::reference("")))
                })
            })
        };
        if *self.resolves.get_or_init(resolves).await {
            if let Ok(mut linked) = self.linked.lock() {
                linked.insert(index);
            }
        } else {
            self.tools.client.unlink();
        }
    }

    fn is_linked(&self, index: usize) -> bool {
        self.linked.lock().is_ok_and(|linked| linked.contains(&index))
    }

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
        if self.is_linked(index) || self.resolve(change, results).differences.is_empty() {
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
            if is_written && !differences.is_empty() && !self.is_linked(index) {
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
            let second = match self.is_linked(index) {
                true => Sent::done(&id),
                false => {
                    let work = self.write(change, &differences, &attributes, &id, None);
                    Sent::numbered(work).await.redacted(change)
                }
            };
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
