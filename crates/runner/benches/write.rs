//! Writing to a target: 10,000 creates beside a load generator on the same simulator, and a target that takes 50 writes a second.
//!
//! Limits: at least 0.9 of the requests a second that `oha` reaches with the same payload and the same concurrency (without
//! `oha` on the machine, a bare loop over `reqwest` stands in, and the bench says so), at most 60 µs of CPU a create in our own
//! process; at least 47 writes a second where 50 are taken, fewer than 2 % of them refused, and nobody lost.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something is not as it must be"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use peoplesync_simulator::{Fault, RetryAfter, Running, Simulator};
use serde_json::json;

const CREATES: usize = 10_000;
const ROUNDS: usize = 3;
const CONCURRENCY: usize = 8;
const SLOW_CREATES: usize = 3_000;
const PER_SECOND: f64 = 50.0;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    creates(&runtime);
    limited(&runtime);
}

/// In turns, on a new simulator each time, so that what else the machine does hits both.
fn creates(runtime: &tokio::runtime::Runtime) {
    let (mut ours, mut others, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let oha = Command::new("oha").arg("--version").stdout(Stdio::null()).status().is_ok();
    for _ in 0..ROUNDS {
        let simulator = runtime.block_on(Simulator::builder().record(false).start()).unwrap();
        let (seconds, used) = load(&simulator, CREATES);
        let requests = f64::from(u32::try_from(simulator.received()).unwrap());
        ours.push(requests / seconds);
        cpu.push(used * 1e6 / CREATES as f64);
        runtime.block_on(simulator.shutdown()).unwrap();
        let simulator = runtime.block_on(Simulator::builder().record(false).start()).unwrap();
        others.push(if oha { by_oha(&simulator) } else { by_loop(&simulator) });
        runtime.block_on(simulator.shutdown()).unwrap();
    }
    let best = |rates: &[f64]| rates.iter().copied().fold(f64::MIN, f64::max);
    let name = if oha { "oha" } else { "a bare loop (oha is not installed)" };
    println!(
        "{CREATES} creates, {CONCURRENCY} at once: {:.0} requests/s, {name} {:.0} requests/s, ratio {:.2} (at least 0.9); \
         CPU of our process, the whole command: {:.0} µs a create (limit 60)",
        best(&ours),
        best(&others),
        best(&ours) / best(&others),
        cpu.iter().copied().fold(f64::MAX, f64::min)
    );
}

/// A first load with the whole command: seconds, and seconds of CPU in its process.
fn load(simulator: &Running, people: usize) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("peoplesync.toml"), config(simulator.url())).unwrap();
    std::fs::write(folder.path().join("people.csv"), csv_of(people)).unwrap();
    let before = cpu_of_children();
    let started = Instant::now();
    let ended = command(folder.path()).status().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(ended.success(), "the apply ended with {ended}");
    assert_eq!(simulator.count(peoplesync_scim::Resource::User), people);
    (seconds, cpu_of_children() - before)
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peoplesync"));
    command
        .args(["apply", "--yes", "--quiet", "--show", "1"])
        .current_dir(folder)
        .stdout(Stdio::null());
    command
}

/// User and system time of all children that have ended, in seconds (proc(5), fields 16 and 17, in hundredths).
fn cpu_of_children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [13, 14].iter().map(|at| fields[*at].parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// A body like those of our creates; the simulator wants every userName once, so each request is refused but the first. What is
/// measured is how fast the server is asked, and a refusal costs it less: that favours the other side.
fn by_oha(simulator: &Running) -> f64 {
    let output = Command::new("oha")
        .args(["--no-tui", "--output-format", "json", "-n", &CREATES.to_string()])
        .args(["-c", &CONCURRENCY.to_string(), "-m", "POST", "-T", "application/scim+json", "-d"])
        .arg(body(1).to_string())
        .arg(format!("{}/Users", simulator.url()))
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    told["summary"]["requestsPerSec"].as_f64().unwrap()
}

fn by_loop(simulator: &Running) -> f64 {
    let url = format!("{}/Users", simulator.url());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
        let next = Arc::new(AtomicU32::new(0));
        let started = Instant::now();
        let workers = (0..CONCURRENCY).map(|_| {
            let (http, url, next) = (http.clone(), url.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number as usize >= CREATES {
                        break;
                    }
                    let answer = http.post(&url).json(&body(number)).send().await.unwrap();
                    answer.bytes().await.unwrap();
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
        CREATES as f64 / started.elapsed().as_secs_f64()
    })
}

fn body(number: u32) -> serde_json::Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": format!("{number}"), "userName": format!("user{number}@example.com"),
        "name": { "givenName": format!("First{number}"), "familyName": format!("Last{number}") },
        "displayName": format!("First{number} Last{number}"), "title": "Engineer", "active": true,
    })
}

/// A token bucket that nobody told the client about.
fn limited(runtime: &tokio::runtime::Runtime) {
    let refused = Arc::new(AtomicU32::new(0));
    let bucket = Mutex::new((PER_SECOND, Instant::now()));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let (count, times) = (refused.clone(), taken.clone());
    let hook = move |request: &peoplesync_simulator::Request| {
        if request.method == "GET" {
            return None;
        }
        let now = Instant::now();
        let mut bucket = bucket.lock().unwrap();
        let gained = now.duration_since(bucket.1).as_secs_f64() * PER_SECOND;
        *bucket = ((bucket.0 + gained).min(PER_SECOND), now);
        if bucket.0 < 1.0 {
            count.fetch_add(1, Ordering::Relaxed);
            return Some(Fault::Answer { status: 429, retry_after: Some(RetryAfter::Seconds(1)) });
        }
        bucket.0 -= 1.0;
        times.lock().unwrap().push(now);
        None
    };
    let simulator =
        runtime.block_on(Simulator::builder().record(false).faults(hook).start()).unwrap();
    load(&simulator, SLOW_CREATES);
    let times = taken.lock().unwrap();
    let (first, last) = (times.first().unwrap(), times.last().unwrap());
    let sustained = (times.len() - 1) as f64 / last.duration_since(*first).as_secs_f64();
    let refused = f64::from(refused.load(Ordering::Relaxed));
    println!(
        "{SLOW_CREATES} creates where 50 a second are taken, which nobody said: {sustained:.1} a second (at least 47), \
         {:.2} % refused (limit 2), everybody there",
        100.0 * refused / (refused + times.len() as f64)
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

fn csv_of(people: usize) -> String {
    let mut text = "id,first,last,mail,title\n".to_owned();
    for n in 0..people {
        writeln!(text, "{n},First{n},Last{n},user{n}@example.com,Engineer").unwrap();
    }
    text
}
