//! Whether what an expression gives, or a field holds, will do where it stands: as far as it can be told before there is a record.

use std::fmt;

use peoplesync_source::FieldType;

use super::{Checker, Problem, Want};
use crate::error::Remedy;
use crate::expr::ast::{Expr, Node};
use crate::expr::compare::{boolean, decimal};
use crate::expr::time;
use crate::expr::value::Type;
use crate::functions::Accepts;

/// What a place needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Any,
    /// True or false, and nothing that only reads like it.
    Condition,
    /// True or false, also as the text of a field or literal.
    Flag,
    /// Text, or what can be written as text.
    Text,
    /// Text, but no boolean: nobody wants "True" for a title.
    Label,
    /// Bytes, or the text that they are written as.
    Bytes,
    Integer,
    Decimal,
    /// A time as ISO 8601 writes it.
    Time,
    /// A time in any form that `CDate` reads.
    Moment,
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value",
            Self::Condition | Self::Flag => "true or false",
            Self::Text | Self::Label => "text",
            Self::Bytes => "bytes",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Time | Self::Moment => "a time",
        })
    }
}

impl Checker<'_> {
    /// What is known of a field's value before there is one.
    pub(super) fn held(&self, field: &str, want: Want<'_>) -> Type {
        match self.setting.types.get(field) {
            // Text counts as whatever it reads as, but never as a condition.
            Some(FieldType::Cell) if want.needs == Needs::Condition => Type::Text,
            None | Some(FieldType::Cell) => Type::Any,
            // The first of its values is copied.
            Some(FieldType::List) if want.copy => Type::Any,
            Some(FieldType::List) => Type::List,
            Some(FieldType::Text) => Type::Text,
            Some(FieldType::Bytes) => Type::Bytes,
            Some(FieldType::Integer) => Type::Integer,
            Some(FieldType::Decimal) => Type::Decimal,
            Some(FieldType::Boolean) => Type::Boolean,
            Some(FieldType::Timestamp) => Type::Timestamp,
        }
    }

    /// Whether a value of this type will do, as far as it can be told now.
    pub(super) fn fits(&mut self, expr: &Expr, known: Type, want: Want<'_>) {
        let Want { place, needs, .. } = want;
        if known == Type::List && !want.many {
            let found = match &expr.node {
                Node::Field(_) => format!("the field `{expr}` holds several"),
                _ => "this is a list".to_owned(),
            };
            let message = format!("{place} takes one value, but {found}");
            let hint = "join its values with `Join`, or choose one with `Item`".to_owned();
            let problem = Problem::new(expr.span, message, Some(hint));
            return self.problems.push(problem.mended_by(Remedy::OneForEach));
        }
        let fits = match (needs, known) {
            (Needs::Any, _) | (_, Type::Any | Type::Null | Type::List) => true,
            (Needs::Condition | Needs::Flag, known) => known == Type::Boolean,
            (Needs::Text, known) => known != Type::Bytes,
            (Needs::Label, known) => !matches!(known, Type::Boolean | Type::Bytes),
            (Needs::Bytes, known) => known != Type::Boolean,
            (Needs::Integer | Needs::Decimal, known) => {
                !matches!(known, Type::Boolean | Type::Timestamp | Type::Bytes)
            }
            (Needs::Time | Needs::Moment, known) => {
                matches!(known, Type::Text | Type::Timestamp)
            }
        };
        let found = match &expr.node {
            Node::Field(_) if !fits => format!("the field `{expr}` holds {known}"),
            _ if !fits => format!("this is {known}"),
            // What is written out can be read now.
            Node::Text(text) if !reads(needs, text) => "this text is not one".to_owned(),
            Node::Decimal(number) if needs == Needs::Integer && number.fract() != 0.0 => {
                "this has a fraction".to_owned()
            }
            _ => return,
        };
        self.problem(
            expr.span,
            format!("{place} needs {needs}, but {found}"),
            hint(expr, known, needs),
        );
    }
}

/// What a parameter needs of its argument.
pub(super) fn needs(accepts: Accepts) -> Needs {
    match accepts {
        Accepts::Condition => Needs::Condition,
        Accepts::Flag => Needs::Flag,
        Accepts::Text | Accepts::Values => Needs::Text,
        Accepts::Integer => Needs::Integer,
        Accepts::Time => Needs::Moment,
        // The others are written out, and are no values.
        _ => Needs::Any,
    }
}

/// Whether a literal text is what is needed.
fn reads(needs: Needs, text: &str) -> bool {
    match needs {
        _ if text.is_empty() => true,
        Needs::Integer => text.parse::<i64>().is_ok(),
        Needs::Decimal => decimal(text).is_some(),
        Needs::Time => time::parse(text).is_some(),
        Needs::Moment => time::read(text).is_some(),
        _ => true,
    }
}

fn hint(expr: &Expr, known: Type, needs: Needs) -> Option<String> {
    let field = matches!(expr.node, Node::Field(_));
    Some(match (needs, &expr.node) {
        (Needs::Condition, Node::Text(text)) if boolean(text).is_some() => {
            format!("write {} without quotes", text.to_ascii_lowercase())
        }
        (Needs::Condition | Needs::Flag, _) if field && known == Type::Text => {
            format!(
                "compare it, as in `{expr} = \"…\"`; `CBool({expr})` if its text is true or false"
            )
        }
        (Needs::Condition | Needs::Flag, _) if field => format!("compare it, as in `{expr} = …`"),
        (Needs::Condition | Needs::Flag, _) => {
            "write a comparison, as in `status = \"active\"`".to_owned()
        }
        (Needs::Label, _) if known == Type::Boolean => {
            let condition = if field { expr.to_string() } else { "…".to_owned() };
            format!("choose a text, as in `IIF({condition}, \"yes\", \"no\")`")
        }
        (Needs::Time | Needs::Moment, Node::Text(_)) => {
            "a time is written 2026-01-31T08:30:00Z".to_owned()
        }
        (Needs::Time | Needs::Moment, _) if known == Type::Integer => {
            "`DateFromNum` reads the numbers that Active Directory writes".to_owned()
        }
        _ => return None,
    })
}
