//! How this service keeps the members of groups, by the same words as a profile has them: what it refuses, and what it does not
//! tell.

use peoplesync_scim::error::scim_type;
use peoplesync_scim::profile::{Grouping, RemoveMembers, ShowMembers};
use peoplesync_scim::resource::member;
use peoplesync_scim::{Filter, Resource, ScimError};
use serde_json::{Map, Value as Json, json};

use crate::quirks::RemovedMembers;

/// Refuses a new group with more members than one request may hold.
pub(crate) fn check_new(habits: &Grouping, body: &Json) -> Result<(), ScimError> {
    let count = member(body, "members").and_then(Json::as_array).map_or(0, Vec::len);
    if count > 0 && !habits.members_on_create {
        return Err(invalid("a group is created without members"));
    }
    limit(habits, 0, count)
}

/// A PATCH of a group as the RFC has it. A service that removes members as a list refuses to replace or remove all of them.
pub(crate) fn read_patch(
    habits: &Grouping,
    quirk: RemovedMembers,
    mut body: Json,
) -> Result<Json, ScimError> {
    let Some(operations) = body.get_mut("Operations").and_then(Json::as_array_mut) else {
        return Ok(body);
    };
    let mut read = Vec::with_capacity(operations.len());
    let (mut added, mut removed) = (0, 0);
    for operation in operations.drain(..) {
        let text = |name: &str| member(&operation, name).and_then(Json::as_str).unwrap_or_default();
        let (op, path) = (text("op").to_ascii_lowercase(), text("path").to_owned());
        if !path.to_ascii_lowercase().starts_with("members") {
            read.push(operation);
            continue;
        }
        let value = member(&operation, "value").filter(|value| !value.is_null());
        let listed = value.and_then(Json::as_array).map_or(1, Vec::len);
        *(if op == "remove" { &mut removed } else { &mut added }) += listed;
        let by_list = habits.remove == RemoveMembers::List || quirk == RemovedMembers::ByList;
        match (habits.remove, op.as_str(), value) {
            (_, "remove", _) if quirk == RemovedMembers::Unserved => {
                return Err(ScimError::new(501, "", "members cannot be removed by PATCH"));
            }
            (_, "remove", _) if quirk != RemovedMembers::ByPath && path.contains('[') => {
                let detail = "a path cannot name one member";
                return Err(ScimError::new(400, scim_type::INVALID_PATH, detail));
            }
            (_, "remove", Some(Json::Array(gone))) if by_list => {
                for id in gone.iter().filter_map(|element| member(element, "value")) {
                    read.push(json!({ "op": "remove", "path": format!("members[value eq {id}]") }));
                }
            }
            (_, "remove", Some(_)) if quirk == RemovedMembers::Everybody => {
                read.push(json!({ "op": "remove", "path": "members" }));
            }
            (RemoveMembers::List, "remove" | "replace", _) => {
                return Err(invalid("members are added and removed by a list of them"));
            }
            _ => read.push(operation),
        }
    }
    limit(habits, removed, added)?;
    *operations = read;
    Ok(body)
}

/// Takes out of an answer what the service does not tell.
pub(crate) fn hide(habits: &Grouping, resource: Resource, shown: &mut Map<String, Json>) {
    if resource == Resource::Group && habits.members == ShowMembers::Never {
        shown.remove("members");
    }
}

/// Whether anything is hidden.
pub(crate) fn hides(habits: &Grouping, resource: Resource) -> bool {
    resource == Resource::Group && habits.members == ShowMembers::Never
}

/// Refuses a filter over members where the service knows none.
pub(crate) fn check_filter(habits: &Grouping, filter: &Filter) -> Result<(), ScimError> {
    if !habits.members_filter && filter.to_string().to_ascii_lowercase().contains("members") {
        let detail = "groups cannot be found by their members";
        return Err(ScimError::new(400, scim_type::INVALID_FILTER, detail));
    }
    Ok(())
}

fn limit(habits: &Grouping, removed: usize, added: usize) -> Result<(), ScimError> {
    let count = removed + added;
    if count > habits.chunk() {
        let most = habits.members_per_request;
        return Err(invalid(&format!(
            "{count} members in one request; at most {most} are allowed"
        )));
    }
    if removed > habits.removes() {
        let most = habits.removes();
        return Err(invalid(&format!(
            "{removed} members removed in one request; at most {most} are allowed"
        )));
    }
    if removed > 0 && added > 0 && !habits.mixed {
        return Err(invalid("members are added and removed in requests of their own"));
    }
    Ok(())
}

fn invalid(detail: &str) -> ScimError {
    ScimError::new(400, scim_type::INVALID_VALUE, detail)
}
