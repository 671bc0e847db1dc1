//! Makes rows of cells: sheets are read cell by cell, and a record is a row.

use calamine::{CellErrorType, Data, DataRef, ExcelDateTime};
use peoplesync_source::Error;

use crate::book::Rows;
use crate::facts::{DATE_1904, Facts, Flaw, MAX_COLUMNS, MAX_ROWS, MOST_DIGITS};

/// What a row may hold in texts of its own.
const LONGEST_ROW: usize = 4 << 20;

/// A row with its cells that are not empty, by column.
#[derive(Debug, Default)]
pub(crate) struct Line<'a> {
    /// Counted from 0.
    pub(crate) row: u32,
    pub(crate) cells: Vec<Found<'a>>,
    /// The texts that the sheet has itself.
    texts: String,
}

/// A cell that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found<'a> {
    /// Counted from 0.
    pub(crate) column: u16,
    /// How many digits its number format shows at least; 0 if that says nothing.
    pub(crate) digits: u8,
    pub(crate) content: Content<'a>,
}

/// What a cell holds. A formula's cell holds what it was when the file was saved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content<'a> {
    /// A text that cells share.
    Shared(&'a str),
    /// A text of the line.
    Own(Span),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// A number that is shown as a date, a time or a duration.
    Serial(ExcelDateTime),
    /// A date or a time as ISO 8601 writes it.
    Iso(Span),
    /// A duration as ISO 8601 writes it.
    Duration(Span),
    /// An error, if it is known which.
    Error(Option<CellErrorType>),
    /// A formula that no program has calculated.
    Uncalculated,
}

/// A run in the texts of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

/// A value of the library, borrowed or not.
pub(crate) trait Given<'a> {
    /// The same as content; texts that are not shared are put at the end of these.
    fn content(&self, texts: &mut String) -> Option<Content<'a>>;
}

fn own(texts: &mut String, text: &str) -> Span {
    let start = texts.len();
    texts.push_str(text);
    Span { start, end: texts.len() }
}

impl<'a> Given<'a> for DataRef<'a> {
    #[inline]
    fn content(&self, texts: &mut String) -> Option<Content<'a>> {
        Some(match self {
            DataRef::SharedString(text) => Content::Shared(text),
            DataRef::String(text) => Content::Own(own(texts, text)),
            DataRef::Float(number) => Content::Float(*number),
            DataRef::Int(number) => Content::Integer(*number),
            DataRef::Bool(value) => Content::Boolean(*value),
            DataRef::DateTime(time) => Content::Serial(*time),
            DataRef::DateTimeIso(text) => Content::Iso(own(texts, text)),
            DataRef::DurationIso(text) => Content::Duration(own(texts, text)),
            DataRef::Error(error) => Content::Error(Some(error.clone())),
            DataRef::Empty => return None,
        })
    }
}

impl<'a> Given<'a> for &'a Data {
    fn content(&self, texts: &mut String) -> Option<Content<'a>> {
        Some(match *self {
            Data::String(text) => Content::Shared(text),
            Data::Float(number) => Content::Float(*number),
            Data::Int(number) => Content::Integer(*number),
            Data::Bool(value) => Content::Boolean(*value),
            Data::DateTime(time) => Content::Serial(*time),
            Data::DateTimeIso(text) => Content::Iso(own(texts, text)),
            Data::DurationIso(text) => Content::Duration(own(texts, text)),
            Data::Error(error) => Content::Error(Some(error.clone())),
            Data::Empty => return None,
        })
    }
}

impl<'a> Line<'a> {
    /// The cell in a column, if it is not empty.
    #[inline]
    pub(crate) fn at(&self, column: u16) -> Option<&Found<'a>> {
        // Most rows have every cell up to theirs.
        match self.cells.get(usize::from(column)) {
            Some(found) if found.column == column => Some(found),
            _ => {
                let at = self.cells.binary_search_by_key(&column, |found| found.column).ok()?;
                self.cells.get(at)
            }
        }
    }

    /// A text of the line.
    #[inline]
    pub(crate) fn text(&self, span: Span) -> &str {
        self.texts.get(span.start..span.end).unwrap_or_default()
    }

    /// A line of one cell of this one, which may outlive the sheet.
    pub(crate) fn keep(&self, found: &Found<'_>) -> Line<'static> {
        let mut texts = String::new();
        let content = match &found.content {
            Content::Shared(text) => Content::Own(own(&mut texts, text)),
            Content::Own(span) => Content::Own(own(&mut texts, self.text(*span))),
            Content::Iso(span) => Content::Iso(own(&mut texts, self.text(*span))),
            Content::Duration(span) => Content::Duration(own(&mut texts, self.text(*span))),
            Content::Integer(number) => Content::Integer(*number),
            Content::Float(number) => Content::Float(*number),
            Content::Boolean(value) => Content::Boolean(*value),
            Content::Serial(serial) => Content::Serial(*serial),
            Content::Error(error) => Content::Error(error.clone()),
            Content::Uncalculated => Content::Uncalculated,
        };
        let Found { column, digits, .. } = *found;
        Line { row: self.row, cells: vec![Found { column, digits, content }], texts }
    }

    /// Whether a cell holds nothing that is seen.
    #[inline]
    pub(crate) fn is_blank(&self, found: &Found<'_>) -> bool {
        match &found.content {
            Content::Shared(text) => text.trim_ascii().is_empty(),
            Content::Own(span) => self.text(*span).trim_ascii().is_empty(),
            _ => false,
        }
    }

    /// Bytes of memory that its cells and texts take.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.cells.as_slice()) + self.texts.len()
    }

    fn clear(&mut self, row: u32) {
        self.row = row;
        self.cells.clear();
        self.texts.clear();
    }
}

