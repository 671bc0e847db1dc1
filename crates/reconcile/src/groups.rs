//! Who may be a member of a group, who should be, and who is: what a plan of groups rests on beside the groups themselves.
//! Members are fingerprints here, 16 bytes each; whoever is named is named once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peoplesync_scim::Resource;
use serde::{Deserialize, Serialize};

use crate::{
    Action, Bookkeeping, Cause, Link, Links, Member, MemberPrint, Observation, OnDrift, Plan,
    Survey,
};

/// What becomes of members that peoplesync does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmanaged {
    /// They stay.
    Keep,
    /// They are removed.
    Remove,
}

/// What a plan does with the account of somebody who is, or may become, a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// It is linked, and stays so.
    Linked,
    /// It is created or taken over in this plan.
    Comes,
    /// It is linked, and its person was rejected or cannot be told: it is not taken out of any group.
    Held,
    /// It is deleted in this plan.
    Goes,
    /// Its link ends in this plan and the account stays, so that peoplesync no longer knows it.
    Released,
}

/// What becomes of accounts in a plan of people, for whoever asks by key.
#[derive(Debug)]
pub struct Holdings<'a> {
    coming: BTreeMap<&'a str, &'a crate::Change>,
    ending: BTreeMap<&'a str, Holding>,
    held: BTreeSet<&'a str>,
    by_config: BTreeSet<&'a str>,
    observation: &'a Observation,
    resource: Resource,
}

/// One member that is known, and what becomes of its account.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who it is.
    pub member: Arc<Member>,
    /// What becomes of the account.
    pub holding: Holding,
}

/// Everybody who is, or may become, a member of a group that is looked at.
#[derive(Debug, Clone, Default)]
pub struct Roster(BTreeMap<MemberPrint, Known>);

/// The members of one group.
#[derive(Debug, Clone, Default)]
pub struct GroupMembers {
    /// Who should be a member: sorted, each once, and only who has an account when the plan is done.
    pub wanted: Vec<MemberPrint>,
    /// Who is one, of those whom peoplesync knows or knew; sorted. Nobody for a new group.
    pub found: Vec<MemberPrint>,
    /// Who was one when the group was written or compared last, of those who have the same account still; sorted.
    pub remembered: Vec<MemberPrint>,
    /// Members whom it does not know.
    pub strangers: Vec<Arc<Member>>,
}

/// The members of all groups that are looked at.
#[derive(Debug, Clone)]
pub struct Memberships {
    /// By the key of the group.
    pub groups: BTreeMap<String, GroupMembers>,
    /// Everybody in them.
    pub roster: Roster,
    /// Whether it proves anything that somebody is not wanted: people and groups were read completely.
    pub complete: bool,
    /// What becomes of strangers.
    pub unmanaged: Unmanaged,
    /// What becomes of members whom others added or took out, of those whom peoplesync knows.
    pub on_drift: OnDrift,
    /// How many memberships were remembered before, also of groups that are not looked at.
    pub remembered: u64,
}

impl<'a> Holdings<'a> {
    /// Of a plan, and what it was made of.
    #[must_use]
    pub fn new(plan: &'a Plan, survey: &'a Survey, observation: &'a Observation) -> Self {
        let resource = survey.managed.resource();
        let mut coming = BTreeMap::new();
        let mut ending = BTreeMap::new();
        let mut by_config = BTreeSet::new();
        for change in plan.changes.iter().filter(|change| change.resource == resource) {
            let key = change.key.as_str();
            match change.action {
                Action::Create | Action::Adopt => drop(coming.insert(key, change)),
                Action::Delete => drop(ending.insert(key, Holding::Goes)),
                Action::Unlink => drop(ending.insert(key, Holding::Released)),
                Action::Update | Action::Reactivate | Action::Deactivate => continue,
            }
            if change.cause == Cause::Config {
                by_config.insert(key);
            }
        }
        let notes = match resource {
            Resource::User => &plan.bookkeeping,
            Resource::Group => &plan.group_bookkeeping,
        };
        for note in notes {
            if let Bookkeeping::Gone { key } = note {
                ending.insert(key, Holding::Released);
            }
        }
        let of_this = plan.rejected.iter().filter(|rejection| rejection.resource == resource);
        let rejected = of_this.filter_map(|rejection| rejection.key.as_deref());
        let held = rejected.chain(survey.pinned.iter().map(String::as_str)).collect();
        Self { coming, ending, held, by_config, observation, resource }
    }

