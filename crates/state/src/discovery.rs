//! What the target said of itself when it was asked last.

use rusqlite::{OptionalExtension as _, params};

use crate::error::{Error, Fault};
use crate::state::State;

impl State {
    /// What was said, if these were asked, and when that was, in milliseconds since 1970 (UTC).
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn discovery(&self, asked: &str) -> Result<Option<(i64, String)>, Error> {
        self.read("read what the target said of itself", |conn| {
            let sql = "SELECT at, said FROM discovery WHERE asked = ?";
            let both = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            conn.query_row(sql, [asked], both).optional().map_err(Fault::from)
        })
    }

    /// Keeps what was said; what was kept before is forgotten.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn keep_discovery(&mut self, asked: &str, at: i64, said: &str) -> Result<(), Error> {
        self.write("keep what the target said of itself", |writing| {
            let sql = "INSERT OR REPLACE INTO discovery (one, asked, at, said) VALUES (1, ?, ?, ?)";
            writing.transaction.execute(sql, params![asked, at, said])?;
            Ok(())
        })
    }

    /// Forgets it: the next apply asks again.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn forget_discovery(&mut self) -> Result<(), Error> {
        self.write("forget what the target said of itself", |writing| {
            writing.transaction.execute("DELETE FROM discovery", [])?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Access;

    #[test]
    fn what_was_said_holds_for_whom_was_asked_only() {
        let access = Access::Write { who: "a test".to_owned(), now: 0 };
        let mut state = State::open(Path::new(":memory:"), access, || [7; 32]).unwrap();
        let serial = state.serial();
        assert_eq!(state.discovery("a").unwrap(), None);
        state.keep_discovery("a", 5, "{}").unwrap();
        assert_eq!(state.discovery("a").unwrap(), Some((5, "{}".to_owned())));
        assert_eq!(state.discovery("b").unwrap(), None);
        state.keep_discovery("b", 6, "[]").unwrap();
        assert_eq!(state.discovery("a").unwrap(), None);
        state.forget_discovery().unwrap();
        assert_eq!(state.discovery("b").unwrap(), None);
        assert_eq!(state.serial(), serial, "no link moved, so a saved plan still fits");
    }
}
