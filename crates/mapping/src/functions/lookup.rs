//! Values from the config: of its tables, and its default domain.

use super::{Accepts, Ask, Function, needed, optional};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[Function::new("DefaultDomain", Type::Text, domain)
    .asks(Ask::Domain)
    .says("The domain that the config calls the default one.")
    .examples(&[
        (r#"DefaultDomain()"#, r#""example.com""#),
        (r#""zoe" & "@" & DefaultDomain()"#, r#""zoe@example.com""#),
        (r#"Join("@", null, DefaultDomain())"#, r#""example.com""#),
    ]),
Function::new("Lookup", Type::Text, lookup)
    .takes(&[
        needed("table", Accepts::Table),
        needed("key", Accepts::Text),
        optional("defaultValue", Accepts::Text),
    ])
    .says("What a table of the config, `[lookups.NAME]`, has for the key; the default if it has nothing.")
    .examples(&[(r#"Lookup(offices, "LDZ")"#, r#""Łódź""#), (r#"Lookup("offices", "ldz", "elsewhere")"#, r#""elsewhere""#), (r#"Lookup(offices, null)"#, r#"null"#)])];

/// Never called: the checker puts the domain in its place.
fn domain<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Err(arguments.unknown("no domain is known here"))
}

fn lookup<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let key = arguments.text(1)?.unwrap_or_default();
    let found = arguments.table(0).and_then(|table| table.get(&key));
    match found {
        Some(value) => Ok(Value::text(value)),
        None => Ok(arguments.text(2)?.map_or(Value::Null, Value::Text)),
    }
}
