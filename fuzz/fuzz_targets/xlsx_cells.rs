//! Cells of xlsx: any bytes in the rows, the sheet, the texts, the styles, or in place of the whole file. A pass ends, and what ends it is
//! never a bug of ours. Panics of the library are caught by the connector, so only those of our own code count.
#![no_main]

use std::io::{Cursor, Write};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peoplesync_excel::ExcelConfig;
use peoplesync_source::Context;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const RELATIONS: &str = r#"<Relationships><Relationship Id="rId1" Type="x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<workbook><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const SHEETS: &str = r#"<Relationships><Relationship Id="rId1" Type="x/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
const STYLES: &str = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="00000"/><numFmt numFmtId="165" formatCode="yyyy-mm-dd"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="46"/></cellXfs></styleSheet>"#;
const TEXTS: &str = "<sst><si><t>id</t></si><si><t>name</t></si><si><t>Zoe</t></si></sst>";
const HEADER: &str = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>"#;

fuzz_target!(
    init: {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |location| location.file());
            // Ours are named from the root of the tree, those of libraries from a registry.
            if !file.contains("registry/src") && !file.contains("/rustc/") && !file.contains("library/") {
                before(panic);
            }
        }));
    },
    |data: &[u8]| run(data)
);

fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(data);
    let sheet = |rows: &str| format!("<worksheet><sheetData>{HEADER}{rows}</sheetData></worksheet>");
    let file = match mode % 6 {
        0 | 1 => archive(&sheet(&text), TEXTS, STYLES),
        2 => archive(&text, TEXTS, STYLES),
        3 => archive(&sheet(""), &text, STYLES),
        4 => archive(&sheet(r#"<row><c s="0"><v>1</v></c><c s="1"><v>2</v></c></row>"#), TEXTS, &text),
        _ => data.to_vec(),
    };
    static SETTINGS: LazyLock<(Context, ExcelConfig)> = LazyLock::new(|| {
        let settings = "path = \"p.xlsx\"\nkey = \"id\"\nhidden_rows = \"skip\"\nlimits = { memory_mb = 32 }";
        (Context::for_tests("."), toml::from_str(settings).expect("the settings are right"))
    });
    let (cx, config) = &*SETTINGS;
    peoplesync_excel::fuzzing::cells(cx, config, file);
}

fn archive(sheet: &str, texts: &str, styles: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let parts = [
        ("_rels/.rels", RELATIONS),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", SHEETS),
        ("xl/styles.xml", styles),
        ("xl/sharedStrings.xml", texts),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    for (name, content) in parts {
        writer.start_file(name, stored).expect("a part");
        writer.write_all(content.as_bytes()).expect("its content");
    }
    writer.finish().expect("an archive").into_inner()
}