    /// The keys of those whose account is created or taken over.
    pub fn coming(&self) -> impl Iterator<Item = &'a str> {
        self.coming.keys().copied()
    }

    /// The keys of those whose account is new: it is in no group yet.
    pub fn created(&self) -> impl Iterator<Item = &'a str> {
        let created = self.coming.iter().filter(|(_, change)| change.action == Action::Create);
        created.map(|(key, _)| *key)
    }

    /// The keys of those whose link ends.
    pub fn ending(&self) -> impl Iterator<Item = &'a str> {
        self.ending.keys().copied()
    }

    /// The keys of those whose account comes, or whose link ends, because the config was changed.
    pub fn by_config(&self) -> impl Iterator<Item = &'a str> {
        self.by_config.iter().copied()
    }

    /// Somebody who has a link.
    #[must_use]
    pub fn linked(&self, link: &Link) -> Known {
        if self.coming.contains_key(link.key.as_str()) {
            // The account of before is gone; there is another now.
            return self.newcomer(&link.key).unwrap_or_else(|| self.known(link, Holding::Comes));
        }
        let key = link.key.as_str();
        let holding = match self.ending.get(key) {
            Some(ending) => *ending,
            None if self.held.contains(key) => Holding::Held,
            None => Holding::Linked,
        };
        self.known(link, holding)
    }

    /// Somebody who gets a link in this plan.
    #[must_use]
    pub fn newcomer(&self, key: &str) -> Option<Known> {
        let change = self.coming.get(key)?;
        let member = Member {
            resource: self.resource,
            key: Some(change.key.clone()),
            id: change.id.clone(),
            name: Some(change.name.clone()).filter(|name| *name != change.key),
        };
        Some(Known { member: Arc::new(member), holding: Holding::Comes })
    }

    fn known(&self, link: &Link, holding: Holding) -> Known {
        let name = self.observation.get(&link.id).map(|account| account.name.clone());
        let member = Member {
            resource: self.resource,
            key: Some(link.key.clone()),
            id: Some(link.id.clone()),
            name: name.filter(|name| *name != link.id && *name != link.key),
        };
        Known { member: Arc::new(member), holding }
    }
}

impl GroupMembers {
    /// What the state is to remember of the group before anything is written: who was found in it. What others did since it was
    /// written, and what stays so, is left out, or the run after would take it for what was written. `is_sure`: it is known what
    /// was written last.
    #[must_use]
    pub fn to_remember(&self, is_sure: bool, on_drift: OnDrift) -> Vec<MemberPrint> {
        let Self { wanted, found, remembered, .. } = self;
        if !is_sure || on_drift == OnDrift::Correct {
            return found.clone();
        }
        let is_in = |all: &[MemberPrint], print| all.binary_search(print).is_ok();
        let stayed = found.iter().filter(|print| is_in(wanted, print) || is_in(remembered, print));
        let out = remembered.iter().filter(|print| is_in(wanted, print));
        stayed.chain(out).copied().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Roster {
    /// Adds somebody.
    pub fn add(&mut self, print: MemberPrint, known: Known) {
        self.0.insert(print, known);
    }

    /// Somebody by fingerprint.
    #[must_use]
    pub fn get(&self, print: MemberPrint) -> Option<&Known> {
        self.0.get(&print)
    }

    /// Whether this fingerprint is here.
    #[must_use]
    pub fn contains(&self, print: MemberPrint) -> bool {
        self.0.contains_key(&print)
    }

    /// The fingerprints by the ids of the accounts that exist.
    #[must_use]
    pub fn by_id(&self) -> BTreeMap<&str, MemberPrint> {
        let ids =
            self.0.iter().filter_map(|(print, known)| Some((known.member.id.as_deref()?, *print)));
        ids.collect()
    }
}

/// All that a plan of groups rests on.
#[derive(Debug, Clone, Copy)]
pub struct GroupFacts<'a> {
    /// What was read.
    pub survey: &'a Survey,
    /// The links of groups, as the survey asked for them.
    pub links: &'a Links,
    /// What was looked up.
    pub observation: &'a Observation,
    /// What is allowed; of the leavers' actions all but deactivating, which a group does not know.
    pub policy: &'a crate::Policy,
    /// Who is in them; none where members are not managed.
    pub members: Option<&'a Memberships>,
}
