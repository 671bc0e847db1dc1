//! Text encodings: which one a file has, and a reader that turns it into UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::Deserialize;

use crate::error::Damage;

/// What the `encoding` setting says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum TextEncoding {
    /// A byte order mark, otherwise UTF-8.
    #[default]
    Auto,
    /// This one, unless there is a byte order mark of another.
    Named(&'static Encoding),
}

/// Takes the place of bytes that are no text in their encoding. Never part of UTF-8, so the row is rejected later, where its line
/// is known.
const NOT_TEXT: u8 = 0xff;

/// Names for the messages; `encoding_rs` knows many more.
const USUAL: [&str; 6] = ["auto", "utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-15"];

impl TryFrom<String> for TextEncoding {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        // A CSV file is no web page, so the security measure of "replacement" would only hide its rows.
        match Encoding::for_label_no_replacement(text.as_bytes()) {
            Some(encoding) => Ok(Self::Named(encoding)),
            None => {
                let usual = USUAL.join(", ");
                Err(format!("{text:?} is no known encoding; usual ones are {usual}"))
            }
        }
    }
}

/// Why the encoding of a file cannot be told. The texts follow the name of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) found: String,
    pub(crate) hint: String,
}

/// The encoding of a file that begins like this, and the length of its byte order mark.
pub(crate) fn of(
    prefix: &[u8],
    setting: TextEncoding,
) -> Result<(&'static Encoding, usize), Unknown> {
    if let Some(marked) = Encoding::for_bom(prefix) {
        return Ok(marked);
    }
    match setting {
        TextEncoding::Named(encoding) => Ok((encoding, 0)),
        TextEncoding::Auto => guess(prefix).map(|()| (UTF_8, 0)),
    }
}

/// That a file without a byte order mark looks like UTF-8.
fn guess(prefix: &[u8]) -> Result<(), Unknown> {
    let zeros = |odd: usize| {
        let bytes = prefix.iter().skip(odd).step_by(2);
        let count = bytes.clone().count();
        count > 1 && bytes.filter(|byte| **byte == 0).count() * 4 > count * 3
    };
    for (encoding, odd) in [(UTF_16LE, 1), (UTF_16BE, 0)] {
        if zeros(odd) {
            let name = encoding.name().to_ascii_lowercase();
            return Err(Unknown {
                found: "looks like UTF-16 without a byte order mark".into(),
                hint: format!("set encoding = \"{name}\""),
            });
        }
    }
    // Some bad bytes among good letters are a matter of their rows; bad ones only mean another encoding.
    let (mut good, mut bad, mut at) = (0, None, 0);
    for chunk in prefix.utf8_chunks() {
        good += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        at += chunk.valid().len();
        // The prefix may end inside of a letter.
        if !chunk.invalid().is_empty() && at + chunk.invalid().len() < prefix.len() && bad.is_none()
        {
            bad = Some(at);
        }
        at += chunk.invalid().len();
    }
    match bad.and_then(|at| Some((at, prefix.get(at)?))) {
        Some((at, byte)) if good == 0 => {
            let line = 1 + memchr::memchr_iter(b'\n', prefix.get(..at).unwrap_or_default()).count();
            let name = WINDOWS_1252.name();
            Err(Unknown {
                found: format!("is not UTF-8: byte 0x{byte:02X} on line {line}"),
                hint: format!(
                    "files of older Windows programs are {name}: set encoding = \"{name}\""
                ),
            })
        }
        _ => Ok(()),
    }
}

/// Decodes to UTF-8. What is no text becomes [`NOT_TEXT`].
pub(crate) struct Decoding<R> {
    input: R,
    decoder: Decoder,
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
    ended: bool,
    finished: bool,
    /// Decoded, but not given yet: for whoever asks for less than a character.
    pending: Vec<u8>,
}

/// A decoder wants room for a character or two, or it makes no progress.
const LEAST_ROOM: usize = 16;

impl<R: Read> Decoding<R> {
    pub(crate) fn new(input: R, encoding: &'static Encoding) -> Self {
        Self {
            input,
            decoder: encoding.new_decoder_without_bom_handling(),
            buffer: vec![0; 1 << 16].into(),
            from: 0,
            to: 0,
            ended: false,
            finished: false,
            pending: Vec::new(),
        }
    }

