//! How fast requests may go: the limits that the profile states, and what refusals teach beyond them.
//!
//! A stated limit is a token bucket, kept as one moment in time (the generic cell rate algorithm). A 429 that comes all the
//! same sets a rate of its own for reads or for writes: cut by a part at once, raised in small steps, and held below the
//! rate that was refused last for longer each time, because to probe costs a refusal and mostly a `Retry-After`.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::profile::Rate;
use crate::schema::Resource;

/// Over which time the rate of successes is measured.
const WINDOW: Duration = Duration::from_secs(5);
/// A rate is cut to this part of itself.
const CUT: f64 = 0.85;
/// A rate is raised by this part of itself each second.
const RAISE: f64 = 0.02;
/// The first guess may be far too low, so the first raise beyond it goes in steps that double, up to this part.
const LEAP: f64 = 0.5;
/// Later ones go by `RAISE`, and wait so long for each step to prove itself: a bucket at the other end hides the first ones.
const PROVE: Duration = Duration::from_secs(3);
/// A rate that was refused is approached up to this part of it.
const BELOW: f64 = 0.97;
/// How long a rate is held below one that was refused: at first, and at most.
const HOLD: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// What is taken off a rate that was refused while it was raised, beside its last two steps.
const HIDDEN: f64 = 0.93;
/// What refuses even this, a request a second, refuses for another reason; `Retry-After` still holds.
const SLOWEST: f64 = 1.0;
/// Limits over a time as long as this outlive a process: what was used of them is to be kept.
const LASTING: Duration = Duration::from_secs(600);

/// What a request is, as far as limits tell requests apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class<'a> {
    pub(super) method: &'a str,
    pub(super) resource: Option<Resource>,
    /// Reads and writes are paced apart.
    pub(super) write: bool,
}

/// The pace of one client, shared by all its requests.
#[derive(Debug)]
pub(super) struct Pace {
    rates: Vec<Rate>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// For each rate: when its bucket will be full again.
    full: Vec<Option<Instant>>,
    reads: Learned,
    writes: Learned,
}

/// What refusals have taught.
#[derive(Debug, Default)]
struct Learned {
    /// Requests a second; none while nothing was refused.
    rate: Option<f64>,
    next: Option<Instant>,
    /// The rate that was refused last, and until when it is not tried again.
    refused: Option<(f64, Instant)>,
    hold: Duration,
    /// While the rate is raised beyond the refused one: by which part, and from which rate.
    probe: Option<(f64, f64)>,
    /// Whether a first raise beyond a refused rate has ended: what was guessed has become known.
    known: bool,
    cut_at: Option<Instant>,
    raised_at: Option<Instant>,
    began: Option<Instant>,
    successes: VecDeque<Instant>,
}

impl Pace {
    /// The pace of limits, of which an earlier process has used a part.
    pub(super) fn new(rates: Vec<Rate>, used: &[(String, Duration)]) -> Self {
        let now = Instant::now();
        let full = rates.iter().map(|rate| {
            let name = rate.to_string();
            let (_, left) = used.iter().find(|(known, _)| *known == name)?;
            // A clock that was set back must not stop a run for longer than the limit itself.
            Some(now + (*left).min(rate.window()))
        });
        let full = full.collect();
        let state = State { full, reads: Learned::default(), writes: Learned::default() };
        Self { rates, state: Mutex::new(state) }
    }

    /// Takes one request's part of every limit that it falls under, and waits until it may be sent. Gives the moment at which
    /// it was given its turn.
    pub(super) async fn admit(&self, class: Class<'_>) -> Instant {
        let now = Instant::now();
        let at = self.reserve(class, now);
        if at > now {
            tokio::time::sleep_until(at).await;
        }
        now
    }

    /// When a request may be sent; its part is taken.
    fn reserve(&self, class: Class<'_>, now: Instant) -> Instant {
        let mut state = self.state();
        let mut at = now;
        for (rate, full) in self.rates.iter().zip(&mut state.full) {
            if !rate.covers(class.method, class.resource) {
                continue;
            }
            let until = full.map_or(now, |full| full.max(now));
            let room = rate.interval() * rate.capacity().saturating_sub(1);
            at = at.max(until.checked_sub(room).unwrap_or(now));
            *full = Some(until + rate.interval());
        }
        at.max(state.learned(class.write).reserve(now))
    }

