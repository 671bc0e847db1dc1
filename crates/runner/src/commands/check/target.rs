//! The part of `check` that asks the target: whether it answers, whether the credentials are accepted and what they may do, whether one
//! account can be read and found, and what the target can do and what that means. Nothing is written.

use peoplesync_scim::client::{Client, Kind};
use peoplesync_scim::profile::{
    Delete, Discovery, Filtering, Grouping, Paging, ShowMembers, Update, Use,
};
use peoplesync_scim::{Filter, Path, Profile, Resource, resource};
use serde_json::{Value as Json, json};

use super::Report;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::pipeline::{self, Session, discovery};

/// The id of no account.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(super) async fn check(
    session: &Session,
    client: &Client,
    ask_to_write: bool,
    report: &mut Report,
) {
    let name = session.target_name();
    let mut pages = client.list(session.managed.resource(), None, None);
    let first = match pages.next().await {
        Ok(first) => first.unwrap_or_default(),
        Err(error) if error.kind == Kind::Denied => {
            report.good("target", &format!("{name} answers"));
            return report.bad("credentials", &Failure::from(error));
        }
        Err(error) => return report.bad("target", &Failure::from(error)),
    };
    let accounts = pages.total_results().map(|total| counted(total, "account"));
    report.good("target", &format!("{name} answers"));
    let accounts = accounts.unwrap_or_else(|| "accounts".to_owned());
    report.good("credentials", &format!("accepted; {accounts} can be read"));
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
    if ask_to_write {
        write(session, client, report).await;
    }
    groups(session, client, report).await;
    match client.discover(true).await {
        Ok(found) => {
            report.note(&said(&found));
            let profile = Profile::clone(client.profile()).with_discovery(&found);
            report.note(&meaning(&profile));
            // A state that the config names wrongly is told in its own line.
            if let Err(failure) = discovery::renew(session, client, &found)
                && failure.exit() != Exit::Usage
            {
                report.note(&discovery::is_older(&failure));
            }
        }
        Err(error) => report.bad("target", &Failure::from(error)),
    }
    let missing = unmapped(session, client.profile());
    if !missing.is_empty() {
        let missing = missing.join(", ");
        report.note(&format!(
            "no account can be created without {missing}, to which the mapping gives no value"
        ));
    }
    learned(session, report);
}

/// What the profile requires of a new account, and the mapping does not have.
fn unmapped<'a>(session: &Session, profile: &'a Profile) -> Vec<&'a str> {
    let is_mapped = |text: &&String| {
        let Ok(wanted) = Path::parse(text) else { return true };
        let mut mapped = session.mapping.attributes().iter().map(|attribute| attribute.path());
        mapped.any(|path| *path == wanted || path.root() == wanted || *path == wanted.root())
    };
    let required = profile.write.required.iter();
    required.filter(|text| !is_mapped(text)).map(String::as_str).collect()
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

/// Whether accounts may be changed, as far as that can be told by asking to change one that does not exist.
async fn write(session: &Session, client: &Client, report: &mut Report) {
    let profile = client.profile();
    if matches!(profile.write.update, Update::Put | Update::PutChanges) {
        let why = "not tried: accounts are changed by PUT, and some services would create what they do not know";
        return report.good("write", why);
    }
    let nobody = json!({
        "schemas": [peoplesync_scim::urn::PATCH_OP],
        "Operations": [{ "op": "replace", "path": "active", "value": true }],
    });
    match client.patch(session.managed.resource(), NOBODY, &nobody, None).await {
        Err(error) if error.kind == Kind::Denied => {
            let hint = "the credentials may read and not write: ask the target's administrator for the right to manage accounts";
            report.bad("write", &Failure::from(error).with_hint(hint));
        }
        Err(error) if error.is_unsupported() => {
            report.good("write", "PATCH is not served; accounts are read, merged and replaced by PUT");
        }
        Err(error) if matches!(error.kind, Kind::NotFound | Kind::Refused) => {
            report.good("write", "the credentials may change accounts, as far as can be told without doing so");
        }
        Err(error) => report.bad("write", &Failure::from(error)),
        Ok(_) => report.good("write", "a change of an account that does not exist is answered with success, which tells nothing"),
    }
}

/// The groups of the target.
async fn groups(session: &Session, client: &Client, report: &mut Report) {
    if session.groups.is_none() {
        return;
    }
    let mut pages = client.list(Resource::Group, None, None);
    match pages.next().await {
        Ok(_) => {
            let found = pages.total_results().map(|total| counted(total, "group"));
            let found = found.unwrap_or_else(|| "groups".to_owned());
            report.good("groups", &format!("{found} of the target can be read"));
        }
        Err(error) => report.bad("groups", &Failure::from(error).about("those of the target")),
    }
}

/// `1 account`, `3 accounts`.
fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
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
    parts.push(of_filters(&profile.filter));
    let cursor = matches!(profile.list.paging, Paging::Cursor | Paging::BareCursor);
    let by = if cursor { " by cursor" } else { "" };
    parts.push(format!("page size {}{by}", profile.list.page_size));
    if profile.bulk.when == Use::Always || profile.bulk.max_operations > 1 {
        let most = match profile.bulk.max_operations {
            0 => String::new(),
            most => format!(", at most {most} in one"),
        };
        parts.push(format!("changes leave in bulk requests{most}"));
    }
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
    } else {
        parts.extend(of_groups(&profile.groups));
    }
    if !profile.write.ignored.is_empty() {
        parts.push(format!("not kept: {}", profile.write.ignored.join(", ")));
    }
    parts.join("; ")
}

/// How accounts are found: `filter: eq only, by userName`.
fn of_filters(filter: &Filtering) -> String {
    if !filter.supported {
        return "nobody is found by a filter".to_owned();
    }
    let is_limited = filter.operators.len() < Filtering::default().operators.len();
    let operators = format!("{} only", filter.operators.join(", "));
    let operators = if is_limited { operators.as_str() } else { "any" };
    match filter.attributes.as_slice() {
        [] => format!("filter: {operators}"),
        names => format!("filter: {operators}, by {}", names.join(", ")),
    }
}

/// What is special about groups.
fn of_groups(groups: &Grouping) -> impl Iterator<Item = String> {
    let most =
        |number: u32, what: &str| (number > 0).then(|| format!("at most {number} members {what}"));
    let parts = [
        (groups.members == ShowMembers::Never).then(|| "members are not returned".to_owned()),
        most(groups.members_per_request, "are changed in a request"),
        most(groups.removes_per_request, "are removed in a request"),
        most(groups.joins_per_hour, "join a group in an hour"),
        (!groups.nested).then(|| "no groups in groups".to_owned()),
        (!groups.fixed.is_empty())
            .then(|| format!("of a group {} stays as it was created", groups.fixed.join(", "))),
    ];
    parts.into_iter().flatten()
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
