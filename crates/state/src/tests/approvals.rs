//! Approvals count once.

use super::*;
use crate::Approval;

fn approval(plan: &str, signature: Option<&str>) -> Approval {
    Approval {
        plan: plan.to_owned(),
        given: NOW,
        who: "grace".to_owned(),
        reason: "they really left".to_owned(),
        signature: signature.map(str::to_owned),
    }
}

#[test]
fn an_approval_is_used_up_by_the_run_that_begins_with_its_plan() {
    let mut state = memory();
    state.approve(&approval("sha256:00", None)).unwrap();
    state.approve(&approval("sha256:11", None)).unwrap();
    assert_eq!(state.approvals_of("sha256:00").unwrap(), [approval("sha256:00", None)]);

    let run = begin(&mut state);
    assert_eq!(state.approvals_of("sha256:00").unwrap(), []);
    assert_eq!(state.approvals_of("sha256:11").unwrap(), [approval("sha256:11", None)]);
    let used: Vec<_> = state.last_approvals(9).unwrap().into_iter().map(|(_, run)| run).collect();
    assert_eq!(used, [None, Some(run)]);

    // The same plan may come again, and needs another word.
    state.approve(&approval("sha256:00", None)).unwrap();
    assert!(!state.approvals_of("sha256:00").unwrap().is_empty());
}

#[test]
fn a_signature_counts_once() {
    let mut state = memory();
    for _ in 0..2 {
        state.approve(&approval("sha256:00", Some("RWQf"))).unwrap();
    }
    begin(&mut state);
    state.approve(&approval("sha256:00", Some("RWQf"))).unwrap();
    assert_eq!(state.approvals_of("sha256:00").unwrap(), []);
    state.approve(&approval("sha256:00", Some("RWQg"))).unwrap();
    assert!(!state.approvals_of("sha256:00").unwrap().is_empty());
}

#[test]
fn an_approval_is_pruned_with_its_run() {
    let mut state = memory();
    state.approve(&approval("sha256:00", None)).unwrap();
    let run = begin(&mut state);
    let end = crate::RunEnd { ended: NOW, outcome: "done".to_owned(), counts: String::new() };
    state.finish_run(run, &end).unwrap();
    let newer = begin(&mut state);
    state.finish_run(newer, &end).unwrap();
    state.approve(&approval("sha256:11", None)).unwrap();
    state.prune_history(NOW + 1).unwrap();
    let left: Vec<_> =
        state.last_approvals(9).unwrap().into_iter().map(|(approval, _)| approval.plan).collect();
    assert_eq!(left, ["sha256:11"], "what nobody used yet stays");
}
