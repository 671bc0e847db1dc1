use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn retry(retries: u32, seed: u64) -> Retry {
    Retry::new(retries, SECOND, 20 * SECOND, 60 * SECOND, Some(seed))
}

fn failure(sent: Sent, retry_after: Option<Duration>) -> Failure {
    let mut error = ClientError::new(Kind::Server, "scripted");
    error.retry_after = retry_after;
    Failure { error, sent, elapsed: Duration::ZERO }
}

/// Runs a script of failures that then turns into success; says when each attempt began.
async fn check(
    retry: &Retry,
    safety: Safety,
    script: Vec<(Sent, Option<u64>)>,
) -> (Result<(), ClientError>, Vec<Duration>) {
    let began = Instant::now();
    let attempts = Mutex::new(Vec::new());
    let attempt = |number: u32| {
        attempts.lock().unwrap().push(began.elapsed());
        let next = script.get(number as usize).copied();
        async move {
            match next {
                Some((sent, after)) => Err(failure(sent, after.map(Duration::from_secs))),
                None => Ok(()),
            }
        }
    };
    let result = retry.run(safety, attempt, |_, _, _| {}).await;
    (result, attempts.into_inner().unwrap())
}

fn gaps(times: &[Duration]) -> Vec<Duration> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn full_jitter_stays_within_a_doubling_range_up_to_the_cap() {
    let mut largest = [Duration::ZERO; 7];
    let mut smallest = [Duration::MAX; 7];
    for seed in 0..300 {
        let script = vec![(Sent::Perhaps, None); 7];
        let (result, times) = check(&retry(7, seed), Safety::Idempotent, script).await;
        result.unwrap();
        for (number, gap) in gaps(&times).into_iter().enumerate() {
            largest[number] = largest[number].max(gap);
            smallest[number] = smallest[number].min(gap);
        }
    }
    for (number, range) in [1, 2, 4, 8, 16, 20, 20].into_iter().enumerate() {
        let range = range * SECOND;
        // The clock of tokio counts whole milliseconds.
        assert!(largest[number] <= range + Duration::from_millis(1), "{number}: {largest:?}");
        assert!(largest[number] > range.mul_f64(0.95), "{number}: not the full range {largest:?}");
        assert!(smallest[number] < range.mul_f64(0.05), "{number}: not from zero {smallest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_waits_the_same() {
    let run = async |seed| {
        let script = vec![(Sent::Perhaps, None); 5];
        check(&retry(5, seed), Safety::Idempotent, script).await.1
    };
    assert_eq!(run(1).await, run(1).await);
    assert_ne!(run(1).await, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_and_little_more() {
    let (result, times) =
        check(&retry(3, 1), Safety::Once, vec![(Sent::NotProcessed, Some(30))]).await;
    result.unwrap();
    assert!(times[1] >= 30 * SECOND && times[1] <= 31 * SECOND, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_zero_still_backs_off() {
    let script = vec![(Sent::NotProcessed, Some(0)); 4];
    let (result, times) = check(&retry(4, 1), Safety::Once, script).await;
    result.unwrap();
    assert!(times[4] > SECOND, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_back_the_other_requests_too() {
    let retry = retry(3, 1);
    let (first, second) =
        tokio::join!(check(&retry, Safety::Once, vec![(Sent::NotProcessed, Some(30))]), async {
            tokio::time::sleep(SECOND).await;
            check(&retry, Safety::Once, vec![]).await
        },);
    first.0.unwrap();
    second.0.unwrap();
    assert!(second.1[0] >= 29 * SECOND, "it began 1 s later: {:?}", second.1);
}

#[tokio::test(start_paused = true)]
async fn retry_after_beyond_the_cap_ends_at_once_until_it_is_over() {
    let retry = retry(3, 1);
    let (result, times) = check(&retry, Safety::Once, vec![(Sent::NotProcessed, Some(600))]).await;
    assert_eq!(result.unwrap_err().retry_after, Some(600 * SECOND));
    assert_eq!(times, [Duration::ZERO]);
    let (result, times) = check(&retry, Safety::Idempotent, vec![]).await;
    assert_eq!(result.unwrap_err().kind, Kind::Throttled);
    assert!(times.is_empty(), "nothing was sent");
    tokio::time::sleep(550 * SECOND).await;
    let (result, times) = check(&retry, Safety::Idempotent, vec![]).await;
    result.unwrap();
    assert!(times[0] >= 49 * SECOND, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn only_what_surely_was_not_processed_is_repeated_for_a_post() {
    for (sent, safety, repeated) in [
        (Sent::NotProcessed, Safety::Once, true),
        (Sent::Perhaps, Safety::Once, false),
        (Sent::Decided, Safety::Once, false),
        (Sent::NotProcessed, Safety::Idempotent, true),
        (Sent::Perhaps, Safety::Idempotent, true),
        (Sent::Decided, Safety::Idempotent, false),
    ] {
        let (result, times) = check(&retry(3, 1), safety, vec![(sent, None)]).await;
        assert_eq!(result.is_ok(), repeated, "{sent:?} {safety:?}");
        assert_eq!(times.len(), if repeated { 2 } else { 1 });
    }
}

#[test]
fn retry_after_is_read_in_every_form() {
    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    let read = |value, date| retry_after(value, date).map(|wait| wait.as_secs_f64());
    assert_eq!(read("120", None), Some(120.0));
    assert_eq!(read(" 0 ", None), Some(0.0));
    assert_eq!(read("1.5", None), Some(1.5));
    assert_eq!(read("Sun, 06 Nov 1994 08:50:07 GMT", date), Some(30.0));
    assert_eq!(read("Sunday, 06-Nov-94 08:50:07 GMT", date), Some(30.0));
    assert_eq!(read("Sun Nov  6 08:50:07 1994", date), Some(30.0));
    assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT", date), Some(0.0), "a date in the past");
    assert_eq!(read("99999999999999", None), Some(86_400.0));
}

#[test]
fn a_retry_after_that_says_nothing_is_none() {
    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    for value in ["", "soon", "-5", "NaN", "inf", "1e400"] {
        assert_eq!(retry_after(value, date), None, "{value:?}");
    }
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:07 GMT", None), None, "no clock to compare");
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:07 GMT", Some("never")), None);
}
