//! What is left after the process, the disk or the file breaks.

use std::fs;
use std::path::PathBuf;

use super::*;

/// The files of an open state as a killed process leaves them: the database and its log.
fn image(state: &State) -> (Vec<u8>, Vec<u8>) {
    let mut log = state.path().as_os_str().to_owned();
    log.push("-wal");
    (fs::read(state.path()).unwrap(), fs::read(PathBuf::from(log)).unwrap())
}

fn restore(folder: &Path, database: &[u8], log: &[u8]) -> PathBuf {
    let path = folder.join("people.db");
    fs::write(&path, database).unwrap();
    fs::write(folder.join("people.db-wal"), log).unwrap();
    path
}

#[test]
fn what_is_written_is_on_the_disk_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(&folder.path().join("people.db"));
    let text = |pragma| {
        let conn = state.connection();
        conn.pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(text("journal_mode"), "wal".to_owned().into());
    assert_eq!(text("synchronous"), 2.into(), "2 is FULL");
    assert_eq!(text("foreign_keys"), 1.into());
}

#[test]
fn what_was_intended_and_not_settled_is_there_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let mut state = open(&path);
    let run = begin(&mut state);
    state.intend(run, &[intent(1, "a"), intent(2, "b")]).unwrap();
    state.settle(run, &[settlement(1, "a")]).unwrap();
    let (database, log) = image(&state);

    let after = tempfile::tempdir().unwrap();
    let path = restore(after.path(), &database, &log);
    let mut state = open(&path);
    assert_eq!(state.unsettled().unwrap(), [(run, intent(2, "b"))]);
    assert_eq!(state.link(User, fingerprint("a"), "a").unwrap(), Some(link("a")));
    assert_eq!(state.last_runs(1).unwrap()[0].end, None);
    // The next run settles it, under the number of the run that left it.
    let next = begin(&mut state);
    assert!(next > run);
    state.settle(run, &[settlement(2, "b")]).unwrap();
    assert!(state.unsettled().unwrap().is_empty());
    drop(state);
    assert_eq!(read(&path).count(User).unwrap(), 2);
}

#[test]
fn a_reader_sees_what_a_killed_writer_left_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(&folder.path().join("people.db"));
    put(&mut state, &[link("a")]).unwrap();
    let (database, log) = image(&state);
    let after = tempfile::tempdir().unwrap();
    let path = restore(after.path(), &database, &log);
    assert_eq!(read(&path).link(User, fingerprint("a"), "a").unwrap(), Some(link("a")));
}

/// A power cut may leave any beginning of the log. Whatever it is: a settled change has link and history and no intent, any
/// other has its intent alone.
#[test]
fn the_log_may_be_cut_anywhere_and_no_transaction_is_seen_in_half() {
    const PEOPLE: u64 = 6;
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(&folder.path().join("people.db"));
    let run = begin(&mut state);
    let key = |seq: u64| format!("k{seq}");
    for seq in 0..PEOPLE {
        let settled: Vec<_> =
            seq.checked_sub(1).map(|seq| settlement(seq, &key(seq))).into_iter().collect();
        let intents = [intent(seq, &key(seq))];
        let batch = Batch { intents: &intents, settlements: &settled, ..Batch::default() };
        state.record(run, &batch).unwrap();
    }
    let (database, log) = image(&state);
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).step_by(1031).chain([log.len()]) {
        let after = tempfile::tempdir().unwrap();
        let path = restore(after.path(), &database, &log[..cut]);
        let state = read(&path);
        let count = state.count(User).unwrap();
        let history = state.entries(&HistoryFilter::default()).unwrap();
        let open: Vec<u64> =
            state.unsettled().unwrap().iter().map(|(_, intent)| intent.seq).collect();
        assert_eq!(history.len() as u64, count, "cut at {cut}");
        assert_eq!(state.serial().cast_unsigned(), count, "cut at {cut}");
        for entry in history {
            let key = &entry.note.key;
            assert_eq!(
                state.link(User, fingerprint(key), key).unwrap(),
                Some(link(key)),
                "cut at {cut}"
            );
        }
        assert!(
            open.is_empty() && count == 0 || open == [count],
            "cut at {cut}: {open:?} and {count}"
        );
        seen.insert((count, open.len()));
    }
    // Nothing yet, and each step.
    assert_eq!(seen.len() as u64, PEOPLE + 1, "{seen:?}");
}

