//! No expression, however it was made, takes more memory than a bound, and none takes a thread's stack.

use peoplesync_mapping::{AttributeSpec, Draft, Mapping, Spec};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Value};

/// What comes of an expression over the field `a`, which holds this text.
fn check(expression: &str, text: &str) -> String {
    let spec =
        Spec { attributes: vec![AttributeSpec::value("title", expression)], ..Spec::default() };
    let mapping = match Mapping::compile(&spec, Resource::User, &SchemaSet::standard()) {
        Ok(mapping) => mapping,
        Err(errors) => return errors[0].message.clone(),
    };
    let mut batch = Batch::new(Fields::new(["a"]));
    batch.record("7", Origin::row("test", 1)).expect("a key").set(0, Value::Text(text));
    let mut draft = Draft::new(&mapping);
    let record = batch.get(0).expect("one record");
    match mapping.map(&mapping.bind(batch.fields()), &record, &mut draft) {
        Ok(_) => format!("{} bytes", draft.text(0).map_or(0, str::len)),
        Err(error) => error.reason,
    }
}

#[test]
fn a_text_cannot_be_doubled_without_end() {
    let doubled =
        (0..60).fold("a".to_owned(), |inner, _| format!("Replace({inner}, \"x\", , , \"xx\", , )"));
    assert!(check(&doubled, "x").ends_with("gives text longer than 1 MiB"));
    assert_eq!(check(&doubled, "y"), "1 bytes");
    let filled = format!("Replace(a, \"x\", , , \"{}\", , )", "y".repeat(9_000));
    assert!(check(&filled, &"x".repeat(10_000)).ends_with("gives text longer than 1 MiB"));
    let joined = "a & ".repeat(2_000) + "a";
    assert!(check(&joined, &"x".repeat(1_000)).ends_with("gives text longer than 1 MiB"));
    assert_eq!(check(&joined, "x"), "2001 bytes");
    let empty_matches = "Replace(a, , \"\", , \"yyyyyyyy\", , )";
    assert!(check(empty_matches, &"x".repeat(500_000)).ends_with("gives text longer than 1 MiB"));
}

#[test]
fn a_copy_is_as_long_as_it_is() {
    assert_eq!(check("a", &"x".repeat(3_000_000)), "3000000 bytes");
}

#[test]
fn the_deepest_expression_is_evaluated_and_a_deeper_one_refused() {
    let nested = |levels| (0..levels).fold("a".to_owned(), |inner, _| format!("Trim({inner})"));
    assert_eq!(check(&nested(64), " x "), "1 bytes");
    assert_eq!(check(&nested(65), " x "), "this is nested deeper than 64 levels");
    assert_eq!(
        check(&"a&".repeat(200_000), "x"),
        "the expression has 400000 characters; 10000 are allowed"
    );
}

#[test]
fn patterns_take_linear_time() {
    let hostile = "IIF(a matches \"^(a+)+$\", \"yes\", \"no\")";
    assert_eq!(check(hostile, &("a".repeat(200_000) + "!")), "2 bytes");
    // Neither is a machine built for it, which would have 2^100 states.
    let hostile = "IIF(a matches \"x[xy]{100}[^xy]\", \"yes\", \"no\")";
    let step = |at: u64| at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let chance = std::iter::successors(Some(7_u64), |at| Some(step(*at)));
    let text = chance.take(1 << 14).map(|at| if at >> 63 == 0 { 'x' } else { 'y' });
    assert_eq!(check(hostile, &text.collect::<String>()), "2 bytes");
}
