//! Which account is whose: by the link, or else by the match attributes. More than one answer is a conflict, never a guess.

use serde_json::Value as Json;

use super::Known;
use crate::observation::Presence;
use crate::{Candidate, Observed, Search, WantedValue};

/// The next thing to ask about a candidate.
pub(crate) enum Next<'a> {
    Account(&'a str),
    Search(Search),
    Answered,
}

/// What matching found for a candidate.
#[derive(Debug)]
pub(super) enum Match<'a> {
    /// Linked to an account that exists.
    Linked(&'a Observed),
    /// The accounts that have the value of one match attribute, the first that any has.
    Hits { attribute: usize, accounts: Vec<&'a Observed> },
    /// No account.
    None,
    /// It could not be found out; why.
    Unknown(String),
}

/// What is still to be asked before the candidate can be planned.
pub(crate) fn next<'a>(known: Known<'a>, candidate: &Candidate) -> Next<'a> {
    if known.survey.is_settled(candidate, known.links) {
        return Next::Answered;
    }
    if let Some(link) = known.links.get(&candidate.key) {
        match known.observation.presence(&link.id) {
            None => return Next::Account(&link.id),
            Some(Presence::Gone) => {}
            Some(Presence::Found(_) | Presence::Unknown(_)) => return Next::Answered,
        }
    }
    for search in searches(known, candidate) {
        match known.observation.hits(&search) {
            None => return Next::Search(search),
            Some(Err(_)) => return Next::Answered,
            Some(Ok(accounts)) => {
                if !settling(known, candidate, &search, accounts).is_empty() {
                    return Next::Answered;
                }
            }
        }
    }
    Next::Answered
}

/// The accounts that an unlinked candidate matches, as far as was asked.
pub(crate) fn hits<'a>(known: Known<'a>, candidate: &Candidate) -> Vec<&'a Observed> {
    if known.survey.is_settled(candidate, known.links) {
        return Vec::new();
    }
    match find(known, candidate) {
        Match::Hits { accounts, .. } => accounts,
        Match::Linked(_) | Match::None | Match::Unknown(_) => Vec::new(),
    }
}

/// The account of a candidate.
pub(super) fn find<'a>(known: Known<'a>, candidate: &Candidate) -> Match<'a> {
    if let Some(link) = known.links.get(&candidate.key) {
        let unknown = |reason: &str| {
            Match::Unknown(format!("account {} could not be looked up: {reason}", link.id))
        };
        match known.observation.presence(&link.id) {
            Some(Presence::Found(observed)) => return Match::Linked(observed),
            Some(Presence::Gone) => {}
            Some(Presence::Unknown(reason)) => return unknown(reason),
            None => return unknown("the target was not asked"),
        }
    }
    for search in searches(known, candidate) {
        let failed = |reason: &str| {
            Match::Unknown(format!(
                "the target could not be searched for {} {}: {reason}",
                search.path, search.value
            ))
        };
        match known.observation.hits(&search) {
            None => return failed("it was not asked"),
            Some(Err(reason)) => return failed(reason),
            Some(Ok(accounts)) => {
                let accounts = settling(known, candidate, &search, accounts);
                if !accounts.is_empty() {
                    return Match::Hits { attribute: search.at.0, accounts };
                }
            }
        }
    }
    Match::None
}

/// The questions by which the account of an unlinked candidate is found, in the order of the match attributes.
pub(super) fn searches(known: Known<'_>, candidate: &Candidate) -> Vec<Search> {
    let managed = &known.survey.managed;
    let slots = managed.match_slots().iter().enumerate();
    let searches = slots.filter_map(|(index, slot)| {
        let value = wanted(candidate, *slot)?;
        let form = managed.match_form(index, value)?;
        let path = managed.attribute(*slot).path.clone();
        Some(Search { path, value: value.clone(), at: (index, form) })
    });
    searches.collect()
}

/// The value that a candidate wants in a slot.
pub(super) fn wanted(candidate: &Candidate, slot: u16) -> Option<&Json> {
    let wanted = candidate.wanted.iter().find(|wanted| wanted.slot == slot)?;
    match &wanted.value {
        WantedValue::Set(value) => Some(value),
        WantedValue::Clear | WantedValue::Reference(_) => None,
    }
}

/// Leaves out the accounts whose linked owner gives the value up in this very run: the name of one person may go to
/// another.
fn settling<'a>(
    known: Known<'_>,
    candidate: &Candidate,
    search: &Search,
    mut accounts: Vec<&'a Observed>,
) -> Vec<&'a Observed> {
    let managed = &known.survey.managed;
    let (index, value) = &search.at;
    let slot = managed.match_slots()[*index];
    accounts.retain(|account| {
        let owner = known.links.by_id(&account.id).filter(|link| link.key != candidate.key);
        let owner = owner.and_then(|link| known.survey.position(&link.key));
        let Some(owner) = owner.map(|at| &known.survey.candidates[at]) else { return true };
        let is_kept = managed.attribute(slot).create_only
            || account.protected_by().is_some()
            || owner.wanted.iter().all(|wanted| wanted.slot != slot);
        let is_wanted = wanted(owner, slot)
            .and_then(|wanted| managed.match_form(*index, wanted))
            .is_some_and(|form| form == *value);
        is_kept || is_wanted
    });
    accounts
}
