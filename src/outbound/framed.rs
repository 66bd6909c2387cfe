//! A wire whose messages announce their length: it ends where one is longer than is read, before any room is made for
//! it. For clients of protocols that believe what a server announces.
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::dial::Wire;

/// The longest head of a message.
const MAX_HEAD: usize = 8;

/// How a protocol announces its messages, and which of them are read.
pub trait Frames: Send + Unpin {
    /// The bytes of a head, at most `MAX_HEAD`.
    const HEAD: usize;

    /// Returns how many bytes follow this head; `None` ends the connection. Why is the implementor's to keep.
    fn admit(&mut self, head: &[u8]) -> Option<u64>;
}

pub struct FramedWire<F> {
    wire: Wire,
    frames: F,
    head: [u8; MAX_HEAD],
    /// Bytes of the head that were read.
    head_length: usize,
    /// Bytes of the current message behind its head that were not read yet.
    left: u64,
}

impl<F: Frames> FramedWire<F> {
    pub fn new(wire: Wire, frames: F) -> Self {
        Self { wire, frames, head: [0; MAX_HEAD], head_length: 0, left: 0 }
    }

    /// Follows the messages through what was read. Returns false where one is refused.
    fn follow(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.left > 0 {
                let length = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                bytes = bytes.get(length..).unwrap_or_default();
                self.left -= length as u64;
                continue;
            }
            let wanted = F::HEAD - self.head_length;
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            for (to, byte) in self.head.iter_mut().skip(self.head_length).zip(part) {
                *to = *byte;
            }
            self.head_length += part.len();
            bytes = rest;
            if self.head_length == F::HEAD {
                self.head_length = 0;
                let head = self.head.get(..F::HEAD).unwrap_or_default();
                let Some(left) = self.frames.admit(head) else { return false };
                self.left = left;
            }
        }
        true
    }
}

impl<F: Frames> AsyncRead for FramedWire<F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(cx, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        Poll::Ready(if self.follow(read) {
            Ok(())
        } else {
            Err(std::io::Error::other("a message of the server is not read"))
        })
    }
}

impl<F: Frames> AsyncWrite for FramedWire<F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte for the length, up to three.
    struct Short;

    impl Frames for Short {
        const HEAD: usize = 2;

        fn admit(&mut self, head: &[u8]) -> Option<u64> {
            head.last().copied().filter(|length| *length <= 3).map(u64::from)
        }
    }

    fn follow(bytes: &[u8], piece: usize) -> bool {
        let mut wire = FramedWire::new(Box::new(tokio::io::empty()), Short);
        bytes.chunks(piece).all(|piece| wire.follow(piece))
    }

    #[test]
    fn messages_are_followed_however_they_are_cut_into_pieces() {
        for piece in 1..9 {
            assert!(follow(b"\0\x03abc\0\0\0\x01a\0\x03abc", piece));
            // What looks like a long head within a message is none.
            assert!(follow(b"\0\x03\0\xff\0\0\x02\xff\xff", piece));
            assert!(!follow(b"\0\x03abc\0\x04", piece));
        }
    }
}
