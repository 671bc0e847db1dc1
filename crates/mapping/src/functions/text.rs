//! Text from text. Positions count characters from 1, never bytes.

use std::borrow::Cow;

use super::{Accepts, Function, needed, optional};
use crate::expr::Type;
use crate::expr::Value;
use crate::expr::eval::{Arguments, Eval};

/// Letter case counts.
const BINARY: &str = "vbBinaryCompare";
/// Letter case does not count.
const TEXTUAL: &str = "vbTextCompare";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Append", Type::Text, append)
        .takes(&[needed("source", Accepts::Text), needed("suffix", Accepts::Text)])
        .says("The source with the suffix at its end.")
        .examples(&[
            (r#"Append("zoe", ".test")"#, r#""zoe.test""#),
            (r#"Append(null, ".test")"#, r#"".test""#),
        ]),
    Function::new("InStr", Type::Integer, in_str)
        .takes(&[
            needed("source", Accepts::Text),
            needed("sought", Accepts::Text),
            optional("start", Accepts::Integer),
            optional("compareType", Accepts::Word(&[BINARY, TEXTUAL])),
        ])
        .says("Where the sought text first stands in the source, counted from 1; 0 if nowhere.")
        .examples(&[
            (r#"InStr("The quick brown fox", "quick")"#, "5"),
            (r#"InStr("repEated", "e", 3, vbBinaryCompare)"#, "7"),
            (r#"InStr("repEated", "e", 3, vbTextCompare)"#, "4"),
            (r#"InStr("Zoë Ng", "Ng")"#, "5"),
            (r#"InStr(null, "e")"#, "0"),
        ]),
    Function::new("Left", Type::Text, left)
        .takes(&[needed("source", Accepts::Text), needed("length", Accepts::Integer)])
        .says("The first characters; all of them if the length is below 0.")
        .examples(&[
            (r#"Left("John Doe", 3)"#, r#""Joh""#),
            (r#"Left("Zoë", 9)"#, r#""Zoë""#),
            (r#"Left("Zoë", 0)"#, r#""""#),
            (r#"Left("Zoë", -1)"#, r#""Zoë""#),
            ("Left(null, 3)", r#""""#),
        ]),
    Function::new("Mid", Type::Text, mid)
        .takes(&[
            needed("source", Accepts::Text),
            needed("start", Accepts::Integer),
            needed("length", Accepts::Integer),
        ])
        .says("So many characters from a place on, counted from 1.")
        .examples(&[
            (r#"Mid("Łukasz", 1, 1)"#, r#""Ł""#),
            (r#"Mid("Łukasz", 5, 9)"#, r#""sz""#),
            (r#"Mid("Łukasz", 9, 1)"#, r#""""#),
        ]),
    Function::new("StripSpaces", Type::Text, strip_spaces)
        .takes(&[needed("source", Accepts::Text)])
        .says("The source without any space.")
        .examples(&[
            (r#"StripSpaces(" van der  Berg ")"#, r#""vanderBerg""#),
            ("StripSpaces(null)", "null"),
        ]),
    Function::new("Trim", Type::Text, trim)
        .takes(&[needed("source", Accepts::Text)])
        .says("The source without white space at its ends.")
        .examples(&[
            (r#"Trim("  Zoë \t")"#, r#""Zoë""#),
            (r#"Trim("  ")"#, r#""""#),
            ("Trim(null)", "null"),
        ]),
    Function::new("Word", Type::Text, word)
        .takes(&[
            needed("source", Accepts::Text),
            needed("wordNumber", Accepts::Integer),
            needed("delimiters", Accepts::Text),
        ])
        .says("The word of this number, counted from 1, between any of the delimiters; an empty text if there are fewer.")
        .examples(&[
            (r#"Word("The quick brown fox", 3, " ")"#, r#""brown""#),
            (r#"Word("This,string!has&many separators", 3, ",!&#")"#, r#""has""#),
            (r#"Word("Zoë  Ng", 2, " ")"#, r#""Ng""#),
            (r#"Word("Zoë", 2, " ")"#, r#""""#),
            (r#"Word(null, 1, " ")"#, r#""""#),
        ]),
];

fn append<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let mut text = arguments.build();
    for index in 0..2 {
        text.push(&arguments.text(index)?.unwrap_or_default())?;
    }
    Ok(text.into_value())
}

fn trim<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let trimmed = arguments.text(0)?.map(|source| match source {
        Cow::Borrowed(source) => Value::text(source.trim()),
        Cow::Owned(mut source) => {
            source.truncate(source.trim_end().len());
            source.drain(..source.len() - source.trim_start().len());
            Value::owned(source)
        }
    });
    Ok(trimmed.unwrap_or(Value::Null))
}

fn strip_spaces<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let stripped = arguments.text(0)?.map(|source| match source {
        source if !source.as_bytes().contains(&b' ') => Value::Text(source),
        Cow::Borrowed(source) => {
            let mut stripped = String::with_capacity(source.len());
            source.split(' ').for_each(|part| stripped.push_str(part));
            Value::owned(stripped)
        }
        Cow::Owned(mut source) => {
            source.retain(|letter| letter != ' ');
            Value::owned(source)
        }
    });
    Ok(stripped.unwrap_or(Value::Null))
}

fn left<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let source = arguments.text(0)?.unwrap_or_default();
    Ok(Value::Text(match arguments.integer(1)?.map(usize::try_from) {
        Some(Ok(length)) => characters(source, 0, length),
        // Below 0, or not given.
        _ => source,
    }))
}

fn mid<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    let start = arguments.integer(1)?.unwrap_or(1).max(1) - 1;
    let length = arguments.integer(2)?.map_or(usize::MAX, at_least_none);
    Ok(Value::Text(characters(source, at_least_none(start), length)))
}

fn word<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let source = arguments.text(0)?.unwrap_or_default();
    let delimiters = arguments.text(2)?.unwrap_or_default();
    let number = arguments.integer(1)?.and_then(|number| number.checked_sub(1));
    let number = number.and_then(|number| usize::try_from(number).ok());
    Ok(part(source, |source| {
        let mut words = source.split(|letter| delimiters.contains(letter));
        number.and_then(|number| words.by_ref().filter(|word| !word.is_empty()).nth(number))
    }))
}

/// A part of a text, borrowed where the text is; an empty text if there is none.
fn part<'a>(source: Cow<'a, str>, find: impl Fn(&str) -> Option<&str>) -> Value<'a> {
    match source {
        Cow::Borrowed(source) => Value::text(find(source).unwrap_or_default()),
        Cow::Owned(source) => Value::owned(find(&source).unwrap_or_default().to_owned()),
    }
}

fn in_str<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let (source, sought) =
        (arguments.text(0)?.unwrap_or_default(), arguments.text(1)?.unwrap_or_default());
    let skipped = at_least_none(arguments.integer(2)?.unwrap_or(1).max(1) - 1);
    if sought.is_empty() {
        return Ok(Value::Integer(0));
    }
    let textual = arguments.text(3)?.is_some_and(|word| word == TEXTUAL);
    let fold = |text: Cow<'_, str>| -> String { text.chars().map(lower).collect() };
    let (source, sought) =
        if textual { (fold(source).into(), fold(sought).into()) } else { (source, sought) };
    let rest = characters(Cow::Borrowed(&*source), skipped, usize::MAX);
    let place = rest.find(&*sought).and_then(|at| rest.get(..at)).map_or(0, |before| {
        i64::try_from(skipped + before.chars().count() + 1).unwrap_or(i64::MAX)
    });
    Ok(Value::Integer(place))
}

/// One character for one, so that positions stay.
fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

/// Below 0 is 0; what does not fit is beyond every text.
fn at_least_none(number: i64) -> usize {
    usize::try_from(number.max(0)).unwrap_or(usize::MAX)
}

/// So many characters after the first `skipped`, as far as there are.
fn characters(text: Cow<'_, str>, skipped: usize, length: usize) -> Cow<'_, str> {
    let start = place(&text, skipped);
    let end = start + text.get(start..).map_or(0, |rest| place(rest, length));
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(end);
            text.drain(..start);
            Cow::Owned(text)
        }
    }
}

/// The byte at which the character of this number begins; the end if there are fewer.
fn place(text: &str, number: usize) -> usize {
    text.char_indices().nth(number).map_or(text.len(), |(at, _)| at)
}
