//! The bytes of an answer, within a limit. An allocator keeps a large block for the next one, of each thread; here a
//! large answer lies in a mapping of its own, which goes back to the system when it is dropped, and takes only the
//! pages that are written.
use std::borrow::Cow;

use memmap2::MmapMut;

/// More than this lies in a mapping.
pub const SMALL_BYTES: usize = 256 << 10;

pub struct Body {
    max_bytes: usize,
    small: Vec<u8>,
    large: Option<Large>,
}

struct Large {
    memory: MmapMut,
    length: usize,
}

impl Body {
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, small: Vec::new(), large: None }
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.large {
            Some(large) => large.memory.get(..large.length).unwrap_or_default(),
            None => &self.small,
        }
    }

    pub fn len(&self) -> usize {
        self.large.as_ref().map_or(self.small.len(), |large| large.length)
    }

    /// Adds as much of a piece as there is room for. An error: the system has no memory.
    pub fn push(&mut self, piece: &[u8]) -> std::io::Result<()> {
        let room = self.max_bytes.saturating_sub(self.len());
        let piece = piece.get(..room.min(piece.len())).unwrap_or_default();
        if self.large.is_none() && self.len() + piece.len() <= SMALL_BYTES {
            self.small.extend_from_slice(piece);
            return Ok(());
        }
        if self.large.is_none() {
            let mut large = Large { memory: MmapMut::map_anon(self.max_bytes)?, length: 0 };
            large.push(&std::mem::take(&mut self.small));
            self.large = Some(large);
        }
        if let Some(large) = &mut self.large {
            large.push(piece);
        }
        Ok(())
    }

    /// The text, without a copy if it is UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// Puts question marks over bytes that are not UTF-8: replacing them would take three times as many.
    pub fn mask_invalid(&mut self) {
        let bytes = match &mut self.large {
            Some(large) => large.memory.get_mut(..large.length).unwrap_or_default(),
            None => self.small.as_mut_slice(),
        };
        let mut start = 0;
        while let Some(rest) = bytes.get_mut(start..) {
            let Err(error) = std::str::from_utf8(rest) else { return };
            let valid = error.valid_up_to();
            let end = valid + error.error_len().unwrap_or(rest.len() - valid);
            rest.get_mut(valid..end).unwrap_or_default().fill(b'?');
            start += end;
        }
    }
}

impl Large {
    fn push(&mut self, piece: &[u8]) {
        let end = self.length + piece.len();
        if let Some(room) = self.memory.get_mut(self.length..end) {
            room.copy_from_slice(piece);
            self.length = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_are_kept_in_order_up_to_the_limit() {
        let all: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for piece in [1000, 70_000, 1_000_000] {
            let mut body = Body::new(900_000);
            all.chunks(piece).for_each(|piece| body.push(piece).unwrap());
            assert!(body.bytes() == &all[..900_000] && body.len() == 900_000);
        }
        let mut small = Body::new(10);
        small.push(b"0123456789abc").unwrap();
        assert_eq!(small.bytes(), b"0123456789");
    }

    #[test]
    fn bytes_that_are_no_text_become_question_marks_of_the_same_number() {
        for (bytes, text) in [
            (b"a\xffb".as_slice(), "a?b"),
            (b"\xc3\xa9\xe2\x82", "é??"),
            (b"\xf0\x9f\x98\x80\xff\xfe", "😀??"),
            (b"", ""),
        ] {
            let mut body = Body::new(100);
            body.push(bytes).unwrap();
            body.mask_invalid();
            assert_eq!(body.text(), text);
        }
    }
}
