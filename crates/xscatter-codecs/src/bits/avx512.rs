//! The bit transpose with AVX-512 and GFNI: 512 elements at a time.
//!
//! Interleaving the bytes of eight rows makes every eight bytes a matrix of 8×8 bits; one affine
//! transform over GF(2) transposes it: as a matrix, times the eight unit vectors.

use std::arch::x86_64::{
    __m512i, _mm512_gf2p8affine_epi64_epi8, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_shuffle_i32x4, _mm512_unpackhi_epi8, _mm512_unpacklo_epi8,
};

use super::portable;

/// Bytes of a vector.
const VECTOR: usize = 64;
/// The eight unit vectors, one a byte.
const UNITS: u64 = 0x8040_2010_0804_0201;

/// See [`super::unshuffle`].
#[target_feature(enable = "avx512f,avx512bw,gfni")]
pub(crate) fn unshuffle(rows: &[u8], element_bytes: usize, out: &mut [u8]) {
    match element_bytes {
        1 => unshuffle_elements::<1>(rows, out),
        2 => unshuffle_elements::<2>(rows, out),
        4 => unshuffle_elements::<4>(rows, out),
        8 => unshuffle_elements::<8>(rows, out),
        width => portable::unshuffle(rows, width, out),
    }
}

#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn unshuffle_elements<const WIDTH: usize>(rows: &[u8], out: &mut [u8]) {
    let row_bytes = rows.len() / WIDTH / 8;
    let tile_bytes = 8 * VECTOR * WIDTH;
    let tiles = row_bytes / VECTOR;
    let units = _mm512_set1_epi64(UNITS as i64);
    for (tile, out) in out.chunks_exact_mut(tile_bytes).enumerate() {
        let mut eighths = [[_mm512_setzero_si512(); WIDTH]; 8];
        for byte in 0..WIDTH {
            let mut plane = [_mm512_setzero_si512(); 8];
            // The transform counts the rows of a matrix from the last byte.
            for (bit, vector) in plane.iter_mut().rev().enumerate() {
                *vector = load(&rows[(byte * 8 + bit) * row_bytes + tile * VECTOR..]);
            }
            let plane = interleaved(plane);
            for (eighth, matrices) in eighths.iter_mut().zip(plane) {
                eighth[byte] = _mm512_gf2p8affine_epi64_epi8::<0>(units, matrices);
            }
        }
        for eighth in &mut eighths {
            *eighth = interleaved(*eighth);
        }
        // Quarters of 16 bytes: the first quarters of all vectors are the first elements, in order.
        let (fours, _) = eighths.as_flattened().as_chunks::<4>();
        for (at, four) in fours.iter().enumerate() {
            for (quarter, vector) in quarters(*four).into_iter().enumerate() {
                store(vector, &mut out[quarter * tile_bytes / 4 + at * VECTOR..]);
            }
        }
    }
    portable::unshuffle_from(tiles * VECTOR, rows, WIDTH, out);
}

/// The bytes of `N` vectors (a power of two) in turn, within each quarter of 16 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleaved<const N: usize>(mut v: [__m512i; N]) -> [__m512i; N] {
    let mut stages = N.ilog2();
    while stages > 0 {
        let mut next = v;
        for i in 0..N / 2 {
            next[2 * i] = _mm512_unpacklo_epi8(v[i], v[i + N / 2]);
            next[2 * i + 1] = _mm512_unpackhi_epi8(v[i], v[i + N / 2]);
        }
        v = next;
        stages -= 1;
    }
    v
}

/// Quarter i of vector j becomes quarter j of vector i.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let low_ab = _mm512_shuffle_i32x4::<0x44>(a, b);
    let low_cd = _mm512_shuffle_i32x4::<0x44>(c, d);
    let high_ab = _mm512_shuffle_i32x4::<0xee>(a, b);
    let high_cd = _mm512_shuffle_i32x4::<0xee>(c, d);
    [
        _mm512_shuffle_i32x4::<0x88>(low_ab, low_cd),
        _mm512_shuffle_i32x4::<0xdd>(low_ab, low_cd),
        _mm512_shuffle_i32x4::<0x88>(high_ab, high_cd),
        _mm512_shuffle_i32x4::<0xdd>(high_ab, high_cd),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8]) -> __m512i {
    bytemuck::pod_read_unaligned(&bytes[..VECTOR])
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i, out: &mut [u8]) {
    out[..VECTOR].copy_from_slice(bytemuck::bytes_of(&vector));
}
