//! People in a directory, through the binary: runs over what changed, and reads that end too early. Nobody is ever taken for a
//! leaver because the directory was not read to its end.

#[path = "../servers/relay.rs"]
mod relay;
#[path = "../servers/slapd.rs"]
pub(crate) mod slapd;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peoplesync_simulator::Fault;
use relay::{Relay, Then};
use slapd::{ADMIN, Options, SUFFIX, Slapd, people};

use super::dice::Dice;
use super::harness::{Bed, NO_GUARDS, Ran};

const MAPPING: &str = r#"
[target]
name = "Test"
url = "http://127.0.0.1:1/"
auth = { bearer = { env = "SCIM_TOKEN" } }

[people.attributes]
externalId = "entryUUID"
userName = "mail"
"name.givenName" = "givenName"
"name.familyName" = "sn"
title = { value = "title", on_empty = "clear" }
active = "true"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" = { reference = "manager" }
"#;

/// A config for the server at a port; further lines are of the connector.
fn config(port: u16, user: &str, more: &str) -> String {
    let password = user.split(['=', ',']).nth(1).unwrap();
    format!(
        "[source]\nkind = \"ldap\"\nretries = 0\n[source.settings]\nservers = [\"ldap://127.0.0.1:{port}\"]\n\
         key = \"entryUUID\"\nreferences = [\"manager\"]\nbind = {{ user = \"{user}\", password = \"{password}\" }}\n{more}\n\
         [[source.settings.bases]]\ndn = \"ou=people,{SUFFIX}\"\nfilter = \"(objectClass=inetOrgPerson)\"\n{MAPPING}{NO_GUARDS}"
    )
}

