//! Each fault in each phase of an apply: whatever is made of it, one rerun ends converged, nobody exists twice, and nobody is
//! lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use peoplesync_scim::Resource;
use peoplesync_simulator::{Behaviour, Fault, Request, RetryAfter};
use serde_json::Value as Json;

use super::harness::{Bed, NO_GUARDS};

/// What goes wrong, and how many requests of the phase in a row.
fn faults() -> Vec<(&'static str, u32, Fault)> {
    let too_many = Fault::Answer { status: 429, retry_after: Some(RetryAfter::Seconds(0)) };
    vec![
        ("reset before it was carried out", 1, Fault::DropBefore),
        ("reset after it was carried out", 1, Fault::DropAfter),
        ("time-out", 1, Fault::LateAnswer(Duration::from_millis(1500))),
        ("500", 1, Fault::status(500)),
        ("502 with HTML", 1, Fault::Page { status: 502 }),
        ("404 with HTML", 1, Fault::Page { status: 404 }),
        ("truncated JSON", 1, Fault::Truncated),
        ("429 storm", 6, too_many),
        ("answered twice", 1, Fault::Twice),
    ]
}

const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const CONFIG: &str = r#"
[source]
kind = "csv"
settings = { path = "people.csv", key = "id" }

[target]
url = "http://127.0.0.1:1/"
auth = { bearer = { env = "SCIM_TOKEN" } }
timeout_secs = 1
retries = 2

[people.attributes]
externalId = "id"
userName = "mail"
title = { value = "title", on_empty = "clear" }
active = 'status = "active"'
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" = { reference = "manager" }

[groups]
from = "team"
on_absent = "delete"
"#;

/// Four who stay; each round one who is new, one who leaves, a new title, a new manager, somebody who changes teams, and somebody
/// who is back.
fn people(round: usize) -> String {
    let mut text = "id,mail,title,status,manager,team\n".to_owned();
    let team = if round.is_multiple_of(2) { "even" } else { "odd" };
    for (id, title, manager, team) in [
        ("1", format!("Title {round}"), String::new(), "all"),
        ("2", "Lead".to_owned(), format!("new{round}"), "all"),
        ("3", "Lead".to_owned(), "2".to_owned(), team),
        ("4", "Lead".to_owned(), "1".to_owned(), "all"),
        (&format!("new{round}"), "New".to_owned(), "1".to_owned(), "all"),
    ] {
        writeln!(text, "{id},u{id}@example.com,{title},active,{manager},{team}").unwrap();
    }
    // Two who take turns; both were there at first.
    for (turn, id) in [(0, "x"), (1, "y")] {
        if round == 0 || round % 2 == turn {
            writeln!(text, "{id},u{id}@example.com,Turn,active,,all").unwrap();
        }
    }
    text
}

/// Plays all faults in the requests that `phase` picks. `line` is the apply that meets them.
#[track_caller]
fn check(
    behaviour: Behaviour,
    extra: &str,
    line: &[&str],
    phase: impl Fn(&Request) -> bool + Send + Sync + 'static,
) {
    let armed: Arc<Mutex<(u32, Option<Fault>)>> = Arc::default();
    let weapon = Arc::clone(&armed);
    let bed = Bed::with(behaviour, move |request| {
        let mut armed = weapon.lock().unwrap();
        let hits = armed.0 > 0 && phase(request);
        armed.0 -= u32::from(hits);
        armed.1.clone().filter(|_| hits)
    });
    bed.write("peoplesync.toml", format!("{CONFIG}{extra}{NO_GUARDS}"));
    for round in 0..2 {
        bed.write("people.csv", people(round));
        bed.run(&["apply", "--yes"]).expect(0);
    }
    for (round, (name, times, fault)) in (2..).zip(faults()) {
        bed.write("people.csv", people(round));
        *armed.lock().unwrap() = (times, Some(fault));
        let tried = bed.run(line);
        assert!(matches!(tried.code, 0 | 4 | 5), "{name}: {}{}", tried.stdout, tried.stderr);
        let left = std::mem::take(&mut *armed.lock().unwrap()).0;
        assert!(left < times, "{name}: nothing met it:\n{}{}", tried.stdout, tried.stderr);
        let again = bed.run(&["apply", "--yes"]);
        assert_eq!(again.code, 0, "{name}: {}{}", again.stdout, again.stderr);
        let full = bed.run(&["plan", "--full"]);
        assert_eq!(full.code, 0, "{name}: {}{}", full.stdout, full.stderr);
        converged(&bed, round, name);
    }
}

