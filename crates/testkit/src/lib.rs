#![doc = include_str!("../README.md")]

mod harness;
mod pass;
mod process;
mod rule;
mod rules;
mod situation;

pub use harness::{Harness, Scene, Stage};
pub use pass::{Entry, Pass, read_all, source};
pub use process::alone;
pub use rule::{Exception, Failure, Home, Rule, check, run};
pub use situation::{Datum, Large, Row, SECRET, Situation, Table};

/// Makes one test for each conformance rule: `conformance!(Connector, harness)`.
///
/// The second argument is an expression that gives a [`Harness`]; every test evaluates it anew. Used in the connector's own
/// crate, whose name and folder are part of rule C1.
#[macro_export]
macro_rules! conformance {
    ($connector:ty, $harness:expr $(,)?) => {
        $crate::conformance! { @rules $connector, $harness,
            C1 c1_the_kind_names_the_crate_and_its_folder,
            C2 c2_every_setting_is_documented_and_an_unknown_one_is_refused,
            C3 c3_building_does_no_io_and_nothing_shows_a_secret,
            C4 c4_two_passes_give_the_same,
            C5 c5_keys_are_unique_in_a_pass,
            C6 c6_every_entry_has_a_place_that_a_person_can_find,
            C7 c7_a_bad_entry_is_rejected_and_a_wrong_structure_is_an_error,
            C8 c8_a_cut_source_is_never_complete,
            C9 c9_an_empty_source_is_complete_with_zero_records,
            C10 c10_unreachable_can_be_retried_and_denied_cannot,
            C11 c11_a_check_succeeds_whenever_an_open_would,
            C12 c12_a_dropped_pass_leaves_nothing_behind,
            C13 c13_text_bytes_and_lists_survive,
            C14 c14_memory_stays_bounded,
            C15 c15_cancelling_ends_the_pass_soon,
        }
    };
    (@rules $connector:ty, $harness:expr, $($rule:ident $name:ident,)+) => {
        $(
            #[test]
            fn $name() {
                let home = $crate::Home {
                    package: env!("CARGO_PKG_NAME"),
                    folder: env!("CARGO_MANIFEST_DIR"),
                };
                $crate::run::<$connector, _>($crate::Rule::$rule, &home, || $harness);
            }
        )+
    };
}