fn actions(ran: &Ran) -> Vec<String> {
    let plan = ran.json();
    let changes = plan["changes"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut actions: Vec<_> = changes
        .iter()
        .map(|change| format!("{} {}", text(&change["action"]), text(&change["name"])))
        .collect();
    actions.sort_unstable();
    actions
}

#[test]
fn a_run_over_what_changed_sees_who_changed_and_who_is_gone() {
    let ldif = people(30);
    let options = Options { ldif: &ldif, session_log: true, ..Options::default() };
    let Some(server) = Slapd::start(&options) else { return };
    let bed = Bed::new();
    bed.write("peoplesync.toml", config(server.port, ADMIN, ""));
    bed.run(&["apply", "--yes"]).expect(0);
    // The managers of people who came together are written in the same run, so that nothing is left.
    let plan = bed.run(&["plan", "--json"]).expect(0);
    assert_eq!(plan.json()["coverage"], "changes");

    let dn = |n: u32| format!("dn: uid=person{n},ou=people,{SUFFIX}\n");
    server.modify(&format!(
        "{}changetype: modify\nreplace: title\ntitle: Lead\n\n{}changetype: delete\n\n\
         {}changetype: modrdn\nnewrdn: uid=person3\ndeleteoldrdn: 1\nnewsuperior: ou=elsewhere,{SUFFIX}\n\n\
         dn: uid=new,ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: new\ncn: New\ngivenName: New\nsn: New\n\
         mail: new@example.com\nmanager: uid=person1,ou=people,{SUFFIX}\n",
        dn(1), dn(30), dn(29)
    ));
    let expected = [
        "create new@example.com",
        "deactivate person29@example.com",
        "deactivate person30@example.com",
        "update person1@example.com",
    ];
    let changes = bed.run(&["plan", "--json"]).expect(10);
    assert_eq!(changes.json()["coverage"], "changes");
    assert_eq!(actions(&changes), expected);
    let everybody = bed.run(&["plan", "--json", "--full"]).expect(10);
    assert_eq!(everybody.json()["coverage"], "complete");
    assert_eq!(actions(&everybody), expected, "both ways come to the same");

    // A plan that is not applied moves nothing; one of which a part is applied, neither.
    assert_eq!(actions(&bed.run(&["plan", "--json"]).expect(10)), expected);
    bed.run(&["apply", "--yes", "--kind", "create"]).expect(0);
    assert_eq!(actions(&bed.run(&["plan", "--json"]).expect(10)), expected[1..]);
    bed.run(&["plan", "--out", "plan.json"]).expect(10);
    bed.run(&["apply", "plan.json"]).expect(0);
    assert!(actions(&bed.run(&["plan", "--json"]).expect(0)).is_empty());
    assert!(actions(&bed.run(&["plan", "--json", "--full"]).expect(0)).is_empty());

    // Another mapping means everybody anew, which a guard stops.
    let other = config(server.port, ADMIN, "")
        .replace("active = \"true\"", "active = \"true\"\nnickName = \"uid\"");
    bed.write("peoplesync.toml", other);
    let plan = bed.run(&["plan", "--json"]).expect(6);
    assert_eq!(plan.json()["coverage"], "complete");
}

#[test]
fn whom_the_target_did_not_let_be_looked_up_is_seen_again_by_the_next_run() {
    let ldif = people(10);
    let options = Options { ldif: &ldif, session_log: true, ..Options::default() };
    let Some(server) = Slapd::start(&options) else { return };
    let is_ill = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_ill);
    let bed = Bed::with_faults(move |request| {
        let is_meant = request.method == "GET" && request.path.starts_with("/Users");
        (is_meant && switch.load(Ordering::Acquire)).then(|| Fault::status(500))
    });
    bed.write("peoplesync.toml", config(server.port, ADMIN, ""));
    bed.run(&["apply", "--yes"]).expect(0);
    let dn = |n: u32| format!("dn: uid=person{n},ou=people,{SUFFIX}\n");
    server.modify(&format!(
        "{}changetype: modify\nreplace: title\ntitle: Lead\n\n{}changetype: delete\n",
        dn(1),
        dn(10)
    ));
    is_ill.store(true, Ordering::Release);
    let plan = bed.run(&["apply", "--yes", "--json"]).expect(5).json();
    assert_eq!(
        (&plan["coverage"], plan["rejected"].as_array().unwrap().len()),
        (&"changes".into(), 2)
    );
    is_ill.store(false, Ordering::Release);
    let again = bed.run(&["apply", "--yes", "--json"]).expect(0);
    assert_eq!(again.json()["coverage"], "changes");
    assert_eq!(actions(&again), ["deactivate person10@example.com", "update person1@example.com"]);
    assert!(actions(&bed.run(&["plan", "--json"]).expect(0)).is_empty());
}

#[test]
fn a_server_that_forgot_who_is_gone_is_read_in_full_and_that_is_said() {
    let ldif = people(10);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let bed = Bed::new();
    bed.write("peoplesync.toml", config(server.port, ADMIN, ""));
    bed.run(&["apply", "--yes"]).expect(0);
    server.modify(&format!("dn: uid=person10,ou=people,{SUFFIX}\nchangetype: delete\n"));
    let plan = bed.run(&["plan"]).expect(10);
    assert!(plan.stderr.contains("so everybody was read"), "{}", plan.stderr);
    let plan = bed.run(&["plan", "--json"]).expect(10);
    assert_eq!(actions(&plan), ["deactivate person10@example.com"]);
}

