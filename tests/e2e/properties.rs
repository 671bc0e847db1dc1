//! What holds for any people: a second plan is empty, in whatever order the rows stand; a record that did not change is no
//! change. The people are drawn by seeds, so that a failure can be repeated.

use std::collections::BTreeMap;

use super::dice::Dice;
use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS};

const SEEDS: u64 = 25;

/// A file of up to 40 people: names from many scripts, empty cells, managers who may be missing, some out of scope.
fn people(dice: &mut Dice) -> BTreeMap<u64, String> {
    const FIRST: &[&str] = &[
        "Zoë",
        "李",
        "Олга",
        "محمد",
        "O'Brien",
        "\"Q\"\"uote\"",
        "\"line\nend\"",
        "e\u{301}",
        "",
        "MacDonald",
    ];
    let pick = |dice: &mut Dice, from: &[&'static str]| {
        from[usize::try_from(dice.roll(from.len() as u64)).unwrap()]
    };
    let count = 1 + dice.roll(40);
    (0..count)
        .map(|key| {
            let (first, last) = (pick(dice, FIRST), pick(dice, FIRST));
            let title = pick(dice, &["Engineer", "Lead", "", "Größe, \u{1f642}"]);
            let title = if title.contains(',') { format!("\"{title}\"") } else { title.to_owned() };
            let status = pick(dice, &["active", "active", "active", "inactive", "external"]);
            let manager = match dice.roll(4) {
                0 => String::new(),
                _ => dice.roll(45).to_string(),
            };
            let row =
                format!("{key},{first},{last},p{key}@example.com,{title},{status},{manager}\n");
            (key, row)
        })
        .collect()
}

/// The rows in an order of their own.
fn file(rows: &BTreeMap<u64, String>, dice: &mut Dice) -> String {
    let mut rows: Vec<&String> = rows.values().collect();
    for last in (1..rows.len()).rev() {
        rows.swap(last, usize::try_from(dice.roll(last as u64 + 1)).unwrap());
    }
    rows.into_iter().fold(HEADER.to_owned(), |text, row| text + row)
}

fn plan_is_empty(bed: &Bed, seed: u64, when: &str) {
    for line in [&["plan", "--json"][..], &["plan", "--json", "--full"]] {
        let ran = bed.run(line);
        assert_eq!(ran.code, 0, "seed {seed}, {when}, {line:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.json()["changes"].as_array().unwrap().len(), 0, "seed {seed}, {when}");
    }
}

#[test]
fn applied_is_converged_whoever_the_people_are() {
    let config = format!("{CONFIG}{NO_GUARDS}");
    for seed in 0..SEEDS {
        let mut dice = Dice(seed);
        let bed = Bed::new();
        bed.write("peoplesync.toml", &config);
        for round in ["first", "second"] {
            // In the second round others come, leave, change and come back.
            let rows = people(&mut dice);
            bed.write("people.csv", file(&rows, &mut dice));
            let applied = bed.run(&["apply", "--yes", "--show", "0"]).expect(0);
            plan_is_empty(&bed, seed, &format!("after the {round} apply:\n{}", applied.stdout));
            bed.write("people.csv", file(&rows, &mut dice));
            plan_is_empty(&bed, seed, "in another order");
        }
    }
}

#[test]
fn the_order_of_the_rows_does_not_matter() {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed);
        let rows = people(&mut dice);
        let plans: Vec<serde_json::Value> = (0..2)
            .map(|_| {
                let bed = Bed::new();
                bed.write("peoplesync.toml", CONFIG);
                bed.write("people.csv", file(&rows, &mut dice));
                let mut plan = bed.run(&["plan", "--json"]).json();
                // Where a row stands is all that may differ, and with it the name of the plan.
                plan["plan"].take();
                let listed = ["changes", "warnings", "rejected"];
                for list in listed {
                    for entry in plan[list].as_array_mut().unwrap() {
                        entry["origin"].take();
                    }
                }
                plan["warnings"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
                plan
            })
            .collect();
        assert_eq!(plans[0], plans[1], "seed {seed}");
    }
}
