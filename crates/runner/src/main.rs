//! The binary `peoplesync`: arguments in, exit code out. Everything else is in the modules.

mod cli;
mod clock;
mod commands;
mod config;
mod execute;
mod exit;
mod failure;
mod log;
mod pipeline;
mod profile;
mod registry;
mod report;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::report::Output;

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
    // A panic ends in exit code 70; the hook has said what there is to say.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(commands::run(cli, output))
    }));
    match ended {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            output.error(&failure.to_string());
            failure.exit().into()
        }
        Err(_) => Exit::Bug.into(),
    }
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
