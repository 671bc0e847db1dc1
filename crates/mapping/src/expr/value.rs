//! The values of expressions. Text is borrowed from the record or from the expression wherever it can be.

use std::borrow::Cow;
use std::fmt;

use peoplesync_source::Timestamp;

use super::ast::{write_decimal, write_text};
use super::time;

/// A value while an expression is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// A point in time. As text it is written as ISO 8601.
    Timestamp(Timestamp),
    /// A point in time that a function gave. As text it is written as Entra writes it: `3/16/2020 7:00:00 AM`.
    Moment(Timestamp),
    /// No value, and what the target has shall stay, whatever the rule of the attribute says of no value.
    Leave,
    /// Bytes that are not text; only a field gives them.
    Bytes(&'a [u8]),
    /// One or more values; none of them is a list.
    List(Vec<Value<'a>>),
}

/// What is known of a value before there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Anything: a field may hold what it wants.
    Any,
    /// No value.
    Null,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// Text.
    Text,
    /// A point in time.
    Timestamp,
    /// Bytes that are not text.
    Bytes,
    /// Several values.
    List,
}

impl Type {
    /// What a value is that has one of two types. Null is a value of every type.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, known) | (known, Self::Null) => known,
            (one, same) if one == same => one,
            _ => Self::Any,
        }
    }
}

impl fmt::Display for Type {
    /// As in "this is text".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any value",
            Self::Null => "no value",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Text => "text",
            Self::Timestamp => "a time",
            Self::Bytes => "bytes",
            Self::List => "a list",
        })
    }
}

impl<'a> Value<'a> {
    /// Text that lives as long as what it was taken from.
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Text that was made.
    pub(crate) fn owned(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    /// A list; nothing for no values.
    pub(crate) fn list(values: Vec<Self>) -> Self {
        if values.is_empty() { Self::Null } else { Self::List(values) }
    }

    /// Whether it says nothing: null or an empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null | Self::Leave => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// The same value without a copy of its text.
    #[must_use]
    pub fn borrow(&'a self) -> Value<'a> {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(*value),
            Self::Integer(number) => Value::Integer(*number),
            Self::Decimal(number) => Value::Decimal(*number),
            Self::Text(text) => Value::text(text),
            Self::Timestamp(time) => Value::Timestamp(*time),
            Self::Moment(time) => Value::Moment(*time),
            Self::Leave => Value::Leave,
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::List(values) => Value::List(values.iter().map(Value::borrow).collect()),
        }
    }

    /// What kind of value it is, for messages that must not show the value.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null | Self::Leave => "no value",
            Self::Boolean(_) => "true or false",
            Self::Integer(_) | Self::Decimal(_) => "a number",
            Self::Text(_) => "text",
            Self::Timestamp(_) | Self::Moment(_) => "a time",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "several values",
        }
    }

    /// The point in time that it is, if it is one.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Timestamp(time) | Self::Moment(time) => Some(*time),
            _ => None,
        }
    }

    /// The value as text: numbers in decimal, `True` and `False` as Entra writes them, times in UTC.
    /// `None` for null, bytes and lists.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Text(text) => text,
            Self::Boolean(true) => "True".into(),
            Self::Boolean(false) => "False".into(),
            Self::Integer(number) => number.to_string().into(),
            Self::Decimal(number) => number.to_string().into(),
            Self::Timestamp(time) => time::format(time).into(),
            Self::Moment(time) => time::write(time).into(),
            Self::Null | Self::Leave | Self::Bytes(_) | Self::List(_) => return None,
        })
    }
}

impl fmt::Display for Value<'_> {
    /// As it would be written in an expression, as far as it can be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null | Self::Leave => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Decimal(number) => write_decimal(f, *number),
            Self::Text(text) => write_text(f, text),
            Self::Timestamp(time) => f.write_str(&time::format(*time)),
            Self::Moment(time) => f.write_str(&time::write(*time)),
            Self::Bytes(bytes) => write!(f, "({} bytes)", bytes.len()),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}
