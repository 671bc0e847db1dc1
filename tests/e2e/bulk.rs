//! Many changes in one request, where the target takes them: whatever becomes of such a request, what is planned is done, nobody
//! exists twice, and nobody is lost.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use peoplesync_scim::Resource;
use peoplesync_simulator::{Behaviour, Bulk, Fault, Request, RetryAfter};
use serde_json::Value as Json;

use super::dice::Dice;
use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS};

const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ALWAYS: &str = "[target.overrides.bulk]\nuse = \"always\"\n";
const PEOPLE: usize = 200;

/// Everybody's manager is somebody else; the last two are each other's.
fn people(count: usize, title: &str) -> String {
    let mut text = HEADER.to_owned();
    for n in 0..count {
        let manager = if n + 1 < count { n + 1 } else { n - 1 };
        writeln!(text, "{n},First{n},Łast{n},u{n}@example.com,{title},active,{manager}").unwrap();
    }
    text
}

fn behaviour(bulk: Bulk) -> Behaviour {
    Behaviour { bulk: Some(bulk), ..Behaviour::default() }
}

fn bed(
    behaviour: Behaviour,
    extra: &str,
    faults: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static,
) -> Bed {
    let bed = Bed::with(behaviour, faults);
    bed.write("peoplesync.toml", format!("{CONFIG}{extra}{NO_GUARDS}"));
    bed
}

/// How many single requests that change something, and how many bulk requests came since the last time.
fn writes(bed: &Bed) -> (usize, usize) {
    let requests = bed.simulator().take_requests();
    let writes = requests.iter().filter(|request| request.method != "GET");
    let (bulk, single): (Vec<&Request>, _) = writes.partition(|request| request.path == "/Bulk");
    (single.len(), bulk.len())
}

/// Everybody is there once, as wanted, with the right manager; and a plan is empty.
#[track_caller]
fn converged(bed: &Bed, count: usize, title: &str) {
    for line in [&["plan"][..], &["plan", "--full"]] {
        bed.run(line).expect(0);
    }
    let users = bed.simulator().users();
    let names: BTreeSet<&str> =
        users.iter().map(|user| user["userName"].as_str().unwrap()).collect();
    assert_eq!((users.len(), names.len()), (count, count));
    for user in &users {
        assert_eq!(user["title"], title);
        let manager = &user[EXTENSION]["manager"]["value"];
        let manager = users.iter().find(|other| other["id"] == *manager).unwrap();
        let number = |user: &Json| user["externalId"].as_str().unwrap().parse::<usize>().unwrap();
        let (own, theirs) = (number(user), number(manager));
        assert_eq!(theirs, if own + 1 < count { own + 1 } else { own - 1 });
    }
}

#[test]
fn a_load_and_a_change_of_everybody_take_few_requests() {
    let bed = bed(behaviour(Bulk::default()), "", |_| None);
    bed.write("people.csv", people(PEOPLE, "Engineer"));
    bed.run(&["apply", "--yes"]).expect(0);
    let (single, bulk) = writes(&bed);
    // The first ones go by themselves, to see how long that takes.
    assert!((16..60).contains(&single) && bulk <= 40, "{single} single and {bulk} bulk requests");
    converged(&bed, PEOPLE, "Engineer");
    bed.write("people.csv", people(PEOPLE, "Lead"));
    bed.run(&["apply", "--yes"]).expect(0);
    let (single, bulk) = writes(&bed);
    assert!((16..60).contains(&single) && bulk <= 40, "{single} single and {bulk} bulk requests");
    converged(&bed, PEOPLE, "Lead");
    bed.write("people.csv", people(2, "Lead"));
    bed.run(&["apply", "--yes"]).expect(0);
    let users = bed.simulator().users();
    assert_eq!(users.iter().filter(|user| user["active"] == true).count(), 2);
}

