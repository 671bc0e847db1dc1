//! Who is left alone because a source that may have them was not read: whoever it held when it was read last, and, as it may
//! have anybody who is new, every newcomer whose record it did not show.

use peoplesync_mapping::DigestKey;
use peoplesync_reconcile::{Coverage, Fingerprint, Plan, Rejection};
use peoplesync_scim::Resource;
use peoplesync_state::{Held, State};

use super::super::digest::print_of;
use super::{Sources, Unread};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// What is known of who came from where, while several sources are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holding {
    /// The bit of each source in the state, in the order of the config.
    bits: Vec<u8>,
    /// The bits of those that were not read completely.
    unread: u64,
    reasons: Vec<String>,
    rejections: Vec<Rejection>,
    /// Who was held by which, in the order of the fingerprints. Empty where nobody needs to know.
    known: Vec<Held>,
    /// A source that was not read now was never read: it may have anybody.
    is_unknown: bool,
    /// Who was seen, and is to be kept.
    seen: Vec<Held>,
    /// Who may be in any source: a record that could not be used may be theirs, and says nothing of where else they are.
    unsure: Vec<Held>,
    /// Who was left alone although there was a record.
    left_alone: Vec<Fingerprint>,
    new: u64,
}

impl Holding {
    /// Nobody is held where there is one source.
    pub(crate) fn new(sources: &Sources, state: &State, unread: &[Unread]) -> Outcome<Self> {
        if sources.only().is_some() {
            return Ok(Self::default());
        }
        let names: Vec<&str> = sources.iter().map(|named| named.title.as_str()).collect();
        let bits = state.source_bits(&names)?;
        let bit = |at: usize| bits.get(at).map_or(0, |bit| 1_u64 << bit);
        let title = |at: usize| names.get(at).copied().unwrap_or_default();
        let missed: Vec<&str> = unread.iter().map(|unread| title(unread.at)).collect();
        let reasons =
            unread.iter().map(|unread| format!("{}: {}", title(unread.at), unread.reason));
        let failed = unread.iter().filter(|unread| unread.failed);
        let rejections = failed.map(|unread| Rejection {
            origin: title(unread.at).to_owned(),
            key: None,
            field: None,
            reason: format!("the source could not be read: {}", unread.reason),
            resource: Resource::User,
        });
        Ok(Self {
            unread: unread.iter().fold(0, |all, unread| all | bit(unread.at)),
            reasons: reasons.collect(),
            rejections: rejections.collect(),
            known: if unread.is_empty() { Vec::new() } else { state.holders()? },
            is_unknown: !unread.is_empty() && !state.has_read(&missed)?,
            bits,
            ..Self::default()
        })
    }

    /// What the report says of sources that could not be read at all.
    pub(crate) fn rejections(&self) -> impl Iterator<Item = Rejection> {
        self.rejections.iter().cloned()
    }

    /// The bits of the sources in the state, in the order of the config; none where there is one source.
    pub(crate) fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// The sources that were not read and may have this person.
    fn doubtful(&self, fingerprint: Fingerprint, is_linked: bool) -> u64 {
        if self.unread == 0 || !is_linked || self.is_unknown {
            return self.unread;
        }
        let found = self.known.binary_search_by_key(&fingerprint, |held| held.fingerprint);
        let held = found.ok().and_then(|at| self.known.get(at));
        held.map_or(self.unread, |held| held.sources & self.unread)
    }

    /// Whether a person whose record came from these sources is left alone, as it is not all of their record. `is_linked` is
    /// asked only if it matters.
    pub(crate) fn leaves_alone(
        &mut self,
        fingerprint: Fingerprint,
        sources: u64,
        is_linked: impl FnOnce() -> bool,
    ) -> bool {
        if self.unread == 0 {
            return false;
        }
        let is_linked = is_linked();
        let is_held = self.doubtful(fingerprint, is_linked) & !sources != 0;
        if is_held {
            self.left_alone.push(fingerprint);
            self.new += u64::from(!is_linked);
        }
        is_held
    }

    /// Whether a linked person of whom there was no record is not absent. `is_anybodys`: there was a record of which nobody can
    /// tell whose it is.
    pub(crate) fn holds(&mut self, fingerprint: Fingerprint, is_anybodys: bool) -> bool {
        if is_anybodys {
            self.unsure(fingerprint);
        }
        self.doubtful(fingerprint, true) != 0
    }

    /// Notes that a person may be in any source.
    pub(crate) fn unsure(&mut self, fingerprint: Fingerprint) {
        if !self.bits.is_empty() {
            self.unsure.push(Held { fingerprint, sources: u64::MAX });
        }
    }

    /// Notes where a person came from.
    pub(crate) fn saw(&mut self, fingerprint: Fingerprint, sources: u64) {
        if sources != 0 {
            self.seen.push(Held { fingerprint, sources });
        }
    }

    /// What the read proves, where not all sources were read. `held`: how many linked people are left as they are.
    pub(crate) fn coverage(&mut self, coverage: Coverage, held: u64) -> Coverage {
        if self.unread == 0 {
            return coverage;
        }
        self.left_alone.sort_unstable();
        self.seen.sort_unstable();
        Coverage::Mixed { reason: self.reasons.join("; "), held, new: self.new }
    }

    /// A second look at a plan, which shares with the planner what is known of who was where, and no more: nobody is in it who is
    /// to be left alone.
    pub(crate) fn check(&self, plan: &Plan, key: &DigestKey) -> Outcome<()> {
        if self.unread == 0 {
            return Ok(());
        }
        let of_people = plan.changes.iter().filter(|change| change.resource == Resource::User);
        for change in of_people {
            let print = print_of(key, &change.key);
            // Who is out of scope was seen.
            let was_seen = self.seen.binary_search_by_key(&print, |held| held.fingerprint).is_ok();
            let is_absent = change.digest.is_none() && !was_seen;
            let is_held = is_absent && self.doubtful(print, true) != 0;
            if is_held || self.left_alone.binary_search(&print).is_ok() {
                let message = format!(
                    "the plan contradicts itself: {} of key {} although {}",
                    change.action.name(),
                    change.key,
                    self.reasons.join("; ")
                );
                return Err(Failure::new(Exit::Bug, message)
                    .with_hint("please report this; nothing was written"));
            }
        }
        Ok(())
    }

    /// Keeps who came from where.
    pub(crate) fn keep(&self, sources: &Sources, state: &mut State) -> Outcome<()> {
        if self.bits.is_empty() {
            return Ok(state.forget_holders()?);
        }
        let named = sources.iter().zip(&self.bits);
        let named: Vec<(&str, u8, bool)> = named
            .map(|(named, bit)| (named.title.as_str(), *bit, self.unread >> bit & 1 == 0))
            .collect();
        // The doubt comes last: half of a person may have been seen.
        Ok(state.keep_holders(&named, &[&self.seen[..], &self.unsure].concat())?)
    }
}
