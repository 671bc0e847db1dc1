//! When a request is sent again, and after how long. Pure but for the clock of tokio, which
//! tests can pause; what is sent is a closure, so no socket is needed to try it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{ClientError, Kind};

/// How a request may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safety {
    /// Twice does the same as once: GET, PUT, PATCH, DELETE.
    Idempotent,
    /// Twice would make two: POST. Only what surely was not processed is repeated.
    Once,
}

/// One failed attempt, judged.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: ClientError,
    /// What the failure says about the attempt.
    pub(super) sent: Sent,
    /// How long the attempt took.
    pub(super) elapsed: Duration,
}

/// Whether the target has, or may have, worked on a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// Surely not processed and worth another attempt: no connection, 429, 503 with `Retry-After`.
    NotProcessed,
    /// Perhaps processed, and worth another attempt where that is safe: timeout, reset, 502, 504.
    Perhaps,
    /// The target has decided; another attempt would only hear the same.
    Decided,
}

/// The back-off of one client, shared by all its requests.
#[derive(Debug)]
pub(super) struct Retry {
    retries: u32,
    base: Duration,
    cap: Duration,
    retry_after_cap: Duration,
    random: Mutex<fastrand::Rng>,
    /// Until when the target has asked to be left alone. It means the whole client, not only the
    /// request that was told.
    quiet_until: Mutex<Option<Instant>>,
}

impl Retry {
    pub(super) fn new(
        retries: u32,
        base: Duration,
        cap: Duration,
        retry_after_cap: Duration,
        seed: Option<u64>,
    ) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            retries,
            base,
            cap,
            retry_after_cap,
            random: Mutex::new(random),
            quiet_until: Mutex::new(None),
        }
    }

    /// Runs `attempt` (which is told its number, from 0) until it succeeds, may not be repeated or
    /// has used up its retries. `report` hears of every failure with the wait that follows it.
    pub(super) async fn run<T, F>(
        &self,
        safety: Safety,
        mut attempt: impl FnMut(u32) -> F,
        mut report: impl FnMut(u32, &Failure, Option<Duration>),
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut number = 0;
        // An earlier attempt that may have been done is not undone by how a later one fails.
        let mut ambiguous = false;
        loop {
            if let Err(error) = self.wait_for_quiet().await {
                return Err(error.with_ambiguous(ambiguous));
            }
            let mut failure = match attempt(number).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            ambiguous |= failure.error.ambiguous;
            failure.error.ambiguous = ambiguous;
            let wait = self.wait_after(number, safety, &failure);
            report(number, &failure, wait);
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failure.error),
            }
            number += 1;
        }
    }

    /// How long to wait before the next attempt; `None` when there is to be none.
    fn wait_after(&self, number: u32, safety: Safety, failure: &Failure) -> Option<Duration> {
        let retry_after = failure.error.retry_after;
        if let Some(wait) = retry_after {
            self.keep_quiet(wait);
        }
        let safe = match (failure.sent, safety) {
            (Sent::NotProcessed, _) | (Sent::Perhaps, Safety::Idempotent) => true,
            (Sent::Perhaps, Safety::Once) | (Sent::Decided, _) => false,
        };
        if !safe || number >= self.retries {
            return None;
        }
        match retry_after {
            Some(wait) if wait > self.retry_after_cap => None,
            // The jitter spreads the requests that were all told the same second.
            Some(wait) => Some(wait + self.jitter(self.range(number))),
            None => Some(self.jitter(self.range(number))),
        }
    }

    /// The upper end of the back-off after this attempt: base, doubled each time, up to the cap.
    fn range(&self, number: u32) -> Duration {
        let doubled = 1u32.checked_shl(number).and_then(|factor| self.base.checked_mul(factor));
        doubled.map_or(self.cap, |range| range.min(self.cap))
    }

    /// Full jitter: anything from zero to the end of the range, so that clients spread evenly.
    fn jitter(&self, range: Duration) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        range.mul_f64(random.f64())
    }

    fn keep_quiet(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        *quiet = Some(quiet.map_or(until, |earlier| earlier.max(until)));
    }

    /// Waits until the target may be called again. An error if that is further away than anybody
    /// should wait for.
    async fn wait_for_quiet(&self) -> Result<(), ClientError> {
        loop {
            let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let Some(until) = until.filter(|until| *until > now) else { return Ok(()) };
            let left = until - now;
            if left > self.retry_after_cap {
                let message = format!(
                    "not sent, because the target asked not to be called for another {} s",
                    left.as_secs()
                );
                let mut error = ClientError::new(Kind::Throttled, message).with_retryable(true);
                error.retry_after = Some(left);
                return Err(error);
            }
            tokio::time::sleep_until(until + self.jitter(self.base)).await;
        }
    }
}

/// The table from a status to a kind and to what may be done about it (RFC 9110 §15, RFC 7644 §3.12).
pub(super) fn judge(status: u16, retry_after: Option<Duration>) -> (Kind, Sent) {
    match status {
        401 | 403 => (Kind::Denied, Sent::Decided),
        // Only the caller can tell a SCIM 404 from another one: it needs the body.
        404 => (Kind::Refused, Sent::Decided),
        408 => (Kind::Timeout, Sent::Perhaps),
        409 => (Kind::Conflict, Sent::Decided),
        412 => (Kind::Precondition, Sent::Decided),
        429 => (Kind::Throttled, Sent::NotProcessed),
        503 if retry_after.is_some() => (Kind::Server, Sent::NotProcessed),
        502..=504 => (Kind::Server, Sent::Perhaps),
        500.. => (Kind::Server, Sent::Decided),
        _ => (Kind::Refused, Sent::Decided),
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which is compared with the reply's own
/// `Date`, because the clocks of two machines need not agree. Without that a date says nothing.
/// More than a day is taken as a day.
pub(super) fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else if let Ok(seconds) = value.parse::<f64>() {
        // Not in the RFC, but sent by services that count in milliseconds inside.
        Duration::try_from_secs_f64(seconds).ok()?
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        let now = httpdate::parse_http_date(date?.trim()).ok()?;
        until.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(Duration::from_secs(24 * 60 * 60)))
}

#[cfg(test)]
mod tests;
