//! Choosing and asking. Nothing here fails on null.

use super::{Accepts, Ask, Function, needed};
use crate::expr::Type;
use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("IsNull", Type::Boolean, is_null)
        .takes(&[needed("value", Accepts::Any)])
        .says("Whether there is no value. An empty text is one.")
        .examples(&[("IsNull(null)", "true"), (r#"IsNull("")"#, "false")]),
    Function::new("IsNullOrEmpty", Type::Boolean, is_null_or_empty)
        .takes(&[needed("value", Accepts::Any)])
        .says("Whether there is no value or an empty text.")
        .examples(&[
            ("IsNullOrEmpty(null)", "true"),
            (r#"IsNullOrEmpty("")"#, "true"),
            ("IsNullOrEmpty(0)", "false"),
        ]),
    Function::new("IsPresent", Type::Boolean, is_present)
        .takes(&[needed("value", Accepts::Any)])
        .says("Whether there is a value that is no empty text.")
        .examples(&[
            (r#"IsPresent("a")"#, "true"),
            (r#"IsPresent("")"#, "false"),
            ("IsPresent(null)", "false"),
        ]),
    Function::new("IsString", Type::Boolean, is_string)
        .takes(&[needed("value", Accepts::Any)])
        .says("Whether the value is text.")
        .examples(&[(r#"IsString("a")"#, "true"), ("IsString(1)", "false"), ("IsString(null)", "false")]),
    Function::new("Not", Type::Boolean, not)
        .takes(&[needed("value", Accepts::Flag)])
        .says("False if the value is true, true if it is false or null.")
        .examples(&[("Not(true)", "false"), (r#"Not("False")"#, "true"), ("Not(null)", "true")]),
    Function::new("Coalesce", Type::Any, coalesce)
        .takes(&[needed("source", Accepts::Any)])
        .repeats(1)
        .passes_on(|_| true)
        .says("The first source that is neither null nor empty.")
        .examples(&[
            (r#"Coalesce(null, "", "b", "c")"#, r#""b""#),
            ("Coalesce(null)", "null"),
            ("Coalesce(false, true)", "false"),
        ]),
    Function::new("IgnoreFlowIfNullOrEmpty", Type::Any, ignore_flow)
        .takes(&[needed("expression", Accepts::Any)])
        .passes_on(|_| true)
        .says("The value; without one, the attribute is left alone, even with `on_empty = \"clear\"`.")
        .examples(&[
            (r#"IgnoreFlowIfNullOrEmpty("Dr.")"#, r#""Dr.""#),
            (r#"IgnoreFlowIfNullOrEmpty(Switch("3440", "", "3443", "Dr."))"#, "null"),
            ("IgnoreFlowIfNullOrEmpty(null)", "null"),
        ]),
    Function::new("IIF", Type::Any, iif)
        .takes(&[
            needed("condition", Accepts::Condition),
            needed("valueIfTrue", Accepts::Any),
            needed("valueIfFalse", Accepts::Any),
        ])
        .passes_on(|index| index > 0)
        .says("One value if the condition is true, the other if it is not; null counts as not.")
        .examples(&[
            (r#"IIF("UK" = "UK", "London", "Paris")"#, r#""London""#),
            (r#"IIF(null = "UK", "London", "Paris")"#, r#""Paris""#),
            (r#"IIF(null, 1, 2)"#, "2"),
        ]),
    Function::new("Redact", Type::Any, same)
        .takes(&[needed("value", Accepts::Any)])
        .passes_on(|_| true)
        .says("The value, unchanged. Plans, previews and the history then show `[Redact]` in its place; logs never show values.")
        .examples(&[
            (r#"Redact("StringToBeRedacted")"#, r#""StringToBeRedacted""#),
            (r#"Redact("Zoë")"#, r#""Zoë""#),
            ("Redact(null)", "null"),
        ]),
    Function::new("SelectUniqueValue", Type::Text, first_text)
        .takes(&[needed("uniqueValueRule", Accepts::Text), needed("uniqueValueRule", Accepts::Text)])
        .repeats(1)
        .asks(Ask::Taken)
        .says("The first value that nobody has; only as a whole rule with `when = \"create\"`.")
        .examples(&[
            (r#"SelectUniqueValue("zoe.ng", "z.ng")"#, r#""zoe.ng""#),
            (r#"SelectUniqueValue("", "ż.ng", "zo.ng")"#, r#""ż.ng""#),
            ("SelectUniqueValue(null, null)", "null"),
        ]),
    Function::new("Switch", Type::Any, switch)
        .takes(&[
            needed("source", Accepts::Any),
            needed("defaultValue", Accepts::Any),
            needed("key", Accepts::Any),
            needed("value", Accepts::Any),
        ])
        .repeats(2)
        .passes_on(|index| index % 2 == 1)
        .says("The value after the first key that equals the source, or the default. The key \"\" stands for no value.")
        .examples(&[
            (
                r#"Switch("ENG", "Other", "ENG", "Engineering", "FIN", "Finance")"#,
                r#""Engineering""#,
            ),
            (r#"Switch("eng", "Other", "ENG", "Engineering")"#, r#""Other""#),
            (r#"Switch(null, "Other", "ENG", "Engineering")"#, r#""Other""#),
            (r#"Switch(null, "Other", "", "None")"#, r#""None""#),
            (r#"Switch(false, , "False", "True", "True", "False")"#, r#""True""#),
        ]),
];

fn coalesce<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    for index in 0..arguments.len() {
        let value = arguments.value(index)?;
        if !value.is_empty() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

/// Which of the candidates nobody has, is not known here: the first one that there is.
fn first_text<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    for index in 0..arguments.len() {
        if let Some(text) = arguments.text(index)?.filter(|text| !text.is_empty()) {
            return Ok(Value::Text(text));
        }
    }
    Ok(Value::Null)
}

fn iif<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    arguments.value(if arguments.holds(0)? { 1 } else { 2 })
}

fn switch<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let source = arguments.value(0)?;
    for key in (2..arguments.len()).step_by(2) {
        if arguments.equals(&source, key)? {
            return arguments.value(key + 1);
        }
    }
    arguments.value(1)
}

fn same<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    arguments.value(0)
}

fn ignore_flow<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let value = arguments.value(0)?;
    Ok(if value.is_empty() { Value::Leave } else { value })
}

fn not<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(!arguments.holds(0)?))
}

fn is_null<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(matches!(arguments.value(0)?, Value::Null | Value::Leave)))
}

fn is_null_or_empty<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(arguments.value(0)?.is_empty()))
}

fn is_present<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(!arguments.value(0)?.is_empty()))
}

fn is_string<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(Value::Boolean(matches!(arguments.value(0)?, Value::Text(_))))
}
