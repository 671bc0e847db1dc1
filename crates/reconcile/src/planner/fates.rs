//! What becomes of each candidate: keeps, gets, or takes over an account, or is rejected because two want the same.

use std::collections::BTreeMap;

use peoplesync_scim::schema::Uniqueness;
use peoplesync_scim::value;

use super::choices::{Choice, Chosen, Given};
use super::leavers::{self, Verdict};
use super::matching::{self, Match};
use super::words;
use super::{Facts, differences};
use crate::{Candidate, Observed, Search, WantedValue};

/// What becomes of one candidate.
#[derive(Debug)]
pub(crate) enum Fate<'a> {
    /// Nothing to look at: whom the person waits for does not come in this run, or an account out of use cannot be seen.
    Settled,
    /// The linked account is brought in line.
    Linked(&'a Observed),
    /// A new account, as none matches; or because the linked one is gone.
    Create { gone: Option<&'a str>, chosen: Vec<Chosen> },
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
    reject_kept_value(facts, &mut fates);
    choose(facts, &mut fates);
    fates
}

/// The questions whether somebody has what people propose for new accounts. Whoever may get one takes part, so that nothing
/// else is open when it is decided who does: where fewer take part, each gets a proposal that was asked about before.
pub(crate) fn open_choices(facts: &Facts<'_>) -> Vec<Search> {
    let known = facts.known();
    let mut given = Given::default();
    let mut open = Vec::new();
    for candidate in facts.survey.candidates.iter().filter(|candidate| has_choice(candidate)) {
        let is_new = !facts.survey.is_settled(candidate, facts.links)
            && matches!(matching::find(known, candidate), Match::None);
        if is_new && let Choice::Open(search) = given.choose(known, candidate) {
            open.push(search);
        }
    }
    open
}

fn has_choice(candidate: &Candidate) -> bool {
    candidate.wanted.iter().any(|wanted| matches!(wanted.value, WantedValue::Choice(_)))
}

/// Chooses among the proposals of all who get a new account, in the order of their keys.
fn choose(facts: &Facts<'_>, fates: &mut [Fate<'_>]) {
    let mut given = Given::default();
    for (candidate, fate) in facts.survey.candidates.iter().zip(fates) {
        let Fate::Create { chosen, .. } = fate else { continue };
        if !has_choice(candidate) {
            continue;
        }
        let (field, reason) = match given.choose(facts.known(), candidate) {
            Choice::Free(free) => {
                *chosen = free;
                continue;
            }
            Choice::Open(search) => {
                (search.path.to_string(), "the target was not asked".to_owned())
            }
            Choice::None { field, reason } => (field, reason),
        };
        *fate = Fate::Rejected { field: Some(field), reason, accounts: Vec::new() };
    }
}

fn fate<'a>(facts: &Facts<'a>, candidate: &Candidate) -> Fate<'a> {
    if facts.survey.is_settled(candidate, facts.links) {
        return Fate::Settled;
    }
    let gone = facts.links.get(&candidate.key).map(|link| link.id.as_str());
    match matching::find(facts.known(), candidate) {
        Match::Linked(account) => {
            is_taken(facts, candidate, account).unwrap_or(Fate::Linked(account))
        }
        Match::None if gone.is_some() && is_hidden(facts, candidate) => Fate::Settled,
        Match::None => Fate::Create { gone, chosen: Vec::new() },
        Match::Unknown(reason) => Fate::Rejected { field: None, reason, accounts: Vec::new() },
        Match::Hits { attribute, accounts } => hit(facts, candidate, attribute, &accounts, gone),
    }
}

/// Whether the account is to be out of use, where such accounts cannot be seen.
fn is_hidden(facts: &Facts<'_>, candidate: &Candidate) -> bool {
    let (_, slot) = facts.survey.managed.active();
    facts.policy.hides_inactive
        && slot
            .and_then(|slot| matching::wanted(candidate, slot))
            .is_some_and(|wanted| *wanted == serde_json::Value::Bool(false))
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
        let mut reason = format!(
            "account {} has the same {name} and is linked to key {}",
            words::account(account),
            owner.key
        );
        // Whose link was asked for by the account alone may have stayed as well as left.
        let is_missing = facts.links.is_missing(&owner.key);
        let left = match is_missing.then(|| leavers::verdict(facts, owner)) {
            None | Some(Verdict::Nothing) => None,
            Some(Verdict::Check(_)) => Some(""),
            Some(Verdict::Begins | Verdict::Waits | Verdict::Due(..)) => {
                Some(", who left; it is kept as it is")
            }
        };
        match left {
            Some(left) => {
                reason += &format!(
                    "{left}; if both are one person, forget the link of key {}",
                    owner.key
                );
            }
            None => reason += "; two people cannot have one account",
        }
        return reject(reason);
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
    is_taken(facts, candidate, account).unwrap_or(Fate::Adopt { account, attribute, gone })
}

