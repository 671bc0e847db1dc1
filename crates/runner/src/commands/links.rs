//! `links`: the lasting pairs of source key and account id.

use peoplesync_reconcile::{Link, Standing};
use peoplesync_scim::Resource;
use peoplesync_state::State;
use serde_json::{Value as Json, json};

use super::confirm::confirm;
use super::print;
use crate::cli::LinksCommand;
use crate::clock::{SystemClock, readable, rfc3339};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{
    Access, bound_target, digest_key, fingerprint_of, open_store, target_identity,
};
use crate::report::json::text;
use crate::report::table::table;
use crate::report::{Output, human, line};

mod doctor;
mod import;

pub(super) async fn run(loaded: Loaded, command: LinksCommand, output: Output) -> Outcome<Exit> {
    match command {
        LinksCommand::Doctor { json } => doctor::run(loaded, json, output).await,
        LinksCommand::Import { file, yes } => import::run(loaded, &file, yes, output).await,
        command => on_state(&loaded, command, output),
    }
}

/// The commands that need nothing but the state.
fn on_state(loaded: &Loaded, command: LinksCommand, output: Output) -> Outcome<Exit> {
    let now = peoplesync_source::Clock::now(&SystemClock).0;
    let writes = matches!(command, LinksCommand::Forget { .. } | LinksCommand::Retarget { .. });
    let access = if writes { Access::Apply } else { Access::Plan };
    let mut state = open_store(loaded, access, now)?;
    match command {
        LinksCommand::List { search, groups, json } => {
            list(&state, search.as_deref(), kind(groups), json, output)
        }
        LinksCommand::Show { key, groups, json } => {
            let link = one(&state, &key, kind(groups))?;
            let shown = if json { text(&document(&link)) } else { describe(&link) };
            print(output, &shown)?;
            Ok(Exit::Done)
        }
        LinksCommand::Export { groups, json } => export(&state, kind(groups), json, output),
        LinksCommand::Retarget { yes } => retarget(loaded, &mut state, yes, output),
        LinksCommand::Forget { key, groups, yes } => {
            forget(&mut state, &key, kind(groups), yes, output)
        }
        LinksCommand::Doctor { .. } | LinksCommand::Import { .. } => Ok(Exit::Done),
    }
}

fn kind(groups: bool) -> Resource {
    if groups { Resource::Group } else { Resource::User }
}

fn one(state: &State, key: &str, resource: Resource) -> Outcome<Link> {
    let print = fingerprint_of(&digest_key(state), key);
    let (nobody, option) = match resource {
        Resource::User => ("nobody", ""),
        Resource::Group => ("no group", " --groups"),
    };
    state.link(resource, print, key)?.ok_or_else(|| {
        Failure::usage(format!("{nobody} with the key {key} is linked"))
            .with_hint(format!("`peoplesync links list{option} {key}` searches in keys and ids"))
    })
}

fn list(
    state: &State,
    search: Option<&str>,
    resource: Resource,
    json: bool,
    output: Output,
) -> Outcome<Exit> {
    let all = state.search_links(resource, search, u64::MAX, 0)?;
    if json {
        print(output, &text(&Json::Array(all.iter().map(document).collect())))?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        print(
            output,
            match (search, resource) {
                (Some(_), _) => "no link has this in its key or id\n",
                (None, Resource::User) => "nobody is linked yet\n",
                (None, Resource::Group) => "no group is linked yet\n",
            },
        )?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|link| vec![link.key.clone(), link.id.clone(), standing(link), made(link).to_owned()])
        .collect();
    let what = if resource == Resource::User { "ACCOUNT" } else { "GROUP" };
    print(output, &table(&["KEY", "ID", "STANDING", what], &rows))?;
    output.note(&format!("{} linked", human::number(all.len())));
    Ok(Exit::Done)
}

fn export(state: &State, resource: Resource, json: bool, output: Output) -> Outcome<Exit> {
    if json {
        return list(state, None, resource, true, output);
    }
    let mut text = String::from("key,id,standing,since,account\n");
    state.each_link(resource, |link| {
        let (standing, since) = match link.standing {
            Standing::Active => ("active", String::new()),
            Standing::Deactivated { since } => ("deactivated", rfc3339(since)),
        };
        line!(text, "{},{},{standing},{since},{}", field(&link.key), field(&link.id), made(&link));
    })?;
    print(output, &text)?;
    Ok(Exit::Done)
}

/// A CSV field, quoted where RFC 4180 asks for it.
pub(super) fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn forget(
    state: &mut State,
    key: &str,
    resource: Resource,
    yes: bool,
    output: Output,
) -> Outcome<Exit> {
    let link = one(state, key, resource)?;
    output.note(&describe(&link));
    if !yes {
        let what = if resource == Resource::User { "account" } else { "group" };
        let question = format!("Forget this link? The {what} stays as it is.");
        confirm(&question, "nothing was forgotten", "say --yes", output)?;
    }
    let print_of_key = fingerprint_of(&digest_key(state), key);
    state.forget(resource, print_of_key, key)?;
    print(output, &format!("forgot the link of {key}\n"))?;
    Ok(Exit::Done)
}

fn retarget(loaded: &Loaded, state: &mut State, yes: bool, output: Output) -> Outcome<Exit> {
    let target = target_identity(loaded)?;
    let before = bound_target(state).unwrap_or_else(|| "no target".to_owned());
    if before == target {
        print(output, &format!("the links are to accounts at {target} already\n"))?;
        return Ok(Exit::Done);
    }
    if !yes {
        let question = format!(
            "The links are to accounts at {before}. Are the same accounts, with the same ids, now at {target}?"
        );
        confirm(&question, "the links are as before", "say --yes", output)?;
    }
    state.bind(&target)?;
    print(output, &format!("the links are now to accounts at {target}\n"))?;
    Ok(Exit::Done)
}

fn standing(link: &Link) -> String {
    match link.standing {
        Standing::Active if link.absent_since.is_some() => "absent".to_owned(),
        Standing::Active => "active".to_owned(),
        Standing::Deactivated { .. } => "deactivated".to_owned(),
    }
}

fn made(link: &Link) -> &'static str {
    if link.created { "created" } else { "adopted" }
}

fn describe(link: &Link) -> String {
    let mut text =
        format!("key       {}\nid        {}\nstanding  {}\n", link.key, link.id, standing(link));
    if let Standing::Deactivated { since } = link.standing {
        line!(text, "since     {}", readable(since));
    }
    if let Some(since) = link.absent_since {
        line!(text, "absent    since {}", readable(since));
    }
    line!(text, "account   {} by peoplesync", made(link));
    text
}

fn document(link: &Link) -> Json {
    let since = match link.standing {
        Standing::Active => None,
        Standing::Deactivated { since } => Some(rfc3339(since)),
    };
    json!({
        "key": link.key,
        "id": link.id,
        "standing": standing(link),
        "deactivated": since,
        "absent": link.absent_since.map(rfc3339),
        "account": made(link),
    })
}
