//! The file of a store: what is in it after a restart, and what it refuses.

use std::path::{Path, PathBuf};

use peoplesync_scim::Resource;
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

use super::{Stamp, Store};
use crate::Error;

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("people.jsonl")
}

fn open(file: &Path, port: u16) -> Result<Store, Error> {
    Store::open(format!("http://127.0.0.1:{port}/scim/v2"), true, file)
}

fn save(store: &mut Store, resource: Resource, id: &str, body: &Json) {
    let stamp =
        Stamp { created: "2026-01-01T00:00:00Z".into(), modified: "2026-01-02T00:00:00Z".into() };
    let mut members: Map<String, Json> = body.as_object().unwrap().clone();
    members.insert("id".to_owned(), id.into());
    store.save(resource, members, &stamp).unwrap();
}

fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(file(&folder), text).unwrap();
    let error = open(&file(&folder), 1).unwrap_err();
    assert_eq!(
        std::fs::read_to_string(file(&folder)).unwrap(),
        text,
        "a refused file is left as it is"
    );
    error.to_string().replace(folder.path().to_str().unwrap(), "FOLDER")
}

#[test]
fn resources_versions_order_and_ids_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&file(&folder), 1).unwrap();
    let first = store.new_id();
    save(&mut store, Resource::User, &first, &json!({ "userName": "ada" }));
    save(&mut store, Resource::User, "b", &json!({ "userName": "bob" }));
    save(&mut store, Resource::User, &first, &json!({ "userName": "ada", "title": "Lead" }));
    save(
        &mut store,
        Resource::Group,
        "g",
        &json!({ "displayName": "All", "members": [{ "value": "b" }] }),
    );
    let last = store.new_id();
    save(&mut store, Resource::User, &last, &json!({ "userName": "eve" }));
    assert!(store.delete(Resource::User, &last).unwrap());
    drop(store);

    // Twice: the second time from the compacted file.
    for port in [2, 3] {
        let mut store = open(&file(&folder), port).unwrap();
        let users: Vec<Json> =
            store.table(Resource::User).rows().iter().map(|row| row.value()).collect();
        assert_eq!(users.len(), 2);
        assert_eq!(users[0]["title"], "Lead");
        assert_eq!(users[0]["meta"]["version"], "W/\"2\"");
        assert_eq!(users[0]["meta"]["lastModified"], "2026-01-02T00:00:00Z");
        let location = format!("http://127.0.0.1:{port}/scim/v2/Users/b");
        assert_eq!(users[1]["meta"]["location"], *location);
        assert_eq!(store.groups_of("b").len(), 1);
        let fresh = store.new_id();
        assert!(fresh != first && fresh != last, "an id is never given twice");
    }
    assert_eq!(std::fs::read_to_string(file(&folder)).unwrap().lines().count(), 1 + 3);
}

#[test]
fn a_last_line_cut_off_by_a_crash_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&file(&folder), 1).unwrap();
    save(&mut store, Resource::User, "a", &json!({ "userName": "ada" }));
    save(&mut store, Resource::User, "b", &json!({ "userName": "bob" }));
    drop(store);
    let text = std::fs::read(file(&folder)).unwrap();
    std::fs::write(file(&folder), &text[..text.len() - 10]).unwrap();
    let mut store = open(&file(&folder), 1).unwrap();
    assert_eq!(store.table(Resource::User).rows().len(), 1);
    save(&mut store, Resource::User, "c", &json!({ "userName": "eve" }));
    drop(store);
    let store = open(&file(&folder), 1).unwrap();
    assert_eq!(store.table(Resource::User).rows().len(), 2);
}

#[test]
fn another_file_is_refused_and_left_as_it_is() {
    insta::assert_snapshot!(refusal("employee_id,mail\n7,ada@example.com\n"), @"FOLDER/people.jsonl:1: this is not the file of a simulator; it is left as it is");
    insta::assert_snapshot!(refusal("{\"simulator\":9,\"ids\":0}\n"), @"FOLDER/people.jsonl:1: form 9 of the file is not known, only 1");
    let broken = "{\"simulator\":1,\"ids\":0}\n{\"put\":{\"resource\":\"User\"}}\n";
    insta::assert_snapshot!(refusal(broken), @"FOLDER/people.jsonl:2: not a change: missing field `version` at line 1 column 26");
}

#[test]
fn a_file_is_used_by_one_simulator_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&file(&folder), 1).unwrap();
    let error = open(&file(&folder), 2).unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(folder.path().to_str().unwrap(), "FOLDER"), @"FOLDER/people.jsonl is in use by another simulator");
    drop(store);
    assert!(open(&file(&folder), 2).is_ok());
}

#[test]
fn rows_are_found_by_their_values_as_these_change() {
    let mut store = Store::new(String::new(), true);
    let emails = |value: &str| json!({ "userName": "x", "emails": [{ "value": value }, { "value": "shared" }] });
    save(&mut store, Resource::User, "a", &emails("A@example.com"));
    save(&mut store, Resource::User, "b", &emails("b@example.com"));
    let find = |store: &Store, value: &str| -> Vec<String> {
        let rows = store.table(Resource::User).lookup(&super::Lookup::Value("emails", value));
        rows.iter().map(|row| row.id.to_string()).collect()
    };
    assert_eq!(find(&store, "a@EXAMPLE.com"), ["a"]);
    assert_eq!(find(&store, "shared"), ["a", "b"]);
    save(&mut store, Resource::User, "a", &emails("new@example.com"));
    assert_eq!(find(&store, "a@example.com"), [""; 0]);
    assert_eq!(find(&store, "NEW@example.com"), ["a"]);
    assert!(store.delete(Resource::User, "a").unwrap());
    assert_eq!(find(&store, "shared"), ["b"]);
    assert_eq!(store.table(Resource::User).rows().len(), 1);
    assert_eq!(store.table(Resource::User).get("b").unwrap().version, 1);
}
