//! One operation on one attribute: the rules of RFC 7644 §3.5.2.1 to §3.5.2.3.

use serde_json::{Map, Value as Json};

use super::{Verb, invalid_path, invalid_value};
use crate::error::{ScimError, scim_type};
use crate::filter::Filter;
use crate::path::Path;
use crate::resource::key_of;
use crate::schema::{Attribute, AttributeRef, Kind, Mutability, is_primary};
use crate::value::{self, is_unassigned};

/// An operation, ready to be done on the object that holds its attribute.
#[derive(Clone, Copy)]
pub(super) struct Edit<'a> {
    pub(super) verb: Verb,
    pub(super) attribute: &'a Attribute,
    /// The complex attribute around it, if it is a sub-attribute.
    pub(super) parent: Option<&'a Attribute>,
    /// Missing only for a removal.
    pub(super) value: Option<&'a Json>,
}

type Members = Map<String, Json>;

impl<'a> Edit<'a> {
    fn sub(self, sub: &'a Attribute) -> Self {
        Self { attribute: sub, parent: Some(self.attribute), ..self }
    }

    /// The full name, for messages.
    fn name(self) -> String {
        match self.parent {
            Some(parent) => format!("{}.{}", parent.name, self.attribute.name),
            None => self.attribute.name.clone(),
        }
    }

    /// Does it at a path, whose URN and attribute name have led to `holder` and the attribute.
    pub(super) fn at(self, holder: &mut Members, path: &Path) -> Result<(), ScimError> {
        let attribute = self.attribute;
        if attribute.mutability == Mutability::ReadOnly {
            return Err(mutability(format!("`{}` is read-only", self.name())));
        }
        if let Some(filter) = path.filter() {
            self.check_filter(filter)?;
        }
        let sub = match path.sub() {
            None => None,
            Some(name) => Some(attribute.sub(name).ok_or_else(|| {
                invalid_path(format!("`{}` has no sub-attribute `{name}`", attribute.name))
            })?),
        };
        match (path.filter(), sub) {
            (None, None) => self.whole(holder),
            (filter, sub) => {
                let key = key_of(holder, &attribute.name).unwrap_or_else(|| attribute.name.clone());
                let mut slot = holder.remove(&key).unwrap_or_default();
                if attribute.multi_valued {
                    let before = slot.clone();
                    self.in_elements(&mut slot, filter, sub)?;
                    settle_primary(attribute, &before, &mut slot)?;
                } else if let Some(sub) = sub {
                    self.sub(sub).in_object(&mut slot)?;
                }
                if is_unassigned(&slot) {
                    return self.check_removal(&Json::Null);
                }
                holder.insert(key, slot);
                Ok(())
            }
        }
    }

    /// Does it on a member of a value: a read-only attribute may be repeated as it is.
    pub(super) fn in_value(self, holder: &mut Members) -> Result<(), ScimError> {
        if self.attribute.mutability == Mutability::ReadOnly {
            let current = before_of(holder, &self.attribute.name);
            let given = self.value.unwrap_or(&Json::Null);
            if value::same(Some(AttributeRef::top(self.attribute)), &current, given) {
                return Ok(());
            }
            return Err(mutability(format!("`{}` is read-only", self.name())));
        }
        self.whole(holder)
    }

    /// The whole attribute.
    fn whole(self, holder: &mut Members) -> Result<(), ScimError> {
        let attribute = self.attribute;
        let key = key_of(holder, &attribute.name).unwrap_or_else(|| attribute.name.clone());
        let before = before_of(holder, &key);
        let value = match (self.verb, self.value) {
            (Verb::Add, Some(Json::Null)) => {
                return Err(invalid_value(format!("`{}`: add needs a value", self.name())));
            }
            (Verb::Add | Verb::Replace, Some(value)) if !is_unassigned(value) => value,
            // Adding nothing to a list; replacing by nothing is a removal (RFC 7643 §2.5).
            (Verb::Add, _) => return Ok(()),
            _ => {
                self.check_removal(&before)?;
                holder.remove(&key);
                return Ok(());
            }
        };
        let mut after = if attribute.multi_valued {
            self.list(&before, value)?
        } else if attribute.kind == Kind::Complex {
            self.object(&before, value)?
        } else {
            self.check_one(value)?;
            value.clone()
        };
        if attribute.mutability == Mutability::Immutable
            && !is_unassigned(&before)
            && !value::same(Some(AttributeRef::top(attribute)), &before, &after)
        {
            return Err(mutability(format!("`{}` cannot be changed once it is set", self.name())));
        }
        settle_primary(attribute, &before, &mut after)?;
        if is_unassigned(&after) {
            holder.remove(&key);
        } else {
            holder.insert(key, after);
        }
        Ok(())
    }

