//! What expressions read: fields of the record, fields of the manager, and the rest of the surroundings.

use std::collections::BTreeSet;

use crate::around::{AskedGroups, Asks};
use crate::expr::{Expr, Node, Span};
use crate::functions::{self, Ask};

/// Calls `visit` with each field that the expression reads, of the record or of its manager, and the place of its name.
pub(crate) fn each_field<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e str, Span)) {
    expr.each(&mut |expr| match &expr.node {
        Node::Field(name) => visit(name, expr.span),
        Node::Call { .. } => {
            if let Some((field, span)) = manager_field(expr) {
                visit(field, span);
            }
        }
        _ => {}
    });
}

/// The fields that the expressions read, sorted, and what they ask of the surroundings.
pub(crate) fn all<'e>(exprs: impl Iterator<Item = &'e Expr>) -> (Vec<String>, Asks) {
    let (mut fields, mut of_managers) = (BTreeSet::new(), BTreeSet::new());
    let mut groups: Option<BTreeSet<&str>> = None;
    let mut asks = Asks::default();
    for expr in exprs {
        each_field(expr, &mut |name, _| {
            fields.insert(name.to_owned());
        });
        expr.each(&mut |expr| {
            of_managers.extend(manager_field(expr).map(|(field, _)| field.to_owned()));
            match asked(expr) {
                Ask::Clock => asks.clock = true,
                Ask::Chance => asks.chance = true,
                Ask::Chain => asks.chain = true,
                Ask::Groups => match group_names(expr) {
                    Some(names) => {
                        groups.get_or_insert_default().extend(names.map(|(name, _)| name))
                    }
                    None => asks.groups = AskedGroups::All,
                },
                Ask::ManagerField | Ask::Taken | Ask::Domain | Ask::Nothing => {}
            }
        });
    }
    if let Some(names) = groups.filter(|_| asks.groups != AskedGroups::All) {
        asks.groups = AskedGroups::Named(names.into_iter().map(str::to_owned).collect());
    }
    asks.manager_fields = of_managers.into_iter().collect();
    (fields.into_iter().collect(), asks)
}

/// The names of groups in a question, each with its place, if all of them are written out.
pub(crate) fn group_names(expr: &Expr) -> Option<impl Iterator<Item = (&str, Span)>> {
    let Node::Call { arguments, .. } = &expr.node else { return None };
    let is_written = |argument: &Option<Expr>| {
        argument.as_ref().is_none_or(|one| matches!(one.node, Node::Text(_) | Node::Null))
    };
    let all = !arguments.is_empty() && arguments.iter().all(is_written);
    all.then(|| {
        arguments.iter().flatten().filter_map(|argument| match &argument.node {
            Node::Text(name) if !name.is_empty() => Some((&**name, argument.span)),
            _ => None,
        })
    })
}

/// What a call asks for.
pub(crate) fn asked(expr: &Expr) -> Ask {
    let Node::Call { name, .. } = &expr.node else { return Ask::Nothing };
    functions::find(&name.text).map_or(Ask::Nothing, |function| function.asks)
}

/// The field of the manager that a call reads.
fn manager_field(expr: &Expr) -> Option<(&str, Span)> {
    let Node::Call { arguments, .. } = &expr.node else { return None };
    match arguments.first()?.as_ref()? {
        Expr { node: Node::Text(field), span } if asked(expr) == Ask::ManagerField => {
            Some((field, *span))
        }
        _ => None,
    }
}
