//! The repository as data: its members from `cargo metadata`, its files as text. The rules of `tidy` see nothing else,
//! so that a test can give them a repository that does not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::shell::{self, Result};

/// What stands before a folder's name in its package's name.
pub(crate) const PREFIX: &str = "peoplesync-";

/// The repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Project {
    /// The members of the workspace, by folder.
    pub(crate) members: Vec<Member>,
    /// All packages that a crate needs to run, by the folder of the crate. Only of crates that must stay pure.
    pub(crate) closures: BTreeMap<String, BTreeSet<String>>,
    /// Every file with its text, by its path from the root, with `/`. What is no UTF-8 has no text.
    pub(crate) files: BTreeMap<String, String>,
}

/// A member of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) package: String,
    /// From the root, with `/`: `crates/source`.
    pub(crate) folder: String,
    pub(crate) needs: Vec<Need>,
}

/// A direct dependency.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    pub(crate) package: String,
    pub(crate) dev: bool,
}

impl Project {
    /// Reads the repository.
    pub(crate) fn read(root: &Path, pure: &[&str]) -> Result<Self> {
        let metadata = metadata(root, MetadataCommand::new().no_deps())?;
        let mut members: Vec<Member> = metadata
            .workspace_packages()
            .into_iter()
            .map(|package| member(&metadata, package))
            .collect();
        members.sort_by(|a, b| a.folder.cmp(&b.folder));
        let mut closures = BTreeMap::new();
        for member in members.iter().filter(|member| pure.contains(&member.folder.as_str())) {
            closures.insert(member.folder.clone(), closure(root, &member.package)?);
        }
        Ok(Self { members, closures, files: files(root)? })
    }

    /// The folder names below `connectors/`: the kinds.
    pub(crate) fn connectors(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.members
            .iter()
            .filter_map(|member| Some((member.folder.strip_prefix("connectors/")?, member)))
    }

    /// The member that a file belongs to.
    pub(crate) fn member_of(&self, path: &str) -> Option<&Member> {
        self.members.iter().find(|member| {
            path.strip_prefix(member.folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// All Rust files with their text.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().filter(|(path, _)| path.ends_with(".rs"));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

/// The root of the repository that this xtask was built from.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_owned(), Path::to_owned)
}

/// What cargo knows about the repository.
pub(crate) fn metadata(root: &Path, command: &mut MetadataCommand) -> Result<Metadata> {
    command.manifest_path(root.join("Cargo.toml")).exec().map_err(|error| error.to_string())
}

fn member(metadata: &Metadata, package: &cargo_metadata::Package) -> Member {
    let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
    let folder = folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder);
    let needs = package.dependencies.iter().map(|dependency| Need {
        package: dependency.name.clone(),
        dev: dependency.kind == DependencyKind::Development,
    });
    Member {
        package: package.name.to_string(),
        folder: folder.as_str().replace('\\', "/"),
        needs: needs.collect(),
    }
}

/// All packages in the tree of normal dependencies, with the features that this package alone asks for. (The resolve of
/// `cargo metadata` joins the features of the whole workspace, and would show what only the runner turns on.)
fn closure(root: &Path, package: &str) -> Result<BTreeSet<String>> {
    let tree = shell::capture(shell::cargo(root).args([
        "tree",
        "--quiet",
        "--package",
        package,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    Ok(tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Every file that is tracked, or would be if it were added.
fn files(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let paths = match shell::capture(&mut git) {
        Ok(list) => list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect(),
        // An unpacked archive, a copy, or a machine without git.
        Err(_) => walk(root)?,
    };
    let mut files = BTreeMap::new();
    for path in paths {
        // A tracked file may be deleted in the work tree.
        let Ok(bytes) = std::fs::read(root.join(&path)) else { continue };
        files.insert(path, String::from_utf8(bytes).unwrap_or_default());
    }
    Ok(files)
}

/// Folders that hold what is built, or belong to git.
const BUILT: &[&str] = &["target", ".git", "__pycache__"];

/// Every file below a folder but for those that are built, from the folder on, with `/`.
pub(crate) fn walk(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root.join(&folder))
            .map_err(|error| format!("cannot read the folder `{folder}`: {error}"))?;
        for entry in entries {
            let entry =
                entry.map_err(|error| format!("cannot read the folder `{folder}`: {error}"))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && BUILT.contains(&name.as_str()) => {}
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}
