//! What must hold for every world: convergence, order, nobody leaves on a guess, nothing foreign is touched.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{DAY, Made, Record, Word, World, link, managed};
use peoplesync_reconcile::{
    Action, Bookkeeping, Coverage, Digest, LeaverAction, Leavers, Plan, Standing,
};
use peoplesync_scim::path::Path;
use peoplesync_scim::resource;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value as Json, json};

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
const WORK: &str = r#"emails[type eq "work"].value"#;

/// Each attribute with the few values that it takes, so that people meet.
const VALUES: [(&str, &[&str]); 6] = [
    ("externalId", &["1", "2", "3", "4", "5", "6"]),
    ("userName", &["ann", "bob", "Bob", "cyd", "dee"]),
    ("title", &["Lead", "lead", "Boss"]),
    ("nickName", &["A", "B"]),
    (WORK, &["w1@example.com", "w2@example.com"]),
    (MANAGER, &["1", "2", "3", "4", "5", "6", "99"]),
];

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

prop_compose! {
    /// What somebody wants: each attribute is set, cleared or left alone.
    fn wants()(
        values in prop::collection::vec((0u8..6, any::<Index>()), VALUES.len()),
        active in prop::option::weighted(0.5, any::<bool>()),
    ) -> BTreeMap<Path, Json> {
        let mut wants = BTreeMap::new();
        for ((name, known), (kind, index)) in VALUES.iter().zip(values) {
            match kind {
                0 => {}
                // A cleared reference is a reference to nobody, which the mapping leaves alone; a userName must be there.
                1 if ![MANAGER, "userName"].contains(name) => { wants.insert(path(name), Json::Null); }
                _ => { wants.insert(path(name), json!(known[index.index(known.len())])); }
            }
        }
        if let Some(active) = active {
            wants.insert(path("active"), json!(active));
        }
        wants
    }
}

fn word() -> impl Strategy<Value = Word> {
    let key = select(&["1", "2", "3", "4", "5", "6"][..]);
    prop_oneof![
        8 => wants().prop_map(Word::Wants),
        1 => Just(Word::OutOfScope),
        1 => Just(Word::Removed),
        1 => (prop::collection::vec(key, 0..2), any::<bool>()).prop_map(|(pins, identified)| {
            let pins = pins.into_iter().map(str::to_owned).collect();
            Word::Rejected { reason: "cannot be mapped".to_owned(), pins, identified }
        }),
    ]
}

prop_compose! {
    /// An account with managed and unmanaged attributes, some in odd spelling.
    fn account()(
        wants in wants(),
        manager in prop::option::of(0u8..8),
        active in prop::option::of(select(vec![json!(true), json!(false), json!("True"), json!("False")])),
        home in any::<bool>(),
        admin in prop::bool::weighted(0.1),
        empty in any::<bool>(),
    ) -> Json {
        let mut account = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "locale": "de" });
        if home {
            account["emails"] = json!([{ "type": "home", "value": "h@example.com" }]);
        }
        for (path, value) in &wants {
            if path.to_string() != MANAGER {
                resource::set(&mut account, path, value.clone());
            }
        }
        if empty && !wants.contains_key(&path("title")) {
            account["title"] = json!("");
        }
        if let Some(manager) = manager {
            resource::set(&mut account, &path(MANAGER), json!({ "value": format!("a{manager}") }));
        }
        match active {
            Some(active) => account["active"] = active,
            None => { account.as_object_mut().unwrap().remove("active"); }
        }
        if admin {
            account["roles"] = json!([{ "value": "admin" }]);
        }
        account
    }
}

#[derive(Debug, Clone)]
struct LinkSketch {
    account: u8,
    digest: u8,
    deactivated: Option<i64>,
    absent: Option<i64>,
}

prop_compose! {
    fn sketch()(
        account in 0u8..8,
        digest in 0u8..4,
        deactivated in prop::option::weighted(0.2, 0i64..100),
        absent in prop::option::weighted(0.2, 80i64..100),
    ) -> LinkSketch {
        LinkSketch { account, digest, deactivated, absent }
    }
}

prop_compose! {
    fn leavers()(
        action in select(&[
            LeaverAction::Ignore, LeaverAction::Unlink, LeaverAction::Deactivate, LeaverAction::Delete,
        ][..]),
        grace_days in select(&[0u32, 7][..]),
        delete_after_days in select(&[0u32, 30][..]),
    ) -> Leavers {
        Leavers { action, out_of_scope: action, grace_days, delete_after_days }
    }
}

fn coverage() -> impl Strategy<Value = Coverage> {
    prop_oneof![
        3 => Just(Coverage::Complete),
        1 => Just(Coverage::Partial { reason: "cut".to_owned() }),
        1 => Just(Coverage::Changes),
    ]
}

