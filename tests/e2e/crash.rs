//! The process is killed at random points of an apply. After a rerun every person exists once, nobody is lost, and the
//! next plan is empty.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Stdio;

use super::dice::Dice;
use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS, chosen_names};

const SEEDS: u64 = 50;
const PEOPLE: usize = 60;

fn people(title: &str) -> String {
    let mut text = HEADER.to_owned();
    for n in 0..PEOPLE {
        // Everybody's manager comes later in the file, and the last two are each other's.
        let manager = if n + 1 < PEOPLE { n + 1 } else { n - 1 };
        writeln!(text, "{n},First{n},Łast{n},u{n}@example.com,{title},active,{manager}").unwrap();
    }
    text
}

/// Kills an apply after the target has answered `after` requests.
pub(crate) fn kill(bed: &Bed, after: u64) {
    let before = bed.simulator().received();
    let mut child = bed
        .command(&["apply", "--yes", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while bed.simulator().received() < before + after {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::yield_now();
    }
    // SIGKILL on Unix; the process may have ended by itself.
    let _gone = child.kill();
    child.wait().unwrap();
}

fn converged(bed: &Bed, title: &str, seed: u64) {
    bed.run(&["apply", "--yes"]).expect(0);
    for line in [&["plan"][..], &["plan", "--full"][..]] {
        let ran = bed.run(line);
        assert_eq!(ran.code, 0, "seed {seed}: {}{}", ran.stdout, ran.stderr);
    }
    let users = bed.simulator().users();
    let names: BTreeSet<&str> =
        users.iter().map(|user| user["userName"].as_str().unwrap()).collect();
    assert_eq!(
        (users.len(), names.len()),
        (PEOPLE, PEOPLE),
        "seed {seed}: somebody exists twice or not at all"
    );
    for user in &users {
        assert_eq!(user["title"], title, "seed {seed}");
        let manager =
            &user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"]["value"];
        assert!(
            users.iter().any(|other| other["id"] == *manager),
            "seed {seed}: a manager is missing"
        );
    }
}

#[test]
fn killed_fifty_times_nobody_is_lost_and_nobody_exists_twice() {
    killed(CONFIG, SEEDS);
}

#[test]
fn killed_while_names_are_chosen_nobody_exists_twice() {
    killed(&chosen_names(), SEEDS / 5);
}

fn killed(config: &str, seeds: u64) {
    for seed in 0..seeds {
        let mut dice = Dice(seed);
        let bed = Bed::new();
        bed.write("peoplesync.toml", format!("{config}{NO_GUARDS}"));
        bed.write("people.csv", people("Engineer"));
        kill(&bed, dice.roll(130));
        if dice.roll(2) == 0 {
            kill(&bed, dice.roll(130));
        }
        converged(&bed, "Engineer", seed);
        bed.write("people.csv", people("Lead"));
        kill(&bed, dice.roll(65));
        converged(&bed, "Lead", seed);
    }
}
