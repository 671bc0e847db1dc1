//! A connection on which each piece is encrypted by itself, behind its length (RFC 4422, section 3.7).

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// The longest piece that we take, which the server is told. A claim of more is no reason to find room for it.
pub(super) const LONGEST: usize = 1 << 18;

/// The bytes of a piece's length.
const HEAD: usize = 4;

/// What encrypts a piece, and opens one of the server's.
pub(super) trait Layer: Send {
    fn seal(&mut self, piece: &[u8]) -> io::Result<Vec<u8>>;
    fn open(&mut self, piece: &[u8]) -> io::Result<Vec<u8>>;
}

/// A stream behind a layer.
pub(super) struct Sealed<L> {
    inner: Box<dyn Stream>,
    /// Nobody else has it; the lock only says so to those who ask whether the connection may be shared.
    layer: Mutex<L>,
    /// How much is sealed at a time.
    portion: usize,
    /// What came of the next piece, and what was in the last one with how much of it was read.
    incoming: Vec<u8>,
    opened: (Vec<u8>, usize),
    /// The piece that is being sent, and how much of it was.
    outgoing: (Vec<u8>, usize),
}

impl<L: Layer> Sealed<L> {
    pub(super) fn new(inner: Box<dyn Stream>, layer: L, portion: usize) -> Self {
        Self {
            inner,
            layer: Mutex::new(layer),
            portion,
            incoming: Vec::new(),
            opened: (Vec::new(), 0),
            outgoing: (Vec::new(), 0),
        }
    }

    fn layer(&mut self) -> &mut L {
        self.layer.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the next piece is with its length, as far as that is known.
    fn wanted(&self) -> io::Result<usize> {
        let Some(head) = self.incoming.first_chunk::<HEAD>() else { return Ok(HEAD) };
        match usize::try_from(u32::from_be_bytes(*head)) {
            Ok(len) if (1..=LONGEST).contains(&len) => Ok(HEAD + len),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an encrypted piece is too long")),
        }
    }

    /// Sends what is left of the piece under way.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (piece, sent) = &mut self.outgoing;
        while let Some(rest) = piece.get(*sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *sent += more,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<L: Layer + Unpin> AsyncRead for Sealed<L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let (opened, read) = &mut this.opened;
            if let Some(rest) = opened.get(*read..).filter(|rest| !rest.is_empty()) {
                let some = rest.get(..out.remaining()).unwrap_or(rest);
                out.put_slice(some);
                *read += some.len();
                return Poll::Ready(Ok(()));
            }
            let missing = this.wanted()?.saturating_sub(this.incoming.len());
            if missing == 0 {
                let piece = std::mem::take(&mut this.incoming);
                let content = piece.get(HEAD..).unwrap_or_default();
                this.opened = (this.layer().open(content)?, 0);
                continue;
            }
            let mut room = [0; 1 << 14];
            let room = room.get_mut(..missing.min(1 << 14)).unwrap_or_default();
            let mut came = ReadBuf::new(room);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut came))?;
            match came.filled() {
                [] if this.incoming.is_empty() => return Poll::Ready(Ok(())),
                [] => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                some => this.incoming.extend_from_slice(some),
            }
        }
    }
}

impl<L: Layer + Unpin> AsyncWrite for Sealed<L> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.drain(cx))?;
        let portion = bytes.get(..this.portion).unwrap_or(bytes);
        let sealed = this.layer().seal(portion)?;
        let len = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        this.outgoing = ([len.to_be_bytes().as_slice(), &sealed].concat(), 0);
        Poll::Ready(Ok(portion.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Turns each byte round and adds one in front, so that pieces are longer than what is in them.
    struct Turned;

    impl Layer for Turned {
        fn seal(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
            Ok(std::iter::once(b'!').chain(piece.iter().map(|byte| !byte)).collect())
        }

        fn open(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
            match piece {
                [b'!', rest @ ..] => Ok(rest.iter().map(|byte| !byte).collect()),
                _ => Err(io::Error::other("it was changed on its way")),
            }
        }
    }

    /// What is read of these bytes of a server, of which a few come at a time.
    async fn read(bytes: &[u8], at_once: usize) -> io::Result<Vec<u8>> {
        let (ours, mut theirs) = duplex(at_once);
        let sending = async {
            drop(theirs.write_all(bytes).await);
            drop(theirs);
        };
        let mut sealed = Sealed::new(Box::new(ours), Turned, 5);
        let mut found = Vec::new();
        let (read, ()) = tokio::join!(sealed.read_to_end(&mut found), sending);
        read.map(|_| found)
    }

    #[tokio::test]
    async fn what_was_sealed_in_portions_is_opened_as_a_whole() {
        let (ours, mut theirs) = duplex(1 << 12);
        let mut sealed = Sealed::new(Box::new(ours), Turned, 5);
        sealed.write_all(b"twelve bytes").await.unwrap();
        sealed.shutdown().await.unwrap();
        drop(sealed);
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.unwrap();
        // Three pieces: 5, 5 and 2 bytes, each with one byte more and its length.
        assert_eq!(sent.len(), 12 + 3 * 5);
        for at_once in [1, 2, 7, 100] {
            assert_eq!(read(&sent, at_once).await.unwrap(), b"twelve bytes");
        }
    }

    #[tokio::test]
    async fn pieces_that_cannot_be_are_errors() {
        let shown = |read: io::Result<Vec<u8>>| read.unwrap_err().to_string();
        assert_eq!(shown(read(&[0, 0, 0, 9, b'!', 1], 3).await), "unexpected end of file");
        assert_eq!(shown(read(&[0, 0, 0, 2, b'?', 1], 3).await), "it was changed on its way");
        for claim in [[0; 4], [0, 4, 0, 1], [255; 4]] {
            assert_eq!(shown(read(&claim, 3).await), "an encrypted piece is too long");
        }
    }
}
