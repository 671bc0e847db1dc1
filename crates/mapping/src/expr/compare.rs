//! How values compare. Nothing fails here: what cannot be compared is not equal and neither less nor greater.

use std::cmp::Ordering;

use super::ast::Comparison;
use super::time;
use super::value::Value;

/// Whether the comparison holds.
///
/// - Null and an empty text are the same: no value. No value equals only no value, and is neither less nor greater.
/// - A list compares as any of its values does; two lists are equal if their values are, in order.
/// - `<>` is always the negation of `=`.
pub(crate) fn holds(op: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    match op {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => !equal(left, right),
        Comparison::Less => ordered(left, right, Ordering::is_lt),
        Comparison::LessOrEqual => ordered(left, right, Ordering::is_le),
        Comparison::Greater => ordered(left, right, Ordering::is_gt),
        Comparison::GreaterOrEqual => ordered(left, right, Ordering::is_ge),
    }
}

/// Whether two values are equal.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::List(values), one) | (one, Value::List(values)) => {
            values.iter().any(|value| equal(value, one))
        }
        _ if left.is_empty() || right.is_empty() => left.is_empty() && right.is_empty(),
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

fn ordered(left: &Value<'_>, right: &Value<'_>, wanted: fn(Ordering) -> bool) -> bool {
    match (left, right) {
        (Value::List(_), Value::List(_)) => false,
        (Value::List(values), one) => values.iter().any(|value| ordered(value, one, wanted)),
        (one, Value::List(values)) => values.iter().any(|value| ordered(one, value, wanted)),
        _ if left.is_empty() || right.is_empty() => false,
        _ => order(left, right).is_some_and(wanted),
    }
}

/// The order of two single values. Text orders by code point; beside a number it counts as a number if it is one, beside a
/// time as a time, beside a boolean as `true` or `false` in any letter case.
fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Boolean(left), Value::Boolean(right)) => Some(left.cmp(right)),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Text(text), other) => beside_text(text, other),
        (other, Value::Text(text)) => beside_text(text, other).map(Ordering::reverse),
        _ => match (left.time(), right.time()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => as_decimal(left)?.partial_cmp(&as_decimal(right)?),
        },
    }
}

fn beside_text(text: &str, other: &Value<'_>) -> Option<Ordering> {
    match other {
        Value::Integer(number) => match text.parse::<i64>() {
            Ok(read) => Some(read.cmp(number)),
            Err(_) => match decimal(text) {
                Some(read) => read.partial_cmp(&as_decimal(other)?),
                None => Some(text.cmp(&number.to_string())),
            },
        },
        Value::Decimal(number) => match decimal(text) {
            Some(read) => read.partial_cmp(number),
            None => Some(text.cmp(&number.to_string())),
        },
        Value::Boolean(value) => boolean(text).map(|read| read.cmp(value)),
        Value::Timestamp(moment) => time::parse(text).map(|read| read.cmp(moment)),
        Value::Moment(moment) => time::read(text).map(|read| read.cmp(moment)),
        _ => None,
    }
}

/// The number in a text: digits, perhaps with sign, fraction and exponent; no `inf`, no spaces.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let first = text.bytes().find(|byte| !matches!(byte, b'+' | b'-' | b'.'))?;
    if !first.is_ascii_digit() {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `true` or `false`, in any letter case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Beside a decimal, a whole number counts as one.
fn as_decimal(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}
