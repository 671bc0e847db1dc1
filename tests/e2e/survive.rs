//! What a client must survive of services as they are: each habit by itself, through the binary. Whatever the target does, nobody
//! gets two accounts, nobody is lost, and the next plan is empty.

use std::fmt::Write as _;

use peoplesync_scim::Resource;
use peoplesync_simulator::{
    Behaviour, BeyondTheEnd, CreateAnswer, ErrorForm, Filters, Patches, Quirks, Rewrite, Total,
};
use serde_json::json;

use super::harness::{Bed, CONFIG, HEADER};

const PEOPLE: usize = 60;

/// What services do, and the tests that show that it is survived. Those of this file go through the binary; those of the
/// client beside them know every variant.
const POINTS: &[(&str, &[(&str, &str)])] = &[
    (
        "1: a 201 without an id or with a useless Location; other values than were sent; a success that changed nothing",
        &[
            (SURVIVE, "a_create_that_is_answered_without_an_id_is_found_again"),
            (
                SURVIVE,
                "values_that_are_kept_otherwise_than_sent_are_told_once_and_not_written_again",
            ),
            (SURVIVE, "patch_without_effect_is_told_and_not_sent_for_ever"),
            (WRITES, "a_201_without_an_id_falls_back_to_the_location"),
            (WRITES, "a_201_without_body_or_location_may_have_created_and_says_so"),
            (WRITES, "an_answer_about_something_else_is_not_taken_for_the_account"),
        ],
    ),
    (
        "2: a filter that is ignored, refused, or answered with nobody; a 409 means: find it",
        &[
            (SURVIVE, "filters_that_are_ignored_match_nobody_wrongly"),
            (SURVIVE, "filters_that_are_refused_are_replaced_by_the_list"),
            (SURVIVE, "filters_that_find_nobody_make_no_second_account_and_are_told_by_check"),
            (LISTS, "a_filter_that_is_ignored_finds_only_what_matches"),
            (LISTS, "a_filter_that_is_not_understood_is_an_error_after_one_request"),
        ],
    ),
    (
        "3: totalResults that is wrong, count that is ignored, refused or capped, a last page that repeats",
        &[
            (SURVIVE, "counts_that_are_wrong_or_missing_hide_nobody"),
            (SURVIVE, "a_last_page_that_repeats_ends_the_list"),
            (LISTS, "total_results_too_large_is_not_complete"),
            (LISTS, "a_count_that_is_refused_is_left_out"),
            (LISTS, "a_repeated_full_page_without_a_total_proves_nothing"),
        ],
    ),
    (
        "4: PATCH that is not served, served for a part, or without effect",
        &[
            (SURVIVE, "patch_that_is_refused_unannounced_is_replaced_by_put"),
            (SURVIVE, "patch_without_effect_is_told_and_not_sent_for_ever"),
            (SURVIVE, "one_refused_attribute_keeps_nobody_out_and_is_told_once"),
            ("tests/e2e/groups.rs", "a_target_without_patch_gets_all_members_by_put"),
            (MEMBERS, "a_group_that_takes_no_patch_unannounced_is_replaced"),
            (MEMBERS, "a_put_that_leaves_members_as_they_are_is_not_taken_as_done"),
            (MEMBERS, "a_patch_without_effect_and_without_an_answer_is_not_taken_as_done"),
            ("tests/e2e/others.rs", "people_and_groups_into_django_scim2"),
            (WRITES, "put_and_patch_take_a_body_or_none"),
        ],
    ),
    (
        "5: no discovery, a base URL with a query, relative locations, HTML, versions that are none",
        &[
            (
                SURVIVE,
                "a_service_without_discovery_with_a_query_in_its_url_and_html_errors_is_a_target",
            ),
            (WRITES, "a_target_without_a_configuration_is_no_failure"),
            (WRITES, "what_is_created_comes_back_with_id_and_version"),
            (LISTS, "a_list_that_is_html_is_an_error_and_not_an_empty_list"),
            (CONNECTIONS, "the_query_of_the_base_url_goes_with_every_request"),
            (CONNECTIONS, "what_is_not_http_is_an_error"),
        ],
    ),
    (
        "6: members that are never returned, left out on creation, or refused one by one",
        &[
            (
                "tests/e2e/groups.rs",
                "members_that_are_never_told_although_the_profile_does_not_say_so",
            ),
            (
                "tests/e2e/groups.rs",
                "two_hundred_groups_of_five_hundred_people_whose_members_are_never_told",
            ),
            (
                "tests/e2e/groups.rs",
                "somebody_else_takes_a_person_out_of_a_group_whose_members_are_never_told",
            ),
            ("tests/e2e/groups.rs", "one_member_that_is_refused_keeps_nobody_else_out"),
            ("tests/e2e/groups.rs", "a_group_whose_members_are_not_told_is_not_replaced_by_put"),
            (MEMBERS, "members_whom_no_path_removes_are_removed_by_a_list_that_was_tried_with_one"),
            (MEMBERS, "a_list_that_removes_everybody_is_taken_back_at_once_and_not_used_again"),
            (MEMBERS, "a_list_is_not_tried_where_members_cannot_be_read_back"),
        ],
    ),
    (
        "7: directories: limits in mid-flow, referrals, attributes in parts, answers that never come",
        &[
            (
                "connectors/ldap/tests/openldap.rs",
                "limits_make_a_read_partial_and_small_pages_make_it_whole",
            ),
            (
                "connectors/ldap/tests/openldap.rs",
                "a_server_that_dies_while_it_is_read_is_an_error_and_never_an_end",
            ),
            ("connectors/ldap/tests/openldap.rs", "a_referral_is_reported_followed_or_left_out"),
            (
                "connectors/ldap/tests/active_directory.rs",
                "failure_03_a_group_of_five_thousand_comes_whole",
            ),
        ],
    ),
    (
        "beyond the list: bulk requests that are not served, answered with nonsense, or lost",
        &[
            (
                "tests/e2e/bulk.rs",
                "a_target_that_does_not_serve_them_after_all_is_sent_single_requests",
            ),
            ("tests/e2e/bulk.rs", "whatever_becomes_of_bulk_requests_a_rerun_converges"),
        ],
    ),
];

