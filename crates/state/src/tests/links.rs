use std::collections::BTreeMap;

use peoplesync_reconcile::{Bookkeeping, Written};

use super::*;
use crate::{history, links};

fn keys(links: &[Link]) -> Vec<&str> {
    links.iter().map(|link| link.key.as_str()).collect()
}

#[test]
fn a_link_comes_back_as_it_was_written() {
    let mut state = memory();
    let links = [
        link("a"),
        Link {
            id: "Ünïcode / id".to_owned(),
            digest: Digest(i64::MIN),
            standing: Standing::Deactivated { since: -1 },
            absent_since: Some(NOW),
            created: false,
            ..link("ключ")
        },
        Link { standing: Standing::Deactivated { since: 0 }, digest: Digest::UNKNOWN, ..link("") },
    ];
    put(&mut state, &links).unwrap();
    for link in &links {
        let found = state.link(User, fingerprint(&link.key), &link.key).unwrap();
        assert_eq!(found.as_ref(), Some(link));
    }
    assert_eq!(state.link(User, fingerprint("b"), "b").unwrap(), None);
}

#[test]
fn the_index_is_in_the_order_of_fingerprints_whatever_the_order_of_writing() {
    let mut state = memory();
    put(&mut state, &[link("m"), link("z"), link("a")]).unwrap();
    let late =
        Link { absent_since: Some(1), standing: Standing::Deactivated { since: 2 }, ..link("k") };
    put(&mut state, std::slice::from_ref(&late)).unwrap();
    state.put_links(User, &[(Fingerprint(-5), link("negative"))]).unwrap();
    state.put_links(Resource::Group, &[(fingerprint("a"), link("a"))]).unwrap();
    let mut rows = Vec::new();
    let count = state
        .index(User, |fingerprint, digest, standing, absent| {
            rows.push((fingerprint, digest, *standing, absent));
        })
        .unwrap();
    let row = |key| (fingerprint(key), Digest(42), Standing::Active, false);
    assert_eq!(
        rows,
        [
            (Fingerprint(-5), Digest(42), Standing::Active, false),
            row("a"),
            (fingerprint("k"), Digest(42), Standing::Deactivated { since: 2 }, true),
            row("m"),
            row("z"),
        ]
    );
    assert_eq!(count, 5);
    assert_eq!((state.count(User).unwrap(), state.count(Resource::Group).unwrap()), (5, 1));
}

#[test]
fn two_keys_may_share_a_fingerprint() {
    let mut state = memory();
    let shared = Fingerprint(77);
    state.put_links(User, &[(shared, link("b")), (shared, link("a"))]).unwrap();
    assert_eq!(keys(&state.links_by_fingerprint(User, &[shared]).unwrap()), ["a", "b"]);
    assert_eq!(state.link(User, shared, "b").unwrap(), Some(link("b")));
    assert!(state.forget(User, shared, "a").unwrap());
    assert_eq!(keys(&state.links_by_fingerprint(User, &[shared]).unwrap()), ["b"]);
}

#[test]
fn links_are_found_by_key_fingerprint_and_id_in_the_order_asked() {
    let mut state = memory();
    let all: Vec<Link> = ["a", "b", "c", "d"].map(link).into();
    put(&mut state, &all).unwrap();
    let by_key = [("d", "d"), ("nobody", "nobody"), ("a", "a"), ("b", "wrong key")]
        .map(|(of, key)| (fingerprint(of), key));
    assert_eq!(keys(&state.links_by_key(User, &by_key).unwrap()), ["d", "a"]);
    let by_fingerprint = [fingerprint("c"), Fingerprint(0), fingerprint("b")];
    assert_eq!(keys(&state.links_by_fingerprint(User, &by_fingerprint).unwrap()), ["c", "b"]);
    let by_id = state.links_by_id(User, &["id-b", "ID-C", "id-a"]).unwrap();
    assert_eq!(keys(&by_id), ["b", "a"], "ids are case-exact (RFC 7643 §3.1)");
    assert!(state.links_by_id(Resource::Group, &["id-a"]).unwrap().is_empty());
}

#[test]
fn whose_an_account_is_can_be_asked_while_somebody_writes() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(&folder.path().join("s.db"));
    assert!(state.owners().unwrap().is_none(), "nobody is linked");
    put(&mut state, &[link("a")]).unwrap();
    let owners = state.owners().unwrap().unwrap();
    put(&mut state, &[link("b")]).unwrap();
    for key in ["a", "b"] {
        assert_eq!(owners.of(User, &link(key).id).unwrap().as_deref(), Some(key));
    }
    assert_eq!(owners.of(Resource::Group, &link("a").id).unwrap(), None);
    let mut memory = memory();
    put(&mut memory, &[link("a")]).unwrap();
    assert!(memory.owners().unwrap().is_none());
}

