//! One sheet: finds its header, then hands out its rows, without those that are hidden and with what merged cells show.

use std::sync::Arc;

use peoplesync_source::Error;

use crate::book::Rows;
use crate::config::{ExcelConfig, HiddenRows, MergedCells};
use crate::facts::Facts;
use crate::header::{Columns, Finder, Header, names};
use crate::line::Line;
use crate::merged::Merged;

/// Takes what a sheet has.
pub(crate) trait People {
    /// The header; comes first. Gives the columns to read, or nothing if no rows are wanted.
    fn header(
        &mut self,
        place: &str,
        header: &Header,
        facts: &Facts,
    ) -> Result<Option<Columns>, Error>;

    /// A row behind the header. `false`: no more rows are wanted.
    fn person(&mut self, current: &Current, line: &Line<'_>) -> Result<bool, Error>;
}

/// The sheet whose rows are being read.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) place: Arc<str>,
    pub(crate) header: Header,
    pub(crate) columns: Columns,
    pub(crate) merged: Merged,
}

/// A sheet while it is read.
pub(crate) struct Sheet<'a, P> {
    place: Arc<str>,
    config: &'a ExcelConfig,
    people: &'a mut P,
    facts: Arc<Facts>,
    state: State,
}

/// The rows up to the header.
struct Looking {
    finder: Finder,
    merged: Merged,
    /// A header whose key is merged down to this row: names may follow in it.
    pending: Option<(Header, u32)>,
}

impl Looking {
    fn new(facts: Arc<Facts>) -> Self {
        Self { finder: Finder::default(), merged: Merged::new(facts), pending: None }
    }
}

enum State {
    Looking(Looking),
    Reading(Box<Current>),
}

impl<'a, P: People> Sheet<'a, P> {
    pub(crate) fn new(place: Arc<str>, config: &'a ExcelConfig, people: &'a mut P) -> Self {
        let facts = Arc::<Facts>::default();
        let state = State::Looking(Looking::new(Arc::clone(&facts)));
        Self { place, config, people, facts, state }
    }

    /// The sheet was read to its end: that it had a header.
    pub(crate) fn end(self) -> Result<(), Error> {
        let State::Looking(Looking { finder, pending, .. }) = self.state else { return Ok(()) };
        let header = match pending {
            Some((header, _)) => header,
            None => finder.end(&self.place, self.config)?,
        };
        self.people.header(&self.place, &header, &self.facts)?;
        Ok(())
    }

    /// A row that may be the header.
    fn look(&mut self, line: &Line<'_>) -> Result<bool, Error> {
        let State::Looking(looking) = &mut self.state else { return Ok(true) };
        if let Some((_, last)) = &looking.pending
            && *last < line.row
            && let Some((header, _)) = looking.pending.take()
        {
            return Ok(self.found(header)? && self.row(line)?);
        }
        let mut names = names(line);
        for (column, above) in looking.merged.name_at(line.row) {
            let column = usize::from(column);
            names.resize(names.len().max(column + 1), String::new());
            if let (Some(name), Some(above)) = (names.get_mut(column), above_name(above))
                && name.is_empty()
            {
                *name = above;
            }
        }
        let Some(header) = looking.finder.row(&self.place, self.config, line, names)? else {
            return Ok(true);
        };
        let key = header.table.names.iter().position(|name| name == self.config.key.trim());
        let key = key.and_then(|key| u16::try_from(key).ok());
        let last = key.and_then(|key| looking.merged.last_row(key)).unwrap_or(line.row);
        if self.config.header_row.is_none() && last > line.row {
            looking.pending = Some((header, last));
            return Ok(true);
        }
        self.found(header)
    }

    /// The header is this one. `false`: no rows are wanted.
    fn found(&mut self, header: Header) -> Result<bool, Error> {
        let Some(columns) = self.people.header(&self.place, &header, &self.facts)? else {
            return Ok(false);
        };
        let State::Looking(looking) = &mut self.state else { return Ok(true) };
        let mut merged = std::mem::replace(&mut looking.merged, Merged::new(Arc::default()));
        let wanted = columns.wanted.iter().map(|(column, _)| *column);
        merged.read_only(wanted.chain([columns.key]));
        let place = Arc::clone(&self.place);
        self.state = State::Reading(Box::new(Current { place, header, columns, merged }));
        Ok(true)
    }
}

/// The name in a cell that reaches down into the header.
fn above_name(above: &Line<'_>) -> Option<String> {
    names(above).pop()
}

impl<P: People> Rows for Sheet<'_, P> {
    fn begin(&mut self, facts: Arc<Facts>) {
        let known = match self.config.merged_cells {
            MergedCells::Fill => Arc::clone(&facts),
            MergedCells::First => Arc::default(),
        };
        self.state = State::Looking(Looking::new(known));
        self.facts = facts;
    }

    fn row(&mut self, line: &Line<'_>) -> Result<bool, Error> {
        let merged = match &mut self.state {
            State::Looking(looking) => &mut looking.merged,
            State::Reading(current) => &mut current.merged,
        };
        merged.go_to(&self.place, line)?;
        // The name of a column may be hidden, the column is not.
        if let State::Looking(..) = self.state {
            return self.look(line);
        }
        if self.config.hidden_rows == HiddenRows::Skip && self.facts.is_hidden(line.row) {
            return Ok(true);
        }
        match &self.state {
            State::Reading(current) => self.people.person(current, line),
            State::Looking(..) => Ok(true),
        }
    }
}
