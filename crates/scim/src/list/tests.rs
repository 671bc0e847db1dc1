use std::error::Error as _;
use std::fmt::Write as _;

use super::*;

fn check(bodies: &[&str]) -> String {
    let mut out = String::new();
    for body in bodies {
        writeln!(out, "{body}").unwrap();
        match parse_page(body.as_bytes()) {
            Ok(page) => {
                let ids: Vec<_> =
                    page.resources.iter().map(|raw| id_of(raw).unwrap_or("?".into())).collect();
                writeln!(
                    out,
                    "    total={:?} start={:?} items={:?} cursor={:?} ids={ids:?}",
                    page.total_results, page.start_index, page.items_per_page, page.next_cursor
                )
                .unwrap();
            }
            Err(error) => {
                let cause = error.source().map(|cause| format!("\n    caused by: {cause}"));
                writeln!(out, "    error: {error}{}", cause.unwrap_or_default()).unwrap();
            }
        }
    }
    out
}

#[test]
fn pages_are_read_and_other_answers_are_not_taken_for_empty_pages() {
    insta::assert_snapshot!(check(&[
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,"startIndex":1,"itemsPerPage":2,"Resources":[{"id":"1","name":{"id":"x"}},{"id":2}]}"#,
        r#"{"resources":[{"ID":"a"},{"userName":"no id"},{"id":""}],"nextCursor":"c2"}"#,
        r#"{"TotalResults":"7","startindex":"x","Resources":null}"#,
        r#"{"totalResults":0}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"]}"#,
        "\u{feff}{\"Resources\":[]}",
        r#"{"error":{"message":"nope"}}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"nope"}"#,
        "{}",
        "[]",
        "<html></html>",
        r#"{"Resources":[{"id":"1"},"#,
        r#"{"Resources":"x"}"#,
        "",
    ]));
}

#[test]
fn a_written_page_can_be_read() {
    let body = page_body(vec![json!({ "id": "1" }), json!({ "id": "2" })], 12, 11).to_string();
    insta::assert_snapshot!(body, @r#"{"Resources":[{"id":"1"},{"id":"2"}],"itemsPerPage":2,"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"startIndex":11,"totalResults":12}"#);
    let page = parse_page(body.as_bytes()).unwrap();
    assert_eq!(
        (page.total_results, page.start_index, page.resources.len()),
        (Some(12), Some(11), 2)
    );
}
