//! Which groups people are in, for expressions that ask. Groups are then read before people, in the way of `[groups]`: their
//! names, their members, the groups in them. What is kept is a pair of numbers a membership, and the names of groups.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_mapping::{
    Around, AskedGroups, AttributeSpec, Binding, CompileError, DigestKey, Draft, Mapping,
    Membership, Rule, Spec, Texts, Unknown,
};
use peoplesync_reconcile::Fingerprint;
use peoplesync_scim::schema::{Resource, SchemaSet};
use peoplesync_source::{Batch, Coverage, Fields, Query, Record, Source, Step, Timestamp};

use super::Session;
use super::digest::print_of;
use super::groups::name_print;
use super::lookups;
use super::patient::Patient;
use super::read::next;
use super::session::{compile_error, rules, spec};
use crate::config::groups::Nested;
use crate::config::{ConfigErrors, Loaded};
use crate::failure::{Failure, Outcome};
use crate::registry;

/// The attribute that gives groups their names.
const NAME: &str = "displayName";

/// How groups are read for expressions over people. No I/O.
#[derive(Debug)]
pub(crate) struct GroupReader {
    source: Patient,
    /// What messages call the source.
    name: String,
    /// The rule for the name, and no scope: also who is in a group that is not provisioned is in it.
    names: Mapping,
    members: Texts,
    member_key: Option<Texts>,
    nested: Nested,
    asked: AskedGroups,
}

/// Who is in which group.
#[derive(Debug)]
pub(crate) struct Groups {
    key: DigestKey,
    member_key: Option<Texts>,
    /// The names of all groups that matter; none for one whose name cannot be told.
    names: Vec<Option<Box<str>>>,
    /// The members by what they are called, each with a group: sorted.
    members: Vec<(Fingerprint, u32)>,
    /// The groups that each group is in.
    above: Vec<Vec<u32>>,
    /// Why anybody may be in more groups than are known.
    open: Option<String>,
}

/// Whether expressions can ask about groups with this config; all that is wrong otherwise.
pub(super) fn can_be_asked(loaded: &Loaded, mapping: &Mapping) -> Result<(), ConfigErrors> {
    let of_field = "compare a field that lists the groups, as in `memberOf = \"…\"`";
    let (message, hint) = match &loaded.config.groups {
        None => (
            "no groups are read",
            format!("give the config [groups] with `source` and `members`, or {of_field}"),
        ),
        Some(groups) if groups.source.is_none() => (
            "groups are made of people here, so nobody is in one before people are read",
            "compare what `groups.from` says".to_owned(),
        ),
        Some(groups) if groups.members.is_none() => {
            ("[groups] does not say who is in a group", format!("give it `members`, or {of_field}"))
        }
        Some(_) => return Ok(()),
    };
    let errors = mapping.group_questions(message, &hint);
    if errors.is_empty() {
        return Ok(());
    }
    Err(ConfigErrors::new(errors.iter().map(|error| compile_error(loaded, error)).collect()))
}

impl GroupReader {
    /// The reader, if the mapping asks about groups.
    pub(super) fn new(
        loaded: &Loaded,
        mapping: &Mapping,
        schemas: &SchemaSet,
    ) -> Result<Option<Self>, ConfigErrors> {
        let asked = mapping.asks().groups.clone();
        let table = loaded.config.groups.as_ref().filter(|_| asked != AskedGroups::Nothing);
        let Some((table, (source, members))) = table
            .and_then(|table| Some((table, table.source.as_ref().zip(table.members.as_ref())?)))
        else {
            return Ok(None);
        };
        let lookups = lookups::load(loaded)?;
        let shown = |errors: Vec<_>| {
            ConfigErrors::new(errors.iter().map(|error| compile_error(loaded, error)).collect())
        };
        let patience = std::time::Duration::from_secs(source.timeout_secs.max(1));
        let built = registry::source_at(loaded, source, &["groups", "source"])?;
        let of_name = |rule: &AttributeSpec| {
            rule.path.eq_ignore_ascii_case(NAME) && matches!(rule.rule, Rule::Value(_))
        };
        let name = rules(&table.attributes).into_iter().filter(of_name).collect();
        let domain = loaded.config.people.default_domain.clone();
        let spec = Spec { lookups: lookups.clone(), domain, ..spec("", name) };
        let texts =
            |name, text: &String| Texts::compile(&["groups", name], text, &lookups).map_err(shown);
        Ok(Some(Self {
            source: Patient::new(built, patience),
            name: source.name(),
            names: Mapping::compile(&spec, Resource::Group, schemas).map_err(shown)?,
            members: texts("members", members)?,
            member_key: match &table.member_key {
                Some(text) => Some(texts("member_key", text)?),
                None => None,
            },
            nested: table.nested,
            asked,
        }))
    }

