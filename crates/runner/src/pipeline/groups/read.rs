//! Reads groups and who is in them, from a source of their own or from what was gathered of people. A membership is a
//! fingerprint; who is meant, and groups in groups, are worked out when all groups are known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peoplesync_mapping::{
    Around, Binding, DigestKey, Draft, MapError, Mapping, Outcome as Scope, group_digest,
};
use peoplesync_reconcile::{
    Before, Candidate, Coverage, Digest, Fingerprint, Intake, LinkIndex, MemberPrint, Rejection,
    Survey,
};
use peoplesync_scim::Resource;
use peoplesync_source::{Batch, Fields, Origin as Place, Query, Record, Step, Timestamp, Value};

use super::accounts::Accounts;
use super::gather::{Gathered, name_print};
use super::session::{GroupSession, Origin, VALUE};
use crate::config::groups::Nested;
use crate::failure::{Failure, Outcome};
use crate::pipeline::Session;
use crate::pipeline::digest::print_of;
use crate::pipeline::edited::Edits;
use crate::pipeline::patient;
use crate::pipeline::read::{coverage, mix, rejection, unmapped, unresolved, wanted};
use crate::report::progress::Progress;

/// What a read of groups came to.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) survey: Survey,
    /// Who should be in the groups that are to be looked at, by the key of the group.
    pub(super) wanted: BTreeMap<String, Vec<MemberPrint>>,
    /// As for people.
    pub(super) snapshot: u128,
    /// Members who have no account: how many, in how many groups, and a few of them by what the source calls them.
    pub(super) pending: Pending,
}

/// Members who have no account.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) members: u64,
    pub(super) groups: u64,
    pub(super) examples: BTreeSet<String>,
}

/// How many examples are kept.
const EXAMPLES: usize = 3;

/// One group in scope.
struct Entry {
    print: Fingerprint,
    /// What groups call it as a member.
    name: Fingerprint,
    hash: [u8; 16],
    candidate: Candidate,
    /// Its members as the source has them: where they end in the reader's list.
    end: usize,
    /// What the config of the last run says of it.
    was: Was,
}

/// What the config of the last run says of a group, beside who is in it.
enum Was {
    /// In scope: the hash of its attributes, and who would be in it beside those who are.
    InScope([u8; 16], Vec<Fingerprint>),
    OutOfScope,
    Rejected,
}

