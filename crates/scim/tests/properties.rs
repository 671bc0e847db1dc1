//! What holds for every path, filter, resource and desired set.
#![expect(clippy::unwrap_used, reason = "generators run in tests only; a wrong one must fail")]

use peoplesync_scim::desired::{Assignment, Desired};
use peoplesync_scim::filter::Op;
use peoplesync_scim::{Filter, Path, Resource, SchemaSet, patch, resource, value, write};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value as Json, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

// --- generators

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["userName", "emails", "not", "and", "or", "pr", "eq", "urn", "$ref", "_x"])
            .prop_map(str::to_owned),
        "[a-zA-Z_$][a-zA-Z0-9_$-]{0,6}",
    ]
}

fn urn() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(ENTERPRISE.to_owned()),
        Just("urn:scim:schemas:extension:enterprise:1.0".to_owned()),
        "urn(:[a-z0-9.]{1,5}){1,3}",
    ]
}

fn literal() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        // Quarters: serde_json does not promise to read every float back exactly.
        any::<i32>().prop_map(|number| Json::from(f64::from(number) / 4.0)),
        any::<String>().prop_map(Json::from),
        "[ \\\\\"\\[\\]()a-z]{0,8}".prop_map(Json::from),
    ]
}

/// A path without value filter, as text.
fn plain_path() -> impl Strategy<Value = String> {
    (proptest::option::of(urn()), name(), proptest::option::of(name())).prop_map(
        |(urn, name, sub)| {
            let urn = urn.map_or(String::new(), |urn| format!("{urn}:"));
            let sub = sub.map_or(String::new(), |sub| format!(".{sub}"));
            format!("{urn}{name}{sub}")
        },
    )
}

/// Paths that the parser takes.
fn parsed(text: impl Strategy<Value = String>) -> impl Strategy<Value = Path> {
    text.prop_filter_map("not a path", |text| Path::parse(&text).ok())
}

fn operator() -> impl Strategy<Value = Op> {
    select(vec![Op::Eq, Op::Ne, Op::Co, Op::Sw, Op::Ew, Op::Gt, Op::Ge, Op::Lt, Op::Le])
}

/// Filters over the paths given.
fn filter_over(paths: BoxedStrategy<Path>, depth: u32) -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        paths.clone().prop_map(Filter::Present),
        (paths, operator(), literal()).prop_map(|(path, op, value)| Filter::Compare {
            path,
            op,
            value
        }),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        let many = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            many.clone().prop_map(Filter::And),
            many.prop_map(Filter::Or),
            inner.prop_map(Filter::not),
        ]
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let plain = parsed(plain_path()).boxed();
    filter_over(prop_oneof![3 => plain, 1 => filtered_path()].boxed(), 4)
}

fn filtered_path() -> impl Strategy<Value = Path> {
    let inner = filter_over(parsed(name()).boxed(), 2);
    (proptest::option::of(urn()), name(), inner, proptest::option::of(name())).prop_filter_map(
        "not a path",
        |(urn, name, filter, sub)| {
            let urn = urn.map_or(String::new(), |urn| format!("{urn}:"));
            let sub = sub.map_or(String::new(), |sub| format!(".{sub}"));
            Path::parse(&format!("{urn}{name}[{filter}]{sub}")).ok()
        },
    )
}

fn word() -> impl Strategy<Value = Json> {
    select(vec!["Ada", "ada", "Zoë", "x@example.com", "GB", "7", "true"]).prop_map(Json::from)
}

fn element(subs: &'static [&'static str]) -> impl Strategy<Value = Json> {
    let kind = select(vec![None, Some("work"), Some("WORK"), Some("home"), Some("other")]);
    let values = proptest::collection::vec(proptest::option::of(word()), subs.len());
    (kind, values, any::<bool>()).prop_map(|(kind, values, primary)| {
        let mut members = Map::new();
        for (sub, value) in subs.iter().zip(values) {
            members.extend(value.map(|value| ((*sub).to_owned(), value)));
        }
        members.extend(kind.map(|kind| ("type".to_owned(), json!(kind))));
        if primary {
            members.insert("primary".to_owned(), json!(true));
        }
        Json::Object(members)
    })
}

/// A list with at most one primary element, as a service provider keeps it.
fn list(subs: &'static [&'static str]) -> impl Strategy<Value = Json> {
    proptest::collection::vec(element(subs), 0..4).prop_map(|mut elements| {
        let mut seen = false;
        elements.retain(|element| element != &json!({}));
        for element in &mut elements {
            if element.get("primary").is_some() && std::mem::replace(&mut seen, true) {
                element.as_object_mut().unwrap().remove("primary");
            }
        }
        Json::Array(elements)
    })
}

