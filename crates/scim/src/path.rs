//! Attribute paths (RFC 7644 §3.5.2): the names under which attributes are mapped, compared and written.
//! A path only names a place; `resource` walks it and `schema` knows its type.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::filter::Filter;
use crate::syntax;
pub use crate::syntax::SyntaxError as PathError;

/// A parsed attribute path: `[URN:]attribute[filter].sub`.
///
/// Names and URNs are equal, ordered and hashed without regard to letter case; a clone is cheap.
/// The order is: core attributes, then extensions by URN; then attribute, value filter, sub-attribute.
#[derive(Clone)]
pub struct Path(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) urn: Option<Box<str>>,
    pub(crate) attribute: Box<str>,
    pub(crate) filter: Option<Filter>,
    pub(crate) sub: Option<Box<str>>,
}

impl Path {
    /// Reads a path.
    ///
    /// The URNs of the core User and Group schemas are dropped. SCIM 1.1 names are taken as aliases of
    /// the 2.0 ones: `urn:scim:schemas:extension:enterprise:1.0.manager` is the manager of the Enterprise
    /// User extension; attribute names stay as given.
    ///
    /// # Errors
    /// Where the text leaves the grammar, with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        syntax::path(text)
    }

    pub(crate) fn from_parts(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// URN of the extension schema; `None` for the core schema.
    pub fn urn(&self) -> Option<&str> {
        self.0.urn.as_deref()
    }

    /// The attribute, spelled as given.
    pub fn attribute(&self) -> &str {
        &self.0.attribute
    }

    /// The value filter between brackets.
    pub fn filter(&self) -> Option<&Filter> {
        self.0.filter.as_ref()
    }

    /// The sub-attribute, spelled as given.
    pub fn sub(&self) -> Option<&str> {
        self.0.sub.as_deref()
    }

    /// The whole attribute: this path without value filter and sub-attribute.
    #[must_use]
    pub fn root(&self) -> Self {
        if self.filter().is_none() && self.sub().is_none() {
            return self.clone();
        }
        let Parts { urn, attribute, .. } = &*self.0;
        Self::from_parts(Parts {
            urn: urn.clone(),
            attribute: attribute.clone(),
            filter: None,
            sub: None,
        })
    }

    /// The same place, ending at the sub-attribute `sub`; `None` ends at the attribute or element.
    #[must_use]
    pub fn with_sub(&self, sub: Option<&str>) -> Self {
        let Parts { urn, attribute, filter, .. } = &*self.0;
        Self::from_parts(Parts {
            urn: urn.clone(),
            attribute: attribute.clone(),
            filter: filter.clone(),
            sub: sub.map(Into::into),
        })
    }

    /// Whether both paths lie in the same attribute of the same schema.
    pub fn same_root(&self, other: &Self) -> bool {
        folded(self.urn()).eq(folded(other.urn()))
            && self.attribute().eq_ignore_ascii_case(other.attribute())
    }

    fn compare(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.urn()
            .is_some()
            .cmp(&other.urn().is_some())
            .then_with(|| folded(self.urn()).cmp(folded(other.urn())))
            .then_with(|| folded(Some(self.attribute())).cmp(folded(Some(other.attribute()))))
            .then_with(|| self.filter().cmp(&other.filter()))
            .then_with(|| self.sub().is_some().cmp(&other.sub().is_some()))
            .then_with(|| folded(self.sub()).cmp(folded(other.sub())))
    }
}

/// Bytes without letter case; nothing for `None`.
fn folded(text: Option<&str>) -> impl Iterator<Item = u8> + '_ {
    text.unwrap_or_default().bytes().map(|b| b.to_ascii_lowercase())
}

impl fmt::Display for Path {
    /// The canonical text; parsing it gives an equal path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = self.urn() {
            write!(f, "{urn}:")?;
        }
        f.write_str(self.attribute())?;
        if let Some(filter) = self.filter() {
            write!(f, "[{filter}]")?;
        }
        if let Some(sub) = self.sub() {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({self})")
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl Eq for Path {}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for part in [self.urn(), Some(self.attribute()), self.sub()] {
            folded(part).for_each(|byte| state.write_u8(byte));
            // Ends the part, so that `ab`+`c` and `a`+`bc` differ.
            state.write_u8(0xff);
        }
        // The filter is left to equality: few paths differ only in it.
        self.filter().is_some().hash(state);
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text)
            .map_err(|error| serde::de::Error::custom(format_args!("path `{text}`: {error}")))
    }
}

#[cfg(test)]
mod tests;
