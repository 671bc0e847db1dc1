//! Checked expressions: fields are numbers, functions are found, patterns are compiled.

use regex::Regex;

use super::ast::{Comparison, Span};
use super::time::{Culture, Form, Spaces};
use super::value::Value;
use crate::functions::Function;
use crate::lookup::Table;

/// A step of a checked expression and its place in the text.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) op: Op,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Constant(Value<'static>),
    /// The field with this number in the mapping.
    Field(usize),
    /// The first value of the field with this number.
    First(usize),
    /// The field with this number, whose text `true` or `false` counts as a boolean.
    Flag(usize),
    /// Only an argument of a function.
    Pattern(Regex),
    /// Only an argument of a function.
    Table(Table),
    /// Only an argument of a function.
    Culture(Box<Culture>),
    /// Only an argument of a function.
    Form(Form),
    /// Only an argument of a function.
    Spaces(Spaces),
    Call {
        function: &'static Function,
        arguments: Box<[Option<Code>]>,
    },
    Not(Box<Code>),
    And(Box<[Code]>),
    Or(Box<[Code]>),
    Join(Box<[Code]>),
    Compare {
        op: Comparison,
        left: Box<Code>,
        right: Box<Code>,
    },
    In {
        value: Box<Code>,
        options: Box<[Code]>,
    },
    Matches {
        value: Box<Code>,
        pattern: Regex,
    },
}

impl Code {
    /// The number of the field that it is, if it is one.
    pub(crate) fn field(&self) -> Option<usize> {
        match self.op {
            Op::Field(field) | Op::First(field) | Op::Flag(field) => Some(field),
            _ => None,
        }
    }
}
