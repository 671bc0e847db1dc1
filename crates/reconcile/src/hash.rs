//! The name of a plan: a hash over everything in it, so that what is applied is what was approved.

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::Plan;

impl Plan {
    /// Names the plan by its content. To be called again after anything in it was changed.
    #[must_use]
    pub fn seal(mut self) -> Self {
        self.plan = self.content_hash();
        self
    }

    /// Whether the name is that of the content: nothing was changed since the plan was sealed.
    #[must_use]
    pub fn verify_hash(&self) -> bool {
        self.plan == self.content_hash()
    }

    /// SHA-256 of the canonical JSON (members sorted by name, no white space) of everything but the hash itself.
    fn content_hash(&self) -> String {
        // A new field of a plan must not be forgotten here: the compiler asks for it.
        let Self {
            plan: _,
            coverage,
            groups_coverage,
            summary,
            refused,
            changes,
            rejected,
            warnings,
            bookkeeping,
            group_bookkeeping,
        } = self;
        let mut hasher = Sha256::new();
        hasher.update(b"{\"bookkeeping\":");
        list(&mut hasher, bookkeeping);
        hasher.update(b",\"changes\":");
        list(&mut hasher, changes);
        hasher.update(b",\"coverage\":");
        member(&mut hasher, coverage);
        hasher.update(b",\"group_bookkeeping\":");
        list(&mut hasher, group_bookkeeping);
        hasher.update(b",\"groups_coverage\":");
        member(&mut hasher, groups_coverage);
        hasher.update(b",\"refused\":");
        list(&mut hasher, refused);
        hasher.update(b",\"rejected\":");
        list(&mut hasher, rejected);
        hasher.update(b",\"summary\":");
        member(&mut hasher, summary);
        hasher.update(b",\"warnings\":");
        list(&mut hasher, warnings);
        hasher.update(b"}");
        let mut name = String::from("sha256:");
        for byte in hasher.finalize() {
            for digit in [byte >> 4, byte & 15] {
                name.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        name
    }
}

/// One element after the other, so that a large plan is never held twice.
fn list<T: Serialize>(hasher: &mut Sha256, elements: &[T]) {
    let mut text = Vec::new();
    let mut separator = b'[';
    for element in elements {
        text.push(separator);
        canonical(&mut text, &json(element));
        hasher.update(&text);
        text.clear();
        separator = b',';
    }
    hasher.update(if elements.is_empty() { b"[]".as_slice() } else { b"]" });
}

fn member<T: Serialize + ?Sized>(hasher: &mut Sha256, value: &T) {
    let mut text = Vec::new();
    canonical(&mut text, &json(value));
    hasher.update(text);
}

fn json<T: Serialize + ?Sized>(value: &T) -> Json {
    serde_json::to_value(value).expect("plans hold strings, numbers and JSON only")
}

fn canonical(text: &mut Vec<u8>, value: &Json) {
    match value {
        Json::Array(elements) => {
            text.push(b'[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                canonical(text, element);
            }
            text.push(b']');
        }
        Json::Object(members) => {
            // Sorted here as well: a feature of serde_json, switched on anywhere, would keep them as inserted.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push(b'{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                scalar(text, name);
                text.push(b':');
                canonical(text, value);
            }
            text.push(b'}');
        }
        value => scalar(text, value),
    }
}

fn scalar<T: Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).expect("memory takes whatever is written");
}

#[cfg(test)]
mod tests;
