//! Several values from one and one from several.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval};

pub(super) fn count<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let count = match arguments.value(0)? {
        Value::List(values) => values.len(),
        single => usize::from(!single.is_empty()),
    };
    Ok(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
}

pub(super) fn item<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let index = arguments.integer(1)?.and_then(|index| usize::try_from(index - 1).ok());
    let Some(index) = index else { return Ok(Value::Null) };
    Ok(match arguments.value(0)? {
        Value::List(values) => values.into_iter().nth(index).unwrap_or(Value::Null),
        single if index == 0 => single,
        _ => Value::Null,
    })
}

pub(super) fn join<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let separator = arguments.text(0)?.unwrap_or_default();
    let mut joined = arguments.build();
    for index in 1..arguments.len() {
        let values = match arguments.value(index)? {
            Value::List(values) => values,
            single => vec![single],
        };
        for value in values {
            if value.is_empty() {
                continue;
            }
            let Some(text) = value.into_text() else {
                return Err(arguments.fault(index, "bytes where text is needed"));
            };
            if !joined.is_empty() {
                joined.push(&separator)?;
            }
            joined.push(&text)?;
        }
    }
    Ok(joined.into_value())
}

pub(super) fn split<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    if source.is_empty() {
        return Ok(Value::Null);
    }
    let delimiter = match arguments.text(1)? {
        Some(delimiter) if !delimiter.is_empty() => delimiter,
        _ => return Ok(Value::List(vec![Value::Text(source)])),
    };
    let parts = match source {
        Cow::Borrowed(source) => {
            source.split(&*delimiter).map(|part| Value::text(part.trim())).collect()
        }
        Cow::Owned(source) => {
            source.split(&*delimiter).map(|part| Value::owned(part.trim().to_owned())).collect()
        }
    };
    Ok(Value::List(parts))
}

pub(super) fn remove_duplicates<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(match arguments.value(0)? {
        Value::List(values) => {
            let mut seen = BTreeSet::new();
            Value::list(values.into_iter().filter(|value| seen.insert(value.to_string())).collect())
        }
        single => single,
    })
}
