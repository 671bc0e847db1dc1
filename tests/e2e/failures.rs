//! How tools of this kind have destroyed data, and which test shows that this one does not.

use super::harness::{Bed, CONFIG, HEADER, here};

/// What went wrong elsewhere, and the files with the tests: cases of the planner by their name, tests by their function.
const FAILURES: &[(&str, &[(&str, &str)])] = &[
    (
        "1: a source that is unreachable or cut is read as \"everybody left\"",
        &[
            ("crates/reconcile/tests/cases/failure_01_partial_read.txt", ""),
            ("tests/e2e/exits.rs", "three_when_the_source_cannot_be_read"),
            ("tests/e2e/directory.rs", "whatever_part_of_a_directory_comes_nobody_leaves"),
            (
                "connectors/ldap/tests/openldap.rs",
                "a_server_that_dies_while_it_is_read_is_an_error_and_never_an_end",
            ),
            ("connectors/ldap/tests/conformance.rs", "a lost connection"),
            ("connectors/excel/tests/conformance.rs", "the sheet in a row"),
            (
                "connectors/excel/tests/messages.rs",
                "a_file_that_grows_while_it_is_read_is_never_complete",
            ),
        ],
    ),
    (
        "2: a source that is read well and empty",
        &[
            ("crates/reconcile/tests/cases/failure_02_empty_source.txt", ""),
            ("tests/e2e/errors.rs", "csv_nobody"),
            (
                "connectors/ldap/tests/openldap.rs",
                "unknown_attributes_and_bases_are_errors_that_help",
            ),
            ("connectors/ldap/tests/conformance.rs", "fewer than expected"),
            ("connectors/ldap/tests/conformance.rs", "a canary that is gone"),
            ("connectors/excel/tests/conformance.rs", "an empty sheet"),
        ],
    ),
    (
        "3: a long list of members comes in parts, and is taken for empty",
        &[(
            "connectors/ldap/tests/active_directory.rs",
            "failure_03_a_group_of_five_thousand_comes_whole",
        )],
    ),
    (
        "of a directory: a page that is larger than the account may ask for (11)",
        &[(
            "connectors/ldap/tests/openldap.rs",
            "limits_make_a_read_partial_and_small_pages_make_it_whole",
        )],
    ),
    (
        "of a directory: limits in mid-flow (3, 4, 11)",
        &[
            ("connectors/ldap/tests/conformance.rs", "a size limit"),
            ("connectors/ldap/tests/conformance.rs", "a time limit"),
            ("connectors/ldap/tests/conformance.rs", "an administrative limit on a later page"),
        ],
    ),
    (
        "of a directory: a part of it is elsewhere",
        &[
            ("connectors/ldap/tests/openldap.rs", "a_referral_is_reported_followed_or_left_out"),
            ("connectors/ldap/tests/conformance.rs", "a referral that cannot be followed"),
        ],
    ),
    (
        "of a directory: lists in parts",
        &[("connectors/ldap/tests/messages.rs", "long_lists_are_fetched_to_their_end")],
    ),
    (
        "of a directory: what did not change comes as an empty list (DirSync)",
        &[(
            "connectors/ldap/tests/active_directory.rs",
            "an_attribute_that_did_not_change_is_not_cleared",
        )],
    ),
    (
        "of a directory: answers that never come, or to something else",
        &[
            ("connectors/ldap/tests/conformance.rs", "no answer any more"),
            ("connectors/ldap/tests/conformance.rs", "an answer to something else"),
        ],
    ),
    (
        "of a directory: identities that are not entryUUID",
        &[
            (
                "connectors/ldap/tests/changes.rs",
                "times_of_changes_say_who_moved_out_of_scope_and_not_who_was_deleted",
            ),
            (
                "connectors/ldap/tests/messages.rs",
                "values_of_active_directory_read_as_people_know_them",
            ),
        ],
    ),
    (
        "of a directory: who was deleted still looks like a person (recycle bin), or comes back",
        &[
            ("connectors/ldap/tests/active_directory.rs", "whoever_is_in_the_recycle_bin_is_gone"),
            (
                "connectors/ldap/tests/active_directory.rs",
                "a_tombstone_that_is_restored_is_the_same_person",
            ),
        ],
    ),
    (
        "of a directory: a primary group looks empty",
        &[(
            "connectors/ldap/tests/active_directory.rs",
            "who_has_a_group_as_the_primary_one_is_asked_for_once_for_all_groups",
        )],
    ),
    (
        "4: accounts of others are deleted",
        &[("crates/reconcile/tests/cases/failure_04_unmanaged_accounts.txt", "")],
    ),
    (
        "5: a record that could not be mapped is taken as absent",
        &[("crates/reconcile/tests/cases/failure_05_rejected_record.txt", "")],
    ),
    (
        "6: a rename is a deletion and a creation",
        &[("crates/reconcile/tests/cases/failure_06_rename.txt", "")],
    ),
    (
        "7: a changed identity stops every run",
        &[("crates/reconcile/tests/cases/failure_07_identity_change.txt", "")],
    ),
    (
        "8: the first error stops all, or errors end in exit code 0",
        &[
            ("crates/reconcile/tests/cases/failure_08_one_bad_person.txt", ""),
            ("tests/e2e/exits.rs", "five_when_somebody_was_rejected_or_failed"),
        ],
    ),
    (
        "9: what is not mapped is wiped",
        &[
            ("crates/reconcile/tests/cases/failure_09_unmanaged.txt", ""),
            (
                "tests/e2e/put.rs",
                "a_target_without_patch_is_written_by_put_and_keeps_what_is_not_managed",
            ),
        ],
    ),
    (
        "10: an update that never ends",
        &[
            ("crates/reconcile/tests/cases/failure_10_convergence.txt", ""),
            ("tests/e2e/properties.rs", "applied_is_converged_whoever_the_people_are"),
        ],
    ),
    (
        "11: a 404 that means something else",
        &[("crates/reconcile/tests/cases/failure_11_gone_or_not.txt", "")],
    ),
    (
        "12: services take the members of a group in ways of their own",
        &[
            (
                "tests/e2e/groups.rs",
                "two_hundred_groups_of_five_hundred_people_whose_members_are_never_told",
            ),
            ("tests/e2e/groups.rs", "groups_are_taken_over_and_keep_whom_nobody_knows"),
            ("tests/e2e/groups.rs", "one_member_that_is_refused_keeps_nobody_else_out"),
            ("tests/e2e/groups.rs", "a_target_without_patch_gets_all_members_by_put"),
        ],
    ),
    (
        "13: a dry run that writes",
        &[("tests/e2e/failures.rs", "failure_13_looking_writes_nothing")],
    ),
    ("14: runs that overlap", &[("tests/e2e/failures.rs", "failure_14_a_second_run_is_refused")]),
    (
        "15: existing accounts are taken over in silence, or are an error for ever",
        &[("crates/reconcile/tests/cases/failure_15_adoption_not_allowed.txt", "")],
    ),
    (
        "a config edit that deprovisions everybody",
        &[
            ("crates/reconcile/tests/cases/config_changed.txt", ""),
            ("tests/scenarios/config_change.txt", ""),
        ],
    ),
    (
        "what others change at the target is not seen, or undone without a word",
        &[("tests/scenarios/drift.txt", ""), ("crates/reconcile/tests/cases/drift_leaver.txt", "")],
    ),
];

