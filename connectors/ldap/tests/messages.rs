//! What a user reads: settings that make no sense, and answers of Active Directory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

mod support;

use peoplesync_ldap::Ldap;
use peoplesync_source::{Context, Query};
use peoplesync_testkit::{read_all, source};
use support::{BASE, Behaviour, Entry};

#[test]
fn settings_that_make_no_sense_are_refused() {
    let base = "[[bases]]\ndn = \"dc=x\"";
    let with = |lines: &str| format!("servers = [\"ldaps://a\"]\nkey = \"uid\"\n{lines}\n{base}");
    let shown = [
        format!("key = \"uid\"\n{base}"),
        format!("servers = []\nkey = \"uid\"\n{base}"),
        "servers = [\"ldaps://a\"]\nkey = \"uid\"\nbases = []".to_owned(),
        with("ports = 3"),
        with("").replace("ldaps://a", "a.example.com"),
        with("").replace("ldaps://a", "http://a"),
        with("").replace("ldaps://a", "ldaps://a/dc=x"),
        with("").replace("ldaps://a", "ldap://a"),
        with("start_tls = true"),
        with("page_size = 0"),
        with("").replace("\"uid\"", "\" \""),
        with("bind = { user = \"cn=x\" }"),
        with("bind = { method = \"external\" }"),
        with("bind = { method = \"external\", user = \"cn=x\" }"),
        with("bind = { method = \"kerberos\" }"),
        format!("{}\nfilter = \"(uid=\"", with("")),
        format!("{}\nscope = \"deep\"", with("")),
    ]
    .map(|settings| {
        let refused = source::<Ldap>(&settings).unwrap_err();
        let refused = refused.trim_end().replace('\n', "\n  ");
        format!("{}\n  {refused}\n", settings.replace('\n', "; "))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[cfg(not(feature = "gssapi"))]
#[test]
fn a_program_without_kerberos_says_so() {
    let refused = source::<Ldap>(
        "servers = [\"ldap://dc1.example.com\"]\nkey = \"objectGUID\"\nbind = { method = \"gssapi\" }\n\
         bases = [{ dn = \"dc=x\" }]",
    );
    insta::assert_snapshot!(refused.unwrap_err(), @r#"
    this program was built without bind.method "gssapi"
      hint: `cargo build --release --features gssapi`; it needs libkrb5-dev and libclang-dev
    "#);
}

fn read(behaviour: Behaviour, key: &str, more: &str, fields: &[&str]) -> String {
    let fake = behaviour.start();
    let source = source::<Ldap>(&fake.settings(key, more)).unwrap();
    let pass = read_all(&*source, &Context::for_tests("."), &Query::fields(fields.iter().copied()));
    pass.to_string().replace(&fake.port.to_string(), "[port]")
}

#[test]
fn rejections_name_the_entry_and_the_key() {
    let key = "employeeNumber";
    let entries = vec![
        Entry::new(format!("uid=a,{BASE}"), &[(key, &["7"]), ("cn", &["Zoë"])]),
        Entry::new(format!("uid=b,{BASE}"), &[("cn", &["Ada"])]),
        Entry::new(format!("uid=c,{BASE}"), &[(key, &["8", "9"])]),
        Entry::new(format!("uid=d,{BASE}"), &[(key, &["7"])]),
        Entry::new(format!("uid=e,{BASE}"), &[(key, &[" "])]),
    ];
    insta::assert_snapshot!(read(Behaviour::of(entries), key, "", &["cn"]));
}

#[test]
fn values_of_active_directory_read_as_people_know_them() {
    let guid: Vec<u8> = (0..16).collect();
    let sid =
        [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xf4, 1, 0, 0];
    let with = |mut entry: Entry, name: &str, value: &[u8]| {
        entry.attributes.push((name.to_owned(), vec![value.to_vec()]));
        entry
    };
    let zoe = Entry::new(
        format!("CN=Zoe,{BASE}"),
        &[
            ("userAccountControl", &["514"]),
            ("accountExpires", &["132539328000000000"]),
            ("pwdLastSet", &["0"]),
            ("isManager", &["TRUE"]),
        ],
    );
    let zoe = with(with(zoe, "objectGUID", &guid), "objectSid", &sid);
    let ada = Entry::new(
        format!("CN=Ada,{BASE}"),
        &[
            ("userAccountControl", &["66048"]),
            ("accountExpires", &["9223372036854775807"]),
            ("pwdLastSet", &["132539328000000000"]),
            ("isManager", &["maybe"]),
        ],
    );
    let ada = with(with(ada, "objectGUID", &[7; 16]), "objectSid", b"broken");
    let fields = [
        "IsDisabled",
        "IsExpired",
        "MustChangePassword",
        "PasswordNeverExpires",
        "accountExpires",
        "objectGUID",
        "objectSid",
        "pwdLastSet",
        "isManager",
    ];
    let behaviour = Behaviour::of(vec![zoe, ada]);
    insta::assert_snapshot!(read(behaviour.clone(), "objectGUID", "", &fields));
    let bytes = read(behaviour, "objectGUID", "bytes = [\"objectGUID\"]", &["objectGUID"]);
    insta::assert_snapshot!(bytes);
}

#[test]
fn only_what_the_mapping_reads_is_asked_for() {
    let behaviour =
        Behaviour::of(vec![Entry::new(format!("uid=a,{BASE}"), &[("employeeNumber", &["7"])])]);
    let asked = std::sync::Arc::clone(&behaviour.asked);
    let shown = [["mail", "dn"].as_slice(), &["IsDisabled", "MAIL"], &[]].map(|fields| {
        read(behaviour.clone(), "employeeNumber", "", fields);
        format!("{fields:?}: {}", asked.lock().unwrap().join(" "))
    });
    // The time of the last change is where the next pass goes on.
    insta::assert_snapshot!(shown.join("\n"), @r#"
    ["mail", "dn"]: mail employeenumber modifytimestamp
    ["IsDisabled", "MAIL"]: useraccountcontrol mail employeenumber modifytimestamp
    []: employeenumber modifytimestamp
    "#);
}

#[test]
fn long_lists_are_fetched_to_their_end() {
    let members: Vec<String> = (0..7).map(|n| format!("uid={n},{BASE}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let entries = vec![
        Entry::new(format!("cn=large,{BASE}"), &[("cn", &["large"]), ("member", &members)]),
        Entry::new(format!("cn=small,{BASE}"), &[("cn", &["small"]), ("member", &members[..3])]),
    ];
    let behaviour = Behaviour { range: Some(3), ..Behaviour::of(entries) };
    insta::assert_snapshot!(read(behaviour, "cn", "", &["member"]));
}
