use peoplesync_reconcile::{Bookkeeping, MemberPrint};
use peoplesync_scim::Resource::Group;

use super::*;
use crate::MemberEffect;

fn person(key: &str) -> MemberPrint {
    MemberPrint { resource: User, fingerprint: fingerprint(key) }
}

fn found(group: &str, members: &[&str]) -> MemberEffect {
    let found = Some(members.iter().map(|key| person(key)).collect());
    MemberEffect { group: fingerprint(group), found, added: vec![], removed: vec![] }
}

/// Two groups, `g` with `a` and `b`, `h` with `b`, and a group `n` that is a member of `h`.
fn filled() -> State {
    let mut state = memory();
    put(&mut state, &[link("a"), link("b"), link("c")]).unwrap();
    let groups = ["g", "h", "n"].map(|key| (fingerprint(key), link(key)));
    state.put_links(Group, &groups).unwrap();
    let nested = MemberPrint { resource: Group, fingerprint: fingerprint("n") };
    let h = MemberEffect { added: vec![nested], ..found("h", &["b"]) };
    state.remember_members(&[found("g", &["b", "a"]), h]).unwrap();
    state
}

fn shown(state: &State) -> String {
    let mut text = String::new();
    let groups = ["g", "h", "n"].map(fingerprint);
    let name = |print: Fingerprint| char::from(print.0.to_be_bytes()[0]);
    state
        .memberships(&groups, |group, member| {
            let (group, member_name) = (name(group), name(member.fingerprint));
            writeln!(text, "{group}: {} {member_name}", member.resource).unwrap();
        })
        .unwrap();
    for key in ["g", "h", "n"] {
        let link = state.link(Group, fingerprint(key), key).unwrap();
        let digest = link.map_or("none".to_owned(), |link| link.digest.0.to_string());
        writeln!(text, "digest of {key}: {digest}").unwrap();
    }
    text
}

#[test]
fn members_come_back_sorted_as_they_were_written() {
    let mut state = filled();
    insta::assert_snapshot!(shown(&state), @"
    g: User a
    g: User b
    h: User b
    h: Group n
    digest of g: 42
    digest of h: 42
    digest of n: 42
    ");
    let serial = state.serial();
    let change =
        MemberEffect { added: vec![person("c")], removed: vec![person("a")], ..found("g", &[]) };
    state.remember_members(&[MemberEffect { found: None, ..change.clone() }]).unwrap();
    assert!(shown(&state).starts_with("g: User b\ng: User c\nh: "), "{}", shown(&state));
    state.remember_members(&[change]).unwrap();
    assert!(shown(&state).starts_with("g: User c\nh: "), "{}", shown(&state));
    assert_eq!(state.serial(), serial, "no link moved");
}

#[test]
fn members_are_settled_with_the_change_that_brought_them() {
    let mut state = filled();
    let run = begin(&mut state);
    let members = MemberEffect { found: None, added: vec![person("c")], ..found("h", &[]) };
    let settlement = Settlement {
        link: LinkEffect::None,
        members: Some(Box::new(members)),
        ..settlement(1, "h")
    };
    state.settle(run, &[settlement]).unwrap();
    assert!(shown(&state).contains("h: User b\nh: User c\nh: Group n\n"), "{}", shown(&state));
}

#[test]
fn a_membership_ends_with_the_link_of_either_side_and_the_group_is_looked_at_again() {
    let mut state = filled();
    state.forget(User, fingerprint("b"), "b").unwrap();
    insta::assert_snapshot!(shown(&state), @"
    g: User a
    h: Group n
    digest of g: 0
    digest of h: 0
    digest of n: 42
    ");
    let gone = Bookkeeping::Gone { key: "n".to_owned() };
    state.bookkeeping(Group, &[(fingerprint("n"), gone)], NOW).unwrap();
    state.forget(Group, fingerprint("g"), "g").unwrap();
    insta::assert_snapshot!(shown(&state), @"
    digest of g: none
    digest of h: 0
    digest of n: none
    ");
}

#[test]
fn a_person_with_another_account_is_in_no_group_yet() {
    let mut state = filled();
    let same = Link { digest: Digest(7), created: false, ..link("b") };
    put(&mut state, &[same]).unwrap();
    assert!(shown(&state).contains("g: User b\n"), "the same account: {}", shown(&state));
    put(&mut state, &[Link { id: "another".to_owned(), ..link("b") }]).unwrap();
    insta::assert_snapshot!(shown(&state), @"
    g: User a
    h: Group n
    digest of g: 0
    digest of h: 0
    digest of n: 42
    ");
}

#[test]
fn a_group_and_a_person_with_the_same_key_are_two() {
    let mut state = memory();
    put(&mut state, &[link("g")]).unwrap();
    state.put_links(Group, &[(fingerprint("g"), link("g"))]).unwrap();
    state.remember_members(&[found("g", &["g"])]).unwrap();
    state.forget(User, fingerprint("g"), "g").unwrap();
    assert_eq!(state.count(Group).unwrap(), 1);
    insta::assert_snapshot!(shown(&state), @"
    digest of g: 0
    digest of h: none
    digest of n: none
    ");
}
