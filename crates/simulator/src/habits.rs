//! A profile and its quirks as the service applies them: what is refused, what is kept and how, what is shown.

use std::sync::Arc;

use peoplesync_scim::error::scim_type;
use peoplesync_scim::profile::{Clear, Deactivate, Delete, Inactive, Profile, Update, Version};
use peoplesync_scim::resource::{clear, get, member, set};
use peoplesync_scim::value::is_unassigned;
use peoplesync_scim::{Filter, Path, Resource, SchemaSet, ScimError};
use serde_json::{Map, Value as Json, json};

use crate::Error;
use crate::invitation::Invitation;
use crate::quirks::{ErrorForm, Filters, Quirks, Rewrite, UnknownFilters};

/// What a service does beyond the RFCs, worked out once.
#[derive(Debug)]
pub(crate) struct Habits {
    pub(crate) profile: Arc<Profile>,
    pub(crate) quirks: Quirks,
    /// Whether bodies are as the RFCs have them, so that ready-made bytes can be sent.
    pub(crate) plain: bool,
    ignored: Vec<Path>,
    drops: Vec<Path>,
    refuses: Vec<Path>,
    required: Vec<Path>,
    single: Vec<Path>,
    omits: Vec<Path>,
    fixed: Vec<Path>,
    rewrites: Vec<(Path, Rewrite)>,
    max_length: Vec<(Path, usize)>,
    must_equal: Vec<(Path, Path)>,
    must_be_primary: Vec<Path>,
    reserved: Vec<(Path, Vec<String>)>,
    invitation: Option<Invitation>,
}

impl Habits {
    pub(crate) fn new(profile: Arc<Profile>, quirks: Quirks) -> Result<Self, Error> {
        let path = |text: &String| {
            Path::parse(text).map_err(|error| {
                Error::new(format!("the path `{text}` of a profile")).because(error)
            })
        };
        let paths = |texts: &[String]| texts.iter().map(path).collect::<Result<Vec<_>, _>>();
        let default = Profile::default();
        Ok(Self {
            plain: profile.version == default.version && profile.values == default.values,
            ignored: paths(&profile.write.ignored)?,
            drops: paths(&quirks.drops)?,
            refuses: paths(&quirks.refuses)?,
            required: paths(&profile.write.required)?,
            single: paths(&profile.write.single)?,
            omits: paths(&profile.list.omits)?,
            fixed: paths(&profile.groups.fixed)?,
            rewrites: quirks
                .rewrites
                .iter()
                .map(|(text, rewrite)| Ok((path(text)?, *rewrite)))
                .collect::<Result<_, Error>>()?,
            max_length: quirks
                .max_length
                .iter()
                .map(|(text, most)| Ok((path(text)?, *most)))
                .collect::<Result<_, Error>>()?,
            must_equal: quirks
                .must_equal
                .iter()
                .map(|(a, b)| Ok((path(a)?, path(b)?)))
                .collect::<Result<_, Error>>()?,
            must_be_primary: paths(&quirks.must_be_primary)?,
            reserved: quirks
                .reserved
                .iter()
                .map(|(text, values)| Ok((path(text)?, values.clone())))
                .collect::<Result<_, Error>>()?,
            invitation: Invitation::of(&profile.invitations)?,
            profile,
            quirks,
        })
    }

    /// A body as the RFCs have it.
    pub(crate) fn read(
        &self,
        resource: Resource,
        body: Json,
        schemas: &SchemaSet,
    ) -> Result<Json, ScimError> {
        if self.quirks.refuses_null && resource == Resource::User && has_null(&body) {
            return Err(invalid("null is no value here"));
        }
        let mut body =
            self.profile.decode(resource, body, schemas).map_err(|reason| invalid(&reason))?;
        if self.profile.write.clear == Clear::Empty {
            drop_empty(&mut body);
        }
        Ok(body)
    }

