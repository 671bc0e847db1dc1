//! What the service provider holds: resources as ready-made bytes, found by id, position or indexed value.
//! It knows neither requests nor schemas; what is put into it has been checked.

mod index;
mod journal;
mod table;

use std::collections::BTreeSet;
use std::path::Path as FilePath;

use axum::body::Bytes;
use peoplesync_scim::Resource;
use serde_json::{Map, Value as Json, json};

pub(crate) use self::index::Lookup;
use self::journal::{Entry, Journal};
pub(crate) use self::table::{Row, RowRef, Table};
use crate::Error;

/// All resources, and the file that keeps them.
#[derive(Debug)]
pub(crate) struct Store {
    users: Table,
    groups: Table,
    /// How many ids were given out, so that none is given twice (RFC 7643 §3.1).
    ids: u64,
    /// Start of `meta.location`.
    base: String,
    etag: bool,
    /// Whether ids are numbers.
    numbers: bool,
    journal: Option<Journal>,
    /// Names of accounts that were deleted and that nobody may have again, in small letters; not in the file.
    kept_names: BTreeSet<String>,
}

/// `meta` but for what follows from the resource.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) created: String,
    pub(crate) modified: String,
}

impl Store {
    pub(crate) fn new(base: String, etag: bool) -> Self {
        let (users, groups) = (Table::new(Resource::User), Table::new(Resource::Group));
        Self {
            users,
            groups,
            ids: 0,
            base,
            etag,
            numbers: false,
            journal: None,
            kept_names: BTreeSet::new(),
        }
    }

    /// Reads what the file holds and writes every further change to it. A missing file is a new one.
    pub(crate) fn open(base: String, etag: bool, file: &FilePath) -> Result<Self, Error> {
        let mut store = Self::new(base, etag);
        let (mut journal, ids) = Journal::open(file, |entry| match entry {
            Entry::Put { resource, version, ids, body } => {
                store.ids = store.ids.max(ids);
                store.put(resource, body, version);
            }
            Entry::Delete { resource, id } => {
                store.table_mut(resource).remove(&id);
            }
        })?;
        store.ids = store.ids.max(ids);
        journal.compact(store.ids, store.tables().flat_map(Table::rows))?;
        store.journal = Some(journal);
        Ok(store)
    }

    /// Gives out numbers as ids, from now on.
    pub(crate) fn with_numbers(mut self, numbers: bool) -> Self {
        self.numbers = numbers;
        self
    }

    /// The name of this account is given to nobody any more.
    pub(crate) fn keep_name(&mut self, account: &Json) {
        self.kept_names.extend(account["userName"].as_str().map(str::to_lowercase));
    }

    pub(crate) fn is_kept_name(&self, name: &str) -> bool {
        !self.kept_names.is_empty() && self.kept_names.contains(&name.to_lowercase())
    }

    pub(crate) fn table(&self, resource: Resource) -> &Table {
        match resource {
            Resource::User => &self.users,
            Resource::Group => &self.groups,
        }
    }

    /// The address of a resource.
    pub(crate) fn location(&self, resource: Resource, id: &str) -> String {
        format!("{}{}/{}", self.base, resource.endpoint(), encoded(id))
    }

    /// The groups that name this id among their members.
    pub(crate) fn groups_of(&self, id: &str) -> Vec<RowRef> {
        // Letter case does not count here. Reading each group to tell apart ids that differ in nothing else would cost
        // more than it is worth: this service gives out no such ids.
        self.groups.lookup(&Lookup::Value("members", id))
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        [&self.users, &self.groups].into_iter()
    }

    fn table_mut(&mut self, resource: Resource) -> &mut Table {
        match resource {
            Resource::User => &mut self.users,
            Resource::Group => &mut self.groups,
        }
    }

    /// An id that no resource has had before. Looks like a UUID, and is the same in each run.
    pub(crate) fn new_id(&mut self) -> String {
        loop {
            self.ids += 1;
            let (a, b) = (scramble(2 * self.ids), scramble(2 * self.ids + 1));
            // As long as the numbers of real services, which do not fit into 32 bits.
            let number = 100_000_000_000_000 + (a % 1_000_000_000) * 100_000 + self.ids % 100_000;
            let id = match self.numbers {
                true => number.to_string(),
                false => format!(
                    "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                    a >> 32,
                    (a >> 16) & 0xffff,
                    a & 0xfff,
                    b >> 52,
                    b & 0xffff_ffff_ffff
                ),
            };
            if self.tables().all(|table| table.get(&id).is_none()) {
                return id;
            }
        }
    }

    /// Adds a resource, or puts one in the place of the one with the same id.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub(crate) fn save(
        &mut self,
        resource: Resource,
        body: Map<String, Json>,
        stamp: &Stamp,
    ) -> Result<RowRef, Error> {
        let id = body.get("id").and_then(Json::as_str).unwrap_or_default();
        let version = self.table(resource).get(id).map_or(1, |row| row.version + 1);
        let mut body = body;
        let meta = json!({
            "resourceType": resource.name(),
            "created": stamp.created,
            "lastModified": stamp.modified,
        });
        body.insert("meta".to_owned(), meta);
        let body = Json::Object(body);
        if let Some(journal) = &mut self.journal {
            journal.put(resource, version, self.ids, &body)?;
        }
        Ok(self.put(resource, body, version))
    }

    /// Removes a resource; whether there was one.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub(crate) fn delete(&mut self, resource: Resource, id: &str) -> Result<bool, Error> {
        if self.table(resource).get(id).is_none() {
            return Ok(false);
        }
        if let Some(journal) = &mut self.journal {
            journal.delete(resource, id)?;
        }
        Ok(self.table_mut(resource).remove(id))
    }

    /// Completes `meta` and files the resource.
    fn put(&mut self, resource: Resource, mut body: Json, version: u64) -> RowRef {
        let id = body.get("id").and_then(Json::as_str).unwrap_or_default().to_owned();
        if let Some(Json::Object(meta)) = body.get_mut("meta") {
            let location = self.location(resource, &id);
            meta.insert("location".to_owned(), location.into());
            if self.etag {
                meta.insert("version".to_owned(), tag(version).into());
            } else {
                meta.remove("version");
            }
        }
        let name = ["userName", "displayName"].iter().find_map(|name| body.get(name)?.as_str());
        let row = Row {
            id: id.as_str().into(),
            version,
            name: name.unwrap_or_default().into(),
            bytes: Bytes::from(body.to_string()),
        };
        self.table_mut(resource).put(row, &body)
    }
}

/// The entity tag of a version, as in `ETag` and `meta.version`.
pub(crate) fn tag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// An id as one segment of a path.
pub(crate) fn encoded(id: &str) -> impl std::fmt::Display + '_ {
    const KEPT: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(id, &KEPT)
}

/// Scatters a number over 64 bits, so that ids do not look alike (splitmix64).
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
