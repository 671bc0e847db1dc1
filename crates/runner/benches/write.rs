//! Writing to a target: 10,000 creates beside a load generator on the same server, with the journal on a disk and in memory, and in
//! bulk requests;
//! a full comparison of 100,000 accounts; and a target that takes 50 writes a second.
//!
//! Limits: at least 0.9 of the requests a second that `oha` reaches with the same payloads and the same concurrency; at most
//! 60 µs of CPU a create in our own process; a journal that costs at most a tenth; at least 47 writes a second where 50 are
//! taken, fewer than 2 % of them refused, and nobody lost.
//!
//! `oha` is compared with twice: on a server that answers in no time, where the two processors are shared by whoever asks and whoever
//! answers, so that the CPU of a create decides; and on one that takes five milliseconds for an answer, as a fast service does.
//!
//! The server is this bench once more, in a process of its own with one thread, so that the CPU time of the other side is not
//! ours. It measures for everybody alike: from the first POST that reached it to the last.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, ends where something is not as it must be, and looks at a process from time to time"
)]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use peoplesync_simulator::{Behaviour, Bulk, Fault, RetryAfter, Simulator};
use serde_json::json;

const CREATES: usize = 10_000;
const ROUNDS: usize = 9;
/// So many bodies has `oha` to choose from: it takes them by chance, and whoever is there already is refused.
const BODIES: usize = 200_000;
const CONCURRENCY: usize = 8;
/// What a fast service takes for an answer.
const LATENCY_MS: u64 = 5;
const SLOW_CREATES: usize = 3_000;
const PER_SECOND: f64 = 50.0;
const ACCOUNTS: usize = 100_000;
/// As in the profile `generic`.
const PAGE: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("serve") => serve(arguments.get(2).map(String::as_str).unwrap_or_default()),
        Some("loop") => by_loop(&arguments[2]),
        Some("creates") => creates(),
        Some("distant") => distant(),
        Some("compare") => compare(),
        _ => {
            creates();
            distant();
            compare();
            limited();
        }
    }
}

/// What came of one load: POSTs a second as the server saw them, and CPU a create in the process of the client.
#[derive(Clone, Copy)]
struct Measured {
    per_second: f64,
    cpu: f64,
    journal: f64,
}

/// In turns, on a new server each time, so that what else the machine does hits all of them.
fn creates() {
    let oha = Command::new("oha").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !oha {
        println!(
            "OHA IS NOT HERE (`cargo install oha`): only a bare loop over reqwest stands beside us"
        );
    }
    let disk = tempfile::tempdir().unwrap();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut all: [Vec<Measured>; 6] = Default::default();
    let (disk_path, memory_path) = (disk.path(), memory.path());
    let places =
        [("free", disk_path), ("free", memory_path), ("bulk", disk_path), ("bulk", memory_path)];
    for _ in 0..ROUNDS {
        for (place, (kind, folder)) in places.into_iter().enumerate() {
            let server = Server::start(kind);
            let folder = tempfile::tempdir_in(folder).unwrap();
            let used = load(&server, folder.path(), CREATES);
            all[place].push(server.measured(used));
        }
        let server = Server::start("free");
        let own = std::env::current_exe().unwrap();
        let (used, _) = run(Command::new(&own).args(["loop", &server.url]));
        all[4].push(server.measured((used, 0.0)));
        if oha {
            let server = Server::start("free");
            let used = by_oha(&server, disk.path());
            all[5].push(server.measured((used, 0.0)));
        }
    }
    // Round by round, as what else the machine does lasts longer than a round.
    let cost = |disk: &[Measured], memory: &[Measured]| {
        let mut costs: Vec<f64> = disk
            .iter()
            .zip(memory)
            .map(|(disk, memory)| 100.0 * (1.0 - disk.per_second / memory.per_second))
            .collect();
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    };
    let (single_cost, bulk_cost) = (cost(&all[0], &all[1]), cost(&all[2], &all[3]));
    let [ours, in_memory, bulk, bulk_in_memory, bare, oha] = all.map(|mut rounds| {
        rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        rounds.get(rounds.len() / 2).copied()
    });
    let (ours, in_memory) = (ours.unwrap(), in_memory.unwrap());
    println!("{CREATES} creates, {CONCURRENCY} at once, median of {ROUNDS} rounds:");
    let line = |name: &str, measured: Option<Measured>| {
        let Some(Measured { per_second, cpu, .. }) = measured else { return };
        println!(
            "  {name:<32} {per_second:>7.0} creates/s, {cpu:>5.1} µs of CPU each; ours is {:.2} of it",
            ours.per_second / per_second
        );
    };
    line("peoplesync apply", Some(ours));
    line("the same, state in memory", Some(in_memory));
    line("a bare loop over reqwest", bare);
    line("oha (at least 0.9)", oha);
    line("peoplesync apply, bulk requests", bulk);
    line("the same, state in memory", bulk_in_memory);
    if let (Some(bulk), Some(oha)) = (bulk, oha) {
        println!(
            "  where the target takes bulk requests (RFC 7644 §3.7), ours is {:.2} of oha (at least 0.9)",
            bulk.per_second / oha.per_second
        );
    }
    println!(
        "  CPU of the whole command, reading, mapping and planning included: {:.1} µs a create (limit 60), of which the \
         journal's thread {:.1}; that its state is on a disk costs {single_cost:.1} % of the throughput (limit 10), \
         of bulk requests {bulk_cost:.1} %",
        ours.cpu, ours.journal,
    );
}

