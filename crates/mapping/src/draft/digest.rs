//! The digest of a draft, over a canonical encoding of what is always written.

use super::{Cell, Draft, Run};
use crate::digest::DigestKey;

impl Draft {
    /// 16 bytes that are equal if, and but for chance only if, the attributes that are always written are equal. Those
    /// written on creation only do not count; references count by the key that they refer to; the order of the values of
    /// a list does not count (RFC 7643 §2.4).
    #[must_use]
    pub fn digest(&self, key: &DigestKey) -> [u8; 16] {
        let mut buffer = Buffer { bytes: [0; ROOM], used: 0, more: Vec::new() };
        for (slot, (cell, _)) in
            self.cells.iter().zip(&self.always).enumerate().filter(|(_, (_, always))| **always)
        {
            buffer.number(slot as u64);
            self.encode(*cell, &mut buffer);
        }
        key.draft(buffer.encoded())
    }

    fn encode(&self, cell: Cell, buffer: &mut Buffer) {
        match cell {
            Cell::Leave => buffer.add(b"-"),
            Cell::Clear => buffer.add(b"0"),
            Cell::Text(run) => self.encode_text(b"t", run, buffer),
            Cell::Reference(run) => self.encode_text(b"r", run, buffer),
            Cell::Boolean(value) => buffer.add(if value { b"y" } else { b"n" }),
            Cell::Integer(number) => {
                buffer.add(b"i");
                buffer.add(&number.to_le_bytes());
            }
            Cell::Decimal(number) => {
                buffer.add(b"d");
                // There are two zeros, and they are equal.
                let number = if number == 0.0 { 0.0 } else { number };
                buffer.add(&number.to_bits().to_le_bytes());
            }
            Cell::Element { number, parts } => {
                buffer.add(b"e");
                buffer.number(number as u64);
                self.list(parts).iter().for_each(|part| self.encode(*part, buffer));
            }
            Cell::List(run) => {
                let mut items: Vec<Cell> = self.list(run).to_vec();
                items.sort_by(|one, other| self.item_order(*one).cmp(&self.item_order(*other)));
                if items.iter().any(|item| matches!(item, Cell::Element { .. })) {
                    items.sort_by_cached_key(|item| self.encoded(*item));
                }
                buffer.add(b"l");
                buffer.number(items.len() as u64);
                for item in items {
                    self.encode(item, buffer);
                }
            }
        }
    }

    /// The encoding of an item alone.
    fn encoded(&self, item: Cell) -> Vec<u8> {
        let mut alone = Buffer { bytes: [0; ROOM], used: 0, more: Vec::new() };
        self.encode(item, &mut alone);
        alone.encoded().to_vec()
    }

    fn encode_text(&self, tag: &[u8], run: Run, buffer: &mut Buffer) {
        let text = self.run(run);
        buffer.add(tag);
        buffer.number(text.len() as u64);
        buffer.add(text.as_bytes());
    }

    /// Some order of all items in which equal ones are neighbours.
    fn item_order(&self, cell: Cell) -> (u8, u64, &str) {
        match cell {
            Cell::Boolean(value) => (0, u64::from(value), ""),
            Cell::Integer(number) => (1, number.cast_unsigned(), ""),
            Cell::Decimal(number) => (2, (number + 0.0).to_bits(), ""),
            Cell::Text(run) => (3, 0, self.run(run)),
            Cell::Leave
            | Cell::Clear
            | Cell::List(_)
            | Cell::Reference(_)
            | Cell::Element { .. } => (4, 0, ""),
        }
    }
}

/// Nearly every draft is smaller: so much is hashed in one piece of BLAKE3, and kept where no memory has to be asked for.
const ROOM: usize = 1024;

/// Collects small pieces: hashing them at once is several times as fast.
struct Buffer {
    bytes: [u8; ROOM],
    used: usize,
    /// Everything, once it no longer fits.
    more: Vec<u8>,
}

impl Buffer {
    fn add(&mut self, piece: &[u8]) {
        match self.bytes.get_mut(self.used..self.used + piece.len()) {
            Some(room) if self.more.is_empty() => {
                room.copy_from_slice(piece);
                self.used += piece.len();
            }
            _ => {
                if self.more.is_empty() {
                    self.more.extend_from_slice(self.bytes.get(..self.used).unwrap_or_default());
                }
                self.more.extend_from_slice(piece);
            }
        }
    }

    /// Seven bits a byte, the lowest first: positions and lengths are small.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.add(&[number.to_le_bytes()[0] | 0x80]);
            number >>= 7;
        }
        self.add(&[number.to_le_bytes()[0]]);
    }

    fn encoded(&self) -> &[u8] {
        if self.more.is_empty() {
            self.bytes.get(..self.used).unwrap_or_default()
        } else {
            &self.more
        }
    }
}
