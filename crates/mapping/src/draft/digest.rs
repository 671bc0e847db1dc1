//! The digest of a draft, over a canonical encoding of what is always written.

use super::{Cell, Draft, Run};
use crate::digest::DigestKey;

impl Draft {
    /// 16 bytes that are equal if, and but for chance only if, the attributes that are always written are the same ones with
    /// equal values. Those written on creation only do not count; references count by the key that they refer to; the order
    /// of the values of a list does not count (RFC 7643 §2.4).
    #[must_use]
    pub fn digest(&self, key: &DigestKey) -> [u8; 16] {
        let mut form = Form::new();
        let always = self.cells.iter().zip(&self.always).filter(|(_, always)| **always);
        for (cell, _) in always.clone() {
            self.encode(*cell, &mut form);
        }
        let texts = self.text.as_bytes();
        if form.in_place {
            let texts = texts.get(..form.end).unwrap_or_default();
            return key.draft(&self.layout, form.bytes(), texts);
        }
        let mut gathered = Vec::with_capacity(texts.len());
        for (cell, _) in always {
            self.gather(*cell, &mut gathered);
        }
        key.draft(&self.layout, form.bytes(), &gathered)
    }

    /// Adds what kind of value it is, and of a text the length.
    fn encode(&self, cell: Cell, form: &mut Form) {
        match cell {
            Cell::Leave => form.add(b"-"),
            Cell::Clear => form.add(b"0"),
            Cell::Text(run) => form.text(b't', run),
            Cell::Reference(run) => form.text(b'r', run),
            Cell::Boolean(value) => form.add(if value { b"y" } else { b"n" }),
            Cell::Integer(number) => {
                form.add(b"i");
                form.add(&number.to_le_bytes());
            }
            Cell::Decimal(number) => {
                form.add(b"d");
                // There are two zeros, and they are equal.
                let number = if number == 0.0 { 0.0 } else { number };
                form.add(&number.to_bits().to_le_bytes());
            }
            Cell::Element { number, parts } => {
                form.number(b'e', number);
                self.list(parts).iter().for_each(|part| self.encode(*part, form));
            }
            Cell::List(run) | Cell::Choice(run) => {
                form.number(b'l', run.end - run.start);
                self.each_item(run, |item| self.encode(item, form));
            }
        }
    }

    /// Adds the texts in the order in which [`encode`](Self::encode) has their lengths.
    fn gather(&self, cell: Cell, texts: &mut Vec<u8>) {
        match cell {
            Cell::Text(run) | Cell::Reference(run) => {
                texts.extend_from_slice(self.run(run).as_bytes());
            }
            Cell::Element { parts, .. } => {
                self.list(parts).iter().for_each(|part| self.gather(*part, texts));
            }
            Cell::List(run) | Cell::Choice(run) => {
                self.each_item(run, |item| self.gather(item, texts));
            }
            Cell::Leave | Cell::Clear | Cell::Boolean(_) | Cell::Integer(_) | Cell::Decimal(_) => {}
        }
    }

    /// The items of a list in an order that only their values decide.
    fn each_item(&self, run: Run, each: impl FnMut(Cell)) {
        match self.list(run) {
            [only] => std::iter::once(*only).for_each(each),
            items => {
                let mut items = items.to_vec();
                if items.iter().any(|item| matches!(item, Cell::Element { .. })) {
                    items.sort_by_cached_key(|item| self.alone(*item));
                } else {
                    items.sort_by(|one, other| self.item_order(*one).cmp(&self.item_order(*other)));
                }
                items.into_iter().for_each(each);
            }
        }
    }

    /// The encoding of an item alone.
    fn alone(&self, item: Cell) -> Vec<u8> {
        let mut form = Form::new();
        self.encode(item, &mut form);
        let mut alone = form.bytes().to_vec();
        self.gather(item, &mut alone);
        alone
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
            | Cell::Choice(_)
            | Cell::Reference(_)
            | Cell::Element { .. } => (4, 0, ""),
        }
    }
}

/// Nearly every form is smaller, and kept where no memory has to be asked for.
const ROOM: usize = 128;

/// What a draft is but for the texts. Those nearly always stand in the draft one after the other, as they were put there slot
/// after slot; then they are hashed where they are.
struct Form {
    bytes: [u8; ROOM],
    used: usize,
    /// Everything, once it no longer fits.
    more: Vec<u8>,
    /// Whether the texts so far are the first bytes of the draft's, in order.
    in_place: bool,
    /// Where the last text ends.
    end: usize,
}

impl Form {
    fn new() -> Self {
        Self { bytes: [0; ROOM], used: 0, more: Vec::new(), in_place: true, end: 0 }
    }

    fn text(&mut self, tag: u8, run: Run) {
        self.in_place &= run.start == self.end;
        self.end = run.end;
        self.number(tag, run.end - run.start);
    }

    /// A tag and a number, in seven bits a byte, the lowest first: lengths are small.
    #[inline]
    fn number(&mut self, tag: u8, number: usize) {
        if let Ok(small @ ..0x80) = u8::try_from(number) {
            return self.add(&[tag, small]);
        }
        self.add(&[tag]);
        let mut rest = number as u64;
        while rest >= 0x80 {
            self.add(&[rest.to_le_bytes()[0] | 0x80]);
            rest >>= 7;
        }
        self.add(&[rest.to_le_bytes()[0]]);
    }

    #[inline]
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

    fn bytes(&self) -> &[u8] {
        if self.more.is_empty() {
            self.bytes.get(..self.used).unwrap_or_default()
        } else {
            &self.more
        }
    }
}
