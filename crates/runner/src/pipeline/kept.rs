//! What earlier runs have learned of what the target keeps otherwise than it was written.

use std::sync::Arc;

use peoplesync_mapping::DigestKey;
use peoplesync_reconcile::{Digest, Kept};
use peoplesync_scim::{Path, Resource};
use peoplesync_state::State;

use super::digest::print_of;
use crate::failure::Outcome;

/// Everything that is known of a kind of resource.
pub(crate) fn load(resource: Resource, state: &State, key: &DigestKey) -> Outcome<Kept> {
    let key = key.clone();
    let mut kept = Kept::new(Arc::new(move |path: &Path, value: Option<&serde_json::Value>| {
        // No key of a person begins like this, so the hashes of keys and of values do not meet.
        let value = value.map(ToString::to_string).unwrap_or_default();
        Digest(print_of(&key, &format!("\u{1}kept\u{1}{path}\u{1}{value}")).0)
    }));
    state.kept(resource, |note| {
        // A path that no longer parses was written by another program; it is not of this config.
        if let Ok(path) = Path::parse(&note.path) {
            kept.know(&note.id, path, note.wanted, note.found);
        }
    })?;
    Ok(kept)
}
