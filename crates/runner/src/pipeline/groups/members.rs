//! Who is in the groups that are looked at. A target that shows members is believed. Of one that does not, what was last
//! written is remembered; where that is not sure, it is asked for the groups of each person in question.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use peoplesync_reconcile::{
    Candidate, Digest, Fingerprint, GroupMembers, Holding, Holdings, Links, Member, MemberPrint,
    Observation, Observed, Roster, Survey, Unmanaged,
};
use peoplesync_scim::Resource;
use peoplesync_scim::profile::{ShowMembers, groups_of, members_of};
use serde_json::Value as Json;

use super::Run;
use super::accounts::Accounts;
use crate::failure::Outcome;
use crate::pipeline::digest::print_of;
use crate::pipeline::observe::{one_persons, unreadable};
use crate::report::progress::Progress;

/// Who was found in groups, by their keys: of those whom peoplesync knows.
pub(crate) type Found = BTreeMap<String, Vec<MemberPrint>>;

/// The members that groups were answered with, by the ids of the groups: id and name of each. Groups without members are not
/// here, as they look like groups whose members are not told.
#[derive(Debug, Default)]
pub(super) struct Sightings(BTreeMap<String, Vec<Sighted>>);

/// One member as it was answered: its id, and what the target calls it.
type Sighted = (Box<str>, Option<Box<str>>);

/// What is known of groups so far.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) survey: &'a Survey,
    pub(super) links: &'a Links,
    pub(super) observation: &'a Observation,
}

/// Finds members.
pub(super) struct Finder<'a> {
    run: Run<'a>,
    seen: Seen<'a>,
    people: &'a Holdings<'a>,
    accounts: &'a Accounts<'a>,
    full: bool,
    roster: Roster,
}

/// A group that exists at the target.
struct Group<'a> {
    candidate: &'a Candidate,
    id: &'a str,
    /// Whether what the state remembers is what was written last, and nothing went wrong since.
    is_sure: bool,
    remembered: Vec<MemberPrint>,
}

impl Sightings {
    pub(super) fn see(&mut self, group: &Json) {
        let Some(id) = peoplesync_scim::resource::id(group) else { return };
        let members = members_of(group);
        if members.is_empty() {
            self.0.remove(&id);
            return;
        }
        let members = members.into_iter().map(|(id, name)| (id.into(), name.map(Into::into)));
        self.0.insert(id, members.collect());
    }
}

impl<'a> Finder<'a> {
    pub(super) fn new(
        run: Run<'a>,
        seen: Seen<'a>,
        people: &'a Holdings<'a>,
        accounts: &'a Accounts<'a>,
        full: bool,
    ) -> Self {
        Self { run, seen, people, accounts, full, roster: Roster::default() }
    }

    /// The members of each group that is looked at, and who they are; and what the state is to remember.
    pub(super) async fn find(
        mut self,
        wanted: BTreeMap<String, Vec<MemberPrint>>,
        mut sightings: Sightings,
        progress: &Progress,
    ) -> Outcome<((BTreeMap<String, GroupMembers>, Roster), Found)> {
        let wanted_by: BTreeSet<MemberPrint> = wanted.values().flatten().copied().collect();
        self.enrol(&wanted_by)?;
        let groups = self.existing()?;
        let remembered: BTreeSet<MemberPrint> =
            groups.iter().flat_map(|group| &group.remembered).copied().collect();
        self.enrol(&remembered)?;

        let shows = self.shows(&groups, &wanted, &mut sightings, progress).await?;
        let mut found: BTreeMap<&str, GroupMembers> = BTreeMap::new();
        if shows {
            self.enrol_sighted(&groups, &sightings)?;
            let by_id = self.roster.by_id();
            for group in &groups {
                let seen = sightings.0.get(group.id).map(Vec::as_slice).unwrap_or_default();
                found.insert(&group.candidate.key, self.recognise(seen, &by_id));
            }
        } else {
            let unsure: Vec<&Group<'_>> =
                groups.iter().filter(|group| self.full || !group.is_sure).collect();
            let asked = self.ask(&unsure, &wanted, progress).await?;
            for group in &groups {
                let members = match &asked {
                    Some(asked) if self.full || !group.is_sure => {
                        asked.get(group.id).cloned().unwrap_or_default()
                    }
                    _ => group.remembered.clone(),
                };
                let members = GroupMembers { found: members, ..GroupMembers::default() };
                found.insert(&group.candidate.key, members);
            }
        }
        let mut remember = Found::new();
        let mut wanted = wanted;
        for Group { candidate, is_sure, remembered, .. } in groups {
            let key = &candidate.key;
            let Some(members) = found.get_mut(key.as_str()) else { continue };
            members.remembered = remembered;
            members.wanted = wanted.remove(key).unwrap_or_default();
            let memory = members.to_remember(is_sure, self.run.groups.on_drift);
            remember.insert(key.clone(), memory);
        }
        let found = found.into_iter().map(|(key, members)| (key.to_owned(), members));
        // Nobody is in a group that is new.
        let new = wanted
            .into_iter()
            .map(|(key, wanted)| (key, GroupMembers { wanted, ..GroupMembers::default() }));
        let members = found.chain(new).collect();
        Ok(((members, self.roster), remember))
    }

