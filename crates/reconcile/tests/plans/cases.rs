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

#[test]
fn who_gets_which_proposal_does_not_depend_on_the_order_of_the_records() {
    let text = include_str!("../cases/choices.txt");
    let (before, people) = text.split_once("[people]\n").unwrap();
    let (people, then) = people.split_once("\n\n").unwrap();
    let mut records: Vec<&str> = people.lines().collect();
    let planned = crate::support::case::check(text);
    for _ in 0..records.len() {
        records.rotate_left(1);
        let turned = format!("{before}[people]\n{}\n\n{then}", records.join("\n"));
        assert_eq!(crate::support::case::check(&turned), planned);
    }
}
