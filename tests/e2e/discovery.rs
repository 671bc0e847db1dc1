//! What the target says of itself is asked once, and again when that may no longer hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peoplesync_simulator::{Behaviour, Fault, Request};

use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS};

/// Applies another title: the requests for it.
#[track_caller]
fn applied(bed: &Bed, title: &str, more: &[&str]) -> Vec<Request> {
    bed.write(
        "people.csv",
        format!("{HEADER}1,Ada,Lovelace,ada@example.com,{title},active,\n2,B,B,b@example.com,{title},active,\n"),
    );
    let _before = bed.simulator().take_requests();
    bed.run(&[&["apply", "--yes"], more].concat()).expect(0);
    bed.simulator().take_requests()
}

/// The same: how often the target was asked what it can do.
#[track_caller]
fn asked(bed: &Bed, title: &str, more: &[&str]) -> usize {
    let requests = applied(bed, title, more);
    requests.iter().filter(|request| request.path.starts_with("/ServiceProviderConfig")).count()
}

#[test]
fn it_is_asked_once_and_again_by_a_full_run_or_with_another_profile() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}"));
    assert_eq!(asked(&bed, "a", &[]), 1);
    assert_eq!(asked(&bed, "b", &[]), 0);
    assert_eq!(asked(&bed, "c", &["--full"]), 1);
    assert_eq!(asked(&bed, "d", &[]), 0);
    let other = "[target.overrides.list]\npage_size = 50\n";
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}{other}"));
    assert_eq!(asked(&bed, "e", &[]), 1);
    assert_eq!(asked(&bed, "f", &[]), 0);
    // What a config says is not asked for at all.
    let told = "[target.overrides.write]\nupdate = \"patch\"\n";
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}{told}"));
    assert_eq!(asked(&bed, "g", &[]), 0);
}

#[test]
fn it_is_asked_again_once_it_did_not_hold() {
    let says_patch = |request: &Request| (request.method == "PATCH").then(|| Fault::status(501));
    let bed = Bed::with(Behaviour::default(), says_patch);
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}"));
    assert_eq!(asked(&bed, "a", &[]), 1);
    // PATCH is refused here, so that the word of the target is not believed by the next one.
    assert_eq!(asked(&bed, "b", &[]), 0);
    assert_eq!(asked(&bed, "c", &[]), 1);
}

/// A target that has no PATCH, and says so only after the first apply: whether the next one tries it nevertheless.
#[track_caller]
fn tries_patch(between: &[&str], code: i32) -> bool {
    let silent = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&silent);
    let bed = Bed::with(Behaviour { patch: false, ..Behaviour::default() }, move |request| {
        let is_asked = request.path.starts_with("/ServiceProviderConfig");
        (is_asked && now.load(Ordering::Relaxed)).then(|| Fault::status(404))
    });
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}"));
    asked(&bed, "a", &[]);
    silent.store(false, Ordering::Relaxed);
    bed.run(between).expect(code);
    applied(&bed, "b", &[]).iter().any(|request| request.method == "PATCH")
}

#[test]
fn a_check_and_a_full_plan_ask_again_for_the_applies_that_follow() {
    assert!(tries_patch(&["plan"], 0));
    assert!(!tries_patch(&["plan", "--full"], 0));
    assert!(!tries_patch(&["check"], 0));
}

#[test]
fn a_check_makes_no_state_and_waits_for_nobody() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}"));
    bed.write("people.csv", format!("{HEADER}1,Ada,Lovelace,ada@example.com,a,active,\n"));
    bed.run(&["check"]).expect(0);
    assert!(!bed.path("peoplesync.db").exists());
    assert_eq!(asked(&bed, "a", &[]), 1);
    let other = peoplesync_state::Access::Write { who: "another run".to_owned(), now: 0 };
    let state = peoplesync_state::State::open(&bed.path("peoplesync.db"), other, || [0; 32]);
    let checked = bed.run(&["check"]).expect(0).stdout;
    assert!(checked.contains("what the target said earlier of itself stays"), "{checked}");
    let planned = bed.run(&["plan", "--full"]).expect(0).stderr;
    assert!(planned.contains("what the target said earlier of itself stays"), "{planned}");
    drop(state.unwrap());
}
