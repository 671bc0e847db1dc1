//! What takes longer than tests may: many simulated histories, and many killed processes. Both are tests that ask the environment
//! how often they are to be repeated; every `cargo test` runs a few.

use std::path::Path;

use crate::shell::{self, Result, cargo};

/// Simulated histories (`crates/runner/src/simulation`): so many, from this seed on. A single one tells what happens.
pub(crate) fn simulate(root: &Path, seeds: u64, from: u64) -> Result<()> {
    let mut tests = cargo(root);
    tests.args(["test", "--profile", "simulate", "-p", "peoplesync-runner", "--bin", "peoplesync"]);
    tests.args(["--", "simulation::many", "--exact", "--nocapture"]);
    tests.env("PEOPLESYNC_TEST_SEEDS", seeds.to_string());
    shell::run(tests.env("PEOPLESYNC_TEST_FIRST_SEED", from.to_string()))
}

/// Real processes that are killed (`tests/e2e/crash.rs`), at least so often.
pub(crate) fn kills(root: &Path, count: u64) -> Result<()> {
    let mut tests = cargo(root);
    tests.args(["test", "-p", "peoplesync-runner", "--test", "e2e"]);
    tests.args(["--", "crash::killed_as_often_as_asked", "--exact", "--nocapture"]);
    shell::run(tests.env("PEOPLESYNC_TEST_KILLS", count.to_string()))
}
