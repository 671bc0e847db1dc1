//! How the job as a whole is: whether it is in quarantine, and which plan waits for somebody's word. One row each.

use rusqlite::{OptionalExtension as _, params};

use crate::error::{Error, Fault};
use crate::state::State;

/// How the job as a whole is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// How often in a row the source could not be read.
    pub source_failures: u32,
    /// Since when it is in quarantine, in milliseconds since 1970 (UTC), and why.
    pub quarantine: Option<(i64, String)>,
    /// When it was tried last; 0: never.
    pub tried: i64,
    /// What went wrong then, if anything did.
    pub error: Option<String>,
}

/// A refused plan that waits for somebody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The hash that names it.
    pub plan: String,
    /// Since when, in milliseconds since 1970 (UTC).
    pub since: i64,
    /// The guards that refused it, as JSON.
    pub refused: String,
    /// Its summary, as JSON.
    pub summary: String,
}

impl State {
    /// How the job is; well, if nothing was kept.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn health(&self) -> Result<Health, Error> {
        self.read("read how the job is", |conn| {
            let sql = "SELECT source_failures, quarantined, coalesce(reason, ''), tried, error FROM health";
            let found = conn.query_row(sql, [], |row| {
                let reason: String = row.get(2)?;
                Ok(Health {
                    source_failures: row.get(0)?,
                    quarantine: row.get::<_, Option<i64>>(1)?.map(|since| (since, reason)),
                    tried: row.get(3)?,
                    error: row.get(4)?,
                })
            });
            Ok(found.optional()?.unwrap_or_default())
        })
    }

    /// Keeps how the job is.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn keep_health(&mut self, health: &Health) -> Result<(), Error> {
        self.write("keep how the job is", |writing| {
            let (since, reason) = match &health.quarantine {
                Some((since, reason)) => (Some(since), Some(reason)),
                None => (None, None),
            };
            writing.transaction.execute(
                "INSERT OR REPLACE INTO health (one, source_failures, quarantined, reason, tried, error) \
                 VALUES (1, ?, ?, ?, ?, ?)",
                params![health.source_failures, since, reason, health.tried, health.error],
            )?;
            Ok(())
        })
    }

    /// The plan that waits for somebody's word, if one does.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn pending(&self) -> Result<Option<Pending>, Error> {
        self.read("read the plan that waits", |conn| {
            let sql = "SELECT plan, since, refused, summary FROM pending";
            let found = conn.query_row(sql, [], |row| {
                Ok(Pending {
                    plan: row.get(0)?,
                    since: row.get(1)?,
                    refused: row.get(2)?,
                    summary: row.get(3)?,
                })
            });
            found.optional().map_err(Fault::from)
        })
    }

    /// Keeps the plan that waits, or that none does. The same plan waits since when it was first kept. Returns whether another
    /// waits now than before.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn keep_pending(&mut self, pending: Option<&Pending>) -> Result<bool, Error> {
        let before = self.pending()?;
        if before.as_ref().map(|before| &before.plan) == pending.map(|pending| &pending.plan) {
            return Ok(false);
        }
        self.write("keep the plan that waits", |writing| {
            writing.transaction.execute("DELETE FROM pending", [])?;
            if let Some(Pending { plan, since, refused, summary }) = pending {
                writing.transaction.execute(
                    "INSERT INTO pending (one, plan, since, refused, summary) VALUES (1, ?, ?, ?, ?)",
                    params![plan, since, refused, summary],
                )?;
            }
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Access;

    #[test]
    fn a_plan_that_waits_is_new_once() {
        let access = Access::Write { who: "a test".to_owned(), now: 0 };
        let mut state = State::open(Path::new(":memory:"), access, || [7; 32]).unwrap();
        let plan = |plan: &str, since| Pending {
            plan: plan.to_owned(),
            since,
            refused: "[]".to_owned(),
            summary: "{}".to_owned(),
        };
        assert!(!state.keep_pending(None).unwrap());
        assert!(state.keep_pending(Some(&plan("a", 1))).unwrap());
        assert!(!state.keep_pending(Some(&plan("a", 2))).unwrap());
        assert_eq!(state.pending().unwrap(), Some(plan("a", 1)));
        assert!(state.keep_pending(Some(&plan("b", 3))).unwrap());
        assert!(state.keep_pending(None).unwrap());
        assert_eq!(state.pending().unwrap(), None);
    }

    #[test]
    fn health_is_kept_in_one_row() {
        let access = Access::Write { who: "a test".to_owned(), now: 0 };
        let mut state = State::open(Path::new(":memory:"), access, || [7; 32]).unwrap();
        assert_eq!(state.health().unwrap(), Health::default());
        let ill = Health {
            source_failures: 3,
            quarantine: Some((7, "denied".to_owned())),
            tried: 8,
            error: Some("denied".to_owned()),
        };
        state.keep_health(&ill).unwrap();
        assert_eq!(state.health().unwrap(), ill);
        state.keep_health(&Health { tried: 9, ..Health::default() }).unwrap();
        assert_eq!(state.health().unwrap(), Health { tried: 9, ..Health::default() });
    }
}
