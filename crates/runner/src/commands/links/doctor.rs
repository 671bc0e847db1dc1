//! `links doctor`: the links and the target side by side. It writes nothing; what it finds it says, with what to do.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_reconcile::{Action, Link, Observed, Rejection, Standing};
use peoplesync_scim::Resource;
use serde_json::{Value as Json, json};

use crate::commands::print;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{self, Access, Prepared};
use crate::report::{Output, Paint, human, json as documents, line};

/// An id and what people call the account.
type Account = (String, String);

/// Accounts that have one value of a match attribute: path, value, the accounts.
type Duplicate = (String, String, Vec<Account>);

/// What was found.
#[derive(Default)]
struct Findings {
    links: u64,
    accounts: u64,
    /// Links whose account is gone.
    dangling: Vec<Link>,
    duplicates: Vec<Duplicate>,
    /// People for whom it is not clear which account is theirs.
    ambiguous: Vec<Rejection>,
    /// Accounts that are nobody's: id, name, whether they are in use.
    orphans: Vec<(String, String, Option<bool>)>,
    /// Leavers whose account is in use at the target.
    revived: Vec<(Link, String)>,
}

pub(super) async fn run(loaded: Loaded, json: bool, output: Output) -> Outcome<Exit> {
    let prepared = pipeline::prepare(loaded, true, None, Access::Plan, None, output).await?;
    let accounts = accounts(&prepared).await?;
    let findings = examine(&prepared, &accounts).await?;
    let shown = if json {
        documents::text(&document(&findings))
    } else {
        text(&findings, &prepared, output.paint)
    };
    print(output, &shown)?;
    let is_well = findings.dangling.is_empty()
        && findings.duplicates.is_empty()
        && findings.ambiguous.is_empty()
        && findings.revived.is_empty();
    Ok(if is_well { Exit::Done } else { Exit::Partly })
}

/// Every account of the target.
async fn accounts(prepared: &Prepared) -> Outcome<BTreeMap<String, Observed>> {
    let managed = &prepared.session.managed;
    let mut pages = prepared.client.list(managed.resource(), None, None);
    let mut accounts = BTreeMap::new();
    while let Some(page) = pages.next().await? {
        for resource in &page {
            let unreadable = |why: String| {
                Failure::new(Exit::Target, format!("the target listed what is no account: {why}"))
            };
            let resource: Json = serde_json::from_str(resource.get())
                .map_err(|error| unreadable(error.to_string()))?;
            let seen = managed.observe(&resource).map_err(|error| unreadable(error.to_string()))?;
            accounts.insert(seen.id.clone(), seen);
        }
    }
    if pages.complete() {
        return Ok(accounts);
    }
    Err(Failure::new(Exit::Target, "the target's list ended early, so nothing can be said of it"))
}

async fn examine(prepared: &Prepared, accounts: &BTreeMap<String, Observed>) -> Outcome<Findings> {
    let resource = prepared.session.managed.resource();
    let mut findings = Findings { accounts: accounts.len() as u64, ..Findings::default() };
    let mut linked = BTreeSet::new();
    let mut unlisted = Vec::new();
    findings.links = prepared.state.each_link(resource, |link| {
        match accounts.get(&link.id) {
            None => unlisted.push(link.clone()),
            Some(account) if link.standing != Standing::Active && account.active == Some(true) => {
                findings.revived.push((link.clone(), account.name.clone()));
            }
            Some(_) => {}
        }
        linked.insert(link.id);
    })?;
    for link in unlisted {
        // Some services leave accounts that are out of use out of their lists.
        if prepared.client.get(resource, &link.id).await?.is_none() {
            findings.dangling.push(link);
        }
    }
    findings.duplicates = duplicates(prepared, accounts);
    let is_matching = |rejection: &&Rejection| {
        let field = rejection.field.as_deref().unwrap_or_default();
        let mut match_by = prepared.session.managed.match_by();
        rejection.resource == Resource::User && match_by.any(|path| path.to_string() == field)
    };
    findings.ambiguous = prepared.plan.rejected.iter().filter(is_matching).cloned().collect();
    let adopted: BTreeSet<&str> = prepared
        .plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Adopt)
        .filter_map(|change| change.id.as_deref())
        .collect();
    let orphans = accounts
        .values()
        .filter(|account| !linked.contains(&account.id) && !adopted.contains(account.id.as_str()));
    findings.orphans =
        orphans.map(|account| (account.id.clone(), account.name.clone(), account.active)).collect();
    findings.orphans.sort_by(|(a_id, a, _), (b_id, b, _)| (a, a_id).cmp(&(b, b_id)));
    Ok(findings)
}