const SURVIVE: &str = "tests/e2e/survive.rs";
const MEMBERS: &str = "tests/e2e/members.rs";
const WRITES: &str = "crates/scim/src/client/tests/writes.rs";
const LISTS: &str = "crates/scim/src/client/tests/lists.rs";
const CONNECTIONS: &str = "crates/scim/src/client/tests/connections.rs";

#[test]
fn each_point_has_its_tests() {
    let numbers = POINTS.iter().filter_map(|(point, _)| point.split(':').next()?.parse().ok());
    assert_eq!(numbers.collect::<Vec<u32>>(), (1..=7).collect::<Vec<u32>>());
    super::failures::are_there(POINTS);
}

fn people(title_of_7: &str) -> String {
    let mut text = HEADER.to_owned();
    for n in 1..=PEOPLE {
        let title = if n == 7 { title_of_7 } else { "Engineer" };
        writeln!(text, "{n},First{n},Last{n},user{n}@example.com,{title},active,").unwrap();
    }
    text
}

fn bed(quirks: Quirks, change: impl FnOnce(&mut Behaviour)) -> Bed {
    let mut behaviour =
        Behaviour { default_page: 25, max_page: 25, quirks, ..Behaviour::default() };
    change(&mut behaviour);
    let bed = Bed::with(behaviour, |_| None);
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", people("Engineer"));
    bed
}

/// Loads everybody, changes one title, and plans after each.
#[track_caller]
fn check(quirks: Quirks, change: impl FnOnce(&mut Behaviour)) -> Bed {
    let bed = bed(quirks, change);
    for title in ["Engineer", "Lead"] {
        bed.write("people.csv", people(title));
        bed.run(&["apply", "--yes"]).expect(0);
        assert_eq!(bed.simulator().count(Resource::User), PEOPLE);
        for line in [&["plan"][..], &["plan", "--full"]] {
            bed.run(line).expect(0);
        }
    }
    bed
}

fn title_of_7(bed: &Bed) -> serde_json::Value {
    let users = bed.simulator().users();
    users.iter().find(|user| user["externalId"] == "7").unwrap()["title"].clone()
}

#[test]
fn a_create_that_is_answered_without_an_id_is_found_again() {
    let quirks = Quirks { create_answer: CreateAnswer::WithoutId, ..Quirks::default() };
    assert_eq!(title_of_7(&check(quirks, |_| {})), "Lead");
}

