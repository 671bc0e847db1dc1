//! The shape of the Cargo.toml files.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Finding;
use super::settings::Settings;
use crate::manifest;
use crate::model::{PREFIX, Project};

/// Lints and names of the members.
pub(crate) fn members(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &project.members {
        let path = format!("{}/Cargo.toml", member.folder);
        let (table, mut broken) = parse(project, &path);
        findings.append(&mut broken);
        let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
        if lints.and_then(Value::as_bool) != Some(true) {
            findings.push(Finding::file(&path, "lacks `[lints] workspace = true`"));
        }
        let folder = member.folder.rsplit('/').next().unwrap_or(&member.folder);
        let expected =
            if folder == "xtask" { folder.to_owned() } else { format!("{PREFIX}{folder}") };
        if member.package != expected {
            let message = format!("is package `{}`; the folder says `{expected}`", member.package);
            findings.push(Finding::file(&path, message));
        }
    }
    findings
}

/// Versions stand in one place.
pub(crate) fn shared(project: &Project, _: &Settings) -> Vec<Finding> {
    let (root, mut findings) = parse(project, "Cargo.toml");
    let workspace = manifest::workspace_dependencies(&root);
    // Each dependency with the manifests that name it, and whether they inherit it.
    let mut uses: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for member in &project.members {
        let path = format!("{}/Cargo.toml", member.folder);
        for (name, inherited) in manifest::dependencies(&parse(project, &path).0) {
            uses.entry(name).or_default().push((path.clone(), inherited));
        }
    }
    for (name, places) in &uses {
        let known = workspace.contains(name);
        for (path, _) in places.iter().filter(|(_, inherited)| !inherited) {
            let message = if known {
                format!("gives `{name}` a version of its own; write `{name}.workspace = true`")
            } else if places.len() > 1 {
                let others: Vec<_> = places
                    .iter()
                    .map(|(other, _)| other.as_str())
                    .filter(|other| other != path)
                    .collect();
                format!(
                    "`{name}` is also needed by {}; move it to [workspace.dependencies]",
                    others.join(", ")
                )
            } else {
                continue;
            };
            findings.push(Finding::file(path, message));
        }
    }
    for name in workspace.iter().filter(|name| !uses.contains_key(*name)) {
        let message = format!("no member needs `{name}` of [workspace.dependencies]; remove it");
        findings.push(Finding::file("Cargo.toml", message));
    }
    findings
}

fn parse(project: &Project, path: &str) -> (Table, Vec<Finding>) {
    let text = project.files.get(path).map_or("", String::as_str);
    match text.parse() {
        Ok(table) => (table, Vec::new()),
        Err(error) => (Table::new(), vec![Finding::file(path, format!("is no TOML: {error}"))]),
    }
}
