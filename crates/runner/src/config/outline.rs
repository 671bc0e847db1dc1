//! A config text as a tree of keys and values, each with its place: the same for TOML, YAML and JSON.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use toml::de::{DeTable, DeValue};

/// How a text writes strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Toml,
    Yaml,
    Json,
}

/// A value and where it stands, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) span: Range<usize>,
    pub(super) node: Node,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    /// The keys in their order, each with its place.
    Table(Vec<(String, Range<usize>, Spot)>),
    List(Vec<Spot>),
    Text(String),
    /// What has no text that is pointed into.
    Other,
}

impl Format {
    /// By the ending of the file name: `.yaml`, `.yml`, `.json`; everything else is TOML.
    pub(super) fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => Self::Json,
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Toml,
        }
    }

    /// The tree of a text; none for one that cannot be read, or whose places are not known.
    pub(super) fn outline(self, text: &str) -> Option<Spot> {
        match self {
            Self::Toml => {
                let table = DeTable::parse(text).ok()?;
                let span = table.span();
                Some(Spot { span, node: of_toml(&DeValue::Table(table.into_inner())) })
            }
            // JSON is YAML as well, and serde_json tells no places.
            Self::Yaml | Self::Json => {
                serde_saphyr::from_str::<Spanned<Node>>(text).ok().map(Spot::from)
            }
        }
    }
}

fn of_toml(value: &DeValue<'_>) -> Node {
    match value {
        DeValue::String(text) => Node::Text(text.as_ref().to_owned()),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| {
                let spot = Spot { span: value.span(), node: of_toml(value.get_ref()) };
                (key.get_ref().as_ref().to_owned(), key.span(), spot)
            });
            Node::Table(entries.collect())
        }
        DeValue::Array(array) => {
            let spots = array
                .iter()
                .map(|value| Spot { span: value.span(), node: of_toml(value.get_ref()) });
            Node::List(spots.collect())
        }
        _ => Node::Other,
    }
}

fn range<T>(spanned: &Spanned<T>) -> Range<usize> {
    let span = spanned.referenced.span();
    let at = |place: Option<u64>| place.and_then(|place| usize::try_from(place).ok()).unwrap_or(0);
    let start = at(span.byte_offset());
    start..start + at(span.byte_len())
}

impl From<Spanned<Node>> for Spot {
    fn from(spanned: Spanned<Node>) -> Self {
        Self { span: range(&spanned), node: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Node>>()? {
            list.push(item.into());
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut table = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let span = range(&key);
            table.push((key.value, span, entries.next_value::<Spanned<Node>>()?.into()));
        }
        Ok(Node::Table(table))
    }
}
