//! What holds for every text file: code fences, links, and places that only one machine has.

use super::Finding;
use super::rust_text::RustText;
use super::settings::Settings;
use crate::model::Project;

/// Written in two halves, so that this file is not its own finding.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
    concat!("registry.npmjs", ".org"),
    concat!("ghcr", ".io"),
    concat!("docker", ".io"),
    concat!("quay", ".io"),
];

/// Home and work folders of a machine. (`/Users/` is not among them: it is where SCIM keeps people.)
const FOLDERS: &[&str] = &[concat!("/", "root/"), HOMES, concat!("/", "work/")];

const HOMES: &str = concat!("/", "home/");

/// No fence of a doc says `ignore`.
pub(crate) fn fences(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &project.files {
        let lines: Vec<(usize, String)> = if path.ends_with(".md") {
            text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned())).collect()
        } else if path.ends_with(".rs") {
            let comments = RustText::new(text).comments.into_iter();
            comments.map(|comment| (comment.line, comment.text)).collect()
        } else {
            continue;
        };
        for (line, text) in lines {
            let Some(info) = text.trim_start_matches(['/', '!', '*', ' ', '>']).strip_prefix("```")
            else {
                continue;
            };
            if info.split([',', ' ', '{', '}']).any(|word| word.trim() == "ignore") {
                let message = "a fence says `ignore`: include real code, or mark it `text`";
                findings.push(Finding::line(path, line, message));
            }
        }
    }
    findings
}

/// No file knows a machine or a mirror. Cargo.lock names the registry by design.
pub(crate) fn places(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.files.iter().filter(|(path, _)| *path != "Cargo.lock") {
        for (index, line) in text.lines().enumerate() {
            for folder in FOLDERS.iter().filter(|folder| names_folder(line, folder)) {
                let message = format!("names `{folder}`, a folder of one machine");
                findings.push(Finding::line(path, index + 1, message).about(*folder));
            }
            for host in HOSTS.iter().filter(|host| names_host(line, host)) {
                let message = format!(
                    "names the registry {host}; which one is used is the machine's business"
                );
                findings.push(Finding::line(path, index + 1, message).about(*host));
            }
        }
    }
    findings
}

/// Every relative link of a Markdown file leads to something.
pub(crate) fn links(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (index, line) in text.lines().enumerate() {
            for target in link_targets(line) {
                let place = target.split('#').next().unwrap_or_default().trim_end_matches('/');
                if place.is_empty() || place.contains(':') || exists(project, folder, place) {
                    continue;
                }
                let message = format!("links to `{target}`, which does not exist");
                findings.push(Finding::line(path, index + 1, message));
            }
        }
    }
    findings
}

/// What stands in `](…)`.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// Whether a file or a folder is there, seen from a folder.
fn exists(project: &Project, folder: &str, place: &str) -> bool {
    let path = plain_path(&format!("{folder}/{place}"));
    let inside = format!("{path}/");
    project.files.contains_key(&path)
        || project
            .files
            .range(inside.clone()..)
            .next()
            .is_some_and(|(path, _)| path.starts_with(&inside))
}

/// A path from the root without `..` and empty parts.
pub(crate) fn plain_path(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "" | "." => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a folder stands at the start of a path, not in the middle of one or of a URL. A home must be somebody's.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let starts = !before.is_some_and(|c| c.is_alphanumeric() || "_.-~}*".contains(c));
        let after = line.get(at + folder.len()..).unwrap_or_default();
        let user = after.split_once('/').is_some_and(|(user, _)| {
            !user.is_empty() && user.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
        starts && (user || folder != HOMES)
    })
}

/// Whether a host is named as a whole: not as the end of a longer word.
fn names_host(line: &str, host: &str) -> bool {
    line.match_indices(host).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + host.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}
