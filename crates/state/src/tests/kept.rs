//! What a target keeps otherwise than it was written.

use super::*;
use crate::KeptNote;

fn all(state: &State) -> Vec<KeptNote> {
    let mut all = Vec::new();
    state.kept(User, |note| all.push(note)).unwrap();
    all
}

#[test]
fn a_later_note_takes_the_place_of_an_earlier_one_and_ends_with_the_link() {
    let mut state = memory();
    let note = |id: &str, wanted| KeptNote {
        id: id.to_owned(),
        path: "title".to_owned(),
        wanted: peoplesync_reconcile::Digest(wanted),
        found: peoplesync_reconcile::Digest(9),
    };
    state.remember_kept(User, &[note("a", 1), note("b", 2)]).unwrap();
    state.remember_kept(User, &[note("a", 3)]).unwrap();
    assert_eq!(all(&state), [note("a", 3), note("b", 2)]);
    let sql =
        "INSERT INTO links (resource, fp, key, digest, created, id) VALUES (1, 5, 'k', 0, 1, 'a')";
    state.connection().execute(sql, []).unwrap();
    state.connection().execute("DELETE FROM links WHERE id = 'a'", []).unwrap();
    assert_eq!(all(&state), [note("b", 2)]);
}
