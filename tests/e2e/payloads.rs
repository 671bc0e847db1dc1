//! Every SCIM payload that the examples generate, and that each of them converges.

use std::fmt::Write as _;

use super::harness::{Bed, here, profile, redact};

fn check(name: &str) {
    let examples = here().join("../config/examples");
    // The simulator is of the service that the example is for.
    let config: toml::Table =
        toml::from_str(&std::fs::read_to_string(examples.join(name)).unwrap()).unwrap();
    let named = config["target"].get("profile").and_then(toml::Value::as_str);
    let bed = Bed::with_profile(&profile(named.unwrap_or("generic")));
    for folder in ["", "data"] {
        for entry in std::fs::read_dir(examples.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let to = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
                bed.write(to.trim_start_matches('/'), std::fs::read(&path).unwrap());
            }
        }
    }
    let config = ["--config", name];
    bed.run(&[&config[..], &["check"]].concat()).expect(0);
    let applied = bed.run(&[&config[..], &["apply", "--yes"]].concat());
    assert!(matches!(applied.code, 0 | 5), "{}\n{}", applied.stdout, applied.stderr);

    let mut payloads: Vec<String> = bed
        .simulator()
        .requests()
        .iter()
        .filter(|request| request.method != "GET")
        .map(|request| {
            let mut text = format!("{request}\n");
            if let Some(body) = request.body() {
                writeln!(text, "{}", serde_json::to_string_pretty(&body).unwrap()).unwrap();
            }
            text
        })
        .collect();
    // Creates run side by side; their order means nothing. References follow, as they hold ids.
    let creates = payloads.iter().filter(|text| text.starts_with("POST")).count();
    payloads.sort_by_key(|text| (!text.starts_with("POST"), text.clone()));
    assert!(creates > 0);
    let mut managers = payloads.split_off(creates);
    managers.sort_by_key(|text| bed.redact(text));
    let mut text = payloads.join("\n");
    writeln!(text, "\n{} requests set a manager, such as", managers.len()).unwrap();
    text.push_str(&managers.first().cloned().unwrap_or_default());
    insta::assert_snapshot!(name, bed.redact(&text));

    for full in [&["plan"][..], &["plan", "--full"][..]] {
        let again = bed.run(&[&config[..], full].concat());
        assert_eq!(again.code, if applied.code == 5 { 5 } else { 0 }, "{}", again.stdout);
        assert!(again.stdout.contains("No changes"), "{}", redact(&again.stdout));
    }
}

#[test]
fn the_three_columns_of_the_old_workplace_sample() {
    check("workplace-csv.toml");
}

#[test]
fn a_full_hr_export() {
    check("hr-csv.toml");
}

#[test]
fn the_attributes_of_the_entra_tutorial_for_workplace() {
    check("workplace-hr-csv.toml");
}

#[test]
fn a_spreadsheet_with_a_sheet_for_each_office() {
    check("staff-excel.toml");
}

#[test]
fn every_example_has_its_test() {
    // Those of directories need a directory.
    let source = concat!(include_str!("payloads.rs"), include_str!("directory.rs"));
    for entry in std::fs::read_dir(here().join("../config/examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".toml") {
            let is_run = source.contains(&format!("check(\"{name}\")"))
                || source.contains(&format!("example(\"{name}\""))
                || source.contains(&format!("config/examples/{name}\""));
            assert!(is_run, "{name} has no test here");
        }
    }
}
