//! Who depends on whom.

use super::Finding;
use super::rust_text::{RustText, words};
use super::settings::Settings;
use crate::model::{Member, Project};

/// The crates that do no I/O: same input, same bytes.
pub(crate) const PURE: &[&str] = &["crates/mapping", "crates/reconcile"];

/// What the pure crates never need, and why.
const IMPURE: &[(&str, &str)] = &[
    ("tokio", "a runtime"),
    ("mio", "a runtime"),
    ("async-io", "a runtime"),
    ("reqwest", "network"),
    ("hyper", "network"),
    ("axum", "network"),
    ("rustls", "network"),
    ("ureq", "network"),
    ("figment", "the config library"),
    ("clap", "the command line"),
    ("rusqlite", "a database"),
    ("tracing-subscriber", "a log"),
    ("rand", "randomness"),
    ("fastrand", "randomness"),
    ("getrandom", "randomness"),
    ("tempfile", "files"),
    ("chrono", "a clock"),
];

/// The house: a member's folder, the members it may need, and those that only its tests may need besides.
/// The runner may need everything; nothing may need the runner.
const HOUSE: &[(&str, &[&str], &[&str])] = &[
    ("crates/source", &[], &[]),
    ("crates/scim", &[], &[]),
    ("crates/mapping", &["crates/scim", "crates/source"], &[]),
    ("crates/reconcile", &["crates/scim"], &[]),
    ("crates/state", &["crates/reconcile", "crates/scim"], &[]),
    ("crates/simulator", &["crates/scim"], &[]),
    (TESTKIT, &["crates/source"], &[]),
    ("xtask", &[], &[]),
];

/// A connector's place in the house.
const CONNECTOR: (&[&str], &[&str]) = (&["crates/source"], &[TESTKIT]);

const RUNNER: &str = "crates/runner";
const TESTKIT: &str = "crates/testkit";

/// Each edge between members is one of the house.
pub(crate) fn one_way(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &project.members {
        let at = format!("{}/Cargo.toml", member.folder);
        if member.folder != RUNNER && place(&member.folder).is_none() {
            let message = "is new: write its place in the house into xtask/src/tidy/edges.rs";
            findings.push(Finding::file(at, message));
            continue;
        }
        for (folder, dev) in own_needs(project, member) {
            if let Some(why) = forbidden(&member.folder, folder, dev) {
                let for_tests = if dev { " for its tests" } else { "" };
                findings.push(Finding::file(&at, format!("needs {folder}{for_tests}; {why}")));
            }
        }
    }
    findings
}

/// Why one member must not need another.
fn forbidden(from: &str, to: &str, dev: bool) -> Option<String> {
    if to == RUNNER {
        return Some("nothing depends on the runner".to_owned());
    }
    if from == RUNNER {
        return (to == TESTKIT && !dev).then(|| "test helpers are for tests".to_owned());
    }
    let (may, tests_may) = place(from)?;
    let allowed = if dev { [may, tests_may].concat() } else { may.to_vec() };
    if allowed.contains(&to) {
        None
    } else if allowed.is_empty() {
        Some("it may need no other member".to_owned())
    } else {
        Some(format!("it may need only {}", allowed.join(", ")))
    }
}

/// Nothing impure stands in the whole tree of a pure crate.
pub(crate) fn pure(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in PURE {
        let Some(closure) = project.closures.get(*folder) else { continue };
        for (package, what) in IMPURE.iter().filter(|(package, _)| closure.contains(*package)) {
            findings.push(Finding::file(
                format!("{folder}/Cargo.toml"),
                format!("needs {package} ({what}), see `cargo tree -e normal -i {package}`"),
            ));
        }
    }
    findings
}

/// The config library is a dependency of the runner, and a word of its config module.
pub(crate) fn figment(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in project.members.iter().filter(|member| member.folder != RUNNER) {
        if member.needs.iter().any(|need| need.package == "figment") {
            let message = "needs figment; only the runner's config does";
            findings.push(Finding::file(format!("{}/Cargo.toml", member.folder), message));
        }
    }
    for (path, text) in project.rust() {
        // xtask must name what it forbids.
        if path.starts_with("crates/runner/src/config") || path.starts_with("xtask/") {
            continue;
        }
        let text = RustText::new(text);
        for (line, _) in text.words().filter(|(_, word)| *word == "figment") {
            findings.push(Finding::line(
                path,
                line,
                "names figment outside crates/runner/src/config",
            ));
        }
        // A comment that knows the library ties the code to it as well.
        for comment in &text.comments {
            if words(&comment.text).any(|word| word.eq_ignore_ascii_case("figment")) {
                let message = "a comment names figment outside crates/runner/src/config";
                findings.push(Finding::line(path, comment.line, message));
            }
        }
    }
    findings
}

/// What a folder may need, and what its tests may need besides.
fn place(folder: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    if folder.starts_with("connectors/") {
        return Some(CONNECTOR);
    }
    HOUSE.iter().find(|(name, ..)| *name == folder).map(|(_, may, tests_may)| (*may, *tests_may))
}

/// The folders of the members that a member needs, and whether only its tests do.
fn own_needs<'a>(
    project: &'a Project,
    member: &'a Member,
) -> impl Iterator<Item = (&'a str, bool)> {
    member.needs.iter().filter_map(|need| {
        let other = project.members.iter().find(|other| other.package == need.package)?;
        Some((other.folder.as_str(), need.dev))
    })
}
