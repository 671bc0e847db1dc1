//! Case files. A file is a description and sections; `=== then` begins another step in the same world, after the plan was
//! applied. What a later step says replaces the records, and adds to or changes the rest.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use peoplesync_reconcile::{
    Action, Coverage, Digest, Edited, LeaverAction, Leavers, Limit, Part, Required, Standing,
};
use peoplesync_scim::path::Path;
use serde_json::{Value as Json, json};

use super::render::render;
use super::{DAY, Record, Word, World, link, managed};

const MANAGED: &str = r#"
externalId
userName
title
nickName create
name.givenName
emails[type eq "work"].value
urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager reference
"#;
const MATCH: &str = "externalId\nuserName\n";

/// Plans a case, checks the plan, applies it, plans again.
pub(crate) fn check(text: &str) -> String {
    let mut out = String::new();
    let mut world: Option<World> = None;
    for (number, step) in text.split("\n=== then").enumerate() {
        let sections = sections(step);
        let world = world.get_or_insert_with(|| start(&sections));
        change(world, &sections);
        let mut made = world.plan();
        for (section, waits) in [("waits", true), ("tried", false)] {
            for key in lines(&sections, section) {
                world.tried(&made.plan, key, waits);
            }
        }
        if !world.policy.tried.is_empty() {
            made = world.plan();
        }
        if number > 0 {
            writeln!(out, "=== then{}", sections["description"].trim_end()).unwrap();
        }
        out += &render(&made.plan);
        if !made.asked.is_empty() {
            writeln!(out, "asked: {}", made.asked.join("; ")).unwrap();
        }
        for finding in world.lint(&made) {
            writeln!(out, "LINT {finding}").unwrap();
        }
        let json = serde_json::to_string(&made.plan).unwrap();
        let read: peoplesync_reconcile::Plan = serde_json::from_str(&json).unwrap();
        assert!(read.verify_hash() && read == made.plan, "a saved plan is the same plan");

        if !made.plan.refused.is_empty() {
            out += "not applied\n";
            world.policy.tried.clear();
            continue;
        }
        world.policy.tried.clear();
        world.apply(&made.plan);
        let again = world.plan();
        if again.plan.changes.is_empty() && again.plan.bookkeeping.is_empty() {
            out += "again: no change\n";
        } else {
            writeln!(out, "AGAIN: {}", render(&again.plan)).unwrap();
        }
    }
    out
}

fn sections(step: &str) -> BTreeMap<&str, String> {
    let mut sections = BTreeMap::new();
    let mut name = "description";
    for line in step.lines() {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name = header;
            sections.entry(name).or_insert_with(String::new);
        } else if !line.starts_with('#') {
            let body: &mut String = sections.entry(name).or_default();
            body.push_str(line);
            body.push('\n');
        }
    }
    sections
}

fn lines<'a>(sections: &'a BTreeMap<&str, String>, name: &str) -> Vec<&'a str> {
    let body = sections.get(name).map(String::as_str).unwrap_or_default();
    body.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn start(sections: &BTreeMap<&str, String>) -> World {
    let mut attributes: Vec<&str> = MANAGED.lines().filter(|line| !line.is_empty()).collect();
    // `+ path` adds to the usual attributes, a list without takes their place.
    let given = lines(sections, "managed");
    if given.iter().any(|line| !line.starts_with('+')) {
        attributes.clear();
    }
    attributes.extend(given.iter().map(|line| line.trim_start_matches('+').trim()));
    let match_by: Vec<&str> = if sections.contains_key("match") {
        lines(sections, "match")
    } else {
        MATCH.lines().collect()
    };
    let choices: Vec<Path> =
        lines(sections, "choices").into_iter().map(|path| Path::parse(path).unwrap()).collect();
    let filters = |name| lines(sections, name);
    let managed = managed(
        &attributes,
        &match_by,
        &filters("protect"),
        &filters("administrators"),
        &filters("unless"),
    );
    World::new(managed.with_choices(&choices).unwrap())
}

