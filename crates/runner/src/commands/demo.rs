//! `demo`: the main job on sample people, in a temporary folder, against a simulator in this process. What it prints is
//! what `plan` and `apply` print.

use std::path::Path;
use std::time::Instant;

use peoplesync_simulator::Simulator;

use super::{apply, print};
use crate::config;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{self, Prepared};
use crate::report::{Output, human};

const CONFIG: &str = include_str!("demo/peoplesync.toml");
const MONDAY: &str = include_str!("demo/monday.csv");
const TUESDAY: &str = include_str!("demo/tuesday.csv");
/// Enough to show everything of so small a plan.
const SHOW: usize = 50;

pub(super) async fn run(output: Output) -> Outcome<Exit> {
    let started = Instant::now();
    let failed = |error: std::io::Error| Failure::unexpected("cannot set up the demo", &error);
    let folder = tempfile::Builder::new().prefix("peoplesync-demo-").tempdir().map_err(failed)?;
    let simulator = Simulator::builder()
        .start()
        .await
        .map_err(|error| Failure::unexpected("cannot start the simulator", &error))?;
    let config = CONFIG.replace("\"URL\"", &format!("\"{}\"", simulator.url()));
    let people = folder.path().join("people.csv");

    heading(
        output,
        "Monday",
        "eleven people in a CSV, an empty SCIM service: everybody in scope gets an account, then their manager",
    )?;
    std::fs::write(&people, MONDAY).map_err(failed)?;
    plan_and_apply(&config, folder.path(), output).await?;

    heading(
        output,
        "Tuesday",
        "a promotion, a title taken away, a joiner, a leaver, and a row without a mail address",
    )?;
    std::fs::write(&people, TUESDAY).map_err(failed)?;
    plan_and_apply(&config, folder.path(), output).await?;

    heading(output, "Tuesday, again", "nothing is left to do")?;
    let again = prepare(&config, folder.path(), output).await?;
    show(&again, output)?;
    if !again.plan.changes.is_empty() {
        return Err(Failure::new(Exit::Bug, "the second plan is not empty"));
    }
    print(
        output,
        &format!(
            "\n{} accounts at the simulator after {} requests and {:.1} s.\n\nNext: your own CSV, in five minutes: README.md.\n",
            simulator.users().len(),
            simulator.requests().len(),
            started.elapsed().as_secs_f64()
        ),
    )?;
    drop(again);
    simulator
        .shutdown()
        .await
        .map_err(|error| Failure::unexpected("the simulator did not end well", &error))?;
    Ok(Exit::Done)
}

fn heading(output: Output, day: &str, what: &str) -> Outcome<()> {
    print(output, &format!("\n{}: {what}\n\n", output.paint.bold(&format!("── {day}"))))
}

async fn prepare(config: &str, folder: &Path, output: Output) -> Outcome<Prepared> {
    let loaded = config::parse(&folder.join("peoplesync.toml"), config, folder)?;
    pipeline::prepare(loaded, false, None, pipeline::Access::Apply, None, output).await
}

fn show(prepared: &Prepared, output: Output) -> Outcome<()> {
    print(output, &human::plan(&prepared.plan, &prepared.title(), output.paint, SHOW))
}

async fn plan_and_apply(config: &str, folder: &Path, output: Output) -> Outcome<()> {
    let prepared = prepare(config, folder, output).await?;
    show(&prepared, output)?;
    let plan = prepared.plan.clone();
    let applied = apply::execute(prepared, None, apply::stop_on_signal(), output).await?;
    print(output, &human::applied(&plan, &applied.sent, output.paint, SHOW))
}