#[test]
fn whatever_part_of_a_directory_comes_nobody_leaves() {
    let ldif = people(400);
    let options = Options { ldif: &ldif, session_log: true, ..Options::default() };
    let Some(server) = Slapd::start(&options) else { return };
    let relay = Relay::start(server.port);
    let bed = Bed::new();
    // Silence is waited for, so the wait is short.
    let limits = "timeout_secs = 1\nconnect_timeout_secs = 1\npage_size = 50";
    bed.write("peoplesync.toml", config(relay.port, ADMIN, limits));
    bed.run(&["apply", "--yes"]).expect(0);
    let before = relay.passed();
    bed.run(&["plan", "--full"]).expect(0);
    let whole = relay.passed() - before;

    let mut dice = Dice(4);
    for round in 0..16 {
        let then = if round % 8 == 7 { Then::Silence } else { Then::Cut };
        relay.after(dice.roll(whole), then);
        let full = if round % 2 == 0 { "--full" } else { "--json" };
        let ran = bed.run(&["plan", "--json", full][..if full == "--json" { 2 } else { 3 }]);
        match ran.code {
            3 => assert!(ran.stdout.is_empty(), "{}", ran.stdout),
            // A run over changes needs few bytes.
            _ => assert!(actions(&ran.expect(0)).is_empty()),
        }
    }

    // What the server itself leaves out is a part as well; whoever changed is seen, nobody is missed.
    bed.write("peoplesync.toml", config(server.port, &format!("cn=small,{SUFFIX}"), ""));
    let partial = bed.run(&["plan", "--json"]).expect(0);
    assert_eq!(partial.json()["coverage"], "partial");
    assert!(actions(&partial).is_empty());
    let hidden = format!("cn=hidden,{SUFFIX}");
    bed.write("peoplesync.toml", config(server.port, &hidden, ""));
    bed.run(&["plan", "--json"]).expect(2);
}

/// An example with its directory replaced by the one at a URL.
fn example(name: &str, url: &str, of_directory: &[(&str, &str)]) -> String {
    let path = super::harness::here().join("../config/examples").join(name);
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in of_directory.iter().chain(&[("ldaps://ldap.example.com", url)]) {
        assert!(text.contains(from), "{name} no longer says {from}");
        text = text.replace(from, to);
    }
    text
}

