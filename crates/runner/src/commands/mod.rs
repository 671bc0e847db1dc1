//! One module a command: what it does, in order. How it is done is in the other modules.

pub(crate) mod apply;
mod approve;
mod check;
mod confirm;
mod demo;
mod functions;
mod history;
mod import;
mod init;
mod links;
mod plan;
mod preview;
mod resume;
mod schema;
mod simulate;
mod status;
mod target;
mod test;

#[cfg(test)]
pub(crate) use apply::execute;
use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::clock;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline;
use crate::report::Output;
use crate::service;

/// Runs the command.
pub(crate) async fn run(cli: Cli, output: Output) -> Outcome<Exit> {
    let load = || pipeline::load(&cli.global.config).map_err(Failure::from);
    match cli.command {
        Command::Demo => demo::run(output).await,
        Command::Check { write } => check::run(&cli.global.config, write, output).await,
        Command::Init(args) => init::run(&cli.global.config, &args, output).await,
        Command::Plan(args) => plan::run(load()?, &args, output).await,
        Command::Apply(args) => apply::run(load()?, &args, output).await,
        Command::Approve(args) => approve::run(&load()?, &args, output),
        Command::Preview { key, json } => preview::run(load()?, &key, json, output).await,
        Command::Links(command) => links::run(load()?, command, output).await,
        Command::History(args) => history::run(&load()?, &args, output),
        Command::Import(command) => import::run(&command, output),
        Command::Target(command) => target::run(load()?, command, output).await,
        Command::Functions(args) => functions::run(&args, output),
        Command::Run { now } => {
            service::serve(&cli.global.config, now, clock::system(), output).await
        }
        Command::Status { json } => status::run(&load()?, json, output),
        Command::Resume(args) => resume::run(&load()?, &args, output),
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

/// Waits until the user or the system asks to stop.
async fn interrupted() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}
