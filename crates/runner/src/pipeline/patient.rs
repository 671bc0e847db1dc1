//! What every source gets from the runner: a limit to how long it may take, and another try where that may help. Connectors have
//! neither.

use std::future::Future;
use std::time::Duration;

use peoplesync_source::{
    Checked, Context, Error, FieldTypes, Query, Records, Source, Step, async_trait,
};
use tokio::time::{sleep, timeout};

use crate::failure::Outcome;

/// The first pause before another try; each is eight times as long as the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Nobody waits longer, whatever a source asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A source that must answer in time.
#[derive(Debug)]
pub(crate) struct Patient {
    source: Box<dyn Source>,
    patience: Duration,
}

struct PatientRecords {
    records: Box<dyn Records>,
    patience: Duration,
}

impl Patient {
    pub(crate) fn new(source: Box<dyn Source>, patience: Duration) -> Self {
        Self { source, patience }
    }
}

#[async_trait]
impl Source for Patient {
    async fn check(&self, cx: &Context) -> Result<Checked, Error> {
        // A check may look at everything.
        self.source.check(cx).await
    }

    async fn fields(&self, cx: &Context) -> Result<Option<Vec<String>>, Error> {
        in_time(self.patience, self.source.fields(cx)).await
    }

    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        let records = in_time(self.patience, self.source.open(cx, query)).await?;
        Ok(Box::new(PatientRecords { records, patience: self.patience }))
    }
}

#[async_trait]
impl Records for PatientRecords {
    fn types(&self) -> FieldTypes {
        self.records.types()
    }

    async fn next(&mut self) -> Result<Step, Error> {
        in_time(self.patience, self.records.next()).await
    }
}

async fn in_time<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(patience, answer).await.unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(Error::unavailable(format!("nothing came from the source within {seconds} seconds"))
            .with_hint("`source.timeout_secs` says how long it may take"))
    })
}

/// Does something that reads the source, and again from the beginning where it was out of reach.
pub(super) async fn again<T, F>(retries: u32, mut read: impl FnMut() -> F) -> Outcome<T>
where
    F: Future<Output = Outcome<T>>,
{
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=retries {
        match read().await {
            Err(failure) if failure.may_pass().is_some() => {
                let asked = failure.may_pass().flatten();
                let wait = asked.unwrap_or(pause).min(LONGEST_PAUSE);
                tracing::warn!(attempt, wait = ?wait, error = %failure.line(), "the source is out of reach");
                sleep(wait).await;
                pause *= 8;
            }
            done => return done,
        }
    }
    read().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use peoplesync_source::{ErrorKind, Retry};

    use super::*;
    use crate::failure::Failure;

    /// How often was it tried, and how long did that take?
    fn check(error: impl Fn() -> Error, works_at: u32) -> (u32, Duration, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (tries, start) = (AtomicU32::new(0), tokio::time::Instant::now());
            let done = again(2, || async {
                match tries.fetch_add(1, Ordering::Relaxed) + 1 {
                    attempt if attempt == works_at => Ok(()),
                    _ => Err(Failure::from(error())),
                }
            });
            let done = done.await.is_ok();
            (tries.into_inner(), start.elapsed(), done)
        })
    }

    #[test]
    fn a_source_out_of_reach_is_tried_again_and_a_refusal_is_not() {
        let away = || Error::unavailable("away");
        assert_eq!(check(away, 1), (1, Duration::ZERO, true));
        assert_eq!(check(away, 3), (3, Duration::from_millis(2250), true));
        assert_eq!(check(away, 4), (3, Duration::from_millis(2250), false));
        let denied = || Error::new(ErrorKind::Denied, "no");
        assert_eq!(check(denied, 2), (1, Duration::ZERO, false));
        let later = || away().with_retry(Retry::Later(Some(Duration::from_secs(30))));
        assert_eq!(check(later, 2), (2, Duration::from_secs(30), true));
    }

    #[test]
    fn a_source_that_never_answers_is_out_of_reach() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let error = runtime
            .block_on(in_time(Duration::from_secs(300), std::future::pending::<Result<(), _>>()))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "nothing came from the source within 300 seconds");
    }
}
