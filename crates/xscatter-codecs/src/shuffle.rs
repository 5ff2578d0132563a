//! The shuffle filter, HDF5 filter 2: all first bytes of the elements, then all second bytes, and so on.
//!
//! Bytes beyond the last whole element stay where they are, at the end. The size does not change.
//!
//! Cost: one pass; elements of 2, 4 and 8 bytes use vector instructions. Source: the HDF5 library 2.0.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;

use crate::bits::portable::transposed_bytes;
use crate::error::{CodecError, Result};
use crate::simd::Level;

/// Puts the bytes of the elements back together.
///
/// # Errors
/// If `bytes` and `out` differ in length or `element_bytes` is 0.
pub fn decode(bytes: &[u8], element_bytes: usize, out: &mut [u8]) -> Result<()> {
    decode_at(Level::best(), bytes, element_bytes, out)
}

/// As [`decode`], with the vector instructions of `level`.
///
/// # Errors
/// As [`decode`].
pub fn decode_at(level: Level, bytes: &[u8], element_bytes: usize, out: &mut [u8]) -> Result<()> {
    if bytes.len() != out.len() {
        return Err(CodecError::wrong_size("shuffle", out.len(), bytes.len()));
    }
    if element_bytes == 0 {
        return Err(CodecError::malformed(
            "shuffle",
            "elements of at least one byte",
            0,
        ));
    }
    let whole = bytes.len() / element_bytes * element_bytes;
    let (planes, left_over) = bytes.split_at(whole);
    let (elements, out_left_over) = out.split_at_mut(whole);
    out_left_over.copy_from_slice(left_over);
    if element_bytes == 1 {
        elements.copy_from_slice(planes);
    } else if whole > 0 {
        level.unshuffle_bytes(planes, element_bytes, elements);
    }
    Ok(())
}

pub(crate) fn portable(planes: &[u8], element_bytes: usize, out: &mut [u8]) {
    portable_from(0, planes, element_bytes, out);
}

/// The elements from `first` on.
pub(crate) fn portable_from(first: usize, planes: &[u8], element_bytes: usize, out: &mut [u8]) {
    match element_bytes {
        2 => elements::<2>(first, planes, out),
        4 => elements::<4>(first, planes, out),
        8 => elements_of_eight(first, planes, out),
        width => {
            let count = planes.len() / width;
            for (byte, plane) in planes.chunks_exact(count).enumerate() {
                let elements = out.chunks_exact_mut(width).zip(plane).skip(first);
                for (element, &value) in elements {
                    element[byte] = value;
                }
            }
        }
    }
}

fn elements<const WIDTH: usize>(first: usize, planes: &[u8], out: &mut [u8]) {
    let count = planes.len() / WIDTH;
    let planes: [&[u8]; WIDTH] =
        std::array::from_fn(|byte| &planes[byte * count + first..(byte + 1) * count]);
    let (elements, _) = out[first * WIDTH..].as_chunks_mut::<WIDTH>();
    for (index, element) in elements.iter_mut().enumerate() {
        *element = planes.map(|plane| plane[index]);
    }
}

/// Eight elements at a time: an 8×8 matrix of bytes.
fn elements_of_eight(first: usize, planes: &[u8], out: &mut [u8]) {
    let count = planes.len() / 8;
    let mut next = first;
    for elements in out[first * 8..].chunks_exact_mut(64) {
        let words = std::array::from_fn(|byte| {
            let at = byte * count + next;
            u64::from_le_bytes(planes[at..at + 8].try_into().expect("eight bytes"))
        });
        for (element, word) in elements.chunks_exact_mut(8).zip(transposed_bytes(words)) {
            element.copy_from_slice(&word.to_le_bytes());
        }
        next += 8;
    }
    elements::<8>(next, planes, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_path_undoes_the_definition(
            bytes in prop::collection::vec(any::<u8>(), 0..2000),
            width in 1_usize..18,
        ) {
            let elements = bytes.len() / width;
            let mut planes = bytes.clone();
            for (index, element) in bytes.chunks_exact(width).enumerate() {
                for (byte, &value) in element.iter().enumerate() {
                    planes[byte * elements + index] = value;
                }
            }
            for level in Level::available() {
                let mut out = vec![0xaa; bytes.len()];
                decode_at(level, &planes, width, &mut out).unwrap();
                prop_assert_eq!(&out, &bytes, "{:?}", level);
            }
        }
    }

    #[test]
    fn sizes_must_agree() {
        assert!(decode(&[1, 2, 3], 2, &mut [0; 4]).is_err());
        assert!(decode(&[1, 2, 3, 4], 0, &mut [0; 4]).is_err());
    }
}
