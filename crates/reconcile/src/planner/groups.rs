//! Plans groups, after people: created, taken over, renamed, filled, and treated as the policy says when they left. Members
//! change by differences: who is not named stays.

mod leavers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peoplesync_scim::schema::Resource;

use super::candidates::leave_drift;
use super::differences::{self, Differences};
use super::matching::{self, Match};
use super::references::References;
use super::{Draft, Facts, causes, guards, without, words};
use crate::groups::{GroupFacts, Holding, Known, Memberships, Unmanaged};
use crate::{
    Action, Bookkeeping, Candidate, Cause, Change, Coverage, Digest, GroupSummary, Link, Member,
    MemberChanges, Observed, OnDrift, Plan, Rejection, Warning, Written,
};

/// Adds groups to a plan of people, and seals it again.
#[must_use]
pub fn plan_groups(people: Plan, groups: &GroupFacts<'_>) -> Plan {
    let GroupFacts { survey, links, observation, policy, members } = *groups;
    let facts = Facts { survey, links, observation, policy };
    let mut draft = Draft { rejected: survey.rejected.clone(), ..Draft::default() };
    let unused = Draft::default();
    let references = References::new(&facts, &[], &unused);
    let mut planner = Planner { arriving: BTreeSet::new(), facts: &facts, members, references };
    let fates = planner.fates();
    planner.note_arriving(&fates);
    for (candidate, fate) in survey.candidates.iter().zip(fates) {
        planner.candidate(candidate, fate, &mut draft);
    }
    planner.leavers(&mut draft);

    let mut plan = people;
    let coverage = match survey.coverage {
        Coverage::Complete => "complete",
        Coverage::Partial { .. } => "partial",
        Coverage::Changes => "changes",
        Coverage::Mixed { .. } => "mixed",
    };
    plan.groups_coverage = Some(coverage.to_owned());
    let mut changes = draft.changes;
    changes.sort_by(|a, b| (a.action, &a.key).cmp(&(b.action, &b.key)));
    super::redact(&survey.managed, &mut changes);
    plan.summary.waiting += without::leave_out_waiting(policy, &mut changes, &mut plan.warnings);
    plan.summary.groups = count(&facts, &changes, draft.rejected.len(), draft.unchanged);
    for refusal in guards::refuse_groups(&facts, members, &changes) {
        // One approval lets all of a plan pass.
        let is_approval = refusal.guard == "approval";
        if !is_approval || plan.refused.iter().all(|known| known.guard != refusal.guard) {
            plan.refused.push(refusal);
        }
    }
    plan.changes.extend(changes);
    plan.rejected.extend(draft.rejected);
    plan.rejected.sort();
    plan.warnings.extend(draft.warnings);
    plan.warnings.sort();
    plan.warnings.dedup();
    draft.bookkeeping.sort_by(|a, b| words::key_of(a).cmp(words::key_of(b)));
    plan.group_bookkeeping = draft.bookkeeping;
    plan.seal()
}

fn count(facts: &Facts<'_>, changes: &[Change], rejected: usize, unchanged: u64) -> GroupSummary {
    let number = |action| changes.iter().filter(|change| change.action == action).count() as u64;
    GroupSummary {
        create: number(Action::Create),
        adopt: number(Action::Adopt),
        update: number(Action::Update),
        delete: number(Action::Delete),
        unlink: number(Action::Unlink),
        unchanged: facts.survey.unchanged + unchanged,
        out_of_scope: facts.survey.out_of_scope,
        rejected: rejected as u64,
        from_config: changes.iter().filter(|change| change.cause == Cause::Config).count() as u64,
        from_drift: changes.iter().filter(|change| change.undoes_drift()).count() as u64,
    }
}

