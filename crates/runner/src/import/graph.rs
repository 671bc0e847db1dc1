//! The provisioning schema that Microsoft Graph exports (`synchronizationSchema`): object mappings, attribute mappings, scoping
//! filters. Only what a config needs is read; what the export has beyond that is of no account.

use peoplesync_mapping::{AttributeSpec, Mapping, Remedy, Rule as MappingRule, Spec, When};
use peoplesync_scim::Path;
use peoplesync_scim::schema::{Kind, Resource, SchemaSet};
use serde::Deserialize;

use super::scope::{self, Filter};
use super::write::{self, text_literal};
use super::{Imported, Parts, Rule, Table};

/// The export.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schema {
    #[serde(default)]
    synchronization_rules: Option<Vec<SynchronizationRule>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SynchronizationRule {
    #[serde(default)]
    object_mappings: Option<Vec<ObjectMapping>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectMapping {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    flow_types: Option<String>,
    #[serde(default)]
    source_object_name: Option<String>,
    #[serde(default)]
    target_object_name: Option<String>,
    #[serde(default)]
    attribute_mappings: Option<Vec<AttributeMapping>>,
    #[serde(default)]
    scope: Option<Filter>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttributeMapping {
    #[serde(default)]
    default_value: Option<String>,
    #[serde(default)]
    flow_behavior: Option<String>,
    #[serde(default)]
    flow_type: Option<String>,
    #[serde(default)]
    matching_priority: Option<i64>,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    target_attribute_name: Option<String>,
}

/// Where a value comes from: an attribute, a constant, or a function of such.
#[derive(Debug, Default, Deserialize)]
struct Source {
    #[serde(default)]
    expression: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    parameters: Option<Vec<Parameter>>,
}

#[derive(Debug, Deserialize)]
struct Parameter {
    #[serde(default)]
    value: Option<Source>,
}

fn yes() -> bool {
    true
}

/// Why an export is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoExport(pub(crate) String);

/// Makes a config. `settings` is the kind of a source and what its settings look like.
pub(crate) fn import(schema: Schema, settings: (&str, &str)) -> Result<Imported, NoExport> {
    let rules = schema
        .synchronization_rules
        .ok_or_else(|| NoExport("it has no `synchronizationRules`".to_owned()))?;
    let mappings: Vec<ObjectMapping> =
        rules.into_iter().flat_map(|rule| rule.object_mappings.unwrap_or_default()).collect();
    let mut parts = Parts::default();
    let (mut people, mut groups, mut others) = (None, None, Vec::new());
    for mapping in mappings {
        let place = match () {
            () if !mapping.enabled => None,
            () if mapping.is_of("user") => Some(&mut people),
            () if mapping.is_of("group") => Some(&mut groups),
            () => None,
        };
        match place {
            Some(place @ None) => *place = Some(mapping),
            _ => others.push(mapping),
        }
    }
    let people = people
        .ok_or_else(|| NoExport("it has no object mapping of users that is enabled".to_owned()))?;
    for other in others {
        let why = match () {
            () if !other.enabled => "it is switched off",
            () if other.is_of("group") => "there is one mapping of groups in a config",
            () if other.is_of("user") => "there is one mapping of people in a config",
            () => "it is neither of users nor of groups",
        };
        parts.left.push(format!("The object mapping {}: {why}.", other.title()));
    }
    parts.people = convert(people, Resource::User, &mut parts.left);
    if let Some(groups) = groups {
        let title = groups.title();
        let table = convert(groups, Resource::Group, &mut parts.left);
        let is_name =
            |rule: &Rule| rule.path.eq_ignore_ascii_case("displayName") && rule.left_out.is_none();
        if table.rules.iter().any(is_name) {
            parts.groups = Some(table);
        } else {
            parts.left.push(format!(
                "The object mapping {title}: groups need a `displayName`; write [groups]."
            ));
        }
    }
    Ok(write::config(parts, settings))
}

impl ObjectMapping {
    fn title(&self) -> String {
        let object = |name: &Option<String>| name.clone().unwrap_or_default();
        match &self.name {
            Some(name) => format!("\"{name}\""),
            None => format!(
                "{} → {}",
                object(&self.source_object_name),
                object(&self.target_object_name)
            ),
        }
    }

    /// Whether both sides are objects of this kind: `User`, or a URN that ends in it.
    fn is_of(&self, kind: &str) -> bool {
        let is = |name: &Option<String>| {
            let name = name.as_deref().unwrap_or_default().to_ascii_lowercase();
            name.rsplit(':').next().is_some_and(|last| last == kind || last == format!("{kind}s"))
        };
        is(&self.target_object_name) && (is(&self.source_object_name) || kind == "user")
    }
}

fn convert(mapping: ObjectMapping, resource: Resource, left: &mut Vec<String>) -> Table {
    let name = if resource == Resource::User { "people" } else { "groups" };
    let mut table = Table { title: mapping.title(), ..Table::default() };
    flow_types(mapping.flow_types.as_deref(), resource, &mut table, left);
    if let Some(filter) = &mapping.scope {
        let (scope, not_carried) = scope::expression(filter, name);
        table.scope = scope;
        left.extend(not_carried);
    }
    let mut match_by = Vec::new();
    for attribute in mapping.attribute_mappings.unwrap_or_default() {
        let Some(path) = attribute.target_attribute_name.clone() else { continue };
        if resource == Resource::Group && path.eq_ignore_ascii_case("members") {
            table.members = attribute.source.as_ref().map(Source::expression);
            continue;
        }
        let priority = attribute.matching_priority.unwrap_or(0);
        let rule = rule(attribute, path, resource, left);
        if priority > 0 && rule.left_out.is_none() {
            match_by.push((priority, rule.path.clone()));
        }
        table.rules.push(rule);
    }
    match_by.sort();
    table.match_by = match_by.into_iter().map(|(_, path)| path).collect();
    let Some(mapping) = compilable(&mut table, resource, left) else { return table };
    for attribute in mapping.attributes().iter().filter(|attribute| attribute.is_choice()) {
        let path = attribute.path();
        let count = table.match_by.len();
        table.match_by.retain(|text| Path::parse(text).as_ref() != Ok(path));
        if table.match_by.len() < count {
            left.push(format!(
                "`{path}` is chosen such that nobody has it, so nobody is matched by it."
            ));
        }
    }
    let rules = &table.rules;
    table
        .match_by
        .retain(|path| rules.iter().any(|rule| rule.path == *path && rule.left_out.is_none()));
    table
}

/// Which kinds of changes are made.
fn flow_types(
    flow_types: Option<&str>,
    resource: Resource,
    table: &mut Table,
    left: &mut Vec<String>,
) {
    let Some(flow_types) = flow_types.filter(|text| !text.trim().is_empty()) else { return };
    let has = |kind: &str| flow_types.split(',').any(|flow| flow.trim().eq_ignore_ascii_case(kind));
    table.ignores_leavers = !has("delete");
    let what = if resource == Resource::User { "accounts" } else { "groups" };
    for (kind, done) in [("add", "created"), ("update", "changed")] {
        if !has(kind) {
            left.push(format!(
                "`flowTypes` is \"{flow_types}\", so that {what} were not {done}; here they are."
            ));
        }
    }
}

fn rule(
    attribute: AttributeMapping,
    path: String,
    resource: Resource,
    left: &mut Vec<String>,
) -> Rule {
    let schemas = SchemaSet::standard();
    let source = attribute.source.unwrap_or_default();
    let expression = source.expression();
    let is_reference =
        resource == Resource::User && source.is("attribute") && refers(&path, &schemas);
    let is_create_only = create_only(&path, attribute.flow_type.as_deref(), left);
    let mut rule = Rule { path, expression, is_reference, is_create_only, left_out: None };
    if rule.expression.trim().is_empty() {
        rule.left_out = Some("it has no source".to_owned());
    } else if is_soft_deleted(&rule.expression) {
        let why = "whether somebody was deleted is told by the source itself: leavers are treated as [leavers] says";
        rule.left_out = Some(why.to_owned());
    } else if let Some(default) = attribute.default_value.filter(|value| !value.is_empty())
        && !rule.is_reference
    {
        rule.expression = format!("Coalesce({}, {})", rule.expression, text_literal(&default));
        if !rule.is_create_only {
            left.push(format!(
                "The default value of `{}` was for new accounts; here it is for all whose source has no value.",
                rule.path
            ));
        }
    }
    let flow = attribute.flow_behavior.unwrap_or_default();
    if flow.eq_ignore_ascii_case("FlowAlways") && !rule.is_create_only {
        left.push(format!(
            "`{}` was written in every cycle; here it is written if it differs.",
            rule.path
        ));
    }
    rule
}

/// Whether the value is written for new accounts only.
fn create_only(path: &str, flow_type: Option<&str>, left: &mut Vec<String>) -> bool {
    let mut note = |what: &str| left.push(format!("`{path}` {what}"));
    match flow_type.unwrap_or("Always").to_ascii_lowercase().as_str() {
        "objectaddonly" => true,
        "attributeaddonly" => {
            note(
                "was written where the account had no value; here it is written for new accounts.",
            );
            true
        }
        "valueaddonly" | "multivalueaddonly" => {
            note("only got values and lost none; here it is kept in step.");
            false
        }
        _ => false,
    }
}

/// Whether it is nothing but the flag of deleted accounts, in one of the forms in which exports have it.
fn is_soft_deleted(expression: &str) -> bool {
    let Ok(expr) = peoplesync_mapping::expr::parse(expression) else { return false };
    let mut fields = Vec::new();
    expr.each_field(&mut |name, _| fields.push(name.to_ascii_lowercase()));
    !fields.is_empty() && fields.iter().all(|name| name == "issoftdeleted")
}

/// Whether the attribute holds the id of another person.
fn refers(path: &str, schemas: &SchemaSet) -> bool {
    let Ok(path) = Path::parse(path) else { return false };
    schemas.resolve(Resource::User, &path).is_some_and(|attribute| {
        attribute.kind == Kind::Complex
            && !attribute.multi_valued
            && attribute.child("$ref").is_some()
    })
}

impl Source {
    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(kind))
    }

    /// As our language writes it. A function is taken as it stands; without its text it is put together from its parameters.
    fn expression(&self) -> String {
        let written = self.expression.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let name = self.name.as_deref().unwrap_or_default();
        match written {
            _ if self.is("constant") => {
                let text = written.unwrap_or(name);
                let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
                if is_quoted { text.to_owned() } else { text_literal(text) }
            }
            Some(text) => text.to_owned(),
            None if name.is_empty() => String::new(),
            None if self.is("function") => {
                let parameters = self.parameters.iter().flatten();
                let parameters = parameters
                    .map(|parameter| parameter.value.as_ref().map(Self::expression))
                    .map(Option::unwrap_or_default);
                format!("{name}({})", parameters.collect::<Vec<_>>().join(", "))
            }
            None => scope::field(name),
        }
    }
}

