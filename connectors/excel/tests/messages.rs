//! What a user reads: spreadsheets of other programs, broken ones, hostile ones; wrong paths and sheets; wrong settings.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod hostile;

use std::fs;
use std::path::Path;

use common::{ods, ods_number, ods_text, put_table, raw_xlsx, sheet_xml, xlsx};
use peoplesync_excel::Excel;
use peoplesync_source::{Context, Query, Source};
use peoplesync_testkit::{Table, read_all, source};
use rust_xlsxwriter::{Format, Workbook, Worksheet};
use tempfile::TempDir;

/// What a check says, and what a pass gives, with the folder's own path left out.
fn check(base: &Path, settings: &str, fields: Option<&[&str]>) -> String {
    let context = Context::for_tests(base);
    let source = match source::<Excel>(settings) {
        Ok(source) => source,
        Err(error) => return error,
    };
    let checked = checked(&*source, &context);
    let query = fields.map_or(Query::default(), |fields| Query::fields(fields.iter().copied()));
    let pass = read_all(&*source, &context, &query);
    format!("{checked}{pass}").replace(&base.display().to_string(), "[folder]")
}

/// The notes of a check. Its error is that of the pass, which may also ask for more.
fn checked(source: &dyn Source, context: &Context) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(source.check(context)) {
        Ok(checked) => checked.notes.iter().map(|note| format!("check: {note}\n")).collect(),
        Err(_) => String::new(),
    }
}

/// The same for one workbook.
fn check_book(content: &[u8], settings: &str) -> String {
    let base = TempDir::new().unwrap();
    fs::write(base.path().join("people.xlsx"), content).unwrap();
    let settings = format!("path = \"people.xlsx\"\nkey = \"id\"\n{settings}");
    check(base.path(), &settings, None)
}

#[test]
fn files_of_other_programs_say_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    insta::glob!("files/*.{xlsx,xlsm,xlsb,xls,ods}", |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        insta::assert_snapshot!(check(&folder, &format!("path = {name:?}\nkey = \"id\""), None));
    });
}

#[test]
fn hostile_files_say_why_they_are_refused() {
    let shown = hostile::files().into_iter().map(|(name, settings, content)| {
        let pass = check_book(&content, settings);
        // People are many in some of them.
        let lines: Vec<&str> = pass.lines().collect();
        let records = lines.iter().filter(|line| line.starts_with("people.xlsx!")).count();
        let rest = lines.iter().filter(|line| !line.starts_with("people.xlsx!"));
        let rest: Vec<String> = rest.map(|line| line.chars().take(240).collect()).collect();
        format!("{name}\n  {records} records; {}\n", rest.join("\n  "))
    });
    insta::assert_snapshot!(shown.collect::<String>());
}

fn people() -> Table {
    Table::new(
        &["name", "mail"],
        &[
            ("7", &["Zoë Ng", "zoe@example.com"]),
            ("8", &["Ada Byron", ""]),
            ("9", &["Joan Clarke", "joan@example.com"]),
        ],
    )
}

#[test]
fn sheets_that_are_not_there_are_named() {
    let mut book = Workbook::new();
    for name in ["Staff", "Branch North", "Branch South", "Notes"] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        if name == "Staff" {
            put_table(sheet, 0, &people());
        } else if name != "Notes" {
            put_table(sheet, 0, &Table::new(&["mail", "name"], &[(name, &["", "A B"])]));
        }
    }
    let content = book.save_to_buffer().unwrap();
    let shown = [
        "",
        "sheets = 2",
        "sheets = \"Branch *\"",
        "sheets = [\"Staff\", \"Branch ?orth\", 3]",
        "sheets = \"staf\"",
        "sheets = [1, 9]",
        "sheets = \"*2026\"",
        "sheets = \"Notes\"",
        "sheets = \"*\"",
    ]
    .map(|settings| format!("{settings}\n{}\n", check_book(&content, settings)));
    insta::assert_snapshot!(shown.join("\n"));
}

/// A workbook of people and whatever else is put into it.
fn with_people(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    xlsx(|sheet| {
        put_table(sheet, 0, &people());
        fill(sheet);
    })
}

