//! What the corpus of case files does not reach: limits, places, and the canonical text.

use super::{MAX_DEPTH, MAX_LENGTH, parse};

/// The canonical text, or the message with the text that it points at.
fn check(text: &str) -> String {
    match parse(text) {
        Ok(expr) => {
            let canonical = expr.to_string();
            assert_eq!(parse(&canonical).as_ref(), Ok(&expr), "{canonical}");
            canonical
        }
        Err(error) => format!("{} at `{}`", error.message, error.span.of(text)),
    }
}

#[test]
fn the_canonical_text_has_the_parentheses_that_are_needed() {
    let cases = [
        ("a or b and c", "a or b and c"),
        ("(a or b) and c", "(a or b) and c"),
        ("((a)) = (b)", "a = b"),
        ("NOT (a = b) AND not c", "not a = b and not c"),
        ("not (a and b)", "not (a and b)"),
        ("not not a", "not not a"),
        ("Not(a)&b", "Not(a) & b"),
        ("not(a) and b", "Not(a) and b"),
        ("x not in (1, -2.50)", "not x in (1, -2.5)"),
        ("x not matches \"a\"", "not x matches \"a\""),
        ("(a = b) = c", "(a = b) = c"),
        ("a & (b & c)", "a & (b & c)"),
        ("coalesce ( [mail] , , \"x\" )", "Coalesce(mail,, \"x\")"),
        ("Replace(a, \"b\", , , \"\", , )", "Replace(a, \"b\",,, \"\",,)"),
        ("Unknown( )", "Unknown()"),
        ("TRUE = False", "true = false"),
        ("[true] = [not a name] & [a\\]\\b]", "[true] = [not a name] & [a\\]\\\\b]"),
        ("InStr(a, b, 1, vbtextcompare)", "InStr(a, b, 1, \"vbTextCompare\")"),
        ("1.0 & 10000000000000000000.0", "1.0 & 10000000000000000000.0"),
        ("\"\\d \\n \\\\ \\\"\"", "\"\\\\d \\n \\\\ \\\"\""),
        ("a\n\t= b", "a = b"),
    ];
    for (text, canonical) in cases {
        assert_eq!(check(text), canonical, "{text}");
    }
}

#[test]
fn nesting_is_limited_and_chains_are_not() {
    let nested = |levels| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert_eq!(check(&nested(MAX_DEPTH)), "a");
    assert_eq!(check(&nested(MAX_DEPTH + 1)), "this is nested deeper than 64 levels at `(`");
    for level in ["not ", "Trim(", "a in (", "IIF(a, "] {
        let text = level.repeat(MAX_DEPTH + 1);
        assert_eq!(check(&text).split(" at ").next(), Some("this is nested deeper than 64 levels"));
    }
    let chain = "a & ".repeat(MAX_LENGTH / 4 - 1) + "a";
    assert!(check(&chain) == chain, "a chain is as deep as one term");
    assert_eq!(
        check(&"a & ".repeat(200_000)),
        "the expression has 800000 characters; 10000 are allowed at ``"
    );
    assert_eq!(check(&"(".repeat(9_999)), "this is nested deeper than 64 levels at `(`");
}

#[test]
fn length_counts_characters_and_not_bytes() {
    assert_eq!(check(&"ñ".repeat(MAX_LENGTH)), "ñ".repeat(MAX_LENGTH));
}
