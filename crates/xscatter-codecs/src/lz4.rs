//! LZ4 as HDF5 filter 32004.
//!
//! An 8-byte size and a 4-byte block size, then blocks with their 4-byte lengths; a block as long as
//! its content is not compressed. All numbers are big-endian. For LZ4 without this framing use a
//! crate for LZ4.
//!
//! Cost: one pass, straight into the output. Source: the layout as written by hdf5plugin 7.1.0.

use crate::error::{CodecError, Result};
use crate::framed::{split_block, split_number};
use crate::lz4_block;

const CODEC: &str = "lz4";

/// Decodes a chunk into `out`, which has the size of the chunk.
///
/// # Errors
/// If the chunk states another size, ends early or holds no valid LZ4.
pub fn decode(bytes: &[u8], out: &mut [u8]) -> Result<()> {
    let (total, rest) = split_number::<8>(bytes, CODEC)?;
    let (block_bytes, mut rest) = split_number::<4>(rest, CODEC)?;
    if total != out.len() as u64 {
        return Err(CodecError::WrongSize {
            codec: CODEC,
            expected: out.len() as u64,
            found: total,
        });
    }
    if block_bytes == 0 && !out.is_empty() {
        return Err(CodecError::malformed(CODEC, "blocks of at least a byte", 0));
    }
    for block in out.chunks_mut((block_bytes as usize).max(1)) {
        let (packed, after) = split_block(rest, CODEC)?;
        if packed.len() == block.len() {
            block.copy_from_slice(packed);
        } else {
            lz4_block::decode(CODEC, packed, block)?;
        }
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(bytes: &[u8], block: usize) -> Vec<u8> {
        let mut out = (bytes.len() as u64).to_be_bytes().to_vec();
        out.extend((block as u32).to_be_bytes());
        for block in bytes.chunks(block) {
            let packed = lz4_flex::block::compress(block);
            let packed = if packed.len() < block.len() {
                &packed
            } else {
                block
            };
            out.extend((packed.len() as u32).to_be_bytes());
            out.extend(packed);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn chunks_round_trip(
            bytes in prop::collection::vec(0_u8..3, 0..3000),
            block in 1_usize..4000,
        ) {
            let mut out = vec![0xaa; bytes.len()];
            decode(&packed(&bytes, block), &mut out).unwrap();
            prop_assert_eq!(out, bytes);
        }

        #[test]
        fn broken_chunks_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            cut in 0_usize..100,
            at in 0_usize..100,
            flip: u8,
        ) {
            let mut out = vec![0; bytes.len()];
            let _ = decode(&bytes, &mut out);
            let mut stored = packed(&bytes, 64);
            prop_assert!(decode(&stored[..cut % stored.len()], &mut out).is_err() || bytes.is_empty());
            let at = at % stored.len();
            stored[at] ^= flip;
            let _ = decode(&stored, &mut out);
        }
    }

    #[test]
    fn blocks_that_did_not_shrink_are_stored_as_they_are() {
        let stored = packed(&[9, 8, 7, 6], 4);
        assert_eq!(stored.len(), 20);
        let mut out = [0; 4];
        decode(&stored, &mut out).unwrap();
        assert_eq!(out, [9, 8, 7, 6]);
    }
}