/// Leaves out what the language or the schema refuses, until the rest can be compiled.
fn compilable(table: &mut Table, resource: Resource, left: &mut Vec<String>) -> Option<Mapping> {
    let schemas = SchemaSet::standard();
    loop {
        let spec = Spec { attributes: specs(&table.rules), ..Spec::default() };
        let errors = match Mapping::compile(&spec, resource, &schemas) {
            Ok(mapping) => return Some(mapping),
            Err(errors) => errors,
        };
        let mut found = false;
        for error in errors {
            let path = error.place.get(2);
            // Of two rules for one attribute the later one goes.
            let rule = table.rules.iter_mut().rev().find(|rule| {
                rule.left_out.is_none() && path.is_some_and(|path| *path == rule.path)
            });
            let Some(rule) = rule else { continue };
            found = true;
            // Functions that propose a value, or give another one each time, are for new accounts.
            if !rule.is_create_only && error.remedy == Some(Remedy::CreateOnly) {
                rule.is_create_only = true;
                let path = &rule.path;
                left.push(format!("`{path}` is written for new accounts only: {}.", error.message));
            } else if rule.left_out.is_none() {
                rule.left_out = Some(match &error.hint {
                    Some(hint) => format!("{}; {hint}", error.message),
                    None => error.message.clone(),
                });
            }
        }
        if !found {
            return None;
        }
    }
}

fn specs(rules: &[Rule]) -> Vec<AttributeSpec> {
    let carried = rules.iter().filter(|rule| rule.left_out.is_none());
    let specs = carried.map(|rule| {
        let (path, expression) = (rule.path.clone(), rule.expression.clone());
        let mut spec = AttributeSpec::value(path, expression.clone());
        if rule.is_reference {
            spec.rule = MappingRule::Reference(expression);
        }
        if rule.is_create_only {
            spec.when = When::Create;
        }
        spec
    });
    specs.collect()
}
