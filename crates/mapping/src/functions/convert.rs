//! One type from another.

use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval, boolean, decimal};

pub(super) fn cbool<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let value = arguments.value(0)?;
    Ok(match &value {
        empty if empty.is_empty() => Value::Null,
        Value::Boolean(known) => Value::Boolean(*known),
        Value::Integer(number) => Value::Boolean(*number != 0),
        Value::Decimal(number) => Value::Boolean(*number != 0.0),
        other => {
            let read = match other {
                Value::Text(text) => {
                    boolean(text).or_else(|| decimal(text).map(|number| number != 0.0))
                }
                _ => None,
            };
            let wrong = || {
                let what = format!("{} that `CBool` cannot read as true or false", other.kind());
                arguments.fault(0, &what)
            };
            Value::Boolean(read.ok_or_else(wrong)?)
        }
    })
}

pub(super) fn cstr<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(arguments.text(0)?.map_or(Value::Null, Value::Text))
}