/// What becomes of one group that was read.
enum Fate<'a> {
    Linked(&'a Link, &'a Observed),
    Create { gone: Option<&'a str> },
    Adopt { group: &'a Observed, name: String, gone: Option<&'a str> },
    Protected(&'a Observed),
    Rejected { field: Option<String>, reason: String },
}

struct Planner<'a> {
    /// The keys of groups that are created or taken over, which may be members of others.
    arriving: BTreeSet<&'a str>,
    facts: &'a Facts<'a>,
    members: Option<&'a Memberships>,
    references: References<'a>,
}

impl<'a> Planner<'a> {
    /// One fate for each candidate, in their order.
    fn fates(&self) -> Vec<Fate<'a>> {
        let candidates = &self.facts.survey.candidates;
        let mut fates: Vec<Fate<'a>> =
            candidates.iter().map(|candidate| self.fate(candidate)).collect();
        // Two groups of the source cannot have one group of the target.
        let mut takers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, fate) in fates.iter().enumerate() {
            if let Fate::Adopt { group, .. } = fate {
                takers.entry(group.id.as_str()).or_default().push(at);
            }
        }
        for takers in takers.into_values().filter(|takers| takers.len() > 1) {
            for &at in &takers {
                let Fate::Adopt { group, name, .. } = &fates[at] else { continue };
                let others = takers.iter().filter(|other| **other != at);
                let others = others.map(|other| {
                    let Candidate { key, origin, .. } = &candidates[*other];
                    format!("key {key} ({origin})")
                });
                let (group, others) = (words::account(group), words::list(others));
                let reason =
                    format!("group {group} has the same {name}, and is also the one of {others}");
                fates[at] = Fate::Rejected { field: Some(name.clone()), reason };
            }
        }
        fates
    }

    fn note_arriving(&mut self, fates: &[Fate<'a>]) {
        let comes = |fate: &Fate<'_>| matches!(fate, Fate::Create { .. } | Fate::Adopt { .. });
        let candidates = self.facts.survey.candidates.iter().zip(fates);
        self.arriving = candidates
            .filter(|(_, fate)| comes(fate))
            .map(|(candidate, _)| candidate.key.as_str())
            .collect();
    }

    /// Whether somebody can become a member in this plan.
    fn can_join(&self, known: &Known) -> bool {
        let Known { member, holding } = known;
        let is_coming_group = member.resource == Resource::Group && *holding == Holding::Comes;
        let arrives = member.key.as_deref().is_some_and(|key| self.arriving.contains(key));
        holding.has_account() && (!is_coming_group || arrives)
    }

    fn fate(&self, candidate: &Candidate) -> Fate<'a> {
        let facts = self.facts;
        let link = facts.links.get(&candidate.key);
        let gone = link.map(|link| link.id.as_str());
        let rejected = |field, reason| Fate::Rejected { field, reason };
        let (attribute, groups) = match (matching::find(facts.known(), candidate), link) {
            (Match::Linked(group), Some(link)) => return Fate::Linked(link, group),
            (Match::Hits { attribute, accounts }, _) => (attribute, accounts),
            (Match::None, _) => return Fate::Create { gone },
            (Match::Unknown(reason), _) => return rejected(None, reason),
            (Match::Linked(_), None) => return rejected(None, "its link is not known".to_owned()),
        };
        let path = facts.survey.managed.match_by().nth(attribute);
        let name = path.map(ToString::to_string).unwrap_or_default();
        let [group] = *groups.as_slice() else {
            let all = words::list(groups.iter().map(|group| words::account(group)));
            let reason = format!(
                "{} groups have the same {name}: {all}; it is not clear which one to take over",
                groups.len()
            );
            return rejected(Some(name), reason);
        };
        let shown = words::account(group);
        if let Some(owner) = facts.links.by_id(&group.id).filter(|link| link.key != candidate.key) {
            let reason = format!(
                "group {shown} has the same {name} and is linked to key {}; if both are one group, forget the link of key {}",
                owner.key, owner.key
            );
            return rejected(Some(name), reason);
        }
        if group.protected_by().is_some() {
            return Fate::Protected(group);
        }
        if !facts.policy.adopt {
            let reason = format!(
                "group {shown} has the same {name}; to take it over, set groups.adopt = true"
            );
            return rejected(Some(name), reason);
        }
        Fate::Adopt { group, name, gone }
    }

    fn candidate(&self, candidate: &Candidate, fate: Fate<'a>, draft: &mut Draft) {
        let managed = &*self.facts.survey.managed;
        match fate {
            Fate::Linked(link, group) => self.linked(candidate, link, group, draft),
            Fate::Create { gone } => {
                let reason = match gone {
                    None => "no group yet".to_owned(),
                    Some(id) => gone_text(id),
                };
                let kept = self.facts.observation.kept();
                let found = differences::of_new(managed, candidate, &[], &self.references, kept);
                let members = self.members_of(candidate, None, draft);
                let why = (reason, causes::of_new(self.facts, candidate, gone.is_some()));
                self.push(candidate, None, Action::Create, why, found, members, draft);
            }
            Fate::Adopt { group, name, gone } => {
                let reason = match gone {
                    None => format!("a group has the same {name}"),
                    Some(id) => format!("{}; another has the same {name}", gone_text(id)),
                };
                let kept = self.facts.observation.kept();
                let found = differences::of_existing(
                    managed,
                    candidate,
                    (group, None),
                    &self.references,
                    kept,
                );
                let members = self.members_of(candidate, None, draft);
                let why = (reason, causes::of_new(self.facts, candidate, gone.is_some()));
                self.push(candidate, Some(group), Action::Adopt, why, found, members, draft);
            }
            Fate::Protected(group) => {
                self.protected(
                    group,
                    &candidate.key,
                    Some(&candidate.origin),
                    "it is not taken over",
                    draft,
                );
                self.look_again(candidate, draft);
            }
            Fate::Rejected { field, reason } => {
                draft.rejected.push(Rejection {
                    origin: candidate.origin.clone(),
                    key: Some(candidate.key.clone()),
                    field,
                    reason,
                    resource: Resource::Group,
                });
                self.look_again(candidate, draft);
            }
        }
    }

    /// A linked group that exists.
    fn linked(&self, candidate: &Candidate, link: &Link, group: &Observed, draft: &mut Draft) {
        let managed = &*self.facts.survey.managed;
        let of = (group, Some(link));
        let kept = self.facts.observation.kept();
        let mut found = differences::of_existing(managed, candidate, of, &self.references, kept);
        if link.digest != Digest::UNKNOWN && link.digest != candidate.digest {
            differences::add_letter_case(managed, candidate, of, &mut found);
        }
        let members = self.members_of(candidate, Some(link), draft);
        let cause = causes::of_linked(self.facts, candidate, link, digest(candidate, &members));
        if cause == Cause::Drift {
            found.attributes.iter_mut().for_each(|attribute| attribute.drift = true);
        }
        leave_drift(managed, candidate, &mut found);
        if found.attributes.is_empty() && members.changes.is_empty() {
            draft.unchanged += 1;
            let digest = digest(candidate, &members);
            if link.digest != digest || link.absent_since.is_some() {
                let (key, written) = (candidate.key.clone(), found.written());
                draft.bookkeeping.push(Bookkeeping::Same { key, digest, written });
            }
            return warn_all(candidate, found.warnings, draft);
        }
        if group.protected_by().is_some() {
            let (key, origin) = (&candidate.key, Some(candidate.origin.as_str()));
            return self.protected(group, key, origin, "it stays as at the target", draft);
        }
        let reason = words::differing(&found.attributes, &members.changes);
        let is_drift = found.attributes.iter().all(|attribute| attribute.drift)
            && members.changes.drift == members.changes.len();
        let cause = match cause {
            Cause::Config => Cause::Config,
            Cause::Source | Cause::Drift if is_drift => Cause::Drift,
            // Somebody who has another account than before is not in the group because of that.
            Cause::Source | Cause::Drift => Cause::Source,
        };
        let why = (reason, cause);
        self.push(candidate, Some(group), Action::Update, why, found, members, draft);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a change")]
    fn push(
        &self,
        candidate: &Candidate,
        group: Option<&Observed>,
        action: Action,
        (reason, cause): (String, Cause),
        found: Differences,
        members: Decided,
        draft: &mut Draft,
    ) {
        let (digest, written) = (digest(candidate, &members), found.written());
        draft.changes.push(Change {
            action,
            resource: Resource::Group,
            cause,
            key: candidate.key.clone(),
            id: group.map(|group| group.id.clone()),
            name: candidate.name.clone(),
            origin: Some(candidate.origin.clone()),
            reason: causes::with_cause(reason, cause),
            attributes: found.attributes,
            members: members.changes,
            digest: Some(digest),
            written,
        });
        warn_all(candidate, found.warnings, draft);
    }

    /// Who is added and who is removed. Only members that peoplesync knows are removed, unless the policy says otherwise, and
    /// nobody as long as their absence proves nothing. `link`: that of a group that was written before, whose members may have been
    /// changed by others since.
    fn members_of(&self, candidate: &Candidate, link: Option<&Link>, draft: &mut Draft) -> Decided {
        let mut decided = Decided::default();
        let Some(memberships) = self.members else { return decided };
        let Some(group) = memberships.groups.get(&candidate.key) else { return decided };
        let roster = &memberships.roster;
        let is_sure = link.is_some_and(|link| link.digest != Digest::UNKNOWN);
        let was_in = |print| group.remembered.binary_search(print).is_ok();
        let stays = memberships.on_drift != OnDrift::Correct;
        let mut left = Left::default();
        for print in group.wanted.iter().filter(|print| group.found.binary_search(print).is_err()) {
            match roster.get(*print) {
                Some(known) if self.can_join(known) => {
                    if is_sure && was_in(print) {
                        if stays {
                            left.out.push(named(&known.member));
                            continue;
                        }
                        decided.changes.drift += 1;
                    }
                    decided.changes.add.push(Arc::clone(&known.member));
                }
                _ => decided.is_open = true,
            }
        }
        let mut kept = 0;
        for print in group.found.iter().filter(|print| group.wanted.binary_search(print).is_err()) {
            let Some(known) = roster.get(*print) else { continue };
            let is_drift = is_sure && !was_in(print);
            if is_drift && stays && known.holding != Holding::Released {
                left.within.push(named(&known.member));
                continue;
            }
            let leaves = match known.holding {
                Holding::Linked | Holding::Goes => memberships.complete,
                // A newcomer is found only in the groups of an account that is taken over.
                Holding::Comes => memberships.complete && known.member.id.is_some(),
                Holding::Held => false,
                Holding::Released => {
                    if memberships.unmanaged == Unmanaged::Keep {
                        continue;
                    }
                    memberships.complete
                }
            };
            if leaves && known.member.id.is_some() {
                decided.changes.remove.push(Arc::clone(&known.member));
                decided.changes.drift += u64::from(is_drift);
            } else {
                decided.is_open = true;
                kept += 1;
            }
        }
        if memberships.unmanaged == Unmanaged::Remove {
            if memberships.complete {
                decided.changes.remove.extend(group.strangers.iter().map(Arc::clone));
                decided.changes.drift += if is_sure { group.strangers.len() as u64 } else { 0 };
            } else {
                decided.is_open |= !group.strangers.is_empty();
                kept += group.strangers.len() as u64;
            }
        }
        sort(&mut decided.changes.add);
        sort(&mut decided.changes.remove);
        let link = self.facts.links.get(&candidate.key);
        let known = self.facts.observation.kept();
        if link.is_some_and(|link| known.covers_members(&link.id, &decided.changes)) {
            decided.changes = MemberChanges::default();
        }
        if kept > 0 {
            let members = words::count(kept, "member", "members");
            let message = format!(
                "{members} of group {} stay for now, as nothing proves that they left it",
                candidate.name
            );
            warn_all(candidate, vec![message], draft);
        }
        if memberships.on_drift == OnDrift::Report {
            warn_all(candidate, left.messages(&candidate.name), draft);
        }
        decided
    }

    /// A change that is left out, because the group is never touched.
    fn protected(
        &self,
        group: &Observed,
        key: &str,
        origin: Option<&str>,
        what: &str,
        draft: &mut Draft,
    ) {
        let filters = self.facts.survey.managed.protect();
        let filter = group.protected_by().and_then(|at| filters.get(at));
        let filter = filter.map(ToString::to_string).unwrap_or_default();
        let message = format!("group {} is protected by {filter}: {what}", words::account(group));
        let (key, origin) = (Some(key.to_owned()), origin.map(str::to_owned));
        draft.warnings.push(Warning { key, origin, message });
    }

    /// A group without one at the target that is sure, although the digest is the one of before.
    fn look_again(&self, candidate: &Candidate, draft: &mut Draft) {
        let digests = [candidate.digest, candidate.digest_unresolved];
        if self.facts.links.get(&candidate.key).is_some_and(|link| digests.contains(&link.digest)) {
            let (key, digest) = (candidate.key.clone(), Digest::UNKNOWN);
            let written = Written::default();
            draft.bookkeeping.push(Bookkeeping::Same { key, digest, written });
        }
    }
}

