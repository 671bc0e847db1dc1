//! All tests, with what they need set up before, and what had to be left out said after.

use std::path::Path;

use cargo_metadata::MetadataCommand;

use crate::shell::{self, Result, cargo, say};
use crate::{kerberos, model, new_connector, servers};

/// Runs the tests. `arguments` go to `cargo test` in place of the whole workspace.
pub(crate) fn run(root: &Path, require_servers: bool, arguments: &[String]) -> Result<()> {
    let metadata = model::metadata(root, MetadataCommand::new().no_deps())?;
    let target = metadata.target_directory.as_std_path();
    let mut left_out = Vec::new();
    let mut tests = cargo(root);
    tests.env("PYTHONDONTWRITEBYTECODE", "1").arg("test");
    for server in servers::ALL {
        match (server.set_up)(root, target) {
            Ok(place) => {
                tests.env(server.variable, place);
            }
            Err(why) if require_servers => {
                let name = server.name;
                return Err(format!(
                    "{name} cannot be had, and --require-servers was given: {why}"
                ));
            }
            Err(why) => {
                tests.env_remove(server.variable);
                left_out.push(format!("the tests against {}: {why}", server.name));
            }
        }
    }
    let (features, without) = kerberos::features(root)?;
    tests.args(features);
    left_out.extend(without);
    if arguments.is_empty() {
        // A snapshot that nobody looked at must not be written by the run that checks it.
        tests.env("PEOPLESYNC_TEST_SEEDS", "300").env("PEOPLESYNC_TEST_FIRST_SEED", "1000");
        shell::run(tests.arg("--workspace").env("INSTA_UPDATE", "no"))?;
        new_connector::rehearse(root, target)?;
    } else {
        shell::run(tests.args(arguments))?;
    }
    for what in &left_out {
        say(&format!("\nLEFT OUT: {what}"));
    }
    Ok(())
}
