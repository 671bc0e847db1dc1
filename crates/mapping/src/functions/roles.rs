//! Roles of applications, from a field with the roles that are assigned: their names, or objects as Entra has them, written as
//! JSON.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Accepts, Function, needed};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("AppRoleAssignmentsComplex", Type::Any, roles)
        .takes(&[needed("appRoleAssignments", Accepts::Any)])
        .says("All roles, each once, for `roles`: names, or objects with `value` or `displayName` as JSON. Others are removed from the account.")
        .examples(&[
            (r#"AppRoleAssignmentsComplex(Split("admin,editor,admin", ","))"#, r#"["admin", "editor"]"#),
            (r#"AppRoleAssignmentsComplex("admin")"#, r#""admin""#),
            (
                r#"AppRoleAssignmentsComplex("[{\"value\": \"admin\", \"displayName\": \"Administrator\"}, {\"displayName\": \"Éditeur\"}]")"#,
                r#"["admin", "Éditeur"]"#,
            ),
            ("AppRoleAssignmentsComplex(null)", "null"),
        ]),
    Function::new("AssertiveAppRoleAssignmentsComplex", Type::Any, roles)
        .takes(&[needed("appRoleAssignments", Accepts::Any)])
        .says("All roles, each once, for `roles`: names, or objects with `value` or `displayName` as JSON. Others are removed from the account.")
        .examples(&[
            (r#"AssertiveAppRoleAssignmentsComplex(Split("b,a", ","))"#, r#"["b", "a"]"#),
            (r#"AssertiveAppRoleAssignmentsComplex("éditeur")"#, r#""éditeur""#),
            ("AssertiveAppRoleAssignmentsComplex(null)", "null"),
        ]),
    Function::new("SingleAppRoleAssignment", Type::Any, single)
        .takes(&[needed("appRoleAssignments", Accepts::Any)])
        .says("The one role that is assigned, a name or an object with `value` or `displayName` as JSON. Several different ones reject the record, as nobody could say which is meant.")
        .examples(&[
            (r#"SingleAppRoleAssignment("admin")"#, r#""admin""#),
            (r#"SingleAppRoleAssignment(Split("admin,admin", ","))"#, r#""admin""#),
            ("SingleAppRoleAssignment(null)", "null"),
        ]),
];

/// The names of the roles, each once.
fn roles<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let values = match arguments.value(0)? {
        Value::List(values) => values,
        one if !is_json(&one) => return Ok(one),
        one => vec![one],
    };
    let (mut seen, mut roles) = (BTreeSet::new(), Vec::with_capacity(values.len()));
    let mut add = |role: Value<'a>| {
        if seen.insert(role.to_string()) {
            roles.push(role);
        }
    };
    for value in values {
        match &value {
            Value::Text(text) if is_json(&value) => {
                let names = names(text).ok_or_else(|| {
                    arguments
                        .fault(0, "a role that is JSON and has neither `value` nor `displayName`")
                })?;
                names.into_iter().map(Value::owned).for_each(&mut add);
            }
            _ => add(value),
        }
    }
    Ok(Value::list(roles))
}

fn is_json(value: &Value<'_>) -> bool {
    matches!(value, Value::Text(text) if text.trim_start().starts_with(['{', '[']))
}

/// The names of roles that are written as a JSON object, or as a list of such: what goes to the service, else what people
/// call it.
fn names(text: &str) -> Option<Vec<String>> {
    let objects = match serde_json::from_str(text).ok()? {
        Json::Array(objects) => objects,
        one => vec![one],
    };
    let name = |object: &Json| {
        let part = |name| object.get(name)?.as_str().filter(|text| !text.is_empty());
        part("value").or_else(|| part("displayName")).or(object.as_str()).map(str::to_owned)
    };
    objects.iter().map(name).collect()
}

fn single<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    match roles(arguments)? {
        Value::List(mut roles) if roles.len() == 1 => Ok(roles.pop().unwrap_or(Value::Null)),
        Value::List(roles) => {
            let what = format!("{} roles where one is needed", roles.len());
            Err(arguments.fault(0, &what))
        }
        single => Ok(single),
    }
}
