//! A compiled rule.

use peoplesync_scim::Path;

use crate::error::{Key, MapError};
use crate::expr::Expr;
use crate::expr::code::Code;
use crate::spec::{OnEmpty, When};
use crate::target::Target;

/// The rule for one attribute, compiled.
#[derive(Debug, Clone)]
pub struct Attribute {
    pub(crate) path: Path,
    pub(crate) key: Key,
    pub(crate) target: Target,
    pub(crate) on_empty: OnEmpty,
    pub(crate) when: When,
    /// Whether no resource can be without it (RFC 7643 §2.2, `required`).
    pub(crate) required: bool,
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

    /// Why a record has no value for an attribute that is required.
    pub(crate) fn missing(&self) -> MapError {
        let mut fields = Vec::new();
        self.source.expr.each_field(&mut |name, _| {
            if !fields.contains(&name) {
                fields.push(name);
            }
        });
        let field = match fields.as_slice() {
            [only] => Some((*only).to_owned()),
            _ => None,
        };
        let reason = "is empty, and no account can be without it".to_owned();
        MapError { path: Some(self.path.clone()), field, reason }
    }

    /// The key in the config: `people.attributes.title`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key.text
    }
}
