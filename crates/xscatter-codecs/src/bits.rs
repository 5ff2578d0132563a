//! The bit transpose of bitshuffle.
//!
//! A block of n elements (a multiple of 8) of w bytes is stored as 8·w rows of n/8 bytes: row
//! `8·byte + bit` holds that bit of that byte of all elements, the first element in the lowest bit of
//! the first byte.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod portable;

use crate::simd::Level;

/// Rows of bits back to elements; both slices have the same length, a multiple of 8 elements.
pub(crate) fn unshuffle(level: Level, rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    debug_assert_eq!(rows.len(), out.len());
    debug_assert!(out.len().is_multiple_of(8 * element_bytes));
    level.unshuffle_bits(rows, element_bytes, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, bit by bit.
    fn by_definition(elements: &[u8], width: usize) -> Vec<u8> {
        let row = elements.len() / width / 8;
        let mut rows = vec![0; elements.len()];
        for (index, element) in elements.chunks(width).enumerate() {
            for bit in 0..8 * width {
                let value = element[bit / 8] >> (bit % 8) & 1;
                rows[bit * row + index / 8] |= value << (index % 8);
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn every_path_undoes_the_definition(
            width in prop::sample::select(vec![1_usize, 2, 3, 4, 5, 8, 12, 16]),
            groups in 0_usize..140,
            seed: u64,
        ) {
            let mut state = seed | 1;
            let elements: Vec<u8> = (0..groups * 8 * width)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 56) as u8
                })
                .collect();
            let rows = by_definition(&elements, width);
            for level in Level::available() {
                let mut out = vec![0x55; elements.len()];
                unshuffle(level, &rows, width, &mut out);
                prop_assert_eq!(&out, &elements, "{:?}", level);
            }
            let mut shuffled = vec![0x55; elements.len()];
            portable::shuffle(&elements, width, &mut shuffled);
            prop_assert_eq!(shuffled, rows);
        }
    }
}
