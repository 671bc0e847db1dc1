//! An Active Directory (Samba, behind a relay with the limits of Microsoft's) through the binary, by the config of the example: everybody, and
//! what changed, by DirSync; and groups with those whose primary group they are. With groups, everybody is read in each run.

#[path = "../servers/ad_limits.rs"]
mod ad_limits;
#[path = "../servers/ber.rs"]
mod ber;
#[path = "../servers/samba.rs"]
mod samba;

use std::fmt::Write as _;

use ad_limits::Limits;
use samba::{ADMINISTRATOR, Samba, TOP};

use super::harness::{Bed, NO_GUARDS, Ran, here};

const PEOPLE: usize = 8;

/// The example, with this server.
fn config(port: u16, ou: &str) -> String {
    let mut text =
        std::fs::read_to_string(here().join("../config/examples/active-directory.toml")).unwrap();
    let server = format!("\"ldap://127.0.0.1:{port}\"");
    let (user, password) = ADMINISTRATOR;
    for (from, to) in [
        ("\"ldaps://dc1.ad.example.com\", \"ldaps://dc2.ad.example.com\"", server.as_str()),
        ("peoplesync@ad.example.com", user),
        ("{ env = \"AD_PASSWORD\" }", &format!("\"{password}\"")),
        ("dn = \"DC=ad,DC=example,DC=com\"", &format!("dn = \"OU=people,{ou}\"")),
    ] {
        assert!(text.contains(from), "the example no longer says {from}");
        text = text.replace(from, to);
    }
    text + NO_GUARDS
}

/// Groups, one of which is everybody's primary one.
fn groups(port: u16, ou: &str) -> String {
    let (user, password) = ADMINISTRATOR;
    let source = format!(
        "kind = \"ldap\", settings = {{ servers = [\"ldap://127.0.0.1:{port}\"], key = \"objectGUID\", references = [\"member\"], \
         bind = {{ user = \"{user}\", password = \"{password}\" }}, \
         bases = [{{ dn = \"{ou}\", filter = \"(objectClass=group)\" }}, \
         {{ dn = \"CN=Users,{TOP}\", filter = \"(cn=Domain Users)\" }}] }}"
    );
    format!(
        "[groups]\nsource = {{ {source} }}\nmembers = \"member\"\nnested = \"flatten\"\n\
         [groups.attributes]\ndisplayName = \"cn\"\nexternalId = \"objectGUID\"\n"
    )
}

/// Everybody of this run, who is led by whom, and two groups, one of which is in the other.
fn load(server: &Samba) {
    let ou = &server.ou;
    let run = ou.split([',', '=']).nth(1).unwrap();
    let mut ldif =
        format!("dn: OU=people,{ou}\nchangetype: add\nobjectClass: organizationalUnit\n\n");
    for n in 1..=PEOPLE {
        // The second is disabled.
        let control = if n == 2 { 514 } else { 544 };
        write!(
            ldif,
            "dn: CN=Person {n},OU=people,{ou}\nchangetype: add\nobjectClass: user\nsAMAccountName: e{n}-{run}\n\
             userPrincipalName: person{n}@{run}.example.test\nuserAccountControl: {control}\nmail: person{n}@{run}.example.test\n\
             givenName: Zoë\nsn: Person {n}\ndisplayName: Person {n}\ntitle: Engineer\n"
        )
        .unwrap();
        if n > 1 {
            writeln!(ldif, "manager: CN=Person {},OU=people,{ou}", n / 2).unwrap();
        }
        ldif.push('\n');
    }
    let group = |name: &str, members: &[&str]| {
        let members: String =
            members.iter().map(|member| format!("member: CN={member},{ou}\n")).collect();
        format!(
            "dn: CN={name},{ou}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}-{run}\n{members}\n"
        )
    };
    ldif += &group("inner", &["Person 7,OU=people", "Person 8,OU=people"]);
    ldif += &group(
        "staff",
        &["inner", "Person 3,OU=people", "Person 4,OU=people", "Person 5,OU=people"],
    );
    server.modify(&ldif);
}

