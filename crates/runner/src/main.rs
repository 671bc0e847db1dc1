//! The binary `peoplesync`: arguments in, exit code out. Everything else is in the modules.

mod approval;
mod cli;
mod clock;
mod commands;
mod config;
mod execute;
mod exit;
mod failure;
mod files;
mod import;
mod log;
mod notify;
mod pipeline;
mod profile;
mod registry;
mod report;
mod retries;
mod service;
#[cfg(test)]
mod simulation;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::report::Output;

/// Plans and applies are made of many small values that live for a moment. Huge pages are off (`no_thp`): of each two megabytes
/// little is used, and a run of 100,000 people took 24 MiB more without being faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are results; everything else is a wrong command line.
        Err(error) => {
            let wanted = !error.use_stderr();
            let _closed = error.print();
            return if wanted { Exit::Done } else { Exit::Usage }.into();
        }
    };
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let output = Output::new(cli.global.color, cli.global.quiet, no_color);
    log::start(cli.global.verbose, cli.global.quiet, output.paint.0);
    report_bugs(output);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("error: cannot start: {error}"));
            return Exit::Unexpected.into();
        }
    };
    let ended = guarded(|| runtime.block_on(commands::run(cli, output)));
    // Whoever is not done by now is not waited for: a service that was told to stop has said so.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.error(&failure.to_string());
            failure.exit().into()
        }
    }
}

/// Does the work; a panic is exit code 70, and the hook has said what there is to say.
fn guarded(work: impl FnOnce() -> Outcome<Exit>) -> Outcome<Exit> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(Ok(Exit::Bug))
}

/// A panic is a bug of ours: say so, and how to report it.
fn report_bugs(output: Output) {
    let standard = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        standard(panic);
        output.error(
            "\nerror: this is a bug of peoplesync, please report it with the lines above\n\n  \
             hint: nothing is lost: what was sent is in the journal, and the next run looks it up",
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_for_a_bug() {
        assert_eq!(guarded(|| Ok(Exit::Done)).map(|exit| exit as u8).ok(), Some(0));
        assert_eq!(
            guarded(|| panic!("this panic is part of a test")).map(|exit| exit as u8).ok(),
            Some(70)
        );
    }
}
