//! The rules C1 to C15, and how each situation looks in CSV files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use peoplesync_csv::Csv;
use peoplesync_source::Context;
use peoplesync_testkit::{Harness, Large, Row, Scene, Situation, Stage, Table};
use tempfile::TempDir;

peoplesync_testkit::conformance!(Csv, CsvHarness);

#[derive(Debug)]
struct CsvHarness;

/// Separates the values of a list; no value of the tests contains it.
const SEPARATOR: &str = "¦";

impl Harness for CsvHarness {
    fn stage(&self, situation: &Situation) -> Stage {
        match situation {
            Situation::Rows(table) | Situation::Texts(table) => written_in_all_ways(table).into(),
            Situation::Lists(table) => {
                let lists = table.fields.iter().map(|field| format!("{field} = {SEPARATOR:?}"));
                let setting =
                    format!("multi_valued = {{ {} }}", lists.collect::<Vec<_>>().join(", "));
                scene("a separator", csv(table), &setting).into()
            }
            Situation::Bytes(_) | Situation::Typed(_) | Situation::Times(_) => {
                Stage::cannot("a CSV file has text only")
            }
            Situation::BadRow { table, bad } => bad_rows(table, *bad).into(),
            Situation::RepeatedKey { table, second, .. } => repeated(table, *second).into(),
            Situation::EmptyKey { table, empty } => {
                let mut blanks = table.clone();
                blanks.rows[*empty].key = "  ".into();
                let scenes = [("nothing", table), ("blanks", &blanks)];
                scenes.map(|(name, table)| scene(name, csv(table), "")).to_vec_stage()
            }
            Situation::Empty(table) => {
                let header = csv(table);
                let unended = header.trim_ascii_end().to_vec();
                vec![scene("a header", header, ""), scene("without line end", unended, "")].into()
            }
            Situation::WrongStructure(table) => wrong(table).into(),
            Situation::UnknownField(table) => scene("", csv(table), "").into(),
            Situation::Missing => {
                let base = TempDir::new().unwrap();
                let missing = |path: &str| in_folder(path, base.path(), path, "");
                vec![missing("people.csv"), missing("*.csv"), missing("none/people.csv")].into()
            }
            Situation::Denied => denied(),
            Situation::Cut(table) => cut(table).into(),
            Situation::Large(large) => large_file(*large).into(),
            Situation::Hostile => hostile().into(),
            Situation::Secret => Stage::cannot("a file has no credentials"),
        }
    }
}

/// Only to write arrays of scenes without a `vec!`.
trait ToStage {
    fn to_vec_stage(self) -> Stage;
}

impl<const N: usize> ToStage for [Scene; N] {
    fn to_vec_stage(self) -> Stage {
        Vec::from(self).into()
    }
}

/// A scene of one file, `people.csv`, in a folder of its own.
fn scene(name: &str, content: impl AsRef<[u8]>, settings: &str) -> Scene {
    let base = TempDir::new().unwrap();
    fs::write(base.path().join("people.csv"), content).unwrap();
    in_folder(name, base.path(), "people.csv", settings).keeping(base)
}

fn in_folder(name: &str, base: &Path, path: &str, settings: &str) -> Scene {
    let settings = format!("path = {path:?}\nkey = \"id\"\n{settings}\n");
    Scene::new(settings, Context::for_tests(base)).named(name)
}

/// The table as a plain CSV file.
fn csv(table: &Table) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    write(&mut writer, table)
}

fn write(writer: &mut csv::Writer<Vec<u8>>, table: &Table) -> Vec<u8> {
    let header = std::iter::once("id").chain(table.fields.iter().map(String::as_str));
    writer.write_record(header).unwrap();
    for row in &table.rows {
        writer.write_record(cells(row)).unwrap();
    }
    writer.flush().unwrap();
    writer.get_ref().clone()
}

fn cells(row: &Row) -> Vec<String> {
    let joined = row.values.iter().map(|values| {
        let texts: Vec<_> = values.iter().filter_map(|value| value.as_text()).collect();
        texts.join(SEPARATOR)
    });
    std::iter::once(row.key.clone()).chain(joined).collect()
}

