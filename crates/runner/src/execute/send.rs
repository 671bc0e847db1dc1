//! One change at a time: intent, request, outcome, link.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use peoplesync_reconcile::{Action, Change, Links, MemberChanges, Plan};
use peoplesync_scim::Resource;
use peoplesync_scim::client::{ClientError, Kind};
use peoplesync_state::{Intent, KeptNote};
use serde_json::Value as Json;

use super::journal::Recorder;
use super::removal::Removal;
use super::sent::{Ended, Sent};
use super::{Tools, is_set, requests};
use crate::exit::Exit;
use crate::failure::Failure;

/// After so many requests in a row that did not reach the target, the rest is not tried.
const UNREACHABLE_IN_A_ROW: u32 = 5;

/// Sends the changes of one plan.
pub(super) struct Sender<'a> {
    pub(super) plan: &'a Plan,
    pub(super) links: &'a Links,
    pub(super) tools: Tools,
    pub(super) journal: Recorder,
    /// Who gets an account in this apply, and by which change.
    pub(super) newcomers: BTreeMap<(Resource, &'a str), usize>,
    /// The number of the next intent of a request that is not the first of its change.
    pub(super) next_seq: AtomicUsize,
    /// The accounts that somebody has, as far as this plan knows.
    pub(super) taken: Mutex<HashSet<(Resource, String)>>,
    unreachable: AtomicU32,
    halted: AtomicBool,
    reason: Mutex<Option<Failure>>,
    /// What the target keeps otherwise than it was written.
    pub(super) noted: Mutex<Vec<KeptNote>>,
    /// The same of the members of groups.
    pub(super) noted_of_groups: Mutex<Vec<KeptNote>>,
    /// Whether a group of this run was seen to have the members that were written, or does not tell.
    pub(super) members_proved: AtomicBool,
    /// The members whom new groups were answered with, by the ids of the groups.
    pub(super) shown_members: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// How members are removed from groups, as far as the target has shown it.
    pub(super) removal: tokio::sync::Mutex<Removal>,
    /// Whether the target has refused to know PATCH.
    pub(super) without_patch: AtomicBool,
    /// The same of members. A target may know the one and not the other.
    pub(super) members_without_patch: AtomicBool,
    /// The changes whose references went along with the creation.
    pub(super) linked: Mutex<BTreeSet<usize>>,
    /// Whether the target puts ids in the place of such references, once that is known.
    pub(super) resolves: tokio::sync::OnceCell<bool>,
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
            taken: Mutex::new(
                plan.changes
                    .iter()
                    .filter_map(|change| Some((change.resource, change.id.clone()?)))
                    .collect(),
            ),
            unreachable: AtomicU32::new(0),
            halted: AtomicBool::new(false),
            reason: Mutex::new(None),
            noted: Mutex::default(),
            noted_of_groups: Mutex::default(),
            members_proved: AtomicBool::new(false),
            shown_members: Mutex::default(),
            removal: tokio::sync::Mutex::default(),
            without_patch: AtomicBool::new(false),
            members_without_patch: AtomicBool::new(false),
            linked: Mutex::default(),
            resolves: tokio::sync::OnceCell::new(),
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

    /// What is noted before a change is sent; nothing where no request is needed.
    pub(super) fn first_intent(&self, index: usize) -> Option<Intent> {
        let change = &self.plan.changes[index];
        requests::needs_request(change).then(|| self.intent(index, change))
    }

    /// Sends one change. `is_written`: its intent, if it has one, is on the disk.
    pub(super) async fn change(&self, index: usize, is_written: bool) -> Sent {
        let change = &self.plan.changes[index];
        let needs_request = requests::needs_request(change);
        if self.must_stop() {
            if is_written && needs_request {
                self.journal.withdraw(index as u64);
            }
            return Sent::skipped();
        }
        if needs_request && !is_written {
            return Sent::not_journaled();
        }
        let id = change.id.as_deref().unwrap_or_default();
        // Pinned here, as a future that is handed on is kept once more by everybody who takes it.
        let work = pin!(async {
            match change.action {
                _ if !needs_request => Sent::done(id),
                Action::Create => self.create(index).await,
                Action::Delete => self.delete(change, id).await,
                _ => {
                    let version = self.version(change, id);
                    let now = requests::now(change);
                    self.write(change, &now, &change.attributes, id, version).await
                }
            }
        });
        let sent = Sent::numbered(work).await.redacted(change);
        let finished = requests::pending(change).next().is_none() && change.members.is_empty();
        let digest = if finished { change.digest } else { None };
        let created = change.action == Action::Create;
        let members = self.found_members(change);
        if change.members.is_empty() {
            self.settle_with(index, change, &sent, digest, created, members);
        } else {
            // Members have entries of their own, a request each.
            let entry = Change { members: MemberChanges::default(), ..change.clone() };
            self.settle_with(index, &entry, &sent, digest, created, members);
        }
        sent
    }

    /// The version in which an account was when its change was planned. Groups have none here: an id is one of its kind of resource
    /// only, and a group may have the id of a person.
    pub(super) fn version(&self, change: &Change, id: &str) -> Option<&str> {
        let versions = Some(&self.tools.versions).filter(|_| change.resource == Resource::User);
        versions?.get(id).map(String::as_str)
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
            // One that wants to be left alone for longer than is waited for is not asked: each further request would fail.
            Kind::Unreachable | Kind::Timeout | Kind::Throttled => {
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
                Kind::Throttled => {
                    "the target takes no more requests for now; the rest is left out"
                }
                _ => "the target can no longer be reached; the rest is left out",
            };
            if let Ok(mut reason) = self.reason.lock() {
                let failure = Failure::new(Exit::Target, message).about_cause(line);
                *reason = Some(match error.kind {
                    Kind::Denied => failure.denied(),
                    _ => failure,
                });
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
    pub(super) fn lookup(&self, change: &Change) -> Vec<(String, String)> {
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
