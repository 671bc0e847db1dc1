use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("people.db")
    }

    /// The error of opening, both ways; they must not differ, unless said.
    fn check(&self) -> String {
        let before = fs::read(self.state()).ok();
        let read = State::open(&self.state(), Access::Read, || SEED).unwrap_err();
        let write = State::open(&self.state(), writer(), || SEED).unwrap_err();
        let (read, write) = (shown(&read, self.0.path()), shown(&write, self.0.path()));
        assert_eq!(fs::read(self.state()).ok(), before, "a refused file is left as it is");
        assert_eq!(read, write);
        write
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_new_state_asks_for_a_key_once() {
    let folder = Folder::new();
    assert_eq!(open(&folder.state()).hash_key(), SEED);
    let never = || -> [u8; 32] { panic!("the key is asked for a new state only") };
    assert_eq!(State::open(&folder.state(), writer(), never).unwrap().hash_key(), SEED);
    assert_eq!(State::open(&folder.state(), Access::Read, never).unwrap().hash_key(), SEED);
}

#[test]
fn a_missing_state_reads_as_empty_and_nothing_is_written() {
    let folder = Folder::new();
    let mut state = read(&folder.state());
    assert_eq!((state.count(User).unwrap(), state.serial()), (0, 0));
    assert_eq!(dump(&state), "");
    let error = put(&mut state, &[link("a")]).unwrap_err();
    insta::assert_snapshot!(error, @"cannot write the links: the state was opened for reading only");
    assert_eq!(folder.files(), Vec::<String>::new());
}

#[test]
fn a_reader_cannot_write() {
    let folder = Folder::new();
    drop(open(&folder.state()));
    let mut state = read(&folder.state());
    assert!(matches!(begin_result(&mut state), Err(Error::ReadOnly { .. })));
    assert!(state.connection().execute("DELETE FROM links", []).is_err(), "nor by SQL");
}

fn begin_result(state: &mut State) -> Result<RunId, Error> {
    state.begin_run(&RunStart::default())
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let folder = Folder::new();
    let first = open(&folder.state());
    let error = State::open(&folder.state(), writer(), || SEED).unwrap_err();
    insta::assert_snapshot!(shown(&error, folder.0.path()), @"
    error: the state FOLDER/people.db is in use by another run: apply, process 123, since 2026-01-01 00:00:00 UTC
    hint: wait until it has ended; a run that was killed holds no lock, so there is nothing to delete
    ");
    drop(first);
    drop(open(&folder.state()));
    assert!(folder.files().contains(&"people.db.lock".to_owned()));
}

#[test]
fn a_lock_without_a_name_is_a_lock_too() {
    let folder = Folder::new();
    let _first = open(&folder.state());
    let lock = folder.0.path().join("people.db.lock");
    fs::write(&lock, b"\xff\xfe").unwrap();
    let error = State::open(&folder.state(), writer(), || SEED).unwrap_err();
    insta::assert_snapshot!(error.to_string().replace(folder.state().canonicalize().unwrap().to_str().unwrap(), "people.db"), @"the state people.db is in use by another run");
    fs::write(&lock, "\u{1b}[31mapply\n\n").unwrap();
    let error = State::open(&folder.state(), writer(), || SEED).unwrap_err();
    assert!(matches!(error, Error::Locked { holder: Some(holder), .. } if holder == "[31mapply"));
}

#[cfg(unix)]
#[test]
fn a_state_has_one_lock_by_whatever_name() {
    let folder = Folder::new();
    let _first = open(&folder.state());
    let alias = folder.0.path().join("alias.db");
    std::os::unix::fs::symlink(folder.state(), &alias).unwrap();
    let error = State::open(&alias, writer(), || SEED).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let mut state = open(&folder.state());
    put(&mut state, &[link("a")]).unwrap();
    for name in folder.files() {
        let mode = fs::metadata(folder.0.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(folder.files().len() >= 3, "state, log and lock");
}

#[test]
fn a_reader_sees_one_moment_while_another_writes() {
    let folder = Folder::new();
    let mut state = open(&folder.state());
    put(&mut state, &[link("a")]).unwrap();
    let reader = read(&folder.state());
    put(&mut state, &[link("b")]).unwrap();
    state.forget(User, fingerprint("a"), "a").unwrap();
    assert_eq!(reader.link(User, fingerprint("a"), "a").unwrap(), Some(link("a")));
    assert_eq!((reader.count(User).unwrap(), reader.serial()), (1, 1));
    let later = read(&folder.state());
    assert_eq!(later.link(User, fingerprint("b"), "b").unwrap(), Some(link("b")));
    assert_eq!(later.serial(), state.serial());
}

#[test]
fn a_state_goes_from_thread_to_thread() {
    let mut state = memory();
    let thread = std::thread::spawn(move || {
        put(&mut state, &[link("a")]).unwrap();
        state
    });
    assert_eq!(thread.join().unwrap().count(User).unwrap(), 1);
}

#[test]
fn an_empty_file_is_a_new_state() {
    let folder = Folder::new();
    fs::write(folder.state(), "").unwrap();
    assert_eq!(read(&folder.state()).hash_key(), [9; 32]);
    assert_eq!(open(&folder.state()).hash_key(), SEED);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = Folder::new();
    fs::write(folder.state(), "employee_id,mail\n7,zoe@example.com\n".repeat(100)).unwrap();
    insta::assert_snapshot!(folder.check(), @"
    error: FOLDER/people.db is not a SQLite database
    hint: does state.url name the right file?
    ");
    fs::write(folder.state(), "short").unwrap();
    insta::assert_snapshot!(folder.check(), @"
    error: FOLDER/people.db is not a SQLite database
    hint: does state.url name the right file?
    ");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = Folder::new();
    let other = Connection::open(folder.state()).unwrap();
    other.execute_batch("CREATE TABLE links (a); PRAGMA user_version = 1;").unwrap();
    drop(other);
    insta::assert_snapshot!(folder.check(), @"
    error: FOLDER/people.db is a database of another program, not a state
    hint: does state.url name the right file?
    ");
}

#[test]
fn a_state_of_a_newer_version_is_refused() {
    let folder = Folder::new();
    drop(open(&folder.state()));
    let other = Connection::open(folder.state()).unwrap();
    other.execute_batch("PRAGMA user_version = 1000;").unwrap();
    drop(other);
    insta::assert_snapshot!(folder.check(), @"
    error: the state FOLDER/people.db has version 1000, and this program knows versions up to 11
    hint: use the newer peoplesync, or a state of its own
    ");
}

#[test]
fn a_missing_folder_is_named() {
    let folder = Folder::new();
    let path = folder.0.path().join("nowhere").join("people.db");
    for access in [Access::Read, writer()] {
        let error = State::open(&path, access, || SEED).unwrap_err();
        let text =
            shown(&error, folder.0.path()).replace(folder.0.path().to_str().unwrap(), "FOLDER");
        insta::allow_duplicates! { insta::assert_snapshot!(text, @"
        error: cannot find the state's folder FOLDER/nowhere
        caused by: No such file or directory (os error 2)
        hint: create the folder, or change state.url
        "); }
    }
}

#[test]
fn a_folder_is_no_state() {
    let folder = Folder::new();
    fs::create_dir(folder.state()).unwrap();
    let error = State::open(&folder.state(), Access::Read, || SEED).unwrap_err();
    insta::assert_snapshot!(shown(&error, folder.0.path()), @"
    error: cannot open the state FOLDER/people.db
    caused by: is a directory
    ");
    let error = State::open(&folder.state(), writer(), || SEED).unwrap_err();
    insta::assert_snapshot!(shown(&error, folder.0.path()), @"
    error: cannot open the state FOLDER/people.db
    caused by: is a directory
    ");
}

#[test]
fn a_path_with_odd_characters_is_a_path() {
    let folder = Folder::new();
    let path = folder.0.path().join("file:Zoë's people?mode=memory#1 %20.db");
    put(&mut open(&path), &[link("a")]).unwrap();
    assert!(path.exists());
    assert_eq!(read(&path).count(User).unwrap(), 1);
}

#[test]
fn a_relative_path_without_folder_is_in_the_current_folder() {
    let state = read(Path::new("no-such-state.db"));
    assert_eq!(
        state.path(),
        std::env::current_dir().unwrap().canonicalize().unwrap().join("no-such-state.db")
    );
}

#[test]
fn a_state_keeps_its_target() {
    let folder = Folder::new();
    let mut state = open(&folder.state());
    assert_eq!((state.target(), state.is_empty().unwrap()), (None, true));
    state.bind("https://scim.example.com/v2").unwrap();
    drop(state);
    assert_eq!(read(&folder.state()).target(), Some("https://scim.example.com/v2"));

    let mut state = open(&folder.state());
    state.bind("https://scim.example.com/v3").unwrap();
    assert_eq!(state.target(), Some("https://scim.example.com/v3"));
    state.put_links(User, &[(Fingerprint(7), link("7"))]).unwrap();
    assert!(!state.is_empty().unwrap());
    let error = read(&folder.state()).bind("x").unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
}
