//! A compiled rule.

use peoplesync_scim::Path;

use crate::elements::Element;
use crate::error::{Key, MapError};
use crate::expr::code::{Code, Op};
use crate::expr::{Expr, Node, Span, Value};
use crate::functions::Ask;
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
    /// For a list of elements nothing that could be evaluated: its text is what people read of the rule.
    pub(crate) source: Compiled,
    /// What the list is made of, if it is one of elements.
    pub(crate) elements: Vec<Element>,
    /// The slots before this one that may not be `true` together with it.
    pub(crate) rivals: Vec<usize>,
}

/// An expression in all its forms.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub(crate) text: String,
    pub(crate) expr: Expr,
    pub(crate) code: Code,
}

impl Compiled {
    /// Whether it makes proposals, of which one is chosen.
    pub(crate) fn is_choice(&self) -> bool {
        matches!(&self.code.op, Op::Call { function, .. } if function.asks == Ask::Taken)
    }

    /// What has no value.
    pub(crate) fn nothing(text: String) -> Self {
        let span = Span::default();
        let code = Code { op: Op::Constant(Value::Null), span };
        Self { text, expr: Expr { node: Node::Null, span }, code }
    }
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

    /// Whether its value is chosen when a resource is created: the first proposal that no other has.
    #[must_use]
    pub fn is_choice(&self) -> bool {
        self.source.is_choice()
    }

    /// The expression as the config has it; for a list of elements all of them, in words.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.source.text
    }

    /// Whether the rule asks, by `Redact`, that its values are shown nowhere.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        let mut found = false;
        for (_, source) in self.sources() {
            source.expr.each(&mut |expr| {
                found |= matches!(&expr.node, Node::Call { name, .. } if *name.text == *"Redact");
            });
        }
        found
    }

    /// All expressions of the rule, each with its key.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&Key, &Compiled)> {
        let whole = self.elements.is_empty().then_some((&self.key, &self.source));
        let parts = self.elements.iter().flat_map(|element| &element.parts);
        whole.into_iter().chain(parts.map(|part| (&part.key, &part.source)))
    }

    /// Why a record has no value for an attribute that is required.
    pub(crate) fn missing(&self) -> MapError {
        let mut fields = Vec::new();
        for (_, source) in self.sources() {
            source.expr.each_field(&mut |name, _| {
                if !fields.contains(&name) {
                    fields.push(name);
                }
            });
        }
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
