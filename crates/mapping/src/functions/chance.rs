//! The time of the run, and random values. Both are handed in. The checker allows them only where they cannot make every run
//! write: in a rule with `when = "create"`, and `Now` in a condition.

use super::{Accepts, Ask, Function, needed, optional};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Guid", Type::Text, guid)
        .asks(Ask::Chance)
        .says("A random identifier (UUID version 4).")
        .examples(&[
            (r#"Mid(Guid(), 15, 1)"#, r#""4""#),
            (r#"Count(Split(Guid(), "-"))"#, r#"5"#),
            (r#"Guid() = Guid()"#, r#"false"#),
        ]),
    Function::new("Now", Type::Timestamp, now)
        .asks(Ask::Clock)
        .says("The time of the run, in UTC.")
        .examples(&[
            ("Now()", "1/31/2026 8:30:00 AM"),
            (r#"Now() > "2026-01-30""#, r#"true"#),
            (r#"Append(Now(), "")"#, r#""1/31/2026 8:30:00 AM""#),
        ]),
    Function::new("RandomString", Type::Text, random_string)
        .takes(&[
            needed("length", Accepts::Integer),
            needed("minimumNumbers", Accepts::Integer),
            needed("minimumSpecialCharacters", Accepts::Integer),
            needed("minimumCapital", Accepts::Integer),
            needed("minimumLowerCase", Accepts::Integer),
            optional("charactersToAvoid", Accepts::Text),
        ])
        .asks(Ask::Chance)
        .says("A random text of at most 256 characters, with at least so many of each kind; the rest are letters and digits.")
        .examples(&[
            (r#"RandomString(6, 3, 0, 0, 3) matches "^[a-z0-9]{6}$""#, "true"),
            (r#"Count(Split(RandomString(10, 2, 2, 2, 1, "?,"), "?"))"#, "1"),
            (r#"RandomString(8, 8, 0, 0, 0, "123456789")"#, r#""00000000""#),
            ("RandomString(null, 0, 0, 0, 0)", "null"),
        ]),
];

/// The characters of each kind; special ones as Windows counts them for passwords.
const KINDS: [&str; 4] = [
    "0123456789",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
];
const SPECIAL: usize = 1;

fn random_string<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    const LONGEST: usize = 256;
    let Some(length) = arguments.integer(0)? else { return Ok(Value::Null) };
    let length = usize::try_from(length).unwrap_or(0);
    if length > LONGEST {
        return Err(arguments.unknown("it would have more than 256 characters"));
    }
    let avoided = arguments.text(5)?.unwrap_or_default();
    let allowed = KINDS.map(|kind| {
        kind.chars().filter(|letter| !avoided.contains(*letter)).collect::<Vec<char>>()
    });
    let mut chance = Chance(arguments.chance()?);
    let mut letters = Vec::with_capacity(length);
    for (index, kind) in allowed.iter().enumerate() {
        let least = usize::try_from(arguments.integer(index + 1)?.unwrap_or(0)).unwrap_or(0);
        if least > 0 && kind.is_empty() {
            return Err(arguments.unknown("every character that it needs is to be avoided"));
        }
        if letters.len() + least.min(LONGEST + 1) > length {
            return Err(arguments.unknown("it needs more characters than its length"));
        }
        letters.extend((0..least).filter_map(|_| chance.one_of(kind)));
    }
    let rest: Vec<char> = allowed
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != SPECIAL)
        .flat_map(|(_, kind)| kind.iter().copied())
        .collect();
    if rest.is_empty() && letters.len() < length {
        return Err(arguments.unknown("every character that it needs is to be avoided"));
    }
    while letters.len() < length {
        letters.extend(chance.one_of(&rest));
    }
    for place in (1..letters.len()).rev() {
        letters.swap(place, chance.below(place + 1));
    }
    Ok(Value::owned(letters.into_iter().collect()))
}

struct Chance(blake3::OutputReader);

impl Chance {
    /// Each number below a bound is as likely as any other.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).unwrap_or(u32::MAX).max(1);
        // What would make small numbers likelier is drawn again.
        let fair = u32::MAX - u32::MAX % bound;
        loop {
            let mut bytes = [0; 4];
            self.0.fill(&mut bytes);
            let number = u32::from_le_bytes(bytes);
            if number < fair {
                return usize::try_from(number % bound).unwrap_or(0);
            }
        }
    }

    fn one_of(&mut self, letters: &[char]) -> Option<char> {
        letters.get(self.below(letters.len())).copied()
    }
}

fn guid<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let mut bytes = [0; 16];
    arguments.chance()?.fill(&mut bytes);
    // RFC 9562 §5.4: version 4, and the variant.
    let number = u128::from_be_bytes(bytes) & !(0xf << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{number:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    Ok(Value::owned(parts.join("-")))
}

fn now<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let now = arguments.around().now;
    now.map(Value::Moment).ok_or_else(|| arguments.unknown("no time is known here"))
}
