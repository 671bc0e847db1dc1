//! What earlier runs have learned of what the target keeps otherwise than it was written.

use std::fmt::Write as _;
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
        Digest(print_of(&key, &text_of(path, value)).0)
    }));
    state.kept(resource, |note| {
        // A path that no longer parses was written by another program; it is not of this config.
        if let Ok(path) = Path::parse(&note.path) {
            kept.know(&note.id, path, note.wanted, note.found);
        }
    })?;
    Ok(kept)
}

/// What is hashed of a value at a path. It is made of every attribute of every new account.
fn text_of(path: &Path, value: Option<&serde_json::Value>) -> String {
    // No key of a person begins like this, so the hashes of keys and of values do not meet.
    let mut text = String::with_capacity(96);
    text.push_str("\u{1}kept\u{1}");
    let written = write!(text, "{path}\u{1}").and_then(|()| match value {
        None => Ok(()),
        // As JSON has it, where nothing has to be escaped.
        Some(serde_json::Value::String(plain)) if is_plain(plain) => {
            text.push('"');
            text.push_str(plain);
            text.push('"');
            Ok(())
        }
        Some(value) => write!(text, "{value}"),
    });
    debug_assert!(written.is_ok(), "a text takes everything");
    text
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_hashed_as_json_has_it() {
        let path = Path::parse("emails[type eq \"work\"].value").unwrap();
        for text in ["Zoë", "", "a\"b", "a\\b", "a\nb", "\u{7f}", "😀"] {
            let value = serde_json::Value::from(text);
            let shown = format!("\u{1}kept\u{1}{path}\u{1}{value}");
            assert_eq!(text_of(&path, Some(&value)), shown);
        }
        assert_eq!(text_of(&path, None), format!("\u{1}kept\u{1}{path}\u{1}"));
    }
}
