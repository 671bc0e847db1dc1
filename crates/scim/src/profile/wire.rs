//! Between SCIM as the RFCs have it and a service's own way of writing it, in both directions: the client writes by it, and
//! the simulator reads and answers by it. Reading what a real service sends needs none of this, as comparing is lenient.

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};

use super::{Clear, Dates, Ids, Manager, OpCase, PatchForm, Profile, Values, Version};
use crate::path::Path;
use crate::resource::{self, member};
use crate::schema::{AttributeRef, Kind, Resource, SchemaSet, is_primary};
use crate::urn;
use crate::value::{boolean, reference_id, time};

/// Which way a value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the RFCs to the service.
    Out,
    /// From the service to the RFCs; what is not as the service has it is a mistake.
    In,
}

impl Profile {
    /// Whether bodies are as the RFCs have them.
    fn is_plain(&self) -> bool {
        self.version == Version::default()
            && self.values == Values::default()
            && self.write.single.is_empty()
            && self.write.primary.is_empty()
    }

    /// The body of a resource as the service wants it. What is in its form already stays.
    pub fn encode<'b>(
        &self,
        resource: Resource,
        body: &'b Json,
        schemas: &SchemaSet,
    ) -> Cow<'b, Json> {
        if self.is_plain() {
            return Cow::Borrowed(body);
        }
        // Only the way in finds mistakes.
        Cow::Owned(self.resource(Way::Out, resource, body.clone(), schemas).unwrap_or_default())
    }

    /// A body that is in the form of the service, as the RFCs have it.
    ///
    /// # Errors
    /// What is not as the service wants it.
    pub fn decode(
        &self,
        resource: Resource,
        body: Json,
        schemas: &SchemaSet,
    ) -> Result<Json, String> {
        if self.is_plain() {
            return Ok(body);
        }
        self.resource(Way::In, resource, body, schemas)
    }

    /// The PATCH requests (RFC 7644 §3.5.2) as the service wants them: mostly one, more where it limits the operations.
    pub fn encode_patch(&self, resource: Resource, body: &Json, schemas: &SchemaSet) -> Vec<Json> {
        let default =
            super::Patching { value_filters: self.patch.value_filters, ..Default::default() };
        if self.is_plain() && self.patch == default && self.write.clear == Clear::Remove {
            return vec![body.clone()];
        }
        let operations = member(body, "Operations").and_then(Json::as_array);
        let mut operations: Vec<Json> = operations
            .into_iter()
            .flatten()
            .map(|operation| self.operation(resource, operation, schemas))
            .collect();
        if self.patch.form == PatchForm::Object {
            operations = gathered(operations);
        }
        if self.patch.op == OpCase::Capital {
            for operation in &mut operations {
                if let Some(Json::String(op)) = operation.get_mut("op") {
                    let (first, rest) = op.split_at_checked(1).unwrap_or_default();
                    *op = first.to_ascii_uppercase() + rest;
                }
            }
        }
        let most = match self.patch.max_operations {
            0 => operations.len().max(1),
            most => most as usize,
        };
        operations
            .chunks(most)
            .map(|part| json!({ "schemas": [urn::PATCH_OP], "Operations": part }))
            .collect()
    }

    /// A PATCH that is in the dialect of the service, as the RFC has it.
    ///
    /// # Errors
    /// What is not in its dialect.
    pub fn decode_patch(
        &self,
        resource: Resource,
        body: Json,
        schemas: &SchemaSet,
    ) -> Result<Json, String> {
        let mut body = body;
        let Some(Json::Array(operations)) = body.get_mut("Operations") else { return Ok(body) };
        let most = self.patch.max_operations as usize;
        if most > 0 && operations.len() > most {
            return Err(format!("more than {most} operations"));
        }
        for operation in operations {
            self.read_operation(resource, operation, schemas)?;
        }
        Ok(body)
    }

    fn read_operation(
        &self,
        resource: Resource,
        operation: &mut Json,
        schemas: &SchemaSet,
    ) -> Result<(), String> {
        let op = operation["op"].as_str().unwrap_or_default();
        let capital = op.starts_with(char::is_uppercase);
        if self.patch.op == OpCase::Capital && !capital {
            return Err(format!("`op` must be Add, Replace or Remove, found `{op}`"));
        }
        let is_remove = op.eq_ignore_ascii_case("remove");
        let text = operation.get("path").and_then(Json::as_str).map(str::to_owned);
        let Some(path) = text.as_deref().and_then(|text| Path::parse(text).ok()) else {
            if let Some(value) = operation.get_mut("value") {
                *value = self.resource(Way::In, resource, value.take(), schemas)?;
            }
            return Ok(());
        };
        if self.patch.form == PatchForm::Object && !is_remove {
            return Err("only removals have a path here; values stand in one object".to_owned());
        }
        if !self.patch.value_filters && path.filter().is_some() {
            return Err(format!("a path cannot name one element here: `{path}`"));
        }
        let manager_sub = match self.values.manager {
            Manager::ManagerId => "managerId",
            Manager::Value | Manager::Plain => "value",
        };
        let path = match path.sub() {
            Some(sub) if is_manager(&path) && sub.eq_ignore_ascii_case(manager_sub) => {
                path.with_sub(Some("value"))
            }
            _ => path,
        };
        if let Some(value) = operation.get_mut("value") {
            let taken = value.take();
            let whole = path.sub().is_none() && path.filter().is_none();
            *value = if is_manager(&path) && whole {
                self.manager(Way::In, taken)?
            } else if is_manager(&path) {
                self.id(Way::In, taken)?
            } else {
                let known = schemas.resolve(resource, &path);
                self.value(Way::In, path.sub().unwrap_or(path.attribute()), known, taken)?
            };
        }
        let is_empty = match self.write.clear {
            Clear::Empty => operation.get("value").is_some_and(|value| value == ""),
            Clear::Null => operation.get("value").is_some_and(Json::is_null),
            Clear::Remove => false,
        };
        if is_empty {
            *operation = json!({ "op": "remove" });
        }
        operation["path"] = json!(path);
        Ok(())
    }

    fn operation(&self, resource: Resource, operation: &Json, schemas: &SchemaSet) -> Json {
        let mut operation = operation.clone();
        let text = operation.get("path").and_then(Json::as_str).map(str::to_owned);
        let Some(path) = text.as_deref().and_then(|text| Path::parse(text).ok()) else {
            return operation;
        };
        let empty = match self.write.clear {
            Clear::Empty => Some(json!("")),
            Clear::Null => Some(Json::Null),
            Clear::Remove => None,
        };
        if operation["op"] == "remove"
            && resource == Resource::User
            && let Some(empty) = empty
        {
            operation = json!({ "op": "replace", "path": path, "value": empty });
        }
        if let Some(value) = operation.get_mut("value") {
            let attribute = schemas.resolve(resource, &path);
            let taken = value.take();
            let whole = path.sub().is_none() && path.filter().is_none();
            let encoded = if whole && is_manager(&path) {
                self.manager(Way::Out, taken)
            } else {
                self.value(Way::Out, path.sub().unwrap_or(path.attribute()), attribute, taken)
            };
            *value = encoded.unwrap_or_default();
            if whole {
                self.shape_list(&path, value);
            }
        }
        let shown = match (path.sub(), self.values.manager) {
            (Some("value"), Manager::ManagerId) if is_manager(&path) => {
                path.with_sub(Some("managerId"))
            }
            (Some("value"), Manager::Plain) if is_manager(&path) => path.root(),
            _ => path,
        };
        operation["path"] = self.path_text(&shown).into();
        operation
    }

    /// A path as the service names it.
    fn path_text(&self, path: &Path) -> String {
        let text = path.to_string();
        match (self.version, path.urn()) {
            (Version::One, Some(urn)) => {
                format!("{}{}", urn::scim_1(urn), text.get(urn.len()..).unwrap_or_default())
            }
            _ => text,
        }
    }

    fn resource(
        &self,
        way: Way,
        resource: Resource,
        body: Json,
        schemas: &SchemaSet,
    ) -> Result<Json, String> {
        let Json::Object(members) = body else { return Ok(body) };
        let mut whole = Map::new();
        for (name, value) in members {
            if name.eq_ignore_ascii_case("schemas") {
                whole.insert(name, self.schema_names(way, resource, value)?);
            } else if name.contains(':') {
                let Json::Object(inner) = value else {
                    whole.insert(self.urn(way, resource, &name)?, value);
                    continue;
                };
                let mut extension = Map::new();
                for (attribute, value) in inner {
                    let path = Path::parse(&format!("{name}:{attribute}")).ok();
                    let value = match &path {
                        Some(path) if is_manager(path) => self.manager(way, value)?,
                        path => {
                            let known =
                                path.as_ref().and_then(|path| schemas.resolve(resource, path));
                            self.value(way, &attribute, known, value)?
                        }
                    };
                    extension.insert(attribute, value);
                }
                whole.insert(self.urn(way, resource, &name)?, Json::Object(extension));
            } else {
                let path = Path::parse(&name).ok();
                let known = path.as_ref().and_then(|path| schemas.resolve(resource, path));
                let mut value = self.value(way, &name, known, value)?;
                if way == Way::Out
                    && let Some(path) = &path
                {
                    self.shape_list(path, &mut value);
                }
                whole.insert(name, value);
            }
        }
        Ok(Json::Object(whole))
    }

    fn value(
        &self,
        way: Way,
        name: &str,
        attribute: Option<AttributeRef<'_>>,
        value: Json,
    ) -> Result<Json, String> {
        match value {
            Json::Array(elements) => elements
                .into_iter()
                .map(|element| self.value(way, name, attribute, element))
                .collect::<Result<Vec<_>, _>>()
                .map(Json::Array),
            Json::Object(members) => {
                let is_members = name.eq_ignore_ascii_case("members");
                let mut kept = Map::new();
                for (sub, value) in members {
                    let value = if is_members && sub.eq_ignore_ascii_case("value") {
                        self.id(way, value)?
                    } else {
                        let child = attribute.and_then(|attribute| attribute.child(&sub));
                        self.value(way, &sub, child, value)?
                    };
                    kept.insert(sub, value);
                }
                Ok(Json::Object(kept))
            }
            scalar => match attribute.map(|attribute| attribute.attribute().kind) {
                Some(Kind::Boolean) if self.values.booleans_as_text => {
                    text_boolean(way, name, scalar)
                }
                Some(Kind::DateTime) if self.values.dates == Dates::Epoch => {
                    epoch(way, name, scalar)
                }
                _ => Ok(scalar),
            },
        }
    }

    /// The manager, from the complex value of the RFC to that of the service or back.
    fn manager(&self, way: Way, value: Json) -> Result<Json, String> {
        let default = self.values.manager == Manager::Value && self.values.ids == Ids::Text;
        if default || value.is_null() || value == "" {
            return Ok(value);
        }
        if way == Way::In {
            let id = match self.values.manager {
                Manager::Value => member(&value, "value"),
                Manager::ManagerId => member(&value, "managerId"),
                Manager::Plain => Some(&value),
            };
            let Some(id) = id.filter(|id| !id.is_object() && !id.is_null()) else {
                return Err("`manager` is not in the form of this service".to_owned());
            };
            let id = self.id(way, id.clone())?;
            let mut manager = json!({ "value": id });
            if let Some(name) = member(&value, "displayName") {
                manager["displayName"] = name.clone();
            }
            return Ok(manager);
        }
        let Some(id) = reference_id(&value) else { return Ok(value) };
        let id = self.id(way, Json::String(id))?;
        Ok(match self.values.manager {
            Manager::Value => json!({ "value": id }),
            Manager::ManagerId => json!({ "managerId": id }),
            Manager::Plain => id,
        })
    }

    fn id(&self, way: Way, id: Json) -> Result<Json, String> {
        match (self.values.ids, way, &id) {
            (Ids::Number, Way::Out, Json::String(text)) => {
                // Only what comes back as the same text; `007` is no number.
                let number = text.parse::<i64>().ok().filter(|number| number.to_string() == *text);
                Ok(number.map_or(id, Json::from))
            }
            (Ids::Number, Way::In, Json::String(_)) => Err("an id must be a number".to_owned()),
            (Ids::Text, Way::In, Json::Number(_)) => Err("an id must be a text".to_owned()),
            (_, Way::In, Json::Number(number)) => Ok(Json::String(number.to_string())),
            _ => Ok(id),
        }
    }

    fn schema_names(&self, way: Way, resource: Resource, value: Json) -> Result<Json, String> {
        let Json::Array(names) = value else { return Ok(value) };
        let names = names.into_iter().map(|name| match name {
            Json::String(name) => self.urn(way, resource, &name).map(Json::String),
            other => Ok(other),
        });
        names.collect::<Result<Vec<_>, _>>().map(Json::Array)
    }

    fn urn(&self, way: Way, resource: Resource, name: &str) -> Result<String, String> {
        match (self.version, way) {
            (Version::Two, _) => Ok(name.to_owned()),
            (Version::One, Way::Out) => Ok(urn::scim_1(name).into_owned()),
            (Version::One, Way::In) if urn::is_core(name) && name.contains(":1.0") => {
                Ok(resource.schema().to_owned())
            }
            (Version::One, Way::In) => match urn::canonical(name) {
                std::borrow::Cow::Owned(name) => Ok(name),
                std::borrow::Cow::Borrowed(name) => {
                    Err(format!("`{name}` is no schema of SCIM 1.1"))
                }
            },
        }
    }

    /// Keeps as many elements as the service does, and marks the primary one where it insists.
    fn shape_list(&self, path: &Path, value: &mut Json) {
        let names = |lists: &[String]| {
            lists.iter().any(|list| Path::parse(list).is_ok_and(|list| list == *path))
        };
        if names(&self.write.single) {
            one_only(value);
        }
        if names(&self.write.primary)
            && let Json::Array(elements) = value
            && !elements.iter().any(is_primary)
            && let Some(Json::Object(first)) = elements.first_mut()
        {
            first.insert("primary".to_owned(), Json::Bool(true));
        }
    }
}

