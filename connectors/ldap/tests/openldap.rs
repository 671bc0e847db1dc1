//! Against OpenLDAP itself: limits, TLS, what attributes really look like, and a server that dies.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

#[path = "../../../tests/servers/slapd.rs"]
mod slapd;

use std::path::{Path, PathBuf};

use peoplesync_ldap::Ldap;
use peoplesync_source::{Context, ErrorKind, Query, Step};
use peoplesync_testkit::{Pass, read_all, source};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use slapd::{ADMIN, Options, SUFFIX, Slapd, people};
use tempfile::TempDir;

/// Settings for a server: who reads, and further lines.
fn settings(url: &str, user: &str, more: &str) -> String {
    let password = user.split(['=', ',']).nth(1).unwrap();
    format!(
        "servers = [\"{url}\"]\nkey = \"entryUUID\"\n\
         bind = {{ user = \"{user}\", password = \"{password}\" }}\n{more}\n\
         [[bases]]\ndn = \"ou=people,{SUFFIX}\"\nfilter = \"(objectClass=inetOrgPerson)\"\n"
    )
}

fn account(name: &str) -> String {
    format!("cn={name},{SUFFIX}")
}

fn read(settings: &str, fields: &[&str]) -> Pass {
    let source = source::<Ldap>(settings).unwrap();
    read_all(&*source, &Context::for_tests("."), &Query::fields(fields.iter().copied()))
}

/// How many came, and the end, with ports and identities left out.
fn summary(pass: &Pass) -> String {
    let text = pass.to_string();
    let end = text.lines().skip(pass.records.len() + pass.rejected.len()).collect::<Vec<_>>();
    format!("{} records, {}", pass.records.len(), redact(&end.join("\n")))
}

fn redact(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split("127.0.0.1:").enumerate() {
        let rest = if index == 0 {
            part
        } else {
            part.trim_start_matches(|letter: char| letter.is_ascii_digit())
        };
        if index > 0 {
            out.push_str("[server]");
        }
        out.push_str(rest);
    }
    out
}

