//! How long a pass takes beside the bare `csv` crate, on the same file in the same run: `cargo bench -p peoplesync-csv`.
//!
//! Takes the number of rows as an argument; a million otherwise.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program for developers"
)]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use peoplesync_csv::Csv;
use peoplesync_source::{Context, Query, Step};

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

fn main() {
    let rows = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut report = String::new();
    for (kind, always) in [("few quotes", false), ("all quoted", true)] {
        let path = folder.join(format!("read-{rows}-{always}.csv"));
        write(&path, rows, always);
        let size = path.metadata().unwrap().len() as f64 / 1e6;
        let mut best = [Duration::MAX; 4];
        for _ in 0..ROUNDS {
            let mut read = [0; 4];
            let runs: [&dyn Fn() -> usize; 4] = [
                &|| bare(&path),
                &|| pass(&path, &Query::default()),
                &|| pass(&path, &Query::fields(["mail", "first_name", "last_name", "status"])),
                &|| parse_only(&path),
            ];
            for (index, run) in runs.iter().enumerate() {
                let start = Instant::now();
                read[index] = run();
                best[index] = best[index].min(start.elapsed());
            }
            assert_eq!(read, [rows; 4], "every way reads all rows");
        }
        let [bare, all, some, text] = best.map(|time| time.as_secs_f64());
        report.push_str(&format!(
            "{rows} x {}, {size:.0} MB, {kind}\n\
             \x20 csv crate, one ByteRecord   {bare:.3} s\n\
             \x20 csv crate, one StringRecord {text:.3} s\n\
             \x20 pass, all fields            {all:.3} s  {:.2} x\n\
             \x20 pass, four fields           {some:.3} s  {:.2} x\n",
            COLUMNS.len(),
            all / bare,
            some / bare,
        ));
        std::fs::remove_file(&path).unwrap();
    }
    print!("{report}");
}

fn write(path: &Path, rows: usize, always: bool) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let quote = if always { "\"" } else { "" };
    let separator = format!("{quote},{quote}");
    writeln!(file, "{quote}{}{quote}", COLUMNS.join(&separator)).unwrap();
    for n in 0..rows {
        let number = n.to_string();
        let (mail, manager) = (format!("person.{n}@example.com"), (n / 8).to_string());
        let name = if n % 10 == 0 { "Zoë" } else { "Joan" };
        let title = if n % 20 == 0 && !always { "\"Lead, Ops\"" } else { "Engineer" };
        let fields = [
            &number,
            name,
            "Ng-Sørensen",
            "Joan Ng-Sørensen",
            &mail,
            "active",
            title,
            "Research and Development",
            "Europe",
            &manager,
            "12 Example Street",
            "København",
            "1050 K",
            "Denmark",
            "+45 33 11 22 33",
        ];
        writeln!(file, "{quote}{}{quote}", fields.join(&separator)).unwrap();
    }
    file.flush().unwrap();
}

/// What the `csv` crate does at its best: no text, no batches, nothing kept.
fn bare(path: &Path) -> usize {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut record = csv::ByteRecord::new();
    let mut count = 0;
    while reader.read_byte_record(&mut record).unwrap() {
        count += 1;
    }
    count
}

/// The same with the check that it is text.
fn parse_only(path: &Path) -> usize {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut record = csv::StringRecord::new();
    let mut count = 0;
    while reader.read_record(&mut record).unwrap() {
        count += 1;
    }
    count
}

/// A whole pass: batches of text, keys compared, nothing done with them.
fn pass(path: &Path, query: &Query) -> usize {
    let text = format!("path = {path:?}\nkey = \"employee_id\"");
    let source = peoplesync_testkit::source::<Csv>(&text).unwrap();
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