fn observed() -> impl Strategy<Value = Json> {
    let simple = select(vec!["title", "nickName", "DISPLAYNAME", "locale", "preferredLanguage"]);
    let simple = proptest::collection::vec((simple, prop_oneof![word(), Just(Json::Null)]), 0..4);
    let name = proptest::option::of(element(&["givenName", "FAMILYNAME", "formatted"]));
    let manager = select(vec![
        json!(null),
        json!({ "value": "9" }),
        json!({ "value": "8", "displayName": "B" }),
        json!("9"),
        json!({ "managerId": 9 }),
    ]);
    let extension = proptest::option::of((word(), manager));
    (simple, name, list(&["value", "display"]), list(&["locality", "country"]), extension).prop_map(
        |(simple, name, emails, addresses, extension)| {
            let mut user = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "7", "userName": "ada",
                "emails": emails, "addresses": addresses, "photos": [{ "value": "https://example.com/p" }],
                "meta": { "version": "1" }, "groups": [{ "value": "g" }],
            });
            let members = user.as_object_mut().unwrap();
            members.extend(simple.into_iter().map(|(name, value)| (name.to_owned(), value)));
            if let Some(mut name) = name {
                name.as_object_mut().unwrap().retain(|key, _| key != "type" && key != "primary");
                members.insert("name".to_owned(), name);
            }
            if let Some((department, manager)) = extension {
                let body = json!({ "department": department, "manager": manager });
                members.insert(ENTERPRISE.to_owned(), body);
            }
            user
        },
    )
}