/// The rejection of somebody whose account is to get a value that another account has.
fn is_taken<'a>(facts: &Facts<'a>, candidate: &Candidate, account: &Observed) -> Option<Fate<'a>> {
    let (search, other) = matching::taken(facts.known(), candidate, account)?;
    let reason = format!(
        "{} {} is that of account {}",
        words::short(&search.path),
        words::value(&facts.survey.managed, &search.path, &search.value),
        words::account(other)
    );
    Some(Fate::Rejected { field: Some(search.path.to_string()), reason, accounts: Vec::new() })
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

/// Two people cannot get one value of an attribute that is unique at the target.
fn reject_same_value(facts: &Facts<'_>, fates: &mut [Fate<'_>]) {
    let managed = &facts.survey.managed;
    for (slot, attribute) in (0u16..).zip(managed.attributes()) {
        let definition = managed.definition(slot);
        if definition.is_none_or(|definition| definition.uniqueness == Uniqueness::None) {
            continue;
        }
        let mut people: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, candidate) in facts.survey.candidates.iter().enumerate() {
            let Some(wanted) = matching::wanted(candidate, slot) else { continue };
            let gets_it = match &fates[at] {
                Fate::Create { .. } => !differences::is_none(wanted),
                Fate::Linked(account) | Fate::Adopt { account, .. } => {
                    !attribute.create_only
                        && differences::compare(managed, slot, Some(wanted), account).is_some()
                }
                Fate::Settled | Fate::Protected(_) | Fate::Rejected { .. } => false,
            };
            if gets_it {
                let form = value::canonical(definition, wanted).to_string();
                people.entry(form).or_default().push(at);
            }
        }
        for people in people.into_values().filter(|people| people.len() > 1) {
            for &at in &people {
                let wanted = matching::wanted(&facts.survey.candidates[at], slot);
                let reason = format!(
                    "{} {} is also wanted by {}",
                    words::short(&attribute.path),
                    wanted.map(|w| words::value(managed, &attribute.path, w)).unwrap_or_default(),
                    others(facts, &people, at)
                );
                let field = Some(attribute.path.to_string());
                fates[at] = Fate::Rejected { field, reason, accounts: Vec::new() };
            }
        }
    }
}

/// Who counts on a name that another person gives up cannot get it if that one is left as is. Their own old name then is
/// not given up either, so this goes on until nobody is left who counts on it.
fn reject_kept_value(facts: &Facts<'_>, fates: &mut [Fate<'_>]) {
    let known = facts.known();
    let mut counting: Vec<(usize, usize, String, String)> = Vec::new();
    for (at, candidate) in facts.survey.candidates.iter().enumerate() {
        let searches = match &fates[at] {
            Fate::Create { .. } => matching::searches(known, candidate),
            Fate::Linked(account) | Fate::Adopt { account, .. } => {
                matching::new_names(known, candidate, account)
            }
            Fate::Settled | Fate::Protected(_) | Fate::Rejected { .. } => continue,
        };
        for search in searches {
            for (owner, account) in matching::given_up(known, candidate, &search) {
                let owner_key = &facts.survey.candidates[owner].key;
                let reason = format!(
                    "{} {} is still that of account {}, as key {owner_key} keeps it in this run",
                    words::short(&search.path),
                    words::value(&facts.survey.managed, &search.path, &search.value),
                    words::account(account)
                );
                counting.push((at, owner, search.path.to_string(), reason));
            }
        }
    }
    loop {
        let before = counting.len();
        counting.retain(|(at, owner, field, reason)| {
            if matches!(fates[*owner], Fate::Linked(_)) {
                return true;
            }
            if !matches!(fates[*at], Fate::Rejected { .. }) {
                let (field, reason) = (Some(field.clone()), reason.clone());
                fates[*at] = Fate::Rejected { field, reason, accounts: Vec::new() };
            }
            false
        });
        if counting.len() == before {
            return;
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
