//! What can go wrong with the state, in words that an administrator can act on; and the inner error of SQL functions.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi;

/// A failure of the state. `Display` is a fragment without its source; [`hint`](Self::hint) says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Another run writes to this state.
    Locked {
        /// The state's file.
        path: PathBuf,
        /// Who writes since when, as it said itself; none if that cannot be read.
        holder: Option<String>,
    },
    /// The file exists and is no SQLite database.
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a SQLite database of another program.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The state was written by a newer peoplesync.
    Newer {
        /// The state's file.
        path: PathBuf,
        /// The version of its tables.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The state would stand on a network file system, where SQLite's write-ahead log loses data.
    Network {
        /// The state's file.
        path: PathBuf,
        /// The kind of file system, such as `nfs4`.
        kind: String,
    },
    /// The file is damaged.
    Damaged {
        /// The state's file.
        path: PathBuf,
        /// What was being done, as an infinitive: "read the links".
        doing: &'static str,
        /// What was found.
        source: SqliteError,
    },
    /// There is no room to write. Nothing of the transaction was written.
    Full {
        /// The state's file.
        path: PathBuf,
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// What SQLite says.
        source: SqliteError,
    },
    /// A table holds a value that this program does not know.
    Unknown {
        /// The state's file.
        path: PathBuf,
        /// What it should be: "action".
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// An account would belong to two people. Nothing of the transaction was written.
    Conflict {
        /// The id at the target.
        id: String,
        /// The key that the account is linked to.
        holder: String,
        /// The key that it should be linked to as well.
        key: String,
    },
    /// The state was opened for reading, and something was to be written.
    ReadOnly {
        /// What was to be done, as an infinitive.
        doing: &'static str,
    },
    /// A file or folder cannot be used.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done, as an infinitive: "open the lock".
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Anything else that SQLite reports.
    Sqlite {
        /// The state's file.
        path: PathBuf,
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// What SQLite says.
        source: SqliteError,
    },
}

/// What SQLite says, in one line: rusqlite's errors repeat themselves in their sources.
#[derive(Debug)]
pub struct SqliteError(Box<rusqlite::Error>);

/// What goes wrong inside a transaction: without the path, which the [`State`](crate::State) knows.
#[derive(Debug)]
pub(crate) enum Fault {
    Sqlite(rusqlite::Error),
    Conflict { id: String, holder: String, key: String },
    Unknown { what: &'static str, value: String },
}

impl Error {
    /// What to do about it, as a sentence fragment.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::Locked { .. } => {
                "wait until it has ended; a run that was killed holds no lock, so there is nothing to delete"
            }
            Self::NotADatabase { .. } | Self::Foreign { .. } => {
                "does state.url name the right file?"
            }
            Self::Newer { .. } => "use the newer peoplesync, or a state of its own",
            Self::Network { .. } => "put the state on a local disk",
            Self::Damaged { .. } | Self::Unknown { .. } => {
                "put back a backup; or move it and its -wal file away: the next run starts a new state and finds the \
                 accounts again by people.match"
            }
            Self::Full { .. } => {
                "make room on the disk and start again: what was not written is looked up"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "reading needs the right to write to the folder of the state too"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "create the folder, or change state.url"
            }
            Self::Sqlite { source, .. } => match source.0.sqlite_error_code() {
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                    "reading needs the right to write to the folder of the state too"
                }
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    "does another program, such as a backup, keep the file open?"
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    pub(crate) fn sqlite(path: &Path, doing: &'static str, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, doing, source: SqliteError(Box::new(source)) }
            }
            Some(ErrorCode::DiskFull) => {
                Self::Full { path, doing, source: SqliteError(Box::new(source)) }
            }
            _ if is_value_error(&source) => {
                Self::Damaged { path, doing, source: SqliteError(Box::new(source)) }
            }
            _ => Self::Sqlite { path, doing, source: SqliteError(Box::new(source)) },
        }
    }

    pub(crate) fn fault(path: &Path, doing: &'static str, fault: Fault) -> Self {
        match fault {
            Fault::Sqlite(source) => Self::sqlite(path, doing, source),
            Fault::Conflict { id, holder, key } => Self::Conflict { id, holder, key },
            Fault::Unknown { what, value } => Self::Unknown { path: path.to_owned(), what, value },
        }
    }
}

/// A column that holds something else than the schema says, which only a damaged file does.
fn is_value_error(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows
    )
}

/// Whether a unique index refused a row.
pub(crate) fn is_unique_violation(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path, holder: Some(holder) } => {
                write!(f, "the state {} is in use by another run: {holder}", path.display())
            }
            Self::Locked { path, holder: None } => {
                write!(f, "the state {} is in use by another run", path.display())
            }
            Self::NotADatabase { path } => {
                write!(f, "{} is not a SQLite database", path.display())
            }
            Self::Foreign { path } => {
                write!(f, "{} is a database of another program, not a state", path.display())
            }
            Self::Newer { path, found, known } => write!(
                f,
                "the state {} has version {found}, and this program knows versions up to {known}",
                path.display()
            ),
            Self::Network { path, kind } => write!(
                f,
                "the state {} is on a network file system ({kind}), where it may be destroyed",
                path.display()
            ),
            Self::Damaged { path, doing, .. } => {
                write!(f, "the state {} is damaged: cannot {doing}", path.display())
            }
            Self::Full { path, doing, .. } => {
                write!(f, "no room is left for the state {}: cannot {doing}", path.display())
            }
            Self::Unknown { path, what, value } => {
                write!(f, "the state {} holds an unknown {what}: \"{value}\"", path.display())
            }
            Self::Conflict { id, holder, key } => write!(
                f,
                "the account {id} is linked to \"{holder}\", so it cannot be linked to \"{key}\" as well"
            ),
            Self::ReadOnly { doing } => {
                write!(f, "cannot {doing}: the state was opened for reading only")
            }
            Self::Io { path, doing, .. } => write!(f, "cannot {doing} {}", path.display()),
            Self::Sqlite { path, doing, .. } => {
                write!(f, "state {}: cannot {doing}", path.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Damaged { source, .. }
            | Self::Full { source, .. }
            | Self::Sqlite { source, .. } => Some(source),
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.sqlite_extended_error_code() {
            Some(code) => write!(f, "{} (SQLite code {code})", self.0),
            None => self.0.fmt(f),
        }
    }
}

impl std::error::Error for SqliteError {}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
