//! Groups and their members: what holds for every world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peoplesync_reconcile::{
    Action, Bookkeeping, Candidate, Coverage, Digest, Fingerprint, GroupFacts, GroupMembers,
    Guards, Holding, Intake, Known, LeaverAction, Leavers, Limit, Link, LinkIndex, Links,
    LintContext, Managed, ManagedAttribute, Member, MemberPrint, Memberships, Observation, OnDrift,
    Plan, Policy, Roster, Standing, Unmanaged, Wanted, WantedValue, Written, lint, plan,
    plan_groups,
};
use peoplesync_scim::path::Path;
use peoplesync_scim::{Resource, SchemaSet};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

const PEOPLE: usize = 6;

/// One group in the source and at the target.
#[derive(Debug, Clone)]
struct Group {
    name: String,
    /// Whether the source has it, and in scope.
    is_read: bool,
    wanted: BTreeSet<usize>,
    digest: Digest,
    /// Who was in it when it was written last.
    remembered: BTreeSet<usize>,
    /// At the target: linked or not, its name and members. 6 and more are strangers.
    target: Option<(bool, String, BTreeSet<usize>)>,
}

#[derive(Debug, Clone)]
struct World {
    groups: BTreeMap<String, Group>,
    people: Vec<Holding>,
    complete: bool,
    unmanaged: Unmanaged,
    on_absent: LeaverAction,
    coverage: Coverage,
    adopt: bool,
    on_drift: OnDrift,
}

fn managed() -> Arc<Managed> {
    let path = Path::parse("displayName").unwrap();
    let attribute = ManagedAttribute { path: path.clone(), create_only: false, reference: false };
    let schemas = Arc::new(SchemaSet::standard());
    let managed = Managed::new(Resource::Group, vec![attribute], &[path], vec![], schemas);
    Arc::new(managed.unwrap())
}

fn nobody() -> Arc<Managed> {
    let schemas = Arc::new(SchemaSet::standard());
    Arc::new(Managed::new(Resource::User, vec![], &[], vec![], schemas).unwrap())
}

fn print(number: usize) -> MemberPrint {
    MemberPrint { resource: Resource::User, fingerprint: Fingerprint(number as i64 * 11) }
}

fn of_key(key: &str) -> Fingerprint {
    Fingerprint(i64::from(key.as_bytes()[0]))
}

impl World {
    fn policy(&self) -> Policy {
        let action = self.on_absent;
        Policy {
            adopt: self.adopt,
            leavers: Leavers { action, out_of_scope: action, grace_days: 0, delete_after_days: 0 },
            guards: Guards { max_leavers: Limit::NONE, ..Guards::NONE },
            approval: peoplesync_reconcile::Approvals::NONE,
            first_load: false,
            full: false,
            hides_inactive: false,
            edited: peoplesync_reconcile::Edited::Nothing,
            now: 0,
            source: "groups.csv".to_owned(),
            tried: BTreeMap::new(),
        }
    }

    /// Nobody is in a group without an account.
    fn wanted(&self, group: &Group) -> Vec<usize> {
        let has = |number: &&usize| {
            matches!(self.people[**number], Holding::Linked | Holding::Comes | Holding::Held)
        };
        group.wanted.iter().filter(has).copied().collect()
    }

    /// A number that moves with name and members.
    fn digest(&self, group: &Group) -> Digest {
        let members = self.wanted(group).iter().map(|number| 1 << number).sum::<i64>();
        Digest(1_000 + members * 31 + i64::from(group.name.as_bytes()[0]) * 7_919)
    }

    fn links(&self) -> Vec<Link> {
        let linked = self.groups.iter().filter_map(|(key, group)| {
            let (is_linked, ..) = group.target.as_ref()?;
            is_linked.then(|| Link {
                key: key.clone(),
                id: format!("id-{key}"),
                digest: group.digest,
                standing: Standing::Active,
                absent_since: None,
                created: true,
                written: Written::default(),
            })
        });
        linked.collect()
    }

