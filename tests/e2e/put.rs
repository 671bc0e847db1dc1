//! A target without PATCH: accounts are read, merged and replaced, and what others wrote stays.

use peoplesync_scim::Resource;
use peoplesync_simulator::Behaviour;
use serde_json::json;

use super::harness::{Bed, CONFIG, HEADER};

#[test]
fn a_target_without_patch_is_written_by_put_and_keeps_what_is_not_managed() {
    let bed = Bed::with(Behaviour { patch: false, ..Behaviour::default() }, |_| None);
    bed.write("peoplesync.toml", format!("{CONFIG}\n[history]\nvalues = true\n"));
    let people = |title: &str, mail: &str| {
        format!(
            "{HEADER}1,Ada,Lovelace,{mail},{title},active,2\n2,Grace,Hopper,grace@example.com,,active,\n"
        )
    };
    bed.write("people.csv", people("Engineer", "ada@example.com"));
    bed.run(&["apply", "--yes"]).expect(0);
    let id = bed.run(&["links", "show", "1", "--json"]).expect(0).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let edited = bed.simulator().edit(Resource::User, &id, |user| {
        user["nickName"] = json!("Countess");
        user["phoneNumbers"] = json!([{ "type": "work", "value": "+44 20 7946 0001" }]);
    });
    assert!(edited.unwrap());

    assert!(!bed.simulator().take_requests().is_empty());
    bed.write("people.csv", people("", "ada.lovelace@example.com"));
    bed.run(&["apply", "--yes"]).expect(0);
    bed.run(&["plan", "--full"]).expect(0);
    let methods: Vec<String> = bed
        .simulator()
        .take_requests()
        .iter()
        .filter(|request| request.method != "GET")
        .map(|request| request.method.clone())
        .collect();
    assert_eq!(methods, ["PUT"]);
    let account = bed.simulator().get(Resource::User, &id).unwrap();
    assert_eq!(account["nickName"], "Countess");
    assert_eq!(account["phoneNumbers"][0]["value"], "+44 20 7946 0001");
    assert_eq!(account["emails"], json!([{ "type": "work", "value": "ada.lovelace@example.com" }]));
    assert_eq!(account.get("title"), None);

    // With history.values = true, old and new stand in full.
    let history = bed.run(&["history", "--person", "1", "--json", "--limit", "1"]).expect(0).json();
    let title = history[0]["attributes"].as_array().unwrap();
    let title = title.iter().find(|attribute| attribute["path"] == "title").unwrap();
    assert_eq!((&title["before"], &title["after"]), (&json!("Engineer"), &json!(null)));
}
