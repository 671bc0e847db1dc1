//! Lists of objects in the buffers of a draft: the parts of an element stand side by side among the items, the elements of a
//! list behind them.

use serde_json::{Map, Value as Json};

use super::{Cell, Draft, Run};
use crate::attribute::Attribute;
use crate::expr::Value;
use crate::target::Scalar;

/// A part, or an element, that was put into a draft.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item(Cell);

impl Draft {
    /// How many items there are.
    pub(crate) fn items(&self) -> usize {
        self.items.len()
    }

    /// Adds the next part of an element; one without a value keeps its place.
    pub(crate) fn part(&mut self, scalar: Scalar, value: Value<'_>) -> Result<Item, &'static str> {
        let value = match value {
            Value::List(mut values) if values.len() == 1 => values.remove(0),
            other => other,
        };
        let cell = self.scalar(scalar, value)?.unwrap_or(Cell::Leave);
        self.items.push(cell);
        Ok(Item(cell))
    }

    /// The element whose parts were added since there were so many items.
    pub(crate) fn element(&self, number: usize, start: usize) -> Item {
        Item(Cell::Element { number, parts: Run { start, end: self.items.len() } })
    }

    /// Takes the parts of an element back.
    pub(crate) fn forget_items(&mut self, start: usize) {
        self.items.truncate(start);
    }

    /// The value of a part as text, for comparing.
    pub(crate) fn shown(&self, item: Item) -> Option<String> {
        match item.0 {
            Cell::Leave => None,
            Cell::Text(run) => Some(self.run(run).to_owned()),
            other => Some(self.json(other).to_string()),
        }
    }

    pub(crate) fn is_true_item(&self, at: usize) -> bool {
        self.items.get(at) == Some(&Cell::Boolean(true))
    }

    /// Whether a slot holds `true`.
    pub(crate) fn is_true(&self, slot: usize) -> bool {
        self.cells.get(slot) == Some(&Cell::Boolean(true))
    }

    /// Puts a list of elements into a slot.
    pub(crate) fn put_elements(&mut self, slot: usize, attribute: &Attribute, list: Vec<Item>) {
        let start = self.items.len();
        self.items.extend(list.into_iter().map(|Item(element)| element));
        let run = Run { start, end: self.items.len() };
        self.set(slot, attribute, (run.start < run.end).then_some(Cell::List(run)));
    }

    /// The object of an element, with the names that its rule has.
    pub(super) fn object(&self, number: usize, parts: Run, attribute: &Attribute) -> Json {
        let named = attribute.elements.get(number).into_iter().flat_map(|element| &element.parts);
        let members = named
            .zip(self.list(parts))
            .filter(|(_, cell)| **cell != Cell::Leave)
            .map(|(part, cell)| (part.name.clone(), self.json(*cell)));
        Json::Object(Map::from_iter(members))
    }
}
