//! Services that change the members of groups otherwise than they are asked, or not at all.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peoplesync_scim::Resource;
use peoplesync_scim::profile::ShowMembers;
use peoplesync_simulator::{Behaviour, Fault, Quirks, RemovedMembers};
use serde_json::Value as Json;

use super::groups::{
    Groups, OWN_SOURCE, at_target, config, first_error, groups, is_quiet, people, text,
};
use super::harness::{Bed, profile};

/// A service that refuses to remove a member by path, with two groups, of which the first has members whom nobody knows: what an
/// apply says that takes two members out of each.
#[track_caller]
fn without_paths(removes: &str, members: ShowMembers, code: i32) -> (Bed, Json) {
    let mut profile = profile("generic");
    profile.groups.members = members;
    let quirks = serde_json::json!({ "remove_members": removes });
    profile.simulate.insert("quirks".to_owned(), quirks);
    let bed = Bed::with_profile(&profile);
    bed.write("peoplesync.toml", config("concurrency = 1", OWN_SOURCE));
    people(&bed, 8);
    let group = |from: usize| (from..8).collect();
    groups(&bed, &Groups::from([("a".into(), group(0)), ("b".into(), group(1))]));
    bed.run(&["apply", "--yes"]).expect(0);
    let stranger = serde_json::json!({ "userName": "stranger", "externalId": "99" });
    let id = bed.simulator().seed(Resource::User, [stranger]).map(|_| {
        let users = bed.simulator().users();
        users.iter().find(|user| user["externalId"] == "99").unwrap()["id"].clone()
    });
    let stranger = serde_json::json!({ "value": id.unwrap() });
    let all = bed.simulator().resources(Resource::Group);
    let first = all.iter().find(|group| group["externalId"] == "a").unwrap();
    let join = |group: &mut Json| group["members"].as_array_mut().unwrap().push(stranger);
    assert!(bed.simulator().edit(Resource::Group, &text(&first["id"]), join).unwrap());
    groups(&bed, &Groups::from([("a".into(), group(2)), ("b".into(), group(3))]));
    let applied = bed.run(&["apply", "--yes", "--full", "--json"]).expect(code);
    let mut document = applied.json();
    document["notes"] = applied.stderr.into();
    (bed, document)
}

#[test]
fn members_whom_no_path_removes_are_removed_by_a_list_that_was_tried_with_one() {
    let (bed, applied) = without_paths("by_list", ShowMembers::Always, 0);
    let there =
        Groups::from([("a".into(), vec![2, 3, 4, 5, 6, 7, 99]), ("b".into(), vec![3, 4, 5, 6, 7])]);
    assert_eq!(at_target(&bed), there);
    assert!(text(&applied["notes"]).contains("`remove = \"list\"` in [target.overrides.groups]"));
    bed.run(&["plan", "--full"]).expect(0);
    is_quiet(&bed);
}

