//! The rules C1 to C15, and how each situation looks in spreadsheets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod hostile;

use std::fs::{self, File};
use std::path::Path;

use common::{SEPARATOR, archive, ods, ods_rows, parts, put_row, put_table, with_part, xlsx};
use peoplesync_excel::Excel;
use peoplesync_source::Context;
use peoplesync_testkit::{Harness, Large, Row, Scene, Situation, Stage, Table};
use rust_xlsxwriter::{Formula, Workbook};
use tempfile::TempDir;

peoplesync_testkit::conformance!(Excel, ExcelHarness);

#[derive(Debug)]
struct ExcelHarness;

impl Harness for ExcelHarness {
    fn stage(&self, situation: &Situation) -> Stage {
        match situation {
            Situation::Rows(table) | Situation::Texts(table) => written_in_all_ways(table).into(),
            Situation::Typed(table) | Situation::Times(table) => both(table, "").into(),
            Situation::Lists(table) => {
                let lists = table.fields.iter().map(|field| format!("{field} = {SEPARATOR:?}"));
                let lists = lists.collect::<Vec<_>>().join(", ");
                both(table, &format!("multi_valued = {{ {lists} }}")).into()
            }
            Situation::Bytes(_) => Stage::cannot("a cell holds no bytes"),
            Situation::BadRow { table, bad } => bad_rows(table, *bad).into(),
            Situation::RepeatedKey { table, second, .. } => repeated(table, *second).into(),
            Situation::EmptyKey { table, empty } => {
                let mut blanks = table.clone();
                blanks.rows[*empty].key = " \u{a0} ".into();
                let mut scenes = both(table, "");
                scenes.push(book("blanks", &plain(&blanks), ""));
                scenes.into()
            }
            Situation::Empty(table) => both(table, "").into(),
            Situation::WrongStructure(table) => wrong(table).into(),
            Situation::UnknownField(table) => both(table, "").into(),
            Situation::Missing => {
                let base = TempDir::new().unwrap();
                let missing = |path: &str| in_folder(path, base.path(), path, "");
                vec![missing("people.xlsx"), missing("*.ods"), missing("none/people.xls")].into()
            }
            Situation::Denied => denied(),
            Situation::Cut(table) => cut(table).into(),
            Situation::Large(large) => large_file(*large).into(),
            Situation::Hostile => {
                let files = hostile::files().into_iter();
                let scene =
                    |(name, settings, content): hostile::Hostile| book(name, &content, settings);
                files.map(scene).collect::<Vec<_>>().into()
            }
            Situation::Secret => Stage::cannot("a file has no credentials"),
        }
    }
}

/// A scene of one file in a folder of its own.
fn book(name: &str, content: &[u8], settings: &str) -> Scene {
    let base = TempDir::new().unwrap();
    fs::write(base.path().join("people.xlsx"), content).unwrap();
    in_folder(name, base.path(), "people.xlsx", settings).keeping(base)
}

fn in_folder(name: &str, base: &Path, path: &str, settings: &str) -> Scene {
    let settings = format!("path = {path:?}\nkey = \"id\"\n{settings}\n");
    Scene::new(settings, Context::for_tests(base)).named(name)
}

/// The table as a plain workbook.
fn plain(table: &Table) -> Vec<u8> {
    xlsx(|sheet| put_table(sheet, 0, table))
}

fn both(table: &Table, settings: &str) -> Vec<Scene> {
    let ods = ods(&[("People", ods_rows(table))]);
    vec![book("xlsx", &plain(table), settings), book("ods", &ods, settings)]
}

fn written_in_all_ways(table: &Table) -> Vec<Scene> {
    let (first, rest) = table.rows.split_at(table.rows.len() / 2);
    let part = |rows: &[Row]| Table { fields: table.fields.clone(), rows: rows.to_vec() };
    let mut turned = part(rest);
    turned.fields.reverse();
    turned.rows.iter_mut().for_each(|row| row.values.reverse());

    let mut sheets = Workbook::new();
    for (name, table) in [("Staff 1", &part(first)), ("Staff 2", &part(&[])), ("Ştaff 3", &turned)]
    {
        put_table(sheets.add_worksheet().set_name(name).unwrap(), 0, table);
    }
    sheets.add_worksheet().set_name("Notes").unwrap().write_string(0, 0, "id is a word").unwrap();
    let sheets = sheets.save_to_buffer().unwrap();

    let mut inline = Workbook::new();
    put_table(inline.add_worksheet_with_constant_memory().unwrap(), 0, table);
    let inline = inline.save_to_buffer().unwrap();

    let titled = xlsx(|sheet| {
        sheet.write_string(0, 0, "People of Example").unwrap();
        sheet.write_string(2, 1, "as of today").unwrap();
        put_table(sheet, 5, table);
        sheet.write_string(2_000, 2, "  ").unwrap();
    });
    // As programs write it that leave out what can be counted.
    let bare = with_part(&plain(table), "xl/worksheets/sheet1.xml", |sheet| {
        let pattern = |name: &str| format!(" {name}=\"");
        [pattern("r"), pattern("spans"), pattern("ref")]
            .iter()
            .fold(sheet.into(), |sheet, start| without_attribute(&sheet, start))
    });
    let complete = table.rows.iter().all(|row| row.values.iter().all(|values| !values.is_empty()));
    let mut scenes = both(table, "");
    scenes.extend([
        book("texts in their cells", &inline, ""),
        book("three sheets", &sheets, "sheets = [\"Staff *\", 3, \"Ştaff 3\"]"),
        book("a title above", &titled, ""),
        book("a title above, row given", &titled, "header_row = 6"),
        several_files(&part(first), &part(&[]), &turned),
    ]);
    if complete {
        scenes.push(book("no places", &bare, ""));
    }
    scenes
}

