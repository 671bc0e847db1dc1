//! Random values and the time: what a saved plan shows is what its apply writes, and no later run writes it again.

use serde_json::Value as Json;

use super::harness::{Bed, CONFIG, HEADER};

/// What a plan gives an attribute of the account with this key.
fn planned(plan: &Json, key: &str, path: &str) -> String {
    let changes = plan["changes"].as_array().unwrap();
    let change = changes.iter().find(|change| change["key"] == key).unwrap();
    let attributes = change["attributes"].as_array().unwrap();
    let attribute = attributes.iter().find(|attribute| attribute["path"] == path).unwrap();
    attribute["after"].as_str().unwrap().to_owned()
}

#[test]
fn a_saved_plan_writes_the_random_values_and_the_time_that_it_shows() {
    let bed = Bed::new();
    let config = CONFIG.replace(
        "active = 'status = \"active\"'",
        "active = 'status = \"active\"'\n\
         nickName = { value = 'Guid()', when = \"create\" }\n\
         locale = { value = 'RandomString(12, 4, 0, 4, 4)', when = \"create\" }\n\
         timezone = { value = 'FormatDateTime(Now(), , \"M/d/yyyy h:mm:ss tt\", \"o\")', when = \"create\" }",
    );
    bed.write("peoplesync.toml", config);
    let ada = "1,Ada,Lovelace,ada@example.com,Lead,active,\n";
    let grace = "2,Grace,Hopper,grace@example.com,Lead,active,\n";
    bed.write("people.csv", format!("{HEADER}{ada}{grace}"));
    let plan = bed.run(&["plan", "--out", "saved.json", "--json"]).expect(10).json();
    let again = bed.run(&["plan", "--json"]).expect(10).json();
    let guid = planned(&plan, "1", "nickName");
    assert_ne!(guid, planned(&plan, "2", "nickName"), "each person has a value of their own");
    assert_eq!(guid, planned(&again, "1", "nickName"), "a person has the same one in each plan");

    bed.run(&["apply", "saved.json", "--yes"]).expect(0);
    let users = bed.simulator().users();
    for (key, mail) in [("1", "ada@example.com"), ("2", "grace@example.com")] {
        let user = users.iter().find(|user| user["userName"] == mail).unwrap();
        for path in ["nickName", "locale", "timezone"] {
            assert_eq!(user[path], planned(&plan, key, path), "{path} of {mail}");
        }
    }
    assert!(!bed.simulator().take_requests().is_empty());
    bed.run(&["plan", "--full"]).expect(0);
    bed.run(&["apply", "--yes"]).expect(0);
    let writes = bed.simulator().take_requests();
    assert!(writes.iter().all(|request| request.method == "GET"));
}
