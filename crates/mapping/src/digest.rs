//! Digests: whether anything changed, without keeping what it was.

use std::fmt;

/// What the derived keys are for, as BLAKE3 wants it: said once, for ever.
const FINGERPRINTS: &str = "peoplesync 2026-11-21 fingerprints of record keys";
const DRAFTS: &str = "peoplesync 2026-11-21 digests of drafts";
const CHANCE: &str = "peoplesync 2026-11-26 random values of expressions";

/// The key of all digests of one installation, so that nobody can try out names or mail addresses against them.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestKey {
    fingerprints: [u8; 32],
    drafts: [u8; 32],
    chance: [u8; 32],
}

impl DigestKey {
    /// A key of 32 bytes that the caller derived from its secret.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self {
            fingerprints: blake3::derive_key(FINGERPRINTS, &bytes),
            drafts: blake3::derive_key(DRAFTS, &bytes),
            chance: blake3::derive_key(CHANCE, &bytes),
        }
    }

    /// Random bytes without end for one use in one rule and one record: always the same ones.
    pub(crate) fn chance(&self, record: &str, rule: &str, place: usize) -> blake3::OutputReader {
        let mut hasher = blake3::Hasher::new_keyed(&self.chance);
        for part in [record, rule] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        hasher.update(&(place as u64).to_le_bytes()).finalize_xof()
    }

    /// The hash of an encoded draft.
    pub(crate) fn draft(&self, encoded: &[u8]) -> [u8; 16] {
        cut(&blake3::keyed_hash(&self.drafts, encoded))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

/// A record key for the link index: 12 bytes of BLAKE3 with a key. Among ten million records, two share one with a chance
/// of one in 10^15.
#[must_use]
pub fn fingerprint(key: &DigestKey, record_key: &str) -> [u8; 12] {
    cut(&blake3::keyed_hash(&key.fingerprints, record_key.as_bytes()))
}

/// The first bytes of a hash.
pub(crate) fn cut<const LENGTH: usize>(hash: &blake3::Hash) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    for (byte, hashed) in bytes.iter_mut().zip(hash.as_bytes()) {
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
}
