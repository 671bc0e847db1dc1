//! The no-change plan: 100,000, 200,000 and 400,000 people from a CSV of 15 columns, all linked, nothing to do. The whole command is
//! timed, from the start of the process to its end, beside what the bare `csv` crate needs to read the same file in the same run.
//!
//! Limit: at most 5 times the bare reading at its fastest (bytes, one record used again; the usual way, a text for each record,
//! stands beside it), and 32 bytes of memory for each further person. The three are measured in turns, so that what else the
//! machine does hits all alike; the median says how it was, the best what it takes. Memory is measured in rounds of its own,
//! as watching a process costs time. Beside it stands what a person costs from the file to the digest, without all the rest.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something is not as it must be"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use peoplesync_csv::Csv;
use peoplesync_mapping::{AttributeSpec, DigestKey, Draft, Mapping, Spec, fingerprint};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_simulator::Simulator;
use peoplesync_source::{Connector as _, Context, Query, Step};

const ROUNDS: usize = 15;
const MEMORY_ROUNDS: usize = 15;
const SIZES: [usize; 3] = [100_000, 200_000, 400_000];

const SCOPE: &str = "status <> \"external\"";

const ATTRIBUTES: [(&str, &str); 14] = [
    ("externalId", "employee_id"),
    ("userName", "Coalesce([mail], [upn])"),
    ("displayName", "Join(\" \", first_name, last_name)"),
    ("name.givenName", "first_name"),
    ("name.familyName", "last_name"),
    ("title", "job_title"),
    ("active", "status = \"active\""),
    ("emails[type eq \"work\"].value", "ToLower(mail)"),
    ("phoneNumbers[type eq \"work\"].value", "phone"),
    ("addresses[type eq \"work\"].streetAddress", "street"),
    ("addresses[type eq \"work\"].locality", "city"),
    ("addresses[type eq \"work\"].country", "country"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "department"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter", "cost_center"),
];

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().record(false).start()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("peoplesync.toml"), config(simulator.url())).unwrap();
    let csv_file = folder.path().join("people.csv");

    let mut peaks = Vec::new();
    let mut linked = 0;
    for people in SIZES {
        std::fs::write(&csv_file, csv_of(people)).unwrap();
        let started = Instant::now();
        run(folder.path(), &["apply", "--yes", "--quiet", "--show", "1"]);
        let loading = started.elapsed();

        let (mut ours, mut bare, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        let mut digests = Vec::new();
        for _ in 0..ROUNDS {
            bare.push(timed(|| assert_eq!(read_bare(&csv_file), people)));
            texts.push(timed(|| assert_eq!(read_texts(&csv_file), people)));
            digests.push(timed(|| {
                assert_eq!(runtime.block_on(read_map_digest(folder.path())), people);
            }));
            ours.push(timed(|| run(folder.path(), &["plan", "--quiet"])));
        }
        let per_person = |time: Duration| time.as_nanos() / people as u128;
        println!(
            "read, map and digest of {people} people: best {} ns a person; the bare csv crate {} ns",
            per_person(best(&digests)),
            per_person(best(&bare)),
        );
        println!("no-change plan of {people} people, the whole command beside the bare csv crate:");
        for (name, choose) in [("median", median as fn(&[Duration]) -> Duration), ("best", best)] {
            let (ours, bare, texts) = (choose(&ours), choose(&bare), choose(&texts));
            let ratio = |to: Duration| ours.as_secs_f64() / to.as_secs_f64();
            println!(
                "  {name}: {:.3} s ({} ns a person); one ByteRecord used again {:.3} s, ratio {:.2} (limit 5); a StringRecord each {:.3} s, ratio {:.2}",
                ours.as_secs_f64(),
                ours.as_nanos() / people as u128,
                bare.as_secs_f64(),
                ratio(bare),
                texts.as_secs_f64(),
                ratio(texts)
            );
        }
        let mut all: Vec<u64> =
            (0..MEMORY_ROUNDS).map(|_| peak_of(folder.path(), &["plan", "--quiet"])).collect();
        all.sort_unstable();
        let peak = (all[0], all[MEMORY_ROUNDS / 2]);
        println!(
            "  loading {} of them before: {:.1} s ({:.0} people/s, two requests each); peak memory of the plan: least {:.1} MiB, median {:.1}",
            people - linked,
            loading.as_secs_f64(),
            (people - linked) as f64 / loading.as_secs_f64(),
            peak.0 as f64 / 1024.0,
            peak.1 as f64 / 1024.0
        );
        peaks.push(peak);
        linked = people;
    }
    // How far reading is ahead when memory is at its most differs from run to run by some MiB, and only ever adds: the least
    // says what is needed.
    let (few, many) = (peaks[0], peaks[SIZES.len() - 1]);
    let more = |few: u64, many: u64| {
        (many as f64 - few as f64) * 1024.0 / (SIZES[SIZES.len() - 1] - SIZES[0]) as f64
    };
    println!(
        "memory for each further person, by the least of {MEMORY_ROUNDS} peaks: {:.1} bytes (limit 32); by their median {:.1}",
        more(few.0, many.0),
        more(few.1, many.1)
    );
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peoplesync"));
    command.args(arguments).current_dir(folder).stdout(Stdio::null());
    command
}

