//! Merging against a model: for any sources, each person once, with the first value of each field.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use peoplesync_source::{Query, Step, Value};

use super::*;

/// A config whose sources hold these records: key → field → value.
fn loaded(sources: &[BTreeMap<String, BTreeMap<&str, String>>]) -> Loaded {
    let mut text =
        "target.url = \"http://127.0.0.1:1/\"\npeople.attributes.userName = \"a\"\n".to_owned();
    for (at, people) in sources.iter().enumerate() {
        // The order is that of the file, and not of the names.
        let name = format!("s{}", 9 - at);
        writeln!(text, "[sources.{name}]\nkind = \"static\"\nsettings.key = \"id\"").unwrap();
        for (key, fields) in people {
            writeln!(text, "[[sources.{name}.settings.records]]\nid = \"{key}\"").unwrap();
            for (field, value) in fields {
                writeln!(text, "{field} = \"{value}\"").unwrap();
            }
        }
    }
    crate::config::parse(Path::new("p.toml"), &text, Path::new(".")).unwrap()
}

/// Everybody as the sources give them, a line each: key, sources, values.
async fn read(sources: &Sources) -> Vec<String> {
    let names = ["a", "b", "s8.b", "c"];
    let cx = Context::for_tests(".");
    let mut records = sources.open(&cx, &Query::fields(names)).await.unwrap().records;
    let mut lines = Vec::new();
    while let Step::Batch(batch) = records.next().await.unwrap() {
        for record in batch.records() {
            let position = |name: &str| batch.fields().position(name).unwrap();
            let text = |name: &&str| match record.first(position(name)) {
                Some(Value::Text(text)) => text.to_owned(),
                _ => "-".to_owned(),
            };
            let Some(Value::Integer(bits)) = record.first(position(SOURCES)) else { panic!() };
            let values: Vec<String> = names.iter().map(text).collect();
            lines.push(format!("{} {bits} {}", record.key(), values.join(" ")));
        }
    }
    lines.sort();
    lines
}

/// The same by a model.
fn model(sources: &[BTreeMap<String, BTreeMap<&str, String>>]) -> Vec<String> {
    let mut keys: Vec<&String> = sources.iter().flat_map(BTreeMap::keys).collect();
    keys.sort();
    keys.dedup();
    let line = |key: &&String| {
        let held = sources.iter().enumerate().filter(|(_, people)| people.contains_key(*key));
        let bits: u64 = held.map(|(at, _)| 1 << at).sum();
        let first =
            |field: &str| sources.iter().find_map(|people| people.get(*key)?.get(field)).cloned();
        let second = || sources.get(1)?.get(*key)?.get("b").cloned();
        let values = [first("a"), first("b"), second(), first("c")];
        let values = values.map(|value| value.unwrap_or_else(|| "-".to_owned()));
        format!("{key} {bits} {}", values.join(" "))
    };
    keys.iter().map(line).collect()
}

#[tokio::test]
async fn everybody_is_there_once_with_the_first_value_of_each_field() {
    for seed in 0..200 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let sources: Vec<BTreeMap<String, BTreeMap<&str, String>>> = (0..dice.usize(2..5))
            .map(|source| {
                let people = (0..dice.usize(1..12)).map(|_| {
                    let key = format!("k{}", dice.u8(0..15));
                    let fields = ["a", "b", "c"].into_iter().filter_map(|field| {
                        let has = dice.u8(0..3) > 0;
                        has.then(|| (field, format!("{field}{source}{}", dice.u8(..))))
                    });
                    (key, fields.collect())
                });
                // Every source has all fields in somebody, as a file has them in its header.
                let all = ["a", "b", "c"].map(|field| (field, "all".to_owned())).into();
                people.chain([("full".to_owned(), all)]).collect()
            })
            .collect();
        let built = Sources::new(&loaded(&sources)).unwrap();
        assert_eq!(read(&built).await, model(&sources), "seed {seed}");
    }
}
