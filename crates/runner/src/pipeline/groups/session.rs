//! What a config says of groups, understood. No I/O.

use std::sync::Arc;
use std::time::Duration;

use peoplesync_mapping::{CompileError, Mapping, Rule, Spec, Texts};
use peoplesync_reconcile::{
    Edited, Guards, LeaverAction, Leavers, Managed, OnDrift, Policy, Unmanaged,
};
use peoplesync_scim::schema::{Resource, SchemaSet};
use peoplesync_scim::{Filter, Path, Profile};
use peoplesync_source::{FieldTypes, Source};

use super::gather::OfPeople;
use crate::config::groups::{GroupsTable, Nested, OnAbsent};
use crate::config::{ConfigErrors, Loaded};
use crate::pipeline::lookups;
use crate::pipeline::patient::Patient;
use crate::pipeline::session::{
    compile_error, managed_attributes, matched_by, on_drift, rules, spec,
};
use crate::registry;

/// The field that groups of people have: the value that they are made of.
pub(crate) const VALUE: &str = "value";

/// Groups, as the config wants them.
#[derive(Debug)]
pub(crate) struct GroupSession {
    pub(crate) origin: Origin,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) managed: Arc<Managed>,
    /// What gives the keys of members, where groups have a source of their own.
    pub(crate) members: Option<Texts>,
    /// What groups need of people.
    pub(crate) of_people: Arc<OfPeople>,
    pub(crate) nested: Nested,
    pub(crate) unmanaged: Unmanaged,
    /// What becomes of members whom others added or took out.
    pub(crate) on_drift: OnDrift,
    /// Whether they are written to the target, or only read.
    pub(crate) provision: bool,
    adopt: bool,
    on_absent: OnAbsent,
}

/// Where groups come from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// From a source of their own; with its name, and how often it is tried again.
    Source(Box<dyn Source>, String, u32),
    /// From a value of people.
    People,
}

impl GroupSession {
    /// Understands the table; all errors at once. None without the table.
    pub(crate) fn new(
        loaded: &Loaded,
        profile: &Profile,
        schemas: &Arc<SchemaSet>,
        protect: &[Filter],
    ) -> Result<Option<Self>, ConfigErrors> {
        let Some(table) = &loaded.config.groups else { return Ok(None) };
        let mut errors = Vec::new();
        let mut note = |found: ConfigErrors| errors.extend(found.into_inner());
        shape(loaded, table).map_err(&mut note).ok();
        let origin = match (&table.source, &table.from) {
            (Some(source), _) => registry::source_at(loaded, source, &["groups", "source"])
                .map(|built| {
                    let patience = Duration::from_secs(source.timeout_secs.max(1));
                    let patient = Box::new(Patient::new(built, patience));
                    Origin::Source(patient, source.name(), source.retries)
                })
                .map_err(&mut note)
                .ok(),
            (None, Some(_)) => Some(Origin::People),
            (None, None) => None,
        };
        let mut optional = |name, text: &Option<String>| match text {
            Some(text) => texts(loaded, name, text).map_err(&mut note).ok(),
            None => None,
        };
        let members = optional("members", &table.members);
        let of_people = OfPeople {
            from: optional("from", &table.from),
            member_key: optional("member_key", &table.member_key),
        };
        let mapping = mapping(loaded, table, schemas, FieldTypes::new()).map_err(&mut note).ok();
        let chosen = mapping.iter().flat_map(Mapping::attributes);
        for attribute in chosen.filter(|attribute| attribute.is_choice()) {
            let key = ["groups", "attributes", &attribute.path().to_string()];
            let message = "a value is chosen for people only, not for groups";
            note(loaded.error(&key, message).into());
        }
        let attributes = mapping.iter().flat_map(Mapping::attributes);
        let mapped = attributes.map(|attribute| attribute.path().clone());
        let match_by =
            matched_by(loaded, "groups", &table.match_by, mapped).map_err(&mut note).ok();
        let (Some(origin), Some(mapping), Some(match_by), []) =
            (origin, mapping, match_by, errors.as_slice())
        else {
            return Err(ConfigErrors::new(errors));
        };
        let fixed: Vec<Path> =
            profile.groups.fixed.iter().filter_map(|text| Path::parse(text).ok()).collect();
        let attributes = managed_attributes(&mapping, &fixed);
        let schemas = Arc::clone(schemas);
        let drifts = on_drift(&table.attributes, table.on_drift, &mapping);
        let managed =
            Managed::new(Resource::Group, attributes, &match_by, protect.to_vec(), schemas)
                .map_err(|error| loaded.error(&["groups", "match"], error.to_string()))?
                .with_on_drift(drifts, table.on_drift)
                .with_redacted(
                    mapping.attributes().iter().map(|rule| rule.is_redacted()).collect(),
                );
        Ok(Some(Self {
            origin,
            mapping: Arc::new(mapping),
            managed: Arc::new(managed),
            members,
            of_people: Arc::new(of_people),
            nested: table.nested,
            unmanaged: table.unmanaged_members,
            on_drift: table.on_drift,
            provision: table.provision,
            adopt: table.adopt,
            on_absent: table.on_absent,
        }))
    }

