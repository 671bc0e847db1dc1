//! What targets keep otherwise than it was written. Values stand here as keyed hashes.

use peoplesync_reconcile::Digest;
use peoplesync_scim::Resource;
use rusqlite::params;

use crate::codec::resource_number;
use crate::error::Error;
use crate::state::State;

/// An attribute of one account that the target keeps otherwise than it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptNote {
    /// The account.
    pub id: String,
    /// The path of the attribute.
    pub path: String,
    /// The hash of what was written.
    pub wanted: Digest,
    /// The hash of what the target had afterwards.
    pub found: Digest,
}

impl State {
    /// Hands out everything that is known of a kind of resource, account by account.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn kept(&self, resource: Resource, mut each: impl FnMut(KeptNote)) -> Result<(), Error> {
        self.read("read what the target keeps otherwise", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT id, path, wanted, found FROM kept WHERE resource = ? ORDER BY id, path",
            )?;
            let mut rows = statement.query([resource_number(resource)])?;
            while let Some(row) = rows.next()? {
                each(KeptNote {
                    id: row.get(0)?,
                    path: row.get(1)?,
                    wanted: Digest(row.get(2)?),
                    found: Digest(row.get(3)?),
                });
            }
            Ok(())
        })
    }

    /// Notes what was learned; a later note of the same attribute takes the place of an earlier one.
    ///
    /// # Errors
    ///
    /// The state cannot be written; then none of it is.
    pub fn remember_kept(&mut self, resource: Resource, notes: &[KeptNote]) -> Result<(), Error> {
        if notes.is_empty() {
            return Ok(());
        }
        self.write("remember what the target keeps otherwise", |writing| {
            let mut insert = writing.transaction.prepare_cached(
                "INSERT OR REPLACE INTO kept (resource, id, path, wanted, found) VALUES (?, ?, ?, ?, ?)",
            )?;
            for KeptNote { id, path, wanted, found } in notes {
                insert.execute(params![resource_number(resource), id, path, wanted.0, found.0])?;
            }
            Ok(())
        })
    }
}
