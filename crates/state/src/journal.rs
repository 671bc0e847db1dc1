//! What is about to be sent, and what came of it. An intent is on the disk before its request leaves; whatever stands here
//! after a crash may or may not have reached the target, and is looked up there.

use std::collections::BTreeMap;
use std::fmt;

use peoplesync_reconcile::{Action, Fingerprint, Link};
use peoplesync_scim::Resource;
use rusqlite::params;

use crate::codec::{action_of, resource_number, resource_of};
use crate::error::{Error, Fault};
use crate::history::HistoryNote;
use crate::memberships::MemberEffect;
use crate::runs::RunId;
use crate::state::{State, Writing};

/// A request that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its number within the run.
    pub seq: u64,
    /// What kind of resource it changes.
    pub resource: Resource,
    /// What it does.
    pub action: Action,
    /// The key in the source.
    pub key: String,
    /// The id at the target; none for a create.
    pub id: Option<String>,
    /// Attribute paths and values: in the order of trust, those by which a create whose answer was lost is found again; of a
    /// change that may remove more members of a group than it names, those who are to stay.
    pub lookup: Vec<(String, String)>,
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The target has it.
    Done,
    /// It was refused, or nothing is known of it.
    Failed,
    /// It was not sent.
    Skipped,
}

/// What becomes of the link of a change's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEffect {
    /// It becomes this.
    Put {
        /// The fingerprint of the link's key.
        fingerprint: Fingerprint,
        /// The link.
        link: Link,
    },
    /// It is forgotten.
    Forget {
        /// The fingerprint of the key.
        fingerprint: Fingerprint,
        /// The key.
        key: String,
    },
    /// It stays as it is.
    None,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The number of the [`Intent`] that it settles. One without intent, as nothing had to be sent, is as good.
    pub seq: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status of the target's answer, if there was one.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// What becomes of the link.
    pub link: LinkEffect,
    /// What becomes of the remembered members, if it is a group whose members changed.
    pub members: Option<Box<MemberEffect>>,
    /// What the history is told.
    pub history: HistoryNote,
}

/// What is written together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch<'a> {
    /// What is about to be sent.
    pub intents: &'a [Intent],
    /// What came of requests.
    pub settlements: &'a [Settlement],
    /// Intents, by their numbers, that were never sent: they go without a trace.
    pub withdrawn: &'a [u64],
    /// As for [`State::keep_used_limits`]; nothing is forgotten where it is empty.
    pub used_limits: &'a [(String, i64)],
}

impl State {
    /// Writes what is about to be sent. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// The state cannot be written; then nothing may be sent.
    pub fn intend(&mut self, run: RunId, intents: &[Intent]) -> Result<(), Error> {
        self.record(run, &Batch { intents, ..Batch::default() })
    }

    /// Writes what came of requests: the intents go, links and history come, all or nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if a link would take the account of another key; or the state cannot be written. The intents stay.
    pub fn settle(&mut self, run: RunId, settlements: &[Settlement]) -> Result<(), Error> {
        self.record(run, &Batch { settlements, ..Batch::default() })
    }

    /// Everything at once, so that many requests side by side share one wait for the disk. What is settled or withdrawn was
    /// intended before.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle); then nothing of it is written.
    pub fn record(&mut self, run: RunId, batch: &Batch<'_>) -> Result<(), Error> {
        let Batch { intents, settlements, withdrawn, used_limits } = *batch;
        if intents.is_empty() && settlements.is_empty() && withdrawn.is_empty() {
            return Ok(());
        }
        self.write("write the journal", |writing| {
            if !used_limits.is_empty() {
                writing.used_limits(used_limits)?;
            }
            for seq in withdrawn {
                writing.close(run, *seq)?;
            }
            for settlement in settlements {
                writing.close(run, settlement.seq)?;
                writing.remember(run, settlement)?;
            }
            writing.take_effect(settlements)?;
            for members in settlements.iter().filter_map(|settlement| settlement.members.as_deref())
            {
                writing.members(members)?;
            }
            for intent in intents {
                writing.open(run, intent)?;
            }
            Ok(())
        })
    }

    /// What was intended and never settled: after a crash, everything that was under way. In the order of runs and numbers.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn unsettled(&self) -> Result<Vec<(RunId, Intent)>, Error> {
        self.read("read the journal", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT run, seq, resource, action, key, id, lookup FROM journal ORDER BY run, seq",
            )?;
            let mut rows = statement.query([])?;
            let mut intents = Vec::new();
            while let Some(row) = rows.next()? {
                let seq: i64 = row.get(1)?;
                let lookup: String = row.get(6)?;
                let intent = Intent {
                    seq: seq.cast_unsigned(),
                    resource: resource_of(row.get(2)?)?,
                    action: action_of(&row.get::<_, String>(3)?)?,
                    key: row.get(4)?,
                    id: row.get(5)?,
                    lookup: serde_json::from_str(&lookup)
                        .map_err(|_| Fault::Unknown { what: "lookup", value: lookup })?,
                };
                intents.push((RunId(row.get(0)?), intent));
            }
            Ok(intents)
        })
    }
}

impl Writing<'_> {
    fn open(&self, run: RunId, intent: &Intent) -> Result<(), Fault> {
        let lookup = serde_json::to_string(&intent.lookup).expect("pairs of texts are JSON");
        self.transaction
            .prepare_cached(
                "INSERT INTO journal (run, seq, resource, action, key, id, lookup) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                run.0,
                intent.seq.cast_signed(),
                resource_number(intent.resource),
                intent.action.name(),
                intent.key,
                intent.id,
                lookup
            ])?;
        Ok(())
    }

    fn close(&self, run: RunId, seq: u64) -> Result<(), Fault> {
        self.transaction
            .prepare_cached("DELETE FROM journal WHERE run = ? AND seq = ?")?
            .execute(params![run.0, seq.cast_signed()])?;
        Ok(())
    }

    /// Writes the links, sorted, the last effect on each key. What is forgotten goes first: its account may be somebody
    /// else's in the same batch.
    fn take_effect(&mut self, settlements: &[Settlement]) -> Result<(), Fault> {
        let mut effects: BTreeMap<(i64, Fingerprint, &str), (Resource, Option<&Link>)> =
            BTreeMap::new();
        for settlement in settlements {
            let resource = settlement.history.resource;
            let (fingerprint, key, link) = match &settlement.link {
                LinkEffect::Put { fingerprint, link } => (fingerprint, &link.key, Some(link)),
                LinkEffect::Forget { fingerprint, key } => (fingerprint, key, None),
                LinkEffect::None => continue,
            };
            effects.insert((resource_number(resource), *fingerprint, key), (resource, link));
        }
        for ((_, fingerprint, key), (resource, link)) in &effects {
            if link.is_none() {
                self.forget(*resource, *fingerprint, key)?;
            }
        }
        for ((_, fingerprint, _), (resource, link)) in &effects {
            if let Some(link) = link {
                self.put(*resource, *fingerprint, link)?;
            }
        }
        Ok(())
    }
}

impl Outcome {
    /// The word for it, as in JSON: `done`, `failed`, `skipped`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
