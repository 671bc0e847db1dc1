//! Values from tables of the config.

use super::{Accepts, Function, needed, optional};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[Function::new("Lookup", Type::Text, lookup)
    .takes(&[
        needed("table", Accepts::Table),
        needed("key", Accepts::Text),
        optional("defaultValue", Accepts::Text),
    ])
    .says("What a table of the config, `[lookups.NAME]`, has for the key; the default if it has nothing.")
    .examples(&[(r#"Lookup(offices, "LDZ")"#, r#""Łódź""#), (r#"Lookup("offices", "ldz", "elsewhere")"#, r#""elsewhere""#), (r#"Lookup(offices, null)"#, r#"null"#)])];

fn lookup<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let key = arguments.text(1)?.unwrap_or_default();
    let found = arguments.table(0).and_then(|table| table.get(&key));
    match found {
        Some(value) => Ok(Value::text(value)),
        None => Ok(arguments.text(2)?.map_or(Value::Null, Value::Text)),
    }
}
