//! Pages that are written from code: docs/functions.md from the table of functions.

use std::path::Path;

use crate::shell::{Result, capture, cargo, say};

/// Writes the pages anew. A test of the mapping fails where one is stale.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut functions = cargo(root);
    functions.args(["run", "--quiet", "--package", "peoplesync-mapping", "--example", "reference"]);
    let text = capture(&mut functions)?;
    let file = root.join("docs/functions.md");
    std::fs::write(&file, text)
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    say("wrote docs/functions.md");
    Ok(())
}