/// Everybody of the round is there once and as wanted, and so are the teams.
#[track_caller]
fn converged(bed: &Bed, round: usize, name: &str) {
    let users = bed.simulator().users();
    let names: BTreeSet<&str> = users.iter().map(|user| text(user, "userName")).collect();
    assert_eq!(names.len(), users.len(), "{name}: somebody exists twice");
    let ids: BTreeMap<&str, &str> =
        users.iter().map(|user| (text(user, "id"), text(user, "externalId"))).collect();
    let mut found = String::new();
    let mut active: Vec<&Json> = users.iter().filter(|user| user["active"] == true).collect();
    active.sort_by_key(|user| text(user, "externalId"));
    let groups = bed.simulator().resources(Resource::Group);
    let mut teams: BTreeMap<&str, &str> = BTreeMap::new();
    for group in &groups {
        for member in group["members"].as_array().into_iter().flatten() {
            let earlier = teams.insert(ids[text(member, "value")], text(group, "displayName"));
            assert_eq!(earlier, None, "{name}: somebody is in two teams");
        }
    }
    found.push_str("id,mail,title,status,manager,team\n");
    for user in active {
        let id = text(user, "externalId");
        let manager = user[EXTENSION]["manager"]["value"].as_str().map_or("", |id| ids[id]);
        let (mail, title) = (text(user, "userName"), text(user, "title"));
        writeln!(found, "{id},{mail},{title},active,{manager},{}", teams[id]).unwrap();
    }
    assert_eq!(found, people(round), "{name}");
}

fn text<'j>(value: &'j Json, name: &str) -> &'j str {
    value[name].as_str().unwrap_or_default()
}

const APPLY: &[&str] = &["apply", "--yes"];

fn is(request: &Request, method: &str, place: &str) -> bool {
    request.method == method && request.path.starts_with(place)
}

fn says(request: &Request, word: &str) -> bool {
    String::from_utf8_lossy(request.raw_body()).contains(word)
}

#[test]
fn faults_of_discovery() {
    check(Behaviour::default(), "", &["apply", "--yes", "--full"], |request| {
        is(request, "GET", "/ServiceProviderConfig")
    });
}

#[test]
fn faults_of_the_list() {
    check(Behaviour::default(), "", &["apply", "--yes", "--full"], |request| {
        is(request, "GET", "/Users")
            && request.query.as_ref().is_some_and(|query| query.contains("count="))
    });
}

#[test]
fn faults_of_looking_up() {
    check(Behaviour::default(), "", APPLY, |request| {
        is(request, "GET", "/Users")
            && request.query.as_ref().is_some_and(|query| query.contains("filter="))
    });
}

#[test]
fn faults_of_creating() {
    check(Behaviour::default(), "", APPLY, |request| is(request, "POST", "/Users"));
}

#[test]
fn faults_of_updating_by_patch() {
    check(Behaviour::default(), "", APPLY, |request| {
        is(request, "PATCH", "/Users/") && says(request, "Title")
    });
}

#[test]
fn faults_of_updating_by_put() {
    let behaviour = Behaviour { patch: false, ..Behaviour::default() };
    check(behaviour, "", APPLY, |request| is(request, "PUT", "/Users/") && says(request, "Title"));
}

#[test]
fn faults_of_taking_out_of_use() {
    check(Behaviour::default(), "", APPLY, |request| {
        is(request, "PATCH", "/Users/") && says(request, "active")
    });
}

#[test]
fn faults_of_deleting() {
    check(Behaviour::default(), "[leavers]\naction = \"delete\"\n", APPLY, |request| {
        is(request, "DELETE", "/Users/")
    });
}

#[test]
fn faults_of_naming_a_manager_who_is_new() {
    check(Behaviour::default(), "", APPLY, |request| {
        is(request, "PATCH", "/Users/") && says(request, "manager")
    });
}

#[test]
fn faults_of_taking_into_use_again() {
    check(Behaviour::default(), "", APPLY, |request| {
        is(request, "PATCH", "/Users/") && says(request, "active") && says(request, "true")
    });
}

/// Before an account is replaced, it is read.
#[test]
fn faults_of_reading_one_account() {
    let behaviour = Behaviour { patch: false, ..Behaviour::default() };
    check(behaviour, "", APPLY, |request| is(request, "GET", "/Users/"));
}

#[test]
fn faults_of_the_list_of_groups() {
    check(Behaviour::default(), "", &["apply", "--yes", "--full"], |request| {
        is(request, "GET", "/Groups")
    });
}

#[test]
fn faults_of_creating_groups() {
    check(Behaviour::default(), "", APPLY, |request| is(request, "POST", "/Groups"));
}

#[test]
fn faults_of_changing_members() {
    check(Behaviour::default(), "", APPLY, |request| {
        is(request, "PATCH", "/Groups/") && says(request, "members")
    });
}

/// Before a group is replaced with its members, it is read.
#[test]
fn faults_of_reading_one_group() {
    let behaviour = Behaviour { patch: false, ..Behaviour::default() };
    check(behaviour, "", APPLY, |request| is(request, "GET", "/Groups/"));
}

#[test]
fn faults_of_changing_members_by_put() {
    let behaviour = Behaviour { patch: false, ..Behaviour::default() };
    check(behaviour, "", APPLY, |request| is(request, "PUT", "/Groups/"));
}

#[test]
fn faults_of_asking_for_the_groups_of_a_member() {
    let never = "[target.overrides.groups]\nmembers = \"never\"\n";
    check(Behaviour::default(), never, &["apply", "--yes", "--full"], |request| {
        is(request, "GET", "/Groups")
            && request.query.as_ref().is_some_and(|query| query.contains("members.value"))
    });
}

#[test]
fn faults_of_deleting_groups() {
    check(Behaviour::default(), "", APPLY, |request| is(request, "DELETE", "/Groups/"));
}
