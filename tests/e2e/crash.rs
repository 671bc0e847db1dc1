//! The process is killed at random points of an apply. After a rerun every person exists once, nobody is lost, and the
//! next plan is empty.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Kills an apply after the target has answered `after` requests. Whether it had not come to its end before.
pub(crate) fn kill(bed: &Bed, after: u64) -> bool {
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
    let status = child.wait().unwrap();
    status.code().is_none()
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

/// What `cargo xtask kills` calls: at least as many kills as it says, with other seeds than those above.
#[test]
fn killed_as_often_as_asked() {
    let asked = std::env::var_os("PEOPLESYNC_TEST_KILLS");
    let Some(asked) = asked.and_then(|count| count.to_str()?.parse::<u64>().ok()) else { return };
    let (next, kills) = (AtomicU64::new(1_000), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while kills.load(Ordering::Relaxed) < asked {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let config = if seed.is_multiple_of(5) { &chosen_names() } else { CONFIG };
                    kills.fetch_add(killed_once(config, seed), Ordering::Relaxed);
                }
            });
        }
    });
    let seeds = next.into_inner() - 1_000;
    println!("{} processes killed while they applied, in {seeds} folders", kills.into_inner());
}

fn killed(config: &str, seeds: u64) {
    for seed in 0..seeds {
        killed_once(config, seed);
    }
}

/// A load and a change of everybody, killed on the way. How many kills met a process that was still at work.
fn killed_once(config: &str, seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{config}{NO_GUARDS}"));
    bed.write("people.csv", people("Engineer"));
    let mut kills = u64::from(kill(&bed, dice.roll(130)));
    if dice.roll(2) == 0 {
        kills += u64::from(kill(&bed, dice.roll(130)));
    }
    converged(&bed, "Engineer", seed);
    bed.write("people.csv", people("Lead"));
    kills += u64::from(kill(&bed, dice.roll(65)));
    converged(&bed, "Lead", seed);
    kills
}