    /// The fields of people that tell which members they are.
    pub(super) fn fields_of_people(&self) -> impl Iterator<Item = &String> {
        self.member_key.iter().flat_map(Texts::fields)
    }

    /// Those that the source of people does not have.
    pub(super) fn unknown_of_people(&self, known: &[String]) -> Vec<CompileError> {
        self.member_key.iter().flat_map(|texts| texts.unknown_fields(known)).collect()
    }

    /// The fields that are read of groups and that their source does not have.
    pub(super) fn unknown_fields(&self, known: &[String]) -> Vec<CompileError> {
        let texts = [Some(&self.members), self.inner()];
        let texts = texts.into_iter().flatten().flat_map(|texts| texts.unknown_fields(known));
        self.names.unknown_fields(known).into_iter().chain(texts).collect()
    }

    /// What of a group as a member is read, where groups are in groups.
    fn inner(&self) -> Option<&Texts> {
        self.member_key.as_ref().filter(|_| self.nested != Nested::Ignore)
    }

    fn query(&self) -> Query {
        let texts = [Some(&self.members), self.inner()];
        let texts = texts.into_iter().flatten().flat_map(Texts::fields);
        let fields: BTreeSet<&String> = self.names.fields().iter().chain(texts).collect();
        Query::fields(fields.into_iter().cloned())
    }
}

/// The expressions over groups, bound to the fields of a batch.
struct Bound {
    fields: Fields,
    names: Binding,
    members: Binding,
    inner: Option<Binding>,
}

/// What a group is called as a member.
type Called = BTreeMap<Fingerprint, Vec<u32>>;

impl Groups {
    /// Reads all groups, if the mapping asks about them. A name in an expression that no group has is an error, as a field is
    /// that the source does not have: nobody would be in that group.
    pub(crate) async fn read(
        session: &Session,
        key: &DigestKey,
        now: Timestamp,
    ) -> Outcome<Option<Self>> {
        let Some(reader) = &session.asked_groups else { return Ok(None) };
        let failed = |error| {
            Failure::from(error).about(&format!("cannot read the groups of {}", reader.name))
        };
        if let Ok(known) = reader.source.fields(&session.cx).await {
            session.unknown_group_fields(known.as_deref())?;
        }
        let mut records = reader.source.open(&session.cx, &reader.query()).await.map_err(failed)?;
        let mut groups = Self::new(key.clone(), reader.member_key.clone());
        let around = Around { now: Some(now), seed: Some(key), people: None };
        let (mut draft, mut called) = (Draft::new(&reader.names), Called::new());
        let mut bound = None;
        loop {
            match next(&mut *records).await? {
                Step::Batch(batch) => {
                    groups.batch(reader, &around, &batch, &mut bound, &mut draft, &mut called);
                }
                Step::End(end) => {
                    if end.coverage != Coverage::Complete {
                        groups.open_because("not all groups could be read");
                    }
                    break;
                }
            }
        }
        groups.finish(&called);
        if groups.open.is_none() {
            session.unknown_group_names(&groups.known_names())?;
        }
        groups.keep(&reader.asked);
        tracing::info!(memberships = groups.members.len(), "read who is in which group");
        Ok(Some(groups))
    }

    /// What was read, in words.
    pub(crate) fn summary(&self) -> String {
        let plural = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        let groups = plural(self.names.len(), "group", "groups");
        let members = plural(self.members.len(), "member", "members");
        let open = self
            .open
            .as_ref()
            .map(|why| format!("; who is in none of them cannot be told, as {why}"));
        format!("{groups} with {members}{}", open.unwrap_or_default())
    }

