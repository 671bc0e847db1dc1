//! The field names of a batch, shared by all its records.

use std::fmt;
use std::sync::Arc;

use crate::batch::Spares;

/// An ordered list of field names. Cloning shares it; two clones are [the same](Self::is_same) list, so that a reader can
/// bind names to positions once for a whole pass.
///
/// With it the batches of a pass share their memory: what one has left, the next begins with.
#[derive(Clone)]
pub struct Fields(Arc<Shared>);

struct Shared {
    names: Box<[Box<str>]>,
    spares: Spares,
}

impl Fields {
    /// A list of these names, in this order.
    pub fn new<I, S>(names: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<Box<str>>,
    {
        let names = names.into_iter().map(Into::into).collect();
        Self(Arc::new(Shared { names, spares: Spares::default() }))
    }

    /// How many fields a record has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.names.is_empty()
    }

    /// The position of a name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.names.iter().position(|field| **field == *name)
    }

    /// The name at a position.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        self.0.names.get(index).map(AsRef::as_ref)
    }

    /// All names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.names.iter().map(AsRef::as_ref)
    }

    /// Whether both are clones of one list: a comparison of addresses, not of names.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The memory that batches with these fields have left.
    pub(crate) fn spares(&self) -> &Spares {
        &self.0.spares
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.0.names == other.0.names
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fields").field(&self.0.names).finish()
    }
}