/// Takes rows as they are made. A line may be exchanged for another one, which is used again.
pub(crate) trait Lines<'a> {
    /// A row that has cells. `false`: no more rows are wanted.
    fn line(&mut self, line: &mut Line<'a>) -> Result<bool, Error>;
}

impl<'a, R: Rows + ?Sized> Lines<'a> for R {
    fn line(&mut self, line: &mut Line<'a>) -> Result<bool, Error> {
        self.row(line)
    }
}

/// Takes cells and gives rows.
pub(crate) struct Taker<'f, 'r, 'a, L: ?Sized> {
    place: &'f str,
    facts: &'f Facts,
    rows: &'r mut L,
    line: Line<'a>,
    is_sorted: bool,
    /// How many of the known flaws were passed.
    flaws: usize,
}

impl<'f, 'r, 'a, L: Lines<'a> + ?Sized> Taker<'f, 'r, 'a, L> {
    pub(crate) fn new(place: &'f str, facts: &'f Facts, rows: &'r mut L) -> Self {
        Self { place, facts, rows, line: Line::default(), is_sorted: true, flaws: 0 }
    }

    /// Takes a cell whose digits are among the facts.
    pub(crate) fn known_cell(
        &mut self,
        place: (u32, u32),
        value: &impl Given<'a>,
    ) -> Result<bool, Error> {
        let column = u16::try_from(place.1).unwrap_or(u16::MAX);
        let digits = self.facts.shown_digits(place.0, column).unwrap_or(0);
        if digits <= MOST_DIGITS {
            return self.cell(place, value, digits);
        }
        let goes_on = self.cell(place, value, 0)?;
        if let Some(Found { content, .. }) = self.line.cells.last_mut() {
            #[expect(clippy::cast_precision_loss, reason = "days are few")]
            let days = match content {
                Content::Float(number) => *number,
                Content::Integer(number) => *number as f64,
                _ => return Ok(goes_on),
            };
            let kind = calamine::ExcelDateTimeType::DateTime;
            *content = Content::Serial(ExcelDateTime::new(days, kind, digits == DATE_1904));
        }
        Ok(goes_on)
    }

    /// Takes a cell. `false`: no more rows are wanted.
    #[inline]
    pub(crate) fn cell(
        &mut self,
        (row, column): (u32, u32),
        value: &impl Given<'a>,
        digits: u8,
    ) -> Result<bool, Error> {
        if row != self.line.row && !self.go_to(row)? {
            return Ok(false);
        }
        let column = match u16::try_from(column) {
            Ok(column) if u32::from(column) < MAX_COLUMNS => column,
            _ => return Err(self.malformed("has a column that no sheet can have")),
        };
        let Some(content) = value.content(&mut self.line.texts) else { return Ok(true) };
        self.is_sorted &= self.line.cells.last().is_none_or(|last| last.column < column);
        self.line.cells.push(Found { column, digits, content });
        if self.line.texts.len() > LONGEST_ROW {
            return Err(self.malformed("has a row of more than 4 MiB"));
        }
        Ok(true)
    }

    /// The sheet is over.
    pub(crate) fn end(mut self) -> Result<bool, Error> {
        self.go_to(MAX_ROWS)
    }

    /// Gives the open row, and those before this one that hold nothing but flaws.
    fn go_to(&mut self, row: u32) -> Result<bool, Error> {
        if row < self.line.row {
            return Err(self.malformed("has its rows in the wrong order"));
        }
        if row > MAX_ROWS {
            return Err(self.malformed("has a row that no sheet can have"));
        }
        loop {
            if !self.give()? {
                return Ok(false);
            }
            let next = self.facts.flaws().get(self.flaws).map_or(row, |(next, ..)| row.min(*next));
            self.line.clear(next);
            if next == row {
                return Ok(true);
            }
        }
    }

    fn give(&mut self) -> Result<bool, Error> {
        while let Some((row, column, flaw)) = self.facts.flaws().get(self.flaws).copied()
            && row <= self.line.row
        {
            self.flaws += 1;
            if row < self.line.row {
                continue;
            }
            let content = match flaw {
                Flaw::Error => Content::Error(None),
                Flaw::Uncalculated => Content::Uncalculated,
            };
            let known = self.line.cells.iter_mut().find(|cell| cell.column == column);
            match known.map(|cell| &mut cell.content) {
                Some(Content::Error(_)) => {}
                // The library takes what is shown for a text.
                Some(taken) => *taken = content,
                None => {
                    self.line.cells.push(Found { column, digits: 0, content });
                    self.is_sorted = false;
                }
            }
        }
        if !std::mem::replace(&mut self.is_sorted, true) {
            self.line.cells.sort_by_key(|cell| cell.column);
            if self
                .line
                .cells
                .windows(2)
                .any(|pair| matches!(pair, [one, two] if one.column == two.column))
            {
                return Err(self.malformed("has a cell twice"));
            }
        }
        if self.line.cells.is_empty() {
            return Ok(true);
        }
        self.rows.line(&mut self.line)
    }

    fn malformed(&self, what: &str) -> Error {
        let (place, row) = (self.place, self.line.row + 1);
        Error::malformed(format!("{place} {what}, at row {row}"))
            .with_hint("saving it anew in a spreadsheet program may mend it")
    }
}