    fn member(&self, number: usize) -> Arc<Member> {
        let comes = self.people.get(number) == Some(&Holding::Comes);
        Arc::new(Member {
            resource: Resource::User,
            key: (number < PEOPLE).then(|| number.to_string()),
            id: (!comes).then(|| format!("u{number}")),
            name: None,
        })
    }

    fn plan(&self, backwards: bool) -> (Plan, Vec<String>) {
        let (managed, policy) = (managed(), self.policy());
        let links = self.links();
        let mut index = LinkIndex::default();
        for link in &links {
            index.push(of_key(&link.key), link.digest, &link.standing, false);
        }
        let mut intake = Intake::new(index, Arc::clone(&managed));
        let mut order: Vec<(&String, &Group)> = self.groups.iter().collect();
        if backwards {
            order.reverse();
        }
        for (key, group) in order.into_iter().filter(|(_, group)| group.is_read) {
            let digest = self.digest(group);
            intake.read(1);
            if intake.seen(of_key(key), digest) == peoplesync_reconcile::Seen::Unchanged {
                continue;
            }
            let value = WantedValue::Set(json!(group.name));
            intake.candidate(Candidate {
                key: key.clone(),
                fingerprint: of_key(key),
                digest,
                digest_unresolved: Digest(-digest.0),
                origin: format!("groups.csv:{key}"),
                name: group.name.clone(),
                wanted: vec![Wanted { slot: 0, value }],
            });
        }
        let survey = intake.finish(self.coverage.clone());
        let mut all = Links::new();
        let needs = survey.needs(&policy);
        for link in links {
            if needs.fingerprints.contains(&of_key(&link.key)) {
                all.add_missing(link);
            } else {
                all.add(link);
            }
        }
        let mut observation = Observation::new();
        for (key, group) in &self.groups {
            if let Some((_, name, _)) = &group.target {
                let seen = json!({ "id": format!("id-{key}"), "displayName": name });
                observation.found(managed.observe(&seen).unwrap());
            }
        }
        observation.listed();

        let mut roster = Roster::default();
        for (number, holding) in self.people.iter().enumerate() {
            let known = Known { member: self.member(number), holding: *holding };
            roster.add(print(number), known);
        }
        let groups = survey.candidates().iter().map(|candidate| {
            let matched = survey.matched(&all, &observation);
            let is_there = matched.iter().any(|(matched, found)| {
                matched.key == candidate.key && found.id == format!("id-{}", candidate.key)
            });
            let members = self.members(&self.groups[&candidate.key], is_there);
            (candidate.key.clone(), members)
        });
        let memberships = Memberships {
            groups: groups.collect(),
            roster,
            complete: self.complete && self.coverage == Coverage::Complete,
            unmanaged: self.unmanaged,
            on_drift: self.on_drift,
            remembered: 0,
        };
        let facts = GroupFacts {
            survey: &survey,
            links: &all,
            observation: &observation,
            policy: &policy,
            members: Some(&memberships),
        };
        let made = plan_groups(self.people_plan(), &facts);
        let context = LintContext {
            managed: &managed,
            links: &all,
            observation: Some(&observation),
            limits: None,
        };
        let findings = lint(&made, context).into_iter().map(|finding| finding.to_string());
        // Whoever comes is created by a plan of people that is not made here.
        let findings = findings.filter(|finding| !finding.contains("has no account (members"));
        let findings = findings.collect();
        (made, findings)
    }

    /// Who should be in a group, and who is.
    fn members(&self, group: &Group, is_there: bool) -> GroupMembers {
        let there = group.target.iter().filter(|_| is_there).flat_map(|(_, _, there)| there);
        let (known, strangers): (Vec<usize>, Vec<usize>) =
            there.copied().partition(|number| *number < PEOPLE);
        // A new account is in no group.
        let is_known = |number: &usize| self.people[*number] != Holding::Comes;
        let known = known.into_iter().filter(is_known);
        let remembered = group.remembered.iter().copied().filter(is_known);
        GroupMembers {
            wanted: self.wanted(group).into_iter().map(print).collect(),
            found: known.map(print).collect(),
            remembered: remembered.map(print).collect(),
            strangers: strangers.into_iter().map(|number| self.member(number)).collect(),
        }
    }