prop_compose! {
    fn world()(
        records in prop::collection::btree_map(select(&["1", "2", "3", "4", "5", "6", "7"][..]), word(), 0..7),
        sketches in prop::collection::btree_map(select(&["1", "2", "3", "4", "5", "6", "7", "8"][..]), sketch(), 0..7),
        accounts in prop::collection::btree_map(0u8..8, account(), 0..8),
        leavers in leavers(),
        coverage in coverage(),
        adopt in prop::bool::weighted(0.8),
        list in any::<bool>(),
        full in any::<bool>(),
        maps_active in any::<bool>(),
        unreachable in prop::option::weighted(0.1, 0u8..8),
        no_search in prop::bool::weighted(0.05),
    ) -> World {
        let mut attributes = vec![
            "externalId".to_owned(), "userName".to_owned(), "title".to_owned(),
            "nickName create".to_owned(), WORK.to_owned(), format!("{MANAGER} reference"),
        ];
        attributes.extend(maps_active.then(|| "active".to_owned()));
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        let managed = managed(&attributes, &["externalId", "userName"], &["roles.value eq \"admin\""], &[], &[]);
        let mut world = World::new(managed);
        world.policy.leavers = leavers;
        world.policy.adopt = adopt;
        world.coverage = coverage;
        world.list = list;
        world.full = full;
        world.unreachable = unreachable.map(|id| format!("a{id}")).into_iter().collect();
        world.no_search = no_search.then(|| "not implemented".to_owned());
        world.records = records.into_iter().map(|(key, word)| {
            Record { key: key.to_owned(), origin: format!("people.csv:{key}"), word }
        }).collect();
        for record in &mut world.records {
            if let Word::Wants(wants) = &mut record.word {
                wants.retain(|path, _| maps_active || path.to_string() != "active");
            }
            if let Word::Rejected { pins, identified: true, .. } = &mut record.word {
                pins.push(record.key.clone());
            }
        }
        world.accounts = accounts.into_iter().map(|(number, mut account)| {
            account["id"] = json!(format!("a{number}"));
            (format!("a{number}"), account)
        }).collect();
        let mut linked = BTreeSet::new();
        for (key, sketch) in sketches {
            if !linked.insert(sketch.account) {
                continue;
            }
            let wants = world.records.iter().find_map(|record| match &record.word {
                Word::Wants(wants) if record.key == key => Some(wants),
                _ => None,
            });
            let (same, waiting) =
                wants.map_or((Digest(1), Digest(1)), |wants| world.digests(wants));
            let digest = [same, waiting, Digest(9), Digest::UNKNOWN][usize::from(sketch.digest)];
            let mut link = link(key, &format!("a{}", sketch.account), digest);
            if let Some(day) = sketch.deactivated {
                link.standing = Standing::Deactivated { since: day * DAY };
            }
            link.absent_since = sketch.absent.map(|day| day * DAY);
            if let Some(wants) = wants.filter(|_| sketch.account % 2 == 0) {
                link.written = world.written(wants);
            }
            world.links.insert(key.to_owned(), link);
        }
        world
    }
}

/// Whether a plan takes anybody for a leaver.
fn leavers_of(plan: &Plan) -> Vec<String> {
    let changes = plan.changes.iter().filter(|change| {
        change.digest.is_none() || matches!(change.action, Action::Delete | Action::Unlink)
    });
    let notes = plan.bookkeeping.iter().filter_map(|note| match note {
        Bookkeeping::Same { .. } | Bookkeeping::Present { .. } => None,
        Bookkeeping::Absent { key } | Bookkeeping::Inactive { key } | Bookkeeping::Gone { key } => {
            Some(key.clone())
        }
    });
    changes.map(|change| change.key.clone()).chain(notes).collect()
}

