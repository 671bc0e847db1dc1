//! How many members may still join each group, where a service counts them by the hour.
//!
//! A group begins anew an hour after its last join. That is later than a sliding hour would have it, and so no hour, wherever
//! the service lets it begin, holds more joins than the limit; and one moment for each group is all that has to be kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::profile::Grouping;

const HOUR: Duration = Duration::from_secs(3600);

/// What a group's part is kept under begins with this; then come the number of joins, and the group.
const NAME: &str = "joins/3600s ";

/// The joins of all groups.
#[derive(Debug)]
pub(super) struct Joins {
    most: usize,
    groups: Mutex<BTreeMap<String, Joined>>,
}

#[derive(Debug)]
struct Joined {
    count: usize,
    /// When the group begins anew.
    fresh: Instant,
}

impl Joins {
    /// The joins that a profile allows, of which an earlier process has used a part.
    pub(super) fn new(habits: &Grouping, used: &[(String, Duration)]) -> Self {
        let now = Instant::now();
        let groups = used.iter().filter_map(|(name, left)| {
            let (count, group) = name.strip_prefix(NAME)?.split_once(' ')?;
            // A clock that was set back must not stop a run for longer than the limit itself.
            let fresh = now + (*left).min(HOUR);
            Some((group.to_owned(), Joined { count: count.parse().ok()?, fresh }))
        });
        Self { most: habits.joins(), groups: Mutex::new(groups.collect()) }
    }

    /// Takes the part of so many joins, or of as many as there is room for; an error is how long there is none.
    pub(super) fn take(&self, group: &str, wanted: usize) -> Result<usize, Duration> {
        if self.most == usize::MAX || wanted == 0 {
            return Ok(wanted);
        }
        let now = Instant::now();
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let joined =
            groups.entry(group.to_owned()).or_insert_with(|| Joined { count: 0, fresh: now });
        if joined.fresh <= now {
            joined.count = 0;
        }
        let room = self.most.saturating_sub(joined.count).min(wanted);
        if room == 0 {
            return Err(joined.fresh - now);
        }
        joined.count += room;
        joined.fresh = now + HOUR;
        Ok(room)
    }

    /// The request for which a part was taken has come to its end: from now on the service counts. So many did surely not join.
    pub(super) fn settle(&self, group: &str, refused: usize) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(joined) = groups.get_mut(group) {
            joined.count = joined.count.saturating_sub(refused);
            joined.fresh = Instant::now() + HOUR;
        }
    }

    /// How long until each group begins anew, by a name that says how many joined.
    pub(super) fn used(&self) -> Vec<(String, Duration)> {
        let now = Instant::now();
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let used = groups.iter().filter(|(_, joined)| joined.count > 0 && joined.fresh > now);
        used.map(|(group, joined)| (format!("{NAME}{} {group}", joined.count), joined.fresh - now))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn joins(used: &[(String, Duration)]) -> Joins {
        Joins::new(&Grouping { joins_per_hour: 1000, ..Grouping::default() }, used)
    }

    #[tokio::test(start_paused = true)]
    async fn no_hour_holds_more_joins_of_a_group_than_the_limit() {
        let joins = joins(&[]);
        let mut came: Vec<(Duration, usize)> = Vec::new();
        let began = Instant::now();
        while came.iter().map(|(_, count)| count).sum::<usize>() < 4000 {
            match joins.take("g", 370) {
                Ok(count) => {
                    came.push((began.elapsed(), count));
                    // The answer takes its time, and the service may count from then on.
                    tokio::time::advance(7 * MINUTE).await;
                    joins.settle("g", 0);
                }
                Err(wait) => tokio::time::advance(wait).await,
            }
        }
        for (from, _) in &came {
            let hour = came.iter().filter(|(at, _)| at >= from && *at < *from + HOUR);
            let count: usize = hour.map(|(_, count)| count).sum();
            assert!(count <= 1000, "{count} in the hour from {from:?}: {came:?}");
        }
        assert!(began.elapsed() < 6 * HOUR, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_knows_nothing_of_another_and_what_was_refused_is_given_back() {
        let joins = joins(&[]);
        assert_eq!(joins.take("g", 1200), Ok(1000));
        assert_eq!(joins.take("g", 1), Err(HOUR));
        assert_eq!(joins.take("g", 0), Ok(0));
        assert_eq!(joins.take("h", 400), Ok(400));
        joins.settle("g", 1000);
        assert_eq!(joins.take("g", 3), Ok(3));
        let free = Joins::new(&Grouping::default(), &[]);
        assert_eq!(free.take("g", 1_000_000), Ok(1_000_000));
        assert!(free.used().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_process_knows_how_many_joined() {
        let first = joins(&[]);
        let _taken = (first.take("a group", 900), first.take("gone", 1000));
        first.settle("gone", 1000);
        tokio::time::advance(10 * MINUTE).await;
        let used = first.used();
        assert_eq!(used, [("joins/3600s 900 a group".to_owned(), 50 * MINUTE)]);

        let next = joins(&used);
        assert_eq!(next.used(), used);
        assert_eq!(next.take("a group", 200), Ok(100));
        assert_eq!(next.take("a group", 100), Err(HOUR));
        let late = joins(&[("joins/3600s 1000 g".to_owned(), 30 * HOUR)]);
        assert_eq!(late.take("g", 1), Err(HOUR));
    }
}
