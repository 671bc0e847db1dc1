//! That the rules can fail: a connector with one deliberate fault after the other, and the rule that catches each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod toy;

use peoplesync_source::{Connector, Error, Source};
use peoplesync_testkit::{Home, Rule, alone, check};
use schemars::JsonSchema;
use serde::Deserialize;
use toy::{Config, EXAMPLE, Fault, Toy, ToyHarness};

const HOME: Home = Home { package: "peoplesync-toy", folder: "/src/connectors/toy" };

/// The faults, each with the rule that must catch it and words of its message.
const FAULTS: &[(Fault, Rule, &str)] = &[
    (Fault::ShowsSecretInSource, Rule::C3, "the source shows the secret"),
    (Fault::ShowsSecretInError, Rule::C3, "an error shows the secret"),
    (Fault::PassesDiffer, Rule::C4, "the second pass differs from the first"),
    (Fault::RepeatsKeys, Rule::C5, "key 1002 was delivered twice"),
    (Fault::ForgetsFirstPlace, Rule::C5, "does not name the first place, toy 2"),
    (Fault::EmptyKeysPass, Rule::C5, "4 records were expected, these came"),
    (Fault::NoPlaces, Rule::C6, "nobody can find"),
    (Fault::SamePlaces, Rule::C6, "toy 1 is the place of two"),
    (Fault::AbsolutePlaces, Rule::C6, "relative paths stay relative"),
    (Fault::DropsBadRow, Rule::C7, "one rejection was expected"),
    (Fault::AbortsAtBadRow, Rule::C7, "4 records were expected"),
    (Fault::UnpinnedBadRow, Rule::C7, "does not pin it"),
    (Fault::WrongStructureIsEmpty, Rule::C7, "of kind Malformed or Config was expected"),
    (Fault::UnknownFieldIsEmpty, Rule::C7, "the field no_such_field is not there"),
    (Fault::RenamesFields, Rule::C7, "field name of key 1001 is [] instead of"),
    (Fault::CutIsComplete, Rule::C8, "says that everything was offered"),
    (Fault::NeverEnds, Rule::C8, "empty batches in a row and no end"),
    (Fault::EmptyIsError, Rule::C9, "a complete end without records was expected"),
    (Fault::EmptyIsPartial, Rule::C9, "a complete end without records was expected"),
    (Fault::MissingIsEmpty, Rule::C10, "the check was to fail"),
    (Fault::MissingIsFinal, Rule::C10, "Never instead of Unavailable"),
    (Fault::DeniedCanBeRetried, Rule::C10, "instead of Denied"),
    (Fault::CheckAsksForMore, Rule::C11, "its check fails: an administrator is needed"),
    (Fault::TrimsText, Rule::C13, "field name of key blanks"),
    (Fault::JoinsLists, Rule::C13, "field phones of key 1001"),
    (Fault::MistypesFields, Rule::C13, "is said to hold Integer, and does not"),
    (Fault::IgnoresCancel, Rule::C15, "more than 16 batches came after cancelling"),
    (Fault::CancelledIsComplete, Rule::C15, "was cancelled and ends Complete"),
];

#[test]
fn each_fault_fails_its_rule() {
    for (fault, rule, words) in FAULTS {
        fails(*fault, *rule, words);
    }
}

#[test]
fn without_a_fault_every_rule_holds_and_what_is_impossible_is_declared() {
    alone(|| {
        let mut declared = Vec::new();
        for rule in Rule::ALL {
            match check::<Toy>(rule, &HOME, &ToyHarness(Fault::Nothing)) {
                Ok(exceptions) => declared.extend(exceptions.iter().map(ToString::to_string)),
                Err(failure) => panic!("{failure}"),
            }
        }
        let bytes = "C13 is not tried with bytes: toys know text only";
        let hostile = "C14 is not tried with hostile input: toys are friendly";
        for line in [bytes, hostile] {
            assert!(declared.iter().any(|declared| declared == line), "{declared:?}");
        }
    });
}

