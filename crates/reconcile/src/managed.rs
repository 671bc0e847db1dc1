//! Which attributes of a resource are managed.

mod observed;

use std::fmt;
use std::sync::Arc;

use peoplesync_scim::Filter;
use peoplesync_scim::path::Path;
use peoplesync_scim::schema::{AttributeRef, Mutability, Resource, Returned, SchemaSet};
use peoplesync_scim::value::{self, is_unassigned};
use serde_json::Value as Json;

pub(crate) use self::observed::boolean;
pub use self::observed::{ObserveError, Observed};
use crate::OnDrift;

/// One managed attribute. Its place in the list is its slot.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedAttribute {
    /// Where it stands in the resource.
    pub path: Path,
    /// Written when an account is created, and left alone later.
    pub create_only: bool,
    /// Its value is the id of another person's account.
    pub reference: bool,
}

/// The attributes that peoplesync manages, how accounts are matched, and which accounts are protected.
#[derive(Clone)]
pub struct Managed {
    resource: Resource,
    attributes: Vec<ManagedAttribute>,
    match_slots: Vec<u16>,
    /// The slots whose values accounts are looked up by: those by which they are matched, and then those whose values nobody
    /// else may have.
    lookup_slots: Vec<u16>,
    protect: Vec<Filter>,
    administrators: Vec<Filter>,
    kept: Vec<Filter>,
    /// One a slot, and the one of `active` where that has no slot.
    on_drift: Vec<OnDrift>,
    on_drift_of_active: OnDrift,
    /// One a slot: whether values are shown nowhere.
    redacted: Vec<bool>,
    schemas: Arc<SchemaSet>,
    active: Path,
    active_slot: Option<u16>,
    /// One a slot.
    details: Vec<Detail>,
}

/// What is worked out once for an attribute.
#[derive(Debug, Clone)]
struct Detail {
    /// The target never tells its value.
    hidden: bool,
    /// The path of the element that the path's value filter names.
    element: Option<Path>,
}

/// Why attributes cannot be managed like this.
#[derive(Debug, Clone, PartialEq)]
pub enum ManagedError {
    /// Accounts shall be matched by an attribute that no mapping gives a value.
    UnmappedMatch {
        /// That attribute.
        path: Path,
    },
    /// Accounts shall be matched by a reference, whose value is known only at the target.
    MatchByReference {
        /// That attribute.
        path: Path,
    },
    /// Accounts shall be matched by an attribute whose value is chosen such that no account has it.
    MatchByChoice {
        /// That attribute.
        path: Path,
    },
    /// The attributes are not in the order of their paths, or one stands twice.
    Order {
        /// The first that is out of place.
        path: Path,
    },
    /// More attributes than there are slots.
    TooMany,
}

impl Managed {
    /// Attributes in the order of their paths (as a compiled mapping has them), the attributes by which accounts are
    /// matched in the order in which they are tried, and the filters of accounts that are never touched.
    ///
    /// # Errors
    /// When an attribute is out of order or repeated, or when accounts cannot be matched by what `match_by` names.
    pub fn new(
        resource: Resource,
        attributes: Vec<ManagedAttribute>,
        match_by: &[Path],
        protect: Vec<Filter>,
        schemas: Arc<SchemaSet>,
    ) -> Result<Self, ManagedError> {
        if attributes.len() > usize::from(u16::MAX) {
            return Err(ManagedError::TooMany);
        }
        for pair in attributes.windows(2) {
            if let [a, b] = pair
                && a.path >= b.path
            {
                return Err(ManagedError::Order { path: b.path.clone() });
            }
        }
        let slot = |path: &Path| {
            let slots = (0u16..).zip(&attributes);
            let mut found = slots.filter(|(_, attribute)| attribute.path == *path);
            found.next().map(|(slot, attribute)| (slot, attribute.reference))
        };
        let match_slots = match_by
            .iter()
            .map(|path| match slot(path) {
                None => Err(ManagedError::UnmappedMatch { path: path.clone() }),
                Some((_, true)) => Err(ManagedError::MatchByReference { path: path.clone() }),
                Some((slot, false)) => Ok(slot),
            })
            .collect::<Result<Vec<u16>, _>>()?;
        let active = Path::parse("active").expect("a plain name is a path");
        let active_slot = slot(&active).map(|(slot, _)| slot);
        let details = attributes
            .iter()
            .map(|ManagedAttribute { path, .. }| Detail {
                hidden: schemas.resolve(resource, path).is_some_and(is_hidden),
                element: path.filter().map(|_| path.with_sub(None)),
            })
            .collect();
        Ok(Self {
            resource,
            attributes,
            lookup_slots: match_slots.clone(),
            match_slots,
            protect,
            administrators: Vec::new(),
            kept: Vec::new(),
            on_drift: Vec::new(),
            on_drift_of_active: OnDrift::Correct,
            redacted: Vec::new(),
            schemas,
            active,
            active_slot,
            details,
        })
    }

    /// The same with filters of accounts that are changed as others are, and never taken out of use: whoever administers the
    /// target must not be locked out by a file.
    #[must_use]
    pub fn with_administrators(self, administrators: Vec<Filter>) -> Self {
        Self { administrators, ..self }
    }

    /// The same with filters of accounts that are kept as they are when their person leaves.
    #[must_use]
    pub fn with_kept(self, kept: Vec<Filter>) -> Self {
        Self { kept, ..self }
    }

    /// The same with what becomes of attributes that others changed at the target: one a slot, and what holds for `active`
    /// where no mapping gives it a value.
    #[must_use]
    pub fn with_on_drift(self, on_drift: Vec<OnDrift>, of_active: OnDrift) -> Self {
        Self { on_drift, on_drift_of_active: of_active, ..self }
    }

