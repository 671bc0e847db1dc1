//! Groups: after people have their accounts, a group is created or changed, and then its members in as few requests as the
//! target allows. Each request is an intent of its own, and what it did to the members is remembered with it.

use std::sync::atomic::{AtomicBool, Ordering};

use peoplesync_reconcile::{Action, Change, Digest, Links, Member, MemberPrint};
use peoplesync_scim::Resource;
use peoplesync_scim::client::{self, ClientError, Kind};
use peoplesync_scim::error::scim_type;
use peoplesync_scim::profile::{RemoveMembers, Update, change_members, members_of, with_members};
use peoplesync_scim::write;
use peoplesync_state::{Intent, MemberEffect};
use serde_json::{Value as Json, json};

use super::removal::{self, Removal};
use super::requests;
use super::send::Sender;
use super::sent::{Ended, Sent};
use crate::pipeline::Found;

/// How many members of one group may be refused, one by one, before the rest of it is left out.
const MOST_REFUSED: usize = 5;

/// What an apply of groups needs beside the plan.
#[derive(Debug)]
pub(crate) struct GroupTools {
    pub(crate) links: Links,
    /// Who was found in groups that exist, by their keys.
    pub(crate) found: Found,
    /// The attributes by which a lost create is found again.
    pub(crate) match_by: Vec<peoplesync_scim::Path>,
}

/// Who joins and who leaves a group, with the ids of their accounts.
#[derive(Debug, Default)]
struct Joining<'a> {
    add: Vec<(&'a Member, String)>,
    remove: Vec<(&'a Member, &'a str)>,
    /// Those who were to be added and have no account after all.
    missing: Vec<&'a Member>,
}

/// One step of the members of a group.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Remove(&'a Member, &'a str),
    Add(&'a Member, &'a str),
}

impl<'a> Step<'a> {
    fn member(self) -> &'a Member {
        match self {
            Self::Remove(member, _) | Self::Add(member, _) => member,
        }
    }

    fn id(self) -> &'a str {
        match self {
            Self::Remove(_, id) | Self::Add(_, id) => id,
        }
    }
}