/// What is planned for whom, by the first part of the name.
fn actions(ran: &Ran) -> Vec<String> {
    let plan = ran.json();
    let changes = plan["changes"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut actions: Vec<_> = changes
        .iter()
        .map(|change| {
            let name = text(&change["name"]);
            format!("{} {}", text(&change["action"]), name.split('@').next().unwrap())
        })
        .collect();
    actions.sort_unstable();
    actions
}

/// The groups of the target, with their members by the first part of the name.
fn groups_of(bed: &Bed) -> Vec<String> {
    let users = bed.simulator().users();
    let groups = bed.simulator().resources(peoplesync_scim::Resource::Group);
    let shown = groups.iter().map(|group| {
        let members = group["members"].as_array().map_or(&[][..], Vec::as_slice).iter();
        let members = members.map(|member| {
            let user = users.iter().find(|user| user["id"] == member["value"]).unwrap();
            user["userName"].as_str().unwrap().split('@').next().unwrap().replace("person", "")
        });
        let mut members: Vec<_> = members.collect();
        members.sort_unstable();
        format!("{}: {}", group["displayName"].as_str().unwrap(), members.join(" "))
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_unstable();
    shown
}

#[test]
fn an_active_directory_is_planned_applied_and_followed() {
    let Some(server) = Samba::start() else { return };
    load(&server);
    // Pages and lists are short, so that everything comes in parts.
    let relay = ad_limits::start(389, Limits { page: 3, values: 2 });
    let bed = Bed::new();
    bed.write("peoplesync.toml", config(relay, &server.ou));
    let checked = bed.run(&["check"]).expect(0);
    assert!(checked.stdout.contains("Active Directory (Samba)"), "{}", checked.stdout);
    assert!(checked.stdout.contains(&format!("{PEOPLE} entries")), "{}", checked.stdout);

    bed.run(&["apply", "--yes"]).expect(0);
    let is_active = |name: &str| {
        let users = bed.simulator().users();
        let user = users.iter().find(|user| {
            user["userName"].as_str().is_some_and(|text| text.starts_with(&format!("{name}@")))
        });
        user.unwrap()["active"] == true
    };
    assert!(is_active("person1") && !is_active("person2"), "a disabled account is inactive");
    let plan = bed.run(&["plan", "--json"]).expect(0);
    assert_eq!(plan.json()["coverage"], "changes", "by DirSync: {}", plan.stderr);

    let with_groups = Bed::new();
    let text = config(relay, &server.ou) + &groups(relay, &server.ou);
    with_groups.write("peoplesync.toml", text);
    // Administrator and others have that primary group, and are no people of this config: they are told, and nobody is lost.
    with_groups.run(&["apply", "--yes"]);
    let expected = ["Domain Users: 1 2 3 4 5 6 7 8", "inner: 7 8", "staff: 3 4 5 7 8"];
    assert_eq!(groups_of(&with_groups), expected);
    let plan = with_groups.run(&["plan", "--json"]);
    assert!(actions(&plan).is_empty(), "{}", plan.stdout);

    // Somebody gets a title, is disabled, is deleted, moves out of the base, is renamed, and is new.
    let ou = &server.ou;
    let person = |n: usize| format!("dn: CN=Person {n},OU=people,{ou}\n");
    server.modify(&format!(
        "{}changetype: modify\nreplace: title\ntitle: Lead\n\n\
         {}changetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n\n\
         {}changetype: delete\n\n\
         {}changetype: modrdn\nnewrdn: CN=Person 7\ndeleteoldrdn: 1\nnewsuperior: {ou}\n\n\
         {}changetype: modrdn\nnewrdn: CN=Renamed\ndeleteoldrdn: 1\n",
        person(1),
        person(5),
        person(6),
        person(7),
        person(8),
    ));
    let expected =
        ["deactivate person5", "deactivate person6", "deactivate person7", "update person1"];
    let changes = bed.run(&["plan", "--json"]).expect(10);
    assert_eq!(changes.json()["coverage"], "changes", "{}", changes.stderr);
    assert_eq!(actions(&changes), expected);
    let everybody = bed.run(&["plan", "--json", "--full"]).expect(10);
    assert_eq!(everybody.json()["coverage"], "complete");
    assert_eq!(actions(&everybody), expected, "both ways come to the same");
    bed.run(&["plan", "--out", "plan.json"]).expect(10);
    bed.run(&["apply", "plan.json"]).expect(0);
    assert!(!is_active("person5") && !is_active("person6") && !is_active("person7"));
    for arguments in [&["plan", "--json"][..], &["plan", "--json", "--full"]] {
        let plan = bed.run(arguments).expect(0);
        assert!(actions(&plan).is_empty(), "{}", plan.stdout);
    }
    // Who was deleted is in no group; the directory still lists who only moved out of the base.
    with_groups.run(&["apply", "--yes"]);
    let expected = ["Domain Users: 1 2 3 4 5 7 8", "inner: 7 8", "staff: 3 4 5 7 8"];
    assert_eq!(groups_of(&with_groups), expected);
}
