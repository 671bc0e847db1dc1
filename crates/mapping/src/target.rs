//! What the SCIM schema says of an attribute that is mapped, and whether it can be mapped at all.

use peoplesync_scim::filter::Filter;
use peoplesync_scim::schema::{Attribute, AttributeRef, Kind, Mutability, Returned};
use peoplesync_scim::{Path, Resource, SchemaSet, resource};
use serde_json::json;

use crate::error::Remedy;
use crate::expr::Span;
use crate::expr::check::{Needs, Problem};
use crate::nearest::{did_you_mean, nearest};
use crate::spec::{Rule, When};

/// What a slot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scalar: Scalar,
    /// Whether it is a list of such values.
    pub(crate) many: bool,
    /// Whether each value is an object with it as `value`.
    pub(crate) wrapped: bool,
    /// Whether the value is a key, to be written as an id.
    pub(crate) reference: bool,
}

/// What a single value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text,
    Boolean,
    Integer,
    Decimal,
    Time,
    Binary,
    /// No schema says anything: what the expression gives.
    Any,
}

/// What a part of an element takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartTarget {
    /// As the schema spells it.
    pub(crate) name: String,
    pub(crate) scalar: Scalar,
    /// Whether letter case counts.
    pub(crate) exact: bool,
}

impl Scalar {
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::String | Kind::Reference => Self::Text,
            Kind::Boolean => Self::Boolean,
            Kind::Integer => Self::Integer,
            Kind::Decimal => Self::Decimal,
            Kind::DateTime => Self::Time,
            Kind::Binary => Self::Binary,
            Kind::Complex => Self::Any,
        }
    }

    /// What is needed of the expression.
    pub(crate) fn needs(self) -> Needs {
        match self {
            Self::Text => Needs::Label,
            Self::Binary => Needs::Bytes,
            Self::Boolean => Needs::Flag,
            Self::Integer => Needs::Integer,
            Self::Decimal => Needs::Decimal,
            Self::Time => Needs::Time,
            Self::Any => Needs::Any,
        }
    }
}

impl Target {
    /// What is needed of the expression.
    pub(crate) fn needs(self) -> Needs {
        self.scalar.needs()
    }

    /// What the schemas say of a path that a rule is for.
    pub(crate) fn of(
        path: &Path,
        text: &str,
        rule: &Rule,
        when: When,
        resource: Resource,
        schemas: &SchemaSet,
    ) -> Result<Self, Problem> {
        let of = Rules { path, text, resource, schemas };
        let reference = matches!(rule, Rule::Reference(_));
        let elements = matches!(rule, Rule::Elements(_));
        of.filter()?;
        let Some(attribute) = schemas.resolve(resource, path) else {
            of.unknown()?;
            return Ok(Self { scalar: Scalar::Any, many: !reference, wrapped: false, reference });
        };
        of.writable(attribute, when)?;
        match () {
            () if reference => of.reference(attribute),
            () if elements => of.elements(attribute),
            () => of.value(attribute),
        }
    }
}

struct Rules<'a> {
    path: &'a Path,
    text: &'a str,
    resource: Resource,
    schemas: &'a SchemaSet,
}

