//! Any text is a filter or an error; what becomes of it is whole elements. A value never changes the form of a filter.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| peoplesync_ldap::fuzzing::filter(text));
