//! `Replace`, which is five functions in one. Which of them is meant, the arguments say that were written.

use regex::{Captures, Regex};

use super::{Accepts, Function, needed, optional};
use crate::expr::Type;
use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval, Text};

// The positions of the arguments, by their names at Entra.
const SOURCE: usize = 0;
const OLD: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const ATTRIBUTE: usize = 5;
const TEMPLATE: usize = 6;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Replace", Type::Text, replace)
        .takes(&[
            needed("source", Accepts::Text),
            optional("oldValue", Accepts::Text),
            optional("regexPattern", Accepts::Pattern),
            optional("regexGroupName", Accepts::Group),
            optional("replacementValue", Accepts::Text),
            optional("replacementAttributeName", Accepts::Text),
            optional("template", Accepts::Text),
        ])
        .says("Replaces text or what a pattern finds; which of them, the arguments say that are not empty.")
        .examples(&[
            (r#"Replace("a-b-c", "-", , , "+", , )"#, r#""a+b+c""#),
            (r#"Replace("jsmith", "<u>", , , , , "<u>@contoso.com")"#, r#""jsmith@contoso.com""#),
            (
                r#"Replace("+91 9998887777", , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", , "${phoneNumber}", , )"#,
                r#""9998887777""#,
            ),
            (r#"Replace("+1 (999) 888-7777", , "[()\\s-]+", , "", , )"#, r#""+19998887777""#),
            (
                r#"Replace("545 Tremont Street", , "(?<streetNumber>^\\d*)", "streetNumber", "888", , )"#,
                r#""888 Tremont Street""#,
            ),
            (
                r#"Replace("jsmith@contoso.com", , "(?<Suffix>@(.)*)", "Suffix", "", , )"#,
                r#""jsmith""#,
            ),
            (
                r#"Replace("", , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber", , "+91 8887779999", )"#,
                r#""8887779999""#,
            ),
            (r#"Replace("john_doe72", , "[a-zA-Z_]*", , "", , )"#, r#""72""#),
            (r#"Replace(null, "a", , , "b", , )"#, "null"),
        ]),
];

fn replace<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let source = arguments.text(SOURCE)?.filter(|source| !source.is_empty());
    let pattern = arguments.pattern(PATTERN);
    if let Some(pattern) = pattern
        && arguments.has(GROUP)
        && arguments.has(ATTRIBUTE)
    {
        return match source {
            Some(source) => Ok(Value::Text(source)),
            None => extract(arguments, pattern),
        };
    }
    let Some(source) = source else { return Ok(Value::Null) };
    let replacement = arguments.text(REPLACEMENT)?.unwrap_or_default();
    if arguments.has(OLD) {
        let old = arguments.text(OLD)?.unwrap_or_default();
        return if arguments.has(TEMPLATE) {
            let template = arguments.text(TEMPLATE)?.unwrap_or_default();
            literal(arguments, &template, &old, &source)
        } else if old.is_empty() || !source.contains(&*old) {
            Ok(Value::Text(source))
        } else {
            literal(arguments, &source, &old, &replacement)
        };
    }
    match pattern {
        Some(pattern) if pattern.is_match(&source) => match arguments.text(GROUP)? {
            Some(group) => group_only(arguments, &source, pattern, &group, &replacement),
            None => expanded(arguments, &source, pattern, &replacement),
        },
        _ => Ok(Value::Text(source)),
    }
}

/// The named group where the pattern matches another attribute; null where it does not.
fn extract<'a>(arguments: &Arguments<'_, 'a>, pattern: &Regex) -> Eval<Value<'a>> {
    let group = arguments.text(GROUP)?.unwrap_or_default();
    let Some(attribute) = arguments.text(ATTRIBUTE)? else { return Ok(Value::Null) };
    let found = pattern.captures(&attribute).and_then(|captures| captures.name(&group));
    Ok(found.map_or(Value::Null, |found| Value::owned(found.as_str().to_owned())))
}

fn literal<'a>(arguments: &Arguments<'_, 'a>, text: &str, old: &str, new: &str) -> Eval<Value<'a>> {
    let mut result = arguments.build();
    if old.is_empty() {
        result.push(text)?;
        return Ok(result.into_value());
    }
    for (index, part) in text.split(old).enumerate() {
        if index > 0 {
            result.push(new)?;
        }
        result.push(part)?;
    }
    Ok(result.into_value())
}

/// Each match, with what its group holds replaced.
fn group_only<'a>(
    arguments: &Arguments<'_, 'a>,
    source: &str,
    pattern: &Regex,
    group: &str,
    replacement: &str,
) -> Eval<Value<'a>> {
    let mut result = arguments.build();
    let mut done = 0;
    for captures in pattern.captures_iter(source) {
        if let Some(found) = captures.name(group) {
            result.push(source.get(done..found.start()).unwrap_or_default())?;
            result.push(replacement)?;
            done = found.end();
        }
    }
    result.push(source.get(done..).unwrap_or_default())?;
    Ok(result.into_value())
}

/// Each match replaced by a text in which `${name}`, `$1` and `$$` are filled in.
fn expanded<'a>(
    arguments: &Arguments<'_, 'a>,
    source: &str,
    pattern: &Regex,
    replacement: &str,
) -> Eval<Value<'a>> {
    let mut result = arguments.build();
    let mut done = 0;
    for captures in pattern.captures_iter(source) {
        let whole = captures.get_match();
        result.push(source.get(done..whole.start()).unwrap_or_default())?;
        expand(&captures, replacement, &mut result)?;
        done = whole.end();
    }
    result.push(source.get(done..).unwrap_or_default())?;
    Ok(result.into_value())
}

/// As .NET does: a reference to a group that the pattern does not have stays as it is written.
fn expand(captures: &Captures<'_>, mut replacement: &str, result: &mut Text<'_, '_>) -> Eval<()> {
    while let Some((before, after)) = replacement.split_once('$') {
        result.push(before)?;
        let (name, rest) = reference(after);
        let group = match name {
            Some(name) => match name.parse::<usize>() {
                Ok(number) => (number < captures.len())
                    .then(|| captures.get(number).map_or("", |found| found.as_str())),
                Err(_) => captures.name(name).map(|found| found.as_str()),
            },
            None => None,
        };
        replacement = match group {
            Some(text) => {
                result.push(text)?;
                rest
            }
            None => {
                result.push("$")?;
                after.strip_prefix('$').unwrap_or(after)
            }
        };
    }
    result.push(replacement)
}

/// The group that a `$` refers to, and what follows it.
fn reference(after: &str) -> (Option<&str>, &str) {
    if let Some((name, rest)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        return (Some(name), rest);
    }
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    match after.split_at_checked(digits) {
        Some((number, rest)) if digits > 0 => (Some(number), rest),
        _ => (None, after),
    }
}
