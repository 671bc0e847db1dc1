//! When the service runs: the next moment of two cron expressions, in their time zone. Pure.

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::config::model::Schedule;
use crate::config::{ConfigError, ConfigErrors, Loaded};

/// Two cron expressions that were understood.
#[derive(Debug, Clone)]
pub(super) struct Times {
    incremental: Option<Cron>,
    full: Option<Cron>,
    zone: TimeZone,
}

/// A run that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// When, in milliseconds since 1970 (UTC).
    pub(crate) at: i64,
    /// Whether everybody is read.
    pub(crate) full: bool,
}

impl Times {
    /// Understands the table; all errors at once.
    pub(super) fn new(loaded: &Loaded, table: &Schedule) -> Result<Self, ConfigErrors> {
        let mut errors: Vec<ConfigError> = Vec::new();
        let mut cron = |name: &str, text: &Option<String>| {
            let parsed: Result<Cron, _> = text.as_ref()?.parse();
            let wrong = |error: croner::errors::CronError| {
                let (text, error) = (text.as_deref().unwrap_or_default(), error.to_string());
                let message = format!("\"{text}\": {}", error.trim_end_matches('.'));
                let mut error = loaded.error(&["schedule", name], message);
                error.hint = Some(
                    "minute, hour, day, month, weekday: \"0 3 * * *\" is every night at three"
                        .to_owned(),
                );
                errors.push(error);
            };
            let parsed = parsed.map_err(wrong).ok()?;
            if !comes(&parsed) {
                let message = format!(
                    "\"{}\": there is no such day in any year",
                    text.as_deref().unwrap_or_default()
                );
                errors.push(loaded.error(&["schedule", name], message));
            }
            Some(parsed)
        };
        let (incremental, full) =
            (cron("incremental", &table.incremental), cron("full", &table.full));
        let zone = TimeZone::get(&table.time_zone).map_err(|_| {
            let message = format!("there is no time zone \"{}\"", table.time_zone);
            let mut error = loaded.error(&["schedule", "time_zone"], message);
            error.hint =
                Some("write a name of the IANA database, such as \"Europe/Oslo\"".to_owned());
            errors.push(error);
        });
        match zone {
            Ok(zone) if errors.is_empty() => Ok(Self { incremental, full, zone }),
            _ => Err(ConfigErrors::new(errors)),
        }
    }

    /// The next run after one that was due and has ended by now. What came due meanwhile is left out, but for a full run: where
    /// shorter ones take long, everybody would never be read.
    pub(super) fn after(&self, ran: Due, now: i64) -> Option<Due> {
        let full = Self { incremental: None, ..self.clone() }.next(ran.at);
        full.filter(|full| !ran.full && full.at <= now).or_else(|| self.next(now))
    }

    /// The next run after a moment; where both are due, the full one.
    pub(super) fn next(&self, after: i64) -> Option<Due> {
        let moment = Timestamp::from_millisecond(after).ok()?.to_zoned(self.zone.clone());
        let of = |cron: &Option<Cron>| -> Option<i64> {
            let next: Zoned = cron.as_ref()?.find_next_occurrence(&moment, false).ok()?;
            Some(next.timestamp().as_millisecond())
        };
        match (of(&self.incremental), of(&self.full)) {
            (Some(incremental), Some(full)) if incremental < full => {
                Some(Due { at: incremental, full: false })
            }
            (_, Some(full)) => Some(Due { at: full, full: true }),
            (Some(incremental), None) => Some(Due { at: incremental, full: false }),
            (None, None) => None,
        }
    }
}

/// Whether there is any such moment: a service that waits for the 30th of February would wait for ever, and say nothing.
fn comes(cron: &Cron) -> bool {
    let start = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    cron.find_next_occurrence(&start, false).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;

    fn check(schedule: &str, from: &str, count: usize) -> String {
        let text = format!(
            "source = {{ kind = \"static\" }}\ntarget.url = \"http://127.0.0.1:1/\"\npeople.attributes.userName = \"a\"\n[schedule]\n{schedule}\n"
        );
        let loaded = crate::config::parse(Path::new("p.toml"), &text, Path::new(".")).unwrap();
        let table = loaded.config.schedule.as_ref().unwrap();
        let times = match Times::new(&loaded, table) {
            Ok(times) => times,
            Err(errors) => return errors.to_string(),
        };
        let mut at = from.parse::<Timestamp>().unwrap().as_millisecond();
        let mut shown = String::new();
        for _ in 0..count {
            let Some(due) = times.next(at) else { break };
            let kind = if due.full { "full" } else { "incremental" };
            writeln!(shown, "{} {kind}", crate::clock::readable(due.at)).unwrap();
            at = due.at;
        }
        shown
    }

    #[test]
    fn a_full_run_that_came_due_during_another_follows_it() {
        let text = "source = { kind = \"static\" }\ntarget.url = \"http://127.0.0.1:1/\"\npeople.attributes.userName = \"a\"\n[schedule]\nincremental = \"*/5 * * * *\"\nfull = \"0 3 * * *\"\n";
        let loaded = crate::config::parse(Path::new("p.toml"), text, Path::new(".")).unwrap();
        let times = Times::new(&loaded, loaded.config.schedule.as_ref().unwrap()).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let next = |from: &str, full, ended: &str| {
            let due = times.after(Due { at: at(from), full }, at(ended)).unwrap();
            format!("{} {}", crate::clock::readable(due.at), due.full)
        };
        assert_eq!(
            [
                next("2026-01-01T02:55:00Z", false, "2026-01-01T02:56:00Z"),
                next("2026-01-01T02:55:00Z", false, "2026-01-01T03:01:00Z"),
                next("2026-01-01T03:00:00Z", true, "2026-01-01T03:11:00Z"),
                next("2026-01-01T02:55:00Z", true, "2026-01-01T03:01:00Z"),
            ],
            [
                "2026-01-01 03:00:00 UTC true",
                "2026-01-01 03:00:00 UTC true",
                "2026-01-01 03:15:00 UTC false",
                "2026-01-01 03:05:00 UTC false",
            ]
        );
    }

    #[test]
    fn runs_follow_the_clocks_of_their_time_zone() {
        // In the night to 29 March 2026 clocks in Oslo go from two to three, in the night to 25 October from three to two.
        let oslo = "time_zone = \"Europe/Oslo\"\nfull = \"30 2 * * *\"";
        let both = "incremental = \"*/20 * * * *\"\nfull = \"0 3 * * *\"";
        insta::assert_snapshot!(
            [
                check(both, "2026-01-01T02:30:00Z", 4),
                check(oslo, "2026-03-27T12:00:00Z", 4),
                check(oslo, "2026-10-23T12:00:00Z", 4),
                check("full = \"0 0 30 2 *\"", "2026-01-01T00:00:00Z", 1),
                check(
                    "full = \"61 * * * *\"\nincremental = \"often\"\ntime_zone = \"Oslo\"",
                    "2026-01-01T00:00:00Z",
                    1
                ),
            ]
            .join("\n")
        );
    }
}
