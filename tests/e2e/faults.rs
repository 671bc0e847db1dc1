//! Things go wrong on the way to the target and back: refusals, lost requests, lost answers. Whatever an apply makes of
//! that, a rerun converges, nobody exists twice, and nobody is lost.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use peoplesync_simulator::{Fault, RetryAfter};

use super::dice::Dice;
use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS, chosen_names};

const SEEDS: u64 = 8;
const PEOPLE: usize = 40;

fn people(title: &str) -> String {
    let mut text = HEADER.to_owned();
    for n in 0..PEOPLE {
        let manager = (n * 7 + 3) % PEOPLE;
        writeln!(text, "{n},First{n},Last{n},u{n}@example.com,{title},active,{manager}").unwrap();
    }
    text
}

/// One request in five goes wrong, for as long as the switch is on.
fn fault(dice: &mut Dice) -> Option<Fault> {
    match dice.roll(20) {
        0 => Some(Fault::Answer { status: 429, retry_after: Some(RetryAfter::Seconds(0)) }),
        1 => Some(Fault::status(503)),
        2 => Some(Fault::DropBefore),
        3 => Some(Fault::DropAfter),
        _ => None,
    }
}

#[test]
fn lost_answers_and_refusals_lose_nobody_and_double_nobody() {
    converges(CONFIG);
}

#[test]
fn so_it_is_with_names_that_are_chosen() {
    converges(&chosen_names());
}

fn converges(config: &str) {
    for seed in 0..SEEDS {
        let on = Arc::new(AtomicBool::new(true));
        let dice = Mutex::new(Dice(seed));
        let switch = Arc::clone(&on);
        let bed = Bed::with_faults(move |_| {
            switch.load(Ordering::Acquire).then(|| fault(&mut dice.lock().unwrap())).flatten()
        });
        bed.write("peoplesync.toml", format!("{config}{NO_GUARDS}"));
        for title in ["Engineer", "Lead"] {
            bed.write("people.csv", people(title));
            on.store(true, Ordering::Release);
            let tried = bed.run(&["apply", "--yes", "--json"]);
            assert!(
                matches!(tried.code, 0 | 4 | 5),
                "seed {seed}: {}{}",
                tried.stdout,
                tried.stderr
            );

            on.store(false, Ordering::Release);
            bed.run(&["apply", "--yes"]).expect(0);
            for line in [&["plan"][..], &["plan", "--full"]] {
                let ran = bed.run(line);
                assert_eq!(ran.code, 0, "seed {seed}: {}{}", ran.stdout, ran.stderr);
            }
            let users = bed.simulator().users();
            let names: BTreeSet<&str> =
                users.iter().map(|user| user["userName"].as_str().unwrap()).collect();
            assert_eq!((users.len(), names.len()), (PEOPLE, PEOPLE), "seed {seed}");
            assert!(users.iter().all(|user| user["title"] == title), "seed {seed}");
        }
    }
}

#[test]
fn a_target_that_refuses_the_token_half_way_is_left_alone() {
    let left = Arc::new(AtomicBool::new(false));
    let refuse = Arc::clone(&left);
    let bed = Bed::with_faults(move |request| {
        // The first accounts are created; then the token is withdrawn.
        let is_late = request.number > 12;
        refuse.fetch_or(is_late, Ordering::AcqRel);
        (is_late && request.method == "POST").then(|| Fault::status(401))
    });
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", people("Engineer"));
    let ran = bed.run(&["apply", "--yes", "--quiet"]).expect(4);
    assert!(left.load(Ordering::Acquire));
    assert!(ran.stderr.contains("refused the credentials"), "{}", ran.stderr);
    // Only what was under way is tried, not everybody.
    let refused =
        bed.simulator().requests().iter().filter(|request| request.status == Some(401)).count();
    assert!((1..=16).contains(&refused), "{refused} requests with a refused token");
}
