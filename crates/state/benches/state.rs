//! What the state costs, beside a bare rusqlite loop over a trivial table on the same disk in the same run.
//!
//! `cargo bench -p peoplesync-state`; without `--bench`, as in `cargo test --benches`, the numbers are small and only show
//! that it runs.

#![expect(clippy::print_stdout, reason = "a bench is read on the terminal")]

use std::path::Path;
use std::time::{Duration, Instant};

use peoplesync_reconcile::{Action, Bookkeeping, Digest, Fingerprint, Link, Standing, Written};
use peoplesync_scim::Resource::User;
use peoplesync_state::{
    Access, Batch, HistoryNote, Intent, LinkEffect, Outcome, RunStart, Settlement, State,
};
use rusqlite::Connection;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// How much of everything.
struct Sizes {
    links: usize,
    batch: usize,
    commits: u64,
    group: u64,
}

fn main() -> Done<()> {
    let sizes = if std::env::args().any(|argument| argument == "--bench") {
        Sizes { links: 1_000_000, batch: 100_000, commits: 300, group: 64 }
    } else {
        Sizes { links: 1_000, batch: 100, commits: 3, group: 4 }
    };
    let folder = tempfile::tempdir()?;
    let mut state = open(&folder.path().join("state.db"))?;
    let mut bare = open_bare(&folder.path().join("bare.db"))?;
    println!("{:<44} {:>12} {:>12}", "", "state", "bare rusqlite");
    insert(&sizes, &mut state, &mut bare)?;
    scan(sizes.links, &state, &bare)?;
    points(&sizes, &state, &bare)?;
    notes(&sizes, &mut state, &mut bare)?;
    commits(&sizes, &mut state, &mut bare)
}

fn open(path: &Path) -> Done<State> {
    let access = Access::Write { who: "the bench".to_owned(), now: 0 };
    Ok(State::open(path, access, || [7; 32])?)
}

/// Two integers a row, with the same promises about the disk.
fn open_bare(path: &Path) -> rusqlite::Result<Connection> {
    let bare = Connection::open(path)?;
    bare.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
         CREATE TABLE bare (fp INTEGER PRIMARY KEY, digest INTEGER);
         CREATE TABLE log (number INTEGER PRIMARY KEY, text TEXT);",
    )?;
    Ok(bare)
}

/// Links in sorted batches, new people all over the index each time; one batch is one transaction.
fn insert(sizes: &Sizes, state: &mut State, bare: &mut Connection) -> Done<()> {
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for from in (0..sizes.links).step_by(sizes.batch) {
        let mut links: Vec<_> =
            (from..from + sizes.batch).map(|number| (fingerprint(number), link(number))).collect();
        links.sort_by_key(|(fingerprint, _)| *fingerprint);
        let start = Instant::now();
        state.put_links(User, &links)?;
        let (one, start) = (start.elapsed(), Instant::now());
        let transaction = bare.transaction()?;
        for (fingerprint, link) in &links {
            transaction
                .prepare_cached("INSERT INTO bare VALUES (?, ?)")?
                .execute([fingerprint.0, link.digest.0])?;
        }
        transaction.commit()?;
        let other = start.elapsed();
        show(&format!("insert {}, after {from}", sizes.batch), one, other);
        ours += one;
        theirs += other;
        if from == 0 {
            scan(sizes.batch, state, bare)?;
        }
    }
    show(&format!("insert {} in all", sizes.links), ours, theirs);
    Ok(())
}

fn scan(links: usize, state: &State, bare: &Connection) -> Done<()> {
    for round in ["first", "again"] {
        let (mut ours, mut theirs) = (0_i64, 0_i64);
        let start = Instant::now();
        let count = state.index(User, |fingerprint, digest, _, _| {
            ours ^= fingerprint.0 ^ digest.0;
        })?;
        let (one, start) = (start.elapsed(), Instant::now());
        let mut statement = bare.prepare("SELECT fp, digest FROM bare ORDER BY fp")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            theirs ^= row.get::<_, i64>(0)? ^ row.get::<_, i64>(1)?;
        }
        show(&format!("scan {count}, {round}"), one, start.elapsed());
        assert_eq!((count, ours), (links as u64, theirs), "both hold the same");
    }
    Ok(())
}

fn points(sizes: &Sizes, state: &State, bare: &Connection) -> Done<()> {
    let mut asked: Vec<(Fingerprint, String)> =
        (0..sizes.batch).map(|number| (fingerprint(number), key(number))).collect();
    asked.sort();
    let asked: Vec<_> =
        asked.iter().map(|(fingerprint, key)| (*fingerprint, key.as_str())).collect();
    let start = Instant::now();
    let found = state.links_by_key(User, &asked)?;
    let (one, start) = (start.elapsed(), Instant::now());
    let mut statement = bare.prepare("SELECT digest FROM bare WHERE fp = ?")?;
    for (fingerprint, _) in &asked {
        statement.query_row([fingerprint.0], |row| row.get::<_, i64>(0))?;
    }
    show(&format!("read {} by key", found.len()), one, start.elapsed());
    Ok(())
}

