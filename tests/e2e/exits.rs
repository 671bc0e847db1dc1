//! Each exit code of face.md is held by a test.

use super::harness::{Bed, CONFIG, HEADER};

const ZOE: &str = "7,Zoë,Ng,zoe@example.com,Engineer,active,\n";

fn bed(people: &str) -> Bed {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}{people}"));
    bed
}

#[test]
fn zero_when_nothing_is_left_to_do() {
    let bed = bed(ZOE);
    bed.run(&["apply", "--yes"]).expect(0);
    bed.run(&["plan"]).expect(0);
    bed.run(&["--help"]).expect(0);
    bed.run(&["--version"]).expect(0);
}

#[test]
fn one_when_the_state_is_in_use_or_broken() {
    let bed = bed(ZOE);
    bed.write(
        "peoplesync.db",
        "this is not a database, and longer than a header of SQLite would be, by far",
    );
    let ran = bed.run(&["apply", "--yes"]).expect(1);
    assert!(ran.stderr.contains("peoplesync.db"), "{}", ran.stderr);
    assert!(bed.simulator().users().is_empty());
}

#[test]
fn two_for_a_wrong_command_line_or_config() {
    let bed = bed(ZOE);
    bed.run(&["plann"]).expect(2);
    bed.run(&["plan", "--config", "nowhere.toml"]).expect(2);
    bed.write("peoplesync.toml", CONFIG.replace("title = {", "titel = {"));
    bed.run(&["plan"]).expect(2);
}

#[test]
fn two_without_a_terminal_and_without_yes() {
    let bed = bed(ZOE);
    let ran = bed.run(&["apply"]).expect(2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert!(bed.simulator().users().is_empty());
}

#[test]
fn three_when_the_source_cannot_be_read() {
    let bed = bed(ZOE);
    std::fs::remove_file(bed.path("people.csv")).unwrap();
    bed.run(&["plan"]).expect(3);
    bed.write("people.csv", "a,b,c\n1,2,3\n");
    bed.run(&["plan"]).expect(3);
}

#[test]
fn four_when_the_target_is_away_or_refuses() {
    let mut bed = bed(ZOE);
    let mut command = bed.command(&["plan"]);
    let ran = super::harness::ran(command.env("SCIM_TOKEN", "wrong")).expect(4);
    assert!(ran.stderr.contains("token"), "{}", ran.stderr);
    let url = bed.stop_target();
    let mut command = bed.command(&["plan"]);
    super::harness::ran(
        command.env("PEOPLESYNC_TARGET__URL", url).env("PEOPLESYNC_TARGET__RETRIES", "0"),
    )
    .expect(4);
}

#[test]
fn five_when_somebody_was_rejected_or_failed() {
    let bed = bed(&format!("{ZOE}8,No,Mail,,Engineer,active,\n"));
    bed.run(&["apply", "--yes"]).expect(5);
    bed.run(&["plan"]).expect(5);
    assert_eq!(bed.simulator().users().len(), 1);
}

#[test]
fn six_when_a_guard_refuses() {
    let many: String = (0..40).map(|n| format!("{n},F,L,u{n}@example.com,T,active,\n")).collect();
    let bed = bed(&many);
    bed.run(&["apply", "--yes"]).expect(0);
    let few: String = (0..20).map(|n| format!("{n},F,L,u{n}@example.com,T,active,\n")).collect();
    bed.write("people.csv", format!("{HEADER}{few}"));
    let ran = bed.run(&["apply", "--yes"]).expect(6);
    assert!(ran.stdout.contains("max_leavers"), "{}", ran.stdout);
    assert!(bed.simulator().users().iter().all(|user| user["active"] == true));
    bed.run(&["plan", "--json"]).expect(6);
}

#[test]
fn six_when_a_saved_plan_no_longer_fits() {
    let bed = bed(ZOE);
    bed.run(&["plan", "--out", "saved.plan"]).expect(10);
    bed.write("people.csv", format!("{HEADER}{}", ZOE.replace("Engineer", "Lead")));
    let ran = bed.run(&["apply", "saved.plan"]).expect(6);
    assert!(ran.stderr.contains("the source has changed"), "{}", ran.stderr);
    assert!(bed.simulator().users().is_empty());
}

#[test]
fn ten_when_a_plan_has_changes() {
    bed(ZOE).run(&["plan"]).expect(10);
}
