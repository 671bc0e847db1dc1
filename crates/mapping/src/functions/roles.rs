//! Roles of applications, from a field with the names of the roles that are assigned.

use super::list::remove_duplicates;
use super::{Accepts, Function, needed};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("AppRoleAssignmentsComplex", Type::Any, remove_duplicates)
        .takes(&[needed("appRoleAssignments", Accepts::Any)])
        .says("All roles, each once, for `roles`. Roles that are no longer assigned are removed from the account.")
        .examples(&[
            (r#"AppRoleAssignmentsComplex(Split("admin,editor,admin", ","))"#, r#"["admin", "editor"]"#),
            (r#"AppRoleAssignmentsComplex("admin")"#, r#""admin""#),
            ("AppRoleAssignmentsComplex(null)", "null"),
        ]),
    Function::new("AssertiveAppRoleAssignmentsComplex", Type::Any, remove_duplicates)
        .takes(&[needed("appRoleAssignments", Accepts::Any)])
        .says("All roles, each once, for `roles`. Roles that are no longer assigned are removed from the account.")
        .examples(&[
            (r#"AssertiveAppRoleAssignmentsComplex(Split("b,a", ","))"#, r#"["b", "a"]"#),
            (r#"AssertiveAppRoleAssignmentsComplex("éditeur")"#, r#""éditeur""#),
            ("AssertiveAppRoleAssignmentsComplex(null)", "null"),
        ]),
    Function::new("SingleAppRoleAssignment", Type::Any, single)
        .takes(&[needed("appRoleAssignments", Accepts::Any)])
        .says("The one role that is assigned. Several different ones reject the record, as nobody could say which is meant.")
        .examples(&[
            (r#"SingleAppRoleAssignment("admin")"#, r#""admin""#),
            (r#"SingleAppRoleAssignment(Split("admin,admin", ","))"#, r#""admin""#),
            ("SingleAppRoleAssignment(null)", "null"),
        ]),
];

fn single<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    match remove_duplicates(arguments)? {
        Value::List(mut roles) if roles.len() == 1 => Ok(roles.pop().unwrap_or(Value::Null)),
        Value::List(roles) => {
            let what = format!("{} roles where one is needed", roles.len());
            Err(arguments.fault(0, &what))
        }
        single => Ok(single),
    }
}
