//! What becomes of each candidate: keeps, gets, or takes over an account, or is rejected because two want the same.

use std::collections::BTreeMap;

use peoplesync_scim::schema::Uniqueness;
use peoplesync_scim::value;

use super::matching::{self, Match};
use super::words;
use super::{Facts, differences};
use crate::{Candidate, Observed};

/// What becomes of one candidate.
#[derive(Debug)]
pub(super) enum Fate<'a> {
    /// Nothing to look at: whom the person waits for does not come in this run.
    Settled,
    /// The linked account is brought in line.
    Linked(&'a Observed),
    /// A new account, as none matches; or because the linked one is gone.
    Create { gone: Option<&'a str> },
    /// An existing account is taken over.
    Adopt { account: &'a Observed, attribute: usize, gone: Option<&'a str> },
    /// The existing account must not be touched.
    Protected(&'a Observed),
    /// It cannot be decided. The accounts in question are left alone, whoever else would change them.
    Rejected { field: Option<String>, reason: String, accounts: Vec<&'a str> },
}

/// One fate for each candidate, in their order.
pub(super) fn decide<'a>(facts: &Facts<'a>) -> Vec<Fate<'a>> {
    let mut fates: Vec<Fate<'a>> =
        facts.survey.candidates.iter().map(|candidate| fate(facts, candidate)).collect();
    reject_same_account(facts, &mut fates);
    reject_same_value(facts, &mut fates);
    fates
}

fn fate<'a>(facts: &Facts<'a>, candidate: &Candidate) -> Fate<'a> {
    if facts.survey.is_settled(candidate, facts.links) {
        return Fate::Settled;
    }
    let gone = facts.links.get(&candidate.key).map(|link| link.id.as_str());
    match matching::find(facts.known(), candidate) {
        Match::Linked(account) => Fate::Linked(account),
        Match::None => Fate::Create { gone },
        Match::Unknown(reason) => Fate::Rejected { field: None, reason, accounts: Vec::new() },
        Match::Hits { attribute, accounts } => hit(facts, candidate, attribute, &accounts, gone),
    }
}

/// The fate of an unlinked candidate whom these accounts match.
fn hit<'a>(
    facts: &Facts<'a>,
    candidate: &Candidate,
    attribute: usize,
    accounts: &[&'a Observed],
    gone: Option<&'a str>,
) -> Fate<'a> {
    let name = match_name(facts, attribute);
    let reject = |reason: String| Fate::Rejected {
        field: Some(name.clone()),
        reason,
        accounts: accounts.iter().map(|account| account.id.as_str()).collect(),
    };
    let [account] = *accounts else {
        let all = words::list(accounts.iter().map(|account| words::account(account)));
        return reject(format!(
            "{} accounts have the same {name}: {all}; it is not clear which one to take over",
            accounts.len()
        ));
    };
    let owner = facts.links.by_id(&account.id).filter(|link| link.key != candidate.key);
    if let Some(owner) = owner {
        return reject(format!(
            "account {} has the same {name} and is linked to key {}; if that is the same person, forget that link",
            words::account(account),
            owner.key
        ));
    }
    if account.protected_by().is_some() {
        return Fate::Protected(account);
    }
    if !facts.policy.adopt {
        return reject(format!(
            "account {} has the same {name}; to take it over, set people.adopt = true",
            words::account(account)
        ));
    }
    Fate::Adopt { account, attribute, gone }
}

/// Two people cannot have one account.
fn reject_same_account<'a>(facts: &Facts<'a>, fates: &mut [Fate<'a>]) {
    let mut takers: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
    for (at, fate) in fates.iter().enumerate() {
        if let Fate::Adopt { account, .. } = fate {
            takers.entry(&account.id).or_default().push(at);
        }
    }
    for (id, takers) in takers {
        for &at in takers.iter().filter(|_| takers.len() > 1) {
            let Fate::Adopt { account, attribute, .. } = fates[at] else { continue };
            let name = match_name(facts, attribute);
            let reason = format!(
                "account {} has the same {name}, and is also the one of {}",
                words::account(account),
                others(facts, &takers, at)
            );
            fates[at] = Fate::Rejected { field: Some(name), reason, accounts: vec![id] };
        }
    }
}

/// Two people cannot have one value of an attribute that is unique at the target. Whoever has it already keeps it.
fn reject_same_value(facts: &Facts<'_>, fates: &mut [Fate<'_>]) {
    let managed = &facts.survey.managed;
    for (slot, attribute) in (0u16..).zip(managed.attributes()) {
        let definition = managed.definition(slot);
        if definition.is_none_or(|definition| definition.uniqueness == Uniqueness::None) {
            continue;
        }
        let mut people: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, candidate) in facts.survey.candidates.iter().enumerate() {
            let is_left_alone = match fates[at] {
                Fate::Rejected { .. } | Fate::Protected(_) => true,
                Fate::Linked(_) | Fate::Adopt { .. } | Fate::Settled => attribute.create_only,
                Fate::Create { .. } => false,
            };
            if let Some(wanted) = matching::wanted(candidate, slot)
                && !is_left_alone
                && !value::is_unassigned(wanted)
            {
                let form = value::canonical(definition, wanted).to_string();
                people.entry(form).or_default().push(at);
            }
        }
        for people in people.into_values().filter(|people| people.len() > 1) {
            for &at in &people {
                let wanted = matching::wanted(&facts.survey.candidates[at], slot);
                let has_it = match &fates[at] {
                    Fate::Settled => true,
                    Fate::Linked(account) | Fate::Adopt { account, .. } => {
                        differences::compare(managed, slot, wanted, account).is_none()
                    }
                    _ => false,
                };
                if has_it {
                    continue;
                }
                let name = words::short(&attribute.path);
                let shown = wanted.map(ToString::to_string).unwrap_or_default();
                let reason =
                    format!("{name} {shown} is also wanted by {}", others(facts, &people, at));
                let field = Some(attribute.path.to_string());
                fates[at] = Fate::Rejected { field, reason, accounts: Vec::new() };
            }
        }
    }
}

/// The other people of a group: "key 8 (people.csv:9)".
fn others(facts: &Facts<'_>, group: &[usize], but: usize) -> String {
    let others = group.iter().filter(|at| **at != but).map(|at| &facts.survey.candidates[*at]);
    words::list(others.map(|other| format!("key {} ({})", other.key, other.origin)))
}

fn match_name(facts: &Facts<'_>, attribute: usize) -> String {
    facts.survey.managed.match_by().nth(attribute).map(ToString::to_string).unwrap_or_default()
}
