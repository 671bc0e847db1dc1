//! The members of one group, in as few requests as the target allows, one after the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peoplesync_reconcile::{Action, Change, Digest, Member, MemberChanges};
use peoplesync_scim::Resource;
use peoplesync_scim::client::{self, ClientError, Kind};
use peoplesync_scim::error::scim_type;
use peoplesync_scim::profile::{RemoveMembers, Update, change_members, members_of};
use peoplesync_scim::write;
use peoplesync_state::Intent;
use serde_json::Value as Json;

use super::groups::with_history;
use super::removal::{self, Removal};
use super::send::Sender;
use super::sent::{Ended, Sent};
use super::undone;

/// How many members of one group may be refused, one by one, before the rest of it is left out.
const MOST_REFUSED: usize = 5;

/// One step of the members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Remove(&'a Member, &'a str),
    Add(&'a Member, &'a str),
}

impl<'a> Step<'a> {
    pub(super) fn member(self) -> &'a Member {
        match self {
            Self::Remove(member, _) | Self::Add(member, _) => member,
        }
    }

    pub(super) fn id(self) -> &'a str {
        match self {
            Self::Remove(_, id) | Self::Add(_, id) => id,
        }
    }
}

/// How far the members of a group have come.
#[derive(Debug)]
pub(super) struct Stage {
    /// How many steps are done, one way or another.
    steps: usize,
    refused: Vec<String>,
    failed: Option<Sent>,
    /// Why members stay whom the target does not let go in any form.
    kept_in: Option<Sent>,
    /// What was answered with success and not done.
    undone: MemberChanges,
    is_first: bool,
}

impl Stage {
    pub(super) fn new(change: &Change) -> Self {
        let is_first = change.action != Action::Create;
        let undone = MemberChanges::default();
        Self { steps: 0, refused: Vec::new(), failed: None, kept_in: None, undone, is_first }
    }
}

/// A group that nobody may join for so long, as the target limits joins.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) stage: Stage,
    pub(super) wait: Duration,
    /// How many are still to join.
    pub(super) left: usize,
}

/// Writes the members of one group, one request after the other.
pub(super) struct Filler<'s, 'a> {
    pub(super) sender: &'s Sender<'a>,
    pub(super) change: &'s Change,
    pub(super) id: &'s str,
    /// Whether everybody who is to be added has an account.
    pub(super) is_whole: bool,
    /// Whether the group has members already, as far as is known.
    pub(super) has_members: AtomicBool,
}

