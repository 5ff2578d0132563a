//! From counts to the scale and the grey levels on which features are computed.
//!
//! Counts span six decades and carry Poisson noise whose size grows with them. A
//! [`IntensityTransform`] compresses the range; a [`LevelRange`] cuts it into grey levels:
//!
//! | range | keeps | loses |
//! |---|---|---|
//! | [`Fixed`](LevelRange::Fixed) | strong against weak, high against low background: levels of different frames compare | resolution where a frame fills a small part of the range |
//! | [`Quantile`](LevelRange::Quantile) | the shape of the grey-level distribution between two percentiles of the frame | exposure, flux, absolute scale |
//! | [`Rank`](LevelRange::Rank) | the order of the pixels alone; every level is equally filled (ties excepted) | every scale, and the shape of the distribution |
//!
//! A fixed range is what makes two frames comparable; per-frame ranges make a feature independent of
//! exposure. Neither contains the other, so extractors offer both.

#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::borrow::Cow;
use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use crate::resample::{MIN_COVERAGE, Resampled};
use crate::tally::{STRIP, Tally, largest_whole};

/// What is done to a count before anything is computed from it.
///
/// All transforms are monotone: percentiles and ranks commute with them.
///
/// ```
/// use xscatter_features::IntensityTransform;
///
/// assert_eq!(IntensityTransform::Log1p.apply(0.0), 0.0);
/// assert_eq!(IntensityTransform::Log1p.apply(-2.0), 0.0);
/// assert!((IntensityTransform::Anscombe.apply(5.0) - 4.6368092477).abs() < 1e-10);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntensityTransform {
    /// The count itself.
    Raw,
    /// `ln(1 + I)`; counts below zero (subtracted background) become 0.
    #[default]
    Log1p,
    /// `asinh(I / scale)`: linear well below `scale`, logarithmic above, odd: it keeps negatives.
    Asinh {
        /// Where the curve bends, in counts.
        scale: f64,
    },
    /// `2 √(I + 3/8)`: Poisson noise of unit variance for means above about 3 (Anscombe 1948,
    /// doi:10.1093/biomet/35.3-4.246); counts below −3/8 become 0.
    Anscombe,
}

/// `ln(1 + I)`; most counts are small whole numbers, whose logarithms are looked up.
fn log1p(count: f64) -> f64 {
    static WHOLE: LazyLock<Vec<f64>> =
        LazyLock::new(|| (0..4096).map(|count| f64::from(count).ln_1p()).collect());
    let whole = count as usize;
    match WHOLE.get(whole) {
        Some(&value) if whole as f64 == count => value,
        _ => count.ln_1p(),
    }
}

/// Why a transform or a range could not be used.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum IntensityError {
    /// The scale of [`IntensityTransform::Asinh`] is not positive and finite.
    #[error("expected a positive finite scale of asinh, got {0}")]
    Scale(f64),
    /// The limits of [`LevelRange::Fixed`] do not enclose anything.
    #[error("expected finite limits with min < max, got {min} and {max}")]
    Limits {
        /// The lower limit.
        min: f64,
        /// The upper limit.
        max: f64,
    },
    /// The quantiles of [`LevelRange::Quantile`] are not ordered within 0 and 1.
    #[error("expected quantiles with 0 <= low < high <= 1, got {low} and {high}")]
    Quantiles {
        /// The lower quantile.
        low: f64,
        /// The upper quantile.
        high: f64,
    },
}

impl IntensityTransform {
    /// The transformed count.
    pub fn apply(self, count: f64) -> f64 {
        match self {
            Self::Raw => count,
            Self::Log1p => log1p(count.max(0.0)),
            Self::Asinh { scale } => (count / scale).asinh(),
            Self::Anscombe => 2.0 * (count + 0.375).max(0.0).sqrt(),
        }
    }

    pub(crate) fn check(self) -> Result<(), IntensityError> {
        match self {
            Self::Asinh { scale } if !(scale > 0.0 && scale.is_finite()) => {
                Err(IntensityError::Scale(scale))
            }
            _ => Ok(()),
        }
    }
}

/// Which intensities the grey levels cover; see the [module](self) for what each keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelRange {
    /// Equal steps between two limits on the transformed scale, the same for every frame; beyond
    /// them the first and the last level.
    Fixed {
        /// The lower edge of level 0.
        min: f64,
        /// The upper edge of the last level.
        max: f64,
    },
    /// Equal steps on the transformed scale between two quantiles of the frame's valid pixels
    /// (linear interpolation between order statistics); a frame that is constant between them has
    /// level 0 throughout.
    Quantile {
        /// The quantile at the lower edge, 0 to 1.
        low: f64,
        /// The quantile at the upper edge, 0 to 1.
        high: f64,
    },
    /// Equally filled levels: level `⌊levels · (pixels strictly below) / (valid pixels)⌋`, so that
    /// equal counts share a level.
    Rank,
}

