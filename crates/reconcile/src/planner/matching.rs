//! Which account is whose: by the link, or else by the match attributes. More than one answer is a conflict, never a guess.

use peoplesync_scim::schema::Uniqueness;
use serde_json::Value as Json;

use super::{Known, words};
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
            Some(Presence::Found(account)) => return next_name(known, candidate, account),
            Some(Presence::Unknown(_)) => return Next::Answered,
        }
    }
    for search in searches(known, candidate) {
        match known.observation.hits(&search) {
            None => return Next::Search(search),
            Some(Err(_)) => return Next::Answered,
            Some(Ok(accounts)) => match *settled(known, candidate, &search, accounts) {
                [] => {}
                [account] => return next_name(known, candidate, account),
                _ => return Next::Answered,
            },
        }
    }
    Next::Answered
}

/// Whether a new name of an existing account is free was not asked yet.
fn next_name<'a>(known: Known<'a>, candidate: &Candidate, account: &Observed) -> Next<'a> {
    let mut names = new_names(known, candidate, account).into_iter();
    let open = names.find(|search| known.observation.hits(search).is_none());
    open.map_or(Next::Answered, Next::Search)
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

/// The one account of a candidate, as far as was asked.
pub(crate) fn account<'a>(known: Known<'a>, candidate: &Candidate) -> Option<&'a Observed> {
    match find(known, candidate) {
        Match::Linked(account) => Some(account),
        Match::Hits { accounts, .. } => match *accounts {
            [account] => Some(account),
            _ => None,
        },
        Match::None | Match::Unknown(_) => None,
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
                search.path,
                words::value(&known.survey.managed, &search.path, &search.value)
            ))
        };
        match known.observation.hits(&search) {
            None => return failed("it was not asked"),
            Some(Err(reason)) => return failed(reason),
            Some(Ok(accounts)) => {
                let accounts = settled(known, candidate, &search, accounts);
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
        WantedValue::Clear | WantedValue::Reference(_) | WantedValue::Choice(_) => None,
    }
}

/// The questions whether somebody else has the values that an existing account is to get, of attributes that are unique at
/// the target. Asked for match attributes only, as others may not be searchable; there the target has the last word.
pub(super) fn new_names(
    known: Known<'_>,
    candidate: &Candidate,
    account: &Observed,
) -> Vec<Search> {
    if account.protected_by().is_some() {
        return Vec::new();
    }
    let managed = &known.survey.managed;
    let mut searches = searches(known, candidate);
    searches.retain(|search| {
        let slot = managed.match_slots()[search.at.0];
        let is_unique =
            managed.definition(slot).is_some_and(|found| found.uniqueness != Uniqueness::None);
        let has_it =
            account.matches().any(|(index, value)| (index, value) == (search.at.0, &search.at.1));
        is_unique && !managed.attribute(slot).create_only && !has_it
    });
    searches
}

/// The account of somebody else that has a value which this account is to get.
pub(super) fn taken<'a>(
    known: Known<'a>,
    candidate: &Candidate,
    account: &Observed,
) -> Option<(Search, &'a Observed)> {
    new_names(known, candidate, account).into_iter().find_map(|search| {
        // Where the target cannot be searched it has the last word.
        let accounts = known.observation.hits(&search)?.ok()?;
        let mut others = settled(known, candidate, &search, accounts).into_iter();
        let other = others.find(|other| other.id != account.id)?;
        Some((search, other))
    })
}

/// The accounts among these whose linked owner gives the value up in this very run, with the place of that candidate.
pub(super) fn given_up<'a>(
    known: Known<'a>,
    candidate: &Candidate,
    search: &Search,
) -> Vec<(usize, &'a Observed)> {
    let accounts = match known.observation.hits(search) {
        Some(Ok(accounts)) => accounts,
        Some(Err(_)) | None => return Vec::new(),
    };
    let given_up = accounts
        .into_iter()
        .filter_map(|account| Some((giver(known, candidate, search, account)?, account)));
    given_up.collect()
}

/// Leaves out the accounts that give the value up: the name of one person may go to another in the same run.
fn settled<'a>(
    known: Known<'_>,
    candidate: &Candidate,
    search: &Search,
    mut accounts: Vec<&'a Observed>,
) -> Vec<&'a Observed> {
    accounts.retain(|account| giver(known, candidate, search, account).is_none());
    accounts
}

/// The candidate who owns an account and wants another value there, if it is somebody else.
fn giver(
    known: Known<'_>,
    candidate: &Candidate,
    search: &Search,
    account: &Observed,
) -> Option<usize> {
    let managed = &known.survey.managed;
    let (index, value) = &search.at;
    let slot = managed.match_slots()[*index];
    let owner = known.links.by_id(&account.id).filter(|link| link.key != candidate.key)?;
    let at = known.survey.position(&owner.key)?;
    let owner = &known.survey.candidates[at];
    if managed.attribute(slot).create_only
        || account.protected_by().is_some()
        || owner.wanted.iter().all(|wanted| wanted.slot != slot)
    {
        return None;
    }
    let wanted = wanted(owner, slot).and_then(|wanted| managed.match_form(*index, wanted));
    (wanted.as_deref() != Some(value)).then_some(at)
}
