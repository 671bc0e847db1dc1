//! One type from another.

use super::{Accepts, Function, needed};
use crate::expr::Type;
use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval, boolean, decimal};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("BitAnd", Type::Integer, bit_and)
        .takes(&[needed("value1", Accepts::Integer), needed("value2", Accepts::Integer)])
        .says("The bits that are set in both numbers.")
        .examples(&[
            ("BitAnd(&HF, &HF7)", "7"),
            (r#"BitAnd("514", 2)"#, "2"),
            ("BitAnd(512, 2)", "0"),
            ("BitAnd(null, 2)", "null"),
        ]),
    Function::new("CBool", Type::Boolean, cbool)
        .takes(&[needed("value", Accepts::Any)])
        .says("True or false from a boolean, a number (0 is false) or the text of one.")
        .examples(&[
            (r#"CBool("True")"#, "true"),
            (r#"CBool("a" = "b")"#, "false"),
            ("CBool(2)", "true"),
            (r#"CBool("0")"#, "false"),
            ("CBool(null)", "null"),
        ]),
    Function::new("CStr", Type::Text, cstr)
        .takes(&[needed("value", Accepts::Text)])
        .says("The value as text.")
        .examples(&[("CStr(12)", r#""12""#), ("CStr(1 = 1)", r#""True""#), ("CStr(null)", "null")]),
];

fn bit_and<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let both = arguments.integer(0)?.zip(arguments.integer(1)?);
    Ok(both.map_or(Value::Null, |(one, other)| Value::Integer(one & other)))
}

fn cbool<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
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

fn cstr<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(arguments.text(0)?.map_or(Value::Null, Value::Text))
}