/// The members of one group, decided.
#[derive(Default)]
struct Decided {
    changes: MemberChanges,
    /// Not all that is wanted can be done now: somebody stays whose absence is not proved, or has no account after all.
    is_open: bool,
}

/// A member as warnings name it.
fn named(member: &Member) -> String {
    match (&member.name, &member.key) {
        (Some(name), _) => name.clone(),
        (None, Some(key)) => format!("key {key}"),
        (None, None) => member.label().to_owned(),
    }
}

/// Members as others left them at the target, and as they stay.
#[derive(Default)]
struct Left {
    out: Vec<String>,
    within: Vec<String>,
}

impl Left {
    fn messages(self, group: &str) -> Vec<String> {
        let said = |mut names: Vec<String>, what: &str| {
            names.sort_unstable();
            let verb = if names.len() == 1 { "was" } else { "were" };
            let how_many = words::count(names.len() as u64, "member", "members");
            let names = words::list(names.into_iter());
            format!("{how_many} {verb} {what}: {names}")
        };
        let Self { out, within } = self;
        let out = (!out.is_empty()).then(|| {
            said(out, &format!("taken out of group {group} at the target, and not added again"))
        });
        let within = (!within.is_empty()).then(|| {
            said(within, &format!("added to group {group} at the target, and not removed"))
        });
        out.into_iter().chain(within).collect()
    }
}

impl Holding {
    fn has_account(self) -> bool {
        matches!(self, Self::Linked | Self::Comes | Self::Held)
    }
}

/// What the link remembers: the digest of what is wanted, or the other one where that is not reached yet.
fn digest(candidate: &Candidate, members: &Decided) -> Digest {
    if members.is_open { candidate.digest_unresolved } else { candidate.digest }
}

fn sort(members: &mut Vec<Arc<Member>>) {
    members.sort();
    members.dedup();
}

fn warn_all(candidate: &Candidate, messages: Vec<String>, draft: &mut Draft) {
    for message in messages {
        let (key, origin) = (Some(candidate.key.clone()), Some(candidate.origin.clone()));
        draft.warnings.push(Warning { key, origin, message });
    }
}

fn gone_text(id: &str) -> String {
    format!("the linked group {id} no longer exists at the target")
}
