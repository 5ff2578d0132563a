//! Eight messages side by side with AVX-512, which rotates and mixes three vectors at once.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_rol_epi32, _mm256_set1_epi32, _mm256_ternarylogic_epi32,
};

use super::avx2::{from_lanes, to_lanes, words};
use super::{BLOCK, LANES, State, hidden_sines};

/// Truth tables of three inputs, the first with the highest weight.
const SELECT: i32 = 0xca;
const PARITY: i32 = 0x96;
/// The second, unless the first is one or the third is zero: then its opposite.
const FLIP: i32 = 0x39;

/// The first `blocks` blocks of each message.
#[target_feature(enable = "avx2,avx512f,avx512vl")]
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

#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl")]
fn compress(state: &mut [__m256i; 4], words: &[__m256i; 16], sines: &[u32; 64]) {
    let [mut a, mut b, mut c, mut d] = *state;
    for i in (0..16).step_by(4) {
        a = step::<7>(a, b, f(b, c, d), words[i], sines[i]);
        d = step::<12>(d, a, f(a, b, c), words[i + 1], sines[i + 1]);
        c = step::<17>(c, d, f(d, a, b), words[i + 2], sines[i + 2]);
        b = step::<22>(b, c, f(c, d, a), words[i + 3], sines[i + 3]);
    }
    for i in (0..16).step_by(4) {
        a = step::<5>(a, b, f(d, b, c), words[(5 * i + 1) % 16], sines[16 + i]);
        d = step::<9>(d, a, f(c, a, b), words[(5 * i + 6) % 16], sines[17 + i]);
        c = step::<14>(c, d, f(b, d, a), words[(5 * i + 11) % 16], sines[18 + i]);
        b = step::<20>(b, c, f(a, c, d), words[(5 * i + 16) % 16], sines[19 + i]);
    }
    for i in (0..16).step_by(4) {
        a = step::<4>(a, b, h(b, c, d), words[(3 * i + 5) % 16], sines[32 + i]);
        d = step::<11>(d, a, h(a, b, c), words[(3 * i + 8) % 16], sines[33 + i]);
        c = step::<16>(c, d, h(d, a, b), words[(3 * i + 11) % 16], sines[34 + i]);
        b = step::<23>(b, c, h(c, d, a), words[(3 * i + 14) % 16], sines[35 + i]);
    }
    for i in (0..16).step_by(4) {
        a = step::<6>(a, b, k(b, c, d), words[(7 * i) % 16], sines[48 + i]);
        d = step::<10>(d, a, k(a, b, c), words[(7 * i + 7) % 16], sines[49 + i]);
        c = step::<15>(c, d, k(d, a, b), words[(7 * i + 14) % 16], sines[50 + i]);
        b = step::<21>(b, c, k(c, d, a), words[(7 * i + 21) % 16], sines[51 + i]);
    }
    for (state, word) in state.iter_mut().zip([a, b, c, d]) {
        *state = _mm256_add_epi32(*state, word);
    }
}

/// One step.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl")]
fn step<const LEFT: i32>(
    a: __m256i,
    b: __m256i,
    mixed: __m256i,
    word: __m256i,
    sine: u32,
) -> __m256i {
    let sine = _mm256_set1_epi32(sine as i32);
    let ready = _mm256_add_epi32(_mm256_add_epi32(a, word), sine);
    _mm256_add_epi32(b, _mm256_rol_epi32::<LEFT>(_mm256_add_epi32(ready, mixed)))
}

/// The bits of `c` where `b` has ones, of `d` elsewhere.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl")]
fn f(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    _mm256_ternarylogic_epi32::<SELECT>(b, c, d)
}

#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl")]
fn h(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    _mm256_ternarylogic_epi32::<PARITY>(b, c, d)
}

#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl")]
fn k(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    _mm256_ternarylogic_epi32::<FLIP>(b, c, d)
}
