//! The three traits of a connector, and what they exchange. Purpose and shape only; no I/O happens here.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Batch, Context, Error, FieldTypes};

/// A kind of source, such as `csv`: the static face of a connector crate.
///
/// - `KIND` is lower-case kebab and equals the name of the connector's folder (C1).
/// - `EXAMPLE` parses as [`Config`](Self::Config), and the schema documents every key (C2).
/// - An unknown key is refused by name: use `#[serde(deny_unknown_fields)]`, never `flatten` or `untagged` (C2).
pub trait Connector: 'static {
    /// The name that the config uses in `kind = "…"`. The only place where it is written.
    const KIND: &'static str;

    /// A complete settings table in TOML, with a comment for each key: `include_str!("../example.toml")`.
    const EXAMPLE: &'static str;

    /// The connector's own settings. Credentials are [`Secret`](crate::Secret)s.
    type Config: DeserializeOwned + JsonSchema + fmt::Debug;

    /// Makes a source from its settings.
    ///
    /// - Does no I/O: no file is opened, nothing is resolved (C3).
    /// - `Debug` of the config, of the source and of every error shows no secret (C3).
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when settings contradict each other.
    fn build(config: Self::Config) -> Result<Box<dyn Source>, Error>;
}

/// A configured source. Relative paths and secrets are resolved through the [`Context`].
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// Tests what can be tested without reading everything, and says what it found.
    ///
    /// - Succeeds whenever [`open`](Self::open) would, and needs no right that `open` does not need (C11).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    async fn check(&self, cx: &Context) -> Result<Checked, Error>;

    /// The names of all fields, if the source knows them at little cost; asked before every pass. Where it does not say,
    /// [`open`](Self::open) refuses what it does not have.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    async fn fields(&self, cx: &Context) -> Result<Option<Vec<String>>, Error> {
        Ok(self.check(cx).await?.fields)
    }

    /// Starts one pass over everything in scope of this source.
    ///
    /// - The same data gives the same keys and fields in every pass (C4).
    /// - Fields are named as the query names them; a field that the source's structure cannot have is an error (C7).
    ///
    /// # Errors
    /// - Unreachable: [`Unavailable`](crate::ErrorKind::Unavailable), retryable. Refused credentials or rights:
    ///   [`Denied`](crate::ErrorKind::Denied), not retryable (C10).
    /// - A structural fault (header, schema, a missing file) is an error, never an empty source (C7).
    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error>;
}

/// One pass over a source, pulled in batches.
///
/// - Dropping it half-way leaves no task, thread or connection behind (C12).
/// - Memory stays bounded, on large and on hostile input (C14).
/// - When the context is cancelled, `next` ends soon: with an error of kind `Cancelled`, or a
///   [`Partial`](Coverage::Partial) end (C15).
#[async_trait]
pub trait Records: Send {
    /// What the fields of the query hold, as far as the structure of the source says it, by the names of the query. Asked before the
    /// first batch, so that a mapping that cannot take it is refused before anybody is read (C13). A single value that is not what
    /// the structure says is delivered as it is.
    fn types(&self) -> FieldTypes {
        FieldTypes::new()
    }

    /// The next batch, or the end.
    ///
    /// - A bad entry is [rejected](crate::Rejected) in its batch and the pass goes on (C7).
    /// - Each record and each rejection has an origin that a person can find (C6).
    /// - Text survives as it is: quotes, emoji, right-to-left, four-byte characters; bytes stay bytes; multi-values keep
    ///   order and count (C13).
    /// - [`Step::End`] comes exactly once; nothing is asked for after it (C8).
    ///
    /// # Errors
    /// An error is fatal for the pass: nothing follows it, and what was read so far proves nothing about absence (C8).
    async fn next(&mut self) -> Result<Step, Error>;
}

/// What a call of [`Records::next`] gives.
#[derive(Debug)]
pub enum Step {
    /// More records. An empty batch is allowed and means "go on".
    Batch(Batch),
    /// The pass is over.
    End(End),
}

/// The end of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What the pass proves.
    pub coverage: Coverage,
    /// Where a later incremental pass can start, if the source can do that. Kept only once the run that used this pass
    /// was applied.
    pub cursor: Option<Cursor>,
}

impl End {
    /// Everything in scope was offered, and there is no cursor.
    #[must_use]
    pub fn complete() -> Self {
        Self { coverage: Coverage::Complete, cursor: None }
    }

    /// Only a part was offered.
    #[must_use]
    pub fn partial(reason: impl Into<String>) -> Self {
        Self { coverage: Coverage::Partial { reason: reason.into() }, cursor: None }
    }
}

/// What a finished read proves. Only [`Complete`](Self::Complete) lets absence mean that somebody left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Everything in scope was offered, as a record or as a rejection (C8). An empty but valid source ends complete with
    /// zero records (C9).
    Complete,
    /// A part only: a size limit, a lost connection, a file that was cut (C8).
    Partial {
        /// What is missing, as a fragment for the report: "the server's size limit of 500 was reached".
        reason: String,
    },
    /// What changed since the query's cursor. Deletions are in the batches as [`Removed`](crate::Removed); absence means
    /// nothing.
    Changes,
}

/// An opaque place in a source's history, as text that the source itself wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// What a run wants of a source.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The names of the fields that the mapping reads. `None`: every field.
    ///
    /// A connector may deliver more; it must not deliver these under another name.
    pub fields: Option<Vec<String>>,
    /// Where the last applied run ended. A source that cannot read changes ignores it and reads everything.
    pub since: Option<Cursor>,
}

impl Query {
    /// Asks for these fields, all of them from the beginning.
    pub fn fields<I, S>(names: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self { fields: Some(names.into_iter().map(Into::into).collect()), since: None }
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// The names of all fields, if the source knows them without reading everything (a header, a schema).
    pub fields: Option<Vec<String>>,
    /// Those of them that some record has a value in, if the check looked at all records.
    pub used: Option<Vec<String>>,
    /// Facts for the administrator, a line each: "people.csv: 14 columns, delimiter `;`, UTF-8 with BOM".
    pub notes: Vec<String>,
}
