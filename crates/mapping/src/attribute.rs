//! A compiled rule.

use peoplesync_scim::Path;

use crate::expr::Expr;
use crate::expr::code::Code;
use crate::spec::{OnEmpty, When};
use crate::target::Target;

/// The rule for one attribute, compiled.
#[derive(Debug, Clone)]
pub struct Attribute {
    pub(crate) path: Path,
    pub(crate) key: String,
    pub(crate) target: Target,
    pub(crate) on_empty: OnEmpty,
    pub(crate) when: When,
    pub(crate) source: Compiled,
}

/// An expression in all its forms.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub(crate) text: String,
    pub(crate) expr: Expr,
    pub(crate) code: Code,
}

impl Attribute {
    /// The attribute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it is written.
    #[must_use]
    pub fn when(&self) -> When {
        self.when
    }

    /// What happens if there is no value.
    #[must_use]
    pub fn on_empty(&self) -> OnEmpty {
        self.on_empty
    }

    /// Whether its value is a key in the same source, to be written as the id of that key's resource.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        self.target.reference
    }

    /// The expression as the config has it.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.source.text
    }

    /// The key in the config: `people.attributes.title`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}
