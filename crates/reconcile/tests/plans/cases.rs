//! Scenarios: links, records, target and policy in a file, the plan as a snapshot. Each is applied and planned again.

#[test]
fn every_case_is_planned_as_its_snapshot_says() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::glob!("..", "cases/*.txt", |path| {
            let text = std::fs::read_to_string(path).unwrap();
            let description = text.split("\n[").next().unwrap_or_default().trim().to_owned();
            insta::with_settings!({ description => description }, {
                insta::assert_snapshot!(crate::support::case::check(&text));
            });
        });
    });
}
