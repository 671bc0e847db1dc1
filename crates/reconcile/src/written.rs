//! What was last written to an account, attribute by attribute, so that what others changed there is told from what the source
//! changed, also where both happened to one person.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Keyed hashes of what was wanted at each path when the account was written or compared last; no values. Four bytes each: they
/// have to tell a few dozen apart, and one in four thousand million looks like drift that is none.
///
/// Nothing is known of attributes that are written at creation only, of references to nobody, and of links of the versions before
/// there were these hashes: whatever differs there is the source's, as long as the digest of the whole person does not say better.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written(Box<[u32]>);

impl Written {
    /// Of these hashes, in whatever order.
    #[must_use]
    pub fn new(mut hashes: Vec<u32>) -> Self {
        hashes.sort_unstable();
        Self(hashes.into_boxed_slice())
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this was written.
    #[must_use]
    pub fn has(&self, hash: u32) -> bool {
        self.0.binary_search(&hash).is_ok()
    }

    /// As the state keeps it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.to_be_bytes()).collect()
    }

    /// From what the state has; what is left over of four bytes says nothing.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::new(bytes.as_chunks().0.iter().map(|chunk| u32::from_be_bytes(*chunk)).collect())
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(self.0.len() * 8);
        for hash in &self.0 {
            write!(text, "{hash:08x}").map_err(serde::ser::Error::custom)?;
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong =
            || de::Error::custom("what was written is eight hexadecimal digits an attribute");
        let (digits, []) = text.as_bytes().as_chunks::<8>() else { return Err(wrong()) };
        let hash = |digits: &[u8; 8]| {
            let digits = std::str::from_utf8(digits).ok()?;
            u32::from_str_radix(digits, 16).ok()
        };
        digits.iter().map(hash).collect::<Option<Vec<u32>>>().map(Self::new).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_comes_back_from_bytes_and_from_a_saved_plan() {
        let written = Written::new(vec![u32::MAX, 0, 7]);
        assert_eq!(Written::from_bytes(&written.to_bytes()), written);
        assert_eq!(Written::from_bytes(&written.to_bytes()[..11]), Written::new(vec![0, 7]));
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(text, "\"0000000000000007ffffffff\"");
        assert_eq!(serde_json::from_str::<Written>(&text).unwrap(), written);
        for wrong in ["\"123\"", "\"0000000g\"", "\"0000000é\"", "7"] {
            assert!(serde_json::from_str::<Written>(wrong).is_err(), "{wrong}");
        }
        assert!(written.has(7) && !written.has(8) && !Written::default().has(0));
    }
}
