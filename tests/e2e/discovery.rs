//! What the target says of itself is asked once, and again when that may no longer hold.

use peoplesync_simulator::Behaviour;

use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS};

/// Applies another title: how often the target was asked what it can do.
#[track_caller]
fn asked(bed: &Bed, title: &str, more: &[&str]) -> usize {
    bed.write(
        "people.csv",
        format!("{HEADER}1,Ada,Lovelace,ada@example.com,{title},active,\n2,B,B,b@example.com,{title},active,\n"),
    );
    let _before = bed.simulator().take_requests();
    bed.run(&[&["apply", "--yes"], more].concat()).expect(0);
    let requests = bed.simulator().take_requests();
    requests.iter().filter(|request| request.path.starts_with("/ServiceProviderConfig")).count()
}

#[test]
fn it_is_asked_once_and_again_by_a_full_run_or_with_another_profile() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}"));
    assert_eq!(asked(&bed, "a", &[]), 1);
    assert_eq!(asked(&bed, "b", &[]), 0);
    assert_eq!(asked(&bed, "c", &["--full"]), 1);
    assert_eq!(asked(&bed, "d", &[]), 0);
    let other = "[target.overrides.list]\npage_size = 50\n";
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}{other}"));
    assert_eq!(asked(&bed, "e", &[]), 1);
    assert_eq!(asked(&bed, "f", &[]), 0);
    // What a config says is not asked for at all.
    let told = "[target.overrides.write]\nupdate = \"patch\"\n";
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}{told}"));
    assert_eq!(asked(&bed, "g", &[]), 0);
}

#[test]
fn it_is_asked_again_once_it_did_not_hold() {
    let says_patch = |request: &peoplesync_simulator::Request| {
        (request.method == "PATCH").then(|| peoplesync_simulator::Fault::status(501))
    };
    let bed = Bed::with(Behaviour::default(), says_patch);
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}"));
    assert_eq!(asked(&bed, "a", &[]), 1);
    // PATCH is refused here, so that the word of the target is not believed by the next one.
    assert_eq!(asked(&bed, "b", &[]), 0);
    assert_eq!(asked(&bed, "c", &[]), 1);
}