fn duplicates(prepared: &Prepared, accounts: &BTreeMap<String, Observed>) -> Vec<Duplicate> {
    let paths: Vec<_> = prepared.session.managed.match_by().collect();
    let mut by_value: BTreeMap<(usize, &str), Vec<&Observed>> = BTreeMap::new();
    for account in accounts.values() {
        // Values that are only looked up do not say who somebody is.
        for at in account.matches().filter(|(index, _)| *index < paths.len()) {
            by_value.entry(at).or_default().push(account);
        }
    }
    let several = by_value.into_iter().filter(|(_, accounts)| accounts.len() > 1);
    several
        .map(|((index, value), accounts)| {
            let path = paths.get(index).map(ToString::to_string).unwrap_or_default();
            let of = |account: &&Observed| (account.id.clone(), account.name.clone());
            let mut accounts: Vec<_> = accounts.iter().map(of).collect();
            accounts.sort_by(|(a_id, a), (b_id, b)| (a, a_id).cmp(&(b, b_id)));
            (path, value.to_owned(), accounts)
        })
        .collect()
}

fn text(findings: &Findings, prepared: &Prepared, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.bold(&prepared.title()));
    let mut section = |title: &str, advice: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        line!(text, "\n{}", paint.bold(title));
        for shown in lines {
            line!(text, "  {} {shown}", paint.yellow("!"));
        }
        if !advice.is_empty() {
            line!(text, "  {}", paint.dim(advice));
        }
    };
    section(
        "Links to accounts that are gone",
        "whoever is in scope gets a new account by the next full apply; `peoplesync links forget KEY` ends a link",
        findings.dangling.iter().map(|link| format!("key {}  {}", link.key, link.id)).collect(),
    );
    section(
        "Accounts with the same name",
        "nobody is linked to one of these by a guess; remove one at the target, or link the right one: `peoplesync links import`",
        findings
            .duplicates
            .iter()
            .map(|(path, value, accounts)| {
                let accounts: Vec<String> =
                    accounts.iter().map(|(id, name)| format!("{id} ({name})")).collect();
                format!("{path} {value}: {}", accounts.join(", "))
            })
            .collect(),
    );
    section(
        "People whose account is not clear",
        "",
        findings
            .ambiguous
            .iter()
            .map(|rejection| {
                let key = rejection.key.as_deref().unwrap_or_default();
                format!("{}  key {key}  {}", rejection.origin, rejection.reason)
            })
            .collect(),
    );
    section(
        "Leavers whose account is in use again",
        "`peoplesync apply --full` takes them out of use, unless people.on_drift says otherwise",
        findings
            .revived
            .iter()
            .map(|(link, name)| format!("key {}  {} ({name})", link.key, link.id))
            .collect(),
    );
    section(
        "Accounts that are nobody's",
        "no link and no match: peoplesync never touches them",
        findings
            .orphans
            .iter()
            .map(|(id, name, active)| {
                let active = if *active == Some(false) { ", not in use" } else { "" };
                format!("{name}  {id}{active}")
            })
            .collect(),
    );
    let number = |count: u64| human::number(usize::try_from(count).unwrap_or(usize::MAX));
    line!(
        text,
        "\n{} {} links, {} accounts, {} of them nobody's.",
        paint.bold("Doctor:"),
        number(findings.links),
        number(findings.accounts),
        human::number(findings.orphans.len())
    );
    text
}

fn document(findings: &Findings) -> Json {
    let pair = |link: &Link| json!({ "key": link.key, "id": link.id });
    json!({
        "links": findings.links,
        "accounts": findings.accounts,
        "dangling": findings.dangling.iter().map(pair).collect::<Vec<_>>(),
        "duplicates": findings.duplicates.iter().map(|(path, value, accounts)| json!({
            "path": path,
            "value": value,
            "accounts": accounts.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "ambiguous": findings.ambiguous,
        "revived": findings.revived.iter().map(|(link, _)| pair(link)).collect::<Vec<_>>(),
        "orphans": findings.orphans.iter().map(|(id, name, active)| json!({
            "id": id, "name": name, "active": active,
        })).collect::<Vec<_>>(),
    })
}
