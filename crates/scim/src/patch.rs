//! Applies a PATCH to a resource as a service provider must (RFC 7644 §3.5.2). Strict; leniency of providers is data of the simulator.

mod edit;

use serde_json::{Map, Value as Json};

use self::edit::Edit;
use crate::error::{ScimError, scim_type};
use crate::path::Path;
use crate::resource::{key_of, member};
use crate::schema::{Attribute, Resource, Schema, SchemaSet};
use crate::urn;
use crate::value::is_unassigned;
use crate::write::list_extensions;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Applies a PATCH to a resource. True if anything changed.
///
/// All or nothing: on an error the resource is as it was.
///
/// - Operations run in order. Names of operations and attributes may have any letter case.
/// - Attributes must be described by `schemas`; values are checked against them.
/// - A path may also be the URN of an extension, which stands for all of its attributes.
/// - An element that becomes primary takes that from the others.
/// - `schemas` of the resource follows the extensions that it has.
///
/// # Errors
/// Status 400 with `scimType` as RFC 7644 §3.12 says: `invalidSyntax` (no PATCH, or an unknown attribute in a value without path),
/// `invalidPath`, `noTarget` (a value filter that finds nothing, a removal without path), `invalidValue`, `mutability`
/// (read-only, immutable and set, or removal of what is required).
pub fn apply(
    resource: &mut Json,
    patch: &Json,
    schemas: &SchemaSet,
    kind: Resource,
) -> Result<bool, ScimError> {
    let operations = operations(patch)?;
    let mut draft = Draft { members: members(resource)?, schemas, kind };
    for (at, operation) in operations.iter().enumerate() {
        draft.operation(operation).map_err(|error| ScimError {
            detail: error.detail.map(|detail| format!("operation {}: {detail}", at + 1)),
            ..error
        })?;
    }
    let result = draft.finish(resource);
    let changed = result != *resource;
    *resource = result;
    Ok(changed)
}

fn members(resource: &Json) -> Result<Map<String, Json>, ScimError> {
    resource.as_object().cloned().ok_or_else(|| syntax("the resource is not an object"))
}

fn operations(patch: &Json) -> Result<&[Json], ScimError> {
    let is_patch =
        |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::PATCH_OP));
    let named = member(patch, "schemas").and_then(Json::as_array);
    if !named.is_some_and(|urns| urns.iter().any(is_patch)) {
        return Err(syntax(format!("`schemas` must contain {}", urn::PATCH_OP)));
    }
    match member(patch, "Operations") {
        Some(Json::Array(operations)) if !operations.is_empty() => Ok(operations),
        _ => Err(syntax("`Operations` must be a list of at least one operation")),
    }
}

struct Draft<'a> {
    members: Map<String, Json>,
    schemas: &'a SchemaSet,
    kind: Resource,
}

