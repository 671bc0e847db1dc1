//! `import`: a config from the export of another program. Reads one file, and writes one at most.

use std::io::Write as _;
use std::path::Path;

use super::print;
use crate::cli::ImportCommand;
use crate::config;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::files::{self, Earlier};
use crate::import::graph;
use crate::registry::CONNECTORS;
use crate::report::{Output, line};

pub(super) fn run(command: &ImportCommand, output: Output) -> Outcome<Exit> {
    let ImportCommand::Entra { file, out } = command;
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read {name}")).with_cause(&error))?;
    // Some editors begin a file with a byte order mark.
    let schema = serde_json::from_str::<graph::Schema>(text.trim_start_matches('\u{feff}'))
        .map_err(|error| not_one(&format!("{name}: {error}")))?;
    let connector = CONNECTORS.first();
    let settings = connector.map_or(("", ""), |connector| (connector.kind, connector.example));
    let imported =
        graph::import(schema, settings).map_err(|why| not_one(&format!("{name}: {}", why.0)))?;
    let written = out.as_deref().unwrap_or(Path::new("peoplesync.toml"));
    // What is written here must be read there.
    config::parse(written, &imported.text, Path::new(".")).map_err(|errors| {
        Failure::new(Exit::Bug, "the config that was made cannot be read").with_cause(&errors)
    })?;
    match out {
        Some(out) => save(out, &imported.text)?,
        None => print(output, &imported.text)?,
    }
    let mut notes = String::new();
    if !imported.left.is_empty() {
        line!(notes, "not carried over, or not exactly:");
        for what in &imported.left {
            line!(notes, "  - {what}");
        }
    }
    if let Some(out) = out {
        line!(
            notes,
            "wrote {}; set its source and target, then run `peoplesync check`",
            out.display()
        );
    }
    output.error(notes.trim_end());
    Ok(Exit::Done)
}

fn not_one(why: &str) -> Failure {
    Failure::usage("this is not an export of a provisioning schema")
        .about_cause(why.to_owned())
        .with_hint(
            "export it with Graph Explorer: GET https://graph.microsoft.com/v1.0/servicePrincipals/{id}/synchronization/jobs/{job}/schema",
        )
}

/// Writes a new file; one that is there stays.
fn save(path: &Path, text: &str) -> Outcome<()> {
    files::write(path, Earlier::Kept, |file| file.write_all(text.as_bytes())).map_err(|error| {
        let failure = Failure::usage(format!("cannot write {}", path.display()));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                failure.with_cause(&error).with_hint("name another file, or move this one away")
            }
            _ => failure.with_cause(&error),
        }
    })
}
