use peoplesync_scim::schema::{Resource, SchemaSet};

use super::*;
use crate::{LeaverAction, Policy, Standing, Survey};

fn managed() -> Arc<Managed> {
    let schemas = Arc::new(SchemaSet::standard());
    let managed = Managed::new(Resource::User, Vec::new(), &[], Vec::new(), schemas);
    Arc::new(managed.unwrap())
}

/// Links with the fingerprints 1 (plain), 2 (deactivated), 3 (absent before), 4 and 4 (shared), 5 (digest unknown). The
/// digest is ten times the fingerprint.
fn intake() -> Intake {
    let mut index = LinkIndex::with_capacity(6);
    let deactivated = Standing::Deactivated { since: 0 };
    index.push(Fingerprint(1), Digest(10), &Standing::Active, false);
    index.push(Fingerprint(2), Digest(20), &deactivated, false);
    index.push(Fingerprint(3), Digest(30), &Standing::Active, true);
    index.push(Fingerprint(4), Digest(40), &Standing::Active, false);
    index.push(Fingerprint(4), Digest(41), &Standing::Active, false);
    index.push(Fingerprint(5), Digest::UNKNOWN, &Standing::Active, false);
    Intake::new(index, managed())
}

fn candidate(key: &str, fingerprint: i64) -> Candidate {
    Candidate {
        key: key.to_owned(),
        fingerprint: Fingerprint(fingerprint),
        digest: Digest(1),
        digest_unresolved: Digest(2),
        origin: format!("people.csv:{key}"),
        name: key.to_owned(),
        wanted: Vec::new(),
    }
}

fn rejection(origin: &str) -> Rejection {
    Rejection {
        origin: origin.to_owned(),
        key: None,
        field: None,
        reason: "bad".to_owned(),
        resource: Resource::User,
    }
}

fn pin(key: &str, fingerprint: i64) -> (Fingerprint, String) {
    (Fingerprint(fingerprint), key.to_owned())
}

fn keys(survey: &Survey) -> Vec<&str> {
    survey.candidates().iter().map(|candidate| candidate.key.as_str()).collect()
}

/// The fingerprints of those who would be asked for as leavers.
fn missing(survey: &Survey, action: LeaverAction) -> Vec<i64> {
    let policy = Policy {
        adopt: true,
        leavers: crate::Leavers {
            action,
            out_of_scope: action,
            grace_days: 0,
            delete_after_days: 0,
        },
        guards: crate::Guards::NONE,
        approval: crate::Approvals::NONE,
        first_load: false,
        full: false,
        edited: crate::Edited::Nothing,
        hides_inactive: false,
        now: 0,
        source: "people.csv".to_owned(),
        tried: std::collections::BTreeMap::new(),
    };
    survey.needs(&policy).fingerprints.into_iter().map(|fingerprint| fingerprint.0).collect()
}

#[test]
fn only_a_plain_link_with_the_same_digest_is_unchanged() {
    let table = [
        (1, 10, Seen::Unchanged),
        (1, 11, Seen::Changed),
        (2, 20, Seen::Changed),
        (3, 30, Seen::Changed),
        (4, 40, Seen::Changed),
        (4, 41, Seen::Changed),
        (5, 0, Seen::Changed),
        (6, 60, Seen::Unlinked),
    ];
    for (fingerprint, digest, seen) in table {
        assert_eq!(intake().seen(Fingerprint(fingerprint), Digest(digest)), seen, "{fingerprint}");
    }
    assert_eq!(intake().seen_unresolved(Fingerprint(1), Digest(10)), Seen::Waiting);
    assert_eq!(intake().seen_unresolved(Fingerprint(1), Digest(11)), Seen::Changed);
    assert_eq!(intake().seen_unresolved(Fingerprint(5), Digest::UNKNOWN), Seen::Changed);
}

#[test]
fn the_unchanged_are_counted_once_they_are_sure() {
    let mut intake = intake();
    assert_eq!(intake.seen(Fingerprint(1), Digest(10)), Seen::Unchanged);
    assert_eq!(intake.clone().finish(Coverage::Complete).unchanged, 1);
    intake.reject(rejection("people.csv:9"), &[pin("1", 1)], true);
    assert_eq!(intake.finish(Coverage::Complete).unchanged, 0, "whoever is pinned is not sure");
}

