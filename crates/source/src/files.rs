//! What connectors of files share: which files the paths of the settings mean, and opening one of them. Feature `files`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::table::nearest;
use crate::{Context, Error, ErrorKind};

/// One path or several, as a setting. `*`, `?`, `[…]` and `**` match file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths(pub Vec<String>);

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// As the config names it: what origins and messages show.
    pub name: Arc<str>,
}

/// A file that was opened, and what it was like then.
#[derive(Debug)]
pub struct OpenFile {
    /// The file.
    pub file: File,
    before: Metadata,
}

impl Paths {
    /// That there is a path, and none is empty.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config).
    pub fn validate(&self) -> Result<(), Error> {
        let is_empty = self.0.is_empty() || self.0.iter().any(|path| path.trim().is_empty());
        if is_empty { Err(Error::config("path is empty")) } else { Ok(()) }
    }

    /// All files that the paths mean, each once: in the order of the settings, those of a pattern by name. Reads folders, not
    /// files.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) for a path without a file, with the nearest name;
    /// [`Config`](ErrorKind::Config) for a pattern that is none.
    pub fn find(&self, cx: &Context) -> Result<Vec<SourceFile>, Error> {
        let mut files: Vec<SourceFile> = Vec::new();
        let mut known = BTreeSet::new();
        for path in &self.0 {
            for file in one(cx, path)? {
                if known.insert(file.path.clone()) {
                    files.push(file);
                }
            }
        }
        Ok(files)
    }
}

impl SourceFile {
    /// Opens the file, if it is a regular one. `extension` is only for the hint on folders: "exports/*.csv names the files".
    ///
    /// # Errors
    /// As [`opening`]; [`Config`](ErrorKind::Config) for a folder, a pipe or a device.
    pub fn open(&self, extension: &str) -> Result<OpenFile, Error> {
        let name = &*self.name;
        let opening = |error| opening(name, error);
        // Asked before opening: opening a pipe would wait for ever.
        let facts = fs::metadata(&self.path).map_err(opening)?;
        if facts.is_dir() {
            let folder = name.trim_end_matches('/');
            return Err(Error::config(format!("{name} is a folder, not a file"))
                .with_hint(format!("{folder}/*.{extension} names the files in it")));
        }
        if !facts.is_file() {
            let why = "it is read twice, so it must stay as it is";
            return Err(Error::config(format!("{name} is not a regular file")).with_hint(why));
        }
        let file = File::open(&self.path).map_err(opening)?;
        let before = file.metadata().map_err(opening)?;
        Ok(OpenFile { file, before })
    }
}

impl OpenFile {
    /// Whether somebody wrote to the file since it was opened. Unknown counts as yes.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let Ok(after) = self.file.metadata() else { return true };
        self.before.len() != after.len() || self.before.modified().ok() != after.modified().ok()
    }

    /// How many bytes it had when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.before.len()
    }
}

/// The error of a file that could not be opened, or whose facts could not be read: [`Unavailable`](ErrorKind::Unavailable), or
/// [`Denied`](ErrorKind::Denied) if it may not be read.
#[must_use]
pub fn opening(name: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::unavailable(format!("{name} does not exist")),
        io::ErrorKind::PermissionDenied => denied(name, error),
        _ => Error::unavailable(format!("{name} cannot be opened")).with_source(error),
    }
}

/// The error of a file that this user may not read.
#[must_use]
pub fn denied(name: &str, error: io::Error) -> Error {
    let message = format!("{name} may not be read by this user");
    Error::new(ErrorKind::Denied, message).with_source(error)
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
        // Brackets in the folder of the config are no pattern. A second slash would match nothing.
        let folder = base.to_string_lossy();
        format!("{}/{name}", glob::Pattern::escape(folder.trim_end_matches('/')))
    };
    let found = glob::glob(&pattern)
        .map_err(|error| Error::config(format!("path `{name}` is no pattern: {}", error.msg)))?;
    let mut files = Vec::new();
    for path in found {
        let path = path.map_err(|error| {
            let folder = shown(&base, error.path());
            opening(&folder, error.into())
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

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PathsVisitor)
    }
}

/// By hand, because an untagged enum would answer every mistake with "did not match any variant".
struct PathsVisitor;

impl<'de> Visitor<'de> for PathsVisitor {
    type Value = Paths;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path or a list of paths")
    }

    fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Paths, E> {
        Ok(Paths(vec![path.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Paths, A::Error> {
        let mut paths = Vec::new();
        while let Some(path) = list.next_element()? {
            paths.push(path);
        }
        Ok(Paths(paths))
    }
}

impl JsonSchema for Paths {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Paths".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A path or a list of paths.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Retry;

    #[test]
    fn missing_can_be_tried_again_and_denied_cannot() {
        let told = |kind: io::ErrorKind| {
            let error = opening("p", io::Error::new(kind, "the system says so"));
            (error.to_string(), error.kind(), error.retry())
        };
        let (missing, denied, other) = (
            told(io::ErrorKind::NotFound),
            told(io::ErrorKind::PermissionDenied),
            told(io::ErrorKind::Other),
        );
        let later = Retry::Later(None);
        assert_eq!(missing, ("p does not exist".into(), ErrorKind::Unavailable, later));
        assert_eq!(
            denied,
            ("p may not be read by this user".into(), ErrorKind::Denied, Retry::Never)
        );
        assert_eq!(other, ("p cannot be opened".into(), ErrorKind::Unavailable, later));
    }

    #[test]
    fn a_pattern_is_seen_from_whatever_the_folder_of_the_config_is_called() {
        // A test runs in the folder of its package.
        let paths = Paths(vec!["Cargo.tom*".into(), "src/fil[e]s.rs".into()]);
        for base in [".", "./", "", "src/..", env!("CARGO_MANIFEST_DIR")] {
            let found = paths.find(&Context::for_tests(base)).unwrap();
            let names: Vec<&str> = found.iter().map(|file| &*file.name).collect();
            assert_eq!(names, ["Cargo.toml", "src/files.rs"], "{base}");
        }
    }

    #[test]
    fn no_path_and_an_empty_path_are_refused() {
        for paths in [vec![], vec![" ".to_owned()]] {
            assert_eq!(Paths(paths).validate().unwrap_err().to_string(), "path is empty");
        }
        assert!(Paths(vec!["people.csv".into()]).validate().is_ok());
    }
}