impl Draft<'_> {
    fn operation(&mut self, operation: &Json) -> Result<(), ScimError> {
        let verb = match member(operation, "op").and_then(Json::as_str) {
            Some(op) if op.eq_ignore_ascii_case("add") => Verb::Add,
            Some(op) if op.eq_ignore_ascii_case("replace") => Verb::Replace,
            Some(op) if op.eq_ignore_ascii_case("remove") => Verb::Remove,
            Some(op) => {
                return Err(syntax(format!("`op` must be add, replace or remove, found `{op}`")));
            }
            None => return Err(syntax("`op` is missing")),
        };
        let value = member(operation, "value");
        match verb {
            Verb::Remove if value.is_some_and(|value| !value.is_null()) => {
                // Dropping the value silently would remove everything instead of one element.
                return Err(invalid_value(
                    "remove takes no value; pick elements by a filter in the path",
                ));
            }
            Verb::Add | Verb::Replace if value.is_none() => {
                return Err(invalid_value("`value` is missing"));
            }
            _ => {}
        }
        match member(operation, "path") {
            None | Some(Json::Null) => self.without_path(verb, value),
            Some(Json::String(path)) => match self.schemas.get(path) {
                Some(schema) => self.whole_schema(verb, schema, value),
                None => self.at_path(verb, path, value),
            },
            Some(_) => Err(invalid_path("`path` must be a string")),
        }
    }

    fn at_path(&mut self, verb: Verb, text: &str, value: Option<&Json>) -> Result<(), ScimError> {
        let path =
            Path::parse(text).map_err(|error| invalid_path(format!("path `{text}`: {error}")))?;
        let schemas = self.schemas;
        let unknown = || invalid_path(format!("path `{text}`: no schema has this attribute"));
        let attribute = schemas.resolve(self.kind, &path.root()).ok_or_else(unknown)?.attribute();
        let edit = Edit { verb, attribute, parent: None, value };
        match path.urn() {
            None => edit.at(&mut self.members, &path),
            Some(urn) => self.in_extension(urn, |members| edit.at(members, &path)),
        }
    }

    /// Values under their attributes' names; those of an extension under its URN.
    fn without_path(&mut self, verb: Verb, value: Option<&Json>) -> Result<(), ScimError> {
        let values = match (verb, value) {
            (Verb::Remove, _) => {
                return Err(ScimError::new(400, scim_type::NO_TARGET, "remove needs a path"));
            }
            (_, Some(Json::Object(values))) => values,
            _ => {
                return Err(invalid_value(
                    "without a path the value must be an object of attributes",
                ));
            }
        };
        let schemas = self.schemas;
        for (name, value) in values {
            match schemas.get(name) {
                Some(schema) => self.whole_schema(verb, schema, Some(value))?,
                None => {
                    let attribute = schemas.core(self.kind, name).ok_or_else(|| unknown(name))?;
                    Edit { verb, attribute, parent: None, value: Some(value) }
                        .in_value(&mut self.members)?;
                }
            }
        }
        Ok(())
    }

    /// An operation on all attributes of a schema.
    fn whole_schema(
        &mut self,
        verb: Verb,
        schema: &Schema,
        value: Option<&Json>,
    ) -> Result<(), ScimError> {
        if urn::is_core(&schema.id) {
            return self.without_path(verb, value);
        }
        let edits: Vec<(&Attribute, Option<&Json>)> = match (verb, value) {
            (Verb::Remove, _) => {
                schema.attributes.iter().map(|attribute| (attribute, None)).collect()
            }
            (_, Some(Json::Object(values))) => {
                let find = |name: &String| {
                    let mut known = schema.attributes.iter();
                    known.find(|attribute| attribute.name.eq_ignore_ascii_case(name))
                };
                let edit =
                    |(name, value)| Ok((find(name).ok_or_else(|| unknown(name))?, Some(value)));
                // Some repeat the URN inside of the extension, as a resource names it.
                let says_something = |(name, _): &(&String, _)| {
                    !name.eq_ignore_ascii_case("schemas") || find(name).is_some()
                };
                let values = values.iter().filter(says_something);
                values.map(edit).collect::<Result<_, ScimError>>()?
            }
            _ => return Err(invalid_value("the value of an extension must be an object")),
        };
        self.in_extension(&schema.id, |members| {
            edits.into_iter().try_for_each(|(attribute, value)| {
                let edit = Edit { verb, attribute, parent: None, value };
                // What has no value needs no removal, so that read-only attributes do not stop it.
                if verb == Verb::Remove && key_of(members, &attribute.name).is_none() {
                    return Ok(());
                }
                edit.in_value(members)
            })
        })
    }

    fn in_extension(
        &mut self,
        urn: &str,
        change: impl FnOnce(&mut Map<String, Json>) -> Result<(), ScimError>,
    ) -> Result<(), ScimError> {
        let known = self.members.keys().find(|key| urn::same(key, urn)).cloned();
        let key = known
            .unwrap_or_else(|| self.schemas.get(urn).map_or(urn, |schema| &schema.id).to_owned());
        let mut inner = match self.members.remove(&key) {
            Some(Json::Object(members)) => members,
            _ => Map::new(),
        };
        change(&mut inner)?;
        if !inner.is_empty() {
            self.members.insert(key, Json::Object(inner));
        }
        Ok(())
    }

    /// Brings `schemas` in line with the extensions that the resource has now.
    fn finish(self, before: &Json) -> Json {
        let gone = |urn: &str| {
            let has = |members: &Map<String, Json>| members.keys().any(|key| urn::same(key, urn));
            before.as_object().is_some_and(&has) && !has(&self.members)
        };
        let gone: Vec<String> =
            self.schemas.iter().map(|schema| schema.id.clone()).filter(|id| gone(id)).collect();
        let mut result = Json::Object(self.members);
        list_extensions(&mut result);
        if let Some(listed) = result.get_mut("schemas").and_then(Json::as_array_mut) {
            listed.retain(|urn| {
                !urn.as_str().is_some_and(|urn| gone.iter().any(|gone| urn::same(gone, urn)))
            });
        }
        if before.get("schemas").is_none() && result.get("schemas").is_some_and(is_unassigned) {
            result.as_object_mut().map(|members| members.remove("schemas"));
        }
        result
    }
}

fn unknown(name: &str) -> ScimError {
    syntax(format!("no schema has an attribute `{name}`"))
}

fn syntax(detail: impl Into<String>) -> ScimError {
    ScimError::new(400, scim_type::INVALID_SYNTAX, detail)
}

fn invalid_path(detail: impl Into<String>) -> ScimError {
    ScimError::new(400, scim_type::INVALID_PATH, detail)
}

fn invalid_value(detail: impl Into<String>) -> ScimError {
    ScimError::new(400, scim_type::INVALID_VALUE, detail)
}

#[cfg(test)]
mod tests;
