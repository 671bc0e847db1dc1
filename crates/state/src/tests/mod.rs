//! The tests of the state as a whole.

mod approvals;
mod crash;
mod history;
mod journal;
mod kept;
mod links;
mod memberships;
mod opening;
mod used_limits;
mod versions;

use std::fmt::Write as _;
use std::path::Path;

use peoplesync_reconcile::{Action, Digest, Fingerprint, Link, Standing, Written};
use peoplesync_scim::Resource::{self, User};

use crate::{
    Access, Batch, Error, Health, HistoryFilter, HistoryNote, Intent, LinkEffect, Outcome, RunId,
    RunStart, Settlement, State,
};

/// 2026-01-01, in milliseconds.
const NOW: i64 = 1_767_225_600_000;
const SEED: [u8; 32] = [7; 32];

fn writer() -> Access {
    Access::Write { who: "apply, process 123".to_owned(), now: NOW }
}

fn open(path: &Path) -> State {
    State::open(path, writer(), || SEED).unwrap()
}

fn read(path: &Path) -> State {
    State::open(path, Access::Read, || [9; 32]).unwrap()
}

fn memory() -> State {
    open(Path::new(":memory:"))
}

/// Keys here are short, so their bytes can be their fingerprint; sorted, and different for different keys.
fn fingerprint(key: &str) -> Fingerprint {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(key.bytes()) {
        *to = from;
    }
    Fingerprint(i64::from_be_bytes(bytes))
}

/// A link to the account `id-KEY`.
fn link(key: &str) -> Link {
    Link {
        key: key.to_owned(),
        id: format!("id-{key}"),
        digest: Digest(42),
        standing: Standing::Active,
        absent_since: None,
        created: true,
        written: Written::new(vec![1, u32::MAX]),
    }
}

fn put(state: &mut State, links: &[Link]) -> Result<(), Error> {
    let links: Vec<_> = links.iter().map(|link| (fingerprint(&link.key), link.clone())).collect();
    state.put_links(User, &links)
}

fn begin(state: &mut State) -> RunId {
    state
        .begin_run(&RunStart {
            kind: "full".to_owned(),
            plan_hash: "sha256:00".to_owned(),
            config_digest: "config-1".to_owned(),
            config: r#"{"scope":""}"#.to_owned(),
            who: "ada".to_owned(),
            started: NOW,
        })
        .unwrap()
}

fn intent(seq: u64, key: &str) -> Intent {
    Intent {
        seq,
        resource: User,
        action: Action::Create,
        key: key.to_owned(),
        id: None,
        lookup: vec![
            ("externalId".to_owned(), key.to_owned()),
            ("userName".to_owned(), format!("{key}@example.com")),
        ],
    }
}

/// A create that went well.
fn settlement(seq: u64, key: &str) -> Settlement {
    Settlement {
        seq,
        outcome: Outcome::Done,
        status: Some(201),
        error: None,
        link: LinkEffect::Put { fingerprint: fingerprint(key), link: link(key) },
        members: None,
        history: HistoryNote {
            at: NOW,
            resource: User,
            key: key.to_owned(),
            id: Some(format!("id-{key}")),
            name: Some(format!("{key}@example.com")),
            action: Action::Create,
            reason: "not at the target yet".to_owned(),
            attributes: r#"[{"path":"title","before":null,"after":"L***"}]"#.to_owned(),
            request: None,
        },
    }
}

/// Everything in the state, as text.
fn dump(state: &State) -> String {
    let mut out = String::new();
    for resource in [User, Resource::Group] {
        state
            .each_link(resource, |link| {
                writeln!(out, "{resource} {}", line(&link)).unwrap();
            })
            .unwrap();
    }
    for run in state.last_runs(100).unwrap() {
        writeln!(out, "run {}: {:?}, {:?}", run.id, run.start, run.end).unwrap();
    }
    for config in ["c0", "config-1"] {
        if let Some(cursor) = state.cursor(config).unwrap() {
            writeln!(out, "cursor of {config}: {cursor}").unwrap();
        }
    }
    for (approval, run) in state.last_approvals(100).unwrap() {
        writeln!(out, "{approval:?}, used by {run:?}").unwrap();
    }
    for name in ["hr", "it"] {
        let bits = state.source_bits(&[name]).unwrap();
        if !state.has_read(&[name]).unwrap() && bits == [0] {
            continue;
        }
        writeln!(out, "source {name}: bit {}, read {}", bits[0], state.has_read(&[name]).unwrap())
            .unwrap();
    }
    for held in state.holders().unwrap() {
        writeln!(out, "{held:?}").unwrap();
    }
    for retry in state.retries().unwrap() {
        writeln!(out, "{retry:?}").unwrap();
    }
    let health = state.health().unwrap();
    if health != Health::default() {
        writeln!(out, "{health:?}").unwrap();
    }
    if let Some(pending) = state.pending().unwrap() {
        writeln!(out, "{pending:?}").unwrap();
    }
    for (run, intent) in state.unsettled().unwrap() {
        writeln!(out, "unsettled in run {run}: {intent:?}").unwrap();
    }
    let everything = HistoryFilter { limit: u64::MAX, ..HistoryFilter::default() };
    for entry in state.entries(&everything).unwrap() {
        writeln!(out, "history: {entry:?}").unwrap();
    }
    out
}

fn line(link: &Link) -> String {
    let mut line = format!("{} -> {} digest {}", link.key, link.id, link.digest.0);
    if let Standing::Deactivated { since } = link.standing {
        write!(line, ", deactivated since {since}").unwrap();
    }
    if let Some(since) = link.absent_since {
        write!(line, ", absent since {since}").unwrap();
    }
    if !link.written.is_empty() {
        let hashes: Vec<String> =
            link.written.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        write!(line, ", wrote {}", hashes.concat()).unwrap();
    }
    line.push_str(if link.created { ", created" } else { ", adopted" });
    line
}

/// The error as the runner shows it, without the folder.
fn shown(error: &Error, folder: &Path) -> String {
    let mut out = format!("error: {error}\n");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        writeln!(out, "caused by: {cause}").unwrap();
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        writeln!(out, "hint: {hint}").unwrap();
    }
    let folder = folder.canonicalize().unwrap();
    out.replace(folder.to_str().unwrap(), "FOLDER")
}
