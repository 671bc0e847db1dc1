//! Opens the file of a state: checks where it stands and what it is before anything is written, then brings it up to date.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use crate::error::Error;
use crate::lock::Lock;
use crate::migrate::{self, Found, MIGRATIONS};
use crate::mount;

/// How long one who writes for a moment (a backup, a checkpoint) is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The writer's page cache: 64 MiB, in the negative KiB that the pragma wants. Links arrive in the order of their fingerprints,
/// but ids are random: with the default of 2 MB, writing a million links waits for the disk. A reader scans each page once and
/// keeps the default, so that its memory does not grow with the links.
const CACHE: i64 = -65_536;

/// The log is copied into the file after so many pages (of 4 KiB): a page that was written often is copied once, and an apply of
/// thousands does not stop for it.
const CHECKPOINT: i64 = 8192;

/// Opens for the one writer.
pub(crate) fn write(
    path: &Path,
    who: &str,
    now: i64,
    seed: impl FnOnce() -> [u8; 32],
) -> Result<(Connection, Lock), Error> {
    let lock = Lock::take(path, who, now)?;
    make(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        doing: "open the state",
        source,
    })?;
    let fail = |source| Error::sqlite(path, "open it", source);
    let mut conn = connect(path).map_err(fail)?;
    let found = known(path, &conn)?;
    prepare_to_write(&mut conn, found, seed).map_err(fail)?;
    Ok((conn, lock))
}

/// Opens for reading: one unchanging view. None if there is nothing to read.
pub(crate) fn read(path: &Path) -> Result<Option<Connection>, Error> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() == 0 => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Io { path: path.to_owned(), doing: "open the state", source });
        }
    }
    let fail = |source| Error::sqlite(path, "open it", source);
    let conn = connect(path).map_err(fail)?;
    let begin = || conn.execute_batch("PRAGMA query_only = ON; BEGIN");
    begin().map_err(fail)?;
    Ok(match known(path, &conn)? {
        Found::Version(version) if version < newest() => {
            Some(copy_of(&conn, MIGRATIONS, version).map_err(fail)?)
        }
        Found::Version(_) => Some(conn),
        Found::Nothing | Found::Foreign => None,
    })
}

/// Opens for single questions beside the writer.
pub(crate) fn look(path: &Path) -> rusqlite::Result<Connection> {
    let conn = connect(path)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// An empty state that lives as long as the connection.
pub(crate) fn memory(path: &Path, seed: impl FnOnce() -> [u8; 32]) -> Result<Connection, Error> {
    let fail = |source| Error::sqlite(path, "open it", source);
    let mut conn = Connection::open_in_memory().map_err(fail)?;
    prepare_to_write(&mut conn, Found::Nothing, seed).map_err(fail)?;
    Ok(conn)
}

/// The path without symbolic links, so that a state has one lock by whatever name it is called.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, Error> {
    let resolved = match std::fs::canonicalize(path) {
        Ok(file) if file.is_dir() => {
            let source = io::ErrorKind::IsADirectory.into();
            return Err(Error::Io { path: file, doing: "open the state", source });
        }
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let folder = std::fs::canonicalize(folder).map_err(|source| Error::Io {
                path: folder.to_owned(),
                doing: "find the state's folder",
                source,
            })?;
            folder.join(path.file_name().unwrap_or_default())
        }
        Err(source) => {
            return Err(Error::Io { path: path.to_owned(), doing: "open the state", source });
        }
    };
    let folder = resolved.parent().unwrap_or(&resolved);
    match mount::network(folder) {
        Some(kind) => Err(Error::Network { path: resolved, kind }),
        None => Ok(resolved),
    }
}

/// Files that this program creates are for its own user: the history may hold values.
pub(crate) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Creates the file if it is missing; SQLite gives its log the same rights.
fn make(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private(&mut options);
    let missing = !path.exists();
    drop(options.open(path)?);
    if missing && let Some(folder) = path.parent() {
        // So that a power cut does not take the name of the file. Not every file system and system can: as with SQLite's
        // own files, that is no reason to give up.
        let _unsure = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("migrations can be counted")
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // A reader too needs to write: after a crash it is whoever comes first that replays the log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(PATIENCE)?;
    Ok(conn)
}

/// What the file is; an error unless it is a state that this program knows, or nothing yet.
fn known(path: &Path, conn: &Connection) -> Result<Found, Error> {
    let found = migrate::look(conn).map_err(|source| Error::sqlite(path, "open it", source))?;
    match found {
        Found::Foreign => Err(Error::Foreign { path: path.to_owned() }),
        Found::Version(version) if version > newest() => {
            Err(Error::Newer { path: path.to_owned(), found: version, known: newest() })
        }
        found => Ok(found),
    }
}

fn prepare_to_write(
    conn: &mut Connection,
    found: Found,
    seed: impl FnOnce() -> [u8; 32],
) -> rusqlite::Result<()> {
    // FULL: what the journal says is on the disk before a request is sent.
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    conn.pragma_update(None, "cache_size", CACHE)?;
    conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    let version = match found {
        Found::Version(version) => version,
        Found::Nothing | Found::Foreign => 0,
    };
    if version < newest() {
        migrate::up(conn, MIGRATIONS, version, seed)?;
    }
    conn.pragma_update(None, "foreign_keys", true)
}

/// An older state as the newest version, in memory: reading leaves the file to the older program.
pub(crate) fn copy_of(
    old: &Connection,
    migrations: &[&str],
    version: i64,
) -> rusqlite::Result<Connection> {
    let mut copy = Connection::open_in_memory()?;
    let backup = Backup::new(old, &mut copy)?;
    backup.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    drop(backup);
    migrate::up(&mut copy, migrations, version, || [0; 32])?;
    Ok(copy)
}
