//! Bitshuffle, HDF5 filter 32008: how DECTRIS detectors compress their frames.
//!
//! The bits of a block of elements are transposed: all lowest bits come first, then all second
//! lowest, so that the empty upper bits of counts become runs of zeros; LZ4 or Zstandard then shrink
//! the block. A chunk is an 8-byte and a 4-byte big-endian number (bytes of the chunk, bytes of a
//! block), then blocks of a 4-byte big-endian length and that many bytes; the last block is rounded
//! down to a multiple of 8 elements, and the elements left over (n mod 8) follow as they are. Without
//! compression there are no numbers, only transposed blocks.
//!
//! Cost: one pass of LZ4 and one of bit transposes, block by block in cache. The result does not
//! depend on the processor: all paths give the same bytes. Memory: one block of scratch, never more
//! than the output.
//!
//! Source: Masui et al. 2015, doi:10.1016/j.ascom.2015.07.002; the layout as written by hdf5plugin
//! 7.1.0.

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use rayon::prelude::*;

use crate::bits;
use crate::error::{CodecError, Result};
use crate::framed::{split_block, split_number};
use crate::lz4_block;
use crate::scratch::{Scratch, prepared};
use crate::simd::Level;
use crate::zstd;

const CODEC: &str = "bitshuffle";
/// Bytes of a block where none is stated.
const DEFAULT_BLOCK: usize = 8192;
/// The fewest elements of a block where none is stated.
const LEAST_ELEMENTS: usize = 128;
/// Blocks that one thread decodes in one go: enough to be worth its while.
const BLOCKS_PER_TASK: usize = 32;

/// What shrinks the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Nothing: the chunk is transposed only.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard, which is decoded only.
    Zstd,
}

