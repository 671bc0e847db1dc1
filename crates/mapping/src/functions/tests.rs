//! The table's own examples, run.

use std::collections::BTreeSet;

use super::{Gives, all, find};
use crate::testing;

#[test]
fn every_example_gives_what_the_table_says() {
    let mut wrong = Vec::new();
    for function in all() {
        for (expression, expected) in function.examples {
            let found = testing::evaluate(expression);
            if found != *expected {
                wrong.push(format!("{expression}\n  gives {found}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_has_examples_and_a_line_and_stands_where_it_is_looked_for() {
    let names: BTreeSet<_> = all().iter().map(|function| function.name.to_lowercase()).collect();
    let in_table: Vec<_> = all().iter().map(|function| function.name.to_lowercase()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), in_table, "sorted, each once");
    for function in all() {
        assert!(function.examples.len() >= 2, "{} has too few examples", function.name);
        assert!(function.one_line.ends_with('.'), "{}", function.name);
        assert!(function.repeats <= function.parameters.len(), "{}", function.name);
        let optional_follow = function.parameters.iter().skip(function.least());
        assert!(optional_follow.clone().all(|parameter| parameter.optional), "{}", function.name);
        if let Gives::Arguments(passes) = function.gives {
            assert!((0..4).any(passes), "{} gives nothing", function.name);
        }
        let called = function.name.to_uppercase();
        assert_eq!(find(&called).map(|found| found.name), Some(function.name));
        for (expression, _) in function.examples {
            assert!(
                expression.contains(function.name),
                "{expression} is no example of {}",
                function.name
            );
        }
    }
}

#[test]
fn signatures_read_as_a_call_is_written() {
    let signatures: Vec<_> = all().iter().map(|function| function.typed_signature()).collect();
    insta::assert_snapshot!(signatures.join("\n"));
}

#[test]
fn the_reference_page_is_what_the_table_says() {
    let page = include_str!("../../../../docs/functions.md");
    assert!(page == super::reference(), "docs/functions.md is stale: run `cargo xtask docs`");
}
