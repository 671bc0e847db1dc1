//! `links`: the lasting pairs of source key and account id.

use std::io::{BufRead as _, IsTerminal as _};

use peoplesync_reconcile::{Link, Standing};
use peoplesync_scim::Resource;
use peoplesync_state::State;
use serde_json::{Value as Json, json};

use super::{open_state, print};
use crate::cli::LinksCommand;
use crate::clock::{SystemClock, readable, rfc3339};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{Access, digest_key, fingerprint_of};
use crate::report::json::text;
use crate::report::table::table;
use crate::report::{Output, human, line};

/// How many links are read at once.
const PAGE: u64 = 10_000;

pub(super) fn run(loaded: &Loaded, command: LinksCommand, output: Output) -> Outcome<Exit> {
    let now = peoplesync_source::Clock::now(&SystemClock).0;
    let access =
        if matches!(command, LinksCommand::Forget { .. }) { Access::Apply } else { Access::Plan };
    let mut state = open_state(loaded, access, now)?;
    match command {
        LinksCommand::List { search, json } => list(&state, search.as_deref(), json, output),
        LinksCommand::Show { key, json } => {
            let link = one(&state, &key)?;
            let shown = if json { text(&document(&link)) } else { describe(&link) };
            print(output, &shown)?;
            Ok(Exit::Done)
        }
        LinksCommand::Export { json } => export(&state, json, output),
        LinksCommand::Forget { key, yes } => forget(&mut state, &key, yes, output),
    }
}

fn one(state: &State, key: &str) -> Outcome<Link> {
    let print = fingerprint_of(&digest_key(state), key);
    state.link(Resource::User, print, key)?.ok_or_else(|| {
        Failure::usage(format!("nobody with the key {key} is linked"))
            .with_hint(format!("`peoplesync links list {key}` searches in keys and ids"))
    })
}

/// All links that a search finds, page by page.
fn each(
    state: &State,
    search: Option<&str>,
    mut take: impl FnMut(Vec<Link>) -> Outcome<()>,
) -> Outcome<u64> {
    let mut count = 0;
    loop {
        let page = state.search_links(Resource::User, search, PAGE, count)?;
        let length = page.len() as u64;
        count += length;
        if length > 0 {
            take(page)?;
        }
        if length < PAGE {
            return Ok(count);
        }
    }
}

fn list(state: &State, search: Option<&str>, json: bool, output: Output) -> Outcome<Exit> {
    let mut all = Vec::new();
    let count = each(state, search, |page| {
        all.extend(page);
        Ok(())
    })?;
    if json {
        print(output, &text(&Json::Array(all.iter().map(document).collect())))?;
        return Ok(Exit::Done);
    }
    if count == 0 {
        print(
            output,
            if search.is_some() {
                "no link has this in its key or id\n"
            } else {
                "nobody is linked yet\n"
            },
        )?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|link| vec![link.key.clone(), link.id.clone(), standing(link), made(link).to_owned()])
        .collect();
    print(output, &table(&["KEY", "ID", "STANDING", "ACCOUNT"], &rows))?;
    output.note(&format!("{} linked", human::number(all.len())));
    Ok(Exit::Done)
}

fn export(state: &State, json: bool, output: Output) -> Outcome<Exit> {
    if json {
        return list(state, None, true, output);
    }
    print(output, "key,id,standing,since,account\n")?;
    each(state, None, |page| {
        let mut lines = String::new();
        for link in page {
            let (standing, since) = match link.standing {
                Standing::Active => ("active", String::new()),
                Standing::Deactivated { since } => ("deactivated", rfc3339(since)),
            };
            line!(
                lines,
                "{},{},{standing},{since},{}",
                field(&link.key),
                field(&link.id),
                made(&link)
            );
        }
        print(output, &lines)
    })?;
    Ok(Exit::Done)
}

/// A CSV field, quoted where RFC 4180 asks for it.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn forget(state: &mut State, key: &str, yes: bool, output: Output) -> Outcome<Exit> {
    let link = one(state, key)?;
    output.note(&describe(&link));
    if !yes {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Failure::usage("there is nobody to ask, so nothing was forgotten")
                .with_hint("say --yes"));
        }
        output.error("Forget this link? The account stays as it is. Only `yes` goes on: ");
        let mut answer = String::new();
        stdin
            .lock()
            .read_line(&mut answer)
            .map_err(|error| Failure::unexpected("cannot read the answer", &error))?;
        if answer.trim() != "yes" {
            return Err(Failure::usage("not confirmed, so nothing was forgotten"));
        }
    }
    let print_of_key = fingerprint_of(&digest_key(state), key);
    state.forget(Resource::User, print_of_key, key)?;
    print(output, &format!("forgot the link of {key}\n"))?;
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
