//! Everything that a run is made of, from one config: source, mapping, target, clock. No I/O but reading files that the
//! config names.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use peoplesync_mapping::{AttributeSpec, CompileError, Mapping, OnEmpty, Spec, When, Within};
use peoplesync_reconcile::{
    Approvals, Edited, Guards, LeaverAction, Leavers, Managed, ManagedAttribute, OnDrift, Policy,
};
use peoplesync_scim::client::{Client, ClientConfig, Wire};
use peoplesync_scim::profile::{Deactivate, Delete, Inactive};
use peoplesync_scim::schema::{Resource, SchemaSet};
use peoplesync_scim::{Filter, Path, Profile};
use peoplesync_source::{Clock, Context, FieldTypes};

use super::membership::{self, GroupReader};
use super::{access, lookups};
use crate::approval;
use crate::clock;
use crate::config::{self, ConfigError, ConfigErrors, Keeper, Loaded, model};
use crate::failure::{Failure, Outcome};
use crate::pipeline::groups::{self, GroupSession};
use crate::pipeline::sources::Sources;

/// A config that was understood.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) loaded: Loaded,
    pub(crate) profile: Arc<Profile>,
    pub(crate) sources: Sources,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) managed: Arc<Managed>,
    /// Groups, if the config has any.
    pub(crate) groups: Option<GroupSession>,
    /// Groups as expressions over people ask about them, if one does.
    pub(crate) asked_groups: Option<GroupReader>,
    pub(crate) schemas: Arc<SchemaSet>,
    pub(crate) cx: Context,
    pub(crate) clock: Arc<dyn Clock>,
    /// The way to the target where it is no network.
    pub(crate) wired: Option<Wired>,
    /// Whether whoever waits for another try is left out of the plan.
    pub(crate) holds_back: bool,
}

/// A simulated way to the target. Nothing of a run depends on threads or chance then.
#[derive(Debug, Clone)]
pub(crate) struct Wired {
    pub(crate) wire: Arc<dyn Wire>,
    /// What the client's back-off is drawn from.
    pub(crate) seed: u64,
}

/// Reads a config. Where some of its settings cannot be read, what is wrong with the meaning of the others is told as well:
/// all errors at once.
pub(crate) fn load(path: &FilePath) -> Result<Loaded, ConfigErrors> {
    config::load(path)
        .map_err(|unread| unread.with_meaning(|rest| Session::new(rest, &clock::system()).err()))
}

impl Session {
    /// Understands a config; all errors of all its parts at once.
    pub(crate) fn new(loaded: Loaded, clock: &Arc<dyn Clock>) -> Result<Self, ConfigErrors> {
        let mut errors: Vec<ConfigError> = Vec::new();
        let mut note = |found: ConfigErrors| errors.extend(found.into_inner());
        let sources = Sources::new(&loaded).map_err(&mut note).ok();
        let profile = crate::profile::load(&loaded).map_err(&mut note).ok().map(Arc::new);
        // A profile that is wrong is an error already; the rest is looked at without it.
        let schemas = profile.as_ref().and_then(|profile| profile.schemas().ok());
        let schemas = Arc::new(schemas.unwrap_or_else(SchemaSet::standard));
        let mapping = mapping(&loaded, &schemas).map_err(&mut note).ok();
        let people = &loaded.config.people;
        let choices: Vec<Path> = mapping.iter().flat_map(chosen).cloned().collect();
        let mapped = people.attributes.keys().filter_map(|text| Path::parse(text).ok());
        let mapped = mapped.filter(|path| !choices.contains(path));
        let match_by =
            matched_by(&loaded, "people", &people.match_by, mapped).map_err(&mut note).ok();
        let protect =
            filters(&loaded, &schemas, ["guards", "protect"], &loaded.config.guards.protect)
                .map_err(&mut note)
                .ok();
        let administrators = filters(
            &loaded,
            &schemas,
            ["guards", "administrators"],
            &loaded.config.guards.administrators,
        )
        .map_err(&mut note)
        .ok();
        let kept = filters(&loaded, &schemas, ["leavers", "unless"], &loaded.config.leavers.unless)
            .map_err(&mut note)
            .ok();
        let habits = profile.clone().unwrap_or_default();
        let protected = protect.as_deref().unwrap_or_default();
        let groups = GroupSession::new(&loaded, &habits, &schemas, protected)
            .map_err(&mut note)
            .ok()
            .flatten();
        let asked_groups = match mapping.as_ref().filter(|_| groups.is_some()) {
            Some(mapping) => {
                GroupReader::new(&loaded, mapping, &schemas).map_err(&mut note).ok().flatten()
            }
            // What is wrong with the table is an error already.
            None => None,
        };
        let groups = groups.filter(|groups| groups.provision);
        address(&loaded).map_err(&mut note).ok();
        if let Some(profile) = &profile {
            groups::fits(&loaded, profile).map_err(&mut note).ok();
            leavers(&loaded, profile).map_err(&mut note).ok();
        }
        approval::keys(&loaded).map_err(&mut note).ok();
        crate::service::check(&loaded).map_err(&mut note).ok();
        let (
            Some(sources),
            Some(profile),
            Some(mapping),
            Some(match_by),
            Some(protect),
            Some(administrators),
            Some(kept),
        ) = (sources, profile, mapping, match_by, protect, administrators, kept)
        else {
            return Err(ConfigErrors::new(errors));
        };
        if !errors.is_empty() {
            return Err(ConfigErrors::new(errors));
        }
        let attributes = managed_attributes(&mapping, &ignored(&profile));
        let of_active = loaded.config.people.on_drift;
        let on_drift = on_drift(&loaded.config.people.attributes, of_active, &mapping);
        let managed =
            Managed::new(Resource::User, attributes, &match_by, protect, Arc::clone(&schemas))
                .and_then(|managed| managed.with_choices(&choices))
                .map_err(|error| loaded.error(&["people", "match"], error.to_string()))?
                .with_administrators(administrators)
                .with_kept(kept)
                .with_on_drift(on_drift, of_active)
                .with_redacted(
                    mapping.attributes().iter().map(|rule| rule.is_redacted()).collect(),
                );
        let keeper = Arc::new(Keeper { base: loaded.base.clone() });
        let cx = Context::new(Arc::clone(clock), keeper, loaded.base.clone());
        Ok(Self {
            profile,
            sources,
            mapping: Arc::new(mapping),
            managed: Arc::new(managed),
            groups,
            asked_groups,
            schemas,
            cx,
            clock: Arc::clone(clock),
            wired: None,
            holds_back: false,
            loaded,
        })
    }

