//! Compound files, [MS-CFB]: the container of workbooks in the old format, and of encrypted ones. Reads one stream, and trusts no chain of
//! sectors: each is as long as the file at most.

use std::io::{self, Read, Seek, SeekFrom};

use crate::limit::Refused;
use crate::package::View;
use crate::scan::Fault;
use crate::xlsb::{u16_at, u32_at};

/// Sectors with greater numbers are marks.
const LAST_SECTOR: u32 = 0xffff_fffa;

/// The table of sectors has so many sectors before the ones that are listed elsewhere.
const HEADER_TABLE: usize = 109;

const HEADER: usize = 512;
const ENTRY: usize = 128;

/// A compound file whose directory was read.
pub(crate) struct Compound {
    view: View,
    shift: u16,
    /// The number of sectors in the file.
    sectors: usize,
    /// For each sector the one that follows it.
    next: Vec<u32>,
    entries: Vec<Entry>,
    /// Streams that are shorter than this lie in sectors of their own size, in the stream of the root.
    short: u64,
    short_shift: u16,
    short_next: Vec<u32>,
}

struct Entry {
    name: String,
    is_stream: bool,
    start: u32,
    size: u64,
}

fn malformed() -> Fault {
    Refused::malformed("is a broken compound file").into()
}

impl Compound {
    pub(crate) fn new(mut view: View) -> Result<Self, Fault> {
        let size = view.seek(SeekFrom::End(0)).map_err(Fault::Io)?;
        let mut header = vec![0; HEADER];
        view.seek(SeekFrom::Start(0)).map_err(Fault::Io)?;
        view.read_exact(&mut header).map_err(short_read)?;
        let u16_in = |at| u16_at(&header, at).unwrap_or_default();
        let u32_in = |at| u32_at(&header, at).unwrap_or_default();
        let (shift, short_shift) = (u16_in(30), u16_in(32));
        if !(9..=12).contains(&shift) || !(4..=shift).contains(&short_shift) {
            return Err(malformed());
        }
        let sectors = usize::try_from(size >> shift).unwrap_or(usize::MAX);
        let mut file = Self {
            view,
            shift,
            sectors,
            next: Vec::new(),
            entries: Vec::new(),
            short: u32_in(56).into(),
            short_shift,
            short_next: Vec::new(),
        };
        let table = file.table(&header, u32_in(68))?;
        for sector in table {
            let bytes = file.sector(sector)?;
            file.next.extend(words(&bytes));
        }
        let directory = file.chain(u32_in(48), u64::MAX)?;
        file.entries = directory.chunks_exact(ENTRY).filter_map(entry).collect();
        let short_table = file.chain(u32_in(60), u64::MAX)?;
        file.short_next = words(&short_table).collect();
        Ok(file)
    }

    /// Whether there is a stream of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.is_stream && entry.name.eq_ignore_ascii_case(name))
    }

    /// The bytes of a stream; an error if there are more than these.
    pub(crate) fn stream(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Fault> {
        let named = |entry: &&Entry| entry.is_stream && entry.name.eq_ignore_ascii_case(name);
        let Some(entry) = self.entries.iter().find(named) else { return Ok(None) };
        let (start, size) = (entry.start, entry.size);
        if size > most {
            return Err(malformed());
        }
        let bytes = if size >= self.short {
            self.chain(start, size)?
        } else {
            let Some((root, length)) = self.entries.first().map(|root| (root.start, root.size))
            else {
                return Err(malformed());
            };
            let within = self.chain(root, length)?;
            self.short_chain(&within, start, size)?
        };
        if (bytes.len() as u64) < size {
            return Err(Refused::malformed("ends before its workbook does").into());
        }
        Ok(Some(bytes))
    }

    /// The sectors that hold the table of sectors.
    fn table(&mut self, header: &[u8], mut more: u32) -> Result<Vec<u32>, Fault> {
        let listed = words(header.get(76..).unwrap_or_default()).take(HEADER_TABLE);
        let mut table: Vec<u32> = listed.filter(|sector| *sector < LAST_SECTOR).collect();
        let mut steps = 0;
        while more < LAST_SECTOR {
            steps += 1;
            if steps > self.sectors {
                return Err(malformed());
            }
            let bytes = self.sector(more)?;
            let mut listed: Vec<u32> = words(&bytes).collect();
            more = listed.pop().unwrap_or(u32::MAX);
            table.extend(listed.into_iter().filter(|sector| *sector < LAST_SECTOR));
        }
        if table.len() > self.sectors {
            return Err(malformed());
        }
        Ok(table)
    }

    /// The bytes of a chain of sectors, so many at most.
    fn chain(&mut self, start: u32, size: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let (mut sector, mut steps) = (start, 0);
        while sector < LAST_SECTOR && (bytes.len() as u64) < size {
            steps += 1;
            if steps > self.sectors {
                return Err(malformed());
            }
            bytes.extend(self.sector(sector)?);
            let index = usize::try_from(sector).map_err(|_| malformed())?;
            sector = self.next.get(index).copied().ok_or_else(malformed)?;
        }
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn short_chain(&self, within: &[u8], start: u32, size: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let mut sector = start;
        while sector < LAST_SECTOR && (bytes.len() as u64) < size {
            let index = usize::try_from(sector).map_err(|_| malformed())?;
            let from = index.checked_shl(self.short_shift.into()).ok_or_else(malformed)?;
            let piece = within.get(from..).ok_or_else(malformed)?;
            let piece = piece.get(..piece.len().min(1 << self.short_shift)).unwrap_or_default();
            if piece.is_empty() {
                return Err(malformed());
            }
            bytes.extend_from_slice(piece);
            sector = self.short_next.get(index).copied().ok_or_else(malformed)?;
        }
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    /// A sector; the last one of a file may be shorter than the others.
    fn sector(&mut self, sector: u32) -> Result<Vec<u8>, Fault> {
        let length = 1_u64 << self.shift;
        let start = (u64::from(sector) + 1) << self.shift;
        self.view.seek(SeekFrom::Start(start)).map_err(Fault::Io)?;
        let mut bytes = Vec::new();
        (&mut self.view).take(length).read_to_end(&mut bytes).map_err(Fault::Io)?;
        if bytes.is_empty() { Err(malformed()) } else { Ok(bytes) }
    }
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let length = usize::from(u16_at(bytes, 64)?).min(64);
    let units = bytes.get(..length.saturating_sub(2))?.chunks_exact(2);
    let units = units.filter_map(|pair| u16_at(pair, 0));
    let name = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
    let is_stream = bytes.get(66) == Some(&2);
    Some(Entry { name, is_stream, start: u32_at(bytes, 116)?, size: u32_at(bytes, 120)?.into() })
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).filter_map(|word| u32_at(word, 0))
}

fn short_read(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed(),
        _ => Fault::Io(error),
    }
}
