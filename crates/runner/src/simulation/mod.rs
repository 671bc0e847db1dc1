//! Whole histories in memory: a source, a target, a network, a clock and a process that dies, all of them driven by one seed. The
//! program is the real one, from the config to the state's file; only what surrounds it is simulated. After each run, and at each
//! write, a model of its own says whether something happened that must never happen.
//!
//! `cargo xtask simulate --seeds 10000` runs many; `--seed 7` runs one and tells what happened. A seed that once failed stands in
//! [`KEPT`], and is run by every `cargo test`.

mod bulk;
mod checker;
mod dice;
mod full_groups;
mod history;
mod run;
mod settings;
mod source;
mod wire;
mod world;

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use peoplesync_simulator::Provider;
use peoplesync_source::{Clock, Timestamp};

use checker::Checker;
use dice::Dice;
use history::{History, Tally};
use settings::Settings;
use world::World;

/// Seeds that found a mistake, whether their target takes bulk requests, and what it was.
const KEPT: &[(u64, bool, &str)] = &[
    (182, false, "a correction of letter case was lost with the write that a crash interrupted"),
    (
        596,
        false,
        "a lost create was taken to be the account that somebody else had made, although adopt = false",
    ),
    (
        807,
        false,
        "an answer that was no account was merged, and what the target then refused was taken to be what it never keeps",
    ),
    (
        6290,
        false,
        "a leaver whom somebody took into use again was deactivated within the grace period configured meanwhile",
    ),
    (6946, false, "the same, after the state of a plan that was not applied"),
];

/// How many histories every `cargo test` runs.
const EACH_TIME: u64 = 100;

/// A mistake on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    Nothing,
    /// The source leaves people out and calls that everything.
    ShortAndComplete,
    /// Each now and then a second account is created.
    TwiceCreated,
    /// A change goes to somebody else's account.
    WrongAccount,
    /// The plan takes an account for somebody's whose it is not.
    WrongMatch,
    /// What is meant for one person is written into the account of another who is changed too.
    MixedUp,
    /// A change removes what is not managed.
    WipesUnmanaged,
    /// The guards let everything pass.
    NoGuards,
    /// The grace period is not kept.
    NoGrace,
    /// Leavers are deleted that are to be deactivated.
    Deletes,
    /// `plan` writes.
    WritesInPlan,
}

/// A moment at which the process can die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Read,
    /// A request is on its way.
    Request,
    /// A request was carried out.
    Reply,
    /// The time is asked for, as before each write to the state.
    Clock,
}

/// Everything that surrounds the program.
#[derive(Debug)]
struct Sim {
    dice: Dice,
    world: World,
    target: Provider,
    /// How the target takes many changes in one request, if it does.
    bulk: Option<bulk::Offer>,
    settings: Settings,
    checker: Checker,
    sabotage: Sabotage,
    now: i64,
    /// Whether the source tells changes.
    incremental: bool,
    /// Whether things go wrong in this run.
    stormy: bool,
    /// How many moments of this kind the process still lives through.
    fate: Option<(Moment, u32)>,
    dead: bool,
    /// Who sees to it that nothing goes on.
    undertaker: Option<Waker>,
    trace: Option<String>,
}

type Shared = Arc<Mutex<Sim>>;

fn locked(shared: &Shared) -> MutexGuard<'_, Sim> {
    // A process that dies holds locks.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sim {
    fn note(&mut self, what: &str) {
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{what}").unwrap();
        }
    }

    fn is_stormy(&self) -> bool {
        self.stormy
    }

    /// Whether the process dies at this moment. From then on nothing of it goes on.
    fn may_die(&mut self, moment: Moment) -> bool {
        if let Some((fatal, left)) = &mut self.fate
            && *fatal == moment
        {
            match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => {
                    self.dead = true;
                    // It may be a task of its own that died, which nobody waits for.
                    self.undertaker.take().into_iter().for_each(Waker::wake);
                }
            }
        }
        self.dead
    }

    /// The config as the checker knows it.
    fn believed(&self) -> Settings {
        self.settings.clone()
    }
}

#[derive(Debug)]
struct SimulatedClock(Shared);

/// What a process unwinds with when it dies at a moment at which nothing is awaited.
struct Death;

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let mut sim = locked(&self.0);
        let was_dead = sim.dead;
        if sim.may_die(Moment::Clock) && !was_dead {
            sim.note("dies while it writes to the state");
            drop(sim);
            std::panic::resume_unwind(Box::new(Death));
        }
        Timestamp(sim.now)
    }
}

/// Runs one history in a folder.
fn history(seed: u64, sabotage: Sabotage, folder: &Path, traced: bool) -> Result<Tally, String> {
    History::new(seed, sabotage, folder, traced).run()
}

