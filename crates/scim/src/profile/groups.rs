//! How a service keeps the members of groups, and the requests that change them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{RemoveMembers, ShowMembers};
use crate::filter::Filter;
use crate::path::Path;
use crate::resource::{key_of, member};
use crate::schema::Resource;
use crate::urn;
use crate::value::reference_id;

/// How a service keeps groups.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grouping {
    /// Whether a group is answered with its members.
    pub members: ShowMembers,
    /// Whether the groups of one member can be found by `members.value eq "ID"`.
    pub members_filter: bool,
    /// How many members one request may add or remove; 0 is any number.
    pub members_per_request: u32,
    /// How many of them it may remove, where that is less; 0 is as many.
    pub removes_per_request: u32,
    /// How many members may join one group in an hour; 0 is any number.
    pub joins_per_hour: u32,
    /// Whether one request may both add and remove members.
    pub mixed: bool,
    /// Whether a group may be created with members.
    pub members_on_create: bool,
    /// How members are removed by PATCH.
    pub remove: RemoveMembers,
    /// Whether a group may be a member of a group.
    pub nested: bool,
    /// The attributes by which a filter can find a group; none named is all.
    pub filter_attributes: Vec<String>,
    /// Attributes that stay as they were when the group was created: they are never compared.
    pub fixed: Vec<String>,
}

impl Default for Grouping {
    fn default() -> Self {
        Self {
            members: ShowMembers::default(),
            members_filter: true,
            members_per_request: 0,
            removes_per_request: 0,
            joins_per_hour: 0,
            mixed: true,
            members_on_create: true,
            remove: RemoveMembers::default(),
            nested: true,
            filter_attributes: Vec::new(),
            fixed: Vec::new(),
        }
    }
}

impl Grouping {
    /// How many members one request may hold.
    pub fn chunk(&self) -> usize {
        limit(self.members_per_request)
    }

    /// How many members may join one group in an hour.
    pub fn joins(&self) -> usize {
        limit(self.joins_per_hour)
    }

    /// How many members one request may remove.
    pub fn removes(&self) -> usize {
        self.chunk().min(limit(self.removes_per_request))
    }

    /// The members of one request, of those who are still to be removed and to be added: how many of each.
    pub fn part(&self, remove: usize, add: usize) -> (usize, usize) {
        let removed = remove.min(self.removes());
        let may_add = removed == 0 || self.mixed && removed == remove;
        let added = if may_add { add.min(self.chunk() - removed) } else { 0 };
        (removed, added)
    }
}

/// What 0 is no limit of.
fn limit(most: u32) -> usize {
    if most == 0 { usize::MAX } else { most as usize }
}

impl RemoveMembers {
    /// The PATCH that adds some members to a group and removes others in this form (RFC 7644 §3.5.2).
    pub fn patch(self, add: &[(Resource, &str)], remove: &[&str]) -> Json {
        let mut operations = Vec::new();
        match self {
            _ if remove.is_empty() => {}
            Self::Filter => operations.extend(remove.iter().map(|id| {
                let path = format!("members[value eq {}]", Json::from(*id));
                json!({ "op": "remove", "path": path })
            })),
            Self::List => {
                let value: Vec<Json> = remove.iter().map(|id| json!({ "value": id })).collect();
                operations.push(json!({ "op": "remove", "path": "members", "value": value }));
            }
        }
        if !add.is_empty() {
            operations.push(json!({ "op": "add", "path": "members", "value": elements(add) }));
        }
        json!({ "schemas": [urn::PATCH_OP], "Operations": operations })
    }
}

/// Puts members into the body of a new group.
pub fn with_members(body: &mut Json, members: &[(Resource, &str)]) {
    if !members.is_empty() {
        body["members"] = Json::Array(elements(members));
    }
}