fn written_in_all_ways(table: &Table) -> Vec<Scene> {
    let plain = csv(table);
    let text = String::from_utf8(plain.clone()).unwrap();
    let with = |style, delimiter, terminator| {
        let mut builder = csv::WriterBuilder::new();
        builder.quote_style(style).delimiter(delimiter).terminator(terminator);
        write(&mut builder.from_writer(Vec::new()), table)
    };
    let (lf, crlf) = (csv::Terminator::Any(b'\n'), csv::Terminator::CRLF);
    let always = csv::QuoteStyle::Always;
    let necessary = csv::QuoteStyle::Necessary;
    let windows = with(necessary, b',', crlf);
    let utf16 = |bytes: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    };
    let marked = format!("\u{feff}{text}");
    vec![
        scene("UTF-8", &plain, ""),
        scene("BOM and CR LF", [b"\xef\xbb\xbf".as_slice(), &windows].concat(), ""),
        scene("UTF-16 LE with BOM", utf16(u16::to_le_bytes, &marked), ""),
        scene("UTF-16 BE with BOM", utf16(u16::to_be_bytes, &marked), ""),
        scene("UTF-16 LE by its name", utf16(u16::to_le_bytes, &text), "encoding = \"utf-16le\""),
        scene("gb18030", encoding_rs::GB18030.encode(&text).0, "encoding = \"gb18030\""),
        scene("gzip", gzip(&plain), ""),
        scene("gzip in two members", [gzip(&plain[..9]), gzip(&plain[9..])].concat(), ""),
        scene("everything quoted", with(always, b',', lf), ""),
        scene("semicolons", with(necessary, b';', lf), ""),
        scene("tabs", with(always, b'\t', crlf), ""),
        scene("a given delimiter", with(necessary, b'^', lf), "delimiter = \"^\""),
        scene(
            "Excel's first line",
            [b"sep=|\r\n", with(necessary, b'|', crlf).as_slice()].concat(),
            "",
        ),
        scene("no last line end", plain.strip_suffix(b"\n").unwrap(), ""),
        scene("rows of nothing", [plain.as_slice(), b"\n\n,,,\n  , ,\n\n"].concat(), ""),
        several_files(table),
    ]
}

/// The same people in three files, the columns of one in another order.
fn several_files(table: &Table) -> Scene {
    let base = TempDir::new().unwrap();
    let (first, rest) = table.rows.split_at(table.rows.len() / 2);
    let part = |rows: &[Row]| Table { fields: table.fields.clone(), rows: rows.to_vec() };
    let mut turned = part(rest);
    turned.fields.reverse();
    turned.rows.iter_mut().for_each(|row| row.values.reverse());
    fs::create_dir(base.path().join("[new]")).unwrap();
    fs::write(base.path().join("a.csv"), csv(&part(first))).unwrap();
    fs::write(base.path().join("b.csv"), csv(&part(&[]))).unwrap();
    fs::write(base.path().join("[new]/c.csv"), csv(&turned)).unwrap();
    let settings = "path = [\"?.csv\", \"*/*.csv\", \"a.csv\"]\nkey = \"id\"";
    Scene::new(settings, Context::for_tests(base.path())).named("several files").keeping(base)
}

/// A file of which one line is replaced.
fn with_line(table: &Table, row: usize, line: &[u8]) -> Vec<u8> {
    let content = csv(table);
    let lines = content.split_inclusive(|byte| *byte == b'\n').enumerate();
    lines.flat_map(|(index, old)| if index == row + 1 { line } else { old }.to_vec()).collect()
}

fn bad_rows(table: &Table, bad: usize) -> Vec<Scene> {
    let key = &table.rows[bad].key;
    let forms: [(&str, String); 5] = [
        ("too few fields", format!("{key},Joan\n")),
        ("too many fields", format!("{key},Clarke,Joan,joan@example.com,x\n")),
        ("a shifted key", format!("x,{key},Joan,joan@example.com,x\n")),
        ("text after a quote", format!("\"{key}\",\"Joan \"J\" Clarke\",\"x\",\"y\"\n")),
        ("a quote in the key", format!("\"\"{key}\"\",Joan,x,y\n")),
    ];
    let mut scenes: Vec<_> =
        forms.map(|(name, line)| scene(name, with_line(table, bad, line.as_bytes()), "")).into();
    let bytes = [key.as_bytes(), b",Jo\xe4n,x,y\n"].concat();
    scenes.push(scene("not UTF-8", with_line(table, bad, &bytes), ""));
    // A low surrogate alone.
    let lone: Vec<u8> = String::from_utf8(csv(table))
        .unwrap()
        .replace("Joan Clarke", "Joan ?Clarke")
        .encode_utf16()
        .flat_map(|unit| if unit == u16::from(b'?') { [0x00, 0xdc] } else { unit.to_le_bytes() })
        .collect();
    scenes.push(scene("not UTF-16", lone, "encoding = \"utf-16le\""));
    scenes
}

fn repeated(table: &Table, second: usize) -> Vec<Scene> {
    let base = TempDir::new().unwrap();
    let (first, rest) = table.rows.split_at(second);
    for (name, rows) in [("1.csv", first), ("2.csv", rest)] {
        let part = Table { fields: table.fields.clone(), rows: rows.to_vec() };
        fs::write(base.path().join(name), csv(&part)).unwrap();
    }
    let two = in_folder("in two files", base.path(), "*.csv", "").keeping(base);
    let mut blanks = table.clone();
    blanks.rows[second].key.insert(0, ' ');
    vec![scene("in one file", csv(table), ""), scene("with blanks", csv(&blanks), ""), two]
}

