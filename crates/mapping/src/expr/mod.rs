//! The expression language: text to a syntax tree, a syntax tree to code over field positions, code to values.
//! It knows nothing of SCIM; which type an attribute needs the checker is told.

mod ast;
pub(crate) mod check;
pub(crate) mod code;
mod compare;
pub(crate) mod eval;
mod lexer;
mod parser;
pub(crate) mod time;
mod value;

pub use self::ast::{Comparison, Expr, Node, Span, Word};
pub use self::parser::{MAX_DEPTH, MAX_LENGTH, SyntaxError, parse};
pub(crate) use self::time::{format as format_time, parse as parse_time};
pub use self::value::{Type, Value};

/// A time as ISO 8601 writes it: a date, or a date with the time of day; UTC where it has no offset.
#[must_use]
pub fn read_time(text: &str) -> Option<peoplesync_source::Timestamp> {
    parse_time(text)
}

#[cfg(test)]
mod tests;
