//! What holds for every text, every expression and every record.

use peoplesync_mapping::expr::{Comparison, Expr, Node, Span, Word, parse};
use peoplesync_mapping::functions::{Accepts, all};
use peoplesync_mapping::{
    AttributeSpec, DigestKey, Draft, Mapping, OnEmpty, Outcome, SlotValue, Spec, When,
};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Timestamp, Value};
use proptest::prelude::*;
use serde_json::Value as Json;

fn expr(node: Node) -> Expr {
    Expr { node, span: Span::default() }
}

fn word(text: &str) -> Word {
    Word { text: text.into(), span: Span::default() }
}

/// Any expression that can be written.
fn expressions() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        Just(Node::Null),
        any::<bool>().prop_map(Node::Boolean),
        any::<i64>().prop_map(Node::Integer),
        (-1.0e30..1.0e30).prop_map(Node::Decimal),
        any::<String>().prop_map(|text| Node::Text(text.into())),
        "[\\PC]{1,8}|not|True|a|b|c".prop_map(|name: String| Node::Field(name.into())),
    ]
    .prop_map(expr);
    leaf.prop_recursive(4, 40, 4, |inner| {
        let terms = prop::collection::vec(inner.clone(), 2..4);
        let boxed = inner.clone().prop_map(Box::new);
        let comparison = prop_oneof![
            Just(Comparison::Equal),
            Just(Comparison::NotEqual),
            Just(Comparison::Less),
            Just(Comparison::LessOrEqual),
            Just(Comparison::Greater),
            Just(Comparison::GreaterOrEqual),
        ];
        // A single argument cannot be left empty: `F()` has none.
        let arguments = prop_oneof![
            prop::collection::vec(inner.clone().prop_map(Some), 0..4),
            prop::collection::vec(prop::option::of(inner.clone()), 2..5),
        ];
        prop_oneof![
            boxed.clone().prop_map(Node::Not),
            terms.clone().prop_map(Node::And),
            terms.clone().prop_map(Node::Or),
            terms.prop_map(Node::Join),
            (comparison, boxed.clone(), boxed.clone())
                .prop_map(|(op, left, right)| Node::Compare { op, left, right }),
            (boxed.clone(), prop::collection::vec(inner, 1..3))
                .prop_map(|(value, options)| Node::In { value, options }),
            (boxed, any::<String>())
                .prop_map(|(value, pattern)| Node::Matches { value, pattern: word(&pattern) }),
            (0..all().len(), arguments).prop_map(|(function, mut arguments)| {
                let function = all()[function];
                for (index, argument) in arguments.iter_mut().enumerate() {
                    let accepts = function.parameter(index).map(|parameter| parameter.accepts);
                    // There a bare name is a name, and no field.
                    if let (Some(Accepts::Field | Accepts::Table), Some(argument)) =
                        (accepts, argument)
                        && let Node::Field(name) = &argument.node
                    {
                        argument.node = Node::Text(name.clone());
                    }
                }
                Node::Call { name: word(function.name), arguments }
            }),
        ]
        .prop_map(expr)
    })
}

