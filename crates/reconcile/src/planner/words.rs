//! How reasons and warnings name things.

use peoplesync_scim::path::Path;

use serde_json::Value as Json;

use crate::{AttributeChange, Bookkeeping, Managed, MemberChanges, Observed, REDACTED};

/// A path without its URN, as people call the attribute: `department`, `emails[type eq "work"].value`.
pub(super) fn short(path: &Path) -> String {
    let text = path.to_string();
    match path.urn() {
        Some(urn) => text.get(urn.len() + 1..).unwrap_or_default().to_owned(),
        None => text,
    }
}

/// Why a linked account or group is written: what differs, and which of it others changed.
pub(super) fn differing(attributes: &[AttributeChange], members: &MemberChanges) -> String {
    let part = |drift: bool, one: &str, many: &str| {
        let of_this =
            if drift { members.drift } else { members.len().saturating_sub(members.drift) };
        let members = (of_this > 0).then(|| "members".to_owned());
        let of: Vec<String> = attributes
            .iter()
            .filter(|attribute| attribute.drift == drift)
            .map(|attribute| short(&attribute.path))
            .chain(members)
            .collect();
        let verb = match of.as_slice() {
            [name] if name != "members" => one,
            _ => many,
        };
        (!of.is_empty()).then(|| format!("{} {verb}", list(of.into_iter())))
    };
    let drift = part(true, "was changed at the target", "were changed at the target");
    let parts = [part(false, "differs", "differ"), drift];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A value, if it may be shown.
pub(super) fn value(managed: &Managed, path: &Path, value: &Json) -> String {
    if managed.is_redacted(path) { REDACTED.to_owned() } else { value.to_string() }
}

/// An account by id and name: `2819c223 (zoe@example.com)`.
pub(super) fn account(account: &Observed) -> String {
    if account.name == account.id {
        return account.id.clone();
    }
    format!("{} ({})", account.id, account.name)
}

/// "a", "a and b", "a, b and c", "a, b, c and 2 more".
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 3;
    let mut items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(SHOWN);
    if more > 0 {
        items.truncate(SHOWN);
        items.push(format!("{more} more"));
    }
    match items.pop() {
        Some(last) if !items.is_empty() => format!("{} and {last}", items.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// "a", "a or b", "a, b or c".
pub(super) fn choice(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = items.collect();
    match items.pop() {
        Some(last) if !items.is_empty() => format!("{} or {last}", items.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// "1 record", "2 records".
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Whom an entry of the bookkeeping is about.
pub(super) fn key_of(entry: &Bookkeeping) -> &str {
    match entry {
        Bookkeeping::Same { key, .. }
        | Bookkeeping::Absent { key }
        | Bookkeeping::Present { key }
        | Bookkeeping::Inactive { key }
        | Bookkeeping::Gone { key } => key,
    }
}
