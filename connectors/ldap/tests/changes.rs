//! What changed since the last run, against OpenLDAP: who was changed, who is gone, and when everything must be read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

#[path = "../../../tests/servers/slapd.rs"]
mod slapd;

use peoplesync_ldap::Ldap;
use peoplesync_source::{Context, Cursor, Query};
use peoplesync_testkit::{Datum, Pass, read_all, source};
use slapd::{ADMIN, Options, SUFFIX, Slapd, people};

fn settings(server: &Slapd, key: &str, more: &str) -> String {
    format!(
        "servers = [\"{}\"]\nkey = \"{key}\"\nbind = {{ user = \"{ADMIN}\", password = \"admin\" }}\n{more}\n\
         [[bases]]\ndn = \"ou=people,{SUFFIX}\"\nfilter = \"(objectClass=inetOrgPerson)\"\n",
        server.url()
    )
}

fn read(settings: &str, since: Option<&Cursor>) -> Pass {
    let mut query = Query::fields(["uid", "title"]);
    query.since = since.cloned();
    read_all(&*source::<Ldap>(settings).unwrap(), &Context::for_tests("."), &query)
}

fn cursor(pass: &Pass) -> Cursor {
    pass.end.as_ref().unwrap().cursor.clone().unwrap()
}

/// Who came, by name; how many are gone; the end.
fn shown(pass: &Pass) -> String {
    let mut names: Vec<_> = pass
        .records
        .iter()
        .map(|record| match (record.values("uid"), record.values("title")) {
            ([Datum::Text(uid), ..], [Datum::Text(title)]) => format!("{uid} ({title})"),
            _ => record.to_string(),
        })
        .collect();
    names.sort_unstable();
    let names = if names.len() > 6 { format!("{} people", names.len()) } else { names.join(", ") };
    let text = pass.to_string();
    let end = text.lines().next_back().unwrap_or_default();
    format!("[{names}] {} gone, {end}", pass.removed.len())
}

/// Something of everything that can happen to an entry.
fn happen(server: &Slapd) {
    let dn = |n: u32| format!("dn: uid=person{n},ou=people,{SUFFIX}\n");
    server.modify(
        &[
            format!("{}changetype: modify\nreplace: title\ntitle: Lead\n", dn(1)),
            format!("{}changetype: delete\n", dn(2)),
            format!("{}changetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n", dn(3)),
            format!("{}changetype: modrdn\nnewrdn: uid=person4\ndeleteoldrdn: 1\nnewsuperior: ou=elsewhere,{SUFFIX}\n", dn(4)),
            format!(
                "dn: uid=new,ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: new\ncn: New\nsn: New\ntitle: Engineer\n\
                 employeeNumber: 99\n"
            ),
        ]
        .join("\n"),
    );
}

#[test]
fn synchronisation_gives_what_changed_and_who_is_gone() {
    let ldif = people(20);
    let options = Options { ldif: &ldif, session_log: true, ..Options::default() };
    let Some(server) = Slapd::start(&options) else { return };
    let settings = settings(&server, "entryUUID", "");
    let first = read(&settings, None);
    let gone: Vec<_> = [2, 4]
        .map(|n| {
            let name = Datum::text(&format!("person{n}"));
            first
                .records
                .iter()
                .find(|record| record.values("uid") == [name.clone()])
                .unwrap()
                .key
                .clone()
        })
        .into();
    let nothing = read(&settings, Some(&cursor(&first)));
    happen(&server);
    let changes = read(&settings, Some(&cursor(&nothing)));
    let mut removed: Vec<_> =
        changes.removed.iter().map(|removed| removed.key.to_string()).collect();
    removed.sort_unstable();
    let mut expected = gone;
    expected.sort_unstable();
    assert_eq!(removed, expected, "they are gone by the key that they had");
    // As long as nothing was applied, the same comes from the same cursor.
    let again = read(&settings, Some(&cursor(&nothing)));
    let after = read(&settings, Some(&cursor(&changes)));
    let passes = [&first, &nothing, &changes, &again, &after].map(shown);
    insta::assert_snapshot!(passes.join("\n"));
}

#[test]
fn a_server_that_forgot_who_was_deleted_is_read_in_full() {
    let ldif = people(20);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let settings = settings(&server, "entryUUID", "");
    let first = read(&settings, None);
    happen(&server);
    let changes = read(&settings, Some(&cursor(&first)));
    let mut lost = cursor(&first);
    lost.0 = lost.0.replace("303030", "303939");
    let broken = Cursor("syncrepl\n6e6f6e73656e7365".to_owned());
    let of_others = Cursor("dirsync\n00".to_owned());
    let passes = [
        first,
        changes,
        read(&settings, Some(&lost)),
        read(&settings, Some(&broken)),
        read(&settings, Some(&of_others)),
    ];
    insta::assert_snapshot!(passes.map(|pass| shown(&pass)).join("\n"));
}

#[test]
fn times_of_changes_say_who_moved_out_of_scope_and_not_who_was_deleted() {
    let ldif = people(5);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let settings = settings(&server, "employeeNumber", "");
    let first = read(&settings, None);
    assert!(cursor(&first).0.starts_with("modifyTimestamp\n"), "{:?}", first.end);
    happen(&server);
    let changes = read(&settings, Some(&cursor(&first)));
    let removed: Vec<_> = changes.removed.iter().map(|removed| removed.key.as_str()).collect();
    insta::assert_snapshot!(format!(
        "{}\n{}\nremoved: {}",
        shown(&first),
        shown(&changes),
        removed.join(", ")
    ));
}

#[test]
fn what_the_server_makes_up_is_read_in_full() {
    let ldif = people(2);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let source = source::<Ldap>(&settings(&server, "entryUUID", "")).unwrap();
    let pass = read_all(&*source, &Context::for_tests("."), &Query::fields(["memberOf"]));
    assert_eq!(pass.end.unwrap().cursor, None, "a new member changes no person");
}
