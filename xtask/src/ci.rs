//! What CI runs, in the order in which mistakes are cheapest to find.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cargo_metadata::MetadataCommand;

use crate::shell::{self, Result, capture, cargo, say};
use crate::{kerberos, licences, model, tidy};

/// How much of a failure is shown; all of it is in target/ci.
const SHOWN_LINES: usize = 200;

/// One step.
struct Step {
    name: &'static str,
    run: fn(&Path) -> Outcome,
}

/// What a step wrote, or why it failed.
type Outcome = std::result::Result<String, String>;

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        run: |root| quiet(cargo(root).args(["fmt", "--all", "--check", "--", "--color", "never"])),
    },
    Step { name: "tidy", run: |root| tidy::run(root).map(|()| String::new()) },
    Step {
        name: "clippy",
        run: |root| {
            let what = ["clippy", "--workspace", "--all-targets", "--quiet"];
            let strict = ["--", "-D", "warnings"];
            let note = with_features(root, cargo(root).args(what), &strict)?;
            // What is built without any feature is another program.
            let plain = ["clippy", "--package", "peoplesync-ldap", "--all-targets", "--quiet"];
            quiet(cargo(root).args(plain).args(strict))?;
            Ok(note)
        },
    },
    Step { name: "test", run: test },
    Step {
        name: "doc",
        run: |root| {
            let mut doc = cargo(root);
            doc.env("RUSTDOCFLAGS", "-D warnings");
            with_features(root, doc.args(["doc", "--workspace", "--no-deps", "--quiet"]), &[])
        },
    },
    Step { name: "licences", run: licences::check },
    Step { name: "deny", run: deny },
];

/// Runs the steps; the first failure is shown, the others go on.
pub(crate) fn run(root: &Path, no_test: bool, only: &[String]) -> Result<()> {
    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("there is no step `{unknown}`; the steps are {}", names.join(", ")));
    }
    let metadata = model::metadata(root, MetadataCommand::new().no_deps())?;
    let logs = metadata.target_directory.as_std_path().join("ci");
    std::fs::create_dir_all(&logs)
        .map_err(|error| format!("cannot make {}: {error}", logs.display()))?;
    let (started, mut failed) = (Instant::now(), Vec::new());
    for step in STEPS {
        if no_test && step.name == "test"
            || !only.is_empty() && !only.iter().any(|name| name == step.name)
        {
            continue;
        }
        let before = Instant::now();
        let outcome = (step.run)(root);
        let time = seconds(before.elapsed());
        let (mark, text) = match &outcome {
            Ok(note) => ("ok", note),
            Err(error) => ("FAILED", error),
        };
        let log = logs.join(format!("{}.txt", step.name));
        std::fs::write(&log, text)
            .map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        match outcome {
            Ok(note) => {
                // The last line is the one that tells something: a count, or what was left out.
                let note = note.trim_end().lines().next_back().unwrap_or_default();
                say(format!("{mark:6} {:8} {time:>7}  {note}", step.name).trim_end());
            }
            Err(error) => {
                say(&format!("{mark:6} {:8} {time:>7}", step.name));
                if failed.is_empty() {
                    say(&tail(&error, &log));
                }
                failed.push(step.name);
            }
        }
    }
    let time = seconds(started.elapsed());
    if failed.is_empty() {
        say(&format!("all is well after {time}"));
        return Ok(());
    }
    Err(format!(
        "{} failed after {time}; what each wrote is in {}",
        failed.join(", "),
        logs.display()
    ))
}

/// Runs a program whose success needs no words.
fn quiet(command: &mut Command) -> Outcome {
    // What is kept in files and shown once is not for a terminal.
    capture(command.env("CARGO_TERM_COLOR", "never"))?;
    Ok(String::new())
}

/// The same for all features that can be built here; says which could not.
fn with_features(root: &Path, command: &mut Command, more: &[&str]) -> Outcome {
    let (features, without) = kerberos::features(root)?;
    quiet(command.args(features).args(more))?;
    Ok(without.map(|what| format!("LEFT OUT: {what}")).unwrap_or_default())
}

/// `cargo xtask test` as a process of its own, so that what it writes can be kept.
fn test(root: &Path) -> Outcome {
    let xtask = std::env::current_exe().map_err(|error| format!("cannot find xtask: {error}"))?;
    let mut test = Command::new(xtask);
    let output = capture(test.arg("test").current_dir(root).env("CARGO_TERM_COLOR", "never"))?;
    let left_out: Vec<&str> = output.lines().filter(|line| line.starts_with("LEFT OUT")).collect();
    Ok(format!("{output}\n{}", left_out.join("; ")))
}

fn deny(root: &Path) -> Outcome {
    if !shell::succeeds(cargo(root).args(["deny", "--version"])) {
        return Ok(
            "LEFT OUT: cargo-deny is not here, `cargo install cargo-deny --locked`".to_owned()
        );
    }
    quiet(cargo(root).args([
        "deny",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))
}

/// The end of a long text, which is where compilers and tests say what failed.
fn tail(text: &str, log: &Path) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(SHOWN_LINES);
    let shown = lines.get(from..).unwrap_or_default().join("\n");
    if from == 0 { shown } else { format!("… {from} more lines in {}\n{shown}", log.display()) }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let error = run(&model::root(), false, &["fnt".to_owned()]).unwrap_err();
        assert_eq!(
            error,
            "there is no step `fnt`; the steps are fmt, tidy, clippy, test, doc, licences, deny"
        );
    }

    #[test]
    fn a_long_failure_shows_its_end() {
        let text: String = (0..300).map(|number| format!("line {number}\n")).collect();
        let shown = tail(&text, Path::new("log.txt"));
        assert!(shown.starts_with("… 100 more lines in log.txt\nline 100\n"), "{shown}");
        assert!(shown.ends_with("line 299"), "{shown}");
        assert_eq!(tail("short\n", Path::new("log.txt")), "short");
    }
}
