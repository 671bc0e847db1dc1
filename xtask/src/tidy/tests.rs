use super::*;
use crate::model::{Member, Need};

/// A small repository in which every rule holds.
fn good() -> Project {
    let mut project = Project::default();
    let file = |project: &mut Project, path: &str, text: &str| {
        project.files.insert(path.to_owned(), text.to_owned());
    };
    let members: &[(&str, &[&str], &[&str])] = &[
        ("connectors/csv", &["source"], &["testkit"]),
        ("crates/mapping", &["scim", "source"], &[]),
        ("crates/reconcile", &["scim"], &[]),
        (
            "crates/runner",
            &["csv", "mapping", "reconcile", "scim", "source", "figment"],
            &["testkit"],
        ),
        ("crates/scim", &[], &[]),
        ("crates/source", &[], &[]),
        ("crates/testkit", &["source"], &[]),
        ("xtask", &[], &[]),
    ];
    let ours =
        |name: &str| members.iter().any(|(folder, ..)| folder.ends_with(&format!("/{name}")));
    let package = |name: &str| {
        if ours(name) { format!("peoplesync-{name}") } else { name.to_owned() }
    };
    let mut map = String::from("# The house\n\n## Code map\n");
    for (folder, needs, dev_needs) in members {
        let name = folder.rsplit('/').next().unwrap();
        let normal = needs.iter().map(|name| Need { package: package(name), dev: false });
        let dev = dev_needs.iter().map(|name| Need { package: package(name), dev: true });
        let needs: Vec<Need> = normal.chain(dev).collect();
        let lines: Vec<_> =
            needs.iter().map(|need| format!("{}.workspace = true\n", need.package)).collect();
        let manifest = format!(
            "[package]\nname = \"{0}\"\n[lints]\nworkspace = true\n[dependencies]\n{1}",
            package(name),
            lines.concat()
        );
        file(&mut project, &format!("{folder}/Cargo.toml"), &manifest);
        file(&mut project, &format!("{folder}/src/lib.rs"), "//! What it is for.\n");
        map += &format!("\n### `{folder}`\n\nA paragraph.\n");
        project.members.push(Member {
            package: package(name),
            folder: (*folder).to_owned(),
            needs,
        });
    }
    for name in edges::PURE {
        project.closures.insert((*name).to_owned(), BTreeSet::from(["serde".to_owned()]));
    }
    file(&mut project, "ARCHITECTURE.md", &map);
    let dependencies = ["csv", "mapping", "reconcile", "scim", "source", "testkit"]
        .map(|name| format!("peoplesync-{name} = {{ path = \"…\" }}\n"))
        .concat();
    let root = format!("[workspace.dependencies]\nfigment = \"1\"\n{dependencies}");
    file(&mut project, "Cargo.toml", &root);
    for path in ["README.md", "example.toml"] {
        file(&mut project, &format!("connectors/csv/{path}"), "A text.\n");
    }
    for path in ["config", "source", "records"] {
        file(
            &mut project,
            &format!("connectors/csv/src/{path}.rs"),
            "//! A module.\nconst KIND: &str = \"csv\";\n",
        );
    }
    let suite = "peoplesync_testkit::conformance!(Csv, CsvHarness);\n";
    file(&mut project, "connectors/csv/tests/conformance.rs", suite);
    let registry = "//! The list.\nuse peoplesync_csv::Csv;\n";
    file(&mut project, "crates/runner/src/registry.rs", registry);
    file(&mut project, "crates/runner/src/config.rs", "//! Config.\nuse figment::Figment;\n");
    let test = "fn a_title_changes() { check(\"adopts\") }\n";
    file(&mut project, "crates/scim/src/patch/tests.rs", test);
    for name in ["a_title_changes", "a_title_changes-2", "adopts"] {
        let path = format!("crates/scim/src/patch/snapshots/scim__patch__tests__{name}.snap");
        file(
            &mut project,
            &path,
            "---\nsource: crates/scim/src/patch/tests.rs\nexpression: x\n---\nbody\n",
        );
    }
    file(&mut project, SETTINGS, "providers = [\"slack\"]\n");
    project
}

