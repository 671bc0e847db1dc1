//! What a record should be at the target, in buffers that are used again for the next record.

mod digest;
mod elements;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::attribute::Attribute;
use crate::expr::eval::{MAX_TEXT_BYTES, decimal, whole, whole_decimal};
use crate::expr::{Value, format_time, parse_time};
use crate::mapping::Mapping;
use crate::spec::{OnEmpty, When};
use crate::target::{Scalar, Target};

/// One slot an attribute. Made once for a mapping and filled for each record in turn.
#[derive(Debug, Clone)]
pub struct Draft {
    cells: Vec<Cell>,
    /// The texts of all cells.
    text: String,
    /// The values of all lists.
    items: Vec<Cell>,
    /// Which slots the digest is over: those that are always written.
    always: Vec<bool>,
    /// Which attributes those are.
    layout: [u8; 16],
}

pub(crate) use elements::Item;

/// An attribute that is managed for a record, with a value of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// The attribute's position in [`Mapping::attributes`].
    pub slot: usize,
    /// What it should be.
    pub value: SlotValue,
}

/// What an attribute should be.
#[derive(Debug, Clone, PartialEq)]
pub enum SlotValue {
    /// It should have this value, never null and never an empty list.
    Set(Json),
    /// It should have none.
    Clear,
    /// It should refer to the resource with this key in the same source.
    Reference(String),
    /// A new resource should have the first of these that no other has.
    Choice(Vec<Json>),
}

/// The state of a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cell {
    Leave,
    Clear,
    Text(Run),
    Boolean(bool),
    Integer(i64),
    Decimal(f64),
    /// A run of items.
    List(Run),
    /// The same, of which one is chosen.
    Choice(Run),
    /// An item of a list: an object whose parts are a run of items, as the element of this number in the rule has them.
    Element {
        number: usize,
        parts: Run,
    },
    Reference(Run),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    start: usize,
    end: usize,
}

impl Draft {
    /// An empty draft for this mapping.
    #[must_use]
    pub fn new(mapping: &Mapping) -> Self {
        let always = mapping.attributes.iter().map(|attribute| attribute.when == When::Always);
        let mut draft = Self {
            cells: Vec::new(),
            text: String::new(),
            items: Vec::new(),
            always: always.collect(),
            layout: mapping.layout,
        };
        draft.reset(mapping);
        draft
    }

    /// The references: each slot with the key that it refers to.
    pub fn references(&self) -> impl Iterator<Item = (usize, &str)> {
        self.cells.iter().enumerate().filter_map(|(slot, cell)| match cell {
            Cell::Reference(run) => Some((slot, self.run(*run))),
            _ => None,
        })
    }

    /// All that is not left alone, in the order of the slots, with values of its own. Attributes that are only written on
    /// creation are among them.
    #[must_use]
    pub fn desired(&self, mapping: &Mapping) -> Vec<Slot> {
        let rows = self.cells.iter().zip(&mapping.attributes).enumerate();
        let slots = rows.filter_map(|(slot, (cell, attribute))| {
            let value = self.slot_value(*cell, attribute)?;
            Some(Slot { slot, value })
        });
        slots.collect()
    }

    /// What one slot should be; none if it is left alone.
    pub(crate) fn value(&self, slot: usize, attribute: &Attribute) -> Option<SlotValue> {
        self.slot_value(*self.cells.get(slot)?, attribute)
    }

    /// The text of a slot, or the key that it refers to; none if it holds no text.
    #[must_use]
    pub fn text(&self, slot: usize) -> Option<&str> {
        match self.cells.get(slot)? {
            Cell::Text(run) | Cell::Reference(run) => Some(self.run(*run)),
            _ => None,
        }
    }

    /// Whether a slot has no value, be it left alone or emptied.
    pub(crate) fn has_nothing(&self, slot: usize) -> bool {
        matches!(self.cells.get(slot), None | Some(Cell::Leave | Cell::Clear))
    }

    pub(crate) fn reset(&mut self, mapping: &Mapping) {
        debug_assert_eq!(self.always.len(), mapping.attributes.len(), "a draft of another mapping");
        self.cells.clear();
        self.cells.resize(mapping.attributes.len(), Cell::Leave);
        self.text.clear();
        self.items.clear();
    }