#[test]
fn rows_that_are_not_right_are_rejected_with_their_place() {
    let number = |format: &str| Format::new().set_num_format(format);
    let content = with_people(|sheet| {
        sheet.write_string(4, 1, "No Key").unwrap();
        sheet.write_string(5, 0, " 7 ").unwrap();
        sheet.write_number(6, 0, 8.0).unwrap();
        sheet.write_number(7, 0, 1.5).unwrap();
        sheet.write_boolean(8, 0, true).unwrap();
        sheet.write_number_with_format(9, 0, 46_000.0, &number("d-mmm")).unwrap();
        sheet.write_number(10, 0, 123_456_789_012_345_680.0).unwrap();
        sheet.write_string(11, 0, "10").unwrap().write_string(11, 5, "a note").unwrap();
        sheet.write_string(12, 2, "  ").unwrap();
        sheet.write_string(13, 0, "11").unwrap();
        sheet.write_number_with_format(13, 1, 3_000_000.0, &number("yyyy")).unwrap();
        sheet.write_number_with_format(14, 0, 12.0, &number("00000")).unwrap();
        sheet.write_number(15, 0, 13.0).unwrap().write_number(15, 1, 0.1 + 0.2).unwrap();
    });
    insta::assert_snapshot!(check_book(&content, ""));
}

#[test]
fn cells_read_as_they_are_seen() {
    // Runs of letters with formats, how a text is spoken (which is not seen), line ends and signs that XML has no letter for.
    let texts = "<sst><si><t>id</t></si><si><t>value</t></si>\
        <si><r><t>Zoë</t></r><r><rPr><b/></rPr><t xml:space=\"preserve\"> Ng</t></r><rPh sb=\"0\" eb=\"1\"><t>spoken</t></rPh></si>\
        <si><t xml:space=\"preserve\"> two\nlines &amp; _x0041_ </t></si></sst>";
    let cells = [
        "t=\"s\"><v>2</v>",
        "t=\"s\"><v>3</v>",
        "t=\"inlineStr\"><is><r><t>in</t></r><r><t>line</t></r></is>",
        "><v>1.0</v>",
        "><v>1E3</v>",
        "><v>-0.5</v>",
        "t=\"b\"><v>1</v>",
        "t=\"str\"><f>A2&amp;\"x\"</f><v>of a formula</v>",
        "><f>SUM(A2:A3)</f><v>3</v>",
        "t=\"b\"><f>TRUE()</f><v>0</v>",
        "t=\"d\"><v>2024-02-29T12:00:00</v>",
        "t=\"e\"><f>NA()</f><v>#N/A</v>",
        "><f>NOW()</f>",
    ];
    let header =
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c></row>";
    let rows = (2..).zip(cells).map(|(row, cell)| {
        format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{row}</v></c><c r=\"B{row}\" {cell}</c></row>")
    });
    let sheet = sheet_xml(&(header.to_owned() + &rows.collect::<String>()));
    let xlsx = check_book(&raw_xlsx(&sheet, texts), "");
    // Cells and rows that LibreOffice writes once for many.
    let repeated = "<table:table-row><table:table-cell office:value-type=\"string\"><text:p>id</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"string\"><text:p>value</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"string\"><text:p>same</text:p></table:table-cell></table:table-row>\
        <table:table-row table:number-rows-repeated=\"3\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>\
        <table:table-row><table:table-cell office:value-type=\"float\" office:value=\"7\"><text:p>7</text:p></table:table-cell>\
        <table:table-cell table:number-columns-repeated=\"2\" office:value-type=\"string\"><text:p>both</text:p></table:table-cell></table:table-row>\
        <table:table-row table:number-rows-repeated=\"2\"><table:table-cell office:value-type=\"string\"><text:p>twice</text:p></table:table-cell></table:table-row>";
    let ods = check_book(&ods(&[("People", repeated.to_owned())]), "");
    insta::assert_snapshot!(format!("{xlsx}\n{ods}"));
}

