//! Spreadsheets that were made to hurt. A pass over each ends, in little memory.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::common::{
    archive, ods, ods_number, ods_text, parts, raw_xlsx, sheet_xml, with_part, xlsx,
};

const MIB: usize = 1 << 20;

/// A shared text, and the sheet that names it as its header.
const TEXTS: &str = "<sst><si><t>id</t></si></sst>";
const HEADER: &str = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>";

/// The limit of memory in these tests, so that what is within it is little too.
const LITTLE: &str = "limits = { memory_mb = 16, ratio = 2000 }";

/// A name, settings, and the content of a file.
pub(crate) type Hostile = (&'static str, &'static str, Vec<u8>);

pub(crate) fn files() -> Vec<Hostile> {
    let sheet = |rows: &str| raw_xlsx(&sheet_xml(&format!("{HEADER}{rows}")), TEXTS);
    let texts = |texts: &str| raw_xlsx(&sheet_xml(HEADER), texts);
    let row = |content: &str| sheet(&format!("<row r=\"2\">{content}</row>"));
    let value = |text: &str| row(&format!("<c r=\"A2\" t=\"str\"><v>{text}</v></c>"));
    let people: String = (2..60_000)
        .map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{row}</v></c></row>"))
        .collect();
    let dimension =
        sheet_xml(HEADER).replace("<sheetData>", "<dimension ref=\"A1:XFD1048576\"/><sheetData>");
    let entities = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>";
    let merges: String = (0..120_000).map(|_| "<mergeCell ref=\"A1:XFD1048576\"/>").collect();
    let nested = format!("{}{}", "<a>".repeat(MIB / 4), "</a>".repeat(MIB / 4));
    let quoted_end = "</a \"><a><a><a><a>\">".repeat(100_000);
    let long = "x".repeat(8 * MIB);
    let runs = "<r><t>some text in a run of its own</t></r>".repeat(MIB / 5);
    let styles = styles_bomb();
    let wide: String = (0..16_384).map(|_| "<c t=\"str\"><v>x</v></c>").collect();
    vec![
        named("a dimension of everything", &raw_xlsx(&dimension, TEXTS)),
        named("one cell at the end", &sheet("<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>")),
        named("a row beyond the end", &sheet("<row r=\"4294967295\"><c><v>1</v></c></row>")),
        named("a column beyond the end", &row("<c r=\"ZZZZ2\"><v>1</v></c>")),
        named("rows in the wrong order", &sheet("<row r=\"9\"><c r=\"A9\"><v>1</v></c></row><row r=\"3\"><c r=\"A3\"><v>2</v></c></row>")),
        named("a cell twice", &row("<c r=\"A2\"><v>1</v></c><c r=\"A2\"><v>2</v></c>")),
        named("all columns", &row(&wide)),
        named("deep elements", &row(&nested)),
        named("deep elements in the texts", &texts(&format!("<sst>{nested}</sst>"))),
        named("quotes in end tags", &row(&quoted_end)),
        named("a text for ever", &value(&long)),
        named("a tag for ever", &row(&format!("<c r=\"A2\" x=\"{long}\"/>"))),
        named("an attribute with marks", &row(&format!("<c x=\"{}\"/>", "<>".repeat(MIB)))),
        named("a comment for ever", &row(&format!("<!-- {long} -->"))),
        named("a text of runs for ever", &row(&format!("<c r=\"A2\" t=\"inlineStr\"><is>{runs}</is></c>"))),
        named("entities", &raw_xlsx(&format!("{entities}{}", sheet_xml(HEADER)), TEXTS)),
        named("entities in the texts", &texts(&format!("{entities}<sst><si><t>&b;</t></si></sst>"))),
        named("many merged cells", &raw_xlsx(
            &sheet_xml(&format!("{HEADER}{people}")).replace("</sheetData>", &format!("</sheetData><mergeCells>{merges}</mergeCells>")),
            TEXTS,
        )),
        named("merged cells in each other", &raw_xlsx(
            &sheet_xml(&format!("{HEADER}{people}")).replace("</sheetData>", "</sheetData><mergeCells><mergeCell ref=\"A2:B9\"/><mergeCell ref=\"A3:A60000\"/></mergeCells>"),
            TEXTS,
        )),
        named("many texts", &texts(&format!("<sst>{}</sst>", "<si/>".repeat(3 * MIB)))),
        named("texts that were announced", &texts("<sst uniqueCount=\"99999999999\"><si><t>id</t></si></sst>")),
        named("a text that is not there", &row("<c r=\"A2\" t=\"s\"><v>99</v></c>")),
        named("large texts", &texts(&format!("<sst>{}</sst>", format!("<si><t>{}</t></si>", "x".repeat(MIB / 2)).repeat(40)))),
        named("large styles", &styles),
        named("zeros", &sheet(&" ".repeat(24 * MIB))),
        small_ratio("a small bomb", &sheet(&" ".repeat(24 * MIB))),
        named("a size that lies", &lying(&sheet(&people))),
        named("UTF-16", &utf16(&sheet(&people))),
        named("many parts", &many_parts()),
        named("ods with repeated rows", &repeated_ods(1_048_576, 16_384)),
        named("ods with rows far apart", &far_ods()),
        named("ods with a long text, repeated", &long_ods()),
        named("ods with blanks", &ods(&[("P", "<table:table-row><table:table-cell office:value-type=\"string\"><text:p>id<text:s text:c=\"999999999\"/></text:p></table:table-cell></table:table-row>".into())])),
        named("ods that ends in a table", &cut_ods()),
        named("noise in a compound file", &noise()),
    ]
}