    /// A request of this class was done.
    pub(super) fn succeeded(&self, class: Class<'_>) {
        self.state().learned(class.write).succeeded(Instant::now());
    }

    /// A request of this class was refused as one too many. `asked` is what [`admit`](Self::admit) gave.
    pub(super) fn refused(&self, class: Class<'_>, asked: Instant) {
        let rate = self.state().learned(class.write).refused(asked, Instant::now());
        if let Some(rate) = rate {
            tracing::info!(write = class.write, per_second = rate, "slower, as the target asks");
        }
    }

    /// How long until the bucket of each lasting limit is full again, by the limit's name.
    pub(super) fn used(&self) -> Vec<(String, Duration)> {
        let now = Instant::now();
        let state = self.state();
        self.rates
            .iter()
            .zip(&state.full)
            .filter(|(rate, _)| rate.window() >= LASTING)
            .filter_map(|(rate, full)| {
                Some((rate.to_string(), full.as_ref()?.saturating_duration_since(now)))
            })
            .filter(|(_, left)| !left.is_zero())
            .collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn learned(&mut self, write: bool) -> &mut Learned {
        if write { &mut self.writes } else { &mut self.reads }
    }
}

impl Learned {
    fn reserve(&mut self, now: Instant) -> Instant {
        self.began.get_or_insert(now);
        self.raise(now);
        let Some(rate) = self.rate else { return now };
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + Duration::from_secs_f64(1.0 / rate));
        at
    }

    fn succeeded(&mut self, now: Instant) {
        self.forget(now);
        self.successes.push_back(now);
    }

    /// The new rate, if this refusal is news: those that had their turn before the last cut tell nothing.
    fn refused(&mut self, asked: Instant, now: Instant) -> Option<f64> {
        if self.cut_at.is_some_and(|cut| asked <= cut) {
            return None;
        }
        self.forget(now);
        let (rate, refused) = match (self.rate, self.probe.take()) {
            // What was held before has proved itself; what a bucket hid for a moment has not.
            (Some(rate), Some((part, held))) => {
                self.known = true;
                let before = (rate / (1.0 + part).powi(2) * HIDDEN).max(held);
                (before, before / BELOW)
            }
            (Some(rate), None) => (rate * CUT, rate),
            (None, _) => (self.measured(now) * CUT, self.measured(now)),
        };
        let rate = rate.max(SLOWEST);
        self.hold = (self.hold * 2).clamp(HOLD.0, HOLD.1);
        self.refused = Some((refused, now + self.hold));
        self.rate = Some(rate);
        self.next = Some(now + Duration::from_secs_f64(1.0 / rate));
        self.cut_at = Some(now);
        self.raised_at = Some(now);
        Some(rate)
    }

    fn raise(&mut self, now: Instant) {
        let (Some(rate), Some(raised)) = (self.rate, self.raised_at) else { return };
        let step = if self.known && self.probe.is_some() { PROVE } else { Duration::from_secs(1) };
        if now.saturating_duration_since(raised) < step {
            return;
        }
        // One step at a time, however long nothing was asked for: each must prove itself.
        self.raised_at = Some(now);
        self.rate = Some(match (self.refused, self.probe) {
            (Some((refused, until)), None) if now < until => {
                (rate * (1.0 + RAISE)).min((refused * BELOW).max(rate))
            }
            (_, probe) => {
                let (part, held) = match probe {
                    None => (RAISE, rate),
                    Some(probe) if self.known => probe,
                    Some((part, held)) => ((part * 2.0).min(LEAP), held),
                };
                self.probe = Some((part, held));
                rate * (1.0 + part)
            }
        });
    }

    /// Successes a second of late; of the first second as if it were over.
    fn measured(&self, now: Instant) -> f64 {
        let since = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let span = since.clamp(Duration::from_secs(1), WINDOW);
        let count = u32::try_from(self.successes.len()).unwrap_or(u32::MAX);
        (f64::from(count) / span.as_secs_f64()).max(1.0)
    }

    fn forget(&mut self, now: Instant) {
        while self
            .successes
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) > WINDOW)
        {
            self.successes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