#[test]
fn a_rejection_takes_an_earlier_candidate_back_and_stops_a_later_one() {
    let mut intake = intake();
    intake.candidate(candidate("1", 1));
    intake.reject(rejection("people.csv:9"), &[pin("1", 1), pin("6", 6)], true);
    intake.candidate(candidate("6", 6));
    intake.candidate(candidate("7", 7));
    assert_eq!(keys(&intake.finish(Coverage::Complete)), ["7"]);
}

#[test]
fn the_key_of_a_rejection_is_pinned_without_being_listed() {
    let mut intake = intake();
    intake.candidate(candidate("7", 7));
    let rejection = Rejection { key: Some("7".to_owned()), ..rejection("people.csv:9") };
    intake.reject(rejection, &[], true);
    assert_eq!(keys(&intake.finish(Coverage::Complete)), Vec::<&str>::new());
}

#[test]
fn a_record_that_may_be_anybodys_keeps_everybody() {
    let absent = |pins: &[(Fingerprint, String)], identified| {
        let mut intake = intake();
        intake.reject(rejection("people.csv:9"), pins, identified);
        missing(&intake.finish(Coverage::Complete), LeaverAction::Deactivate)
    };
    assert_eq!(absent(&[], false), Vec::<i64>::new());
    assert_eq!(absent(&[pin("77", 77)], false), Vec::<i64>::new(), "nobody has that key");
    assert_eq!(absent(&[pin("1", 1)], false), Vec::<i64>::new(), "a key in it is no identity");
    assert_eq!(absent(&[pin("1", 1)], true), [3, 4, 5], "it is that one's");
    assert_eq!(absent(&[pin("77", 77)], true), [1, 3, 4, 5], "it is somebody new");
}

#[test]
fn the_links_of_leavers_are_asked_for_only_where_something_may_follow() {
    let survey = |coverage| {
        let mut intake = intake();
        assert_eq!(intake.seen(Fingerprint(1), Digest(10)), Seen::Unchanged);
        intake.out_of_scope(Fingerprint(3), "3");
        intake.out_of_scope(Fingerprint(66), "66");
        intake.removed(Fingerprint(2), "2");
        intake.finish(coverage)
    };
    let complete = survey(Coverage::Complete);
    assert_eq!(missing(&complete, LeaverAction::Deactivate), [3, 4, 5], "2 is deactivated");
    assert_eq!(missing(&complete, LeaverAction::Delete), [2, 3, 4, 5]);
    assert_eq!(missing(&complete, LeaverAction::Ignore), Vec::<i64>::new());
    assert_eq!(missing(&survey(Coverage::Changes), LeaverAction::Delete), [2, 3]);
    let partial = survey(Coverage::Partial { reason: "cut".to_owned() });
    assert_eq!(missing(&partial, LeaverAction::Delete), Vec::<i64>::new());
}

#[test]
fn a_fingerprint_that_is_seen_twice_is_believed_in_neither_record() {
    let mut intake = intake();
    assert_eq!(intake.seen(Fingerprint(1), Digest(10)), Seen::Unchanged);
    assert_eq!(intake.seen(Fingerprint(1), Digest(10)), Seen::Changed);
    intake.candidate(candidate("1", 1));
    let survey = intake.finish(Coverage::Complete);
    assert_eq!(keys(&survey), Vec::<&str>::new());
    assert_eq!(survey.unchanged, 0);
    let reasons: Vec<&str> = survey.rejected.iter().map(|rejected| &*rejected.reason).collect();
    assert_eq!(reasons, ["key 1 stands more than once in the source"]);
}

#[test]
fn two_people_who_share_a_fingerprint_are_no_repetition() {
    let mut intake = intake();
    for key in ["a", "b"] {
        assert_eq!(intake.seen(Fingerprint(4), Digest(40)), Seen::Changed);
        intake.candidate(candidate(key, 4));
    }
    assert_eq!(keys(&intake.finish(Coverage::Complete)), ["a", "b"]);
}
