//! Writes spreadsheets for the tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test uses some of it")]

use std::io::{Cursor, Read as _, Write as _};

use peoplesync_testkit::{Datum, Row, Table};
use rust_xlsxwriter::{Format, Workbook, Worksheet};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Separates the values of a list; no value of the tests contains it.
pub(crate) const SEPARATOR: &str = "¦";

/// Days from the first day of spreadsheets to that of Unix.
const UNIX_EPOCH: f64 = 25_569.0;

/// A workbook of one sheet, made by this.
pub(crate) fn xlsx(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().unwrap()
}

/// The table from this row on, the key in the first column.
pub(crate) fn put_table(sheet: &mut Worksheet, first_row: u32, table: &Table) {
    let names = std::iter::once("id").chain(table.fields.iter().map(String::as_str));
    for (column, name) in names.enumerate() {
        sheet.write_string(first_row, u16::try_from(column).unwrap(), name).unwrap();
    }
    for (row, person) in (first_row + 1..).zip(&table.rows) {
        put_row(sheet, row, person);
    }
}

/// A person in a row.
pub(crate) fn put_row(sheet: &mut Worksheet, row: u32, person: &Row) {
    sheet.write_string(row, 0, &person.key).unwrap();
    for (column, values) in (1..).zip(&person.values) {
        match values.as_slice() {
            [] => {}
            [Datum::Text(text)] => {
                sheet.write_string(row, column, text).unwrap();
            }
            #[expect(clippy::cast_precision_loss, reason = "the tests use small ones")]
            [Datum::Integer(number)] => {
                sheet.write_number(row, column, *number as f64).unwrap();
            }
            [Datum::Decimal(number)] => {
                sheet.write_number(row, column, *number).unwrap();
            }
            [Datum::Boolean(value)] => {
                sheet.write_boolean(row, column, *value).unwrap();
            }
            #[expect(clippy::cast_precision_loss, reason = "a double holds milliseconds")]
            [Datum::Timestamp(time)] => {
                let format = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
                let days = UNIX_EPOCH + *time as f64 / 86_400_000.0;
                sheet.write_number_with_format(row, column, days, &format).unwrap();
            }
            several => {
                let texts: Vec<_> = several.iter().filter_map(Datum::as_text).collect();
                sheet.write_string(row, column, texts.join(SEPARATOR)).unwrap();
            }
        }
    }
}

/// An ods file with these tables, each a name and the rows as XML.
pub(crate) fn ods(tables: &[(&str, String)]) -> Vec<u8> {
    let spaces = [("office", "office"), ("table", "table"), ("text", "text"), ("style", "style")]
        .map(|(prefix, name)| {
            format!(" xmlns:{prefix}=\"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0\"")
        })
        .concat();
    let calcext =
        " xmlns:calcext=\"urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0\"";
    let tables: String = tables
        .iter()
        .map(|(name, rows)| format!("<table:table table:name=\"{name}\">{rows}</table:table>"))
        .collect();
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content{spaces}{calcext} office:version=\"1.2\"><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    );
    let manifest = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"><manifest:file-entry manifest:full-path=\"/\"/></manifest:manifest>";
    archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest.as_bytes()),
        ("content.xml", content.as_bytes()),
    ])
}

/// The table as rows of an ods file.
pub(crate) fn ods_rows(table: &Table) -> String {
    let header: String = std::iter::once("id")
        .chain(table.fields.iter().map(String::as_str))
        .map(ods_text)
        .collect();
    let people = table.rows.iter().map(|person| {
        let values: String = person.values.iter().map(|values| ods_value(values)).collect();
        format!("<table:table-row>{}{values}</table:table-row>", ods_text(&person.key))
    });
    format!("<table:table-row>{header}</table:table-row>{}", people.collect::<String>())
}

fn ods_value(values: &[Datum]) -> String {
    match values {
        [] => "<table:table-cell/>".into(),
        [Datum::Text(text)] => ods_text(text),
        [Datum::Integer(number)] => ods_number(&number.to_string(), &number.to_string()),
        [Datum::Decimal(number)] => ods_number(&number.to_string(), &number.to_string()),
        [Datum::Boolean(value)] => format!(
            "<table:table-cell office:value-type=\"boolean\" office:boolean-value=\"{value}\"><text:p>x</text:p></table:table-cell>"
        ),
        [Datum::Timestamp(_)] => {
            "<table:table-cell office:value-type=\"date\" office:date-value=\"2026-01-01T00:00:00\"><text:p>x</text:p></table:table-cell>".into()
        }
        several => {
            let texts: Vec<_> = several.iter().filter_map(Datum::as_text).collect();
            ods_text(&texts.join(SEPARATOR))
        }
    }
}

/// A number, and how it is shown.
pub(crate) fn ods_number(number: &str, shown: &str) -> String {
    format!(
        "<table:table-cell office:value-type=\"float\" office:value=\"{number}\"><text:p>{shown}</text:p></table:table-cell>"
    )
}

/// A text, as LibreOffice writes it.
pub(crate) fn ods_text(text: &str) -> String {
    if text.is_empty() {
        return "<table:table-cell/>".into();
    }
    let escaped = escape(text);
    let lines: String = escaped
        .split('\n')
        .map(|line| {
            let line = line.replace('\t', "<text:tab/>");
            // Blanks at the ends and next to each other would be lost.
            let line = line.replace("  ", "<text:s text:c=\"2\"/>");
            format!("<text:p>{line}</text:p>")
        })
        .collect();
    format!("<table:table-cell office:value-type=\"string\">{lines}</table:table-cell>")
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A zip archive of these parts.
pub(crate) fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let method = if *name == "mimetype" {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The parts of an archive.
pub(crate) fn parts(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let read = |name: String| {
        let mut content = Vec::new();
        archive.by_name(&name).unwrap().read_to_end(&mut content).unwrap();
        (name, content)
    };
    names.into_iter().map(read).collect()
}

/// The same archive with another content of one part, which is made of the old one.
pub(crate) fn with_part(bytes: &[u8], name: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut parts = parts(bytes);
    let part = parts.iter_mut().find(|(part, _)| part == name).unwrap();
    part.1 = change(std::str::from_utf8(&part.1).unwrap()).into_bytes();
    let parts: Vec<_> = parts.iter().map(|(name, content)| (&**name, &**content)).collect();
    archive(&parts)
}

/// A workbook whose only sheet is this XML, and whose shared texts are that.
pub(crate) fn raw_xlsx(sheet: &str, texts: &str) -> Vec<u8> {
    let base = xlsx(|sheet| {
        sheet.write_string(0, 0, "id").unwrap();
    });
    let with_sheet = with_part(&base, "xl/worksheets/sheet1.xml", |_| sheet.to_owned());
    with_part(&with_sheet, "xl/sharedStrings.xml", |_| texts.to_owned())
}

/// Rows between the beginning and the end of a sheet.
pub(crate) fn sheet_xml(rows: &str) -> String {
    format!(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>"
    )
}
