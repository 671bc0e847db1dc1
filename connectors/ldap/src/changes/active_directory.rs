//! The two ways of Active Directory: the DirSync control, which needs the right to replicate, and the update sequence number,
//! which each domain controller counts for itself.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_source::{Context, Error};

use super::strays::{self, Strays};
use super::{Method, Place};
use crate::connection::{Connection, Found, SUCCESS};
use crate::directory::Directory;
use crate::pages::Task;
use crate::records::Job;
use crate::source::{Shared, broken};
use crate::value;
use crate::wire::controls::{self, DIRSYNC};
use crate::wire::{Answer, Broken, Depth, Filter, Search};

/// So many entries are asked for by their identity at a time.
const AT_A_TIME: usize = 50;

/// What is known of a change in any case: identity, deletion, and what a move or a new name changes.
const ALWAYS: [&str; 4] = ["objectGUID", "isDeleted", "name", "parentGUID"];

type Changes = (Place, BTreeMap<String, String>, Vec<Job>, Strays);

/// The number of this moment, and the server that counts it.
pub(super) fn usn(directory: &Directory) -> Option<Place> {
    let (number, server) = directory.usn.clone()?;
    Some(Place {
        method: Method::Usn,
        parts: vec![server.into_bytes(), number.to_string().into_bytes()],
    })
}

/// The cookies of this moment, one for each naming context: those of a search that finds only its top. Where the right to
/// replicate is missing, the update sequence number.
pub(super) async fn begin(
    connection: &mut Connection,
    directory: &Directory,
    shared: &Shared,
) -> Result<Option<Place>, Error> {
    let mut parts = Vec::new();
    let top = Filter::present("nobodyHasThis");
    for context in strays::contexts(directory, shared) {
        let mut cookie = Vec::new();
        loop {
            let Some((_, more, newer)) = ask(connection, &context, &top, &[], &cookie).await?
            else {
                return Ok(usn(directory));
            };
            cookie = newer;
            if !more {
                break;
            }
        }
        parts.push(cookie);
    }
    Ok(Some(Place { method: Method::Dirsync, parts }))
}

/// One question with the DirSync control; `None` if it is refused.
async fn ask(
    connection: &mut Connection,
    context: &str,
    filter: &Filter,
    attributes: &[String],
    cookie: &[u8],
) -> Result<Option<(Vec<Found>, bool, Vec<u8>)>, Error> {
    let search = Search {
        base: context,
        depth: Depth::Subtree,
        filter,
        attributes,
        types_only: false,
        controls: &[controls::dirsync(cookie)],
    };
    let id = connection.start(&search).await?;
    let mut found = Vec::new();
    loop {
        let message = connection.answer(id).await?;
        match &message.answer {
            Answer::Entry(entry) => found.push(Found::of(entry).map_err(broken)?),
            Answer::Done(outcome) if outcome.code == SUCCESS => {
                let Some(control) = message.control(DIRSYNC).map_err(broken)? else {
                    return Ok(None);
                };
                let (more, newer) = controls::dirsync_answer(control).map_err(broken)?;
                return Ok(Some((found, more, newer.to_vec())));
            }
            Answer::Done(_) | Answer::Extended(_) => return Ok(None),
            _ => {}
        }
    }
}

/// What changed by the DirSync control. It gives parts of entries only, so that those are read anew by their identity.
pub(super) async fn dirsync(
    cx: &Context,
    place: Place,
    connection: &mut Connection,
    directory: &Directory,
    shared: &Shared,
    attributes: &[String],
    page_size: Option<u32>,
) -> Result<Option<Changes>, Error> {
    let contexts = strays::contexts(directory, shared);
    if place.parts.len() != contexts.len() {
        return Ok(None);
    }
    let mut asked: Vec<String> = attributes.to_vec();
    asked.extend(ALWAYS.map(str::to_owned));
    for branch in &shared.checked.branches {
        asked.extend(branch.filter.attributes().iter().cloned());
    }
    let anything = Filter::present("objectClass");
    let (mut changed, mut gone, mut parts) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    for (context, cookie) in contexts.iter().zip(&place.parts) {
        let mut cookie = cookie.clone();
        loop {
            cx.go_on()?;
            let answer = ask(connection, context, &anything, &asked, &cookie).await?;
            let Some((found, more, newer)) = answer else { return Ok(None) };
            for entry in found {
                let Some(id) = entry.values("objectGUID").first() else { continue };
                if entry.text("isDeleted") == Some("TRUE") {
                    let key = value::guid(id)
                        .ok_or(Broken("an objectGUID has not 16 bytes"))
                        .map_err(broken)?;
                    gone.insert(key, entry.dn);
                } else {
                    changed.insert(id.clone());
                }
            }
            cookie = newer;
            if !more {
                break;
            }
        }
        parts.push(cookie);
    }
    let ids: Vec<Filter> = changed.iter().map(|id| Filter::equal("objectGUID", id)).collect();
    let (mut jobs, mut tasks) = (Vec::new(), Vec::new());
    for some in ids.chunks(AT_A_TIME) {
        let some = Filter::any(some);
        for branch in &shared.checked.branches {
            let filter = Filter::all([&branch.filter, &some]);
            jobs.push(Job::new(&branch.dn, branch.depth, filter));
        }
        for context in &contexts {
            tasks.push(Task {
                base: context.clone(),
                depth: Depth::Subtree,
                filter: some.clone(),
                attributes: vec![shared.config.key.clone()],
                types_only: false,
                controls: Vec::new(),
            });
        }
    }
    let strays = Strays::new(tasks, directory, shared, page_size);
    Ok(Some((Place { method: Method::Dirsync, parts }, gone, jobs, strays)))
}

/// What changed by the update sequence number: entries, and tombstones.
pub(super) async fn since_usn(
    place: &Place,
    connection: &mut Connection,
    directory: &Directory,
    shared: &Shared,
    page_size: Option<u32>,
) -> Result<Option<Changes>, Error> {
    let [server, number] = place.parts.as_slice() else { return Ok(None) };
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<u64>().ok());
    let (Some(number), Some(now)) = (number, usn(directory)) else { return Ok(None) };
    // Another server counts otherwise; one that counts from further back was restored.
    let is_same = now.parts.first() == Some(server);
    let is_later = directory.usn.as_ref().is_some_and(|(now, _)| *now >= number);
    if !is_same || !is_later {
        return Ok(None);
    }
    let since = Filter::at_least("uSNChanged", &(number + 1).to_string());
    let (jobs, strays) = strays::searches(&since, directory, shared, page_size);
    let mut gone = BTreeMap::new();
    if shared.config.key.eq_ignore_ascii_case("objectGUID") {
        let deleted = Filter::all([&Filter::equal("isDeleted", b"TRUE"), &since]);
        for context in strays::contexts(directory, shared) {
            let controls = [controls::show_deleted()];
            let (found, outcome) = connection
                .read(&context, Depth::Subtree, &deleted, &["objectGUID"], &controls)
                .await?;
            if outcome.code != SUCCESS {
                // Too many, or not to be seen: nothing is known of who is gone.
                return Ok(None);
            }
            for entry in found {
                if let Some(key) = entry.values("objectGUID").first().and_then(|id| value::guid(id))
                {
                    gone.insert(key, entry.dn);
                }
            }
        }
    }
    Ok(Some((now, gone, jobs, strays)))
}
