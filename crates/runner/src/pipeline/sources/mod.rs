//! Where people come from: one source, which is read as it is, or several, whose records are merged by key.

mod held;
mod merge;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use peoplesync_source::{Context, Query, Records, Source};

use super::patient::{self, Patient};
use super::read::unreadable;
use crate::config::{ConfigErrors, Loaded};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::registry;
pub(super) use held::Holding;
use merge::Merged;
pub(super) use merge::SOURCES;
use table::{Column, Table};

/// All sources of a config, the one whose values count first.
#[derive(Debug)]
pub(crate) struct Sources {
    all: Vec<Named>,
}

/// A source of a config.
#[derive(Debug)]
pub(crate) struct Named {
    /// Its name; none for the only one.
    pub(crate) name: Option<String>,
    /// What messages call it.
    pub(crate) title: String,
    pub(crate) source: Box<dyn Source>,
    retries: u32,
}

/// A pass over everybody.
pub(crate) struct Opened {
    pub(crate) records: Box<dyn Records>,
    /// The sources that were not read completely; only where there are several.
    pub(crate) unread: Vec<Unread>,
}

/// A source that was not read completely, while others were read.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    /// Which, in the order of the config.
    pub(crate) at: usize,
    /// What happened, as a fragment.
    pub(crate) reason: String,
    /// Whether nothing of it could be used at all.
    pub(crate) failed: bool,
}

impl Sources {
    /// Understands the sources of a config; all errors at once.
    pub(crate) fn new(loaded: &Loaded) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let mut all = Vec::new();
        for (name, table) in loaded.config.sources() {
            let place: Vec<&str> = match name {
                Some(name) => vec!["sources", name],
                None => vec!["source"],
            };
            match registry::source_at(loaded, table, &place) {
                Ok(source) => {
                    let patience = Duration::from_secs(table.timeout_secs.max(1));
                    all.push(Named {
                        name: name.map(str::to_owned),
                        title: name.map_or_else(|| table.name(), str::to_owned),
                        source: Box::new(Patient::new(source, patience)),
                        retries: table.retries,
                    });
                }
                Err(found) => errors.extend(found.into_inner()),
            }
        }
        if errors.is_empty() { Ok(Self { all }) } else { Err(ConfigErrors::new(errors)) }
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Named> {
        self.all.iter()
    }

    /// The only one, if there is no other.
    pub(crate) fn only(&self) -> Option<&Named> {
        match self.all.as_slice() {
            [only] if only.name.is_none() => Some(only),
            _ => None,
        }
    }

    /// The first is read from elsewhere: for simulations.
    #[cfg(test)]
    pub(crate) fn read_from(&mut self, source: Box<dyn Source>) {
        self.all[0].source = source;
    }

    /// What reports call them.
    pub(crate) fn title(&self) -> String {
        self.titles(", ")
    }

    /// What reasons call them: "no longer in hr or directory".
    pub(crate) fn title_in_reasons(&self) -> String {
        self.titles(" or ")
    }

    fn titles(&self, between: &str) -> String {
        self.all.iter().map(|named| named.title.as_str()).collect::<Vec<_>>().join(between)
    }

    /// The fields that an expression may name, if all sources say which they have: those of all, and each with the name of its
    /// source in front.
    pub(crate) async fn fields(&self, cx: &Context) -> Option<Vec<String>> {
        if let Some(only) = self.only() {
            // What is wrong with the source itself, opening it says better.
            return only.source.fields(cx).await.ok().flatten();
        }
        let mut known = BTreeSet::new();
        for named in &self.all {
            let fields = named.source.fields(cx).await.ok().flatten()?;
            known.extend(named.qualified(&fields));
            known.extend(fields);
        }
        Some(known.into_iter().collect())
    }

    /// Starts one pass over everybody. Several sources are read side by side, each to its end, before the first record comes;
    /// as long as one of them can be read, the others may fail.
    pub(crate) async fn open(&self, cx: &Context, query: &Query) -> Outcome<Opened> {
        if let Some(only) = self.only() {
            let records = only.source.open(cx, query).await.map_err(unreadable)?;
            return Ok(Opened { records, unread: Vec::new() });
        }
        let names: Vec<String> = match &query.fields {
            Some(fields) => fields.clone(),
            None => self.fields(cx).await.unwrap_or_default(),
        };
        let others: Vec<&str> = self.all.iter().map(|named| named.title.as_str()).collect();
        let reads = self.all.iter().map(|named| async {
            let read = || async {
                let columns = named.columns(cx, &names, &others).await;
                Table::read(&*named.source, cx, columns).await.map_err(Failure::from)
            };
            patient::again(named.retries, read).await
        });
        let mut tables = Vec::new();
        let mut unread = Vec::new();
        let mut failures = Vec::new();
        for (at, (named, read)) in self.all.iter().zip(join_all(reads).await).enumerate() {
            match read {
                Ok(table) => {
                    unread.extend(table.gap().map(|reason| Unread { at, reason, failed: false }));
                    tables.push(Some(table));
                }
                // A mistake in the config is mended there, and is no outage.
                Err(failure) if failure.exit() != Exit::Source => {
                    return Err(failure.about(&format!("cannot read the source {}", named.title)));
                }
                Err(failure) => {
                    unread.push(Unread { at, reason: failure.line(), failed: true });
                    failures
                        .push(failure.about(&format!("cannot read the source {}", named.title)));
                    tables.push(None);
                }
            }
        }
        if tables.iter().all(Option::is_none)
            && let Some(first) = failures.into_iter().next()
        {
            return Err(first);
        }
        let titles = self.all.iter().map(|named| named.title.clone()).collect();
        let records = Box::new(Merged::new(names, tables, titles, !unread.is_empty()));
        Ok(Opened { records, unread })
    }
}

impl Named {
    /// These fields with the name of the source in front, if it has one.
    pub(crate) fn qualified<'a>(
        &'a self,
        fields: &'a [String],
    ) -> impl Iterator<Item = String> + 'a {
        let name = self.name.iter();
        name.flat_map(|name| fields.iter().map(move |field| format!("{name}.{field}")))
    }

    /// Which of these names are to be asked of this source, and as what. A source that does not say what it has is asked for
    /// every name that is not another's.
    async fn columns(
        &self,
        cx: &Context,
        names: &[String],
        others: &[&str],
    ) -> Vec<Option<Column>> {
        let known = self.source.fields(cx).await.ok().flatten();
        let has = |field: &str| {
            known.as_ref().is_none_or(|known| known.iter().any(|known| known == field))
        };
        let of_this = |name: &String| {
            let field = match name.split_once('.') {
                Some((source, field)) if self.name.as_deref() == Some(source) => field,
                // A source that is asked for a field of another would say that it does not have it.
                Some((source, _)) if others.contains(&source) => return None,
                _ => name,
            };
            has(field).then(|| Column::new(field))
        };
        names.iter().map(of_this).collect()
    }
}