#[test]
fn each_failure_has_its_tests() {
    let numbers =
        FAILURES.iter().filter_map(|(failure, _)| failure.split(':').next()?.parse().ok());
    assert_eq!(numbers.collect::<Vec<u32>>(), (1..=15).collect::<Vec<u32>>());
    are_there(FAILURES);
}

/// Ends the test if a table names a test that is not there.
#[track_caller]
pub(super) fn are_there(table: &[(&str, &[(&str, &str)])]) {
    let root = here().join("..");
    for (failure, tests) in table {
        for (file, name) in *tests {
            let text = std::fs::read_to_string(root.join(file));
            let text = text.unwrap_or_else(|error| panic!("{failure}: {file}: {error}"));
            // A function, or a case in a table of such.
            let is_there = name.is_empty()
                || text.contains(&format!("fn {name}("))
                || text.contains(&format!("\"{name}\""));
            assert!(is_there, "{failure}: {file} has no {name}");
        }
    }
}

const PEOPLE: &str = "1,Ada,Lovelace,ada@example.com,Countess,active,\n2,Grace,Hopper,grace@example.com,Admiral,active,1\n";

#[test]
fn failure_13_looking_writes_nothing() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}{PEOPLE}"));
    let wrote = || {
        bed.simulator()
            .take_requests()
            .into_iter()
            .filter(|request| request.method != "GET")
            .count()
    };
    bed.run(&["plan"]).expect(10);
    assert_eq!(wrote(), 0, "before the first apply");
    bed.run(&["apply", "--yes"]).expect(0);
    assert!(wrote() > 0);
    // Something of every kind is left to do.
    bed.write("people.csv", format!("{HEADER}2,Grace,Hopper,hopper@example.com,Commodore,active,\n3,Zoë,Ng,zoe@example.com,,active,2\n4,No,Mail,,,active,\n"));
    for line in [
        "check",
        "plan",
        "plan --full",
        "plan --json",
        "plan --out saved.plan",
        "preview 2",
        "preview 1",
        "links list",
        "links export",
        "links doctor",
        "history",
        "history --runs",
        "test",
    ] {
        bed.shell(line);
        assert_eq!(wrote(), 0, "{line}");
    }
    let before = bed.run(&["plan", "--json"]).json();
    assert_eq!(before["summary"]["update"], 1, "{before}");
    assert_eq!(before["summary"]["deactivate"], 1, "{before}");
}

#[test]
fn failure_14_a_second_run_is_refused() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", format!("{HEADER}{PEOPLE}"));
    bed.run(&["apply", "--yes"]).expect(0);
    let access = peoplesync_state::Access::Write { who: "process 1".to_owned(), now: 0 };
    let first =
        peoplesync_state::State::open(&bed.path("peoplesync.db"), access, || [0; 32]).unwrap();
    bed.write("people.csv", format!("{HEADER}{}", PEOPLE.replace("Countess", "Chair")));
    let second = bed.run(&["apply", "--yes"]).expect(1);
    assert!(second.stderr.contains("in use by another run: process 1"), "{}", second.stderr);
    assert!(bed.simulator().users().iter().all(|user| user["title"] != "Chair"));
    // To look is allowed.
    bed.run(&["plan"]).expect(10);
    drop(first);
    bed.run(&["apply", "--yes"]).expect(0);
}
