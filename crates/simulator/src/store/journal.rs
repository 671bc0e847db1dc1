//! The file in which the resources outlive the process: JSON lines, one a change, rewritten without history on start.
//! A change is in the file before it is answered; a line cut off by a crash at the very end is left out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use peoplesync_scim::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::table::RowRef;
use crate::Error;

/// The form of the file, in its first line.
const FORM: u32 = 1;

/// The open file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Held while the file is in use. A file beside it, because compaction puts a new file in the place of the old.
    _lock: File,
}

/// One line after the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Entry {
    /// A resource was added or changed.
    Put { resource: Resource, version: u64, ids: u64, body: Json },
    /// A resource is gone.
    Delete { resource: Resource, id: String },
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum EntryRef<'a> {
    Put { resource: Resource, version: u64, ids: u64, body: &'a Json },
    Delete { resource: Resource, id: &'a str },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The form of the file.
    simulator: u32,
    ids: u64,
}

impl Journal {
    /// Opens the file, or makes one, and hands over what it holds, line by line. Also says how many ids were given
    /// out when its first line was written.
    pub(super) fn open(path: &Path, entry: impl FnMut(Entry)) -> Result<(Self, u64), Error> {
        let fail = |what: &str, error: io::Error| {
            Error::new(format!("{what} {}", path.display())).because(error)
        };
        let lock = lock(path)?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let file = options.open(path).map_err(|error| fail("cannot open", error))?;
        let ids = read(&file, path, entry)?;
        Ok((Self { path: path.to_owned(), file, _lock: lock }, ids))
    }

    pub(super) fn put(
        &mut self,
        resource: Resource,
        version: u64,
        ids: u64,
        body: &Json,
    ) -> Result<(), Error> {
        self.append(&EntryRef::Put { resource, version, ids, body })
    }

    pub(super) fn delete(&mut self, resource: Resource, id: &str) -> Result<(), Error> {
        self.append(&EntryRef::Delete { resource, id })
    }

    /// One `write` a line, so that a killed process leaves whole lines.
    fn append(&mut self, entry: &EntryRef<'_>) -> Result<(), Error> {
        let write = || -> io::Result<()> { (&self.file).write_all(&line(entry)?) };
        write().map_err(|error| self.unwritable(error))
    }

    /// Writes the present state to a new file and puts it in the place of the old one.
    pub(super) fn compact<'a>(
        &mut self,
        ids: u64,
        rows: impl Iterator<Item = &'a RowRef>,
    ) -> Result<(), Error> {
        let fresh = beside(&self.path, ".new");
        let write = || -> io::Result<File> {
            let mut out = BufWriter::new(File::create(&fresh)?);
            out.write_all(&line(&Head { simulator: FORM, ids })?)?;
            for row in rows {
                let body = row.value();
                let group =
                    body.pointer("/meta/resourceType").and_then(Json::as_str) == Some("Group");
                let resource = if group { Resource::Group } else { Resource::User };
                let entry = EntryRef::Put { resource, version: row.version, ids, body: &body };
                out.write_all(&line(&entry)?)?;
            }
            out.into_inner()?.sync_all()?;
            std::fs::rename(&fresh, &self.path)?;
            OpenOptions::new().append(true).open(&self.path)
        };
        self.file = write().map_err(|error| self.unwritable(error))?;
        Ok(())
    }

    fn unwritable(&self, error: io::Error) -> Error {
        Error::new(format!("cannot write {}", self.path.display())).because(error)
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let beside = beside(path, ".lock");
    let file = File::create(&beside).map_err(|error| {
        Error::new(format!("cannot create {}", beside.display())).because(error)
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(format!("{} is in use by another simulator", path.display())))
        }
        Err(TryLockError::Error(error)) => {
            Err(Error::new(format!("cannot lock {}", beside.display())).because(error))
        }
    }
}

fn read(file: &File, path: &Path, mut entry: impl FnMut(Entry)) -> Result<u64, Error> {
    let wrong = |number: usize, message: String| {
        Error::new(format!("{}:{number}: {message}", path.display()))
    };
    let mut lines = BufReader::new(file);
    let mut ids = 0;
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let length = lines.read_until(b'\n', &mut text).map_err(|error| {
            Error::new(format!("cannot read {}", path.display())).because(error)
        })?;
        if length == 0 {
            break;
        }
        if number == 1 {
            let head: Head = serde_json::from_slice(&text).map_err(|_| {
                wrong(1, "this is not the file of a simulator; it is left as it is".to_owned())
            })?;
            if head.simulator != FORM {
                let form = head.simulator;
                return Err(wrong(1, format!("form {form} of the file is not known, only {FORM}")));
            }
            ids = head.ids;
            continue;
        }
        match serde_json::from_slice(&text) {
            Ok(read) => entry(read),
            // Cut off while it was written, so never answered.
            Err(_) if text.last() != Some(&b'\n') => break,
            Err(error) => return Err(wrong(number, format!("not a change: {error}"))),
        }
    }
    Ok(ids)
}

fn line(entry: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
