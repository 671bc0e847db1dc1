//! A progress bar on stderr, on a terminal only.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Long work in view; nothing where nobody looks.
#[derive(Debug, Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A count without an end, such as records read.
    pub(crate) fn counting(quiet: bool, what: &str) -> Self {
        Self::start(
            quiet,
            ProgressBar::new_spinner(),
            "{spinner} {msg}: {human_pos} ({per_sec})",
            what,
        )
    }

    /// A count to an end, with the time left.
    pub(crate) fn of(quiet: bool, what: &str, all: usize) -> Self {
        let template = "{msg} [{bar:30}] {human_pos}/{human_len} ({per_sec}, {eta} left)";
        Self::start(quiet, ProgressBar::new(all as u64), template, what)
    }

    fn start(quiet: bool, bar: ProgressBar, template: &str, what: &str) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(150));
        Self(bar)
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