/// An expression that compiles: every argument is what its parameter takes.
fn typed() -> impl Strategy<Value = Expr> {
    let field =
        || prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(|name| Node::Field(name.into()));
    let leaf = prop_oneof![
        6 => field(),
        2 => "[a-c ]{0,3}|true|1".prop_map(|text: String| Node::Text(text.into())),
        1 => (-3_i64..3).prop_map(Node::Integer),
        1 => Just(Node::Null),
    ]
    .prop_map(expr);
    leaf.prop_recursive(4, 30, 3, move |inner| {
        let function = (0..all().len(), prop::collection::vec(inner.clone(), 7));
        let call = function.prop_map(|(function, values)| {
            let function = all()[function];
            let arguments = function.parameters.iter().zip(values).map(|(parameter, value)| {
                let text = |text: &str| Some(expr(Node::Text(text.into())));
                match parameter.accepts {
                    Accepts::Pattern => text("(?<g>a|b)c?"),
                    Accepts::Group => text("g"),
                    Accepts::Field => text("a"),
                    Accepts::Table => text("t"),
                    Accepts::TimeForm => text("yyyy-MM-dd"),
                    Accepts::TimeStyles => text("None"),
                    Accepts::Culture => text("tr-TR"),
                    Accepts::Word(words) => text(words[0]),
                    Accepts::Condition | Accepts::Flag => Some(expr(Node::Compare {
                        op: Comparison::NotEqual,
                        left: Box::new(value),
                        right: Box::new(expr(Node::Null)),
                    })),
                    // Some of the modes of `Replace`, which differ in what is empty.
                    _ if parameter.optional && value.node == Node::Null => None,
                    _ => Some(value),
                }
            });
            Node::Call { name: word(function.name), arguments: arguments.collect() }
        });
        prop_oneof![
            4 => call,
            1 => prop::collection::vec(inner.clone(), 2..4).prop_map(Node::Join),
            1 => (inner.clone(), inner).prop_map(|(left, right)| Node::Compare {
                op: Comparison::Less,
                left: Box::new(left),
                right: Box::new(right),
            }),
        ]
        .prop_map(expr)
    })
}

/// Text that is nearly an expression.
fn almost() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("("),
        Just(")"),
        Just(","),
        Just("["),
        Just("]"),
        Just("\""),
        Just("\\"),
        Just("&"),
        Just("="),
        Just("<"),
        Just(">"),
        Just("<>"),
        Just(" "),
        Just("not "),
        Just(" and "),
        Just(" or "),
        Just(" in "),
        Just(" matches "),
        Just("IIF("),
        Just("Replace("),
        Just("a"),
        Just("é"),
        Just("1"),
        Just("."),
        Just("-"),
        Just("null"),
        Just("true"),
        Just("\n"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

#[derive(Debug, Clone)]
enum Cell {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
    Timestamp(i64),
    Bytes(Vec<u8>),
}

fn cells() -> impl Strategy<Value = Vec<Cell>> {
    let cell = prop_oneof![
        4 => "[ab ]{0,3}|true|FALSE|12|1.5|\\PC{0,6}".prop_map(Cell::Text),
        1 => (-3_i64..3).prop_map(Cell::Integer),
        1 => any::<f64>().prop_map(Cell::Decimal),
        1 => any::<bool>().prop_map(Cell::Boolean),
        1 => any::<i64>().prop_map(Cell::Timestamp),
        1 => prop::collection::vec(any::<u8>(), 0..3).prop_map(Cell::Bytes),
    ];
    prop_oneof![
        2 => Just(Vec::new()),
        6 => prop::collection::vec(cell.clone(), 1),
        1 => prop::collection::vec(cell, 2..4),
    ]
}

/// A record with the fields `a`, `b` and `c`.
fn batch(fields: &[Vec<Cell>]) -> Batch {
    let mut batch = Batch::new(Fields::new(["a", "b", "c"]));
    let mut record = batch.record("7", Origin::row("test", 1)).expect("a key");
    for (position, cells) in fields.iter().enumerate() {
        for cell in cells {
            record.push(
                position,
                match cell {
                    Cell::Text(text) => Value::Text(text),
                    Cell::Integer(number) => Value::Integer(*number),
                    Cell::Decimal(number) => Value::Decimal(*number),
                    Cell::Boolean(value) => Value::Boolean(*value),
                    Cell::Timestamp(time) => Value::Timestamp(Timestamp(*time)),
                    Cell::Bytes(bytes) => Value::Bytes(bytes),
                },
            );
        }
    }
    batch
}

/// Copies, a list, a reference, a computed text, and a value for creation only.
fn mapping() -> Mapping {
    let mut cleared = AttributeSpec::value("title", "b");
    cleared.on_empty = OnEmpty::Clear;
    let mut created = AttributeSpec::value("nickName", "c");
    created.when = When::Create;
    let attributes = vec![
        AttributeSpec::value("userName", "a & b"),
        AttributeSpec::value("displayName", "a"),
        AttributeSpec::value("roles", "c"),
        AttributeSpec::value("urn:example:x:2.0:User:any", "c"),
        AttributeSpec::reference("urn:example:x:2.0:User:boss", "b"),
        cleared,
        created,
    ];
    compile(attributes)
}

fn compile(attributes: Vec<AttributeSpec>) -> Mapping {
    let spec = Spec { attributes, ..Spec::default() };
    Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).expect("the rules are right")
}

