//! Whether the job as a whole is well. What a run came to decides whether it goes into quarantine, or leaves it. Pure.

use peoplesync_state::Health;

use crate::config::model::QuarantineTable;

/// What a run came to, as far as the job as a whole is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    /// Everything that was planned was done.
    Well,
    /// It came to its end, and so many of so many writes failed.
    Partly { failed: u64, of: u64 },
    /// Nothing failed, but so many were written without something that the target refused.
    InPart(u64),
    /// Nothing failed, but so many wait for another try.
    Waiting(u64),
    /// A guard refused the plan. The job itself is well.
    Refused,
    /// The source or the target refused the credentials.
    Denied(String),
    /// The source could not be read.
    Unreadable(String),
    /// Something else, such as a target out of reach.
    Failed(String),
}

impl Came {
    /// What went wrong, if anything did.
    pub(super) fn error(&self) -> Option<String> {
        match self {
            Self::Well | Self::Refused => None,
            Self::InPart(1) => Some("1 was written in part".to_owned()),
            Self::InPart(count) => Some(format!("{count} were written in part")),
            Self::Waiting(1) => Some("1 waits for another try".to_owned()),
            Self::Waiting(count) => Some(format!("{count} wait for another try")),
            Self::Partly { failed, of } => Some(format!("{failed} of {of} writes failed")),
            Self::Denied(error) | Self::Unreadable(error) | Self::Failed(error) => {
                Some(error.clone())
            }
        }
    }
}

/// How the job is after a run.
pub(super) fn after(health: &Health, came: &Came, table: &QuarantineTable, now: i64) -> Health {
    let source_failures = match came {
        Came::Unreadable(_) => health.source_failures + 1,
        // Whether the source can be read is not known.
        Came::Denied(_) => health.source_failures,
        _ => 0,
    };
    let reason = match came {
        Came::Well => None,
        Came::Denied(error) => Some(format!("the credentials were refused: {error}")),
        Came::Partly { failed, of } if is_too_much(*failed, *of, table) => {
            Some(format!("{failed} of {of} writes failed"))
        }
        Came::Unreadable(error) if source_failures >= table.source_failures => {
            Some(format!("the source could not be read {source_failures} times in a row: {error}"))
        }
        // Neither good nor bad enough: as it was.
        _ => health.quarantine.as_ref().map(|(_, reason)| reason.clone()),
    };
    let since = health.quarantine.as_ref().map_or(now, |(since, _)| *since);
    Health {
        source_failures,
        quarantine: reason.map(|reason| (since, reason)),
        tried: now,
        error: came.error(),
    }
}

fn is_too_much(failed: u64, of: u64, table: &QuarantineTable) -> bool {
    of >= u64::from(table.min_writes) && failed * 100 > of * u64::from(table.failed_percent)
}

/// Whether a run is left out, as the job is in quarantine and was tried not long ago.
pub(super) fn is_left_out(health: &Health, table: &QuarantineTable, now: i64) -> bool {
    health.quarantine.is_some() && now < health.tried + i64::from(table.every_hours) * 3_600_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the job is in quarantine after each of these, at moments an hour apart.
    fn check(runs: &[Came]) -> Vec<bool> {
        let table = QuarantineTable {
            source_failures: 3,
            failed_percent: 40,
            min_writes: 50,
            every_hours: 24,
        };
        let mut health = Health::default();
        let mut now = 0;
        let states = runs.iter().map(|came| {
            now += 1;
            health = after(&health, came, &table, now);
            health.quarantine.is_some()
        });
        states.collect()
    }

    #[test]
    fn a_job_goes_into_quarantine_and_leaves_it_after_a_clean_run() {
        let partly = |failed, of| Came::Partly { failed, of };
        let unreadable = || Came::Unreadable("away".to_owned());
        let denied = || Came::Denied("no".to_owned());
        assert_eq!(check(&[partly(49, 49), partly(20, 50), partly(21, 50)]), [false, false, true]);
        assert_eq!(
            check(&[denied(), partly(1, 9), Came::Refused, Came::Well]),
            [true, true, true, false]
        );
        assert_eq!(check(&[unreadable(), unreadable(), unreadable()]), [false, false, true]);
        assert_eq!(check(&[unreadable(), unreadable(), Came::Well, unreadable()]), [false; 4]);
        assert_eq!(check(&[Came::Failed("target away".to_owned())]), [false]);
    }

    #[test]
    fn quarantine_slows_down() {
        let table = QuarantineTable {
            source_failures: 3,
            failed_percent: 40,
            min_writes: 50,
            every_hours: 24,
        };
        let hour = 3_600_000;
        let ill = after(&Health::default(), &Came::Denied("no".to_owned()), &table, 0);
        assert!(is_left_out(&ill, &table, 23 * hour));
        assert!(!is_left_out(&ill, &table, 24 * hour));
        let still = after(&ill, &Came::Denied("no".to_owned()), &table, 24 * hour);
        assert_eq!(still.quarantine.as_ref().map(|(since, _)| *since), Some(0), "since it began");
        assert!(!is_left_out(&Health::default(), &table, 0));
    }
}
