//! The values of a list of objects (`emails`, `addresses`, `roles`), put together part by part from several expressions.

use std::collections::BTreeSet;

use peoplesync_source::Record;

use crate::around::Around;
use crate::attribute::{Attribute, Compiled};
use crate::draft::Draft;
use crate::error::Key;
use crate::expr::eval::{Eval, Fault};
use crate::expr::{Node, Value};
use crate::mapping::{Binding, Mapping};
use crate::target::Scalar;

/// The sub-attributes that have a meaning of their own (RFC 7643 §2.4).
pub(crate) const VALUE: &str = "value";
pub(crate) const TYPE: &str = "type";
pub(crate) const PRIMARY: &str = "primary";

/// One element of a list, or one for each of several values.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    /// Whether there is one for each of the values of `value`.
    pub(crate) each: bool,
    pub(crate) parts: Vec<Part>,
}

/// A sub-attribute of an element.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) key: Key,
    pub(crate) scalar: Scalar,
    /// Whether letter case counts.
    pub(crate) exact: bool,
    pub(crate) source: Compiled,
}

impl Part {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it is the same for everybody.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.source.expr.node, Node::Text(_) | Node::Boolean(_) | Node::Integer(_))
    }
}

/// The list of one record in the making.
struct List<'d> {
    draft: &'d mut Draft,
    elements: Vec<crate::draft::Item>,
    /// What stands in the list already: no value may come twice with the same type (RFC 7643 §2.4).
    seen: BTreeSet<String>,
    primaries: usize,
}

impl Mapping {
    /// Puts the elements of a list into its slot.
    pub(crate) fn fill_elements(
        &self,
        around: &Around<'_>,
        binding: &Binding,
        record: &Record<'_>,
        attribute: &Attribute,
        slot: usize,
        draft: &mut Draft,
    ) -> Eval<()> {
        let (elements, seen) = (Vec::new(), BTreeSet::new());
        let mut list = List { draft, elements, seen, primaries: 0 };
        for (number, element) in attribute.elements.iter().enumerate() {
            let mut values = Vec::with_capacity(element.parts.len());
            for part in &element.parts {
                let machine = self.machine(around, binding, record, &part.source, &part.key.text);
                values.push(machine.value(&part.source.code)?);
            }
            let put = match element.parts.iter().position(|part| part.is(VALUE)) {
                Some(lead) if element.each => list.each(number, element, &values, lead),
                Some(lead) if values.get(lead).is_none_or(Value::is_empty) => Ok(()),
                None if is_nothing(element, &values) => Ok(()),
                _ => list.push(number, element, &values),
            };
            put.map_err(|(part, what)| {
                let part = element.parts.get(part).unwrap_or(&element.parts[0]);
                let machine = self.machine(around, binding, record, &part.source, &part.key.text);
                machine.fault(&part.source.code, what)
            })?;
        }
        if list.primaries > 1 {
            let reason = "has more than one primary value".to_owned();
            return Err(Box::new(Fault { field: None, reason }));
        }
        let List { draft, elements, .. } = list;
        draft.put_elements(slot, attribute, elements);
        Ok(())
    }
}

/// A list has at most one primary value (RFC 7643 §2.4), whichever rules its elements come from.
pub(crate) fn second_primary() -> Box<Fault> {
    let reason = "is true as that of another value is; only one can be primary".to_owned();
    Box::new(Fault { field: None, reason })
}

/// Whether an element without `value` has nothing of its own.
fn is_nothing(element: &Element, values: &[Value<'_>]) -> bool {
    let mut own = element.parts.iter().zip(values).filter(|(part, _)| !part.is_fixed()).peekable();
    own.peek().is_some() && own.all(|(_, value)| value.is_empty())
}

/// The number of a part, and what is wrong with its value.
type Wrong = (usize, &'static str);

impl List<'_> {
    /// One element for each value. Of these only the first can be primary.
    fn each(
        &mut self,
        number: usize,
        element: &Element,
        values: &[Value<'_>],
        lead: usize,
    ) -> Result<(), Wrong> {
        let several = match values.get(lead) {
            Some(Value::List(several)) => several.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let mut first = true;
        for value in several.iter().filter(|value| !value.is_empty()) {
            let one: Vec<Value<'_>> = values
                .iter()
                .zip(&element.parts)
                .enumerate()
                .map(|(index, (other, part))| match index {
                    _ if index == lead => value.borrow(),
                    _ if part.is(PRIMARY) && !first => Value::Null,
                    _ => other.borrow(),
                })
                .collect();
            self.push(number, element, &one)?;
            first = false;
        }
        Ok(())
    }

    fn push(
        &mut self,
        number: usize,
        element: &Element,
        values: &[Value<'_>],
    ) -> Result<(), Wrong> {
        let has_value = element.parts.iter().any(|part| part.is(VALUE));
        let start = self.draft.items();
        let mut identity = String::new();
        for (index, (part, value)) in element.parts.iter().zip(values).enumerate() {
            let item =
                self.draft.part(part.scalar, value.borrow()).map_err(|what| (index, what))?;
            if !has_value || part.is(VALUE) || part.is(TYPE) {
                let text = self.draft.shown(item).unwrap_or_default();
                let text = if part.exact { text } else { peoplesync_scim::value::fold(&text) };
                identity.push_str(&format!("{}={}:{text};", part.name, text.len()));
            }
        }
        let is_new = self.seen.insert(identity);
        if !is_new {
            self.draft.forget_items(start);
            return Ok(());
        }
        let primary = element.parts.iter().position(|part| part.is(PRIMARY));
        let is_primary = primary.is_some_and(|primary| self.draft.is_true_item(start + primary));
        self.primaries += usize::from(is_primary);
        self.elements.push(self.draft.element(number, start));
        Ok(())
    }
}
