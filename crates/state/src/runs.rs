//! The runs: when each began and ended, of which plan and config it was, and what came of it.

use std::fmt;

use rusqlite::{OptionalExtension as _, Row, params};

use crate::error::{Error, Fault};
use crate::state::State;

/// The number of a run. Later runs have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// The kind of a run that applies a part of its plan only.
pub const PARTIAL: &str = "partial";

/// What is known when a run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunStart {
    /// What kind of run: `full`, [`PARTIAL`].
    pub kind: String,
    /// The hash that names its plan: `sha256:…`.
    pub plan_hash: String,
    /// A digest of the config that it runs with.
    pub config_digest: String,
    /// What that config says of people, without credentials, for [`State::last_config`].
    pub config: String,
    /// Who runs it, as the system calls them.
    pub who: String,
    /// When, in milliseconds since 1970 (UTC).
    pub started: i64,
}

/// What is known when a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// When, in milliseconds since 1970 (UTC).
    pub ended: i64,
    /// How, in a word: `done`.
    pub outcome: String,
    /// How many of each outcome: a JSON object.
    pub counts: String,
}

/// A run of the past, or the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// How it began.
    pub start: RunStart,
    /// How it ended; none while it is under way, and for ever if it was killed.
    pub end: Option<RunEnd>,
}

impl State {
    /// Notes that a run begins. Approvals of its plan are used up.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn begin_run(&mut self, start: &RunStart) -> Result<RunId, Error> {
        self.write("note the start of the run", |writing| {
            writing
                .transaction
                .prepare_cached("INSERT OR REPLACE INTO configs (digest, parts) VALUES (?, ?)")?
                .execute(params![start.config_digest, start.config])?;
            writing
                .transaction
                .prepare_cached(
                    "INSERT INTO runs (kind, plan_hash, config_digest, started, who) \
                     VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    start.kind,
                    start.plan_hash,
                    start.config_digest,
                    start.started,
                    start.who
                ])?;
            let run = RunId(writing.transaction.last_insert_rowid());
            writing.use_approvals(&start.plan_hash, run)?;
            Ok(run)
        })
    }

    /// Notes that a run ended.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn finish_run(&mut self, run: RunId, end: &RunEnd) -> Result<(), Error> {
        self.write("note the end of the run", |writing| {
            writing
                .transaction
                .prepare_cached("UPDATE runs SET ended = ?, outcome = ?, counts = ? WHERE run = ?")?
                .execute(params![end.ended, end.outcome, end.counts, run.0])?;
            Ok(())
        })
    }

    /// The last runs, newest first.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn last_runs(&self, count: u32) -> Result<Vec<Run>, Error> {
        self.read("read the runs", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT run, kind, plan_hash, config_digest, started, ended, outcome, counts, who, \
                 coalesce(parts, '') FROM runs LEFT JOIN configs ON digest = config_digest \
                 ORDER BY run DESC LIMIT ?",
            )?;
            let runs = statement.query_map([count], run_of)?.collect::<Result<_, _>>()?;
            Ok(runs)
        })
    }

    /// What the configs say under which a run came to its end with this outcome, each once; nothing before the first. Partial runs
    /// do not count: somebody who tries peoplesync with one person has not loaded the others.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn finished_configs(&self, outcome: &str) -> Result<Vec<String>, Error> {
        self.read("read the runs", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT coalesce(parts, '') FROM \
                 (SELECT DISTINCT config_digest FROM runs WHERE outcome = ? AND kind <> ?) \
                 LEFT JOIN configs ON digest = config_digest",
            )?;
            let configs = statement.query_map([outcome, PARTIAL], |row| row.get(0))?;
            configs.collect::<Result<_, _>>().map_err(Fault::from)
        })
    }

    /// Digest and parts of the config of the last run that came to its end and was no partial one; none before the first.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn last_config(&self) -> Result<Option<(String, String)>, Error> {
        self.read("read the runs", |conn| {
            let sql = "SELECT config_digest, coalesce(parts, '') FROM runs \
                       LEFT JOIN configs ON digest = config_digest \
                       WHERE ended IS NOT NULL AND kind <> ? ORDER BY run DESC LIMIT 1";
            let both = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            conn.query_row(sql, [PARTIAL], both).optional().map_err(Fault::from)
        })
    }
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    let end = match (row.get(5)?, row.get(6)?, row.get(7)?) {
        (Some(ended), Some(outcome), Some(counts)) => Some(RunEnd { ended, outcome, counts }),
        _ => None,
    };
    Ok(Run {
        id: RunId(row.get(0)?),
        start: RunStart {
            kind: row.get(1)?,
            plan_hash: row.get(2)?,
            config_digest: row.get(3)?,
            started: row.get(4)?,
            who: row.get(8)?,
            config: row.get(9)?,
        },
        end,
    })
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
