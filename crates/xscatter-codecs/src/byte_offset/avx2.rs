//! Byte offset with AVX2: 16 differences at a time.
//!
//! Sixteen sums are taken as if none of the differences were an escape, and stored; what follows the
//! first escape is overwritten afterwards. Only the sum so far waits for the sixteen before.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8, _mm256_add_epi16,
    _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtepi16_epi32,
    _mm256_extracti128_si256, _mm256_permutevar8x32_epi32, _mm256_set1_epi32, _mm256_slli_si256,
};

use super::Cursor;

/// Differences that are summed at once.
const RUN: usize = 16;

/// Decodes pixels up to the next escape, until the cursor is past `most` bytes more, or until less than a run is
/// left of either side.
#[target_feature(enable = "avx2")]
pub(crate) fn runs(bytes: &[u8], out: &mut [i32], cursor: &mut Cursor, most: usize) {
    let escape = _mm_set1_epi8(i8::MIN);
    let last_lane = _mm256_set1_epi32(7);
    let (deltas, _) = bytes[cursor.byte..].as_chunks::<RUN>();
    let (pixels, _) = out[cursor.pixel..].as_chunks_mut::<RUN>();
    let mut before = _mm256_set1_epi32(cursor.last);
    let mut done = 0;
    let mut before_escape = 0;
    for (deltas, pixels) in deltas.iter().zip(pixels).take(most.div_ceil(RUN)) {
        let deltas: __m128i = bytemuck::cast(*deltas);
        let escapes = _mm_movemask_epi8(_mm_cmpeq_epi8(deltas, escape));
        // Sums of eight bytes fit in 16 bits.
        let mut sums = _mm256_cvtepi8_epi16(deltas);
        sums = _mm256_add_epi16(sums, _mm256_slli_si256::<2>(sums));
        sums = _mm256_add_epi16(sums, _mm256_slli_si256::<4>(sums));
        sums = _mm256_add_epi16(sums, _mm256_slli_si256::<8>(sums));
        let low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(sums));
        let high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256::<1>(sums));
        let of_low = _mm256_permutevar8x32_epi32(low, last_lane);
        let of_high = _mm256_permutevar8x32_epi32(high, last_lane);
        let between = _mm256_add_epi32(before, of_low);
        let sums: [__m256i; 2] = [
            _mm256_add_epi32(low, before),
            _mm256_add_epi32(high, between),
        ];
        *pixels = bytemuck::cast(sums);
        if escapes != 0 {
            before_escape = escapes.trailing_zeros() as usize;
            break;
        }
        before = _mm256_add_epi32(between, of_high);
        done += RUN;
    }
    done += before_escape;
    cursor.advance(done, out);
}
