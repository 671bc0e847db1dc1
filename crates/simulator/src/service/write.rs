//! POST, PUT, PATCH and DELETE (RFC 7644 §3.3, §3.5, §3.6).
//! Each is one step under the lock of the store: it happens as a whole or not at all.

use axum::body::Bytes;
use axum::http::header::{self, HeaderValue};
use axum::http::{Request, StatusCode};
use peoplesync_scim::error::scim_type;
use peoplesync_scim::{Path, Resource, ScimError, patch, value};
use serde_json::{Map, Value as Json};

use super::{Reply, Service, body, json_reply, names, not_found, reply};
use crate::Error;
use crate::accept::{self, Origin, accept};
use crate::habits::Deletion;
use crate::memberships;
use crate::quirks::{CreateAnswer, Patches};
use crate::store::{Lookup, RowRef, Stamp, Store};

impl Service {
    pub(super) fn create(
        &self,
        resource: Resource,
        request: &Request<Bytes>,
    ) -> Result<Reply, ScimError> {
        let selection = self.selection(request)?;
        let body = self.habits.read(resource, body(request)?, &self.schemas)?;
        if resource == Resource::Group {
            memberships::check_new(&self.habits.profile.groups, &body)?;
        }
        let new = accept(resource, body, &self.schemas, Origin::Client)?;
        let new = self.habits.keep(resource, new, None)?;
        let mut store = self.write();
        let joining = self.joining(resource, "", None, &new)?;
        let row = match self.hidden(&store, resource, &new) {
            Some(row) => self.change(&mut store, resource, &row, new)?,
            None => self.add(&mut store, resource, new, None)?,
        };
        self.joined(&row.id, joining);
        let shown = self.show(&store, resource, &row, &selection, false);
        if self.habits.quirks.create_answer == CreateAnswer::WithoutId {
            let mut value: Json = serde_json::from_slice(&shown).unwrap_or_default();
            for name in ["id", "meta"] {
                value.as_object_mut().map(|members| members.remove(name));
            }
            return Ok(json_reply(StatusCode::CREATED, &value));
        }
        let mut reply = self.tagged(reply(StatusCode::CREATED, shown), &row);
        if let Ok(location) = HeaderValue::try_from(store.location(resource, &row.id)) {
            reply.headers_mut().insert(header::LOCATION, location);
        }
        Ok(reply)
    }

    /// An account out of use and out of sight, which a POST with its name brings back.
    fn hidden(&self, store: &Store, resource: Resource, new: &Map<String, Json>) -> Option<RowRef> {
        if !self.habits.may_hide() {
            return None;
        }
        let name = new.get("userName")?.as_str()?;
        let mut rows = store.table(resource).lookup(&Lookup::Value("userName", name)).into_iter();
        rows.find(|row| self.habits.hides(resource, &row.value()))
    }

    /// Files a new resource, under the given id or a new one.
    pub(crate) fn add(
        &self,
        store: &mut Store,
        resource: Resource,
        mut new: Map<String, Json>,
        id: Option<String>,
    ) -> Result<RowRef, ScimError> {
        self.check_links(store, resource, &new, None)?;
        let id = id.unwrap_or_else(|| store.new_id());
        new.insert("id".to_owned(), id.into());
        let now = self.clock.text();
        let stamp = Stamp { created: now.clone(), modified: now };
        store.save(resource, new, &stamp).map_err(|error| unsaved(&error))
    }