/// What the digest is of: the slots that are always written, lists without order.
fn canonical(mapping: &Mapping, draft: &Draft) -> Vec<(usize, SlotValue)> {
    let slots = draft.desired(mapping).into_iter();
    let always = slots.filter(|slot| mapping.attributes()[slot.slot].when() == When::Always);
    let sorted = always.map(|slot| {
        let value = match slot.value {
            SlotValue::Set(Json::Array(mut values)) => {
                values.sort_by_key(Json::to_string);
                SlotValue::Set(Json::Array(values))
            }
            other => other,
        };
        (slot.slot, value)
    });
    sorted.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn the_parser_never_panics(text in any::<String>()) {
        prop_assert!(parse(&text).is_ok_and(|expr| expr.span.end > 0) || parse(&text).is_err());
    }

    #[test]
    fn what_is_nearly_an_expression_is_read_or_pointed_at(text in almost()) {
        match parse(&text) {
            Ok(expr) => prop_assert_eq!(parse(&expr.to_string()), Ok(expr)),
            Err(error) => {
                prop_assert!(text.get(error.span.start..error.span.end).is_some());
                prop_assert!(!error.message.is_empty());
                let spec = Spec { attributes: vec![AttributeSpec::value("title", &*text)], ..Spec::default() };
                let errors = Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).unwrap_err();
                prop_assert!(errors.iter().all(|error| error.render().contains(&error.message)));
            }
        }
    }

    #[test]
    fn the_canonical_text_reads_as_the_same_expression(expr in expressions()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text), Ok(expr), "{}", text);
    }

    #[test]
    fn whatever_compiles_maps_any_record_to_a_value_or_an_error(
        expr in prop_oneof![1 => expressions(), 3 => typed()],
        fields in prop::collection::vec(cells(), 3),
        which in 0..4_usize,
    ) {
        let attributes = ["title", "active", "roles", "urn:example:x:2.0:User:any"];
        let attributes = attributes[which..=which].iter();
        let attributes = attributes.map(|path| AttributeSpec::value(*path, expr.to_string())).collect();
        let spec = Spec { attributes, ..Spec::default() };
        let Ok(mapping) = Mapping::compile(&spec, Resource::User, &SchemaSet::standard()) else {
            return Ok(());
        };
        let batch = batch(&fields);
        let (binding, record) = (mapping.bind(batch.fields()), batch.get(0).unwrap());
        let mut draft = Draft::new(&mapping);
        if let Err(error) = mapping.map(&binding, &record, &mut draft) {
            prop_assert!(!error.reason.is_empty());
        }
    }

    #[test]
    fn mapping_is_deterministic_and_leaves_nothing_in_the_draft(
        before in prop::collection::vec(cells(), 3),
        fields in prop::collection::vec(cells(), 3),
    ) {
        let mapping = mapping();
        let (before, batch) = (batch(&before), batch(&fields));
        let binding = mapping.bind(batch.fields());
        let (mut fresh, mut used) = (Draft::new(&mapping), Draft::new(&mapping));
        drop(mapping.map(&binding, &before.get(0).unwrap(), &mut used));
        let one = mapping.map(&binding, &batch.get(0).unwrap(), &mut fresh);
        let other = mapping.map(&binding, &batch.get(0).unwrap(), &mut used);
        prop_assert_eq!(&one, &other);
        if one == Ok(Outcome::InScope) {
            prop_assert_eq!(fresh.desired(&mapping), used.desired(&mapping));
            let key = DigestKey::new([7; 32]);
            prop_assert_eq!(fresh.digest(&key), used.digest(&key));
        }
    }

    #[test]
    fn digests_are_equal_if_and_only_if_what_is_always_written_is(
        one in prop::collection::vec(cells(), 3),
        change in prop::option::of((0..3_usize, cells())),
    ) {
        let mapping = mapping();
        let mut other = one.clone();
        if let Some((field, cells)) = change {
            other[field] = cells;
        } else {
            // The order of a list says nothing.
            other[2].reverse();
        }
        let (one, other) = (batch(&one), batch(&other));
        let binding = mapping.bind(one.fields());
        let (mut left, mut right) = (Draft::new(&mapping), Draft::new(&mapping));
        let mapped = mapping.map(&binding, &one.get(0).unwrap(), &mut left).is_ok()
            && mapping.map(&binding, &other.get(0).unwrap(), &mut right).is_ok();
        if mapped {
            let key = DigestKey::new([7; 32]);
            let same = canonical(&mapping, &left) == canonical(&mapping, &right);
            prop_assert_eq!(left.digest(&key) == right.digest(&key), same);
        }
    }
}