    /// The fields that the mapping reads and the source does not have, if it says which ones it has: all errors at once. A
    /// name that was mistyped would be null for everybody.
    pub(crate) fn unknown_fields(&self, known: Option<&[String]>) -> Result<(), ConfigErrors> {
        self.unknown(known, |known| {
            let of_people = self.groups.iter().flat_map(|groups| groups.of_people.texts());
            let of_groups = of_people.flat_map(|texts| texts.unknown_fields(known));
            let asked = self.asked_groups.iter().flat_map(|groups| groups.unknown_of_people(known));
            self.mapping.unknown_fields(known).into_iter().chain(of_groups).chain(asked).collect()
        })
    }

    /// The expressions that cannot take what the source says that their fields hold: all errors at once. Everybody would be rejected,
    /// or read otherwise than it was meant.
    pub(crate) fn mistyped(&self, types: FieldTypes) -> Result<(), ConfigErrors> {
        if types.is_empty() {
            return Ok(());
        }
        typed(&self.loaded, &self.schemas, types).map(drop)
    }

    /// The fields that are read of people, whether or not groups need more of them.
    pub(crate) fn fields_of_people(&self) -> impl Iterator<Item = &String> {
        let of_members = self.asked_groups.iter().flat_map(GroupReader::fields_of_people);
        self.mapping.fields().iter().chain(of_members)
    }

    /// The names of groups that expressions ask about and that there are not, when all groups are known.
    pub(crate) fn unknown_group_names(&self, known: &[&str]) -> Result<(), ConfigErrors> {
        let errors = self.mapping.unknown_groups(known);
        if errors.is_empty() {
            return Ok(());
        }
        Err(ConfigErrors::new(
            errors.iter().map(|error| compile_error(&self.loaded, error)).collect(),
        ))
    }

    /// The same for what is read of a source of groups.
    pub(crate) fn unknown_group_fields(
        &self,
        known: Option<&[String]>,
    ) -> Result<(), ConfigErrors> {
        self.unknown(known, |known| {
            let written = self.groups.iter().flat_map(|groups| groups.unknown_fields(known));
            let asked = self.asked_groups.iter().flat_map(|groups| groups.unknown_fields(known));
            written.chain(asked).collect()
        })
    }

    /// The same as [`mistyped`](Self::mistyped) for what is read of a source of groups.
    pub(crate) fn mistyped_groups(&self, types: FieldTypes) -> Result<(), ConfigErrors> {
        let table = self.loaded.config.groups.as_ref().filter(|_| !types.is_empty());
        table.map_or(Ok(()), |table| {
            groups::mapping(&self.loaded, table, &self.schemas, types).map(drop)
        })
    }

