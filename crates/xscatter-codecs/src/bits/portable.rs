//! The bit transpose in 64-bit arithmetic: eight bytes are an 8×8 matrix of bits.

/// Rows of bits back to elements.
pub(crate) fn unshuffle(rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    let groups = out.len() / element_bytes / 8;
    unshuffle_from(0, groups, rows, element_bytes, out);
}

/// The groups of eight elements from `first` on, of `groups` in all.
pub(crate) fn unshuffle_from(
    first: usize,
    groups: usize,
    rows: &[u8],
    element_bytes: usize,
    out: &mut [u8],
) {
    // A width that the compiler knows makes the inner loops straight code.
    match element_bytes {
        1 => unshuffle_elements::<1>(first, groups, rows, out),
        2 => unshuffle_elements::<2>(first, groups, rows, out),
        4 => unshuffle_elements::<4>(first, groups, rows, out),
        8 => unshuffle_elements::<8>(first, groups, rows, out),
        width => {
            for byte in 0..width {
                unshuffle_byte(first, groups, rows, out, width, byte);
            }
        }
    }
}

fn unshuffle_elements<const WIDTH: usize>(
    first: usize,
    groups: usize,
    rows: &[u8],
    out: &mut [u8],
) {
    for byte in 0..WIDTH {
        unshuffle_byte(first, groups, rows, out, WIDTH, byte);
    }
}

/// One byte of every element.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "the width must be a constant inside the loop"
)]
fn unshuffle_byte(
    first: usize,
    groups: usize,
    rows: &[u8],
    out: &mut [u8],
    width: usize,
    byte: usize,
) {
    let planes: [&[u8]; 8] = std::array::from_fn(|bit| {
        let row = byte * 8 + bit;
        &rows[row * groups + first..(row + 1) * groups]
    });
    let elements = out[first * 8 * width..].chunks_exact_mut(8 * width);
    for (group, elements) in elements.enumerate().take(groups - first) {
        let bits = planes.map(|plane| plane[group]);
        let values = transposed(u64::from_le_bytes(bits)).to_le_bytes();
        for (element, value) in elements.chunks_exact_mut(width).zip(values) {
            element[byte] = value;
        }
    }
}

/// Elements to rows of bits.
pub(crate) fn shuffle(elements: &[u8], element_bytes: usize, rows: &mut [u8]) {
    let row = elements.len() / element_bytes / 8;
    for byte in 0..element_bytes {
        let rows = &mut rows[byte * 8 * row..(byte + 1) * 8 * row];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transpose_is_its_own_inverse_and_moves_single_bits() {
        assert_eq!(transposed(1 << 1), 1 << 8);
        assert_eq!(transposed(1 << 63), 1 << 63);
        let bits = 0x0123_4567_89ab_cdef;
        assert_eq!(transposed(transposed(bits)), bits);
    }
}