/// Runs histories side by side; the seeds of those that failed, with what was found.
fn histories(seeds: Range<u64>, sabotage: Sabotage) -> (Tally, Vec<(u64, String)>) {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let tallies = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let folder = folder();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    match history(seed, sabotage, folder.path(), false) {
                        Ok(tally) => tallies.lock().unwrap().add(&tally),
                        Err(found) => failed.lock().unwrap().push((seed, found)),
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    (tallies.into_inner().unwrap(), failed)
}

/// A folder in memory, where there is one: nothing of a history is to last.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// What a failed history looked like, with everything that happened in it.
fn told(seed: u64, sabotage: Sabotage) -> String {
    let folder = folder();
    match history(seed, sabotage, folder.path(), true) {
        Ok(_) => format!("seed {seed} failed, and does not when it is repeated"),
        Err(found) => found,
    }
}

fn expect_none(failed: &[(u64, String)]) {
    let Some((seed, _)) = failed.first() else { return };
    let list: Vec<String> =
        failed.iter().take(20).map(|(seed, found)| format!("seed {seed}: {found}")).collect();
    panic!(
        "{} histories failed, such as\n{}\n\nthe first of them (cargo xtask simulate --seed {seed}):\n{}",
        failed.len(),
        list.join("\n"),
        told(*seed, Sabotage::Nothing)
    );
}

#[test]
fn nothing_happens_that_must_never_happen() {
    let (tally, failed) = histories(0..EACH_TIME, Sabotage::Nothing);
    expect_none(&failed);
    // The histories are worth something only if much happens in them.
    let Tally { runs, deaths, refused, writes, reads_failed, bulks } = tally;
    assert!(runs > 8 * EACH_TIME && writes > 20 * EACH_TIME, "{tally:?}");
    assert!(deaths > EACH_TIME / 2 && refused > EACH_TIME / 20 && reads_failed > 0, "{tally:?}");
    assert!(bulks > EACH_TIME / 2, "{tally:?}");
}

#[test]
fn what_was_found_once_is_not_found_again() {
    let folder = folder();
    for (seed, bulk, what) in KEPT {
        assert_eq!(bulk::Offer::of(*seed).is_some(), *bulk, "seed {seed} is another history");
        let again = history(*seed, Sabotage::Nothing, folder.path(), false);
        assert!(again.is_ok(), "seed {seed} ({what}): {again:?}");
    }
}

/// However the threads of the machine take turns.
#[test]
fn a_seed_is_one_history() {
    let trace = |seed| {
        let folder = folder();
        let mut history = History::new(seed, Sabotage::Nothing, folder.path(), true);
        let _told_by_the_trace = history.run();
        history.trace()
    };
    for seed in 80..90 {
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(move || trace(seed));
            (trace(seed), other.join().unwrap())
        });
        assert!(first.lines().count() > 20, "{first}");
        assert_eq!(first, second, "seed {seed}");
    }
}

/// Each mistake is found, by the rule that is there for it.
#[test]
fn a_mistake_is_found() {
    let cases = [
        (Sabotage::ShortAndComplete, "leaver"),
        (Sabotage::TwiceCreated, "duplicate"),
        (Sabotage::WrongAccount, "planned"),
        (Sabotage::WrongMatch, "foreign"),
        (Sabotage::MixedUp, "content"),
        (Sabotage::WipesUnmanaged, "unmanaged"),
        (Sabotage::NoGuards, "guard"),
        (Sabotage::NoGrace, "grace"),
        (Sabotage::Deletes, "grace"),
        (Sabotage::WritesInPlan, "dry"),
    ];
    for (sabotage, rule) in cases {
        let by_rule = format!("[{rule}]");
        let is_found = (0..60).any(|part: u64| {
            let (_, failed) = histories(part * 6..(part + 1) * 6, sabotage);
            failed.iter().any(|(_, found)| found.contains(&by_rule))
        });
        assert!(is_found, "{sabotage:?} is not found by {rule}");
    }
}

/// What `cargo xtask simulate` calls: as many histories as it says, from a seed on.
#[test]
fn many() {
    let number = |name: &str| std::env::var_os(name)?.to_str()?.parse::<u64>().ok();
    let Some(seeds) = number("PEOPLESYNC_TEST_SEEDS") else { return };
    let first = number("PEOPLESYNC_TEST_FIRST_SEED").unwrap_or(0);
    if seeds == 1 {
        println!("{}", History::of_one(first));
        return;
    }
    let (tally, failed) = histories(first..first + seeds, Sabotage::Nothing);
    println!("{seeds} histories from seed {first}: {tally:?}");
    expect_none(&failed);
}
