use super::*;
use crate::{HistoryEntry, PARTIAL, RunEnd};

fn brief(entries: &[HistoryEntry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| format!("{}/{}/{}", entry.run, entry.note.key, entry.note.at))
        .collect()
}

/// Two runs, each with entries for `a`, `b` and `c`, one a second.
fn filled() -> State {
    let mut state = memory();
    for number in [0, 10] {
        let run = begin(&mut state);
        for (seq, key) in ["a", "b", "c"].into_iter().enumerate() {
            let mut settlement = settlement(seq as u64, key);
            settlement.history.at = number + i64::try_from(seq).unwrap();
            state.settle(run, &[settlement]).unwrap();
        }
        let end = RunEnd { ended: number + 5, outcome: "done".to_owned(), counts: "{}".to_owned() };
        state.finish_run(run, &end).unwrap();
    }
    state
}

#[test]
fn an_entry_holds_what_was_settled() {
    let mut state = memory();
    let run = begin(&mut state);
    let settlement = Settlement {
        outcome: Outcome::Failed,
        status: Some(409),
        error: Some("userName is taken".to_owned()),
        ..settlement(3, "a")
    };
    state.settle(run, std::slice::from_ref(&settlement)).unwrap();
    let expected = HistoryEntry {
        run,
        note: settlement.history,
        outcome: Outcome::Failed,
        status: Some(409),
        error: Some("userName is taken".to_owned()),
    };
    assert_eq!(state.entries(&HistoryFilter::default()).unwrap(), [expected]);
}

#[test]
fn the_newest_entries_come_first_and_the_limit_cuts_the_oldest() {
    let state = filled();
    let entries = |filter: HistoryFilter| brief(&state.entries(&filter).unwrap());
    let all = HistoryFilter::default();
    let key = Some("b".to_owned());
    let run = Some(RunId(1));
    assert_eq!(entries(all.clone()), ["2/c/12", "2/b/11", "2/a/10", "1/c/2", "1/b/1", "1/a/0"]);
    assert_eq!(entries(HistoryFilter { limit: 2, ..all.clone() }), ["2/c/12", "2/b/11"]);
    assert_eq!(entries(HistoryFilter { key: key.clone(), ..all.clone() }), ["2/b/11", "1/b/1"]);
    assert_eq!(entries(HistoryFilter { run, ..all.clone() }), ["1/c/2", "1/b/1", "1/a/0"]);
    assert_eq!(entries(HistoryFilter { key, run, ..all.clone() }), ["1/b/1"]);
    assert!(entries(HistoryFilter { limit: 0, ..all }).is_empty());
}

#[test]
fn old_entries_go_and_their_runs_with_them() {
    let mut state = filled();
    assert_eq!(state.prune_history(2).unwrap(), 2);
    assert_eq!(state.last_runs(9).unwrap().len(), 2, "a run with entries stays");
    assert_eq!(state.prune_history(11).unwrap(), 2);
    let runs: Vec<RunId> = state.last_runs(9).unwrap().iter().map(|run| run.id).collect();
    assert_eq!(runs, [RunId(2)]);
    assert_eq!(state.prune_history(i64::MAX).unwrap(), 2);
    assert_eq!(state.last_runs(9).unwrap().len(), 1, "the newest run stays");
    let config = ("config-1".to_owned(), r#"{"scope":""}"#.to_owned());
    assert_eq!(state.last_config().unwrap(), Some(config));
    assert_eq!(begin(&mut state), RunId(3), "a number is not given twice");
    assert_eq!(state.count(User).unwrap(), 3, "links have no age");
}

#[test]
fn the_newest_run_of_each_outcome_stays() {
    let mut state = memory();
    for outcome in ["done", "done", "stopped", "stopped"] {
        let run = begin(&mut state);
        let end = RunEnd { ended: NOW, outcome: outcome.to_owned(), counts: "{}".to_owned() };
        state.finish_run(run, &end).unwrap();
    }
    begin(&mut state);
    let killed = begin(&mut state);
    state.prune_history(i64::MAX).unwrap();
    let runs: Vec<RunId> = state.last_runs(9).unwrap().iter().map(|run| run.id).collect();
    assert_eq!(runs, [killed, RunId(4), RunId(2)]);
}

#[test]
fn a_run_with_open_intents_is_not_pruned() {
    let mut state = memory();
    let run = begin(&mut state);
    state.intend(run, &[intent(1, "a")]).unwrap();
    begin(&mut state);
    state.prune_history(i64::MAX).unwrap();
    assert_eq!(state.unsettled().unwrap(), [(run, intent(1, "a"))]);
    state.settle(run, &[settlement(1, "a")]).unwrap();
}

#[test]
fn runs_are_listed_newest_first_and_one_that_was_killed_has_no_end() {
    let mut state = memory();
    assert_eq!(state.last_config().unwrap(), None);
    let ended = begin(&mut state);
    let end =
        RunEnd { ended: NOW + 1, outcome: "done".to_owned(), counts: r#"{"done":1}"#.to_owned() };
    state.finish_run(ended, &end).unwrap();
    let start = RunStart {
        kind: "full".to_owned(),
        plan_hash: "sha256:00".to_owned(),
        config_digest: "config-2".to_owned(),
        config: r#"{"scope":"x"}"#.to_owned(),
        who: "ada".to_owned(),
        started: NOW,
    };
    let killed = state.begin_run(&start).unwrap();
    let runs = state.last_runs(9).unwrap();
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [killed, ended]);
    assert_eq!((runs[0].end.as_ref(), runs[1].end.as_ref()), (None, Some(&end)));
    assert_eq!(runs[0].start, start);
    assert_eq!(state.last_runs(1).unwrap().len(), 1);
    let config = ("config-1".to_owned(), r#"{"scope":""}"#.to_owned());
    assert_eq!(state.last_config().unwrap(), Some(config));
}

#[test]
fn a_partial_run_or_one_that_was_stopped_is_no_first_load() {
    let mut state = memory();
    let mut run = |kind: &str, outcome: &str, parts: &str| {
        let start = RunStart {
            kind: kind.to_owned(),
            config_digest: "config".to_owned(),
            config: parts.to_owned(),
            ..RunStart::default()
        };
        let run = state.begin_run(&start).unwrap();
        let end = RunEnd { ended: NOW, outcome: outcome.to_owned(), counts: "{}".to_owned() };
        state.finish_run(run, &end).unwrap();
        state.prune_history(i64::MAX).unwrap();
        state.finished_configs("done").unwrap()
    };
    assert!(run(PARTIAL, "done", "1").is_empty());
    assert!(run("full", "stopped", "1").is_empty());
    assert_eq!(run("full", "done", "1"), ["1"]);
    // A later program says more of the same config; and a partial run does not push a whole one out.
    assert_eq!(run(PARTIAL, "done", "2"), ["2"]);
}
