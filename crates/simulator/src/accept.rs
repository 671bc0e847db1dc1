//! Decides whether a body is a resource (RFC 7643), and brings it into the form in which it is kept:
//! names as the schemas spell them, nothing unassigned, nothing that only the service provider may write.

use peoplesync_scim::error::scim_type;
use peoplesync_scim::schema::{Attribute, Mutability, Resource, Returned, SchemaSet};
use peoplesync_scim::value::{is_unassigned, same};
use peoplesync_scim::{ScimError, urn};
use serde_json::{Map, Value as Json};

use crate::schemas::{extensions, top};

/// Where a body comes from: how much of `schemas` must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// POST or PUT: `schemas` names the core schema and each extension of which there is an attribute.
    Client,
    /// A resource that was patched, or that the owner of the simulator adds: `schemas` follows from the rest.
    Own,
}

/// The resource in the form in which it is kept, without `id` and `meta`.
///
/// # Errors
/// 400 `invalidSyntax` where the body leaves its schemas, 400 `invalidValue` where a value does not fit or is missing.
pub(crate) fn accept(
    resource: Resource,
    body: Json,
    schemas: &SchemaSet,
    origin: Origin,
) -> Result<Map<String, Json>, ScimError> {
    let Json::Object(body) = body else {
        return Err(syntax("the body must be a JSON object".to_owned()));
    };
    let listed = match origin {
        Origin::Client => Some(listed(&body, resource, schemas)?),
        Origin::Own => None,
    };
    let mut kept = Map::new();
    let mut used = vec![Json::from(resource.schema())];
    let mut core = Map::new();
    for (name, value) in body {
        let Some(extension) =
            extensions(schemas, resource).find(|known| urn::same(&known.id, &name))
        else {
            core.insert(name, value);
            continue;
        };
        if kept.contains_key(&extension.id) {
            return Err(syntax(format!("`{}` is there twice", extension.id)));
        }
        let members = match value {
            Json::Null => continue,
            Json::Object(members) => members,
            _ => return Err(invalid(format!("`{}` must be an object", extension.id))),
        };
        let members =
            attributes(members, || extension.attributes.iter(), &format!("{}:", extension.id))?;
        if members.is_empty() {
            continue;
        }
        if listed.as_ref().is_some_and(|listed| !listed.contains(&extension.id)) {
            return Err(syntax(format!(
                "attributes of `{}` are there, but `schemas` does not name it",
                extension.id
            )));
        }
        used.push(Json::from(extension.id.as_str()));
        kept.insert(extension.id.clone(), Json::Object(members));
    }
    core.retain(|name, _| !name.eq_ignore_ascii_case("schemas"));
    kept.extend(attributes(core, || top(schemas, resource), "")?);
    kept.insert("schemas".to_owned(), Json::Array(used));
    Ok(kept)
}

/// Refuses another value of an attribute that may be set only once (RFC 7644 §3.5.1).
///
/// # Errors
/// 400 `mutability`.
pub(crate) fn immutable(
    resource: Resource,
    before: &Json,
    after: &Map<String, Json>,
    schemas: &SchemaSet,
) -> Result<(), ScimError> {
    let core = top(schemas, resource).map(|attribute| (None, attribute));
    let more = extensions(schemas, resource)
        .flat_map(|schema| schema.attributes.iter().map(|attribute| (Some(&schema.id), attribute)));
    let fixed = core.chain(more).filter(|(_, attribute)| {
        attribute.mutability == Mutability::Immutable && !attribute.multi_valued
    });
    for (urn, attribute) in fixed {
        let (old, new) = match urn {
            None => (before.get(&attribute.name), after.get(&attribute.name)),
            Some(urn) => (
                before.get(urn).and_then(|extension| extension.get(&attribute.name)),
                after.get(urn).and_then(|extension| extension.get(&attribute.name)),
            ),
        };
        if let Some(old) = old
            && new.is_none_or(|new| !same(None, old, new))
        {
            let prefix = urn.map(|urn| format!("{urn}:")).unwrap_or_default();
            let detail =
                format!("`{prefix}{}` is immutable: it can be set once only", attribute.name);
            return Err(ScimError::new(400, scim_type::MUTABILITY, detail));
        }
    }
    Ok(())
}

