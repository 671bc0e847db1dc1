//! Groups against targets with habits of their own: limits, members that are never told, PUT, crashes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use peoplesync_scim::profile::{Grouping, RemoveMembers, ShowMembers};
use peoplesync_scim::{Profile, Resource};
use peoplesync_simulator::{Behaviour, Request};
use serde_json::{Value as Json, json};

use super::dice::Dice;
use super::harness::{Bed, profile};

/// People by number, and groups by number with their members. `profile` stands in `[target.overrides]`.
pub(super) fn config(profile: &str, groups: &str) -> String {
    format!(
        r#"
[source]
kind = "csv"
settings = {{ path = "people.csv", key = "id" }}

[target]
name = "Test"
url = "http://127.0.0.1:1/"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
{profile}

[people.attributes]
userName = "mail"
externalId = "id"

[guards]
max_changes = "100%"
max_creates = "100%"
max_members_removed = "100%"
max_memberships_removed = "100%"

[groups]
{groups}
[groups.attributes]
displayName = "name"
externalId = "id"
"#
    )
}

pub(super) const OWN_SOURCE: &str = r#"
source = { kind = "csv", settings = { path = "groups.csv", key = "id", multi_valued = { members = ";" } } }
members = "members"
"#;

pub(super) fn people(bed: &Bed, count: usize) {
    let mut text = "id,mail\n".to_owned();
    for n in 0..count {
        writeln!(text, "{n},u{n}@example.com").unwrap();
    }
    bed.write("people.csv", text);
}

pub(super) type Groups = BTreeMap<String, Vec<usize>>;

pub(super) fn groups(bed: &Bed, groups: &Groups) {
    let mut text = "id,name,members\n".to_owned();
    for (key, members) in groups {
        let members: Vec<String> = members.iter().map(ToString::to_string).collect();
        writeln!(text, "{key},Group {key},{}", members.join(";")).unwrap();
    }
    bed.write("groups.csv", text);
}

/// Who is in which group at the target, by the keys of both.
pub(super) fn at_target(bed: &Bed) -> Groups {
    let users: BTreeMap<String, usize> = bed
        .simulator()
        .users()
        .iter()
        .map(|user| (text(&user["id"]), text(&user["externalId"]).parse().unwrap()))
        .collect();
    let groups = bed.simulator().resources(Resource::Group);
    let groups = groups.iter().map(|group| {
        let members = group["members"].as_array().into_iter().flatten();
        let mut members: Vec<usize> =
            members.map(|member| users[&text(&member["value"])]).collect();
        members.sort_unstable();
        (text(&group["externalId"]), members)
    });
    groups.collect()
}

pub(super) fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

/// The most members that one request named: added, or removed by path or in a list.
fn most_members(requests: &[Request]) -> usize {
    let count = |body: &Json| -> usize {
        let listed = |value: &Json| value.as_array().map_or(1, Vec::len);
        let new = body.get("members").map_or(0, listed);
        let operations = body["Operations"].as_array().into_iter().flatten();
        let changed =
            operations.filter(|operation| text(&operation["path"]).starts_with("members"));
        new + changed.map(|operation| operation.get("value").map_or(1, listed)).sum::<usize>()
    };
    requests.iter().filter_map(Request::body).map(|body| count(&body)).max().unwrap_or(0)
}

/// A service that takes a hundred members at once, removes them as a list, and never tells them.
const SECRETIVE: &str = r#"
[target.overrides.groups]
members = "never"
members_per_request = 100
remove = "list"
[target.overrides.list]
page_size = 100
"#;

fn secretive(members_per_request: u32) -> Profile {
    let mut profile = profile("generic");
    profile.groups = Grouping {
        members: ShowMembers::Never,
        members_per_request,
        remove: RemoveMembers::List,
        ..Grouping::default()
    };
    for name in ["default_page", "max_page"] {
        profile.simulate.insert(name.to_owned(), 100.into());
    }
    profile
}

