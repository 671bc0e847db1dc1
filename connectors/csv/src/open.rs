//! Opens one file: compression, encoding, delimiter, header. What follows reads rows.

use std::fs::File;
use std::io::{self, Cursor, Read};

use encoding_rs::{Encoding, UTF_8};
use flate2::read::MultiGzDecoder;
use peoplesync_source::files::{self, OpenFile, SourceFile};
use peoplesync_source::{Context, Error};

use crate::config::CsvConfig;
use crate::encoding::{self, Decoding};
use crate::error;
use crate::header::{self, Header, show_delimiter, structural};
use crate::parse::{Fault, Parser};

/// A file whose header was read.
pub(crate) struct Opened {
    pub(crate) parser: Parser<Box<dyn Read>>,
    pub(crate) header: Header,
    pub(crate) is_gzip: bool,
    encoding: &'static Encoding,
    has_mark: bool,
    file: OpenFile,
}

/// So much of a file is looked at to tell its encoding and delimiter.
const HEAD: usize = 1 << 16;

const GZIP: &[u8] = &[0x1f, 0x8b];

/// How files begin that are no CSV, and what they are.
const OTHERS: [(&[u8], &str); 9] = [
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; gzip is read"),
    (b"BZh", "compressed with bzip2; gzip is read"),
    (b"\xfd7zXZ", "compressed with xz; gzip is read"),
    (b"<!DOCTYPE", "a web page; was a login page downloaded instead?"),
    (b"<html", "a web page; was a login page downloaded instead?"),
];

impl Opened {
    /// Opens a file and reads its header.
    pub(crate) fn new(
        cx: &Context,
        config: &CsvConfig,
        source: &SourceFile,
    ) -> Result<Self, Error> {
        let name = &*source.name;
        let file = source.open("csv")?;
        let handle = file.file.try_clone().map_err(|error| files::opening(name, error))?;
        let input = Watched { file: handle, cx: cx.clone() };

        let (head, mut input) =
            peek(Box::new(input)).map_err(|e| error::reading(cx, name, None, false, e))?;
        let is_gzip = head.starts_with(GZIP);
        let mut head = head;
        if is_gzip {
            let plain: Box<dyn Read> = Box::new(MultiGzDecoder::new(input));
            (head, input) = peek(plain).map_err(|e| error::reading(cx, name, None, true, e))?;
        }
        let start = head.get(..16).unwrap_or(&head);
        if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| {
            start.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
        }) {
            return Err(Error::malformed(format!("{name} is not a CSV file: it is {what}")));
        }
        let (encoding, mark) = encoding::of(&head, config.encoding).map_err(|unknown| {
            Error::malformed(format!("{name} {}", unknown.found)).with_hint(unknown.hint)
        })?;
        skip(&mut input, mark).map_err(|e| error::reading(cx, name, None, is_gzip, e))?;
        if encoding != UTF_8 {
            input = Box::new(Decoding::new(input, encoding));
        }
        let (mut head, mut input) =
            peek(input).map_err(|e| error::reading(cx, name, None, is_gzip, e))?;

        let mut line = 1;
        let mut declared = None;
        if let Some((delimiter, length)) = declaration(&head) {
            skip(&mut input, length).map_err(|e| error::reading(cx, name, None, is_gzip, e))?;
            head.drain(..length);
            (declared, line) = (Some(delimiter), 2);
        }
        let delimiter = declared.unwrap_or_else(|| header::delimiter(config, &head));
        let mut parser = Parser::new(input, config.dialect(delimiter), line);
        let header = match parser.next_block(1) {
            Ok(block) => {
                let row = block.and_then(|block| block.rows().next());
                Header::new(name, row.as_ref(), delimiter)?
            }
            Err(fault) => return Err(fault_error(cx, name, is_gzip, parser.line(), fault)),
        };
        parser.settle_line_end();
        Ok(Self { parser, header, is_gzip, encoding, has_mark: mark > 0, file })
    }

    /// Whether somebody wrote to the file since it was opened. Unknown counts as yes.
    pub(crate) fn has_changed(&self) -> bool {
        self.file.has_changed()
    }

    /// How many bytes the parser has to split, if that can be told before.
    pub(crate) fn size(&self) -> Option<u64> {
        (self.encoding == UTF_8 && !self.is_gzip).then(|| self.file.size())
    }

    /// What was found out, for the administrator.
    pub(crate) fn note(&self, name: &str) -> String {
        let count = self.header.names().len();
        let columns = if count == 1 { "column" } else { "columns" };
        let delimiter = show_delimiter(self.header.delimiter);
        let encoding = self.encoding.name();
        let mark = if self.has_mark { " with BOM" } else { "" };
        let gzip = if self.is_gzip { ", gzip" } else { "" };
        format!("{name}: {count} {columns}, delimiter {delimiter}, {encoding}{mark}{gzip}")
    }
}

/// A fault of the parser as an error that names the place.
pub(crate) fn fault_error(
    cx: &Context,
    name: &str,
    is_gzip: bool,
    line: u64,
    fault: Fault,
) -> Error {
    match (structural(name, &fault), fault) {
        (Some(error), _) => error,
        (None, Fault::Io(io)) => error::reading(
            cx,
            name,
            Some(line.saturating_sub(1)).filter(|line| *line > 0),
            is_gzip,
            io,
        ),
        (None, _) => Error::malformed(format!("{name} cannot be split into rows")),
    }
}

/// A file that is no longer read once the run is cancelled.
struct Watched {
    file: File,
    cx: Context,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cx.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        self.file.read(buffer)
    }
}

/// The beginning of an input, and the whole of it again.
fn peek(mut input: Box<dyn Read>) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut head = Vec::new();
    (&mut input).take(HEAD as u64).read_to_end(&mut head)?;
    let whole = Box::new(Cursor::new(head.clone()).chain(input));
    Ok((head, whole))
}

fn skip(input: &mut Box<dyn Read>, length: usize) -> io::Result<()> {
    io::copy(&mut input.take(length as u64), &mut io::sink()).map(drop)
}

/// The delimiter that Excel's own first line declares, `sep=;`, and the length of that line.
fn declaration(head: &[u8]) -> Option<(u8, usize)> {
    let rest = head.strip_prefix(b"sep=")?;
    let (&delimiter, rest) = rest.split_first()?;
    let end = [b"\r\n".as_slice(), b"\n", b"\r"].into_iter().find(|end| rest.starts_with(end))?;
    delimiter.is_ascii().then_some((delimiter, 5 + end.len()))
}
