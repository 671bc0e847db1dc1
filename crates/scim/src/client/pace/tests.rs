use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

const WRITE: Class<'static> = Class { method: "POST", resource: Some(Resource::User), write: true };
const READ: Class<'static> = Class { method: "GET", resource: Some(Resource::User), write: false };

fn rate(requests: u32, per_secs: u32, burst: u32) -> Rate {
    Rate { requests, per_secs, burst, methods: Vec::new(), resources: Vec::new() }
}

/// When each of so many requests, asked for at once, may be sent: milliseconds.
fn times(pace: &Pace, class: Class<'_>, count: usize) -> Vec<u128> {
    let now = Instant::now();
    (0..count).map(|_| (pace.reserve(class, now) - now).as_millis()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_burst_passes_and_the_rest_comes_at_the_rate() {
    let pace = Pace::new(vec![rate(10, 1, 3)], &[]);
    assert_eq!(times(&pace, WRITE, 6), [0, 0, 0, 100, 200, 300]);
    // A second later the bucket is full again, and no fuller.
    tokio::time::advance(10 * SECOND).await;
    assert_eq!(times(&pace, WRITE, 4), [0, 0, 0, 100]);
}

#[tokio::test(start_paused = true)]
async fn without_a_stated_burst_no_window_holds_more_than_the_limit() {
    let pace = Pace::new(vec![rate(1000, 3600, 0)], &[]);
    let times = times(&pace, WRITE, 5000);
    for (first, time) in times.iter().enumerate() {
        let within = times[first..].iter().take_while(|other| **other < time + 3_600_000).count();
        assert!(within <= 1000, "{within} in the hour from {time}");
    }
    let hours = *times.last().unwrap() as f64 / 3_600_000.0;
    assert!(hours < 5.5, "5,000 took {hours} h");
}

#[tokio::test(start_paused = true)]
async fn a_request_counts_for_the_limits_of_its_method_and_resource_only() {
    let writes = Rate {
        methods: vec!["post".to_owned()],
        resources: vec!["users".to_owned()],
        ..rate(1, 1, 1)
    };
    let pace = Pace::new(vec![writes, rate(100, 1, 100)], &[]);
    assert_eq!(times(&pace, WRITE, 3), [0, 1000, 2000]);
    assert_eq!(times(&pace, READ, 3), [0, 0, 0]);
    let groups = Class { resource: Some(Resource::Group), ..WRITE };
    assert_eq!(times(&pace, groups, 3), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lasting_limit_goes_on_in_the_next_process() {
    let hourly = || vec![rate(3600, 3600, 10), rate(10, 1, 1)];
    let pace = Pace::new(hourly(), &[]);
    let _ = times(&pace, WRITE, 100);
    let used = pace.used();
    assert_eq!(used, [("3600/3600s".to_owned(), 100 * SECOND)]);

    let next = Pace::new(hourly(), &used);
    assert_eq!(times(&next, WRITE, 2), [91_000, 92_000], "90 are still to be made up for");
    let other = Pace::new(vec![rate(7200, 3600, 10)], &used);
    assert_eq!(times(&other, WRITE, 1), [0], "a limit that was changed begins anew");
}

/// A service that takes `limit` writes a second, as a bucket of `burst`, and asks refused ones to come back in a second.
struct Service {
    limit: f64,
    burst: f64,
    tokens: Mutex<(f64, Instant)>,
}

impl Service {
    fn takes(&self) -> bool {
        let mut tokens = self.tokens.lock().unwrap();
        let now = Instant::now();
        let gained = now.duration_since(tokens.1).as_secs_f64() * self.limit;
        *tokens = ((tokens.0 + gained).min(self.burst), now);
        let taken = tokens.0 >= 1.0;
        if taken {
            tokens.0 -= 1.0;
        }
        taken
    }
}

/// Eight workers write against a service that nobody described: accepted a second, once a minute has passed, and the share of
/// all that was refused.
async fn check(limit: f64, burst: f64, latency: Duration, seconds: u64) -> (f64, f64) {
    const FOUND: Duration = Duration::from_secs(60);
    let tokens = Mutex::new((burst, Instant::now()));
    let service = Arc::new(Service { limit, burst, tokens });
    let pace = Arc::new(Pace::new(Vec::new(), &[]));
    let quiet = Arc::new(Mutex::new(Instant::now()));
    let counts = Arc::new([AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0)]);
    let began = Instant::now();
    let end = began + Duration::from_secs(seconds);
    let workers = (0..8).map(|_| {
        let (service, pace, quiet, counts) =
            (service.clone(), pace.clone(), quiet.clone(), counts.clone());
        tokio::spawn(async move {
            while Instant::now() < end {
                let until = *quiet.lock().unwrap();
                tokio::time::sleep_until(until).await;
                let asked = pace.admit(WRITE).await;
                let sent = Instant::now();
                tokio::time::sleep(latency).await;
                if service.takes() {
                    pace.succeeded(WRITE);
                    counts[0].fetch_add(1, Ordering::Relaxed);
                    counts[2].fetch_add(u32::from(sent >= began + FOUND), Ordering::Relaxed);
                } else {
                    pace.refused(WRITE, asked);
                    *quiet.lock().unwrap() = Instant::now() + SECOND;
                    counts[1].fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let [taken, refused, late] = [0, 1, 2].map(|at| f64::from(counts[at].load(Ordering::Relaxed)));
    let late_seconds = seconds.saturating_sub(FOUND.as_secs()).max(1);
    (late / late_seconds as f64, refused / (taken + refused))
}

#[tokio::test(start_paused = true)]
async fn an_unknown_limit_is_found_and_kept_to() {
    let services = [
        (50.0, 50.0, 5, 0.94),
        (50.0, 10.0, 5, 0.94),
        (50.0, 10.0, 100, 0.94),
        (5.0, 5.0, 20, 0.94),
        // With next to no burst, every request that comes a little early is refused.
        (50.0, 3.0, 5, 0.9),
    ];
    for (limit, burst, latency, share) in services {
        let (taken, refused) = check(limit, burst, Duration::from_millis(latency), 360).await;
        assert!(taken >= share * limit, "{limit}/s, burst {burst}: {taken:.1} a second");
        assert!(refused < 0.02, "{limit}/s, burst {burst}: {:.2} % refused", 100.0 * refused);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_limit_is_never_slowed_down() {
    let (taken, refused) = check(1e9, 1e9, Duration::from_millis(10), 65).await;
    assert!(taken > 720.0 && refused == 0.0, "{taken} {refused}");
}

#[tokio::test(start_paused = true)]
async fn refusals_of_requests_that_were_under_way_count_once() {
    let pace = Pace::new(Vec::new(), &[]);
    let sent = Instant::now();
    let _ = times(&pace, WRITE, 1);
    tokio::time::advance(SECOND).await;
    for _ in 0..100 {
        pace.succeeded(WRITE);
    }
    for _ in 0..8 {
        pace.refused(WRITE, sent);
    }
    let rate = pace.state().learned(true).rate;
    assert!(rate.is_some_and(|rate| (84.0..=86.0).contains(&rate)), "{rate:?}");
    assert_eq!(pace.state().learned(false).rate, None, "reads were not refused");
}
