//! One change at a time: intent, request, outcome, link.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use peoplesync_reconcile::{Action, AttributeChange, Change, Links, MemberChanges, Plan};
use peoplesync_scim::client::{Client, ClientError, Deleted, Kind};
use peoplesync_scim::desired::Difference;
use peoplesync_scim::profile::{Clear, Deactivate, Reactivate, Update};
use peoplesync_scim::{Filter, Resource, write};
use peoplesync_state::{Intent, KeptNote};
use serde_json::Value as Json;

use super::journal::Recorder;
use super::{Tools, is_set, requests};
use crate::exit::Exit;
use crate::failure::Failure;

/// After so many requests in a row that did not reach the target, the rest is not tried.
const UNREACHABLE_IN_A_ROW: u32 = 5;

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    Done,
    Failed,
    Skipped,
}

/// What came of one change.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) ended: Ended,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    /// The account's id, once there is one.
    pub(crate) id: Option<String>,
    /// The number that the target gave to a request that failed.
    pub(crate) request: Option<String>,
}

impl Sent {
    /// Left out because its intent is not on the disk.
    pub(super) fn not_journaled() -> Self {
        let error = Some("not sent: the journal could not be written".to_owned());
        Self { error, ..Self::skipped() }
    }

    pub(super) fn skipped() -> Self {
        Self { ended: Ended::Skipped, status: None, error: None, id: None, request: None }
    }

    pub(super) fn done(id: &str) -> Self {
        Self {
            ended: Ended::Done,
            status: None,
            error: None,
            id: Some(id.to_owned()),
            request: None,
        }
    }

    fn failed(error: &ClientError) -> Self {
        let failure = error_line(error);
        let request = error.request_id.clone();
        Self { ended: Ended::Failed, status: error.status, error: Some(failure), id: None, request }
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.ended == Ended::Failed && self.status == Some(409)
    }
}

/// The error and its causes in one line.
fn error_line(error: &ClientError) -> String {
    let mut line = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    if let Some(hint) = &error.hint {
        line.push_str("; ");
        line.push_str(hint);
    }
    line
}

/// Sends the changes of one plan.
pub(super) struct Sender<'a> {
    pub(super) plan: &'a Plan,
    pub(super) links: &'a Links,
    pub(super) tools: Tools,
    pub(super) journal: Recorder,
    /// Who gets an account in this apply, and by which change.
    newcomers: BTreeMap<(Resource, &'a str), usize>,
    /// The number of the next intent of a request that is not the first of its change.
    pub(super) next_seq: AtomicUsize,
    unreachable: AtomicU32,
    halted: AtomicBool,
    reason: Mutex<Option<Failure>>,
    /// What the target keeps otherwise than it was written.
    pub(super) noted: Mutex<Vec<KeptNote>>,
    /// The members whom new groups were answered with, by the ids of the groups.
    pub(super) shown_members: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Whether the target has refused to know PATCH.
    without_patch: AtomicBool,
}

impl<'a> Sender<'a> {
    pub(super) fn new(plan: &'a Plan, links: &'a Links, tools: Tools, journal: Recorder) -> Self {
        Self {
            plan,
            links,
            tools,
            journal,
            newcomers: plan
                .changes
                .iter()
                .enumerate()
                .filter(|(_, change)| matches!(change.action, Action::Create | Action::Adopt))
                .map(|(index, change)| ((change.resource, change.key.as_str()), index))
                .collect(),
            next_seq: AtomicUsize::new(2 * plan.changes.len()),
            unreachable: AtomicU32::new(0),
            halted: AtomicBool::new(false),
            reason: Mutex::new(None),
            noted: Mutex::default(),
            shown_members: Mutex::default(),
            without_patch: AtomicBool::new(false),
        }
    }

    /// Why nothing more is sent, if so.
    pub(super) fn stopped(&self) -> Option<Failure> {
        if is_set(&self.tools.stop) {
            return Some(
                Failure::new(Exit::Partly, "interrupted: what was not sent yet is left out")
                    .with_hint("nothing is lost: apply again, and the rest is planned anew"),
            );
        }
        self.reason.lock().ok().and_then(|mut reason| reason.take())
    }

