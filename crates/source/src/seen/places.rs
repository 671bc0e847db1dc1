//! Where each key was, by the order in which they came. Lines that follow each other cost nothing.

use std::sync::Arc;

use crate::Origin;

/// The places of keys.
#[derive(Default)]
pub(super) struct Places {
    len: usize,
    sections: Vec<Section>,
    /// The ordinal of a place, and its number in its section: the places behind it have the numbers behind it, as far as the
    /// next run.
    runs: Vec<(u32, u32)>,
    /// Places with a name of their own.
    names: Vec<Box<str>>,
}

/// Places that differ in nothing but a number.
struct Section {
    /// The first run.
    run: usize,
    kind: Kind,
    /// The place with the number 0.
    base: u64,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Row { file: Arc<str> },
    Cell { sheet: Arc<str>, column: Option<u16> },
    Entry,
}

impl Places {
    /// Adds the place of the next key.
    pub(super) fn push(&mut self, origin: &Origin) {
        let ordinal = u32::try_from(self.len).expect("a source has fewer than 2^32 - 1 keys");
        self.len += 1;
        let number = match origin {
            Origin::Row { row, .. } => *row,
            Origin::Cell { row, .. } => u64::from(*row),
            Origin::Entry(name) => {
                self.names.push(name.clone());
                self.names.len() as u64 - 1
            }
        };
        if let Some(section) = self.sections.last().filter(|section| section.kind.is_of(origin))
            && let Some(number) = number.checked_sub(section.base)
            && let Ok(number) = u32::try_from(number)
        {
            let follows = self.runs.last().is_some_and(|(first, start)| {
                u64::from(ordinal - first) + u64::from(*start) == u64::from(number)
            });
            if !follows {
                self.runs.push((ordinal, number));
            }
            return;
        }
        let kind = Kind::of(origin);
        self.sections.push(Section { run: self.runs.len(), kind, base: number });
        self.runs.push((ordinal, 0));
    }

    /// The place of the key that was the how-manieth, counted from 0.
    pub(super) fn get(&self, ordinal: usize) -> Option<Origin> {
        let after = self.runs.partition_point(|(first, _)| *first as usize <= ordinal);
        let run = after.checked_sub(1)?;
        let (first, start) = *self.runs.get(run)?;
        let after = self.sections.partition_point(|section| section.run <= run);
        let section = self.sections.get(after.checked_sub(1)?)?;
        let number = section.base + u64::from(start) + (ordinal - first as usize) as u64;
        Some(match &section.kind {
            Kind::Row { file } => Origin::Row { file: Arc::clone(file), row: number },
            Kind::Cell { sheet, column } => Origin::Cell {
                sheet: Arc::clone(sheet),
                row: u32::try_from(number).ok()?,
                column: *column,
            },
            Kind::Entry => Origin::Entry(self.names.get(usize::try_from(number).ok()?)?.clone()),
        })
    }
}

impl Kind {
    fn of(origin: &Origin) -> Self {
        match origin {
            Origin::Row { file, .. } => Self::Row { file: Arc::clone(file) },
            Origin::Cell { sheet, column, .. } => {
                Self::Cell { sheet: Arc::clone(sheet), column: *column }
            }
            Origin::Entry(_) => Self::Entry,
        }
    }

    fn is_of(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Row { file }, Origin::Row { file: other, .. }) => is_same(file, other),
            (
                Self::Cell { sheet, column },
                Origin::Cell { sheet: other, column: other_column, .. },
            ) => column == other_column && is_same(sheet, other),
            (Self::Entry, Origin::Entry(_)) => true,
            _ => false,
        }
    }
}

/// The same name; nearly always it is the very same text.
fn is_same(name: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(name, other) || name == other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_follow_each_other_cost_nothing() {
        let mut places = Places::default();
        let file: Arc<str> = "people.csv".into();
        let lines = || (2..500).chain(502..900).chain([903, 904]);
        for row in lines() {
            places.push(&Origin::row(Arc::clone(&file), row));
        }
        assert_eq!((places.sections.len(), places.runs.len()), (1, 3));
        for (ordinal, row) in lines().enumerate() {
            assert_eq!(places.get(ordinal), Some(Origin::row("people.csv", row)));
        }
        assert_eq!(Places::default().get(0), None);
    }
}
