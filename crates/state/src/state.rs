//! The handle of a state: opening, and the frame of every read and every transaction.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Fault};
use crate::file;
use crate::lock::Lock;

/// What a state is opened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// To look only. Any number may read, also while one writes. The handle shows the state as it was when it was opened,
    /// whatever is written since, so that what it says fits together; keep it no longer than needed, as the file cannot
    /// shrink meanwhile.
    Read,
    /// To write too. There is one writer at a time.
    Write {
        /// Who it is, for whoever is refused meanwhile: "apply, process 123".
        who: String,
        /// The present, in milliseconds since 1970 (UTC).
        now: i64,
    },
}

/// Links, runs, journal and history of one config.
///
/// Every function that writes is one transaction: it is done and on the disk when the function returns, or nothing of it is.
/// All of it is synchronous; the caller puts it on a thread of its own.
#[derive(Debug)]
pub struct State {
    conn: Connection,
    path: PathBuf,
    writes: bool,
    hash_key: [u8; 32],
    has_old_fingerprints: bool,
    serial: i64,
    target: Option<String>,
    // After the connection: the lock goes when the file is closed.
    _lock: Option<Lock>,
}

/// A transaction under way.
pub(crate) struct Writing<'a> {
    pub(crate) transaction: Transaction<'a>,
    /// Whether a link was written.
    pub(crate) links_moved: bool,
}

impl State {
    /// Opens the state in this file.
    ///
    /// - To write: the file is created if it is missing, and brought up to date if an older version wrote it.
    /// - To read: a missing file is an empty state, and nothing is written.
    /// - `:memory:` is an empty state that is gone with the handle.
    /// - `seed` gives the key of hashes of a new state: 32 random bytes. It is not asked otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if there is a writer already, [`Error::Network`] if the folder is on another machine,
    /// [`Error::NotADatabase`], [`Error::Foreign`], [`Error::Newer`] and [`Error::Damaged`] if the file is no state that can be
    /// used, [`Error::Io`] and [`Error::Sqlite`] if it cannot be opened. None of them changes the file.
    pub fn open(
        path: &Path,
        access: Access,
        seed: impl FnOnce() -> [u8; 32],
    ) -> Result<Self, Error> {
        if path == Path::new(":memory:") {
            let writes = matches!(access, Access::Write { .. });
            return Self::new(file::memory(path, seed)?, path.to_owned(), writes, None);
        }
        let path = file::resolve(path)?;
        match access {
            Access::Write { who, now } => {
                let (conn, lock) = file::write(&path, &who, now, seed)?;
                Self::new(conn, path, true, Some(lock))
            }
            Access::Read => {
                let conn = match file::read(&path)? {
                    Some(conn) => conn,
                    None => file::memory(&path, seed)?,
                };
                Self::new(conn, path, false, None)
            }
        }
    }

    /// The key of this state's fingerprints and digests. It is the same as long as the state lives.
    #[must_use]
    pub fn hash_key(&self) -> [u8; 32] {
        self.hash_key
    }

    /// Whether the fingerprints of its links are made in the way of the versions before 9, with BLAKE3: those of new ones then
    /// have to be as well.
    #[must_use]
    pub fn has_old_fingerprints(&self) -> bool {
        self.has_old_fingerprints
    }

    /// A number that moves with every write to links: a saved plan fits the state as long as it is the same.
    #[must_use]
    pub fn serial(&self) -> i64 {
        self.serial
    }

    /// Where the accounts of the links are, as [`bind`](Self::bind) was told.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Whether it holds nothing of any target: no link, and no request that may have been sent.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.read("look for links", |conn| {
            let sql =
                "SELECT NOT EXISTS (SELECT 1 FROM links) AND NOT EXISTS (SELECT 1 FROM journal)";
            Ok(conn.query_row(sql, [], |row| row.get(0))?)
        })
    }

    /// Keeps where the accounts of the links are. They mean nothing anywhere else.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn bind(&mut self, target: &str) -> Result<(), Error> {
        self.write("keep the target", |writing| {
            writing.transaction.execute("UPDATE state SET target = ?", [target])?;
            Ok(())
        })?;
        self.target = Some(target.to_owned());
        Ok(())
    }

    /// The state's file, without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        read(&self.conn).map_err(|fault| Error::fault(&self.path, doing, fault))
    }

    /// Runs one transaction. What fails leaves nothing behind.
    pub(crate) fn write<T>(
        &mut self,
        doing: &'static str,
        write: impl FnOnce(&mut Writing<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        if !self.writes {
            return Err(Error::ReadOnly { doing });
        }
        let (done, serial) = commit(&mut self.conn, write)
            .map_err(|fault| Error::fault(&self.path, doing, fault))?;
        self.serial = serial.unwrap_or(self.serial);
        Ok(done)
    }

    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.conn
    }

    fn new(
        conn: Connection,
        path: PathBuf,
        writes: bool,
        lock: Option<Lock>,
    ) -> Result<Self, Error> {
        conn.set_prepared_statement_cache_capacity(64);
        let sql = "SELECT hash_key, fingerprints = 0, serial, target FROM state";
        let (hash_key, has_old_fingerprints, serial, target) = conn
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .map_err(|source| Error::sqlite(&path, "open it", source))?;
        Ok(Self { conn, path, writes, hash_key, has_old_fingerprints, serial, target, _lock: lock })
    }
}

/// Runs a transaction to its end; with the new serial if links were written.
fn commit<T>(
    conn: &mut Connection,
    write: impl FnOnce(&mut Writing<'_>) -> Result<T, Fault>,
) -> Result<(T, Option<i64>), Fault> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut writing = Writing { transaction, links_moved: false };
    let done = write(&mut writing)?;
    let serial = if writing.links_moved {
        let sql = "UPDATE state SET serial = serial + 1 RETURNING serial";
        Some(writing.transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    } else {
        None
    };
    writing.transaction.commit()?;
    Ok((done, serial))
}
