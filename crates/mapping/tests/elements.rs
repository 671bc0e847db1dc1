//! Lists of objects: what of them counts when two drafts are compared.

use peoplesync_mapping::{
    AttributeSpec, DigestKey, Draft, ElementSpec, Mapping, PartSource, PartSpec, Rule, Spec,
};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Value};

fn part(name: &str, source: PartSource) -> PartSpec {
    PartSpec { name: name.to_owned(), setting: None, source }
}

/// The digest of a list of all values of a field `mails`, each of this type, and of a field `one`.
fn check(kind: &str, mails: &[&str], one: &str) -> [u8; 16] {
    let kind = part("type", PartSource::Text(kind.to_owned()));
    let of = |field: &str, each| ElementSpec {
        place: Vec::new(),
        each,
        parts: vec![part("value", PartSource::Expression(field.to_owned())), kind.clone()],
    };
    let mut emails = AttributeSpec::value("emails", "");
    emails.rule = Rule::Elements(vec![of("mails", true), of("one", false)]);
    let attributes = vec![AttributeSpec::value("userName", "\"x\""), emails];
    let spec = Spec { attributes, ..Spec::default() };
    let mapping = Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).expect("right");
    let mut batch = Batch::new(Fields::new(["mails", "one"]));
    let mut record = batch.record("7", Origin::row("test", 1)).expect("a key");
    mails.iter().for_each(|mail| record.push(0, Value::Text(mail)));
    record.set(1, Value::Text(one));
    let mut draft = Draft::new(&mapping);
    let record = batch.get(0).expect("one record");
    mapping.map(&mapping.bind(batch.fields()), &record, &mut draft).expect("a value");
    draft.digest(&DigestKey::new([7; 32]))
}

#[test]
fn the_order_of_elements_means_nothing_and_all_else_does() {
    let some = check("work", &["a", "b", "c"], "d");
    assert_eq!(check("work", &["c", "a", "b"], "d"), some);
    assert_eq!(check("work", &["c", "a", "b", "A"], "d"), some, "nothing comes twice");
    assert_ne!(check("work", &["a", "b"], "d"), some);
    assert_ne!(check("work", &["a", "b", "cd"], ""), some);
    assert_ne!(check("home", &["a", "b", "c"], "d"), some);
    assert_ne!(check("work", &["a", "bc"], "d"), check("work", &["ab", "c"], "d"));
}
