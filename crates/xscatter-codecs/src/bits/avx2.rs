//! The bit transpose with AVX2: 256 elements at a time.
//!
//! Eight rows of 32 bytes hold 32 matrices of 8×8 bits, one in each column of bytes. Three stages
//! swap blocks of 1, 2 and 4 bits between whole vectors; interleaving the bytes of the eight vectors
//! then puts the elements in order, and interleaving the bytes of the elements makes them whole.

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_permute2x128_si256, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_slli_epi16, _mm256_srli_epi16, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
    _mm256_xor_si256,
};

use super::portable;

/// Bytes of a vector.
const VECTOR: usize = 32;

/// See [`super::unshuffle`].
#[target_feature(enable = "avx2")]
pub(crate) fn unshuffle(rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    match element_bytes {
        1 => unshuffle_elements::<1>(rows, out),
        2 => unshuffle_elements::<2>(rows, out),
        4 => unshuffle_elements::<4>(rows, out),
        8 => unshuffle_elements::<8>(rows, out),
        width => portable::unshuffle(rows, width, out),
    }
}

#[target_feature(enable = "avx2")]
fn unshuffle_elements<const WIDTH: usize>(rows: &[u8], out: &mut [u8]) {
    let row_bytes = rows.len() / WIDTH / 8;
    let tile_bytes = 8 * VECTOR * WIDTH;
    let tiles = row_bytes / VECTOR;
    for (tile, out) in out.chunks_exact_mut(tile_bytes).enumerate() {
        let mut planes = [[_mm256_setzero_si256(); 8]; WIDTH];
        for (byte, plane) in planes.iter_mut().enumerate() {
            for (bit, vector) in plane.iter_mut().enumerate() {
                *vector = load(&rows[(byte * 8 + bit) * row_bytes + tile * VECTOR..]);
            }
            *plane = interleaved(transposed(*plane));
        }
        // Each half of vector `eighth` holds 16 elements: the halves are 128 elements apart.
        let (low, high) = out.split_at_mut(tile_bytes / 2);
        if WIDTH == 1 {
            for pair in 0..4 {
                let vectors = [planes[0][2 * pair], planes[0][2 * pair + 1]];
                store_halves(vectors, pair * VECTOR, low, high);
            }
            continue;
        }
        for eighth in 0..8 {
            let mut bytes = [_mm256_setzero_si256(); WIDTH];
            for (vector, plane) in bytes.iter_mut().zip(&planes) {
                *vector = plane[eighth];
            }
            let elements = interleaved(bytes);
            for pair in 0..WIDTH / 2 {
                let vectors = [elements[2 * pair], elements[2 * pair + 1]];
                store_halves(vectors, eighth * 16 * WIDTH + pair * VECTOR, low, high);
            }
        }
    }
    portable::unshuffle_from(tiles * VECTOR, rows, WIDTH, out);
}

/// Bit i of vector j becomes bit j of vector i, in every byte.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed(mut v: [__m256i; 8]) -> [__m256i; 8] {
    let mask = _mm256_set1_epi8(0x55);
    for (low, high) in [(0, 1), (2, 3), (4, 5), (6, 7)] {
        let swap = _mm256_and_si256(
            _mm256_xor_si256(_mm256_srli_epi16::<1>(v[low]), v[high]),
            mask,
        );
        v[high] = _mm256_xor_si256(v[high], swap);
        v[low] = _mm256_xor_si256(v[low], _mm256_slli_epi16::<1>(swap));
    }
    let mask = _mm256_set1_epi8(0x33);
    for (low, high) in [(0, 2), (1, 3), (4, 6), (5, 7)] {
        let swap = _mm256_and_si256(
            _mm256_xor_si256(_mm256_srli_epi16::<2>(v[low]), v[high]),
            mask,
        );
        v[high] = _mm256_xor_si256(v[high], swap);
        v[low] = _mm256_xor_si256(v[low], _mm256_slli_epi16::<2>(swap));
    }
    let mask = _mm256_set1_epi8(0x0f);
    for (low, high) in [(0, 4), (1, 5), (2, 6), (3, 7)] {
        let swap = _mm256_and_si256(
            _mm256_xor_si256(_mm256_srli_epi16::<4>(v[low]), v[high]),
            mask,
        );
        v[high] = _mm256_xor_si256(v[high], swap);
        v[low] = _mm256_xor_si256(v[low], _mm256_slli_epi16::<4>(swap));
    }
    v
}

/// The bytes of `N` vectors (a power of two) in turn, within each half of 16 bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn interleaved<const N: usize>(mut v: [__m256i; N]) -> [__m256i; N] {
    // One perfect shuffle a stage; as many stages as make the first and the second byte neighbours.
    let mut stages = N.ilog2();
    while stages > 0 {
        let mut next = v;
        for i in 0..N / 2 {
            next[2 * i] = _mm256_unpacklo_epi8(v[i], v[i + N / 2]);
            next[2 * i + 1] = _mm256_unpackhi_epi8(v[i], v[i + N / 2]);
        }
        v = next;
        stages -= 1;
    }
    v
}

/// The lower halves of two vectors to one place, the upper halves to the other.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn store_halves(v: [__m256i; 2], at: usize, low: &mut [u8], high: &mut [u8]) {
    store(
        _mm256_permute2x128_si256::<0x20>(v[0], v[1]),
        &mut low[at..],
    );
    store(
        _mm256_permute2x128_si256::<0x31>(v[0], v[1]),
        &mut high[at..],
    );
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn load(bytes: &[u8]) -> __m256i {
    bytemuck::pod_read_unaligned(&bytes[..VECTOR])
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: __m256i, out: &mut [u8]) {
    out[..VECTOR].copy_from_slice(bytemuck::bytes_of(&vector));
}
