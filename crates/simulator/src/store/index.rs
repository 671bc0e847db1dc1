//! Finds resources by a value without reading all of them: the filters that clients send for each person.
//! An index gives candidates, a superset; whether one matches is for the filter itself to say.

use std::collections::HashMap;

use peoplesync_scim::filter::Op;
use peoplesync_scim::{Filter, Path, Resource};
use serde_json::Value as Json;

/// A part of a filter that an index can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    /// `id eq "…"`.
    Id(&'a str),
    /// `userName eq "…"`: name of the indexed attribute, value.
    Value(&'static str, &'a str),
}

impl<'a> Lookup<'a> {
    /// The part of a filter that selects fewest; `None` if every resource has to be looked at.
    pub(crate) fn of(filter: &'a Filter, resource: Resource) -> Option<Self> {
        match filter {
            Filter::Compare { path, op: Op::Eq, value: Json::String(value) } => {
                let name = (path.attribute(), path.sub());
                Self::named(path, name, value, resource)
            }
            Filter::ValuePath(path) => {
                let inner = path.filter()?;
                let terms = if let Filter::And(terms) = inner {
                    terms.as_slice()
                } else {
                    std::slice::from_ref(inner)
                };
                terms.iter().find_map(|term| match term {
                    Filter::Compare { path: sub, op: Op::Eq, value: Json::String(value) } => {
                        let name = (path.attribute(), Some(sub.attribute()));
                        Self::named(path, name, value, resource)
                    }
                    _ => None,
                })
            }
            Filter::And(terms) => terms.iter().find_map(|term| Self::of(term, resource)),
            _ => None,
        }
    }

    fn named(
        path: &Path,
        (attribute, sub): (&str, Option<&str>),
        value: &'a str,
        resource: Resource,
    ) -> Option<Self> {
        if path.urn().is_some() {
            return None;
        }
        if attribute.eq_ignore_ascii_case("id") && sub.is_none() {
            return Some(Self::Id(value));
        }
        let (name, _) = indexed(resource).iter().find(|(name, part)| {
            let sub_fits = match (part, sub) {
                (None, None) | (Some(_), None) => true,
                (Some(part), Some(sub)) => part.eq_ignore_ascii_case(sub),
                (None, Some(_)) => false,
            };
            name.eq_ignore_ascii_case(attribute) && sub_fits
        })?;
        Some(Self::Value(name, value))
    }
}

/// The indexed attributes and, where they are multi-valued, the indexed sub-attribute.
fn indexed(resource: Resource) -> &'static [(&'static str, Option<&'static str>)] {
    match resource {
        Resource::User => &[("userName", None), ("externalId", None), ("emails", Some("value"))],
        Resource::Group => {
            &[("displayName", None), ("externalId", None), ("members", Some("value"))]
        }
    }
}

/// The indexes of one resource type.
#[derive(Debug)]
pub(super) struct Indexes {
    list: Vec<Index>,
}

#[derive(Debug)]
struct Index {
    attribute: &'static str,
    sub: Option<&'static str>,
    /// Row numbers in rising order, by value without letter case.
    rows: HashMap<Box<str>, Numbers>,
}

/// Mostly one number: that needs no list.
#[derive(Debug)]
enum Numbers {
    One([u64; 1]),
    Many(Vec<u64>),
}

impl Numbers {
    fn list(&self) -> &[u64] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }
}

impl Indexes {
    pub(super) fn new(resource: Resource) -> Self {
        let index = |&(attribute, sub): &(_, _)| Index { attribute, sub, rows: HashMap::new() };
        Self { list: indexed(resource).iter().map(index).collect() }
    }

    /// The numbers of the rows that hold this value or one that differs in letter case only.
    pub(super) fn get(&self, attribute: &str, value: &str) -> &[u64] {
        let index = self.list.iter().find(|index| index.attribute == attribute);
        index.and_then(|index| index.rows.get(&*folded(value))).map_or(&[], Numbers::list)
    }

    /// The row of this number changes from one value to another.
    pub(super) fn replace(&mut self, number: u64, before: Option<&Json>, after: Option<&Json>) {
        for index in &mut self.list {
            let (before, after) = (index.values(before), index.values(after));
            if before == after {
                continue;
            }
            before.iter().for_each(|value| index.remove(value, number));
            after.into_iter().for_each(|value| index.insert(value, number));
        }
    }
}

impl Index {
    fn values(&self, resource: Option<&Json>) -> Vec<Box<str>> {
        let Some(value) = resource.and_then(|resource| resource.get(self.attribute)) else {
            return Vec::new();
        };
        match (self.sub, value) {
            (Some(sub), Json::Array(elements)) => elements
                .iter()
                .filter_map(|element| element.get(sub)?.as_str())
                .map(folded)
                .collect(),
            (_, Json::String(text)) => vec![folded(text)],
            _ => Vec::new(),
        }
    }

    fn insert(&mut self, value: Box<str>, number: u64) {
        match self.rows.entry(value) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(Numbers::One([number]));
            }
            std::collections::hash_map::Entry::Occupied(mut place) => {
                let mut many = place.get().list().to_vec();
                if let Err(position) = many.binary_search(&number) {
                    many.insert(position, number);
                    place.insert(Numbers::Many(many));
                }
            }
        }
    }

    fn remove(&mut self, value: &str, number: u64) {
        let Some(numbers) = self.rows.get_mut(value) else { return };
        let rest: Vec<u64> =
            numbers.list().iter().copied().filter(|&other| other != number).collect();
        match rest.as_slice() {
            [] => {
                self.rows.remove(value);
            }
            &[one] => *numbers = Numbers::One([one]),
            _ => *numbers = Numbers::Many(rest),
        }
    }
}

fn folded(value: &str) -> Box<str> {
    peoplesync_scim::value::fold(value).into()
}
