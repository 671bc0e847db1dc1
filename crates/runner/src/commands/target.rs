//! `target`: the accounts at the target with their links; and the removal of one that was created in error.

use std::collections::BTreeMap;

use peoplesync_reconcile::{Action, Link};
use peoplesync_scim::client::{Client, ClientError, Deleted, Kind};
use peoplesync_scim::profile::{Invitations, Stage};
use peoplesync_scim::resource::member;
use peoplesync_scim::{Profile, Resource, resource};
use peoplesync_state::{
    HistoryNote, Intent, LinkEffect, Outcome as Ended, PARTIAL, RunEnd, RunStart, Settlement, State,
};
use serde_json::{Value as Json, json};

use super::confirm::confirm;
use super::print;
use crate::cli::{TargetCommand, TargetFormat};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{self, Access, Session};
use crate::report::json::text;
use crate::report::table::table;
use crate::report::{Output, human, line};

pub(super) async fn run(loaded: Loaded, command: TargetCommand, output: Output) -> Outcome<Exit> {
    let session = Session::new(loaded, &crate::clock::system())?;
    let client = session.client(Vec::new())?;
    match command {
        TargetCommand::List { search, groups, format, json } => {
            let format = if json { TargetFormat::Json } else { format };
            list(&session, &client, search.as_deref(), kind(groups), format, output).await
        }
        TargetCommand::Show { account, groups, json } => {
            let (found, link) = one(&session, &client, &account, kind(groups)).await?;
            let profile = client.profile();
            let stage = profile.stage(&found).map(Stage::name);
            let link = link.as_ref();
            let document = json!({ "account": found, "link": link.map(linked), "stage": stage });
            let shown =
                if json { text(&document) } else { describe(&found, profile, link, kind(groups)) };
            print(output, &shown)?;
            Ok(Exit::Done)
        }
        TargetCommand::Delete { account, groups, yes } => {
            delete(&session, &client, &account, kind(groups), yes, output).await
        }
    }
}

fn kind(groups: bool) -> Resource {
    if groups { Resource::Group } else { Resource::User }
}

/// What a list shows of an account.
struct Row {
    id: String,
    name: String,
    active: Option<bool>,
    /// How far its person has come, where the target invites people.
    stage: Option<Stage>,
    key: Option<String>,
}

async fn list(
    session: &Session,
    client: &Client,
    search: Option<&str>,
    resource: Resource,
    format: TargetFormat,
    output: Output,
) -> Outcome<Exit> {
    let state = pipeline::open_state(session, Access::Plan)?;
    pipeline::check_target(&session.loaded, &state)?;
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    state.each_link(resource, |link| {
        keys.insert(link.id, link.key);
    })?;
    let wanted = search.map(str::to_lowercase);
    let mut rows = Vec::new();
    let mut pages = client.list(resource, None, None);
    while let Some(page) = pages.next().await.map_err(unreadable)? {
        for found in page {
            let account: Json = serde_json::from_str(found.get()).map_err(|error| {
                Failure::new(Exit::Target, "the target listed something that is not JSON")
                    .with_cause(&error)
            })?;
            let row = row(&account, client.profile(), &keys);
            let fits = |wanted: &String| {
                let texts = [Some(&row.id), Some(&row.name), row.key.as_ref()];
                texts.into_iter().flatten().any(|text| text.to_lowercase().contains(wanted))
            };
            if wanted.as_ref().is_none_or(fits) {
                rows.push(row);
            }
        }
    }
    let shown = match format {
        TargetFormat::Json => text(&Json::Array(rows.iter().map(document).collect())),
        TargetFormat::Csv => csv(&rows),
        TargetFormat::Table if rows.is_empty() => "no account fits\n".to_owned(),
        TargetFormat::Table => {
            let cells = rows.iter().map(|row| {
                let key = row.key.clone().unwrap_or_else(|| "-".to_owned());
                let state = row.stage.map_or(activity(row.active), Stage::name).to_owned();
                vec![row.name.clone(), row.id.clone(), state, key]
            });
            let cells: Vec<Vec<String>> = cells.collect();
            let head = if resource == Resource::User { "ACCOUNT" } else { "GROUP" };
            let invites = rows.iter().any(|row| row.stage.is_some());
            table(&[head, "ID", if invites { "STAGE" } else { "ACTIVE" }, "KEY"], &cells)
        }
    };
    print(output, &shown)?;
    let linked = rows.iter().filter(|row| row.key.is_some()).count();
    output.note(&format!(
        "{} at the target, {} of them linked",
        human::number(rows.len()),
        human::number(linked)
    ));
    if !pages.complete() {
        output.note("the list ended early: there may be more");
        return Ok(Exit::Partly);
    }
    Ok(Exit::Done)
}

