//! Code to values. Arguments are evaluated when a function asks for them, so that the branch not taken costs nothing and
//! fails nobody.

mod arguments;

use std::borrow::Cow;

use peoplesync_source::{Record, Value as Raw};

pub(crate) use self::arguments::Arguments;
use super::code::{Code, Op};
use super::compare;
pub(crate) use super::compare::{boolean, decimal};
use super::value::Value;
use crate::around::Around;

/// Longest text that an expression may make, in bytes. Without it, nested `Replace` calls could double a text until the
/// memory is used up.
pub(crate) const MAX_TEXT_BYTES: usize = 1 << 20;

/// Why an expression has no value for a record. Never shows a value: these lines stand in reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The field that is to blame. The reason then reads after it: "holds text where …".
    pub(crate) field: Option<String>,
    pub(crate) reason: String,
}

/// Boxed, because a fault is rare and a value is not.
pub(crate) type Eval<T> = Result<T, Box<Fault>>;

/// One expression and one record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine<'a> {
    /// The fields of the mapping, by number.
    pub(crate) names: &'a [String],
    /// Where the record has them.
    pub(crate) positions: &'a [usize],
    pub(crate) record: Record<'a>,
    pub(crate) around: &'a Around<'a>,
    /// Whose expression it is: a key of the config.
    pub(crate) rule: &'a str,
    /// The text of the expression, for messages.
    pub(crate) text: &'a str,
}

impl<'a> Machine<'a> {
    /// The value of the code.
    pub(crate) fn value(&self, code: &'a Code) -> Eval<Value<'a>> {
        Ok(match &code.op {
            Op::Constant(value) => value.borrow(),
            Op::Field(field) => self.field(*field),
            Op::First(field) => self.first(*field),
            Op::Flag(_) => self.flag(code)?.map_or(Value::Null, Value::Boolean),
            Op::Pattern(pattern) => Value::text(pattern.as_str()),
            Op::Table(_) | Op::Culture(_) | Op::Form(_) | Op::Spaces(_) => Value::Null,
            Op::Call { function, arguments } => {
                (function.eval)(&Arguments::new(self, function, arguments, code))?
            }
            Op::Join(terms) => {
                let mut text = Text::new(self, code);
                for term in terms {
                    text.push_value(term)?;
                }
                text.into_value()
            }
            Op::Not(_)
            | Op::And(_)
            | Op::Or(_)
            | Op::Compare { .. }
            | Op::In { .. }
            | Op::Matches { .. } => Value::Boolean(self.holds(code)?),
        })
    }

    /// Whether the code is true. Null counts as false.
    pub(crate) fn holds(&self, code: &'a Code) -> Eval<bool> {
        Ok(match &code.op {
            Op::Not(inner) => !self.holds(inner)?,
            Op::And(terms) => {
                for term in terms {
                    if !self.holds(term)? {
                        return Ok(false);
                    }
                }
                true
            }
            Op::Or(terms) => {
                for term in terms {
                    if self.holds(term)? {
                        return Ok(true);
                    }
                }
                false
            }
            Op::Compare { op, left, right } => {
                let left = self.value(left)?;
                match &right.op {
                    Op::Constant(right) => compare::holds(*op, &left, right),
                    _ => compare::holds(*op, &left, &self.value(right)?),
                }
            }
            Op::In { value, options } => {
                let value = self.value(value)?;
                for option in options {
                    if self.equals(&value, option)? {
                        return Ok(true);
                    }
                }
                false
            }
            Op::Matches { value: inner, pattern } => match self.value(inner)? {
                Value::List(values) => {
                    let mut texts = values.into_iter().filter_map(Value::into_text);
                    texts.any(|text| pattern.is_match(&text))
                }
                value => self.one_text(value, inner)?.is_some_and(|text| pattern.is_match(&text)),
            },
            Op::Flag(_) => self.flag(code)?.unwrap_or(false),
            _ => match self.value(code)? {
                Value::Boolean(value) => value,
                Value::Null | Value::Leave => false,
                other => {
                    let example = match code.field() {
                        Some(_) => format!("; compare it, as in `{} = \"…\"`", self.excerpt(code)),
                        None => String::new(),
                    };
                    let what = other.kind();
                    return Err(
                        self.fault(code, &format!("{what} where true or false is needed{example}"))
                    );
                }
            },
        })
    }

    /// Whether the code has this value.
    pub(crate) fn equals(&self, value: &Value<'a>, code: &'a Code) -> Eval<bool> {
        Ok(match &code.op {
            Op::Constant(constant) => compare::equal(value, constant),
            _ => compare::equal(value, &self.value(code)?),
        })
    }

    /// The code as text; `None` for null.
    pub(crate) fn text_of(&self, code: &'a Code) -> Eval<Option<Cow<'a, str>>> {
        let value = self.value(code)?;
        self.one_text(value, code)
    }

    /// What a field of the record holds.
    pub(crate) fn field(&self, field: usize) -> Value<'a> {
        let position = self.positions.get(field).copied().unwrap_or(usize::MAX);
        let mut values = self.record.values(position);
        match values.len() {
            0 => Value::Null,
            1 => values.next().map_or(Value::Null, Value::from),
            _ => Value::List(values.map(Value::from).collect()),
        }
    }

    /// The first value of a field that is not empty.
    pub(crate) fn first(&self, field: usize) -> Value<'a> {
        let position = self.positions.get(field).copied().unwrap_or(usize::MAX);
        match self.record.first(position) {
            Some(Raw::Text("")) => {
                let mut values = self.record.values(position).map(Value::from);
                values.find(|value| !value.is_empty()).unwrap_or(Value::Null)
            }
            first => first.map_or(Value::Null, Value::from),
        }
    }

