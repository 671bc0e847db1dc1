//! Which files the paths of the settings mean. Reads folders, not files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peoplesync_source::{Context, Error};

use crate::config::Paths;
use crate::header::nearest;

/// One file of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    /// As the config names it: what origins and messages show.
    pub(crate) name: Arc<str>,
}

/// All files that the paths mean, each once: in the order of the settings, those of a pattern by name.
pub(crate) fn find(cx: &Context, paths: &Paths) -> Result<Vec<SourceFile>, Error> {
    let mut files: Vec<SourceFile> = Vec::new();
    let mut known = BTreeSet::new();
    for path in &paths.0 {
        for file in one(cx, path)? {
            if known.insert(file.path.clone()) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

fn one(cx: &Context, name: &str) -> Result<Vec<SourceFile>, Error> {
    let path = cx.resolve(name);
    let is_pattern = name.contains(['*', '?', '[']);
    if path.exists() || !is_pattern {
        if matches!(path.try_exists(), Ok(false)) {
            return Err(missing(cx, name, &path));
        }
        return Ok(vec![SourceFile { path, name: name.into() }]);
    }
    let base = cx.resolve("");
    let pattern = if Path::new(name).is_absolute() || base.as_os_str().is_empty() {
        name.to_owned()
    } else {
        // Brackets in the folder of the config are no pattern.
        format!("{}/{name}", glob::Pattern::escape(&base.to_string_lossy()))
    };
    let found = glob::glob(&pattern)
        .map_err(|error| Error::config(format!("path `{name}` is no pattern: {}", error.msg)))?;
    let mut files = Vec::new();
    for path in found {
        let path = path.map_err(|error| {
            let folder = shown(&base, error.path());
            crate::error::opening(&folder, error.into())
        })?;
        if path.is_file() {
            let name = shown(&base, &path).into();
            files.push(SourceFile { path, name });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    if files.is_empty() {
        return Err(Error::unavailable(format!("no file matches {name}")).with_hint(place(&base)));
    }
    Ok(files)
}

/// The path as seen from the folder of the config.
fn shown(base: &Path, path: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned()
}

fn missing(cx: &Context, name: &str, path: &Path) -> Error {
    let error = Error::unavailable(format!("{name} does not exist"));
    let siblings: Vec<String> = path
        .parent()
        .and_then(|folder| {
            fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).ok()
        })
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    match nearest(&wanted, siblings.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("the folder has {near}")),
        None => error.with_hint(place(&cx.resolve(""))),
    }
}

fn place(base: &Path) -> String {
    let base = base.display().to_string();
    let base = if base.len() > 1 { base.trim_end_matches('/') } else { &base };
    match base {
        "" | "." => "relative paths start at the folder of the config file".into(),
        base => format!("relative paths start at the folder of the config file, {base}"),
    }
}
