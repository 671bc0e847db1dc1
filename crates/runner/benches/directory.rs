//! How long it takes to read and map 100,000 entries of OpenLDAP, beside `ldapsearch` with the same page size, filter and attributes,
//! in turns in the same run; and the most memory of a process that does it, for a quarter, a half and all of them:
//! `cargo bench -p peoplesync-runner --bench directory`. Takes the number of entries as an argument.
//!
//! Limit: 1.2 times, and memory that does not grow with the number of entries.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something is not as it must be"
)]

#[path = "../../../tests/servers/slapd.rs"]
mod slapd;

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use peoplesync_ldap::Ldap;
use peoplesync_mapping::{AttributeSpec, DigestKey, Draft, Mapping, Outcome, Spec};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Connector as _, Context, Query, Step};
use slapd::{ADMIN, Options, SUFFIX, Slapd, people};

/// What both ask for.
const ATTRIBUTES: [&str; 8] =
    ["entryUUID", "uid", "cn", "givenName", "sn", "mail", "employeeNumber", "title"];
const FILTER: &str = "(objectClass=inetOrgPerson)";
const PAGE: &str = "1000";

/// The rules of the attributes: copies, and values that are made of others.
const RULES: [(&str, &str); 8] = [
    ("externalId", "entryUUID"),
    ("userName", "ToLower(mail)"),
    ("displayName", "Coalesce([cn], givenName & \" \" & sn)"),
    ("name.givenName", "givenName"),
    ("name.familyName", "sn"),
    ("title", "title"),
    ("emails[type eq \"work\"].value", "mail"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "employeeNumber"),
];

/// Each is measured so often, in turns.
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // A process of its own: memory that was used once stays with a process.
    if let [_, mark, url, count] = arguments.as_slice()
        && mark == "--memory-of"
    {
        let count = count.parse().unwrap();
        assert_eq!(read_and_map(url, count), count);
        println!("{}", peak());
        return;
    }
    let entries = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let Some(program) = slapd::program() else {
        println!("LEFT OUT: slapd is not here");
        return;
    };
    let ldif = people(entries);
    let server = Slapd::start_from(&program, &Options { ldif: &ldif, ..Options::default() });
    drop(ldif);
    let url = server.url();
    // What the server has not read yet costs the first time only.
    search(&url);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(timed(|| search(&url)));
        ours.push(timed(|| assert_eq!(read_and_map(&url, entries), entries)));
    }
    println!("{entries} entries, {} attributes, pages of {PAGE}:", ATTRIBUTES.len());
    for (name, at) in [("best", 0), ("median", ROUNDS / 2)] {
        let (ours, theirs) = (sorted(&ours)[at], sorted(&theirs)[at]);
        println!(
            "  {name}: ldapsearch {:.3} s, read and mapped {:.3} s, {:.2} x (limit 1.2)",
            theirs.as_secs_f64(),
            ours.as_secs_f64(),
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
    }
    for count in [entries / 4, entries / 2, entries] {
        println!("  peak memory of {count:>6} read and mapped: {} KiB", memory_of(&url, count));
    }
}

fn search(url: &str) {
    let page = format!("pr={PAGE}/noprompt");
    let base = format!("ou=people,{SUFFIX}");
    let ended = Command::new("ldapsearch")
        .args([
            "-x", "-LLL", "-H", url, "-D", ADMIN, "-w", "admin", "-E", &page, "-b", &base, FILTER,
        ])
        .args(ATTRIBUTES)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success());
}

/// Reads and maps so many on one thread, as a run does it: batch by batch, each record into the same draft, and its digest. How many
/// are in scope.
fn read_and_map(url: &str, most: usize) -> usize {
    let settings = format!(
        "servers = [\"{url}\"]\nkey = \"entryUUID\"\npage_size = {PAGE}\n\
         bind = {{ user = \"{ADMIN}\", password = \"admin\" }}\n\
         [[bases]]\ndn = \"ou=people,{SUFFIX}\"\nfilter = \"{FILTER}\"\n"
    );
    let source = Ldap::build(toml::from_str(&settings).unwrap()).unwrap();
    let rules = RULES.iter().map(|(path, rule)| AttributeSpec::value(*path, *rule));
    let spec = Spec { attributes: rules.collect(), ..Spec::default() };
    let mapping = Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).unwrap();
    let query = Query::fields(ATTRIBUTES);
    let (mut draft, key) = (Draft::new(&mapping), DigestKey::new([7; 32]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut records = source.open(&Context::for_tests("."), &query).await.unwrap();
        let mut count = 0;
        while count < most {
            let Step::Batch(batch) = records.next().await.unwrap() else { break };
            let binding = mapping.bind(batch.fields());
            for record in batch.records().take(most - count) {
                let outcome = mapping.map(&binding, &record, &mut draft).unwrap();
                black_box(draft.digest(&key));
                count += usize::from(outcome == Outcome::InScope);
            }
        }
        count
    })
}

/// The most memory of a process that reads and maps so many, in KiB.
fn memory_of(url: &str, count: usize) -> u64 {
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new(program).args(["--memory-of", url, &count.to_string()]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
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
