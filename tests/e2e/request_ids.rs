//! The number that a target gives to a request is kept, so that its support can be asked about it: of what was done as well as of
//! what failed. And what it repeats in its answers is no way around `Redact`.

use super::canned::{Canned, Rule};
use super::harness::{Bed, CONFIG, HEADER, Ran, ran};

const NOBODY: &str = r#"{"totalResults": 0, "Resources": []}"#;

const PEOPLE: &str = "7,Zoë,Ng,zoe@example.com,Countess,active,\n";

fn rule(method: &str, path: &str, status: &str, body: &str) -> Rule {
    Rule {
        method: method.to_owned(),
        path: path.to_owned(),
        status: status.to_owned(),
        media_type: "application/scim+json".to_owned(),
        body: body.as_bytes().to_vec(),
    }
}

/// A folder, and what an apply to a target that answers like this has printed.
fn applied(config: &str, people: &str, rules: Vec<Rule>) -> (Bed, Ran) {
    let bed = Bed::new();
    bed.write("peoplesync.toml", config);
    bed.write("people.csv", format!("{HEADER}{people}"));
    bed.write("groups.csv", "id,name,members\ng,Staff,7\n");
    let target = Canned::start([vec![rule("GET", "/", "200", NOBODY)], rules].concat());
    let mut command = bed.command(&["apply", "--yes", "--json", "-vv"]);
    command.env("PEOPLESYNC_TARGET__URL", target.url()).env("PEOPLESYNC_TARGET__RETRIES", "0");
    let ran = ran(&mut command);
    (bed, ran)
}

/// The numbers of the history after an apply whose creation is answered like this.
fn check(config: &str, rules: Vec<Rule>) -> Vec<String> {
    let (bed, _) = applied(config, PEOPLE, rules);
    let history = bed.run(&["history", "--json"]).expect(0).json();
    let entries = history.as_array().unwrap().iter().rev();
    entries.map(|entry| entry["request"].as_str().unwrap_or("none").to_owned()).collect()
}

const DONE: &str = r#"{"id": "1", "externalId": "7", "userName": "zoe@example.com"}"#;

#[test]
fn what_was_done_and_what_failed_have_the_targets_number() {
    assert_eq!(check(CONFIG, vec![rule("POST", "/Users", "201", DONE)]), ["POST-1"]);
    let refused = r#"{"status": "400", "detail": "no"}"#;
    assert_eq!(check(CONFIG, vec![rule("POST", "/Users", "400", refused)]), ["POST-1"]);
}

#[test]
fn a_group_and_each_request_for_its_members_have_the_targets_number() {
    let groups = r#"
[target.overrides.groups]
members_on_create = false
[groups]
source = { kind = "csv", settings = { path = "groups.csv", key = "id", multi_valued = { members = ";" } } }
members = "members"
[groups.attributes]
displayName = "name"
"#;
    let rules = vec![
        rule("POST", "/Users", "201", DONE),
        rule("POST", "/Groups", "201", r#"{"id": "2", "displayName": "Staff"}"#),
        rule("PATCH", "/Groups/2", "204", ""),
    ];
    assert_eq!(check(&format!("{CONFIG}{groups}"), rules), ["POST-1", "POST-2", "PATCH-1"]);
}

#[test]
fn what_a_target_repeats_of_a_redacted_value_is_shown_nowhere() {
    let refused = r#"{"status": "400", "detail": "Countess is no title of zoe@example.com"}"#;
    redacted(PEOPLE, vec![rule("POST", "/Users", "400", refused)]);
    // The reference to herself is written in a second step.
    let herself = PEOPLE.replace("active,", "active,7");
    redacted(
        &herself,
        vec![rule("POST", "/Users", "201", DONE), rule("PATCH", "/Users/1", "400", refused)],
    );
}

#[track_caller]
fn redacted(people: &str, rules: Vec<Rule>) {
    let config = CONFIG.replace("value = \"title\"", "value = \"Redact(title)\"");
    assert_ne!(config, CONFIG);
    let config = format!("{config}\n[history]\nvalues = true\n");
    let (bed, apply) = applied(&config, people, rules);
    let mut shown = vec![apply.stdout, apply.stderr];
    for line in ["history --json", "history --jsonl", "history", "status", "status --json"] {
        let ran = bed.shell(line);
        shown.extend([ran.stdout, ran.stderr]);
    }
    let shown = shown.join("\n");
    assert!(shown.contains("[Redact] is no title of zoe@example.com"), "{shown}");
    assert!(!shown.contains("Countess"), "{shown}");
}

#[test]
fn what_a_target_repeats_of_a_person_is_masked_where_the_history_masks_values() {
    let refused = r#"{"status": "400", "detail": "Countess Ng <ZOE@example.com> is taken"}"#;
    let (bed, apply) = applied(CONFIG, PEOPLE, vec![rule("POST", "/Users", "400", refused)]);
    // The result of a command is there to be read.
    assert!(apply.stdout.contains("Countess Ng <ZOE@example.com>"), "{}", apply.stdout);
    for line in ["history --json", "history", "status", "status --json"] {
        let shown = bed.shell(line).stdout;
        assert!(shown.contains("C…(8) …(2) <Z…(15)> is taken"), "{line}: {shown}");
    }
    let state = std::fs::read(bed.path("peoplesync.db")).unwrap();
    assert!(!state.windows(11).any(|window| window == b"ZOE@example"));
}
