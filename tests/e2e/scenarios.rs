//! Scenario files: `tests/scenarios/*.txt`. A new scenario is a text file.
//!
//! ```text
//! # a comment
//! --- people.csv            the lines up to `---` are written to the file
//! 7,Zoë,Ng,zoe@example.com,Engineer,active,
//! ---
//! $ apply --yes             runs the binary
//! ! PATCH zoe@example.com {"title": "Other"}      somebody changes the account at the target
//! ! PATCH Engineering {"members": ["zoe@example.com"]}           the same with a group
//! ! DELETE zoe@example.com
//! ? writes                  shows what the target got since the last time
//! ? groups                  shows the groups at the target, and who is in them
//! ```
//!
//! `peoplesync.toml` is the harness's unless a scenario writes its own; `people.csv` gets the header in front.

use std::fmt::Write as _;
use std::path::Path;

use peoplesync_scim::Resource;
use serde_json::{Value as Json, json};

use super::harness::{Bed, CONFIG, HEADER, each_file, transcript};

fn check(path: &Path) {
    let script = std::fs::read_to_string(path).unwrap();
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    let mut shown = String::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("--- ") {
            let mut text = if name == "people.csv" { HEADER.to_owned() } else { String::new() };
            for line in lines.by_ref().take_while(|line| *line != "---") {
                writeln!(text, "{line}").unwrap();
            }
            bed.write(name, text);
        } else if let Some(command) = line.strip_prefix("$ ") {
            writeln!(shown, "{}", transcript(&bed, command, &bed.shell(command))).unwrap();
        } else if let Some(change) = line.strip_prefix("! ") {
            somebody(&bed, change);
            writeln!(shown, "{line}\n").unwrap();
        } else if line == "? writes" {
            writeln!(shown, "{line}\n{}", writes(&bed)).unwrap();
        } else if line == "? groups" {
            writeln!(shown, "{line}\n{}", groups(&bed)).unwrap();
        } else if line.starts_with('#') {
            writeln!(shown, "{line}").unwrap();
        } else {
            assert!(line.is_empty(), "{}: what is `{line}`?", path.display());
        }
    }
    insta::assert_snapshot!(shown);
}

/// Somebody else changes an account at the target, or a group, whose members are named by their accounts.
fn somebody(bed: &Bed, change: &str) {
    let mut words = change.splitn(3, ' ');
    let (method, name, body) = (words.next().unwrap(), words.next().unwrap(), words.next());
    let body = || serde_json::from_str::<Json>(body.unwrap()).unwrap();
    let simulator = bed.simulator();
    let id_of = |name: &Json| {
        let id = |all: Vec<Json>, attribute: &str| {
            let found = all.into_iter().find(|one| one[attribute] == *name)?;
            Some(found["id"].as_str().unwrap().to_owned())
        };
        let user = id(simulator.users(), "userName").map(|id| (Resource::User, id));
        let group =
            || Some((Resource::Group, id(simulator.resources(Resource::Group), "displayName")?));
        user.or_else(group).unwrap_or_else(|| panic!("there is no {name}"))
    };
    match method {
        "DELETE" => {
            let (resource, id) = id_of(&name.into());
            assert!(simulator.remove(resource, &id).unwrap());
        }
        "POST" => simulator.seed(Resource::User, [body()]).map(drop).unwrap(),
        "PATCH" => {
            let (resource, id) = id_of(&name.into());
            let mut body = body();
            if let Some(members) = body.get_mut("members").and_then(Json::as_array_mut) {
                members.iter_mut().for_each(|member| *member = json!({ "value": id_of(member).1 }));
            }
            let edited = simulator.edit(resource, &id, |found| {
                for (name, value) in body.as_object().unwrap() {
                    found[name] = value.clone();
                }
            });
            assert!(edited.unwrap());
        }
        other => panic!("what is {other}?"),
    }
}

/// What the target got since the last time, in an order that does not depend on which came first.
fn writes(bed: &Bed) -> String {
    let mut writes: Vec<String> = bed
        .simulator()
        .take_requests()
        .iter()
        .filter(|request| request.method != "GET")
        .map(|request| {
            let body = request.body().map(|body| format!(" {body}")).unwrap_or_default();
            bed.redact(&format!("{request}{body}\n"))
        })
        .collect();
    writes.sort();
    if writes.is_empty() { "nothing\n".to_owned() } else { writes.concat() }
}

/// The groups at the target by name, and the names of those who are in them.
fn groups(bed: &Bed) -> String {
    let (users, groups) = (bed.simulator().users(), bed.simulator().resources(Resource::Group));
    let text = |value: &Json| value.as_str().unwrap_or("?").to_owned();
    let name = |member: &Json| {
        let all = users.iter().chain(&groups);
        let found = all.clone().find(|other| other["id"] == member["value"]);
        found.map_or("nobody".to_owned(), |found| {
            text(found.get("userName").unwrap_or(&found["displayName"]))
        })
    };
    let mut lines: Vec<String> = groups
        .iter()
        .map(|group| {
            let members = group["members"].as_array().into_iter().flatten();
            let mut members: Vec<String> = members.map(name).collect();
            members.sort();
            format!("{}: {}\n", text(&group["displayName"]), members.join(", "))
        })
        .collect();
    lines.sort();
    if lines.is_empty() { "none\n".to_owned() } else { lines.concat() }
}

#[test]
fn scenarios() {
    each_file("scenarios", "txt", check);
}
