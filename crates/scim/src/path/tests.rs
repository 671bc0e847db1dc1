use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use super::*;

/// One line a path: what it is made of, or why it is refused.
fn check(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        match Path::parse(text) {
            Ok(path) => {
                assert_eq!(Path::parse(&path.to_string()).as_ref(), Ok(&path), "{text} comes back");
                let parts = [
                    path.urn().map(|urn| format!("urn={urn}")),
                    Some(format!("attribute={}", path.attribute())),
                    path.filter().map(|filter| format!("filter=[{filter}]")),
                    path.sub().map(|sub| format!("sub={sub}")),
                ];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                writeln!(out, "{text}\n    {}", parts.join(" ")).unwrap();
            }
            Err(error) => {
                let mark = " ".repeat(text.chars().take_while_at(error.offset));
                writeln!(out, "{text}\n{mark}^ {error}").unwrap();
            }
        }
    }
    out
}

trait TakeWhileAt {
    fn take_while_at(self, offset: usize) -> usize;
}

impl TakeWhileAt for std::str::Chars<'_> {
    /// How many characters stand before a byte offset.
    fn take_while_at(self, offset: usize) -> usize {
        let text = self.as_str();
        text.char_indices().take_while(|(at, _)| *at < offset).count()
    }
}

#[test]
fn paths_are_taken_apart() {
    insta::assert_snapshot!(check(&[
        "userName",
        "name.givenName",
        "emails.value",
        "$ref",
        "members.$ref",
        r#"emails[type eq "work"]"#,
        r#"emails[type eq "work"].value"#,
        r#"emails[ type  EQ "work"  and primary eq true ].value"#,
        r#"addresses[not (type eq "home")].formatted"#,
        r#"emails[type eq "a]b\"c"].value"#,
        "urn:ietf:params:scim:schemas:core:2.0:User:userName",
        "URN:IETF:params:scim:schemas:core:2.0:group:displayName",
        "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        r#"urn:ietf:params:scim:schemas:extension:acme:2.0:User:badges[type eq "door"].value"#,
        "urn:acme.example:people:badge",
        "urn:acme:1.0.badge",
    ]));
}

#[test]
fn names_of_scim_1_are_aliases() {
    insta::assert_snapshot!(check(&[
        "urn:scim:schemas:core:1.0:userName",
        "urn:scim:schemas:core:1.0.userName",
        "urn:scim:schemas:extension:enterprise:1.0.manager",
        "urn:scim:schemas:extension:enterprise:1.0:department",
        "urn:scim:schemas:extension:enterprise:1.0.manager.managerId",
        "urn:scim:schemas:extension:facebook:auth_method:1.0.auth_method",
        "urn:scim:schemas:extension:facebook:frontline:1.0.is_frontline",
        "urn:scim:schemas:extension:facebook:starttermdates:1.0.startDate",
    ]));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    insta::assert_snapshot!(check(&[
        "",
        " userName",
        "user name",
        "1st",
        "naïve",
        "name.",
        "name.givenName.first",
        ".name",
        "emails[",
        "emails[]",
        "emails[type]",
        "emails[type eq work].value",
        r#"emails[type eq "work]"#,
        r#"emails[type eq "work"].value.more"#,
        r#"emails[type eq "work"]value"#,
        r#"emails.value[type eq "work"]"#,
        r#"emails[emails[type eq "work"]].value"#,
        "acme:badge",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:acme:1.0",
        "urn:acme:",
    ]));
}

#[test]
fn letter_case_of_names_does_not_count() {
    let upper =
        Path::parse("URN:IETF:PARAMS:SCIM:SCHEMAS:EXTENSION:ENTERPRISE:2.0:USER:MANAGER.VALUE")
            .unwrap();
    let lower = Path::parse(&upper.to_string().to_lowercase()).unwrap();
    let state = RandomState::new();
    assert_eq!(upper, lower);
    assert_eq!(state.hash_one(&upper), state.hash_one(&lower));
    let element = |text| Path::parse(text).unwrap();
    assert_eq!(
        element(r#"Emails[TYPE eq "work"].Value"#),
        element(r#"emails[type EQ "work"].value"#)
    );
    assert_ne!(element(r#"emails[type eq "work"]"#), element(r#"emails[type eq "Work"]"#));
}

#[test]
fn paths_are_ordered_by_schema_attribute_filter_and_sub_attribute() {
    let texts = [
        "urn:b:thing",
        "urn:a:thing",
        "title",
        r#"emails[type eq "work"].value"#,
        r#"emails[type eq "home"].value"#,
        r#"emails[type eq "home"]"#,
        "emails.value",
        "emails",
        "emailsMore",
    ];
    let sorted: BTreeSet<Path> = texts.iter().map(|text| Path::parse(text).unwrap()).collect();
    let lines: Vec<String> = sorted.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    emails
    emails.value
    emails[type eq "home"]
    emails[type eq "home"].value
    emails[type eq "work"].value
    emailsMore
    title
    urn:a:thing
    urn:b:thing
    "#);
}

#[test]
fn a_path_is_text_in_json() {
    let path = Path::parse(r#"emails[type eq "work"].value"#).unwrap();
    let json = serde_json::to_string(&path).unwrap();
    assert_eq!(json, r#""emails[type eq \"work\"].value""#);
    assert_eq!(serde_json::from_str::<Path>(&json).unwrap(), path);
    let error = serde_json::from_str::<Path>(r#""a b""#).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"path `a b`: expected the end of the path, found ` ` (at byte 1)");
}

#[test]
fn root_and_with_sub_change_only_the_end() {
    let path = Path::parse(r#"urn:acme:1.0:badges[type eq "door"].value"#).unwrap();
    assert_eq!(path.root().to_string(), "urn:acme:1.0:badges");
    assert_eq!(path.with_sub(None).to_string(), r#"urn:acme:1.0:badges[type eq "door"]"#);
    assert_eq!(
        path.with_sub(Some("display")).to_string(),
        r#"urn:acme:1.0:badges[type eq "door"].display"#
    );
    assert!(path.same_root(&Path::parse("URN:acme:1.0:Badges.x").unwrap()));
    assert!(!path.same_root(&Path::parse("badges").unwrap()));
}