    /// Adds people and groups to the roster, as far as they have or get an account.
    fn enrol(&mut self, prints: &BTreeSet<MemberPrint>) -> Outcome<()> {
        for resource in Resource::ALL {
            let new = prints.iter().filter(|print| print.resource == resource);
            let new: Vec<Fingerprint> = new
                .filter(|print| !self.roster.contains(**print))
                .map(|print| print.fingerprint)
                .collect();
            for link in self.run.state.links_by_fingerprint(resource, &new)? {
                self.enrol_link(resource, &link);
            }
            if resource == Resource::User {
                for fingerprint in new {
                    let print = MemberPrint { resource, fingerprint };
                    let coming = self.accounts.coming.get(&fingerprint);
                    let known = coming.and_then(|key| self.people.newcomer(key));
                    if let Some(known) = known {
                        self.roster.add(print, known);
                    }
                }
            }
        }
        // Groups that may come in this very plan; whether they do, the plan decides.
        for candidate in self.seen.survey.candidates() {
            let fingerprint = candidate.fingerprint;
            let print = MemberPrint { resource: Resource::Group, fingerprint };
            if prints.contains(&print) && self.seen.links.get(&candidate.key).is_none() {
                let (key, name) = (Some(candidate.key.clone()), Some(candidate.name.clone()));
                let member = Member { resource: Resource::Group, key, id: None, name };
                let (member, holding) = (Arc::new(member), Holding::Comes);
                self.roster.add(print, peoplesync_reconcile::Known { member, holding });
            }
        }
        Ok(())
    }

    fn enrol_link(&mut self, resource: Resource, link: &peoplesync_reconcile::Link) {
        let fingerprint = print_of(self.run.key, &link.key);
        let print = MemberPrint { resource, fingerprint };
        let known = match resource {
            Resource::User => self.people.linked(link),
            Resource::Group => nested(link),
        };
        self.roster.add(print, known);
    }

