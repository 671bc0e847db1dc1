//! One record, step by step, for people.

use peoplesync_source::Record;

use crate::around::Around;
use crate::attribute::Compiled;
use crate::draft::{Draft, SlotValue};
use crate::error::MapError;
use crate::expr::code::{Code, Op};
use crate::expr::eval::Machine;
use crate::expr::{Expr, Node};
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
    /// The parts of a scope that is made with `and`, `or` or `not`; empty for any other.
    pub clauses: Vec<Clause>,
}

/// A part of a scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// Its text.
    pub text: String,
    /// Whether it holds.
    pub holds: Result<bool, MapError>,
    /// Whether the scope says what it says because of this: with another answer here, it could have said otherwise.
    pub decides: bool,
    /// Its own parts, if it is made with `and`, `or` or `not`.
    pub clauses: Vec<Clause>,
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

    /// The smallest clauses that leave the record out of scope, each with its text and whether it holds: behind `not`, one
    /// that holds excludes. Empty for a record that is in scope.
    #[must_use]
    pub fn excluded_by(&self) -> Vec<(&str, bool)> {
        let Some(scope) = self.scope.as_ref().filter(|scope| scope.holds == Ok(false)) else {
            return Vec::new();
        };
        if scope.clauses.is_empty() {
            return vec![(&scope.expression, false)];
        }
        let mut found = Vec::new();
        scope.clauses.iter().for_each(|clause| clause.deciding(&mut found));
        found
    }
}

impl Clause {
    fn deciding<'c>(&'c self, found: &mut Vec<(&'c str, bool)>) {
        match &self.holds {
            Ok(_) if !self.decides => {}
            Ok(holds) if self.clauses.is_empty() => found.push((&self.text, *holds)),
            _ => self.clauses.iter().for_each(|clause| clause.deciding(found)),
        }
    }
}

/// Marks the clauses because of which a chain of them says what it says.
fn decide(op: &Op, holds: &Result<bool, MapError>, clauses: &mut [Clause]) {
    // `and` is false because of those that are false, and true because of all; `or` the other way round.
    let because = match (op, holds) {
        (Op::And(_), Ok(false)) => Some(false),
        (Op::Or(_), Ok(true)) => Some(true),
        _ => None,
    };
    for clause in clauses {
        clause.decides = match &clause.holds {
            Ok(holds) => because.is_none_or(|because| because == *holds),
            Err(_) => holds.is_err(),
        };
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
                fields: self.readings(
                    binding,
                    record,
                    attribute.sources().map(|(_, source)| source),
                ),
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
        let machine = self.machine(around, binding, record, scope, "");
        let clauses = clauses(&machine, &scope.expr, &scope.code);
        ScopeStep {
            expression: scope.text.clone(),
            fields: self.readings(binding, record, [scope].into_iter()),
            holds: held(&machine, &scope.code),
            clauses,
        }
    }

    fn readings<'s>(
        &'s self,
        binding: &Binding,
        record: &Record<'_>,
        sources: impl Iterator<Item = &'s Compiled>,
    ) -> Vec<Reading> {
        let around = Around::default();
        let mut readings: Vec<Reading> = Vec::new();
        for source in sources {
            let machine = self.machine(&around, binding, record, source, "");
            source.expr.each_field(&mut |name, _| {
                if readings.iter().any(|reading| reading.field == name) {
                    return;
                }
                let number = self.fields.iter().position(|field| field == name);
                let value = machine.field(number.unwrap_or(usize::MAX)).to_string();
                readings.push(Reading { field: name.to_owned(), value });
            });
        }
        readings
    }
}

fn held<'a>(machine: &Machine<'a>, code: &'a Code) -> Result<bool, MapError> {
    machine.holds(code).map_err(|fault| MapError::new(None, *fault))
}

/// What the parts of a condition say, and theirs.
fn clauses<'a>(machine: &Machine<'a>, expr: &Expr, code: &'a Code) -> Vec<Clause> {
    let one = |expr: &Expr, code: &'a Code| Clause {
        text: expr.span.of(machine.text).to_owned(),
        holds: held(machine, code),
        decides: true,
        clauses: clauses(machine, expr, code),
    };
    let mut parts: Vec<Clause> = match (&expr.node, &code.op) {
        (Node::And(exprs), Op::And(codes)) | (Node::Or(exprs), Op::Or(codes)) => {
            exprs.iter().zip(codes).map(|(expr, code)| one(expr, code)).collect()
        }
        (Node::Not(expr), Op::Not(code)) => vec![one(expr, code)],
        _ => return Vec::new(),
    };
    decide(&code.op, &held(machine, code), &mut parts);
    parts
}