#[test]
fn limits_make_a_read_partial_and_small_pages_make_it_whole() {
    let ldif = people(1200);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let shown = ["reader", "small", "nopage", "free", "hidden"].map(|name| {
        let pass = read(&settings(&server.url(), &account(name), ""), &["uid", "mail"]);
        format!("{name}: {}", summary(&pass))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn attributes_come_as_the_directory_has_them() {
    let ldif = format!(
        "dn: uid=zoe,ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid: zoe\n\
         cn: Zoë Ng\ncn;lang-de: Zoë Ng (de)\nsn: Ng\nuidNumber: 1007\ngidNumber: 100\nhomeDirectory: /home/zoe\n\
         jpegPhoto:: /9j/4AAQ\nuserCertificate;binary:: MAMCAQE=\ndescription:: IHR3byBibGFua3Mg\n\
         manager: UID=ada,OU=People,dc=example,dc=com\n\n\
         dn: cn=Ada \\2B Byron\\, Lady,ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: ada2\ncn: Ada + Byron, Lady\nsn: Byron\n\n\
         dn: uid=ada,ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: ada\ncn: Ada\nsn: Byron\n\
         manager: uid=nobody,ou=people,{SUFFIX}\nmail: a@example.com\nmail: b@example.com\n\n"
    );
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    server.modify(&format!(
        "dn: cn=staff,ou=groups,{SUFFIX}\nchangetype: add\nobjectClass: groupOfNames\ncn: staff\nmember: uid=zoe,ou=people,{SUFFIX}\n"
    ));
    let fields = [
        "cn",
        "cn;lang-de",
        "uidNumber",
        "jpegPhoto",
        "userCertificate",
        "description",
        "manager",
        "mail",
        "MEMBEROF",
        "dn",
        "entryUUID",
        "modifyTimestamp",
    ];
    let settings =
        settings(&server.url(), ADMIN, "references = [\"manager\"]").replace("entryUUID", "uid");
    let pass = read(&settings, &fields);
    let text = pass.to_string();
    let masked = text.lines().map(|line| {
        // Both are made by the server.
        let fields = line.split(", ").map(|field| match field.split_once(' ') {
            Some((name @ ("entryUUID" | "modifyTimestamp"), value)) => {
                let kind = if value.starts_with('@') { "time" } else { "text" };
                format!("{name} [{kind}]")
            }
            _ => field.to_owned(),
        });
        fields.collect::<Vec<_>>().join(", ")
    });
    insta::assert_snapshot!(masked.collect::<Vec<_>>().join("\n"));
    // What the schema says of them, before any of them came.
    let types = pass.types.iter().map(|(name, holds)| format!("{name} {holds:?}"));
    insta::assert_snapshot!(types.collect::<Vec<_>>().join(", "));

    let everything = source::<Ldap>(&settings).unwrap();
    let pass = read_all(&*everything, &Context::for_tests("."), &Query::default());
    let names: Vec<_> = pass
        .records
        .iter()
        .map(|record| record.fields.keys().cloned().collect::<Vec<_>>().join(" "))
        .collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    cn cn;lang-de description gidNumber homeDirectory jpegPhoto manager objectClass sn uid uidNumber userCertificate;binary
    cn objectClass sn uid
    cn mail manager objectClass sn uid
    ");
    assert!(pass.is_complete());
}

#[test]
fn unknown_attributes_and_bases_are_errors_that_help() {
    let ldif = people(1);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let good = settings(&server.url(), ADMIN, "");
    let cases = [
        read(&good, &["givenname", "maill"]),
        read(&good, &["IsDisabled"]),
        read(&good.replace("ou=people", "ou=poeple"), &["mail"]),
        read(&good.replace("dn = \"ou=people,dc=example,dc=com\"", "dn = \"people\""), &["mail"]),
        read(&good.replace("password = \"admin\"", "password = \"wrong\""), &["mail"]),
        read(&good.replace("bind", "# bind"), &["mail"]),
        read(
            &format!(
                "expect_entry = {{ dn = \"uid=person1,ou=people,{SUFFIX}\", attributes = [\"telephoneNumber\"] }}\n{good}"
            ),
            &["mail"],
        ),
        read(&format!("expect_at_least = 2\n{good}"), &["mail"]),
    ];
    let shown: Vec<_> = cases.iter().map(summary).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// An authority with a certificate for the server, one for us, and another authority.
struct Pki {
    folder: TempDir,
}

impl Pki {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
        };
        let (ours, other) = (authority("ours"), authority("other"));
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &ours.pem());
        write("other.pem", &other.pem());
        for (name, host) in [("server", "127.0.0.1"), ("client", "")] {
            let hosts = if host.is_empty() { Vec::new() } else { vec![host.to_owned()] };
            let mut params = CertificateParams::new(hosts).unwrap();
            params.distinguished_name.push(DnType::CommonName, "reader");
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &ours).unwrap();
            write(&format!("{name}.pem"), &certificate.pem());
            write(&format!("{name}.key"), &key.serialize_pem());
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn tls_is_trusted_for_a_reason() {
    let (pki, ldif) = (Pki::new(), people(3));
    let tls = Some([pki.path("server.pem"), pki.path("server.key"), pki.path("ca.pem")]);
    let global = format!("authz-regexp \"^cn=reader$\" \"cn=reader,{SUFFIX}\"\n");
    let options = Options { ldif: &ldif, tls, global: &global, ..Options::default() };
    let Some(server) = Slapd::start(&options) else { return };
    let (plain, tls) = (server.url(), format!("ldaps://127.0.0.1:{}", server.tls_port));
    let external = |url: &str, more: &str| {
        format!(
            "servers = [\"{url}\"]\nkey = \"uid\"\nca = \"ca.pem\"\nbind = {{ method = \"external\" }}\n\
             client_certificate = {{ certificate = \"client.pem\", key = \"client.key\" }}\n{more}\n\
             [[bases]]\ndn = \"ou=people,{SUFFIX}\"\n"
        )
    };
    let cases = [
        ("ldaps", settings(&tls, ADMIN, "ca = \"ca.pem\"")),
        ("StartTLS", settings(&plain, ADMIN, "ca = \"ca.pem\"\nstart_tls = true")),
        ("another authority", settings(&tls, ADMIN, "ca = \"other.pem\"")),
        (
            "another authority, StartTLS",
            settings(&plain, ADMIN, "ca = \"other.pem\"\nstart_tls = true"),
        ),
        ("no file", settings(&tls, ADMIN, "ca = \"missing.pem\"")),
        ("no certificate in it", settings(&tls, ADMIN, "ca = \"server.key\"")),
        (
            "another host",
            settings(&tls.replace("127.0.0.1", "localhost"), ADMIN, "ca = \"ca.pem\""),
        ),
        (
            "TLS on the plain port",
            settings(&plain.replace("ldap:", "ldaps:"), ADMIN, "ca = \"ca.pem\""),
        ),
        (
            "no TLS on the TLS port",
            settings(
                &tls.replace("ldaps:", "ldap:"),
                ADMIN,
                "timeout_secs = 1\nconnect_timeout_secs = 1",
            ),
        ),
        ("EXTERNAL", external(&tls, "")),
        ("EXTERNAL, StartTLS", external(&plain, "start_tls = true")),
    ];
    let shown = cases.map(|(name, settings)| {
        let source = source::<Ldap>(&settings).unwrap();
        let pass =
            read_all(&*source, &Context::for_tests(pki.folder.path()), &Query::fields(["uid"]));
        format!(
            "{name}: {}",
            summary(&pass)
                .replace("localhost", "[name]")
                .replace(&server.tls_port.to_string(), "[port]")
        )
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_server_that_dies_while_it_is_read_is_an_error_and_never_an_end() {
    let ldif = people(5000);
    let Some(mut server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else {
        return;
    };
    let source = source::<Ldap>(&settings(&server.url(), ADMIN, "page_size = 400")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let mut records = source.open(&Context::for_tests("."), &Query::default()).await.unwrap();
        let mut count = 0;
        loop {
            match records.next().await {
                Ok(Step::Batch(batch)) => {
                    count += batch.len();
                    server.kill();
                }
                Ok(Step::End(end)) => {
                    panic!("the server died after {count}, and the end is {end:?}")
                }
                Err(error) => return error,
            }
        }
    });
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn the_next_server_is_asked_where_one_does_not_answer() {
    let ldif = people(2);
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let dead = format!("ldap://127.0.0.1:{}", slapd::free_port());
    let two = settings(&server.url(), ADMIN, "")
        .replace("servers = [", &format!("servers = [\"{dead}\", "));
    assert_eq!(summary(&read(&two, &["uid"])), "2 records, complete");
    let none = settings(&dead, ADMIN, "");
    let pass = read(&none, &["uid"]);
    assert_eq!(pass.end.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn each_base_has_its_depth_and_filter_and_nobody_comes_twice() {
    let ou = |name: &str, above: &str| {
        format!("dn: ou={name},{above}{SUFFIX}\nobjectClass: organizationalUnit\nou: {name}\n\n")
    };
    let person = |uid: &str, above: &str| {
        format!(
            "dn: uid={uid},{above}{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\n"
        )
    };
    let ldif = [
        ou("staff", "ou=people,"),
        ou("deep", "ou=staff,ou=people,"),
        person("top", "ou=people,"),
        person("staff", "ou=staff,ou=people,"),
        person("deep", "ou=deep,ou=staff,ou=people,"),
        person("other", "ou=deep,ou=staff,ou=people,"),
    ]
    .concat();
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let base = |dn: &str, scope: &str, filter: &str| {
        format!("{{ dn = \"{dn}ou=people,{SUFFIX}\", scope = \"{scope}\", filter = \"{filter}\" }}")
    };
    let all = "(objectClass=inetOrgPerson)";
    let shown = [
        vec![base("", "subtree", all)],
        vec![base("", "one", all)],
        vec![base("uid=top,", "base", all)],
        vec![base("ou=staff,", "one", all), base("ou=deep,ou=staff,", "subtree", "(uid=o*)")],
        vec![base("", "subtree", all), base("ou=staff,", "subtree", all)],
    ]
    .map(|bases| {
        let settings = format!(
            "servers = [\"{}\"]\nkey = \"uid\"\nbind = {{ user = \"{ADMIN}\", password = \"admin\" }}\nbases = [{}]",
            server.url(),
            bases.join(", ")
        );
        let pass = read(&settings, &["uid"]);
        let mut keys: Vec<_> = pass.records.iter().map(|record| record.key.as_str()).collect();
        keys.sort_unstable();
        format!("{}, complete: {}", keys.join(" "), pass.is_complete())
    });
    insta::assert_snapshot!(shown.join("\n"), @r"
    deep other staff top, complete: true
    top, complete: true
    top, complete: true
    other staff, complete: true
    deep other staff top, complete: true
    ");
}

#[test]
fn a_referral_is_reported_followed_or_left_out() {
    let ldif = people(3);
    let Some(there) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let referral = format!(
        "dn: ou=branch,ou=people,{SUFFIX}\nobjectClass: referral\nobjectClass: extensibleObject\nou: branch\n\
         ref: {}/ou=people,{SUFFIX}\n\n\
         dn: uid=here,ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: here\ncn: Here\nsn: Here\n",
        there.url()
    );
    let Some(here) = Slapd::start(&Options { ldif: &referral, ..Options::default() }) else {
        return;
    };
    let shown = ["report", "follow", "ignore"].map(|what| {
        let pass =
            read(&settings(&here.url(), ADMIN, &format!("referrals = \"{what}\"")), &["uid"]);
        format!("{what}: {}", summary(&pass))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_check_says_what_an_administrator_must_know() {
    let ldif = people(700)
        + &format!("dn: ou=x,ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: x\n");
    let Some(server) = Slapd::start(&Options { ldif: &ldif, ..Options::default() }) else { return };
    let checked = |settings: &str| {
        let source = source::<Ldap>(settings).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let checked = runtime.block_on(source.check(&Context::for_tests(Path::new(".")))).unwrap();
        let used = checked.used.unwrap_or_default();
        let used: Vec<_> =
            used.iter().filter(|name| !name.contains("Timestamp")).cloned().collect();
        format!("{}\nused: {}", redact(&checked.notes.join("\n")), used.join(" "))
    };
    let everything = settings(&server.url(), ADMIN, "")
        .replace("(objectClass=inetOrgPerson)", "(objectClass=*)")
        .replace("entryUUID", "employeeNumber");
    let reader = settings(&server.url(), &account("reader"), "");
    let small = settings(&server.url(), &account("small"), "");
    insta::assert_snapshot!([everything, reader, small].map(|text| checked(&text)).join("\n\n"));
}