#[test]
fn a_thread_left_behind_fails_c12() {
    alone(|| fails(Fault::LeaksThread, Rule::C12, "threads: "));
}

#[test]
fn a_task_left_behind_fails_c12() {
    alone(|| fails(Fault::LeaksTask, Rule::C12, "tasks go on after their passes were dropped"));
}

#[test]
fn a_file_left_open_fails_c12() {
    alone(|| fails(Fault::LeaksFile, Rule::C12, "three passes were dropped half-way"));
}

#[test]
fn reading_everything_first_fails_c14() {
    alone(|| fails(Fault::Slurps, Rule::C14, "MiB of memory; the limit is"));
}

#[test]
fn everything_in_one_batch_fails_c14() {
    alone(|| fails(Fault::OneBatch, Rule::C14, "a batch held 100000 records"));
}

#[test]
fn records_lost_from_a_large_source_fail_c14() {
    alone(|| fails(Fault::DropsRecordsLate, Rule::C14, "of 100000 records came"));
}

fn fails(fault: Fault, rule: Rule, words: &str) {
    match check::<Toy>(rule, &HOME, &ToyHarness(fault)) {
        Ok(_) => panic!("{fault:?} was not caught by {rule}"),
        Err(failure) => {
            assert!(
                failure.to_string().contains(words),
                "{fault:?} is caught otherwise:\n{failure}"
            );
        }
    }
}

/// A connector that differs from the toy in its face only.
macro_rules! faces {
    ($($name:ident: $kind:literal, $example:expr, $config:ty;)+) => {
        $(
            struct $name;

            impl Connector for $name {
                const KIND: &'static str = $kind;
                const EXAMPLE: &'static str = $example;
                type Config = $config;

                fn build(_: $config) -> Result<Box<dyn Source>, Error> {
                    Toy::build(Config::default())
                }
            }
        )+
    };
}

/// Settings of which one has no description.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Undocumented {
    /// Described.
    fields: Vec<String>,
    inner: Option<Inner>,
}

/// Described as a type, but its field is not.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Inner {
    depth: u8,
}

/// Settings that accept anything.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Lenient {
    /// Described.
    fields: Vec<String>,
}

faces! {
    Shouting: "Toy", EXAMPLE, Config;
    Dashed: "toy-", EXAMPLE, Config;
    Elsewhere: "other", EXAMPLE, Config;
    ExampleOfAnother: "toy", "path = 'people.csv'", Config;
    ExampleTooShort: "toy", "fields = []", Config;
    WithoutDocs: "toy", "fields = []\n# [inner]\n", Undocumented;
    Permissive: "toy", "fields = []", Lenient;
}

#[test]
fn a_wrong_face_fails_c1_or_c2() {
    face_fails::<Shouting>(Rule::C1, "\"Toy\" is not lower-case kebab");
    face_fails::<Dashed>(Rule::C1, "\"toy-\" is not lower-case kebab");
    face_fails::<Elsewhere>(Rule::C1, "peoplesync-toy does not end with the kind, -other");
    face_fails::<ExampleOfAnother>(Rule::C2, "the example is refused");
    face_fails::<ExampleTooShort>(Rule::C2, "not in the example, not even as a comment: bad, ");
    face_fails::<WithoutDocs>(Rule::C2, "settings without a description: inner, Inner.depth");
    face_fails::<Permissive>(Rule::C2, "unknown keys are not refused (deny_unknown_fields)");
    let lost = Home { folder: "/src/elsewhere", ..HOME };
    let failure = check::<Toy>(Rule::C1, &lost, &ToyHarness(Fault::Nothing)).unwrap_err();
    assert!(failure.to_string().contains("the folder elsewhere is neither"), "{failure}");
}

fn face_fails<C: Connector>(rule: Rule, words: &str) {
    match check::<C>(rule, &HOME, &ToyHarness(Fault::Nothing)) {
        Ok(_) => panic!("{words:?} was not found"),
        Err(failure) => assert!(failure.to_string().contains(words), "{words}:\n{failure}"),
    }
}
