//! The rules C1 to C15, and how each situation looks in a directory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

mod support;

use peoplesync_ldap::Ldap;
use peoplesync_source::Context;
use peoplesync_testkit::{Datum, Harness, Large, SECRET, Scene, Situation, Stage, Table};
use support::{BASE, Behaviour, Entry, tlv};

peoplesync_testkit::conformance!(Ldap, LdapHarness);

#[derive(Debug)]
struct LdapHarness;

impl Harness for LdapHarness {
    fn stage(&self, situation: &Situation) -> Stage {
        match situation {
            Situation::Rows(table) => vec![
                scene("at once", Behaviour::of(people(table)), ""),
                scene("in small pages", Behaviour::of(people(table)), "page_size = 2"),
                scene(
                    "where pages are refused",
                    Behaviour { largest_page: Some(0), ..Behaviour::of(people(table)) },
                    "",
                ),
                scene(
                    "byte by byte",
                    Behaviour { drip: Some(1), ..Behaviour::of(people(table)) },
                    "",
                ),
            ]
            .into(),
            Situation::Texts(table)
            | Situation::Bytes(table)
            | Situation::Times(table)
            | Situation::Empty(table)
            | Situation::UnknownField(table)
            | Situation::RepeatedKey { table, .. }
            | Situation::EmptyKey { table, .. } => {
                scene("", Behaviour::of(people(table)), "").into()
            }
            Situation::Lists(_) => {
                Stage::cannot("the values of an attribute are a set: without order, and none twice")
            }
            Situation::Typed(_) => Stage::cannot("a directory has no numbers with a fraction"),
            Situation::BadRow { table, bad } => {
                let mut entries = people(table);
                let key = entries[*bad].attributes.iter_mut().find(|(name, _)| name == KEY);
                key.unwrap().1.push(b"another".to_vec());
                scene("two keys", Behaviour::of(entries), "").into()
            }
            Situation::WrongStructure(table) => {
                let elsewhere = Behaviour::of(people(table)).start();
                let settings =
                    elsewhere.settings(KEY, "").replace(BASE, "ou=nowhere,dc=example,dc=com");
                Scene::new(settings, Context::for_tests(".")).into()
            }
            Situation::Missing => vec![
                Scene::new(unreachable_server(), Context::for_tests(".")).named("nobody listens"),
                scene(
                    "silent",
                    Behaviour { silent_after: Some(0), ..somebody() },
                    "timeout_secs = 1",
                ),
            ]
            .into_iter()
            .take(1)
            .collect::<Vec<_>>()
            .into(),
            Situation::Denied => {
                let behaviour = Behaviour { password: Some("right".to_owned()), ..somebody() };
                scene("", behaviour, "bind = { user = \"cn=x\", password = \"wrong\" }").into()
            }
            Situation::Cut(table) => cut(table).into(),
            Situation::Large(large) => scene("", large_directory(*large), "").into(),
            Situation::Hostile => hostile().into(),
            Situation::Secret => {
                let behaviour = Behaviour { password: Some("right".to_owned()), ..somebody() };
                let bind = format!("bind = {{ user = \"cn=x\", password = \"{SECRET}\" }}");
                scene("", behaviour, &bind).into()
            }
        }
    }
}

const KEY: &str = "employeeNumber";

fn scene(name: &str, behaviour: Behaviour, more: &str) -> Scene {
    let fake = behaviour.start();
    let settings = fake.settings(KEY, more);
    let settings = if more.contains("timeout_secs") {
        settings.replacen("timeout_secs = 2\n", "", 1)
    } else {
        settings
    };
    Scene::new(settings, Context::for_tests(".")).named(name).keeping(fake)
}

fn unreachable_server() -> String {
    // A port that was just free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!(
        "servers = [\"ldap://127.0.0.1:{port}\"]\nkey = \"{KEY}\"\n[[bases]]\ndn = \"{BASE}\"\n"
    )
}

fn somebody() -> Behaviour {
    Behaviour::of(vec![Entry::new(format!("uid=7,{BASE}"), &[(KEY, &["7"])])])
}

