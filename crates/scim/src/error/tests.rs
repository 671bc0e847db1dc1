use std::fmt::Write as _;

use super::*;

fn check(answers: &[(u16, &str)]) -> String {
    let mut out = String::new();
    for (status, body) in answers {
        let error = ScimError::parse(*status, body.as_bytes());
        let shown: String = body.chars().take(100).collect();
        writeln!(out, "{status} {}\n    {error}", shown.replace('\n', "⏎")).unwrap();
    }
    out
}

#[test]
fn whatever_a_provider_answers_says_what_is_wrong() {
    insta::assert_snapshot!(check(&[
        (
            409,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"userName is taken"}"#
        ),
        (
            400,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":400,"scimType":"invalidValue"}"#
        ),
        (404, r#"{"detail":"Resource 7 not found","status":"404"}"#),
        (
            400,
            r#"{"error":{"message":"The user is from an unverified domain","type":"OAuthException","code":1789003,"fbtrace_id":"x"}}"#
        ),
        (400, r#"{"Errors":[{"description":"userName is required","code":"400"}]}"#),
        (401, r#"{"error":"invalid_token","error_description":"The token expired"}"#),
        (401, r#"{"error":"unauthorized"}"#),
        (400, r#"{"__type":"ValidationException","message":"Request is unparsable"}"#),
        (500, r#"{"errors":[{"message":"boom"}]}"#),
        (400, "{}"),
        (500, ""),
        (500, "   \n"),
        (
            502,
            "<!DOCTYPE html>\n<html><head><title>502 Bad\nGateway</title></head><body><h1>nginx</h1></body></html>"
        ),
        (404, "<html><body><h1>Not Found</h1></body></html>"),
        (500, "<html><body>oops</body></html>"),
        (500, "<?xml version=\"1.0\"?><error/>"),
        (503, "upstream connect error\r\nor disconnect"),
        (500, "[1,2]"),
        (500, "{\"detail\": \"cut"),
        (500, "\"just a string\""),
        (500, "\u{feff}{\"detail\":\"with a byte order mark\"}"),
        (500, "{\"detail\":\"control\\u0007 \\u001b[31mcharacters\"}"),
    ]));
}

#[test]
fn a_long_detail_is_cut_at_300_characters() {
    let body = format!("{{\"detail\":\"{}\"}}", "ü".repeat(1_000));
    let detail = ScimError::parse(400, body.as_bytes()).detail.unwrap();
    assert_eq!(detail.chars().count(), 300);
    assert!(detail.ends_with("ü…"));
    let html = format!("<title>{}</title>", "x".repeat(5_000));
    assert_eq!(ScimError::parse(500, html.as_bytes()).detail.unwrap().chars().count(), 300);
    assert!(
        ScimError::parse(500, &[0xff, 0xfe, b'x']).detail.unwrap().contains("answered with text")
    );
}

#[test]
fn the_written_form_is_that_of_the_rfc() {
    let error = ScimError::new(409, scim_type::UNIQUENESS, "userName is taken");
    assert_eq!(ScimError::parse(409, error.to_json().to_string().as_bytes()), error);
    insta::assert_snapshot!(error.to_json(), @r#"{"detail":"userName is taken","schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"uniqueness","status":"409"}"#);
    insta::assert_snapshot!(ScimError::new(404, "", "no such user").to_json(), @r#"{"detail":"no such user","schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#);
}
