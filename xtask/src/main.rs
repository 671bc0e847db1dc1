//! `cargo xtask`: the chores of the project. It knows the repository; the product knows nothing of it.
//!
//! Each chore is a module with one public function. What they share stands in `shell` (processes) and `model` (the repository).

mod bench;
mod ci;
mod docs;
mod endurance;
mod kerberos;
mod licences;
mod manifest;
mod model;
mod new_connector;
mod servers;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// What CI runs: fmt, clippy, test, doc, tidy, deny. Green here is green there
    Ci {
        /// Leave the tests to a call of `cargo xtask test`
        #[arg(long)]
        no_test: bool,
        /// Only these steps, such as `--only fmt,clippy`
        #[arg(long, value_delimiter = ',', value_name = "STEP")]
        only: Vec<String>,
    },
    /// The rules of ARCHITECTURE.md and CONTRIBUTING.md that a tool can check
    Tidy,
    /// All tests, with the servers that some of them need
    Test {
        /// Fail, rather than say which tests were left out, when a server cannot be had
        #[arg(long, env = "XTASK_REQUIRE_SERVERS", value_parser = clap::builder::FalseyValueParser::new())]
        require_servers: bool,
        /// For `cargo test`: `cargo xtask test -- -p peoplesync-runner --test e2e`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Histories in memory, each driven by a seed, and a model that says what must never happen
    Simulate {
        /// How many
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// The first
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// One only, and everything that happens in it
        #[arg(long, conflicts_with_all = ["seeds", "from"])]
        seed: Option<u64>,
    },
    /// Applies that are killed at random moments, and what they leave behind
    Kills {
        /// How many
        #[arg(long, default_value_t = 1_000)]
        count: u64,
    },
    /// A new connector from the template: `cargo xtask new-connector okta`
    NewConnector {
        /// What users write in `kind = "…"`: lower-case letters and digits, joined by `-`
        kind: String,
    },
    /// The pages of docs/ that are written from code
    Docs,
    /// The benches, with the machine they ran on; results stand in target/bench
    Bench {
        /// Part of the name of a bench, such as `csv`; all without it
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    let root = model::root();
    let done = match Cli::parse().chore {
        Chore::Ci { no_test, only } => ci::run(&root, no_test, &only),
        Chore::Tidy => tidy::run(&root),
        Chore::Test { require_servers, arguments } => test::run(&root, require_servers, &arguments),
        Chore::Simulate { seed: Some(seed), .. } => endurance::simulate(&root, 1, seed),
        Chore::Simulate { seeds, from, seed: None } => endurance::simulate(&root, seeds, from),
        Chore::Kills { count } => endurance::kills(&root, count),
        Chore::NewConnector { kind } => new_connector::run(&root, &kind),
        Chore::Docs => docs::run(&root),
        Chore::Bench { name } => bench::run(&root, name.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
