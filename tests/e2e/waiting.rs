//! Who waits for another try, for how long, and what that does to everybody else; and when a run is about the target as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use peoplesync_simulator::{Behaviour, Fault, Quirks, RetryAfter};
use serde_json::Value as Json;

use super::harness::{Bed, CONFIG, HEADER};

/// A record: `no7@example.com` is refused as long as a bed says so.
fn row(number: usize, name: &str) -> String {
    format!("{number},F,L,{name}{number}@example.com,T,active,\n")
}

/// A bed whose target answers creations, or those of people with the name `no…`, with a status; 0 answers as usual.
fn bed(only_no: bool) -> (Bed, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(0));
    let switch = Arc::clone(&status);
    let bed = Bed::with_faults(move |request| {
        let body = request.body()?;
        let name = body["userName"].as_str()?;
        let is_meant = request.method == "POST" && (!only_no || name.starts_with("no"));
        let status = switch.load(Ordering::Acquire);
        (is_meant && status > 0).then(|| match status {
            429 => Fault::Answer { status, retry_after: Some(RetryAfter::Seconds(3600)) },
            _ => Fault::status(status),
        })
    });
    bed.write("peoplesync.toml", CONFIG);
    (bed, status)
}

fn unattended(bed: &Bed) -> super::harness::Ran {
    bed.run(&["apply", "--unattended"])
}

fn waiting(bed: &Bed) -> usize {
    let status = bed.run(&["status", "--json"]).json();
    status["waiting"].as_array().unwrap().len()
}

/// Five people have accounts, and seven are refused: their records.
fn five_and_seven_refused(bed: &Bed, status: &AtomicU16) -> String {
    status.store(400, Ordering::Release);
    let refused: String = (10..17).map(|number| row(number, "no")).collect();
    let first: String = (0..5).map(|number| row(number, "u")).collect();
    bed.write("people.csv", format!("{HEADER}{first}{refused}"));
    unattended(bed).expect(5);
    refused
}

#[test]
fn who_waits_counts_for_no_guard() {
    let (bed, status) = bed(true);
    let refused = five_and_seven_refused(&bed, &status);
    assert_eq!((bed.simulator().users().len(), waiting(&bed)), (5, 7));
    // One comes and one leaves, beside the seven who wait: "7 new beside 5" is no reason to refuse that.
    let then: String = (1..6).map(|number| row(number, "u")).collect();
    bed.write("people.csv", format!("{HEADER}{then}{refused}"));
    unattended(&bed).expect(5);
    let users = bed.simulator().users();
    let active = users.iter().filter(|user| user["active"] == true).count();
    assert_eq!((users.len(), active, waiting(&bed)), (6, 5, 7));
}

#[test]
fn who_is_tried_again_passed_the_guards_when_tried_first() {
    let (bed, status) = bed(true);
    five_and_seven_refused(&bed, &status);
    // It waits for nothing.
    bed.run(&["apply", "--yes"]).expect(5);
    status.store(0, Ordering::Release);
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!((bed.simulator().users().len(), waiting(&bed)), (12, 0));
}

#[test]
fn a_target_that_is_away_or_busy_makes_nobody_wait() {
    for answer in [500, 503, 429] {
        let (bed, status) = bed(false);
        bed.write("people.csv", format!("{HEADER}{}", row(1, "u")));
        status.store(answer, Ordering::Release);
        assert!(unattended(&bed).code > 0);
        assert_eq!(waiting(&bed), 0, "{answer}");
        status.store(0, Ordering::Release);
        unattended(&bed).expect(0);
        assert_eq!(bed.simulator().users().len(), 1);
    }
}

#[test]
fn who_needs_nothing_any_more_no_longer_waits() {
    let bed = Bed::with_faults(|request| {
        let is_no = || request.body().is_some_and(|body| body["userName"] == "no10@example.com");
        (request.method == "PATCH" || request.method == "POST" && is_no())
            .then(|| Fault::status(400))
    });
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}{}{}", row(1, "u"), row(2, "u")));
    unattended(&bed).expect(0);
    let lead = row(1, "u").replace(",T,", ",Lead,");
    bed.write("people.csv", format!("{HEADER}{lead}{}{}", row(2, "u"), row(10, "no")));
    unattended(&bed).expect(5);
    assert_eq!(waiting(&bed), 2);
    unattended(&bed).expect(5);
    assert_eq!(waiting(&bed), 2);
    // The one has the old title again, and the other left.
    bed.write("people.csv", format!("{HEADER}{}{}", row(1, "u"), row(2, "u")));
    unattended(&bed).expect(0);
    assert_eq!(waiting(&bed), 0);
}

#[test]
fn a_target_that_wants_to_be_left_alone_ends_the_run() {
    let (bed, status) = bed(false);
    let all: String = (0..100).map(|number| row(number, "u")).collect();
    bed.write("people.csv", format!("{HEADER}{all}"));
    status.store(429, Ordering::Release);
    let applied = bed.run(&["apply", "--yes", "--json"]).expect(4).json();
    let failed = applied["outcomes"]["failed"].as_u64().unwrap();
    assert!(failed < 40, "{}", applied["outcomes"]);
    assert_eq!(applied["outcomes"]["skipped"].as_u64().unwrap() + failed, 100);
    // The job as a whole is well.
    unattended(&bed).expect(4);
    let status = bed.run(&["status", "--json"]).json();
    assert_eq!(status["quarantine"], Json::Null, "{status}");
}

#[test]
fn credentials_that_are_refused_for_writing_put_the_job_into_quarantine() {
    let (bed, status) = bed(false);
    bed.write("people.csv", format!("{HEADER}{}", row(1, "u")));
    status.store(401, Ordering::Release);
    unattended(&bed).expect(4);
    let told = bed.run(&["status", "--json"]).json();
    assert_ne!(told["quarantine"], Json::Null, "{told}");
}

#[test]
fn what_is_written_in_part_is_told() {
    let quirks = Quirks { refuses: vec!["title".to_owned()], ..Quirks::default() };
    let bed = Bed::with(Behaviour { quirks, ..Behaviour::default() }, |_| None);
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}{}", row(1, "u")));
    let run = unattended(&bed).expect(5);
    assert!(run.stderr.contains("1 done, 1 in part"), "{}", run.stderr);
    let status = bed.run(&["status", "--json"]).json();
    assert_eq!(status["error"], "1 was written in part", "{status}");
    // It was learned, and is not tried in each run.
    unattended(&bed).expect(0);
}