/// The URNs in `schemas`, in the spelling of the schemas.
fn listed(
    body: &Map<String, Json>,
    resource: Resource,
    schemas: &SchemaSet,
) -> Result<Vec<String>, ScimError> {
    let found = body.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas"));
    let Some((_, Json::Array(urns))) = found else {
        return Err(syntax(format!("`schemas` must be a list with `{}` in it", resource.schema())));
    };
    let mut listed = Vec::new();
    for name in urns {
        let name = name.as_str().unwrap_or_default();
        let known = extensions(schemas, resource).map(|schema| schema.id.as_str());
        let Some(known) = known.chain([resource.schema()]).find(|known| urn::same(known, name))
        else {
            return Err(syntax(format!(
                "`schemas` names `{name}`, which is no schema of a {resource}"
            )));
        };
        listed.push(known.to_owned());
    }
    if !listed.iter().any(|urn| urn == resource.schema()) {
        return Err(syntax(format!("`schemas` must name `{}`", resource.schema())));
    }
    Ok(listed)
}

/// Checks the members of an object against their definitions. `prefix` is what stands before a name in messages.
fn attributes<'a, I>(
    members: Map<String, Json>,
    known: impl Fn() -> I,
    prefix: &str,
) -> Result<Map<String, Json>, ScimError>
where
    I: Iterator<Item = &'a Attribute>,
{
    let mut kept = Map::new();
    for (name, value) in members {
        let Some(attribute) = known().find(|known| known.name.eq_ignore_ascii_case(&name)) else {
            return Err(unknown(&name, known().map(|known| known.name.as_str()), prefix));
        };
        if kept.contains_key(&attribute.name) {
            return Err(syntax(format!("`{prefix}{}` is there twice", attribute.name)));
        }
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        attribute.check(&value).map_err(|mismatch| {
            invalid(format!("`{prefix}{}` {}", mismatch.attribute, mismatch.message))
        })?;
        required_parts(attribute, &value, prefix)?;
        if attribute.required && value.as_str() == Some("") {
            return Err(invalid(format!("`{prefix}{}` must not be empty", attribute.name)));
        }
        if let Some(value) = tidy(attribute, value) {
            kept.insert(attribute.name.clone(), value);
        }
    }
    let missing = known().find(|attribute| {
        attribute.required
            && attribute.mutability != Mutability::ReadOnly
            && attribute.name != "schemas"
            && !kept.contains_key(&attribute.name)
    });
    match missing {
        Some(attribute) => Err(invalid(format!("`{prefix}{}` is required", attribute.name))),
        None => {
            // Never sent back, so it need not be kept either.
            for secret in known().filter(|attribute| attribute.returned == Returned::Never) {
                kept.remove(&secret.name);
            }
            Ok(kept)
        }
    }
}

/// Required sub-attributes of the elements that are there.
fn required_parts(attribute: &Attribute, value: &Json, prefix: &str) -> Result<(), ScimError> {
    let elements = match value {
        Json::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    for element in elements.iter().filter_map(Json::as_object) {
        for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
            let found = element.iter().find(|(name, _)| name.eq_ignore_ascii_case(&sub.name));
            if found.is_none_or(|(_, value)| is_unassigned(value)) {
                let (attribute, sub) = (&attribute.name, &sub.name);
                return Err(invalid(format!("`{prefix}{attribute}.{sub}` is required")));
            }
        }
    }
    Ok(())
}

/// The value with the names of its schema and without what is unassigned or read-only; none if nothing is left.
fn tidy(attribute: &Attribute, value: Json) -> Option<Json> {
    let value = match value {
        Json::Array(elements) => Json::Array(
            elements.into_iter().filter_map(|element| tidy(attribute, element)).collect(),
        ),
        Json::Object(members) => {
            let kept = members.into_iter().filter_map(|(name, value)| {
                let sub = attribute.sub(&name)?;
                let kept = sub.mutability != Mutability::ReadOnly;
                kept.then(|| Some((sub.name.clone(), tidy(sub, value)?)))?
            });
            Json::Object(kept.collect())
        }
        scalar => scalar,
    };
    (!is_unassigned(&value)).then_some(value)
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>, prefix: &str) -> ScimError {
    let mut detail = if name.contains(':') {
        format!("unknown schema `{name}`")
    } else {
        format!("unknown attribute `{prefix}{name}`")
    };
    let folded = name.to_lowercase();
    let near =
        known.map(|known| (strsim::damerau_levenshtein(&folded, &known.to_lowercase()), known));
    if let Some((distance, near)) = near.min()
        && distance <= 1 + name.len() / 4
    {
        detail.push_str(&format!("; did you mean `{prefix}{near}`?"));
    }
    syntax(detail)
}

fn syntax(detail: String) -> ScimError {
    ScimError::new(400, scim_type::INVALID_SYNTAX, detail)
}

fn invalid(detail: String) -> ScimError {
    ScimError::new(400, scim_type::INVALID_VALUE, detail)
}