#[test]
fn a_log_with_a_flipped_byte_ends_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(&folder.path().join("people.db"));
    for number in 0..5 {
        put(&mut state, &[link(&format!("k{number}"))]).unwrap();
    }
    let (database, mut log) = image(&state);
    let place = log.len() * 3 / 4;
    log[place] ^= 0xff;
    let after = tempfile::tempdir().unwrap();
    let path = restore(after.path(), &database, &log);
    let state = open(&path);
    let count = state.count(User).unwrap();
    assert!((1..5).contains(&count), "{count}");
    assert_eq!(state.serial().cast_unsigned(), count);
}

#[test]
fn a_full_disk_loses_nothing_that_was_there_and_writes_nothing_in_half() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(&folder.path().join("people.db"));
    let run = begin(&mut state);
    state.intend(run, &[intent(1, "a")]).unwrap();
    let before = (dump(&state), state.serial());
    let pages: i64 =
        state.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    state
        .connection()
        .pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(()))
        .unwrap();

    let many: Vec<Link> = (0..5000).map(|number| link(&format!("k{number}"))).collect();
    let error = put(&mut state, &many).unwrap_err();
    insta::assert_snapshot!(shown(&error, folder.path()), @"
    error: no room is left for the state FOLDER/people.db: cannot write the links
    caused by: database or disk is full (SQLite code 13)
    hint: make room on the disk and start again: what was not written is looked up
    ");
    let intents: Vec<Intent> = (2..5000).map(|seq| intent(seq, "b")).collect();
    let settlements = [settlement(1, "a")];
    let batch = Batch { intents: &intents, settlements: &settlements, ..Batch::default() };
    let error = state.record(run, &batch).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert_eq!((dump(&state), state.serial()), before);

    // Once there is room, the same handle goes on.
    state
        .connection()
        .pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))
        .unwrap();
    state.settle(run, &[settlement(1, "a")]).unwrap();
    put(&mut state, &many).unwrap();
    assert_eq!(state.count(User).unwrap(), 5001);
}

#[test]
fn a_damaged_file_is_an_error_and_never_fewer_links() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let mut state = open(&path);
    let many: Vec<Link> = (0..5000).map(|number| link(&format!("k{number}"))).collect();
    put(&mut state, &many).unwrap();
    drop(state);
    let whole = fs::read(&path).unwrap();

    // Cut off.
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = State::open(&path, Access::Read, || SEED)
        .and_then(|state| state.each_link(User, |_| {}))
        .unwrap_err();
    insta::assert_snapshot!(shown(&error, folder.path()), @"
    error: the state FOLDER/people.db is damaged: cannot open it
    caused by: database disk image is malformed (SQLite code 11)
    hint: put back a backup; or move it and its -wal file away: the next run starts a new state and finds the accounts again by people.match
    ");

    // Pages in the middle overwritten.
    let mut holes = whole.clone();
    for page in (4096..whole.len()).step_by(4096 * 3) {
        holes[page..page + 200].fill(0xee);
    }
    fs::write(&path, &holes).unwrap();
    let error = State::open(&path, Access::Read, || SEED)
        .and_then(|state| state.index(User, |_, _, _, _| {}))
        .unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");

    fs::write(&path, &whole).unwrap();
    assert_eq!(read(&path).index(User, |_, _, _, _| {}).unwrap(), 5000);
}

#[test]
fn a_word_that_the_program_does_not_know_is_an_error() {
    let mut state = memory();
    let run = begin(&mut state);
    state.settle(run, &[settlement(1, "a")]).unwrap();
    state.connection().execute("UPDATE history SET action = 'promote'", []).unwrap();
    let error = state.entries(&HistoryFilter::default()).unwrap_err();
    insta::assert_snapshot!(error, @r#"the state :memory: holds an unknown action: "promote""#);
    state.intend(run, &[intent(2, "b")]).unwrap();
    state.connection().execute("UPDATE journal SET lookup = '{'", []).unwrap();
    insta::assert_snapshot!(state.unsettled().unwrap_err(), @r#"the state :memory: holds an unknown lookup: "{""#);
    state.connection().execute("UPDATE journal SET lookup = '[]', resource = 3", []).unwrap();
    insta::assert_snapshot!(state.unsettled().unwrap_err(), @r#"the state :memory: holds an unknown resource: "3""#);
}