fn without_attribute(xml: &str, start: &str) -> String {
    let mut pieces = xml.split(start);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |all, piece| all + piece.split_once('"').map_or("", |(_, rest)| rest))
}

/// The same people in three files, the columns of one in another order.
fn several_files(first: &Table, nobody: &Table, turned: &Table) -> Scene {
    let base = TempDir::new().unwrap();
    fs::create_dir(base.path().join("[new]")).unwrap();
    fs::write(base.path().join("a.xlsx"), plain(first)).unwrap();
    fs::write(base.path().join("b.xlsx"), plain(nobody)).unwrap();
    fs::write(base.path().join("[new]/c.ods"), ods(&[("C", ods_rows(turned))])).unwrap();
    let settings = "path = [\"?.xlsx\", \"*/*.ods\", \"a.xlsx\"]\nkey = \"id\"";
    Scene::new(settings, Context::for_tests(base.path())).named("several files").keeping(base)
}

fn bad_rows(table: &Table, bad: usize) -> Vec<Scene> {
    let row = u32::try_from(bad + 1).unwrap();
    let error = xlsx(|sheet| {
        put_table(sheet, 0, table);
        sheet.write_formula(row, 1, Formula::new("=NA()").set_result("#N/A")).unwrap();
    });
    // An error that the library does not know.
    let spill = with_part(&error, "xl/worksheets/sheet1.xml", |sheet| {
        let changed = sheet.replace("#N/A", "#SPILL!");
        assert_ne!(changed, sheet);
        changed
    });
    let long = xlsx(|sheet| {
        put_table(sheet, 0, table);
        sheet.write_number(row, 3, 9_007_199_254_740_993.0).unwrap();
    });
    let no_day = xlsx(|sheet| {
        put_table(sheet, 0, table);
        let format = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
        sheet.write_number_with_format(row, 2, 60.0, &format).unwrap();
    });
    let moved = xlsx(|sheet| {
        put_table(sheet, 0, table);
        let person = &table.rows[bad];
        put_row(sheet, row, &Row { key: "x".into(), values: Vec::new() });
        for (column, text) in (1..).zip([person.key.as_str(), "Joan", "joan@example.com", "x"]) {
            sheet.write_string(row, column, text).unwrap();
        }
    });
    let ods_error = ods(&[("People", {
        let rows = ods_rows(table);
        let name = common::ods_text(table.rows[bad].values[0][0].as_text().unwrap());
        let error = "<table:table-cell table:formula=\"of:=NA()\" office:value-type=\"string\" office:string-value=\"\" calcext:value-type=\"error\"><text:p>#N/A</text:p></table:table-cell>";
        assert!(rows.contains(&name));
        rows.replace(&name, error)
    })]);
    vec![
        book("an error", &error, ""),
        book("an unknown error", &spill, ""),
        book("a number that is too long", &long, ""),
        book("a day that never was", &no_day, ""),
        book("moved to the right", &moved, ""),
        book("an error in ods", &ods_error, ""),
    ]
}

fn repeated(table: &Table, second: usize) -> Vec<Scene> {
    let (first, rest) = table.rows.split_at(second);
    let part = |rows: &[Row]| Table { fields: table.fields.clone(), rows: rows.to_vec() };
    let mut sheets = Workbook::new();
    put_table(sheets.add_worksheet(), 0, &part(first));
    put_table(sheets.add_worksheet(), 0, &part(rest));
    let sheets = sheets.save_to_buffer().unwrap();
    let base = TempDir::new().unwrap();
    fs::write(base.path().join("1.xlsx"), plain(&part(first))).unwrap();
    fs::write(base.path().join("2.xlsx"), plain(&part(rest))).unwrap();
    let number = xlsx(|sheet| {
        put_table(sheet, 0, table);
        let key = table.rows[second].key.parse::<f64>().unwrap();
        sheet.write_number(u32::try_from(second + 1).unwrap(), 0, key).unwrap();
    });
    vec![
        book("in one sheet", &plain(table), ""),
        book("in two sheets", &sheets, "sheets = \"*\""),
        book("once as a number", &number, ""),
        in_folder("in two files", base.path(), "*.xlsx", "").keeping(base),
    ]
}

