//! Finding the account of a creation whose answer was lost: by search where the target can search, and in its list where it cannot.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use peoplesync_scim::client::{Client, ClientError, Kind};
use peoplesync_scim::resource::member;
use peoplesync_scim::schema::SchemaSet;
use peoplesync_scim::{Filter, Path, Resource, resource};
use peoplesync_state::Intent;
use serde_json::Value as Json;

use super::Outcome;
use crate::pipeline::one_persons;

/// Attribute paths and values, in the order of trust.
type Lookup = [(String, String)];

/// What came of a look-up, or why there was none.
pub(super) type Found = Result<Option<String>, String>;

/// What searches say.
enum Searched {
    Account(Json),
    Nobody,
    /// None of them was answered: the list has to tell.
    Nothing,
}

/// The id of the one account that has one of these values, asked in order; `None` if none or several have.
pub(super) async fn find(
    client: &Client,
    resource: Resource,
    lookup: &Lookup,
    schemas: &SchemaSet,
) -> Result<Option<String>, ClientError> {
    let found = find_account(client, resource, lookup, schemas).await?;
    Ok(found.as_ref().and_then(resource::id))
}

/// The id of the account that a create made whose reply was lost. It has all of these values but those that the target does not
/// keep: an account that shares only some is somebody else's, and whose it may become is for a plan to decide.
pub(super) async fn find_created(
    client: &Client,
    resource: Resource,
    lookup: &Lookup,
    schemas: &SchemaSet,
) -> Result<Option<String>, ClientError> {
    let found = find_account(client, resource, lookup, schemas).await?;
    Ok(found.and_then(|account| created(client, &account, lookup, schemas)))
}

/// The same of many intents, side by side; the list of the target is read once for all of them. What concerns one of them alone
/// stops no other.
///
/// # Errors
/// What concerns the target.
pub(super) async fn find_all_created(
    client: &Client,
    intents: &[(usize, &Intent)],
    schemas: &SchemaSet,
    at_once: usize,
) -> Outcome<BTreeMap<usize, Found>> {
    let mut all = BTreeMap::new();
    let mut left: Vec<(usize, &Intent)> = Vec::new();
    let mut searches = futures_util::stream::iter(intents)
        .map(|(at, intent)| async move {
            (*at, *intent, search(client, intent.resource, &intent.lookup).await)
        })
        .buffer_unordered(at_once);
    while let Some((at, intent, searched)) = searches.next().await {
        let found = match searched {
            Ok(Searched::Account(account)) => {
                Ok(created(client, &account, &intent.lookup, schemas))
            }
            Ok(Searched::Nobody) => Ok(None),
            Ok(Searched::Nothing) => {
                left.push((at, intent));
                continue;
            }
            Err(error) => Err(one_persons(error)?),
        };
        all.insert(at, found);
    }
    drop(searches);
    for resource in [Resource::User, Resource::Group] {
        let (at, lookups): (Vec<usize>, Vec<&Lookup>) = left
            .iter()
            .filter(|(_, intent)| intent.resource == resource)
            .map(|(at, intent)| (*at, &*intent.lookup))
            .unzip();
        if at.is_empty() {
            continue;
        }
        match list(client, resource, &lookups, schemas).await {
            Ok((accounts, is_whole)) => {
                for ((at, lookup), account) in at.into_iter().zip(lookups).zip(accounts) {
                    let found = account.and_then(|one| created(client, &one, lookup, schemas));
                    let is_known = found.is_some() || is_whole;
                    let found = is_known.then_some(found);
                    all.insert(
                        at,
                        found.ok_or_else(|| ClientError::list_ended(resource).to_string()),
                    );
                }
            }
            Err(error) => {
                let error = one_persons(error)?;
                all.extend(at.into_iter().map(|at| (at, Err(error.clone()))));
            }
        }
    }
    Ok(all)
}