fn notes(sizes: &Sizes, state: &mut State, bare: &mut Connection) -> Done<()> {
    let mut notes: Vec<_> = (0..sizes.batch)
        .map(|number| {
            (
                fingerprint(number),
                Bookkeeping::Same {
                    key: key(number),
                    digest: Digest(1),
                    written: Written::default(),
                },
            )
        })
        .collect();
    notes.sort_by_key(|(fingerprint, _)| *fingerprint);
    let start = Instant::now();
    let changed = state.bookkeeping(User, &notes, 0)?;
    let (one, start) = (start.elapsed(), Instant::now());
    let transaction = bare.transaction()?;
    for (fingerprint, _) in &notes {
        transaction
            .prepare_cached("UPDATE bare SET digest = 1 WHERE fp = ?")?
            .execute([fingerprint.0])?;
    }
    transaction.commit()?;
    show(&format!("note {changed}"), one, start.elapsed());
    Ok(())
}

/// Group commits, as an apply does them: some intents and some settlements, durable when they return. Beside it as many
/// commits of one short row each.
fn commits(sizes: &Sizes, state: &mut State, bare: &mut Connection) -> Done<()> {
    let run = state.begin_run(&RunStart { kind: "bench".to_owned(), ..RunStart::default() })?;
    let mut seq = 0;
    for group in [1, sizes.group] {
        let start = Instant::now();
        let mut settled = Vec::new();
        for _ in 0..sizes.commits {
            let changes: Vec<u64> = (seq..seq + group).collect();
            seq += group;
            let intents: Vec<Intent> = changes.iter().map(|seq| intent(*seq)).collect();
            let (intents, settlements) = (&*intents, &*settled);
            state.record(run, &Batch { intents, settlements, ..Batch::default() })?;
            settled = changes.iter().map(|seq| settlement(sizes, *seq)).collect();
        }
        state.settle(run, &settled)?;
        let (one, start) = (start.elapsed(), Instant::now());
        for _ in 0..sizes.commits {
            bare.execute("INSERT INTO log (text) VALUES ('short')", [])?;
        }
        let other = start.elapsed();
        show(&format!("{} commits of {group} changes each", sizes.commits), one, other);
        let rate = |time: Duration| sizes.commits as f64 / time.as_secs_f64();
        println!("{:<44} {:>10.0}/s {:>10.0}/s", "  commits", rate(one), rate(other));
    }
    assert!(state.unsettled()?.is_empty(), "everything is settled");
    Ok(())
}

fn show(what: &str, state: Duration, bare: Duration) {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("{what:<44} {:>9.1} ms {:>9.1} ms", millis(state), millis(bare));
}

/// Spread over all numbers, as a hash is.
fn fingerprint(number: usize) -> Fingerprint {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Fingerprint((mixed ^ (mixed >> 29)).cast_signed())
}

fn key(number: usize) -> String {
    format!("{number:08}")
}

fn link(number: usize) -> Link {
    // Ids of targets come in no order.
    let id = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Link {
        key: key(number),
        id: format!("{id:032x}"),
        digest: Digest(i64::try_from(number).unwrap_or(i64::MAX) + 1),
        standing: Standing::Active,
        absent_since: None,
        created: true,
        written: Written::new((1..=12).collect()),
    }
}

fn intent(seq: u64) -> Intent {
    Intent {
        seq,
        resource: User,
        action: Action::Create,
        key: format!("new-{seq}"),
        id: None,
        lookup: vec![
            ("externalId".to_owned(), format!("new-{seq}")),
            ("userName".to_owned(), format!("new-{seq}@example.com")),
        ],
    }
}

fn settlement(sizes: &Sizes, seq: u64) -> Settlement {
    let number = sizes.links + usize::try_from(seq).unwrap_or_default();
    let link = Link { key: format!("new-{seq}"), ..link(number) };
    Settlement {
        seq,
        outcome: Outcome::Done,
        status: Some(201),
        error: None,
        history: HistoryNote {
            at: 0,
            resource: User,
            key: link.key.clone(),
            id: Some(link.id.clone()),
            name: Some(format!("new-{seq}@example.com")),
            action: Action::Create,
            reason: "not at the target yet".to_owned(),
            attributes: r#"[{"path":"userName","before":null,"after":"n***"}]"#.repeat(5),
            request: None,
        },
        link: LinkEffect::Put { fingerprint: fingerprint(number), link },
        members: None,
    }
}
