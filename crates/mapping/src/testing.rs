//! What the tests of several modules share.

use peoplesync_source::{Batch, Fields, Origin};

use crate::expr;
use crate::expr::check::{Needs, Want, check};
use crate::expr::eval::Machine;

/// The value of an expression without fields, as text, or what is wrong with it.
pub(crate) fn evaluate(text: &str) -> String {
    let expr = match expr::parse(text) {
        Ok(expr) => expr,
        Err(error) => return format!("syntax: {error}"),
    };
    let mut problems = Vec::new();
    let want = Want { needs: Needs::Any, many: true, copy: false, place: "this" };
    let code = check(&expr, &[], want, &mut problems);
    if let Some(problem) = problems.first() {
        return format!("problem: {}", problem.message);
    }
    let mut batch = Batch::new(Fields::new::<_, &str>([]));
    batch.record("7", Origin::row("test", 1)).unwrap();
    let record = batch.get(0).unwrap();
    match (Machine { names: &[], positions: &[], record, text }).value(&code) {
        Ok(value) => value.to_string(),
        Err(fault) => format!("fault: {}", fault.reason),
    }
}