/// Plans to nothing, without a request.
pub(super) fn is_quiet(bed: &Bed) {
    drop(bed.simulator().take_requests());
    let plan = bed.run(&["plan"]).expect(0);
    assert!(plan.stdout.contains("Groups: No changes"), "{}", plan.stdout);
    assert_eq!(bed.simulator().take_requests().len(), 0, "a run without changes asks for nothing");
}

#[test]
fn a_source_of_groups_that_does_not_answer_ends_the_run_and_is_tried_again_before() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let bed = Bed::new();
    let groups = format!(
        "[groups]\nmembers = \"member\"\nattributes.displayName = \"cn\"\n[groups.source]\nkind = \"ldap\"\n\
         timeout_secs = 1\nretries = 1\n[groups.source.settings]\nservers = [\"ldap://127.0.0.1:{port}\"]\nkey = \"entryUUID\"\n\
         timeout_secs = 3600\n[[groups.source.settings.bases]]\ndn = \"ou=groups\"\n"
    );
    bed.write("peoplesync.toml", format!("{}{groups}", super::harness::CONFIG));
    bed.write(
        "people.csv",
        super::harness::HEADER.to_owned() + "7,Zoë,Ng,zoe@example.com,T,active,\n",
    );
    let told = bed.run(&["plan"]).expect(3).stderr;
    assert!(told.contains("cannot read the groups of"), "{told}");
    assert!(told.contains("nothing came from the source within 1 seconds"), "{told}");
    silent.set_nonblocking(true).unwrap();
    let tries = std::iter::from_fn(|| silent.accept().ok()).count();
    assert!(tries >= 2, "{tries}");
}

#[test]
fn two_hundred_groups_of_five_hundred_people_whose_members_are_never_told() {
    let bed = Bed::with_profile(&secretive(100));
    bed.write("peoplesync.toml", config(SECRETIVE, OWN_SOURCE));
    people(&bed, 500);
    bed.write("groups.csv", "id,name,members\n");
    bed.run(&["apply", "--yes", "--quiet"]).expect(0);
    drop(bed.simulator().take_requests());

    // Every tenth group has more members than one request may name.
    let members = |group: usize| -> Vec<usize> {
        let count = if group.is_multiple_of(10) { 250 } else { 10 };
        let mut members: Vec<usize> = (0..count).map(|n| (group * 7 + n) % 500).collect();
        members.sort_unstable();
        members
    };
    let mut wanted: Groups =
        (0..200).map(|group| (format!("g{group:03}"), members(group))).collect();
    groups(&bed, &wanted);
    bed.run(&["apply", "--yes", "--quiet"]).expect(0);
    let load = bed.simulator().take_requests();
    assert_eq!(at_target(&bed), wanted);
    assert!(load.len() < 1_500, "{} requests for the first load", load.len());
    assert!(most_members(&load) <= 100, "{} members in one request", most_members(&load));
    is_quiet(&bed);

    // Ten groups lose somebody and get nobody; two requests each, one to look and one to write.
    for (_, members) in wanted.iter_mut().take(10) {
        members.remove(0);
    }
    groups(&bed, &wanted);
    bed.run(&["apply", "--yes", "--quiet"]).expect(0);
    let change = bed.simulator().take_requests();
    assert_eq!(at_target(&bed), wanted);
    assert!(change.len() <= 22, "{} requests for ten changes", change.len());
    is_quiet(&bed);

    let full = bed.run(&["plan", "--full"]).expect(0);
    let full_requests = bed.simulator().take_requests().len();
    assert!(full.stdout.contains("Groups: No changes"), "{}", full.stdout);
    assert!(full_requests < 600, "{full_requests} requests for a full comparison");
    eprintln!(
        "200 groups × 500 people: {} requests for the first load, {} for ten changes, {full_requests} for a full plan, 0 for a plan without changes",
        load.len(),
        change.len(),
    );
}