impl Filler<'_, '_> {
    /// Does the steps that are left. An error is a group that is full before all of them are done.
    pub(super) async fn fill(
        &self,
        steps: &[Step<'_>],
        stage: Stage,
        earlier: Sent,
    ) -> Result<Sent, Full> {
        let client = &self.sender.tools.client;
        let Stage { steps: done, mut refused, mut failed, mut kept_in, mut undone, mut is_first } =
            stage;
        let mut parts = self.parts(steps.get(done..).unwrap_or_default());
        while let Some(part) = parts.pop() {
            if self.sender.must_stop() {
                return Ok(Sent { ended: Ended::Skipped, ..earlier });
            }
            let (gone, new) = part
                .split_at(part.iter().take_while(|step| matches!(step, Step::Remove(..))).count());
            let room = match client.join(&self.change.key, new.len()) {
                Ok(room) => room,
                Err(wait) if gone.is_empty() => {
                    let left = part.len() + parts.iter().map(|part| part.len()).sum::<usize>();
                    let steps = steps.len() - left;
                    let stage = Stage { steps, refused, failed, kept_in, undone, is_first };
                    return Err(Full { stage, wait, left });
                }
                Err(_) => 0,
            };
            let (part, later) = part.split_at(gone.len() + room);
            parts.extend(Some(later).filter(|later| !later.is_empty()));
            let (gone, new) = part.split_at(gone.len());
            if !gone.is_empty()
                && let Some(sent) = self.removes_nobody().await
            {
                kept_in = Some(sent);
                client.joined(&self.change.key, room);
                parts.extend(Some(new).filter(|new| !new.is_empty()));
                continue;
            }
            let seq = self.sender.next_seq.fetch_add(1, Ordering::Relaxed);
            if !self.sender.journal.intend(self.intent(seq)).await {
                return Ok(Sent { id: earlier.id, ..Sent::not_journaled() });
            }
            let (answer, number) = client::numbered(self.send(part)).await;
            let is_refused = answer.as_ref().is_err_and(|error| !error.ambiguous);
            if room > 0 {
                client.joined(&self.change.key, if is_refused { room } else { 0 });
            }
            let error = match answer {
                Ok(answer) => {
                    self.sender.reached();
                    let not_done = self.undone(part, answer.as_ref()).await;
                    undone::note(&mut undone, self.change, &not_done);
                    let is_done = |step: &&Step<'_>| !not_done.contains(step);
                    let part: Vec<Step<'_>> = part.iter().filter(is_done).copied().collect();
                    let is_last = parts.is_empty() && failed.is_none() && kept_in.is_none();
                    self.settle(seq, &part, is_first, is_last && self.is_whole, &self.done(number));
                    is_first = false;
                    continue;
                }
                Err(error) => error,
            };
            if is_already(part, &error) {
                let is_last = parts.is_empty() && failed.is_none() && kept_in.is_none();
                let done = self.done(error.request_id);
                self.settle(seq, part, is_first, is_last && self.is_whole, &done);
                is_first = false;
                continue;
            }
            if !gone.is_empty() && self.may_list() && removal::refuses_the_form(&error) {
                let ids: Vec<&str> = gone.iter().map(|step| step.id()).collect();
                parts.extend(Some(new).filter(|new| !new.is_empty()));
                match client::numbered(self.remove_by_list(&ids, &error)).await {
                    (Ok(()), number) => {
                        let is_last = parts.is_empty() && failed.is_none() && kept_in.is_none();
                        let done = self.done(number);
                        self.settle(seq, gone, is_first, is_last && self.is_whole, &done);
                    }
                    (Err(sent), _) => {
                        self.settle(seq, &[], is_first, false, &sent);
                        kept_in = Some(sent);
                    }
                }
                is_first = false;
                continue;
            }
            let sent = self.sender.failed(&error);
            self.settle(seq, &[], is_first, false, &sent);
            is_first = false;
            // One member that the target does not take should not keep the others out.
            let may_split = matches!(error.kind, Kind::Refused | Kind::NotFound | Kind::Conflict)
                && !error.ambiguous
                && !error.is_unsupported();
            match part {
                [one] if may_split => {
                    refused.push(one.member().label().to_owned());
                    failed = Some(sent);
                    if refused.len() >= MOST_REFUSED {
                        break;
                    }
                }
                _ if may_split => {
                    let (front, back) = part.split_at(part.len() / 2);
                    parts.push(back);
                    parts.push(front);
                }
                _ => {
                    failed = Some(sent);
                    break;
                }
            }
        }
        if !refused.is_empty()
            && let Some(error) = failed.as_mut().and_then(|sent| sent.error.as_mut())
        {
            *error = format!("{} refused as members: {error}", refused.join(", "));
        }
        let errors: Vec<String> = [&failed, &kept_in]
            .into_iter()
            .flatten()
            .filter_map(|sent| sent.error.clone())
            .collect();
        let sent = match failed.or(kept_in) {
            None => Sent { status: Some(200), ..Sent::done(self.id) },
            Some(sent) => {
                Sent { id: Some(self.id.to_owned()), error: Some(errors.join("; ")), ..sent }
            }
        };
        Ok(self.tell_undone(&undone, sent))
    }

    /// The steps of each request, the last one first, as the next one is taken from the end.
    fn parts<'p, 'm>(&self, steps: &'p [Step<'m>]) -> Vec<&'p [Step<'m>]> {
        let profile = self.sender.tools.client.profile();
        if matches!(profile.write.update, Update::Put | Update::PutChanges) {
            // A PUT holds all members anyway.
            return if steps.is_empty() { Vec::new() } else { vec![steps] };
        }
        let mut removes = steps.iter().take_while(|step| matches!(step, Step::Remove(..))).count();
        let mut parts = Vec::new();
        let mut rest = steps;
        while !rest.is_empty() {
            let (removed, added) = profile.groups.part(removes, rest.len() - removes);
            let (part, after) = rest.split_at(removed + added);
            parts.push(part);
            (rest, removes) = (after, removes - removed);
        }
        parts.reverse();
        parts
    }

    /// Sends one request; what the target says that the group is now.
    async fn send(&self, part: &[Step<'_>]) -> Result<Option<Json>, ClientError> {
        let client = &self.sender.tools.client;
        let mut add = Vec::new();
        let mut remove = Vec::new();
        for step in part {
            match *step {
                Step::Add(member, id) => add.push((member.resource, id)),
                Step::Remove(_, id) => remove.push(id),
            }
        }
        let by_put = matches!(client.profile().write.update, Update::Put | Update::PutChanges);
        let without_patch = &self.sender.members_without_patch;
        if by_put || without_patch.load(Ordering::Relaxed) {
            return self.replace(&add, &remove).await;
        }
        let form = match *self.sender.removal.lock().await {
            Removal::ByList => RemoveMembers::List,
            _ => client.profile().groups.remove,
        };
        match self.patch(&add, &remove, form).await {
            // It said nothing of it, but it has no PATCH. Of removals, another form may be served.
            Err(error) if error.is_unsupported() && (remove.is_empty() || !self.may_list()) => {
                without_patch.store(true, Ordering::Relaxed);
                self.replace(&add, &remove).await
            }
            answer => answer,
        }
    }

    /// Reads the group, changes its members and replaces it.
    pub(super) async fn replace(
        &self,
        add: &[(Resource, &str)],
        remove: &[&str],
    ) -> Result<Option<Json>, ClientError> {
        let client = &self.sender.tools.client;
        let whole = client.get(Resource::Group, self.id).await?.unwrap_or_default();
        if self.has_members.load(Ordering::Relaxed) && members_of(&whole).is_empty() {
            return Err(ClientError::members_not_told());
        }
        let mut body = write::put_body(&whole, &[]);
        change_members(&mut body, add, remove);
        let answer = client.replace(Resource::Group, self.id, &body, None).await?;
        self.has_members.store(!members_of(&body).is_empty(), Ordering::Relaxed);
        Ok(answer)
    }

    /// A request that went well; `number` is the target's.
    fn done(&self, number: Option<String>) -> Sent {
        Sent { status: Some(200), request: number, ..Sent::done(self.id) }
    }

    pub(super) fn intent(&self, seq: usize) -> Intent {
        let id = Some(self.id.to_owned());
        Intent { action: Action::Update, id, ..self.sender.intent(seq, self.change) }
    }

    /// Notes what came of one request. Only the last one that did all that was left gives the link its digest.
    fn settle(&self, seq: usize, part: &[Step<'_>], is_first: bool, is_last: bool, sent: &Sent) {
        let added: Vec<&Member> = part
            .iter()
            .filter(|step| matches!(step, Step::Add(..)))
            .map(|step| step.member())
            .collect();
        let removed: Vec<&Member> = part
            .iter()
            .filter(|step| matches!(step, Step::Remove(..)))
            .map(|step| step.member())
            .collect();
        let groups = self.sender.tools.groups.as_ref();
        let found = groups.and_then(|groups| groups.found.get(&self.change.key));
        let found = found.filter(|_| is_first).cloned();
        let effect = self.sender.effect(self.change, found, &added, &removed);
        let entry = Change {
            action: Action::Update,
            id: Some(self.id.to_owned()),
            attributes: Vec::new(),
            ..with_history(self.change, &added, &removed)
        };
        let digest: Option<Digest> = self.change.digest.filter(|_| is_last);
        let created = self.change.action == Action::Create;
        self.sender.settle_with(seq, &entry, sent, digest, created, Some(effect));
    }
}

/// Whether the target refuses to remove somebody who is no member any more.
fn is_already(part: &[Step<'_>], error: &ClientError) -> bool {
    let says = error.scim.as_ref().and_then(|scim| scim.scim_type.as_deref());
    matches!(part, [Step::Remove(..)])
        && says.is_some_and(|says| says.eq_ignore_ascii_case(scim_type::NO_TARGET))
}