#[test]
fn formulas_that_no_program_has_calculated_reject_their_row() {
    let header = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>id</t></is></c>\
        <c r=\"B1\" t=\"inlineStr\"><is><t>value</t></is></c></row>";
    let cells = [
        // As openpyxl and others write it; quotes are looked at by another way than the rest.
        "><f>A2&amp;\"x\"</f><v></v>",
        "><f>A2&amp;A3</f><v></v>",
        "><f>A2&amp;A3</f><v/>",
        "><f>A2&amp;A3</f>",
        "t=\"str\"><f>A2&amp;A3</f>",
        "><f t=\"shared\" si=\"0\"/>",
        "\n  ><f>A2</f>\n  <v />\n  ",
        // These are calculated. The first three are empty.
        "t=\"str\"><f>\"\"</f><v></v>",
        "t=\"str\"><f>A2</f><v/>",
        "t=\"inlineStr\"><f>A2</f><is><t></t></is>",
        "><f>A2</f><v>7</v>",
        "t=\"str\"><f>\"x\"&amp;A2</f><v>x7</v>",
        "><f t=\"shared\" si=\"0\"/><v>8</v>",
        "><f>A2</f>\n<v>9</v>\n",
        // No formulas.
        "><v></v>",
        ">",
    ];
    let rows: String = (2..)
        .zip(cells)
        .map(|(row, cell)| {
            let cell = format!("<c r=\"B{row}\" {cell}</c>");
            format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{row}</v></c>{cell}</row>")
        })
        .collect();
    let other = |row, cells: &str| format!("<row r=\"{row}\">{cells}</row>");
    let others = [
        // The key; a row of nothing else; one that does not say where its cells are.
        other(30, "<c r=\"A30\"><f>A2</f></c><c r=\"B30\"><v>1</v></c>"),
        other(31, "<c r=\"B31\"><f>A2</f></c>"),
        other(32, "<c><v>32</v></c><c><f>A2</f></c>"),
    ];
    let sheet = sheet_xml(&(header.to_owned() + &rows + &others.concat()));
    let sheet = sheet.replace("</sheetData>", "</sheetData><extLst><ext><f>A2</f></ext></extLst>");
    let xlsx = check_book(&raw_xlsx(&sheet, "<sst/>"), "");
    // A column that nobody reads may hold whatever it likes.
    let base = TempDir::new().unwrap();
    fs::write(base.path().join("people.xlsx"), raw_xlsx(&sheet, "<sst/>")).unwrap();
    let unread = check(base.path(), "path = \"people.xlsx\"\nkey = \"id\"", Some(&["id"]));
    let cells = [
        "/>",
        "><text:p>shown</text:p></table:table-cell>",
        " office:value-type=\"float\"/>",
        " office:value-type=\"float\" office:value=\"7\"/>",
        " office:value-type=\"string\" office:string-value=\"\"/>",
        " office:value-type=\"string\"><text:p>x7</text:p></table:table-cell>",
        " office:value-type=\"boolean\" office:boolean-value=\"true\"/>",
    ];
    let rows = (2..).zip(cells).map(|(row, cell)| {
        let key = ods_number(&row.to_string(), &row.to_string());
        let cell = format!("<table:table-cell table:formula=\"of:=[.A2]\"{cell}");
        format!("<table:table-row>{key}{cell}</table:table-row>")
    });
    let header =
        format!("<table:table-row>{}{}</table:table-row>", ods_text("id"), ods_text("value"));
    let repeated = "<table:table-row table:number-rows-repeated=\"2\">\
        <table:table-cell table:number-columns-repeated=\"2\" table:formula=\"of:=1+1\"/></table:table-row>";
    let rows = header + &rows.collect::<String>() + repeated;
    let ods = check_book(&ods(&[("People", rows)]), "");
    insta::assert_snapshot!(format!("{xlsx}\nonly the id\n{unread}\n{ods}"));
}