impl Rules<'_> {
    /// A path that no schema describes: right below a foreign URN, wrong elsewhere.
    fn unknown(&self) -> Result<(), Problem> {
        let (path, resource) = (self.path, self.resource);
        let schema = match path.urn() {
            None => self.schemas.get(resource.schema()),
            Some(urn) => match self.schemas.get(urn) {
                Some(schema) => Some(schema),
                None => return Ok(()),
            },
        };
        let common: &[Attribute] = if path.urn().is_none() { self.schemas.common() } else { &[] };
        let known = || schema.iter().flat_map(|schema| &schema.attributes).chain(common);
        let top = known().find(|known| known.name.eq_ignore_ascii_case(path.attribute()));
        let Some(top) = top else {
            let owner = schema.map_or(resource.name(), |schema| &schema.name);
            let message = format!("`{}` is no attribute of {owner}", path.attribute());
            return Err(self.problem(
                message,
                self.elsewhere().or_else(|| {
                    did_you_mean(path.attribute(), known().map(|attribute| &*attribute.name))
                }),
            ));
        };
        let sub = path.sub().unwrap_or_default();
        let names = || top.sub_attributes.iter().map(|sub| &*sub.name);
        if top.sub_attributes.is_empty() {
            let hint = Some(format!("write `{}`", path.with_sub(None)));
            return Err(self.problem(format!("`{}` has no parts", top.name), hint));
        }
        let hint = did_you_mean(sub, names())
            .unwrap_or_else(|| format!("it has {}", names().collect::<Vec<_>>().join(", ")));
        Err(self.problem(format!("`{}` has no `{sub}`", top.name), Some(hint)))
    }

    /// The attribute of that name in an extension: the URN is what people forget.
    fn elsewhere(&self) -> Option<String> {
        let mut extensions = self
            .schemas
            .iter()
            .filter(|schema| Resource::ALL.iter().all(|resource| resource.schema() != schema.id));
        let found = extensions.find_map(|schema| {
            let names = schema.attributes.iter().map(|attribute| &*attribute.name);
            let name = nearest(self.path.attribute(), names)?;
            name.eq_ignore_ascii_case(self.path.attribute())
                .then(|| format!("{}:{name}", schema.id))
        });
        found.map(|path| format!("did you mean `{path}`?"))
    }

    /// Whether the value filter names what there is, and says how the element is made.
    fn filter(&self) -> Result<(), Problem> {
        let Some(filter) = self.path.filter() else { return Ok(()) };
        if let Some(list) = self.schemas.resolve(self.resource, &self.path.root()) {
            if !list.multi_valued {
                let sub = self.path.sub().filter(|sub| list.attribute().sub(sub).is_some());
                let hint = Some(format!("write `{}`", self.path.root().with_sub(sub)));
                return Err(self.problem(format!("`{}` is not a list", list.name), hint));
            }
            let mut named = Vec::new();
            names(filter, &mut named);
            if let Some(wrong) = named.iter().find(|name| list.attribute().sub(name).is_none()) {
                let hint = did_you_mean(wrong, list.sub_attributes.iter().map(|sub| &*sub.name));
                return Err(self.problem(format!("`{}` has no `{wrong}`", list.name), hint));
            }
        }
        if !resource::set(&mut json!({}), self.path, json!("any")) {
            let hint = "compare with `eq`, as in `emails[type eq \"work\"].value`";
            let message = "no element can be made from this filter";
            return Err(self.problem(message, Some(hint.to_owned())));
        }
        Ok(())
    }

    /// Whether a client may write the attribute, and see afterwards that it did.
    fn writable(&self, attribute: AttributeRef<'_>, when: When) -> Result<(), Problem> {
        let root = self.schemas.resolve(self.resource, &self.path.root());
        let around = [root.map(AttributeRef::attribute), Some(attribute.attribute())];
        let schemas =
            self.path.urn().is_none() && self.path.attribute().eq_ignore_ascii_case("schemas");
        for part in around.into_iter().flatten() {
            if part.mutability == Mutability::ReadOnly || schemas {
                let hint = match &*part.name.to_ascii_lowercase() {
                    "id" => Some("the key of the source belongs in `externalId`".to_owned()),
                    "groups" => Some("memberships are written through the groups".to_owned()),
                    _ => None,
                };
                let message = format!("`{}` is written by the target alone", part.name);
                return Err(self.problem(message, hint));
            }
        }
        if self.resource == Resource::Group && self.path.attribute().eq_ignore_ascii_case("members")
        {
            let hint =
                "members are named by key, and written by id: give the field in `groups.members`";
            return Err(
                self.problem("`members` is not mapped as an attribute", Some(hint.to_owned()))
            );
        }
        let hidden =
            attribute.mutability == Mutability::WriteOnly || attribute.returned == Returned::Never;
        if hidden && when == When::Always {
            let message = format!(
                "`{}` cannot be read back, so nobody could tell whether it must be written",
                attribute.name
            );
            let hint = Some("add `when = \"create\"`".to_owned());
            return Err(self.problem(message, hint).mended_by(Remedy::CreateOnly));
        }
        Ok(())
    }

    fn reference(&self, attribute: AttributeRef<'_>) -> Result<Target, Problem> {
        let complex =
            attribute.kind == Kind::Complex && attribute.attribute().sub("value").is_some();
        let takes_id = complex || matches!(attribute.kind, Kind::String | Kind::Reference);
        if !takes_id || attribute.multi_valued {
            let message = format!("`{}` cannot refer to one resource", attribute.name);
            return Err(self.problem(message, None));
        }
        Ok(Target { scalar: Scalar::Text, many: false, wrapped: false, reference: true })
    }

    /// A list of objects as a whole.
    fn elements(&self, attribute: AttributeRef<'_>) -> Result<Target, Problem> {
        let whole = self.path.filter().is_none() && self.path.sub().is_none();
        if attribute.kind != Kind::Complex || !attribute.multi_valued || !whole {
            let message = format!("`{}` is not a list of values that have parts", self.path);
            let hint = match self.path.filter() {
                Some(_) => format!("write the list as a whole: `{}`", self.path.root()),
                None => "write an expression".to_owned(),
            };
            return Err(self.problem(message, Some(hint)));
        }
        Ok(Target { scalar: Scalar::Any, many: true, wrapped: false, reference: false })
    }

    fn value(&self, attribute: AttributeRef<'_>) -> Result<Target, Problem> {
        let (path, name) = (self.path, &attribute.name);
        let element = path.filter().is_some() && path.sub().is_none();
        let wrapped = attribute.kind == Kind::Complex;
        let inner = match attribute.attribute().sub("value") {
            _ if !wrapped => attribute.attribute(),
            Some(inner) if attribute.multi_valued && !element => inner,
            value => {
                let part = value.or(attribute.sub_attributes.first());
                let example = part.map(|part| self.example(attribute.attribute(), &part.name));
                let reference = (!attribute.multi_valued && value.is_some())
                    .then(|| "{ reference = \"…\" } to refer to a person".to_owned());
                let hints: Vec<_> = example.into_iter().chain(reference).collect();
                let hint = format!("write {}", hints.join(", or "));
                return Err(self.problem(
                    format!("`{name}` has parts; one of them must be named"),
                    Some(hint),
                ));
            }
        };
        let list =
            attribute.parent().filter(|parent| parent.multi_valued && path.filter().is_none());
        if let Some(parent) = list {
            let sub = path.sub().unwrap_or_default();
            let hint = format!("write {}", self.example(parent, sub));
            let message = format!("`{}` is a list, and this does not say which of it", parent.name);
            return Err(self.problem(message, Some(hint)));
        }
        let scalar = Scalar::of(inner.kind);
        Ok(Target { scalar, many: attribute.multi_valued, wrapped, reference: false })
    }

    /// A path that names one part of the attribute.
    fn example(&self, attribute: &Attribute, part: &str) -> String {
        let one = attribute.multi_valued && self.path.filter().is_none();
        if one && attribute.sub("type").is_some() {
            return format!("`{}[type eq \"work\"].{part}`", self.path.root());
        }
        format!("`{}`", self.path.with_sub(Some(part)))
    }

    fn problem(&self, message: impl Into<String>, hint: Option<String>) -> Problem {
        Problem::new(Span::new(0, self.text.len()), message, hint)
    }
}

/// The attributes that a value filter names.
fn names(filter: &Filter, found: &mut Vec<String>) {
    match filter {
        Filter::Present(path) | Filter::Compare { path, .. } => {
            found.push(path.attribute().to_owned())
        }
        Filter::ValuePath(path) => found.push(path.attribute().to_owned()),
        Filter::And(terms) | Filter::Or(terms) => {
            terms.iter().for_each(|term| names(term, found));
        }
        Filter::Not(inner) => names(inner, found),
    }
}
