//! The field names of a batch, shared by all its records.

use std::sync::Arc;

/// An ordered list of field names. Cloning shares it; two clones are [the same](Self::is_same) list, so that a reader can
/// bind names to positions once for a whole pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Arc<[Box<str>]>);

impl Fields {
    /// A list of these names, in this order.
    pub fn new<I, S>(names: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<Box<str>>,
    {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// How many fields a record has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The position of a name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|field| **field == *name)
    }

    /// The name at a position.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(AsRef::as_ref)
    }

    /// All names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Whether both are clones of one list: a comparison of addresses, not of names.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
