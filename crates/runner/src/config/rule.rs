//! The rule of one attribute, in all forms that a config may give it: an expression, a table, a list of tables.

use std::fmt;

use peoplesync_mapping::{ElementSpec, PartSource, PartSpec, Rule};
use peoplesync_reconcile::OnDrift;
use peoplesync_source::schemars::{self, JsonSchema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::model::{OnEmpty, When};

/// What one attribute becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttributeRule {
    pub(crate) rule: Rule,
    pub(crate) on_empty: OnEmpty,
    pub(crate) when: When,
    /// What becomes of it where others change it at the target; as `people.on_drift` says if not given.
    pub(crate) on_drift: Option<OnDrift>,
}

/// The table form of a rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AttributeTable {
    /// The expression.
    #[serde(default)]
    value: Option<String>,
    /// An expression that gives several values: each becomes an element of the list.
    #[serde(default)]
    values: Option<String>,
    /// The elements of a list, where there is more to say of it.
    #[serde(default)]
    list: Option<Vec<ElementTable>>,
    /// An expression for the key of another person in the same source, such as the manager.
    #[serde(default)]
    reference: Option<String>,
    /// The type of the element, such as `work`; a text, no expression.
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// Whether the element is the primary one of its list; of `values`, the first.
    #[serde(default)]
    primary: Option<Flag>,
    /// An expression for the name of the element that people see.
    #[serde(default)]
    display: Option<String>,
    /// What happens when the value is empty.
    #[serde(default)]
    on_empty: OnEmpty,
    /// When the attribute is written.
    #[serde(default)]
    when: When,
    /// What happens when others change it at the target; as `people.on_drift` says if not given.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    on_drift: Option<OnDrift>,
}

/// One element of a list, or one for each of several values. All but `type` and `primary` are expressions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ElementTable {
    /// The value; without it, there is no such element.
    #[serde(default)]
    value: Option<String>,
    /// Several values: each becomes an element.
    #[serde(default)]
    values: Option<String>,
    /// The type, such as `work`; a text, no expression.
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// Whether it is the primary one of its list; of `values`, the first. `true`, `false` or a condition.
    #[serde(default)]
    primary: Option<Flag>,
    /// The name that people see.
    #[serde(default)]
    display: Option<String>,
    /// The whole address.
    #[serde(default)]
    formatted: Option<String>,
    /// Street and number of an address.
    #[serde(default, rename = "streetAddress")]
    street_address: Option<String>,
    /// The city of an address.
    #[serde(default)]
    locality: Option<String>,
    /// The state or region of an address.
    #[serde(default)]
    region: Option<String>,
    /// The postal code of an address.
    #[serde(default, rename = "postalCode")]
    postal_code: Option<String>,
    /// The country of an address, as ISO 3166-1 alpha-2.
    #[serde(default)]
    country: Option<String>,
}

/// `true`, `false`, or a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flag(PartSource);

impl ElementTable {
    /// The element, and where it stands below its attribute.
    fn element(self, place: Vec<String>) -> Result<ElementSpec, &'static str> {
        let each = self.values.is_some();
        if each && self.value.is_some() {
            return Err("expected either `value` or `values`, found both");
        }
        let expression = |name: &str, text: Option<String>| {
            let source = PartSource::Expression(text?);
            Some(PartSpec { name: name.to_owned(), setting: None, source })
        };
        let values = expression("value", self.values)
            .map(|part| PartSpec { setting: Some("values".to_owned()), ..part });
        let fixed = |name: &str, source| PartSpec { name: name.to_owned(), setting: None, source };
        let kind = self.kind.map(|kind| fixed("type", PartSource::Text(kind)));
        let primary = self.primary.map(|Flag(source)| fixed("primary", source));
        let parts = [
            expression("value", self.value),
            values,
            kind,
            primary,
            expression("display", self.display),
            expression("formatted", self.formatted),
            expression("streetAddress", self.street_address),
            expression("locality", self.locality),
            expression("region", self.region),
            expression("postalCode", self.postal_code),
            expression("country", self.country),
        ];
        let parts: Vec<PartSpec> = parts.into_iter().flatten().collect();
        let says = |part: &PartSpec| matches!(part.source, PartSource::Expression(_));
        if !parts.iter().any(says) {
            return Err("expected `value`, `values`, or a part of an address");
        }
        Ok(ElementSpec { place, each, parts })
    }
}

