//! Groups that are full for now, as the target limits how many members may join one in an hour. Everything else has been done by
//! then, so nobody waits for them; what an interruption leaves out is planned anew, and the limit holds then as well.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::filler::Full;
use super::send::Sender;
use super::sent::Sent;
use crate::report::human::number;
use crate::report::progress::Progress;

/// How often a wait looks up to see whether it is to end.
const LOOK: Duration = Duration::from_secs(1);

/// Fills each group as soon as there is room in it again.
pub(super) async fn fill_later(
    sender: &Sender<'_>,
    full: Vec<(usize, Full)>,
    results: &mut [Option<Sent>],
    progress: &Progress,
) {
    if full.is_empty() {
        return;
    }
    // A run that says nothing for hours is taken to hang.
    tracing::warn!("{}", told(&full, sender.tools.client.profile().groups.joins()));
    progress.next("waiting until members may join", full.len());
    let mut done = Vec::with_capacity(full.len());
    {
        let results = &*results;
        // All of them wait, and how many requests are under way at once is up to the client.
        let mut filling: FuturesUnordered<_> = full
            .into_iter()
            .map(|(index, full)| async move { (index, fill(sender, index, full, results).await) })
            .collect();
        while let Some(sent) = filling.next().await {
            done.push(sent);
            progress.step();
        }
    }
    for (index, sent) in done {
        results[index] = Some(sent);
    }
}

async fn fill(sender: &Sender<'_>, index: usize, mut full: Full, results: &[Option<Sent>]) -> Sent {
    loop {
        let mut left = full.wait;
        while !left.is_zero() && !sender.must_stop() {
            let part = left.min(LOOK);
            tokio::time::sleep(part).await;
            left -= part;
        }
        match sender.fill(index, Some(full.stage), results).await {
            Ok(sent) => return sent,
            Err(again) => full = again,
        }
    }
}

/// What is waited for, and for how long.
fn told(full: &[(usize, Full)], most: usize) -> String {
    let groups = match full.len() {
        1 => "one group is full".to_owned(),
        count => format!("{} groups are full", number(count)),
    };
    let left = full.iter().map(|(_, full)| full.left).sum();
    let longest = full.iter().map(|(_, full)| wait(full.wait, full.left, most)).max();
    let minutes = longest.unwrap_or_default().as_secs().div_ceil(60);
    format!(
        "{groups} for now, as {} members may join one in an hour: {} more join within {} minutes; everything else is done",
        number(most),
        number(left),
        number(usize::try_from(minutes).unwrap_or(usize::MAX)),
    )
}

/// How long it takes until so many have joined, of whom the first may in a while.
fn wait(first: Duration, left: usize, most: usize) -> Duration {
    let hours = u32::try_from(left.saturating_sub(1) / most).unwrap_or(u32::MAX);
    first.saturating_add(Duration::from_secs(3600).saturating_mul(hours))
}
