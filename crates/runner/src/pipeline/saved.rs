//! Saved plans: what `plan --out` writes, and whether it still fits.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use peoplesync_reconcile::{Change, Plan};
use peoplesync_scim::Resource;
use peoplesync_source::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Prepared;
use crate::clock;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::files::{self, Earlier};

/// The version of the file's form.
const FORMAT: u32 = 1;

/// How many differences a refusal names.
const NAMED: usize = 5;

/// What a plan was made from. A plan fits only where all of it is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Basis {
    /// The form of the file.
    pub(crate) format: u32,
    /// The program that wrote it.
    pub(crate) program: String,
    /// A keyed hash of the config, as far as it decides what a plan holds.
    pub(crate) config: String,
    /// A keyed hash of everything that was read.
    pub(crate) source: String,
    /// The number of the state, which moves with every link.
    pub(crate) state: i64,
    /// Whether everybody was compared with the target.
    pub(crate) full: bool,
    /// When it was made (RFC 3339).
    pub(crate) made: String,
    /// Who made it, as the system calls them.
    pub(crate) by: String,
}

impl Basis {
    pub(crate) fn new(config: String, snapshot: u128, state: i64, full: bool, now: i64) -> Self {
        Self {
            format: FORMAT,
            program: concat!("peoplesync ", env!("CARGO_PKG_VERSION")).to_owned(),
            config,
            source: format!("{snapshot:032x}"),
            state,
            full,
            made: clock::rfc3339(now),
            by: clock::user(),
        }
    }

    /// When it was made.
    pub(crate) fn moment(&self) -> Option<Timestamp> {
        let made = self.made.parse::<jiff::Timestamp>().ok()?;
        Some(Timestamp(made.as_millisecond()))
    }
}

/// A plan from a file.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) plan: Plan,
    pub(crate) basis: Basis,
    /// The file as it is, which a signature is of.
    pub(crate) text: Vec<u8>,
}

/// Writes a plan whole or not at all.
pub(crate) fn save(path: &Path, plan: &Plan, basis: &Basis) -> Outcome<()> {
    let failed = |error: &dyn std::error::Error| {
        Failure::unexpected(format!("cannot save the plan to {}", path.display()), error)
    };
    let mut document = serde_json::to_value(plan).map_err(|error| failed(&error))?;
    document["saved"] = serde_json::to_value(basis).map_err(|error| failed(&error))?;
    let text = serde_json::to_string_pretty(&document).map_err(|error| failed(&error))?;
    files::write(path, Earlier::Replaced, |file| file.write_all(text.as_bytes()))
        .map_err(|error| failed(&error))
}

/// Reads a plan back.
pub(crate) fn open(path: &Path) -> Outcome<Saved> {
    let refuse = |why: String| {
        Failure::usage(format!("{} is not a saved plan: {why}", path.display()))
            .with_hint("`peoplesync plan --out FILE` saves one")
    };
    let text = std::fs::read(path).map_err(|error| {
        Failure::usage(format!("cannot read the plan {}", path.display())).with_cause(&error)
    })?;
    let mut document: Json = serde_json::from_slice(&text)
        .map_err(|error| refuse(format!("it is not JSON ({error})")))?;
    let basis = document.as_object_mut().and_then(|members| members.remove("saved"));
    let Some(basis) = basis else {
        return Err(refuse("it lacks what `plan --out` adds to `plan --json`".to_owned()));
    };
    if let Some(format) = basis.get("format").and_then(Json::as_u64)
        && format != u64::from(FORMAT)
    {
        return Err(refuse(format!("its form is {format}, this program reads {FORMAT}")));
    }
    let basis = serde_json::from_value(basis).map_err(|error| refuse(error.to_string()))?;
    let plan: Plan = serde_json::from_value(document).map_err(|error| refuse(error.to_string()))?;
    if !plan.verify_hash() {
        return Err(Failure::new(
            Exit::Refused,
            format!("{} was changed after it was saved: its hash does not fit", path.display()),
        )
        .with_hint("plan again; a plan is applied exactly as it was shown, or not at all"));
    }
    Ok(Saved { plan, basis, text })
}

/// Refuses a saved plan when anything moved since, and says what.
pub(crate) fn still_fits(saved: &Saved, fresh: &Prepared) -> Outcome<()> {
    let mut moved = Vec::new();
    if saved.basis.config != fresh.basis.config {
        moved.push("the config is another".to_owned());
    }
    if saved.basis.source != fresh.basis.source {
        moved.push("the source has changed".to_owned());
    }
    if saved.basis.state != fresh.basis.state {
        moved.push("another run has changed the links".to_owned());
    }
    if saved.plan.plan != fresh.plan.plan {
        moved.extend(differences(&saved.plan, &fresh.plan));
    }
    if moved.is_empty() {
        return Ok(());
    }
    let mut refusal = Failure::new(
        Exit::Refused,
        format!("the saved plan of {} no longer fits", saved.basis.made),
    )
    .with_hint("plan again, look at the new plan, and apply that; nothing was written");
    for what in moved {
        refusal = refusal.about_cause(what);
    }
    Err(refusal)
}

/// What of a person is another than when the plan was made: at the target, or in the source.
fn moved(then: &Change, now: &Change) -> String {
    let shown = |value: &Option<Json>| {
        value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
    };
    if then.id != now.id {
        return "would be changed at another account now".to_owned();
    }
    if then.action != now.action {
        return format!("would be a {} now, not a {}", now.action.name(), then.action.name());
    }
    for before in &then.attributes {
        let mut attributes = now.attributes.iter();
        let Some(after) = attributes.find(|other| other.path == before.path) else { continue };
        let shown = |value: &Option<Json>| match before.redact && value.is_some() {
            true => peoplesync_reconcile::REDACTED.to_owned(),
            false => shown(value),
        };
        if before.before != after.before {
            let (old, new) = (shown(&before.before), shown(&after.before));
            return format!("has another {} at the target: {new}, not {old}", before.path);
        }
        if before.after != after.after {
            let (old, new) = (shown(&before.after), shown(&after.after));
            return format!("gets another {} now: {new}, not {old}", before.path);
        }
    }
    if then.origin != now.origin {
        let place = |change: &Change| change.origin.clone().unwrap_or_else(|| "nowhere".to_owned());
        return format!("stands in {} now, not in {}", place(now), place(then));
    }
    "would be changed otherwise now".to_owned()
}

fn differences(saved: &Plan, fresh: &Plan) -> Vec<String> {
    let by_key = |plan: &Plan| -> BTreeMap<(Resource, String), Change> {
        let changes = plan.changes.iter();
        changes.map(|change| ((change.resource, change.key.clone()), change.clone())).collect()
    };
    let (then, now) = (by_key(saved), by_key(fresh));
    let mut found: Vec<String> = Vec::new();
    for (of, change) in &then {
        let key = &of.1;
        match now.get(of) {
            None => found.push(format!("{} (key {key}) no longer needs a change", change.name)),
            Some(other) if other != change => {
                found.push(format!("{} (key {key}) {}", change.name, moved(change, other)));
            }
            Some(_) => {}
        }
    }
    for (of, change) in &now {
        let key = &of.1;
        if !then.contains_key(of) {
            found.push(format!("{} (key {key}) needs a change now", change.name));
        }
    }
    if found.is_empty() {
        found.push("rejections, warnings or guards are others now".to_owned());
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    found
}
