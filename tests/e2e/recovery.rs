//! Accounts whose creation came to no clear end are found again, whatever the target can search by, and belong to whom they were made for.
//! Nothing may be taken over in these tests: what is found is ours, or nobody's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use peoplesync_reconcile::Action;
use peoplesync_scim::Resource;
use peoplesync_simulator::{Behaviour, Fault};
use peoplesync_state::{Access, Intent, RunStart, State};
use serde_json::{Value as Json, json};

use super::canned::{Canned, Rule};
use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS, profile, ran};

fn config(target: &str) -> String {
    let config = CONFIG.replace("[people]\n", "[people]\nadopt = false\n");
    format!("{config}{target}{NO_GUARDS}")
}

fn person(n: usize) -> String {
    format!("{n},First{n},Last{n},u{n}@example.com,,active,\n")
}

fn account(n: usize) -> Json {
    json!({
        "userName": format!("u{n}@example.com"), "externalId": n.to_string(), "active": true,
        "name": { "givenName": format!("First{n}"), "familyName": format!("Last{n}") },
        "emails": [{ "type": "work", "value": format!("u{n}@example.com") }],
    })
}

/// Leaves the creations of these people open, as a process does that dies before their answers.
fn leave_open(bed: &Bed, people: &[usize]) {
    let access = Access::Write { who: "a test".to_owned(), now: 0 };
    let mut state = State::open(&bed.path("peoplesync.db"), access, || [0; 32]).unwrap();
    let run = state.begin_run(&RunStart { kind: "full".to_owned(), ..RunStart::default() });
    let intent = |n: &usize| Intent {
        seq: *n as u64,
        resource: Resource::User,
        action: Action::Create,
        key: n.to_string(),
        id: None,
        lookup: vec![
            ("externalId".to_owned(), n.to_string()),
            ("userName".to_owned(), format!("u{n}@example.com")),
        ],
    };
    let intents: Vec<Intent> = people.iter().map(intent).collect();
    state.intend(run.unwrap(), &intents).unwrap();
}

/// Everybody has one account, made here, and nothing is left to do.
#[track_caller]
fn settled(bed: &Bed, people: usize) {
    bed.run(&["apply", "--yes", "--full"]).expect(0);
    bed.run(&["plan", "--full"]).expect(0);
    assert_eq!(bed.simulator().count(Resource::User), people);
    let links = bed.run(&["links", "list", "--json"]).expect(0).json();
    let links = links.as_array().unwrap();
    assert_eq!(links.len(), people);
    assert!(links.iter().all(|link| link["account"] == "created"), "{links:?}");
}

/// Two creations were lost, one of which arrived, and the target finds accounts by some attributes only.
#[track_caller]
fn lost(bed: &Bed, target: &str) {
    bed.write("peoplesync.toml", config(target));
    bed.write("people.csv", [HEADER, &person(3)].concat());
    bed.run(&["apply", "--yes"]).expect(0);
    leave_open(bed, &[1, 2]);
    bed.simulator().seed(Resource::User, [account(1)]).unwrap();
    bed.write("people.csv", [HEADER, &person(1), &person(2), &person(3)].concat());
    settled(bed, 3);
}

#[test]
fn lost_creations_are_looked_up_by_what_the_target_can_search_by() {
    let zoom = "[target.overrides]\nfilter = { attributes = [\"userName\", \"emails\"] }\n";
    let mut habits = profile("generic");
    habits.filter.attributes = vec!["userName".to_owned(), "emails".to_owned()];
    lost(&Bed::with_profile(&habits), zoom);

    let none = "[target.overrides]\nfilter = { supported = false }\n";
    habits.filter.supported = false;
    lost(&Bed::with_profile(&habits), none);
    // It does not say that it refuses some.
    lost(&Bed::with_profile(&habits), "");
}

