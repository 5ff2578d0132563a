//! Bitshuffle with LZ4, HDF5 filter 32008: how DECTRIS detectors compress their frames.
//!
//! A chunk is an 8-byte and a 4-byte big-endian number (bytes of the chunk, bytes of a block), then
//! blocks of a 4-byte big-endian length and that many bytes of LZ4; the elements left over (n mod 8)
//! follow as they are. Within a block the bits are transposed: all lowest bits of its elements come
//! first, then all second lowest. Without LZ4 there are no numbers, only transposed blocks.
//!
//! Cost: one pass of LZ4 and one of 8×8 bit transposes. Nothing is allocated beyond what the stored
//! bytes can hold. Source: the layout as written by hdf5plugin 7.1.0, verified against it.

use xscatter_core::{Error, ErrorKind, Result};

/// What LZ4 can shrink by at most.
const MAX_RATIO: usize = 255;
/// Bytes of a block where none is stated.
const DEFAULT_BLOCK: usize = 8192;

/// Decodes a chunk of bitshuffle and LZ4 into `out`, which has the size of the chunk.
///
/// # Errors
/// If the chunk states another size, ends early or holds no valid LZ4.
pub fn decode_lz4(bytes: &[u8], element_bytes: usize, out: &mut [u8]) -> Result<()> {
    let (total, rest) = split_number::<8>(bytes)?;
    let (block_bytes, mut rest) = split_number::<4>(rest)?;
    if total != out.len() as u64 {
        return Err(malformed(format!(
            "expected a chunk of {} bytes, it states {total}",
            out.len()
        )));
    }
    if out.len() / MAX_RATIO > bytes.len() {
        return Err(truncated(out.len(), bytes.len()));
    }
    let mut shuffled = Vec::new();
    let block = block_elements(block_bytes as usize, element_bytes)?;
    let whole = whole_elements(out.len(), element_bytes)?;
    let (blocks, left_over) = out.split_at_mut(whole * element_bytes);
    for block in blocks.chunks_mut(block * element_bytes) {
        let (length, after) = split_number::<4>(rest)?;
        let Some((packed, after)) = after.split_at_checked(length as usize) else {
            return Err(truncated(length as usize, after.len()));
        };
        shuffled.resize(block.len(), 0);
        let unpacked = lz4_flex::block::decompress_into(packed, &mut shuffled)
            .map_err(|error| malformed(format!("expected a block of LZ4: {error}")))?;
        if unpacked != block.len() {
            return Err(truncated(block.len(), unpacked));
        }
        unshuffle(&shuffled, element_bytes, block);
        rest = after;
    }
    copy_left_over(rest, left_over)
}

/// Decodes a chunk of bitshuffle alone into `out`; `block` is in elements, 0 for the default.
///
/// # Errors
/// If the chunk has another size than `out`.
pub fn decode(bytes: &[u8], element_bytes: usize, block: usize, out: &mut [u8]) -> Result<()> {
    if bytes.len() < out.len() {
        return Err(truncated(out.len(), bytes.len()));
    }
    let block = block_elements(block.saturating_mul(element_bytes), element_bytes)?;
    let whole = whole_elements(out.len(), element_bytes)? * element_bytes;
    let size = block * element_bytes;
    let (blocks, left_over) = out.split_at_mut(whole);
    for (shuffled, block) in bytes[..whole].chunks(size).zip(blocks.chunks_mut(size)) {
        unshuffle(shuffled, element_bytes, block);
    }
    copy_left_over(&bytes[whole..], left_over)
}

/// Encodes a chunk with bitshuffle and LZ4.
///
/// # Panics
/// If `element_bytes` is 0 or `bytes` does not hold whole elements.
pub fn encode_lz4(bytes: &[u8], element_bytes: usize) -> Vec<u8> {
    assert!(
        element_bytes > 0 && bytes.len().is_multiple_of(element_bytes),
        "whole elements of {element_bytes} bytes"
    );
    let block = (DEFAULT_BLOCK / element_bytes / 8 * 8).max(128);
    let whole = bytes.len() / element_bytes / 8 * 8 * element_bytes;
    let mut out = (bytes.len() as u64).to_be_bytes().to_vec();
    out.extend(((block * element_bytes) as u32).to_be_bytes());
    let mut shuffled = vec![0; block * element_bytes];
    for block in bytes[..whole].chunks(block * element_bytes) {
        let shuffled = &mut shuffled[..block.len()];
        shuffle(block, element_bytes, shuffled);
        let packed = lz4_flex::block::compress(shuffled);
        out.extend((packed.len() as u32).to_be_bytes());
        out.extend(packed);
    }
    out.extend(&bytes[whole..]);
    out
}

/// Elements of a block, a multiple of eight, from its bytes; 0 bytes stand for the default.
fn block_elements(block_bytes: usize, element_bytes: usize) -> Result<usize> {
    if element_bytes == 0 {
        return Err(malformed("expected elements of at least one byte"));
    }
    let elements = match block_bytes {
        0 => (DEFAULT_BLOCK / element_bytes / 8 * 8).max(128),
        bytes => bytes / element_bytes,
    };
    if elements == 0 || !elements.is_multiple_of(8) {
        return Err(malformed(format!(
            "expected blocks of a multiple of 8 elements, found {block_bytes} bytes"
        )));
    }
    Ok(elements)
}

/// Elements that lie in blocks: all but the last n mod 8.
fn whole_elements(bytes: usize, element_bytes: usize) -> Result<usize> {
    if bytes.is_multiple_of(element_bytes) {
        return Ok(bytes / element_bytes / 8 * 8);
    }
    Err(malformed(format!(
        "expected whole elements of {element_bytes} bytes, found {bytes} bytes"
    )))
}

