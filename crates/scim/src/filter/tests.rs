use std::fmt::Write as _;

use serde_json::json;

use super::*;

/// One line a filter: its tree, or why it is refused.
fn check(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        match Filter::parse(text) {
            Ok(filter) => {
                let written = filter.to_string();
                assert_eq!(Filter::parse(&written).as_ref(), Ok(&filter), "{text} comes back");
                writeln!(out, "{text}\n    {}", tree(&filter)).unwrap();
            }
            Err(error) => {
                let before = text.char_indices().take_while(|(at, _)| *at < error.offset).count();
                writeln!(out, "{text}\n{}^ {error}", " ".repeat(before)).unwrap();
            }
        }
    }
    out
}

/// The filter with all structure shown.
fn tree(filter: &Filter) -> String {
    let list = |terms: &[Filter]| terms.iter().map(tree).collect::<Vec<_>>().join(", ");
    match filter {
        Filter::Present(path) => format!("present({path})"),
        Filter::Compare { path, op, value } => format!("{}({path}, {value})", op.name()),
        Filter::ValuePath(path) => format!("some({path})"),
        Filter::And(terms) => format!("and({})", list(terms)),
        Filter::Or(terms) => format!("or({})", list(terms)),
        Filter::Not(inner) => format!("not({})", tree(inner)),
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    insta::assert_snapshot!(check(&[
        r#"userName eq "bjensen""#,
        r#"name.familyName co "O'Malley""#,
        r#"userName sw "J""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        "title pr",
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"title pr and userType eq "Employee""#,
        r#"title pr or userType eq "Intern""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType eq "Employee" and (emails.type eq "work")"#,
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
    ]));
}

#[test]
fn precedence_grouping_and_values_are_kept() {
    insta::assert_snapshot!(check(&[
        "a pr or b pr and c pr or d pr",
        "(a pr or b pr) and c pr",
        "a pr and (b pr and c pr)",
        "NOT(a pr)",
        "not (not (a pr))",
        "not pr",
        "a eq true and b eq null and c eq -1.5e3 and d eq 7",
        r#"a eq "say \"hi\" \\ \u00e9 \n ü""#,
        r#"emails[type eq "work"].value eq "a@example.com""#,
        "  ( a pr )  ",
        r#"a Eq "x" AND b Pr"#,
    ]));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let long = format!("{}a pr{}", "(".repeat(60), ")".repeat(60));
    insta::assert_snapshot!(check(&[
        "",
        "userName",
        "userName is \"x\"",
        "userName eq",
        "userName eq bob",
        "userName eq 'bob'",
        r#"userName eq "bob"#,
        r#"userName eq "\q""#,
        r#"userName eq {"a":1}"#,
        "(a pr",
        "a pr)",
        "a pr b pr",
        "a pr and",
        "a pr and and b pr",
        "not a pr",
        "emails[type eq \"work\"",
        "emails[a[b pr]]",
        &long,
    ]));
    let error = Filter::parse(&format!("a eq \"{}\"", "x".repeat(70_000))).unwrap_err();
    assert_eq!(error.to_string(), "longer than 65536 bytes (at byte 0)");
}

#[test]
fn a_chain_may_be_long() {
    let chain = vec!["a pr"; 5_000].join(" and ");
    let Filter::And(terms) = Filter::parse(&chain).unwrap() else { panic!("a chain is flat") };
    assert_eq!(terms.len(), 5_000);
}

#[test]
fn builders_escape_and_stay_flat() {
    let path = |text| Path::parse(text).unwrap();
    let filter = Filter::eq(path("userName"), r#"O"Neil\"#)
        .and(Filter::eq(path("active"), true))
        .and(Filter::eq(path("title"), "ü\n").or(Filter::Present(path("nickName"))).not());
    insta::assert_snapshot!(filter, @r#"userName eq "O\"Neil\\" and active eq true and not (title eq "ü\n" or nickName pr)"#);
    assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
}

#[test]
fn resources_are_matched_by_schema() {
    let ada = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "7a", "externalId": "E7", "USERNAME": "Ada@example.com", "active": true, "title": "",
        "name": { "familyName": "Lovelace" },
        "emails": [
            { "type": "work", "value": "ada@work.example", "primary": "True" },
            { "type": "home", "value": "ada@home.example" },
        ],
        "roles": ["admin", "author"],
        "phoneNumbers": [],
        "meta": { "lastModified": "2026-01-31T09:30:00+01:00" },
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984", "manager": { "value": "9" },
        },
        "urn:acme:1.0": { "level": 12, "colour": "Red" },
    });
    let schemas = SchemaSet::standard();
    let mut out = String::new();
    for text in [
        r#"userName eq "ADA@EXAMPLE.COM""#,
        r#"externalId eq "E7""#,
        r#"externalId eq "e7""#,
        r#"id eq "7A""#,
        r#"name.familyName sw "love""#,
        r#"name.familyName ew "CE""#,
        "title pr",
        "title eq null",
        r#"title eq """#,
        "nickName pr",
        "nickName eq null",
        r#"nickName ne "x""#,
        "phoneNumbers pr",
        "active eq true",
        r#"active eq "True""#,
        "active gt false",
        r#"emails co "home.example""#,
        r#"emails.type eq "home""#,
        r#"emails[type eq "home" and value co "work"]"#,
        r#"emails[type eq "work" and primary eq true]"#,
        r#"emails[type eq "work"].value eq "ADA@work.example""#,
        r#"roles eq "Author""#,
        r#"roles[value eq "author"]"#,
        r#"roles.value eq "author""#,
        r#"meta.lastModified eq "2026-01-31T08:30:00Z""#,
        r#"meta.lastModified gt "2026-01-31T09:00:00Z""#,
        r#"meta.lastModified ge "2026-01-31T08:30:00.000Z""#,
        r#"meta.lastModified lt "yesterday""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq 701984"#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "9""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "9""#,
        "urn:acme:1.0:level gt 9",
        r#"urn:acme:1.0:colour eq "red""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
        r#"not (userName sw "a") or id pr"#,
    ] {
        let filter = Filter::parse(text).unwrap();
        let mark = if filter.matches(&ada, &schemas) { "yes" } else { " no" };
        writeln!(out, "{mark}  {text}").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn comparisons_that_make_no_sense_are_refused() {
    let check = |text: &str| {
        let result = Filter::parse(text).unwrap().check(Resource::User, &SchemaSet::standard());
        result.map_or_else(|error| error.to_string(), |()| "fits".to_owned())
    };
    let lines: Vec<String> = [
        "active gt true",
        r#"active co "t""#,
        r#"x509Certificates.value gt "QUJD""#,
        r#"emails[primary lt true]"#,
        r#"not (title pr and emails[primary gt true].value eq "x")"#,
        r#"name gt "x""#,
        r#"meta.created gt "yesterday""#,
        r#"meta.created gt "2026-01-31T08:30:00Z""#,
        r#"emails gt "x""#,
        r#"userName gt "x""#,
        r#"shoeSize gt 7"#,
        "active eq true",
    ]
    .iter()
    .map(|text| format!("{text}: {}", check(text)))
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_equality_filter_says_what_a_new_element_needs() {
    let template = |text: &str| {
        let filter = Filter::parse(text).unwrap();
        filter.template().map_or_else(|| "none".to_owned(), |found| Json::Object(found).to_string())
    };
    assert_eq!(template(r#"type eq "work""#), r#"{"type":"work"}"#);
    assert_eq!(
        template(r#"type eq "work" and primary eq true"#),
        r#"{"primary":true,"type":"work"}"#
    );
    for text in [
        r#"type ne "work""#,
        "type pr",
        "not (type pr)",
        r#"type eq "a" or type eq "b""#,
        "type eq null",
    ] {
        assert_eq!(template(text), "none", "{text}");
    }
}
