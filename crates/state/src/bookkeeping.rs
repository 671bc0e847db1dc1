//! What a plan wants remembered without any request: large batches, sorted, in one transaction.

use peoplesync_reconcile::{Bookkeeping, Fingerprint};
use peoplesync_scim::Resource;
use rusqlite::params;

use crate::codec::resource_number;
use crate::error::{Error, Fault};
use crate::state::{State, Writing};

impl State {
    /// Writes these notes, each with the fingerprint of its key; `now` (milliseconds since 1970, UTC) is since when somebody
    /// is absent or inactive who was not yet. A note on a key without link changes nothing. Returns how many links changed.
    ///
    /// # Errors
    ///
    /// The state cannot be written; then none of it is.
    pub fn bookkeeping(
        &mut self,
        resource: Resource,
        notes: &[(Fingerprint, Bookkeeping)],
        now: i64,
    ) -> Result<u64, Error> {
        if notes.is_empty() {
            return Ok(0);
        }
        // Stable: of two notes on one key the later one stands.
        let mut sorted: Vec<&(Fingerprint, Bookkeeping)> = notes.iter().collect();
        sorted.sort_by_key(|(fingerprint, _)| *fingerprint);
        self.write("note what was found", |writing| {
            let mut changed = 0;
            for (fingerprint, note) in sorted {
                changed += u64::from(writing.note(resource, *fingerprint, note, now)?);
            }
            Ok(changed)
        })
    }
}

impl Writing<'_> {
    /// Writes one note; whether a link changed.
    fn note(
        &mut self,
        resource: Resource,
        fingerprint: Fingerprint,
        note: &Bookkeeping,
        now: i64,
    ) -> Result<bool, Fault> {
        const THIS: &str = "resource = ?1 AND fp = ?2 AND key = ?3";
        let kind = resource_number(resource);
        let fp = fingerprint.0;
        let update = |set: &str| format!("UPDATE links SET {set} WHERE {THIS}");
        let rows = match note {
            Bookkeeping::Same { key, digest, written } => self
                .transaction
                .prepare_cached(&update(
                    "digest = ?4, written = ?5, deactivated_since = NULL, absent_since = NULL",
                ))?
                .execute(params![kind, fp, key, digest.0, written.to_bytes()])?,
            // A time that is still to come was noted by a clock that was wrong.
            Bookkeeping::Absent { key } => self
                .transaction
                .prepare_cached(&update("absent_since = min(coalesce(absent_since, ?4), ?4)"))?
                .execute(params![kind, fp, key, now])?,
            Bookkeeping::Present { key } => self
                .transaction
                .prepare_cached(&update("absent_since = NULL"))?
                .execute(params![kind, fp, key])?,
            Bookkeeping::Inactive { key } => self
                .transaction
                .prepare_cached(&update("deactivated_since = coalesce(deactivated_since, ?4)"))?
                .execute(params![kind, fp, key, now])?,
            Bookkeeping::Gone { key } => return self.forget(resource, fingerprint, key),
        };
        self.links_moved |= rows > 0;
        Ok(rows > 0)
    }
}
