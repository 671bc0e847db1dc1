//! Who could not be written, since when, and when it is tried again. When that is decides the caller.

use peoplesync_reconcile::Digest;
use peoplesync_scim::Resource;
use rusqlite::params;

use crate::codec::{resource_number, resource_of};
use crate::error::Error;
use crate::state::State;

/// A person or group whose last write failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// A person or a group.
    pub resource: Resource,
    /// The key in the source.
    pub key: String,
    /// The digest of what was to be written; none for somebody who left.
    pub digest: Option<Digest>,
    /// How often in a row it failed.
    pub failures: u32,
    /// When it failed first, in milliseconds since 1970 (UTC).
    pub since: i64,
    /// When it failed last.
    pub last: i64,
    /// When it is tried again; none: it is given up.
    pub next: Option<i64>,
    /// What went wrong.
    pub error: String,
}

impl State {
    /// Everybody whose last write failed, in the order of kinds and keys.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn retries(&self) -> Result<Vec<Retry>, Error> {
        self.read("read who waits", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT resource, key, digest, failures, since, last, next, error FROM retries \
                 ORDER BY resource, key",
            )?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(Retry {
                    resource: resource_of(row.get(0)?)?,
                    key: row.get(1)?,
                    digest: row.get::<_, Option<i64>>(2)?.map(Digest),
                    failures: row.get(3)?,
                    since: row.get(4)?,
                    last: row.get(5)?,
                    next: row.get(6)?,
                    error: row.get(7)?,
                });
            }
            Ok(found)
        })
    }

    /// Keeps who failed, and forgets who did not.
    ///
    /// # Errors
    ///
    /// The state cannot be written; then none of it is.
    pub fn keep_retries(
        &mut self,
        failed: &[Retry],
        settled: &[(Resource, &str)],
    ) -> Result<(), Error> {
        if failed.is_empty() && settled.is_empty() {
            return Ok(());
        }
        self.write("keep who waits", |writing| {
            let mut put = writing.transaction.prepare_cached(
                "INSERT OR REPLACE INTO retries \
                 (resource, key, digest, failures, since, last, next, error) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for retry in failed {
                put.execute(params![
                    resource_number(retry.resource),
                    retry.key,
                    retry.digest.map(|digest| digest.0),
                    retry.failures,
                    retry.since,
                    retry.last,
                    retry.next,
                    retry.error
                ])?;
            }
            let mut drop = writing
                .transaction
                .prepare_cached("DELETE FROM retries WHERE resource = ? AND key = ?")?;
            for (resource, key) in settled {
                drop.execute(params![resource_number(*resource), key])?;
            }
            Ok(())
        })
    }

    /// Forgets that writes failed, of one key or of all: they are tried in the next run. Returns of how many.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn resume(&mut self, key: Option<&str>) -> Result<u64, Error> {
        self.write("forget who waits", |writing| {
            let sql = "DELETE FROM retries WHERE ?1 IS NULL OR key = ?1";
            Ok(writing.transaction.execute(sql, [key])? as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Access;

    #[test]
    fn who_succeeds_waits_no_longer() {
        let access = Access::Write { who: "a test".to_owned(), now: 0 };
        let mut state = State::open(Path::new(":memory:"), access, || [7; 32]).unwrap();
        let retry = |key: &str, failures| Retry {
            resource: Resource::User,
            key: key.to_owned(),
            digest: Some(Digest(3)),
            failures,
            since: 1,
            last: 2,
            next: (failures < 3).then_some(9),
            error: "taken".to_owned(),
        };
        state.keep_retries(&[retry("a", 1), retry("b", 1), retry("c", 1)], &[]).unwrap();
        state
            .keep_retries(&[retry("b", 3)], &[(Resource::User, "a"), (Resource::Group, "c")])
            .unwrap();
        assert_eq!(state.retries().unwrap(), [retry("b", 3), retry("c", 1)]);
        assert_eq!(state.resume(Some("nobody")).unwrap(), 0);
        assert_eq!(state.resume(Some("c")).unwrap(), 1);
        assert_eq!(state.resume(None).unwrap(), 1);
        assert_eq!(state.retries().unwrap(), []);
    }
}