#[test]
fn the_example_for_openldap() {
    let ldif = people(4);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let bed = Bed::new();
    let account = [
        ("cn=peoplesync,ou=services,dc=example,dc=com", ADMIN),
        ("{ env = \"LDAP_PASSWORD\" }", "\"admin\""),
    ];
    bed.write("peoplesync.toml", example("ldap.toml", &server.url(), &account));
    let checked = bed.run(&["check"]).expect(0);
    assert!(checked.stdout.contains("4 entries"), "{}", checked.stdout);
    assert!(checked.stdout.contains("no record has a value in displayName"), "{}", checked.stdout);
    bed.run(&["apply", "--yes"]).expect(0);
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn the_example_for_active_directory() {
    // The directory itself is tested with the connector; here, that the config is one: nobody answers at these names.
    let bed = Bed::new();
    let nowhere = format!("ldap://127.0.0.1:{}", slapd::free_port());
    let path = super::harness::here().join("../config/examples/active-directory.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text
        .replace(
            "\"ldaps://dc1.ad.example.com\", \"ldaps://dc2.ad.example.com\"",
            &format!("\"{nowhere}\""),
        )
        .replace("{ env = \"AD_PASSWORD\" }", "\"x\"")
        .replace("[source.settings]", "retries = 0\n[source.settings]");
    bed.write("peoplesync.toml", text);
    let ran = bed.run(&["plan"]).expect(3);
    assert!(ran.stderr.contains("cannot connect to ldap://127.0.0.1"), "{}", ran.stderr);
}

/// The groups of the target, with the names of their members.
fn groups_of(bed: &Bed) -> Vec<String> {
    let users = bed.simulator().users();
    let groups = bed.simulator().resources(peoplesync_scim::Resource::Group);
    let mut found: Vec<String> = groups
        .iter()
        .map(|group| {
            let members = group["members"].as_array().unwrap().iter().map(|member| {
                let user = users.iter().find(|user| user["id"] == member["value"]).unwrap();
                user["userName"].as_str().unwrap().trim_end_matches("@example.com").to_owned()
            });
            let mut members: Vec<_> = members.collect();
            members.sort_unstable();
            format!("{}: {}", group["displayName"].as_str().unwrap(), members.join(" "))
        })
        .collect();
    found.sort_unstable();
    found
}

/// A source of groups of this class, and how they name their members.
fn groups(url: &str, class: &str, more: &str, members: &str) -> String {
    let source = format!(
        "kind = \"ldap\", settings = {{ servers = [\"{url}\"], key = \"entryUUID\", {more} \
         bind = {{ user = \"{ADMIN}\", password = \"admin\" }}, \
         bases = [{{ dn = \"ou=groups,{SUFFIX}\", filter = \"(objectClass={class})\" }}] }}"
    );
    format!(
        "[groups]\nsource = {{ {source} }}\n{members}\n\
         [groups.attributes]\ndisplayName = \"cn\"\nexternalId = \"entryUUID\"\n"
    )
}

#[test]
fn groups_name_their_members_in_three_ways() {
    let ldif = people(4);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let person = |n: u32| format!("uid=person{n},ou=people,{SUFFIX}");
    let add = |name: &str, class: &str, more: &str| {
        format!(
            "dn: cn={name},ou=groups,{SUFFIX}\nchangetype: add\nobjectClass: {class}\ncn: {name}\n{more}\n"
        )
    };
    server.modify(
        &(add("names", "groupOfNames", &format!("member: {}\nmember: {}\n", person(1), person(2)))
            // The second has a bit string behind its name; the third is nobody.
            + &add(
                "unique",
                "groupOfUniqueNames",
                &format!(
                    "uniqueMember: {}\nuniqueMember: {}#'0101'B\nuniqueMember: uid=nobody,ou=people,{SUFFIX}\n",
                    person(2),
                    person(3)
                ),
            )
            + &add(
                "posix",
                "posixGroup",
                "gidNumber: 1000\nmemberUid: person3\nmemberUid: person4\n",
            )),
    );
    for (class, more, members, expected) in [
        (
            "groupOfNames",
            "references = [\"member\"],",
            "members = \"member\"",
            "names: person1 person2",
        ),
        (
            "groupOfUniqueNames",
            "references = [\"uniqueMember\"],",
            "members = \"uniqueMember\"",
            "unique: person2 person3",
        ),
        (
            "posixGroup",
            "",
            "members = \"memberUid\"\nmember_key = \"uid\"",
            "posix: person3 person4",
        ),
    ] {
        let bed = Bed::new();
        let groups = groups(&server.url(), class, more, members);
        bed.write("peoplesync.toml", config(server.port, ADMIN, "") + &groups);
        let applied = bed.run(&["apply", "--yes"]);
        // That somebody is nobody is told by the exit code.
        assert!(matches!(applied.code, 0 | 5), "{}\n{}", applied.stdout, applied.stderr);
        assert_eq!(groups_of(&bed), [expected]);
        let plan = bed.run(&["plan", "--json"]);
        assert!(actions(&plan).is_empty(), "{class}: {}", plan.stdout);
    }
}

#[test]
fn groups_in_a_circle_come_flat_with_the_people_who_are_in_them() {
    let ldif = people(5);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let group = |name: &str, members: &[&str]| {
        let members: String =
            members.iter().map(|member| format!("member: {member},{SUFFIX}\n")).collect();
        format!(
            "dn: cn={name},ou=groups,{SUFFIX}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\n{members}\n"
        )
    };
    // Another writing of a DN is the same person.
    let all =
        group("all", &["cn=inner,ou=groups", "UID=Person1,OU=People", "uid=nobody,ou=people"])
            + &group(
                "inner",
                &["uid=person2,ou=people", "uid=person3,ou=people", "cn=all,ou=groups"],
            );
    server.modify(&all);
    let bed = Bed::new();
    let flat = "members = \"member\"\nnested = \"flatten\"";
    let groups = groups(&server.url(), "groupOfNames", "references = [\"member\"],", flat);
    bed.write("peoplesync.toml", config(server.port, ADMIN, "") + &groups);
    let applied = bed.run(&["apply", "--yes"]);
    assert!(matches!(applied.code, 0 | 5), "{}\n{}", applied.stdout, applied.stderr);
    assert_eq!(groups_of(&bed), ["all: person1 person2 person3", "inner: person1 person2 person3"]);
    let plan = bed.run(&["plan", "--json"]);
    assert!(actions(&plan).is_empty(), "{}", plan.stdout);
}
