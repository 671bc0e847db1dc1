//! The one place where errors become words for people: message, chain of causes, hint, exit code.

use std::fmt;
use std::time::Duration;

use peoplesync_scim::client::{ClientError, Kind, TlsFailure};
use peoplesync_source::{ErrorKind, Retry};

use crate::config::ConfigErrors;
use crate::exit::Exit;
use crate::report::put;

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// Whether trying again may help, and after how long.
    retry: Option<Option<Duration>>,
    /// Whether credentials or rights were refused.
    denied: bool,
}

/// What commands return.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            retry: None,
            denied: false,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn unexpected(message: impl Into<String>, error: &dyn std::error::Error) -> Self {
        Self { causes: chain(Some(error)), ..Self::new(Exit::Unexpected, message) }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn with_cause(mut self, error: &dyn std::error::Error) -> Self {
        self.causes.extend(chain(Some(error)));
        self
    }

    /// The same with a cause that is text already.
    #[must_use]
    pub(crate) fn about_cause(mut self, cause: String) -> Self {
        self.causes.push(cause);
        self
    }

    /// The same, said of something: "cannot read people.csv: …".
    #[must_use]
    pub(crate) fn about(mut self, what: &str) -> Self {
        let cause = std::mem::replace(&mut self.message, what.to_owned());
        self.causes.insert(0, cause);
        self
    }

    /// The same, because credentials or rights were refused.
    #[must_use]
    pub(crate) fn denied(mut self) -> Self {
        self.denied = true;
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Message and causes in one line, for lists.
    pub(crate) fn line(&self) -> String {
        let mut line = self.message.clone();
        for cause in &self.causes {
            put!(line, ": {cause}");
        }
        line
    }

    /// Of the target, if it is of what lets peoplesync in there: what keeps secrets knows no sides.
    pub(crate) fn at_target(mut self) -> Self {
        if self.exit == Exit::Source {
            self.exit = Exit::Target;
        }
        self
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether credentials or rights were refused, by the source or by the target.
    pub(crate) fn is_denied(&self) -> bool {
        self.denied
    }

    /// Whether it may pass by itself, and after how long if that is known.
    pub(crate) fn may_pass(&self) -> Option<Option<Duration>> {
        self.retry
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            writeln!(f, "  caused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

fn chain(mut error: Option<&dyn std::error::Error>) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    while let Some(current) = error {
        let text = current.to_string();
        // Some libraries repeat their source; once is enough.
        if causes.last().is_none_or(|last| !last.contains(&text)) {
            causes.push(text);
        }
        error = current.source();
    }
    causes
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::usage(errors.to_string().trim_end())
    }
}

impl From<peoplesync_source::Error> for Failure {
    fn from(error: peoplesync_source::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Config | ErrorKind::Unsupported => Exit::Usage,
            ErrorKind::Unavailable | ErrorKind::Denied | ErrorKind::Malformed => Exit::Source,
            ErrorKind::Cancelled => Exit::Unexpected,
            ErrorKind::Internal => Exit::Bug,
        };
        Self {
            exit,
            message: error.to_string(),
            causes: chain(std::error::Error::source(&error)),
            hint: error.hint().map(str::to_owned),
            retry: match error.retry() {
                Retry::Later(wait) => Some(wait),
                Retry::Never => None,
            },
            denied: error.kind() == ErrorKind::Denied,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let hint = match error.kind {
            _ if error.tls == Some(TlsFailure::Untrusted) => Some(
                "is the host in target.url the one in its certificate, and is its authority known here? target.tls.ca names one of your own",
            ),
            _ if error.tls == Some(TlsFailure::ClientRefused) => Some(
                "the target may want a certificate that it knows: target.tls.certificate and target.tls.key",
            ),
            _ if error.tls.is_some() => {
                Some("does the service speak TLS 1.2 or 1.3 at target.url?")
            }
            Kind::Unreachable => {
                Some("is target.url right, and is the service reachable from this machine?")
            }
            Kind::Denied => Some("is the token in target.auth valid, and may it manage accounts?"),
            Kind::Refused if error.status == Some(404) => {
                Some("does target.url end where the service's /Users begins?")
            }
            Kind::NotFound => Some("does target.url end where the service's /Users begins?"),
            Kind::Malformed => Some("does target.url name a SCIM service, not a web page?"),
            _ => None,
        };
        let exit = if error.kind == Kind::Config { Exit::Usage } else { Exit::Target };
        Self {
            exit,
            message: error.to_string(),
            causes: chain(std::error::Error::source(&error)),
            denied: error.kind == Kind::Denied,
            hint: error.hint.or_else(|| hint.map(str::to_owned)),
            retry: None,
        }
    }
}

impl From<peoplesync_state::Error> for Failure {
    fn from(error: peoplesync_state::Error) -> Self {
        Self {
            exit: Exit::Unexpected,
            message: error.to_string(),
            causes: chain(std::error::Error::source(&error)),
            hint: error.hint().map(str::to_owned),
            retry: None,
            denied: false,
        }
    }
}
