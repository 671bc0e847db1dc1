//! Against Samba as a domain controller: a real Active Directory, behind a relay with the limits that Samba does not keep.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

#[path = "../../../tests/servers/ad_limits.rs"]
mod ad_limits;
#[path = "../../../tests/servers/ber.rs"]
mod ber;
#[path = "../../../tests/servers/samba.rs"]
mod samba;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_limits::Limits;
use peoplesync_ldap::Ldap;
use peoplesync_source::{Context, Cursor, Query};
use peoplesync_testkit::{Datum, Entry, Pass, read_all, source};
use samba::{ADMINISTRATOR, MANY, Samba, TOP};

const PEOPLE: usize = 7;

/// Settings: below the OU of this run, or a filter over the whole domain.
fn settings(port: u16, base: &str, filter: &str, more: &str) -> String {
    let (user, password) = ADMINISTRATOR;
    format!(
        "servers = [\"ldap://127.0.0.1:{port}\"]\nkey = \"objectGUID\"\n\
         bind = {{ user = \"{user}\", password = \"{password}\" }}\n{more}\n\
         [[bases]]\ndn = \"{base}\"\nfilter = \"{filter}\"\n"
    )
}

fn read(settings: &str, fields: &[&str], since: Option<&Cursor>) -> Pass {
    let mut query = Query::fields(fields.iter().copied());
    query.since = since.cloned();
    read_all(&*source::<Ldap>(settings).unwrap(), &Context::for_tests("."), &query)
}

fn cursor(pass: &Pass) -> Cursor {
    pass.end.as_ref().unwrap().cursor.clone().unwrap()
}