    fn unknown(
        &self,
        known: Option<&[String]>,
        unknown: impl FnOnce(&[String]) -> Vec<CompileError>,
    ) -> Result<(), ConfigErrors> {
        // A source of nobody has no fields to compare with.
        let known = known.unwrap_or_default();
        let unknown = if known.is_empty() { Vec::new() } else { unknown(known) };
        // Groups that are both written and asked about are read by the same rules.
        let mut errors: Vec<&CompileError> = Vec::new();
        for error in &unknown {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
        Err(ConfigErrors::new(
            errors.into_iter().map(|error| compile_error(&self.loaded, error)).collect(),
        ))
    }

    /// What reports call the target.
    pub(crate) fn target_name(&self) -> String {
        self.loaded.config.target.title().to_owned()
    }

    /// What reports call the source.
    pub(crate) fn source_name(&self) -> String {
        self.sources.title()
    }

    /// The client of the target; reveals the credentials. `used` is how long until each lasting limit of the target has room
    /// again.
    pub(crate) fn client(&self, used: Vec<(String, Duration)>) -> Outcome<Client> {
        let target = &self.loaded.config.target;
        let mut config = ClientConfig::new(&target.url);
        access::grant(&mut config, target, &self.cx)?;
        config.used = used;
        config.user_agent = concat!("peoplesync/", env!("CARGO_PKG_VERSION")).to_owned();
        config.timeout = Duration::from_secs(target.timeout_secs);
        config.concurrency = target.concurrency.max(1);
        config.max_concurrency = self.most_at_once();
        config.retries = target.retries;
        config.allow_plain_http = target.allow_plain_http;
        config.page_size = self.profile.list.page_size;
        config.pages_ahead = self.profile.list.pages_ahead as usize;
        config.content_type.clone_from(&self.profile.content_type);
        config.profile = Arc::clone(&self.profile);
        config.schemas = SchemaSet::clone(&self.schemas);
        if let Some(Wired { wire, seed }) = &self.wired {
            config.wire = Some(Arc::clone(wire));
            config.seed = Some(*seed);
        }
        Client::new(config).map_err(Failure::from)
    }

    /// Up to how many requests are under way at once. A number that somebody wrote is not searched beyond.
    fn most_at_once(&self) -> usize {
        let target = &self.loaded.config.target;
        let is_written = |key: &str| self.loaded.is_written(&["target", key]);
        match is_written("concurrency") && !is_written("max_concurrency") {
            true => target.concurrency,
            false => target.max_concurrency,
        }
    }

    /// What the administrator allows, at this moment.
    pub(crate) fn policy(&self, first_load: bool, full: bool, edited: Edited) -> Policy {
        let config = &self.loaded.config;
        let guards = &config.guards;
        Policy {
            adopt: config.people.adopt,
            leavers: leavers_of(&config.leavers),
            guards: Guards {
                max_leavers: guards.max_leavers.0,
                max_changes: guards.max_changes.0,
                max_creates: guards.max_creates.0,
                max_renames: guards.max_renames.0,
                max_clears: guards.max_clears.0,
                max_config_changes: guards.max_config_changes.0,
                max_rejected: guards.max_rejected.0,
                max_members_removed: guards.max_members_removed.0,
                max_memberships_removed: guards.max_memberships_removed.0,
                min_records: guards.min_records,
            },
            approval: Approvals {
                required: config.approval.required,
                over: config.approval.over.map(|over| over.0),
            },
            first_load,
            full,
            edited,
            hides_inactive: self.profile.lifecycle.inactive == Inactive::Gone,
            now: self.clock.now().0,
            source: self.sources.title_in_reasons(),
            tried: std::collections::BTreeMap::new(),
        }
    }
}

/// How leavers are treated.
pub(super) fn leavers_of(table: &model::LeaversTable) -> Leavers {
    Leavers {
        action: table.action,
        out_of_scope: table.out_of_scope.unwrap_or(table.action),
        grace_days: table.grace_days,
        delete_after_days: table.delete_after_days,
    }
}

/// What becomes of each attribute that others change at the target: as the rule says that gives it its value, or else as all.
pub(super) fn on_drift(
    rules: &BTreeMap<String, model::AttributeRule>,
    of_all: OnDrift,
    mapping: &Mapping,
) -> Vec<OnDrift> {
    let said: Vec<(Path, OnDrift)> = rules
        .iter()
        .filter_map(|(path, rule)| Some((Path::parse(path).ok()?, rule.on_drift?)))
        .collect();
    let of = |path: &Path| {
        let whole = |said: &Path| *said == said.root() && said.same_root(path);
        let exact = said.iter().find(|(said, _)| said == path);
        let found = exact.or_else(|| said.iter().find(|(said, _)| whole(said)));
        found.map_or(of_all, |(_, on_drift)| *on_drift)
    };
    mapping.attributes().iter().map(|attribute| of(attribute.path())).collect()
}

/// The compiled mapping of the config.
pub(crate) fn mapping(loaded: &Loaded, schemas: &SchemaSet) -> Result<Mapping, ConfigErrors> {
    typed(loaded, schemas, FieldTypes::new())
}

/// The same where it is known what fields hold.
fn typed(loaded: &Loaded, schemas: &SchemaSet, types: FieldTypes) -> Result<Mapping, ConfigErrors> {
    let lookups = lookups::load(loaded)?;
    let spec = Spec { lookups, types, ..spec_of(&loaded.config.people) };
    let compiled = Mapping::compile(&spec, Resource::User, schemas);
    let mapping = compiled.map_err(|errors| {
        ConfigErrors::new(errors.iter().map(|error| compile_error(loaded, error)).collect())
    })?;
    membership::can_be_asked(loaded, &mapping)?;
    Ok(mapping)
}

/// What a table of people asks of the mapping.
pub(super) fn spec_of(people: &model::People) -> Spec {
    let (manager, domain) = (people.manager.clone(), people.default_domain.clone());
    Spec { manager, domain, ..spec(&people.scope, rules(&people.attributes)) }
}

/// A mapping as it is compiled.
pub(crate) fn spec(scope: &str, attributes: Vec<AttributeSpec>) -> Spec {
    let scope = Some(scope.to_owned()).filter(|scope| !scope.trim().is_empty());
    Spec { scope, attributes, ..Spec::default() }
}

/// The rules of a table of attributes.
pub(crate) fn rules(attributes: &BTreeMap<String, model::AttributeRule>) -> Vec<AttributeSpec> {
    let rules = attributes.iter().map(|(path, rule)| {
        let on_empty = match rule.on_empty {
            model::OnEmpty::Leave => OnEmpty::Leave,
            model::OnEmpty::Clear => OnEmpty::Clear,
        };
        let when = match rule.when {
            model::When::Always => When::Always,
            model::When::Create => When::Create,
        };
        AttributeSpec { path: path.clone(), rule: rule.rule.clone(), on_empty, when }
    });
    rules.collect()
}

/// What the target does not keep, by the profile.
pub(crate) fn ignored(profile: &Profile) -> Vec<Path> {
    profile.write.ignored.iter().filter_map(|text| Path::parse(text).ok()).collect()
}

/// The attributes of a mapping, as a plan manages them.
pub(crate) fn managed_attributes(mapping: &Mapping, ignored: &[Path]) -> Vec<ManagedAttribute> {
    let attributes = mapping.attributes().iter().map(|attribute| ManagedAttribute {
        path: attribute.path().clone(),
        // What the target does not keep would differ for ever.
        create_only: attribute.when() == When::Create || covers(ignored, attribute.path()),
        reference: attribute.is_reference(),
    });
    attributes.collect()
}

/// An error of the mapping, with its place in the config.
pub(crate) fn compile_error(
    loaded: &Loaded,
    error: &peoplesync_mapping::CompileError,
) -> ConfigError {
    let key: Vec<&str> = error.place.iter().map(String::as_str).collect();
    let within = match error.within {
        Within::Key => config::Within::Key(error.span.start),
        Within::Value => config::Within::Value(&error.text, error.span.start),
    };
    let mut shown = loaded.error_within(&key, within, error.message.clone());
    shown.hint.clone_from(&error.hint);
    // The drawing is the message, the text with carets, and the hint; message and hint have places of their own here.
    let drawing = error.render();
    let carets: Vec<&str> =
        drawing.lines().skip(1).take(2).map(|line| line.get(4..).unwrap_or(line)).collect();
    shown.excerpt = (carets.len() == 2).then(|| carets.join("\n"));
    shown
}

/// The attributes whose value is chosen for a new account.
fn chosen(mapping: &Mapping) -> impl Iterator<Item = &Path> {
    let attributes = mapping.attributes().iter();
    attributes.filter(|attribute| attribute.is_choice()).map(|attribute| attribute.path())
}

/// The attributes by which a table's resources are matched. `mapped` are those that its mapping has.
pub(crate) fn matched_by(
    loaded: &Loaded,
    table: &str,
    match_by: &[String],
    mapped: impl Iterator<Item = Path>,
) -> Result<Vec<Path>, ConfigErrors> {
    let parse = |text: &String| {
        Path::parse(text)
            .map_err(|error| loaded.error(&[table, "match"], format!("\"{text}\": {error}")))
    };
    let mut paths = match_by.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    // The default names attributes that this mapping may not have; what the administrator wrote stays, and is an error.
    if !loaded.is_written(&[table, "match"]) {
        let mapped: Vec<Path> = mapped.collect();
        paths.retain(|path| mapped.contains(path));
    }
    Ok(paths)
}

/// The SCIM filters of a key. One that asks for what no account has would hold for nobody, and protect nobody.
fn filters(
    loaded: &Loaded,
    schemas: &SchemaSet,
    key: [&str; 2],
    texts: &[String],
) -> Result<Vec<Filter>, ConfigErrors> {
    let is_known = |path: &Path| {
        path.urn().is_some_and(|urn| schemas.get(urn).is_none())
            || Resource::ALL.iter().any(|resource| schemas.resolve(*resource, path).is_some())
    };
    let mut errors = Vec::new();
    let mut filters = Vec::new();
    for text in texts {
        match Filter::parse(text) {
            Ok(filter) => {
                filter.visit_paths(&mut |path| {
                    if !is_known(path) {
                        let message = format!("\"{text}\": `{path}` is no attribute of accounts");
                        errors.push(loaded.error(&key, message));
                    }
                });
                filters.push(filter);
            }
            Err(error) => {
                errors.push(loaded.error(&key, format!("\"{text}\" is not a SCIM filter: {error}")))
            }
        }
    }
    if errors.is_empty() { Ok(filters) } else { Err(ConfigErrors::new(errors)) }
}

/// Whether one of these is the path, or an attribute that it lies in.
fn covers(paths: &[Path], path: &Path) -> bool {
    paths.iter().any(|known| known == path || *known == path.root())
}

/// What the leavers' rules ask for must be something that the target can do.
fn leavers(loaded: &Loaded, profile: &Profile) -> Result<(), ConfigErrors> {
    let leavers = &loaded.config.leavers;
    let cannot = |key: &str, what: &str, hint: &str| {
        let mut error = loaded.error(&["leavers", key], format!("{} cannot {what}", profile.title));
        error.hint = Some(hint.to_owned());
        ConfigErrors::from(error)
    };
    let by_deletion = "see `lifecycle.delete` of the profile; write action = \"deactivate\"";
    let actions = [("action", Some(leavers.action)), ("out_of_scope", leavers.out_of_scope)];
    for (key, action) in actions {
        match (action, profile.lifecycle.deactivate, profile.lifecycle.delete) {
            (Some(LeaverAction::Delete), _, Delete::None) => {
                return Err(cannot(key, "delete accounts", by_deletion));
            }
            (Some(LeaverAction::Deactivate), Deactivate::None, _) => {
                let hint = "see `lifecycle.deactivate` of the profile; write action = \"unlink\" or \"delete\"";
                return Err(cannot(key, "take accounts out of use", hint));
            }
            _ => {}
        }
    }
    if leavers.delete_after_days > 0
        && matches!(profile.lifecycle.delete, Delete::None | Delete::Deactivates)
    {
        let hint = "see `lifecycle.delete` of the profile; write delete_after_days = 0";
        return Err(cannot("delete_after_days", "delete accounts", hint));
    }
    Ok(())
}

/// What can be told of the URL, the credentials and the pace without asking anybody.
fn address(loaded: &Loaded) -> Result<(), ConfigErrors> {
    let target = &loaded.config.target;
    let mut errors = Vec::new();
    let mut config = ClientConfig::new(&target.url);
    config.allow_plain_http = target.allow_plain_http;
    if let Err(error) = Client::new(config) {
        errors.push(loaded.error(&["target", "url"], error.to_string()));
    }
    errors.extend(access::mistakes(loaded));
    if target.concurrency == 0 {
        errors.push(loaded.error(&["target", "concurrency"], "expected at least 1, found 0"));
    }
    if target.timeout_secs == 0 {
        let message = "expected at least 1 second, found 0: nobody answers within no time";
        errors.push(loaded.error(&["target", "timeout_secs"], message));
    }
    if errors.is_empty() { Ok(()) } else { Err(config::ConfigErrors::new(errors)) }
}
