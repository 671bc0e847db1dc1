//! The one error type of connectors: kind, message, context, source, and whether trying again may help.

use std::fmt;
use std::time::Duration;

/// What kind of failure it was. The runner chooses exit code, hint and retry by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The settings contradict each other or what was found.
    Config,
    /// The source cannot be reached or found now.
    Unavailable,
    /// Credentials or rights were refused.
    Denied,
    /// The source was read but is not what it should be: a wrong header, a broken file.
    Malformed,
    /// The source cannot do what was asked.
    Unsupported,
    /// The context was cancelled.
    Cancelled,
    /// A bug of the connector.
    Internal,
}

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will fail again until somebody changes something.
    Never,
    /// It may pass; after this long, if the source said so.
    Later(Option<Duration>),
}

/// A failure of a connector.
///
/// `Display` is one line without its source; the runner renders the chain. The message is a fragment that reads after
/// "failed: ": lower case, no final period. Name, kind and attempt are added by the runner, not by connectors.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    context: Vec<(&'static str, String)>,
    retry: Retry,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind. Only [`Unavailable`](ErrorKind::Unavailable) is retryable unless said otherwise (C10).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::Unavailable => Retry::Later(None),
            _ => Retry::Never,
        };
        Self { kind, message: message.into(), hint: None, context: Vec::new(), retry, source: None }
    }

    /// An error of kind [`Config`](ErrorKind::Config).
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// An error of kind [`Unavailable`](ErrorKind::Unavailable).
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// An error of kind [`Malformed`](ErrorKind::Malformed).
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    /// An error of kind [`Cancelled`](ErrorKind::Cancelled).
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "the read was cancelled")
    }

    /// The same with what to do about it, as a fragment: "is the path relative to the config file?".
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a fact for the report, such as `("file", "people.csv:8")`.
    #[must_use]
    pub fn with_context(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((name, value.to_string()));
        self
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same with another word on trying again.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The facts, in the order in which they were added.
    #[must_use]
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.context
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut separator = " (";
        for (name, value) in &self.context {
            write!(f, "{separator}{name} {value}")?;
            separator = ", ";
        }
        if self.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_the_context_and_leaves_the_source_to_the_chain() {
        let error = Error::unavailable("cannot open the file")
            .with_context("file", "people.csv")
            .with_source(std::io::Error::other("disk on fire"));
        assert_eq!(error.to_string(), "cannot open the file (file people.csv)");
        assert_eq!(error.retry(), Retry::Later(None));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "disk on fire");
    }
}
