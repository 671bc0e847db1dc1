//! How many requests are under way at once. The number is searched for: more, as long as that makes the target answer more of
//! them in a second; fewer, when it stops answering or when fewer do as well.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// A measurement lasts at least so long, and until so many requests came back, and so many a lane.
const WINDOW: (Duration, usize, usize) = (Duration::from_millis(100), 64, 8);
/// More lanes must bring so much more.
const WORTH: f64 = 1.08;
/// After so many measurements another number is tried; each time in vain, it takes twice as long.
const HOLD: (u32, u32) = (8, 512);

/// The lanes of one client.
#[derive(Debug)]
pub(super) struct Lanes {
    open: Semaphore,
    search: Mutex<Search>,
}

/// One lane, taken. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    lanes: &'a Lanes,
    permit: Option<SemaphorePermit<'a>>,
}

#[derive(Debug)]
struct Search {
    most: usize,
    lanes: usize,
    /// So many lanes are to be closed as soon as they are free.
    closing: usize,
    began: Instant,
    done: usize,
    /// Whether all lanes were in use at some time since.
    is_full: bool,
    trial: Trial,
    /// How long the next number is kept before another is tried.
    hold: u32,
    /// Whether the next trial is with more lanes.
    upwards: bool,
}

/// What is being found out.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trial {
    /// How fast this number is, before another is tried at once.
    First,
    /// Whether another number is better than this one with that rate.
    Against { lanes: usize, rate: f64 },
    /// Nothing, for so many measurements.
    Holding(u32),
}

impl Lanes {
    /// `lanes` at first, and never more than `most`. Where that is not more, the number is fixed.
    pub(super) fn new(lanes: usize, most: usize) -> Self {
        let search = Search {
            most,
            lanes,
            closing: 0,
            began: Instant::now(),
            done: 0,
            is_full: false,
            trial: Trial::First,
            hold: HOLD.0,
            upwards: true,
        };
        Self { open: Semaphore::new(lanes), search: Mutex::new(search) }
    }

    /// How many there are at present.
    pub(super) fn count(&self) -> usize {
        self.search().lanes
    }

    /// Waits for a free lane.
    pub(super) async fn enter(&self) -> Lane<'_> {
        let permit = self.open.acquire().await.expect("the semaphore is never closed");
        if self.open.available_permits() == 0 {
            self.search().is_full = true;
        }
        Lane { lanes: self, permit: Some(permit) }
    }

    /// A request that carried so many changes was answered, well or badly.
    pub(super) fn answered(&self, changes: usize) {
        let now = Instant::now();
        let mut search = self.search();
        if let Some(lanes) = search.answered(now, changes) {
            self.set(&mut search, lanes);
        }
    }

    /// The target did not answer, or said that it is overloaded.
    pub(super) fn overloaded(&self) {
        let mut search = self.search();
        if search.is_fixed() {
            return;
        }
        let lanes = (search.lanes / 2).max(1);
        search.hold = HOLD.0;
        search.trial = Trial::Holding(search.hold);
        search.upwards = true;
        search.begin(Instant::now());
        self.set(&mut search, lanes);
    }

    fn set(&self, search: &mut Search, lanes: usize) {
        if lanes > search.lanes {
            let more = lanes - search.lanes;
            let kept = more.min(search.closing);
            search.closing -= kept;
            self.open.add_permits(more - kept);
        } else {
            search.closing += search.lanes - lanes;
        }
        tracing::debug!(lanes, "requests at once");
        search.lanes = lanes;
    }

    fn search(&self) -> MutexGuard<'_, Search> {
        self.search.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let mut search = self.lanes.search();
        if search.closing > 0
            && let Some(permit) = self.permit.take()
        {
            search.closing -= 1;
            permit.forget();
        }
    }
}

impl Search {
    fn is_fixed(&self) -> bool {
        self.most <= self.lanes && self.trial == Trial::First
    }

    /// The number of lanes from now on, if it is another one.
    fn answered(&mut self, now: Instant, changes: usize) -> Option<usize> {
        if self.is_fixed() {
            return None;
        }
        self.done += changes;
        let elapsed = now.saturating_duration_since(self.began);
        let (time, count, a_lane) = WINDOW;
        if self.done < count.max(a_lane * self.lanes) || elapsed < time {
            return None;
        }
        let rate = f64::from(u32::try_from(self.done).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
        // Where something else was the limit, nothing is learned about lanes.
        let lanes = if self.is_full { self.judge(rate) } else { None };
        self.begin(now);
        lanes
    }

    fn begin(&mut self, now: Instant) {
        self.began = now;
        self.done = 0;
        self.is_full = false;
    }

    fn judge(&mut self, rate: f64) -> Option<usize> {
        match self.trial {
            Trial::Holding(left) if left > 1 => {
                self.trial = Trial::Holding(left - 1);
                None
            }
            Trial::First | Trial::Holding(_) => self.attempt(rate),
            Trial::Against { lanes, rate: before } => {
                let is_better =
                    if self.lanes > lanes { rate > before * WORTH } else { rate >= before };
                if is_better {
                    self.hold = HOLD.0;
                    return self.attempt(rate);
                }
                self.trial = Trial::Holding(self.hold);
                self.hold = (self.hold * 2).min(HOLD.1);
                self.upwards = !self.upwards;
                Some(lanes)
            }
        }
    }

    /// Tries the next number in the direction of the last one.
    fn attempt(&mut self, rate: f64) -> Option<usize> {
        let step = (self.lanes / 2).max(1);
        let next = if self.upwards {
            (self.lanes + step).min(self.most)
        } else {
            (self.lanes - self.lanes / 3).max(1)
        };
        if next == self.lanes {
            self.trial = Trial::Holding(self.hold);
            self.upwards = !self.upwards;
            return None;
        }
        self.trial = Trial::Against { lanes: self.lanes, rate };
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a closed loop against a target that takes `latency` a request and answers so many at once; the lanes in the end.
    fn check(start: usize, most: usize, capacity: usize, seconds: u64) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let lanes = std::sync::Arc::new(Lanes::new(start, most));
            let target = std::sync::Arc::new(Semaphore::new(capacity));
            for _ in 0..most.max(start) {
                let (lanes, target) = (lanes.clone(), target.clone());
                tokio::spawn(async move {
                    loop {
                        let lane = lanes.enter().await;
                        let served = target.acquire().await.unwrap();
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        drop(served);
                        drop(lane);
                        lanes.answered(1);
                    }
                });
            }
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            lanes.count()
        })
    }

    #[test]
    fn as_many_lanes_are_found_as_the_target_has_use_for() {
        let found = check(8, 64, 30, 20);
        assert!((27..=45).contains(&found), "{found}");
        assert!(check(8, 64, 1000, 20) >= 48);
    }

    #[test]
    fn a_target_that_takes_fewer_is_asked_by_fewer() {
        let found = check(16, 32, 2, 120);
        assert!((2..=4).contains(&found), "{found}");
    }

    #[test]
    fn a_number_that_is_fixed_stays() {
        assert_eq!(check(8, 8, 1000, 20), 8);
        assert_eq!(check(4, 0, 1000, 20), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_overload_halves_the_lanes() {
        let lanes = Lanes::new(8, 64);
        let held = lanes.enter().await;
        lanes.overloaded();
        lanes.overloaded();
        assert_eq!(lanes.count(), 2);
        // One of the six that are closed is in use; the others are closed when they come free.
        drop(held);
        for _ in 0..7 {
            drop(lanes.enter().await);
        }
        assert_eq!(lanes.open.available_permits(), 2);
    }
}
