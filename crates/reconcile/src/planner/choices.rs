//! Values that nobody may have yet: which of a person's proposals a new account gets. People choose in the order of their
//! keys, so that the same people get the same values in whatever order they were read.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Known;
use super::words;
use crate::{Candidate, Search, WantedValue};

/// A value that was chosen, and its slot.
pub(super) type Chosen = (u16, Json);

/// What became of the proposals of one person.
#[derive(Debug)]
pub(super) enum Choice {
    /// Nobody has these.
    Free(Vec<Chosen>),
    /// The target was not asked about this one yet.
    Open(Search),
    /// There is none left, or it cannot be told; the attribute and why.
    None { field: String, reason: String },
}

/// The values that are given away in this run, each with the key of who gets it.
#[derive(Debug, Default)]
pub(super) struct Given<'c> {
    taken: BTreeMap<(usize, String), &'c str>,
}

impl<'c> Given<'c> {
    /// Chooses for a person who gets a new account. What is open is kept for them as well.
    pub(super) fn choose(&mut self, known: Known<'_>, candidate: &'c Candidate) -> Choice {
        let mut chosen = Vec::new();
        let mut taking = Vec::new();
        let mut open = None;
        for wanted in &candidate.wanted {
            let WantedValue::Choice(proposals) = &wanted.value else { continue };
            match self.one(known, wanted.slot, proposals) {
                One::Free(at, value) => {
                    chosen.push((wanted.slot, value));
                    taking.push(at);
                }
                One::Open(search) => {
                    taking.push(search.at.clone());
                    open.get_or_insert(search);
                }
                One::None(reason) => {
                    let path = &known.survey.managed.attribute(wanted.slot).path;
                    return Choice::None { field: path.to_string(), reason };
                }
            }
        }
        self.taken.extend(taking.into_iter().map(|at| (at, candidate.key.as_str())));
        open.map_or(Choice::Free(chosen), Choice::Open)
    }

    fn one(&self, known: Known<'_>, slot: u16, proposals: &[Json]) -> One {
        let managed = &known.survey.managed;
        let path = &managed.attribute(slot).path;
        let mut taken = Vec::new();
        let Some(index) = managed.lookup_index(slot) else {
            return One::None("its values cannot be looked up".to_owned());
        };
        for value in proposals {
            let Some(form) = managed.match_form(index, value) else { continue };
            let search = Search { path: path.clone(), value: value.clone(), at: (index, form) };
            if let Some(key) = self.taken.get(&search.at) {
                taken.push(format!("{value} goes to key {key}"));
                continue;
            }
            match known.observation.hits(&search).map(|hits| hits.map(|hits| hits.first().copied()))
            {
                None => return One::Open(search),
                Some(Err(reason)) => {
                    let name = words::short(path);
                    return One::None(format!(
                        "the target could not be searched for {name} {value}: {reason}"
                    ));
                }
                Some(Ok(Some(account))) => {
                    taken.push(format!("{value} is that of account {}", words::account(account)));
                }
                Some(Ok(None)) => return One::Free(search.at, value.clone()),
            }
        }
        One::None(match taken.len() {
            0 => "the record has no proposal for it".to_owned(),
            1 => format!("the one proposal for it is taken: {}", taken.join(", ")),
            count => format!("all {count} proposals for it are taken: {}", taken.join(", ")),
        })
    }
}

enum One {
    Free((usize, String), Json),
    Open(Search),
    None(String),
}
