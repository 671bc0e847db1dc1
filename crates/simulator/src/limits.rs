//! Holds callers to the rates of the profile: who is faster is answered with 429 and `Retry-After`. A rate with a stated burst is
//! a bucket that fills again; without one, no time of `per_secs` ever holds more than `requests`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use peoplesync_scim::profile::{Grouping, Rate};
use peoplesync_scim::{Resource, ScimError};
use serde_json::Value as Json;

/// The rates, and what was used of them.
#[derive(Debug)]
pub(crate) struct Limits(Mutex<Vec<Used>>);

#[derive(Debug)]
struct Used {
    rate: Rate,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// How many requests may still come at once, and when that was so, in milliseconds.
    Bucket { left: f64, at: i64 },
    /// When requests of late came.
    Window(VecDeque<i64>),
}

impl Limits {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let used = rates.iter().map(|rate| {
            let kind = match rate.burst {
                0 => Kind::Window(VecDeque::new()),
                _ => Kind::Bucket { left: capacity(rate), at: 0 },
            };
            Used { rate: rate.clone(), kind }
        });
        Self(Mutex::new(used.collect()))
    }

    /// Counts a request, or says after how many seconds it may come. One that is refused counts for nothing.
    pub(crate) fn admit(
        &self,
        method: &str,
        resource: Option<Resource>,
        now: i64,
    ) -> Result<(), u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counting: Vec<&mut Used> =
            all.iter_mut().filter(|used| used.rate.covers(method, resource)).collect();
        let wait = counting.iter_mut().map(|used| used.wait(now)).max().unwrap_or(0);
        if wait > 0 {
            // Whole seconds, as the header has them.
            let seconds = u64::try_from(wait).unwrap_or_default().div_ceil(1000);
            return Err(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        counting.into_iter().for_each(|used| used.take(now));
        Ok(())
    }
}

/// How many members have joined each group within the last hour, and how many may.
#[derive(Debug)]
pub(crate) struct Joins {
    most: usize,
    came: Mutex<BTreeMap<String, VecDeque<(i64, usize)>>>,
}

impl Joins {
    pub(crate) fn new(habits: &Grouping) -> Self {
        Self { most: habits.joins(), came: Mutex::default() }
    }

    /// How many members a group gains, by its members before and after; an error if that is more than may join it now. What services answer to
    /// that is not documented: 429, and not for how long.
    pub(crate) fn check(
        &self,
        group: &str,
        before: Option<&Json>,
        after: Option<&Json>,
        now: i64,
    ) -> Result<usize, ScimError> {
        const HOUR: i64 = 3_600_000;
        let ids = |members: Option<&'_ Json>| -> BTreeSet<String> {
            let members = members.and_then(Json::as_array).into_iter().flatten();
            members.filter_map(|member| member["value"].as_str().map(str::to_owned)).collect()
        };
        let new = ids(after).difference(&ids(before)).count();
        let mut all = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(came) = all.get_mut(group) else {
            return if new > self.most { Err(self.refusal()) } else { Ok(new) };
        };
        while came.front().is_some_and(|(at, _)| now - at >= HOUR) {
            came.pop_front();
        }
        let count: usize = came.iter().map(|(_, count)| count).sum();
        if new > 0 && count + new > self.most {
            return Err(self.refusal());
        }
        Ok(new)
    }

    /// So many have joined.
    pub(crate) fn note(&self, group: &str, new: usize, now: i64) {
        if new > 0 {
            let mut all = self.came.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(group.to_owned()).or_default().push_back((now, new));
        }
    }

    fn refusal(&self) -> ScimError {
        let most = self.most;
        ScimError::new(429, "", format!("more than {most} members would join the group in an hour"))
    }
}

impl Used {
    /// Milliseconds until there is room for one more.
    fn wait(&mut self, now: i64) -> i64 {
        let window = i64::try_from(self.rate.window().as_millis()).unwrap_or(i64::MAX);
        match &mut self.kind {
            Kind::Bucket { left, at } => {
                let interval = self.rate.interval().as_secs_f64() * 1000.0;
                let passed = (now - *at).max(0) as f64;
                *left = (*left + passed / interval).min(capacity(&self.rate));
                *at = now;
                if *left >= 1.0 {
                    return 0;
                }
                let short = Duration::from_secs_f64((1.0 - *left) * interval / 1000.0);
                i64::try_from(short.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
            }
            Kind::Window(came) => {
                while came.front().is_some_and(|first| now - first >= window) {
                    came.pop_front();
                }
                match came.front() {
                    Some(first) if came.len() >= self.rate.requests as usize => {
                        first + window - now
                    }
                    _ => 0,
                }
            }
        }
    }

    fn take(&mut self, now: i64) {
        match &mut self.kind {
            Kind::Bucket { left, .. } => *left -= 1.0,
            Kind::Window(came) => came.push_back(now),
        }
    }
}

/// One more than is stated: what was sent in time may arrive a moment early.
fn capacity(rate: &Rate) -> f64 {
    f64::from(rate.burst) + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(requests: u32, per_secs: u32, burst: u32, methods: &[&str]) -> Rate {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        Rate { requests, per_secs, burst, methods, resources: vec!["users".to_owned()] }
    }

    /// How many of `count` requests at one moment are let through, and what the others are told.
    fn at(limits: &Limits, now: i64, count: usize) -> (usize, Option<u32>) {
        let answers = (0..count).map(|_| limits.admit("POST", Some(Resource::User), now));
        let refused: Vec<u32> = answers.filter_map(Result::err).collect();
        (count - refused.len(), refused.last().copied())
    }

    #[test]
    fn a_bucket_fills_again_and_a_window_slides() {
        let bucket = Limits::new(&[rate(60, 60, 4, &["POST"])]);
        assert_eq!(at(&bucket, 0, 8), (5, Some(1)));
        assert_eq!(at(&bucket, 2_000, 8), (2, Some(1)));
        assert_eq!(at(&bucket, 60_000, 8), (5, Some(1)));

        let window = Limits::new(&[rate(3, 60, 0, &[])]);
        assert_eq!(at(&window, 0, 2), (2, None));
        assert_eq!(at(&window, 20_000, 3), (1, Some(40)));
        assert_eq!(at(&window, 60_000, 3), (2, Some(20)));
    }

    #[test]
    fn what_is_not_named_is_not_counted_and_the_strictest_limit_holds() {
        let limits = Limits::new(&[rate(3, 60, 0, &["POST"]), rate(5, 3600, 0, &[])]);
        assert_eq!(limits.admit("GET", Some(Resource::Group), 0), Ok(()));
        assert_eq!(at(&limits, 0, 4), (3, Some(60)));
        assert_eq!(at(&limits, 60_000, 3), (2, Some(3540)));
    }
}