#[test]
fn the_digest_of_a_mapping_changes_with_its_meaning_only() {
    let digest = |attributes: Vec<AttributeSpec>| compile(attributes).digest();
    let value = AttributeSpec::value;
    let base = digest(vec![value("title", "Coalesce([a], b)"), value("userName", "a")]);
    assert_eq!(base, digest(vec![value("userName", "[a]"), value("title", "coalesce( a,[b] )")]));
    assert_ne!(base, digest(vec![value("title", "Coalesce([b], a)"), value("userName", "a")]));
    assert_ne!(base, digest(vec![value("title", "Coalesce([a], b)")]));
    let mut cleared = value("title", "Coalesce([a], b)");
    cleared.on_empty = OnEmpty::Clear;
    assert_ne!(base, digest(vec![cleared, value("userName", "a")]));
    let mut created = value("title", "Coalesce([a], b)");
    created.when = When::Create;
    assert_ne!(base, digest(vec![created, value("userName", "a")]));
}

/// What one record comes to by these rules.
fn digest_of(attributes: Vec<AttributeSpec>, record: &[(&str, &str)]) -> [u8; 16] {
    let mapping = compile(attributes);
    let mut batch = Batch::new(Fields::new(record.iter().map(|(name, _)| *name)));
    let mut writer = batch.record("7", Origin::row("people.csv", 2)).expect("the key is not empty");
    for (field, (_, value)) in record.iter().enumerate() {
        writer.set(field, Value::Text(value));
    }
    let mut draft = Draft::new(&mapping);
    let binding = mapping.bind(batch.fields());
    mapping
        .map(&binding, &batch.get(0).expect("one record"), &mut draft)
        .expect("the record can be mapped");
    draft.digest(&DigestKey::new([7; 32]))
}

#[test]
fn the_same_value_of_another_attribute_is_another_digest() {
    let value = AttributeSpec::value;
    let base =
        digest_of(vec![value("userName", "a"), value("title", "b")], &[("a", "x"), ("b", "y")]);
    for other in ["nickName", "displayName", "userType"] {
        let rules = vec![value("userName", "a"), value(other, "b")];
        assert_ne!(base, digest_of(rules, &[("a", "x"), ("b", "y")]), "{other}");
    }
    // What is written on creation only does not count, wherever its text stands among the others.
    let mut created = value("displayName", "b");
    created.when = When::Create;
    let rules = vec![created, value("title", "b"), value("userName", "a")];
    assert_eq!(base, digest_of(rules, &[("a", "x"), ("b", "y")]));
}

#[test]
fn blanks_around_the_key_of_a_reference_do_not_count() {
    let rules = || {
        vec![
            AttributeSpec::value("userName", "a"),
            AttributeSpec::reference("urn:example:x:2.0:User:boss", "b"),
        ]
    };
    let plain = digest_of(rules(), &[("a", "x"), ("b", "7")]);
    assert_eq!(plain, digest_of(rules(), &[("a", "x"), ("b", " 7 ")]));
    assert_ne!(plain, digest_of(rules(), &[("a", "x7"), ("b", "")]));
    assert_ne!(plain, digest_of(rules(), &[("a", "x"), ("b", "77")]));
}
