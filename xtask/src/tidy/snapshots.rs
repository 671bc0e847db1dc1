//! Snapshots of insta whose test is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::rust_text::RustText;
use super::settings::Settings;
use super::texts::plain_path;
use crate::model::Project;

/// A snapshot's source file exists beside it, and still holds the name.
pub(crate) fn orphans(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known = Known { project, parts: BTreeMap::new() };
    for (path, text) in project.files.iter().filter(|(path, _)| path.ends_with(".snap")) {
        if let Some(message) = orphan(&mut known, path, text) {
            findings.push(Finding::file(path, message));
        }
    }
    findings
}

/// Why a snapshot is an orphan.
fn orphan(known: &mut Known<'_>, path: &str, text: &str) -> Option<String> {
    let Some(source) = header(text, "source").map(plain_path) else {
        return Some("has no `source:` in its header; let insta write it".to_owned());
    };
    let project = known.project;
    if !project.files.contains_key(&source) {
        return Some(format!("its source `{source}` is gone"));
    }
    if let Some(input) = header(text, "input_file") {
        return (!project.files.contains_key(input))
            .then(|| format!("its input `{input}` is gone"));
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let name = file.trim_end_matches(".snap").rsplit("__").next().unwrap_or(file);
    let name = name.split('@').next().unwrap_or(name);
    // The second snapshot of an unnamed series ends in `-2`.
    let plain =
        name.rsplit_once('-').filter(|(_, n)| n.parse::<u32>().is_ok()).map(|(name, _)| name);
    let found = known.names(&source);
    let lives = |name: &str| found.contains(name) || found.contains(&format!("test_{name}"));
    if lives(name) || plain.is_some_and(lives) {
        return None;
    }
    Some(format!(
        "no test and no file is named `{name}` any more; remove it, or rename the snapshot"
    ))
}

/// A line of the YAML header.
fn header<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let lines = text.lines().skip(1).take_while(|line| *line != "---");
    let found = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).next();
    found.map(|value| value.trim_matches('"'))
}

/// The names that snapshots can have: functions and strings of the code, and the stems of files (for globs and loops).
struct Known<'a> {
    project: &'a Project,
    parts: BTreeMap<String, BTreeSet<String>>,
}

impl Known<'_> {
    /// The names in the part of the tree that a source file belongs to.
    fn names(&mut self, source: &str) -> &BTreeSet<String> {
        // The end-to-end tests stand outside the package that runs them.
        let part = self.project.member_of(source).map_or("tests", |member| &member.folder);
        self.parts.entry(part.to_owned()).or_insert_with(|| names(self.project, part))
    }
}

fn names(project: &Project, part: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in project.files.keys().filter(|path| !path.ends_with(".snap")) {
        let file = path.rsplit('/').next().unwrap_or(path);
        names.insert(file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_owned());
    }
    for (_, text) in project.rust().filter(|(path, _)| path.starts_with(&format!("{part}/"))) {
        let text = RustText::new(text);
        let mut before = "";
        for (_, word) in text.words() {
            if before == "fn" {
                names.insert(word.to_owned());
            }
            before = word;
        }
        names.extend(text.strings.into_iter().map(|piece| piece.text.replace("::", "__")));
    }
    names
}
