//! Nanoseconds per attribute: the compiled mapping beside the same rules written by hand, in one run.
//! `cargo bench -p peoplesync-mapping`. Ratios count; absolute times belong to the machine.
#![expect(clippy::print_stdout, reason = "a bench is a program that prints its result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use peoplesync_mapping::{AttributeSpec, DigestKey, Draft, Mapping, Spec};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Record, Value};

const PEOPLE: usize = 2_000;
const ROUNDS: usize = 60;
const FIELDS: [&str; 14] = [
    "id", "first", "last", "mail", "upn", "title", "dept", "city", "region", "zip", "country",
    "phone", "status", "cost",
];

/// Fifteen attributes, ten of which are copies.
const MIXED: [(&str, &str); 15] = [
    ("externalId", "id"),
    ("name.givenName", "first"),
    ("name.familyName", "last"),
    ("title", "title"),
    ("emails[type eq \"work\"].value", "mail"),
    ("addresses[type eq \"work\"].locality", "city"),
    ("addresses[type eq \"work\"].region", "region"),
    ("addresses[type eq \"work\"].postalCode", "zip"),
    ("addresses[type eq \"work\"].country", "country"),
    ("phoneNumbers[type eq \"work\"].value", "phone"),
    ("userName", "Coalesce([mail], [upn])"),
    ("displayName", "first & \" \" & last"),
    ("active", "status = \"active\""),
    ("nickName", "ToLower(first)"),
    ("userType", "Switch([dept], \"Other\", \"ENG\", \"Engineering\", \"FIN\", \"Finance\")"),
];

/// Calls inside calls.
const NESTED: [(&str, &str); 6] = [
    ("userName", "ToLower(Join(\".\", Left([first], 1), StripSpaces([last])) & \"@example.com\")"),
    ("displayName", "Join(\" \", ToUpper(Trim([last])), Trim([first]))"),
    (
        "title",
        "IIF([dept] = \"ENG\" and [country] in (\"UK\", \"FR\"), Append([title], \" (EU)\"), Coalesce([title], \"none\"))",
    ),
    ("nickName", "Replace(Replace([phone], \" \", , , \"\", , ), \"+\", , , \"00\", , )"),
    (
        "userType",
        "Switch(ToLower([dept]), \"Other\", \"fin\", \"Finance\", \"eng\", \"Engineering\")",
    ),
    ("active", "[status] = \"active\" and not [mail] = null or [cost] > 100"),
];

fn main() {
    let batch = people();
    println!("{PEOPLE} people, best of {ROUNDS} rounds, ns per attribute");
    println!("{:<28} {:>8} {:>8} {:>8}", "", "mapping", "by hand", "ratio");
    let copies: Vec<_> = MIXED.iter().copied().take(10).collect();
    let computed: Vec<_> = MIXED.iter().copied().skip(10).collect();
    report("10 copies", &batch, &copies, by_hand_copies);
    report("5 computed", &batch, &computed, by_hand_computed);
    report("15, of which 10 copies", &batch, &MIXED, |record, hand| {
        by_hand_copies(record, hand);
        by_hand_computed(record, hand);
    });
    report("nested calls", &batch, &NESTED, by_hand_nested);

    let mapping = mapping(&MIXED);
    let (binding, mut draft) = (mapping.bind(batch.fields()), Draft::new(&mapping));
    let key = DigestKey::new([7; 32]);
    let time = best(|| {
        for record in batch.records() {
            drop(black_box(mapping.map(&binding, &record, &mut draft)));
            black_box(draft.digest(&key));
        }
    });
    println!("map and digest of the 15: {:.0} ns a person", each(time, 1));
}

fn report(
    name: &str,
    batch: &Batch,
    rules: &[(&str, &str)],
    by_hand: impl Fn(&Record<'_>, &mut Hand),
) {
    let mapping = mapping(rules);
    let (binding, mut draft) = (mapping.bind(batch.fields()), Draft::new(&mapping));
    let compiled = best(|| {
        for record in batch.records() {
            drop(black_box(mapping.map(&binding, &record, &mut draft)));
        }
    });
    let mut hand = Hand::default();
    let written = best(|| {
        for record in batch.records() {
            hand.text.clear();
            hand.cells.clear();
            by_hand(&record, &mut hand);
            black_box(&hand);
        }
    });
    let (compiled, written) = (each(compiled, rules.len()), each(written, rules.len()));
    println!("{name:<28} {compiled:>8.1} {written:>8.1} {:>8.2}", compiled / written);
}

fn each(time: Duration, attributes: usize) -> f64 {
    time.as_secs_f64() * 1e9 / (PEOPLE * attributes) as f64
}

fn best(mut run: impl FnMut()) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    rounds.min().unwrap_or_default()
}