#[test]
fn dense_groups_of_a_service_that_takes_a_hundred_members_at_once() {
    let bed = Bed::with_profile(&profile("aws-identity-center"));
    let config = config("profile = \"aws-identity-center\"", OWN_SOURCE).replacen(
        "[people.attributes]",
        "[people.attributes]\ndisplayName = \"mail\"\n\"name.givenName\" = \"id\"\n\"name.familyName\" = \"mail\"",
        1,
    );
    bed.write("peoplesync.toml", config);
    people(&bed, 500);
    groups(&bed, &Groups::new());
    bed.run(&["apply", "--yes", "--quiet"]).expect(0);
    drop(bed.simulator().take_requests());

    // Everybody is in every group: 100,000 memberships.
    let mut wanted: Groups =
        (0..200).map(|group| (format!("g{group:03}"), (0..500).collect())).collect();
    let step = |wanted: &Groups, most: usize| {
        groups(&bed, wanted);
        bed.run(&["apply", "--yes", "--quiet"]).expect(0);
        let requests = bed.simulator().take_requests();
        let refused = |request: &&Request| request.status.is_none_or(|status| status >= 400);
        assert_eq!(requests.iter().find(refused), None);
        assert!(most_members(&requests) <= 100, "{} members at once", most_members(&requests));
        assert!(requests.len() < most, "{} requests, not fewer than {most}", requests.len());
        assert!(at_target(&bed) == *wanted);
        is_quiet(&bed);
        requests.len()
    };
    let load = step(&wanted, 1_500);
    // Half of everybody leaves one group, and one person leaves all.
    for (at, members) in wanted.values_mut().enumerate() {
        members.retain(|n| *n > 0 && (at > 0 || n % 2 == 0));
    }
    let change = step(&wanted, 410);
    eprintln!("200 groups × 500 people: {load} requests to fill them, {change} to change them");
}