/// The same where an answer takes its time.
fn distant() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, mut oha) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let server = Server::start("distant");
        let place = tempfile::tempdir_in(folder.path()).unwrap();
        let used = load(&server, place.path(), CREATES);
        ours.push(server.measured(used).per_second);
        if Command::new("oha").arg("--version").stdout(Stdio::null()).status().is_ok() {
            let server = Server::start("distant");
            let used = by_oha(&server, folder.path());
            oha.push(server.measured((used, 0.0)).per_second);
        }
    }
    let median = |rounds: &mut Vec<f64>| {
        rounds.sort_by(f64::total_cmp);
        rounds.get(rounds.len() / 2).copied()
    };
    let ours = median(&mut ours).unwrap();
    print!(
        "{CREATES} creates, {CONCURRENCY} at once, where an answer takes {LATENCY_MS} ms: {ours:.0} creates/s"
    );
    match median(&mut oha) {
        Some(oha) => println!("; oha {oha:.0}, of which ours is {:.2} (at least 0.9)", ours / oha),
        None => println!("; oha is not here"),
    }
}

/// The server of one load.
struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start(kind: &str) -> Self {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new(own);
        command.args(["serve", kind]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        out.read_line(&mut url).unwrap();
        Self { child, out, url: url.trim().to_owned() }
    }

    /// Ends it: how many people are there, how many POSTs were let in and refused, and in how many seconds.
    fn end(mut self) -> [f64; 4] {
        drop(self.child.stdin.take());
        let mut told = String::new();
        self.out.read_to_string(&mut told).unwrap();
        self.child.wait().unwrap();
        let told: Vec<f64> = told.split_whitespace().map(|text| text.parse().unwrap()).collect();
        told.try_into().unwrap()
    }

    fn measured(self, (used, journal): (f64, f64)) -> Measured {
        let [_, taken, _, seconds] = self.end();
        let each = |used: f64| used * 1e6 / CREATES as f64;
        Measured { per_second: (taken - 1.0) / seconds, cpu: each(used), journal: each(journal) }
    }
}

