//! A state belongs to its target. Asked somewhere else, every account would seem to be gone.

use super::harness::{Bed, CONFIG, HEADER, Ran, ran};

const ELSEWHERE: &str = "https://scim.example.com/v2/";

fn bed() -> Bed {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}1,Ada,Lovelace,ada@example.com,Chair,active,\n"));
    bed
}

/// Runs the command with the address of another target.
fn elsewhere(bed: &Bed, arguments: &[&str]) -> Ran {
    ran(bed.command(arguments).env("PEOPLESYNC_TARGET__URL", ELSEWHERE))
}

#[test]
fn another_target_is_refused_and_is_asked_nothing() {
    let bed = bed();
    bed.run(&["apply", "--yes"]).expect(0);
    for command in [&["plan"][..], &["plan", "--full"], &["apply", "--yes"], &["preview", "1"]] {
        let refused = elsewhere(&bed, command).expect(2);
        insta::allow_duplicates! { insta::assert_snapshot!(refused.stderr, @"
        error: the links in sqlite:peoplesync.db are to accounts at http://localhost/scim/v2, and target.url is https://scim.example.com/v2

          hint: each target needs a state of its own: give another state.url; if the same accounts have moved to the new address, `peoplesync links retarget` says so
        ") }
    }
    bed.run(&["plan"]).expect(0);
}

#[test]
fn accounts_that_moved_are_said_to_have_moved() {
    let bed = bed();
    bed.run(&["apply", "--yes"]).expect(0);
    // Nobody is asked without a terminal.
    elsewhere(&bed, &["links", "retarget"]).expect(2);
    bed.run(&["plan"]).expect(0);

    let moved = elsewhere(&bed, &["links", "retarget", "--yes"]).expect(0);
    assert_eq!(moved.stdout, "the links are now to accounts at https://scim.example.com/v2\n");
    let again = elsewhere(&bed, &["links", "retarget", "--yes"]).expect(0);
    assert_eq!(again.stdout, "the links are to accounts at https://scim.example.com/v2 already\n");
    // The address from before is now the wrong one.
    bed.run(&["plan"]).expect(2);
    bed.run(&["links", "retarget", "--yes"]).expect(0);
    bed.run(&["plan"]).expect(0);
}

#[test]
fn a_state_without_links_is_nobody_s() {
    let bed = bed();
    bed.write("people.csv", HEADER);
    bed.write("peoplesync.toml", format!("{CONFIG}\n[guards]\nmin_records = 0\n"));
    bed.run(&["apply", "--yes"]).expect(0);
    elsewhere(&bed, &["plan"]).expect(0);
}
