//! The exit codes, which are API (face.md).

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, nothing left to do.
    Done = 0,
    /// Something that nobody expected, such as a full disk.
    Unexpected = 1,
    /// A wrong command line or config.
    Usage = 2,
    /// The source is unavailable, denied or unreadable.
    Source = 3,
    /// The target is unavailable or denied.
    Target = 4,
    /// Done, but some people were rejected or failed.
    Partly = 5,
    /// Refused by a guard, or a saved plan no longer fits.
    Refused = 6,
    /// `plan` only: there are changes.
    Changes = 10,
    /// A bug.
    Bug = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