    /// A list after adding to it what is not yet there, or the new list in its place.
    fn list(self, before: &Json, value: &Json) -> Result<Json, ScimError> {
        let attribute = self.attribute;
        let given = match value {
            Json::Array(elements) => elements.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut list = match (self.verb, before) {
            (Verb::Add, Json::Array(elements)) => elements.clone(),
            _ => Vec::new(),
        };
        let mut forms: std::collections::BTreeSet<String> =
            list.iter().map(|element| form(attribute, element)).collect();
        for element in given.iter().filter(|element| !is_unassigned(element)) {
            self.check_one(element)?;
            if forms.insert(form(attribute, element)) {
                list.push(spell(attribute, element));
            }
        }
        Ok(Json::Array(list))
    }

    /// A complex value after setting the sub-attributes given; the others stay.
    fn object(self, before: &Json, value: &Json) -> Result<Json, ScimError> {
        self.check_one(value)?;
        let mut members = before.as_object().cloned().unwrap_or_default();
        for (name, value) in value.as_object().into_iter().flatten() {
            if let Some(sub) = self.attribute.sub(name) {
                // A null among the values takes the sub-attribute away, also in an add.
                let verb = if value.is_null() { Verb::Remove } else { self.verb };
                Edit { verb, value: Some(value), ..self.sub(sub) }.in_value(&mut members)?;
            }
        }
        Ok(Json::Object(members))
    }

    /// The elements that a filter selects (all without one), or a sub-attribute of each of them.
    fn in_elements(
        self,
        slot: &mut Json,
        filter: Option<&Filter>,
        sub: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        let attribute = self.attribute;
        let mut elements = match slot.take() {
            Json::Array(elements) => elements,
            Json::Null => Vec::new(),
            one => vec![one],
        };
        let whole = AttributeRef::top(attribute);
        let selected =
            |element: &Json| filter.is_none_or(|filter| filter.matches_element_of(element, whole));
        let mut found = 0_usize;
        for element in elements.iter_mut().filter(|element| selected(element)) {
            found += 1;
            match sub {
                Some(sub) => self.sub(sub).in_object(element)?,
                None => self.element(element)?,
            }
        }
        if found == 0 && (filter.is_some() || self.verb != Verb::Remove) {
            let what = match filter {
                Some(filter) => format!("no element of `{}` matches [{filter}]", attribute.name),
                None => format!("`{}` has no element", attribute.name),
            };
            return Err(ScimError::new(400, scim_type::NO_TARGET, what));
        }
        elements.retain(|element| !is_unassigned(element));
        *slot = Json::Array(elements);
        Ok(())
    }

    /// One selected element: removed (null), replaced, or added to.
    fn element(self, element: &mut Json) -> Result<(), ScimError> {
        let attribute = self.attribute;
        let Some(value) = self.value.filter(|_| self.verb != Verb::Remove) else {
            *element = Json::Null;
            return Ok(());
        };
        *element = match self.verb {
            Verb::Add if attribute.kind == Kind::Complex => self.object(element, value)?,
            _ => {
                self.check_one(value)?;
                spell(attribute, value)
            }
        };
        Ok(())
    }

    /// A sub-attribute inside a complex value.
    fn in_object(self, object: &mut Json) -> Result<(), ScimError> {
        let mut members = match object.take() {
            Json::Object(members) => members,
            _ => Members::new(),
        };
        if self.attribute.mutability == Mutability::ReadOnly {
            return Err(mutability(format!("`{}` is read-only", self.name())));
        }
        self.whole(&mut members)?;
        if !members.is_empty() {
            *object = Json::Object(members);
        }
        Ok(())
    }

    fn check_one(self, value: &Json) -> Result<(), ScimError> {
        self.attribute.check_one(value).map_err(|error| {
            let outer = self.parent.map_or(String::new(), |parent| format!("{}.", parent.name));
            invalid_value(format!("`{outer}{}` {}", error.attribute, error.message))
        })
    }

    fn check_filter(self, filter: &Filter) -> Result<(), ScimError> {
        let attribute = self.attribute;
        if !attribute.multi_valued {
            let detail = format!("`{}` has one value; a value filter needs a list", attribute.name);
            return Err(invalid_path(detail));
        }
        let mut unknown = None;
        filter.visit_paths(&mut |path| {
            let simple =
                attribute.kind != Kind::Complex && path.attribute().eq_ignore_ascii_case("value");
            if !simple && attribute.sub(path.attribute()).is_none() {
                unknown.get_or_insert_with(|| path.to_string());
            }
        });
        match unknown {
            Some(name) => Err(invalid_path(format!(
                "`{}` has no sub-attribute `{name}` to filter by",
                attribute.name
            ))),
            None => Ok(()),
        }
    }

    /// Whether the attribute may be left without a value.
    fn check_removal(self, before: &Json) -> Result<(), ScimError> {
        let attribute = self.attribute;
        if attribute.required {
            return Err(mutability(format!("`{}` is required", self.name())));
        }
        if attribute.mutability == Mutability::Immutable && !is_unassigned(before) {
            return Err(mutability(format!("`{}` cannot be removed once it is set", self.name())));
        }
        Ok(())
    }
}

fn before_of(holder: &Members, name: &str) -> Json {
    key_of(holder, name).and_then(|key| holder.get(&key).cloned()).unwrap_or_default()
}

/// The text of an element's canonical form: equal for elements that are the same.
fn form(attribute: &Attribute, element: &Json) -> String {
    value::canonical(Some(AttributeRef::top(attribute)), element).to_string()
}

/// A value with the names of sub-attributes as the schema spells them, without nulls.
fn spell(attribute: &Attribute, value: &Json) -> Json {
    let Json::Object(members) = value else { return value.clone() };
    let assigned = members.iter().filter(|(_, value)| !value.is_null());
    let spelled = assigned.map(|(name, value)| match attribute.sub(name) {
        Some(sub) => (sub.name.clone(), spell(sub, value)),
        None => (name.clone(), value.clone()),
    });
    Json::Object(spelled.collect())
}

/// Leaves one primary element at most: one that became primary takes it from the others (RFC 7644 §3.5.2).
fn settle_primary(attribute: &Attribute, before: &Json, after: &mut Json) -> Result<(), ScimError> {
    let Json::Array(elements) = after else { return Ok(()) };
    let old: Vec<&Json> =
        before.as_array().into_iter().flatten().filter(|e| is_primary(e)).collect();
    let now: Vec<usize> =
        (0..elements.len()).filter(|at| elements.get(*at).is_some_and(is_primary)).collect();
    if now.len() < 2 {
        return Ok(());
    }
    let new: Vec<usize> = now
        .iter()
        .copied()
        .filter(|at| elements.get(*at).is_some_and(|element| !old.contains(&element)))
        .collect();
    let [winner] = new.as_slice() else {
        return if new.is_empty() {
            // The resource had several before; this operation did not make it worse.
            Ok(())
        } else {
            Err(invalid_value(format!("`{}` would have several primary elements", attribute.name)))
        };
    };
    for at in now.into_iter().filter(|at| at != winner) {
        if let Some(Json::Object(members)) = elements.get_mut(at) {
            let key = key_of(members, "primary").unwrap_or_else(|| "primary".to_owned());
            members.insert(key, Json::Bool(false));
        }
    }
    Ok(())
}

fn mutability(detail: String) -> ScimError {
    ScimError::new(400, scim_type::MUTABILITY, detail)
}