fn wrong(table: &Table) -> Vec<Scene> {
    let good = plain(table);
    let renamed = |from: &str, to: &str| {
        let mut table = table.clone();
        table.fields.iter_mut().filter(|field| *field == from).for_each(|field| *field = to.into());
        plain(&table)
    };
    let headless = xlsx(|sheet| {
        table.rows.iter().zip(0..).for_each(|(person, row)| put_row(sheet, row, person));
    });
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("people.xlsx")).unwrap();
    let empty = xlsx(|_| {});
    let no_sheet: Vec<_> = parts(&good);
    let no_sheet: Vec<_> = no_sheet
        .iter()
        .filter(|(name, _)| !name.contains("worksheets"))
        .map(|(name, content)| (&**name, &**content))
        .collect();
    vec![
        book(
            "another key",
            &xlsx(|sheet| {
                sheet.write_string(0, 0, "employee").unwrap();
            }),
            "",
        ),
        book("no header", &headless, ""),
        book("a column twice", &renamed("title", "name"), ""),
        book("the key twice", &renamed("title", "id"), ""),
        book("an empty sheet", &empty, ""),
        book("an empty sheet of ods", &ods(&[("People", String::new())]), ""),
        book("no sheet of that name", &good, "sheets = \"Staff\""),
        book("no sheet at that position", &good, "sheets = 2"),
        book("no sheet that matches", &good, "sheets = [1, \"Staff*\"]"),
        book("a header in another row", &good, "header_row = 40"),
        book("a person as header", &good, "header_row = 2"),
        book("a list that is not there", &good, "multi_valued = { phones = \";\" }"),
        book("no byte", b"", ""),
        book("a text", b"id;name\n7;Zo\xc3\xab\n", ""),
        book("a web page", b"<!DOCTYPE html><title>Sign in</title>", ""),
        book("another archive", &archive(&[("a.txt", b"x")]), ""),
        book("no sheet behind its name", &archive(&no_sheet), ""),
        in_folder("a folder", folder.path(), "people.xlsx", "").keeping(folder),
    ]
}

#[cfg(unix)]
fn denied() -> Stage {
    use std::os::unix::fs::PermissionsExt as _;
    let base = TempDir::new().unwrap();
    let path = base.path().join("people.xlsx");
    fs::write(&path, xlsx(|_| {})).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&path).is_ok() {
        return Stage::cannot("these tests run as root, who may read everything");
    }
    in_folder("", base.path(), "people.xlsx", "").keeping(base).into()
}

#[cfg(not(unix))]
fn denied() -> Stage {
    Stage::cannot("the rights of a file are set on Unix only")
}

fn cut(table: &Table) -> Vec<Scene> {
    let (xlsx, ods) = (plain(table), ods(&[("People", ods_rows(table))]));
    let cut_at = |part: &str, content: &[u8], mark: &str| {
        with_part(content, part, |xml| {
            let at = xml.rfind(mark).unwrap();
            xml.get(..at).unwrap().to_owned()
        })
    };
    let sheet = "xl/worksheets/sheet1.xml";
    vec![
        book("half of it", xlsx.get(..xlsx.len() / 2).unwrap(), ""),
        book("without its end", xlsx.get(..xlsx.len() - 10).unwrap(), ""),
        book("half of an ods file", ods.get(..ods.len() / 2).unwrap(), ""),
        book("the sheet in a row", &cut_at(sheet, &xlsx, "<row"), ""),
        book("the sheet in a cell", &cut_at(sheet, &xlsx, "</v>"), ""),
        book("the sheet in a tag", &cut_at(sheet, &xlsx, " t=\"s\""), ""),
        book("the texts", &cut_at("xl/sharedStrings.xml", &xlsx, "<si>"), ""),
        book("the content of ods", &cut_at("content.xml", &ods, "<table:table-row"), ""),
        book("a byte that changed", &damaged(&xlsx), ""),
    ]
}

/// A stored sheet in which one letter is another one: only the sum tells.
fn damaged(content: &[u8]) -> Vec<u8> {
    use std::io::{Cursor, Write as _};
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in parts(content) {
        writer.start_file(name, stored).unwrap();
        writer.write_all(&content).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    let mark = b"<v>5</v>";
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap();
    bytes[at + 3] = b'6';
    bytes
}

fn large_file(large: Large) -> Scene {
    let base = TempDir::new().unwrap();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory().unwrap();
    for (column, name) in std::iter::once("id").chain(Large::FIELDS).zip(0..).map(|(n, c)| (c, n)) {
        sheet.write_string(0, column, name).unwrap();
    }
    for (row, (key, [name, note])) in (1..).zip(large.rows()) {
        sheet.write_string(row, 0, &key).unwrap();
        sheet.write_string(row, 1, &name).unwrap();
        sheet.write_string(row, 2, &note).unwrap();
    }
    book.save(base.path().join("people.xlsx")).unwrap();
    in_folder("", base.path(), "people.xlsx", "").keeping(base)
}
