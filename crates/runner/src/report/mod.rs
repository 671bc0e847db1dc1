//! What people and programs are shown. The only place that writes to stdout.

mod groups;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod table;

use std::io::{self, IsTerminal as _, Write as _};

use clap::ColorChoice;

/// Adds a line to a text.
macro_rules! line {
    ($text:expr, $($arguments:tt)*) => {{
        $text.push_str(&format!($($arguments)*));
        $text.push('\n');
    }};
}
pub(crate) use line;

/// Adds to a text, without a line end.
macro_rules! put {
    ($text:expr, $($arguments:tt)*) => {
        $text.push_str(&format!($($arguments)*))
    };
}
pub(crate) use put;

/// Where results go, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) paint: Paint,
    pub(crate) quiet: bool,
}

impl Output {
    pub(crate) fn new(color: ColorChoice, quiet: bool, no_color: bool) -> Self {
        let colour = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stdout().is_terminal() && !no_color,
        };
        Self { paint: Paint(colour), quiet }
    }

    /// Says nothing but results and errors, and has no colours.
    pub(crate) fn silent() -> Self {
        Self { paint: Paint(false), quiet: true }
    }

    /// A result, to stdout. A reader that went away (`| head`) is no error.
    #[expect(
        clippy::unused_self,
        reason = "an output is asked for where one prints, so that printing shows in signatures"
    )]
    pub(crate) fn result(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// A word beside the result, to stderr; not with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// An error, to stderr.
    #[expect(clippy::unused_self, reason = "as for results")]
    pub(crate) fn error(&self, text: &str) {
        // Where stderr is closed there is nobody to tell.
        let _closed = writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }
}

/// Colours, or none. No text needs them to be understood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }
}
