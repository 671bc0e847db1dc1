//! What a file may cost before it is refused. The figures are settings; hostile files end here, before the library reads them.

use peoplesync_source::schemars::JsonSchema;
use serde::Deserialize;

use peoplesync_source::Error;

/// What a file may cost before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct Limits {
    /// The size of a file, in MiB.
    pub file_mb: u32,
    /// What must be held in memory, in MiB: the shared texts of xlsx and xlsb; all cells of ods and xls.
    pub memory_mb: u32,
    /// One part of a workbook after unpacking, in MiB. Sheets of xlsx and xlsb are streamed, so this bounds time.
    pub unpacked_mb: u32,
    /// How many times larger a part of more than 1 MiB may be than it is packed.
    pub ratio: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_mb: 256, memory_mb: 256, unpacked_mb: 2048, ratio: 200 }
    }
}

impl Limits {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let Self { file_mb, memory_mb, unpacked_mb, ratio } = self;
        let limits = [
            ("file_mb", file_mb),
            ("memory_mb", memory_mb),
            ("unpacked_mb", unpacked_mb),
            ("ratio", ratio),
        ];
        match limits.into_iter().find(|(_, limit)| **limit == 0) {
            Some((name, _)) => Err(Error::config(format!("limits.{name} is 0: no file would fit"))),
            None => Ok(()),
        }
    }

    pub(crate) fn file(&self) -> u64 {
        u64::from(self.file_mb) << 20
    }

    pub(crate) fn memory(&self) -> u64 {
        u64::from(self.memory_mb) << 20
    }

    pub(crate) fn unpacked(&self) -> u64 {
        u64::from(self.unpacked_mb) << 20
    }
}

/// Why content is not acceptable, as a fragment that follows the name of the file or part: "nests elements deeper than 128".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    what: String,
    hint: Option<String>,
}

impl Refused {
    /// The content is broken.
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        let hint = "is the file damaged, or was it copied while it was still being written?";
        Self { what: what.into(), hint: Some(hint.into()) }
    }

    /// The content is beyond what any real workbook has.
    pub(crate) fn limit(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// The content is of a kind that is not read.
    pub(crate) fn hinted(what: impl Into<String>, hint: &str) -> Self {
        Self { what: what.into(), hint: Some(hint.into()) }
    }

    /// The content is beyond a limit of the settings.
    pub(crate) fn setting(what: impl Into<String>, name: &str, value: u32) -> Self {
        let hint = format!("if the file is to be trusted, raise limits.{name} (now {value})");
        Self { what: what.into(), hint: Some(hint) }
    }

    pub(crate) fn into_error(self, name: &str) -> Error {
        let error = Error::malformed(format!("{name} {}", self.what));
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
