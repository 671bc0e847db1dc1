//! `peoplesync target` where the provider has a word of its own.

use peoplesync_scim::Resource;
use serde_json::json;

use super::harness::{Bed, profile};

#[test]
fn an_account_that_somebody_has_claimed_is_kept_and_why_is_said() {
    let mut habits = profile("generic");
    habits.lifecycle.delete = peoplesync_scim::profile::Delete::Unclaimed;
    habits.simulate.insert("quirks".to_owned(), json!({ "claimed_by": "active" }));
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