fn change(world: &mut World, sections: &BTreeMap<&str, String>) {
    for name in sections.keys() {
        let known = [
            "description",
            "managed",
            "match",
            "protect",
            "administrators",
            "unless",
            "before",
            "choices",
            "policy",
            "people",
            "links",
            "target",
            "waits",
            "tried",
        ];
        assert!(known.contains(name), "unknown section {name}");
    }
    if sections.contains_key("people") {
        world.records = lines(sections, "people").into_iter().map(record).collect();
    }
    for line in lines(sections, "before") {
        // What follows the key is as in `[people]`, which has an origin too.
        let record = record(&line.replacen(' ', " before ", 1));
        world.before.insert(record.key, record.word);
    }
    for line in lines(sections, "policy") {
        let (name, value) = line.split_once(" = ").unwrap_or_else(|| panic!("policy: {line}"));
        policy(world, name, value);
    }
    for line in lines(sections, "target") {
        let (id, rest) = line.split_once(' ').unwrap_or((line, ""));
        match rest {
            "gone" => {
                world.accounts.remove(id);
            }
            "unreachable" => {
                world.unreachable.insert(id.to_owned());
            }
            _ => {
                let mut account: Json =
                    serde_json::from_str(rest).unwrap_or_else(|error| panic!("{line}: {error}"));
                account["id"] = json!(id);
                world.accounts.insert(id.to_owned(), account);
            }
        }
    }
    for line in lines(sections, "links") {
        // `wrote {…}`: what was written last, where it is not what is wanted.
        let (line, wrote) = line.split_once(" wrote ").unwrap_or((line, ""));
        let words: Vec<&str> = line.split_whitespace().collect();
        let [key, "->", id, rest @ ..] = words.as_slice() else { panic!("link: {line}") };
        let known = world.records.iter().find(|record| record.key == *key);
        let digests = match known.map(|record| &record.word) {
            Some(Word::Wants(wants)) => world.digests(wants),
            _ => (Digest(7), Digest(7)),
        };
        let mut link = link(key, id, digests.0);
        if !wrote.is_empty()
            && let Word::Wants(wants) = record(&format!("{key} before {wrote}")).word
        {
            (link.digest, link.written) = (world.digests(&wants).0, world.written(&wants));
        }
        for (at, word) in rest.iter().enumerate() {
            let day = || rest[at + 1].parse::<i64>().unwrap() * DAY;
            match *word {
                "changed" => link.digest = Digest(5),
                "before" => match world.before.get(*key) {
                    Some(Word::Wants(wants)) => link.digest = world.digests(wants).0,
                    other => panic!("before: {other:?}"),
                },
                "unknown" => link.digest = Digest::UNKNOWN,
                "waiting" => link.digest = digests.1,
                "deactivated" => link.standing = Standing::Deactivated { since: day() },
                "absent" => link.absent_since = Some(day()),
                number if number.parse::<i64>().is_ok() => {}
                other => panic!("link: {other}"),
            }
        }
        world.links.insert(link.key.clone(), link);
    }
}