#[test]
fn values_that_are_kept_otherwise_than_sent_are_told_once_and_not_written_again() {
    let quirks = Quirks {
        rewrites: [("name.givenName".to_owned(), Rewrite::Dashes)].into(),
        drops: vec!["title".to_owned()],
        ..Quirks::default()
    };
    let bed = bed(quirks, |_| {});
    bed.write("people.csv", people("Engineer").replace("First", "First "));
    let first = bed.run(&["apply", "--yes", "--json"]).expect(0);
    assert_eq!(first.json()["not_kept"], json!({ "name.givenName": PEOPLE, "title": PEOPLE }));
    assert!(first.stderr.contains("does not keep title of 60 people"), "{}", first.stderr);
    for line in [&["plan"][..], &["plan", "--full"]] {
        bed.run(line).expect(0);
    }
    let checked = bed.run(&["check"]).expect(0).stdout;
    assert!(checked.contains("it keeps title of 60 accounts otherwise"), "{checked}");
    // Another title is tried once; what somebody changes at the target is seen.
    bed.write("people.csv", people("Lead").replace("First", "First "));
    let second = bed.run(&["apply", "--yes", "--json"]).expect(0).json();
    assert_eq!(second["not_kept"], json!({ "title": 1 }));
    bed.run(&["plan", "--full"]).expect(0);
    let id = second["changes"][0]["id"].as_str().unwrap().to_owned();
    let renamed = |user: &mut serde_json::Value| user["name"]["givenName"] = json!("Somebody");
    assert!(bed.simulator().edit(Resource::User, &id, renamed).unwrap());
    bed.run(&["plan", "--full"]).expect(10);
}

#[test]
fn filters_that_are_ignored_match_nobody_wrongly() {
    let quirks = Quirks { filters: Filters::Ignored, ..Quirks::default() };
    let bed = check(quirks, |_| {});
    assert_eq!(title_of_7(&bed), "Lead");
    // Whoever joins is looked for in the list, which is read once.
    let newcomers: String =
        (61..=75).map(|n| format!("{n},First{n},Last{n},user{n}@example.com,,active,\n")).collect();
    bed.write("people.csv", people("Lead") + &newcomers);
    drop(bed.simulator().take_requests());
    bed.run(&["plan"]).expect(10);
    let asked = bed.simulator().take_requests().len();
    assert!(asked <= 20, "{asked} requests for 15 people");
}

#[test]
fn filters_that_are_refused_are_replaced_by_the_list() {
    assert_eq!(title_of_7(&check(Quirks::default(), |behaviour| behaviour.filter = false)), "Lead");
}