/// Managed attributes, of which none contradicts another.
fn desired() -> impl Strategy<Value = Desired> {
    let simple = vec![
        "userName".to_owned(),
        "TITLE".to_owned(),
        "nickName".to_owned(),
        "displayName".to_owned(),
        "name.givenName".to_owned(),
        "name.familyName".to_owned(),
        r#"addresses[type eq "work"].locality"#.to_owned(),
        r#"addresses[type eq "work"].country"#.to_owned(),
        r#"addresses[type eq "home"].locality"#.to_owned(),
        r#"phoneNumbers[type eq "mobile"].value"#.to_owned(),
        format!("{ENTERPRISE}:department"),
        format!("{ENTERPRISE}:costCenter"),
        format!("{ENTERPRISE}:manager"),
    ];
    let emails = vec![
        vec!["emails.value"],
        vec![r#"emails[type eq "work"].value"#, r#"emails[type eq "home"].value"#],
        vec![r#"emails[type eq "work"].value"#, r#"emails[type eq "work"].display"#],
        vec![r#"emails[type eq "work" and primary eq true].value"#],
        vec![],
    ];
    let count = simple.len();
    let paths = (subsequence(simple, 0..=count), select(emails)).prop_map(|(simple, emails)| {
        simple.into_iter().chain(emails.into_iter().map(str::to_owned)).collect::<Vec<_>>()
    });
    let whole = proptest::option::of(list(&["value"]));
    (paths, proptest::collection::vec(proptest::option::weighted(0.7, word()), 20), whole).prop_map(
        |(paths, values, ims)| {
            let mut desired = Desired::new();
            for (path, value) in paths.iter().zip(values) {
                let path = Path::parse(path).unwrap();
                let required = path.attribute() == "userName";
                let assignment = match value {
                    Some(value) => Assignment::Set(value),
                    None if required => Assignment::Set(json!("ada")),
                    None => Assignment::Clear,
                };
                desired.insert(path, assignment);
            }
            if let Some(ims) = ims {
                desired.insert(Path::parse("ims").unwrap(), Assignment::Set(ims));
            }
            desired
        },
    )
}

fn patch_operation() -> impl Strategy<Value = Json> {
    let paths = vec![
        "userName",
        "title",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        r#"emails[type eq "work"]"#,
        r#"emails[type eq "work"].value"#,
        r#"emails[primary eq true].primary"#,
        "addresses",
        "id",
        "meta",
        "nope",
        ENTERPRISE,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "emails[",
        "members",
    ];
    let value = prop_oneof![
        word(),
        Just(json!(null)),
        Just(json!(true)),
        Just(json!([])),
        list(&["value", "display"]),
        element(&["value"]),
        observed(),
    ];
    let verbs = select(vec!["add", "Replace", "REMOVE", "move"]);
    (verbs, proptest::option::of(select(paths)), proptest::option::of(value)).prop_map(
        |(op, path, value)| {
            let mut operation = json!({ "op": op });
            let members = operation.as_object_mut().unwrap();
            members.extend(path.map(|path| ("path".to_owned(), json!(path))));
            members.extend(value.map(|value| ("value".to_owned(), value)));
            operation
        },
    )
}

// --- helpers

/// The attributes that no difference names must be as before.
fn assert_unmanaged_kept(before: &Json, after: &Json, touched: &[Path]) {
    for (name, value) in before.as_object().unwrap() {
        if ["schemas", "meta", "groups", ENTERPRISE].contains(&name.as_str()) || value.is_null() {
            continue;
        }
        let path = Path::parse(name).unwrap();
        if !touched.iter().any(|touched| touched.same_root(&path)) {
            assert_eq!(after.get(name), Some(value), "{name} is not managed");
        }
    }
}

/// The same value with sub-attributes in other letter case and lists turned round.
fn disguised(value: &Json) -> Json {
    match value {
        Json::Array(elements) => Json::Array(elements.iter().rev().map(disguised).collect()),
        Json::Object(members) => {
            let renamed =
                members.iter().map(|(name, value)| (name.to_uppercase(), disguised(value)));
            Json::Object(renamed.chain([("NOTHING".to_owned(), Json::Null)]).collect())
        }
        other => other.clone(),
    }
}

// --- properties

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_comes_back_from_its_text(filter in filter()) {
        let text = filter.to_string();
        let back = Filter::parse(&text);
        prop_assert_eq!(back.as_ref(), Ok(&filter), "{}", &text);
        prop_assert_eq!(back.unwrap().to_string(), text);
    }

    #[test]
    fn a_path_comes_back_from_its_text(path in prop_oneof![parsed(plain_path()), filtered_path()]) {
        let text = path.to_string();
        let back = Path::parse(&text);
        prop_assert_eq!(back.as_ref(), Ok(&path), "{}", &text);
        prop_assert_eq!(back.unwrap().to_string(), text);
    }

    #[test]
    fn no_text_breaks_the_parsers(text in prop_oneof![any::<String>(), "[a-c.:\\[\\]()\" \\\\eqprnot]{0,40}"]) {
        if let Err(error) = Path::parse(&text) {
            prop_assert!(text.is_char_boundary(error.offset));
        }
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.is_char_boundary(error.offset));
        }
    }

    #[test]
    fn a_patch_leaves_no_difference(observed in observed(), desired in desired()) {
        let schemas = SchemaSet::standard();
        let differences = desired.difference(&observed, Resource::User, &schemas);
        let body = write::patch_body(&differences, Some(&observed), &schemas);
        let mut patched = observed.clone();
        if differences.is_empty() {
            prop_assert_eq!(&body["Operations"], &json!([]));
        } else {
            let changed = patch::apply(&mut patched, &body, &schemas, Resource::User);
            prop_assert_eq!(changed, Ok(true), "{}", body);
        }
        prop_assert_eq!(desired.difference(&patched, Resource::User, &schemas), vec![], "{}", body);
        let touched: Vec<Path> = differences.into_iter().map(|difference| difference.path).collect();
        assert_unmanaged_kept(&observed, &patched, &touched);
    }

    #[test]
    fn a_put_leaves_no_difference(observed in observed(), desired in desired()) {
        let schemas = SchemaSet::standard();
        let differences = desired.difference(&observed, Resource::User, &schemas);
        let body = write::put_body(&observed, &differences);
        prop_assert_eq!(desired.difference(&body, Resource::User, &schemas), vec![], "{}", body);
        let touched: Vec<Path> = differences.into_iter().map(|difference| difference.path).collect();
        assert_unmanaged_kept(&observed, &body, &touched);
        prop_assert_eq!(body.get("id"), observed.get("id"));
        prop_assert!(body.get("meta").is_none() && body.get("groups").is_none());
    }

    #[test]
    fn a_created_resource_has_no_difference(desired in desired()) {
        let schemas = SchemaSet::standard();
        let body = write::create_body(Resource::User, &desired.values());
        prop_assert_eq!(desired.difference(&body, Resource::User, &schemas), vec![], "{}", body);
    }

    #[test]
    fn a_cleared_path_reads_nothing(observed in observed(), desired in desired()) {
        for (path, _) in desired.iter() {
            let mut cleared = observed.clone();
            resource::clear(&mut cleared, path);
            prop_assert_eq!(resource::get(&cleared, path), None, "{}", path);
        }
    }

    #[test]
    fn spelling_and_order_mean_nothing(a in observed(), b in observed()) {
        for (name, one) in a.as_object().unwrap() {
            let Ok(path) = Path::parse(name) else { continue };
            let schemas = SchemaSet::standard();
            let attribute = schemas.resolve(Resource::User, &path);
            let other = b.get(name).unwrap_or(&Json::Null);
            prop_assert!(value::same(attribute, one, &disguised(one)), "{} {}", name, one);
            prop_assert!(value::covers(attribute, one, &disguised(one)), "{} {}", name, one);
            prop_assert_eq!(value::same(attribute, one, other), value::same(attribute, &disguised(other), one));
        }
    }

    #[test]
    fn a_refused_patch_changes_nothing(observed in observed(), operations in proptest::collection::vec(patch_operation(), 1..4)) {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        let mut patched = observed.clone();
        match patch::apply(&mut patched, &body, &SchemaSet::standard(), Resource::User) {
            Ok(changed) => prop_assert_eq!(changed, patched != observed),
            Err(error) => {
                prop_assert_eq!(error.status, 400);
                prop_assert_eq!(patched, observed);
            }
        }
    }

    #[test]
    fn a_filter_and_its_negation_disagree(observed in observed(), filter in filter()) {
        let schemas = SchemaSet::standard();
        let negation = filter.clone().not();
        prop_assert_ne!(filter.matches(&observed, &schemas), negation.matches(&observed, &schemas));
    }
}