    fn new(key: DigestKey, member_key: Option<Texts>) -> Self {
        let (names, members, above) = (Vec::new(), Vec::new(), Vec::new());
        Self { key, member_key, names, members, above, open: None }
    }

    fn open_because(&mut self, why: &str) {
        self.open.get_or_insert_with(|| why.to_owned());
    }

    fn known_names(&self) -> Vec<&str> {
        self.names.iter().flatten().map(|name| &**name).collect()
    }

    fn batch(
        &mut self,
        reader: &GroupReader,
        around: &Around<'_>,
        batch: &Batch,
        bound: &mut Option<Bound>,
        draft: &mut Draft,
        called: &mut Called,
    ) {
        if bound.as_ref().is_none_or(|bound| !bound.fields.is_same(batch.fields())) {
            *bound = Some(Bound {
                fields: batch.fields().clone(),
                names: reader.names.bind(batch.fields()),
                members: reader.members.bind(batch.fields()),
                inner: reader.inner().map(|texts| texts.bind(batch.fields())),
            });
        }
        let Some(bound) = bound else { return };
        for record in batch.records() {
            let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
            let named = reader.names.map_in(around, &bound.names, &record, draft);
            let name = draft.text(0).filter(|_| named.is_ok());
            self.names.push(name.map(Into::into));
            let start = self.members.len();
            let (key, members, is_named) =
                (&self.key, &mut self.members, reader.member_key.is_some());
            let done = reader.members.each(around, &bound.members, &record, |text| {
                members.push((member(key, is_named, text), number));
            });
            if done.is_err() {
                self.members.truncate(start);
                self.open_because(&format!(
                    "the members of a group cannot be told: {}",
                    record.origin()
                ));
            }
            if reader.nested != Nested::Ignore {
                let mut call = |print| called.entry(print).or_default().push(number);
                match (&reader.member_key, &bound.inner) {
                    (Some(texts), Some(binding)) => {
                        let done = texts.each(around, binding, &record, |text| {
                            call(name_print(&self.key, text));
                        });
                        if done.is_err() {
                            let origin = record.origin();
                            self.open_because(&format!(
                                "the groups of a group cannot be told: {origin}"
                            ));
                        }
                    }
                    _ => call(print_of(&self.key, record.key())),
                }
            }
        }
        if let Some(rejected) = batch.rejected().first() {
            self.open_because(&format!("the record of a group was rejected: {}", rejected.origin));
        }
    }

    /// Works out which groups are in which.
    fn finish(&mut self, called: &Called) {
        self.members.sort_unstable();
        self.members.dedup();
        self.above = vec![Vec::new(); self.names.len()];
        for (print, group) in self.members.iter().filter(|_| !called.is_empty()) {
            for inner in called.get(print).into_iter().flatten() {
                if let Some(above) = self.above.get_mut(*inner as usize) {
                    above.push(*group);
                }
            }
        }
    }

    /// Forgets who is in groups that nobody asks about, and that are in no group.
    fn keep(&mut self, asked: &AskedGroups) {
        let AskedGroups::Named(names) = asked else { return };
        let is_asked = |name: &Option<Box<str>>| match name {
            Some(name) => names.iter().any(|asked| **asked == **name),
            None => true,
        };
        let is_kept: Vec<bool> = self
            .names
            .iter()
            .zip(&self.above)
            .map(|(name, above)| is_asked(name) || !above.is_empty())
            .collect();
        self.members.retain(|(_, group)| is_kept.get(*group as usize) == Some(&true));
        self.members.shrink_to_fit();
    }

