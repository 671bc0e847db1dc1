//! What was used of limits outlives a process.

use super::*;

#[test]
fn limits_are_kept_as_they_were_named_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let used = |names: &[(&str, i64)]| -> Vec<(String, i64)> {
        names.iter().map(|(name, until)| ((*name).to_owned(), *until)).collect()
    };
    let mut state = open(&path);
    assert_eq!(state.used_limits().unwrap(), []);
    state.keep_used_limits(&used(&[("b", NOW + 2), ("a", NOW + 1)])).unwrap();
    state.keep_used_limits(&used(&[("c", NOW + 3), ("a", NOW + 4)])).unwrap();
    let serial = state.serial();
    drop(state);
    let state = read(&path);
    assert_eq!(state.used_limits().unwrap(), used(&[("a", NOW + 4), ("c", NOW + 3)]));
    assert_eq!(state.serial(), serial, "no plan is outdated by it");
}