fn pinned(world: &World) -> BTreeSet<String> {
    let pins = world.records.iter().flat_map(|record| match &record.word {
        Word::Rejected { pins, .. } => pins.clone(),
        _ => Vec::new(),
    });
    pins.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_an_apply_nothing_is_left_to_do(world in world()) {
        // A link may be older than what became of its account: everybody is compared first.
        let mut world = World { full: true, ..world };
        let first = world.plan().plan;
        world.apply(&first);
        // Somebody who was rejected may wait for a name that only this apply made free.
        let waiting = if first.rejected.is_empty() { 0 } else { 2 };
        for _ in 0..waiting {
            world.apply(&world.plan().plan);
        }
        for full in [false, true] {
            let again = World { full, ..world.clone() }.plan();
            prop_assert!(again.plan.changes.is_empty(), "{:#?}", again.plan);
            prop_assert!(again.plan.bookkeeping.is_empty(), "{:#?}", again.plan);
        }
    }

    #[test]
    fn the_checker_finds_nothing(world in world()) {
        let made = world.plan();
        prop_assert_eq!(world.lint(&made), vec![]);
        // What is left where somebody waits for another try, or is tried again, is as good.
        prop_assert!(made.plan.verify_hash());
        for (at, out) in made.plan.changes.iter().enumerate() {
            let mut world = world.clone();
            world.tried(&made.plan, &out.key, at % 2 == 0);
            let rest = world.plan();
            prop_assert_eq!(world.lint(&rest), vec![]);
        }
    }

    #[test]
    fn order_of_input_does_not_matter(
        (world, shuffled) in world().prop_flat_map(|world| {
            (Just(world.clone()), Just(world.records).prop_shuffle())
        }),
    ) {
        let bytes = serde_json::to_string(&world.plan().plan).unwrap();
        let other = World { records: shuffled, ..world };
        prop_assert_eq!(bytes, serde_json::to_string(&other.plan().plan).unwrap());
    }

    #[test]
    fn links_that_nobody_asked_for_change_nothing(world in world()) {
        let bytes = serde_json::to_string(&world.plan().plan).unwrap();
        let other = World { all_links: true, ..world };
        prop_assert_eq!(bytes, serde_json::to_string(&other.plan().plan).unwrap());
    }

    #[test]
    fn a_read_that_breaks_off_makes_no_leaver(world in world(), at in any::<Index>()) {
        let mut world = world;
        world.records.truncate(at.index(world.records.len() + 1));
        world.coverage = Coverage::Partial { reason: "the connection was lost".to_owned() };
        prop_assert_eq!(leavers_of(&world.plan().plan), Vec::<String>::new());
    }

    #[test]
    fn only_what_the_source_says_makes_a_leaver_among_changes(world in world()) {
        let world = World { coverage: Coverage::Changes, ..world };
        for key in leavers_of(&world.plan().plan) {
            let record = world.records.iter().find(|record| record.key == key);
            let said = record.map(|record| &record.word);
            prop_assert!(matches!(said, Some(Word::OutOfScope | Word::Removed)), "{key}: {said:?}");
        }
    }

    #[test]
    fn whoever_is_in_scope_never_leaves(world in world(), few in prop::option::of(1i64..4)) {
        // With few fingerprints, all people share them with others.
        let world = World { fingerprints: few, ..world };
        let leavers = leavers_of(&world.plan().plan);
        for record in &world.records {
            let is_in_scope = matches!(record.word, Word::Wants(_));
            prop_assert!(!is_in_scope || !leavers.contains(&record.key), "{record:?}");
        }
    }

    #[test]
    fn a_pinned_person_is_left_alone(world in world(), few in prop::option::of(1i64..4)) {
        let world = World { fingerprints: few, ..world };
        let plan = world.plan().plan;
        let changed = plan.changes.iter().map(|change| change.key.clone());
        let touched: BTreeSet<String> = changed.chain(leavers_of(&plan)).collect();
        let both: Vec<_> = touched.intersection(&pinned(&world)).cloned().collect();
        prop_assert_eq!(both, Vec::<String>::new());
    }

    #[test]
    fn only_linked_and_unprotected_accounts_change_and_only_where_managed(world in world()) {
        let mut after = world.clone();
        let Made { plan, .. } = world.plan();
        after.apply(&plan);
        let named: BTreeSet<&str> = plan.changes.iter().filter_map(|change| change.id.as_deref()).collect();
        for (id, account) in &world.accounts {
            let now = after.accounts.get(id);
            if now == Some(account) {
                continue;
            }
            prop_assert!(named.contains(id.as_str()), "{} is in no change", id);
            prop_assert!(account["roles"].is_null(), "{} is protected", id);
            let was_linked = world.links.values().any(|link| link.id == *id);
            let is_adopted = plan.changes.iter().any(|change| {
                change.action == Action::Adopt && change.id.as_deref() == Some(id)
            });
            prop_assert!(was_linked || is_adopted);
            let Some(now) = now else { continue };
            for unmanaged in ["locale", "roles", "nickName"] {
                prop_assert_eq!(&now[unmanaged], &account[unmanaged]);
            }
            let home = path(r#"emails[type eq "home"].value"#);
            prop_assert_eq!(resource::get(now, &home), resource::get(account, &home));
        }
    }

    #[test]
    fn everybody_planned_has_what_is_wanted(world in world()) {
        let mut after = World { full: true, ..world };
        let plan = after.plan().plan;
        after.apply(&plan);
        let rejected: BTreeSet<&str> =
            plan.rejected.iter().filter_map(|rejection| rejection.key.as_deref()).collect();
        for record in &after.records {
            let Word::Wants(wants) = &record.word else { continue };
            if rejected.contains(record.key.as_str()) || pinned(&after).contains(&record.key) {
                continue;
            }
            let link = after.links.get(&record.key);
            let Some(account) = link.and_then(|link| after.accounts.get(&link.id)) else {
                let is_protected = plan.warnings.iter().any(|warning| {
                    warning.key.as_ref() == Some(&record.key) && warning.message.contains("is protected by")
                });
                prop_assert!(is_protected, "{} got no account", record.key);
                continue;
            };
            if account["roles"].is_null() {
                prop_assert_eq!(after.lacks(wants, account), vec![]);
            }
        }
    }
}
