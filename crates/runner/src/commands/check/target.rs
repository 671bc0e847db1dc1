//! The part of `check` that asks the target: whether it answers, what the credentials may do, whether one account can be read and
//! found, and what it can do and what that means. Nothing is written.

use peoplesync_scim::client::{Client, Kind};
use peoplesync_scim::profile::{Delete, Discovery, Paging, ShowMembers, Update};
use peoplesync_scim::{Filter, Profile, resource};
use serde_json::Value as Json;

use super::Report;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::pipeline::{self, Session};

pub(super) async fn check(session: &Session, client: &Client, report: &mut Report) {
    let name = session.target_name();
    let mut pages = client.list(session.managed.resource(), None, None);
    let first = match pages.next().await {
        Ok(first) => first.unwrap_or_default(),
        Err(error) => return report.bad("target", &Failure::from(error)),
    };
    let accounts =
        pages.total_results().map(|total| format!(", {total} accounts")).unwrap_or_default();
    report.good("target", &format!("{name} answers, the credentials may read{accounts}"));
    let mut listed = first.iter().filter_map(|text| serde_json::from_str::<Json>(text.get()).ok());
    if let Some(account) = listed.next() {
        match session.managed.observe(&account) {
            Err(strange) => report.bad("target", &Failure::new(Exit::Target, strange.to_string())),
            Ok(observed) => {
                single(session, client, &observed.id, report).await;
                search(session, client, &account, &observed.id, report).await;
            }
        }
    }
    match client.discover(true).await {
        Ok(found) => {
            report.note(&said(&found));
            let profile = Profile::clone(client.profile()).with_discovery(&found);
            report.note(&meaning(&profile));
        }
        Err(error) => report.bad("target", &Failure::from(error)),
    }
    learned(session, report);
}

/// A single account, as every later change needs it.
async fn single(session: &Session, client: &Client, id: &str, report: &mut Report) {
    match client.get(session.managed.resource(), id).await {
        Ok(Some(_)) => report.good("read", "a single account can be read"),
        Ok(None) => report.bad(
            "read",
            &Failure::new(
                Exit::Target,
                format!("account {id} is in the list, and is not found by its id"),
            ),
        ),
        Err(error) => report.bad("read", &Failure::from(error)),
    }
}

/// A search by the first attribute that accounts are matched by, with the value of an account that is there.
async fn search(session: &Session, client: &Client, account: &Json, id: &str, report: &mut Report) {
    let Some(path) = session.managed.match_by().next() else { return };
    let Some(value) = resource::get(account, path).filter(|value| value.is_string()) else {
        return;
    };
    if !client.profile().filter.supported {
        return report
            .good("search", "not by filters, says the profile: everything is listed instead");
    }
    let filter = Filter::eq(path.clone(), value.clone());
    let instead = "accounts are matched by reading the whole list instead; `filter` of the profile says so, if it is known";
    match client.find(session.managed.resource(), &filter).await {
        Ok(found) if !found.filtered => {
            report.good("search", &format!("a filter by {path} is ignored"));
            report.note(instead);
        }
        Ok(found) if found.hits.iter().any(|hit| resource::member(hit, "id").is_some_and(|found| {
            peoplesync_scim::value::reference_id(found).as_deref() == Some(id)
        })) => report.good("search", &format!("a filter by {path} finds the account that has it")),
        Ok(_) => report.bad(
            "search",
            &Failure::new(Exit::Target, format!("a filter by {path} finds nobody, though account {id} has the value"))
                .with_hint("match by another attribute, or set [target.overrides] filter.supported = false: people who have an account would get a second one"),
        ),
        Err(error) if matches!(error.kind, Kind::Refused | Kind::Server) => {
            report.good("search", &format!("a filter by {path} is refused: {error}"));
            report.note(instead);
        }
        Err(error) => report.bad("search", &Failure::from(error)),
    }
}

/// What the target says of itself: `PATCH: yes; filter: yes, at most 200 results; ETag: no; bulk: no`.
fn said(found: &Discovery) -> String {
    if found.is_silent() {
        return "it does not say what it can do (no /ServiceProviderConfig)".to_owned();
    }
    let yes = |word: Option<bool>| match word {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not said",
    };
    let most =
        found.max_results.map(|most| format!(", at most {most} results")).unwrap_or_default();
    let cursor = if found.cursor == Some(true) { "; pages by cursor: yes" } else { "" };
    format!(
        "PATCH: {}; filter: {}{most}; ETag: {}; bulk: {}{cursor}",
        yes(found.patch),
        yes(found.filter),
        yes(found.etag),
        yes(found.bulk)
    )
}

/// What that and the profile mean for a run.
fn meaning(profile: &Profile) -> String {
    let mut parts = Vec::new();
    parts.push(match profile.write.update {
        Update::Auto | Update::Patch => "accounts are changed by PATCH".to_owned(),
        Update::Put => "accounts are read, merged and replaced by PUT".to_owned(),
        Update::PutChanges => "accounts are changed by PUT with the changes alone".to_owned(),
    });
    let operators = &profile.filter.operators;
    parts.push(
        match (profile.filter.supported, operators.as_slice(), profile.filter.attributes.as_slice())
        {
            (false, ..) => "nobody is found by a filter".to_owned(),
            (true, [one], []) => format!("filter: {one} only"),
            (true, [one], names) => format!("filter: {one} only, by {}", names.join(", ")),
            (true, _, []) => "filter: any".to_owned(),
            (true, _, names) => format!("filter: by {}", names.join(", ")),
        },
    );
    let cursor = matches!(profile.list.paging, Paging::Cursor | Paging::BareCursor);
    let by = if cursor { " by cursor" } else { "" };
    parts.push(format!("page size {}{by}", profile.list.page_size));
    if !profile.list.complete {
        parts.push("a list does not show everybody: who is not in it is looked up".to_owned());
    }
    if !profile.list.omits.is_empty() {
        parts.push("a list leaves attributes out: accounts are compared one by one".to_owned());
    }
    match profile.lifecycle.delete {
        Delete::Deletes => {}
        Delete::Permanent => parts.push("DELETE is for ever".to_owned()),
        Delete::Deactivates => parts.push("DELETE takes out of use".to_owned()),
        Delete::Unclaimed => {
            parts.push("DELETE works on accounts that nobody has claimed".to_owned())
        }
        Delete::None => parts.push("accounts cannot be deleted".to_owned()),
    }
    if profile.endpoints.groups.is_empty() {
        parts.push("there are no groups".to_owned());
    } else if profile.groups.members == ShowMembers::Never {
        parts.push("members are not returned".to_owned());
    }
    if !profile.write.ignored.is_empty() {
        parts.push(format!("not kept: {}", profile.write.ignored.join(", ")));
    }
    parts.join("; ")
}

/// What earlier runs have learned.
fn learned(session: &Session, report: &mut Report) {
    let Ok(state) = pipeline::open_state(session, pipeline::Access::Plan) else { return };
    let key = pipeline::digest_key(&state);
    let Ok(kept) = pipeline::load_kept(session.managed.resource(), &state, &key) else { return };
    for (path, accounts) in kept.counts() {
        report.note(&format!("it keeps {path} of {accounts} accounts otherwise than it was sent; that is left as it is"));
    }
}
