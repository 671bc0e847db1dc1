//! What an account lacks of what is wanted, attribute by attribute.

use peoplesync_scim::schema::{Mutability, Uniqueness};
use peoplesync_scim::value::{self, is_unassigned};
use serde_json::Value as Json;

use super::references::{References, Referred};
use super::words;
use crate::{
    AttributeChange, Candidate, Kept, Link, Managed, Observed, Wanted, WantedValue, Written,
};

/// The attributes that are to be written for one person.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) attributes: Vec<AttributeChange>,
    /// Somebody whom the person refers to has no account.
    pub(super) is_unresolved: bool,
    /// What cannot be written, as fragments.
    pub(super) warnings: Vec<String>,
    /// By what each wanted value is known again, once this is written.
    marks: Vec<(u16, u32)>,
}

/// Everything that a new account begins with.
pub(super) fn of_new(
    managed: &Managed,
    candidate: &Candidate,
    chosen: &[(u16, Json)],
    references: &References<'_>,
    kept: &Kept,
) -> Differences {
    let mut differences = Differences::default();
    for wanted in in_order(candidate) {
        let path = &managed.attribute(wanted.slot).path;
        differences.mark(managed, wanted, kept);
        let (after, reference) = match &wanted.value {
            WantedValue::Set(value) if !is_none(value) => (Some(value.clone()), None),
            WantedValue::Set(_) | WantedValue::Clear => continue,
            WantedValue::Choice(_) => match chosen.iter().find(|(slot, _)| *slot == wanted.slot) {
                Some((_, value)) => (Some(value.clone()), None),
                None => continue,
            },
            WantedValue::Reference(key) => match references.resolve(key) {
                Referred::Account(id) => (Some(Json::from(id)), Some(key.clone())),
                Referred::Created => (None, Some(key.clone())),
                Referred::Nobody => {
                    differences.unresolved(managed, candidate, wanted.slot, key);
                    continue;
                }
            },
        };
        let path = path.clone();
        differences.attributes.push(AttributeChange {
            path,
            before: None,
            after,
            reference,
            new_element: false,
            redact: false,
            drift: false,
        });
    }
    differences
}

/// Where an existing account differs. Attributes for creation only, and those that the target never tells, are left out. With its
/// link, what differs although it is wanted as it was written last is what others changed.
pub(super) fn of_existing(
    managed: &Managed,
    candidate: &Candidate,
    (account, link): (&Observed, Option<&Link>),
    references: &References<'_>,
    kept: &Kept,
) -> Differences {
    let mut differences = Differences::default();
    for wanted in in_order(candidate) {
        let slot = wanted.slot;
        let attribute = managed.attribute(slot);
        if attribute.create_only || managed.is_hidden(slot) {
            continue;
        }
        let before = account.value(slot);
        let mark = differences.mark(managed, wanted, kept);
        let (after, reference) = match &wanted.value {
            WantedValue::Set(value) => (compare(managed, slot, Some(value), account), None),
            WantedValue::Clear => (compare(managed, slot, None, account), None),
            // Chosen once, when the account was created.
            WantedValue::Choice(_) => continue,
            WantedValue::Reference(key) => match references.resolve(key) {
                Referred::Account(id) if before.and_then(Json::as_str) == Some(id) => (None, None),
                Referred::Account(id) => (Some(Some(Json::from(id))), Some(key.clone())),
                Referred::Created => (Some(None), Some(key.clone())),
                Referred::Nobody => {
                    differences.unresolved(managed, candidate, slot, key);
                    (None, None)
                }
            },
        };
        let Some(after) = after else { continue };
        // The target has seen this write before, and made of it what it has now.
        let is_pending = reference.is_some() && after.is_none();
        if !is_pending && kept.covers(managed, slot, after.as_ref(), account) {
            continue;
        }
        let definition = managed.definition(slot);
        if let Some(before) = before
            && definition.is_some_and(|definition| definition.mutability == Mutability::Immutable)
        {
            let name = words::short(&attribute.path);
            let wanted = words::value(managed, &attribute.path, &after.unwrap_or_default());
            let before = words::value(managed, &attribute.path, before);
            differences.warnings.push(format!(
                "{name} of {} stays {before} and does not become {wanted}: the target does not let it change",
                candidate.name
            ));
            continue;
        }
        differences.attributes.push(AttributeChange {
            path: attribute.path.clone(),
            before: before.cloned(),
            new_element: (after.is_some() || reference.is_some()) && !account.has_element(slot),
            after,
            reference,
            redact: false,
            // Whoever is created in this run has another id than before, which nobody could have written.
            drift: !is_pending && link.is_some_and(|link| link.wrote(mark)),
        });
    }
    differences
}