#[test]
fn filters_that_find_nobody_make_no_second_account_and_are_told_by_check() {
    let quirks = Quirks { filters: Filters::Nobody, ..Quirks::default() };
    let bed = bed(quirks, |_| {});
    let ada = json!({ "userName": "user1@example.com", "externalId": "1" });
    bed.simulator().seed(Resource::User, [ada]).unwrap();
    let few: Vec<String> = people("Engineer").lines().take(4).map(str::to_owned).collect();
    bed.write("people.csv", few.join("\n") + "\n");
    let checked = bed.run(&["check"]).expect(4).stdout;
    assert!(checked.contains("finds nobody, though account"), "{checked}");
    let applied = bed.run(&["apply", "--yes", "--json"]).expect(5).json();
    assert_eq!(applied["outcomes"], json!({ "done": 2, "failed": 1, "skipped": 0 }));
    assert_eq!(bed.simulator().count(Resource::User), 3);
    // That there is somebody after all is remembered: the next run reads the whole list, and takes the account over.
    let again = bed.run(&["apply", "--yes", "--json"]).expect(0).json();
    assert_eq!(again["changes"][0]["action"], "adopt", "{again}");
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn one_refused_attribute_keeps_nobody_out_and_is_told_once() {
    refused_with(400, "refused");
    // The credentials may write the rest.
    refused_with(403, "access denied");
}

#[track_caller]
fn refused_with(refuses_with: u16, told_as: &str) {
    let quirks = Quirks { refuses: vec!["title".to_owned()], refuses_with, ..Quirks::default() };
    let bed = bed(quirks, |_| {});
    let few: Vec<String> = people("Engineer").lines().take(4).map(str::to_owned).collect();
    bed.write("people.csv", few.join("\n") + "\n");
    let applied = bed.run(&["apply", "--yes", "--json"]).expect(5).json();
    assert_eq!(applied["outcomes"], json!({ "done": 3, "failed": 0, "skipped": 0 }));
    let told = applied["changes"][0]["error"].as_str().unwrap();
    assert!(told.starts_with(&format!("title not set: POST /Users: {told_as}")), "{told}");
    assert_eq!(bed.simulator().count(Resource::User), 3);
    for line in [&["apply", "--yes"][..], &["plan"], &["plan", "--full"]] {
        bed.run(line).expect(0);
    }
    // An update goes the same way.
    let moved =
        few.join("\n").replace("Last2,user2@example.com,Engineer", "Ng,user2@example.com,Lead");
    bed.write("people.csv", moved + "\n");
    let shown = bed.run(&["apply", "--yes"]).expect(5).stdout;
    assert!(shown.contains("! user2@example.com update key 2: title not set"), "{shown}");
    let users = bed.simulator().users();
    let two = users.iter().find(|user| user["externalId"] == "2").unwrap();
    assert_eq!(two["name"]["familyName"], "Ng");
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn a_read_back_sees_what_an_answer_hides() {
    let quirks = Quirks { drops: vec!["title".to_owned()], ..Quirks::default() };
    let bed = bed(quirks, |behaviour| behaviour.patch_without_body = true);
    bed.run(&["apply", "--yes"]).expect(0);
    bed.write("people.csv", people("Lead"));
    let reads = |bed: &Bed| {
        let requests = bed.simulator().take_requests();
        let is_read = |request: &&peoplesync_simulator::Request| {
            request.method == "GET" && request.path.starts_with("/Users/")
        };
        requests.iter().filter(is_read).count()
    };
    reads(&bed);
    let applied = bed.run(&["apply", "--yes", "--json", "--verify"]).expect(0).json();
    assert_eq!(applied["not_kept"], json!({ "title": 1 }));
    assert_eq!(reads(&bed), 2, "once to plan, and once to verify");
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn counts_that_are_wrong_or_missing_hide_nobody() {
    for total_results in [Total::Missing, Total::OfPage, Total::TooMany] {
        check(Quirks { total_results, ..Quirks::default() }, |_| {});
    }
}

#[test]
fn a_last_page_that_repeats_ends_the_list() {
    check(Quirks { beyond_the_end: BeyondTheEnd::LastPage, ..Quirks::default() }, |_| {});
    check(Quirks { pages_by_number: true, ..Quirks::default() }, |_| {});
}

#[test]
fn patch_that_is_refused_unannounced_is_replaced_by_put() {
    let quirks = Quirks { discovery: false, ..Quirks::default() };
    let bed = check(quirks, |behaviour| behaviour.patch = false);
    assert_eq!(title_of_7(&bed), "Lead");
    let sent = bed.simulator().requests();
    let count = |method: &str| sent.iter().filter(|request| request.method == method).count();
    assert_eq!((count("PATCH"), count("PUT")), (1, 1));
}

#[test]
fn patch_without_effect_is_told_and_not_sent_for_ever() {
    let quirks = Quirks { patches: Patches::Nothing, ..Quirks::default() };
    let bed = check(quirks, |_| {});
    assert_eq!(title_of_7(&bed), "Engineer");
    let checked = bed.run(&["check"]).expect(0).stdout;
    assert!(checked.contains("it keeps title of 1 accounts otherwise"), "{checked}");
}

#[test]
fn a_service_without_discovery_with_a_query_in_its_url_and_html_errors_is_a_target() {
    let quirks = Quirks { discovery: false, errors: ErrorForm::Html, ..Quirks::default() };
    let bed = bed(quirks, |_| {});
    let url = format!("{}?tenant=a%20b", bed.simulator().url());
    let run =
        |line: &[&str]| super::harness::ran(bed.command(line).env("PEOPLESYNC_TARGET__URL", &url));
    run(&["apply", "--yes"]).expect(0);
    run(&["plan", "--full"]).expect(0);
    let checked = run(&["check"]).expect(0).stdout;
    assert!(checked.contains("it does not say what it can do"), "{checked}");
    for request in bed.simulator().requests() {
        let query = request.query.unwrap_or_default();
        assert!(query.starts_with("tenant=a%20b"), "{query}");
    }
    // A name that is taken: the page for people is no success, and what it says is told.
    let taken = json!({ "userName": "new@example.com", "externalId": "other" });
    bed.simulator().seed(Resource::User, [taken]).unwrap();
    bed.write("peoplesync.toml", CONFIG.replace("[people]", "[people]\nmatch = [\"externalId\"]"));
    bed.write("people.csv", people("Engineer") + "99,New,New,new@example.com,,active,\n");
    let refused = run(&["apply", "--yes"]).expect(5);
    assert!(refused.stdout.contains("answered with HTML: 409 userName"), "{}", refused.stdout);
}
