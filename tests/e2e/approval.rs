//! A refused plan passes once: by its hash, or by the signature of its file.

use std::io::Cursor;

use minisign::KeyPair;

use super::harness::{Bed, CONFIG, HEADER};

fn people(keys: std::ops::Range<u32>) -> String {
    let rows = keys.map(|n| format!("{n},F,L,u{n}@example.com,T,active,\n"));
    rows.fold(HEADER.to_owned(), |text, row| text + &row)
}

/// Twenty people of whom ten left.
fn bed(config: &str) -> Bed {
    let bed = Bed::new();
    bed.write("peoplesync.toml", config);
    bed.write("people.csv", people(0..20));
    bed.run(&["apply", "--yes"]).expect(0);
    bed.write("people.csv", people(0..10));
    bed
}

fn in_use(bed: &Bed) -> usize {
    bed.simulator().users().iter().filter(|user| user["active"] == true).count()
}

#[test]
fn by_its_hash_and_once() {
    let bed = bed(CONFIG);
    let plan = bed.run(&["plan", "--json"]).expect(6);
    let hash = plan.json()["plan"].as_str().unwrap().to_owned();
    assert!(plan.stderr.contains(&format!("peoplesync approve {hash}")), "{}", plan.stderr);

    bed.run(&["approve", &hash, "--reason", "they really left", "--who", "grace"]).expect(0);
    let applied = bed.run(&["apply", "--yes", "--json"]).expect(0).json();
    let approval = &applied["approval"];
    assert_eq!(approval["who"], "grace");
    assert_eq!(approval["reason"], "they really left");
    assert_eq!(approval["signed"], false);
    assert_eq!(in_use(&bed), 10);

    // The same again is another accident.
    bed.write("people.csv", people(0..20));
    bed.run(&["apply", "--yes"]).expect(0);
    bed.write("people.csv", people(0..10));
    bed.run(&["apply", "--yes"]).expect(6);
    assert_eq!(in_use(&bed), 20);
}

#[test]
fn the_word_of_another_counts_whoever_spoke_last() {
    let bed = bed(&format!("{CONFIG}\n[approval]\nby_another = true\n"));
    let plan = bed.run(&["plan", "--out", "leave.plan", "--json"]).expect(6).json();
    let hash = plan["plan"].as_str().unwrap();
    let author: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(bed.path("leave.plan")).unwrap()).unwrap();
    let author = author["saved"]["by"].as_str().unwrap();
    let approve = |who, reason| {
        bed.run(&["approve", hash, "--reason", reason, "--who", who]).expect(0);
    };
    approve(author, "mine");
    let own = bed.run(&["apply", "leave.plan", "--yes"]).expect(6);
    assert!(own.stderr.contains("cannot approve it too"), "{}", own.stderr);
    approve("grace", "they really left");
    approve(author, "mine again");
    let applied = bed.run(&["apply", "leave.plan", "--yes", "--json"]).expect(0).json();
    assert_eq!(applied["approval"]["who"], "grace");
    let runs = bed.run(&["history", "--runs", "--limit", "1"]).expect(0).stdout;
    let told = |words: &str| runs.contains(&format!("approved by {words}"));
    assert!(told("grace: they really left") && told(&format!("{author}: mine again")), "{runs}");
}

fn sign(bed: &Bed, pair: &KeyPair, plan: &str, why: &str) {
    let text = std::fs::read(bed.path(plan)).unwrap();
    let signature =
        minisign::sign(None, &pair.sk, Cursor::new(text), Some(why), Some("a plan")).unwrap();
    bed.write(&format!("{plan}.minisig"), signature.into_string());
}

#[test]
fn by_the_signature_of_its_file_and_once() {
    let (grace, eve) = (
        KeyPair::generate_unencrypted_keypair().unwrap(),
        KeyPair::generate_unencrypted_keypair().unwrap(),
    );
    let key = grace.pk.to_base64();
    let bed = bed(&format!("{CONFIG}\n[approval]\nkeys = {{ grace = \"{key}\" }}\n"));
    let plan = bed.run(&["plan", "--out", "monday.plan"]).expect(6);
    assert!(plan.stderr.contains("minisign -S -m monday.plan"), "{}", plan.stderr);
    let hash = bed.run(&["plan", "--json"]).json()["plan"].as_str().unwrap().to_owned();

    // A word is not enough, nor no signature, nor the one of somebody else, nor one of another file.
    let ran = bed.run(&["approve", &hash, "--reason", "they left"]).expect(2);
    assert!(ran.stderr.contains("minisign"), "{}", ran.stderr);
    bed.run(&["apply", "monday.plan"]).expect(6);
    sign(&bed, &eve, "monday.plan", "let me");
    let ran = bed.run(&["apply", "monday.plan"]).expect(6);
    assert!(ran.stderr.contains("not by a key of approval.keys (grace)"), "{}", ran.stderr);
    bed.write("other.plan", "another text");
    sign(&bed, &grace, "other.plan", "not this one");
    let ran = bed.run(&["apply", "monday.plan", "--signature", "other.plan.minisig"]).expect(6);
    assert!(ran.stderr.contains("approves nothing"), "{}", ran.stderr);
    bed.write("monday.plan.minisig", "hello");
    let ran = bed.run(&["apply", "monday.plan"]).expect(6);
    assert!(ran.stderr.contains("not a signature of minisign"), "{}", ran.stderr);
    assert_eq!(in_use(&bed), 20);

    sign(&bed, &grace, "monday.plan", "the office closes");
    let applied = bed.run(&["apply", "monday.plan", "--json"]).expect(0).json();
    assert_eq!(applied["approval"]["who"], "grace");
    assert_eq!(applied["approval"]["reason"], "the office closes");
    assert_eq!(applied["approval"]["signed"], true);
    assert_eq!(in_use(&bed), 10);
    bed.run(&["apply", "monday.plan"]).expect(6);
}

#[test]
fn a_signature_does_not_pass_a_plan_that_failed_and_is_tried_again() {
    let grace = KeyPair::generate_unencrypted_keypair().unwrap();
    let key = grace.pk.to_base64();
    let bed = bed(&format!("{CONFIG}\n[approval]\nkeys = {{ grace = \"{key}\" }}\n"));
    bed.run(&["plan", "--out", "monday.plan"]).expect(6);
    sign(&bed, &grace, "monday.plan", "the office closes");
    // The approval is used up when the run begins, whatever comes of it.
    let mut command = bed.command(&["apply", "monday.plan"]);
    command.env("PEOPLESYNC_APPROVAL__BY_ANOTHER", "true");
    super::harness::ran(&mut command).expect(6);
    bed.run(&["apply", "monday.plan", "--quiet"]).expect(0);
    bed.write("people.csv", people(0..20));
    bed.run(&["apply", "--yes", "--quiet"]).expect(0);
    bed.write("people.csv", people(0..10));
    let ran = bed.run(&["apply", "monday.plan"]).expect(6);
    assert!(ran.stderr.contains("no longer fits"), "{}", ran.stderr);
    assert_eq!(in_use(&bed), 20);
}

#[test]
fn keys_that_are_none_are_found_before_anything_is_read() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{CONFIG}\n[approval]\nkeys = {{ grace = \"RWQ\" }}\n"));
    let ran = bed.run(&["plan"]).expect(2);
    assert!(ran.stderr.contains("approval.keys.grace"), "{}", ran.stderr);
    assert!(ran.stderr.contains("public key of minisign"), "{}", ran.stderr);
}