/// Adds what differs in letter case alone, for a record that has changed since it was written last, or was never written.
///
/// By the schemas most names and titles compare without letter case, so a correction such as "Macdonald" to "MacDonald" would
/// never be written. Only a changed record is looked at: a provider that folds letters is not written to for ever, as the
/// digest is the same in the next run. What must be unique is left out; providers like to fold that.
pub(super) fn add_letter_case(
    managed: &Managed,
    candidate: &Candidate,
    (account, link): (&Observed, Option<&Link>),
    differences: &mut Differences,
) {
    for wanted in &candidate.wanted {
        let attribute = managed.attribute(wanted.slot);
        // Of a changed person, too, the attributes that did not change are as they were.
        if link.is_some_and(|link| link.wrote(differences.mark_of(wanted.slot))) {
            continue;
        }
        let is_free = managed.definition(wanted.slot).is_some_and(|definition| {
            definition.uniqueness == Uniqueness::None && !definition.case_exact
        });
        let WantedValue::Set(Json::String(after)) = &wanted.value else { continue };
        let Some(Json::String(before)) = account.value(wanted.slot) else { continue };
        let path = &attribute.path;
        let is_known = differences.attributes.iter().any(|known| known.path == *path);
        if !attribute.create_only && is_free && !is_known && is_recased(before, after) {
            differences.attributes.push(AttributeChange {
                path: path.clone(),
                before: Some(Json::from(before.as_str())),
                after: Some(Json::from(after.as_str())),
                reference: None,
                new_element: false,
                redact: false,
                drift: false,
            });
        }
    }
    differences.attributes.sort_by(|a, b| a.path.cmp(&b.path));
}

/// Whether two texts differ in letter case and in nothing else.
fn is_recased(before: &str, after: &str) -> bool {
    before != after && value::fold(before) == value::fold(after)
}

/// What a slot should become, if that is not what it is: `Some(None)` is to be cleared.
///
/// An empty text is no difference to "no value": many providers keep one after a removal. Of complex values only the
/// sub-attributes that are wanted are compared.
pub(super) fn compare(
    managed: &Managed,
    slot: u16,
    wanted: Option<&Json>,
    account: &Observed,
) -> Option<Option<Json>> {
    let wanted = wanted.filter(|value| !is_none(value));
    let observed = account.value(slot).filter(|value| !is_none(value));
    let is_same = match (wanted, observed) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some(wanted), Some(observed)) => value::covers(managed.definition(slot), observed, wanted),
    };
    (!is_same).then(|| wanted.cloned())
}

/// Whether an account does not have what is wanted in a slot. A reference is compared as the id that it is.
pub(crate) fn differs(
    managed: &Managed,
    slot: u16,
    wanted: Option<&Json>,
    account: &Observed,
) -> bool {
    if managed.attribute(slot).reference {
        return account.value(slot) != wanted;
    }
    compare(managed, slot, wanted, account).is_some()
}

/// Whether a value is none at all: null, an empty list, or an empty text.
pub(super) fn is_none(value: &Json) -> bool {
    is_unassigned(value) || value.as_str() == Some("")
}

/// What is to be said of somebody whose references all come to nothing.
pub(super) fn unresolved(managed: &Managed, candidate: &Candidate) -> Vec<String> {
    let mut differences = Differences::default();
    for wanted in in_order(candidate) {
        if let WantedValue::Reference(key) = &wanted.value {
            differences.unresolved(managed, candidate, wanted.slot, key);
        }
    }
    differences.warnings
}

impl Differences {
    /// What the link remembers of the attributes once they are written.
    pub(super) fn written(&self) -> Written {
        Written::new(self.marks.iter().map(|(_, mark)| *mark).collect())
    }

    /// Takes out again what turns out not to be written.
    fn unmark(&mut self, slot: u16) {
        self.marks.retain(|(marked, _)| *marked != slot);
    }

    fn mark_of(&self, slot: u16) -> Option<u32> {
        self.marks.iter().find(|(marked, _)| *marked == slot).map(|(_, mark)| *mark)
    }

    /// Notes by what a wanted value is known again: a reference by the key that is meant, as ids may change.
    fn mark(&mut self, managed: &Managed, wanted: &Wanted, kept: &Kept) -> Option<u32> {
        let attribute = managed.attribute(wanted.slot);
        let path = &attribute.path;
        let mark = match &wanted.value {
            _ if attribute.create_only => None,
            WantedValue::Choice(_) => None,
            WantedValue::Clear => kept.mark(path, None),
            WantedValue::Set(value) => kept.mark(path, Some(value).filter(|value| !is_none(value))),
            WantedValue::Reference(key) => kept.mark(path, Some(&Json::from(key.as_str()))),
        };
        self.marks.extend(mark.map(|mark| (wanted.slot, mark)));
        mark
    }

    fn unresolved(&mut self, managed: &Managed, candidate: &Candidate, slot: u16, key: &str) {
        self.is_unresolved = true;
        self.unmark(slot);
        let path = &managed.attribute(slot).path;
        self.warnings.push(format!(
            "{} {key} of {} has no account; it is set in a later run, once that person has one",
            words::short(path),
            candidate.name
        ));
    }
}

/// What is wanted, in the order of the paths.
fn in_order(candidate: &Candidate) -> Vec<&Wanted> {
    let mut wanted: Vec<&Wanted> = candidate.wanted.iter().collect();
    wanted.sort_by_key(|wanted| wanted.slot);
    wanted
}
