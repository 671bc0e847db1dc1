//! What the target keeps otherwise than it was written, as earlier runs have learned it. Such a difference is known: it is not
//! written again as long as neither side moves.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use peoplesync_scim::Path;
use serde_json::Value as Json;

use crate::planner::differs;
use crate::{Digest, Managed, Member, MemberChanges, Observed};

/// The keyed hash of a value at a path; of no value for `None`.
pub type HashValue = dyn Fn(&Path, Option<&Json>) -> Digest + Send + Sync;

/// What the target keeps otherwise, account by account.
#[derive(Clone, Default)]
pub struct Kept {
    accounts: BTreeMap<String, Vec<(Path, Digest, Digest)>>,
    hash: Option<Arc<HashValue>>,
}

impl Kept {
    /// Nothing is known yet. Values are told apart by this hash.
    #[must_use]
    pub fn new(hash: Arc<HashValue>) -> Self {
        Self { accounts: BTreeMap::new(), hash: Some(hash) }
    }

    /// After this was written, the target had that.
    pub fn know(&mut self, id: &str, path: Path, wanted: Digest, found: Digest) {
        self.accounts.entry(id.to_owned()).or_default().push((path, wanted, found));
    }

    /// How many accounts each attribute is known of, in the order of the paths.
    #[must_use]
    pub fn counts(&self) -> Vec<(Path, usize)> {
        let mut counts: BTreeMap<&Path, usize> = BTreeMap::new();
        for (path, ..) in self.accounts.values().flatten() {
            *counts.entry(path).or_default() += 1;
        }
        counts.into_iter().map(|(path, count)| (path.clone(), count)).collect()
    }

    /// What there is to learn from an account as the target has it after a write: the hashes of what was wanted and of what is
    /// there, where they are not the same to SCIM. Attributes that are not compared teach nothing.
    #[must_use]
    pub fn lesson(
        &self,
        managed: &Managed,
        path: &Path,
        wanted: Option<&Json>,
        account: &Observed,
    ) -> Option<(Digest, Digest)> {
        let hash = self.hash.as_ref()?;
        let slot = managed.slot(path)?;
        let attribute = managed.attribute(slot);
        if attribute.create_only
            || managed.is_hidden(slot)
            || !differs(managed, slot, wanted, account)
        {
            return None;
        }
        Some((hash(path, wanted), hash(path, account.value(slot))))
    }

    /// By what changes of members are known again that a target has answered with success and not done: a plan that has the
    /// same ones for this group asks for nothing new.
    #[must_use]
    pub fn mark_of_members(&self, changes: &MemberChanges) -> Option<Digest> {
        let names = |members: &[Arc<Member>]| -> Vec<Json> {
            let mut names: Vec<&str> = members
                .iter()
                .filter_map(|member| member.key.as_deref().or(member.id.as_deref()))
                .collect();
            names.sort_unstable();
            names.into_iter().map(Json::from).collect()
        };
        let both = Json::Array(vec![names(&changes.add).into(), names(&changes.remove).into()]);
        Some(self.hash.as_ref()?(&members_path(), Some(&both)))
    }

    /// Whether an earlier run has seen that these changes of a group's members come to nothing.
    pub(crate) fn covers_members(&self, group: &str, changes: &MemberChanges) -> bool {
        let Some(known) = self.accounts.get(group).filter(|_| !changes.is_empty()) else {
            return false;
        };
        let path = members_path();
        let marks = known.iter().filter(|(known, ..)| *known == path);
        let mark = self.mark_of_members(changes);
        marks.map(|(_, wanted, _)| *wanted).any(|wanted| Some(wanted) == mark)
    }

    /// By what a wanted value is known again once it was written; nothing where values are not told apart.
    pub(crate) fn mark(&self, path: &Path, wanted: Option<&Json>) -> Option<u32> {
        let Digest(number) = self.hash.as_ref()?(path, wanted);
        let [.., a, b, c, d] = number.to_be_bytes();
        Some(u32::from_be_bytes([a, b, c, d]))
    }

    /// Whether this difference is what an earlier run has seen come of this very write.
    pub(crate) fn covers(
        &self,
        managed: &Managed,
        slot: u16,
        wanted: Option<&Json>,
        account: &Observed,
    ) -> bool {
        let (Some(known), Some(hash)) = (self.accounts.get(&account.id), &self.hash) else {
            return false;
        };
        let path = &managed.attribute(slot).path;
        known.iter().filter(|(known, ..)| known == path).any(|(_, then, found)| {
            *then == hash(path, wanted) && *found == hash(path, account.value(slot))
        })
    }
}

/// Where members of groups stand (RFC 7643 §4.2).
fn members_path() -> Path {
    Path::parse("members").expect("a name is a path")
}

impl Managed {
    /// Whether an account has this value at a path, as far as a plan would see; `None` is no value. What is not managed, or is
    /// not compared, agrees with everything.
    #[must_use]
    pub fn agrees(&self, path: &Path, value: Option<&Json>, account: &Observed) -> bool {
        let Some(slot) = self.slot(path) else { return true };
        self.attribute(slot).create_only
            || self.is_hidden(slot)
            || !differs(self, slot, value, account)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("accounts", &self.accounts.len()).finish_non_exhaustive()
    }
}
