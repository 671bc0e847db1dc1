//! A workbook that is a zip archive: its parts, each of which is looked at the first time that the spreadsheet library touches it. So
//! nothing is read that was not looked at, whatever the names in the file lead to.

use std::fmt::Debug;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use peoplesync_source::{Context, Error};
use zip::ZipArchive;

use crate::archive::Archive;
use crate::facts::Facts;
use crate::limit::{Limits, Refused};
use crate::part::{self, Found};
use crate::scan::Fault;
use crate::threads::Pieces;
use crate::xlsb::{Styles, u16_at};

/// Entries that a workbook has at most; a large one has hundreds.
const MOST_PARTS: u64 = 10_000;

/// Bytes of a part's name at most; they have about 30.
const LONGEST_NAME: u16 = 1024;

/// The end of a zip archive, where its directory is described: 22 bytes and a comment.
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: u64 = 22 + 0xffff;

/// Parts up to this size are not asked for how well they were packed.
const SMALL: u64 = 1 << 20;

/// The parts of a workbook.
#[derive(Debug, Clone)]
pub(crate) struct Package(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The file as the config names it.
    file: Arc<str>,
    limits: Limits,
    parts: Vec<Part>,
    archive: ZipArchive<View>,
    styles: Mutex<Styles>,
    /// The part that was touched last.
    last: Mutex<Option<usize>>,
    /// Why a part was refused: the library only sees that reading fails.
    error: Mutex<Option<Error>>,
}

/// A part, where its packed bytes are, and what was found in it once it was looked at.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its number in the file's directory.
    number: usize,
    pub(crate) name: String,
    pub(crate) name_length: u16,
    start: u64,
    end: u64,
    pub(crate) size: u64,
    pub(crate) crc: u32,
    found: Mutex<Option<Vec<Arc<Facts>>>>,
}

/// What kind of workbook an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    Xlsx,
    Xlsb,
    Ods,
}

impl Package {
    /// Reads the directory of an archive and refuses what no workbook is.
    pub(crate) fn new(file: Arc<str>, mut view: View, limits: Limits) -> Result<Self, Fault> {
        let count = entries(&mut view).map_err(Fault::Io)?;
        let Some(count) = count else {
            let what = "is a zip archive that ends too early: the list of its parts is missing";
            return Err(Refused::malformed(what).into());
        };
        if count > MOST_PARTS {
            let what = format!("is a zip archive of more than {MOST_PARTS} parts");
            return Err(Refused::limit(what).into());
        }
        let mut archive = ZipArchive::new(view.clone()).map_err(broken)?;
        let mut parts = Vec::new();
        for number in 0..archive.len() {
            let entry = archive.by_index_raw(number).map_err(broken)?;
            let name = entry.name().map_err(broken)?.into_owned();
            if entry.encrypted() {
                return Err(Refused::limit(format!("is encrypted: its part {name} is")).into());
            }
            let length = u16::try_from(name.len()).ok();
            let Some(name_length) = length.filter(|length| *length <= LONGEST_NAME) else {
                let what = format!("has a part whose name has more than {LONGEST_NAME} bytes");
                return Err(Refused::limit(what).into());
            };
            let start = entry.data_start().unwrap_or_default();
            let end = start.saturating_add(entry.compressed_size());
            let (size, crc, found) = (entry.size(), entry.crc32(), Mutex::default());
            parts.push(Part { number, name, name_length, start, end, size, crc, found });
        }
        parts.sort_by_key(|part| part.start);
        if parts.windows(2).any(|pair| matches!(pair, [one, next] if one.end > next.start)) {
            return Err(Refused::malformed("is a zip archive whose parts lie in each other").into());
        }
        let inner = Inner {
            file,
            limits,
            parts,
            archive,
            styles: Mutex::default(),
            last: Mutex::default(),
            error: Mutex::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The archive that the library may read.
    pub(crate) fn archive(&self) -> Archive {
        Archive::new(self.clone())
    }

    /// The parts, in the order of the file.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0.parts
    }

    /// The content of a part, once it was looked at and is acceptable.
    pub(crate) fn open(&self, index: usize) -> io::Result<Box<dyn Read + Send>> {
        let part = self.parts().get(index).filter(|part| self.0.look(part));
        let part = part.ok_or_else(|| io::Error::other("the part was refused"))?;
        *locked(&self.0.last) = Some(index);
        self.0.unpacked(part).map_err(|fault| self.0.note(part, fault))
    }

    /// Keeps why a part could not be read to its end.
    pub(crate) fn note(&self, index: usize, error: io::Error) -> io::Error {
        match self.parts().get(index) {
            Some(part) => self.0.note(part, Fault::Io(error)),
            None => error,
        }
    }

    /// What kind of workbook it is, if it is one.
    pub(crate) fn kind(&self) -> Option<Packed> {
        let has = |test: &dyn Fn(&str) -> bool| {
            self.0.parts.iter().any(|part| test(&part.name.to_ascii_lowercase()))
        };
        if has(&|name| name == "mimetype") && has(&|name| name == "content.xml") {
            Some(Packed::Ods)
        } else if has(&|name| name.ends_with("workbook.bin")) {
            Some(Packed::Xlsb)
        } else if has(&|name| name == "_rels/.rels") {
            Some(Packed::Xlsx)
        } else {
            None
        }
    }

    /// Why the library could not read on, if that is known.
    pub(crate) fn take_error(&self) -> Option<Error> {
        locked(&self.0.error).take()
    }

    /// What was found of the sheets in the part that was touched last.
    pub(crate) fn facts(&self) -> Vec<Arc<Facts>> {
        let part = locked(&self.0.last).and_then(|last| self.0.parts.get(last));
        part.and_then(|part| locked(&part.found).clone()).unwrap_or_default()
    }

    /// Looks at the sheet of a workbook with one sheet before the library comes to it: on another processor, while the library
    /// reads the texts.
    pub(crate) fn look_ahead(&self) {
        let is_sheet = |part: &&Part| part.name.to_ascii_lowercase().contains("/worksheets/sheet");
        let mut sheets = self.0.parts.iter().filter(is_sheet);
        if let (Some(sheet), None) = (sheets.next(), sheets.next()) {
            // What is wrong with it is told when the library comes to it.
            self.0.look(sheet);
        }
    }
}

impl Inner {
    /// Looks at a part, unless that was done; `false` if it is refused. Another thread that is at it is waited for.
    fn look(&self, part: &Part) -> bool {
        let mut found = locked(&part.found);
        if found.is_some() {
            return true;
        }
        match self.inspect(part) {
            Ok(Found { sheets }) => {
                *found = Some(sheets.into_iter().map(Arc::new).collect());
                true
            }
            Err(fault) => {
                self.note(part, fault);
                false
            }
        }
    }