fn named(name: &'static str, content: &[u8]) -> Hostile {
    (name, LITTLE, content.to_vec())
}

/// The same with the usual limit on how well a part is packed.
fn small_ratio(name: &'static str, content: &[u8]) -> Hostile {
    (name, "limits = { memory_mb = 16 }", content.to_vec())
}

/// A font with a long name, and formats that each have a copy of it.
fn styles_bomb() -> Vec<u8> {
    let font = format!("<fonts><font><name val=\"{}\"/></font></fonts>", "x".repeat(MIB / 2));
    let formats = "<xf numFmtId=\"0\" fontId=\"0\"/>".repeat(60_000);
    with_part(
        &xlsx(|sheet| {
            sheet.write_string(0, 0, "id").unwrap();
        }),
        "xl/styles.xml",
        |_| format!("<styleSheet>{font}<cellXfs>{formats}</cellXfs></styleSheet>"),
    )
}

/// A directory that says that the sheet is small.
fn lying(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    let name = b"xl/worksheets/sheet1.xml";
    // The last time that the name comes is in the directory, 46 bytes behind its entry's start.
    let at = bytes.windows(name.len()).rposition(|window| window == name).unwrap() - 46;
    bytes[at + 24..at + 28].copy_from_slice(&100_u32.to_le_bytes());
    bytes
}

fn utf16(content: &[u8]) -> Vec<u8> {
    let mut parts = parts(content);
    let sheet = parts.iter_mut().find(|(name, _)| name.contains("sheet1")).unwrap();
    let text = format!("\u{feff}{}", String::from_utf8(sheet.1.clone()).unwrap());
    sheet.1 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let parts: Vec<_> = parts.iter().map(|(name, content)| (&**name, &**content)).collect();
    archive(&parts)
}

fn many_parts() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for number in 0..30_000 {
        writer.start_file(format!("xl/{number}.xml"), options).unwrap();
        writer.write_all(b"<a/>").unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn repeated_ods(rows: u32, columns: u32) -> Vec<u8> {
    let cell = ods_number("1", "1").replace(
        "<table:table-cell ",
        &format!("<table:table-cell table:number-columns-repeated=\"{columns}\" "),
    );
    let rows = format!(
        "<table:table-row>{}</table:table-row><table:table-row table:number-rows-repeated=\"{rows}\">{cell}</table:table-row>",
        ods_text("id")
    );
    ods(&[("P", rows)])
}

fn far_ods() -> Vec<u8> {
    let cell = ods_number("1", "1");
    let rows = format!(
        "<table:table-row>{}</table:table-row><table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell/></table:table-row><table:table-row><table:table-cell table:number-columns-repeated=\"16000\"/>{cell}</table:table-row>",
        ods_text("id")
    );
    ods(&[("P", rows)])
}

fn long_ods() -> Vec<u8> {
    let cell = ods_text(&"x".repeat(MIB / 2))
        .replace("<table:table-cell ", "<table:table-cell table:number-columns-repeated=\"1000\" ");
    let rows = format!(
        "<table:table-row>{}</table:table-row><table:table-row>{cell}</table:table-row>",
        ods_text("id")
    );
    ods(&[("P", rows)])
}

/// The library would look for the end of the table for ever.
fn cut_ods() -> Vec<u8> {
    let whole = ods(&[("P", format!("<table:table-row>{}</table:table-row>", ods_text("id")))]);
    with_part(&whole, "content.xml", |xml| {
        xml.get(..xml.find("</table:table>").unwrap()).unwrap().to_owned()
    })
}

fn noise() -> Vec<u8> {
    let noise = (0..MIB as u64).map(|n| (n.wrapping_mul(n) >> 7).to_le_bytes()[0]);
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".iter().copied().chain(noise).collect()
}
