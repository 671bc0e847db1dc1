use super::*;

fn record(
    state: &mut State,
    run: RunId,
    intents: &[Intent],
    settlements: &[Settlement],
) -> Result<(), Error> {
    state.record(run, &Batch { intents, settlements, ..Batch::default() })
}

#[test]
fn an_intent_is_open_until_it_is_settled() {
    let mut state = memory();
    let run = begin(&mut state);
    state.intend(run, &[intent(2, "b"), intent(1, "a")]).unwrap();
    assert_eq!(state.unsettled().unwrap(), [(run, intent(1, "a")), (run, intent(2, "b"))]);
    state.settle(run, &[settlement(1, "a")]).unwrap();
    assert_eq!(state.unsettled().unwrap(), [(run, intent(2, "b"))]);
    assert_eq!(state.link(User, fingerprint("a"), "a").unwrap(), Some(link("a")));
    let failed = Settlement {
        outcome: Outcome::Failed,
        status: Some(409),
        error: Some("userName is taken".to_owned()),
        link: LinkEffect::None,
        ..settlement(2, "b")
    };
    state.settle(run, &[failed]).unwrap();
    assert_eq!(state.unsettled().unwrap(), []);
    assert_eq!(state.count(User).unwrap(), 1);
    insta::assert_snapshot!(dump(&state), @r#"
    User a -> id-a digest 42, wrote 00000001ffffffff, created
    run 1: RunStart { kind: "full", plan_hash: "sha256:00", config_digest: "config-1", config: "{\"scope\":\"\"}", who: "ada", started: 1767225600000 }, None
    history: HistoryEntry { run: RunId(1), note: HistoryNote { at: 1767225600000, resource: User, key: "b", id: Some("id-b"), name: Some("b@example.com"), action: Create, reason: "not at the target yet", attributes: "[{\"path\":\"title\",\"before\":null,\"after\":\"L***\"}]", request: None }, outcome: Failed, status: Some(409), error: Some("userName is taken") }
    history: HistoryEntry { run: RunId(1), note: HistoryNote { at: 1767225600000, resource: User, key: "a", id: Some("id-a"), name: Some("a@example.com"), action: Create, reason: "not at the target yet", attributes: "[{\"path\":\"title\",\"before\":null,\"after\":\"L***\"}]", request: None }, outcome: Done, status: Some(201), error: None }
    "#);
}

#[test]
fn an_intent_that_is_withdrawn_leaves_no_trace() {
    let mut state = memory();
    let run = begin(&mut state);
    let before = dump(&state);
    state.intend(run, &[intent(1, "a"), intent(2, "b")]).unwrap();
    let limits = [("hourly".to_owned(), NOW)];
    let batch = Batch { withdrawn: &[1, 2], used_limits: &limits, ..Batch::default() };
    state.record(run, &batch).unwrap();
    assert_eq!(state.unsettled().unwrap(), []);
    assert_eq!(dump(&state), before);
    assert_eq!(state.used_limits().unwrap(), limits);
}

#[test]
fn the_same_number_in_another_run_is_another_intent() {
    let mut state = memory();
    let (first, second) = (begin(&mut state), begin(&mut state));
    assert!(second > first);
    state.intend(first, &[intent(1, "a")]).unwrap();
    state.intend(second, &[intent(1, "b")]).unwrap();
    state.settle(second, &[settlement(1, "b")]).unwrap();
    assert_eq!(state.unsettled().unwrap(), [(first, intent(1, "a"))]);
}

#[test]
fn an_intent_may_be_settled_and_intended_again_in_one_group() {
    let mut state = memory();
    let run = begin(&mut state);
    state.intend(run, &[intent(1, "a")]).unwrap();
    let conflict =
        Settlement { outcome: Outcome::Failed, link: LinkEffect::None, ..settlement(1, "a") };
    record(&mut state, run, &[intent(1, "a")], &[conflict]).unwrap();
    assert_eq!(state.unsettled().unwrap(), [(run, intent(1, "a"))]);
}

#[test]
fn what_needs_no_request_is_settled_without_intent() {
    let mut state = memory();
    put(&mut state, &[link("a")]).unwrap();
    let run = begin(&mut state);
    let unlink = LinkEffect::Forget { fingerprint: fingerprint("a"), key: "a".to_owned() };
    state.settle(run, &[Settlement { link: unlink, ..settlement(u64::MAX, "a") }]).unwrap();
    assert_eq!(state.count(User).unwrap(), 0);
}

#[test]
fn an_account_may_change_hands_within_a_group() {
    let mut state = memory();
    put(&mut state, &[link("z")]).unwrap();
    let run = begin(&mut state);
    let taken = Link { id: "id-z".to_owned(), ..link("a") };
    let put = LinkEffect::Put { fingerprint: fingerprint("a"), link: taken.clone() };
    let forget = LinkEffect::Forget { fingerprint: fingerprint("z"), key: "z".to_owned() };
    let settlements = [
        Settlement { link: put, ..settlement(1, "a") },
        Settlement { link: forget, ..settlement(2, "z") },
    ];
    state.settle(run, &settlements).unwrap();
    assert_eq!(state.links_by_id(User, &["id-z"]).unwrap(), [taken]);
    assert_eq!(state.count(User).unwrap(), 1);
}

#[test]
fn a_group_with_a_conflict_is_not_written_at_all() {
    let mut state = memory();
    put(&mut state, &[link("a")]).unwrap();
    let run = begin(&mut state);
    state.intend(run, &[intent(1, "b"), intent(2, "c")]).unwrap();
    let before = dump(&state);
    let thief = Link { id: "id-a".to_owned(), ..link("c") };
    let thief = LinkEffect::Put { fingerprint: fingerprint("c"), link: thief };
    let settlements = [settlement(1, "b"), Settlement { link: thief, ..settlement(2, "c") }];
    let error = record(&mut state, run, &[intent(3, "d")], &settlements).unwrap_err();
    insta::assert_snapshot!(error, @r#"the account id-a is linked to "a", so it cannot be linked to "c" as well"#);
    assert_eq!(dump(&state), before);
}

#[test]
fn an_intent_is_not_written_twice_nor_for_a_run_that_does_not_exist() {
    let mut state = memory();
    let run = begin(&mut state);
    state.intend(run, &[intent(1, "a")]).unwrap();
    assert!(state.intend(run, &[intent(1, "b")]).is_err());
    assert!(state.intend(RunId(99), &[intent(1, "b")]).is_err());
    assert!(state.settle(RunId(99), &[settlement(1, "b")]).is_err());
    assert_eq!(state.unsettled().unwrap(), [(run, intent(1, "a"))]);
}

#[test]
fn odd_texts_come_back_from_the_journal_as_they_were() {
    let mut state = memory();
    let run = begin(&mut state);
    let odd = Intent {
        seq: u64::MAX,
        resource: Resource::Group,
        action: Action::Delete,
        key: "a\"b'c\0d\n".to_owned(),
        id: Some("💡".to_owned()),
        lookup: vec![(r#"emails[type eq "work"].value"#.to_owned(), "\u{1}\"\\".to_owned())],
    };
    state.intend(run, std::slice::from_ref(&odd)).unwrap();
    assert_eq!(state.unsettled().unwrap(), [(run, odd)]);
}

#[test]
fn every_action_and_outcome_comes_back() {
    let mut state = memory();
    let run = begin(&mut state);
    let actions = [
        Action::Create,
        Action::Adopt,
        Action::Update,
        Action::Reactivate,
        Action::Deactivate,
        Action::Delete,
        Action::Unlink,
    ];
    for (seq, action) in (0..).zip(actions) {
        state.intend(run, &[Intent { action, ..intent(seq, "a") }]).unwrap();
    }
    let open: Vec<Action> =
        state.unsettled().unwrap().iter().map(|(_, intent)| intent.action).collect();
    assert_eq!(open, actions);
    for (seq, outcome) in (0..).zip([Outcome::Done, Outcome::Failed, Outcome::Skipped]) {
        state.settle(run, &[Settlement { outcome, ..settlement(seq, "a") }]).unwrap();
    }
    let entries = state.entries(&HistoryFilter::default()).unwrap();
    let outcomes: Vec<String> = entries.iter().map(|entry| entry.outcome.to_string()).collect();
    assert_eq!(outcomes, ["skipped", "failed", "done"]);
}
