//! Work that goes on side by side while a workbook is read: a part is unpacked ahead of who looks at it, and rows are read ahead of who
//! makes records of them. Both are bounded, so memory does not grow with the sheet.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle, ScopedJoinHandle};

use peoplesync_source::Error;

use crate::book::Rows;
use crate::line::{Line, Lines};
use crate::open::read_up_to;

/// Bytes that are unpacked at a time, and how often ahead.
const PIECE: usize = 1 << 18;
const PIECES: usize = 3;

/// Rows that are handed over at a time, or fewer long ones of so many bytes, and how often ahead.
const ROWS: usize = 256;
const BYTES: usize = 1 << 18;
const WAITING: usize = 2;

/// Waits for a thread to its very end; a scope ends with the thread's work, when the thread itself may still be there. A panic goes on here.
pub(crate) fn ended<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// What is read on a thread of its own, some pieces ahead of who takes them. An empty one is the end.
#[derive(Debug)]
pub(crate) struct Pieces {
    pieces: Receiver<io::Result<Vec<u8>>>,
    back: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    is_over: bool,
    thread: Option<JoinHandle<()>>,
}

/// The end at which pieces are put in.
#[derive(Debug)]
pub(crate) struct Ahead {
    sender: SyncSender<io::Result<Vec<u8>>>,
    used: Receiver<Vec<u8>>,
}

impl Pieces {
    /// Starts the thread.
    pub(crate) fn new(read: impl FnOnce(Ahead) + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::sync_channel(PIECES);
        let (back, used) = mpsc::channel();
        let thread = Some(thread::spawn(move || read(Ahead { sender, used })));
        Self { pieces, back, piece: Vec::new(), at: 0, is_over: false, thread }
    }

    /// Waits for the thread, which gives nothing more. A panic goes on here.
    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    }
}

impl Ahead {
    /// Reads an input to its end, or as long as somebody takes what is read.
    pub(crate) fn read(self, input: io::Result<impl Read>) {
        let mut input = match input {
            Ok(input) => input,
            Err(error) => return drop(self.sender.send(Err(error))),
        };
        loop {
            let mut piece = self.used.try_recv().unwrap_or_default();
            piece.resize(PIECE, 0);
            let read = read_up_to(&mut input, &mut piece).map(|length| {
                piece.truncate(length);
                piece
            });
            let is_last = !read.as_ref().is_ok_and(|piece| !piece.is_empty());
            if self.sender.send(read).is_err() || is_last {
                return;
            }
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && !self.is_over {
            let Ok(next) = self.pieces.recv() else {
                self.end();
                return Err(io::Error::other("reading ahead ended without an end"));
            };
            let next = next?;
            self.is_over = next.is_empty();
            // Nobody may be there to use it again.
            drop(self.back.send(std::mem::replace(&mut self.piece, next)));
            self.at = 0;
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

impl Drop for Pieces {
    /// Ends the thread and waits for it: it must not hold the file for longer than who reads from it.
    fn drop(&mut self) {
        // Nobody takes the next piece any more.
        self.pieces = mpsc::sync_channel(0).1;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Runs what reads rows on a thread of its own, and gives them to others on this one. `false`: they were not wanted to the end.
pub(crate) fn relayed<'a>(
    rows: &mut dyn Rows,
    read: impl FnOnce(&mut Relay<'a>) -> Result<bool, Error> + Send,
) -> Result<bool, Error> {
    let (sender, lines) = mpsc::sync_channel(WAITING);
    let (back, used) = mpsc::channel();
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut relay =
                Relay { sender, used, lines: Vec::with_capacity(ROWS), count: 0, bytes: 0 };
            let ended = read(&mut relay);
            let is_taken = relay.hand_over();
            ended.map(|goes_on| goes_on && is_taken)
        });
        let wanted = give(rows, lines, &back);
        let read = ended(reader);
        if wanted? { read } else { Ok(false) }
    })
}

/// Gives rows to who wants them. If that ends early, the reader finds nobody at its next rows, and stops as well.
fn give<'a>(
    rows: &mut dyn Rows,
    lines: Receiver<Full<'a>>,
    back: &Sender<Vec<Line<'a>>>,
) -> Result<bool, Error> {
    for Full { lines, count, is_long } in lines {
        for line in lines.iter().take(count) {
            if !rows.row(line)? {
                return Ok(false);
            }
        }
        // Nobody may be there to use them again.
        if !is_long {
            drop(back.send(lines));
        }
    }
    Ok(true)
}

/// Rows that are handed over: so many lines of these; the others are there to be used again.
#[derive(Debug)]
struct Full<'a> {
    lines: Vec<Line<'a>>,
    count: usize,
    /// Whether they are long, so that their room is not kept.
    is_long: bool,
}

/// The end at which rows are put in.
#[derive(Debug)]
pub(crate) struct Relay<'a> {
    sender: SyncSender<Full<'a>>,
    used: Receiver<Vec<Line<'a>>>,
    lines: Vec<Line<'a>>,
    count: usize,
    /// What these rows hold.
    bytes: usize,
}

impl Relay<'_> {
    /// Whether somebody takes what there is.
    fn hand_over(&mut self) -> bool {
        let lines = std::mem::replace(&mut self.lines, self.used.try_recv().unwrap_or_default());
        let count = std::mem::take(&mut self.count);
        let is_long = std::mem::take(&mut self.bytes) >= BYTES;
        self.sender.send(Full { lines, count, is_long }).is_ok()
    }
}

impl<'a> Lines<'a> for Relay<'a> {
    fn line(&mut self, line: &mut Line<'a>) -> Result<bool, Error> {
        self.bytes += line.size();
        match self.lines.get_mut(self.count) {
            Some(place) => std::mem::swap(place, line),
            None => self.lines.push(std::mem::take(line)),
        }
        self.count += 1;
        Ok((self.count < ROWS && self.bytes < BYTES) || self.hand_over())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn pieces(input: impl Read + Send + 'static) -> Pieces {
        Pieces::new(|ahead| ahead.read(Ok(input)))
    }

    #[test]
    fn what_is_read_ahead_comes_whole_and_its_end_stays_the_end() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(5 * PIECE + 7).collect();
        let mut ahead = pieces(io::Cursor::new(bytes.clone()));
        let mut all = Vec::new();
        assert_eq!(ahead.read_to_end(&mut all).unwrap(), bytes.len());
        assert!(all == bytes);
        assert_eq!(ahead.read(&mut [0; 8]).unwrap(), 0);
        // Who has seen enough ends the thread.
        assert_eq!(pieces(io::repeat(1)).read(&mut [0; 8]).unwrap(), 8);
    }

    #[test]
    fn a_panic_while_reading_ahead_is_one_of_who_reads() {
        let mut ahead = Pieces::new(|_| std::panic::panic_any("the library failed"));
        let read = catch_unwind(AssertUnwindSafe(|| ahead.read(&mut [0; 8]).is_ok()));
        assert_eq!(read.unwrap_err().downcast_ref(), Some(&"the library failed"));
    }
}