    /// Decodes into at least [`LEAST_ROOM`] bytes; 0 at the end.
    fn decode(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.finished {
                return Ok(0);
            }
            if self.from == self.to && !self.ended {
                self.from = 0;
                self.to = self.input.read(&mut self.buffer)?;
                self.ended = self.to == 0;
            }
            let source = &self.buffer[self.from..self.to];
            // One byte of room is kept for what is not text.
            let room = out.len().saturating_sub(1);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                source,
                &mut out[..room],
                self.ended,
            );
            self.from += read;
            match result {
                DecoderResult::Malformed(..) if self.ended && self.from == self.to => {
                    let cut = Damage("ends in the middle of a character");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cut));
                }
                DecoderResult::Malformed(..) => {
                    out[written] = NOT_TEXT;
                    return Ok(written + 1);
                }
                DecoderResult::InputEmpty => self.finished = self.ended,
                DecoderResult::OutputFull => {}
            }
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.pending.is_empty() {
            if out.len() >= LEAST_ROOM {
                return self.decode(out);
            }
            let mut few = [0; LEAST_ROOM];
            let length = self.decode(&mut few)?;
            self.pending.extend_from_slice(&few[..length]);
        }
        let length = self.pending.len().min(out.len());
        out[..length].copy_from_slice(&self.pending[..length]);
        self.pending.drain(..length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(prefix: &[u8]) -> String {
        match of(prefix, TextEncoding::Auto) {
            Ok((encoding, mark)) => format!("{} after {mark} bytes", encoding.name()),
            Err(Unknown { found, hint }) => format!("p.csv {found}; {hint}"),
        }
    }

    #[test]
    fn encodings_are_told_by_mark_or_bytes() {
        assert_eq!(guessed(b"id,name\n"), "UTF-8 after 0 bytes");
        assert_eq!(guessed(b"\xef\xbb\xbfid"), "UTF-8 after 3 bytes");
        assert_eq!(guessed(b"\xff\xfei\0d\0"), "UTF-16LE after 2 bytes");
        assert_eq!(guessed(b"\xfe\xff\0i\0d"), "UTF-16BE after 2 bytes");
        assert_eq!(
            guessed(b"i\0d\0,\0n\0"),
            "p.csv looks like UTF-16 without a byte order mark; set encoding = \"utf-16le\""
        );
        assert_eq!(
            guessed(b"id,name\n7,Zo\xeb Ng\n"),
            "p.csv is not UTF-8: byte 0xEB on line 2; files of older Windows programs are windows-1252: set encoding = \"windows-1252\""
        );
        assert_eq!(guessed("id\nZoë \u{20ac}\n".as_bytes()), "UTF-8 after 0 bytes");
        assert_eq!(guessed(b"one bad byte \xff among \xc3\xab"), "UTF-8 after 0 bytes");
        assert_eq!(guessed(b"cut inside of a letter \xc3"), "UTF-8 after 0 bytes");
    }

    #[test]
    fn decoding_survives_any_size_of_buffers() {
        let text = "Zoë 𝒵 \u{20ac} محمد".repeat(50);
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for size in [1, 3, 7, 16, 64, 10_000] {
            let mut decoding = Decoding::new(bytes.as_slice(), UTF_16LE);
            let (mut out, mut buffer) = (Vec::new(), vec![0; size]);
            loop {
                let length = decoding.read(&mut buffer).unwrap();
                if length == 0 {
                    break;
                }
                out.extend_from_slice(&buffer[..length]);
            }
            assert_eq!(String::from_utf8(out).unwrap(), text, "with buffers of {size}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_marked_and_a_cut_letter_is_an_error() {
        let read = |bytes: &[u8]| {
            let mut out = Vec::new();
            Decoding::new(bytes, UTF_16LE).read_to_end(&mut out).map(|_| out)
        };
        assert_eq!(read(b"a\0\x00\xd8b\0").unwrap(), b"a\xffb");
        let error = read(b"a\0b").unwrap_err();
        assert_eq!(error.to_string(), "ends in the middle of a character");
    }
}
