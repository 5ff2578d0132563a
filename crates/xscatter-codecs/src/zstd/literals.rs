//! The literals of a block: as they are, one repeated, or in a Huffman code.

use super::huffman::Huffman;
use super::{MAX_BLOCK, malformed, split, take};
use crate::error::Result;
use crate::scratch::prepared;

/// The literals of a block, and the code that the next block may use again.
#[derive(Debug, Default)]
pub(super) struct Literals {
    huffman: Huffman,
    buffer: Vec<u8>,
    count: usize,
}

impl Literals {
    /// Forgets the code of the frame before.
    pub(super) fn reset(&mut self) {
        self.huffman.reset();
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.count]
    }

    /// Decodes the literals at the start of a block and gives what follows them.
    pub(super) fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let ([first], _) = split::<1>(bytes)?;
        let format = first >> 2 & 3;
        if first & 3 < 2 {
            let (size, rest) = match format {
                0 | 2 => (usize::from(first >> 3), super::skip(bytes, 1)?),
                1 => {
                    let (head, rest) = split::<2>(bytes)?;
                    (usize::from(u16::from_le_bytes(head) >> 4), rest)
                }
                _ => {
                    let (head, rest) = split::<3>(bytes)?;
                    let head = u32::from_le_bytes([head[0], head[1], head[2], 0]);
                    ((head >> 4) as usize, rest)
                }
            };
            let literals = self.room(size)?;
            if first & 3 == 1 {
                let ([byte], rest) = split::<1>(rest)?;
                literals.fill(byte);
                return Ok(rest);
            }
            let (stored, rest) = take(rest, size)?;
            literals.copy_from_slice(stored);
            return Ok(rest);
        }
        // Two sizes of as many bits: decoded and packed.
        let (head_bytes, bits) = match format {
            0 | 1 => (3, 10),
            2 => (4, 14),
            _ => (5, 18),
        };
        let (head, rest) = take(bytes, head_bytes)?;
        let head = head
            .iter()
            .rev()
            .fold(0_u64, |head, &byte| head << 8 | u64::from(byte))
            >> 4;
        let mask = (1 << bits) - 1;
        let (size, packed) = ((head & mask) as usize, (head >> bits & mask) as usize);
        let (mut packed, rest) = take(rest, packed)?;
        if first & 3 == 2 {
            packed = self.huffman.parse(packed)?;
        } else if !self.huffman.is_set() {
            return Err(malformed("a Huffman code in an earlier block", "none"));
        }
        self.room(size)?;
        let literals = &mut self.buffer[..size];
        if format == 0 {
            self.huffman.decode(packed, literals)?;
            return Ok(rest);
        }
        let (sizes, streams) = split::<6>(packed)?;
        let size = |at: usize| usize::from(u16::from_le_bytes([sizes[at], sizes[at + 1]]));
        let (first, streams) = take(streams, size(0))?;
        let (second, streams) = take(streams, size(2))?;
        let (third, fourth) = take(streams, size(4))?;
        self.huffman
            .decode_four([first, second, third, fourth], literals)?;
        Ok(rest)
    }

    fn room(&mut self, size: usize) -> Result<&mut [u8]> {
        if size > MAX_BLOCK {
            return Err(malformed("at most 128 KiB of literals", size));
        }
        self.count = size;
        Ok(prepared(&mut self.buffer, size))
    }
}
