//! Names that belong to one place: connectors and providers. Tests may name both.

use super::Finding;
use super::rust_text::{RustText, words};
use super::settings::Settings;
use crate::model::Project;

const REGISTRY: &str = "crates/runner/src/registry.rs";

/// A connector's kind as a whole string, or quoted in one, or its crate's name.
pub(crate) fn connectors(project: &Project, _: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in product_files(project).filter(|source| source.path != REGISTRY) {
        for (kind, member) in project.connectors() {
            if source.path.starts_with(&format!("{}/", member.folder)) {
                continue;
            }
            let krate = format!("peoplesync_{}", kind.replace('-', "_"));
            let quoted = format!("\"{kind}\"");
            let words = source.code_words().filter(|(_, word)| *word == krate);
            let strings = source
                .strings()
                .filter(|(_, text)| *text == kind || text.replace("\\\"", "\"").contains(&quoted));
            for (line, _) in words.chain(strings) {
                let message =
                    format!("names the connector `{kind}`; only its folder and the registry do");
                findings.push(Finding::line(source.path, line, message).about(kind));
            }
        }
    }
    findings
}

/// A provider's name as a word of an identifier or of a string.
pub(crate) fn providers(project: &Project, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in product_files(project).filter(|source| source.path.starts_with("crates/")) {
        let pieces = source.code_words().chain(source.strings());
        for (line, text) in pieces {
            for word in words(text).flat_map(parts) {
                if settings.providers.contains(&word) {
                    let message = format!(
                        "names the provider `{word}`; what is special about it belongs into its profile"
                    );
                    findings.push(Finding::line(source.path, line, message).about(word));
                }
            }
        }
    }
    findings
}

/// A file of the product, without its tests.
struct Product<'a> {
    path: &'a str,
    text: RustText,
    tests: Vec<bool>,
}

impl Product<'_> {
    fn code_words(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.words().filter(|(line, _)| !self.tests[*line])
    }

    fn strings(&self) -> impl Iterator<Item = (usize, &str)> {
        let strings = self.text.strings.iter().filter(|piece| !self.tests[piece.line]);
        strings.map(|piece| (piece.line, piece.text.as_str()))
    }
}

/// The files below `src` of crates and connectors that are not tests.
fn product_files(project: &Project) -> impl Iterator<Item = Product<'_>> {
    let tests = test_modules(project);
    project.rust().filter_map(move |(path, text)| {
        let member = project.member_of(path)?;
        let inside = path.strip_prefix(member.folder.as_str())?.strip_prefix("/src/")?;
        let is_test = inside == "tests.rs"
            || inside.ends_with("/tests.rs")
            || inside.contains("tests/")
            || tests.iter().any(|module| is_module(path, module));
        if is_test || member.folder == "xtask" {
            return None;
        }
        let text = RustText::new(text);
        let tests = text.test_lines();
        Some(Product { path, text, tests })
    })
}

/// The modules that other files declare under `#[cfg(test)]`, as paths without `.rs`.
fn test_modules(project: &Project) -> Vec<String> {
    let mut modules = Vec::new();
    for (path, text) in project.rust() {
        let Some(stem) = path.strip_suffix(".rs") else { continue };
        let folder = match stem.rsplit_once('/') {
            Some((folder, "lib" | "main" | "mod")) => folder,
            _ => stem,
        };
        for module in RustText::new(text).test_modules() {
            modules.push(format!("{folder}/{module}"));
        }
    }
    modules
}

fn is_module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The lower-case words of an identifier: `SlackProfile_v2` has `slack`, `profile`, `v2`.
fn parts(identifier: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut start = true;
    let mut lower_before = false;
    for c in identifier.chars() {
        if c == '_' {
            start = true;
            continue;
        }
        start |= c.is_uppercase() && lower_before;
        lower_before = !c.is_uppercase();
        if start {
            parts.push(String::new());
        }
        start = false;
        if let Some(part) = parts.last_mut() {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    #[test]
    fn identifiers_fall_into_words() {
        assert_eq!(super::parts("SlackProfile_v2"), ["slack", "profile", "v2"]);
        assert_eq!(super::parts("GITHUB_URL"), ["github", "url"]);
        assert_eq!(super::parts("github"), ["github"]);
    }
}
