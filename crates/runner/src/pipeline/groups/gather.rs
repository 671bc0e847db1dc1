//! What groups need of people, gathered while people are read: the values that groups are made of, and by what else than its
//! key a person is named among the members of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peoplesync_mapping::{Around, Binding, DigestKey, MapError, Texts};
use peoplesync_reconcile::Fingerprint;
use peoplesync_scim::value::fold;
use peoplesync_source::{Fields, Record};

use crate::pipeline::digest::print_of;

/// The expressions over people.
#[derive(Debug, Clone, Default)]
pub(crate) struct OfPeople {
    /// What groups are made of.
    pub(crate) from: Option<Texts>,
    /// What members are named by.
    pub(crate) member_key: Option<Texts>,
}

/// The same for one list of fields.
#[derive(Debug)]
pub(crate) struct BoundOfPeople {
    texts: Arc<OfPeople>,
    from: Option<Binding>,
    member_key: Option<Binding>,
}

/// What was gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// The values by their folded form: how it is written, and who has it.
    pub(super) values: BTreeMap<String, Value>,
    /// The fingerprints of names and of the keys of those who have them.
    pub(super) names: Vec<(Fingerprint, Fingerprint)>,
    /// Who is in scope now, and was not by the config of the last run.
    pub(crate) new: BTreeSet<Fingerprint>,
}

/// One value, and who has it.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) people: Vec<Fingerprint>,
    /// Who would have it by the scope of the last run's config, and has not by that of today.
    pub(super) former: Vec<Fingerprint>,
}

impl OfPeople {
    /// The expressions.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Texts> {
        self.from.iter().chain(&self.member_key)
    }

    /// The fields that are read for it.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &String> {
        self.texts().flat_map(Texts::fields)
    }

    pub(crate) fn bind(self: &Arc<Self>, fields: &Fields) -> BoundOfPeople {
        let bind = |texts: &Option<Texts>| texts.as_ref().map(|texts| texts.bind(fields));
        BoundOfPeople {
            from: bind(&self.from),
            member_key: bind(&self.member_key),
            texts: Arc::clone(self),
        }
    }
}

impl BoundOfPeople {
    /// Takes in one person. Nobody out of scope is in a group because of a value, but whoever is named as a member is meant.
    pub(crate) fn gather(
        &self,
        around: &Around<'_>,
        record: &Record<'_>,
        print: Fingerprint,
        in_scope: bool,
        key: &DigestKey,
        gathered: &mut Gathered,
    ) -> Result<(), MapError> {
        if let (Some(texts), Some(binding), true) = (&self.texts.from, &self.from, in_scope) {
            texts.each(around, binding, record, |text| gathered.value(text).people.push(print))?;
        }
        if let (Some(texts), Some(binding)) = (&self.texts.member_key, &self.member_key) {
            texts.each(around, binding, record, |text| {
                gathered.names.push((name_print(key, text), print));
            })?;
        }
        Ok(())
    }

    /// Takes in somebody who is out of scope, and was in scope by the config of the last run.
    pub(crate) fn gather_former(
        &self,
        around: &Around<'_>,
        record: &Record<'_>,
        print: Fingerprint,
        gathered: &mut Gathered,
    ) {
        if let (Some(texts), Some(binding)) = (&self.texts.from, &self.from) {
            // Who cannot be told was in no group.
            let _unknown =
                texts.each(around, binding, record, |text| gathered.value(text).former.push(print));
        }
    }
}

/// The fingerprint of what a member is named by. Letter case does not count, as it does not in a DN.
pub(crate) fn name_print(key: &DigestKey, text: &str) -> Fingerprint {
    print_of(key, &fold(text))
}

impl Gathered {
    fn value(&mut self, text: &str) -> &mut Value {
        let new = || Value { text: text.to_owned(), people: Vec::new(), former: Vec::new() };
        let value = self.values.entry(fold(text)).or_insert_with(new);
        // Whoever is read first does not decide how it is written.
        if *text < *value.text {
            text.clone_into(&mut value.text);
        }
        value
    }

    /// Takes in what was gathered elsewhere.
    pub(crate) fn merge(&mut self, other: &mut Self) {
        for (folded, mut value) in std::mem::take(&mut other.values) {
            match self.values.get_mut(&folded) {
                Some(known) => {
                    known.people.append(&mut value.people);
                    known.former.append(&mut value.former);
                    if value.text < known.text {
                        known.text = value.text;
                    }
                }
                None => drop(self.values.insert(folded, value)),
            }
        }
        self.names.append(&mut other.names);
        self.new.append(&mut other.new);
    }
}
