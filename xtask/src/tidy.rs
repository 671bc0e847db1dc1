//! The rules of ARCHITECTURE.md and CONTRIBUTING.md that a tool can check. Each rule is a function from the repository to
//! findings; `tidy/tests.rs` breaks each one.

mod edges;
mod layout;
mod manifests;
mod names;
mod rust;
mod rust_text;
mod settings;
mod snapshots;
mod texts;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::model::Project;
use crate::shell::{self, Result};
use settings::Settings;

/// Where reasons for exceptions stand.
const SETTINGS: &str = "xtask/tidy.toml";

/// One rule.
pub(crate) struct Rule {
    /// Its name, as `xtask/tidy.toml` and ARCHITECTURE.md use it.
    name: &'static str,
    /// What it demands, as a sentence.
    demands: &'static str,
    /// Whether `xtask/tidy.toml` can excuse a place with a reason.
    excusable: bool,
    check: fn(&Project, &Settings) -> Vec<Finding>,
}

/// Every rule, in the order in which a reader meets them in ARCHITECTURE.md.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "one-way",
        demands: "a member depends only on those members that stand below it in the house",
        excusable: false,
        check: edges::one_way,
    },
    Rule {
        name: "pure",
        demands: "mapping and reconcile need no runtime, network, config library, database or randomness, however deep",
        excusable: false,
        check: edges::pure,
    },
    Rule {
        name: "figment",
        demands: "the config library is the runner's, and named only in crates/runner/src/config",
        excusable: false,
        check: edges::figment,
    },
    Rule {
        name: "manifests",
        demands: "every member takes the lints of the workspace and is named after its folder",
        excusable: false,
        check: manifests::members,
    },
    Rule {
        name: "shared-dependencies",
        demands: "what two members need is a dependency of the workspace, and nothing else is",
        excusable: false,
        check: manifests::shared,
    },
    Rule {
        name: "map",
        demands: "the code map of ARCHITECTURE.md names the members of the workspace, no more, no less",
        excusable: false,
        check: layout::map,
    },
    Rule {
        name: "connector-files",
        demands: "every connector has the same files, the conformance suite, and a line in the registry",
        excusable: false,
        check: layout::connectors,
    },
    Rule {
        name: "connector-names",
        demands: "no connector is named in code outside its folder and the registry",
        excusable: true,
        check: names::connectors,
    },
    Rule {
        name: "provider-names",
        demands: "no provider is named in code: profiles are data",
        excusable: true,
        check: names::providers,
    },
    Rule {
        name: "ordered",
        demands: "mapping and reconcile use no hash maps: the same input gives the same bytes",
        excusable: false,
        check: rust::ordered,
    },
    Rule {
        name: "size",
        demands: "a .rs file has at most 600 lines, or a reason",
        excusable: true,
        check: rust::size,
    },
    Rule {
        name: "module-docs",
        demands: "every module opens with what it is for: `//!`",
        excusable: false,
        check: rust::module_docs,
    },
    Rule {
        name: "finished",
        demands: "no test is switched off and nothing is left for later in code",
        excusable: false,
        check: rust::finished,
    },
    Rule {
        name: "fences",
        demands: "no code in docs is exempt from the compiler",
        excusable: false,
        check: texts::fences,
    },
    Rule {
        name: "links",
        demands: "every relative link in a document leads to a file or folder",
        excusable: false,
        check: texts::links,
    },
    Rule {
        name: "snapshots",
        demands: "every snapshot has the test that writes it",
        excusable: true,
        check: snapshots::orphans,
    },
    Rule {
        name: "places",
        demands: "no file names a place that only one machine has, or a package registry",
        excusable: true,
        check: texts::places,
    },
];

/// A place where a rule does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    /// From 1; 0 for the whole file.
    line: usize,
    /// What an excuse can name: the word, for rules about words.
    what: String,
    message: String,
}

impl Finding {
    fn file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: 0, what: String::new(), message: message.into() }
    }

    fn line(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { line, ..Self::file(path, message) }
    }

    fn about(self, what: impl Into<String>) -> Self {
        Self { what: what.into(), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Checks the repository; the error holds every finding.
pub(crate) fn run(root: &Path) -> Result<()> {
    let findings = report(root)?;
    if findings.is_empty() {
        shell::say(&format!("tidy: {} rules hold", RULES.len()));
        return Ok(());
    }
    Err(findings)
}

/// Every finding in a repository.
pub(crate) fn report(root: &Path) -> Result<String> {
    check(&Project::read(root, edges::PURE)?)
}

/// Every finding, under its rule; empty if all is well.
fn check(project: &Project) -> Result<String> {
    let settings = Settings::parse(project.files.get(SETTINGS).map_or("", String::as_str))?;
    let mut report = String::new();
    let mut used = BTreeSet::new();
    for rule in RULES {
        let mut findings = (rule.check)(project, &settings);
        if rule.excusable {
            findings.retain(|finding| {
                let excuses = settings.excuses(rule.name, finding);
                used.extend(&excuses);
                excuses.is_empty()
            });
        }
        show(&mut report, rule.name, rule.demands, &findings);
    }
    let stale = settings.stale(&used, RULES);
    show(&mut report, "excuses", "every exception has a reason and is still needed", &stale);
    Ok(report)
}

fn show(report: &mut String, name: &str, demands: &str, findings: &[Finding]) {
    use std::fmt::Write as _;
    if findings.is_empty() {
        return;
    }
    // Writing into a String cannot fail.
    let _infallible = writeln!(report, "\n{name}: {demands}");
    for finding in findings {
        let _infallible = writeln!(report, "  {finding}");
    }
}
