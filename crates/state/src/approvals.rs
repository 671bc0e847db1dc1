//! Approvals: a plan that was refused may be applied once, after somebody said so. Who may say so is decided elsewhere.

use rusqlite::{Row, params};

use crate::error::{Error, Fault};
use crate::runs::RunId;
use crate::state::{State, Writing};

/// The word of somebody who lets a plan pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The hash that names the plan.
    pub plan: String,
    /// When it was given, in milliseconds since 1970 (UTC).
    pub given: i64,
    /// Who gave it.
    pub who: String,
    /// Why.
    pub reason: String,
    /// The signature that it was given by; none if it was given by command.
    pub signature: Option<String>,
}

impl State {
    /// Keeps an approval. One that was given by the same signature before stays as it is, so that a signature counts once.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn approve(&mut self, approval: &Approval) -> Result<(), Error> {
        self.write("keep the approval", |writing| {
            writing
                .transaction
                .prepare_cached(
                    "INSERT INTO approvals (plan, given, who, reason, signature) VALUES (?, ?, ?, ?, ?) \
                     ON CONFLICT (signature) DO NOTHING",
                )?
                .execute(params![
                    approval.plan,
                    approval.given,
                    approval.who,
                    approval.reason,
                    approval.signature
                ])?;
            Ok(())
        })
    }

    /// The approvals of a plan that no run has used up, newest first.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn approvals_of(&self, plan: &str) -> Result<Vec<Approval>, Error> {
        self.read("read the approvals", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT plan, given, who, reason, signature, run FROM approvals \
                 WHERE plan = ? AND run IS NULL ORDER BY approval DESC",
            )?;
            let found = statement.query_map([plan], approval_of)?;
            Ok(found.map(|row| row.map(|(approval, _)| approval)).collect::<Result<_, _>>()?)
        })
    }

    /// The last approvals, newest first, each with the run that used it up.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn last_approvals(&self, count: u32) -> Result<Vec<(Approval, Option<RunId>)>, Error> {
        self.read("read the approvals", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT plan, given, who, reason, signature, run FROM approvals \
                 ORDER BY approval DESC LIMIT ?",
            )?;
            let approvals = statement.query_map([count], approval_of)?.collect::<Result<_, _>>()?;
            Ok(approvals)
        })
    }
}

impl Writing<'_> {
    /// The approvals of a plan are used up by the run that begins with it.
    pub(crate) fn use_approvals(&self, plan: &str, run: RunId) -> Result<(), Fault> {
        self.transaction
            .prepare_cached("UPDATE approvals SET run = ? WHERE plan = ? AND run IS NULL")?
            .execute(params![run.0, plan])?;
        Ok(())
    }
}

fn approval_of(row: &Row<'_>) -> rusqlite::Result<(Approval, Option<RunId>)> {
    let approval = Approval {
        plan: row.get(0)?,
        given: row.get(1)?,
        who: row.get(2)?,
        reason: row.get(3)?,
        signature: row.get(4)?,
    };
    Ok((approval, row.get::<_, Option<i64>>(5)?.map(RunId)))
}
