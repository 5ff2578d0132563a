//! The bit transpose in 64-bit arithmetic: eight bytes are an 8×8 matrix of bits.

use crate::shuffle;

/// Groups of eight elements whose rows are read at once: one `u64` of each row.
const GROUPS: usize = 8;
/// Elements of that many groups.
const ELEMENTS: usize = 8 * GROUPS;
/// The widest element that is decoded by tiles.
const WIDEST: usize = 8;

/// Rows of bits back to elements.
pub(crate) fn unshuffle(rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    unshuffle_from(0, rows, element_bytes, out);
}

/// The groups of eight elements from `first` on.
pub(crate) fn unshuffle_from(first: usize, rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    let groups = out.len() / element_bytes / 8;
    let mut next = first;
    if element_bytes <= WIDEST {
        let tiles = out[first * 8 * element_bytes..].chunks_exact_mut(ELEMENTS * element_bytes);
        for tile in tiles {
            unshuffle_tile(next, groups, rows, element_bytes, tile);
            next += GROUPS;
        }
    }
    for byte in 0..element_bytes {
        unshuffle_byte(next, groups, rows, element_bytes, byte, out);
    }
}

/// Eight groups: their bits to bytes in order, then their bytes to elements.
fn unshuffle_tile(first: usize, groups: usize, rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    let mut planes = [0; ELEMENTS * WIDEST];
    let planes = &mut planes[..ELEMENTS * element_bytes];
    for (byte, plane) in planes.chunks_exact_mut(ELEMENTS).enumerate() {
        let words = std::array::from_fn(|bit| {
            let at = (byte * 8 + bit) * groups + first;
            u64::from_le_bytes(rows[at..at + 8].try_into().expect("eight bytes"))
        });
        let words = transposed_bytes(transposed_bits(words));
        for (bytes, word) in plane.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
    if element_bytes == 1 {
        out.copy_from_slice(planes);
    } else {
        shuffle::portable(planes, element_bytes, out);
    }
}

/// Bit i of word j becomes bit j of word i, in every byte.
#[inline]
fn transposed_bits(mut words: [u64; 8]) -> [u64; 8] {
    swap::<1>(&mut words, 1, 0x5555_5555_5555_5555);
    swap::<2>(&mut words, 2, 0x3333_3333_3333_3333);
    swap::<4>(&mut words, 4, 0x0f0f_0f0f_0f0f_0f0f);
    words
}

/// Byte i of word j becomes byte j of word i.
#[inline]
pub(crate) fn transposed_bytes(mut words: [u64; 8]) -> [u64; 8] {
    swap::<8>(&mut words, 1, 0x00ff_00ff_00ff_00ff);
    swap::<16>(&mut words, 2, 0x0000_ffff_0000_ffff);
    swap::<32>(&mut words, 4, 0x0000_0000_ffff_ffff);
    words
}

/// Swaps the upper part of each word with the lower part of the word `apart` further on.
#[inline]
fn swap<const BITS: u32>(words: &mut [u64; 8], apart: usize, mask: u64) {
    for low in (0..8).filter(|index| index & apart == 0) {
        let high = low + apart;
        let swap = (words[low] >> BITS ^ words[high]) & mask;
        words[high] ^= swap;
        words[low] ^= swap << BITS;
    }
}

/// One byte of every element of the groups from `first` on.
fn unshuffle_byte(
    first: usize,
    groups: usize,
    rows: &[u8],
    width: usize,
    byte: usize,
    out: &mut [u8],
) {
    let elements = out[first * 8 * width..].chunks_exact_mut(8 * width);
    for (group, elements) in (first..groups).zip(elements) {
        let bits = std::array::from_fn(|bit| rows[(byte * 8 + bit) * groups + group]);
        let values = transposed(u64::from_le_bytes(bits)).to_le_bytes();
        for (element, value) in elements.chunks_exact_mut(width).zip(values) {
            element[byte] = value;
        }
    }
}

/// Elements to rows of bits.
pub(crate) fn shuffle(elements: &[u8], element_bytes: usize, rows: &mut [u8]) {
    let groups = elements.len() / element_bytes / 8;
    let mut next = 0;
    if element_bytes <= WIDEST {
        for tile in elements.chunks_exact(ELEMENTS * element_bytes) {
            shuffle_tile(next, groups, tile, element_bytes, rows);
            next += GROUPS;
        }
    }
    for byte in 0..element_bytes {
        shuffle_byte(next, groups, elements, element_bytes, byte, rows);
    }
}

/// Eight groups: the reverse of [`unshuffle_tile`].
fn shuffle_tile(first: usize, groups: usize, tile: &[u8], element_bytes: usize, rows: &mut [u8]) {
    let mut planes = [0; ELEMENTS * WIDEST];
    let planes = &mut planes[..ELEMENTS * element_bytes];
    match element_bytes {
        1 => planes.copy_from_slice(tile),
        2 => shuffle_bytes::<2>(tile, planes),
        4 => shuffle_bytes::<4>(tile, planes),
        8 => shuffle_bytes::<8>(tile, planes),
        width => {
            for (index, &value) in tile.iter().enumerate() {
                planes[index % width * ELEMENTS + index / width] = value;
            }
        }
    }
    for (byte, plane) in planes.chunks_exact(ELEMENTS).enumerate() {
        let (words, _) = plane.as_chunks::<8>();
        let words = std::array::from_fn(|group| u64::from_le_bytes(words[group]));
        let words = transposed_bits(transposed_bytes(words));
        for (bit, word) in words.into_iter().enumerate() {
            let at = (byte * 8 + bit) * groups + first;
            rows[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// Elements of one tile to planes of bytes.
fn shuffle_bytes<const WIDTH: usize>(tile: &[u8], planes: &mut [u8]) {
    let (elements, _) = tile.as_chunks::<WIDTH>();
    for (byte, plane) in planes.chunks_exact_mut(ELEMENTS).enumerate() {
        for (value, element) in plane.iter_mut().zip(elements) {
            *value = element[byte];
        }
    }
}

/// One byte of every element of the groups from `first` on.
fn shuffle_byte(
    first: usize,
    groups: usize,
    elements: &[u8],
    width: usize,
    byte: usize,
    rows: &mut [u8],
) {
    let elements = elements[first * 8 * width..].chunks_exact(8 * width);
    for (group, elements) in (first..groups).zip(elements) {
        let values = std::array::from_fn(|index| elements[index * width + byte]);
        let bits = transposed(u64::from_le_bytes(values)).to_le_bytes();
        for (bit, value) in bits.into_iter().enumerate() {
            rows[(byte * 8 + bit) * groups + group] = value;
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
