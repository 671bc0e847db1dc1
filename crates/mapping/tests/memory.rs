//! What an evaluation takes grows with the input and no faster, whatever stands in what. One test alone in its process, so that
//! its peak of memory is that of the evaluation. Linux only, where `/proc` tells.

use std::fs;

use peoplesync_mapping::{AttributeSpec, Draft, Mapping, Spec};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Value};

/// Memory in bytes: now (`VmRSS`), or at most since the last look (`VmHWM`).
fn memory(name: &str) -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: usize = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().ok()?;
    Some(kilobytes * 1024)
}

/// By how much an evaluation raises the memory of the process, and what came of it.
fn check(expression: &str, text: &str) -> Option<(usize, String)> {
    let spec = Spec { attributes: vec![AttributeSpec::value(ANY, expression)], ..Spec::default() };
    let mapping = Mapping::compile(&spec, Resource::User, &SchemaSet::standard())
        .map_err(|errors| errors[0].render())
        .expect("a valid expression");
    let mut batch = Batch::new(Fields::new(["a"]));
    batch.record("7", Origin::row("test", 1)).expect("a key").set(0, Value::Text(text));
    let (record, mut draft) = (batch.get(0).expect("one record"), Draft::new(&mapping));
    let binding = mapping.bind(batch.fields());
    // The peak begins anew, as proc(5) says.
    fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = memory("VmRSS")?;
    let outcome = mapping.map(&binding, &record, &mut draft);
    let growth = memory("VmHWM")?.saturating_sub(before);
    Some((growth, outcome.map_or_else(|error| error.reason, |_| "a value".to_owned())))
}

const ANY: &str = "urn:example:any:2.0:User:any";

#[test]
fn memory_grows_with_the_input_and_no_faster() {
    /// For each byte of the input: a list of single letters is the worst, with a value for each of them.
    const FACTOR: usize = 100;
    /// What is not of the input: the allocator's own steps, texts up to their limit.
    const SLACK: usize = 16 << 20;
    let doubled = |inner: &str, times: usize| {
        (0..times).fold(inner.to_owned(), |inner, _| format!("Join(\"\", {inner}, {inner})"))
    };
    let bombs = [
        "Split(a, \",\")".to_owned(),
        "RemoveDuplicates(Split(a, \",\"))".to_owned(),
        "Split(Join(\",\", Split(a, \",\"), Split(a, \",\"), Split(a, \",\")), \",\")".to_owned(),
        "Join(\",,,,,,,,\", Split(a, \",\"))".to_owned(),
        "Replace(a, \",\", , , \",,,,,,,,,,,,,,,,\", , )".to_owned(),
        "Replace(a, , \"(?<x>.)\", , \"${x}${x}${x}${x}\", , )".to_owned(),
        "Replace(a, , \"\", , \"yyyyyyyyyyyyyyyy\", , )".to_owned(),
        "Transliterate(NormalizeDiacritics(PCase(a)))".to_owned(),
        "ConvertToBase64(ConvertToUTF8Hex(a))".to_owned(),
        "Append(Append(a, a), Append(a, a))".to_owned(),
        "AppRoleAssignmentsComplex(Split(a, \",\"))".to_owned(),
        doubled("a", 6),
        doubled("Join(\",\", Split(a, \",\"))", 1),
    ];
    for bomb in bombs {
        for unit in ["x,", "é,", ",,"] {
            for length in [1 << 18, 1 << 20] {
                let Some((growth, outcome)) = check(&bomb, &unit.repeat(length / unit.len()))
                else {
                    return;
                };
                assert!(
                    growth <= FACTOR * length + SLACK,
                    "{bomb} of {length} bytes of {unit} takes {growth}; {outcome}"
                );
            }
        }
    }
}
