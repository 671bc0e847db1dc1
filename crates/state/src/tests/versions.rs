//! States of every version that was ever written.

use std::path::PathBuf;

use rusqlite::Connection;

use super::*;
use crate::file;
use crate::migrate::{self, Found, MIGRATIONS};

/// A dump of each version, with a row of every kind, and the snapshot of what is in it. They are never changed.
const VERSIONS: &[(&str, &str)] = &[
    ("everything-v1", include_str!("versions/v1.sql")),
    ("everything-v2", include_str!("versions/v2.sql")),
    ("everything-v3", include_str!("versions/v3.sql")),
    ("everything-v4", include_str!("versions/v4.sql")),
    ("everything-v5", include_str!("versions/v5.sql")),
    ("everything-v6", include_str!("versions/v6.sql")),
    ("everything-v7", include_str!("versions/v7.sql")),
    ("everything-v8", include_str!("versions/v8.sql")),
    ("everything-v9", include_str!("versions/v9.sql")),
    ("everything-v10", include_str!("versions/v10.sql")),
    ("everything-v11", include_str!("versions/v11.sql")),
];

fn state_of(folder: &Path, version: usize) -> PathBuf {
    let path = folder.join(format!("v{version}.db"));
    Connection::open(&path).unwrap().execute_batch(VERSIONS[version - 1].1).unwrap();
    path
}

fn schema(conn: &Connection) -> String {
    let mut statement = conn
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut text = String::new();
    for sql in rows {
        // Comments and white space are not the schema.
        let sql: Vec<String> = sql
            .unwrap()
            .lines()
            .map(|line| {
                line.split("--").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .filter(|line| !line.is_empty())
            .collect();
        writeln!(text, "{};\n", sql.join("\n")).unwrap();
    }
    text
}

#[test]
fn the_schema() {
    insta::assert_snapshot!(schema(memory().connection()));
}

#[test]
fn every_version_has_a_dump() {
    assert_eq!(VERSIONS.len(), MIGRATIONS.len());
}

#[test]
fn a_state_of_any_version_is_read_without_changing_it_and_brought_up_to_date_by_a_writer() {
    for version in 1..=VERSIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = state_of(folder.path(), version);
        let found = || migrate::look(&Connection::open(&path).unwrap()).unwrap();
        let old = Found::Version(i64::try_from(version).unwrap());

        let state = read(&path);
        insta::assert_snapshot!(VERSIONS[version - 1].0, dump(&state));
        assert_eq!((state.hash_key(), state.serial()), ([0xab; 32], 5));
        assert_eq!(state.has_old_fingerprints(), version < 9);
        drop(state);
        assert_eq!(found(), old);

        let mut state = open(&path);
        insta::assert_snapshot!(VERSIONS[version - 1].0, dump(&state));
        assert_eq!((state.hash_key(), state.serial()), ([0xab; 32], 5));
        assert_eq!(state.has_old_fingerprints(), version < 9);
        assert_eq!(schema(state.connection()), schema(memory().connection()));
        state.settle(RunId(2), &[settlement(4, "12")]).unwrap();
        drop(state);
        assert_eq!(found(), Found::Version(i64::try_from(MIGRATIONS.len()).unwrap()));
    }
}

#[test]
fn migrations_run_once_each_and_in_order() {
    let next =
        ["CREATE TABLE more (a); INSERT INTO more VALUES (1);", "INSERT INTO more VALUES (2);"];
    let all = [MIGRATIONS, &next].concat();
    let folder = tempfile::tempdir().unwrap();
    let mut conn = Connection::open(state_of(folder.path(), 1)).unwrap();
    let from = |conn: &Connection| match migrate::look(conn).unwrap() {
        Found::Version(version) => version,
        other => panic!("{other:?}"),
    };
    let sum = |conn: &Connection| -> i64 {
        conn.query_row("SELECT sum(a) FROM more", [], |row| row.get(0)).unwrap()
    };
    let version = from(&conn);
    migrate::up(&mut conn, &all[..all.len() - 1], version, || panic!("it has a key")).unwrap();
    assert_eq!(sum(&conn), 1);
    let version = from(&conn);
    migrate::up(&mut conn, &all, version, || panic!("it has a key")).unwrap();
    assert_eq!(sum(&conn), 3);
    assert_eq!(usize::try_from(from(&conn)).unwrap(), all.len());
}

#[test]
fn a_migration_that_fails_leaves_the_version_before() {
    let broken =
        ["CREATE TABLE more (a); INSERT INTO more VALUES (1);", "INSERT INTO nowhere VALUES (2);"];
    let all = [MIGRATIONS, &broken].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = state_of(folder.path(), VERSIONS.len());
    let mut conn = Connection::open(&path).unwrap();
    let version = i64::try_from(VERSIONS.len()).unwrap();
    migrate::up(&mut conn, &all, version, || panic!("it has a key")).unwrap_err();
    assert_eq!(migrate::look(&conn).unwrap(), Found::Version(version));
    assert_eq!(schema(&conn), schema(memory().connection()));
    drop(conn);
    assert_eq!(read(&path).count(User).unwrap(), 3);
}

#[test]
fn an_older_state_is_read_through_a_copy() {
    let next = ["CREATE TABLE more AS SELECT key FROM links;"];
    let all = [MIGRATIONS, &next].concat();
    let folder = tempfile::tempdir().unwrap();
    // As a writer leaves it: with a write-ahead log, which a copy in memory has not.
    let latest = MIGRATIONS.len();
    let state = open(&state_of(folder.path(), latest));
    let version = i64::try_from(latest).unwrap();
    let old = Connection::open(state.path()).unwrap();
    old.execute_batch("BEGIN").unwrap();
    let copy = file::copy_of(&old, &all, version).unwrap();
    let count: i64 = copy.query_row("SELECT count(*) FROM more", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 4, "people and groups");
    assert_eq!(migrate::look(&old).unwrap(), Found::Version(version));
    assert_eq!(migrate::look(&copy).unwrap(), Found::Version(version + 1));
}