#[test]
fn where_the_target_does_not_tell_the_creation_stays_open_and_nobody_else_waits() {
    let mut habits = profile("generic");
    habits.filter.supported = false;
    habits.list.complete = false;
    let bed = Bed::with_profile(&habits);
    let target =
        "[target.overrides]\nfilter = { supported = false }\nlist = { complete = false }\n";
    bed.write("peoplesync.toml", config(target).replace("[people]\n", "[people]\nmatch = []\n"));
    bed.write("people.csv", [HEADER, &person(3)].concat());
    bed.run(&["apply", "--yes"]).expect(0);
    leave_open(&bed, &[1]);
    bed.write("people.csv", [HEADER, &person(3), &person(4)].concat());
    let told = || bed.redact(&bed.run(&["apply", "--yes"]).expect(0).stderr);
    let first = told();
    assert_eq!(told(), first);
    insta::assert_snapshot!(first, @"
        an earlier apply was interrupted; looking up the change that it left open at the target
        of 1 of them the target does not tell what came of it, so the next run looks again: GET /Users: the target cannot search, and its list ended early
        ");
    assert_eq!(bed.simulator().count(Resource::User), 2);
}

#[test]
fn a_lost_creation_takes_the_place_of_the_account_that_was_gone() {
    let bed = Bed::new();
    let remove = |n: &str| {
        let users = bed.simulator().users();
        let user = users.iter().find(|user| user["externalId"] == n).unwrap();
        bed.simulator().remove(Resource::User, user["id"].as_str().unwrap()).unwrap();
    };
    bed.write("peoplesync.toml", config(""));
    bed.write("people.csv", [HEADER, &person(1), &person(2)].concat());
    bed.run(&["apply", "--yes"]).expect(0);
    remove("1");
    remove("2");
    leave_open(&bed, &[1, 2]);
    bed.simulator().seed(Resource::User, [account(1)]).unwrap();
    settled(&bed, 2);
}

#[test]
fn an_account_that_was_created_again_is_kept_although_its_second_step_fails() {
    let fails = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&fails);
    let bed = Bed::with(Behaviour::default(), move |request| {
        let is_second = request.method == "PATCH" && switch.load(Ordering::Acquire);
        is_second.then(|| Fault::status(500))
    });
    bed.write("peoplesync.toml", config(""));
    bed.write("people.csv", [HEADER, &person(1)].concat());
    bed.run(&["apply", "--yes"]).expect(0);
    let id = bed.simulator().users()[0]["id"].as_str().unwrap().to_owned();
    bed.simulator().remove(Resource::User, &id).unwrap();
    // Their manager is new, so that a reference is written in a second step.
    let managed = person(1).replace(",active,", ",active,2");
    bed.write("people.csv", [HEADER, &managed, &person(2)].concat());
    fails.store(true, Ordering::Release);
    bed.run(&["apply", "--yes", "--full"]).expect(5);
    assert_eq!(bed.simulator().count(Resource::User), 2);
    fails.store(false, Ordering::Release);
    settled(&bed, 2);
}

/// A service that finds who was meant by a mail address, and answers with that account.
#[test]
fn an_answer_with_the_account_of_somebody_who_is_linked_fails_that_change_alone() {
    let rule = |method: &str, body: Json| Rule {
        method: method.to_owned(),
        path: "/Users".to_owned(),
        status: if method == "POST" { "201" } else { "200" }.to_owned(),
        media_type: "application/scim+json".to_owned(),
        body: body.to_string().into_bytes(),
    };
    let nobody = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0, "Resources": [],
    });
    let answer = json!({ "id": "7", "userName": "u1@example.com", "externalId": "" });
    let target = Canned::start(vec![rule("GET", nobody), rule("POST", answer)]);
    let bed = Bed::new();
    let run = |people: &[usize]| {
        let people: String = people.iter().map(|n| person(*n)).collect();
        bed.write("people.csv", format!("{HEADER}{people}"));
        let mut command = bed.command(&["apply", "--yes"]);
        ran(command.env("PEOPLESYNC_TARGET__URL", target.url()))
    };
    bed.write("peoplesync.toml", config("").replace("externalId = \"id\"\n", ""));
    run(&[1]).expect(0);
    let second = run(&[1, 2, 3]).expect(5);
    let told = second.stdout.matches("belongs to somebody else").count();
    assert_eq!(told, 2, "{}{}", second.stdout, second.stderr);
    run(&[1]).expect(0);
}

/// The first request is not heard of again, is not found yet either, and is there when it is sent once more.
#[test]
fn a_creation_that_is_found_only_when_it_is_refused_as_there_already_is_ours() {
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel::<()>();
    let ends = Mutex::new((ask, answered, 0));
    let bed = Bed::with_faults(move |request| {
        let mut ends = ends.lock().unwrap();
        if request.method != "POST" {
            return None;
        }
        ends.2 += 1;
        if ends.2 == 2 {
            ends.0.send(()).unwrap();
            ends.1.recv().unwrap();
        }
        (ends.2 == 1).then_some(Fault::DropBefore)
    });
    bed.write("peoplesync.toml", config(""));
    bed.write("people.csv", [HEADER, &person(1)].concat());
    std::thread::scope(|scope| {
        let bed = &bed;
        scope.spawn(move || {
            asked.recv().unwrap();
            bed.simulator().seed(Resource::User, [account(1)]).unwrap();
            answer.send(()).unwrap();
        });
        bed.run(&["apply", "--yes"]).expect(0);
    });
    settled(&bed, 1);
}