    /// The same with attributes whose value is chosen for each new account such that nobody else has it.
    ///
    /// # Errors
    /// When accounts shall be matched by such an attribute, which nobody has before.
    pub fn with_choices(mut self, choices: &[Path]) -> Result<Self, ManagedError> {
        for path in choices {
            let mut slots = (0u16..).zip(&self.attributes);
            let Some((slot, _)) = slots.find(|(_, attribute)| attribute.path == *path) else {
                return Err(ManagedError::UnmappedMatch { path: path.clone() });
            };
            if self.match_slots.contains(&slot) {
                return Err(ManagedError::MatchByChoice { path: path.clone() });
            }
            self.lookup_slots.push(slot);
        }
        Ok(self)
    }

    /// The same with the attributes whose values are shown nowhere: one a slot.
    #[must_use]
    pub fn with_redacted(self, redacted: Vec<bool>) -> Self {
        Self { redacted, ..self }
    }

    /// What is managed: people or groups.
    #[must_use]
    pub fn resource(&self) -> Resource {
        self.resource
    }

    /// The attributes; the place of one is its slot.
    #[must_use]
    pub fn attributes(&self) -> &[ManagedAttribute] {
        &self.attributes
    }

    /// The schemas by which values are compared.
    #[must_use]
    pub fn schemas(&self) -> &SchemaSet {
        &self.schemas
    }

    /// The filters of accounts that are never touched.
    #[must_use]
    pub fn protect(&self) -> &[Filter] {
        &self.protect
    }

    /// The filters of accounts that are never taken out of use.
    #[must_use]
    pub fn administrators(&self) -> &[Filter] {
        &self.administrators
    }

    /// The filters of accounts that are kept when their person leaves.
    #[must_use]
    pub fn kept(&self) -> &[Filter] {
        &self.kept
    }

    /// What becomes of an attribute that others changed at the target.
    #[must_use]
    pub fn on_drift(&self, path: &Path) -> OnDrift {
        let mut slots = self.attributes.iter().zip(&self.on_drift);
        match slots.find(|(attribute, _)| attribute.path == *path) {
            Some((_, on_drift)) => *on_drift,
            None if *path == self.active => self.on_drift_of_active,
            None => OnDrift::Correct,
        }
    }

    /// Whether the values of an attribute are shown nowhere.
    #[must_use]
    pub fn is_redacted(&self, path: &Path) -> bool {
        let mut slots = self.attributes.iter().zip(&self.redacted);
        slots.any(|(attribute, redacted)| *redacted && attribute.path == *path)
    }

    /// The attributes by which an unlinked person finds an existing account, in the order in which they are tried.
    pub fn match_by(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.match_slots.iter().map(|slot| &self.attributes[usize::from(*slot)].path)
    }

    /// The attributes by which a lost create is found again: those of [`match_by`](Self::match_by), and then those whose value
    /// nobody else has.
    pub fn lookup_by(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.lookup_slots.iter().map(|slot| &self.attributes[usize::from(*slot)].path)
    }

    /// The slot of a path.
    pub(crate) fn slot(&self, path: &Path) -> Option<u16> {
        let at = self.attributes.binary_search_by(|known| known.path.cmp(path)).ok()?;
        u16::try_from(at).ok()
    }

    pub(crate) fn attribute(&self, slot: u16) -> &ManagedAttribute {
        &self.attributes[usize::from(slot)]
    }

    /// Where the values of a slot stand among those that accounts are looked up by.
    pub(crate) fn lookup_index(&self, slot: u16) -> Option<usize> {
        self.lookup_slots.iter().position(|lookup| *lookup == slot)
    }

    pub(crate) fn match_slots(&self) -> &[u16] {
        &self.match_slots
    }

    /// The path of `active`, and its slot if it is managed beyond creation.
    pub(crate) fn active(&self) -> (&Path, Option<u16>) {
        let slot = self.active_slot.filter(|slot| !self.attribute(*slot).create_only);
        (&self.active, slot)
    }

    pub(crate) fn definition(&self, slot: u16) -> Option<AttributeRef<'_>> {
        self.schemas.resolve(self.resource, &self.attribute(slot).path)
    }

    /// The form in which a value of a match attribute is compared; none if there is nothing to compare.
    pub(crate) fn match_form(&self, index: usize, value: &Json) -> Option<String> {
        if is_unassigned(value) || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return None;
        }
        Some(value::canonical(self.definition(self.lookup_slots[index]), value).to_string())
    }

    /// Whether nobody can tell if the attribute differs, as the target never answers it.
    pub(crate) fn is_hidden(&self, slot: u16) -> bool {
        self.details[usize::from(slot)].hidden
    }
}

fn is_hidden(attribute: AttributeRef<'_>) -> bool {
    attribute.returned == Returned::Never || attribute.mutability == Mutability::WriteOnly
}

impl fmt::Debug for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Managed")
            .field("resource", &self.resource)
            .field("attributes", &self.attributes)
            .field("match_slots", &self.match_slots)
            .field("protect", &self.protect)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ManagedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnmappedMatch { path } => {
                write!(f, "accounts cannot be matched by {path}: the mapping gives it no value")
            }
            Self::MatchByReference { path } => {
                write!(
                    f,
                    "accounts cannot be matched by {path}: it is a reference to another person"
                )
            }
            Self::MatchByChoice { path } => {
                write!(
                    f,
                    "accounts cannot be matched by {path}: its value is chosen such that no account has it"
                )
            }
            Self::Order { path } => {
                write!(f, "attribute {path} stands twice or out of the order of paths")
            }
            Self::TooMany => write!(f, "more than {} attributes are managed", u16::MAX),
        }
    }
}

impl std::error::Error for ManagedError {}

#[cfg(test)]
mod tests;
