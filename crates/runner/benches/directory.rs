//! How long a pass over 100,000 entries of OpenLDAP takes beside `ldapsearch` with the same page size, filter and attributes, in
//! turns in the same run, and how much memory it adds: `cargo bench -p peoplesync-ldap`. Takes the number of entries as an argument.
//!
//! Limit: 1.2 times, and memory that does not grow with the number of entries.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench is a program for developers")]

#[path = "../../../tests/servers/slapd.rs"]
mod slapd;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use peoplesync_ldap::Ldap;
use peoplesync_source::{Context, Query, Step};
use slapd::{ADMIN, Options, SUFFIX, Slapd, people};

/// What both ask for.
const ATTRIBUTES: [&str; 8] =
    ["entryUUID", "uid", "cn", "givenName", "sn", "mail", "employeeNumber", "title"];
const FILTER: &str = "(objectClass=inetOrgPerson)";
const PAGE: &str = "1000";

/// Each is measured so often, in turns.
const ROUNDS: usize = 5;

fn main() {
    let entries = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let Some(program) = slapd::program() else {
        println!("LEFT OUT: slapd is not here");
        return;
    };
    let ldif = people(entries);
    let server = Slapd::start_from(&program, &Options { ldif: &ldif, ..Options::default() });
    drop(ldif);
    // What the server has not read yet costs the first time only.
    search(&server);
    pass(&server, 1000);
    let before = peak();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(timed(|| search(&server)));
        ours.push(timed(|| assert_eq!(pass(&server, entries), entries)));
    }
    let after = peak();
    println!("{entries} entries, {} attributes, pages of {PAGE}:", ATTRIBUTES.len());
    for (name, at) in [("best", 0), ("median", ROUNDS / 2)] {
        let (ours, theirs) = (sorted(&ours)[at], sorted(&theirs)[at]);
        println!(
            "  {name}: ldapsearch {:.3} s, a pass {:.3} s, {:.2} x (limit 1.2)",
            theirs.as_secs_f64(),
            ours.as_secs_f64(),
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
    }
    println!("  peak memory: {} KiB after 1000 entries, {} KiB after all of them", before, after);
}

fn search(server: &Slapd) {
    let page = format!("pr={PAGE}/noprompt");
    let base = format!("ou=people,{SUFFIX}");
    let ended = Command::new("ldapsearch")
        .args([
            "-x",
            "-LLL",
            "-H",
            &server.url(),
            "-D",
            ADMIN,
            "-w",
            "admin",
            "-E",
            &page,
            "-b",
            &base,
            FILTER,
        ])
        .args(ATTRIBUTES)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success());
}

/// A pass that stops after so many; how many came.
fn pass(server: &Slapd, most: usize) -> usize {
    let settings = format!(
        "servers = [\"{}\"]\nkey = \"entryUUID\"\npage_size = {PAGE}\n\
         bind = {{ user = \"{ADMIN}\", password = \"admin\" }}\n\
         [[bases]]\ndn = \"ou=people,{SUFFIX}\"\nfilter = \"{FILTER}\"\n",
        server.url()
    );
    let source = peoplesync_testkit::source::<Ldap>(&settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let query = Query::fields(ATTRIBUTES);
        let mut records = source.open(&Context::for_tests("."), &query).await.unwrap();
        let mut count = 0;
        while count < most {
            match records.next().await.unwrap() {
                Step::Batch(batch) => count += batch.len(),
                Step::End(_) => break,
            }
        }
        count
    })
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn sorted(times: &[Duration]) -> Vec<Duration> {
    let mut times = times.to_vec();
    times.sort();
    times
}

/// The most memory that this process has had, in KiB; Linux only.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
