//! Times as .NET writes and reads them without being told a form (invariant culture): month before day.

use std::sync::LazyLock;

use peoplesync_source::Timestamp;

use super::{Culture, Form, Spaces, parse};

/// What `CDate` reads beside ISO 8601, and how directories write times (RFC 4517 §3.3.13).
const FORMS: [&str; 15] = [
    "M/d/yyyy h:mm:ss tt",
    "M/d/yyyy h:mm tt",
    "M/d/yyyy H:mm:ss",
    "M/d/yyyy H:mm",
    "M/d/yyyy",
    "yyyy/M/d H:mm:ss",
    "yyyy/M/d",
    "ddd, d MMM yyyy H:mm:ss 'GMT'",
    "d MMM yyyy",
    "d MMMM yyyy",
    "d-MMM-yyyy",
    "MMM d, yyyy",
    "MMMM d, yyyy",
    "yyyyMMddHHmmss'Z'",
    "yyyyMMddHHmmss.F'Z'",
];

static READ: LazyLock<Vec<Form>> =
    LazyLock::new(|| FORMS.iter().filter_map(|form| Form::parse(form).ok()).collect());

static WRITTEN: LazyLock<Option<Form>> = LazyLock::new(|| Form::parse("M/d/yyyy h:mm:ss tt").ok());

/// Reads a time in any form that needs no telling.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let invariant = Culture::invariant();
    parse(text).or_else(|| READ.iter().find_map(|form| form.read(text, invariant, Spaces::NONE)))
}

/// `3/16/2020 7:00:00 AM`.
pub(crate) fn write(time: Timestamp) -> String {
    WRITTEN.as_ref().map(|form| form.write(time, Culture::invariant())).unwrap_or_default()
}
