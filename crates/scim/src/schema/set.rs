//! The schemas known in a run, and how a path finds its attribute in them.

use std::ops::Deref;
use std::sync::LazyLock;

use super::{Attribute, Resource, Schema, find, standard};
use crate::path::{Parts, Path};
use crate::urn;

/// The schemas known in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaSet {
    schemas: Vec<Schema>,
    /// `id`, `externalId`, `meta` and `schemas`: of all resources, in no schema (RFC 7643 §3.1).
    common: Vec<Attribute>,
}

/// An attribute found by its path: the definition of the last name in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeRef<'a> {
    leaf: &'a Attribute,
    parent: Option<&'a Attribute>,
}

impl<'a> AttributeRef<'a> {
    pub(crate) fn top(leaf: &'a Attribute) -> Self {
        Self { leaf, parent: None }
    }

    /// The definition; lives as long as the schemas.
    pub fn attribute(self) -> &'a Attribute {
        self.leaf
    }

    /// The complex attribute around it, if the path names a sub-attribute.
    pub fn parent(self) -> Option<&'a Attribute> {
        self.parent
    }

    /// The sub-attribute of this name.
    pub fn child(self, name: &str) -> Option<Self> {
        Some(Self { leaf: self.leaf.sub(name)?, parent: Some(self.leaf) })
    }
}

impl Deref for AttributeRef<'_> {
    type Target = Attribute;

    fn deref(&self) -> &Attribute {
        self.leaf
    }
}

impl Default for SchemaSet {
    fn default() -> Self {
        Self::standard()
    }
}

impl SchemaSet {
    /// Core User, core Group and Enterprise User.
    pub fn standard() -> Self {
        Self::shared().clone()
    }

    /// The standard schemas, built once.
    pub(crate) fn shared() -> &'static Self {
        static STANDARD: LazyLock<SchemaSet> = LazyLock::new(|| SchemaSet {
            schemas: vec![standard::user(), standard::group(), standard::enterprise_user()],
            common: standard::common(),
        });
        &STANDARD
    }

    /// With one more schema; it takes the place of one with the same URN.
    #[must_use]
    pub fn with(mut self, schema: Schema) -> Self {
        match self.schemas.iter_mut().find(|known| urn::same(&known.id, &schema.id)) {
            Some(known) => *known = schema,
            None => self.schemas.push(schema),
        }
        self
    }

    /// All schemas in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Schema> {
        self.schemas.iter()
    }

    /// The schema with this URN; letter case and the SCIM 1.1 spelling do not count.
    pub fn get(&self, id: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| urn::same(&schema.id, id))
    }

    /// The attributes of all resources, which stand in no schema: `id`, `externalId`, `meta`, `schemas`.
    pub fn common(&self) -> &[Attribute] {
        &self.common
    }

    /// What the schemas say of the last name in a path.
    ///
    /// `None` for what no schema describes. Such an attribute is taken as a string without regard to letter case
    /// that may hold any JSON.
    pub fn resolve(&self, resource: Resource, path: &Path) -> Option<AttributeRef<'_>> {
        let top = match path.urn() {
            Some(urn) => find(&self.get(urn)?.attributes, path.attribute()),
            None => self.core(resource, path.attribute()),
        }?;
        match path.sub() {
            Some(sub) => AttributeRef::top(top).child(sub),
            None => Some(AttributeRef::top(top)),
        }
    }

    /// A path with its names spelled as in the schemas, for providers to whom letter case counts. What no schema
    /// describes stays as it is.
    #[must_use]
    pub fn spelled(&self, path: &Path) -> Path {
        let urn = path.urn().map(|urn| self.get(urn).map_or(urn, |schema| &schema.id));
        let top = self.resolve_any(&path.root());
        let attribute = top.map_or(path.attribute(), |known| &known.attribute().name);
        let sub = path.sub().map(|sub| {
            top.and_then(|top| top.attribute().sub(sub)).map_or(sub, |known| &known.name)
        });
        if (urn, attribute, sub) == (path.urn(), path.attribute(), path.sub()) {
            return path.clone();
        }
        Path::from_parts(Parts {
            urn: urn.map(Into::into),
            attribute: attribute.into(),
            filter: path.filter().cloned(),
            sub: sub.map(Into::into),
        })
    }

    /// As `resolve`, where it is not known whether the path is of a User or a Group: they do not disagree.
    pub(crate) fn resolve_any(&self, path: &Path) -> Option<AttributeRef<'_>> {
        Resource::ALL.into_iter().find_map(|resource| self.resolve(resource, path))
    }

    /// An attribute of the core schema, or one that all resources have.
    pub(crate) fn core(&self, resource: Resource, name: &str) -> Option<&Attribute> {
        self.get(resource.schema())
            .and_then(|schema| find(&schema.attributes, name))
            .or_else(|| find(&self.common, name))
    }
}