    pub(super) fn replace(
        &self,
        resource: Resource,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<Reply, ScimError> {
        let selection = self.selection(request)?;
        let mut body = body(request)?;
        let mut store = self.write();
        let row = self.find(&store, resource, id, request)?;
        let before = row.value();
        self.habits.may_touch(resource, &before)?;
        if self.habits.put_merges() {
            let value = self.habits.show(resource, before.clone(), false, &self.schemas);
            body = merged(value, body);
        }
        let body = self.habits.read(resource, body, &self.schemas)?;
        let mut new = accept(resource, body, &self.schemas, Origin::Client)?;
        if resource == Resource::Group && self.habits.quirks.put_keeps_members {
            new.remove("members");
            new.extend(before.get("members").map(|there| ("members".to_owned(), there.clone())));
        }
        let new = self.habits.keep(resource, new, Some(&before))?;
        let joining = self.joining(resource, id, Some(&before), &new)?;
        let row = self.change(&mut store, resource, &row, new)?;
        self.joined(id, joining);
        let shown = self.show(&store, resource, &row, &selection, false);
        Ok(self.tagged(reply(StatusCode::OK, shown), &row))
    }

    pub(super) fn patch(
        &self,
        resource: Resource,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<Reply, ScimError> {
        if !self.behaviour.patch || resource == Resource::User && !self.habits.serves_patch() {
            return Err(ScimError::new(501, "", "PATCH is not supported"));
        }
        let selection = self.selection(request)?;
        let mut body = self.habits.read_patch(resource, body(request)?, &self.schemas)?;
        if resource == Resource::Group {
            let quirk = self.habits.quirks.remove_members;
            body = memberships::read_patch(&self.habits.profile.groups, quirk, body)?;
        }
        let mut store = self.write();
        let mut row = self.find(&store, resource, id, request)?;
        let before = row.value();
        self.habits.may_touch(resource, &before)?;
        let mut patched = self.value(&store, resource, &row);
        patch::apply(&mut patched, &body, &self.schemas, resource)?;
        if patched["active"] == false
            && before["active"] != false
            && !self.habits.deactivates_by_update()
        {
            let detail = "an account cannot be taken out of use like this";
            return Err(ScimError::new(400, scim_type::MUTABILITY, detail));
        }
        let new = accept(resource, patched, &self.schemas, Origin::Own)?;
        let new = self.habits.keep(resource, new, Some(&before))?;
        if self.habits.quirks.patches == Patches::Right {
            let joining = self.joining(resource, id, Some(&before), &new)?;
            row = self.change(&mut store, resource, &row, new)?;
            self.joined(id, joining);
        }
        if self.behaviour.patch_without_body && selection.is_default() {
            return Ok(self.tagged(reply(StatusCode::NO_CONTENT, Bytes::new()), &row));
        }
        let shown = self.show(&store, resource, &row, &selection, false);
        Ok(self.tagged(reply(StatusCode::OK, shown), &row))
    }

    pub(super) fn delete(
        &self,
        resource: Resource,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<Reply, ScimError> {
        let mut store = self.write();
        let row = self.find(&store, resource, id, request)?;
        let before = row.value();
        self.habits.may_touch(resource, &before)?;
        match self.habits.deletion(resource, &before)? {
            Deletion::Removes => {
                self.remove(&mut store, resource, id)?;
                if self.habits.quirks.names_stay_taken && resource == Resource::User {
                    store.keep_name(&before);
                }
            }
            Deletion::Deactivates => {
                let Json::Object(mut members) = row.value() else {
                    return Err(not_found(resource, id));
                };
                members.insert("active".to_owned(), false.into());
                self.change(&mut store, resource, &row, members)?;
            }
        }
        let status = StatusCode::from_u16(self.habits.quirks.delete_status);
        Ok(reply(status.unwrap_or(StatusCode::NO_CONTENT), Bytes::new()))
    }

    /// Takes a resource away, and with it its memberships where members must exist.
    pub(crate) fn remove(
        &self,
        store: &mut Store,
        resource: Resource,
        id: &str,
    ) -> Result<bool, ScimError> {
        let found = store.delete(resource, id).map_err(|error| unsaved(&error))?;
        if found && self.behaviour.check_members {
            for group in store.groups_of(id) {
                let mut value = group.value();
                let empty = match value.get_mut("members") {
                    Some(Json::Array(members)) => {
                        members.retain(|member| member["value"].as_str() != Some(id));
                        members.is_empty()
                    }
                    _ => false,
                };
                let Json::Object(mut members) = value else { continue };
                if empty {
                    members.remove("members");
                }
                self.change(store, Resource::Group, &group, members)?;
            }
        }
        Ok(found)
    }

    /// The resource that a request is about, if its preconditions hold (RFC 7644 §3.14).
    fn find(
        &self,
        store: &Store,
        resource: Resource,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<RowRef, ScimError> {
        let row = store.table(resource).get(id).ok_or_else(|| not_found(resource, id))?;
        if self.behaviour.etag
            && let Some(tags) = request.headers().get(header::IF_MATCH)
            && !names(tags, row.version)
        {
            let detail = format!("{resource} {id} has another version now");
            return Err(ScimError::new(412, "", detail));
        }
        Ok(RowRef::clone(row))
    }

    /// Puts another content into a resource. The same content changes neither version nor `lastModified`.
    pub(crate) fn change(
        &self,
        store: &mut Store,
        resource: Resource,
        row: &RowRef,
        mut new: Map<String, Json>,
    ) -> Result<RowRef, ScimError> {
        let mut before = row.value();
        accept::immutable(resource, &before, &new, &self.schemas)?;
        new.insert("id".to_owned(), (*row.id).into());
        new.remove("meta");
        let meta = before.as_object_mut().and_then(|before| before.remove("meta"));
        if before.as_object() == Some(&new) {
            return Ok(RowRef::clone(row));
        }
        self.check_links(store, resource, &new, Some(row))?;
        let now = self.clock.text();
        let created = meta.as_ref().and_then(|meta| meta["created"].as_str()).unwrap_or(&now);
        let stamp = Stamp { created: created.to_owned(), modified: now.clone() };
        store.save(resource, new, &stamp).map_err(|error| unsaved(&error))
    }

    /// How many members join a group, if so many may.
    fn joining(
        &self,
        resource: Resource,
        id: &str,
        before: Option<&Json>,
        new: &Map<String, Json>,
    ) -> Result<usize, ScimError> {
        let Some(joins) = self.joins.as_ref().filter(|_| resource == Resource::Group) else {
            return Ok(0);
        };
        let before = before.and_then(|before| before.get("members"));
        joins.check(id, before, new.get("members"), self.clock.now().as_millisecond())
    }

    fn joined(&self, id: &str, count: usize) {
        if let Some(joins) = &self.joins {
            joins.note(id, count, self.clock.now().as_millisecond());
        }
    }

    /// What a resource must keep to among the others: unique values, and members that exist.
    fn check_links(
        &self,
        store: &Store,
        resource: Resource,
        new: &Map<String, Json>,
        this: Option<&RowRef>,
    ) -> Result<(), ScimError> {
        let names = [
            (resource == Resource::User).then_some("userName"),
            self.behaviour.unique_external_id.then_some("externalId"),
        ];
        for name in names.into_iter().flatten() {
            let Some(Json::String(text)) = new.get(name) else { continue };
            let attribute = Path::parse(name).ok();
            let attribute = attribute.and_then(|path| self.schemas.resolve(resource, &path));
            let wanted = Json::String(text.clone());
            let taken = store.table(resource).lookup(&Lookup::Value(name, text)).into_iter().find(
                |other| {
                    this.is_none_or(|this| this.id != other.id)
                        && other
                            .value()
                            .get(name)
                            .is_some_and(|found| value::same(attribute, found, &wanted))
                },
            );
            if let Some(other) = taken {
                let detail = format!("{name} `{text}` is taken by {resource} {}", other.id);
                return Err(ScimError::new(409, scim_type::UNIQUENESS, detail));
            }
        }
        if resource == Resource::User {
            self.check_taken(store, new, this)?;
        }
        if resource == Resource::Group && self.behaviour.check_members {
            let members = new.get("members").and_then(Json::as_array);
            let ids = members.into_iter().flatten().filter_map(|member| member["value"].as_str());
            let own = new.get("id").and_then(Json::as_str);
            let missing = ids.into_iter().find(|&id| {
                own != Some(id)
                    && Resource::ALL.iter().all(|kind| store.table(*kind).get(id).is_none())
            });
            if let Some(id) = missing {
                let detail = format!("member `{id}` does not exist");
                return Err(ScimError::new(400, scim_type::INVALID_VALUE, detail));
            }
        }
        Ok(())
    }
}

/// What is there, with what a PUT names in its place.
fn merged(mut there: Json, body: Json) -> Json {
    if let (Json::Object(there), Json::Object(body)) = (&mut there, body) {
        for (name, value) in body {
            match (there.get_mut(&name), value) {
                (Some(Json::Object(inner)), Json::Object(values)) => inner.extend(values),
                (Some(Json::Array(urns)), Json::Array(more)) if name == "schemas" => {
                    urns.extend(more);
                }
                (_, value) => {
                    there.insert(name, value);
                }
            }
        }
    }
    there
}

fn unsaved(error: &Error) -> ScimError {
    ScimError::new(500, "", error.to_string())
}