#[test]
fn a_list_that_removes_everybody_is_taken_back_at_once_and_not_used_again() {
    let (bed, applied) = without_paths("everybody", ShowMembers::Always, 5);
    // Of one of the groups one member went, as planned. Everybody else is still there, strangers included.
    let there = at_target(&bed);
    assert_eq!(there.values().map(Vec::len).sum::<usize>(), 9 + 7 - 1, "{there:?}");
    assert!(there["a"].contains(&99), "{there:?}");
    let told = bed.redact(first_error(&applied));
    insta::assert_snapshot!(told, @r#"PATCH /Groups/[id 1]: refused: a path cannot name one member (status 400, invalidPath); a list with one member removed 8 others as well; they were put back at once, and the list is not used again in this run; `update = "put"` in [target.overrides.write] replaces groups as a whole instead"#);
    let lists = bed.simulator().requests().into_iter().filter(|request| {
        let body = request.body().unwrap_or_default();
        let mut operations = body["Operations"].as_array().into_iter().flatten();
        operations.any(|one| one["op"] == "remove" && one["path"] == "members")
    });
    assert_eq!(lists.count(), 1, "the list is sent once");
}

#[test]
fn a_list_is_not_tried_where_members_cannot_be_read_back() {
    let (bed, applied) = without_paths("everybody", ShowMembers::Never, 5);
    assert_eq!(at_target(&bed).values().map(Vec::len).collect::<Vec<_>>(), [9, 7]);
    insta::assert_snapshot!(bed.redact(first_error(&applied)), @r#"PATCH /Groups/[id 1]: refused: a path cannot name one member (status 400, invalidPath); a list is not tried, as it removes everybody at some services, and the members of this group cannot be read; if the service is known to take a list of members, `remove = "list"` in [target.overrides.groups] says so"#);
}

#[test]
fn a_group_that_takes_no_patch_unannounced_is_replaced() {
    let (bed, _) = without_paths("unserved", ShowMembers::Always, 0);
    assert_eq!(at_target(&bed).values().map(Vec::len).collect::<Vec<_>>(), [7, 5]);
    bed.run(&["plan", "--full"]).expect(0);
    let bed = Bed::with_faults(|request| {
        let is_group = request.method == "PATCH" && request.path.starts_with("/Groups");
        is_group.then(|| peoplesync_simulator::Fault::status(501))
    });
    bed.write("peoplesync.toml", config("", OWN_SOURCE));
    people(&bed, 6);
    for members in [vec![0, 1], vec![0, 1, 2], vec![3, 4], vec![]] {
        let wanted = Groups::from([("a".into(), members), ("b".into(), vec![5])]);
        groups(&bed, &wanted);
        bed.run(&["apply", "--yes"]).expect(0);
        assert_eq!(at_target(&bed), wanted);
        bed.run(&["plan", "--full"]).expect(0);
    }
}

/// A service that answers changes of members with success and leaves them as they are: it is told once, with whom it concerns.
#[track_caller]
fn without_effect(simulate: &Json, members: ShowMembers) {
    let mut profile = profile("generic");
    profile.groups.members = members;
    profile.simulate.extend(simulate.as_object().unwrap().clone());
    let bed = Bed::with_profile(&profile);
    bed.write("peoplesync.toml", config("", OWN_SOURCE));
    people(&bed, 8);
    let before = Groups::from([("a".into(), vec![0, 1, 2]), ("b".into(), vec![])]);
    groups(&bed, &before);
    bed.run(&["apply", "--yes"]).expect(0);
    let apply = |a: &[usize], b: &[usize]| {
        groups(&bed, &Groups::from([("a".into(), a.to_vec()), ("b".into(), b.to_vec())]));
        let applied = bed.run(&["apply", "--yes", "--json"]).expect(5);
        assert_eq!(at_target(&bed), before);
        is_quiet(&bed);
        // Whoever looks at everything sees it, and does not write it again.
        bed.run(&["plan", "--full"]).expect(0);
        bed.run(&["apply", "--yes", "--full"]).expect(0);
        is_quiet(&bed);
        assert!(applied.stderr.contains("does not keep the members of"), "{}", applied.stderr);
        let document = applied.json();
        let changes = document["changes"].as_array().unwrap();
        changes.iter().map(|change| text(&change["error"]).to_owned()).collect::<Vec<_>>()
    };
    let success = "the target answers with success and does not do it";
    let told = apply(&[1, 2, 3], &[4, 5]);
    let [added, removed] = [
        "not in the group although they were added",
        "still in the group although they were removed",
    ];
    assert_eq!(
        told,
        [format!("3 {added}, 0 {removed}: {success}"), format!("4, 5 {added}: {success}"),]
    );
    // Another change is tried, of the group that it is about.
    assert_eq!(apply(&[1, 2], &[4, 5]), [format!("0 {removed}: {success}")]);
}

#[test]
fn a_put_that_leaves_members_as_they_are_is_not_taken_as_done() {
    let put = serde_json::json!({ "patch": false, "quirks": { "put_keeps_members": true } });
    without_effect(&put, ShowMembers::Always);
}

#[test]
fn a_patch_without_effect_and_without_an_answer_is_not_taken_as_done() {
    let patch =
        serde_json::json!({ "patch_without_body": true, "quirks": { "patches": "nothing" } });
    without_effect(&patch, ShowMembers::Auto);
}

/// Between a list that removed everybody and the look at what it did: whom the source does not name would be in no later plan.
#[test]
fn an_apply_that_dies_within_a_trial_leaves_it_to_the_next_to_put_members_back() {
    let quirks = Quirks { remove_members: RemovedMembers::Everybody, ..Quirks::default() };
    let is_trial = |body: &Json| {
        let operation = &body["Operations"][0];
        operation["op"] == "remove" && operation["path"] == "members"
    };
    // It is carried out, and its answer does not come for as long as anybody waits.
    let late = Fault::LateAnswer(Duration::from_secs(60));
    let is_ill = Arc::new(AtomicBool::new(false));
    let ill = Arc::clone(&is_ill);
    let bed = Bed::with(Behaviour { quirks, ..Behaviour::default() }, move |request| {
        let reads_group = request.method == "GET" && request.path.starts_with("/Groups/");
        if reads_group && ill.load(Ordering::Acquire) {
            return Some(Fault::status(500));
        }
        request.body().is_some_and(|body| is_trial(&body)).then(|| late.clone())
    });
    bed.write("peoplesync.toml", config("concurrency = 1", OWN_SOURCE));
    people(&bed, 6);
    groups(&bed, &Groups::from([("a".into(), (0..6).collect())]));
    bed.run(&["apply", "--yes"]).expect(0);
    let other = serde_json::json!({ "userName": "stranger", "externalId": "99" });
    bed.simulator().seed(Resource::User, [other]).unwrap();
    let users = bed.simulator().users();
    let stranger = users.iter().find(|user| user["externalId"] == "99").unwrap()["id"].clone();
    let group = text(&bed.simulator().resources(Resource::Group)[0]["id"]);
    let join = |group: &mut Json| {
        let member = serde_json::json!({ "value": stranger });
        group["members"].as_array_mut().unwrap().push(member);
    };
    assert!(bed.simulator().edit(Resource::Group, &group, join).unwrap());

    groups(&bed, &Groups::from([("a".into(), (2..6).collect())]));
    let mut child = bed
        .command(&["apply", "--yes", "--full", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !at_target(&bed)["a"].is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the trial");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();

    // A plan writes nothing, and tells it.
    let received = bed.simulator().requests().len();
    let planned = bed.run(&["plan"]);
    assert!(planned.stderr.contains("the next apply puts them back"), "{}", planned.stderr);
    let requests = bed.simulator().requests();
    assert!(requests.iter().skip(received).all(|request| request.method == "GET"));
    // A group that cannot be read keeps nobody else waiting.
    is_ill.store(true, Ordering::Release);
    people(&bed, 7);
    let partly = bed.run(&["apply", "--yes"]).expect(5);
    assert!(partly.stderr.contains("the next run looks again"), "{}", partly.stderr);
    assert!(bed.simulator().users().iter().any(|user| user["externalId"] == "6"));
    is_ill.store(false, Ordering::Release);
    // The two who left with everybody else are gone, as was planned; whom nobody names is back.
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(at_target(&bed)["a"], [2, 3, 4, 5, 99]);
    is_quiet(&bed);
    bed.run(&["plan", "--full"]).expect(0);
    let history = bed.run(&["history", "--json"]).expect(0);
    assert!(history.stdout.contains("members put back into the group: 5"), "{}", history.stdout);
}
