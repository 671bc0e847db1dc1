//! What a connector may know of its surroundings: time, cancellation, where relative paths start, and secrets.
//! Nothing is ambient: a connector reads no clock and no environment of its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Revealed, Secret, Timestamp};

/// A source of time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// A clock that stands still, for tests and for rehearsals of a given day.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// What turns a [`Secret`] into the credential itself.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// The credential.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) when the variable, file or program is missing; the message names it.
    fn reveal(&self, secret: &Secret) -> Result<Revealed, Error>;
}

/// Reveals only what is written out; for tests.
#[derive(Debug, Clone, Copy)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn reveal(&self, secret: &Secret) -> Result<Revealed, Error> {
        match secret {
            Secret::Plain(revealed) => Ok(revealed.clone()),
            kept => Err(Error::config(format!("{kept:?} cannot be read here"))),
        }
    }
}

/// The surroundings of one run, handed to every call. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Context {
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
    base: Arc<Path>,
    cancelled: Arc<AtomicBool>,
}

impl Context {
    /// A context; relative paths start at `base`, the folder of the config file.
    pub fn new(clock: Arc<dyn Clock>, secrets: Arc<dyn Secrets>, base: impl Into<PathBuf>) -> Self {
        Self { clock, secrets, base: base.into().into(), cancelled: Arc::default() }
    }

    /// A context for tests: a clock at 2026-01-01T00:00:00Z, no secrets, paths from `base`.
    pub fn for_tests(base: impl Into<PathBuf>) -> Self {
        let clock = FixedClock(Timestamp(1_767_225_600_000));
        Self::new(Arc::new(clock), Arc::new(NoSecrets), base)
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The path as seen from the folder of the config file.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.base.join(path)
    }

    /// The credential itself.
    ///
    /// # Errors
    /// See [`Secrets::reveal`].
    pub fn reveal(&self, secret: &Secret) -> Result<Revealed, Error> {
        self.secrets.reveal(secret)
    }

    /// Asks everything that holds this context to stop. The runner also drops what is waiting, so only code that blocks
    /// a thread has to look at [`is_cancelled`](Self::is_cancelled).
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether the run is to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Ends the caller with `?` if the run is to stop.
    ///
    /// # Errors
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn go_on(&self) -> Result<(), Error> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }
}
