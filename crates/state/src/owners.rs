//! Whose account it is, asked by one thread while another writes.

use std::path::PathBuf;

use peoplesync_scim::Resource;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::codec::resource_number;
use crate::error::Error;
use crate::file;
use crate::state::State;

/// Tells whose an account is, through a connection of its own. It sees what is written meanwhile: a view that stays open would keep
/// the log from being used anew.
#[derive(Debug)]
pub struct Owners {
    conn: Connection,
    path: PathBuf,
}

impl State {
    /// Opens another connection to ask whose an account is; none if nobody is linked, or the state is in memory.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or read.
    pub fn owners(&self) -> Result<Option<Owners>, Error> {
        let linked = self.read("look for links", |conn| {
            let sql = "SELECT EXISTS (SELECT 1 FROM links)";
            Ok(conn.query_row(sql, [], |row| row.get::<_, bool>(0))?)
        })?;
        if !linked || !self.path().is_absolute() {
            return Ok(None);
        }
        let path = self.path().to_owned();
        match file::look(&path) {
            Ok(conn) => Ok(Some(Owners { conn, path })),
            Err(source) => Err(Error::sqlite(&path, "open it", source)),
        }
    }
}

impl Owners {
    /// The key of whoever is linked to an account.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn of(&self, resource: Resource, id: &str) -> Result<Option<String>, Error> {
        let ask = || {
            let sql = "SELECT key FROM links WHERE resource = ? AND id = ?";
            let mut statement = self.conn.prepare_cached(sql)?;
            statement.query_row(params![resource_number(resource), id], |row| row.get(0)).optional()
        };
        ask().map_err(|source| Error::sqlite(&self.path, "look for an owner", source))
    }
}
