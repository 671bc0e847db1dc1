//! Filters (RFC 7644 §3.4.2.2): building, parsing, writing and evaluating them.
//! Sending them is the client's business; a provider may understand less than this.

mod matches;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value as Json};

use crate::error::ScimError;
use crate::path::Path;
use crate::schema::{AttributeRef, Resource, SchemaSet};
use crate::syntax;
pub use crate::syntax::SyntaxError as FilterError;

/// A filter expression.
///
/// Equality and order do not regard letter case in attribute names. `And` and `Or` hold two or more terms.
#[derive(Debug, Clone)]
pub enum Filter {
    /// `title pr`: has a value.
    Present(Path),
    /// `userName eq "ada"`.
    Compare {
        /// The attribute that is compared.
        path: Path,
        /// How it is compared.
        op: Op,
        /// With what: a string, number, boolean or null.
        value: Json,
    },
    /// `emails[type eq "work"]`: some element satisfies the value filter of the path.
    ValuePath(Path),
    /// All of them.
    And(Vec<Filter>),
    /// At least one of them.
    Or(Vec<Filter>),
    /// `not (…)`.
    Not(Box<Filter>),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `eq`: equal.
    Eq,
    /// `ne`: not equal; also true where there is no value.
    Ne,
    /// `co`: contains.
    Co,
    /// `sw`: starts with.
    Sw,
    /// `ew`: ends with.
    Ew,
    /// `gt`: greater, later, or after in alphabetical order.
    Gt,
    /// `ge`: as `gt`, or equal.
    Ge,
    /// `lt`: smaller, earlier, or before in alphabetical order.
    Lt,
    /// `le`: as `lt`, or equal.
    Le,
}

impl Op {
    const ALL: [Self; 9] =
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The name as written in a filter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name().eq_ignore_ascii_case(name))
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// Where the text leaves the grammar, is longer than 64 KiB or nested deeper than 40 levels.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        syntax::filter(text)
    }

    /// `path eq value`.
    pub fn eq(path: Path, value: impl Into<Json>) -> Self {
        Self::Compare { path, op: Op::Eq, value: value.into() }
    }

    /// Both this and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::And(mut terms) => {
                terms.push(other);
                Self::And(terms)
            }
            first => Self::And(vec![first, other]),
        }
    }

    /// This or `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Or(mut terms) => {
                terms.push(other);
                Self::Or(terms)
            }
            first => Self::Or(vec![first, other]),
        }
    }

    /// Everything that this filter leaves out.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "`!filter` would hide that a filter is built"
    )]
    pub fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Whether a resource satisfies the filter.
    ///
    /// - Attribute names are compared without letter case, values by `caseExact` of their attribute,
    ///   dates as instants; attributes that no schema describes are compared without letter case.
    /// - A multi-valued attribute matches if one of its values does; its default sub-attribute is `value`.
    /// - `eq null` means "has no value", as missing, null and an empty list are the same (RFC 7643 §2.5).
    /// - Order of booleans and binary values is undefined: such a comparison is false.
    pub fn matches(&self, resource: &Json, schemas: &SchemaSet) -> bool {
        matches::resource(self, resource, schemas)
    }

    /// Whether a service provider can evaluate the filter (RFC 7644 §3.4.2.2). Attributes that no schema describes are no
    /// error: they have no value.
    ///
    /// # Errors
    /// `invalidFilter`: booleans and binary values have no order; `co`, `sw` and `ew` are for text.
    pub fn check(&self, resource: Resource, schemas: &SchemaSet) -> Result<(), ScimError> {
        matches::check(self, &|path| schemas.resolve(resource, path))
    }

    /// Whether one element of a multi-valued attribute satisfies this value filter. Without a schema:
    /// strings are compared without letter case.
    pub(crate) fn matches_element(&self, element: &Json) -> bool {
        matches::element(self, element)
    }

    /// As `matches_element`, by the schema of the attribute.
    pub(crate) fn matches_element_of(&self, element: &Json, attribute: AttributeRef<'_>) -> bool {
        matches::element_of(self, element, attribute)
    }

    /// Shows every path in the filter to `visit`, in the order of the text; not those inside of value filters.
    pub fn visit_paths(&self, visit: &mut dyn FnMut(&Path)) {
        match self {
            Self::Present(path) | Self::ValuePath(path) | Self::Compare { path, .. } => visit(path),
            Self::And(terms) | Self::Or(terms) => {
                terms.iter().for_each(|term| term.visit_paths(visit));
            }
            Self::Not(inner) => inner.visit_paths(visit),
        }
    }

    /// The sub-attributes that a new element must have so that it satisfies this value filter;
    /// `None` if the filter is more than `eq` comparisons joined with `and`.
    pub(crate) fn template(&self) -> Option<Map<String, Json>> {
        let terms = match self {
            Self::And(terms) => terms.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut template = Map::new();
        for term in terms {
            match term {
                Self::Compare { path, op: Op::Eq, value }
                    if path.urn().is_none() && path.sub().is_none() && !value.is_null() =>
                {
                    template.insert(path.attribute().to_owned(), value.clone());
                }
                _ => return None,
            }
        }
        Some(template)
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Present(a), Self::Present(b)) | (Self::ValuePath(a), Self::ValuePath(b)) => {
                a.cmp(b)
            }
            (
                Self::Compare { path, op, value },
                Self::Compare { path: path2, op: op2, value: value2 },
            ) => {
                // Equal JSON has equal text; strings, the usual case, need no text.
                let values = || match (value, value2) {
                    (Json::String(a), Json::String(b)) => a.cmp(b),
                    (a, b) => a.to_string().cmp(&b.to_string()),
                };
                path.cmp(path2).then_with(|| op.cmp(op2)).then_with(values)
            }
            (Self::And(a), Self::And(b)) | (Self::Or(a), Self::Or(b)) => a.cmp(b),
            (Self::Not(a), Self::Not(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Present(_) => 0,
            Self::Compare { .. } => 1,
            Self::ValuePath(_) => 2,
            Self::And(_) => 3,
            Self::Or(_) => 4,
            Self::Not(_) => 5,
        }
    }
}

impl fmt::Display for Filter {
    /// The canonical text; parsing it gives an equal filter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare { path, op, value } => write!(f, "{path} {} {value}", op.name()),
            Self::ValuePath(path) => write!(f, "{path}"),
            Self::And(terms) => {
                join(f, terms, " and ", |t| matches!(t, Self::And(_) | Self::Or(_)))
            }
            Self::Or(terms) => join(f, terms, " or ", |t| matches!(t, Self::Or(_))),
            Self::Not(inner) => write!(f, "not ({inner})"),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    terms: &[Filter],
    word: &str,
    grouped: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    for (at, term) in terms.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        if grouped(term) {
            write!(f, "({term})")?;
        } else {
            write!(f, "{term}")?;
        }
    }
    Ok(())
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl Eq for Filter {}

impl PartialOrd for Filter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Filter {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

#[cfg(test)]
mod tests;
