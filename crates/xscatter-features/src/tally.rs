//! The distinct counts of an image and how often each occurs.
//!
//! Order statistics, histograms and sums over pixels become sums over distinct values, of which a photon
//! counter has few: small whole counts are counted in a table, only the others are sorted. Cost: one pass
//! over the pixels, plus `m log m` for the `m` counts that are not whole or not small.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::{Arch, Simd, WithSimd};

use crate::order_statistics::quantile;
use crate::resample::{MIN_COVERAGE, Resampled};

/// How many pixels are looked at together.
pub(crate) const STRIP: usize = 128;

/// Whole counts below this are counted, not sorted.
const TABLE: usize = 1 << 14;

/// The distinct valid counts of an image, ascending.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    counts: Vec<f32>,
    /// The number of pixels up to and with each count.
    ends: Vec<usize>,
}

/// A count and the pixels that have it, by their places in ascending order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) count: f32,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Run {
    /// The number of pixels.
    pub(crate) fn times(&self) -> f64 {
        (self.end - self.start) as f64
    }
}

impl Tally {
    /// Of an image, which has at least one valid pixel.
    pub(crate) fn of(image: &Resampled) -> Self {
        let mut table = vec![0u32; TABLE];
        let mut others = Vec::new();
        Arch::new().dispatch(Count {
            counts: image.as_slice(),
            coverage: image.coverage_slice(),
            table: &mut table,
            others: &mut others,
        });
        others.sort_unstable_by(f32::total_cmp);
        let mut tally = Self {
            counts: Vec::new(),
            ends: Vec::new(),
        };
        let mut others = others.into_iter().peekable();
        for (count, &times) in table.iter().enumerate().filter(|(_, times)| **times > 0) {
            let count = count as f32;
            while let Some(other) = others.next_if(|other| *other < count) {
                tally.push(other, 1);
            }
            tally.push(count, times as usize);
        }
        others.for_each(|other| tally.push(other, 1));
        tally
    }

    fn push(&mut self, count: f32, times: usize) {
        let end = self.len() + times;
        if self.counts.last() == Some(&count) {
            self.ends.pop();
        } else {
            self.counts.push(count);
        }
        self.ends.push(end);
    }

    /// The number of valid pixels.
    pub(crate) fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The count at this place in ascending order.
    ///
    /// # Panics
    /// If there are not so many pixels.
    pub(crate) fn nth(&self, place: usize) -> f32 {
        self.counts[self.ends.partition_point(|&end| end <= place)]
    }

    /// The quantile `q` on a transformed scale, linear between order statistics (the default of numpy).
    pub(crate) fn quantile(&self, q: f64, transform: impl Fn(f64) -> f64) -> f64 {
        quantile(self.len(), q, |place| transform(f64::from(self.nth(place))))
    }

    /// The distinct counts, ascending.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        let starts = std::iter::once(&0).chain(&self.ends);
        let runs = self.counts.iter().zip(starts.zip(&self.ends));
        runs.map(|(&count, (&start, &end))| Run { count, start, end })
    }
}

/// A float of this size has no bits for fractions: adding it leaves whole numbers in the lowest bits.
const WHOLE: f32 = 8_388_608.0;

/// Counts as whole numbers, and the largest of them: `u32::MAX` if one is not whole, negative or beyond
/// 2²³.
#[inline(always)]
pub(crate) fn largest_whole(counts: &[f32], whole: &mut [u32; STRIP]) -> u32 {
    let mut largest = 0;
    for (&count, whole) in counts.iter().zip(whole) {
        let shifted = count + WHOLE;
        // Negative counts wrap to something large.
        *whole = shifted.to_bits().wrapping_sub(WHOLE.to_bits());
        let exact = shifted - WHOLE == count && *whole < 1 << 23;
        largest = largest.max(if exact { *whole } else { u32::MAX });
    }
    largest
}

struct Count<'a> {
    counts: &'a [f32],
    coverage: Option<&'a [f32]>,
    table: &'a mut [u32],
    others: &'a mut Vec<f32>,
}

impl WithSimd for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut whole = [0; STRIP];
        for (strip, counts) in self.counts.chunks(STRIP).enumerate() {
            let largest = largest_whole(counts, &mut whole);
            let coverage = self.coverage.map(|all| &all[strip * STRIP..]);
            if largest < TABLE as u32 && coverage.is_none() {
                for &count in &whole[..counts.len()] {
                    self.table[count as usize] += 1;
                }
                continue;
            }
            for (place, &count) in counts.iter().enumerate() {
                if coverage.is_some_and(|coverage| coverage[place] < MIN_COVERAGE) {
                    continue;
                }
                let index = count as usize;
                if index < TABLE && index as f32 == count {
                    self.table[index] += 1;
                } else {
                    self.others.push(count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_statistics::quantile_of_sorted;
    use ndarray::Array2;

    fn image(counts: Vec<f32>) -> Resampled<'static> {
        let counts = Array2::from_shape_vec((1, counts.len()), counts).unwrap();
        Resampled {
            values: counts.into(),
            coverage: None,
        }
    }

    #[test]
    fn it_is_the_sorted_image() {
        let mixed = (0..1000_i32).map(|k| match k % 5 {
            0 => (k % 13) as f32,
            1 => k as f32 * 0.5 - 20.0,
            2 => 3e7 + k as f32 * 64.0,
            3 => 0.25,
            _ => -0.0,
        });
        let mut image = image(mixed.collect());
        for masked in [false, true] {
            if masked {
                let shape = image.values.dim();
                let cover = Array2::from_shape_fn(shape, |(_, c)| f32::from(c as u16 % 7 != 3));
                image.coverage = Some(cover);
            }
            let sorted = image.sorted();
            let tally = Tally::of(&image);
            assert_eq!(tally.len(), sorted.len());
            let runs = tally.runs().flat_map(|run| {
                assert!(run.times() > 0.0);
                std::iter::repeat_n(run.count, run.end - run.start)
            });
            assert!(runs.eq(sorted.iter().copied()));
            for place in [0, 1, 77, sorted.len() - 1] {
                assert_eq!(tally.nth(place), sorted[place]);
            }
            for q in [0.0, 0.013, 0.5, 0.999, 1.0] {
                let expected = quantile_of_sorted(&sorted, q, |count| count * 2.0);
                assert_eq!(tally.quantile(q, |count| count * 2.0), expected);
            }
        }
    }
}
