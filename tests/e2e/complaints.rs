//! What administrators complain about in tools of this kind, and which test shows how it is here. The numbers are those of the
//! collection; the fifteenth is what the others cost.

use super::failures::are_there;

const COMPLAINTS: &[(&str, &[(&str, &str)])] = &[
    (
        "1: an outage of the source is read as \"everybody left\", also of members of groups",
        &[
            ("crates/reconcile/tests/cases/failure_01_partial_read.txt", ""),
            ("crates/reconcile/tests/cases/guard_max_leavers.txt", ""),
            ("tests/scenarios/guards.txt", ""),
            ("tests/scenarios/sources.txt", ""),
            (
                "tests/e2e/groups.rs",
                "a_group_that_loses_most_of_its_members_at_once_is_refused_until_that_is_approved",
            ),
            (
                "tests/e2e/groups.rs",
                "many_small_groups_that_lose_everybody_or_get_other_names_are_refused_although_each_alone_may",
            ),
        ],
    ),
    (
        "2: it deletes what it did not create",
        &[
            ("crates/reconcile/tests/cases/failure_04_unmanaged_accounts.txt", ""),
            ("crates/reconcile/tests/cases/protected.txt", ""),
            ("crates/reconcile/tests/cases/administrators.txt", ""),
            ("crates/reconcile/tests/cases/leavers_unless.txt", ""),
            ("tests/e2e/groups.rs", "groups_are_taken_over_and_keep_whom_nobody_knows"),
        ],
    ),
    (
        "3: an edit of the config deprovisions everybody",
        &[
            ("crates/reconcile/tests/cases/config_changed.txt", ""),
            ("crates/reconcile/tests/cases/guard_takeover.txt", ""),
            ("tests/scenarios/config_change.txt", ""),
            ("tests/scenarios/approval.txt", ""),
        ],
    ),
    (
        "4: nothing shows what would happen, or what is shown is not what is done",
        &[
            ("tests/scenarios/saved.txt", ""),
            ("tests/scenarios/part.txt", ""),
            ("tests/e2e/failures.rs", "failure_13_looking_writes_nothing"),
            (
                "tests/e2e/chance.rs",
                "a_saved_plan_writes_the_random_values_and_the_time_that_it_shows",
            ),
        ],
    ),
    (
        "5: cycles are fixed and slow",
        &[
            ("crates/runner/src/service/schedule.rs", "runs_follow_the_clocks_of_their_time_zone"),
            ("tests/e2e/directory.rs", "a_run_over_what_changed_sees_who_changed_and_who_is_gone"),
        ],
    ),
    (
        "6: managers are set never, or in every run, or keep their people out",
        &[
            ("tests/scenarios/managers.txt", ""),
            ("crates/reconcile/tests/cases/manager_missing.txt", ""),
            ("crates/reconcile/tests/cases/manager_rejected.txt", ""),
            ("crates/reconcile/tests/cases/waits.txt", ""),
        ],
    ),
    (
        "7: one bad attribute keeps a whole person out",
        &[("tests/e2e/survive.rs", "one_refused_attribute_keeps_nobody_out_and_is_told_once")],
    ),
    (
        "8: a target says that all is well and does nothing",
        &[
            ("tests/e2e/survive.rs", "patch_without_effect_is_told_and_not_sent_for_ever"),
            ("tests/e2e/survive.rs", "a_read_back_sees_what_an_answer_hides"),
            (
                "tests/e2e/survive.rs",
                "values_that_are_kept_otherwise_than_sent_are_told_once_and_not_written_again",
            ),
        ],
    ),
    (
        "9: a rename is a deletion and a creation",
        &[
            ("crates/reconcile/tests/cases/failure_06_rename.txt", ""),
            ("crates/reconcile/tests/cases/names_swapped.txt", ""),
            ("crates/reconcile/tests/cases/guard_max_renames.txt", ""),
        ],
    ),
    (
        "10: nobody sees who is linked to what",
        &[
            ("tests/scenarios/links.txt", ""),
            ("tests/e2e/links.rs", "a_lost_state_is_rebuilt_from_an_export"),
            ("tests/scenarios/target.txt", ""),
        ],
    ),
    (
        "11: nothing can be cleared, or too much is",
        &[
            ("crates/mapping/tests/cases/on_empty.txt", ""),
            ("crates/reconcile/tests/cases/guard_max_clears.txt", ""),
            ("crates/reconcile/tests/cases/drift_beside_changes.txt", ""),
        ],
    ),
    (
        "12: limits of rates, and many requests for little",
        &[
            (
                "tests/e2e/limits.rs",
                "a_service_that_holds_callers_to_its_rates_refuses_nobody_who_knows_them",
            ),
            ("tests/e2e/limits.rs", "a_lasting_limit_holds_from_one_run_to_the_next"),
            (
                "tests/e2e/groups.rs",
                "two_hundred_groups_of_five_hundred_people_whose_members_are_never_told",
            ),
        ],
    ),
    (
        "13: what others change at the target is not seen",
        &[
            ("tests/scenarios/drift.txt", ""),
            ("crates/reconcile/tests/cases/drift_by_attribute.txt", ""),
            ("crates/reconcile/tests/cases/drift_beside_changes.txt", ""),
            ("crates/reconcile/tests/cases/drift_leaver.txt", ""),
        ],
    ),
    (
        "14: nobody is told why, and failures have to be tried again by hand",
        &[
            ("tests/scenarios/reports.txt", ""),
            (
                "tests/e2e/service.rs",
                "whom_the_target_refuses_waits_and_is_tried_when_the_record_changes_or_somebody_says_so",
            ),
            ("tests/e2e/request_ids.rs", "what_was_done_and_what_failed_have_the_targets_number"),
        ],
    ),
];

#[test]
fn each_complaint_has_its_tests() {
    let numbers =
        COMPLAINTS.iter().filter_map(|(complaint, _)| complaint.split(':').next()?.parse().ok());
    assert_eq!(numbers.collect::<Vec<u32>>(), (1..=14).collect::<Vec<u32>>());
    are_there(COMPLAINTS);
}
