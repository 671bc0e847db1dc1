//! Somebody else changes an account between the plan and its write: ETags tell (RFC 7644 §3.14), and nothing is overwritten
//! that the plan did not show.

use std::sync::{Arc, Mutex};

use peoplesync_scim::Resource;
use peoplesync_simulator::{Behaviour, Fault, Request};
use serde_json::{Value as Json, json};

use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS};

fn people(title: &str, more: &str) -> String {
    format!("{HEADER}1,Ada,Lovelace,ada@example.com,{title},active,\n{more}")
}

/// Loads two people, changes a title, and while that is being written, somebody else changes `theirs`.
fn check(behaviour: Behaviour, theirs: &'static str, value: Json) -> (Bed, super::harness::Ran) {
    let gate: Arc<Mutex<bool>> = Arc::default();
    let open = Arc::clone(&gate);
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    let (answer, answered) = std::sync::mpsc::channel::<()>();
    let ends = Mutex::new((ask, answered));
    let bed = Bed::with(behaviour, move |request: &Request| {
        let mut open = open.lock().unwrap();
        if *open && matches!(request.method.as_str(), "PATCH" | "PUT" | "DELETE") {
            *open = false;
            let ends = ends.lock().unwrap();
            ends.0.send(()).unwrap();
            ends.1.recv().unwrap();
        }
        None
    });
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}"));
    bed.write("people.csv", people("Engineer", "2,Bob,Builder,bob@example.com,,active,\n"));
    bed.run(&["apply", "--yes"]).expect(0);
    bed.write("people.csv", people("Lead", "2,Bob,Builder,bob@example.com,,active,\n"));
    let users = bed.simulator().users();
    let id = users.iter().find(|user| user["externalId"] == "1").unwrap()["id"].clone();
    *gate.lock().unwrap() = true;
    let ran = std::thread::scope(|scope| {
        let bed = &bed;
        let edit = scope.spawn(move || {
            asked.recv().unwrap();
            let change = |user: &mut Json| user[theirs] = value;
            bed.simulator().edit(Resource::User, id.as_str().unwrap(), change).unwrap();
            answer.send(()).unwrap();
        });
        let ran = bed.run(&["apply", "--yes"]);
        edit.join().unwrap();
        ran
    });
    (bed, ran)
}

fn title(bed: &Bed) -> Json {
    let users = bed.simulator().users();
    users.iter().find(|user| user["externalId"] == "1").unwrap()["title"].clone()
}

fn statuses(bed: &Bed) -> Vec<Option<u16>> {
    let requests = bed.simulator().requests();
    requests
        .iter()
        .filter(|request| request.method == "PATCH")
        .map(|request| request.status)
        .collect()
}

#[test]
fn what_was_planned_is_written_when_the_account_has_moved_in_other_places() {
    let (bed, ran) = check(Behaviour::default(), "nickName", json!("Countess"));
    ran.expect(0);
    assert_eq!(title(&bed), "Lead");
    assert_eq!(statuses(&bed), [Some(412), Some(200)]);
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn what_somebody_else_has_changed_is_not_overwritten_unseen() {
    let (bed, ran) = check(Behaviour::default(), "title", json!("Countess"));
    let ran = ran.expect(5);
    assert!(
        ran.stdout.contains("title was changed at the target after this was planned"),
        "{}",
        ran.stdout
    );
    assert_eq!(title(&bed), "Countess");
    // The next run shows it.
    let plan = bed.run(&["plan", "--json"]).expect(10).json();
    assert_eq!(plan["changes"][0]["attributes"][0]["before"], "Countess");
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(title(&bed), "Lead");
}

#[test]
fn what_somebody_else_has_done_already_is_done() {
    let (bed, ran) = check(Behaviour::default(), "title", json!("Lead"));
    ran.expect(0);
    assert_eq!(statuses(&bed), [Some(412)]);
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn a_service_without_versions_takes_the_write_as_it_comes() {
    let behaviour = Behaviour { etag: false, ..Behaviour::default() };
    let (bed, ran) = check(behaviour, "title", json!("Countess"));
    ran.expect(0);
    assert_eq!(title(&bed), "Lead");
}

#[test]
fn a_delete_that_a_rule_of_the_target_refuses_is_not_told_as_a_change_by_somebody_else() {
    let bed = Bed::with_faults(|request| (request.method == "DELETE").then(|| Fault::status(412)));
    let leavers = "[leavers]\naction = \"delete\"\n";
    bed.write("peoplesync.toml", format!("{CONFIG}{leavers}{NO_GUARDS}"));
    bed.write("people.csv", people("Lead", "2,Bob,Builder,bob@example.com,,active,\n"));
    bed.run(&["apply", "--yes"]).expect(0);
    bed.write("people.csv", people("Lead", ""));
    // A full run reads the account, so that it knows its version.
    let ran = bed.run(&["apply", "--yes", "--full"]).expect(5);
    assert!(ran.stdout.contains("a precondition of the target does not hold"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("was changed at the target"), "{}", ran.stdout);
}

/// Ids are unique in one kind of resource only, and numbers often are not beyond.
#[test]
fn a_group_with_the_id_of_a_person_has_no_version_of_theirs() {
    let bed = Bed::new();
    let groups = |name: &str| {
        bed.write("groups.csv", format!("id,name,members\ng,{name},1\n"));
    };
    let own = r#"
[groups]
source = { kind = "csv", settings = { path = "groups.csv", key = "id" } }
members = "members"
[groups.attributes]
externalId = "id"
displayName = "name"
"#;
    bed.write("peoplesync.toml", format!("{CONFIG}{own}{NO_GUARDS}"));
    bed.write("people.csv", people("Engineer", ""));
    groups("Staff");
    let ada = json!({ "id": "7", "userName": "ada@example.com", "externalId": "1" });
    bed.simulator().seed(Resource::User, [ada]).unwrap();
    let staff = json!({ "id": "7", "displayName": "Staff", "externalId": "g" });
    bed.simulator().seed(Resource::Group, [staff]).unwrap();
    bed.run(&["apply", "--yes"]).expect(0);
    // Its version is another than the group's.
    bed.simulator().edit(Resource::User, "7", |user| user["title"] = json!("Countess")).unwrap();
    bed.write("people.csv", people("Lead", ""));
    groups("Everybody");
    bed.run(&["apply", "--yes", "--full"]).expect(0);
    assert_eq!(bed.simulator().resources(Resource::Group)[0]["displayName"], "Everybody");
}
