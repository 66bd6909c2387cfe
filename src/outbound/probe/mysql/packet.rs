//! The bytes of the MySQL protocol: packets, and the pieces that they are made of. Nothing of the server's choosing is
//! kept beyond the limits here: what is longer is read past.
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::connection::Trouble;
use crate::outbound::dial::Wire;

/// The largest statement: one below where a packet would go on in another one.
const MAX_STATEMENT: usize = 0xff_ffff - 1;
/// A packet of this length goes on in the next one.
const FULL_PACKET: usize = 0xff_ffff;
/// A greeting is small; what is larger comes from another kind of server.
const MAX_GREETING: usize = 4096;
/// The largest packet that is taken as a whole: everything but rows.
const MAX_WHOLE: usize = 64 * 1024;
/// The most bytes of one answer, kept or read past.
const MAX_ANSWER: u64 = 64 << 20;

/// Packets over a connection, numbered.
pub(super) struct Packets {
    wire: BufReader<Wire>,
    next: u8,
    max_whole: usize,
    /// Bytes of the current packet that were not read yet.
    left: usize,
    /// The current packet goes on in another one.
    goes_on: bool,
    /// Bytes that the current answer may still have.
    allowed: u64,
}

impl Packets {
    pub fn new(wire: Wire) -> Self {
        Self {
            wire: BufReader::new(wire),
            next: 0,
            max_whole: MAX_GREETING,
            left: 0,
            goes_on: false,
            allowed: MAX_ANSWER,
        }
    }

    /// The same numbers go on over another wire: TLS begins in the middle of a greeting.
    pub fn over(wire: Wire, before: u8) -> Self {
        Self { next: before, max_whole: MAX_WHOLE, ..Self::new(wire) }
    }

    /// Returns the wire, to encrypt it. What came before the encryption would count as encrypted afterwards.
    pub fn into_wire(self) -> Result<Wire, Trouble> {
        if self.wire.buffer().is_empty() {
            Ok(self.wire.into_inner())
        } else {
            Err(Trouble::Broken("The server says more before it is encrypted.".to_owned()))
        }
    }

    pub fn next(&self) -> u8 {
        self.next
    }

    /// A command begins: numbers start again.
    pub fn restart(&mut self) {
        self.next = 0;
        self.max_whole = MAX_WHOLE;
        self.allowed = MAX_ANSWER;
    }

    /// Reads a packet as a whole.
    pub async fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        let length = self.begin().await?;
        if length > self.max_whole {
            return Err(if self.max_whole == MAX_GREETING {
                Trouble::Broken("This is no MySQL server.".to_owned())
            } else {
                too_large("64 KB")
            });
        }
        self.rest().await
    }

    /// Begins a packet and returns its length; one that goes on has all of `FULL_PACKET`.
    pub async fn begin(&mut self) -> Result<usize, Trouble> {
        let [a, b, c, number] = self.wire.read_u32().await?.to_be_bytes();
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        self.next = number.wrapping_add(1);
        self.left = length;
        self.goes_on = length == FULL_PACKET;
        self.allowed =
            self.allowed.checked_sub(4 + length as u64).ok_or_else(|| too_large("64 MB"))?;
        Ok(length)
    }

    /// Whether all of the current packet was read.
    pub async fn is_over(&mut self) -> Result<bool, Trouble> {
        while self.left == 0 && self.goes_on {
            self.begin().await?;
        }
        Ok(self.left == 0)
    }

    /// Reads the next byte without taking it.
    pub async fn peek(&mut self) -> Result<u8, Trouble> {
        if self.is_over().await? {
            return Err(too_short());
        }
        self.wire.fill_buf().await?.first().copied().ok_or_else(hung_up)
    }

    /// Reads what is left of the current packet, which is small.
    pub async fn rest(&mut self) -> Result<Vec<u8>, Trouble> {
        let length = self.left.min(self.max_whole);
        let bytes = self.take(length as u64, length).await?;
        if !self.is_over().await? {
            return Err(too_large("64 KB"));
        }
        Ok(bytes)
    }

    /// Reads `count` bytes of the current packet, and of those that continue it. Returns the first `most` of them.
    pub async fn take(&mut self, count: u64, most: usize) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let mut wanted = count;
        while wanted > 0 {
            if self.is_over().await? {
                return Err(too_short());
            }
            let ready = self.wire.fill_buf().await?;
            if ready.is_empty() {
                return Err(hung_up());
            }
            let length =
                ready.len().min(self.left).min(usize::try_from(wanted).unwrap_or(usize::MAX));
            let kept = length.min(most.saturating_sub(bytes.len()));
            bytes.extend_from_slice(ready.get(..kept).unwrap_or_default());
            self.wire.consume(length);
            self.left -= length;
            wanted -= length as u64;
        }
        Ok(bytes)
    }

    /// Reads a length-encoded number of the current packet; `None` is SQL's NULL.
    pub async fn length(&mut self) -> Result<Option<u64>, Trouble> {
        let first = self.take(1, 1).await?.first().copied().unwrap_or_default();
        let bytes = match first {
            0xfb => return Ok(None),
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            small => return Ok(Some(u64::from(small))),
        };
        let number = self.take(bytes, 8).await?;
        Ok(Some(number.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))))
    }

    pub async fn write(&mut self, payload: &[u8]) -> Result<(), Trouble> {
        let Some(length) =
            u32::try_from(payload.len()).ok().filter(|_| payload.len() <= MAX_STATEMENT)
        else {
            return Err(Trouble::Broken("The statement is too long.".to_owned()));
        };
        let [a, b, c, _] = length.to_le_bytes();
        let mut bytes = vec![a, b, c, self.next];
        bytes.extend_from_slice(payload);
        self.wire.write_all(&bytes).await?;
        self.wire.flush().await?;
        self.next = self.next.wrapping_add(1);
        Ok(())
    }
}

fn too_large(limit: &str) -> Trouble {
    Trouble::TooLarge(format!("The answer is larger than we read ({limit})."))
}

fn too_short() -> Trouble {
    Trouble::Broken("The server's answer cannot be read.".to_owned())
}

fn hung_up() -> Trouble {
    Trouble::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
}

/// Takes a packet apart; `None` where it ends too early.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// Up to a zero byte, or to the end.
    pub fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let head = self.take(end).unwrap_or_default();
        self.take(1);
        head
    }

    /// A length-encoded number; the outer `None` is a broken packet, the inner one SQL's NULL.
    pub fn length(&mut self) -> Option<Option<usize>> {
        let number = match self.byte()? {
            0xfb => return Some(None),
            0xfc => self.number(2)?,
            0xfd => self.number(3)?,
            0xfe => self.number(8)?,
            small => u64::from(small),
        };
        Some(Some(usize::try_from(number).ok()?))
    }

    /// Length-encoded bytes.
    pub fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.length()? {
            None => Some(None),
            Some(length) => Some(Some(self.take(length)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_sizes_are_read_and_broken_ones_are_not() {
        assert_eq!(Reader(&[250]).length(), Some(Some(250)));
        assert_eq!(Reader(&[0xfc, 1, 1]).length(), Some(Some(257)));
        assert_eq!(Reader(&[0xfb]).length(), Some(None));
        assert_eq!(Reader(&[0xfd, 1]).length(), None);
        assert_eq!(Reader(&[3, b'a']).bytes(), None);
        assert_eq!(Reader(b"ab\0c").text(), b"ab");
    }
}
