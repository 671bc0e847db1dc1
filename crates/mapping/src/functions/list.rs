//! Several values from one and one from several.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Accepts, Function, needed};
use crate::expr::Type;
use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Count", Type::Integer, count)
        .takes(&[needed("values", Accepts::Any)])
        .says("How many values there are.")
        .examples(&[(r#"Count(Split("a,b,c", ","))"#, "3"), (r#"Count("a")"#, "1"), ("Count(null)", "0")]),
    Function::new("Item", Type::Any, item)
        .takes(&[needed("values", Accepts::Any), needed("index", Accepts::Integer)])
        .says("One of several values, counted from 1; null if there are fewer.")
        .examples(&[
            (r#"Item(Split("a,b,c", ","), 2)"#, r#""b""#),
            (r#"Item("a", 1)"#, r#""a""#),
            (r#"Item("a", 2)"#, "null"),
            (r#"Item("a", 0)"#, "null"),
        ]),
    Function::new("RemoveDuplicates", Type::Any, remove_duplicates)
        .takes(&[needed("values", Accepts::Any)])
        .says("Each value once, in the order of the first ones.")
        .examples(&[
            (r#"RemoveDuplicates(Split("b,a,b,B", ","))"#, r#"["b", "a", "B"]"#),
            (r#"RemoveDuplicates("a")"#, r#""a""#),
        ]),
    Function::new("Split", Type::List, split)
        .takes(&[needed("source", Accepts::Text), needed("delimiter", Accepts::Text)])
        .says("The parts between the delimiters, without spaces at their ends.")
        .examples(&[
            (
                r#"Split("PermissionSetOne, PermissionSetTwo", ",")"#,
                r#"["PermissionSetOne", "PermissionSetTwo"]"#,
            ),
            (r#"Split("a", ",")"#, r#"["a"]"#),
            (r#"Split(null, ",")"#, "null"),
        ]),
    Function::new("Join", Type::Text, join)
        .takes(&[needed("separator", Accepts::Text), needed("source", Accepts::Values)])
        .repeats(1)
        .says("All sources and all their values with the separator between them. Null and empty ones are left out.")
        .examples(&[
            (r#"Join(", ", "a", Split("b c", " "))"#, r#""a, b, c""#),
            (r#"Join(" ", null, "Ng")"#, r#""Ng""#),
            (r#"Join("", "a", 1)"#, r#""a1""#),
        ]),
];

fn count<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let count = match arguments.value(0)? {
        Value::List(values) => values.len(),
        single => usize::from(!single.is_empty()),
    };
    Ok(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn item<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let index = arguments.integer(1)?;
    let index = index.and_then(|index| usize::try_from(index.checked_sub(1)?).ok());
    let Some(index) = index else { return Ok(Value::Null) };
    Ok(match arguments.value(0)? {
        Value::List(values) => values.into_iter().nth(index).unwrap_or(Value::Null),
        single if index == 0 => single,
        _ => Value::Null,
    })
}

fn join<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let separator = arguments.text(0)?.unwrap_or_default();
    let mut joined = arguments.build();
    let mut add = |index, value: Value<'a>| {
        if value.is_empty() {
            return Ok(());
        }
        let Some(text) = value.into_text() else {
            return Err(arguments.fault(index, "bytes where text is needed"));
        };
        if !joined.is_empty() {
            joined.push(&separator)?;
        }
        joined.push(&text)
    };
    for index in 1..arguments.len() {
        match arguments.value(index)? {
            Value::List(values) => values.into_iter().try_for_each(|value| add(index, value))?,
            single => add(index, single)?,
        }
    }
    Ok(joined.into_value())
}

fn split<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
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
