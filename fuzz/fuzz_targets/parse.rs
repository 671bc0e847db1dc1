//! Any text is an expression or an error that points into it; the canonical text of an expression reads as the same one; what
//! can be parsed is compiled or refused. Nothing panics.
//!
//! ```sh
//! cargo +nightly fuzz run -s none parse -- -max_total_time=600 -max_len=2048 -len_control=0 -rss_limit_mb=1024 -timeout=10
//! ```
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peoplesync_mapping::expr::{MAX_LENGTH, parse};
use peoplesync_mapping::{AttributeSpec, Mapping, Spec};
use peoplesync_scim::{Resource, SchemaSet};

/// Made once: it would take most of the time.
static SCHEMAS: LazyLock<SchemaSet> = LazyLock::new(SchemaSet::standard);

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(expr) => {
            let canonical = expr.to_string();
            if canonical.chars().count() <= MAX_LENGTH {
                assert_eq!(parse(&canonical).as_ref(), Ok(&expr), "{canonical}");
            }
        }
        Err(error) => assert!(text.get(error.span.start..error.span.end).is_some()),
    }
    let attributes = ["title", "active", "roles", "urn:example:x:2.0:User:any"];
    let attributes = attributes.map(|path| AttributeSpec::value(path, text)).into();
    let spec = Spec { attributes, ..Spec::default() };
    if let Err(errors) = Mapping::compile(&spec, Resource::User, &SCHEMAS) {
        for error in errors {
            assert!(error.render().contains(&error.message));
        }
    }
});