    /// Whether members are kept in step at all.
    pub(crate) fn manages_members(&self) -> bool {
        self.members.is_some() || matches!(self.origin, Origin::People)
    }

    /// What reasons call the place where groups come from.
    pub(crate) fn source_name<'a>(&'a self, people: &'a str) -> &'a str {
        match &self.origin {
            Origin::Source(_, name, _) => name,
            Origin::People => people,
        }
    }

    /// What the administrator allows for groups, by the settings for people. `first_load`: no apply of groups has come to its end.
    pub(crate) fn policy(&self, people: &Policy, first_load: bool, edited: Edited) -> Policy {
        // How many records there must be is said of people alone.
        let guards = Guards { min_records: 0, ..people.guards };
        Policy {
            adopt: self.adopt,
            leavers: leavers_of(self.on_absent),
            first_load,
            edited,
            guards,
            source: self.source_name(&people.source).to_owned(),
            ..people.clone()
        }
    }

    /// What the expressions over groups read and their source does not have.
    pub(crate) fn unknown_fields(&self, known: &[String]) -> Vec<CompileError> {
        let mut errors = self.mapping.unknown_fields(known);
        for texts in self.texts() {
            errors.extend(texts.unknown_fields(known));
        }
        errors
    }

    /// The fields that are read of a source of groups.
    pub(crate) fn fields(&self) -> Vec<String> {
        let mut fields = self.mapping.fields().to_vec();
        fields.extend(self.texts().flat_map(Texts::fields).cloned());
        fields.sort();
        fields.dedup();
        fields
    }

    /// What is read of a record of a group beside its attributes.
    fn texts(&self) -> impl Iterator<Item = &Texts> {
        let nested = self.of_people.member_key.iter().filter(|_| self.nested != Nested::Ignore);
        self.members.iter().chain(nested)
    }
}

/// How groups are treated that left.
pub(in crate::pipeline) fn leavers_of(on_absent: OnAbsent) -> Leavers {
    let action = match on_absent {
        OnAbsent::Ignore => LeaverAction::Ignore,
        OnAbsent::Unlink => LeaverAction::Unlink,
        OnAbsent::Delete => LeaverAction::Delete,
    };
    Leavers { action, out_of_scope: action, grace_days: 0, delete_after_days: 0 }
}

