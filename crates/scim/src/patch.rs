//! Applies a PATCH to a resource.
use serde_json::Value as Json;
use crate::error::ScimError;
use crate::schema::{Resource, SchemaSet};
/// Applies.
///
/// # Errors
/// As RFC.
pub fn apply(resource: &mut Json, patch: &Json, schemas: &SchemaSet, kind: Resource) -> Result<bool, ScimError> { let _ = (resource, patch, schemas, kind); Err(ScimError::new(501, "", "patch")) }