/// Serves until its input ends, then tells what it saw.
fn serve(kind: &str) {
    let is_limited = kind == "limited";
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let watched = Arc::clone(&seen);
    let hook = move |request: &peoplesync_simulator::Request| {
        // Each operation of a bulk request is told as a request of its own.
        (request.method == "POST" && request.path != "/Bulk")
            .then(|| watched.lock().unwrap().post(is_limited.then_some(PER_SECOND)))
            .flatten()
    };
    let mut builder = Simulator::builder().record(false).faults(hook);
    match kind {
        "bulk" => builder = builder.bulk(Bulk::default()),
        "distant" => {
            let behaviour = Behaviour { latency_ms: LATENCY_MS, ..Behaviour::default() };
            builder = builder.behaviour(behaviour);
        }
        _ => {}
    }
    let simulator = runtime.block_on(builder.start()).unwrap();
    println!("{}", simulator.url());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let people = simulator.count(peoplesync_scim::Resource::User);
    let seen = seen.lock().unwrap();
    let time = seen.last.unwrap().duration_since(seen.first.unwrap());
    println!("{people} {} {} {}", seen.taken, seen.refused, time.as_secs_f64());
    runtime.shutdown_background();
}

#[derive(Default)]
struct Seen {
    first: Option<Instant>,
    last: Option<Instant>,
    taken: u32,
    refused: u32,
    /// A token bucket that nobody told the client about.
    bucket: Option<(f64, Instant)>,
}

impl Seen {
    fn post(&mut self, per_second: Option<f64>) -> Option<Fault> {
        let now = Instant::now();
        if let Some(rate) = per_second {
            let (left, at) = self.bucket.unwrap_or((rate, now));
            let left = (left + now.duration_since(at).as_secs_f64() * rate).min(rate);
            if left < 1.0 {
                self.bucket = Some((left, now));
                self.refused += 1;
                let retry_after = Some(RetryAfter::Seconds(1));
                return Some(Fault::Answer { status: 429, retry_after });
            }
            self.bucket = Some((left - 1.0, now));
        }
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.taken += 1;
        None
    }
}

/// A first load with the whole command: seconds of CPU in its process, and of them in its journal's thread.
fn load(server: &Server, folder: &Path, people: usize) -> (f64, f64) {
    write_files(&server.url, folder, people);
    let mut command = Command::new(env!("CARGO_BIN_EXE_peoplesync"));
    command.args(["apply", "--yes", "--quiet", "--show", "1"]).current_dir(folder);
    run(&mut command)
}

fn write_files(url: &str, folder: &Path, people: usize) {
    std::fs::write(folder.join("peoplesync.toml"), config(url)).unwrap();
    let mut text = "id,first,last,mail,title\n".to_owned();
    text.extend((0..people).map(|number| Person::of(number).csv()));
    std::fs::write(folder.join("people.csv"), text).unwrap();
}

/// Runs a command to its good end: seconds of CPU, and of them in its journal's thread.
fn run(command: &mut Command) -> (f64, f64) {
    let before = cpu_of_children();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut journal = 0.0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        journal = thread_of(child.id(), "journal").unwrap_or(journal);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{command:?} ended with {status}");
    (cpu_of_children() - before, journal)
}

/// User and system time of all children that have ended, in seconds (proc(5), fields 16 and 17, in hundredths).
fn cpu_of_children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [13, 14].iter().map(|at| fields[*at].parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The CPU time of a thread by its name, in seconds.
fn thread_of(process: u32, name: &str) -> Option<f64> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    tasks.flatten().find_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let used = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        let nanoseconds: f64 = used.split_whitespace().next()?.parse().ok()?;
        (comm.trim() == name).then_some(nanoseconds / 1e9)
    })
}

/// The same bodies as ours, and more of their kind, so that about two in a hundred are refused as there already.
fn by_oha(server: &Server, folder: &Path) -> f64 {
    let bodies: String =
        (0..BODIES).map(|number| Person::of(number).body() + "\n").collect::<Vec<_>>().concat();
    let path = folder.join("bodies.txt");
    std::fs::write(&path, bodies).unwrap();
    let mut command = Command::new("oha");
    command
        .args(["--no-tui", "--output-format", "json", "-n", &CREATES.to_string()])
        .args(["-c", &CONCURRENCY.to_string(), "-m", "POST", "-T", "application/scim+json", "-Z"])
        .arg(path)
        .arg(format!("{}/Users", server.url));
    run(&mut command).0
}

