//! A new connector: a copy of the template under a new name, registered. It compiles and passes the conformance suite as it
//! stands; from there its author replaces what is special about the template.

use std::fs;
use std::path::Path;

use cargo_metadata::MetadataCommand;

use crate::model;
use crate::shell::{self, Result, cargo, say};

/// The connector that is copied.
const TEMPLATE: &str = "static";

/// The package that knows every connector.
const RUNNER: &str = "peoplesync-runner";

/// Where a connector is registered: whoever names the template names the new one as well, in a line of its own.
const REGISTERED: &[&str] =
    &["Cargo.toml", "crates/runner/Cargo.toml", "crates/runner/src/registry.rs"];

/// Makes the connector and says what is left to do.
pub(crate) fn run(root: &Path, kind: &str) -> Result<()> {
    let names = create(root, kind)?;
    // Cargo.lock learns of the member.
    model::metadata(root, MetadataCommand::new().no_deps())?;
    shell::run(cargo(root).args(["fmt", "--package", &names.package(), "--package", RUNNER]))?;
    say(&left_to_do(&names));
    Ok(())
}

/// Makes a connector in a copy of the tree, and runs its tests: what the guide promises holds.
pub(crate) fn rehearse(root: &Path, target: &Path) -> Result<()> {
    let copy = tempfile::tempdir().map_err(|error| format!("cannot make a folder: {error}"))?;
    copy_tree(root, copy.path())?;
    let names = create(copy.path(), "rehearsal-only")?;
    say(&format!("new-connector: the tests of {}", names.package()));
    // The same target folder: what comes from the registry need not be built again.
    let package = names.package();
    let mut test = cargo(copy.path());
    test.env("CARGO_TARGET_DIR", target).args(["test", "--quiet", "--package", &package]);
    shell::run(&mut test)?;
    let runner = ["check", "--quiet", "--package", RUNNER];
    shell::run(cargo(copy.path()).env("CARGO_TARGET_DIR", target).args(runner))
}

/// The names of a connector in each spelling.
#[derive(Debug)]
struct Names {
    /// `google-sheets`
    kind: String,
    /// `google_sheets`
    snake: String,
    /// `GoogleSheets`
    camel: String,
}

impl Names {
    fn new(kind: &str) -> Result<Self> {
        let words: Vec<&str> = kind.split('-').collect();
        let good = |word: &&str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if !words.iter().all(good) || !kind.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(format!(
                "`{kind}` cannot be a kind: lower-case letters and digits joined by `-`, a letter first, such as google-sheets"
            ));
        }
        let capital = |word: &&str| {
            let mut letters = word.chars();
            letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .chain(letters)
                .collect::<String>()
        };
        Ok(Self {
            kind: kind.to_owned(),
            snake: kind.replace('-', "_"),
            camel: words.iter().map(capital).collect(),
        })
    }

    fn package(&self) -> String {
        format!("{}{}", model::PREFIX, self.kind)
    }

    /// A text of the template with the new names: words that are or start with the template's, but not the keyword in `'static`.
    fn rename(&self, text: &str) -> String {
        let mut renamed = String::with_capacity(text.len());
        let mut before = ' ';
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let at_word = !(before.is_alphanumeric() || before == '_' || before == '\'');
            // `peoplesync_static` and `peoplesync-static` hold it in the middle.
            let in_name = renamed.ends_with("peoplesync_");
            if (at_word || in_name)
                && let Some((name, after)) = self.starts(rest, in_name)
            {
                renamed.push_str(name);
                rest = after;
                before = 'x';
                continue;
            }
            renamed.push(c);
            before = c;
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        renamed
    }

    /// The new name of the template at the start of a text, and what follows.
    fn starts<'a>(&self, text: &'a str, snake: bool) -> Option<(&str, &'a str)> {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if let Some(rest) = text.strip_prefix(TEMPLATE) {
            return ends(rest).then_some((if snake { &self.snake } else { &self.kind }, rest));
        }
        let rest = text.strip_prefix("Static")?;
        let goes_on = rest.starts_with(|c: char| c.is_uppercase());
        (goes_on || ends(rest)).then_some((&self.camel, rest))
    }
}

