//! Digests: whether anything changed, without keeping what it was.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// What the derived keys are for, as BLAKE3 wants it: said once, for ever.
const FINGERPRINTS: &str = "peoplesync 2026-11-26 fingerprints of record keys";
const OLD_FINGERPRINTS: &str = "peoplesync 2026-11-21 fingerprints of record keys";
const DRAFTS: &str = "peoplesync 2026-11-26 digests of drafts";
const CHANCE: &str = "peoplesync 2026-11-26 random values of expressions";

/// The key of all digests of one installation, so that nobody can try out names or mail addresses against them, or write a
/// record whose change is not seen.
///
/// Drafts and keys are hashed with SipHash-1-3, which is made for short messages and takes a fraction of the time of BLAKE3.
/// Who writes the source neither knows the key nor sees a digest, which is all that it has to withstand.
#[derive(Clone)]
pub struct DigestKey {
    fingerprints: Fingerprints,
    drafts: SipHasher13,
    chance: [u8; 32],
}

/// How fingerprints are made.
#[derive(Clone)]
enum Fingerprints {
    Sip(SipHasher13),
    /// As in states of the first versions.
    Blake3([u8; 32]),
}

impl DigestKey {
    /// A key of 32 bytes that the caller derived from its secret.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self {
            fingerprints: Fingerprints::Sip(sip(FINGERPRINTS, &bytes)),
            drafts: sip(DRAFTS, &bytes),
            chance: blake3::derive_key(CHANCE, &bytes),
        }
    }

    /// The same for links whose fingerprints were made with BLAKE3, as they were at first.
    #[must_use]
    pub fn with_old_fingerprints(bytes: [u8; 32]) -> Self {
        let old = blake3::derive_key(OLD_FINGERPRINTS, &bytes);
        Self { fingerprints: Fingerprints::Blake3(old), ..Self::new(bytes) }
    }

    /// Random bytes without end for one use in one rule and one record: always the same ones.
    pub(crate) fn chance(&self, record: &str, rule: &str, place: usize) -> blake3::OutputReader {
        let mut hasher = blake3::Hasher::new_keyed(&self.chance);
        for part in [record, rule] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        hasher.update(&(place as u64).to_le_bytes()).finalize_xof()
    }

    /// The hash of a draft: which attributes it has, what their values are, and the texts of these. The first has always the
    /// same length and the second says where it ends, so two drafts are never the same bytes.
    pub(crate) fn draft(&self, layout: &[u8; 16], form: &[u8], texts: &[u8]) -> [u8; 16] {
        let mut hasher = self.drafts;
        hasher.write(layout);
        hasher.write(form);
        hasher.write(texts);
        hasher.finish128().as_bytes()
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

/// A record key for the link index: 12 bytes of a hash with a key. Among ten million records, two share one with a chance
/// of one in 10^15.
#[must_use]
pub fn fingerprint(key: &DigestKey, record_key: &str) -> [u8; 12] {
    match &key.fingerprints {
        Fingerprints::Sip(hasher) => {
            let mut hasher = *hasher;
            hasher.write(record_key.as_bytes());
            first(&hasher.finish128().as_bytes())
        }
        Fingerprints::Blake3(key) => cut(&blake3::keyed_hash(key, record_key.as_bytes())),
    }
}

/// A hasher whose key is derived for one use.
fn sip(what_for: &str, bytes: &[u8; 32]) -> SipHasher13 {
    SipHasher13::new_with_key(&first(&blake3::derive_key(what_for, bytes)))
}

/// The digest of a group: that of what its mapping wants, and its members, each as the number of its kind and the
/// fingerprint of its key, sorted.
#[must_use]
pub fn group_digest(
    key: &DigestKey,
    draft: [u8; 16],
    members: impl Iterator<Item = (u8, i64)>,
) -> [u8; 16] {
    let mut hasher = key.drafts;
    hasher.write(b"group");
    hasher.write(&draft);
    for (kind, print) in members {
        hasher.write(&[kind]);
        hasher.write(&print.to_le_bytes());
    }
    hasher.finish128().as_bytes()
}

/// The first bytes of a hash.
pub(crate) fn cut<const LENGTH: usize>(hash: &blake3::Hash) -> [u8; LENGTH] {
    first(hash.as_bytes())
}

fn first<const LENGTH: usize>(hash: &[u8]) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    for (byte, hashed) in bytes.iter_mut().zip(hash) {
        *byte = *hashed;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_depend_on_key_and_record() {
        let (one, other) = (DigestKey::new([1; 32]), DigestKey::new([2; 32]));
        assert_eq!(fingerprint(&one, "7"), fingerprint(&one, "7"));
        assert_ne!(fingerprint(&one, "7"), fingerprint(&one, "8"));
        assert_ne!(fingerprint(&one, "7"), fingerprint(&other, "7"));
        assert_eq!(format!("{one:?}"), "DigestKey(…)");
    }

    #[test]
    fn links_of_the_first_versions_keep_their_fingerprints() {
        let old = DigestKey::with_old_fingerprints([1; 32]);
        let hex: String = fingerprint(&old, "7").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "440d394381e882e96e1a233b");
        assert_ne!(fingerprint(&old, "7"), fingerprint(&DigestKey::new([1; 32]), "7"));
        let draft = |key: &DigestKey| key.draft(&[0; 16], b"", b"Zo\xc3\xab");
        assert_eq!(draft(&old), draft(&DigestKey::new([1; 32])));
    }
}
