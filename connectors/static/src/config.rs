//! The settings of a static source.

use std::collections::BTreeMap;
use std::fmt;

use peoplesync_source::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use peoplesync_source::{FieldType, Value};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// People that stand in the config.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct StaticConfig {
    /// The field that holds the key: something that never changes, such as an employee number.
    pub key: String,
    /// The people, each a table of fields.
    pub records: Vec<BTreeMap<String, StaticValue>>,
}

/// The values of a field: one, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct StaticValue {
    values: Vec<Scalar>,
    is_list: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Scalar {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
}

impl StaticValue {
    fn one(scalar: Scalar) -> Self {
        Self { values: vec![scalar], is_list: false }
    }

    /// The values in order. An empty text is none.
    pub fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        self.values.iter().filter_map(|scalar| match scalar {
            Scalar::Text(text) => (!text.is_empty()).then_some(Value::Text(text)),
            Scalar::Integer(number) => Some(Value::Integer(*number)),
            Scalar::Decimal(number) => Some(Value::Decimal(*number)),
            Scalar::Boolean(value) => Some(Value::Boolean(*value)),
        })
    }

    /// What is written here; nothing for an empty text.
    #[must_use]
    pub fn holds(&self) -> Option<FieldType> {
        if self.is_list {
            return Some(FieldType::List);
        }
        Some(match self.iter().next()? {
            Value::Text(_) => FieldType::Text,
            Value::Bytes(_) => FieldType::Bytes,
            Value::Integer(_) => FieldType::Integer,
            Value::Decimal(_) => FieldType::Decimal,
            Value::Boolean(_) => FieldType::Boolean,
            Value::Timestamp(_) => FieldType::Timestamp,
        })
    }

    /// The text of a single value that can be a key: text, or a whole number.
    #[must_use]
    pub fn as_key(&self) -> Option<String> {
        match self.values.as_slice() {
            [Scalar::Text(text)] => Some(text.trim().to_owned()).filter(|key| !key.is_empty()),
            [Scalar::Integer(number)] => Some(number.to_string()),
            _ => None,
        }
    }
}

// By hand, because an untagged enum would answer every mistake with "did not match any variant".

impl<'de> Deserialize<'de> for StaticValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = StaticValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true, false, or a list of these")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<StaticValue, E> {
        ScalarVisitor.visit_str(text).map(StaticValue::one)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<StaticValue, E> {
        ScalarVisitor.visit_i64(number).map(StaticValue::one)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<StaticValue, E> {
        ScalarVisitor.visit_u64(number).map(StaticValue::one)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<StaticValue, E> {
        ScalarVisitor.visit_f64(number).map(StaticValue::one)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<StaticValue, E> {
        ScalarVisitor.visit_bool(value).map(StaticValue::one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StaticValue, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(StaticValue { values, is_list: true })
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true or false")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        match i64::try_from(number) {
            Ok(number) => Ok(Scalar::Integer(number)),
            Err(_) => Err(E::custom(format!("{number} is too large; write it as text"))),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Decimal(number))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(value))
    }
}

impl JsonSchema for StaticValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StaticValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let scalar = ["string", "number", "boolean"];
        json_schema!({
            "description": "Text, a number, true or false, or a list of these.",
            "anyOf": [{ "type": scalar }, { "type": "array", "items": { "type": scalar } }]
        })
    }
}
