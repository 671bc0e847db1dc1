use std::sync::Arc;

use peoplesync_scim::schema::{Resource, SchemaSet};
use serde_json::json;

use super::*;
use crate::{Managed, ManagedAttribute};

fn managed() -> Managed {
    let path = |text: &str| Path::parse(text).unwrap();
    let paths = [path("emails[type eq \"work\"].value"), path("externalId"), path("userName")];
    let attributes = paths
        .iter()
        .map(|path| ManagedAttribute { path: path.clone(), create_only: false, reference: false })
        .collect();
    let schemas = Arc::new(SchemaSet::standard());
    Managed::new(Resource::User, attributes, &paths, Vec::new(), schemas).unwrap()
}

fn search(index: usize, value: &str) -> Search {
    let managed = managed();
    let value = Json::from(value);
    let form = managed.match_form(index, &value).unwrap();
    Search { path: managed.match_by().nth(index).unwrap().clone(), value, at: (index, form) }
}

fn account(id: &str, user_name: &str) -> Observed {
    managed().observe(&json!({ "id": id, "userName": user_name, "externalId": user_name })).unwrap()
}

fn ids(hits: Option<Result<Vec<&Observed>, &str>>) -> Vec<String> {
    hits.unwrap().unwrap().iter().map(|observed| observed.id.clone()).collect()
}

#[test]
fn the_filter_of_a_search_puts_both_conditions_on_one_element() {
    let texts: Vec<String> = [(0, "z\"oe"), (1, "7"), (2, "zoe")]
        .iter()
        .map(|(index, value)| search(*index, value).filter().to_string())
        .collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    emails[type eq "work" and value eq "z\"oe"]
    externalId eq "7"
    userName eq "zoe"
    "#);
}

#[test]
fn a_target_that_ignores_filters_finds_nobody_else() {
    let mut observation = Observation::new();
    let wanted = search(2, "ZOE");
    assert!(observation.hits(&wanted).is_none(), "nobody asked yet");
    observation.searched(&wanted, [account("a1", "ada"), account("a2", "zoe")]);
    assert_eq!(ids(observation.hits(&wanted)), ["a2"]);
    assert!(observation.hits(&search(2, "ada")).is_none(), "that was not the question");
}

#[test]
fn letter_case_counts_where_the_schema_says_so() {
    let mut observation = Observation::new();
    observation.found(account("a1", "Zoe"));
    observation.listed();
    assert_eq!(ids(observation.hits(&search(1, "zoe"))), Vec::<String>::new());
    assert_eq!(ids(observation.hits(&search(1, "Zoe"))), ["a1"]);
}

#[test]
fn what_was_found_last_counts() {
    let mut observation = Observation::new();
    observation.found(account("a1", "zoe"));
    observation.found(account("a1", "ada"));
    observation.listed();
    assert_eq!(ids(observation.hits(&search(2, "zoe"))), Vec::<String>::new());
    observation.gone("a1");
    assert_eq!(ids(observation.hits(&search(2, "ada"))), Vec::<String>::new());
}

#[test]
fn a_list_does_not_mend_a_search_that_failed() {
    let mut observation = Observation::new();
    let wanted = search(2, "zoe");
    observation.search_failed(&wanted, "501");
    observation.listed();
    assert_eq!(observation.hits(&wanted), Some(Err("501")));
}
