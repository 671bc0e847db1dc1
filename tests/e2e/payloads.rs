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

/// The writes of groups to a service of this profile: one with three members is made, then loses two, gets one and another name.
fn groups(name: &str) {
    let bed = Bed::with_profile(&profile(name));
    let config = r#"
[source]
kind = "csv"
settings = { path = "people.csv", key = "id" }
[target]
name = "Test"
profile = "NAME"
url = "http://127.0.0.1:1/"
auth = { bearer = { env = "SCIM_TOKEN" } }
concurrency = 1
[people.attributes]
userName = "mail"
displayName = "mail"
"name.givenName" = "id"
"name.familyName" = "mail"
active = "true"
[groups]
source = { kind = "csv", settings = { path = "groups.csv", key = "id", multi_valued = { members = ";" } } }
members = "members"
attributes = { displayName = "name" }
match = ["displayName"]
"#;
    bed.write("peoplesync.toml", config.replace("NAME", name));
    let people = (1..=4).map(|n| format!("{n},user{n}@example.com\n"));
    bed.write("people.csv", format!("id,mail\n{}", people.collect::<String>()));
    bed.write("groups.csv", "id,name,members\n");
    bed.run(&["apply", "--yes"]).expect(0);
    let mut text = String::new();
    for row in ["eng,Engineering,1;2;3", "eng,Engineers,3;4"] {
        drop(bed.simulator().take_requests());
        bed.write("groups.csv", format!("id,name,members\n{row}\n"));
        bed.run(&["apply", "--yes"]).expect(0);
        writeln!(text, "{row}").unwrap();
        for request in bed.simulator().take_requests() {
            if let Some(body) = request.body().filter(|_| request.method != "GET") {
                writeln!(text, "  {request} {body}").unwrap();
            }
        }
    }
    // Ids that are numbers follow each other.
    let text = regex::Regex::new(r"10000\d{11}").unwrap().replace_all(&text, "[id]").into_owned();
    insta::with_settings!({ snapshot_suffix => name }, {
        insta::assert_snapshot!("groups", bed.redact(&text));
    });
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn groups_in_the_dialects_of_four_services() {
    ["generic", "aws-identity-center", "entra-id", "workplace"].into_iter().for_each(groups);
}
