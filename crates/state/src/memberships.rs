//! Who is in which group, as it was last written or found. Keys stand here as fingerprints: 16 bytes a membership and no
//! people. Memberships end by themselves with the link of either side; see the migration.

use peoplesync_reconcile::{Fingerprint, MemberPrint};
use rusqlite::params;

use crate::codec::{resource_number, resource_of};
use crate::error::{Error, Fault};
use crate::state::{State, Writing};

/// What becomes of the remembered members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEffect {
    /// The fingerprint of the group's key.
    pub group: Fingerprint,
    /// Those whom the target was found to have, in the place of whatever was remembered; none: what was remembered stays.
    pub found: Option<Vec<MemberPrint>>,
    /// Those who were added after that.
    pub added: Vec<MemberPrint>,
    /// Those who were removed after that.
    pub removed: Vec<MemberPrint>,
}

impl State {
    /// Hands out the remembered members of these groups, group by group and sorted, each with its group.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn memberships(
        &self,
        groups: &[Fingerprint],
        mut each: impl FnMut(Fingerprint, MemberPrint),
    ) -> Result<(), Error> {
        self.read("read the memberships", |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT resource, member FROM memberships WHERE grp = ? ORDER BY resource, member",
            )?;
            for group in groups {
                let mut rows = statement.query([group.0])?;
                while let Some(row) = rows.next()? {
                    let resource = resource_of(row.get(0)?)?;
                    each(*group, MemberPrint { resource, fingerprint: Fingerprint(row.get(1)?) });
                }
            }
            Ok(())
        })
    }

    /// How many memberships are remembered, of all groups together.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn count_memberships(&self) -> Result<u64, Error> {
        self.read("count the memberships", |conn| {
            let sql = "SELECT count(*) FROM memberships";
            let count: i64 = conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
    }

    /// Writes what was found of the members of groups, without any request.
    ///
    /// # Errors
    ///
    /// The state cannot be written; then none of it is.
    pub fn remember_members(&mut self, effects: &[MemberEffect]) -> Result<(), Error> {
        if effects.is_empty() {
            return Ok(());
        }
        self.write("remember the members of groups", |writing| {
            effects.iter().try_for_each(|effect| writing.members(effect))
        })
    }
}

impl Writing<'_> {
    pub(crate) fn members(&self, effect: &MemberEffect) -> Result<(), Fault> {
        let MemberEffect { group, found, added, removed } = effect;
        if found.is_some() {
            let sql = "DELETE FROM memberships WHERE grp = ?";
            self.transaction.prepare_cached(sql)?.execute([group.0])?;
        }
        let mut insert = self.transaction.prepare_cached(
            "INSERT OR IGNORE INTO memberships (grp, resource, member) VALUES (?, ?, ?)",
        )?;
        for member in found.iter().flatten().chain(added) {
            let kind = resource_number(member.resource);
            insert.execute(params![group.0, kind, member.fingerprint.0])?;
        }
        let mut delete = self.transaction.prepare_cached(
            "DELETE FROM memberships WHERE grp = ? AND resource = ? AND member = ?",
        )?;
        for member in removed {
            let kind = resource_number(member.resource);
            delete.execute(params![group.0, kind, member.fingerprint.0])?;
        }
        Ok(())
    }
}