/// Each run has its own identities: they are shown by name.
fn names(pass: &Pass) -> BTreeMap<String, String> {
    let name = |values: &[Datum]| match values {
        [Datum::Text(name)] => name.split("-").next().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    pass.records
        .iter()
        .map(|record| (record.key.clone(), name(record.values("sAMAccountName"))))
        .collect()
}

fn shown(pass: &Pass, names: &BTreeMap<String, String>, run: &str) -> String {
    let number = run.split(',').next().unwrap_or_default().trim_start_matches("OU=");
    let mut text = pass.to_string().replace(&format!("-{number}"), "");
    for (key, name) in names {
        text = text.replace(key, &format!("[{name}]"));
    }
    let mut lines: Vec<String> = text
        .replace(run, "OU=run")
        .lines()
        .map(|line| {
            // Tombstones have the identity in their name.
            let (start, rest) = line.split_once("\\0ADEL:").unwrap_or((line, ""));
            let rest = rest
                .split_once(',')
                .map_or(String::new(), |(_, rest)| format!("\\0ADEL:[id],{rest}"));
            let line = format!("{start}{rest}");
            // The values of an attribute have no order.
            line.split(", ")
                .map(|field| match field.strip_prefix("member ") {
                    Some(members) => {
                        let mut members: Vec<_> = members.split(" + ").collect();
                        members.sort_unstable();
                        format!("member {}", members.join(" + "))
                    }
                    None => field.to_owned(),
                })
                .collect::<Vec<_>>()
                .join(", ")
        })
        .collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn active_directory_as_it_really_is() {
    let Some(server) = Samba::start() else { return };
    let (ou, run) = (
        server.ou.clone(),
        server.ou.split(',').next().unwrap().trim_start_matches("OU=").to_owned(),
    );
    let mut ldif =
        format!("dn: OU=people,{ou}\nchangetype: add\nobjectClass: organizationalUnit\n\n");
    for n in 1..=PEOPLE {
        // 2 is disabled, 3 has expired, 4 must change the password.
        let control = if n == 2 { 514 } else { 544 };
        let expires = if n == 3 { "132539328000000000" } else { "9223372036854775807" };
        write!(
            ldif,
            "dn: CN=Person {n},OU=people,{ou}\nchangetype: add\nobjectClass: user\nsAMAccountName: p{n}-{run}\n\
             userAccountControl: {control}\naccountExpires: {expires}\ntitle: Engineer\n\n"
        )
        .unwrap();
    }
    write!(
        ldif,
        "dn: CN=Person 1,OU=people,{ou}\nchangetype: modify\nreplace: manager\nmanager: CN=Person 2,OU=people,{ou}\n\n\
         dn: CN=inner,{ou}\nchangetype: add\nobjectClass: group\nsAMAccountName: inner-{run}\nmember: CN=Person 7,OU=people,{ou}\n\n\
         dn: CN=staff,{ou}\nchangetype: add\nobjectClass: group\nsAMAccountName: staff-{run}\nmember: CN=inner,{ou}\n"
    )
    .unwrap();
    for n in 1..6 {
        writeln!(ldif, "member: CN=Person {n},OU=people,{ou}").unwrap();
    }
    // A circle of groups is allowed.
    write!(ldif, "\ndn: CN=inner,{ou}\nchangetype: modify\nadd: member\nmember: CN=staff,{ou}\n")
        .unwrap();
    server.modify(&ldif);

    let relay = ad_limits::start(389, Limits { page: 3, values: 2 });
    let users = format!("(&(objectCategory=person)(objectClass=user)(sAMAccountName=*-{run}))");
    let fields = [
        "sAMAccountName",
        "IsDisabled",
        "IsExpired",
        "MustChangePassword",
        "accountExpires",
        "manager",
        "title",
        "primaryGroupID",
        "IsNormalAccount",
    ];
    // The whole domain: its references to its own partitions are passed over.
    let domain = settings(relay, TOP, &users, "references = [\"manager\"]");
    let everybody = read(&domain, &fields, None);
    let mut known = names(&everybody);
    insta::assert_snapshot!("everybody", shown(&everybody, &known, &server.ou));

    let group = format!("(&(objectClass=group)(sAMAccountName=*-{run}))");
    let groups = settings(relay, &ou, &group, "references = [\"member\"]");
    let groups = read(&groups, &["sAMAccountName", "member"], None);
    known.extend(names(&groups));
    insta::assert_snapshot!("groups", shown(&groups, &known, &server.ou));

    // Nobody is listed in the group that is everybody's primary one.
    let primary = settings(relay, TOP, "(cn=Domain Users)", "references = [\"member\"]");
    let primary = read(&primary, &["member"], None);
    let members = primary.records[0].values("member");
    for (key, name) in names(&everybody) {
        assert!(members.contains(&Datum::Text(key)), "{name} has it as primary group: {members:?}");
    }
    assert!(primary.is_complete());

    let chain = format!("(&(objectClass=user)(memberOf:1.2.840.113556.1.4.1941:=CN=staff,{ou}))");
    let staff = read(&settings(relay, &ou, &chain, ""), &["sAMAccountName"], None);
    let mut in_chain: Vec<_> = names(&staff).into_values().collect();
    in_chain.sort_unstable();
    assert_eq!(in_chain, ["p1", "p2", "p3", "p4", "p5", "p7"]);

    // Both ways to what changed.
    let people = format!("OU=people,{ou}");
    let ways = ["dirsync", "usn"]
        .map(|way| settings(389, &people, &users, &format!("changes = \"{way}\"")));
    let fields = ["sAMAccountName", "title", "IsDisabled", "dn"];
    let first = ways.each_ref().map(|settings| read(settings, &fields, None));
    for (way, settings) in first.iter().zip(&ways) {
        assert_eq!(way.records.len(), PEOPLE);
        let nothing = read(settings, &fields, Some(&cursor(way)));
        assert_eq!(nothing.to_string(), "changes");
    }
    server.modify(&format!(
        "dn: CN=Person 1,OU=people,{ou}\nchangetype: modify\nreplace: title\ntitle: Lead\n\n\
         dn: CN=Person 2,OU=people,{ou}\nchangetype: delete\n\n\
         dn: CN=Person 3,OU=people,{ou}\nchangetype: modrdn\nnewrdn: CN=Renamed\ndeleteoldrdn: 1\n\n\
         dn: CN=Person 4,OU=people,{ou}\nchangetype: modrdn\nnewrdn: CN=Person 4\ndeleteoldrdn: 1\nnewsuperior: {ou}\n\n\
         dn: CN=Person 5,OU=people,{ou}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n\n\
         dn: CN=New,OU=people,{ou}\nchangetype: add\nobjectClass: user\nsAMAccountName: new-{run}\n"
    ));
    for ((name, settings), first) in ["by_dirsync", "by_usn"].iter().zip(&ways).zip(&first) {
        let changes = read(settings, &fields, Some(&cursor(first)));
        known.extend(names(&changes));
        insta::assert_snapshot!(*name, shown(&changes, &known, &server.ou));
        let nothing = read(settings, &fields, Some(&cursor(&changes)));
        assert_eq!(nothing.to_string(), "changes");
    }
}

#[test]
fn who_has_a_group_as_the_primary_one_is_asked_for_once_for_all_groups() {
    let Some(server) = Samba::start() else { return };
    let ou = server.ou.clone();
    let run = ou.split(',').next().unwrap().trim_start_matches("OU=").to_owned();
    let mut ldif = String::new();
    for n in 1..=4 {
        write!(
            ldif,
            "dn: CN=primary {n},{ou}\nchangetype: add\nobjectClass: user\nsAMAccountName: q{n}-{run}\n\n"
        )
        .unwrap();
    }
    for (group, members) in [("odd", [1, 3]), ("even", [2, 4])] {
        write!(ldif, "dn: CN={group},{ou}\nchangetype: add\nobjectClass: group\nsAMAccountName: {group}-{run}\n").unwrap();
        for n in members {
            writeln!(ldif, "member: CN=primary {n},{ou}").unwrap();
        }
        ldif.push('\n');
    }
    server.modify(&ldif);
    // Whose primary group it is, the server takes out of the list.
    let rids = read(
        &settings(389, &ou, "(objectClass=group)", ""),
        &["sAMAccountName", "primaryGroupToken"],
        None,
    );
    let mut ldif = String::new();
    for group in &rids.records {
        let [Datum::Integer(rid)] = group.values("primaryGroupToken") else { panic!("{rids}") };
        let Datum::Text(name) = &group.values("sAMAccountName")[0] else { panic!("{rids}") };
        // Each has it for one of the two; the other stays in the list.
        let n = if name.starts_with("odd") { 1 } else { 2 };
        write!(ldif, "dn: CN=primary {n},{ou}\nchangetype: modify\nreplace: primaryGroupID\nprimaryGroupID: {rid}\n\n").unwrap();
    }
    server.modify(&ldif);

    let searches = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&searches);
    let relay = ad_limits::start_watched(389, Limits { page: 1000, values: 1500 }, move |asked| {
        if asked.windows(14).any(|bytes| bytes == b"primaryGroupID") {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let everything = settings(relay, TOP, "(objectClass=group)", "references = [\"member\"]");
    let groups = read(&everything, &["sAMAccountName", "member"], None);
    assert!(groups.is_complete() && groups.records.len() > 40, "{groups}");
    assert_eq!(searches.load(Ordering::SeqCst), 1, "for {} groups", groups.records.len());
    let users = settings(389, &ou, "(objectClass=user)", "");
    let known = names(&read(&users, &["sAMAccountName"], None));
    let members = |group: &str| {
        let name = |datum: &Datum| match datum {
            Datum::Text(key) => known.get(key).cloned(),
            other => panic!("{other:?}"),
        };
        let is_it = |record: &&Entry| {
            record.values("sAMAccountName") == [Datum::Text(format!("{group}-{run}"))]
        };
        let group = groups.records.iter().find(is_it).unwrap();
        let mut names: Vec<_> =
            group.values("member").iter().map(name).map(Option::unwrap).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(members("odd"), ["q1", "q3"]);
    assert_eq!(members("even"), ["q2", "q4"]);
}

#[test]
fn a_check_says_what_an_administrator_must_know() {
    let Some(server) = Samba::start() else { return };
    let domain = source::<Ldap>(&settings(389, MANY, "(objectClass=contact)", "")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(domain.check(&Context::for_tests("."))).unwrap();
    // The version of Samba is the machine's.
    let notes = report.notes.join("\n");
    let (start, rest) = notes.split_once("(Samba) ").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    insta::assert_snapshot!(format!("{start}(Samba) [version]\n{rest}"), @"
    ldap://127.0.0.1:389: Active Directory (Samba) [version]
    bind: simple, as Administrator@ad.example.test
    naming contexts: DC=ad,DC=example,DC=test, CN=Configuration,DC=ad,DC=example,DC=test, CN=Schema,CN=Configuration,DC=ad,DC=example,DC=test
    controls: paged results, DirSync, deleted entries
    changes since the last run: dirsync
    OU=many,DC=ad,DC=example,DC=test: 5000 entries
    ");
    drop(server);
}

/// Two people below the OU of this run, their settings for both ways to what changed, and a first pass of each.
fn followed(server: &Samba, fields: &[&str]) -> [(String, Pass); 2] {
    let ou = &server.ou;
    let run = ou.split(',').next().unwrap().trim_start_matches("OU=");
    let ldif = [1, 2].map(|n| {
        format!(
            "dn: CN=Person {n},{ou}\nchangetype: add\nobjectClass: user\nsAMAccountName: p{n}-{run}\n\
             title: Engineer\ndepartment: Research\ntelephoneNumber: 1\n\n"
        )
    });
    server.modify(&ldif.concat());
    ["dirsync", "usn"].map(|way| {
        let settings = settings(389, ou, "(objectClass=user)", &format!("changes = \"{way}\""));
        let pass = read(&settings, fields, None);
        assert!(pass.is_complete() && pass.records.len() == 2, "{pass}");
        (settings, pass)
    })
}

/// DirSync gives what did not change as an empty list: read as it comes, everything else of the person would be cleared.
#[test]
fn an_attribute_that_did_not_change_is_not_cleared() {
    let Some(server) = Samba::start() else { return };
    let fields = ["sAMAccountName", "title", "department", "telephoneNumber"];
    let first = followed(&server, &fields);
    server.modify(&format!(
        "dn: CN=Person 1,{}\nchangetype: modify\nreplace: title\ntitle: Lead\n-\ndelete: telephoneNumber\n",
        server.ou
    ));
    for (settings, pass) in &first {
        let changes = read(settings, &fields, Some(&cursor(pass)));
        let [record] = changes.records.as_slice() else { panic!("{changes}") };
        let text = |text: &str| [Datum::Text(text.to_owned())];
        assert_eq!(record.values("title"), text("Lead"));
        assert_eq!(record.values("department"), text("Research"));
        assert!(record.values("telephoneNumber").is_empty(), "this one was cleared");
    }
}

/// Both ways see that somebody was deleted, and nobody else; gives what they see, and where they go on.
fn deleted(server: &Samba, first: &[(String, Pass); 2], fields: &[&str]) -> [(Pass, String); 2] {
    server.modify(&format!("dn: CN=Person 2,{}\nchangetype: delete\n", server.ou));
    first.each_ref().map(|(settings, pass)| {
        let changes = read(settings, fields, Some(&cursor(pass)));
        assert_eq!(read(settings, fields, None).records.len(), 1, "a full pass sees who is left");
        let text = shown(&changes, &names(pass), &server.ou);
        (changes, text)
    })
}

/// What is in the recycle bin still has its attributes, and looks like a person but for `isDeleted`.
#[test]
fn whoever_is_in_the_recycle_bin_is_gone() {
    let Some(server) = Samba::with_recycle_bin() else { return };
    let fields = ["sAMAccountName", "title"];
    let first = followed(&server, &fields);
    for (_, text) in deleted(&server, &first, &fields) {
        insta::allow_duplicates!(insta::assert_snapshot!(text, @r"
        changes
        removed CN=Person 2\0ADEL:[id],CN=Deleted Objects,DC=ad,DC=example,DC=test key [p2]
        "));
    }
}

#[test]
fn a_tombstone_that_is_restored_is_the_same_person() {
    let Some(server) = Samba::start() else { return };
    let fields = ["sAMAccountName", "title"];
    let first = followed(&server, &fields);
    let gone = deleted(&server, &first, &fields);
    // What else it had is lost with the tombstone.
    server.modify_deleted(&format!(
        "dn: {}\nchangetype: modify\ndelete: isDeleted\n-\nreplace: distinguishedName\ndistinguishedName: CN=Person 2,{}\n",
        gone[0].0.removed[0].origin, server.ou
    ));
    for ((settings, before), (since, _)) in first.iter().zip(&gone) {
        let back = read(settings, &fields, Some(&cursor(since)));
        let text = shown(&back, &names(before), &server.ou);
        insta::allow_duplicates!(insta::assert_snapshot!(text, @r#"
        CN=Person 2,OU=run key [p2], sAMAccountName "p2"
        changes
        "#));
    }
}

/// Active Directory gives 1,500 values at a time, and an empty list beside them: read as it comes, the group loses everybody.
#[test]
fn failure_03_a_group_of_five_thousand_comes_whole() {
    let Some(_server) = Samba::start() else { return };
    let relay = ad_limits::start(389, Limits { page: 1000, values: 1500 });
    let group = settings(relay, MANY, "(objectClass=group)", "references = [\"member\"]");
    let group = read(&group, &["member"], None);
    let text = |value: &Datum| match value {
        Datum::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let members: Vec<String> = group.records[0].values("member").iter().map(text).collect();
    let contacts = read(&settings(relay, MANY, "(objectClass=contact)", ""), &["cn"], None);
    let keys: BTreeSet<String> = contacts.records.iter().map(|record| record.key.clone()).collect();
    assert!(group.is_complete() && contacts.is_complete());
    assert_eq!((members.len(), keys.len()), (5000, 5000));
    assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), keys, "each by key, and once");
}