/// The body of a PUT with other members: who is removed goes, who is added comes, everybody else stays.
pub fn change_members(group: &mut Json, add: &[(Resource, &str)], remove: &[&str]) {
    let Some(attributes) = group.as_object_mut() else { return };
    let key = key_of(attributes, "members").unwrap_or_else(|| "members".to_owned());
    let known = attributes.entry(key).or_insert_with(|| json!([]));
    if known.is_null() {
        *known = json!([]);
    }
    let Json::Array(elements_now) = known else { return };
    let removed: BTreeSet<&str> = remove.iter().copied().collect();
    elements_now
        .retain(|element| reference_id(element).is_none_or(|id| !removed.contains(id.as_str())));
    let present: BTreeSet<String> = elements_now.iter().filter_map(reference_id).collect();
    let new: Vec<(Resource, &str)> =
        add.iter().filter(|(_, id)| !present.contains(*id)).copied().collect();
    elements_now.extend(elements(&new));
}

/// The filter that finds the groups of a member.
pub fn groups_of(id: &str) -> Filter {
    let path = Path::parse("members.value").expect("a name and a sub-attribute are a path");
    Filter::eq(path, id)
}

/// The members that a group is answered with, and what kind each of them is.
pub fn elements_of(group: &Json) -> Vec<(Resource, String)> {
    let members = member(group, "members").and_then(Json::as_array);
    let shown = members.into_iter().flatten().filter_map(|element| {
        let kind = member(element, "type").and_then(Json::as_str).unwrap_or_default();
        let is_group = kind.eq_ignore_ascii_case(Resource::Group.name());
        let kind = if is_group { Resource::Group } else { Resource::User };
        Some((kind, reference_id(element)?))
    });
    shown.collect()
}

/// The members that a group is answered with: id, and what it calls them.
pub fn members_of(group: &Json) -> Vec<(String, Option<&str>)> {
    let members = member(group, "members").and_then(Json::as_array);
    let shown = members.into_iter().flatten().filter_map(|element| {
        let display = member(element, "display").and_then(Json::as_str);
        Some((reference_id(element)?, display.filter(|name| !name.is_empty())))
    });
    shown.collect()
}

fn elements(members: &[(Resource, &str)]) -> Vec<Json> {
    let element = |(resource, id): &(Resource, &str)| match resource {
        // Most services take people only, and some refuse to be told so.
        Resource::User => json!({ "value": id }),
        Resource::Group => json!({ "value": id, "type": "Group" }),
    };
    members.iter().map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD: [(Resource, &str); 2] = [(Resource::User, "a"), (Resource::Group, "g\"1")];

    #[test]
    fn members_are_removed_one_by_one_or_as_a_list() {
        let by_filter = RemoveMembers::Filter.patch(&ADD, &["x", "y\"z"]);
        let by_list = RemoveMembers::List.patch(&[], &["x", "y"]);
        insta::assert_json_snapshot!([by_filter, by_list]);
    }

    #[test]
    fn a_path_with_any_id_can_be_read_back() {
        let patch = RemoveMembers::Filter.patch(&[], &["y\"z\\"]);
        let path = patch.pointer("/Operations/0/path").and_then(Json::as_str).unwrap();
        assert_eq!(Path::parse(path).unwrap().to_string(), path);
    }

    #[test]
    fn a_put_keeps_whom_it_does_not_mean() {
        let mut group = json!({ "Members": [{ "value": "x", "display": "X" }, { "value": "b" }] });
        change_members(&mut group, &ADD, &["b"]);
        change_members(&mut group, &ADD, &["nobody"]);
        assert_eq!(
            group,
            json!({ "Members": [
                { "value": "x", "display": "X" }, { "value": "a" }, { "value": "g\"1", "type": "Group" },
            ] })
        );
        assert_eq!(
            members_of(&group),
            [("x".to_owned(), Some("X")), ("a".to_owned(), None), ("g\"1".to_owned(), None)]
        );
        let mut bare = json!({ "displayName": "G" });
        change_members(&mut bare, &ADD[..1], &[]);
        assert_eq!(bare["members"], json!([{ "value": "a" }]));
    }

    #[test]
    fn the_groups_of_a_member_are_found_by_a_filter() {
        assert_eq!(groups_of("a\"b").to_string(), r#"members.value eq "a\"b""#);
    }
}