/// Decodes a chunk of bitshuffle and LZ4 into `out`, which has the size of the chunk.
///
/// # Errors
/// If the chunk states another size, ends early or holds no valid LZ4.
pub fn decode_lz4(
    bytes: &[u8],
    element_bytes: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<()> {
    decode_at(
        Level::best(),
        Compression::Lz4,
        bytes,
        element_bytes,
        out,
        scratch,
    )
}

/// As [`decode_lz4`], for a chunk of bitshuffle and Zstandard.
///
/// # Errors
/// As [`decode_lz4`].
pub fn decode_zstd(
    bytes: &[u8],
    element_bytes: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<()> {
    decode_at(
        Level::best(),
        Compression::Zstd,
        bytes,
        element_bytes,
        out,
        scratch,
    )
}

/// Decodes a chunk of blocks that are compressed, with the vector instructions of `level`.
///
/// # Errors
/// As [`decode_lz4`]; [`Compression::None`] has no framing, see [`decode`].
pub fn decode_at(
    level: Level,
    compression: Compression,
    bytes: &[u8],
    element_bytes: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<()> {
    let layout = Layout::parse(bytes, element_bytes, out.len())?;
    let (blocks, left_over) = out.split_at_mut(layout.in_blocks);
    let mut rest = layout.rest;
    for block in blocks.chunks_mut(layout.block_bytes) {
        let (packed, after) = split_block(rest, CODEC)?;
        decode_block(level, compression, packed, element_bytes, block, scratch)?;
        rest = after;
    }
    copy_left_over(rest, left_over)
}

/// As [`decode_at`], the blocks of one chunk spread over the threads of the current rayon pool.
///
/// For a single large frame; many frames are faster one a thread.
///
/// # Errors
/// As [`decode_at`]: the first block in the order of the chunk that cannot be decoded.
pub fn decode_parallel(
    compression: Compression,
    bytes: &[u8],
    element_bytes: usize,
    out: &mut [u8],
) -> Result<()> {
    let layout = Layout::parse(bytes, element_bytes, out.len())?;
    let (blocks, left_over) = out.split_at_mut(layout.in_blocks);
    let mut rest = layout.rest;
    let mut packed = Vec::new();
    for _ in 0..blocks.len().div_ceil(layout.block_bytes) {
        let (block, after) = split_block(rest, CODEC)?;
        packed.push(block);
        rest = after;
    }
    let level = Level::best();
    let results: Vec<Result<()>> = blocks
        .par_chunks_mut(layout.block_bytes * BLOCKS_PER_TASK)
        .zip(packed.par_chunks(BLOCKS_PER_TASK))
        .map_init(Scratch::new, |scratch, (blocks, packed)| {
            for (block, packed) in blocks.chunks_mut(layout.block_bytes).zip(packed) {
                decode_block(level, compression, packed, element_bytes, block, scratch)?;
            }
            Ok(())
        })
        .collect();
    results.into_iter().collect::<Result<()>>()?;
    copy_left_over(rest, left_over)
}

fn decode_block(
    level: Level,
    compression: Compression,
    packed: &[u8],
    element_bytes: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<()> {
    let mut buffer = std::mem::take(&mut scratch.block);
    let rows = prepared(&mut buffer, out.len());
    let unpacked = match compression {
        Compression::None => Err(CodecError::malformed(CODEC, "compressed blocks", "none")),
        Compression::Lz4 => lz4_block::decode(CODEC, packed, rows),
        Compression::Zstd => zstd::decode(packed, rows, scratch).and_then(|found| {
            if found == out.len() {
                return Ok(());
            }
            Err(CodecError::wrong_size(CODEC, out.len(), found))
        }),
    };
    if unpacked.is_ok() {
        bits::unshuffle(level, rows, element_bytes, out);
    }
    scratch.block = buffer;
    unpacked
}

/// Decodes a chunk of bitshuffle alone into `out`; `block` is in elements, 0 for the default.
///
/// # Errors
/// If the chunk is shorter than `out` or the block is no multiple of 8 elements.
pub fn decode(
    bytes: &[u8],
    element_bytes: usize,
    block: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<()> {
    if bytes.len() < out.len() {
        return Err(truncated(out.len(), bytes.len()));
    }
    let block = block_elements(block.saturating_mul(element_bytes), element_bytes)?;
    let in_blocks = whole_elements(out.len(), element_bytes)? * element_bytes;
    let block_bytes = block.saturating_mul(element_bytes);
    let (blocks, left_over) = out.split_at_mut(in_blocks);
    let (stored, rest) = bytes.split_at(in_blocks);
    let level = Level::best();
    for (stored, block) in stored
        .chunks(block_bytes)
        .zip(blocks.chunks_mut(block_bytes))
    {
        // The rows of a block are far apart: memory is read once in order, the rest is in cache.
        let rows = prepared(&mut scratch.block, block.len());
        rows.copy_from_slice(stored);
        bits::unshuffle(level, rows, element_bytes, block);
    }
    copy_left_over(rest, left_over)
}

/// Encodes a chunk, appending to `out`; the blocks have the default size.
///
/// # Panics
/// If `element_bytes` is 0, `bytes` does not hold whole elements, or for [`Compression::Zstd`].
pub fn encode(bytes: &[u8], element_bytes: usize, compression: Compression, out: &mut Vec<u8>) {
    assert!(
        element_bytes > 0 && bytes.len().is_multiple_of(element_bytes),
        "expected whole elements of {element_bytes} bytes, found {} bytes",
        bytes.len()
    );
    assert!(
        compression != Compression::Zstd,
        "expected LZ4 or none: Zstandard is decoded only"
    );
    let block_bytes = default_block(element_bytes) * element_bytes;
    let in_blocks = bytes.len() / element_bytes / 8 * 8 * element_bytes;
    if compression == Compression::Lz4 {
        out.extend((bytes.len() as u64).to_be_bytes());
        out.extend((block_bytes as u32).to_be_bytes());
    }
    let (mut buffer, mut packed, mut table) = (Vec::new(), Vec::new(), CompressTable::default());
    for block in bytes[..in_blocks].chunks(block_bytes) {
        let rows = prepared(&mut buffer, block.len());
        bits::portable::shuffle(block, element_bytes, rows);
        match compression {
            Compression::None | Compression::Zstd => out.extend_from_slice(rows),
            Compression::Lz4 => {
                let room = prepared(&mut packed, get_maximum_output_size(rows.len()));
                let length = compress_into_with_table(rows, room, &mut table)
                    .expect("the room is the most that LZ4 takes");
                out.extend((length as u32).to_be_bytes());
                out.extend_from_slice(&room[..length]);
            }
        }
    }
    out.extend(&bytes[in_blocks..]);
}

/// Where the blocks of a chunk are.
struct Layout<'a> {
    /// What follows the two numbers.
    rest: &'a [u8],
    block_bytes: usize,
    /// Decoded bytes that lie in blocks; what is left over is stored as it is.
    in_blocks: usize,
}

impl<'a> Layout<'a> {
    fn parse(bytes: &'a [u8], element_bytes: usize, out_bytes: usize) -> Result<Self> {
        let (total, rest) = split_number::<8>(bytes, CODEC)?;
        let (block_bytes, rest) = split_number::<4>(rest, CODEC)?;
        if total != out_bytes as u64 {
            return Err(CodecError::WrongSize {
                codec: CODEC,
                expected: out_bytes as u64,
                found: total,
            });
        }
        let block = block_elements(block_bytes as usize, element_bytes)?;
        Ok(Self {
            rest,
            block_bytes: block * element_bytes,
            in_blocks: whole_elements(out_bytes, element_bytes)? * element_bytes,
        })
    }
}

/// Elements of a block, a multiple of eight, from its bytes; 0 bytes stand for the default.
fn block_elements(block_bytes: usize, element_bytes: usize) -> Result<usize> {
    if element_bytes == 0 {
        return Err(CodecError::malformed(
            CODEC,
            "elements of at least one byte",
            0,
        ));
    }
    let elements = match block_bytes {
        0 => default_block(element_bytes),
        bytes => bytes / element_bytes,
    };
    if elements == 0 || !elements.is_multiple_of(8) {
        return Err(CodecError::malformed(
            CODEC,
            "blocks of a multiple of 8 elements",
            format!("{block_bytes} bytes for elements of {element_bytes}"),
        ));
    }
    Ok(elements)
}

/// Elements of a block by default: a multiple of eight.
fn default_block(element_bytes: usize) -> usize {
    (DEFAULT_BLOCK / element_bytes / 8 * 8).max(LEAST_ELEMENTS)
}

/// Elements that lie in blocks: all but the last n mod 8.
fn whole_elements(bytes: usize, element_bytes: usize) -> Result<usize> {
    if bytes.is_multiple_of(element_bytes) {
        return Ok(bytes / element_bytes / 8 * 8);
    }
    Err(CodecError::malformed(
        CODEC,
        "whole elements",
        format!("{bytes} bytes for elements of {element_bytes}"),
    ))
}

fn copy_left_over(bytes: &[u8], out: &mut [u8]) -> Result<()> {
    let Some(left_over) = bytes.get(..out.len()) else {
        return Err(truncated(out.len(), bytes.len()));
    };
    out.copy_from_slice(left_over);
    Ok(())
}

fn truncated(expected: usize, found: usize) -> CodecError {
    CodecError::Truncated {
        codec: CODEC,
        expected,
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(bytes: &[u8], width: usize, compression: Compression) -> Vec<u8> {
        let mut out = Vec::new();
        encode(bytes, width, compression, &mut out);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn chunks_round_trip(
            elements in 0_usize..5000,
            width in prop::sample::select(vec![1_usize, 2, 3, 4, 8]),
            seed: u8,
        ) {
            let bytes: Vec<u8> = (0..elements * width)
                .map(|i| (i as u32).wrapping_mul(u32::from(seed)).wrapping_shr(7) as u8)
                .collect();
            let mut scratch = Scratch::new();
            let stored = packed(&bytes, width, Compression::Lz4);
            for level in Level::available() {
                let mut out = vec![0xaa; bytes.len()];
                decode_at(level, Compression::Lz4, &stored, width, &mut out, &mut scratch).unwrap();
                prop_assert_eq!(&out, &bytes);
            }
            let mut out = vec![0xaa; bytes.len()];
            decode_parallel(Compression::Lz4, &stored, width, &mut out).unwrap();
            prop_assert_eq!(&out, &bytes);
            let mut out = vec![0xaa; bytes.len()];
            decode(&packed(&bytes, width, Compression::None), width, 0, &mut out, &mut scratch).unwrap();
            prop_assert_eq!(&out, &bytes);
        }

        #[test]
        fn broken_chunks_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            len in 0_usize..300,
            width in 0_usize..9,
            block in any::<usize>(),
        ) {
            let mut out = vec![0; len];
            let mut scratch = Scratch::new();
            let _ = decode_lz4(&bytes, width, &mut out, &mut scratch);
            let _ = decode_zstd(&bytes, width, &mut out, &mut scratch);
            let _ = decode_parallel(Compression::Lz4, &bytes, width, &mut out);
            let _ = decode(&bytes, width, block, &mut out, &mut scratch);
            let _ = decode(&bytes, width, block % 64, &mut out, &mut scratch);
        }

        #[test]
        fn truncated_chunks_are_errors(cut in 0_usize..1000) {
            let stored = packed(&[7; 2000], 4, Compression::Lz4);
            let cut = cut % stored.len();
            let mut out = [0; 2000];
            prop_assert!(decode_lz4(&stored[..cut], 4, &mut out, &mut Scratch::new()).is_err());
            prop_assert!(decode_parallel(Compression::Lz4, &stored[..cut], 4, &mut out).is_err());
        }

        #[test]
        fn flipped_bytes_never_panic(at in 12_usize..1000, value: u8) {
            let bytes: Vec<u8> = (0..4000_u32).map(|i| ((i * i) >> 9) as u8).collect();
            let mut stored = packed(&bytes, 2, Compression::Lz4);
            let at = at % stored.len();
            stored[at] ^= value;
            let _ = decode_lz4(&stored, 2, &mut [0; 4000], &mut Scratch::new());
        }
    }

    #[test]
    fn a_chunk_of_another_size_is_refused() {
        let stored = packed(&[1; 64], 4, Compression::Lz4);
        let mut scratch = Scratch::new();
        let error = decode_lz4(&stored, 4, &mut [0; 128], &mut scratch).unwrap_err();
        assert_eq!(
            error.to_string(),
            "bitshuffle: expected 128 decoded bytes, found 64"
        );
        assert!(decode_lz4(&stored, 0, &mut [0; 64], &mut scratch).is_err());
    }
}
