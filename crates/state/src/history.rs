//! What was done to whom, when and why. Values come as the caller wants them kept: masked, unless the config says otherwise.

use peoplesync_reconcile::Action;
use peoplesync_scim::Resource;
use rusqlite::{Row, params};

use crate::codec::{action_of, outcome_of, resource_number, resource_of};
use crate::error::{Error, Fault};
use crate::journal::{Outcome, Settlement};
use crate::runs::RunId;
use crate::state::{State, Writing};

/// What the history is told of one change. Run and outcome it takes from the [`Settlement`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryNote {
    /// When, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// What kind of resource was changed.
    pub resource: Resource,
    /// The key in the source.
    pub key: String,
    /// The id at the target; none if the account was not created.
    pub id: Option<String>,
    /// What people call the account, if that may be kept.
    pub name: Option<String>,
    /// What was done.
    pub action: Action,
    /// Why, as a fragment: "title differs".
    pub reason: String,
    /// A JSON array of `{"path", "before", "after"}`, masked by the caller.
    pub attributes: String,
    /// The number that the target gave to the request.
    pub request: Option<String>,
}

/// One change of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The run that did it.
    pub run: RunId,
    /// What was done.
    pub note: HistoryNote,
    /// What came of it.
    pub outcome: Outcome,
    /// The HTTP status of the target's answer, if there was one.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Which entries are wanted. The default: the newest hundred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Those of this key only.
    pub key: Option<String>,
    /// Those of this run only.
    pub run: Option<RunId>,
    /// So many at most.
    pub limit: u64,
}

pub(crate) const PRUNE: &str = "DELETE FROM history WHERE at < ?";

impl State {
    /// The entries of the history, newest first.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn entries(&self, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, Error> {
        self.read("read the history", |conn| {
            let mut statement = conn.prepare_cached(&select(filter))?;
            let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
            let mut rows =
                statement.query(params![filter.key, filter.run.map(|run| run.0), limit])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.push(entry_of(row)?);
            }
            Ok(entries)
        })
    }

    /// Removes the entries from before that moment (milliseconds since 1970, UTC), and the runs that ended before it and
    /// have none left; approvals that were used go with them. The newest run of each outcome stays, so that "was there ever a run that was done" keeps its answer.
    /// Returns how many entries were removed.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn prune_history(&mut self, before: i64) -> Result<u64, Error> {
        self.write("prune the history", |writing| {
            let removed = writing.transaction.execute(PRUNE, [before])?;
            writing
                .transaction
                .execute("DELETE FROM approvals WHERE given < ? AND run IS NOT NULL", [before])?;
            writing.transaction.execute(
                "DELETE FROM runs WHERE coalesce(ended, started) < ? \
                 AND run NOT IN (SELECT max(run) FROM runs GROUP BY outcome, kind = 'partial') \
                 AND NOT EXISTS (SELECT 1 FROM history WHERE history.run = runs.run) \
                 AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.run = runs.run) \
                 AND NOT EXISTS (SELECT 1 FROM approvals WHERE approvals.run = runs.run)",
                [before],
            )?;
            writing.transaction.execute(
                "DELETE FROM configs WHERE digest NOT IN (SELECT config_digest FROM runs)",
                [],
            )?;
            Ok(removed as u64)
        })
    }
}

impl Writing<'_> {
    /// Appends what came of a change.
    pub(crate) fn remember(&self, run: RunId, settlement: &Settlement) -> Result<(), Fault> {
        let note = &settlement.history;
        self.transaction
            .prepare_cached(
                "INSERT INTO history (run, at, resource, key, id, name, action, reason, attributes, \
                 outcome, status, error, request) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                run.0,
                note.at,
                resource_number(note.resource),
                note.key,
                note.id,
                note.name,
                note.action.name(),
                note.reason,
                note.attributes,
                settlement.outcome.name(),
                settlement.status,
                settlement.error,
                note.request,
            ])?;
        Ok(())
    }
}

impl Default for HistoryFilter {
    fn default() -> Self {
        Self { key: None, run: None, limit: 100 }
    }
}

/// The query for the entries that a filter wants.
pub(crate) fn select(filter: &HistoryFilter) -> String {
    // Every condition is written out, so that each has its index; the lone plus keeps SQLite off the index of runs.
    let condition = match (&filter.key, filter.run) {
        (None, None) => "?1 IS NULL AND ?2 IS NULL",
        (Some(_), None) => "key = ?1 AND ?2 IS NULL",
        (None, Some(_)) => "?1 IS NULL AND run = ?2",
        (Some(_), Some(_)) => "key = ?1 AND +run = ?2",
    };
    format!(
        "SELECT run, at, resource, key, id, name, action, reason, attributes, outcome, status, error, \
         request FROM history WHERE {condition} ORDER BY entry DESC LIMIT ?3"
    )
}

fn entry_of(row: &Row<'_>) -> Result<HistoryEntry, Fault> {
    Ok(HistoryEntry {
        run: RunId(row.get(0)?),
        note: HistoryNote {
            at: row.get(1)?,
            resource: resource_of(row.get(2)?)?,
            key: row.get(3)?,
            id: row.get(4)?,
            name: row.get(5)?,
            action: action_of(&row.get::<_, String>(6)?)?,
            reason: row.get(7)?,
            attributes: row.get(8)?,
            request: row.get(12)?,
        },
        outcome: outcome_of(&row.get::<_, String>(9)?)?,
        status: row.get(10)?,
        error: row.get(11)?,
    })
}
