//! A workbook as the spreadsheet library reads it: a zip archive that is made up here, whose parts are stored as they are. So the library
//! unpacks nothing, which another processor does ahead of it; reads no part that was not looked at before; and sees of the directory
//! of a file only what was understood here.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use crate::package::{Package, Part};

/// Each part has a slot of the archive, of two to the power of this: a local header and its content, then nothing but zeros. The slot
/// behind them has the directory.
const SLOT: u32 = 48;

/// The header of all parts: what it leaves at zero stands in the directory.
const HEADER: [u8; 30] = {
    let mut header = [0; 30];
    let (magic, _) = header.split_at_mut(4);
    magic.copy_from_slice(b"PK\x03\x04");
    header
};

/// The archive while it is read.
pub(crate) struct Archive {
    package: Package,
    directory: Vec<u8>,
    position: u64,
    open: Option<Open>,
}

/// The part that is being read.
struct Open {
    index: usize,
    at: u64,
    content: Box<dyn Read + Send>,
}

impl Archive {
    pub(crate) fn new(package: Package) -> Self {
        let directory = directory(package.parts());
        Self { package, directory, position: 0, open: None }
    }

    /// Reads of the content of a part, from where reading it has come to.
    fn content(&mut self, index: usize, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if at == 0 {
            // What was read of a part before is of no use: its end comes before the next beginning.
            self.open = None;
            let content = self.package.open(index)?;
            self.open = Some(Open { index, at, content });
        }
        match &mut self.open {
            Some(open) if (open.index, open.at) == (index, at) => {
                let read = open.content.read(buffer);
                let read = read.map_err(|error| self.package.note(index, error))?;
                open.at += read as u64;
                Ok(read)
            }
            _ => Err(io::Error::other("a part is read from its beginning to its end")),
        }
    }
}

impl Read for Archive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let index = usize::try_from(self.position >> SLOT).unwrap_or(usize::MAX);
        let at = self.position - slot(index);
        let header = HEADER.len() as u64;
        let size = self.package.parts().get(index).map(|part| part.size);
        let read = match size {
            None => behind(&self.directory, at).read(buffer)?,
            Some(_) if at < header => behind(&HEADER, at).read(buffer)?,
            Some(size) if at - header < size => self.content(index, at - header, buffer)?,
            Some(_) => io::repeat(0).take(slot(index + 1) - self.position).read(buffer)?,
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Archive {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = slot(self.package.parts().len()) + self.directory.len() as u64;
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.filter(|at| *at <= end).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("position", &self.position).finish_non_exhaustive()
    }
}

/// Where a slot begins.
fn slot(index: usize) -> u64 {
    (index as u64) << SLOT
}

fn behind(bytes: &[u8], at: u64) -> &[u8] {
    usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default()
}

/// The directory (4.3.12 of PKWARE's APPNOTE), with all sizes and places in 64 bits (4.5.3), and its end (4.3.14 to 4.3.16).
fn directory(parts: &[Part]) -> Vec<u8> {
    const ELSEWHERE: [u8; 4] = [0xff; 4];
    let mut bytes = Vec::new();
    let mut put = |fields: &[&[u8]]| {
        fields.iter().for_each(|field| bytes.extend_from_slice(field));
        bytes.len() as u64
    };
    let mut size = 0;
    for (index, part) in parts.iter().enumerate() {
        let content = part.size.to_le_bytes();
        size = put(&[
            b"PK\x01\x02",
            // Versions; that names are UTF-8; stored, at no time.
            &[45, 0, 45, 0, 0, 8, 0, 0, 0, 0, 0, 0],
            &part.crc.to_le_bytes(),
            &ELSEWHERE,
            &ELSEWHERE,
            &part.name_length.to_le_bytes(),
            &[28, 0],
            // No comment, the only disk, no attributes.
            &[0; 10],
            &ELSEWHERE,
            part.name.as_bytes(),
            &[1, 0, 24, 0],
            &content,
            &content,
            &slot(index).to_le_bytes(),
        ]);
    }
    let (count, start) = ((parts.len() as u64).to_le_bytes(), slot(parts.len()));
    put(&[
        b"PK\x06\x06",
        &44_u64.to_le_bytes(),
        &[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &count,
        &count,
        &size.to_le_bytes(),
        &start.to_le_bytes(),
        b"PK\x06\x07",
        &[0; 4],
        &(start + size).to_le_bytes(),
        &[1, 0, 0, 0],
        b"PK\x05\x06",
        &[0; 4],
        &ELSEWHERE,
        &ELSEWHERE,
        &ELSEWHERE,
        &[0; 2],
    ]);
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use peoplesync_source::Context;
    use zip::write::SimpleFileOptions;
    use zip::{ZipArchive, ZipWriter};

    use super::*;
    use crate::limit::Limits;
    use crate::package::View;

    fn archive(parts: &[(&str, String)]) -> Archive {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        let view = View::new(&Context::for_tests("."), writer.finish().unwrap());
        Package::new("p.xlsx".into(), view, Limits::default()).unwrap().archive()
    }

    #[test]
    fn parts_are_those_of_the_file_however_large_and_in_any_order() {
        let numbers: String = (0..300_000).map(|number| format!("<a>{number}</a>")).collect();
        let parts = [
            ("small.xml", "<a/>".to_owned()),
            ("empty.xml", String::new()),
            ("l\u{e4}rge.xml", format!("<b>{numbers}</b>")),
            ("xl/large.xml", format!("<c>{numbers}</c>")),
        ];
        let mut archive = ZipArchive::new(archive(&parts)).unwrap();
        assert_eq!(archive.len(), parts.len());
        for (name, content) in parts.iter().rev().chain(&parts) {
            let mut begun = archive.by_name("xl/large.xml").unwrap();
            begun.read_exact(&mut [0; 9]).unwrap();
            drop(begun);
            let mut part = archive.by_name(name).unwrap();
            let mut read = String::new();
            part.read_to_string(&mut read).unwrap();
            assert!(read == *content, "{name}");
        }
    }

    #[test]
    fn a_part_has_to_be_read_from_its_beginning() {
        let mut archive = archive(&[("a.xml", "<a/>".to_owned())]);
        archive.seek(SeekFrom::Start(HEADER.len() as u64 + 1)).unwrap();
        archive.read(&mut [0; 4]).unwrap_err();
        archive.seek(SeekFrom::Start(HEADER.len() as u64)).unwrap();
        let mut content = [0; 6];
        archive.read_exact(&mut content).unwrap();
        assert_eq!(&content, b"<a/>\0\0");
    }
}
