//! Groups: after people have their accounts, a group is created or changed, and then its members in as few requests as the
//! target allows. Each request is an intent of its own, and what it did to the members is remembered with it.

use std::sync::atomic::AtomicBool;

use peoplesync_reconcile::{Action, Change, Links, Member, MemberPrint};
use peoplesync_scim::Resource;
use peoplesync_scim::profile::{ShowMembers, members_of, with_members};
use peoplesync_state::MemberEffect;
use serde_json::{Value as Json, json};

use super::filler::{Filler, Full, Stage, Step};
use super::requests;
use super::send::Sender;
use super::sent::{Ended, Sent};
use crate::pipeline::Found;

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
        // It is new, so all of them may join; from now on they count.
        let _room = self.tools.client.join(&change.key, with.len());
        let sent = Sent::numbered(self.create_with(change, &body)).await.redacted(change);
        let is_refused = sent.status.is_some_and(|status| (400..500).contains(&status));
        self.tools.client.joined(&change.key, if is_refused { with.len() } else { 0 });
        if let Some(id) = &sent.id {
            self.see_unshown(change, id, first).await;
        }
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

    /// Finds out with whom a new group was created, where it was not answered with members and that has to be known.
    async fn see_unshown(&self, change: &Change, id: &str, first: &[(&Member, String)]) {
        let is_shown = self.shown_members.lock().is_ok_and(|shown| shown.contains_key(id));
        if is_shown {
            return;
        }
        let has_members = AtomicBool::new(false);
        let filler = Filler { sender: self, change, id, is_whole: true, has_members };
        let steps: Vec<Step<'_>> = first.iter().map(|(member, id)| Step::Add(member, id)).collect();
        let undone = filler.undone(&steps, None).await;
        if !undone.is_empty()
            && let Ok(mut shown) = self.shown_members.lock()
        {
            let done = steps.iter().filter(|step| !undone.contains(step));
            shown.insert(id.to_owned(), done.map(|step| step.id().to_owned()).collect());
        }
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

    /// Writes the members of a group that exists by now, from where it was full. An error is one that is full now.
    pub(super) async fn fill(
        &self,
        index: usize,
        from: Option<Stage>,
        results: &[Option<Sent>],
    ) -> Result<Sent, Full> {
        let change = &self.plan.changes[index];
        let earlier = results[index].clone().unwrap_or_else(Sent::skipped);
        let Some(id) = earlier.id.clone() else { return Ok(earlier) };
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
        let stage = from.unwrap_or_else(|| Stage::new(change));
        let mut sent = filler.fill(&steps, stage, earlier).await?;
        if sent.ended == Ended::Done && !joining.missing.is_empty() {
            let names: Vec<&str> = joining.missing.iter().map(|member| member.label()).collect();
            sent.ended = Ended::Failed;
            sent.error = Some(format!(
                "{} not added, as that account could not be created; a later run adds it",
                names.join(", ")
            ));
        }
        Ok(sent)
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
        let most = habits.chunk().min(habits.joins());
        // Members are sorted: people stand before groups.
        let people = joining.add.iter().take(most);
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

    /// Whether a group that exists had members, as far as is known. Of one that somebody else made, at a target that never tells
    /// members, it has to be assumed.
    fn had_members(&self, change: &Change) -> bool {
        let groups = self.tools.groups.as_ref();
        let is_ours = groups
            .and_then(|groups| groups.links.get(&change.key))
            .is_some_and(|link| link.created);
        let never = self.tools.client.profile().groups.members == ShowMembers::Never;
        let found = groups.and_then(|groups| groups.found.get(&change.key));
        never && !is_ours || found.is_some_and(|found| !found.is_empty())
    }

    pub(super) fn effect(
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

/// A change for the history, with these members only.
pub(super) fn with_history(change: &Change, added: &[&Member], removed: &[&Member]) -> Change {
    let shared = |members: &[&Member], all: &[std::sync::Arc<Member>]| {
        let wanted: std::collections::BTreeSet<&Member> = members.iter().copied().collect();
        all.iter().filter(|member| wanted.contains(&***member)).cloned().collect()
    };
    Change {
        members: peoplesync_reconcile::MemberChanges {
            add: shared(added, &change.members.add),
            remove: shared(removed, &change.members.remove),
            drift: 0,
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
