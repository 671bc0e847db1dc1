use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn index(fingerprints: &[i64]) -> LinkIndex {
    let mut index = LinkIndex::with_capacity(fingerprints.len());
    for fingerprint in fingerprints {
        let digest = Digest(fingerprint.wrapping_mul(3));
        index.push(Fingerprint(*fingerprint), digest, &Standing::Active, false);
    }
    index.finish();
    index
}

/// Every fingerprint is found with its own digest, and its neighbours only if they are there.
fn check(fingerprints: &[i64]) {
    let index = index(fingerprints);
    let known: BTreeSet<i64> = fingerprints.iter().copied().collect();
    for &fingerprint in fingerprints {
        for wanted in [fingerprint, fingerprint.wrapping_add(1), fingerprint.wrapping_sub(1)] {
            match index.find(Fingerprint(wanted)) {
                None => assert!(!known.contains(&wanted), "{wanted} is not found"),
                Some(at) => {
                    assert_eq!(index.fingerprint_at(at), Fingerprint(wanted));
                    assert_eq!(index.digest_at(at), Digest(wanted.wrapping_mul(3)));
                    let before = at.checked_sub(1).map(|before| index.fingerprint_at(before));
                    assert_ne!(before, Some(Fingerprint(wanted)), "not the first of its kind");
                }
            }
            let at = index.find(Fingerprint(wanted));
            let is_shared = at.is_some_and(|at| index.flags_at(at) & flag::SHARED != 0);
            let count = fingerprints.iter().filter(|known| **known == wanted).count();
            assert_eq!(is_shared, count > 1, "{wanted} stands {count} times");
        }
    }
}

#[test]
fn an_entry_takes_seventeen_bytes() {
    assert_eq!(size_of::<Entry>(), 16);
    let index = index(&[1, 2, 3]);
    assert_eq!(size_of_val(&index.flags[0]), 1);
}

#[test]
fn nothing_is_found_among_nobody() {
    let index = index(&[]);
    assert!(index.is_empty());
    assert_eq!(index.find(Fingerprint(0)), None);
}

#[test]
fn the_ends_of_the_range_are_found() {
    check(&[i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX]);
    check(&[i64::MAX]);
    check(&[i64::MIN, i64::MIN]);
}

#[test]
fn fingerprints_that_are_no_hashes_are_found_too() {
    let near_zero: Vec<i64> = (0..5000).collect();
    check(&near_zero);
    let at_the_ends: Vec<i64> =
        (0..2000).map(|n| if n % 2 == 0 { i64::MIN + n } else { i64::MAX - n }).collect();
    check(&at_the_ends);
}

#[test]
fn flags_are_set_on_all_that_share_a_fingerprint() {
    let mut index = index(&[7, 5, 7, 9, 7]);
    assert!(index.set(Fingerprint(7), flag::PINNED));
    assert!(!index.set(Fingerprint(8), flag::PINNED));
    let pinned: Vec<i64> = (0..index.len())
        .filter(|at| index.flags_at(*at) & flag::PINNED != 0)
        .map(|at| index.fingerprint_at(at).0)
        .collect();
    assert_eq!(pinned, [7, 7, 7]);
}

#[test]
fn standing_and_absence_travel_with_the_link_through_sorting() {
    let mut index = LinkIndex::default();
    let gone = Standing::Deactivated { since: 5 };
    index.push(Fingerprint(9), Digest(1), &gone, false);
    index.push(Fingerprint(-3), Digest(2), &Standing::Active, true);
    index.push(Fingerprint(4), Digest(3), &Standing::Active, false);
    index.finish();
    let all: Vec<_> = (0..3)
        .map(|at| (index.fingerprint_at(at).0, index.digest_at(at).0, index.flags_at(at)))
        .collect();
    assert_eq!(all, [(-3, 2, flag::ABSENT), (4, 3, 0), (9, 1, flag::DEACTIVATED)]);
}

proptest! {
    #[test]
    fn whatever_is_there_is_found(
        spread in prop::collection::vec(any::<i64>(), 0..400),
        dense in prop::collection::vec(-20i64..20, 0..20),
    ) {
        check(&[spread, dense].concat());
    }
}