    /// Puts a value into a slot; an empty one as the rule says. An error is what the value is, after "gives" or "holds".
    pub(crate) fn put(
        &mut self,
        slot: usize,
        attribute: &Attribute,
        value: Value<'_>,
    ) -> Result<(), &'static str> {
        let target = attribute.target;
        let cell = match value {
            Value::Leave => {
                if let Some(place) = self.cells.get_mut(slot) {
                    *place = Cell::Leave;
                }
                return Ok(());
            }
            Value::List(values) if target.many => {
                let start = self.items.len();
                for value in values {
                    if let Some(item) = self.scalar(target.scalar, value)? {
                        self.items.push(item);
                    }
                }
                let run = Run { start, end: self.items.len() };
                (run.start < run.end).then_some(Cell::List(run))
            }
            Value::List(mut values) => match values.pop() {
                Some(only) if values.is_empty() => self.single(target, only)?,
                _ => return Err("several values where one is needed; choose one with `Item`"),
            },
            single => self.single(target, single)?,
        };
        self.set(slot, attribute, cell);
        Ok(())
    }

    /// Puts text into a slot, as it is.
    #[inline]
    pub(crate) fn put_text(&mut self, slot: usize, attribute: &Attribute, text: &str) {
        let cell = (!text.is_empty()).then(|| self.push(text));
        self.set(slot, attribute, cell);
    }

    /// Puts proposals into a slot, of which the first that is free will be taken. Empty ones are none.
    pub(crate) fn put_choice<'t>(
        &mut self,
        slot: usize,
        attribute: &Attribute,
        proposals: impl Iterator<Item = std::borrow::Cow<'t, str>>,
    ) {
        let start = self.items.len();
        for proposal in proposals.filter(|proposal| !proposal.trim().is_empty()) {
            let item = self.push(&proposal);
            self.items.push(item);
        }
        let run = Run { start, end: self.items.len() };
        self.set(slot, attribute, (run.start < run.end).then_some(Cell::Choice(run)));
    }

    /// A text that is put together in place.
    pub(crate) fn join(&mut self) -> Joined<'_> {
        let start = self.text.len();
        Joined { draft: self, start }
    }

    fn single(&mut self, target: Target, value: Value<'_>) -> Result<Option<Cell>, &'static str> {
        let cell = self.scalar(target.scalar, value)?;
        if !target.many {
            return Ok(cell);
        }
        Ok(cell.map(|cell| {
            let start = self.items.len();
            self.items.push(cell);
            // What no schema describes is a list only if there are several values.
            if target.scalar == Scalar::Any {
                cell
            } else {
                Cell::List(Run { start, end: start + 1 })
            }
        }))
    }

    #[inline]
    fn set(&mut self, slot: usize, attribute: &Attribute, cell: Option<Cell>) {
        let cell = match cell {
            Some(Cell::Text(run)) if attribute.target.reference => {
                // Keys have no white space at their ends, and are not empty.
                let key = self.run(run);
                let start = run.start + (key.len() - key.trim_start().len());
                let end = start + key.trim().len();
                (start < end).then_some(Cell::Reference(Run { start, end }))
            }
            other => other,
        };
        let empty = match attribute.on_empty {
            OnEmpty::Leave => Cell::Leave,
            OnEmpty::Clear => Cell::Clear,
        };
        if let Some(place) = self.cells.get_mut(slot) {
            *place = cell.unwrap_or(empty);
        }
    }

    /// One value as the schema has it; none for null and empty text.
    fn scalar(&mut self, scalar: Scalar, value: Value<'_>) -> Result<Option<Cell>, &'static str> {
        if value.is_empty() {
            return Ok(None);
        }
        let cell = match (scalar, value) {
            (Scalar::Text | Scalar::Binary | Scalar::Any, Value::Text(text)) => self.push(&text),
            (Scalar::Binary, Value::Bytes(bytes)) => {
                let start = self.text.len();
                STANDARD.encode_string(bytes, &mut self.text);
                Cell::Text(Run { start, end: self.text.len() })
            }
            (_, Value::Bytes(_)) => return Err("bytes where text is needed"),
            (Scalar::Boolean | Scalar::Any, Value::Boolean(value)) => Cell::Boolean(value),
            (Scalar::Boolean, Value::Text(_)) => {
                return Err("text where true or false is needed; compare it, as in `… = \"true\"`");
            }
            (Scalar::Boolean, _) => return Err("a value that is neither true nor false"),
            (Scalar::Integer, value) => match whole(&value) {
                Some(number) => Cell::Integer(number),
                None => return Err("a value that is not a whole number"),
            },
            (Scalar::Decimal, Value::Text(text)) => match decimal(&text) {
                Some(number) => Cell::Decimal(number),
                None => return Err("text that is not a number"),
            },
            (Scalar::Decimal, Value::Integer(number)) => Cell::Decimal(number as f64),
            (Scalar::Any, Value::Integer(number)) => Cell::Integer(number),
            (Scalar::Decimal | Scalar::Any, Value::Decimal(number)) if !number.is_finite() => {
                return Err("a number that is not finite");
            }
            (Scalar::Decimal, Value::Decimal(number)) => Cell::Decimal(number),
            (Scalar::Any, Value::Decimal(number)) => {
                whole_decimal(number).map_or(Cell::Decimal(number), Cell::Integer)
            }
            (Scalar::Decimal, _) => return Err("a value that is not a number"),
            (Scalar::Time, Value::Timestamp(time) | Value::Moment(time)) => {
                self.push(&format_time(time))
            }
            (Scalar::Time, Value::Text(text)) => match parse_time(&text) {
                Some(time) => self.push(&format_time(time)),
                None => return Err("text that is no time such as 2026-01-31T08:30:00Z"),
            },
            (Scalar::Time, _) => return Err("a value that is not a time"),
            (Scalar::Text | Scalar::Binary | Scalar::Any, other) => match other.into_text() {
                Some(text) => self.push(&text),
                None => return Err("several values where one is needed"),
            },
        };
        Ok(Some(cell))
    }

    fn push(&mut self, text: &str) -> Cell {
        let start = self.text.len();
        self.text.push_str(text);
        Cell::Text(Run { start, end: self.text.len() })
    }

    fn run(&self, run: Run) -> &str {
        self.text.get(run.start..run.end).unwrap_or_default()
    }

    fn list(&self, run: Run) -> &[Cell] {
        self.items.get(run.start..run.end).unwrap_or_default()
    }

    fn slot_value(&self, cell: Cell, attribute: &Attribute) -> Option<SlotValue> {
        Some(match cell {
            Cell::Leave => return None,
            Cell::Clear => SlotValue::Clear,
            Cell::Reference(run) => SlotValue::Reference(self.run(run).to_owned()),
            Cell::List(run) => {
                let values = self.list(run).iter().map(|item| match *item {
                    Cell::Element { number, parts } => self.object(number, parts, attribute),
                    item if attribute.target.wrapped => json!({ "value": self.json(item) }),
                    item => self.json(item),
                });
                SlotValue::Set(Json::Array(values.collect()))
            }
            Cell::Choice(run) => {
                SlotValue::Choice(self.list(run).iter().map(|item| self.json(*item)).collect())
            }
            single => SlotValue::Set(self.json(single)),
        })
    }

    fn json(&self, cell: Cell) -> Json {
        match cell {
            Cell::Text(run) => self.run(run).into(),
            Cell::Boolean(value) => value.into(),
            Cell::Integer(number) => number.into(),
            Cell::Decimal(number) => number.into(),
            // The others are no single values.
            Cell::Leave
            | Cell::Clear
            | Cell::List(_)
            | Cell::Choice(_)
            | Cell::Reference(_)
            | Cell::Element { .. } => Json::Null,
        }
    }
}

/// A text in the making, at the end of a draft's texts.
#[derive(Debug)]
pub(crate) struct Joined<'d> {
    draft: &'d mut Draft,
    start: usize,
}

impl Joined<'_> {
    pub(crate) fn push(&mut self, more: &str) -> Result<(), &'static str> {
        if self.draft.text.len() - self.start + more.len() > MAX_TEXT_BYTES {
            return Err("text longer than 1 MiB");
        }
        self.draft.text.push_str(more);
        Ok(())
    }

    pub(crate) fn finish(self, slot: usize, attribute: &Attribute) {
        let run = Run { start: self.start, end: self.draft.text.len() };
        self.draft.set(slot, attribute, (run.start < run.end).then_some(Cell::Text(run)));
    }
}
