//! Where the next run can go on to read the source. It moves only with a run that was applied to its end.

use rusqlite::{OptionalExtension as _, params};

use crate::error::{Error, Fault};
use crate::state::State;

impl State {
    /// Where to go on under this config; nowhere if the last run had another.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn cursor(&self, config: &str) -> Result<Option<String>, Error> {
        self.read("read the cursor", |conn| {
            let sql = "SELECT cursor FROM cursor WHERE config = ?";
            conn.query_row(sql, [config], |row| row.get(0)).optional().map_err(Fault::from)
        })
    }

    /// Keeps where the next run under this config can go on.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn keep_cursor(&mut self, config: &str, cursor: &str) -> Result<(), Error> {
        self.write("keep the cursor", |writing| {
            let sql = "INSERT OR REPLACE INTO cursor (one, config, cursor) VALUES (1, ?, ?)";
            writing.transaction.execute(sql, params![config, cursor])?;
            Ok(())
        })
    }

    /// Forgets it: the next run reads everything.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn forget_cursor(&mut self) -> Result<(), Error> {
        self.write("forget the cursor", |writing| {
            writing.transaction.execute("DELETE FROM cursor", [])?;
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
    fn a_cursor_holds_for_its_config_only() {
        let access = Access::Write { who: "a test".to_owned(), now: 0 };
        let mut state = State::open(Path::new(":memory:"), access, || [7; 32]).unwrap();
        let serial = state.serial();
        assert_eq!(state.cursor("a").unwrap(), None);
        state.keep_cursor("a", "1").unwrap();
        state.keep_cursor("a", "2").unwrap();
        assert_eq!(state.cursor("a").unwrap().as_deref(), Some("2"));
        assert_eq!(state.cursor("b").unwrap(), None);
        state.keep_cursor("b", "3").unwrap();
        assert_eq!(state.cursor("a").unwrap(), None);
        state.forget_cursor().unwrap();
        assert_eq!(state.cursor("b").unwrap(), None);
        assert_eq!(state.serial(), serial, "no link moved, so a saved plan still fits");
    }
}
