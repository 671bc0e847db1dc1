//! Folders: the map of the code, and the files of a connector.

use std::collections::BTreeSet;

use super::Finding;
use super::settings::Settings;
use crate::model::Project;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const REGISTRY: &str = "crates/runner/src/registry.rs";

/// The files of every connector: who knows one knows all.
const FILES: &[&str] = &[
    "README.md",
    "example.toml",
    "src/lib.rs",
    "src/config.rs",
    "src/source.rs",
    "src/records.rs",
    "tests/conformance.rs",
];

/// The headings ``### `folder` `` of the code map are the members.
pub(crate) fn map(project: &Project, _: &Settings) -> Vec<Finding> {
    let Some(text) = project.files.get(ARCHITECTURE) else {
        return vec![Finding::file(ARCHITECTURE, "is missing")];
    };
    let members: BTreeSet<&str> =
        project.members.iter().map(|member| member.folder.as_str()).collect();
    let mut mapped = BTreeSet::new();
    let mut findings = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("## ") {
            inside = heading.trim() == "Code map";
        }
        let Some(heading) = line.strip_prefix("### ").filter(|_| inside) else { continue };
        for folder in backticked(heading) {
            if !members.contains(folder) {
                let message = format!("maps `{folder}`, which is no member of the workspace");
                findings.push(Finding::line(ARCHITECTURE, index + 1, message));
            } else if !mapped.insert(folder) {
                let message = format!("maps `{folder}` twice");
                findings.push(Finding::line(ARCHITECTURE, index + 1, message));
            }
        }
    }
    for folder in members.difference(&mapped) {
        let message = format!("the code map lacks a heading \"### `{folder}`\" with a paragraph");
        findings.push(Finding::file(ARCHITECTURE, message));
    }
    findings
}

/// Each connector's folder is complete, and the registry knows it.
pub(crate) fn connectors(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let registry = project.files.get(REGISTRY);
    for (kind, member) in project.connectors() {
        for file in FILES {
            if !project.files.contains_key(&format!("{}/{file}", member.folder)) {
                findings.push(Finding::file(&member.folder, format!("lacks {file}")));
            }
        }
        let suite = format!("{}/tests/conformance.rs", member.folder);
        if project.files.get(&suite).is_some_and(|text| !text.contains("conformance!(")) {
            findings.push(Finding::file(suite, "does not call `peoplesync_testkit::conformance!`"));
        }
        let name = format!("peoplesync_{}::", kind.replace('-', "_"));
        if registry.is_some_and(|text| !text.contains(&name)) {
            let message = format!("lacks the connector of connectors/{kind} (`{name}…`)");
            findings.push(Finding::file(REGISTRY, message));
        }
    }
    findings
}

/// What stands between backticks.
fn backticked(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}
