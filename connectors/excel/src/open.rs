//! Opens one file: what it is, whether it may be read, its sheets.

use std::any::Any;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use peoplesync_source::files::{self, OpenFile, SourceFile};
use peoplesync_source::{Context, Error, ErrorKind, table};

use crate::book::{Book, Sheet};
use crate::config::{ExcelConfig, SheetName};
use crate::package::{Package, View};
use crate::scan::Fault;
use crate::xls;

/// A file whose workbook was opened.
pub(crate) struct Opened {
    pub(crate) book: Book,
    file: OpenFile,
}

const ZIP: &[u8] = b"PK\x03\x04";
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// How files begin that are no workbook, and what they are.
const OTHERS: [(&[u8], &str); 9] = [
    (b"PK\x05\x06", "an empty zip archive"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"<!DOCTYPE", "a web page; was a login page downloaded instead?"),
    (b"<html", "a web page; some programs give those names as of a workbook"),
    (b"<table", "a web page; some programs give those names as of a workbook"),
    (b"<?xml", "an XML document; save it as .xlsx"),
    (b"\x09\x08", "a workbook of Excel 4 or older; save it as .xlsx"),
];

impl Opened {
    /// Opens a file, and its workbook.
    pub(crate) fn new(
        cx: &Context,
        config: &ExcelConfig,
        file: &SourceFile,
    ) -> Result<Self, Error> {
        let name = &file.name;
        let opened = file.open("xlsx")?;
        let limits = config.limits;
        if opened.size() > limits.file() {
            let (size, most) = (opened.size() >> 20, limits.file_mb);
            return Err(Error::malformed(format!("{name} has {size} MiB"))
                .with_hint(format!("if it is to be trusted, raise limits.file_mb (now {most})")));
        }
        let handle = opened.file.try_clone().map_err(|error| files::opening(name, error))?;
        Ok(Self { book: book(cx, config, name, View::new(cx, handle))?, file: opened })
    }

    /// Whether somebody wrote to the file since it was opened. Unknown counts as yes.
    pub(crate) fn has_changed(&self) -> bool {
        self.file.has_changed()
    }
}

/// Opens the workbook that these bytes are.
pub(crate) fn book(
    cx: &Context,
    config: &ExcelConfig,
    name: &Arc<str>,
    mut view: View,
) -> Result<Book, Error> {
    let mut head = [0; 8];
    let reading = |error| reading(cx, name, error);
    let length = read_up_to(&mut view, &mut head).map_err(reading)?;
    view.seek(SeekFrom::Start(0)).map_err(reading)?;
    let head = head.get(..length).unwrap_or_default();
    let fault = |fault| match fault {
        Fault::Refused(refused) => refused.into_error(name),
        Fault::Io(error) => reading(error),
    };
    if head.starts_with(ZIP) {
        let package = Package::new(Arc::clone(name), view, config.limits).map_err(fault)?;
        let Some(kind) = package.kind() else {
            let message = format!("{name} is a zip archive, but no workbook");
            return Err(Error::malformed(message));
        };
        Book::packed(name, &package, kind)
    } else if head.starts_with(OLE) {
        let (book, facts) =
            xls::open(name, view, &config.limits).map_err(|failed| match failed {
                xls::Failed::Fault(found) => fault(found),
                xls::Failed::Error(error) => error,
            })?;
        Book::binary(name, book, facts)
    } else {
        Err(no_workbook(name, head))
    }
}

/// The positions of the sheets that the settings mean, each once.
pub(crate) fn chosen(
    name: &str,
    sheets: &[Sheet],
    config: &ExcelConfig,
) -> Result<Vec<usize>, Error> {
    let mut chosen = Vec::new();
    for wanted in &config.sheets.0 {
        let found = match wanted {
            SheetName::Position(position) => at_position(name, sheets, *position)?,
            SheetName::Name(wanted) => by_name(name, sheets, wanted)?,
        };
        for index in found {
            if !chosen.contains(&index) {
                chosen.push(index);
            }
        }
    }
    if config.sheets.0.is_empty() {
        let first = sheets.iter().position(|sheet| sheet.has_cells && sheet.is_visible);
        let none = || Error::malformed(format!("{name} has no visible sheet with cells"));
        chosen.push(first.ok_or_else(none)?);
    }
    Ok(chosen)
}

/// The error of a workbook that opens with a password only.
pub(crate) fn protected(name: &str) -> Error {
    let hint = "open it with its password, remove that (File, Info, Protect Workbook), and save it";
    Error::new(ErrorKind::Denied, format!("{name} is protected by a password")).with_hint(hint)
}