#[test]
fn a_manager_who_is_new_goes_along_with_whom_they_manage() {
    let bed = bed(behaviour(Bulk::default()), ALWAYS, |_| None);
    let config = format!("{CONFIG}{ALWAYS}");
    bed.write("peoplesync.toml", config.replace("[people]", "concurrency = 1\n\n[people]"));
    bed.write("people.csv", people(20, "Engineer"));
    bed.run(&["apply", "--yes"]).expect(0);
    let requests = bed.simulator().requests();
    let mut lines = String::new();
    for request in requests.iter().filter(|request| request.method != "GET") {
        writeln!(lines, "{request}").unwrap();
        let body = request.body().unwrap();
        for operation in body["Operations"].as_array().unwrap() {
            let manager = &operation["data"][EXTENSION]["manager"]["value"];
            let shown = manager.as_str().unwrap_or("-");
            writeln!(lines, "  {} {} -> {shown}", operation["method"], operation["bulkId"])
                .unwrap();
        }
    }
    insta::assert_snapshot!(bed.redact(&lines));
    converged(&bed, 20, "Engineer");
    let history = bed.run(&["history", "--person", "3", "--json"]).expect(0);
    assert!(history.stdout.contains("manager"), "{}", history.stdout);
}

#[test]
fn a_target_that_does_not_serve_them_after_all_is_sent_single_requests() {
    for fault in [Fault::status(501), Fault::Page { status: 404 }, Fault::Page { status: 200 }] {
        let bed = bed(behaviour(Bulk::default()), ALWAYS, move |request| {
            (request.path == "/Bulk").then(|| fault.clone())
        });
        bed.write("people.csv", people(40, "Engineer"));
        let ran = bed.run(&["apply", "--yes"]).expect(0);
        let said = "single requests were sent instead of bulk requests: POST /Bulk with ";
        assert_eq!(ran.stderr.matches(said).count(), 1, "{}", ran.stderr);
        assert!(writes(&bed).1 <= 8);
        converged(&bed, 40, "Engineer");
    }
}

#[test]
fn the_limits_of_the_target_are_kept() {
    let limits = Bulk { max_operations: 5, max_payload: 1500, bodies: true };
    let bed = bed(behaviour(limits), "", |_| None);
    bed.write("people.csv", people(PEOPLE, "Engineer"));
    bed.run(&["apply", "--yes"]).expect(0);
    let requests = bed.simulator().requests();
    let bulk: Vec<&Request> = requests.iter().filter(|request| request.path == "/Bulk").collect();
    assert!(bulk.len() > 40, "{}", bulk.len());
    for request in bulk {
        let operations = request.body().unwrap()["Operations"].as_array().unwrap().len();
        assert!(operations <= 5 && request.raw_body().len() <= 1500);
        assert_eq!(request.status, Some(200));
    }
    converged(&bed, PEOPLE, "Engineer");
}

#[test]
fn one_bad_operation_stops_nobody_else() {
    let refuses = |request: &Request| {
        let is_bad = String::from_utf8_lossy(request.raw_body()).contains("\"u7@example.com\"");
        (is_bad && request.path == "/Users").then(|| Fault::status(400))
    };
    let bed = bed(behaviour(Bulk::default()), ALWAYS, refuses);
    bed.write("people.csv", people(40, "Engineer"));
    let ran = bed.run(&["apply", "--yes", "--json"]).expect(5);
    let changes = ran.json()["changes"].as_array().unwrap().clone();
    let failed: Vec<&Json> =
        changes.iter().filter(|change| change["outcome"] == "failed").collect();
    let keys: Vec<&str> = failed.iter().map(|change| change["key"].as_str().unwrap()).collect();
    // Whose manager is missing is told as well.
    assert_eq!(keys, ["6", "7"]);
    assert_eq!(bed.simulator().count(Resource::User), 39);
}

#[test]
fn an_account_that_somebody_else_changed_is_left_alone() {
    let armed = Arc::new(AtomicBool::new(false));
    let weapon = Arc::clone(&armed);
    let bed = bed(behaviour(Bulk::default()), ALWAYS, move |request| {
        let hits = weapon.load(Ordering::Acquire) && request.method == "PATCH";
        hits.then_some(Fault::Answer { status: 412, retry_after: None })
    });
    bed.write("people.csv", people(20, "Engineer"));
    bed.run(&["apply", "--yes"]).expect(0);
    armed.store(true, Ordering::Release);
    bed.write("people.csv", people(20, "Lead"));
    let ran = bed.run(&["apply", "--yes"]).expect(5);
    assert!(ran.stdout.contains("a precondition of the target does not hold"), "{}", ran.stdout);
    armed.store(false, Ordering::Release);
    bed.run(&["apply", "--yes"]).expect(0);
    converged(&bed, 20, "Lead");
}

