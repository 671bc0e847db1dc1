//! What a request that may remove more members than it names leaves in the journal: everybody who is to stay in the group. A run that
//! dies before it has read the group again leaves it to the next apply to put them back, as the source need not name them.

use std::collections::BTreeSet;

use peoplesync_reconcile::Action;
use peoplesync_scim::Resource;
use peoplesync_scim::client::{Client, ClientError};
use peoplesync_scim::profile::{RemoveMembers, elements_of};
use peoplesync_state::Intent;

/// Where people and groups among members stand (RFC 7643 §4.2).
const PERSON: &str = "members";
const GROUP: &str = "members[type eq \"Group\"]";

/// Everybody in a group but those who leave it, for the journal.
pub(super) fn staying(
    before: &[(Resource, String)],
    leaving: &BTreeSet<&str>,
) -> Vec<(String, String)> {
    let staying = before.iter().filter(|(_, id)| !leaving.contains(id.as_str()));
    let entry = |(resource, id): &(Resource, String)| {
        let path = if *resource == Resource::Group { GROUP } else { PERSON };
        (path.to_owned(), id.clone())
    };
    staying.map(entry).collect()
}

/// Whether an intent is of such a request.
pub(super) fn is_one(intent: &Intent) -> bool {
    intent.resource == Resource::Group
        && intent.action == Action::Update
        && !intent.lookup.is_empty()
}

/// Adds those to a group again who were to stay and are no longer in it; what is to be told of that.
pub(super) async fn put_back(client: &Client, intent: &Intent) -> Result<String, ClientError> {
    let id = intent.id.as_deref().unwrap_or_default();
    let Some(group) = client.get(Resource::Group, id).await? else {
        return Ok("interrupted; the group is gone".to_owned());
    };
    let there: BTreeSet<String> = elements_of(&group).into_iter().map(|(_, id)| id).collect();
    let missing: Vec<(Resource, &str)> = intent
        .lookup
        .iter()
        .filter(|(_, id)| !there.contains(id))
        .map(|(path, id)| {
            let resource = if path == GROUP { Resource::Group } else { Resource::User };
            (resource, id.as_str())
        })
        .collect();
    let add = async |some: &[(Resource, &str)]| {
        let body = RemoveMembers::List.patch(some, &[]);
        client.patch(Resource::Group, id, &body, None).await
    };
    let mut refused = Vec::new();
    for some in missing.chunks(client.profile().groups.chunk().min(missing.len().max(1))) {
        match add(some).await {
            Err(error) if error.ambiguous || error.retryable => return Err(error),
            // One whose account is gone should not keep the others out.
            Err(_) => {
                for one in some.chunks(1) {
                    match add(one).await {
                        Err(error) if error.ambiguous || error.retryable => return Err(error),
                        Err(_) => refused.extend(one.iter().map(|(_, id)| *id)),
                        Ok(_) => {}
                    }
                }
            }
            Ok(_) => {}
        }
    }
    Ok(match (missing.len() - refused.len(), refused.as_slice()) {
        (0, []) => "interrupted; nobody is missing in the group".to_owned(),
        (back, []) => format!("interrupted; members put back into the group: {back}"),
        (back, refused) => format!(
            "interrupted; members put back into the group: {back}; refused: {}",
            refused.join(", ")
        ),
    })
}
