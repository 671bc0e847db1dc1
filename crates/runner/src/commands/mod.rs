//! One module a command: what it does, in order. How it is done is in the other modules.

mod apply;
mod check;
mod demo;
mod history;
mod links;
mod plan;
mod preview;
mod schema;
mod simulate;
mod test;

use clap::CommandFactory as _;
use peoplesync_state::State;

use crate::cli::{Cli, Command};
use crate::config::{self, Loaded};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline;
use crate::report::Output;

/// Runs the command.
pub(crate) async fn run(cli: Cli, output: Output) -> Outcome<Exit> {
    let load = || config::load(&cli.global.config).map_err(Failure::from);
    match cli.command {
        Command::Demo => demo::run(output).await,
        Command::Check => check::run(&cli.global.config, output).await,
        Command::Plan(args) => plan::run(load()?, &args, output).await,
        Command::Apply(args) => apply::run(load()?, &args, output).await,
        Command::Preview { key, json } => preview::run(load()?, &key, json, output).await,
        Command::Links(command) => links::run(&load()?, command, output),
        Command::History(args) => history::run(&load()?, &args, output),
        Command::Test => test::run(&load()?, output),
        Command::Simulate(args) => simulate::run(args, output).await,
        Command::Schema => {
            print(output, &schema::text())?;
            Ok(Exit::Done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "peoplesync", &mut script);
            print(output, &String::from_utf8_lossy(&script))?;
            Ok(Exit::Done)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|error| Failure::unexpected("cannot write the manual page", &error))?;
            print(output, &String::from_utf8_lossy(&page))?;
            Ok(Exit::Done)
        }
    }
}

/// Prints a result.
fn print(output: Output, text: &str) -> Outcome<()> {
    output.result(text).map_err(|error| Failure::unexpected("cannot write the output", &error))
}

/// The state that the config names.
pub(crate) fn open_state(loaded: &Loaded, access: pipeline::Access, now: i64) -> Outcome<State> {
    let access = match access {
        pipeline::Access::Plan => peoplesync_state::Access::Read,
        pipeline::Access::Apply => {
            peoplesync_state::Access::Write { who: format!("process {}", std::process::id()), now }
        }
    };
    let seed = crate::clock::random_key()
        .map_err(|error| Failure::unexpected("the system gives no random numbers", &error))?;
    State::open(&state_path(loaded)?, access, || seed).map_err(Failure::from)
}

/// The path of the state's file.
pub(crate) fn state_path(loaded: &Loaded) -> Outcome<std::path::PathBuf> {
    let url = loaded.config.state.url.as_str();
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => {
            Ok(loaded.base.join(path.strip_prefix("//").unwrap_or(path)))
        }
        _ => {
            let mut error =
                loaded.error(&["state", "url"], format!("\"{url}\" is not the URL of a state"));
            error.hint =
                Some("write `sqlite:` and a path, such as \"sqlite:peoplesync.db\"".to_owned());
            Err(config::ConfigErrors::from(error).into())
        }
    }
}

/// Waits until the user or the system asks to stop.
async fn interrupted() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}