pub(super) struct Reader<'a> {
    groups: &'a GroupSession,
    key: &'a DigestKey,
    around: Around<'a>,
    full: bool,
    accounts: &'a Accounts<'a>,
    edits: &'a Edits,
    /// Who would be in no group of values by the config of the last run.
    new: BTreeSet<Fingerprint>,
    /// Keys of people by what they are called as members, sorted.
    names: Vec<(Fingerprint, Fingerprint)>,
    intake: Intake,
    draft: Draft,
    name_slot: Option<usize>,
    snapshot: u128,
    entries: Vec<Entry>,
    /// The members of all groups, one after the other.
    members: Vec<Fingerprint>,
    /// What the source calls those of them who are nobody's account.
    unknown: BTreeMap<Fingerprint, Box<str>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        groups: &'a GroupSession,
        index: LinkIndex,
        key: &'a DigestKey,
        now: Timestamp,
        full: bool,
        accounts: &'a Accounts<'a>,
        edits: &'a Edits,
    ) -> Self {
        let name_slot =
            groups.mapping.attributes().iter().position(|attribute| {
                attribute.path().to_string().eq_ignore_ascii_case("displayName")
            });
        Self {
            groups,
            key,
            around: Around { now: Some(now), seed: Some(key), people: None },
            full,
            accounts,
            edits,
            new: BTreeSet::new(),
            names: Vec::new(),
            intake: Intake::new(index, Arc::clone(&groups.managed)),
            draft: Draft::new(&groups.mapping),
            name_slot,
            snapshot: 0,
            entries: Vec::new(),
            members: Vec::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// Reads everything.
    pub(super) async fn read(
        mut self,
        session: &Session,
        mut gathered: Gathered,
        people: &Survey,
        progress: &Progress,
    ) -> Outcome<Reading> {
        self.names = std::mem::take(&mut gathered.names);
        self.names.sort_unstable();
        self.new = std::mem::take(&mut gathered.new);
        let coverage = match &self.groups.origin {
            Origin::Source(source, name, retries) => {
                let failed = |error: peoplesync_source::Error| {
                    Failure::from(error).about(&format!("cannot read the groups of {name}"))
                };
                if let Ok(known) = source.fields(&session.cx).await {
                    session.unknown_group_fields(known.as_deref())?;
                }
                let of_before = self.edits.fields().cloned();
                let fields: BTreeSet<String> =
                    self.groups.fields().into_iter().chain(of_before).collect();
                let query = Query::fields(fields);
                // Out of reach is mostly found out before the first records come; later, the next run tries again.
                let begin = || async {
                    let mut records = source.open(&session.cx, &query).await.map_err(failed)?;
                    let first = records.next().await.map_err(failed)?;
                    Ok((records, first))
                };
                let (mut records, mut step) = patient::again(*retries, begin).await?;
                session.mistyped_groups(records.types())?;
                loop {
                    match step {
                        Step::Batch(batch) => {
                            progress.steps(batch.len());
                            self.batch(&batch);
                        }
                        Step::End(end) => break coverage(end),
                    }
                    step = records.next().await.map_err(failed)?;
                }
            }
            Origin::People => {
                self.values(gathered);
                // A person who is not known may be the last one in a group.
                people.rejected_places().for_each(|place| self.intake.doubt(place));
                match people.coverage() {
                    // Whoever was left alone may be the last one in a group.
                    Coverage::Mixed { reason, .. } => Coverage::Partial { reason: reason.clone() },
                    coverage => coverage.clone(),
                }
            }
        };
        Ok(self.finish(coverage))
    }

    /// One batch of a source of groups.
    fn batch(&mut self, batch: &Batch) {
        let groups = self.groups;
        let binding = groups.mapping.bind(batch.fields());
        let members = groups.members.as_ref().map(|texts| (texts, texts.bind(batch.fields())));
        let nested =
            groups.of_people.member_key.as_ref().filter(|_| groups.nested != Nested::Ignore);
        let names = nested.map(|texts| (texts, texts.bind(batch.fields())));
        let before = self.edits.bound(batch.fields());
        for record in batch.records() {
            let print = print_of(self.key, record.key());
            let start = self.members.len();
            let mapped = groups.mapping.map_in(&self.around, &binding, &record, &mut self.draft);
            let mut name = print;
            let done = mapped.and_then(|scope| {
                if scope == Scope::OutOfScope {
                    return Ok(scope);
                }
                if let Some((texts, binding)) = &members {
                    texts.each(&self.around, binding, &record, |text| {
                        let member = person(self.key, groups, &self.names, text);
                        if !self.accounts.has(member) {
                            self.unknown.entry(member).or_insert_with(|| text.into());
                        }
                        self.members.push(member);
                    })?;
                }
                if let Some((texts, binding)) = &names {
                    texts.each(&self.around, binding, &record, |text| {
                        name = name_print(self.key, text);
                    })?;
                }
                Ok(scope)
            });
            let was = before.as_ref().map(|before| self.was(before, &record));
            match done {
                Ok(Scope::InScope) => self.entry(print, name, &record, was),
                Ok(Scope::OutOfScope) => {
                    if let Some(Was::InScope(..)) = was {
                        self.was_in_scope(print, record.key());
                    }
                    self.snapshot = self.snapshot.wrapping_add(mix(print, Digest::UNKNOWN));
                    self.intake.out_of_scope(print, record.key());
                }
                Err(error) => {
                    self.members.truncate(start);
                    self.reject(print, record.key(), &record.origin(), &error);
                }
            }
        }
        for rejected in batch.rejected() {
            let rejection = rejection(rejected, Resource::Group);
            let pins: Vec<(Fingerprint, String)> = rejected
                .key
                .iter()
                .chain(&rejected.might_be)
                .map(|key| (print_of(self.key, key.as_str()), key.as_str().to_owned()))
                .collect();
            let first = pins.first().map_or(Fingerprint(0), |pin| pin.0);
            self.snapshot = self.snapshot.wrapping_add(mix(first, Digest(i64::MIN)));
            let identified = rejected.key.is_some() && rejected.might_be.is_empty();
            self.intake.reject(rejection, &pins, identified);
        }
        for removed in batch.removed() {
            let key = removed.key.as_str();
            self.intake.removed(print_of(self.key, key), key);
        }
        self.intake.read((batch.len() + batch.rejected().len()) as u64);
    }

    /// One group for each value of people.
    fn values(&mut self, gathered: Gathered) {
        let groups = self.groups;
        let fields = Fields::new([VALUE]);
        let binding = groups.mapping.bind(&fields);
        let before = self.edits.bound(&fields);
        for (folded, mut value) in gathered.values {
            let mut batch = Batch::new(fields.clone());
            let Some(mut record) = batch.record(&folded, Place::entry(value.text.as_str())) else {
                continue;
            };
            record.set(0, Value::Text(&value.text));
            let Some(record) = batch.get(0) else { continue };
            let print = print_of(self.key, record.key());
            if value.people.is_empty() {
                // Whoever had it is out of scope now.
                self.was_in_scope(print, record.key());
                continue;
            }
            let was = before.as_ref().map(|before| self.was(before, &record));
            match groups.mapping.map_in(&self.around, &binding, &record, &mut self.draft) {
                Ok(Scope::InScope) => {
                    self.members.append(&mut value.people);
                    self.entry(print, print, &record, was);
                    if let Some(Entry { was: Was::InScope(_, former), .. }) =
                        self.entries.last_mut()
                    {
                        *former = value.former;
                    }
                }
                Ok(Scope::OutOfScope) => self.intake.out_of_scope(print, record.key()),
                Err(error) => self.reject(print, record.key(), &record.origin(), &error),
            }
            self.intake.read(1);
        }
    }

    /// A group in scope, whose members were added and whose draft is filled.
    fn entry(
        &mut self,
        print: Fingerprint,
        name: Fingerprint,
        record: &Record<'_>,
        was: Option<Was>,
    ) {
        let (key, origin) = (record.key(), record.origin());
        let called = self.name_slot.and_then(|slot| self.draft.text(slot)).unwrap_or(key);
        let hash = self.draft.digest(self.key);
        let candidate = Candidate {
            key: key.to_owned(),
            fingerprint: print,
            // Both follow when its members are known.
            digest: Digest::UNKNOWN,
            digest_unresolved: Digest::UNKNOWN,
            origin: origin.to_string(),
            name: called.to_owned(),
            wanted: wanted(&self.draft, &self.groups.mapping),
        };
        // With the rules of today, what they say.
        let was = was.unwrap_or(Was::InScope(hash, Vec::new()));
        self.entries.push(Entry { print, name, hash, candidate, end: self.members.len(), was });
    }

    /// What the rules of the last run say of a record.
    fn was(&self, (mapping, binding): &(&Mapping, Binding), record: &Record<'_>) -> Was {
        let mut draft = Draft::new(mapping);
        match mapping.map_in(&self.around, binding, record, &mut draft) {
            Ok(Scope::InScope) => Was::InScope(draft.digest(self.key), Vec::new()),
            Ok(Scope::OutOfScope) => Was::OutOfScope,
            Err(_) => Was::Rejected,
        }
    }

    /// A group that has left, as the config was changed.
    fn was_in_scope(&mut self, print: Fingerprint, key: &str) {
        if self.intake.is_linked(print) {
            let (digest, digest_unresolved) = (Digest::UNKNOWN, Digest::UNKNOWN);
            self.intake.before(key, Before::InScope { digest, digest_unresolved });
        }
    }

    /// What the config of the last run says of each group, with who would be in it.
    fn before(&self) -> Vec<Before> {
        let has = |print| self.accounts.would_have(print) && !self.new.contains(&print);
        let sets = self.sets(&has, true, &mut Pending::default());
        let is_of_people = matches!(self.groups.origin, Origin::People);
        let all = self.entries.iter().zip(&sets);
        all.map(|(entry, members)| match entry.was {
            // A group of people is there if anybody is in it.
            Was::InScope(..) if is_of_people && members.is_empty() => Before::OutOfScope,
            Was::InScope(hash, _) => {
                let hash = hash_of(self.key, hash, members);
                let digest = Digest::from_hash(hash);
                Before::InScope { digest, digest_unresolved: unresolved(hash) }
            }
            Was::OutOfScope => Before::OutOfScope,
            Was::Rejected => Before::Rejected,
        })
        .collect()
    }

    fn reject(&mut self, print: Fingerprint, key: &str, origin: &Place, error: &MapError) {
        let rejection: Rejection = unmapped(key, origin, error, Resource::Group);
        self.snapshot = self.snapshot.wrapping_add(mix(print, Digest(i64::MIN)));
        self.intake.reject(rejection, &[(print, key.to_owned())], true);
    }

    /// Works out who is meant, and compares each group with its link.
    fn finish(mut self, coverage: Coverage) -> Reading {
        let mut pending = Pending::default();
        let sets = self.sets(&|print| self.accounts.has(print), false, &mut pending);
        let before = if self.edits.has_rules() { self.before() } else { Vec::new() };
        let mut before = before.into_iter();
        let mut wanted_members = BTreeMap::new();
        for (entry, members) in std::mem::take(&mut self.entries).into_iter().zip(sets) {
            let Entry { print, hash, mut candidate, .. } = entry;
            let before = before.next();
            let hash = hash_of(self.key, hash, &members);
            let digest = Digest::from_hash(hash);
            self.snapshot = self.snapshot.wrapping_add(mix(print, digest));
            // Whoever gets another account is in no group yet, although the same people are wanted as before.
            let is_moved = members.iter().any(|member| {
                member.resource == Resource::User
                    && self.accounts.coming.contains_key(&member.fingerprint)
            });
            let compared = if self.full || is_moved { Digest::UNKNOWN } else { digest };
            if self.intake.seen(print, compared) == peoplesync_reconcile::Seen::Unchanged {
                continue;
            }
            candidate.digest = digest;
            candidate.digest_unresolved = unresolved(hash);
            wanted_members.insert(candidate.key.clone(), members);
            if let Some(before) = before {
                self.intake.before(&candidate.key, before);
            }
            self.intake.candidate(candidate);
        }
        Reading {
            survey: self.intake.finish(coverage),
            wanted: wanted_members,
            snapshot: self.snapshot,
            pending,
        }
    }

    /// Who should be in each group, of those who have an account: sorted, each once. `former`: with those who would be in it by
    /// the config of the last run alone.
    fn sets(
        &self,
        has_account: &dyn Fn(Fingerprint) -> bool,
        former: bool,
        pending: &mut Pending,
    ) -> Vec<Vec<MemberPrint>> {
        let by_name: BTreeMap<Fingerprint, usize> = match self.groups.nested {
            Nested::Ignore => BTreeMap::new(),
            _ => self.entries.iter().enumerate().map(|(at, entry)| (entry.name, at)).collect(),
        };
        let mut direct = Vec::with_capacity(self.entries.len());
        let mut inner = Vec::with_capacity(self.entries.len());
        let mut start = 0;
        for entry in &self.entries {
            let members = self.members.get(start..entry.end).unwrap_or_default();
            start = entry.end;
            let former: &[Fingerprint] = match &entry.was {
                Was::InScope(_, people) if former => people,
                _ => &[],
            };
            let (mut people, mut groups, mut without) = (Vec::new(), Vec::new(), 0);
            for member in members.iter().chain(former) {
                match by_name.get(member) {
                    _ if has_account(*member) => people.push(*member),
                    Some(at) => groups.push(*at),
                    None => {
                        without += 1;
                        if let Some(text) = self.unknown.get(member) {
                            pending.example(text);
                        }
                    }
                }
            }
            pending.members += without;
            pending.groups += u64::from(without > 0);
            direct.push(people);
            inner.push(groups);
        }
        let person =
            |print: &Fingerprint| MemberPrint { resource: Resource::User, fingerprint: *print };
        let all = 0..self.entries.len();
        let sets = all.map(|at| {
            let mut members: Vec<MemberPrint> = match self.groups.nested {
                Nested::Flatten => {
                    let within = reach(at, &inner);
                    within.into_iter().flat_map(|at| &direct[at]).map(person).collect()
                }
                Nested::Pass => {
                    let groups = inner[at].iter().map(|at| MemberPrint {
                        resource: Resource::Group,
                        fingerprint: self.entries[*at].print,
                    });
                    direct[at].iter().map(person).chain(groups).collect()
                }
                Nested::Ignore => direct[at].iter().map(person).collect(),
            };
            members.sort_unstable();
            members.dedup();
            members
        });
        sets.collect()
    }
}

impl Pending {
    /// What is to be said of them, if there are any.
    pub(super) fn message(&self) -> Option<String> {
        if self.members == 0 {
            return None;
        }
        let members =
            if self.members == 1 { "1 member" } else { &format!("{} members", self.members) };
        let groups = if self.groups == 1 { "1 group" } else { &format!("{} groups", self.groups) };
        let verb =
            if self.members == 1 { "has no account and is" } else { "have no account and are" };
        let examples: Vec<&str> = self.examples.iter().map(String::as_str).collect();
        Some(format!(
            "{members} of {groups} {verb} left out until there is one, such as {}",
            examples.join(", ")
        ))
    }

    fn example(&mut self, text: &str) {
        self.examples.insert(text.to_owned());
        if self.examples.len() > EXAMPLES {
            self.examples.pop_last();
        }
    }
}

/// A group's hash together with who is in it.
fn hash_of(key: &DigestKey, attributes: [u8; 16], members: &[MemberPrint]) -> [u8; 16] {
    let numbers = members.iter().map(|member| {
        let kind = if member.resource == Resource::User { 1 } else { 2 };
        (kind, member.fingerprint.0)
    });
    group_digest(key, attributes, numbers)
}

/// A group and all groups within it, however deep; a group that is in itself ends it.
fn reach(start: usize, inner: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for next in inner.get(at).into_iter().flatten() {
            if found.insert(*next) {
                open.push(*next);
            }
        }
    }
    found
}

/// Whom a member of a group is: the fingerprint of a person's key, or of what is nobody's name.
fn person(
    key: &DigestKey,
    groups: &GroupSession,
    names: &[(Fingerprint, Fingerprint)],
    text: &str,
) -> Fingerprint {
    if groups.of_people.member_key.is_none() {
        return print_of(key, text);
    }
    let name = name_print(key, text);
    let at = names.partition_point(|(known, _)| *known < name);
    match names.get(at) {
        Some((known, person)) if *known == name => *person,
        _ => name,
    }
}
