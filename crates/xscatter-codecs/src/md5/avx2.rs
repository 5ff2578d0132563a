//! Eight messages side by side with AVX2, one in each 32-bit lane.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_andnot_si256, _mm256_or_si256,
    _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use super::{BLOCK, LANES, State, hidden_sines};

/// The first `blocks` blocks of each message.
#[target_feature(enable = "avx2")]
pub(crate) fn side_by_side(states: &mut [State; LANES], messages: &[&[u8]; LANES], blocks: usize) {
    let messages = messages.map(|message| &message.as_chunks::<BLOCK>().0[..blocks]);
    let mut vectors = from_lanes(states);
    let sines = hidden_sines();
    for block in 0..blocks {
        let words = words(&messages, block);
        compress(&mut vectors, &words, sines);
    }
    to_lanes(vectors, states);
}

/// The four words of all states, one message a lane.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn from_lanes(states: &[State; LANES]) -> [__m256i; 4] {
    let mut lanes = [[0_u32; LANES]; 4];
    for (lane, state) in states.iter().enumerate() {
        for (lanes, &word) in lanes.iter_mut().zip(state) {
            lanes[lane] = word;
        }
    }
    bytemuck::cast(lanes)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn to_lanes(vectors: [__m256i; 4], states: &mut [State; LANES]) {
    let lanes: [[u32; LANES]; 4] = bytemuck::cast(vectors);
    for (lane, state) in states.iter_mut().enumerate() {
        for (word, lanes) in state.iter_mut().zip(&lanes) {
            *word = lanes[lane];
        }
    }
}

/// The sixteen words of one block, word by word instead of message by message.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn words(messages: &[&[[u8; BLOCK]]; LANES], block: usize) -> [__m256i; 16] {
    let mut words = [_mm256_setzero_si256(); 16];
    for half in 0..2 {
        let mut rows = [_mm256_setzero_si256(); LANES];
        for (row, message) in rows.iter_mut().zip(messages) {
            *row = bytemuck::pod_read_unaligned(&message[block][half * 32..(half + 1) * 32]);
        }
        words[half * 8..(half + 1) * 8].copy_from_slice(&transposed(rows));
    }
    words
}

/// Word i of vector j becomes word j of vector i.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed(rows: [__m256i; 8]) -> [__m256i; 8] {
    let mut pairs = rows;
    for i in 0..4 {
        let (even, odd) = (rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i] = _mm256_unpacklo_epi32(even, odd);
        pairs[2 * i + 1] = _mm256_unpackhi_epi32(even, odd);
    }
    let mut fours = pairs;
    for i in [0, 4] {
        for j in 0..2 {
            let (first, second) = (pairs[i + j], pairs[i + j + 2]);
            fours[i + 2 * j] = _mm256_unpacklo_epi64(first, second);
            fours[i + 2 * j + 1] = _mm256_unpackhi_epi64(first, second);
        }
    }
    let mut out = fours;
    for i in 0..4 {
        out[i] = _mm256_permute2x128_si256::<0x20>(fours[i], fours[i + 4]);
        out[i + 4] = _mm256_permute2x128_si256::<0x31>(fours[i], fours[i + 4]);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn compress(state: &mut [__m256i; 4], words: &[__m256i; 16], sines: &[u32; 64]) {
    let [mut a, mut b, mut c, mut d] = *state;
    for i in (0..16).step_by(4) {
        a = step::<7, 25>(a, b, f(b, c, d), words[i], sines[i]);
        d = step::<12, 20>(d, a, f(a, b, c), words[i + 1], sines[i + 1]);
        c = step::<17, 15>(c, d, f(d, a, b), words[i + 2], sines[i + 2]);
        b = step::<22, 10>(b, c, f(c, d, a), words[i + 3], sines[i + 3]);
    }
    for i in (0..16).step_by(4) {
        a = step::<5, 27>(a, b, f(d, b, c), words[(5 * i + 1) % 16], sines[16 + i]);
        d = step::<9, 23>(d, a, f(c, a, b), words[(5 * i + 6) % 16], sines[17 + i]);
        c = step::<14, 18>(c, d, f(b, d, a), words[(5 * i + 11) % 16], sines[18 + i]);
        b = step::<20, 12>(b, c, f(a, c, d), words[(5 * i + 16) % 16], sines[19 + i]);
    }
    for i in (0..16).step_by(4) {
        a = step::<4, 28>(a, b, h(b, c, d), words[(3 * i + 5) % 16], sines[32 + i]);
        d = step::<11, 21>(d, a, h(a, b, c), words[(3 * i + 8) % 16], sines[33 + i]);
        c = step::<16, 16>(c, d, h(d, a, b), words[(3 * i + 11) % 16], sines[34 + i]);
        b = step::<23, 9>(b, c, h(c, d, a), words[(3 * i + 14) % 16], sines[35 + i]);
    }
    for i in (0..16).step_by(4) {
        a = step::<6, 26>(a, b, k(b, c, d), words[(7 * i) % 16], sines[48 + i]);
        d = step::<10, 22>(d, a, k(a, b, c), words[(7 * i + 7) % 16], sines[49 + i]);
        c = step::<15, 17>(c, d, k(d, a, b), words[(7 * i + 14) % 16], sines[50 + i]);
        b = step::<21, 11>(b, c, k(c, d, a), words[(7 * i + 21) % 16], sines[51 + i]);
    }
    for (state, word) in state.iter_mut().zip([a, b, c, d]) {
        *state = _mm256_add_epi32(*state, word);
    }
}

/// One step; the two shifts add up to 32.
#[inline]
#[target_feature(enable = "avx2")]
fn step<const LEFT: i32, const RIGHT: i32>(
    a: __m256i,
    b: __m256i,
    mixed: __m256i,
    word: __m256i,
    sine: u32,
) -> __m256i {
    let sine = _mm256_set1_epi32(sine as i32);
    let ready = _mm256_add_epi32(_mm256_add_epi32(a, word), sine);
    let sum = _mm256_add_epi32(ready, mixed);
    let rotated = _mm256_or_si256(
        _mm256_slli_epi32::<LEFT>(sum),
        _mm256_srli_epi32::<RIGHT>(sum),
    );
    _mm256_add_epi32(b, rotated)
}

/// The bits of `c` where `b` has ones, of `d` elsewhere.
#[inline]
#[target_feature(enable = "avx2")]
fn f(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_and_si256(b, c), _mm256_andnot_si256(b, d))
}

#[inline]
#[target_feature(enable = "avx2")]
fn h(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    _mm256_xor_si256(b, _mm256_xor_si256(c, d))
}

#[inline]
#[target_feature(enable = "avx2")]
fn k(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    let not_d = _mm256_xor_si256(d, _mm256_set1_epi32(-1));
    _mm256_xor_si256(c, _mm256_or_si256(b, not_d))
}