    /// Keeps why a part cannot be read, unless another reason came first. The library is told that there is one.
    fn note(&self, part: &Part, fault: Fault) -> io::Error {
        let name = format!("{}: its part {}", self.file, part.name);
        let error = match fault {
            Fault::Refused(refused) => refused.into_error(&name),
            Fault::Io(error) => damaged(&name, error),
        };
        locked(&self.error).get_or_insert(error);
        io::Error::other("the part was refused")
    }

    fn inspect(&self, part: &Part) -> Result<Found, Fault> {
        let Part { name, size, .. } = part;
        let limits = &self.limits;
        let packed = part.end - part.start;
        if *size > limits.unpacked() {
            let what = format!("has {} MiB once it is unpacked", size >> 20);
            return Err(Refused::setting(what, "unpacked_mb", limits.unpacked_mb).into());
        }
        if *size > SMALL && *size / packed.max(1) > u64::from(limits.ratio) {
            let what = format!("is packed {} times smaller than it is", size / packed.max(1));
            return Err(Refused::setting(what, "ratio", limits.ratio).into());
        }
        let mut input = self.unpacked(part)?;
        if name == "mimetype" {
            io::copy(&mut input.take(SMALL), &mut io::sink()).map_err(Fault::Io)?;
            return Ok(Found::default());
        }
        part::inspect(&mut input, name, *size, limits, &mut locked(&self.styles))
    }

    /// What a part is once it is unpacked: a large one piece by piece, on another thread.
    fn unpacked(&self, part: &Part) -> Result<Box<dyn Read + Send>, Fault> {
        let (mut archive, number, left) = (self.archive.clone(), part.number, part.size);
        // The directory of the file may lie about the size.
        let mut input = Exactly { input: archive.by_index(number).map_err(broken)?, left };
        if left < SMALL {
            let mut content = Vec::new();
            input.read_to_end(&mut content).map_err(Fault::Io)?;
            return Ok(Box::new(io::Cursor::new(content)));
        }
        drop(input);
        Ok(Box::new(Pieces::new(move |ahead| {
            let input = archive.by_index(number).map_err(io::Error::from);
            ahead.read(input.map(|input| Exactly { input, left }));
        })))
    }
}

/// An input of which the length is known: fewer or more bytes are a fault.
struct Exactly<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let is_wrong = read as u64 > self.left || (read == 0 && self.left > 0);
        if is_wrong && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its size is not as it says"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Where the bytes of a workbook are: a file, or memory.
pub(crate) trait Input: Read + Seek + Send + Debug {}
impl<T: Read + Seek + Send + Debug> Input for T {}

/// An input that several read, each at its own position, as long as the run is not cancelled.
#[derive(Debug, Clone)]
pub(crate) struct View {
    file: Arc<Mutex<dyn Input>>,
    position: u64,
    cx: Context,
}

impl View {
    pub(crate) fn new(cx: &Context, file: impl Input + 'static) -> Self {
        Self { file: Arc::new(Mutex::new(file)), position: 0, cx: cx.clone() }
    }
}

impl Read for View {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cx.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let mut file = locked(&self.file);
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for View {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => {
                locked(&self.file).seek(SeekFrom::End(0))?.checked_add_signed(offset)
            }
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// A poisoned lock only says that another thread panicked; what it guards is replaced as a whole.
fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many entries the directory at the end of the archive has; `None` if there is no end. Archives for which this is no word have more
/// than 65,534.
fn entries(view: &mut View) -> io::Result<Option<u64>> {
    let size = view.seek(SeekFrom::End(0))?;
    view.seek(SeekFrom::Start(size.saturating_sub(END_LENGTH)))?;
    let mut tail = Vec::new();
    view.take(END_LENGTH).read_to_end(&mut tail)?;
    let Some(end) = memchr::memmem::rfind(&tail, END) else { return Ok(None) };
    Ok(u16_at(&tail, end + 10).map(u64::from))
}

fn broken(error: zip::result::ZipError) -> Fault {
    match error {
        zip::result::ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Fault::Io(error)
        }
        error => Refused::malformed(format!("is a broken zip archive ({error})")).into(),
    }
}

/// Unpacking a part failed.
fn damaged(name: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            let hint = "was the file copied while it was still being written?";
            Error::malformed(format!("{name} is damaged")).with_hint(hint).with_source(error)
        }
        _ => unreadable(name, error),
    }
}

/// The file system failed.
fn unreadable(name: &str, error: io::Error) -> Error {
    Error::unavailable(format!("{name} cannot be read")).with_source(error)
}
