//! What the config says of a mapping, before it is compiled.

use peoplesync_source::FieldTypes;

use crate::lookup::Lookups;

/// The rules for one kind of resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spec {
    /// The expression that says who is provisioned; none or blank: everybody.
    pub scope: Option<String>,
    /// The managed attributes, in any order.
    pub attributes: Vec<AttributeSpec>,
    /// The expression for the key of a person's manager, for functions that ask about managers; none: the one reference among
    /// the attributes.
    pub manager: Option<String>,
    /// The tables for `Lookup`.
    pub lookups: Lookups,
    /// What `DefaultDomain()` gives.
    pub domain: Option<String>,
    /// What the fields of the source hold, as far as that is known. It decides what is refused, and never what comes of a record.
    pub types: FieldTypes,
}

/// The rule for one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeSpec {
    /// The SCIM path, as the config has it.
    pub path: String,
    /// Where its value comes from.
    pub rule: Rule,
    /// What happens if there is no value.
    pub on_empty: OnEmpty,
    /// When it is written.
    pub when: When,
}

impl AttributeSpec {
    /// A value that is always written and left alone where it is empty.
    pub fn value(path: impl Into<String>, expression: impl Into<String>) -> Self {
        let rule = Rule::Value(expression.into());
        Self { path: path.into(), rule, on_empty: OnEmpty::default(), when: When::default() }
    }

    /// A reference that is always written and left alone where it is empty.
    pub fn reference(path: impl Into<String>, expression: impl Into<String>) -> Self {
        let rule = Rule::Reference(expression.into());
        Self { path: path.into(), rule, on_empty: OnEmpty::default(), when: When::default() }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The value of the expression.
    Value(String),
    /// The id of the resource whose key in the same source is the text of the expression.
    Reference(String),
    /// A list of objects, such as `emails`. The order means nothing.
    Elements(Vec<ElementSpec>),
}

/// One element of a list of objects, or one for each of several values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ElementSpec {
    /// Where the config has it, below the key of the attribute: `["0"]` for the first of a list.
    pub place: Vec<String>,
    /// Whether `value` has several values, each of which becomes an element. Otherwise the first one counts.
    pub each: bool,
    /// The sub-attributes, each with where its value comes from. An element without `value` is left out; one that has no
    /// such part is left out if all its expressions are empty.
    pub parts: Vec<PartSpec>,
}

/// One sub-attribute of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSpec {
    /// Its name.
    pub name: String,
    /// What the config calls it, where that differs: `values`.
    pub setting: Option<String>,
    /// Where its value comes from.
    pub source: PartSource,
}

/// Where the value of a part comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartSource {
    /// The value of the expression.
    Expression(String),
    /// This text.
    Text(String),
    /// This flag.
    Flag(bool),
}

/// What happens to an attribute for which there is no value: null, an empty text, no values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnEmpty {
    /// What the target has stays.
    #[default]
    Leave,
    /// The target shall have none.
    Clear,
}

/// When an attribute is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// Whenever it differs.
    #[default]
    Always,
    /// When the resource is created; afterwards it belongs to the target.
    Create,
}
