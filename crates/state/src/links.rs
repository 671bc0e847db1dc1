//! The lasting pairs of source keys and target ids. Deciding what becomes of them is the planner's.

use peoplesync_reconcile::{Digest, Fingerprint, Link, Standing, Written};
use peoplesync_scim::Resource;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::codec::resource_number;
use crate::error::{Error, Fault, is_unique_violation};
use crate::state::{State, Writing};

/// The columns of a [`Link`], in the order that [`link_of`] reads.
const COLUMNS: &str = "key, id, digest, deactivated_since, absent_since, created, written";

/// What every run reads: the links of one kind in the order in which they are stored.
pub(crate) const INDEX: &str = "SELECT fp, digest, deactivated_since, absent_since IS NOT NULL \
                                FROM links WHERE resource = ? ORDER BY fp";

impl State {
    /// Hands out the index of all links of one kind, in the order of their fingerprints: fingerprint, digest, standing, and
    /// whether the person was absent already. Nothing is collected, so memory stays small. Returns how many there are.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn index(
        &self,
        resource: Resource,
        mut each: impl FnMut(Fingerprint, Digest, &Standing, bool),
    ) -> Result<u64, Error> {
        self.read("read the links", |conn| {
            let mut statement = conn.prepare_cached(INDEX)?;
            let mut rows = statement.query([resource_number(resource)])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let standing = standing_of(row.get(2)?);
                each(Fingerprint(row.get(0)?), Digest(row.get(1)?), &standing, row.get(3)?);
                count += 1;
            }
            Ok(count)
        })
    }

    /// The link of one key.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn link(
        &self,
        resource: Resource,
        fingerprint: Fingerprint,
        key: &str,
    ) -> Result<Option<Link>, Error> {
        Ok(self.links_by_key(resource, &[(fingerprint, key)])?.pop())
    }

    /// The links of these keys, as far as there are any, in the same order. Fastest in the order of the fingerprints.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn links_by_key(
        &self,
        resource: Resource,
        keys: &[(Fingerprint, &str)],
    ) -> Result<Vec<Link>, Error> {
        let sql = select("resource = ? AND fp = ? AND key = ?");
        self.links_of(&sql, keys, |statement, (fingerprint, key), found| {
            let rows = statement.query(params![resource_number(resource), fingerprint.0, key])?;
            collect(rows, found)
        })
    }

    /// All links with these fingerprints: two keys may share one. Fastest in the order of the fingerprints.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn links_by_fingerprint(
        &self,
        resource: Resource,
        fingerprints: &[Fingerprint],
    ) -> Result<Vec<Link>, Error> {
        let sql = select("resource = ? AND fp = ?");
        self.links_of(&sql, fingerprints, |statement, fingerprint, found| {
            collect(statement.query([resource_number(resource), fingerprint.0])?, found)
        })
    }

    /// The links to these accounts, as far as there are any, in the same order.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn links_by_id(&self, resource: Resource, ids: &[&str]) -> Result<Vec<Link>, Error> {
        let sql = select("resource = ? AND id = ?");
        self.links_of(&sql, ids, |statement, id, found| {
            collect(statement.query(params![resource_number(resource), id])?, found)
        })
    }

    /// The links whose key or id contains `needle` (ASCII letters in either case), or all, in the order of their keys: `limit`
    /// of them after the first `offset`. It reads all links once, which is for people to wait for.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn search_links(
        &self,
        resource: Resource,
        needle: Option<&str>,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<Link>, Error> {
        self.read("search the links", |conn| {
            let sql = select(
                "resource = ?1 AND (?2 IS NULL OR key LIKE ?2 ESCAPE '\\' OR id LIKE ?2 ESCAPE '\\') \
                 ORDER BY key, fp LIMIT ?3 OFFSET ?4",
            );
            let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let pattern = needle.map(contains);
            let mut statement = conn.prepare_cached(&sql)?;
            let rows = statement.query(params![
                resource_number(resource),
                pattern,
                whole(limit),
                whole(offset)
            ])?;
            let mut found = Vec::new();
            collect(rows, &mut found)?;
            Ok(found)
        })
    }

    /// Hands out all links of one kind in the order of their keys, for an export of any size. Returns how many there are.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn each_link(&self, resource: Resource, mut each: impl FnMut(Link)) -> Result<u64, Error> {
        self.read("read the links", |conn| {
            let sql = select("resource = ? ORDER BY key, fp");
            let mut statement = conn.prepare_cached(&sql)?;
            let mut rows = statement.query([resource_number(resource)])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                each(link_of(row)?);
                count += 1;
            }
            Ok(count)
        })
    }

    /// How many links there are.
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read.
    pub fn count(&self, resource: Resource) -> Result<u64, Error> {
        self.read("count the links", |conn| {
            let sql = "SELECT count(*) FROM links WHERE resource = ?";
            let count: i64 = conn
                .prepare_cached(sql)?
                .query_row([resource_number(resource)], |row| row.get(0))?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
    }

    /// Writes many links at once, new ones and changed ones: an import, or a rebuilt state. They are sorted here.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if an account belongs to another key already; [`Error::Full`], [`Error::ReadOnly`] and the like. Then
    /// none is written.
    pub fn put_links(
        &mut self,
        resource: Resource,
        links: &[(Fingerprint, Link)],
    ) -> Result<(), Error> {
        let mut sorted: Vec<&(Fingerprint, Link)> = links.iter().collect();
        sorted.sort_by(|(a, left), (b, right)| (a, &left.key).cmp(&(b, &right.key)));
        self.write("write the links", |writing| {
            for (fingerprint, link) in sorted {
                writing.put(resource, *fingerprint, link)?;
            }
            Ok(())
        })
    }

    /// Forgets the link of a key; the account stays as it is. `false` if there was none.
    ///
    /// # Errors
    ///
    /// The state cannot be written.
    pub fn forget(
        &mut self,
        resource: Resource,
        fingerprint: Fingerprint,
        key: &str,
    ) -> Result<bool, Error> {
        self.write("forget the link", |writing| writing.forget(resource, fingerprint, key))
    }

    /// Reads the links of each item through one prepared statement, in one view of the state.
    fn links_of<T>(
        &self,
        sql: &str,
        items: &[T],
        mut read: impl FnMut(&mut rusqlite::Statement<'_>, &T, &mut Vec<Link>) -> rusqlite::Result<()>,
    ) -> Result<Vec<Link>, Error> {
        self.read("read the links", |conn| {
            // Without a transaction of its own, every statement would lock and unlock the file. A reader has one open.
            let view =
                if conn.is_autocommit() { Some(conn.unchecked_transaction()?) } else { None };
            let mut statement = conn.prepare_cached(sql)?;
            let mut found = Vec::with_capacity(items.len());
            for item in items {
                read(&mut statement, item, &mut found)?;
            }
            drop(view);
            Ok(found)
        })
    }
}

impl Writing<'_> {
    /// Writes the link of a key.
    pub(crate) fn put(
        &mut self,
        resource: Resource,
        fingerprint: Fingerprint,
        link: &Link,
    ) -> Result<(), Fault> {
        let written = self
            .transaction
            .prepare_cached(
                "INSERT INTO links \
                 (resource, fp, key, id, digest, deactivated_since, absent_since, created, written) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
                 ON CONFLICT (resource, fp, key) DO UPDATE SET id = ?4, digest = ?5, \
                 deactivated_since = ?6, absent_since = ?7, created = ?8, written = ?9",
            )?
            .execute(params![
                resource_number(resource),
                fingerprint.0,
                link.key,
                link.id,
                link.digest.0,
                deactivated_since(link.standing),
                link.absent_since,
                link.created,
                link.written.to_bytes()
            ]);
        match written {
            Ok(_) => {
                self.links_moved = true;
                Ok(())
            }
            Err(error) if is_unique_violation(&error) => {
                Err(self.conflict(resource, link)?.unwrap_or(Fault::Sqlite(error)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets the link of a key; `false` if there was none.
    pub(crate) fn forget(
        &mut self,
        resource: Resource,
        fingerprint: Fingerprint,
        key: &str,
    ) -> Result<bool, Fault> {
        let rows = self
            .transaction
            .prepare_cached("DELETE FROM links WHERE resource = ? AND fp = ? AND key = ?")?
            .execute(params![resource_number(resource), fingerprint.0, key])?;
        self.links_moved |= rows > 0;
        Ok(rows > 0)
    }

    /// Who has the account of a link that could not be written.
    fn conflict(&self, resource: Resource, link: &Link) -> rusqlite::Result<Option<Fault>> {
        let holder = self
            .transaction
            .query_row(
                "SELECT key FROM links WHERE resource = ? AND id = ?",
                params![resource_number(resource), link.id],
                |row| row.get(0),
            )
            .optional()?;
        Ok(holder.map(|holder| Fault::Conflict {
            id: link.id.clone(),
            holder,
            key: link.key.clone(),
        }))
    }
}

/// The query for whole links.
pub(crate) fn select(which: &str) -> String {
    format!("SELECT {COLUMNS} FROM links WHERE {which}")
}

fn collect(mut rows: rusqlite::Rows<'_>, found: &mut Vec<Link>) -> rusqlite::Result<()> {
    while let Some(row) = rows.next()? {
        found.push(link_of(row)?);
    }
    Ok(())
}

fn link_of(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link {
        key: row.get(0)?,
        id: row.get(1)?,
        digest: Digest(row.get(2)?),
        standing: standing_of(row.get(3)?),
        absent_since: row.get(4)?,
        created: row.get(5)?,
        written: Written::from_bytes(row.get_ref(6)?.as_blob()?),
    })
}

fn standing_of(deactivated_since: Option<i64>) -> Standing {
    match deactivated_since {
        None => Standing::Active,
        Some(since) => Standing::Deactivated { since },
    }
}

fn deactivated_since(standing: Standing) -> Option<i64> {
    match standing {
        Standing::Active => None,
        Standing::Deactivated { since } => Some(since),
    }
}

/// A LIKE pattern for texts that contain this one.
fn contains(needle: &str) -> String {
    let mut pattern = String::from("%");
    for c in needle.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
