//! Where the next run can go on to read the source: kept with the run that used it, and moved only once that run was applied to
//! its end. It holds for one config and one version of this program.

use peoplesync_reconcile::Coverage;
use peoplesync_source::Cursor;
use peoplesync_state::State;

use crate::failure::Outcome;

/// Stands before the cursor: what another version maps otherwise, it must see again.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\n");

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// When everybody was read last.
    pub(crate) last_full: i64,
    pub(crate) cursor: Cursor,
}

impl Kept {
    /// What was kept under this config, by this version.
    pub(super) fn find(state: &State, config: &str) -> Outcome<Option<Self>> {
        Ok(state.cursor(config)?.and_then(|text| Self::parse(&text)))
    }

    fn parse(text: &str) -> Option<Self> {
        let (last_full, cursor) = text.strip_prefix(VERSION)?.split_once('\n')?;
        Some(Self { last_full: last_full.parse().ok()?, cursor: Cursor(cursor.to_owned()) })
    }

    fn text(&self) -> String {
        format!("{VERSION}{}\n{}", self.last_full, self.cursor.0)
    }
}

/// What is to be said of a read: that it saw only what changed, or that it should have and could not.
pub(super) fn word(had_cursor: bool, coverage: &Coverage) -> Option<&'static str> {
    match (had_cursor, coverage) {
        (true, Coverage::Changes) => {
            Some("read what changed in the source since the last run; --full reads everybody")
        }
        (true, _) => {
            Some("the source could not go on from where the last run ended, so everybody was read")
        }
        (false, _) => None,
    }
}

/// After a plan was applied to its end: the next run goes on from here, or reads everything if the source does not say where.
pub(crate) fn keep(state: &mut State, config: &str, next: Option<&Kept>) -> Outcome<()> {
    match next {
        Some(next) => state.keep_cursor(config, &next.text())?,
        None => state.forget_cursor()?,
    }
    Ok(())
}

/// After a plan of which something is left to do: the next run goes on from where this one did, and sees the same again; under
/// another config than that one had, everything.
pub(crate) fn leave(state: &mut State, config: &str) -> Outcome<()> {
    if state.cursor(config)?.is_none() {
        state.forget_cursor()?;
    }
    Ok(())
}
