//! Which schemas this service provider knows, and which resources they extend.
//! What their attributes mean is for others to say.

use peoplesync_scim::schema::{Attribute, Returned, Schema};
use peoplesync_scim::{Resource, SchemaSet, urn};

use crate::Error;

/// Extensions that are known from the start. They are data: which ones they are, nobody asks.
const EMBEDDED: &str = include_str!("../schemas/extensions.json");

/// The schemas of RFC 7643 and the embedded extensions.
pub(crate) fn embedded() -> SchemaSet {
    let extensions: Vec<Schema> =
        serde_json::from_str(EMBEDDED).expect("the embedded schemas are read by a test");
    extensions.into_iter().fold(SchemaSet::standard(), SchemaSet::with)
}

/// Reads one schema or a list of schemas, as in the answer of `/Schemas`.
pub(crate) fn parse(text: &str) -> Result<Vec<Schema>, Error> {
    let wrong = |error| Error::new("not a SCIM schema").because(error);
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(wrong);
    }
    serde_json::from_str(text).map(|schema| vec![schema]).map_err(wrong)
}

/// Whether a schema extends this resource type: its URN ends with the name of the type, or with none.
pub(crate) fn extends(schema: &Schema, resource: Resource) -> bool {
    let core = Resource::ALL.iter().any(|resource| urn::same(resource.schema(), &schema.id));
    let last = schema.id.rsplit(':').next().unwrap_or_default();
    let of = Resource::ALL.into_iter().find(|resource| resource.name().eq_ignore_ascii_case(last));
    !core && of.is_none_or(|of| of == resource)
}

/// The extensions of a resource type.
pub(crate) fn extensions(schemas: &SchemaSet, resource: Resource) -> impl Iterator<Item = &Schema> {
    schemas.iter().filter(move |schema| extends(schema, resource))
}

/// The attributes at the top of a resource: those of its core schema and those of all resources.
pub(crate) fn top(schemas: &SchemaSet, resource: Resource) -> impl Iterator<Item = &Attribute> {
    let core = schemas.get(resource.schema()).into_iter().flat_map(|schema| &schema.attributes);
    core.chain(schemas.common())
}

/// Whether some attribute is part of an answer only when it is asked for.
pub(crate) fn on_request(schemas: &SchemaSet) -> bool {
    let mut all = schemas.iter().flat_map(|schema| &schema.attributes);
    all.any(|attribute| attribute.returned == Returned::Request)
}
