//! What was used of a target's limits, so that a cap of an hour holds for two runs in that hour.

use rusqlite::params;

use crate::error::{Error, Fault};
use crate::state::{State, Writing};

impl State {
    /// When each limit of which something was used is fresh again: its name, and milliseconds since 1970 (UTC).
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn used_limits(&self) -> Result<Vec<(String, i64)>, Error> {
        self.read("read the used limits", |conn| {
            conn.prepare_cached("SELECT name, until FROM used_limits ORDER BY name")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<Vec<_>, _>>()
                .map_err(Into::into)
        })
    }

    /// Keeps when these limits are fresh again; others that are not named are forgotten.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn keep_used_limits(&mut self, used: &[(String, i64)]) -> Result<(), Error> {
        self.write("keep the used limits", |writing| writing.used_limits(used))
    }
}

impl Writing<'_> {
    /// Keeps when these limits are fresh again, and no others.
    pub(crate) fn used_limits(&self, used: &[(String, i64)]) -> Result<(), Fault> {
        self.transaction.prepare_cached("DELETE FROM used_limits")?.execute([])?;
        let mut statement = self
            .transaction
            .prepare_cached("INSERT OR REPLACE INTO used_limits (name, until) VALUES (?, ?)")?;
        for (name, until) in used {
            statement.execute(params![name, until])?;
        }
        Ok(())
    }
}
