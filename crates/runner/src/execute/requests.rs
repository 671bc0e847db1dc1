//! From a change of the plan to the body of its request. Nothing is decided here.

use peoplesync_reconcile::{Action, AttributeChange, Change};
use peoplesync_scim::desired::Difference;
use peoplesync_scim::profile::PatchForm;
use peoplesync_scim::schema::SchemaSet;
use peoplesync_scim::{Profile, Resource, resource, write};
use serde_json::{Value as Json, json};

/// The attributes of a change that can be written now: all but references to somebody who is created in this apply.
pub(super) fn now(change: &Change) -> Vec<Difference> {
    change.attributes.iter().filter(|attribute| !is_pending(attribute)).map(difference).collect()
}

/// Whether anything has to be sent for a change, its members and references to newcomers aside.
pub(super) fn needs_request(change: &Change) -> bool {
    match change.action {
        Action::Unlink => false,
        Action::Create | Action::Delete => true,
        _ => !change.attributes.iter().all(is_pending),
    }
}

/// The references that wait for an account: the key that is meant, and the attribute.
pub(super) fn pending(change: &Change) -> impl Iterator<Item = (&str, &AttributeChange)> {
    change.attributes.iter().filter(|attribute| is_pending(attribute)).filter_map(|attribute| {
        attribute.reference.as_deref().map(|reference| (reference, attribute))
    })
}

/// Whether the attribute is a reference to somebody who has no account yet.
pub(super) fn is_pending(attribute: &AttributeChange) -> bool {
    attribute.reference.is_some() && attribute.after.is_none()
}

pub(super) fn difference(attribute: &AttributeChange) -> Difference {
    Difference {
        path: attribute.path.clone(),
        before: attribute.before.clone(),
        after: attribute.after.clone(),
    }
}

fn writes_lists_whole(profile: &Profile) -> bool {
    !profile.patch.value_filters || profile.patch.form == PatchForm::Object
}

/// The body of the POST.
pub(super) fn create_body(resource: Resource, wanted: &[Difference]) -> Json {
    write::create_body_of(
        resource,
        wanted.iter().filter_map(|wanted| Some((&wanted.path, wanted.after.as_ref()?))),
    )
}

/// The body of the PATCH for these attributes.
///
/// The plan knows of the account only what it manages, so what it found is put together again: that says which elements
/// of lists exist. `whole` is the account itself, for the attributes that need it.
pub(super) fn patch_body(
    differences: &[Difference],
    attributes: &[AttributeChange],
    whole: Option<&Json>,
    profile: &Profile,
    schemas: &SchemaSet,
) -> Json {
    if let Some(whole) = whole {
        if writes_lists_whole(profile) {
            return write::patch_body_with_whole_lists(differences, whole, schemas);
        }
        return write::patch_body(differences, Some(whole), schemas);
    }
    let mut known = json!({});
    for attribute in attributes {
        match &attribute.before {
            Some(before) => {
                resource::set(&mut known, &attribute.path, before.clone());
            }
            // The element exists without this sub-attribute. That it exists is all that is read of it here: whether there
            // is a value to replace is told by `before`.
            None if !attribute.new_element && attribute.path.filter().is_some() => {
                resource::set(&mut known, &attribute.path, json!("?"));
            }
            None => {}
        }
    }
    write::patch_body(differences, Some(&known), schemas)
}

/// Whether a PATCH of these attributes needs the account itself: a sub-attribute of a list without a filter can only be
/// changed by writing the whole list, and so can any element where the target knows no value filters.
pub(super) fn needs_whole(
    differences: &[Difference],
    change: &Change,
    profile: &Profile,
    schemas: &SchemaSet,
) -> bool {
    let whole_lists = writes_lists_whole(profile);
    differences.iter().any(|difference| {
        if difference.path.filter().is_some() {
            return whole_lists;
        }
        difference.path.sub().is_some()
            && schemas
                .resolve(change.resource, &difference.path.root())
                .is_some_and(|attribute| attribute.attribute().multi_valued)
    })
}