fn by_loop(url: &str) {
    let url = format!("{url}/Users");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
        let next = Arc::new(AtomicU32::new(0));
        let workers = (0..CONCURRENCY).map(|_| {
            let (http, url, next) = (http.clone(), url.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed) as usize;
                    if number >= CREATES {
                        break;
                    }
                    let request = http.post(&url).header("content-type", "application/scim+json");
                    let answer = request.body(Person::of(number).body()).send().await.unwrap();
                    answer.error_for_status().unwrap().bytes().await.unwrap();
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
    });
}

/// Nobody in particular.
struct Person(usize);

impl Person {
    fn of(number: usize) -> Self {
        Self(number)
    }

    fn csv(&self) -> String {
        let mut line = String::new();
        let n = self.0;
        writeln!(line, "{n},First{n},Last{n},user{n}@example.com,Engineer").unwrap();
        line
    }

    fn body(&self) -> String {
        let n = self.0;
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "externalId": format!("{n}"), "userName": format!("user{n}@example.com"),
            "name": { "givenName": format!("First{n}"), "familyName": format!("Last{n}") },
            "displayName": format!("First{n} Last{n}"), "title": "Engineer", "active": true,
        })
        .to_string()
    }
}

/// A full comparison of accounts that are all as wanted.
fn compare() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let simulator = runtime.block_on(Simulator::builder().record(false).start()).unwrap();
    let bodies =
        (0..ACCOUNTS).map(|number| serde_json::from_str(&Person::of(number).body()).unwrap());
    simulator.seed(peoplesync_scim::Resource::User, bodies).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_files(simulator.url(), folder.path(), ACCOUNTS);
    let command = |words: &[&str]| {
        let before = simulator.received();
        let mut command = Command::new(env!("CARGO_BIN_EXE_peoplesync"));
        command.args(words).current_dir(folder.path()).stdout(Stdio::null());
        let started = Instant::now();
        let status = command.status().unwrap();
        assert!(status.success(), "{words:?} ended with {status}");
        (simulator.received() - before, started.elapsed().as_secs_f64())
    };
    let (adopted, _) = command(&["apply", "--yes", "--quiet", "--show", "1"]);
    let (compared, seconds) = command(&["plan", "--full", "--quiet"]);
    let most = ACCOUNTS.div_ceil(PAGE) + 5;
    println!(
        "{ACCOUNTS} accounts as wanted, pages of {PAGE}: plan --full asks {compared} times (at most {most}) in {seconds:.1} s; \
         taking them over asked {adopted} times"
    );
    assert!(compared <= most as u64);
}

fn limited() {
    let server = Server::start("limited");
    let folder = tempfile::tempdir().unwrap();
    load(&server, folder.path(), SLOW_CREATES);
    let [people, taken, refused, seconds] = server.end();
    assert!((people - SLOW_CREATES as f64).abs() < 0.5, "somebody is lost");
    println!(
        "{SLOW_CREATES} creates where 50 a second are taken, which nobody said: {:.1} a second (at least 47), \
         {:.2} % refused (limit 2), everybody there",
        (taken - 1.0) / seconds,
        100.0 * refused / (refused + taken)
    );
}

fn config(url: &str) -> String {
    format!(
        r#"
[source]
kind = "csv"
settings = {{ path = "people.csv", key = "id" }}
[target]
url = "{url}"
concurrency = {CONCURRENCY}
[people.attributes]
externalId = "id"
userName = "mail"
"name.givenName" = "first"
"name.familyName" = "last"
displayName = 'Join(" ", first, last)'
title = "title"
active = 'true'
"#
    )
}
