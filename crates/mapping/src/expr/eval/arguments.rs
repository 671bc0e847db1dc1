//! What a function sees of its call: arguments as what it needs, understood before there was a record where they are written out,
//! and the surroundings.

use std::borrow::Cow;

use peoplesync_source::{Record, Timestamp};

use super::{Eval, Fault, Machine, Text, whole};
use crate::around::Around;
use crate::expr::code::{Code, Op};
use crate::expr::time::{self, Culture, Form, Spaces};
use crate::expr::value::Value;
use crate::functions::Function;
use crate::lookup::Table;

/// The arguments of one call, evaluated on demand.
#[derive(Debug)]
pub(crate) struct Arguments<'m, 'a> {
    machine: &'m Machine<'a>,
    function: &'m Function,
    codes: &'a [Option<Code>],
    code: &'a Code,
}

impl<'m, 'a> Arguments<'m, 'a> {
    pub(super) fn new(
        machine: &'m Machine<'a>,
        function: &'m Function,
        codes: &'a [Option<Code>],
        code: &'a Code,
    ) -> Self {
        Self { machine, function, codes, code }
    }

    /// How many there are, empty ones included.
    pub(crate) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether the argument was written, even if it turns out to be null.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.code(index).is_some()
    }

    /// The argument; null if it was left out.
    pub(crate) fn value(&self, index: usize) -> Eval<Value<'a>> {
        self.code(index).map_or(Ok(Value::Null), |code| self.machine.value(code))
    }

    /// The argument as text.
    pub(crate) fn text(&self, index: usize) -> Eval<Option<Cow<'a, str>>> {
        self.code(index).map_or(Ok(None), |code| self.machine.text_of(code))
    }

    /// Whether the argument has this value.
    pub(crate) fn equals(&self, value: &Value<'a>, index: usize) -> Eval<bool> {
        self.code(index).map_or(Ok(value.is_empty()), |code| self.machine.equals(value, code))
    }

    /// Whether the argument is true; null counts as false.
    pub(crate) fn holds(&self, index: usize) -> Eval<bool> {
        self.code(index).map_or(Ok(false), |code| self.machine.holds(code))
    }

    /// The argument as a whole number; text counts if it is one.
    pub(crate) fn integer(&self, index: usize) -> Eval<Option<i64>> {
        let Some(code) = self.code(index) else { return Ok(None) };
        let value = self.machine.value(code)?;
        if value.is_empty() {
            return Ok(None);
        }
        whole(&value).map(Some).ok_or_else(|| {
            let name =
                self.function.parameter(index).map_or("argument", |parameter| parameter.name);
            let reason = format!(
                "{} where `{name}` of `{}` needs a whole number",
                value.kind(),
                self.function.name
            );
            self.machine.fault(code, &reason)
        })
    }

    /// The argument as a time; text counts if it can be read as one.
    pub(crate) fn time(&self, index: usize) -> Eval<Option<Timestamp>> {
        let Some(code) = self.code(index) else { return Ok(None) };
        let value = self.machine.value(code)?;
        if let Some(time) = value.time() {
            return Ok(Some(time));
        }
        let kind = value.kind();
        let read = match value {
            value if value.is_empty() => return Ok(None),
            Value::Text(_) | Value::List(_) => {
                self.machine.one_text(value, code)?.and_then(|text| time::read(&text))
            }
            _ => None,
        };
        read.map(Some).ok_or_else(|| {
            let name = self.function.name;
            self.machine.fault(code, &format!("{kind} that `{name}` cannot read as a time"))
        })
    }

    /// The culture that this argument names.
    pub(crate) fn culture(&self, index: usize) -> Option<&'a Culture> {
        match &self.code(index)?.op {
            Op::Culture(culture) => Some(culture),
            _ => None,
        }
    }

    /// The form of times that this argument is.
    pub(crate) fn form(&self, index: usize) -> Option<&'a Form> {
        match &self.code(index)?.op {
            Op::Form(form) => Some(form),
            _ => None,
        }
    }

    /// Where a time may have spaces, by what this argument says.
    pub(crate) fn spaces(&self, index: usize) -> Spaces {
        match self.code(index).map(|code| &code.op) {
            Some(Op::Spaces(spaces)) => *spaces,
            _ => Spaces::AROUND,
        }
    }

    /// The pattern that was compiled for this argument.
    pub(crate) fn pattern(&self, index: usize) -> Option<&'a regex::Regex> {
        match &self.code(index)?.op {
            Op::Pattern(pattern) => Some(pattern),
            _ => None,
        }
    }

    /// The table that this argument names.
    pub(crate) fn table(&self, index: usize) -> Option<&'a Table> {
        match &self.code(index)?.op {
            Op::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The record that is mapped.
    pub(crate) fn record(&self) -> &'m Record<'a> {
        &self.machine.record
    }

    /// What may be asked beyond the record.
    pub(crate) fn around(&self) -> &'a Around<'a> {
        self.machine.around
    }

    /// Random bytes for this call in this rule and record.
    pub(crate) fn chance(&self) -> Eval<blake3::OutputReader> {
        match self.machine.around.seed {
            Some(key) => {
                let record = self.machine.record.key();
                Ok(key.chance(record, self.machine.rule, self.code.span.start))
            }
            None => Err(self.unknown("nothing is random here")),
        }
    }

    /// A fault of the call: why it has no value.
    pub(crate) fn unknown(&self, why: &str) -> Box<Fault> {
        let reason = format!("`{}` cannot be told: {why}", self.machine.excerpt(self.code));
        Box::new(Fault { field: None, reason })
    }

    /// An empty text to build up.
    pub(crate) fn build(&self) -> Text<'m, 'a> {
        Text::new(self.machine, self.code)
    }

    /// A fault of one argument; `what` reads after "holds" and "gives".
    pub(crate) fn fault(&self, index: usize, what: &str) -> Box<Fault> {
        self.machine.fault(self.code(index).unwrap_or(self.code), what)
    }

    fn code(&self, index: usize) -> Option<&'a Code> {
        self.codes.get(index)?.as_ref()
    }
}