    /// A plan of nobody.
    fn people_plan(&self) -> Plan {
        let managed = nobody();
        let survey = Intake::new(LinkIndex::default(), managed).finish(Coverage::Complete);
        plan(&survey, &Links::new(), &Observation::new(), &self.policy())
    }

    /// What the state remembers of a group that is not changed, or before it is.
    fn remember(&mut self, key: &str) {
        let group = &self.groups[key];
        let is_sure = group.digest != Digest::UNKNOWN
            && group.target.as_ref().is_some_and(|(is_linked, ..)| *is_linked);
        let memory = self.members(group, true).to_remember(is_sure, self.on_drift);
        let numbers = memory.iter().map(|print| usize::try_from(print.fingerprint.0 / 11).unwrap());
        self.groups.get_mut(key).unwrap().remembered = numbers.collect();
    }

    fn apply(&mut self, plan: &Plan) {
        for change in &plan.changes {
            self.remember(&change.key);
            let group = self.groups.get_mut(&change.key).unwrap();
            let (_, name, members) = group.target.get_or_insert_with(Default::default);
            if let Some(attribute) = change.attributes.first() {
                *name = attribute.after.as_ref().and_then(Json::as_str).unwrap().to_owned();
            }
            let number = |member: &Arc<Member>| -> usize {
                let text =
                    member.key.as_deref().or_else(|| member.id.as_deref()?.strip_prefix('u'));
                text.unwrap().parse().unwrap()
            };
            for gone in &change.members.remove {
                assert!(members.remove(&number(gone)), "{gone:?} is not there");
                group.remembered.remove(&number(gone));
            }
            for new in &change.members.add {
                assert!(members.insert(number(new)), "{new:?} is there already");
                group.remembered.insert(number(new));
            }
            match change.action {
                Action::Delete => group.target = None,
                Action::Unlink => group.target.as_mut().unwrap().0 = false,
                _ => {
                    group.target.as_mut().unwrap().0 = true;
                    group.digest = change.digest.unwrap();
                }
            }
        }
        for note in &plan.group_bookkeeping {
            if let Bookkeeping::Same { key, digest, .. } = note {
                self.remember(key);
                self.groups.get_mut(key).unwrap().digest = *digest;
            }
        }
        // Whoever came is linked now, and whoever went is gone.
        for holding in &mut self.people {
            if *holding == Holding::Comes {
                *holding = Holding::Linked;
            }
        }
    }
}

prop_compose! {
    fn group()(
        name in select(&["A", "B", "C", "D", "E", "F"][..]),
        is_read in prop::bool::weighted(0.8),
        wanted in prop::collection::btree_set(0..PEOPLE, 0..PEOPLE),
        digest in select(&[Digest::UNKNOWN, Digest(3)][..]),
        target in prop::option::weighted(0.7, (
            any::<bool>(),
            select(&["A", "B", "x"][..]).prop_map(str::to_owned),
            prop::collection::btree_set(0..PEOPLE + 2, 0..PEOPLE),
        )),
    ) -> Group {
        Group { name: name.to_owned(), is_read, remembered: wanted.clone(), wanted, digest, target }
    }
}