/// Runs the command to its end.
fn run(folder: &Path, arguments: &[&str]) {
    let ended = command(folder, arguments).status().unwrap();
    assert!(ended.success(), "{arguments:?} ended with {ended}");
}

/// The same; gives its peak memory in KiB.
fn peak_of(folder: &Path, arguments: &[&str]) -> u64 {
    let mut child = command(folder, arguments).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(now.unwrap_or(0));
        }
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None => std::thread::park_timeout(Duration::from_millis(1)),
        }
    };
    assert!(ended.success(), "{arguments:?} ended with {ended}");
    peak
}

fn read_bare(path: &Path) -> usize {
    let mut reader = csv::ReaderBuilder::new().from_path(path).unwrap();
    let mut record = csv::ByteRecord::new();
    let mut records = 0;
    while reader.read_byte_record(&mut record).unwrap() {
        records += 1;
    }
    records
}

/// The same through the interface that most programs use: a checked text for each record.
fn read_texts(path: &Path) -> usize {
    let mut reader = csv::ReaderBuilder::new().from_path(path).unwrap();
    reader.records().filter(Result::is_ok).count()
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

fn best(times: &[Duration]) -> Duration {
    times.iter().copied().min().unwrap_or_default()
}

fn csv_of(people: usize) -> String {
    let mut text = String::from(
        "employee_id,first_name,last_name,mail,upn,status,job_title,department,division,cost_center,phone,street,city,country,manager_id\n",
    );
    for n in 0..people {
        let manager = n / 8;
        writeln!(
            text,
            "{n:07},First{n},Lastname{n},first.lastname{n}@example.com,flastname{n},active,\"Engineer, Grade {}\",Department {},Products,C-{:04},+44 20 7946 {:04},{} Example Street,London,GB,{manager:07}",
            n % 7,
            n % 90,
            n % 900,
            n % 10_000,
            n % 300,
        ).unwrap();
    }
    text
}

/// What is done for each person whatever else a run does: from the file to the digest, mapped on one thread beside the one that
/// reads.
async fn read_map_digest(folder: &Path) -> usize {
    let cx = Context::for_tests(folder);
    let settings = serde_json::json!({ "path": "people.csv", "key": "employee_id" });
    let source = Csv::build(serde_json::from_value(settings).unwrap()).unwrap();
    let attributes = ATTRIBUTES.iter().map(|(path, value)| AttributeSpec::value(*path, *value));
    let manager = AttributeSpec::reference(MANAGER, "manager_id");
    let spec = Spec {
        scope: Some(SCOPE.to_owned()),
        attributes: attributes.chain([manager]).collect(),
        ..Spec::default()
    };
    let mapping = Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).unwrap();
    let (key, mut draft) = (DigestKey::new([7; 32]), Draft::new(&mapping));
    let query = Query::fields(mapping.fields().iter().cloned());
    let mut records = source.open(&cx, &query).await.unwrap();
    let mut people = 0;
    while let Step::Batch(batch) = records.next().await.unwrap() {
        let binding = mapping.bind(batch.fields());
        for record in batch.records() {
            mapping.map(&binding, &record, &mut draft).unwrap();
            black_box((draft.digest(&key), fingerprint(&key, record.key())));
            people += 1;
        }
    }
    people
}

fn config(url: &str) -> String {
    let attributes: String =
        ATTRIBUTES.iter().map(|(path, value)| format!("'{path}' = '{value}'\n")).collect();
    format!(
        r#"
[source]
kind = "csv"
[source.settings]
path = "people.csv"
key = "employee_id"
[target]
url = "{url}"
concurrency = 16
[guards]
max_changes = "100%"
max_creates = "100%"
[people]
scope = '{SCOPE}'
[people.attributes]
{attributes}"{MANAGER}" = {{ reference = "manager_id" }}
"#
    )
}