impl Sender<'_> {
    /// Creates a group with as many of its members as one request may hold, or changes its attributes.
    pub(super) async fn group(&self, index: usize, results: &[Option<Sent>]) -> Sent {
        let change = &self.plan.changes[index];
        if change.action != Action::Create {
            let nothing = change.attributes.is_empty() && !change.members.is_empty();
            if change.action == Action::Update && nothing {
                return Sent::done(change.id.as_deref().unwrap_or_default());
            }
            let is_written = match self.first_intent(index) {
                Some(intent) => self.journal.intend(intent).await,
                None => true,
            };
            return self.change(index, is_written).await;
        }
        if self.must_stop() {
            return Sent::skipped();
        }
        if !self.journal.intend(self.intent(index, change)).await {
            return Sent::not_journaled();
        }
        let joining = self.joining(change, results);
        let first = self.first(&joining);
        let with: Vec<(Resource, &str)> =
            first.iter().map(|(member, id)| (member.resource, id.as_str())).collect();
        let mut body = requests::create_body(change.resource, &requests::now(change));
        with_members(&mut body, &with);
        let sent = Sent::numbered(self.create_with(change, &body)).await.redacted(change);
        let is_kept = self.kept(sent.id.as_deref());
        let added: Vec<&Member> =
            first.iter().filter(|(_, id)| is_kept(id)).map(|(member, _)| *member).collect();
        let is_all = joining.missing.is_empty() && added.len() == joining.add.len();
        let effect = self.effect(change, Some(Vec::new()), &added, &[]);
        let entry = with_history(change, &added, &[]);
        let digest = change.digest.filter(|_| is_all);
        self.settle_with(index, &entry, &sent, digest, true, Some(effect));
        sent
    }

    /// Whether a new group has a member with whom it was created. A target that names members and leaves some out has not taken
    /// them.
    fn kept(&self, group: Option<&str>) -> impl Fn(&str) -> bool + use<> {
        let shown = self.shown_members.lock().ok();
        let shown = group.and_then(|id| shown.as_ref()?.get(id).cloned());
        move |id| shown.as_ref().is_none_or(|shown| shown.contains(id))
    }

    /// The changes whose members are not all written yet.
    pub(super) fn filling(&self, results: &[Option<Sent>]) -> Vec<usize> {
        let changes = self.plan.changes.iter().enumerate();
        let filling = changes.filter(|(index, change)| {
            let done = results[*index].as_ref().is_some_and(|sent| sent.ended == Ended::Done);
            done && change.resource == Resource::Group && !change.members.is_empty()
        });
        filling.map(|(index, _)| index).collect()
    }

    /// Writes the members of a group that exists by now.
    pub(super) async fn fill(&self, index: usize, results: &[Option<Sent>]) -> Sent {
        let change = &self.plan.changes[index];
        let earlier = results[index].clone().unwrap_or_else(Sent::skipped);
        let Some(id) = earlier.id.clone() else { return earlier };
        let joining = self.joining(change, results);
        let sent_first =
            if change.action == Action::Create { self.first(&joining).len() } else { 0 };
        let is_kept = self.kept(Some(&id));
        let removes = joining.remove.iter().map(|(member, id)| Step::Remove(member, id));
        let adds = joining.add.iter().enumerate();
        let adds = adds.filter(|(at, (_, id))| *at >= sent_first || !is_kept(id));
        let adds = adds.map(|(_, (member, id))| Step::Add(member, id));
        let steps: Vec<Step<'_>> = removes.chain(adds).collect();

        let has_members = match change.action {
            Action::Create => self.first(&joining).iter().any(|(_, id)| is_kept(id)),
            _ => self.had_members(change),
        };
        let has_members = AtomicBool::new(has_members);
        let is_whole = joining.missing.is_empty();
        let filler = Filler { sender: self, change, id: &id, is_whole, has_members };
        let mut sent = filler.fill(&steps, earlier).await;
        if sent.ended == Ended::Done && !joining.missing.is_empty() {
            let names: Vec<&str> = joining.missing.iter().map(|member| member.label()).collect();
            sent.ended = Ended::Failed;
            sent.error = Some(format!(
                "{} not added, as that account could not be created; a later run adds it",
                names.join(", ")
            ));
        }
        sent
    }

    /// The ids of all members of a change. The same answer before and after the group was written.
    fn joining<'a>(&self, change: &'a Change, results: &[Option<Sent>]) -> Joining<'a> {
        let mut joining = Joining::default();
        for member in &change.members.add {
            let id = member.id.clone().or_else(|| {
                let key = member.key.as_deref()?;
                self.id_of(member.resource, key, results)
            });
            match id {
                Some(id) => joining.add.push((member, id)),
                None => joining.missing.push(member),
            }
        }
        let removed = change.members.remove.iter();
        joining.remove = removed.filter_map(|gone| Some((&**gone, gone.id.as_deref()?))).collect();
        joining
    }

    /// Those with whom a group is created: people, as groups within it may not exist yet.
    fn first<'j, 'a>(&self, joining: &'j Joining<'a>) -> &'j [(&'a Member, String)] {
        let habits = &self.tools.client.profile().groups;
        if !habits.members_on_create {
            return &[];
        }
        // Members are sorted: people stand before groups.
        let people = joining.add.iter().take(habits.chunk());
        let people = people.take_while(|(member, _)| member.resource == Resource::User).count();
        joining.add.get(..people).unwrap_or_default()
    }

    /// What is to be remembered of the members of a group that a change leaves alone.
    pub(super) fn found_members(&self, change: &Change) -> Option<MemberEffect> {
        let is_kept = matches!(change.action, Action::Adopt | Action::Update);
        let groups = self.tools.groups.as_ref()?;
        if change.resource != Resource::Group || !is_kept || !change.members.is_empty() {
            return None;
        }
        let found = groups.found.get(&change.key)?.clone();
        Some(self.effect(change, Some(found), &[], &[]))
    }

    /// Whether a group that exists is answered without members although it has some, as far as is known.
    pub(super) fn hides_members(&self, change: &Change, whole: &Json) -> bool {
        change.resource == Resource::Group
            && members_of(whole).is_empty()
            && self.had_members(change)
    }

    fn had_members(&self, change: &Change) -> bool {
        let found = self.tools.groups.as_ref().and_then(|groups| groups.found.get(&change.key));
        found.is_some_and(|found| !found.is_empty())
    }

    fn effect(
        &self,
        change: &Change,
        found: Option<Vec<MemberPrint>>,
        added: &[&Member],
        removed: &[&Member],
    ) -> MemberEffect {
        let print = |member: &&Member| {
            let key = member.key.as_deref()?;
            let fingerprint = (self.tools.fingerprint)(key);
            Some(MemberPrint { resource: member.resource, fingerprint })
        };
        MemberEffect {
            group: (self.tools.fingerprint)(&change.key),
            found,
            added: added.iter().filter_map(print).collect(),
            removed: removed.iter().filter_map(print).collect(),
        }
    }
}