    /// A field whose text `true` or `false` counts as a boolean. Of several values the first counts, as in every copy.
    fn flag(&self, code: &'a Code) -> Eval<Option<bool>> {
        match self.first(code.field().unwrap_or(usize::MAX)) {
            value if value.is_empty() => Ok(None),
            Value::Boolean(value) => Ok(Some(value)),
            Value::Text(text) if let Some(value) = compare::boolean(&text) => Ok(Some(value)),
            Value::Text(_) => {
                let compared = self.excerpt(code);
                let reason = format!(
                    "text that is neither true nor false; compare it, as in `{compared} = \"…\"`"
                );
                Err(self.fault(code, &reason))
            }
            other => {
                Err(self.fault(code, &format!("{} where true or false is needed", other.kind())))
            }
        }
    }

    /// One value as text. Of a list with one value, that value.
    fn one_text(&self, value: Value<'a>, code: &'a Code) -> Eval<Option<Cow<'a, str>>> {
        match value {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::List(values) if values.len() > 1 => {
                let count = values.len();
                let reason = format!(
                    "{count} values where one is needed; join them with `Join` or choose one with `Item`"
                );
                Err(self.fault(code, &reason))
            }
            Value::List(values) => match values.into_iter().next() {
                Some(value) => self.one_text(value, code),
                None => Ok(None),
            },
            Value::Bytes(_) => Err(self.fault(code, "bytes where text is needed")),
            other => Ok(other.into_text()),
        }
    }

    /// A fault of the field or of the expression at this place; `what` reads after "holds" and "gives".
    pub(crate) fn fault(&self, code: &Code, what: &str) -> Box<Fault> {
        let field = code.field().and_then(|field| self.names.get(field)).cloned();
        let reason = match field {
            Some(_) => format!("holds {what}"),
            None => format!("`{}` gives {what}", self.excerpt(code)),
        };
        Box::new(Fault { field, reason })
    }

    /// The text of the code, cut where it is long.
    fn excerpt(&self, code: &Code) -> String {
        const LONGEST: usize = 60;
        let written = code.span.of(self.text);
        let mut short: String = written.chars().take(LONGEST).collect();
        if short.len() < written.len() {
            short.push('…');
        }
        short
    }
}

impl<'a> From<Raw<'a>> for Value<'a> {
    fn from(raw: Raw<'a>) -> Self {
        match raw {
            Raw::Text(text) => Self::text(text),
            Raw::Bytes(bytes) => Self::Bytes(bytes),
            Raw::Integer(number) => Self::Integer(number),
            Raw::Decimal(number) => Self::Decimal(number),
            Raw::Boolean(value) => Self::Boolean(value),
            Raw::Timestamp(time) => Self::Timestamp(time),
        }
    }
}

/// The whole number that a value is, if it is one exactly.
pub(crate) fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Decimal(number) => whole_decimal(*number),
        Value::Text(text) => text.parse().ok(),
        Value::List(values) if values.len() == 1 => values.first().and_then(whole),
        _ => None,
    }
}

/// Only within the range in which a decimal can tell two whole numbers apart.
#[expect(
    clippy::cast_possible_truncation,
    reason = "in this range and without a fraction it is exact"
)]
pub(crate) fn whole_decimal(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A text that grows, up to a limit.
#[derive(Debug)]
pub(crate) struct Text<'m, 'a> {
    text: String,
    machine: &'m Machine<'a>,
    code: &'a Code,
}

impl<'m, 'a> Text<'m, 'a> {
    pub(crate) fn new(machine: &'m Machine<'a>, code: &'a Code) -> Self {
        /// Most names and addresses fit, so that they are allocated once.
        const USUAL: usize = 48;
        Self { text: String::with_capacity(USUAL), machine, code }
    }

    /// Adds to the end.
    pub(crate) fn push(&mut self, more: &str) -> Eval<()> {
        if self.text.len() + more.len() > MAX_TEXT_BYTES {
            return Err(self.machine.fault(self.code, "text longer than 1 MiB"));
        }
        self.text.push_str(more);
        Ok(())
    }

    /// Adds a character to the end.
    pub(crate) fn push_char(&mut self, letter: char) -> Eval<()> {
        self.push(letter.encode_utf8(&mut [0; 4]))
    }

    /// Adds a text that was made elsewhere.
    pub(crate) fn take(&mut self, made: String) -> Eval<()> {
        if self.text.is_empty() && made.len() <= MAX_TEXT_BYTES {
            self.text = made;
            return Ok(());
        }
        self.push(&made)
    }

    /// Adds the value of the code, as text; nothing for null.
    pub(crate) fn push_value(&mut self, code: &'a Code) -> Eval<()> {
        match self.machine.text_of(code)? {
            Some(more) => self.push(&more),
            None => Ok(()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn into_value(self) -> Value<'a> {
        Value::owned(self.text)
    }
}