    /// The groups of a person.
    pub(super) fn of(&self, person: &Record<'_>) -> Result<Membership<'_>, Unknown> {
        let mut found: BTreeSet<u32> = BTreeSet::new();
        match &self.member_key {
            None => found.extend(self.direct(print_of(&self.key, person.key()))),
            Some(texts) => {
                let binding = texts.bind(person.fields());
                let around = Around::default();
                let done = texts.each(&around, &binding, person, |text| {
                    found.extend(self.direct(name_print(&self.key, text)));
                });
                done.map_err(|error| {
                    Unknown(format!("`groups.member_key`: {}", error.reason).into())
                })?;
            }
        }
        let mut open: Vec<u32> = found.iter().copied().collect();
        while let Some(group) = open.pop() {
            for above in self.above.get(group as usize).into_iter().flatten() {
                if found.insert(*above) {
                    open.push(*above);
                }
            }
        }
        let mut more = self.open.as_ref().map(|why| Unknown(why.clone().into()));
        let mut names = Vec::with_capacity(found.len());
        for group in found {
            match self.names.get(group as usize) {
                Some(Some(name)) => names.push(&**name),
                _ => more = more.or(Some(Unknown("the name of a group cannot be told".into()))),
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(Membership { names, more })
    }

    /// The groups that have this member.
    fn direct(&self, print: Fingerprint) -> impl Iterator<Item = u32> {
        let start = self.members.partition_point(|(known, _)| *known < print);
        let of_this = self.members.get(start..).unwrap_or_default();
        of_this.iter().take_while(move |(known, _)| *known == print).map(|(_, group)| *group)
    }
}

/// Whom the text of a member means.
fn member(key: &DigestKey, is_named: bool, text: &str) -> Fingerprint {
    if is_named { name_print(key, text) } else { print_of(key, text) }
}

#[cfg(test)]
mod tests {
    use peoplesync_source::Origin;

    use super::*;

    /// Groups by their number, which is also their key: the name, and the keys of members.
    fn groups(of: &[(&str, &[&str])]) -> Groups {
        let mut groups = Groups::new(DigestKey::new([7; 32]), None);
        let mut called = Called::new();
        for (number, (name, members)) in (0_u32..).zip(of) {
            groups.names.push((!name.is_empty()).then(|| (*name).into()));
            called.insert(print_of(&groups.key, &number.to_string()), vec![number]);
            let prints = members.iter().map(|text| (member(&groups.key, false, text), number));
            groups.members.extend(prints);
        }
        groups.finish(&called);
        groups
    }

    fn check(groups: &Groups, person: &str) -> String {
        let mut batch = Batch::new(Fields::new::<_, &str>([]));
        batch.record(person, Origin::row("test", 1)).unwrap();
        let Membership { names, more } = groups.of(&batch.get(0).unwrap()).unwrap();
        let more = more.map(|why| format!(" and maybe more: {why}"));
        format!("{}{}", names.join(", "), more.unwrap_or_default())
    }

    #[test]
    fn groups_in_groups_are_followed_also_in_circles() {
        let groups = groups(&[
            ("Staff", &["ada", "1"]),
            ("Lab", &["bob", "2"]),
            ("Chemistry", &["cyd", "1", "0", "ada"]),
            ("Guests", &["dan", "dan"]),
        ]);
        assert_eq!(check(&groups, "ada"), "Chemistry, Lab, Staff");
        assert_eq!(check(&groups, "cyd"), "Chemistry, Lab, Staff");
        assert_eq!(check(&groups, "dan"), "Guests");
        assert_eq!(check(&groups, "eve"), "");
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let mut groups =
            groups(&[("Staff", &["ada", "1"]), ("Lab", &["bob"]), ("Guests", &["ada"])]);
        groups.keep(&AskedGroups::Named(vec!["Staff".to_owned()]));
        assert_eq!(groups.members.len(), 3, "Ada, the lab and Bob");
        assert_eq!(
            (check(&groups, "ada"), check(&groups, "bob")),
            ("Staff".into(), "Lab, Staff".into())
        );
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let mut groups = groups(&[("Staff", &["ada"]), ("", &["bob"])]);
        assert_eq!(check(&groups, "ada"), "Staff");
        assert_eq!(check(&groups, "bob"), " and maybe more: the name of a group cannot be told");
        groups.open_because("not all groups could be read");
        assert_eq!(check(&groups, "ada"), "Staff and maybe more: not all groups could be read");
    }
}