/// Writes the members of one group, one request after the other.
pub(super) struct Filler<'s, 'a> {
    pub(super) sender: &'s Sender<'a>,
    change: &'s Change,
    pub(super) id: &'s str,
    /// Whether everybody who is to be added has an account.
    is_whole: bool,
    /// Whether the group has members already, as far as is known.
    has_members: AtomicBool,
}

impl Filler<'_, '_> {
    async fn fill(&self, steps: &[Step<'_>], earlier: Sent) -> Sent {
        let mut parts = self.parts(steps);
        let mut refused = Vec::new();
        let mut failed: Option<Sent> = None;
        // Why members stay whom the target does not let go in any form.
        let mut kept_in: Option<Sent> = None;
        let mut is_first = self.change.action != Action::Create;
        while let Some(part) = parts.pop() {
            if self.sender.must_stop() {
                return Sent { ended: Ended::Skipped, ..earlier };
            }
            let (gone, new) = part
                .split_at(part.iter().take_while(|step| matches!(step, Step::Remove(..))).count());
            if !gone.is_empty()
                && let Some(sent) = self.removes_nobody().await
            {
                kept_in = Some(sent);
                parts.extend(Some(new).filter(|new| !new.is_empty()));
                continue;
            }
            let seq = self.sender.next_seq.fetch_add(1, Ordering::Relaxed);
            if !self.sender.journal.intend(self.intent(seq)).await {
                return Sent { id: earlier.id, ..Sent::not_journaled() };
            }
            let (answer, number) = client::numbered(self.send(part)).await;
            let error = match answer {
                Ok(()) => {
                    self.sender.reached();
                    let is_last = parts.is_empty() && failed.is_none() && kept_in.is_none();
                    self.settle(seq, part, is_first, is_last && self.is_whole, &self.done(number));
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
        match failed.or(kept_in) {
            None => Sent { status: Some(200), ..Sent::done(self.id) },
            Some(sent) => {
                Sent { id: Some(self.id.to_owned()), error: Some(errors.join("; ")), ..sent }
            }
        }
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

    async fn send(&self, part: &[Step<'_>]) -> Result<(), ClientError> {
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
    ) -> Result<(), ClientError> {
        let client = &self.sender.tools.client;
        let whole = client.get(Resource::Group, self.id).await?.unwrap_or_default();
        if self.has_members.load(Ordering::Relaxed) && members_of(&whole).is_empty() {
            return Err(ClientError::members_not_told());
        }
        let mut body = write::put_body(&whole, &[]);
        change_members(&mut body, add, remove);
        client.replace(Resource::Group, self.id, &body, None).await?;
        self.has_members.store(!members_of(&body).is_empty(), Ordering::Relaxed);
        Ok(())
    }

    /// A request that went well; `number` is the target's.
    fn done(&self, number: Option<String>) -> Sent {
        Sent { status: Some(200), request: number, ..Sent::done(self.id) }
    }

    fn intent(&self, seq: usize) -> Intent {
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

/// A change for the history, with these members only.
fn with_history(change: &Change, added: &[&Member], removed: &[&Member]) -> Change {
    let shared = |members: &[&Member], all: &[std::sync::Arc<Member>]| {
        let wanted: std::collections::BTreeSet<&Member> = members.iter().copied().collect();
        all.iter().filter(|member| wanted.contains(&***member)).cloned().collect()
    };
    Change {
        members: peoplesync_reconcile::MemberChanges {
            add: shared(added, &change.members.add),
            remove: shared(removed, &change.members.remove),
        },
        ..change.clone()
    }
}

/// What the history says of members: keys, as names are people.
pub(super) fn history_of(change: &Change) -> Option<Json> {
    if change.members.is_empty() {
        return None;
    }
    let keys = |members: &[std::sync::Arc<Member>]| -> Vec<Json> {
        let name = |member: &Member| member.key.clone().or_else(|| member.id.clone());
        members.iter().map(|member| Json::from(name(member))).collect()
    };
    Some(json!({
        "path": "members",
        "add": keys(&change.members.add),
        "remove": keys(&change.members.remove),
    }))
}
