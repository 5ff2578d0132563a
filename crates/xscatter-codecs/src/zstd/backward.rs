//! Bits read from the end of a stream to its start.
//!
//! The last byte holds a one above the first bit to be read. What is read beyond the start means
//! nothing; [`Backward::left`] tells.

use super::malformed;
use crate::error::Result;

const WORD: usize = 8;

/// A reader of bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backward<'a> {
    bytes: &'a [u8],
    /// Where the word starts in the stream.
    at: usize,
    word: u64,
    /// Bits of the word that were read, the highest first.
    used: u32,
    /// Bits of the word that are before the start of a stream shorter than a word.
    padding: u32,
}

impl<'a> Backward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let Some(&last) = bytes.last().filter(|&&last| last != 0) else {
            return Err(malformed("a stream of bits that ends with a one", "none"));
        };
        let mut reader = Self {
            bytes,
            at: bytes.len().saturating_sub(WORD),
            word: 0,
            used: last.leading_zeros() + 1,
            padding: 0,
        };
        if bytes.len() >= WORD {
            reader.word = reader.load();
        } else {
            let mut word = [0; WORD];
            word[WORD - bytes.len()..].copy_from_slice(bytes);
            reader.word = u64::from_le_bytes(word);
            reader.padding = 8 * (WORD - bytes.len()) as u32;
        }
        Ok(reader)
    }

    #[inline]
    fn load(&self) -> u64 {
        let bytes = self.bytes[self.at..self.at + WORD].try_into();
        u64::from_le_bytes(bytes.expect("eight bytes"))
    }

    /// Makes at least 56 bits ready, unless the start is near.
    #[inline]
    pub(super) fn refill(&mut self) {
        let back = ((self.used / 8) as usize).min(self.at);
        if back > 0 {
            self.at -= back;
            self.used -= 8 * back as u32;
            self.word = self.load();
        }
    }

    /// The next bits, at most 56 since the last refill.
    #[inline]
    pub(super) fn peek(&self, bits: u32) -> u64 {
        // In two steps, since none may be asked for.
        self.word.wrapping_shl(self.used) >> 1 >> (63 - bits)
    }

    #[inline]
    pub(super) fn consume(&mut self, bits: u32) {
        self.used += bits;
    }

    #[inline]
    pub(super) fn read(&mut self, bits: u32) -> u64 {
        let value = self.peek(bits);
        self.consume(bits);
        value
    }

    /// Bits that are left; less than none if some were read that are not there.
    pub(super) fn left(&self) -> i64 {
        (self.at * 8) as i64 + 64 - i64::from(self.used) - i64::from(self.padding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_the_end() {
        for length in [2, 7, 8, 9, 30] {
            let mut bytes = vec![0b1010_0101; length];
            *bytes.last_mut().unwrap() = 0b0000_1101;
            let mut reader = Backward::new(&bytes).unwrap();
            assert_eq!(reader.left(), 8 * length as i64 - 5);
            assert_eq!(reader.read(3), 0b101);
            assert_eq!(reader.read(0), 0);
            for _ in 1..length {
                reader.refill();
                assert_eq!(reader.read(4), 0b1010, "{length}");
                assert_eq!(reader.read(4), 0b0101, "{length}");
            }
            assert_eq!(reader.left(), 0);
            reader.refill();
            reader.read(3);
            assert_eq!(reader.left(), -3);
        }
        assert!(Backward::new(&[]).is_err());
        assert!(Backward::new(&[1, 0]).is_err());
    }
}