/// Copies the template and registers the copy.
fn create(root: &Path, kind: &str) -> Result<Names> {
    let names = Names::new(kind)?;
    let template = root.join("connectors").join(TEMPLATE);
    let folder = root.join("connectors").join(kind);
    if folder.exists() {
        return Err(format!("connectors/{kind} exists already"));
    }
    let metadata = model::metadata(root, MetadataCommand::new().no_deps())?;
    if metadata.packages.iter().any(|package| *package.name == names.package()) {
        return Err(format!("`{kind}` cannot be a kind: there is a package {}", names.package()));
    }
    let mut files = Vec::new();
    for path in model::walk(&template)? {
        files.push((path.clone(), read(&template.join(path))?));
    }
    let clash = files.iter().any(|(_, text)| has_word_starting(text, &names.camel));
    if clash {
        return Err(format!(
            "`{kind}` cannot be a kind: the template uses the name `{}` already",
            names.camel
        ));
    }
    // All is prepared before anything is written, so that a failure leaves nothing half-made.
    let mut writes = Vec::new();
    for (path, text) in files {
        let text = match path.as_str() {
            "README.md" => readme(&names, &text),
            "Cargo.toml" => describe(&names, &names.rename(&text)),
            _ => names.rename(&text),
        };
        writes.push((folder.join(path), text));
    }
    for path in REGISTERED {
        let place = root.join(path);
        writes.push((place.clone(), register(&names, path, &read(&place)?)?));
    }
    for (path, text) in writes {
        let parent = path.parent().unwrap_or(root);
        fs::create_dir_all(parent)
            .map_err(|error| format!("cannot make {}: {error}", parent.display()))?;
        fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(names)
}

/// After each line that names the template, the same line with the new name. (rustfmt puts a short list into one line: there it
/// is the item of the list.)
fn register(names: &Names, path: &str, text: &str) -> Result<String> {
    let template = Names::new(TEMPLATE)?;
    let mentions = [template.package(), format!("peoplesync_{}", template.snake)];
    let mut lines = String::new();
    let mut found = false;
    for line in text.lines() {
        let named = mentions.iter().find(|mention| line.contains(mention.as_str()));
        found |= named.is_some();
        match named {
            None => lines.push_str(line),
            Some(mention) if line.matches("peoplesync").count() > 1 => {
                let items: Vec<String> = line
                    .split(", ")
                    .map(|item| {
                        // The item without the brackets of the list around it.
                        let bare = item.trim_start_matches(|c: char| !c.is_alphabetic());
                        let bare = bare.trim_end_matches(['[', ']', ';', ',']);
                        let renamed = format!("{bare}, {}", names.rename(bare));
                        if item.contains(mention) {
                            item.replace(bare, &renamed)
                        } else {
                            item.to_owned()
                        }
                    })
                    .collect();
                lines.push_str(&items.join(", "));
            }
            Some(_) => {
                lines.push_str(line);
                lines.push('\n');
                lines.push_str(&names.rename(line));
            }
        }
        lines.push('\n');
    }
    if found { Ok(lines) } else { Err(format!("{path} does not name {}", template.package())) }
}

/// The template's own purpose is not the copy's: only the table of files stays.
fn readme(names: &Names, template: &str) -> String {
    const KEPT: &str = "## What is where";
    let kept = template.split_once(KEPT).map_or("", |(_, rest)| rest);
    format!(
        "# {}\n\nReads people from {}.\n\nWhat a user must know before the first run belongs here: the rights that the account needs, \
         which field makes a\nkey that lasts, the limits of the service.\n\n{KEPT}{}",
        names.package(),
        names.kind,
        names.rename(kept)
    )
}

fn describe(names: &Names, manifest: &str) -> String {
    let lines = manifest.lines().map(|line| {
        if line.starts_with("description = ") {
            format!("description = \"peoplesync source connector: {}\"\n", names.kind)
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

/// Whether a word of a text starts with `name`, and goes on in upper case or ends there.
fn has_word_starting(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| {
        word.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
    })
}

fn left_to_do(names: &Names) -> String {
    let Names { kind, .. } = names;
    format!(
        "connectors/{kind} stands and is registered. It is a copy of connectors/{TEMPLATE} and passes the rules as such:

    cargo test -p {package}

What is left to do, in this order:
  1. src/config.rs           the settings, a doc comment for each; credentials are `Secret`
  2. example.toml            the same settings as a user writes them, each with a comment
  3. src/source.rs           `check` and `open`
  4. src/records.rs          one pass, in batches, with the coverage that it proves
  5. tests/conformance.rs    how each situation looks in this kind of source; what cannot be staged says why
  6. tests/messages.rs       what a user sees when something is wrong
  7. README.md               what a user must know before the first run
  8. ARCHITECTURE.md         a paragraph in the code map under \"### `connectors/{kind}`\"
  9. config/examples         a whole config, if somebody would copy it

`cargo xtask ci` says what was forgotten. CONTRIBUTING.md has the hour in full.",
        package = names.package()
    )
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The tree without what is built.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for path in model::walk(from)? {
        let (source, copy) = (from.join(&path), to.join(&path));
        let parent = copy.parent().unwrap_or(to);
        fs::create_dir_all(parent)
            .map_err(|error| format!("cannot make {}: {error}", parent.display()))?;
        fs::copy(&source, &copy).map_err(|error| format!("cannot copy {path}: {error}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy;

    /// A copy of this repository.
    fn copy() -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(&model::root(), copy.path()).unwrap();
        copy
    }

    #[test]
    fn names_are_spelled_as_rust_wants_them() {
        let names = Names::new("google-sheets").unwrap();
        assert_eq!((names.snake.as_str(), names.camel.as_str()), ("google_sheets", "GoogleSheets"));
        assert_eq!(
            names.rename(
                "use peoplesync_static::{Static, StaticConfig}; // peoplesync-static, connectors/static, `static`\n\
                 const KIND: &'static str = \"static\"; Statically, ecstatic, static_x"
            ),
            "use peoplesync_google_sheets::{GoogleSheets, GoogleSheetsConfig}; \
             // peoplesync-google-sheets, connectors/google-sheets, `google-sheets`\n\
             const KIND: &'static str = \"google-sheets\"; Statically, ecstatic, static_x"
        );
    }

    #[test]
    fn bad_kinds_are_refused() {
        for kind in ["", "Okta", "okta_2", "2okta", "okta-", "a--b", "ökta", "../x", "a b"] {
            let error = Names::new(kind).unwrap_err();
            assert!(error.contains("cannot be a kind: lower-case letters"), "{kind}: {error}");
        }
    }

    #[test]
    fn a_taken_or_clashing_kind_is_refused_and_nothing_is_written() {
        let copy = copy();
        let before = model::walk(copy.path()).unwrap();
        for (kind, error) in [
            ("static", "connectors/static exists already"),
            ("runner", "`runner` cannot be a kind: there is a package peoplesync-runner"),
            ("records", "`records` cannot be a kind: the template uses the name `Records` already"),
        ] {
            assert_eq!(create(copy.path(), kind).unwrap_err(), error);
        }
        assert_eq!(model::walk(copy.path()).unwrap(), before);
    }

    #[test]
    fn lists_of_one_line_and_of_many_are_registered() {
        let names = Names::new("okta").unwrap();
        let register = |text: &str| register(&names, "registry.rs", text);
        let item = |name: &str, camel: &str| format!("Entry::of::<peoplesync_{name}::{camel}>()");
        let (csv, template, okta) =
            (item("csv", "Csv"), item("static", "Static"), item("okta", "Okta"));
        assert_eq!(
            register(&format!("    &[{csv}, {template}];\n")),
            Ok(format!("    &[{csv}, {template}, {okta}];\n"))
        );
        assert_eq!(
            register(&format!("    &[{template}, {csv}];\n")),
            Ok(format!("    &[{template}, {okta}, {csv}];\n"))
        );
        assert_eq!(
            register(&format!("&[\n    {csv},\n    {template},\n];\n")),
            Ok(format!("&[\n    {csv},\n    {template},\n    {okta},\n];\n"))
        );
        assert_eq!(register("").unwrap_err(), "registry.rs does not name peoplesync-static");
    }

    /// Compiled and run by `cargo xtask test`; here, what a person would look at.
    #[test]
    fn a_new_connector_lacks_only_its_place_on_the_map() {
        let copy = copy();
        create(copy.path(), "google-sheets").unwrap();
        let read = |path: &str| read(&copy.path().join(path)).unwrap();
        let lib = read("connectors/google-sheets/src/lib.rs");
        assert!(lib.contains("const KIND: &'static str = \"google-sheets\";"), "{lib}");
        assert!(lib.contains("impl Connector for GoogleSheets {"), "{lib}");
        assert!(!read("connectors/google-sheets/README.md").contains("peoplesync-static"));
        let registry = read("crates/runner/src/registry.rs");
        assert!(registry.contains("peoplesync_google_sheets::GoogleSheets"), "{registry}");

        let before = tidy::report(&model::root()).unwrap();
        let after = tidy::report(copy.path()).unwrap();
        let new: Vec<&str> = after.lines().filter(|line| line.contains("google")).collect();
        assert_eq!(
            new,
            [
                "  ARCHITECTURE.md: the code map lacks a heading \"### `connectors/google-sheets`\" with a paragraph"
            ],
            "before: {before}"
        );
    }
}