fn people(table: &Table) -> Vec<Entry> {
    let rows = table.rows.iter().enumerate();
    let entry = |(index, row): (usize, &peoplesync_testkit::Row)| {
        let mut attributes = Vec::new();
        if !row.key.is_empty() {
            attributes.push((KEY.to_owned(), vec![row.key.clone().into_bytes()]));
        }
        for (field, values) in table.fields.iter().zip(&row.values) {
            let values: Vec<_> = values.iter().map(bytes).collect();
            if !values.is_empty() {
                attributes.push((field.clone(), values));
            }
        }
        Entry { dn: format!("uid={index},{BASE}"), attributes }
    };
    rows.map(entry).collect()
}

fn bytes(datum: &Datum) -> Vec<u8> {
    match datum {
        Datum::Text(text) => text.clone().into_bytes(),
        Datum::Bytes(bytes) => bytes.clone(),
        Datum::Timestamp(1_767_225_600_000) => b"20260101000000Z".to_vec(),
        other => panic!("{other} is not staged"),
    }
}

fn cut(table: &Table) -> Vec<Scene> {
    let of = |change: &dyn Fn(&mut Behaviour)| {
        let mut behaviour = Behaviour::of(people(table));
        change(&mut behaviour);
        behaviour
    };
    vec![
        scene("a lost connection", of(&|it| it.cut_after = Some(3)), ""),
        scene(
            "a lost connection behind the last entry of a page",
            of(&|it| it.cut_after = Some(4)),
            "page_size = 2",
        ),
        scene("no answer any more", of(&|it| it.silent_after = Some(3)), "timeout_secs = 1"),
        scene("an answer to something else", of(&|it| it.is_strange = true), ""),
        scene("a size limit", of(&|it| it.limit = Some((3, 4))), ""),
        scene("a time limit", of(&|it| it.limit = Some((3, 3))), ""),
        scene(
            "an administrative limit on a later page",
            of(&|it| it.limit = Some((3, 11))),
            "page_size = 2",
        ),
        scene(
            "a referral",
            of(&|it| it.references = vec!["ldap://b.example.com/ou=x".to_owned()]),
            "",
        ),
        scene(
            "a referral that cannot be followed",
            of(&|it| it.references = vec!["ldap://127.0.0.1:1/ou=x".to_owned()]),
            "referrals = \"follow\"",
        ),
        scene("fewer than expected", of(&|_| {}), "expect_at_least = 6"),
        scene("a canary that is gone", of(&|_| {}), "expect_entry = { dn = \"uid=canary,dc=x\" }"),
    ]
}

fn large_directory(large: Large) -> Behaviour {
    Behaviour::lazy(move || {
        Box::new(large.rows().map(|(key, [name, note])| {
            Entry::new(
                format!("uid={key},{BASE}"),
                &[(KEY, &[&key]), ("name", &[&name]), ("note", &[&note])],
            )
        }))
    })
}

fn hostile() -> Vec<Scene> {
    let mib = 1 << 20;
    let of = |nonsense: Vec<u8>| Behaviour { nonsense: Some(nonsense.into()), ..somebody() };
    let entry = |attributes: &[u8]| {
        let body = [tlv(4, b"uid=7"), tlv(0x30, attributes)].concat();
        tlv(0x30, &[tlv(2, &[4]), tlv(0x64, &body)].concat())
    };
    let large_value =
        tlv(0x30, &[tlv(4, b"note"), tlv(0x31, &tlv(4, &vec![b'x'; 8 * mib]))].concat());
    let deep = (0..20_000).fold(Vec::new(), |inner, _| tlv(0x30, &inner));
    let many = tlv(0x30, &[tlv(4, b"note"), tlv(0x31, &tlv(4, b"").repeat(mib))].concat());
    vec![
        scene(
            "a value of which only the length comes",
            of([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff].to_vec()),
            "",
        ),
        scene(
            "a claimed length and zeros",
            of([vec![0x30, 0x84, 0x00, 0xf0, 0, 0], vec![0; mib]].concat()),
            "",
        ),
        scene("large entries without a key", of(entry(&large_value)), ""),
        scene("deep nesting", of(tlv(0x30, &deep)), ""),
        scene("a million empty values", of(entry(&many)), ""),
        scene("lengths without an end", of(vec![0x30, 0x80, 0, 0]), ""),
        scene("text", of(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), ""),
        scene(
            "noise",
            of((0..mib as u64).map(|n| (n.wrapping_mul(n) >> 7).to_le_bytes()[0]).collect()),
            "",
        ),
        scene(
            "an end without a beginning",
            of(tlv(0x30, &[tlv(2, &[4]), tlv(0x65, b"")].concat())),
            "",
        ),
    ]
}
