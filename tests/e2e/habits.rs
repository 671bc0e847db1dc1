//! Habits that are one service's own, and what an administrator is told of them.

use peoplesync_scim::Resource;
use serde_json::json;

use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS, profile};

fn bed(name: &str, more: &str) -> Bed {
    let bed = Bed::with_profile(&profile(name));
    let own = format!("[target]\nprofile = \"{name}\"\noverrides.rates = []\n");
    let config = CONFIG.replace("[target]\n", &own);
    let config = config.replace("[people]\n", "[people]\nmatch = [\"userName\"]\n");
    let config = config.replace("title = {", "displayName = \"first\"\ntitle = {");
    bed.write("peoplesync.toml", format!("{config}{NO_GUARDS}{more}"));
    bed
}

/// What failed, a line each.
fn told(bed: &Bed, code: i32) -> String {
    let applied = bed.run(&["apply", "--yes", "--json"]).expect(code).json();
    let changes = applied["changes"].as_array().unwrap();
    let line = |change: &serde_json::Value| {
        let text = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
        let line =
            format!("{} {} {}: {}", text("action"), text("key"), text("outcome"), text("error"));
        line.trim_end().to_owned()
    };
    bed.redact(&changes.iter().map(line).collect::<Vec<_>>().join("\n"))
}

#[test]
fn slack_refuses_addresses_and_names_that_are_taken_and_accounts_of_a_higher_role() {
    let bed = bed("slack", "");
    let mail = |value: &str| json!([{ "value": value, "type": "work", "primary": true }]);
    let accounts = [
        json!({ "userName": "old", "active": false, "emails": mail("ada@example.com") }),
        json!({ "userName": "owner@example.com", "emails": mail("owner@example.com") }),
    ];
    bed.simulator().seed(Resource::User, accounts).unwrap();
    bed.write(
        "people.csv",
        format!(
            "{HEADER}1,Ada,L,ada@example.com,,active,\n2,Gene,Ral,general,,active,\n3,Own,Er,owner@example.com,Boss,active,\n4,Bob,B,bob@example.com,,active,\n"
        ),
    );
    insta::assert_snapshot!(told(&bed, 5), @r"
    create 1 failed: POST /Users: conflicts with another resource: user_email_taken (status 409, uniqueness); the mail address belongs to another account, perhaps one out of use: change it there by hand
    create 2 failed: POST /Users: conflicts with another resource: `userName` is the name of something else (status 409, uniqueness); another account has this name, or a channel or mention is called so: they share one namespace
    create 4 done:
    adopt 3 failed: PATCH /Users/[id 1]: access denied: this account is of a higher role (status 403); the token changes accounts of its own role or below: owners are changed by hand
    ");
    assert_eq!(bed.simulator().count(Resource::User), 3, "nobody else is kept out");
}

#[test]
fn github_gives_the_name_of_a_deleted_account_to_nobody_again() {
    let bed = bed("github-enterprise", "[leavers]\naction = \"delete\"\n");
    let both =
        format!("{HEADER}1,Ada,L,ada@example.com,,active,\n2,Bob,B,bob@example.com,,active,\n");
    bed.write("people.csv", &both);
    told(&bed, 0);
    bed.write("people.csv", format!("{HEADER}1,Ada,L,ada@example.com,,active,\n"));
    told(&bed, 0);
    bed.write("people.csv", &both);
    insta::assert_snapshot!(told(&bed, 5), @"create 2 failed: POST /Users: conflicts with another resource: userName `bob-example-com` is that of an account that was deleted (status 409, uniqueness); somebody else has this login, or the account was suspended for ever before");
}