#[test]
fn somebody_else_takes_a_person_out_of_a_group_whose_members_are_never_told() {
    let bed = Bed::with_profile(&secretive(100));
    bed.write("peoplesync.toml", config(SECRETIVE, OWN_SOURCE));
    people(&bed, 5);
    let wanted = Groups::from([("a".into(), vec![0, 1, 2]), ("b".into(), vec![3])]);
    groups(&bed, &wanted);
    bed.run(&["apply", "--yes"]).expect(0);
    let id = text(&bed.simulator().resources(Resource::Group)[0]["id"]);
    let edited = bed.simulator().edit(Resource::Group, &id, |group| {
        group.as_object_mut().unwrap().remove("members");
    });
    assert!(edited.unwrap());
    bed.run(&["apply", "--yes", "--full"]).expect(0);
    assert_eq!(at_target(&bed), wanted);
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn members_that_are_never_told_although_the_profile_does_not_say_so() {
    let mut habits = profile("generic");
    habits.groups.members = ShowMembers::Never;
    let bed = Bed::with_profile(&habits);
    bed.write("peoplesync.toml", config("", OWN_SOURCE));
    people(&bed, 5);
    let mut wanted = Groups::from([("a".into(), vec![0, 1, 2]), ("b".into(), vec![3])]);
    groups(&bed, &wanted);
    bed.run(&["apply", "--yes"]).expect(0);
    bed.run(&["plan", "--full"]).expect(0);
    wanted.insert("a".into(), vec![1, 2, 4]);
    groups(&bed, &wanted);
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(at_target(&bed), wanted);
    bed.run(&["plan", "--full"]).expect(0);
    is_quiet(&bed);
}

#[test]
fn groups_are_taken_over_and_keep_whom_nobody_knows() {
    for (policy, stays) in [("keep", true), ("remove", false)] {
        let bed = Bed::new();
        let policy = format!("{OWN_SOURCE}unmanaged_members = \"{policy}\"\n");
        bed.write("peoplesync.toml", config("", &policy));
        people(&bed, 3);
        groups(&bed, &Groups::new());
        bed.run(&["apply", "--yes"]).expect(0);
        let stranger = serde_json::json!({ "userName": "stranger", "externalId": "99" });
        bed.simulator().seed(Resource::User, [stranger]).unwrap();
        let ids: Vec<Json> = bed
            .simulator()
            .users()
            .iter()
            .filter(|user| ["0", "1", "99"].contains(&user["externalId"].as_str().unwrap()))
            .map(|user| serde_json::json!({ "value": user["id"] }))
            .collect();
        let group = serde_json::json!({ "displayName": "group A", "members": ids });
        bed.simulator().seed(Resource::Group, [group]).unwrap();

        groups(&bed, &Groups::from([("A".into(), vec![1, 2])]));
        let applied = bed.run(&["apply", "--yes", "--json"]).expect(0).json();
        assert_eq!(applied["changes"][0]["action"], "adopt");
        let expected = if stays { vec![1, 2, 99] } else { vec![1, 2] };
        assert_eq!(at_target(&bed)["A"], expected, "{policy}");
        bed.run(&["plan", "--full"]).expect(0);
        is_quiet(&bed);
    }
}

#[test]
fn a_group_that_loses_most_of_its_members_at_once_is_refused_until_that_is_approved() {
    let bed = Bed::new();
    let limited = config("", OWN_SOURCE).replace("max_members_removed = \"100%\"\n", "");
    bed.write("peoplesync.toml", limited);
    people(&bed, 20);
    let mut wanted = Groups::from([
        ("a".into(), (0..20).collect()),
        ("b".into(), (0..12).collect()),
        ("c".into(), (0..5).collect()),
    ]);
    groups(&bed, &wanted);
    bed.run(&["apply", "--yes"]).expect(0);
    // Five may always leave; more than half of a larger group may not.
    wanted.insert("a".into(), (0..4).collect());
    wanted.insert("b".into(), (0..5).collect());
    wanted.insert("c".into(), vec![]);
    groups(&bed, &wanted);
    let refused = bed.run(&["plan", "--json"]).expect(6).json();
    insta::assert_snapshot!(refused["refused"][0]["message"], @r#""16 of 20 members would leave group Group a (80 %), more than max_members_removed = 50%; 1 other group would lose too many as well; look at the source of groups first, and raise guards.max_members_removed if they really left""#);
    bed.run(&["apply", "--yes"]).expect(6);
    assert_eq!(at_target(&bed)["a"].len(), 20);
    bed.run(&["approve", refused["plan"].as_str().unwrap(), "--reason", "the office closed"])
        .expect(0);
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(at_target(&bed), wanted);
    is_quiet(&bed);
}

#[test]
fn many_small_groups_that_lose_everybody_or_get_other_names_are_refused_although_each_alone_may() {
    let bed = Bed::new();
    let guarded = config("", OWN_SOURCE)
        .replace("max_members_removed = \"100%\"\n", "")
        .replace("max_memberships_removed = \"100%\"\n", "")
        .replace("max_changes = \"100%\"\n", "");
    bed.write("peoplesync.toml", &guarded);
    people(&bed, 20);
    let names: Vec<String> = (0..8).map(|number| format!("g{number}")).collect();
    let of_four = |name: &String| (name.clone(), (0..4).collect());
    groups(&bed, &names.iter().map(of_four).collect());
    bed.run(&["apply", "--yes"]).expect(0);
    let refusals = |code: i32| {
        let plan = bed.run(&["plan", "--json"]).expect(code).json();
        let refused = plan["refused"].as_array().unwrap().iter();
        refused.map(|refused| refused["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // One that is dissolved is everyday life.
    let but = |last: usize, left: Vec<usize>| -> Groups {
        let all = names.iter().enumerate();
        all.map(|(at, name)| {
            (name.clone(), if at < last { left.clone() } else { (0..4).collect() })
        })
        .collect()
    };
    groups(&bed, &but(1, vec![]));
    assert_eq!(refusals(10), Vec::<String>::new());
    groups(&bed, &but(8, vec![]));
    insta::assert_snapshot!(refusals(6).join("\n"));
    bed.run(&["apply", "--yes"]).expect(6);
    groups(&bed, &but(0, vec![]));
    bed.write("peoplesync.toml", guarded.replace("displayName = \"name\"", "displayName = \"id\""));
    insta::assert_snapshot!(refusals(6).join("\n"));
    // New members are no reason, and new groups are one in their own right.
    bed.write("peoplesync.toml", &guarded);
    let more = |end| (8..end).map(|number: usize| (format!("g{number}"), vec![number % 20]));
    let with = |end| but(8, (0..9).collect()).into_iter().chain(more(end)).collect();
    groups(&bed, &with(12));
    assert_eq!(refusals(10), Vec::<String>::new());
    groups(&bed, &with(30));
    insta::assert_snapshot!(refusals(6).join("\n"));
}

#[test]
fn a_target_without_patch_gets_all_members_by_put() {
    let bed = Bed::with(Behaviour { patch: false, ..Behaviour::default() }, |_| None);
    bed.write("peoplesync.toml", config("", OWN_SOURCE));
    people(&bed, 4);
    groups(&bed, &Groups::from([("a".into(), vec![0, 1])]));
    bed.run(&["apply", "--yes"]).expect(0);
    let wanted = Groups::from([("a".into(), vec![1, 2, 3])]);
    groups(&bed, &wanted);
    drop(bed.simulator().take_requests());
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(at_target(&bed), wanted);
    let methods: Vec<String> =
        bed.simulator().take_requests().iter().map(|request| request.method.clone()).collect();
    assert!(!methods.contains(&"PATCH".to_owned()), "{methods:?}");
    bed.run(&["plan", "--full"]).expect(0);
}

pub(super) fn first_error(applied: &Json) -> &str {
    let changes = applied["changes"].as_array().unwrap();
    changes.iter().find_map(|change| change["error"].as_str()).unwrap()
}

#[test]
fn a_group_whose_members_are_not_told_is_not_replaced_by_put() {
    let mut habits = profile("generic");
    habits.groups.members = ShowMembers::Never;
    habits.simulate.insert("patch".to_owned(), false.into());
    let bed = Bed::with_profile(&habits);
    bed.write("peoplesync.toml", config("", OWN_SOURCE));
    people(&bed, 6);
    let before = Groups::from([("a".into(), vec![0, 1, 2, 3]), ("b".into(), vec![])]);
    groups(&bed, &before);
    bed.run(&["apply", "--yes"]).expect(0);
    groups(&bed, &Groups::from([("a".into(), vec![1, 2, 3, 4]), ("b".into(), vec![5])]));
    let applied = bed.run(&["apply", "--yes", "--json"]).expect(5).json();
    assert_eq!(
        at_target(&bed),
        Groups::from([("a".into(), vec![0, 1, 2, 3]), ("b".into(), vec![5])])
    );
    insta::assert_snapshot!(bed.redact(first_error(&applied)), @"PUT /Groups: a group is replaced as a whole here, and is answered without its members: whoever is not named would go, so nothing was written");
    // Another name would take them out as well.
    let renamed =
        config("", OWN_SOURCE).replace("displayName = \"name\"", "displayName = '\"The \" & name'");
    bed.write(
        "peoplesync.toml",
        renamed.replace("[guards]", "[guards]\nmax_config_changes = \"100%\""),
    );
    groups(&bed, &before);
    bed.run(&["apply", "--yes"]).expect(5);
    assert_eq!(at_target(&bed)["a"], [0, 1, 2, 3]);
}

/// Who was in it before is known to nobody here.
#[test]
fn a_group_that_was_taken_over_unseen_is_not_replaced_by_put() {
    let mut habits = profile("generic");
    habits.groups.members = ShowMembers::Never;
    habits.simulate.insert("patch".to_owned(), false.into());
    let bed = Bed::with_profile(&habits);
    let never = "[target.overrides.groups]\nmembers = \"never\"\n";
    bed.write("peoplesync.toml", config(never, OWN_SOURCE));
    people(&bed, 2);
    bed.write("groups.csv", "id,name,members\n");
    bed.run(&["apply", "--yes"]).expect(0);
    let id = text(&bed.simulator().users()[1]["id"]);
    let group =
        json!({ "displayName": "Group a", "externalId": "a", "members": [{ "value": id }] });
    bed.simulator().seed(Resource::Group, [group]).unwrap();
    let before = at_target(&bed);
    let other = 1 - before["a"][0];
    groups(&bed, &Groups::from([("a".into(), vec![other])]));
    for _ in 0..2 {
        bed.run(&["apply", "--yes"]).expect(5);
        assert_eq!(at_target(&bed), before);
    }
}

#[test]
fn one_member_that_is_refused_keeps_nobody_else_out() {
    let bed = Bed::with_faults(|_| None);
    bed.write("peoplesync.toml", config("", OWN_SOURCE));
    people(&bed, 9);
    groups(&bed, &Groups::from([("a".into(), vec![])]));
    bed.run(&["apply", "--yes"]).expect(0);
    // Somebody else deletes the account of 4; peoplesync does not know yet.
    let users = bed.simulator().users();
    let gone = users.iter().find(|user| user["externalId"] == "4").unwrap();
    assert!(bed.simulator().remove(Resource::User, &text(&gone["id"])).unwrap());
    groups(&bed, &Groups::from([("a".into(), (0..9).collect())]));
    let applied = bed.run(&["apply", "--yes"]).expect(5);
    assert!(applied.stdout.contains("refused as members"), "{}", applied.stdout);
    assert_eq!(at_target(&bed)["a"], [0, 1, 2, 3, 5, 6, 7, 8]);
    // A full run sees that the account is gone, makes another, and the group gets it.
    bed.run(&["apply", "--yes", "--full"]).expect(0);
    assert_eq!(at_target(&bed)["a"], (0..9).collect::<Vec<_>>());
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn killed_at_any_point_groups_are_complete_after_a_rerun() {
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let is_open = seed % 2 == 0;
        let habits = if is_open { profile("generic") } else { secretive(3) };
        let bed = Bed::with_profile(&habits);
        let said = if is_open { "" } else { SECRETIVE };
        let small = said.replace("members_per_request = 100", "members_per_request = 3");
        // A first load that was interrupted goes on, whatever the guards say of new ones later.
        let config = config(&small, OWN_SOURCE);
        bed.write("peoplesync.toml", config.replace("max_creates = \"100%\"", "max_creates = 0"));
        people(&bed, 20);
        let mut wanted: Groups =
            (0..6).map(|group| (format!("g{group}"), (group..group + 9).collect())).collect();
        groups(&bed, &wanted);
        super::crash::kill(&bed, dice.roll(60));
        bed.run(&["apply", "--yes"]).expect(0);
        assert_eq!(at_target(&bed), wanted, "seed {seed}");
        for (at, members) in wanted.values_mut().enumerate() {
            *members = (at + 3..at + 14).collect();
        }
        groups(&bed, &wanted);
        super::crash::kill(&bed, dice.roll(40));
        bed.run(&["apply", "--yes"]).expect(0);
        assert_eq!(at_target(&bed), wanted, "seed {seed}");
        assert_eq!(bed.simulator().count(Resource::Group), 6, "seed {seed}: a group twice");
        bed.run(&["plan", "--full"]).expect(0);
        is_quiet(&bed);
    }
}
