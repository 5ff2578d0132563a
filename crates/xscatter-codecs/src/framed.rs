//! Big-endian numbers and lengths, as the HDF5 plug-ins frame their blocks.

use crate::error::{CodecError, Result};

/// Splits a big-endian number of `N` bytes off the front.
pub(crate) fn split_number<'a, const N: usize>(
    bytes: &'a [u8],
    codec: &'static str,
) -> Result<(u64, &'a [u8])> {
    let (number, rest) = bytes
        .split_first_chunk::<N>()
        .ok_or(CodecError::Truncated {
            codec,
            expected: N,
            found: bytes.len(),
        })?;
    let number = number
        .iter()
        .fold(0, |number, &byte| number << 8 | u64::from(byte));
    Ok((number, rest))
}

/// Splits a block off the front: a length of four bytes, and that many bytes.
#[inline]
pub(crate) fn split_block<'a>(
    bytes: &'a [u8],
    codec: &'static str,
) -> Result<(&'a [u8], &'a [u8])> {
    let (length, rest) = split_number::<4>(bytes, codec)?;
    rest.split_at_checked(length as usize)
        .ok_or(CodecError::Truncated {
            codec,
            expected: length as usize,
            found: rest.len(),
        })
}