fn is_manager(path: &Path) -> bool {
    path.urn().is_some_and(|urn| urn::same(urn, urn::ENTERPRISE_USER))
        && path.attribute().eq_ignore_ascii_case("manager")
}

/// Keeps the primary element, or else the first.
fn one_only(value: &mut Json) {
    if let Json::Array(elements) = value
        && elements.len() > 1
    {
        let at = elements.iter().position(is_primary).unwrap_or(0);
        *value = Json::Array(vec![elements.swap_remove(at)]);
    }
}

/// All that is set, in one operation without a path; what is removed keeps its own.
fn gathered(operations: Vec<Json>) -> Vec<Json> {
    let mut value = json!({});
    let mut rest = Vec::new();
    for mut operation in operations {
        let path = operation["path"].as_str().and_then(|text| Path::parse(text).ok());
        // Members are added to those who are there, which only a path can say.
        let is_gathered = |path: &Path| {
            path.filter().is_none()
                && operation["op"] != "remove"
                && !path.attribute().eq_ignore_ascii_case("members")
        };
        match path.filter(is_gathered) {
            Some(path) => {
                resource::set(&mut value, &path, operation["value"].take());
            }
            None => rest.push(operation),
        }
    }
    if value.as_object().is_some_and(|value| !value.is_empty()) {
        rest.insert(0, json!({ "op": "replace", "value": value }));
    }
    rest
}

fn text_boolean(way: Way, name: &str, value: Json) -> Result<Json, String> {
    match (way, &value) {
        (Way::Out, Json::Bool(true)) => Ok("True".into()),
        (Way::Out, Json::Bool(false)) => Ok("False".into()),
        (Way::In, Json::String(text)) => boolean(text)
            .map(Json::Bool)
            .ok_or_else(|| format!("`{name}` must be \"True\" or \"False\"")),
        (Way::In, Json::Bool(_)) => Err(format!("`{name}` must be \"True\" or \"False\"")),
        _ => Ok(value),
    }
}

fn epoch(way: Way, name: &str, value: Json) -> Result<Json, String> {
    match (way, &value) {
        (Way::Out, Json::String(text)) => {
            Ok(time::parse(text).map_or(value, |instant| instant.seconds.into()))
        }
        (Way::In, Json::Number(number)) => match number.as_i64() {
            Some(seconds) => Ok(time::write(seconds).into()),
            None => Err(format!("`{name}` must be whole seconds")),
        },
        (Way::In, Json::String(_)) => Err(format!("`{name}` must be seconds since 1970")),
        _ => Ok(value),
    }
}
