//! The number that a target gives to a request is kept, so that its support can be asked about it: of what was done as well as of
//! what failed.

use super::canned::{Canned, Rule};
use super::harness::{Bed, CONFIG, HEADER, ran};

const NOBODY: &str = r#"{"totalResults": 0, "Resources": []}"#;

/// The numbers of the history after an apply whose creation is answered like this.
fn check(status: &str, body: &str) -> Vec<String> {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,,active,\n"));
    let rule = |method: &str, status: &str, body: &str| Rule {
        method: method.to_owned(),
        path: "/Users".to_owned(),
        status: status.to_owned(),
        media_type: "application/scim+json".to_owned(),
        body: body.as_bytes().to_vec(),
    };
    let target = Canned::start(vec![rule("GET", "200", NOBODY), rule("POST", status, body)]);
    let mut command = bed.command(&["apply", "--yes"]);
    ran(command.env("PEOPLESYNC_TARGET__URL", target.url()).env("PEOPLESYNC_TARGET__RETRIES", "0"));
    let history = bed.run(&["history", "--json"]).expect(0).json();
    let entries = history.as_array().unwrap().iter();
    entries.map(|entry| entry["request"].as_str().unwrap_or("none").to_owned()).collect()
}

#[test]
fn what_was_done_and_what_failed_have_the_targets_number() {
    let done = r#"{"id": "1", "externalId": "7", "userName": "zoe@example.com"}"#;
    assert_eq!(check("201", done), ["POST-1"]);
    let refused = r#"{"status": "400", "detail": "no"}"#;
    assert_eq!(check("400", refused), ["POST-1"]);
}