fn wrong(table: &Table) -> Vec<Scene> {
    let content = String::from_utf8(csv(table)).unwrap();
    let (_, rows) = content.split_once('\n').unwrap();
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("people.csv")).unwrap();
    vec![
        scene("another key", content.replacen("id", "employee_id", 1), ""),
        scene("no header", rows, ""),
        scene("a column twice", content.replacen("title", "name", 1), ""),
        scene("the key twice", content.replacen("title", "id", 1), ""),
        scene("no byte", "", ""),
        scene("blank lines only", "\n\r\n\n", ""),
        scene("BOM only", "\u{feff}", ""),
        scene("an empty gzip file", gzip(b""), ""),
        scene("another delimiter", &content, "delimiter = \";\""),
        scene("a list that is not there", &content, "multi_valued = { phones = \";\" }"),
        scene(
            "UTF-16 without BOM",
            content.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>(),
            "",
        ),
        scene("Windows-1252", encoding_rs::WINDOWS_1252.encode(&content.replace("ần", "an")).0, ""),
        scene("a workbook", b"PK\x03\x04\x14\0\x06\0", ""),
        scene("a web page", "<!doctype html><title>Sign in</title>", ""),
        in_folder("a folder", folder.path(), "people.csv", "").keeping(folder),
    ]
}

#[cfg(unix)]
fn denied() -> Stage {
    use std::os::unix::fs::PermissionsExt as _;
    let base = TempDir::new().unwrap();
    let path = base.path().join("people.csv");
    fs::write(&path, "id\n7\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&path).is_ok() {
        return Stage::cannot("these tests run as root, who may read everything");
    }
    in_folder("", base.path(), "people.csv", "").keeping(base).into()
}

#[cfg(not(unix))]
fn denied() -> Stage {
    Stage::cannot("the rights of a file are set on Unix only")
}

fn cut(table: &Table) -> Vec<Scene> {
    let plain = csv(table);
    let open = [plain.as_slice(), b"1006,\"Grace Hopper,grace@example.com,Admiral\n"].concat();
    let zipped = gzip(&plain);
    let short = [plain.as_slice(), b"1006,Grace Hopper,gra"].concat();
    let letter = [plain.as_slice(), b"1006,Grace Hopper,,Am\xc3"].concat();
    let mut utf16: Vec<u8> = String::from_utf8(plain.clone())
        .unwrap()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    utf16.pop();
    vec![
        scene("inside of quotes", open, ""),
        scene("gzip without its end", &zipped[..zipped.len() - 4], ""),
        scene("gzip, half of it", &zipped[..zipped.len() / 2], ""),
        scene("inside of a row", short, ""),
        scene("inside of a letter", letter, ""),
        scene("inside of a UTF-16 letter", utf16, "encoding = \"utf-16le\""),
    ]
}

fn large_file(large: Large) -> Scene {
    let base = TempDir::new().unwrap();
    let file = File::create(base.path().join("people.csv")).unwrap();
    let mut file = BufWriter::new(file);
    writeln!(file, "id,{}", Large::FIELDS.join(",")).unwrap();
    for (key, [name, note]) in large.rows() {
        writeln!(file, "{key},{name},\"{note}\"").unwrap();
    }
    file.flush().unwrap();
    in_folder("", base.path(), "people.csv", "").keeping(base)
}

fn hostile() -> Vec<Scene> {
    let mib = 1 << 20;
    let wide = |rows: usize| {
        let header: String = (0..60_000).map(|n| format!(",c{n}")).collect();
        let row = ",x".repeat(60_000);
        let rows: String = (0..rows).map(|n| format!("{n}{row}\n")).collect();
        format!("id{header}\n{rows}")
    };
    let commas = ",".repeat(mib - 100);
    let noise: Vec<u8> =
        (0..mib as u64).map(|n| (n.wrapping_mul(n) >> 7).to_le_bytes()[0]).collect();
    vec![
        scene("a quote for ever", format!("id,name\n7,\"{}", "x,y\n".repeat(2 * mib)), ""),
        scene("a line for ever", format!("id,name\n7,{}", "x".repeat(8 * mib)), ""),
        scene("a header for ever", "x,".repeat(4 * mib), ""),
        scene(
            "a comment for ever",
            format!("id\n#{}\n7\n", "x".repeat(8 * mib)),
            "comment = \"#\"",
        ),
        scene("many columns", wide(10), ""),
        scene(
            "long rows of nothing",
            format!("id,name\n{}", format!("7{commas}\n").repeat(10)),
            "",
        ),
        scene("only bad rows", format!("id,name\n{}", "7\n".repeat(mib / 8)), ""),
        scene("zeros", [b"id,name\n".as_slice(), &vec![0; 4 * mib]].concat(), ""),
        scene("noise", [b"id,name\n".as_slice(), &noise].concat(), ""),
        // A gzip file of many members is one file: a small bomb.
        scene(
            "compressed blank lines",
            [gzip(b"id\n"), gzip(&vec![b'\n'; mib]).repeat(48)].concat(),
            "",
        ),
        scene("compressed zeros", gzip(&vec![0; mib]).repeat(48), ""),
    ]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
