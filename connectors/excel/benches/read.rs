//! Time and memory of a pass beside the bare library, on the same file in the same run: `cargo bench -p peoplesync-excel`.
//!
//! Takes the number of rows as an argument; 200,000 otherwise. Limit: 1.15 times the bare library, where a second processor is free: a
//! pass unpacks, reads and makes records side by side. What it needs of processors in all stands beside it, as a mean. On virtual
//! machines a pass was seen to take a fifth longer for some minutes, perhaps as what is unpacked passes from one processor to another.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program for developers"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use calamine::{DataRef, Reader as _, Xlsx};
use peoplesync_excel::Excel;
use peoplesync_source::{Context, Query, Step};
use rust_xlsxwriter::{Workbook, Worksheet};

/// That of the product, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COLUMNS: [&str; 15] = [
    "employee_id",
    "first_name",
    "last_name",
    "display_name",
    "mail",
    "status",
    "job_title",
    "department",
    "division",
    "manager_id",
    "street",
    "city",
    "postal_code",
    "country",
    "phone",
];

/// Each is measured so often, in turns; the best counts.
const ROUNDS: usize = 5;

/// The ways to read a file. The first is what the others are measured by.
const WAYS: [&str; 3] = ["calamine, bare cells", "pass, all fields", "pass, four fields"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // A process of its own for each way to be measured: memory that was used once stays with a process.
    if let [_, mark, way, path] = arguments.as_slice()
        && mark == "--memory-of"
    {
        read(way, Path::new(path));
        println!("{}", peak_kib());
        return;
    }
    let rows = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(200_000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (kind, shared) in [("texts shared", true), ("texts in their cells", false)] {
        let path = folder.join(format!("read-{rows}-{shared}.xlsx"));
        write(&path, rows, shared);
        let size = path.metadata().unwrap().len() as f64 / 1e6;
        let mut best = [Duration::MAX; WAYS.len()];
        let mut used = [0.0; WAYS.len()];
        for _ in 0..ROUNDS {
            for ((way, best), used) in WAYS.iter().zip(&mut best).zip(&mut used) {
                let (start, before) = (Instant::now(), processor_time());
                let read = read(way, &path);
                *best = start.elapsed().min(*best);
                *used += processor_time() - before;
                assert_eq!(read, usize::try_from(rows).unwrap(), "every way reads all rows");
            }
        }
        println!("{rows} x {}, {size:.0} MB, {kind}", COLUMNS.len());
        let bare = best[0].as_secs_f64();
        for ((way, best), used_by_it) in WAYS.iter().zip(best).zip(used) {
            let (time, memory) = (best.as_secs_f64(), memory_of(way, &path));
            let (ratio, work) = (time / bare, used_by_it / used[0]);
            println!(
                "  {way:<22} {time:.3} s  {ratio:.2} x (limit 1.15)  {work:.2} x of the processor  {memory:>4} MiB"
            );
        }
        std::fs::remove_file(&path).unwrap();
    }
}

fn read(way: &str, path: &Path) -> usize {
    match WAYS.iter().position(|known| *known == way) {
        Some(0) => bare(path),
        Some(1) => pass(path, &Query::default()),
        _ => pass(path, &Query::fields(["mail", "first_name", "last_name", "status"])),
    }
}

fn write(path: &Path, rows: u32, shared: bool) {
    let mut book = Workbook::new();
    if shared {
        fill(book.add_worksheet(), rows);
    } else {
        fill(book.add_worksheet_with_constant_memory().unwrap(), rows);
    }
    book.save(path).unwrap();
}

fn fill(sheet: &mut Worksheet, rows: u32) {
    for (column, name) in (0..).zip(COLUMNS) {
        sheet.write_string(0, column, name).unwrap();
    }
    for n in 0..rows {
        let (row, mail) = (n + 1, format!("person.{n}@example.com"));
        let texts = [
            if n % 10 == 0 { "Zoë" } else { "Joan" },
            "Ng-Sørensen",
            "Joan Ng-Sørensen",
            &mail,
            "active",
            if n % 20 == 0 { "Lead, Ops" } else { "Engineer" },
            "Research and Development",
            "Europe",
            "",
            "12 Example Street",
            "København",
            "1050 K",
            "Denmark",
            "+45 33 11 22 33",
        ];
        sheet.write_number(row, 0, f64::from(n)).unwrap();
        for (column, text) in (1..).zip(texts).filter(|(_, text)| !text.is_empty()) {
            sheet.write_string(row, column, text).unwrap();
        }
        sheet.write_number(row, 9, f64::from(n / 8)).unwrap();
    }
}

/// What the library does at its best: cells one after the other, nothing kept.
fn bare(path: &Path) -> usize {
    let mut book: Xlsx<_> = calamine::open_workbook(path).unwrap();
    let name = book.sheet_names().first().unwrap().clone();
    let mut cells = book.worksheet_cells_reader(&name).unwrap();
    let (mut rows, mut bytes) = (0, 0);
    while let Some(cell) = cells.next_cell().unwrap() {
        rows = cell.get_position().0;
        bytes += match cell.get_value() {
            DataRef::SharedString(text) => text.len(),
            DataRef::String(text) => text.len(),
            _ => 8,
        };
    }
    assert!(bytes > 0);
    usize::try_from(rows).unwrap()
}

/// A whole pass: batches of values, keys compared, nothing done with them.
fn pass(path: &Path, query: &Query) -> usize {
    let text = format!("path = {path:?}\nkey = \"employee_id\"");
    let source = peoplesync_testkit::source::<Excel>(&text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut records = source.open(&Context::for_tests("."), query).await.unwrap();
        let mut count = 0;
        loop {
            match records.next().await.unwrap() {
                Step::Batch(batch) => count += batch.len(),
                Step::End(_) => return count,
            }
        }
    })
}

/// The most memory that a process needs which reads the file in this way.
fn memory_of(way: &str, path: &Path) -> u64 {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--memory-of", way]).arg(path).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().parse::<u64>().unwrap() / 1024
}

/// Seconds of a processor that this process has used on all its threads, as Linux counts them: in hundredths.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in brackets, may hold anything; the times are the 12th and 13th field behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most memory that this process had, as Linux counts it.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
