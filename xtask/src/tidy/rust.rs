//! What Rust files look like.

use super::Finding;
use super::edges::PURE;
use super::rust_text::{RustText, words};
use super::settings::Settings;
use crate::model::Project;

/// Beyond this, a file holds two things.
const MOST_LINES: usize = 600;

/// No hash maps in the pure crates: their order is random, and would show in plans.
pub(crate) fn ordered(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.rust() {
        if !PURE.iter().any(|folder| path.starts_with(&format!("{folder}/"))) {
            continue;
        }
        for (line, word) in RustText::new(text).words() {
            if matches!(word, "HashMap" | "HashSet") {
                let message =
                    format!("uses {word}; B{} keeps an order", word.replace("Hash", "Tree"));
                findings.push(Finding::line(path, line, message));
            }
        }
    }
    findings
}

/// No file is longer than a reader's patience.
pub(crate) fn size(project: &Project, _: &Settings) -> Vec<Finding> {
    let sizes = project.rust().map(|(path, text)| (path, text.lines().count()));
    let large = sizes.filter(|(_, lines)| *lines > MOST_LINES);
    large
        .map(|(path, lines)| {
            let message =
                format!("has {lines} lines; split it, or give a reason in xtask/tidy.toml");
            Finding::file(path, message)
        })
        .collect()
}

/// Every module below `src` says what it is for. The tests beside a module are no module of their own.
pub(crate) fn module_docs(project: &Project, _: &Settings) -> Vec<Finding> {
    let modules = project.rust().filter(|(path, _)| {
        path.contains("/src/") && !path.ends_with("/tests.rs") && !path.contains("/tests/")
    });
    let bare = modules.filter(|(_, text)| {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        !(first.starts_with("//! ") || first.starts_with("#![doc"))
    });
    bare.map(|(path, _)| Finding::line(path, 1, "opens without `//!`: say what it is for"))
        .collect()
}

/// Nothing is switched off or put off. xtask must name these words to forbid them.
pub(crate) fn finished(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.rust().filter(|(path, _)| !path.starts_with("xtask/")) {
        let text = RustText::new(text);
        for (line, code) in text.lines() {
            for macro_name in ["todo!", "unimplemented!"] {
                if code.contains(macro_name) {
                    findings.push(Finding::line(
                        path,
                        line,
                        format!("`{macro_name}` is left in the code"),
                    ));
                }
            }
            for (attribute, instead) in [
                ("#[ignore", "a test runs, or says loudly why it was left out"),
                ("#[should_panic", "assert on the error instead"),
            ] {
                if code.contains(attribute) {
                    findings.push(Finding::line(path, line, format!("`{attribute}]`: {instead}")));
                }
            }
        }
        for comment in &text.comments {
            if let Some(word) =
                words(&comment.text).find(|word| matches!(*word, "FIXME" | "XXX" | "TODO"))
            {
                let message = format!("`{word}` in a comment; do it, or open an issue");
                findings.push(Finding::line(path, comment.line, message));
            }
        }
    }
    findings
}
