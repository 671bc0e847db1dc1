//! The benches, each with the machine that it ran on: a figure without its machine means nothing.

use std::path::Path;
use std::process::Command;

use cargo_metadata::{MetadataCommand, TargetKind};

use crate::model::{self, PREFIX};
use crate::shell::{Result, capture, cargo, say};

/// Runs the benches whose name contains `name`, and keeps what they print in target/bench.
pub(crate) fn run(root: &Path, name: Option<&str>) -> Result<()> {
    let metadata = model::metadata(root, MetadataCommand::new().no_deps())?;
    let mut benches = Vec::new();
    for package in metadata.workspace_packages() {
        for target in
            package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Bench))
        {
            benches.push((
                label(&package.name, &target.name),
                package.name.to_string(),
                target.name.clone(),
            ));
        }
    }
    benches.sort();
    let chosen: Vec<_> =
        benches.iter().filter(|(label, ..)| name.is_none_or(|name| label.contains(name))).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = benches.iter().map(|(label, ..)| label.as_str()).collect();
        return Err(format!("no bench has that name; the benches are {}", known.join(", ")));
    }
    let folder = metadata.target_directory.as_std_path().join("bench");
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let machine = machine(root);
    for (label, package, target) in chosen {
        say(&format!("bench {label}"));
        let mut bench = cargo(root);
        bench.args(["bench", "--quiet", "--package", package, "--bench", target]);
        // Benches beside a server of others use it where it is; none is installed for them.
        for server in crate::servers::ALL {
            if let Some(place) = (server.is_here)() {
                bench.env(server.variable, place);
            }
        }
        let text = format!("{machine}\n{}", capture(&mut bench)?);
        let file = folder.join(format!("{label}.txt"));
        std::fs::write(&file, &text)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        say(&text);
    }
    say(&format!("the results are in {}", folder.display()));
    Ok(())
}

/// What a bench is called: `csv-read`.
fn label(package: &str, target: &str) -> String {
    format!("{}-{target}", package.strip_prefix(PREFIX).unwrap_or(package))
}

/// One line: processor, cores, memory, compiler, commit.
fn machine(root: &Path) -> String {
    let processor =
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown memory".to_owned());
    let one_line = |command: &mut Command| {
        capture(command.current_dir(root))
            .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    let compiler = one_line(Command::new("rustc").arg("--version"));
    let commit = one_line(Command::new("git").args(["describe", "--always", "--dirty"]));
    format!("machine: {processor}, {cores} cores, {memory}; {compiler}; commit {commit}")
}

/// The first value of a key in one of Linux's tables.
fn field(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_the_member_and_the_bench() {
        assert_eq!(label("peoplesync-csv", "read"), "csv-read");
        assert_eq!(label("xtask", "x"), "xtask-x");
    }

    #[test]
    fn an_unknown_bench_is_refused() {
        let error = run(&model::root(), Some("no such bench")).unwrap_err();
        assert!(error.starts_with("no bench has that name; the benches are "), "{error}");
    }
}
