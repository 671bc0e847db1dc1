//! An attribute that the target refuses, and the rest of the person, which is written without it.

use std::borrow::Cow;

use peoplesync_scim::Path;
use peoplesync_scim::client::{ClientError, Kind};
use peoplesync_scim::desired::Difference;

use super::sent::error_line;

/// So many attributes of one person may be refused before the person is.
const MOST_REFUSED: usize = 3;

/// What of a change is left out.
#[derive(Debug, Default)]
pub(super) struct Partly {
    refused: Vec<(Path, String)>,
}

impl Partly {
    /// What is still to be written.
    pub(super) fn left<'d>(&self, wanted: &'d [Difference]) -> Cow<'d, [Difference]> {
        if self.refused.is_empty() {
            return Cow::Borrowed(wanted);
        }
        let is_left = |difference: &&Difference| {
            !self.refused.iter().any(|(path, _)| path.same_root(&difference.path))
        };
        Cow::Owned(wanted.iter().filter(is_left).cloned().collect())
    }

    pub(super) fn is_used(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Leaves out the one attribute that a refusal names, if the rest is worth another request; whether there is one.
    ///
    /// A refusal that names none, or several, is left as it is: what to leave out would be a guess.
    pub(super) fn leave_out(
        &mut self,
        left: &[Difference],
        error: &ClientError,
        is_needed: impl Fn(&Path) -> bool,
    ) -> bool {
        // A 403 may be about the credentials, or about what they may not write.
        let is_about_content = matches!(error.kind, Kind::Refused | Kind::Denied)
            && matches!(error.status, Some(400 | 403 | 422))
            && !error.ambiguous
            && !error.is_unsupported();
        if !is_about_content || self.refused.len() == MOST_REFUSED {
            return false;
        }
        let text = error.message.to_lowercase();
        let mut named: Vec<Path> = Vec::new();
        for Difference { path, .. } in left {
            let is_known = named.iter().any(|known| known.same_root(path));
            if !is_known && !is_needed(path) && is_named(path, &text) {
                named.push(path.root());
            }
        }
        let [path] = named.as_slice() else { return false };
        if left.iter().all(|difference| difference.path.same_root(path)) {
            return false;
        }
        self.refused.push((path.clone(), error_line(error)));
        true
    }

    /// What to tell of it.
    pub(super) fn told(&self) -> Option<String> {
        let parts = self.refused.iter().map(|(path, error)| format!("{path} not set: {error}"));
        self.is_used().then(|| parts.collect::<Vec<_>>().join("; "))
    }
}

/// Whether an error names the attribute or the part of it that is written, as a word of its own.
fn is_named(path: &Path, text: &str) -> bool {
    let names = [Some(path.attribute()), path.sub().filter(|sub| *sub != "value")];
    names.into_iter().flatten().any(|name| {
        let name = name.to_lowercase();
        text.match_indices(&name).any(|(at, found)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text.get(at + found.len()..).and_then(|text| text.chars().next());
            let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
            !is_letter(before) && !is_letter(after)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_named_as_a_word_of_its_own() {
        let named =
            |path: &str, text: &str| is_named(&Path::parse(path).unwrap(), &text.to_lowercase());
        assert!(named("title", "attribute `title` is too long"));
        assert!(named("title", "Title: invalid"));
        assert!(!named("title", "the subtitle is too long"));
        assert!(!named("title", "titles"));
        assert!(named("name.givenName", "givenName must not hold digits"));
        assert!(named("name.givenName", "name.givenName: no"));
        assert!(!named("emails[type eq \"work\"].value", "invalid value"));
        assert!(named("emails[type eq \"work\"].value", "Invalid emails"));
    }
}