/// Where to break the good repository.
enum Break {
    /// A file gets this text, before what it has.
    Write(&'static str, &'static str),
    /// A file goes.
    Remove(&'static str),
    /// In a file, a text becomes another.
    Replace(&'static str, &'static str, &'static str),
    /// A member needs a package.
    Need(&'static str, &'static str, bool),
    /// The tree of a pure crate has a package.
    Deep(&'static str, &'static str),
}
use Break::{Deep, Need as Needs, Remove, Replace, Write};

/// Each way to break a rule, with the rule and the line that a person sees.
const BREAKS: &[(&str, Break, &str)] = &[
    (
        "one-way",
        Needs("connectors/csv", "peoplesync-scim", false),
        "connectors/csv/Cargo.toml: needs crates/scim; it may need only crates/source",
    ),
    (
        "one-way",
        Needs("connectors/csv", "peoplesync-testkit", false),
        "connectors/csv/Cargo.toml: needs crates/testkit; it may need only crates/source",
    ),
    (
        "one-way",
        Needs("crates/reconcile", "peoplesync-source", true),
        "crates/reconcile/Cargo.toml: needs crates/source for its tests; it may need only crates/scim",
    ),
    (
        "one-way",
        Needs("crates/scim", "peoplesync-source", false),
        "crates/scim/Cargo.toml: needs crates/source; it may need no other member",
    ),
    (
        "one-way",
        Needs("xtask", "peoplesync-runner", false),
        "xtask/Cargo.toml: needs crates/runner; nothing depends on the runner",
    ),
    (
        "one-way",
        Needs("crates/runner", "peoplesync-testkit", false),
        "crates/runner/Cargo.toml: needs crates/testkit; test helpers are for tests",
    ),
    (
        "pure",
        Deep("crates/mapping", "tokio"),
        "crates/mapping/Cargo.toml: needs tokio (a runtime), see `cargo tree -e normal -i tokio`",
    ),
    (
        "pure",
        Deep("crates/reconcile", "getrandom"),
        "crates/reconcile/Cargo.toml: needs getrandom (randomness), see `cargo tree -e normal -i getrandom`",
    ),
    (
        "figment",
        Needs("crates/scim", "figment", false),
        "crates/scim/Cargo.toml: needs figment; only the runner's config does",
    ),
    (
        "figment",
        Write("crates/runner/src/report.rs", "//! Reports.\nuse figment::Error;\n"),
        "crates/runner/src/report.rs:2: names figment outside crates/runner/src/config",
    ),
    (
        "figment",
        Write("crates/source/src/secret.rs", "//! Secrets.\n// As Figment sees them.\n"),
        "crates/source/src/secret.rs:2: a comment names figment outside crates/runner/src/config",
    ),
    (
        "manifests",
        Replace("crates/scim/Cargo.toml", "workspace = true", "workspace = false"),
        "crates/scim/Cargo.toml: lacks `[lints] workspace = true`",
    ),
    (
        "manifests",
        Write("crates/scim/Cargo.toml", "[package\n"),
        "crates/scim/Cargo.toml: is no TOML: ",
    ),
    (
        "shared-dependencies",
        Replace("crates/scim/Cargo.toml", "[dependencies]", "[dependencies]\nfigment = \"1\""),
        "crates/scim/Cargo.toml: gives `figment` a version of its own; write `figment.workspace = true`",
    ),
    (
        "shared-dependencies",
        Replace("Cargo.toml", "figment = \"1\"\n", "figment = \"1\"\nrand = \"1\"\n"),
        "Cargo.toml: no member needs `rand` of [workspace.dependencies]; remove it",
    ),
    ("map", Remove("ARCHITECTURE.md"), "ARCHITECTURE.md: is missing"),
    (
        "map",
        Replace("ARCHITECTURE.md", "### `crates/scim`", "### Something"),
        "ARCHITECTURE.md: the code map lacks a heading \"### `crates/scim`\" with a paragraph",
    ),
    (
        "map",
        Replace("ARCHITECTURE.md", "### `crates/scim`", "### `crates/scim` and `crates/gone`"),
        "maps `crates/gone`, which is no member of the workspace",
    ),
    (
        "map",
        Replace("ARCHITECTURE.md", "### `crates/scim`", "### `crates/scim`, `crates/scim`"),
        "maps `crates/scim` twice",
    ),
    (
        "connector-files",
        Remove("connectors/csv/example.toml"),
        "connectors/csv: lacks example.toml",
    ),
    (
        "connector-files",
        Replace("connectors/csv/tests/conformance.rs", "conformance!", "tests!"),
        "connectors/csv/tests/conformance.rs: does not call `peoplesync_testkit::conformance!`",
    ),
    (
        "connector-files",
        Replace("crates/runner/src/registry.rs", "peoplesync_csv", "peoplesync_tsv"),
        "crates/runner/src/registry.rs: lacks the connector of connectors/csv (`peoplesync_csv::…`)",
    ),
    (
        "connector-names",
        Write(
            "crates/mapping/src/rules.rs",
            "//! Rules.\nfn f(k: &str) -> bool {\n    k == \"csv\"\n}\n",
        ),
        "crates/mapping/src/rules.rs:3: names the connector `csv`; only its folder and the registry do",
    ),
    (
        "connector-names",
        Write("crates/runner/src/demo.rs", "//! Demo.\nconst C: &str = r#\"kind = \"csv\"\"#;\n"),
        "crates/runner/src/demo.rs:2: names the connector `csv`; only its folder and the registry do",
    ),
    (
        "connector-names",
        Write("crates/runner/src/read.rs", "//! Read.\nuse peoplesync_csv::Csv;\n"),
        "crates/runner/src/read.rs:2: names the connector `csv`; only its folder and the registry do",
    ),
    (
        "provider-names",
        Write("crates/scim/src/quirks.rs", "//! Quirks.\nstruct SlackQuirks;\n"),
        "crates/scim/src/quirks.rs:2: names the provider `slack`; ",
    ),
    (
        "provider-names",
        Write("crates/scim/src/quirks.rs", "//! Quirks.\nconst HOST: &str = \"api.slack.test\";\n"),
        "crates/scim/src/quirks.rs:2: names the provider `slack`; ",
    ),
    (
        "ordered",
        Write("crates/reconcile/src/index.rs", "//! Index.\nuse std::collections::HashSet;\n"),
        "crates/reconcile/src/index.rs:2: uses HashSet; BTreeSet keeps an order",
    ),
    (
        "module-docs",
        Write("crates/scim/src/bare.rs", "\nuse std::fmt;\n//! Too late.\n"),
        "crates/scim/src/bare.rs:1: opens without `//!`: say what it is for",
    ),
    (
        "finished",
        Write("crates/scim/src/later.rs", "//! Later.\nfn f() { todo!() }\n"),
        "crates/scim/src/later.rs:2: `todo!` is left in the code",
    ),
    (
        "finished",
        Write("crates/scim/tests/off.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n"),
        "crates/scim/tests/off.rs:2: `#[ignore]`: a test runs, or says loudly why it was left out",
    ),
    (
        "finished",
        Write("crates/scim/tests/off.rs", "#[test]\n#[should_panic]\nfn f() {}\n"),
        "crates/scim/tests/off.rs:2: `#[should_panic]`: assert on the error instead",
    ),
    (
        "finished",
        Write("crates/scim/src/later.rs", "//! Later.\n// FIXME: all of it\n"),
        "crates/scim/src/later.rs:2: `FIXME` in a comment; do it, or open an issue",
    ),
    (
        "fences",
        Write("CONTRIBUTING.md", "Text.\n```rust,ignore\nf();\n```\n"),
        "CONTRIBUTING.md:2: a fence says `ignore`: include real code, or mark it `text`",
    ),
    (
        "fences",
        Write("crates/scim/src/doc.rs", "//! Doc.\n/// ```ignore\n/// f();\n/// ```\nfn g() {}\n"),
        "crates/scim/src/doc.rs:2: a fence says `ignore`: include real code, or mark it `text`",
    ),
    (
        "links",
        Write(
            "crates/scim/README.md",
            "[a](../source/src) [b](src/lib.rs#L1) [c](#here) [d](https://x.test/y)\n[e](../gone.md)\n",
        ),
        "crates/scim/README.md:2: links to `../gone.md`, which does not exist",
    ),
    (
        "snapshots",
        Remove("crates/scim/src/patch/tests.rs"),
        "scim__patch__tests__adopts.snap: its source `crates/scim/src/patch/tests.rs` is gone",
    ),
    (
        "snapshots",
        Replace("crates/scim/src/patch/tests.rs", "a_title_changes", "a_title_moves"),
        "a_title_changes-2.snap: no test and no file is named `a_title_changes-2` any more; remove it, or rename the snapshot",
    ),
    (
        "snapshots",
        Write(
            "tests/e2e/snapshots/e2e__x.snap",
            "---\ninput_file: tests/x.txt\nsource: crates/scim/../../xtask/src/lib.rs\n---\n",
        ),
        "tests/e2e/snapshots/e2e__x.snap: its input `tests/x.txt` is gone",
    ),
    (
        "snapshots",
        Write("tests/e2e/snapshots/e2e__y.snap", "---\n---\n"),
        "tests/e2e/snapshots/e2e__y.snap: has no `source:` in its header; let insta write it",
    ),
    (
        "places",
        Write("config/a.toml", concat!("path = \"", "/", "root/people.csv\"\n")),
        concat!("config/a.toml:1: names `", "/", "root/`, a folder of one machine"),
    ),
    (
        "places",
        Write("docs.md", concat!("Get it from https://", "crates", ".io/x\n")),
        concat!("docs.md:1: names the registry ", "crates", ".io; "),
    ),
    (
        "excuses",
        Write(SETTINGS, "[[excuse]]\nrule = \"size\"\npath = \"gone.rs\"\nreason = \"big\"\n"),
        "xtask/tidy.toml: the excuse of `size` for `gone.rs` is not needed any more; remove it",
    ),
    (
        "excuses",
        Write(SETTINGS, "[[excuse]]\nrule = \"one-way\"\npath = \"x\"\nreason = \"because\"\n"),
        "xtask/tidy.toml: the excuse of `one-way` for `x` is for a rule that allows none",
    ),
];

fn broken(how: &Break) -> Project {
    let mut project = good();
    match how {
        Write(path, text) => {
            let before = project.files.remove(*path).unwrap_or_default();
            // Tables of TOML come after the keys.
            let text = if *path == SETTINGS { before + text } else { (*text).to_owned() + &before };
            project.files.insert((*path).to_owned(), text);
        }
        Remove(path) => {
            project.files.remove(*path).unwrap();
        }
        Replace(path, from, to) => {
            let text = project.files.get_mut(*path).unwrap();
            assert!(text.contains(from), "{path} has no {from}");
            *text = text.replace(from, to);
        }
        Needs(folder, package, dev) => {
            let member =
                project.members.iter_mut().find(|member| member.folder == *folder).unwrap();
            member.needs.push(Need { package: (*package).to_owned(), dev: *dev });
        }
        Deep(folder, package) => {
            project.closures.get_mut(*folder).unwrap().insert((*package).to_owned());
        }
    }
    project
}

#[test]
fn the_good_repository_has_no_findings() {
    assert_eq!(check(&good()).unwrap(), "");
}

#[test]
fn each_break_is_found_and_named() {
    for (rule, how, line) in BREAKS {
        let report = check(&broken(how)).unwrap();
        let of_rule =
            report.split("\n\n").find(|part| part.trim_start().starts_with(&format!("{rule}: ")));
        assert!(
            of_rule.is_some_and(|part| part.contains(line)),
            "{rule}: no `{line}` in:\n{report}"
        );
    }
}

#[test]
fn good_links_are_not_found() {
    let project = broken(&Write(
        "crates/scim/README.md",
        "[a](../source/src) [b](src/lib.rs#L1) [c](#here)\n",
    ));
    assert_eq!(check(&project).unwrap(), "");
}

#[test]
fn each_rule_can_fail() {
    // The files for these are long, or many; they have tests of their own.
    let elsewhere = ["size"];
    for rule in RULES.iter().filter(|rule| !elsewhere.contains(&rule.name)) {
        assert!(BREAKS.iter().any(|(name, ..)| *name == rule.name), "no break for `{}`", rule.name);
    }
}

#[test]
fn a_long_file_needs_a_reason() {
    let mut project = good();
    let text = "//! Long.\n".to_owned() + &"\n".repeat(600);
    project.files.insert("crates/scim/src/long.rs".to_owned(), text);
    let report = check(&project).unwrap();
    assert!(report.contains("crates/scim/src/long.rs: has 601 lines; split it"), "{report}");

    let excuse = |reason: &str| {
        format!(
            "[[excuse]]\nrule = \"size\"\npath = \"crates/scim/src/long.rs\"\nreason = \"{reason}\"\n"
        )
    };
    project.files.insert(SETTINGS.to_owned(), excuse("a table of the RFC"));
    assert_eq!(check(&project).unwrap(), "");
    project.files.insert(SETTINGS.to_owned(), excuse(" "));
    assert!(check(&project).unwrap().contains("has no reason"));
}

#[test]
fn an_excuse_covers_one_word_in_one_file() {
    let mut project = good();
    let code = "//! Formats.\nconst A: &str = \"csv\";\nconst B: &str = \"slack\";\n";
    project.files.insert("crates/runner/src/formats.rs".to_owned(), code.to_owned());
    let settings = "providers = [\"slack\"]\n[[excuse]]\nrule = \"connector-names\"\n\
        path = \"crates/runner/src/formats.rs\"\nwhat = \"csv\"\nreason = \"an output format\"\n";
    project.files.insert(SETTINGS.to_owned(), settings.to_owned());
    let report = check(&project).unwrap();
    assert!(!report.contains("connector-names"), "{report}");
    assert!(report.contains("provider-names"), "{report}");
}

#[test]
fn two_members_with_one_version_each_are_found() {
    let mut project = good();
    for folder in ["crates/scim", "crates/source"] {
        let manifest = project.files.get_mut(&format!("{folder}/Cargo.toml")).unwrap();
        manifest.push_str("url = \"2\"\n");
    }
    let report = check(&project).unwrap();
    let line = "crates/scim/Cargo.toml: `url` is also needed by crates/source/Cargo.toml; move it to [workspace.dependencies]";
    assert!(report.contains(line), "{report}");
}

#[test]
fn a_new_member_must_find_its_place() {
    let mut project = good();
    let member =
        Member { package: "extra".to_owned(), folder: "crates/extra".to_owned(), needs: vec![] };
    project.members.push(member);
    let report = check(&project).unwrap();
    assert!(report.contains("crates/extra/Cargo.toml: is new: write its place"), "{report}");
    assert!(report.contains("is package `extra`; the folder says `peoplesync-extra`"), "{report}");
}

#[test]
fn tests_may_name_connectors_and_providers() {
    let mut project = good();
    let inline = "//! Module.\n#[cfg(test)]\nmod tests {\n    const A: &str = \"csv slack\";\n    const B: &str = \"csv\";\n}\n";
    project.files.insert("crates/runner/src/a.rs".to_owned(), inline.to_owned());
    let beside = "//! Tests.\nconst A: &str = \"csv\";\n";
    let declares = "//! Module.\n#[cfg(test)]\nmod samples;\n";
    project.files.insert("crates/runner/src/b.rs".to_owned(), declares.to_owned());
    project.files.insert("crates/runner/src/b/samples.rs".to_owned(), beside.to_owned());
    project.files.insert("crates/runner/src/b/tests.rs".to_owned(), beside.to_owned());
    project.files.insert("crates/runner/tests/c.rs".to_owned(), beside.to_owned());
    assert_eq!(check(&project).unwrap(), "");
}

#[test]
fn settings_with_a_typo_are_refused() {
    let error = |text: &str| Settings::parse(text).unwrap_err();
    assert_eq!(error("provider = []"), "xtask/tidy.toml: unknown key `provider`");
    assert_eq!(
        error("[[excuse]]\nrule = \"size\"\nfile = \"x\""),
        "xtask/tidy.toml: unknown key `file` in an excuse"
    );
}

#[test]
fn this_repository_is_tidy() {
    if let Err(report) = run(&crate::model::root()) {
        panic!("{report}");
    }
}