#[test]
fn hidden_rows_and_merged_cells_are_as_the_settings_say() {
    let content = xlsx(|sheet| {
        let format = Format::new();
        sheet.merge_range(0, 0, 1, 0, "id", &format).unwrap();
        sheet.merge_range(0, 1, 0, 2, "Person", &format).unwrap();
        sheet.write_string(1, 1, "name").unwrap().write_string(1, 2, "unit").unwrap();
        for (row, key) in (2..).zip(["7", "8", "9", "10"]) {
            sheet.write_string(row, 0, key).unwrap();
        }
        sheet.merge_range(2, 2, 4, 2, "Research", &format).unwrap();
        sheet.merge_range(4, 1, 5, 1, "Two People", &format).unwrap();
        sheet.merge_range(6, 0, 7, 0, "11", &format).unwrap();
        sheet.write_string(6, 1, "One").unwrap().write_string(7, 1, "Two").unwrap();
        sheet.set_row_hidden(3).unwrap();
    });
    let shown = ["", "hidden_rows = \"skip\"", "merged_cells = \"first\""]
        .map(|settings| format!("{settings}\n{}\n", check_book(&content, settings)));
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn paths_that_lead_nowhere_say_where_they_were_looked_for() {
    let base = TempDir::new().unwrap();
    fs::create_dir(base.path().join("exports")).unwrap();
    fs::write(base.path().join("people.xlsx"), with_people(|_| {})).unwrap();
    fs::write(base.path().join("people.csv"), "id;name\n7;Zoë Ng\n").unwrap();
    fs::write(base.path().join("page.xls"), "<html><table><tr><td>id").unwrap();
    let paths = [
        "\"poeple.xlsx\"",
        "\"exports/people.xlsx\"",
        "\"staff-*.xlsx\"",
        "\"exports\"",
        "\"people.csv\"",
        "\"page.xls\"",
        "[\"people.xlsx\", \"*.xlsx\"]",
    ];
    let shown = paths.map(|path| {
        let settings = format!("path = {path}\nkey = \"id\"");
        format!("path = {path}\n{}\n", check(base.path(), &settings, None))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn headers_that_do_not_fit_name_the_nearest() {
    let content = with_people(|_| {});
    let shown = [
        ("key = \"ID\"", None),
        ("key = \"id\"", Some(["nmae"].as_slice())),
        ("key = \"id\"\nheader_row = 2", None),
        ("key = \"id\"\nheader_row = 40", None),
        ("key = \"id\"\nmulti_valued = { phones = \";\" }", None),
    ]
    .map(|(settings, fields)| {
        let base = TempDir::new().unwrap();
        fs::write(base.path().join("people.xlsx"), &content).unwrap();
        let shown = check(base.path(), &format!("path = \"people.xlsx\"\n{settings}"), fields);
        format!("{}\n{shown}\n", settings.replace('\n', "; "))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let given = "path = \"people.xlsx\"\nkey = \"id\"\n";
    let shown = [
        "path = \"people.xlsx\"".to_owned(),
        "path = []\nkey = \"id\"".to_owned(),
        "path = \"people.xlsx\"\nkey = \" \"".to_owned(),
        format!("{given}sheet = 1"),
        format!("{given}sheets = 0"),
        format!("{given}sheets = -1"),
        format!("{given}sheets = true"),
        format!("{given}sheets = [\"\"]"),
        format!("{given}header_row = 0"),
        format!("{given}hidden_rows = \"drop\""),
        format!("{given}merged_cells = \"last\""),
        format!("{given}limits = {{ memory = 3 }}"),
        format!("{given}limits = {{ memory_mb = 0 }}"),
        format!("{given}multi_valued = {{ phones = \"\" }}"),
    ]
    .map(|settings| {
        let refused = source::<Excel>(&settings).unwrap_err();
        format!(
            "{}\n  {}\n",
            settings.replace('\n', "; "),
            refused.trim_end().replace('\n', "\n  ")
        )
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_file_that_grows_while_it_is_read_is_never_complete() {
    use std::io::Write as _;

    use peoplesync_source::{Coverage, Step};

    let base = TempDir::new().unwrap();
    let path = base.path().join("people.xlsx");
    let content = xlsx(|sheet| {
        sheet.write_string(0, 0, "id").unwrap();
        for row in 1..20_000 {
            sheet.write_number(row, 0, f64::from(row)).unwrap();
        }
    });
    fs::write(&path, content).unwrap();
    let source = source::<Excel>("path = \"people.xlsx\"\nkey = \"id\"").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let end = runtime.block_on(async {
        let context = Context::for_tests(base.path());
        let mut records = source.open(&context, &Query::default()).await.unwrap();
        records.next().await.unwrap();
        // The reader is at most a few batches ahead, so it has not reached the end.
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
        loop {
            if let Step::End(end) = records.next().await.unwrap() {
                return end;
            }
        }
    });
    let reason = "people.xlsx changed while it was read".to_owned();
    assert_eq!(end.coverage, Coverage::Partial { reason });
}