fn created(
    client: &Client,
    account: &Json,
    lookup: &Lookup,
    schemas: &SchemaSet,
) -> Option<String> {
    let ignored = &client.profile().write.ignored;
    let has = |(path, value): &(String, String)| {
        let is_kept = !ignored.iter().any(|ignored| ignored.eq_ignore_ascii_case(path));
        let parsed = Path::parse(path).ok().filter(|_| is_kept);
        parsed.is_none_or(|path| Filter::eq(path, value.clone()).matches(account, schemas))
    };
    resource::id(account).filter(|_| lookup.iter().all(has))
}

async fn find_account(
    client: &Client,
    resource: Resource,
    lookup: &Lookup,
    schemas: &SchemaSet,
) -> Result<Option<Json>, ClientError> {
    match search(client, resource, lookup).await? {
        Searched::Account(account) => Ok(Some(account)),
        Searched::Nobody => Ok(None),
        Searched::Nothing => {
            let (mut accounts, is_whole) = list(client, resource, &[lookup], schemas).await?;
            let found = accounts.pop().flatten();
            if found.is_some() || is_whole {
                Ok(found)
            } else {
                Err(ClientError::list_ended(resource))
            }
        }
    }
}

/// Asks by each attribute that the target can search by.
async fn search(
    client: &Client,
    resource: Resource,
    lookup: &Lookup,
) -> Result<Searched, ClientError> {
    let mut is_answered = lookup.is_empty();
    for (path, value) in lookup {
        let path = Path::parse(path).ok().filter(|path| client.profile().can_find(resource, path));
        let Some(path) = path else { continue };
        match client.search(resource, &Filter::eq(path, value.clone())).await {
            Ok(found) if !found.filtered => return Ok(Searched::Nothing),
            Ok(mut found) if found.hits.len() == 1 => {
                return Ok(found.hits.pop().map_or(Searched::Nobody, Searched::Account));
            }
            Ok(found) => is_answered |= found.complete,
            // It refuses to search by this, whatever it says of itself.
            Err(error) if matches!(error.kind, Kind::Refused | Kind::Server) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(if is_answered { Searched::Nobody } else { Searched::Nothing })
}

/// Reads everybody, and gives the one account of each look-up as [`find`] does; with whether that were all.
async fn list(
    client: &Client,
    resource: Resource,
    lookups: &[&Lookup],
    schemas: &SchemaSet,
) -> Result<(Vec<Option<Json>>, bool), ClientError> {
    let filters: Vec<Vec<Filter>> = lookups
        .iter()
        .map(|lookup| {
            let filter = |(path, value): &(String, String)| {
                Some(Filter::eq(Path::parse(path).ok()?, value.clone()))
            };
            lookup.iter().filter_map(filter).collect()
        })
        .collect();
    // By look-up and attribute, in the order of trust.
    let mut hits: BTreeMap<(usize, usize), Vec<Json>> = BTreeMap::new();
    let mut pages = client.list(resource, None, None);
    while let Some(page) = pages.next().await? {
        for text in page {
            let account: Json = serde_json::from_str(text.get()).unwrap_or_default();
            for (at, filters) in filters.iter().enumerate() {
                for (number, _) in filters
                    .iter()
                    .enumerate()
                    .filter(|(_, filter)| filter.matches(&account, schemas))
                {
                    hits.entry((at, number)).or_default().push(account.clone());
                }
            }
        }
    }
    let mut found: Vec<Option<Json>> = lookups.iter().map(|_| None).collect();
    for ((at, _), mut accounts) in hits {
        if accounts.len() == 1 && found[at].is_none() {
            found[at] = accounts.pop();
        }
    }
    let profile = client.profile();
    if !profile.list.omits.is_empty() {
        // A list shows less of an account than it has.
        for account in found.iter_mut().flatten() {
            let id = member(account, "id").and_then(Json::as_str).unwrap_or_default().to_owned();
            if let Some(whole) = client.get(resource, &id).await? {
                *account = whole;
            }
        }
    }
    Ok((found, pages.complete() && profile.list.complete))
}
