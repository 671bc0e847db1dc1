//! A progress bar on stderr, on a terminal only.

use std::fmt::Write;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Long work in view; nothing where nobody looks.
#[derive(Debug, Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A count without an end, such as records read.
    pub(crate) fn counting(quiet: bool, what: &str) -> Self {
        Self::start(
            quiet,
            ProgressBar::new_spinner(),
            "{spinner} {msg}: {human_pos} ({rate})",
            what,
        )
    }

    /// A count to an end, with the time left.
    pub(crate) fn of(quiet: bool, what: &str, all: usize) -> Self {
        let template = "{msg} [{bar:30}] {human_pos}/{human_len} ({rate}, {eta} left)";
        Self::start(quiet, ProgressBar::new(all as u64), template, what)
    }

    fn start(quiet: bool, bar: ProgressBar, template: &str, what: &str) -> Self {
        bar.set_message(what.to_owned());
        if quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            return Self(bar);
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                // A bar has nobody to tell that it could not be drawn.
                let _drawn = out.write_str(&rate(state.per_sec()));
            };
            bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
        }
        bar.enable_steady_tick(Duration::from_millis(150));
        Self(bar)
    }

    /// Goes on with another count, such as the next step of an apply; with the one before if there is nothing to count.
    pub(crate) fn next(&self, what: &str, all: usize) {
        if all > 0 {
            self.0.set_message(what.to_owned());
            self.0.set_length(all as u64);
            self.0.reset();
        }
    }

    /// Some of it is done once more.
    pub(crate) fn more(&self, count: usize) {
        self.0.inc_length(count as u64);
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    pub(crate) fn steps(&self, count: usize) {
        self.0.inc(count as u64);
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// How many a second, as exactly as anybody reads it.
fn rate(per_second: f64) -> String {
    let decimals = usize::from(per_second < 9.95);
    format!("{per_second:.decimals$}/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_no_more_digits_than_anybody_reads() {
        let rates = [0.0, 0.04, 1.25, 9.94, 9.96, 7_067.695_4].map(rate);
        assert_eq!(rates, ["0.0/s", "0.0/s", "1.2/s", "9.9/s", "10/s", "7068/s"]);
    }

    #[test]
    fn the_next_step_counts_from_zero_and_an_empty_one_changes_nothing() {
        let progress = Progress::of(true, "applying", 2);
        progress.steps(2);
        progress.more(1);
        let seen = || (progress.0.message(), progress.0.position(), progress.0.length());
        assert_eq!(seen(), ("applying".to_owned(), 2, Some(3)));
        progress.next("writing references", 0);
        assert_eq!(seen(), ("applying".to_owned(), 2, Some(3)));
        progress.next("writing references", 5);
        assert_eq!(seen(), ("writing references".to_owned(), 0, Some(5)));
    }
}