#[test]
fn an_account_never_belongs_to_two_keys() {
    let mut state = memory();
    put(&mut state, &[link("a")]).unwrap();
    let serial = state.serial();
    let thief = Link { id: "id-a".to_owned(), ..link("z") };
    let error = put(&mut state, &[link("b"), thief.clone()]).unwrap_err();
    insta::assert_snapshot!(error, @r#"the account id-a is linked to "a", so it cannot be linked to "z" as well"#);
    assert_eq!(state.count(User).unwrap(), 1, "nothing of the batch was written");
    assert_eq!(state.serial(), serial);
    // A group may have the id of a person, and a forgotten account is free.
    state.put_links(Resource::Group, &[(fingerprint("z"), thief.clone())]).unwrap();
    state.forget(User, fingerprint("a"), "a").unwrap();
    put(&mut state, &[thief]).unwrap();
}

#[test]
fn a_link_is_replaced_by_a_later_one_of_its_key() {
    let mut state = memory();
    put(&mut state, &[link("a")]).unwrap();
    let again = Link { id: "another".to_owned(), digest: Digest(1), created: false, ..link("a") };
    put(&mut state, std::slice::from_ref(&again)).unwrap();
    assert_eq!(state.link(User, fingerprint("a"), "a").unwrap(), Some(again));
    assert_eq!(state.count(User).unwrap(), 1);
    assert!(state.links_by_id(User, &["id-a"]).unwrap().is_empty());
}

#[test]
fn the_serial_moves_with_links_and_with_nothing_else() {
    let mut state = memory();
    let run = begin(&mut state);
    state.intend(run, &[intent(1, "a")]).unwrap();
    assert_eq!(state.serial(), 0);
    let mut moved = |step: &dyn Fn(&mut State)| {
        let before = state.serial();
        step(&mut state);
        state.serial() != before
    };
    assert!(moved(&|state| state.settle(run, &[settlement(1, "a")]).unwrap()));
    assert!(moved(&|state| put(state, &[link("b")]).unwrap()));
    assert!(!moved(&|state| put(state, &[]).unwrap()));
    assert!(!moved(&|state| {
        let skipped = Settlement { link: LinkEffect::None, ..settlement(9, "c") };
        state.settle(run, &[skipped]).unwrap();
    }));
    let absent = |key: &str| (fingerprint(key), Bookkeeping::Absent { key: key.to_owned() });
    assert!(moved(&|state| assert_eq!(state.bookkeeping(User, &[absent("a")], NOW).unwrap(), 1)));
    assert!(!moved(&|state| assert_eq!(state.bookkeeping(User, &[absent("x")], NOW).unwrap(), 0)));
    assert!(moved(&|state| assert!(state.forget(User, fingerprint("a"), "a").unwrap())));
    assert!(!moved(&|state| assert!(!state.forget(User, fingerprint("a"), "a").unwrap())));
}

#[test]
fn notes_change_what_they_say_and_nothing_else() {
    let mut state = memory();
    let gone = Link { absent_since: Some(5), ..link("e") };
    let inactive = Link { standing: Standing::Deactivated { since: 5 }, ..link("f") };
    put(&mut state, &["a", "b", "c", "d"].map(link)).unwrap();
    put(&mut state, &[gone, inactive, link("other")]).unwrap();
    let key = |key: &str| key.to_owned();
    let notes = [
        Bookkeeping::Gone { key: key("d") },
        Bookkeeping::Absent { key: key("a") },
        Bookkeeping::Absent { key: key("e") },
        Bookkeeping::Inactive { key: key("b") },
        Bookkeeping::Inactive { key: key("f") },
        Bookkeeping::Same { key: key("c"), digest: Digest(99), written: Written::new(vec![3]) },
        Bookkeeping::Same { key: key("nobody"), digest: Digest(99), written: Written::default() },
    ];
    let notes: Vec<_> = notes
        .into_iter()
        .map(|note| {
            let (Bookkeeping::Gone { key }
            | Bookkeeping::Absent { key }
            | Bookkeeping::Present { key }
            | Bookkeeping::Inactive { key }
            | Bookkeeping::Same { key, .. }) = &note;
            (fingerprint(key), note)
        })
        .collect();
    assert_eq!(state.bookkeeping(User, &notes, 1000).unwrap(), 6);
    insta::assert_snapshot!(dump(&state), @"
    User a -> id-a digest 42, absent since 1000, wrote 00000001ffffffff, created
    User b -> id-b digest 42, deactivated since 1000, wrote 00000001ffffffff, created
    User c -> id-c digest 99, wrote 00000003, created
    User e -> id-e digest 42, absent since 5, wrote 00000001ffffffff, created
    User f -> id-f digest 42, deactivated since 5, wrote 00000001ffffffff, created
    User other -> id-other digest 42, wrote 00000001ffffffff, created
    ");
    let back = Bookkeeping::Same { key: key("e"), digest: Digest(7), written: Written::default() };
    state.bookkeeping(User, &[(fingerprint("e"), back)], 2000).unwrap();
    let back = state.link(User, fingerprint("e"), "e").unwrap().unwrap();
    assert_eq!(
        back,
        Link { digest: Digest(7), written: Written::default(), ..link("e") },
        "whoever is back is not absent"
    );
}

#[test]
fn links_are_searched_by_a_part_of_key_or_id() {
    let mut state = memory();
    let odd = Link { id: "50%_off\\x".to_owned(), ..link("Anna") };
    put(&mut state, &[link("zoe"), odd, link("ann"), link("bob")]).unwrap();
    let search = |needle, limit, offset| {
        let found = state.search_links(User, needle, limit, offset).unwrap();
        found.into_iter().map(|link| link.key).collect::<Vec<_>>()
    };
    assert_eq!(search(None, 10, 0), ["Anna", "ann", "bob", "zoe"]);
    assert_eq!(search(None, 2, 1), ["ann", "bob"]);
    assert_eq!(search(Some("ANN"), 10, 0), ["Anna", "ann"]);
    assert_eq!(search(Some("id-b"), 10, 0), ["bob"]);
    assert_eq!(search(Some("0%_off\\"), 10, 0), ["Anna"]);
    assert_eq!(search(Some("%"), 10, 0), ["Anna"], "a wildcard is a character like any other");
    assert_eq!(search(Some("_o"), 10, 0), ["Anna"]);
    assert_eq!(search(Some("nobody"), 10, 0), Vec::<String>::new());
    assert_eq!(search(None, u64::MAX, u64::MAX), Vec::<String>::new());
}

/// Random steps on the state and on a plain map; both hold the same afterwards.
#[test]
fn the_state_is_a_map_from_keys_to_links() {
    let mut state = memory();
    let run = begin(&mut state);
    let mut model: BTreeMap<String, Link> = BTreeMap::new();
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for step in 0..400 {
        let mut batch = Vec::new();
        for number in 0..next(6) {
            let key = format!("k{}", next(30));
            let fingerprint = fingerprint(&key);
            let link =
                Link { digest: Digest(step), id: format!("{key}/{}", next(3)), ..link(&key) };
            let effect = match next(4) {
                0 => LinkEffect::Forget { fingerprint, key: key.clone() },
                1 => LinkEffect::None,
                _ => LinkEffect::Put { fingerprint, link },
            };
            match &effect {
                LinkEffect::Put { link, .. } => drop(model.insert(key.clone(), link.clone())),
                LinkEffect::Forget { key, .. } => drop(model.remove(key)),
                LinkEffect::None => {}
            }
            batch.push(Settlement { link: effect, ..settlement(number, &key) });
        }
        state.settle(run, &batch).unwrap();
        let mut links = Vec::new();
        state.each_link(User, |link| links.push(link)).unwrap();
        assert_eq!(links, model.values().cloned().collect::<Vec<_>>(), "after step {step}");
    }
    assert!(model.len() > 5, "the steps leave something to compare");
}

#[test]
fn what_a_run_reads_is_found_by_an_index_and_needs_no_sorting() {
    let state = memory();
    let conn = state.connection();
    let check = |sql: &str| {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = rusqlite::params_from_iter(vec![1; statement.parameter_count()]);
        let rows = statement.query_map(parameters, |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let of = |key: Option<&str>, run| {
        let key = key.map(str::to_owned);
        check(&history::select(&HistoryFilter { key, run, ..HistoryFilter::default() }))
    };
    let run = Some(RunId(1));
    insta::assert_snapshot!(
        [
            check(links::INDEX),
            check(&links::select("resource = ? AND fp = ?")),
            check(&links::select("resource = ? AND fp = ? AND key = ?")),
            check(&links::select("resource = ? AND id = ?")),
            of(None, None),
            of(Some("a"), None),
            of(None, run),
            of(Some("a"), run),
            check(history::PRUNE),
        ]
        .join("\n"),
        @"
        SEARCH links USING PRIMARY KEY (resource=?)
        SEARCH links USING PRIMARY KEY (resource=? AND fp=?)
        SEARCH links USING PRIMARY KEY (resource=? AND fp=? AND key=?)
        SEARCH links USING INDEX links_by_id (resource=? AND id=?)
        SCAN history
        SEARCH history USING INDEX history_by_key (key=?)
        SEARCH history USING INDEX history_by_run (run=?)
        SEARCH history USING INDEX history_by_key (key=?)
        SEARCH history USING COVERING INDEX history_by_time (at<?)
        "
    );
}

#[test]
fn an_absence_that_is_still_to_come_was_noted_by_a_wrong_clock() {
    let mut state = memory();
    put(&mut state, &[link("a")]).unwrap();
    let absent = [(fingerprint("a"), Bookkeeping::Absent { key: "a".to_owned() })];
    let since =
        |state: &State| state.link(User, fingerprint("a"), "a").unwrap().unwrap().absent_since;
    for (now, expected) in [(9_000, 9_000), (5_000, 5_000), (7_000, 5_000)] {
        state.bookkeeping(User, &absent, now).unwrap();
        assert_eq!(since(&state), Some(expected));
    }
    let present = [(fingerprint("a"), Bookkeeping::Present { key: "a".to_owned() })];
    assert_eq!(state.bookkeeping(User, &present, 8_000).unwrap(), 1);
    assert_eq!(since(&state), None);
}
