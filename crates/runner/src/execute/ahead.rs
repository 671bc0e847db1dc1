//! Work whose intents are written before its turn comes, block by block, so that no request waits for the disk. An intent
//! that is on the disk and was not sent costs a look-up after a crash, so blocks are no larger than the disk is slow: they
//! grow when somebody had to wait for one.

use std::collections::VecDeque;
use std::future::Future;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use peoplesync_state::Intent;
use tokio::sync::oneshot;

use super::send::Sender;

/// The first block, and the largest. The largest is for targets that take tens of thousands of changes a second: a block that
/// is half used lasts as long as the journal is busy with outcomes.
const BLOCK: (usize, usize) = (32, 4096);

/// How many times larger the next block is after somebody had to wait.
const GROWTH: usize = 4;

/// What is to be sent, in order; each with whether its intent, if it has one, is on the disk.
struct Ahead<'s, 'a, F> {
    sender: &'s Sender<'a>,
    todo: std::vec::IntoIter<usize>,
    intent: F,
    ready: VecDeque<(usize, bool)>,
    coming: Option<Coming>,
    block: usize,
}

/// A block whose intents are being written.
struct Coming {
    indexes: Vec<usize>,
    answer: oneshot::Receiver<bool>,
    was_waited_for: bool,
}

/// Does work on these indexes side by side, as many at once as the client takes. `intent` is what is written before the
/// work on an index begins; work whose intent could not be written is told so. `done` gets what came of each.
pub(super) async fn side_by_side<W, T>(
    sender: &Sender<'_>,
    indexes: Vec<usize>,
    intent: impl Fn(usize) -> Option<Intent>,
    work: W,
    mut done: impl FnMut(T::Output),
) where
    W: Fn(usize, bool) -> T,
    T: Future,
{
    let mut ahead = Ahead {
        sender,
        todo: indexes.into_iter(),
        intent,
        ready: VecDeque::new(),
        coming: None,
        block: BLOCK.0,
    };
    let mut running = FuturesUnordered::new();
    let mut is_over = false;
    loop {
        let has_room = !is_over && running.len() < sender.tools.client.at_once();
        tokio::select! {
            biased;
            turn = ahead.next(), if has_room => match turn {
                Some((index, is_written)) => running.push(work(index, is_written)),
                None => is_over = true,
            },
            Some(output) = running.next() => done(output),
            else => break,
        }
    }
}

impl<F: Fn(usize) -> Option<Intent>> Ahead<'_, '_, F> {
    async fn next(&mut self) -> Option<(usize, bool)> {
        loop {
            if self.coming.is_none() && self.ready.len() <= self.block / 2 {
                self.ask();
            }
            if let Some(turn) = self.ready.pop_front() {
                return Some(turn);
            }
            // This may be dropped while it waits, and called again: until it is there, the block stays where it is.
            let coming = self.coming.as_mut()?;
            let is_written = match coming.answer.try_recv() {
                Ok(is_written) => is_written,
                Err(_) => {
                    coming.was_waited_for = true;
                    (&mut coming.answer).await.unwrap_or(false)
                }
            };
            let Coming { indexes, was_waited_for, .. } = self.coming.take()?;
            if was_waited_for {
                self.block = (self.block * GROWTH).min(BLOCK.1);
            }
            self.ready.extend(indexes.into_iter().map(|index| (index, is_written)));
        }
    }

    fn ask(&mut self) {
        let indexes: Vec<usize> = self.todo.by_ref().take(self.block).collect();
        if indexes.is_empty() {
            return;
        }
        if self.sender.must_stop() {
            self.ready.extend(indexes.into_iter().map(|index| (index, false)));
            return;
        }
        let intents: Vec<Intent> =
            indexes.iter().filter_map(|index| (self.intent)(*index)).collect();
        if intents.is_empty() {
            self.ready.extend(indexes.into_iter().map(|index| (index, true)));
            return;
        }
        let answer = self.sender.journal.intend_all(intents);
        self.coming = Some(Coming { indexes, answer, was_waited_for: false });
    }
}
