//! Zstandard frames, HDF5 filter 32015 and the blocks of bitshuffle and blosc; decoded only.
//!
//! Use it for what detectors and HDF5 filters write: whole frames in memory, decoded into memory that
//! is there. Not for streams, and not for frames that need a dictionary, which are refused. The
//! output itself is the window, so that nothing is allocated but one block of literals (128 KiB) and
//! the tables, once. Checksums of frames are skipped, not verified: writers of chunks store none.
//!
//! Cost: about as fast as the C library on blocks of 8 KiB of detector data, which are too short for
//! its longer loops. No `unsafe`: whatever the bytes are, an index out of range is an error.
//!
//! Source: RFC 8878; frames written by hdf5plugin 7.1.0 and libzstd 1.5.7.

mod backward;
mod fse;
mod huffman;
mod literals;
mod sequences;

use crate::error::{CodecError, Result};
use crate::scratch::Scratch;
use literals::Literals;
use sequences::Sequences;

const CODEC: &str = "zstd";
const MAGIC: u32 = 0xfd2f_b528;
const SKIPPABLE: u32 = 0x184d_2a50;
/// The most bytes of a block, decoded.
const MAX_BLOCK: usize = 128 << 10;

/// Tables that live as long as a frame, and memory for the literals of a block.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    literals: Literals,
    sequences: Sequences,
}

/// Decodes all frames into the front of `out` and says how many bytes there are.
///
/// # Errors
/// If the bytes are no Zstandard frames, need a dictionary, or hold more than `out`.
pub fn decode(bytes: &[u8], out: &mut [u8], scratch: &mut Scratch) -> Result<usize> {
    let decoder = &mut scratch.zstd;
    let mut rest = bytes;
    let mut done = 0;
    while !rest.is_empty() {
        let (magic, after) = split::<4>(rest)?;
        let magic = u32::from_le_bytes(magic);
        if magic & !0xf == SKIPPABLE {
            let (length, after) = split::<4>(after)?;
            rest = skip(after, u32::from_le_bytes(length) as usize)?;
            continue;
        }
        if magic != MAGIC {
            return Err(malformed(
                "the magic number of a frame",
                format!("{magic:#010x}"),
            ));
        }
        let (written, after) = decoder.frame(after, &mut out[done..])?;
        done += written;
        rest = after;
    }
    Ok(done)
}

impl Decoder {
    /// One frame behind its magic number: the bytes that it wrote, and what follows it.
    fn frame<'a>(&mut self, bytes: &'a [u8], out: &mut [u8]) -> Result<(usize, &'a [u8])> {
        let header = Header::parse(bytes)?;
        self.literals.reset();
        self.sequences.reset();
        let mut rest = header.rest;
        let mut at = 0;
        loop {
            let (block, after) = split::<3>(rest)?;
            rest = after;
            let block = u32::from_le_bytes([block[0], block[1], block[2], 0]);
            let size = (block >> 3) as usize;
            if size > MAX_BLOCK {
                return Err(malformed("a block of at most 128 KiB", size));
            }
            match block >> 1 & 3 {
                0 => {
                    let (stored, after) = take(rest, size)?;
                    place(out, at, size)?.copy_from_slice(stored);
                    at += size;
                    rest = after;
                }
                1 => {
                    let ([byte], after) = split::<1>(rest)?;
                    place(out, at, size)?.fill(byte);
                    at += size;
                    rest = after;
                }
                2 => {
                    let (packed, after) = take(rest, size)?;
                    let packed = self.literals.decode(packed)?;
                    let room = out.len().min(at + MAX_BLOCK);
                    let out = &mut out[..room];
                    at = self.sequences.execute(packed, &self.literals, out, at)?;
                    rest = after;
                }
                _ => return Err(malformed("a type of block from 0 to 2", 3)),
            }
            if block & 1 == 1 {
                break;
            }
        }
        if let Some(stated) = header.content
            && stated != at as u64
        {
            return Err(CodecError::WrongSize {
                codec: CODEC,
                expected: stated,
                found: at as u64,
            });
        }
        if header.has_checksum {
            rest = skip(rest, 4)?;
        }
        Ok((at, rest))
    }
}