impl Default for LevelRange {
    /// `ln(1 + 2¹⁶)` on the scale of [`IntensityTransform::Log1p`]: what a 16-bit counter can hold.
    fn default() -> Self {
        Self::Fixed {
            min: 0.0,
            max: f64::from(1u32 << 16).ln_1p(),
        }
    }
}

impl LevelRange {
    pub(crate) fn check(self) -> Result<(), IntensityError> {
        match self {
            Self::Fixed { min, max } if !(min < max && (max - min).is_finite()) => {
                Err(IntensityError::Limits { min, max })
            }
            Self::Quantile { low, high } if !(0.0 <= low && low < high && high <= 1.0) => {
                Err(IntensityError::Quantiles { low, high })
            }
            _ => Ok(()),
        }
    }
}

/// The grey level of every pixel, row-major; a pixel that does not count has level `levels`.
///
/// An extractor that does this for many frames keeps a [`Quantiser`].
pub(crate) fn quantise(
    image: &Resampled,
    transform: IntensityTransform,
    range: LevelRange,
    levels: u16,
) -> Vec<u16> {
    let steps = Steps::of(image, transform, range, levels);
    let mut cut = vec![0; image.as_slice().len()];
    steps.fill(image.as_slice(), image.coverage_slice(), &mut cut);
    cut
}

/// How counts become grey levels, with what is the same for every frame computed once.
#[derive(Debug, Clone)]
pub(crate) struct Quantiser {
    transform: IntensityTransform,
    range: LevelRange,
    levels: u16,
    fixed: Option<Steps>,
}

impl Quantiser {
    pub(crate) fn new(
        transform: IntensityTransform,
        range: LevelRange,
        levels: u16,
    ) -> Result<Self, IntensityError> {
        transform.check()?;
        range.check()?;
        let fixed = match range {
            LevelRange::Fixed { min, max } => Some(Steps::equal(transform, min, max, levels)),
            LevelRange::Quantile { .. } | LevelRange::Rank => None,
        };
        Ok(Self {
            transform,
            range,
            levels,
            fixed,
        })
    }

    /// The levels of this frame.
    pub(crate) fn steps(&self, image: &Resampled) -> Cow<'_, Steps> {
        match &self.fixed {
            Some(steps) => Cow::Borrowed(steps),
            None => Cow::Owned(Steps::of(image, self.transform, self.range, self.levels)),
        }
    }
}

/// Counts below this that are whole, as those of photon counters, have their level looked up.
const TABLE: usize = 4096;

/// How many bits of a positive float make its key: the exponent and four bits of the fraction, so that
/// few levels begin within one key.
const KEY_BITS: u32 = 12;

/// Grey levels as what they are: a step function that never falls.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    /// The smallest count of every level above 0, ascending; some levels may begin at the same count.
    edges: Vec<f32>,
    /// For every key, the number of edges up to its smallest count.
    below: Vec<u16>,
    /// The levels of whole counts.
    whole: Box<[u16; TABLE]>,
    /// What a pixel that does not count gets.
    invalid: u16,
}

impl Steps {
    fn of(
        image: &Resampled,
        transform: IntensityTransform,
        range: LevelRange,
        levels: u16,
    ) -> Self {
        match range {
            LevelRange::Fixed { min, max } => Self::equal(transform, min, max, levels),
            LevelRange::Quantile { low, high } => {
                let tally = Tally::of(image);
                let edge = |q| tally.quantile(q, |count| transform.apply(count));
                Self::equal(transform, edge(low), edge(high), levels)
            }
            LevelRange::Rank => {
                let tally = Tally::of(image);
                // Level k begins just above the ⌈k n / levels⌉-th smallest count.
                let edges = (1..usize::from(levels))
                    .map(|k| (k * tally.len()).div_ceil(usize::from(levels)))
                    .map(|below| tally.nth(below - 1).next_up());
                Self::new(edges.collect(), levels)
            }
        }
    }