prop_compose! {
    fn world()(
        groups in prop::collection::btree_map(
            select(&["1", "2", "3", "4"][..]).prop_map(str::to_owned), group(), 0..4,
        ),
        people in prop::collection::vec(select(&[
            Holding::Linked, Holding::Linked, Holding::Held, Holding::Goes, Holding::Released, Holding::Comes,
        ][..]), PEOPLE),
        complete in prop::bool::weighted(0.8),
        unmanaged in select(&[Unmanaged::Keep, Unmanaged::Remove][..]),
        on_absent in select(&[LeaverAction::Ignore, LeaverAction::Unlink, LeaverAction::Delete][..]),
        coverage in select(vec![
            Coverage::Complete, Coverage::Complete, Coverage::Partial { reason: "cut".to_owned() },
        ]),
        adopt in prop::bool::weighted(0.8),
        on_drift in select(&[OnDrift::Correct, OnDrift::Report, OnDrift::Leave][..]),
    ) -> World {
        let mut groups = groups;
        // No group of the source fits another's at the target, and one that is not linked fits its own.
        for (key, group) in &mut groups {
            group.name += key;
            if let Some((is_linked, name, _)) = &mut group.target {
                *name = if *is_linked { format!("{name}{key}") } else { group.name.clone() };
            }
        }
        // A new account is in no group.
        for (_, _, members) in groups.values_mut().filter_map(|group: &mut Group| group.target.as_mut()) {
            members.retain(|number| people.get(*number) != Some(&Holding::Comes));
        }
        World { groups, people, complete, unmanaged, on_absent, coverage, adopt, on_drift }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_of_groups_is_sound_and_does_not_depend_on_order(world in world()) {
        let (made, findings) = world.plan(false);
        prop_assert_eq!(findings, Vec::<String>::new());
        prop_assert_eq!(serde_json::to_string(&made).unwrap(), serde_json::to_string(&world.plan(true).0).unwrap());
    }

    #[test]
    fn after_an_apply_no_group_is_left_to_change(world in world()) {
        // Accounts that go are gone after the apply, and what they were in is not asked again here.
        let people = world.people.iter().map(|holding| match holding {
            Holding::Goes | Holding::Released => Holding::Linked,
            other => *other,
        });
        let mut world = World { people: people.collect(), ..world.clone() };
        let first = world.plan(false).0;
        world.apply(&first);
        if !first.rejected.is_empty() {
            // A group that was rejected may wait for a name that only this apply made free.
            let second = world.plan(false).0;
            world.apply(&second);
        }
        let again = world.plan(false).0;
        prop_assert!(again.changes.is_empty(), "{:#?}", again.changes);
        prop_assert!(again.group_bookkeeping.is_empty(), "{:#?}", again.group_bookkeeping);
    }

    #[test]
    fn nobody_leaves_a_group_on_a_guess(world in world()) {
        let is_proven = world.complete && world.coverage == Coverage::Complete;
        for change in &world.plan(false).0.changes {
            for member in &change.members.remove {
                prop_assert!(is_proven, "{member:?}");
                let holding = member.key.as_ref().map(|key| world.people[key.parse::<usize>().unwrap()]);
                let may_go = match holding {
                    None | Some(Holding::Released) => world.unmanaged == Unmanaged::Remove,
                    Some(Holding::Held) => false,
                    Some(Holding::Linked | Holding::Goes | Holding::Comes) => true,
                };
                prop_assert!(may_go, "{holding:?}");
            }
            if change.digest.is_none() {
                prop_assert_eq!(&world.coverage, &Coverage::Complete);
            }
        }
    }

    #[test]
    fn everybody_with_an_account_is_in_after_the_apply(world in world()) {
        let mut after = world.clone();
        let made = world.plan(false).0;
        after.apply(&made);
        let rejected: BTreeSet<&str> =
            made.rejected.iter().filter_map(|rejection| rejection.key.as_deref()).collect();
        for (key, group) in world.groups.iter().filter(|(key, group)| {
            group.is_read && !rejected.contains(key.as_str())
        }) {
            let (_, name, members) = after.groups[key].target.as_ref().unwrap();
            prop_assert_eq!(name.to_lowercase(), group.name.to_lowercase());
            // Whom somebody took out stays out, where that is asked for.
            let is_left = |number: &usize| {
                world.on_drift != OnDrift::Correct && group.remembered.contains(number)
            };
            for number in world.wanted(group).into_iter().filter(|number| !is_left(number)) {
                prop_assert!(members.contains(&number), "{number} is not in {key}");
            }
        }
    }
}
