//! One record, step by step, for people.

use peoplesync_source::Record;

use crate::around::Around;
use crate::attribute::Compiled;
use crate::draft::{Draft, SlotValue};
use crate::error::MapError;
use crate::expr::Node;
use crate::mapping::{Binding, Mapping, Scope};

/// How a mapping came to its result for one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The scope; none if everybody is in scope.
    pub scope: Option<ScopeStep>,
    /// The attributes by slot, also for a record that is out of scope.
    pub attributes: Vec<AttributeStep>,
}

/// What the scope says of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeStep {
    /// The expression.
    pub expression: String,
    /// The fields that it reads.
    pub fields: Vec<Reading>,
    /// Whether it holds.
    pub holds: Result<bool, MapError>,
    /// The parts of a scope that is a chain of `and` or of `or`, each with what it says; empty for any other.
    pub clauses: Vec<(String, Result<bool, MapError>)>,
}

/// How one attribute came to its value.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeStep {
    /// The attribute's position in [`Mapping::attributes`].
    pub slot: usize,
    /// The expression.
    pub expression: String,
    /// The fields that it reads.
    pub fields: Vec<Reading>,
    /// What it should be; none: it is left alone.
    pub value: Result<Option<SlotValue>, MapError>,
}

/// A field and what the record has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The name.
    pub field: String,
    /// The value as it would be written in an expression: `"Zoë"`, `12`, `null`, `["a", "b"]`.
    pub value: String,
}

impl Explanation {
    /// Whether the record is in scope; none if that cannot be told.
    #[must_use]
    pub fn in_scope(&self) -> Option<bool> {
        self.scope.as_ref().map_or(Some(true), |scope| scope.holds.as_ref().ok().copied())
    }
}

impl Mapping {
    /// Maps a record as [`map`](Self::map) does, and tells each step.
    #[must_use]
    pub fn explain(&self, binding: &Binding, record: &Record<'_>) -> Explanation {
        self.explain_in(&Around::default(), binding, record)
    }

    /// Maps a record as [`map_in`](Self::map_in) does, and tells each step. An error of one step does not hide the others.
    #[must_use]
    pub fn explain_in(
        &self,
        around: &Around<'_>,
        binding: &Binding,
        record: &Record<'_>,
    ) -> Explanation {
        let scope = self.scope.as_ref();
        let scope = scope.map(|Scope(scope)| self.explain_scope(around, binding, record, scope));
        let mut draft = Draft::new(self);
        let attributes = self.attributes.iter().enumerate().map(|(slot, attribute)| {
            let filled = self.fill(around, binding, record, attribute, slot, &mut draft);
            let value = match filled {
                Ok(()) if attribute.required && draft.has_nothing(slot) => Err(attribute.missing()),
                Ok(()) => Ok(draft.value(slot, attribute)),
                Err(fault) => Err(MapError::new(Some(&attribute.path), *fault)),
            };
            AttributeStep {
                slot,
                expression: attribute.source.text.clone(),
                fields: self.readings(binding, record, &attribute.source),
                value,
            }
        });
        Explanation { scope, attributes: attributes.collect() }
    }

    fn explain_scope(
        &self,
        around: &Around<'_>,
        binding: &Binding,
        record: &Record<'_>,
        scope: &Compiled,
    ) -> ScopeStep {
        use crate::expr::code::Op;
        let machine = self.machine(around, binding, record, scope, "");
        let held = |code| machine.holds(code).map_err(|fault| MapError::new(None, *fault));
        let clauses = match (&scope.expr.node, &scope.code.op) {
            (Node::And(terms), Op::And(codes)) | (Node::Or(terms), Op::Or(codes)) => {
                let terms = terms.iter().map(|term| term.span.of(&scope.text).to_owned());
                terms.zip(codes).map(|(text, code)| (text, held(code))).collect()
            }
            _ => Vec::new(),
        };
        ScopeStep {
            expression: scope.text.clone(),
            fields: self.readings(binding, record, scope),
            holds: held(&scope.code),
            clauses,
        }
    }

    fn readings(&self, binding: &Binding, record: &Record<'_>, source: &Compiled) -> Vec<Reading> {
        let around = Around::default();
        let machine = self.machine(&around, binding, record, source, "");
        let mut readings: Vec<Reading> = Vec::new();
        source.expr.each_field(&mut |name, _| {
            if readings.iter().any(|reading| reading.field == name) {
                return;
            }
            let number = self.fields.iter().position(|field| field == name).unwrap_or(usize::MAX);
            let value = machine.field(number).to_string();
            readings.push(Reading { field: name.to_owned(), value });
        });
        readings
    }
}