    /// Equal steps of the transformed counts.
    fn equal(transform: IntensityTransform, min: f64, max: f64, levels: u16) -> Self {
        if min == max {
            return Self::new(Vec::new(), levels);
        }
        let per_unit = f64::from(levels) / (max - min);
        let level =
            |count: f32| ((transform.apply(f64::from(count)) - min) * per_unit).floor() as i64;
        // Bisection over all finite floats, which are ordered as these whole numbers.
        let last = ordered(f32::MAX);
        let mut first = ordered(f32::MIN);
        let edges = (1..i64::from(levels)).map_while(|wanted| {
            let (mut low, mut high) = (first, last);
            if level(f32::MAX) < wanted {
                return None;
            }
            while low < high {
                let middle = low + (high - low) / 2;
                if level(float(middle)) < wanted {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            first = low;
            Some(float(low))
        });
        Self::new(edges.collect(), levels)
    }

    fn new(edges: Vec<f32>, levels: u16) -> Self {
        let up_to = |count: f32| edges.partition_point(|&edge| edge <= count) as u16;
        let keys = f32::INFINITY.to_bits() >> (31 - KEY_BITS);
        let mut steps = Self {
            below: (0..=keys)
                .map(|key| up_to(f32::from_bits(key << (31 - KEY_BITS))))
                .collect(),
            edges,
            whole: Box::new([0; TABLE]),
            invalid: levels,
        };
        let whole: Vec<u16> = (0..TABLE).map(|count| steps.level(count as f32)).collect();
        steps.whole.copy_from_slice(&whole);
        steps
    }

    /// The level of a finite count.
    fn level(&self, count: f32) -> u16 {
        let (from, to) = if count.is_sign_negative() {
            (0, self.edges.len())
        } else {
            let key = (count.to_bits() >> (31 - KEY_BITS)) as usize;
            (self.below[key].into(), self.below[key + 1].into())
        };
        (from + self.edges[from..to].partition_point(|&edge| edge <= count)) as u16
    }

    /// The levels of a row of counts; pixels that were not measured get the number of levels.
    pub(crate) fn fill(&self, counts: &[f32], coverage: Option<&[f32]>, levels: &mut [u16]) {
        Arch::new().dispatch(Fill {
            steps: self,
            counts,
            levels,
        });
        if let Some(coverage) = coverage {
            for (level, &coverage) in levels.iter_mut().zip(coverage) {
                *level = if coverage < MIN_COVERAGE {
                    self.invalid
                } else {
                    *level
                };
            }
        }
    }
}

/// Whole numbers in the order of the floats.
fn ordered(value: f32) -> i64 {
    let bits = i64::from(value.to_bits() & 0x7fff_ffff);
    if value.is_sign_negative() {
        -bits
    } else {
        bits
    }
}

/// The float of a whole number of [`ordered`].
fn float(ordered: i64) -> f32 {
    let size = f32::from_bits(ordered.unsigned_abs() as u32);
    if ordered < 0 { -size } else { size }
}

struct Fill<'a> {
    steps: &'a Steps,
    counts: &'a [f32],
    levels: &'a mut [u16],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            steps,
            counts,
            levels,
        } = self;
        let table = &*steps.whole;
        let mut whole = [0; STRIP];
        for (counts, levels) in counts.chunks(STRIP).zip(levels.chunks_mut(STRIP)) {
            if largest_whole(counts, &mut whole) < TABLE as u32 {
                let level = |count: u32| table[count as usize & (TABLE - 1)];
                let (groups, rest) = levels.as_chunks_mut::<8>();
                let (counts, _) = whole.as_chunks::<8>();
                // Eight are stored at once.
                for (levels, counts) in groups.iter_mut().zip(counts) {
                    *levels = counts.map(level);
                }
                let last = &whole[groups.len() * 8..];
                for (place, &count) in rest.iter_mut().zip(last) {
                    *place = level(count);
                }
            } else {
                for (level, &count) in levels.iter_mut().zip(counts) {
                    *level = steps.level(count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;

    fn image(counts: Vec<f32>) -> Resampled<'static> {
        let counts = Array2::from_shape_vec((1, counts.len()), counts).unwrap();
        Resampled {
            values: counts.into(),
            coverage: None,
        }
    }

    #[test]
    fn g_trf_1_transforms_of_five() {
        for (transform, expected) in [
            (IntensityTransform::Asinh { scale: 1.0 }, 2.3124383413),
            (IntensityTransform::Log1p, 1.7917594692),
            (IntensityTransform::Anscombe, 4.6368092477),
            (IntensityTransform::Raw, 5.0),
        ] {
            assert_relative_eq!(transform.apply(5.0), expected, max_relative = 1e-10);
        }
    }

    #[test]
    fn a_fixed_range_clamps_and_keeps_the_absolute_scale() {
        let range = LevelRange::Fixed { min: 0.0, max: 8.0 };
        let levels = quantise(
            &image(vec![-3.0, 0.0, 1.9, 2.0, 7.99, 8.0, 900.0]),
            IntensityTransform::Raw,
            range,
            4,
        );
        assert_eq!(levels, [0, 0, 0, 1, 3, 3, 3]);
    }

    #[test]
    fn the_table_of_small_counts_agrees_with_the_formula() {
        let counts: Vec<f32> = (0..3000).map(|count| count as f32 * 0.5).collect();
        let range = LevelRange::default();
        let LevelRange::Fixed { max, .. } = range else {
            unreachable!()
        };
        let levels = quantise(&image(counts.clone()), IntensityTransform::Log1p, range, 32);
        for (count, level) in counts.into_iter().zip(levels) {
            let expected = (f64::from(count).ln_1p() / max * 32.0).floor();
            assert_eq!(f64::from(level), expected, "count {count}");
        }
    }

    #[test]
    fn levels_of_counts_that_are_not_whole_agree_with_the_formula() {
        let counts: Vec<f32> = (-300..3000_i16)
            .map(|k| f32::from(k) * 0.37 + (f32::from(k) * 0.005).exp())
            .chain([f32::MAX, f32::MIN, 0.0, -0.0, 1e-40])
            .collect();
        for transform in [
            IntensityTransform::Raw,
            IntensityTransform::Log1p,
            IntensityTransform::Anscombe,
            IntensityTransform::Asinh { scale: 3.0 },
        ] {
            for (min, max, number) in [(0.0, 11.0, 32u16), (-2.0, 7.5, 256), (1.0, 900.0, 7)] {
                let levels = quantise(
                    &image(counts.clone()),
                    transform,
                    LevelRange::Fixed { min, max },
                    number,
                );
                for (&count, level) in counts.iter().zip(levels) {
                    let place = (transform.apply(f64::from(count)) - min) / (max - min);
                    let expected = (place * f64::from(number)).floor();
                    let expected = expected.clamp(0.0, f64::from(number - 1));
                    // The formula may round at an edge.
                    let edge = (place * f64::from(number)).fract().abs();
                    if edge > 1e-12 && edge < 1.0 - 1e-12 {
                        assert_eq!(f64::from(level), expected, "count {count}, {transform:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn quantile_and_rank_levels_do_not_depend_on_exposure() {
        let counts: Vec<f32> = (0..97).map(|k| ((k * 37) % 101) as f32).collect();
        let brighter = counts.iter().map(|count| count * 16.0).collect();
        let (dim, bright) = (image(counts), image(brighter));
        let quantile = LevelRange::Quantile {
            low: 0.01,
            high: 0.99,
        };
        for range in [quantile, LevelRange::Rank] {
            let raw = IntensityTransform::Raw;
            assert_eq!(
                quantise(&dim, raw, range, 16),
                quantise(&bright, raw, range, 16)
            );
        }
    }

    #[test]
    fn rank_levels_are_equally_filled_and_ties_share_one() {
        let levels = quantise(
            &image((0..64).map(|k| ((k * 29) % 64) as f32).collect()),
            IntensityTransform::Log1p,
            LevelRange::Rank,
            8,
        );
        for level in 0..8 {
            assert_eq!(levels.iter().filter(|&&l| l == level).count(), 8);
        }
        let ties = quantise(
            &image(vec![0.0, 0.0, 0.0, 5.0]),
            IntensityTransform::Log1p,
            LevelRange::Rank,
            4,
        );
        assert_eq!(ties, [0, 0, 0, 3]);
    }

    #[test]
    fn a_constant_frame_has_one_level() {
        let constant = image(vec![7.0; 9]);
        let quantile = LevelRange::Quantile {
            low: 0.0,
            high: 1.0,
        };
        for range in [quantile, LevelRange::Rank] {
            let levels = quantise(&constant, IntensityTransform::Log1p, range, 8);
            assert_eq!(levels, [0; 9]);
        }
    }

    #[test]
    fn senseless_parameters_are_refused() {
        assert_eq!(
            IntensityTransform::Asinh { scale: 0.0 }.check(),
            Err(IntensityError::Scale(0.0))
        );
        assert!(LevelRange::Fixed { min: 1.0, max: 1.0 }.check().is_err());
        assert!(
            LevelRange::Fixed {
                min: 0.0,
                max: f64::NAN
            }
            .check()
            .is_err()
        );
        let quantile = LevelRange::Quantile {
            low: 0.5,
            high: 1.5,
        };
        assert!(quantile.check().is_err());
    }
}