fn at_position(name: &str, sheets: &[Sheet], position: u32) -> Result<Vec<usize>, Error> {
    let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
    match sheets.get(index) {
        Some(sheet) if sheet.has_cells => Ok(vec![index]),
        Some(sheet) => Err(Error::malformed(format!("{name}!{} is no sheet of cells", sheet.name))),
        None => {
            let message = format!("{name} has no sheet {position}");
            Err(Error::malformed(message).with_hint(their_names(sheets)))
        }
    }
}

fn by_name(name: &str, sheets: &[Sheet], wanted: &str) -> Result<Vec<usize>, Error> {
    // A sheet that is called so comes before a pattern: brackets cannot be part of a name, but people write them.
    if let Some(index) = sheets.iter().position(|sheet| sheet.name == wanted) {
        return at_position(name, sheets, u32::try_from(index + 1).unwrap_or(u32::MAX));
    }
    if wanted.contains(['*', '?']) {
        let pattern = glob::Pattern::new(wanted).map_err(|error| {
            Error::config(format!("sheets has {wanted:?}, which is no pattern: {}", error.msg))
        })?;
        let matching =
            |sheet: &Sheet| sheet.has_cells && sheet.is_visible && pattern.matches(&sheet.name);
        let found: Vec<usize> =
            (0..sheets.len()).filter(|index| sheets.get(*index).is_some_and(matching)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let message = format!("no visible sheet of {name} matches {wanted}");
        return Err(Error::malformed(message).with_hint(their_names(sheets)));
    }
    let names = sheets.iter().map(|sheet| sheet.name.as_str());
    let near = match table::nearest(wanted, names) {
        Some(near) => format!(" (nearest: `{near}`)"),
        None => String::new(),
    };
    Err(Error::malformed(format!("{name} has no sheet `{wanted}`{near}"))
        .with_hint(their_names(sheets)))
}

fn their_names(sheets: &[Sheet]) -> String {
    format!("its sheets are {}", table::shorten(sheets.iter().map(|sheet| sheet.name.as_str())))
}

/// Runs what reads a file. The spreadsheet library may panic at a hostile file: that is an error of the source, never a short read.
pub(crate) fn caught<T>(
    cx: &Context,
    name: &str,
    run: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    cx.go_on()?;
    let result = catch_unwind(AssertUnwindSafe(run));
    let result = result.unwrap_or_else(|panic| Err(panicked(name, &*panic)));
    // The library only knows that reading failed.
    result.map_err(|error| if cx.is_cancelled() { Error::cancelled() } else { error })
}

fn panicked(name: &str, panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::malformed(format!("{name} cannot be read: the spreadsheet library failed at it"))
        .with_hint("is the file damaged? saving it anew in a spreadsheet program may mend it")
        .with_source(std::io::Error::other(said))
}

fn no_workbook(name: &str, head: &[u8]) -> Error {
    if head.is_empty() {
        return Error::malformed(format!("{name} has no bytes"))
            .with_hint("was it copied while it was still being written?");
    }
    let other = OTHERS.iter().find(|(magic, _)| {
        let magic = magic.get(..magic.len().min(8)).unwrap_or_default();
        head.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
    });
    match other {
        Some((_, what)) => Error::malformed(format!("{name} is no workbook: it is {what}")),
        None => Error::malformed(format!("{name} is no workbook")).with_hint(
            "xlsx, xlsm, xlsb, xls and ods are read; a CSV file has a connector of its own",
        ),
    }
}

/// Fills a buffer, unless the input ends before.
pub(crate) fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match input.read(rest)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

fn reading(cx: &Context, name: &str, error: std::io::Error) -> Error {
    if cx.is_cancelled() {
        return Error::cancelled();
    }
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => files::denied(name, error),
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData => {
            Error::new(ErrorKind::Malformed, format!("{name} is damaged"))
                .with_hint("was it copied while it was still being written?")
                .with_source(error)
        }
        _ => Error::unavailable(format!("{name} cannot be read")).with_source(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_library_is_an_error_and_a_cancelled_run_says_so() {
        let cx = Context::for_tests(".");
        let panics = || -> Result<(), Error> { std::panic::panic_any("index out of bounds") };
        let error = caught(&cx, "p.xlsx", panics).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(
            error.to_string(),
            "p.xlsx cannot be read: the spreadsheet library failed at it"
        );
        let failed = || -> Result<(), Error> {
            cx.cancel();
            Err(Error::malformed("reading failed"))
        };
        let error = caught(&cx, "p.xlsx", failed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
