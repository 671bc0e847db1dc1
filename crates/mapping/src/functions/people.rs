//! Questions about other people. Who cannot be known about is not guessed about: the record is rejected, which pins its account.

use super::{Accepts, Ask, Function, needed};
use crate::around::{Membership, People, Unknown};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Groups", Type::List, groups)
        .asks(Ask::Groups)
        .says("The names of all groups that the person is in.")
        .examples(&[
            (r#"Groups()"#, r#"["Engineering", "Łódź"]"#),
            (r#"Groups() matches "^Eng""#, r#"true"#),
            (r#"Join("; ", Groups())"#, r#""Engineering; Łódź""#),
        ]),
    Function::new("IsMemberOfGroup", Type::Boolean, is_member_of_group)
        .takes(&[needed("name", Accepts::Values)])
        .repeats(1)
        .asks(Ask::Groups)
        .says("Whether the person is in any of the groups of these names.")
        .examples(&[
            (r#"IsMemberOfGroup("Sales", "Łódź")"#, r#"true"#),
            (r#"IsMemberOfGroup("engineering")"#, r#"false"#),
            (r#"IsMemberOfGroup(null, "")"#, r#"false"#),
        ]),
    Function::new("ManagerField", Type::Any, manager_field)
        .takes(&[needed("field", Accepts::Field)])
        .asks(Ask::ManagerField)
        .says("What a field of the person's manager holds.")
        .examples(&[
            (r#"ManagerField(mail)"#, r#""ada@example.com""#),
            (r#"ManagerField("title")"#, r#"null"#),
            (r#"ToUpper(ManagerField([mail]))"#, r#""ADA@EXAMPLE.COM""#),
        ]),
    Function::new("ReportsTo", Type::Boolean, reports_to)
        .takes(&[needed("key", Accepts::Text)])
        .asks(Ask::Chain)
        .says(
            "Whether somebody with this key is the person's manager, or the manager's, and so on.",
        )
        .examples(&[
            (r#"ReportsTo("1")"#, r#"true"#),
            (r#"ReportsTo("7")"#, r#"false"#),
            (r#"ReportsTo(null)"#, r#"false"#),
        ]),
];

fn groups<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Membership { names, more } = known(arguments, |people| people.groups(arguments.record()))?;
    match more {
        None => Ok(Value::list(names.into_iter().map(Value::text).collect())),
        Some(unknown) => Err(arguments.unknown(&unknown.to_string())),
    }
}

fn is_member_of_group<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Membership { names: groups, more } =
        known(arguments, |people| people.groups(arguments.record()))?;
    let (mut asked, mut member) = (false, false);
    let mut is_one = |value: &Value<'_>| match value {
        Value::Text(name) if !name.is_empty() => {
            asked = true;
            groups.binary_search(&&**name).is_ok()
        }
        _ => false,
    };
    for index in 0..arguments.len() {
        member |= match arguments.value(index)? {
            Value::List(names) => names.iter().any(&mut is_one),
            name => is_one(&name),
        };
    }
    match more {
        // Whoever is known to be in one of them is in it, whatever else is not known.
        Some(unknown) if asked && !member => Err(arguments.unknown(&unknown.to_string())),
        _ => Ok(Value::Boolean(member)),
    }
}

fn manager_field<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let field = arguments.text(0)?.unwrap_or_default();
    known(arguments, |people| people.manager_field(arguments.record(), &field))
}

fn reports_to<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(key) = arguments.text(0)?.filter(|key| !key.is_empty()) else {
        return Ok(Value::Boolean(false));
    };
    known(arguments, |people| people.reports_to(arguments.record(), &key)).map(Value::Boolean)
}

/// The answer, if there is one.
fn known<'a, T>(
    arguments: &Arguments<'_, 'a>,
    ask: impl FnOnce(&'a dyn People) -> Result<T, Unknown>,
) -> Eval<T> {
    match arguments.around().people {
        Some(people) => ask(people).map_err(|unknown| arguments.unknown(&unknown.to_string())),
        None => Err(arguments.unknown("nobody else is known here")),
    }
}