fn mapping(rules: &[(&str, &str)]) -> Mapping {
    let attributes =
        rules.iter().map(|(path, expression)| AttributeSpec::value(*path, *expression)).collect();
    let spec = Spec { attributes, ..Spec::default() };
    Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).expect("the rules are right")
}

fn people() -> Batch {
    let mut batch = Batch::new(Fields::new(FIELDS));
    for number in 0..PEOPLE {
        let key = number.to_string();
        let mut record = batch
            .record(&key, Origin::row("people.csv", number as u64 + 2))
            .expect("the key is not empty");
        let mail = format!("person{number}@example.com");
        let first = ["Zoë", "Łukasz", "Maria", "John"][number % 4];
        let values = [
            &*key,
            first,
            "van der Berg",
            &mail,
            &mail,
            "Software Engineer",
            ["ENG", "FIN", "HR"][number % 3],
            "London",
            "Greater London",
            "N1 9GU",
            ["UK", "FR"][number % 2],
            "+44 20 7946 0000",
            "active",
            "4711",
        ];
        for (position, value) in values.into_iter().enumerate() {
            // Every seventh person has no mail address.
            if position != 3 || number % 7 != 0 {
                record.set(position, Value::Text(value));
            }
        }
    }
    batch
}

/// What a person would write who needs no mapping: the same buffers, the fields known by number.
#[derive(Debug, Default)]
struct Hand {
    text: String,
    cells: Vec<Option<Cell>>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "made only to cost what making it costs")]
enum Cell {
    Text(usize, usize),
    Boolean(bool),
}

impl Hand {
    fn text(&mut self, text: Option<&str>) {
        let cell = text.filter(|text| !text.is_empty()).map(|text| {
            let start = self.text.len();
            self.text.push_str(text);
            Cell::Text(start, self.text.len())
        });
        self.cells.push(cell);
    }

    fn flag(&mut self, flag: bool) {
        self.cells.push(Some(Cell::Boolean(flag)));
    }
}

fn get<'a>(record: &Record<'a>, field: usize) -> Option<&'a str> {
    match record.first(field) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn by_hand_copies(record: &Record<'_>, hand: &mut Hand) {
    for field in [0, 1, 2, 5, 3, 7, 8, 9, 10, 11] {
        hand.text(get(record, field));
    }
}

fn by_hand_computed(record: &Record<'_>, hand: &mut Hand) {
    hand.text(get(record, 3).or_else(|| get(record, 4)));
    let start = hand.text.len();
    hand.text.push_str(get(record, 1).unwrap_or_default());
    hand.text.push(' ');
    hand.text.push_str(get(record, 2).unwrap_or_default());
    hand.cells.push(Some(Cell::Text(start, hand.text.len())));
    hand.flag(get(record, 12) == Some("active"));
    hand.text(get(record, 1).map(str::to_lowercase).as_deref());
    hand.text(Some(department(get(record, 6))));
}

fn department(code: Option<&str>) -> &'static str {
    match code {
        Some("ENG") => "Engineering",
        Some("FIN") => "Finance",
        _ => "Other",
    }
}

fn by_hand_nested(record: &Record<'_>, hand: &mut Hand) {
    let (first, last) = (get(record, 1).unwrap_or_default(), get(record, 2).unwrap_or_default());
    let initial: String = first.chars().take(1).collect();
    let name = format!("{initial}.{}@example.com", last.replace(' ', ""));
    hand.text(Some(&name.to_lowercase()));
    hand.text(Some(&format!("{} {}", last.trim().to_uppercase(), first.trim())));
    let title = get(record, 5);
    if get(record, 6) == Some("ENG") && matches!(get(record, 10), Some("UK" | "FR")) {
        hand.text(Some(&format!("{} (EU)", title.unwrap_or_default())));
    } else {
        hand.text(title.or(Some("none")));
    }
    hand.text(get(record, 11).map(|phone| phone.replace(' ', "").replace('+', "00")).as_deref());
    hand.text(Some(match get(record, 6).map(str::to_lowercase).as_deref() {
        Some("fin") => "Finance",
        Some("eng") => "Engineering",
        _ => "Other",
    }));
    let cost = || get(record, 13).and_then(|cost| cost.parse::<f64>().ok());
    hand.flag(
        get(record, 12) == Some("active") && get(record, 3).is_some() || cost() > Some(100.0),
    );
}