fn policy(world: &mut World, name: &str, value: &str) {
    let limit = || match value.strip_suffix('%') {
        Some(percent) => Limit::Percent(percent.parse().unwrap()),
        None => Limit::Count(value.parse().unwrap()),
    };
    match name {
        "adopt" => world.policy.adopt = value == "true",
        "leavers" => {
            world.policy.leavers.action = action(value);
            world.policy.leavers.out_of_scope = action(value);
        }
        "out_of_scope" => world.policy.leavers.out_of_scope = action(value),
        "edited" => {
            let leavers = world.policy.leavers;
            world.policy.edited = match value {
                "nothing" => Edited::Nothing,
                "rules" => Edited::Rules { leavers, matching: false },
                "matching" => Edited::Rules { leavers, matching: true },
                "everything" => Edited::Everything,
                other => {
                    let action = action(other.trim_start_matches("leavers were "));
                    let leavers = Leavers { action, out_of_scope: action, ..leavers };
                    Edited::Rules { leavers, matching: false }
                }
            }
        }
        "max_config_changes" => world.policy.guards.max_config_changes = limit(),
        "grace_days" => world.policy.leavers.grace_days = value.parse().unwrap(),
        "delete_after_days" => world.policy.leavers.delete_after_days = value.parse().unwrap(),
        "max_leavers" => world.policy.guards.max_leavers = limit(),
        "max_changes" => world.policy.guards.max_changes = limit(),
        "max_creates" => world.policy.guards.max_creates = limit(),
        "max_renames" => world.policy.guards.max_renames = limit(),
        "max_clears" => world.policy.guards.max_clears = limit(),
        "max_rejected" => world.policy.guards.max_rejected = limit(),
        "approval" => {
            world.policy.approval.required = match value {
                "never" => Required::Never,
                "leavers" => Required::Leavers,
                "all" => Required::All,
                other => panic!("approval: {other}"),
            }
        }
        "approval_over" => world.policy.approval.over = Some(limit()),
        "first_load" => world.policy.first_load = value == "true",
        "min_records" => world.policy.guards.min_records = value.parse().unwrap(),
        "today" => world.policy.now = value.parse::<i64>().unwrap() * DAY,
        "coverage" => {
            world.coverage = match value.split_once(": ") {
                Some(("partial", reason)) => Coverage::Partial { reason: reason.to_owned() },
                None if value == "complete" => Coverage::Complete,
                None if value == "changes" => Coverage::Changes,
                _ => panic!("coverage: {value}"),
            }
        }
        "part" => {
            let mut part = Part::default();
            for word in value.split(' ') {
                match Action::ALL.into_iter().find(|action| action.name() == word) {
                    Some(action) => part.actions.insert(action),
                    None => part.keys.insert(word.to_owned()),
                };
            }
            world.part = Some(part).filter(|_| value != "all");
        }
        "list" => world.list = value == "true",
        "full" => world.full = value == "true",
        "search" => world.no_search = (value != "works").then(|| value.to_owned()),
        other => panic!("policy: {other}"),
    }
}

fn action(value: &str) -> LeaverAction {
    match value {
        "ignore" => LeaverAction::Ignore,
        "unlink" => LeaverAction::Unlink,
        "deactivate" => LeaverAction::Deactivate,
        "delete" => LeaverAction::Delete,
        other => panic!("leavers: {other}"),
    }
}

/// `7 people.csv:8 {"userName": "zoe"}`, or after the origin `out of scope`, `removed`, `rejected REASON`, or
/// `unreadable REASON` for a record that may be anybody's; with ` | KEY, KEY` for those whom it may be.
fn record(line: &str) -> Record {
    let mut words = line.splitn(3, ' ');
    let (Some(key), Some(origin), Some(rest)) = (words.next(), words.next(), words.next()) else {
        panic!("record: {line}")
    };
    let word = if rest == "out of scope" {
        Word::OutOfScope
    } else if rest == "removed" {
        Word::Removed
    } else if let Some(reason) = rest.strip_prefix("rejected ") {
        let (reason, pins) = pins(reason);
        let pins = pins.into_iter().chain([key.to_owned()]).collect();
        Word::Rejected { reason, pins, identified: true }
    } else if let Some(reason) = rest.strip_prefix("unreadable ") {
        let (reason, pins) = pins(reason);
        Word::Rejected { reason, pins, identified: false }
    } else {
        let wants: BTreeMap<String, Json> =
            serde_json::from_str(rest).unwrap_or_else(|error| panic!("{line}: {error}"));
        let long = |name: &str| match name {
            "manager" => {
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager".to_owned()
            }
            "work" => "emails[type eq \"work\"].value".to_owned(),
            other => other.to_owned(),
        };
        let path = |name: &str| Path::parse(&long(name)).unwrap();
        Word::Wants(wants.iter().map(|(name, value)| (path(name), value.clone())).collect())
    };
    Record { key: key.to_owned(), origin: origin.to_owned(), word }
}

fn pins(text: &str) -> (String, Vec<String>) {
    match text.split_once(" | ") {
        Some((reason, pins)) => (reason.to_owned(), pins.split(", ").map(str::to_owned).collect()),
        None => (text.to_owned(), Vec::new()),
    }
}