    /// Sends one change.
    pub(super) async fn change(&self, index: usize) -> Sent {
        let change = &self.plan.changes[index];
        if self.must_stop() {
            return Sent::skipped();
        }
        let differences = requests::now(change);
        let needs_request = match change.action {
            Action::Unlink => false,
            Action::Create | Action::Delete => true,
            _ => !differences.is_empty(),
        };
        if needs_request && !self.journal.intend(self.intent(index, change)).await {
            return Sent::not_journaled();
        }
        let id = change.id.as_deref().unwrap_or_default();
        let sent = match change.action {
            Action::Create => self.create_with(change, &requests::create_body(change)).await,
            Action::Delete => match self.tools.client.delete(change.resource, id).await {
                Ok(Deleted::Deleted | Deleted::Gone) => Sent::done(id),
                Err(error) => self.failed(&error),
            },
            _ if !needs_request => Sent::done(id),
            _ => self.write(change, &differences, &change.attributes, id).await,
        };
        let finished = requests::pending(change).next().is_none() && change.members.is_empty();
        let digest = if finished { change.digest } else { None };
        let created = change.action == Action::Create;
        let members = self.found_members(change);
        // Members have entries of their own, a request each.
        let entry = Change { members: MemberChanges::default(), ..change.clone() };
        let entry = if change.members.is_empty() { change } else { &entry };
        self.settle_with(index, entry, &sent, digest, created, members);
        sent
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

    /// Writes the references of one change to accounts that were created in this apply.
    pub(super) async fn references(&self, index: usize, results: &[Option<Sent>]) -> Sent {
        let change = &self.plan.changes[index];
        let earlier = results[index].clone().unwrap_or_else(Sent::skipped);
        if self.must_stop() {
            return earlier;
        }
        let mut missing = Vec::new();
        let mut differences = Vec::new();
        let mut attributes: Vec<AttributeChange> = Vec::new();
        for (key, attribute) in requests::pending(change) {
            match self.id_of(change.resource, key, results) {
                Some(id) => {
                    let after = Some(Json::String(id));
                    differences.push(Difference { after, ..requests::difference(attribute) });
                    attributes.push(attribute.clone());
                }
                None => missing.push(format!("{} (key {key})", attribute.path)),
            }
        }
        let id = earlier.id.clone().unwrap_or_default();
        let mut sent = earlier;
        if !differences.is_empty() {
            // The first step of this change is settled; the second is an intent of its own.
            let seq = self.plan.changes.len() + index;
            let intent =
                Intent { action: Action::Update, id: Some(id.clone()), ..self.intent(seq, change) };
            if !self.journal.intend(intent).await {
                return Sent {
                    error: Some("references not sent: the journal could not be written".into()),
                    ..sent
                };
            }
            let second = self.write(change, &differences, &attributes, &id).await;
            let written = second.ended == Ended::Done && missing.is_empty();
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
            if second.ended != Ended::Done {
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

    pub(super) fn id_of(
        &self,
        resource: Resource,
        key: &str,
        results: &[Option<Sent>],
    ) -> Option<String> {
        match self.newcomers.get(&(resource, key)) {
            Some(index) => results[*index]
                .as_ref()
                .filter(|sent| sent.ended == Ended::Done)
                .and_then(|sent| sent.id.clone()),
            None => self.links_of(resource)?.get(key).map(|link| link.id.clone()),
        }
    }

    /// The links of a kind of resource.
    pub(super) fn links_of(&self, resource: Resource) -> Option<&Links> {
        match resource {
            Resource::User => Some(self.links),
            Resource::Group => self.tools.groups.as_ref().map(|groups| &groups.links),
        }
    }

    pub(super) async fn create_with(&self, change: &Change, body: &Json) -> Sent {
        for attempt in 0..2 {
            let error = match self.tools.client.create(change.resource, body).await {
                Ok(created) => {
                    self.reached();
                    let answer = Some(&created.resource).filter(|resource| resource.is_object());
                    self.learn(change, &created.id, &requests::now(change), answer).await;
                    return Sent { status: Some(201), ..Sent::done(&created.id) };
                }
                Err(error) => error,
            };
            if !error.ambiguous && error.kind != Kind::NoId {
                return self.failed(&error);
            }
            // It may exist now: look before creating it again.
            match find(&self.tools.client, change.resource, &self.lookup(change)).await {
                Ok(Some(id)) => return Sent { status: Some(201), ..Sent::done(&id) },
                Ok(None) if attempt == 0 && error.kind != Kind::NoId => {}
                Ok(None) => return self.failed(&error),
                Err(second) => return self.failed(&second),
            }
        }
        Sent::skipped()
    }

    /// PATCH, or read, merge and PUT.
    async fn write(
        &self,
        change: &Change,
        differences: &[Difference],
        attributes: &[AttributeChange],
        id: &str,
    ) -> Sent {
        let client = &self.tools.client;
        let profile = client.profile();
        let Some(update) = self.verb(change) else {
            return match client.delete(change.resource, id).await {
                Ok(Deleted::Deleted | Deleted::Gone) => Sent::done(id),
                Err(error) => self.failed(&error),
            };
        };
        let by_put = matches!(update, Update::Put | Update::PutChanges);
        let mut whole = None;
        if by_put || requests::needs_whole(differences, change, profile, &self.tools.schemas) {
            whole = match client.get(change.resource, id).await {
                Ok(Some(whole)) => Some(whole),
                Ok(None) => {
                    return Sent {
                        ended: Ended::Failed,
                        status: Some(404),
                        error: Some("the account no longer exists at the target".to_owned()),
                        id: None,
                        request: None,
                    };
                }
                Err(error) => return self.failed(&error),
            };
        }
        let answer = match &whole {
            Some(whole) if by_put => {
                let empty = match profile.write.clear {
                    Clear::Remove => None,
                    Clear::Empty => Some(Json::String(String::new())),
                    Clear::Null => Some(Json::Null),
                };
                let body = match empty {
                    None => write::put_body(whole, differences),
                    Some(empty) if update == Update::PutChanges => {
                        write::changes_body(change.resource, whole, differences, &empty)
                    }
                    Some(empty) => write::put_body_with_empties(whole, differences, &empty),
                };
                client.replace(change.resource, id, &body).await
            }
            whole => {
                let body = requests::patch_body(
                    differences,
                    attributes,
                    whole.as_ref(),
                    profile,
                    &self.tools.schemas,
                );
                client.patch(change.resource, id, &body).await
            }
        };
        match answer {
            Ok(answer) => {
                self.reached();
                self.learn(change, id, differences, answer.as_ref()).await;
                Sent { status: Some(200), ..Sent::done(id) }
            }
            // It said nothing of it, but it has no PATCH: this account and all others are replaced instead.
            Err(error) if error.is_unsupported() && update == Update::Patch => {
                self.without_patch.store(true, Ordering::Relaxed);
                Box::pin(self.write(change, differences, attributes, id)).await
            }
            Err(error) => self.failed(&error),
        }
    }

    /// How this change is sent; none is by DELETE.
    fn verb(&self, change: &Change) -> Option<Update> {
        let profile = self.tools.client.profile();
        let put = match profile.write.update {
            Update::PutChanges => Update::PutChanges,
            _ => Update::Put,
        };
        let asked =
            match (change.action, profile.lifecycle.deactivate, profile.lifecycle.reactivate) {
                (Action::Deactivate, Deactivate::Delete, _) => None,
                (Action::Deactivate, Deactivate::Patch, _) => Some(Update::Patch),
                (Action::Deactivate, Deactivate::Put, _) => Some(put),
                (Action::Reactivate, _, Reactivate::Patch) => Some(Update::Patch),
                (Action::Reactivate, _, Reactivate::Put) => Some(put),
                _ => Some(profile.write.update),
            };
        match asked {
            Some(Update::Patch | Update::Auto) if self.without_patch.load(Ordering::Relaxed) => {
                Some(Update::Put)
            }
            asked => asked,
        }
    }

    pub(super) fn must_stop(&self) -> bool {
        is_set(&self.tools.stop) || is_set(&self.halted) || self.journal.is_broken()
    }

    pub(super) fn reached(&self) {
        self.unreachable.store(0, Ordering::Relaxed);
    }

    /// Notes a failure; some say that going on is useless.
    pub(super) fn failed(&self, error: &ClientError) -> Sent {
        let sent = Sent::failed(error);
        let useless = match error.kind {
            Kind::Denied => error.status == Some(401),
            Kind::Unreachable | Kind::Timeout => {
                self.unreachable.fetch_add(1, Ordering::Relaxed) + 1 >= UNREACHABLE_IN_A_ROW
            }
            _ => {
                self.reached();
                false
            }
        };
        if useless && !self.halted.swap(true, Ordering::AcqRel) {
            let line = sent.error.clone().unwrap_or_default();
            let message = match error.kind {
                Kind::Denied => "the target refused the credentials; the rest is left out",
                _ => "the target can no longer be reached; the rest is left out",
            };
            if let Ok(mut reason) = self.reason.lock() {
                *reason = Some(Failure::new(Exit::Target, message).about_cause(line));
            }
        }
        sent
    }

    pub(super) fn intent(&self, seq: usize, change: &Change) -> Intent {
        Intent {
            seq: seq as u64,
            resource: change.resource,
            action: change.action,
            key: change.key.clone(),
            id: change.id.clone(),
            lookup: self.lookup(change),
        }
    }

    /// What a lost create is found again by.
    fn lookup(&self, change: &Change) -> Vec<(String, String)> {
        if change.action != Action::Create {
            return Vec::new();
        }
        let match_by = match change.resource {
            Resource::User => self.tools.match_by.as_slice(),
            Resource::Group => {
                self.tools.groups.as_ref().map(|groups| &*groups.match_by).unwrap_or_default()
            }
        };
        match_by
            .iter()
            .filter_map(|path| {
                let attribute =
                    change.attributes.iter().find(|attribute| attribute.path == *path)?;
                let value = match attribute.after.as_ref()? {
                    Json::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Some((path.to_string(), value))
            })
            .collect()
    }
}

/// The id of the one account that has one of these values, asked in order; `None` if none or several have.
pub(super) async fn find(
    client: &Client,
    resource: Resource,
    lookup: &[(String, String)],
) -> Result<Option<String>, ClientError> {
    for (path, value) in lookup {
        let Ok(path) = peoplesync_scim::Path::parse(path) else { continue };
        let found = client.find(resource, &Filter::eq(path, value.clone())).await?;
        if let [hit] = found.hits.as_slice() {
            return Ok(hit.get("id").and_then(Json::as_str).map(str::to_owned));
        }
    }
    Ok(None)
}
