//! The time of the run, and random values. Both are handed in. The checker allows them only where they cannot make every run
//! write: in a rule with `when = "create"`, and `Now` in a condition.

use super::{Ask, Function};
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
            (r#"Now()"#, r#"2026-01-31T08:30:00Z"#),
            (r#"Now() > "2026-01-30""#, r#"true"#),
            (r#"Append(Now(), "")"#, r#""2026-01-31T08:30:00Z""#),
        ]),
];

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
    now.map(Value::Timestamp).ok_or_else(|| arguments.unknown("no time is known here"))
}
