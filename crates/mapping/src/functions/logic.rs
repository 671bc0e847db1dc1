//! Choosing and asking. Nothing here fails on null.

use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval};

pub(super) fn coalesce<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    for index in 0..arguments.len() {
        let value = arguments.value(index)?;
        if !value.is_empty() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

pub(super) fn iif<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    arguments.value(if arguments.holds(0)? { 1 } else { 2 })
}

pub(super) fn switch<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let source = arguments.value(0)?;
    for key in (2..arguments.len()).step_by(2) {
        if arguments.equals(&source, key)? {
            return arguments.value(key + 1);
        }
    }
    arguments.value(1)
}

pub(super) fn not<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(!arguments.holds(0)?))
}

pub(super) fn is_null<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(arguments.value(0)? == Value::Null))
}

pub(super) fn is_null_or_empty<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(arguments.value(0)?.is_empty()))
}

pub(super) fn is_present<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(!arguments.value(0)?.is_empty()))
}

pub(super) fn is_string<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(matches!(arguments.value(0)?, Value::Text(_))))
}
