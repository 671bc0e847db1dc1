//! The same 2,000 people from different kinds of source give the same plan, to the byte: only the places differ. A kind of source joins by
//! one more [`Kind`].

use std::fmt::Write as _;

use base64::Engine as _;
use serde_json::Value as Json;

use super::directory::slapd::{ADMIN, Options, SUFFIX, Slapd};
use super::harness::Bed;

const PEOPLE: usize = 2_000;

/// A kind of source: its name, its settings, and what writes the people where the settings say.
struct Kind {
    name: &'static str,
    settings: &'static str,
    write: fn(&Bed, &[Person]),
}

const KINDS: [Kind; 3] = [
    Kind { name: "csv", settings: "path = \"people.csv\"\nkey = \"id\"", write: csv },
    Kind { name: "excel", settings: "path = \"people.xlsx\"\nkey = \"id\"", write: sheet },
    Kind {
        name: "excel",
        settings: "path = \"people.xlsx\"\nkey = \"id\"\nsheets = \"Part *\"",
        write: sheets,
    },
];

/// The same for all kinds. A source with dates and booleans has them as such, one with text only writes them as ISO 8601 does.
const PEOPLE_CONFIG: &str = r#"
[target]
url  = "http://127.0.0.1:1"
auth = { bearer = { env = "SCIM_TOKEN" } }

[people]
match = ["externalId", "userName"]
scope = "kind <> 3"

[people.attributes]
externalId        = "id"
userName          = "mail"
active            = "active"
nickName          = "starts"
"name.givenName"  = "first"
"name.familyName" = "last"
displayName       = 'first & " " & last'
title             = { value = "title", on_empty = "clear" }
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" = { reference = "manager" }
"#;

const HEADER: [&str; 9] =
    ["id", "first", "last", "mail", "title", "active", "manager", "starts", "kind"];

/// A day in 2020, as spreadsheets count.
const FIRST_DAY: usize = 43_831;

struct Person {
    number: usize,
    first: &'static str,
    last: &'static str,
    mail: String,
    title: &'static str,
    is_active: bool,
    manager: Option<usize>,
    /// Days after the first of January 2020, fewer than 28.
    starts: usize,
    kind: usize,
}

fn people() -> Vec<Person> {
    let first = ["Zoë", "Jürgen", "محمد", "小龍", "Ngozi", "D’Angelo", "🙂 Emoji"];
    let last = ["Ng", "Groß \"JG\" von Łódź", "العلي", "O'Brien", "de la Cruz,\nPeña"];
    let person = |n: usize| Person {
        number: n,
        first: first[n % first.len()],
        last: last[n % last.len()],
        mail: if n % 97 == 13 { String::new() } else { format!("user{n}@example.com") },
        title: if n.is_multiple_of(5) { "" } else { "Lead, Research; Development" },
        is_active: !n.is_multiple_of(11),
        manager: (!n.is_multiple_of(7)).then_some((n + 7) * 31 % PEOPLE + 1),
        starts: n % 28,
        kind: n % 4,
    };
    (1..=PEOPLE).map(person).collect()
}

fn csv(bed: &Bed, people: &[Person]) {
    let mut text = HEADER.join(",") + "\n";
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for person in people {
        let manager = person.manager.map(|manager| format!("{manager:05}")).unwrap_or_default();
        writeln!(
            text,
            "{:05},{},{},{},{},{},{manager},2020-01-{:02}T00:00:00Z,{}",
            person.number,
            quoted(person.first),
            quoted(person.last),
            person.mail,
            quoted(person.title),
            person.is_active,
            person.starts + 1,
            person.kind,
        )
        .unwrap();
    }
    bed.write("people.csv", text);
}

fn sheet(bed: &Bed, people: &[Person]) {
    let mut book = rust_xlsxwriter::Workbook::new();
    fill(book.add_worksheet(), people.iter());
    bed.write("people.xlsx", book.save_to_buffer().unwrap());
}

/// The other way round, in three sheets.
fn sheets(bed: &Bed, people: &[Person]) {
    let mut book = rust_xlsxwriter::Workbook::new();
    for (index, part) in people.chunks(700).enumerate().collect::<Vec<_>>().into_iter().rev() {
        let sheet = book.add_worksheet().set_name(format!("Part {index}")).unwrap();
        fill(sheet, part.iter().rev());
    }
    bed.write("people.xlsx", book.save_to_buffer().unwrap());
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn fill<'a>(sheet: &mut rust_xlsxwriter::Worksheet, people: impl Iterator<Item = &'a Person>) {
    let format = |code: &str| rust_xlsxwriter::Format::new().set_num_format(code);
    let (number, date) = (format("00000"), format("dd.mm.yyyy"));
    for (column, name) in (0..).zip(HEADER) {
        sheet.write_string(0, column, name).unwrap();
    }
    for (row, person) in (1..).zip(people) {
        sheet.write_number_with_format(row, 0, person.number as f64, &number).unwrap();
        for (column, text) in
            [(1, person.first), (2, person.last), (3, &person.mail), (4, person.title)]
        {
            if !text.is_empty() {
                sheet.write_string(row, column, text).unwrap();
            }
        }
        sheet.write_boolean(row, 5, person.is_active).unwrap();
        if let Some(manager) = person.manager {
            sheet.write_number_with_format(row, 6, manager as f64, &number).unwrap();
        }
        let day = (FIRST_DAY + person.starts) as f64;
        sheet.write_number_with_format(row, 7, day, &date).unwrap();
        sheet.write_number(row, 8, person.kind as f64).unwrap();
    }
}