fn copy_left_over(bytes: &[u8], out: &mut [u8]) -> Result<()> {
    let Some(bytes) = bytes.get(..out.len()) else {
        return Err(truncated(out.len(), bytes.len()));
    };
    out.copy_from_slice(bytes);
    Ok(())
}

/// Rows of bits back to elements: row `8·byte + bit` holds that bit of all elements.
fn unshuffle(rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    // A width that the compiler knows makes the inner loops straight code.
    match element_bytes {
        1 => unshuffle_elements::<1>(rows, out),
        2 => unshuffle_elements::<2>(rows, out),
        4 => unshuffle_elements::<4>(rows, out),
        8 => unshuffle_elements::<8>(rows, out),
        width => {
            for byte in 0..width {
                unshuffle_byte(rows, out, width, byte);
            }
        }
    }
}

fn unshuffle_elements<const WIDTH: usize>(rows: &[u8], out: &mut [u8]) {
    for byte in 0..WIDTH {
        unshuffle_byte(rows, out, WIDTH, byte);
    }
}

/// One byte of every element.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "the width must be a constant inside the loop"
)]
fn unshuffle_byte(rows: &[u8], out: &mut [u8], width: usize, byte: usize) {
    let row = out.len() / width / 8;
    let planes: [&[u8]; 8] =
        std::array::from_fn(|bit| &rows[(byte * 8 + bit) * row..(byte * 8 + bit + 1) * row]);
    for (group, elements) in out.chunks_exact_mut(8 * width).enumerate() {
        let bits = planes.map(|plane| plane[group]);
        let values = transposed(u64::from_le_bytes(bits)).to_le_bytes();
        for (element, value) in elements.chunks_exact_mut(width).zip(values) {
            element[byte] = value;
        }
    }
}

fn shuffle(elements: &[u8], element_bytes: usize, out: &mut [u8]) {
    let row = elements.len() / element_bytes / 8;
    for byte in 0..element_bytes {
        let rows = &mut out[byte * 8 * row..(byte + 1) * 8 * row];
        for (group, elements) in elements.chunks_exact(8 * element_bytes).enumerate() {
            let mut values = [0; 8];
            for (value, element) in values.iter_mut().zip(elements.chunks_exact(element_bytes)) {
                *value = element[byte];
            }
            let bits = transposed(u64::from_le_bytes(values)).to_le_bytes();
            for (bit, value) in bits.into_iter().enumerate() {
                rows[bit * row + group] = value;
            }
        }
    }
}

/// Transposes an 8×8 matrix of bits (one row a byte) by swapping blocks of 1, 2 and 4.
#[inline]
const fn transposed(mut x: u64) -> u64 {
    let mut swap = (x ^ (x >> 7)) & 0x00AA_00AA_00AA_00AA;
    x ^= swap ^ (swap << 7);
    swap = (x ^ (x >> 14)) & 0x0000_CCCC_0000_CCCC;
    x ^= swap ^ (swap << 14);
    swap = (x ^ (x >> 28)) & 0x0000_0000_F0F0_F0F0;
    x ^ swap ^ (swap << 28)
}

/// A big-endian number of `N` bytes and what follows it.
pub(crate) fn split_number<const N: usize>(bytes: &[u8]) -> Result<(u64, &[u8])> {
    let (number, rest) = bytes
        .split_first_chunk::<N>()
        .ok_or_else(|| truncated(N, bytes.len()))?;
    let number = number.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
    Ok((number, rest))
}

fn truncated(expected: usize, found: usize) -> Error {
    Error::new(
        ErrorKind::Truncated,
        format!("expected {expected} bytes of a chunk, found {found}"),
    )
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_transpose_is_its_own_inverse_and_moves_single_bits() {
        assert_eq!(transposed(1 << 1), 1 << 8);
        assert_eq!(transposed(1 << 63), 1 << 63);
        let bits = 0x0123_4567_89ab_cdef;
        assert_eq!(transposed(transposed(bits)), bits);
    }

    proptest! {
        #[test]
        fn chunks_round_trip(elements in 0_usize..5000, width in prop::sample::select(vec![1, 2, 4, 8]), seed: u8) {
            let bytes: Vec<u8> = (0..elements * width)
                .map(|i| (i as u32).wrapping_mul(u32::from(seed)).wrapping_shr(7) as u8)
                .collect();
            let packed = encode_lz4(&bytes, width);
            let mut out = vec![0xaa; bytes.len()];
            decode_lz4(&packed, width, &mut out).unwrap();
            prop_assert_eq!(&out, &bytes);
        }

        #[test]
        fn broken_chunks_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..200), len in 0_usize..300) {
            let mut out = vec![0; len];
            let _ = decode_lz4(&bytes, 4, &mut out);
            let _ = decode(&bytes, 2, 8, &mut out);
        }

        #[test]
        fn truncated_chunks_are_errors(cut in 0_usize..1000) {
            let packed = encode_lz4(&[7; 2000], 4);
            let cut = cut % packed.len();
            prop_assert!(decode_lz4(&packed[..cut], 4, &mut [0; 2000]).is_err());
        }
    }

    #[test]
    fn a_chunk_of_another_size_is_refused() {
        let packed = encode_lz4(&[1; 64], 4);
        let error = decode_lz4(&packed, 4, &mut [0; 128]).unwrap_err();
        assert_eq!(
            error.message(),
            "expected a chunk of 128 bytes, it states 64"
        );
        assert!(decode_lz4(&packed, 0, &mut [0; 64]).is_err());
    }
}