    /// A PATCH as the RFC has it.
    pub(crate) fn read_patch(
        &self,
        resource: Resource,
        body: Json,
        schemas: &SchemaSet,
    ) -> Result<Json, ScimError> {
        self.profile.decode_patch(resource, body, schemas).map_err(|reason| invalid(&reason))
    }

    /// A resource as the service shows it; in a list, some attributes are left out.
    pub(crate) fn show(
        &self,
        resource: Resource,
        mut value: Json,
        in_list: bool,
        schemas: &SchemaSet,
    ) -> Json {
        if in_list {
            self.omits.iter().for_each(|path| clear(&mut value, path));
        }
        if self.profile.values.ids == peoplesync_scim::profile::Ids::Number
            && let Some(number) = value["id"].as_str().and_then(|id| id.parse::<i64>().ok())
        {
            value["id"] = number.into();
        }
        self.profile.encode(resource, &value, schemas).into_owned()
    }

    /// Whether a list shows less than a single resource, or in another form than it is kept in.
    pub(crate) fn shows_as_kept(&self, in_list: bool) -> bool {
        self.plain && (!in_list || self.omits.is_empty())
    }

    /// Refuses what the service does not take, and changes what it takes otherwise than it came.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub(crate) fn keep(
        &self,
        resource: Resource,
        members: Map<String, Json>,
        before: Option<&Json>,
    ) -> Result<Map<String, Json>, ScimError> {
        if resource == Resource::Group {
            return self.keep_group(members, before);
        }
        let mut value = Json::Object(members);
        let given = |value: &Json, path: &Path| get(value, path).is_some_and(|v| !is_unassigned(v));
        let missing = self.required.iter().find(|path| !given(&value, path));
        if let Some(path) = missing.filter(|_| before.is_none()) {
            return Err(invalid(&format!("`{path}` is required")));
        }
        if let Some(path) = self.refuses.iter().find(|path| given(&value, path)) {
            let mut error = invalid(&format!("`{path}` is not supported"));
            error.status = self.quirks.refuses_with;
            return Err(error);
        }
        for (path, most) in &self.max_length {
            let length =
                get(&value, path).and_then(Json::as_str).map_or(0, |text| text.chars().count());
            if length > *most {
                return Err(invalid(&format!("`{path}` is longer than {most} characters")));
            }
        }
        for (path, values) in &self.reserved {
            let given = get(&value, path).and_then(Json::as_str).unwrap_or_default();
            if values.iter().any(|taken| taken.eq_ignore_ascii_case(given)) {
                let detail = format!("`{path}` is the name of something else");
                return Err(ScimError::new(409, scim_type::UNIQUENESS, detail));
            }
        }
        for (a, b) in &self.must_equal {
            if let (Some(first), Some(second)) = (get(&value, a), get(&value, b))
                && first != second
            {
                return Err(invalid(&format!("`{a}` and `{b}` must be the same")));
            }
        }
        for path in &self.must_be_primary {
            let elements = get(&value, path).and_then(Json::as_array);
            let primary = |element: &Json| member(element, "primary") == Some(&Json::Bool(true));
            if elements.is_some_and(|elements| !elements.iter().any(primary)) {
                return Err(invalid(&format!("an element of `{path}` must be marked as primary")));
            }
        }
        self.check_domain(&value)?;
        for path in &self.single {
            let Some(Json::Array(elements)) = get(&value, path) else { continue };
            if elements.len() > 1 && self.quirks.refuses_more_than_one {
                return Err(invalid(&format!("`{path}` may hold one value only")));
            }
            let one = Json::Array(elements.iter().take(1).cloned().collect());
            set(&mut value, path, one);
        }
        for path in self.ignored.iter().chain(&self.drops) {
            clear(&mut value, path);
            // What is there by other ways stays.
            if let Some(old) = before.and_then(|before| get(before, path)) {
                set(&mut value, path, old.clone());
            }
        }
        for (path, rewrite) in &self.rewrites {
            if let Some(text) = get(&value, path).and_then(Json::as_str).map(|t| rewrite.apply(t)) {
                set(&mut value, path, text.into());
            }
        }
        if let Some(invitation) = &self.invitation {
            invitation.settle(&mut value);
        }
        match value {
            Json::Object(members) => Ok(members),
            _ => Ok(Map::new()),
        }
    }

    /// Refuses another value of what stays as it was when a group was created.
    fn keep_group(
        &self,
        members: Map<String, Json>,
        before: Option<&Json>,
    ) -> Result<Map<String, Json>, ScimError> {
        let value = Json::Object(members);
        let is_other =
            |path: &&Path| before.is_some_and(|before| get(before, path) != get(&value, path));
        if let Some(path) = self.fixed.iter().find(is_other) {
            let detail = format!("`{path}` of a group cannot be changed");
            return Err(ScimError::new(400, scim_type::MUTABILITY, detail));
        }
        match value {
            Json::Object(members) => Ok(members),
            _ => Ok(Map::new()),
        }
    }

    fn check_domain(&self, value: &Json) -> Result<(), ScimError> {
        let known = &self.quirks.verified_domains;
        let Some((_, domain)) = value["userName"].as_str().and_then(|name| name.split_once('@'))
        else {
            return Ok(());
        };
        if known.is_empty() || known.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            return Ok(());
        }
        let detail = format!("{domain} is not a verified domain");
        let mut error = invalid(&detail);
        error.code = Some(self.quirks.domain_code).filter(|code| *code != 0);
        Err(error)
    }

    /// Whether the filter finds somebody; refuses one beyond what the service knows.
    ///
    /// # Errors
    /// 400 `invalidFilter`.
    pub(crate) fn finds(&self, resources: &[Resource], filter: &Filter) -> Result<bool, ScimError> {
        match self.check_filter(resources, filter) {
            Err(_) if self.quirks.unknown_filters == UnknownFilters::Nobody => Ok(false),
            checked => checked.map(|()| self.quirks.filters != Filters::Nobody),
        }
    }

    fn check_filter(&self, resources: &[Resource], filter: &Filter) -> Result<(), ScimError> {
        let refused = |detail: String| ScimError::new(400, scim_type::INVALID_FILTER, detail);
        let filtering = &self.profile.filter;
        if !filtering.supported {
            return Err(refused("filters are not supported".to_owned()));
        }
        let knows = |op: &str| match filtering.operators.iter().any(|known| known == op) {
            true => Ok(()),
            false => Err(refused(format!("the operator `{op}` is not supported"))),
        };
        let may_name = |path: &Path| {
            let finds = |resource: &Resource| self.profile.can_find(*resource, path);
            // Members are asked for where a group does not show them; whether they may be is checked where members are.
            let of_members = path.attribute().eq_ignore_ascii_case("members");
            let is_id = path.attribute().eq_ignore_ascii_case("id");
            if is_id || of_members || resources.iter().any(finds) {
                return Ok(());
            }
            Err(refused(format!("`{path}` cannot be filtered by")))
        };
        match filter {
            Filter::And(terms) => {
                knows("and")?;
                terms.iter().try_for_each(|term| self.check_filter(resources, term))
            }
            Filter::Or(terms) => {
                knows("or")?;
                terms.iter().try_for_each(|term| self.check_filter(resources, term))
            }
            Filter::Not(inner) => {
                knows("not")?;
                self.check_filter(resources, inner)
            }
            Filter::Present(path) => {
                knows("pr")?;
                may_name(path)
            }
            Filter::ValuePath(path) => may_name(path),
            Filter::Compare { path, op, .. } => {
                knows(op.name())?;
                may_name(path)
            }
        }
    }

    /// Refuses to change an account that is out of reach of these credentials.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn may_touch(&self, resource: Resource, value: &Json) -> Result<(), ScimError> {
        let name = value["userName"].as_str().unwrap_or_default();
        let is_out = self.quirks.untouchable.iter().any(|known| known.eq_ignore_ascii_case(name));
        match resource == Resource::User && is_out {
            true => Err(ScimError::new(403, "", "this account is of a higher role")),
            false => Ok(()),
        }
    }

    /// What a DELETE of this account does.
    ///
    /// # Errors
    /// Where it is refused.
    pub(crate) fn deletion(&self, resource: Resource, value: &Json) -> Result<Deletion, ScimError> {
        if resource != Resource::User {
            return Ok(Deletion::Removes);
        }
        match self.profile.lifecycle.delete {
            Delete::Deletes | Delete::Permanent => Ok(Deletion::Removes),
            Delete::Deactivates => Ok(Deletion::Deactivates),
            Delete::None => Err(ScimError::new(403, "", "accounts cannot be deleted")),
            Delete::Unclaimed => {
                if self.invitation.as_ref().is_some_and(|invitation| invitation.is_claimed(value)) {
                    return Err(ScimError::new(412, "", "the account was claimed once"));
                }
                Ok(Deletion::Removes)
            }
        }
    }

    /// Whether the account is out of use, and so not to be seen.
    pub(crate) fn hides(&self, resource: Resource, value: &Json) -> bool {
        resource == Resource::User
            && self.profile.lifecycle.inactive == Inactive::Gone
            && value["active"] == false
    }

    /// Whether any account can be out of sight.
    pub(crate) fn may_hide(&self) -> bool {
        self.profile.lifecycle.inactive == Inactive::Gone
    }

    /// Whether `active` can become false by a change.
    pub(crate) fn deactivates_by_update(&self) -> bool {
        !matches!(self.profile.lifecycle.deactivate, Deactivate::Delete | Deactivate::None)
    }

    /// Whether a PUT keeps what it does not name.
    pub(crate) fn put_merges(&self) -> bool {
        self.quirks.put_merges || self.profile.write.update == Update::PutChanges
    }

    pub(crate) fn serves_patch(&self) -> bool {
        !matches!(self.profile.write.update, Update::Put | Update::PutChanges)
    }

    /// An error in the form of the service.
    pub(crate) fn error_body(&self, error: &ScimError) -> (Vec<u8>, &'static str) {
        let detail = error.detail.as_deref().unwrap_or_default();
        let body = match self.quirks.errors {
            ErrorForm::Scim if self.profile.version == Version::Two => error.to_json(),
            ErrorForm::Scim | ErrorForm::Scim1 => {
                json!({ "Errors": [{ "description": detail, "code": error.status.to_string() }] })
            }
            ErrorForm::Graph => {
                json!({ "error": { "message": detail, "type": "SCIMException", "code": error.code.unwrap_or(1) } })
            }
            ErrorForm::Html => {
                let title = format!("{} {detail}", error.status);
                let page = format!(
                    "<!DOCTYPE html><html><head><title>{title}</title></head><body></body></html>"
                );
                return (page.into_bytes(), "text/html");
            }
        };
        (body.to_string().into_bytes(), "application/scim+json")
    }
}

/// What a DELETE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletion {
    Removes,
    Deactivates,
}

fn has_null(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(elements) => elements.iter().any(has_null),
        Json::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// Empty texts are no values to this service.
fn drop_empty(value: &mut Json) {
    match value {
        Json::Array(elements) => {
            elements.iter_mut().for_each(drop_empty);
            // An element that says nothing but what kind it would be is gone as well.
            elements.retain(|element| {
                let labels = |name: &String| name == "type" || name == "primary";
                element.as_object().is_none_or(|members| !members.keys().all(labels))
            });
        }
        Json::Object(members) => {
            members.values_mut().for_each(drop_empty);
            members.retain(|_, value| value != "");
        }
        _ => {}
    }
}

fn invalid(detail: &str) -> ScimError {
    ScimError::new(400, scim_type::INVALID_VALUE, detail)
}
