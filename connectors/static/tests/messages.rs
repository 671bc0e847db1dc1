//! What a user sees of a static source.

use peoplesync_source::{Context, Query};
use peoplesync_static::Static;

/// The pass over records in TOML, or why there is none.
fn check(records: &str, query: &Query) -> String {
    let settings = format!("key = \"id\"\nrecords = [{records}]");
    match peoplesync_testkit::source::<Static>(&settings) {
        Ok(source) => {
            peoplesync_testkit::read_all(&*source, &Context::for_tests("."), query).to_string()
        }
        Err(error) => error,
    }
}

#[test]
fn rejections_name_the_record() {
    let records = r#"
        { id = 7, name = "Zoë", phones = ["1", "", "2"], active = true },
        { name = "Ada", phones = ["3"] },
        { id = "7", name = "Joan" },
        { id = " " },"#;
    assert_eq!(
        check(records, &Query::default()),
        "\
record 1 of the config key 7, active true, id 7, name \"Zoë\", phones \"1\" + \"2\"
rejected record 2 of the config field id: the key field `id` has no single text or whole number (might be Ada | 3)
rejected record 3 of the config key 7 field id: key 7 is also at record 1 of the config
rejected record 4 of the config field id: the key field `id` has no single text or whole number
complete"
    );
}

#[test]
fn a_field_that_no_record_has_is_an_error() {
    assert_eq!(
        check("{ id = 7, mail = 'zoe@example.com' }", &Query::fields(["mial"])),
        "Config: no record has the field `mial`\n  hint: the fields of the records are id, mail"
    );
}

#[test]
fn wrong_values_are_refused_with_what_was_expected() {
    let refused = |records: &str| check(records, &Query::default());
    let expected = "expected text, a number, true, false, or a list of these";
    assert!(refused("{ id = { a = 1 } }").contains(expected));
    let list = refused("{ id = [['a', 'b']] }");
    assert!(
        list.contains("invalid type: sequence, expected text, a number, true or false"),
        "{list}"
    );
}