/// What the target can do of what the table asks.
pub(crate) fn fits(loaded: &Loaded, profile: &Profile) -> Result<(), ConfigErrors> {
    let Some(table) = loaded.config.groups.as_ref().filter(|table| table.provision) else {
        return Ok(());
    };
    let mut errors = Vec::new();
    if profile.endpoint(Resource::Group).is_empty() {
        errors.push(loaded.error(&["groups"], "the target has no groups, as its profile says"));
    }
    if table.nested == Nested::Pass && !profile.groups.nested {
        let message = "the target takes no groups as members, as its profile says; \"flatten\" adds the people in them";
        errors.push(loaded.error(&["groups", "nested"], message));
    }
    if errors.is_empty() { Ok(()) } else { Err(ConfigErrors::new(errors)) }
}

/// What fits together in the table.
fn shape(loaded: &Loaded, table: &GroupsTable) -> Result<(), ConfigErrors> {
    let mut errors = Vec::new();
    let mut wrong = |key: &[&str], message: &str| errors.push(loaded.error(key, message));
    match (&table.source, &table.from) {
        (Some(_), Some(_)) => {
            wrong(&["groups", "from"], "expected either `source` or `from`, found both");
        }
        (None, None) => {
            wrong(&["groups"], "expected `source`, or `from` to make groups of a value of people");
        }
        (None, Some(_)) if !table.provision => {
            wrong(&["groups", "provision"], "groups that are made of people can only be written");
        }
        (None, Some(_)) => {
            let own = [
                ("members", table.members.is_some()),
                ("member_key", table.member_key.is_some()),
                ("scope", !table.scope.trim().is_empty()),
                ("nested", table.nested != Nested::Ignore),
            ];
            for (name, _) in own.iter().filter(|(_, is_set)| *is_set) {
                let message = "is for groups with a `source` of their own; with `from`, whoever has the value is a member";
                wrong(&["groups", name], message);
            }
        }
        (Some(_), None) => {
            if table.attributes.keys().all(|path| !path.eq_ignore_ascii_case("displayName")) {
                wrong(&["groups", "attributes"], "expected `displayName`, which every group has");
            }
            let without = [
                ("member_key", table.member_key.is_some()),
                ("nested", table.nested != Nested::Ignore),
            ];
            for (name, _) in without.iter().filter(|(_, is_set)| *is_set && table.members.is_none())
            {
                wrong(&["groups", name], "is of no use without `groups.members`");
            }
        }
    }
    for (path, rule) in &table.attributes {
        if matches!(rule.rule, Rule::Reference(_)) {
            let message = "groups refer to nobody; members are what `groups.members` says";
            wrong(&["groups", "attributes", path], message);
        }
        if path.to_ascii_lowercase().starts_with("members") {
            let message = "members are not an attribute here; `groups.members` says who they are";
            wrong(&["groups", "attributes", path], message);
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ConfigErrors::new(errors)) }
}

/// The compiled mapping of groups, where it is known what fields hold.
pub(in crate::pipeline) fn mapping(
    loaded: &Loaded,
    table: &GroupsTable,
    schemas: &SchemaSet,
    types: FieldTypes,
) -> Result<Mapping, ConfigErrors> {
    let mut attributes = rules(&table.attributes);
    if table.from.is_some() && attributes.is_empty() {
        attributes.push(peoplesync_mapping::AttributeSpec::value("displayName", VALUE));
    }
    let lookups = lookups::load(loaded)?;
    let domain = loaded.config.people.default_domain.clone();
    let spec = Spec { lookups, domain, types, ..spec(&table.scope, attributes) };
    let mapping = Mapping::compile(&spec, Resource::Group, schemas)
        .map_err(|errors| shown(loaded, &errors))?;
    match mapping.questions_about_others().as_slice() {
        [] => Ok(mapping),
        errors => Err(shown(loaded, errors)),
    }
}

fn texts(loaded: &Loaded, name: &str, text: &str) -> Result<Texts, ConfigErrors> {
    Texts::compile(&["groups", name], text, &lookups::load(loaded)?)
        .map_err(|errors| shown(loaded, &errors))
}

fn shown(loaded: &Loaded, errors: &[CompileError]) -> ConfigErrors {
    ConfigErrors::new(errors.iter().map(|error| compile_error(loaded, error)).collect())
}