fn row(account: &Json, profile: &Profile, keys: &BTreeMap<String, String>) -> Row {
    let text = |name: &str| match member(account, name) {
        Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Json::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let id = text("id").unwrap_or_default();
    let names = ["userName", "displayName", "externalId"];
    let name = names.iter().find_map(|name| text(name)).unwrap_or_else(|| id.clone());
    let active = member(account, "active").and_then(Json::as_bool);
    Row { key: keys.get(&id).cloned(), id, name, active, stage: profile.stage(account) }
}

fn activity(active: Option<bool>) -> &'static str {
    match active {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
}

fn document(row: &Row) -> Json {
    let stage = row.stage.map(Stage::name);
    json!({ "id": row.id, "name": row.name, "active": row.active, "key": row.key, "stage": stage })
}

fn csv(rows: &[Row]) -> String {
    let mut text = String::from("id,name,active,key,stage\n");
    for row in rows {
        let active = row.active.map(|active| active.to_string()).unwrap_or_default();
        let key = row.key.as_deref().unwrap_or_default();
        let field = super::links::field;
        let stage = row.stage.map_or("", Stage::name);
        line!(text, "{},{},{active},{},{stage}", field(&row.id), field(&row.name), field(key));
    }
    text
}

/// One account by its id, its name, or the key that it is linked to.
async fn one(
    session: &Session,
    client: &Client,
    wanted: &str,
    resource: Resource,
) -> Outcome<(Json, Option<Link>)> {
    let state = pipeline::open_state(session, Access::Plan)?;
    pipeline::check_target(&session.loaded, &state)?;
    let print = pipeline::fingerprint_of(&pipeline::digest_key(&state), wanted);
    let link = state.link(resource, print, wanted)?;
    let id = link.as_ref().map_or(wanted, |link| link.id.as_str());
    if let Some(account) = client.get(resource, id).await.map_err(unreadable)? {
        let link = match link {
            Some(link) => Some(link),
            None => state.links_by_id(resource, &[id])?.pop(),
        };
        return Ok((account, link));
    }
    if let Some(link) = link {
        let message = format!("account {} of key {wanted} is not at the target any more", link.id);
        return Err(Failure::usage(message)
            .with_hint("the next run notices; `peoplesync links forget` forgets the link"));
    }
    let name = if resource == Resource::User { "userName" } else { "displayName" };
    let path = peoplesync_scim::Path::parse(name).expect("a plain name is a path");
    let filter = peoplesync_scim::Filter::eq(path, wanted);
    let found = client.find(resource, &filter).await.map_err(unreadable)?;
    match found.hits.as_slice() {
        [account] => {
            let id = resource::id(account).unwrap_or_default();
            Ok((account.clone(), state.links_by_id(resource, &[id.as_str()])?.pop()))
        }
        [] => Err(Failure::usage(format!("the target has no account {wanted}"))
            .with_hint(format!("`peoplesync target list {wanted}` searches ids, names and keys"))),
        several => {
            let ids: Vec<String> = several.iter().filter_map(resource::id).collect();
            Err(Failure::usage(format!("several accounts are called {wanted}: {}", ids.join(", ")))
                .with_hint("name one by its id"))
        }
    }
}

fn describe(account: &Json, profile: &Profile, link: Option<&Link>, resource: Resource) -> String {
    let mut shown = serde_json::to_string_pretty(account).unwrap_or_default();
    shown.push('\n');
    if let Some(stage) = profile.stage(account) {
        line!(shown, "{}{}", stage.name(), claimed_by(account, profile, stage));
    }
    match link {
        Some(link) => {
            let made = if link.created { "created" } else { "adopted" };
            line!(shown, "linked to key {}, {made} by peoplesync", link.key);
        }
        None if resource == Resource::User => line!(shown, "linked to nobody"),
        None => line!(shown, "not linked"),
    }
    shown
}

/// How somebody who was invited claims the account.
fn claimed_by(account: &Json, profile: &Profile, stage: Stage) -> String {
    let told = |path: &str| {
        let value = resource::get(account, &peoplesync_scim::Path::parse(path).ok()?)?;
        value.as_str().filter(|text| !text.is_empty())
    };
    let Invitations { link, code, .. } = &profile.invitations;
    match (stage, told(link), told(code)) {
        (Stage::Invited, Some(link), _) => format!("; to be claimed at {link}"),
        (Stage::Invited, None, Some(code)) => format!("; to be claimed with the code {code}"),
        _ => String::new(),
    }
}

fn linked(link: &Link) -> Json {
    json!({ "key": link.key, "id": link.id, "created": link.created })
}

/// Removes one account: shown, asked, journaled, and with its link.
async fn delete(
    session: &Session,
    client: &Client,
    wanted: &str,
    resource: Resource,
    yes: bool,
    output: Output,
) -> Outcome<Exit> {
    let (account, link) = one(session, client, wanted, resource).await?;
    let managed = match (resource, &session.groups) {
        (Resource::User, _) => Some(&session.managed),
        (Resource::Group, Some(groups)) => Some(&groups.managed),
        (Resource::Group, None) => None,
    };
    // Without a table of groups, the filters of people are asked: they hold for every account.
    let managed = managed.unwrap_or(&session.managed);
    let observed = managed.observe(&account).map_err(|error| {
        Failure::new(Exit::Target, "the target's answer cannot be used").with_cause(&error)
    })?;
    let filters = [
        (observed.protected_by(), managed.protect(), "guards.protect"),
        (observed.administrator_by(), managed.administrators(), "guards.administrators"),
    ];
    for (by, filters, key) in filters {
        if let Some(filter) = by.and_then(|at| filters.get(at)) {
            let message = format!("account {} is protected by {key} = '{filter}'", observed.name);
            return Err(Failure::new(Exit::Refused, message).with_hint("nothing was deleted"));
        }
    }
    output.note(&describe(&account, client.profile(), link.as_ref(), resource));
    if !yes {
        let question = format!("Delete {} at the target, for good?", observed.name);
        confirm(&question, "nothing was deleted", "say --yes", output)?;
    }
    let mut state = pipeline::open_state(session, Access::Apply)?;
    let now = session.clock.now().0;
    let run = state.begin_run(&RunStart {
        // Not the run of a config that a later one is compared with.
        kind: PARTIAL.to_owned(),
        started: now,
        ..RunStart::default()
    })?;
    let key = link.as_ref().map_or_else(|| observed.id.clone(), |link| link.key.clone());
    let intent = Intent {
        seq: 0,
        resource,
        action: Action::Delete,
        key: key.clone(),
        id: Some(observed.id.clone()),
        lookup: Vec::new(),
    };
    state.intend(run, std::slice::from_ref(&intent))?;
    let answer = client.delete(resource, &observed.id, None).await;
    let (ended, error) = match &answer {
        Ok(Deleted::Deleted | Deleted::Gone) => (Ended::Done, None),
        Err(error) => (Ended::Failed, Some(error.to_string())),
    };
    let print_of_key = pipeline::fingerprint_of(&pipeline::digest_key(&state), &key);
    let effect = match (&link, ended) {
        (Some(_), Ended::Done) => {
            LinkEffect::Forget { fingerprint: print_of_key, key: key.clone() }
        }
        _ => LinkEffect::None,
    };
    settle(&mut state, run, &intent, (ended, error, effect), now)?;
    let outcome = if ended == Ended::Done { "deleted" } else { "failed" };
    let counts = json!({ outcome: 1 }).to_string();
    state.finish_run(run, &RunEnd { ended: now, outcome: outcome.to_owned(), counts })?;
    match answer {
        Ok(_) => {
            print(output, &format!("deleted {} ({})\n", observed.name, observed.id))?;
            Ok(Exit::Done)
        }
        Err(error) => Err(refused(error)),
    }
}

fn settle(
    state: &mut State,
    run: peoplesync_state::RunId,
    intent: &Intent,
    (outcome, error, link): (Ended, Option<String>, LinkEffect),
    now: i64,
) -> Outcome<()> {
    let settlement = Settlement {
        seq: intent.seq,
        outcome,
        status: None,
        error,
        link,
        members: None,
        history: HistoryNote {
            at: now,
            resource: intent.resource,
            key: intent.key.clone(),
            id: intent.id.clone(),
            name: None,
            action: Action::Delete,
            reason: "deleted by hand: `peoplesync target delete`".to_owned(),
            request: None,
            attributes: "[]".to_owned(),
        },
    };
    state.settle(run, &[settlement])?;
    Ok(())
}

/// Why the provider keeps the account.
fn refused(error: ClientError) -> Failure {
    let hint = match (error.kind, error.status) {
        (Kind::Precondition | Kind::Conflict, _) | (_, Some(409 | 412)) => {
            "the provider keeps accounts that somebody has claimed or used; deactivate it instead"
        }
        (Kind::Denied, _) => "the credentials may not delete accounts",
        _ if error.is_unsupported() => "the provider does not delete accounts",
        _ => {
            "nothing was deleted, as far as the provider says; `peoplesync target show` looks again"
        }
    };
    Failure::from(error).about("the account was not deleted").with_hint(hint)
}

fn unreadable(error: ClientError) -> Failure {
    Failure::from(error).about("cannot read the target")
}
