//! Merged cells: a file holds their value in the first of them only, people see it in all.

use std::sync::Arc;

use peoplesync_source::Error;

use crate::facts::{Area, Facts};
use crate::line::{Found, Line};

/// The merged cells around the row that is being read.
#[derive(Debug)]
pub(crate) struct Merged {
    facts: Arc<Facts>,
    /// How many areas began.
    next: usize,
    open: Vec<Open>,
    /// The columns that are read, in order, once they are known.
    columns: Option<Vec<u16>>,
}

/// An area whose first row was read.
#[derive(Debug)]
struct Open {
    area: Area,
    /// Its value; nothing if its first cell is empty.
    value: Option<Line<'static>>,
}

impl Merged {
    pub(crate) fn new(facts: Arc<Facts>) -> Self {
        Self { facts, next: 0, open: Vec::new(), columns: None }
    }

    /// From here on only these columns matter.
    pub(crate) fn read_only(&mut self, columns: impl Iterator<Item = u16>) {
        let mut columns: Vec<u16> = columns.collect();
        columns.sort_unstable();
        columns.dedup();
        self.open.retain(|open| is_read(&columns, open.area));
        self.columns = Some(columns);
    }

    /// Goes on to a row. Areas that lie in each other are refused.
    pub(crate) fn go_to(&mut self, place: &str, line: &Line<'_>) -> Result<(), Error> {
        if self.open.is_empty() && self.next == self.facts.merges().len() {
            return Ok(());
        }
        self.open.retain(|open| open.area.bottom >= line.row);
        while let Some(area) =
            self.facts.merges().get(self.next).filter(|area| area.top <= line.row)
        {
            self.next += 1;
            let is_read = self.columns.as_ref().is_none_or(|columns| is_read(columns, *area));
            if area.bottom >= line.row && is_read {
                let first = line.at(area.left).filter(|_| area.top == line.row);
                let value = first.map(|found| line.keep(found));
                self.open.push(Open { area: *area, value });
            }
        }
        let most = self.columns.as_ref().map_or(usize::MAX, Vec::len);
        if self.open.len() > most {
            let row = line.row + 1;
            let message = format!("{place} has merged cells that lie in each other, at row {row}");
            return Err(Error::malformed(message));
        }
        Ok(())
    }

    /// The value that is seen in a cell of the row, if the cell is one of several merged ones and not the first.
    pub(crate) fn seen_at(
        &self,
        row: u32,
        column: u16,
    ) -> Option<(&Line<'static>, &Found<'static>)> {
        if self.open.is_empty() {
            return None;
        }
        let covers = |area: Area| (area.left..=area.right).contains(&column);
        let is_first = |area: Area| (area.top, area.left) == (row, column);
        let open = self.open.iter().find(|open| covers(open.area) && !is_first(open.area))?;
        let line = open.value.as_ref()?;
        Some((line, line.cells.first()?))
    }

    /// The last row of the merged cells that this column is in.
    pub(crate) fn last_row(&self, column: u16) -> Option<u32> {
        let covers = |open: &&Open| (open.area.left..=open.area.right).contains(&column);
        self.open.iter().find(covers).map(|open| open.area.bottom)
    }

    /// The values that reach down into a row, with their first column: a name belongs to the first column of several merged ones.
    pub(crate) fn name_at(&self, row: u32) -> impl Iterator<Item = (u16, &Line<'static>)> {
        let above = move |open: &&Open| open.area.top < row;
        self.open
            .iter()
            .filter(above)
            .filter_map(|open| Some((open.area.left, open.value.as_ref()?)))
    }
}

fn is_read(columns: &[u16], area: Area) -> bool {
    let from = columns.partition_point(|column| *column < area.left);
    columns.get(from).is_some_and(|column| *column <= area.right)
}
