//! Other people's SCIM software: services that we write people and groups to, and checks that our simulator is put to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::harness::{Bed, Ran, profile, ran};
use super::servers::{Server, program};

const PEOPLE: usize = 600;
const GROUPS: usize = 24;

/// People with the attributes that both services know. `overrides` stands in `[target]`.
fn config(overrides: &str) -> String {
    format!(
        r#"
[source]
kind = "csv"
settings = {{ path = "people.csv", key = "id" }}

[target]
name = "Test"
url = "http://127.0.0.1:1/"
{overrides}

[people.attributes]
userName = "mail"
externalId = "id"
"name.givenName" = "first"
"name.familyName" = "last"
"emails[primary eq true].value" = "mail"
active = 'status = "active"'

[guards]
max_members_removed = "100%"
max_memberships_removed = "100%"

[groups]
source = {{ kind = "csv", settings = {{ path = "groups.csv", key = "id", multi_valued = {{ members = ";" }} }} }}
members = "members"
on_absent = "delete"
attributes = {{ displayName = "name", externalId = "id" }}
match = ["displayName"]
"#
    )
}

/// Two files: people and the groups that they are in.
struct Company {
    people: BTreeMap<usize, (String, &'static str)>,
    groups: BTreeMap<usize, (String, Vec<usize>)>,
}

impl Company {
    fn new() -> Self {
        let people = (0..PEOPLE).map(|n| (n, (format!("user{n}@example.com"), "active")));
        let groups = (0..GROUPS).map(|group| {
            let members = (0..PEOPLE).filter(|n| n % GROUPS == group || group == 0 && n % 3 == 0);
            (group, (format!("Group {group}"), members.collect()))
        });
        Self { people: people.collect(), groups: groups.collect() }
    }

    fn write(&self, bed: &Bed) {
        let mut text = "id,first,last,mail,status\n".to_owned();
        for (n, (mail, status)) in &self.people {
            writeln!(text, "{n},Zoë{n},Ng-{n},{mail},{status}").unwrap();
        }
        bed.write("people.csv", text);
        let mut text = "id,name,members\n".to_owned();
        for (group, (name, members)) in &self.groups {
            let members: Vec<String> = members.iter().map(ToString::to_string).collect();
            writeln!(text, "g{group},{name},{}", members.join(";")).unwrap();
        }
        bed.write("groups.csv", text);
    }
}

/// Loads a company, changes it, and is left with nothing to do after each step, whether the target is asked about everybody or not.
fn check(server: &Server, overrides: &str) {
    let bed = Bed::new();
    bed.write("peoplesync.toml", config(overrides));
    let run = |line: &[&str]| -> Ran {
        ran(bed.command(line).env("PEOPLESYNC_TARGET__URL", &server.url))
    };
    let converge = |company: &Company, changes: usize| {
        company.write(&bed);
        let applied = run(&["apply", "--yes", "--json"]).expect(0);
        assert!(!applied.stderr.contains("single requests"), "{}", applied.stderr);
        let applied = applied.json();
        let failed = &applied["outcomes"]["failed"];
        assert_eq!((applied["changes"].as_array().unwrap().len(), failed), (changes, &0.into()));
        for line in [&["plan", "--json"][..], &["plan", "--json", "--full"]] {
            let plan = run(line).expect(0).json();
            assert_eq!(plan["changes"], serde_json::json!([]), "{line:?}");
        }
    };
    let mut company = Company::new();
    converge(&company, PEOPLE + GROUPS);

    // One gets another name, one is no longer active, one is gone; and two of the groups are in other hands.
    company.people.insert(5, ("renamed@example.com".to_owned(), "active"));
    company.people.insert(6, ("user6@example.com".to_owned(), "left"));
    company.people.remove(&7);
    company.groups.insert(1, ("Another name".to_owned(), (100..160).collect()));
    company.groups.insert(2, ("Group 2".to_owned(), Vec::new()));
    company.groups.remove(&3);
    converge(&company, 6);
}

#[test]
fn people_and_groups_into_scim2_server() {
    let Some(server) = Server::scim2() else { return };
    check(&server, "");
}

#[test]
fn people_and_groups_into_scim2_server_in_bulk_requests() {
    let Some(server) = Server::scim2() else { return };
    check(&server, "overrides.bulk.use = \"always\"");
}

#[test]
fn people_and_groups_into_django_scim2() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Server::django(folder.path()) else { return };
    // It removes members as a list, and finds people by a few attributes only; it says that it cannot do so at all.
    check(&server, "overrides.groups.remove = \"list\"\noverrides.patch.value_filters = false");
}

/// Every check of scim2-tester, as often as it was made.
#[test]
#[allow(clippy::print_stderr, reason = "which checks ran is what this test tells")]
fn the_checks_of_scim2_tester_pass_against_the_simulator() {
    let Some(mut python) = program("python") else { return };
    let bed = Bed::with_profile(&profile("generic"));
    let checked =
        ran(python.arg("scim2_check.py").env("URL", bed.simulator().url()).env("TOKEN", "secret"));
    let failed: Vec<&str> =
        checked.stdout.lines().filter(|line| !line.starts_with("SUCCESS")).collect();
    assert_eq!((checked.code, failed.as_slice()), (0, &[][..]), "{}", checked.stderr);
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    for line in checked.stdout.lines() {
        *made.entry(line.trim_start_matches("SUCCESS ")).or_default() += 1;
    }
    let made: String = made.iter().map(|(check, times)| format!("{times:4} {check}\n")).collect();
    eprintln!("{made}");
    insta::assert_snapshot!(made);
}