/// The entries of a directory. Its attributes have names of their own, and the manager is a DN.
fn ldif(people: &[Person]) -> String {
    let mut text = String::new();
    // As base64, any text is a value (RFC 2849).
    let value = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let dn = |number: usize| format!("uid=p{number},ou=people,{SUFFIX}");
    for person in people {
        let number = person.number;
        writeln!(text, "dn: {}\nobjectClass: inetOrgPerson\nuid: p{number}", dn(number)).unwrap();
        writeln!(text, "cn: {number}\nemployeeNumber: {number:05}").unwrap();
        writeln!(text, "givenName:: {}\nsn:: {}", value(person.first), value(person.last)).unwrap();
        for (name, value) in [("mail", person.mail.as_str()), ("title", person.title)] {
            if !value.is_empty() {
                writeln!(text, "{name}: {value}").unwrap();
            }
        }
        writeln!(text, "employeeType: {}", person.is_active).unwrap();
        if let Some(manager) = person.manager {
            writeln!(text, "manager: {}", dn(manager)).unwrap();
        }
        writeln!(text, "departmentNumber: 2020-01-{:02}T00:00:00Z", person.starts + 1).unwrap();
        writeln!(text, "businessCategory: {}\n", person.kind).unwrap();
    }
    text
}

/// The mapping with the names that a directory has.
fn by_attributes() -> String {
    let names = [
        ("= \"id\"", "= \"employeeNumber\""),
        // Text in a directory, which has a type of its own for true and false.
        ("= \"active\"", "= \"CBool(employeeType)\""),
        ("= \"starts\"", "= \"departmentNumber\""),
        ("= \"first\"", "= \"givenName\""),
        ("= \"last\"", "= \"sn\""),
        ("'first & \" \" & last'", "'givenName & \" \" & sn'"),
        ("kind <> 3", "businessCategory <> 3"),
    ];
    names.iter().fold(PEOPLE_CONFIG.to_owned(), |config, (name, attribute)| {
        assert!(config.contains(name), "{name}");
        config.replace(name, attribute)
    })
}

#[test]
fn the_same_people_from_a_directory_give_the_same_plan() {
    let people = people();
    let ldif = ldif(&people);
    let options = Options { ldif: &ldif, ..Options::default() };
    let Some(server) = Slapd::start(&options) else { return };
    let settings = format!(
        "servers = [\"ldap://127.0.0.1:{}\"]\nkey = \"employeeNumber\"\nreferences = [\"manager\"]\n\
         bind = {{ user = \"{ADMIN}\", password = \"admin\" }}\n\
         [[source.settings.bases]]\ndn = \"ou=people,{SUFFIX}\"\nfilter = \"(objectClass=inetOrgPerson)\"",
        server.port
    );
    let from_directory = plan_of(&Bed::new(), "ldap", &settings, &by_attributes());
    same(&plan(&KINDS[0], &people), &from_directory, "a directory");
}

fn plan(kind: &Kind, people: &[Person]) -> String {
    let bed = Bed::new();
    (kind.write)(&bed, people);
    plan_of(&bed, kind.name, kind.settings, PEOPLE_CONFIG)
}

/// The plan as it is printed, without the places and what the hash is made of: config and state have another name.
fn plan_of(bed: &Bed, kind: &str, settings: &str, config: &str) -> String {
    let config = format!("[source]\nkind = \"{kind}\"\n[source.settings]\n{settings}\n{config}");
    bed.write("peoplesync.toml", config);
    let mut plan = bed.run(&["plan", "--json"]).expect(10).json();
    let document = plan.as_object_mut().unwrap();
    document.remove("plan");
    for list in ["changes", "rejected", "warnings"] {
        let entries = document.get_mut(list).and_then(Json::as_array_mut).unwrap();
        for entry in entries.iter_mut() {
            assert!(entry.as_object_mut().unwrap().remove("origin").is_some(), "{entry}");
        }
        if list != "changes" {
            // They are listed by their places.
            entries.sort_by_key(|entry| entry["key"].as_str().map(str::to_owned));
        }
    }
    serde_json::to_string_pretty(&plan).unwrap()
}

#[test]
fn the_same_people_from_every_kind_of_source_give_the_same_plan() {
    let people = people();
    let [first, others @ ..] = KINDS.map(|kind| (plan(&kind, &people), kind.settings));
    let summary: Json = serde_json::from_str(&first.0).unwrap();
    let count = |name: &str| summary["summary"][name].as_u64().unwrap();
    // A quarter is out of scope; every 97th has no mail.
    assert_eq!(count("create") + count("out_of_scope") + count("rejected"), 2_000);
    assert!(count("create") > 1_400 && count("rejected") > 10, "{}", summary["summary"]);
    for (other, settings) in others {
        same(&first.0, &other, settings);
    }
}

/// Shows where two plans differ, if they do.
#[track_caller]
fn same(first: &str, other: &str, settings: &str) {
    let differs = first.lines().zip(other.lines()).position(|(one, two)| one != two);
    let around = |text: &str| {
        let from = differs.unwrap_or_default().saturating_sub(8);
        text.lines().skip(from).take(16).collect::<Vec<_>>().join("\n")
    };
    assert!(
        first == other,
        "with {settings}:\n{}\n--- instead of\n{}",
        around(other),
        around(first)
    );
}
