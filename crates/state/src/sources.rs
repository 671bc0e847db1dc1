//! Which sources held a person when they were last read, where a config has several: so that nobody is taken to have left
//! while one of them cannot be read. A source is a bit, by its name.

use std::collections::BTreeMap;

use peoplesync_reconcile::Fingerprint;
use rusqlite::params;

use crate::error::{Error, Fault};
use crate::state::State;

/// A person and the sources that held them, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Of the key.
    pub fingerprint: Fingerprint,
    /// The bits of the sources.
    pub sources: u64,
}

impl State {
    /// The bit of each of these sources: its own if it is known, or else the next that is free.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn source_bits(&self, names: &[&str]) -> Result<Vec<u8>, Error> {
        self.read("read the sources", |conn| {
            let known = known(conn)?;
            let mut taken: Vec<u8> = known.values().map(|(bit, _)| *bit).collect();
            let bits = names.iter().map(|name| {
                if let Some((bit, _)) = known.get(*name) {
                    return *bit;
                }
                let free = (0..62).find(|bit| !taken.contains(bit)).unwrap_or(61);
                taken.push(free);
                free
            });
            Ok(bits.collect())
        })
    }

    /// Whether each of these sources was read completely in some run.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn has_read(&self, names: &[&str]) -> Result<bool, Error> {
        self.read("read the sources", |conn| {
            let known = known(conn)?;
            Ok(names.iter().all(|name| known.get(*name).is_some_and(|(_, complete)| *complete)))
        })
    }

    /// Who was held by which sources, in the order of the fingerprints. Who is not there may have been held by any.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn holders(&self) -> Result<Vec<Held>, Error> {
        self.read("read who came from where", |conn| {
            let mut statement =
                conn.prepare_cached("SELECT fp, sources FROM holders ORDER BY fp")?;
            let rows = statement.query_map([], |row| {
                let sources = row.get::<_, i64>(1)?.cast_unsigned();
                Ok(Held { fingerprint: Fingerprint(row.get(0)?), sources })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Keeps who was seen in which sources. `sources`: all of the config, with their bits, and whether each was read
    /// completely; what those held that were not is kept as well.
    ///
    /// # Errors
    ///
    /// The state cannot be written; then none of it is.
    pub fn keep_holders(
        &mut self,
        sources: &[(&str, u8, bool)],
        seen: &[Held],
    ) -> Result<(), Error> {
        self.write("keep who came from where", |writing| {
            let mut unread: u64 = 0;
            for (name, bit, complete) in sources {
                if !complete {
                    unread |= 1 << bit;
                }
                writing
                    .transaction
                    .prepare_cached(
                        "INSERT INTO sources (bit, name, complete) VALUES (?1, ?2, ?3) \
                         ON CONFLICT (name) DO UPDATE SET complete = max(complete, ?3)",
                    )?
                    .execute(params![bit, name, complete])?;
            }
            let mut put = writing.transaction.prepare_cached(
                "INSERT INTO holders (fp, sources) VALUES (?1, ?2) \
                 ON CONFLICT (fp) DO UPDATE SET sources = (sources & ?3) | ?2",
            )?;
            for held in seen {
                put.execute(params![
                    held.fingerprint.0,
                    held.sources.cast_signed(),
                    unread.cast_signed()
                ])?;
            }
            Ok(())
        })
    }

    /// Forgets all of it, as a config with one source does not keep it up to date.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn forget_holders(&mut self) -> Result<(), Error> {
        let any = self.read("read the sources", |conn| Ok(!known(conn)?.is_empty()))?;
        if !any {
            return Ok(());
        }
        self.write("forget who came from where", |writing| {
            writing.transaction.execute_batch("DELETE FROM sources; DELETE FROM holders")?;
            Ok(())
        })
    }
}

/// The known sources: bit, and whether it was ever read completely.
fn known(conn: &rusqlite::Connection) -> Result<BTreeMap<String, (u8, bool)>, Fault> {
    let mut statement = conn.prepare_cached("SELECT name, bit, complete FROM sources")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Access;

    fn held(fingerprint: i64, sources: u64) -> Held {
        Held { fingerprint: Fingerprint(fingerprint), sources }
    }

    #[test]
    fn what_an_unread_source_held_is_kept_and_what_a_read_one_held_is_replaced() {
        let access = Access::Write { who: "a test".to_owned(), now: 0 };
        let mut state = State::open(Path::new(":memory:"), access, || [7; 32]).unwrap();
        assert_eq!(state.source_bits(&["hr", "it"]).unwrap(), [0, 1]);
        let both = [("hr", 0, true), ("it", 1, true)];
        state.keep_holders(&both, &[held(5, 0b11), held(7, 0b10)]).unwrap();
        assert_eq!(state.source_bits(&["new", "it"]).unwrap(), [2, 1]);
        state.keep_holders(&[("hr", 0, true), ("it", 1, false)], &[held(5, 1)]).unwrap();
        assert_eq!(state.holders().unwrap(), [held(5, 0b11), held(7, 0b10)]);
        state.keep_holders(&both, &[held(5, 1)]).unwrap();
        assert_eq!(state.holders().unwrap(), [held(5, 1), held(7, 0b10)]);
        assert!(state.has_read(&["it"]).unwrap(), "a source that was read once stays known");
        assert!(!state.has_read(&["it", "new"]).unwrap());
        state.forget_holders().unwrap();
        assert_eq!(state.holders().unwrap(), []);
    }
}
