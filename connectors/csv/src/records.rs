//! One pass: a thread that reads and may block, and the end of a channel that gives its batches.

use peoplesync_source::{
    Batch, Context, Error, ErrorKind, FieldType, FieldTypes, Records, Step, async_trait, table,
};
use tokio::sync::mpsc;

use crate::read::{self, Plan};

/// Batches that wait between the two: one in the making, one being used.
const WAITING: usize = 2;

/// The batches of a pass. Dropping it ends the thread at its next batch.
#[derive(Debug)]
pub(crate) struct CsvRecords {
    cx: Context,
    types: FieldTypes,
    steps: mpsc::Receiver<Result<Step, Error>>,
}

impl CsvRecords {
    /// Starts the thread.
    pub(crate) fn start(cx: Context, plan: Plan) -> Self {
        let (sender, steps) = mpsc::channel(WAITING);
        let inner = cx.clone();
        let types = table::types(&plan.asked, &plan.config.multi_valued, Some(FieldType::Cell));
        tokio::task::spawn_blocking(move || {
            let give = |step| sender.blocking_send(step).is_ok();
            let end = read::all(&inner, &plan, |batch: Batch| give(Ok(Step::Batch(batch))));
            if let Some(end) = end.transpose() {
                // Whether somebody still listens makes no difference any more.
                give(end.map(Step::End));
            }
        });
        Self { cx, types, steps }
    }
}

#[async_trait]
impl Records for CsvRecords {
    fn types(&self) -> FieldTypes {
        self.types.clone()
    }

    async fn next(&mut self) -> Result<Step, Error> {
        // Batches that were read before do not matter to a run that is to stop.
        self.cx.go_on()?;
        let ended = || Error::new(ErrorKind::Internal, "the reading thread ended without an end");
        self.steps.recv().await.unwrap_or_else(|| Err(ended()))
    }
}
