//! The bytes of the MySQL protocol: packets, and the pieces that they are made of.
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connection::Trouble;
use crate::outbound::dial::Wire;

/// The largest packet that is taken: one below where a packet would go on in another one.
const MOST_BYTES: usize = 0xff_ffff - 1;
/// A greeting is small; what is larger comes from another kind of server.
const MOST_OF_GREETING: usize = 4096;

/// Packets over a connection, numbered.
pub(super) struct Packets {
    pub wire: Wire,
    next: u8,
    most: usize,
}

impl Packets {
    pub fn new(wire: Wire) -> Self {
        Self { wire, next: 0, most: MOST_OF_GREETING }
    }

    /// The same numbers go on over another wire: TLS begins in the middle of a greeting.
    pub fn over(wire: Wire, before: u8) -> Self {
        Self { wire, next: before, most: MOST_BYTES }
    }

    pub fn next(&self) -> u8 {
        self.next
    }

    /// A command begins: numbers start again.
    pub fn restart(&mut self) {
        self.next = 0;
        self.most = MOST_BYTES;
    }

    pub async fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        let [a, b, c, number] = self.wire.read_u32().await?.to_be_bytes();
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        if length > self.most {
            let said = if self.most == MOST_BYTES {
                "A row is larger than 16 MB."
            } else {
                "This is no MySQL server."
            };
            return Err(Trouble::Broken(said.to_owned()));
        }
        let mut bytes = vec![0; length];
        self.wire.read_exact(&mut bytes).await?;
        self.next = number.wrapping_add(1);
        Ok(bytes)
    }

    pub async fn write(&mut self, payload: &[u8]) -> Result<(), Trouble> {
        let Some(length) =
            u32::try_from(payload.len()).ok().filter(|_| payload.len() <= MOST_BYTES)
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