/// One bulk request in five goes wrong as a whole, and one operation in ten by itself.
fn fault(dice: &mut Dice, request: &Request) -> Option<Fault> {
    let at_once = Some(RetryAfter::Seconds(0));
    if request.path != "/Bulk" {
        return match dice.roll(20) {
            0 => Some(Fault::Answer { status: 429, retry_after: at_once }),
            1 => Some(Fault::status(503)),
            _ => None,
        };
    }
    match dice.roll(30) {
        0 => Some(Fault::Answer { status: 429, retry_after: at_once }),
        1 => Some(Fault::status(503)),
        2 => Some(Fault::DropBefore),
        3 => Some(Fault::DropAfter),
        4 => Some(Fault::Truncated),
        5 => Some(Fault::Twice),
        6 => Some(Fault::status(413)),
        7 => Some(Fault::Page { status: 502 }),
        _ => None,
    }
}

#[test]
fn whatever_becomes_of_bulk_requests_a_rerun_converges() {
    for seed in 0..4 {
        let on = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&on);
        let dice = Mutex::new(Dice(seed));
        let limits = Bulk { max_operations: 8, bodies: seed % 2 == 0, ..Bulk::default() };
        let bed = bed(behaviour(limits), ALWAYS, move |request| {
            let on = switch.load(Ordering::Acquire) && request.method != "GET";
            on.then(|| fault(&mut dice.lock().unwrap(), request)).flatten()
        });
        for title in ["Engineer", "Lead"] {
            bed.write("people.csv", people(40, title));
            on.store(true, Ordering::Release);
            let tried = bed.run(&["apply", "--yes"]);
            assert!(matches!(tried.code, 0 | 4 | 5), "seed {seed}: {}", tried.stderr);
            on.store(false, Ordering::Release);
            bed.run(&["apply", "--yes"]).expect(0);
            converged(&bed, 40, title);
        }
    }
}

#[test]
fn killed_between_bulk_requests_nobody_is_lost_and_nobody_exists_twice() {
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let limits = Bulk { max_operations: 6, ..Bulk::default() };
        let bed = bed(behaviour(limits), ALWAYS, |_| None);
        for title in ["Engineer", "Lead"] {
            bed.write("people.csv", people(40, title));
            super::crash::kill(&bed, dice.roll(20));
            bed.run(&["apply", "--yes"]).expect(0);
            converged(&bed, 40, title);
        }
    }
}

#[test]
fn a_bulk_request_that_takes_too_long_is_looked_up() {
    let late = Arc::new(AtomicBool::new(true));
    let once = Arc::clone(&late);
    let extra = format!("timeout_secs = 1\nretries = 1\n{ALWAYS}");
    let config = CONFIG.replace("[people]", &format!("{extra}\n[people]"));
    let bed = Bed::with(behaviour(Bulk::default()), move |request| {
        let hits = request.path == "/Bulk" && once.swap(false, Ordering::AcqRel);
        hits.then(|| Fault::LateAnswer(Duration::from_millis(1500)))
    });
    bed.write("peoplesync.toml", format!("{config}{NO_GUARDS}"));
    bed.write("people.csv", people(30, "Engineer"));
    bed.run(&["apply", "--yes"]).expect(0);
    assert!(!late.load(Ordering::Acquire));
    converged(&bed, 30, "Engineer");
}

#[test]
fn members_of_groups_go_along_as_well() {
    let bed =
        bed(behaviour(Bulk::default()), &format!("{ALWAYS}[groups]\nfrom = 'title'\n"), |_| None);
    let teams = |shift: usize| {
        let mut text = HEADER.to_owned();
        for n in 0..60 {
            writeln!(text, "{n},F,L,u{n}@example.com,Team {},active,", (n + shift) / 3 % 20)
                .unwrap();
        }
        text
    };
    for shift in [0, 1] {
        bed.write("people.csv", teams(shift));
        bed.run(&["apply", "--yes"]).expect(0);
        let (single, bulk) = writes(&bed);
        // Who is alone at the moment at which something is sent goes by themselves.
        assert!(single < 10 && bulk < 40, "{single} single and {bulk} bulk requests");
        bed.run(&["plan", "--full"]).expect(0);
        let groups = bed.simulator().resources(Resource::Group);
        let members = groups.iter().map(|group| group["members"].as_array().unwrap().len());
        assert_eq!(members.collect::<Vec<_>>(), [3; 20]);
    }
}
