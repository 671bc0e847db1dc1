//! `peoplesync target` where the provider has a word of its own.

use peoplesync_scim::Resource;
use peoplesync_simulator::Fault;
use serde_json::json;

use super::harness::{Bed, CONFIG, HEADER, profile};

#[test]
fn an_account_that_somebody_has_claimed_is_kept_and_why_is_said() {
    let mut habits = profile("generic");
    habits.lifecycle.delete = peoplesync_scim::profile::Delete::Unclaimed;
    habits.invitations.claimed = "active".to_owned();
    let bed = Bed::with_profile(&habits);
    bed.write(
        "peoplesync.toml",
        r#"
[source]
kind = "csv"
settings = { path = "people.csv", key = "id" }
[target]
url = "http://127.0.0.1:1/"
auth = { bearer = { env = "SCIM_TOKEN" } }
[people.attributes]
userName = "mail"
"#,
    );
    bed.write("people.csv", "id,mail\n1,ada@example.com\n");
    bed.run(&["apply", "--yes"]).expect(0);
    let claimed = json!({ "userName": "zoe@example.com", "active": true });
    bed.simulator().seed(Resource::User, [claimed]).unwrap();

    let kept = bed.run(&["target", "delete", "zoe@example.com", "--yes"]).expect(4);
    assert!(kept.stderr.contains("the account was not deleted"), "{}", kept.stderr);
    assert!(kept.stderr.contains("claimed or used; deactivate it instead"), "{}", kept.stderr);
    assert_eq!(bed.simulator().count(Resource::User), 2);
    let history = bed.run(&["history", "--json", "--limit", "1"]).expect(0).json();
    assert_eq!(
        (&history[0]["action"], &history[0]["outcome"]),
        (&json!("delete"), &json!("failed"))
    );

    bed.run(&["target", "delete", "1", "--yes"]).expect(0);
    assert_eq!(bed.simulator().count(Resource::User), 1);
    bed.run(&["links", "show", "1"]).expect(2);
    // The person is still in the source: the next run makes another account.
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(bed.simulator().count(Resource::User), 2);
    bed.run(&["plan", "--full"]).expect(0);
}

/// The extension with the status of an account.
const STATUS: &str =
    "urn:ietf:params:scim:schemas:extension:facebook:accountstatusdetails:2.0:User";

#[test]
fn people_are_invited_and_claim_their_accounts() {
    let bed = Bed::with_profile(&profile("workplace"));
    let config = r#"
[source]
kind = "csv"
settings = { path = "people.csv", key = "id" }
[target]
name = "Test"
profile = "workplace"
url = "http://127.0.0.1:1/"
auth = { bearer = { env = "SCIM_TOKEN" } }
# So that the accounts come in the order of the people.
concurrency = 1
[people]
match = ["externalId"]
[people.attributes]
userName = "mail"
externalId = "id"
"name.formatted" = "name"
active = "true"
"STATUS:invited" = { value = "true", when = "create" }
"#;
    bed.write("peoplesync.toml", config.replace("STATUS", STATUS));
    // Grace has no mail address; Zoë has one that the provider does not know.
    let people = "id,name,mail\n1,Ada,ada@example.com\n2,Grace,\n3,Zoë,zoe@elsewhere.example\n";
    bed.write("people.csv", people);
    let applied = bed.run(&["apply", "--yes"]).expect(5);
    assert!(applied.stdout.contains("a domain that is not verified"), "{}", applied.stdout);

    let user = |n: &str| {
        let found = bed.simulator().users().into_iter().find(|user| user["externalId"] == n);
        found.unwrap()
    };
    assert_eq!(user("1")[STATUS]["invited"], true);
    let shown = |key: &str| {
        let text = bed.run(&["target", "show", key]).expect(0).stdout;
        text.lines().skip_while(|line| *line != "}").skip(1).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(shown("1"), @"
    invited; to be claimed at https://claim.example.com/ada@example.com
    linked to key 1, created by peoplesync
    ");
    insta::assert_snapshot!(shown("2"), @"
    invited; to be claimed with the code CODE-2
    linked to key 2, created by peoplesync
    ");

    // Ada has been here.
    let claim = |account: &mut serde_json::Value| account[STATUS]["claimed"] = true.into();
    let id = user("1")["id"].as_str().unwrap().to_owned();
    assert!(bed.simulator().edit(Resource::User, &id, claim).unwrap());
    let listed = bed.run(&["target", "list"]).expect(0);
    insta::assert_snapshot!("stages", bed.redact(&listed.stdout));
    let refused = bed.run(&["target", "delete", "1", "--yes"]).expect(4);
    assert!(refused.stderr.contains("deactivate it instead"), "{}", refused.stderr);
    bed.write("people.csv", people.replace("3,Zoë,zoe@elsewhere.example\n", ""));
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn whether_accounts_may_be_changed_is_asked_on_demand_only() {
    let bed = Bed::with_faults(|request| (request.method == "PATCH").then(|| Fault::status(403)));
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", HEADER);
    bed.run(&["check"]).expect(0);
    let refused = bed.run(&["check", "--write"]).expect(4);
    assert!(
        refused.stdout.contains("the credentials may read and not write"),
        "{}",
        refused.stdout
    );

    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", HEADER);
    let may = bed.run(&["check", "--write"]).expect(0);
    assert!(may.stdout.contains("write: the credentials may change accounts"), "{}", may.stdout);
    assert_eq!(bed.simulator().count(Resource::User), 0);
}

/// Ids that are numbers, and a creation that is answered without one: the account is found, shown with its person, and deleted with
/// its link.
#[test]
fn an_account_whose_id_is_a_number_is_found_again_by_its_name() {
    let mut habits = profile("generic");
    habits.values.ids = peoplesync_scim::profile::Ids::Number;
    habits.simulate.insert("quirks".to_owned(), json!({ "create_answer": "without_id" }));
    let bed = Bed::with_profile(&habits);
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}1,Ada,Lovelace,ada@example.com,Lead,active,\n"));
    bed.run(&["apply", "--yes"]).expect(0);
    let shown = bed.run(&["target", "show", "ada@example.com"]).expect(0);
    assert!(shown.stdout.contains("linked to key 1, created by peoplesync"), "{}", shown.stdout);
    bed.run(&["target", "delete", "ada@example.com", "--yes"]).expect(0);
    bed.run(&["links", "show", "1"]).expect(2);
}
