//! The parser beside the `csv` crate, and where the two must differ.

use std::io::{self, Read};

use proptest::prelude::*;

use super::{Dialect, Fault, Parser, Row, find};

const RFC: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), comment: None };

/// The line and the fields of a row.
type Parsed = (u64, Vec<Vec<u8>>);

/// Gives its bytes in odd portions.
struct Portions<'a> {
    bytes: &'a [u8],
    portion: usize,
}

impl Read for Portions<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.portion.min(out.len()).min(self.bytes.len());
        out[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

/// All rows with their lines, and how the input ended.
fn parse(input: &[u8], dialect: Dialect) -> (Vec<Parsed>, String) {
    let portions = Portions { bytes: input, portion: 4_099 };
    let mut parser = Parser::new(portions, dialect, 1);
    let mut rows = Vec::new();
    let mut most = 1;
    loop {
        match parser.next_block(most) {
            Ok(None) => return (rows, "end".into()),
            Err(Fault::Io(error)) => return (rows, error.to_string()),
            Err(fault) => return (rows, format!("{fault:?}")),
            Ok(Some(block)) => rows.extend(block.rows().map(|row| parsed(&row))),
        }
        if most == 1 {
            parser.settle_line_end();
        }
        most = 5;
    }
}

fn parsed(row: &Row<'_>) -> Parsed {
    let fields = row.fields.iter().map(|field| {
        let whole = if field.is_unescaped { row.unescaped } else { row.raw };
        whole[field.span()].to_vec()
    });
    let stray = row.stray.map(|column| format!("stray quote in column {column}").into_bytes());
    (row.line, fields.chain(stray).collect())
}

/// The rows in a readable form: `line: field|field`.
fn check(input: &str) -> String {
    let (rows, end) = parse(input.as_bytes(), RFC);
    let rows = rows.iter().map(|(line, fields)| {
        let fields = fields
            .iter()
            .map(|field| String::from_utf8_lossy(field).replace('\r', "\\r").replace('\n', "\\n"));
        format!("{line}: {}", fields.collect::<Vec<_>>().join("|"))
    });
    rows.chain([end]).collect::<Vec<_>>().join("\n")
}

fn by_the_crate(input: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let records = reader.byte_records().map(|record| record.unwrap());
    records.map(|record| record.iter().map(<[u8]>::to_vec).collect()).collect()
}

fn fields_only(rows: Vec<Parsed>) -> Vec<Vec<Vec<u8>>> {
    rows.into_iter().map(|(_, fields)| fields).collect()
}

#[test]
fn quotes_lines_and_blank_lines() {
    insta::assert_snapshot!(check("a,b\n1,\"x, \"\"y\"\"\"\n\n\n2,\"two\nlines\"\r\n3,5\" pipe\n,\n"), @r#"
    1: a|b
    2: 1|x, "y"
    5: 2|two\nlines
    7: 3|5" pipe
    8: |
    end
    "#);
}

#[test]
fn the_last_line_needs_no_line_end() {
    insta::assert_snapshot!(check("a,b\r\n1,2"), @r"
    1: a|b
    2: 1|2
    end
    ");
    insta::assert_snapshot!(check("a,b\r\n1,\"2\"\r"), @r"
    1: a|b
    2: 1|2
    end
    ");
    insta::assert_snapshot!(check("a,b\n1,"), @r"
    1: a|b
    2: 1|
    end
    ");
}

#[test]
fn a_carriage_return_ends_a_line_where_the_first_line_says_so() {
    insta::assert_snapshot!(check("a,b\r1,\"x\ry\"\r\r2,3\r"), @r"
    1: a|b
    2: 1|x\ry
    5: 2|3
    end
    ");
    insta::assert_snapshot!(check("a,b\n1,x\ry\n2,z\r\n"), @r"
    1: a|b
    2: 1|x\ry
    3: 2|z
    end
    ");
}

#[test]
fn text_after_a_closing_quote_costs_its_line() {
    insta::assert_snapshot!(check("a,b,c\n1,\"Joe \"The\" X\",x\n2,y,z\n"), @r"
    1: a|b|c
    2: 1|stray quote in column 1
    3: 2|y|z
    end
    ");
}

#[test]
fn an_open_quote_is_told_with_its_line() {
    insta::assert_snapshot!(check("a,b\n1,2\n3,\"x\n4,5\n"), @r"
    1: a|b
    2: 1|2
    OpenQuote { line: 3, column: 1 }
    ");
    insta::assert_snapshot!(check("a,b\n3,\"x\n4,5\n6,\"y\"\n"), @r"
    1: a|b
    StrayQuote { line: 2, column: 1 }
    ");
    let endless = format!("a,b\n1,\"{}", "x,y\n".repeat(1 << 20));
    insta::assert_snapshot!(check(&endless), @r"
    1: a|b
    TooLong { line: 2 }
    ");
}

#[test]
fn comments_are_skipped_at_the_start_of_a_line_only() {
    let dialect = Dialect { comment: Some(b'#'), ..RFC };
    let long = "x".repeat(600_000);
    let input = format!("# first {long}\r\na,b\r\n# \"second\r\n1,#2\r\n#last");
    let (rows, end) = parse(input.as_bytes(), dialect);
    let lines: Vec<_> = rows.iter().map(|(line, _)| *line).collect();
    assert_eq!((lines, rows[1].1[1].as_slice(), end.as_str()), (vec![2, 4], &b"#2"[..], "end"));
}

#[test]
fn rows_across_many_buffers_come_out_as_they_went_in() {
    let rows: Vec<Vec<String>> = (0..40_000_usize)
        .map(|n| {
            let long = "lorem \"ipsum\", ".repeat(n * 7 % 31);
            let lines = ["", "\n", "x\r\ny"][n % 3];
            vec![n.to_string(), long, format!("Zoë{lines}"), String::new()]
        })
        .collect();
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    let input = writer.into_inner().unwrap();
    assert!(input.len() > 4 << 20, "{} bytes are too few", input.len());

    let (parsed, end) = parse(&input, RFC);
    assert_eq!(end, "end");
    let mut line = 1;
    for (n, (found, row)) in parsed.iter().zip(&rows).enumerate() {
        assert_eq!(found.0, line, "the line of row {n}");
        assert_eq!(found.1, row.iter().map(|field| field.as_bytes().to_vec()).collect::<Vec<_>>());
        line += 1 + row.iter().map(|field| field.matches('\n').count() as u64).sum::<u64>();
    }
    assert_eq!(parsed.len(), rows.len());
}

proptest! {
    #[test]
    fn valid_input_is_split_as_the_csv_crate_splits_it(
        rows in prop::collection::vec(prop::collection::vec("[ab ,\"\n\r'#é𝒵]{0,5}", 2..5), 1..8),
        always in any::<bool>(),
        windows in any::<bool>(),
    ) {
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .quote_style(style).terminator(end).flexible(true).from_writer(Vec::new());
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let input = writer.into_inner().unwrap();
        let (parsed, ended) = parse(&input, RFC);
        prop_assert_eq!(ended, "end");
        let expected: Vec<Vec<Vec<u8>>> =
            rows.iter().map(|row| row.iter().map(|field| field.as_bytes().to_vec()).collect()).collect();
        prop_assert_eq!(fields_only(parsed), expected);
    }

    #[test]
    fn any_input_without_a_fault_is_split_as_the_csv_crate_splits_it(
        tokens in prop::collection::vec(
            prop::sample::select(vec!["a", "b", ",", "\"", "\"\"", "\n", "\r\n", " "]), 0..24),
    ) {
        let input = tokens.concat();
        let (parsed, ended) = parse(input.as_bytes(), RFC);
        let healed = |field: &Vec<u8>| field.starts_with(b"stray");
        let is_faulty = ended != "end" || parsed.iter().any(|(_, fields)| fields.iter().any(healed));
        if !is_faulty {
            prop_assert_eq!(fields_only(parsed), by_the_crate(input.as_bytes()));
        }
    }

    #[test]
    fn finding_is_what_memchr_finds(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for (one, two) in [(b',', b'\n'), (0, 1), (0x7f, 0x80), (0xff, 0xfe)] {
            prop_assert_eq!(find(one, two, &bytes), memchr::memchr2(one, two, &bytes));
        }
    }

    #[test]
    fn no_input_makes_the_parser_panic_or_loop(input in prop::collection::vec(any::<u8>(), 0..400)) {
        let dialect = Dialect { comment: Some(b'#'), ..RFC };
        let (rows, _) = parse(&input, dialect);
        prop_assert!(rows.len() <= input.len());
    }
}