/// The elements of a list below this place.
fn elements(list: Vec<ElementTable>, below: &[&str]) -> Result<Rule, &'static str> {
    if list.is_empty() {
        return Err("expected at least one element");
    }
    let below: Vec<String> = below.iter().map(|step| (*step).to_owned()).collect();
    let one = |(index, table): (usize, ElementTable)| {
        table.element([below.as_slice(), &[index.to_string()]].concat())
    };
    list.into_iter().enumerate().map(one).collect::<Result<_, _>>().map(Rule::Elements)
}

impl TryFrom<AttributeTable> for AttributeRule {
    type Error = &'static str;

    fn try_from(table: AttributeTable) -> Result<Self, Self::Error> {
        let AttributeTable {
            value,
            values,
            list,
            reference,
            kind,
            primary,
            display,
            on_empty,
            when,
            on_drift,
        } = table;
        let given = [value.is_some(), values.is_some(), list.is_some(), reference.is_some()];
        if given.into_iter().filter(|given| *given).count() != 1 {
            return Err("expected one of `value`, `values`, `list` and `reference`");
        }
        let is_element = kind.is_some() || primary.is_some() || display.is_some();
        let rule = match (value, reference, list) {
            (Some(value), _, _) if !is_element => Rule::Value(value),
            (_, Some(_), _) | (_, _, Some(_)) if is_element => {
                return Err("`type`, `primary` and `display` belong to `value` or `values`");
            }
            (_, Some(reference), _) => Rule::Reference(reference),
            (_, _, Some(list)) => elements(list, &["list"])?,
            (value, None, None) => {
                let element = ElementTable {
                    value,
                    values,
                    kind,
                    primary,
                    display,
                    ..ElementTable::default()
                };
                Rule::Elements(vec![element.element(Vec::new())?])
            }
        };
        Ok(Self { rule, on_empty, when, on_drift })
    }
}

impl<'de> Deserialize<'de> for AttributeRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RuleVisitor)
    }
}

struct RuleVisitor;

impl RuleVisitor {
    fn plain(rule: Rule) -> AttributeRule {
        AttributeRule { rule, on_empty: OnEmpty::Leave, when: When::Always, on_drift: None }
    }

    fn literal(text: String) -> AttributeRule {
        Self::plain(Rule::Value(text))
    }
}

impl<'de> Visitor<'de> for RuleVisitor {
    type Value = AttributeRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an expression, a table with `value` or `reference`, or a list of tables")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<AttributeRule, E> {
        Ok(Self::literal(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<AttributeRule, E> {
        Ok(Self::literal(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<AttributeRule, E> {
        Ok(Self::literal(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<AttributeRule, E> {
        Ok(Self::literal(value.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AttributeRule, A::Error> {
        let table = AttributeTable::deserialize(MapAccessDeserializer::new(map))?;
        AttributeRule::try_from(table).map_err(de::Error::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<AttributeRule, A::Error> {
        let list = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        elements(list, &[]).map(Self::plain).map_err(de::Error::custom)
    }
}

impl JsonSchema for AttributeRule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AttributeRule".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let table = generator.subschema_for::<AttributeTable>();
        let element = generator.subschema_for::<ElementTable>();
        let list = serde_json::json!({ "type": "array", "items": element, "minItems": 1 });
        let plain = serde_json::json!({ "type": ["string", "boolean", "integer"] });
        schemars::json_schema!({ "oneOf": [plain, table, list] })
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, or a condition")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(PartSource::Flag(value)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Flag, E> {
        Ok(Flag(PartSource::Expression(text.to_owned())))
    }
}

impl JsonSchema for Flag {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Flag".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["boolean", "string"] })
    }
}