    /// The groups that exist at the target, with what is remembered of their members.
    fn existing(&self) -> Outcome<Vec<Group<'a>>> {
        let Seen { survey, links, observation } = self.seen;
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut by_print: BTreeMap<Fingerprint, usize> = BTreeMap::new();
        for (candidate, observed) in survey.matched(links, observation) {
            let observed: &'a Observed = observed;
            let link = links.get(&candidate.key).filter(|link| link.id == observed.id);
            let is_sure = link.is_some_and(|link| link.digest != Digest::UNKNOWN);
            if link.is_some() {
                by_print.insert(candidate.fingerprint, groups.len());
            }
            groups.push(Group { candidate, id: &observed.id, is_sure, remembered: Vec::new() });
        }
        let prints: Vec<Fingerprint> = by_print.keys().copied().collect();
        self.run.state.memberships(&prints, |group, member| {
            // Somebody with a new account is in no group yet, whatever the account of before was in.
            let is_new = member.resource == Resource::User
                && self.accounts.created.contains(&member.fingerprint);
            if let (Some(at), false) = (by_print.get(&group), is_new) {
                groups[*at].remembered.push(member);
            }
        })?;
        Ok(groups)
    }

    /// Whether the target shows members. A list may leave them out where a single group has them.
    async fn shows(
        &self,
        groups: &[Group<'_>],
        wanted: &BTreeMap<String, Vec<MemberPrint>>,
        sightings: &mut Sightings,
        progress: &Progress,
    ) -> Outcome<bool> {
        let shown = self.run.session.profile.groups.members;
        if shown == ShowMembers::Never {
            return Ok(false);
        }
        let expects = |group: &&Group<'_>| {
            let wants = wanted.get(&group.candidate.key).is_some_and(|wanted| !wanted.is_empty());
            let is_bare = !sightings.0.contains_key(group.id);
            is_bare && (wants || !group.remembered.is_empty())
        };
        let mut bare = groups.iter().filter(expects).map(|group| group.id);
        let first: Vec<&str> = bare.by_ref().take(1).collect();
        let rest: Vec<&str> = bare.collect();
        if !first.is_empty() && self.look(&first, sightings, progress).await? {
            self.look(&rest, sightings, progress).await?;
        }
        Ok(shown == ShowMembers::Always || !sightings.0.is_empty() || first.is_empty())
    }

    /// Reads groups one by one; whether any has members.
    async fn look(
        &self,
        ids: &[&str],
        sightings: &mut Sightings,
        progress: &Progress,
    ) -> Outcome<bool> {
        let client = self.run.client;
        let mut any = false;
        let mut answers = futures_util::stream::iter(ids)
            .map(|id| async move { client.get(Resource::Group, id).await })
            .buffer_unordered(self.width());
        while let Some(answer) = answers.next().await {
            if let Some(group) = answer.map_err(unreadable)? {
                any |= !members_of(&group).is_empty();
                sightings.see(&group);
            }
            progress.step();
        }
        Ok(any)
    }

    /// Adds those to the roster whom the target shows and the state knows.
    fn enrol_sighted(&mut self, groups: &[Group<'_>], sightings: &Sightings) -> Outcome<()> {
        let new: BTreeSet<&str> = {
            let known = self.roster.by_id();
            let shown = groups.iter().filter_map(|group| sightings.0.get(group.id)).flatten();
            shown.map(|(id, _)| &**id).filter(|id| !known.contains_key(id)).collect()
        };
        let new: Vec<&str> = new.into_iter().collect();
        for resource in Resource::ALL {
            for link in self.run.state.links_by_id(resource, &new)? {
                self.enrol_link(resource, &link);
            }
        }
        Ok(())
    }

    /// Tells apart whom the roster knows and strangers.
    fn recognise(&self, seen: &[Sighted], by_id: &BTreeMap<&str, MemberPrint>) -> GroupMembers {
        let mut members = GroupMembers::default();
        for (id, name) in seen {
            match by_id.get(&**id) {
                Some(print) => members.found.push(*print),
                None if self.run.groups.unmanaged == Unmanaged::Remove => {
                    members.strangers.push(Arc::new(Member {
                        resource: Resource::User,
                        key: None,
                        id: Some(id.to_string()),
                        name: name.as_deref().map(str::to_owned),
                    }));
                }
                None => {}
            }
        }
        members.found.sort_unstable();
        members.found.dedup();
        members
    }

    /// Asks for the groups of everybody who is, or should be, in one of these. None: the target cannot be asked like this.
    async fn ask(
        &self,
        groups: &[&Group<'_>],
        wanted: &BTreeMap<String, Vec<MemberPrint>>,
        progress: &Progress,
    ) -> Outcome<Option<BTreeMap<String, Vec<MemberPrint>>>> {
        let habits = &self.run.session.profile.groups;
        let Some(first) = groups.first().filter(|_| habits.members_filter) else {
            return Ok(None);
        };
        let ids: BTreeSet<&str> = groups.iter().map(|group| group.id).collect();
        // A target that ignores filters answers with every group: the first one would be in itself.
        match self.groups_of(first.id).await? {
            Some(answered) if !answered.iter().any(|id| id == first.id) => {}
            _ => {
                tracing::warn!("the target cannot be asked for the groups of a member");
                return Ok(None);
            }
        }
        let in_question = groups.iter().flat_map(|group| {
            let wanted = wanted.get(&group.candidate.key).into_iter().flatten();
            wanted.chain(&group.remembered)
        });
        let in_question: BTreeSet<MemberPrint> = in_question.copied().collect();
        let asked: Vec<(MemberPrint, String)> = in_question
            .into_iter()
            .filter_map(|print| Some((print, self.roster.get(print)?.member.id.clone()?)))
            .collect();
        let mut found: BTreeMap<String, Vec<MemberPrint>> = BTreeMap::new();
        let mut answers = futures_util::stream::iter(&asked)
            .map(|(print, id)| async move { (*print, self.groups_of(id).await) })
            .buffer_unordered(self.width());
        while let Some((print, answer)) = answers.next().await {
            for id in answer?.unwrap_or_default() {
                if ids.contains(id.as_str()) {
                    found.entry(id).or_default().push(print);
                }
            }
            progress.step();
        }
        for members in found.values_mut() {
            members.sort_unstable();
        }
        Ok(Some(found))
    }

    /// The ids of the groups of one member; none if the target does not understand the question.
    async fn groups_of(&self, id: &str) -> Outcome<Option<Vec<String>>> {
        match self.run.client.ids(Resource::Group, &groups_of(id)).await {
            Ok(ids) => Ok(Some(ids)),
            Err(error) => {
                one_persons(error)?;
                Ok(None)
            }
        }
    }

    fn width(&self) -> usize {
        self.run.session.loaded.config.target.concurrency.max(1)
    }
}

/// A linked group as a member of a group.
fn nested(link: &peoplesync_reconcile::Link) -> peoplesync_reconcile::Known {
    let member = Member {
        resource: Resource::Group,
        key: Some(link.key.clone()),
        id: Some(link.id.clone()),
        name: None,
    };
    peoplesync_reconcile::Known { member: Arc::new(member), holding: Holding::Linked }
}
