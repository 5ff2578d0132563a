//! The shuffle filter with AVX2: 32 elements at a time.

use std::arch::x86_64::_mm256_setzero_si256;

use super::portable_from;
use crate::bits::avx2::{interleaved, load, store_halves};

/// Elements of a tile: one vector of each plane.
const TILE: usize = 32;

/// Planes of bytes to elements; `planes` and `out` have the same length, a multiple of the width.
#[target_feature(enable = "avx2")]
pub(crate) fn unshuffle(planes: &[u8], element_bytes: usize, out: &mut [u8]) {
    match element_bytes {
        2 => unshuffle_elements::<2>(planes, out),
        4 => unshuffle_elements::<4>(planes, out),
        8 => unshuffle_elements::<8>(planes, out),
        width => portable_from(0, planes, width, out),
    }
}

#[target_feature(enable = "avx2")]
fn unshuffle_elements<const WIDTH: usize>(planes: &[u8], out: &mut [u8]) {
    let count = planes.len() / WIDTH;
    for (tile, out) in out.chunks_exact_mut(TILE * WIDTH).enumerate() {
        let mut bytes = [_mm256_setzero_si256(); WIDTH];
        for (byte, vector) in bytes.iter_mut().enumerate() {
            *vector = load(&planes[byte * count + tile * TILE..]);
        }
        let elements = interleaved(bytes);
        let (low, high) = out.split_at_mut(TILE * WIDTH / 2);
        for pair in 0..WIDTH / 2 {
            let vectors = [elements[2 * pair], elements[2 * pair + 1]];
            store_halves(vectors, pair * 32, low, high);
        }
    }
    portable_from(count / TILE * TILE, planes, WIDTH, out);
}