struct Header<'a> {
    /// Decoded bytes, if they are stated.
    content: Option<u64>,
    has_checksum: bool,
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let ([descriptor], rest) = split::<1>(bytes)?;
        if descriptor & 0x08 != 0 {
            return Err(malformed("a reserved bit of zero", 1));
        }
        let is_single = descriptor & 0x20 != 0;
        // The window does not matter: all that was decoded is there.
        let rest = skip(rest, usize::from(!is_single))?;
        let (dictionary, rest) = take(rest, [0, 1, 2, 4][usize::from(descriptor & 3)])?;
        if dictionary.iter().any(|&byte| byte != 0) {
            return Err(CodecError::Unsupported {
                expected: "a Zstandard frame without a dictionary",
                found: format!("dictionary {dictionary:02x?}"),
            });
        }
        let size = match descriptor >> 6 {
            0 => usize::from(is_single),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let (content, rest) = take(rest, size)?;
        let number = content
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        let content = match size {
            0 => None,
            2 => Some(number + 256),
            _ => Some(number),
        };
        Ok(Self {
            content,
            has_checksum: descriptor & 0x04 != 0,
            rest,
        })
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8])> {
    let (first, rest) = bytes
        .split_first_chunk::<N>()
        .ok_or(truncated(N, bytes.len()))?;
    Ok((*first, rest))
}

fn take(bytes: &[u8], count: usize) -> Result<(&[u8], &[u8])> {
    bytes
        .split_at_checked(count)
        .ok_or(truncated(count, bytes.len()))
}

fn skip(bytes: &[u8], count: usize) -> Result<&[u8]> {
    Ok(take(bytes, count)?.1)
}

/// The next `count` bytes of the output.
fn place(out: &mut [u8], at: usize, count: usize) -> Result<&mut [u8]> {
    let room = out.len();
    out.get_mut(at..at + count)
        .ok_or(CodecError::wrong_size(CODEC, room, at + count))
}

fn truncated(expected: usize, found: usize) -> CodecError {
    CodecError::Truncated {
        codec: CODEC,
        expected,
        found,
    }
}

fn malformed(expected: &'static str, found: impl ToString) -> CodecError {
    CodecError::malformed(CODEC, expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(bytes: &[u8], len: usize) -> Result<Vec<u8>> {
        let mut out = vec![0xaa; len];
        let found = decode(bytes, &mut out, &mut Scratch::new())?;
        out.truncate(found);
        Ok(out)
    }

    /// A frame without content size of these blocks, each with its type and size.
    fn frame(blocks: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend([0, 0]);
        for (index, (kind, size, content)) in blocks.iter().enumerate() {
            let last = u32::from(index + 1 == blocks.len());
            bytes.extend(&(last | kind << 1 | size << 3).to_le_bytes()[..3]);
            bytes.extend(*content);
        }
        bytes
    }

    #[test]
    fn stored_and_repeated_blocks_and_skippable_frames() {
        let mut bytes = frame(&[(0, 3, b"abc"), (1, 5, b"d")]);
        bytes.extend((SKIPPABLE + 3).to_le_bytes());
        bytes.extend([2, 0, 0, 0, 9, 9]);
        bytes.extend(frame(&[(0, 1, b"e")]));
        assert_eq!(decoded(&bytes, 20).unwrap(), b"abcddddde");
        assert_eq!(
            decoded(&bytes, 7).unwrap_err().to_string(),
            "zstd: expected 7 decoded bytes, found 8"
        );
        for cut in 1..bytes.len() {
            // Whole frames are left of a cut between two.
            let is_between = [16, 26].contains(&cut);
            assert_eq!(decoded(&bytes[..cut], 20).is_ok(), is_between, "{cut}");
        }
        assert!(decoded(&frame(&[(3, 0, b"")]), 9).is_err());
    }

    #[test]
    fn dictionaries_are_refused() {
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend([1, 0, 7, 1, 0, 0]);
        assert!(matches!(
            decoded(&bytes, 9),
            Err(CodecError::Unsupported { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            block in prop::collection::vec(any::<u8>(), 0..300),
            literals in 0_u8..4,
            len in 0_usize..3000,
        ) {
            let _ = decoded(&block, len);
            let mut block = block;
            if let Some(first) = block.first_mut() {
                *first = *first & !3 | literals;
            }
            let _ = decoded(&frame(&[(2, block.len() as u32, &block)]), len);
        }
    }
}
