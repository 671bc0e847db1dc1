//! Cargo.toml as text, for what `cargo metadata` does not tell: whether a line says `workspace = true`.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The dependencies of a manifest by name, of all kinds and targets: whether each is inherited from the workspace.
pub(crate) fn dependencies(manifest: &Table) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    collect(manifest, &mut found);
    if let Some(Value::Table(targets)) = manifest.get("target") {
        for target in targets.values().filter_map(Value::as_table) {
            collect(target, &mut found);
        }
    }
    found
}

/// The names in `[workspace.dependencies]`.
pub(crate) fn workspace_dependencies(root: &Table) -> Vec<String> {
    let table = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    table.and_then(Value::as_table).map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

fn collect(table: &Table, found: &mut BTreeMap<String, bool>) {
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (name, value) in table.get(kind).and_then(Value::as_table).into_iter().flatten() {
            let inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
            *found.entry(name.clone()).or_insert(true) &= inherited;
        }
    }
}
