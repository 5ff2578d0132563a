//! The fourteen texture features of Haralick, from grey-level co-occurrence matrices.
//!
//! Use it beside or in place of [`Glcm`](crate::Glcm): its first five features are among the properties
//! there, the others describe the distributions of sums and differences of the levels of a pair, and how
//! much one level says about the other. It knows nothing of where on the detector something lies.
//!
//! With `p(i, j)` the share of pixel pairs at an offset that have these levels, in either order, its
//! marginal `p(i)` of mean `μ` and variance `σ²`, the shares `p₊(k)` of `i + j = k` and `p₋(k)` of
//! `|i − j| = k`, and `H` the entropy **in bits** (`Hₓ` of the marginal):
//!
//! | column | formula |
//! |---|---|
//! | asm | `Σ p²` |
//! | contrast | `Σ k² p₋(k)` |
//! | correlation | `Σ p (i − μ)(j − μ) / σ²`; 1 if σ is 0 |
//! | variance | `σ²` |
//! | idm | `Σ p / (1 + (i − j)²)` |
//! | sum_average | `Σ k p₊(k)` |
//! | sum_variance | `Σ (k − sum_average)² p₊(k)` |
//! | sum_entropy | `H` of `p₊` |
//! | entropy | `H` of `p` |
//! | difference_variance | the variance of the numbers `p₋(0)` … `p₋(n − 1)`, `n` one more than the highest level of the frame's pairs |
//! | difference_entropy | `H` of `p₋` |
//! | imc1 | `(H − 2 Hₓ) / Hₓ`; 0 if `Hₓ` is 0 |
//! | imc2 | `√(1 − exp(−2 (2 Hₓ − H)))`, not below 0 |
//! | max_correlation | `√λ₂`, with `λ₂` the second eigenvalue of `Q(i, j) = Σ_k p(i, k) p(j, k) / (p(i) p(k))`; 0 if there is one level |
//!
//! Columns are `haralick.contrast.d1.mean` and so on, distance by distance; how the angles become columns
//! is [`GlcmAggregation`].
//!
//! *Definitions*: the first thirteen are those of mahotas, which deviate from the paper of 1973: the
//! variance of sums is about their mean (the paper prints the sum entropy), and the difference variance
//! is that of the shares, so that it depends on the brightest pixel through `n`. The fourteenth is by
//! definition: mahotas divides by zero where a level correlates with nothing, and takes a correlation
//! matrix of rows for `Q`. Diagonal offsets of a distance `d` are `round(d / √2)` pixels a side, as in
//! [`glcm`](crate::glcm); mahotas takes `d`: distances above 1 agree along rows and columns only.
//!
//! *Masks*: a pair counts only if both its ends are valid. A frame on which an offset has no such pair is
//! an error of kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData). A constant frame has
//! asm, correlation and idm 1, and 0 for contrast, variance, entropies and the rest but sum_average and
//! difference_variance.
//!
//! *Cost*: that of the matrices ([`glcm`](crate::glcm)), about ten operations for every pair of levels
//! that occur, and for `max_correlation` some tens of products of the matrix with a vector (Lanczos).
//!
//! Source: Haralick, Shanmugam and Dinstein 1973, doi:10.1109/TSMC.1973.4309314; mahotas 1.4.19.

use std::f64::consts::{FRAC_PI_4, LN_2};
use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::glcm::{
    GlcmAggregation, GlcmError, Joint, Spread, all_defined, check_pairs, entropy, joints, offsets,
};
use crate::intensity::{IntensityTransform, LevelRange, Quantiser};
use crate::resample::{Grid, Resampled};

/// The names of the features, in the order of their columns and of [`features`].
pub const NAMES: [&str; 14] = [
    "asm",
    "contrast",
    "correlation",
    "variance",
    "idm",
    "sum_average",
    "sum_variance",
    "sum_entropy",
    "entropy",
    "difference_variance",
    "difference_entropy",
    "imc1",
    "imc2",
    "max_correlation",
];

/// What [`Haralick`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HaralickConfig {
    /// Lengths of the offsets in pixels of the (resampled) image.
    pub distances_px: Vec<usize>,
    /// Directions of the offsets, from growing columns towards growing rows.
    pub angles_rad: Vec<f64>,
    /// Grey levels, 2 to 256.
    pub levels: u16,
    /// What is done to the counts before they are cut into levels.
    pub transform: IntensityTransform,
    /// The intensities that the levels cover.
    pub range: LevelRange,
    /// How angles become columns.
    pub aggregation: GlcmAggregation,
    /// Whether the fourteenth feature is computed, which costs the most.
    pub max_correlation: bool,
    /// The pixels that are paired.
    pub grid: Grid,
}

impl Default for HaralickConfig {
    /// 32 levels over what a 16-bit counter can hold, on `ln(1 + I)`; distance 1, four angles, their mean
    /// and range; all fourteen features at full resolution.
    fn default() -> Self {
        Self {
            distances_px: vec![1],
            angles_rad: vec![0.0, FRAC_PI_4, 2.0 * FRAC_PI_4, 3.0 * FRAC_PI_4],
            levels: 32,
            transform: IntensityTransform::Log1p,
            range: LevelRange::default(),
            aggregation: GlcmAggregation::MeanAndRange,
            max_correlation: true,
            grid: Grid::Native,
        }
    }
}

/// Why a [`Haralick`] could not be built: the settings are those of [`Glcm`](crate::Glcm).
pub type HaralickError = GlcmError;

/// The texture features of Haralick; see the [module](self).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Haralick, HaralickConfig};
///
/// let haralick = Haralick::new(HaralickConfig::default())?;
/// let table = haralick.extract(&[Frame::new(array![[0.0, 900.0, 0.0], [900.0, 0.0, 900.0]])])?;
/// assert_eq!(&*table.columns()[0], "haralick.asm.d1.mean");
/// assert_eq!(table.n_columns(), 14 * 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Haralick {
    config: HaralickConfig,
    quantiser: Quantiser,
    columns: Vec<Arc<str>>,
}

impl Haralick {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`HaralickError`] if a setting is outside its domain.
    pub fn new(config: HaralickConfig) -> Result<Self, HaralickError> {
        let quantiser = Quantiser::new(config.transform, config.range, config.levels)?;
        let degrees = check_pairs(&config.distances_px, &config.angles_rad, config.levels)?;
        config.grid.check(2)?;
        let suffixes = config.aggregation.suffixes(&degrees);
        let count = NAMES.len() - usize::from(!config.max_correlation);
        let mut columns: Vec<Arc<str>> = Vec::new();
        for distance in &config.distances_px {
            for name in &NAMES[..count] {
                let named = suffixes
                    .iter()
                    .map(|suffix| format!("haralick.{name}.d{distance}.{suffix}").into());
                columns.extend(named);
            }
        }
        Ok(Self {
            config,
            quantiser,
            columns,
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let config = &self.config;
        let image = Resampled::of(frame, config.grid)?;
        let offsets = offsets(&config.distances_px, &config.angles_rad);
        let joints = joints(&image, &self.quantiser, &offsets, config.levels, true);
        let joints = all_defined(frame, joints, &offsets)?;
        let highest = joints.iter().map(Joint::highest).max().unwrap_or(0);
        let mut row = Vec::with_capacity(self.columns.len());
        for joints in joints.chunks(config.angles_rad.len()) {
            let mean = [Joint::mean(joints)];
            let joints = match config.aggregation {
                GlcmAggregation::Isotropic => &mean,
                GlcmAggregation::PerAngle | GlcmAggregation::MeanAndRange => joints,
            };
            let features: Vec<Vec<f64>> = joints
                .iter()
                .map(|joint| of_joint(joint, highest + 1, config.max_correlation))
                .collect();
            for feature in 0..features[0].len() {
                let values = features.iter().map(|angle| angle[feature]);
                row.extend(config.aggregation.columns_of(values));
            }
        }
        Ok(row)
    }
}

impl FeatureExtractor for Haralick {
    fn name(&self) -> &str {
        "haralick"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// The features of one co-occurrence matrix of pairs in one order (as
/// [`co_occurrence`](crate::glcm::co_occurrence) counts them; both orders are counted here), named by
/// [`NAMES`]; the fourteenth only if asked for.
///
/// `None` if the matrix counts nothing. The difference variance is over as many differences as the matrix
/// has rows.
///
/// ```
/// use ndarray::array;
/// use xscatter_features::glcm::co_occurrence;
/// use xscatter_features::haralick::features;
///
/// let image = array![[0u16, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]];
/// let counts = co_occurrence(image.view(), (0, 1), 4);
/// let features = features(counts.view(), true).expect("there are pairs");
/// assert!((features[8] - 3.02205521).abs() < 1e-8);
/// assert!((features[13] - 0.8648417851).abs() < 1e-10);
/// ```
///
/// # Panics
/// If the matrix is not square.
pub fn features(counts: ArrayView2<'_, u32>, max_correlation: bool) -> Option<Vec<f64>> {
    assert!(counts.is_square(), "levels are those of both pixels");
    let joint = Joint::of(counts, true)?;
    Some(of_joint(&joint, counts.nrows(), max_correlation))
}

/// The features of a symmetric matrix, whose differences are below `n`.
fn of_joint(joint: &Joint, n: usize, max_correlation: bool) -> Vec<f64> {
    let total = joint.total;
    let marginal = joint.first();
    let level = joint.spread(&marginal);
    let correlation = if level.variance < 1e-30 {
        1.0
    } else {
        joint.covariance(level, level) / level.variance
    };
    let (sums, differences) = (joint.sums(), joint.differences());
    let numbered = |weights: &[f64]| -> Vec<(f64, f64)> {
        let weights = weights.iter().enumerate();
        weights.map(|(k, &weight)| (k as f64, weight)).collect()
    };
    let sum = Spread::of(numbered(&sums).into_iter(), total);
    let of_differences = |f: &dyn Fn(f64) -> f64| -> f64 {
        let terms = differences.iter().enumerate();
        terms.map(|(k, weight)| weight * f(k as f64)).sum::<f64>() / total
    };
    let mut shares: Vec<f64> = differences.iter().map(|weight| weight / total).collect();
    shares.resize(n, 0.0);
    let shares = Spread::of(shares.iter().map(|&share| (share, 1.0)), n as f64);
    let bits = |weights: &[f64]| entropy(weights, total) / LN_2;
    let (both, one) = (joint.entropy() / LN_2, bits(&marginal));
    // What one level says about the other.
    let mutual = 2.0 * one - both;
    let mut features = vec![
        joint.second_moment(),
        of_differences(&|k| k * k),
        correlation,
        level.variance,
        of_differences(&|k| 1.0 / (1.0 + k * k)),
        sum.mean,
        sum.variance,
        bits(&sums),
        both,
        shares.variance,
        bits(&differences),
        if one > 0.0 { -mutual / one } else { 0.0 },
        (1.0 - (-2.0 * mutual).exp()).max(0.0).sqrt(),
    ];
    if max_correlation {
        features.push(second_singular_value(joint, &marginal));
    }
    features
}

/// The second singular value of `p(i, j) / √(p(i) p(j))`, whose square is the second eigenvalue of `Q`.
///
/// The first singular vector is known, `√p(i)`: Lanczos' iteration starts and stays perpendicular to it.
fn second_singular_value(joint: &Joint, marginal: &[f64]) -> f64 {
    let n = marginal.len();
    let root: Vec<f64> = marginal.iter().map(|weight| weight.sqrt()).collect();
    let mut matrix: Vec<f64> = Vec::with_capacity(n * n);
    for (row, left) in joint.rows().zip(&root) {
        matrix.extend(
            row.iter()
                .zip(&root)
                .map(|(cell, right)| cell / (left * right)),
        );
    }
    let first = root.iter().map(|part| part / joint.total.sqrt()).collect();
    let mut basis: Vec<Vec<f64>> = vec![first];
    // Any vector will do that is not perpendicular to the one sought for; digits of the golden ratio.
    let mut next: Vec<f64> = (1..=n)
        .map(|k| (k as f64 * 0.618_033_988_749_894_8).fract() - 0.5)
        .collect();
    let (mut diagonal, mut beside): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut found = 0.0f64;
    while basis.len() < n {
        for _ in 0..2 {
            for done in &basis {
                let part = dot(done, &next);
                next.iter_mut().zip(done).for_each(|(x, y)| *x -= part * y);
            }
        }
        let length = dot(&next, &next).sqrt();
        if basis.len() > 1 {
            // What is left is rounding: the vectors span all that the start contains.
            if length < 1e-13 {
                break;
            }
            beside.push(length);
        }
        let vector: Vec<f64> = next.iter().map(|x| x / length).collect();
        next = matrix
            .chunks_exact(n)
            .map(|row| dot(row, &vector))
            .collect();
        diagonal.push(dot(&vector, &next));
        basis.push(vector);
        if diagonal.len().is_multiple_of(8) {
            let before = std::mem::replace(&mut found, largest_size(&diagonal, &beside));
            if (found - before).abs() <= 1e-13 * found {
                return found;
            }
        }
    }
    largest_size(&diagonal, &beside)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Eight sums, so that none waits for another.
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

/// The largest absolute eigenvalue, at most 1, of a symmetric tridiagonal matrix, by bisection.
fn largest_size(diagonal: &[f64], beside: &[f64]) -> f64 {
    // The number of eigenvalues below x is that of negative pivots.
    let below = |x: f64| {
        let mut count = 0;
        let mut pivot = 1.0f64;
        for (k, entry) in diagonal.iter().enumerate() {
            let coupling = if k > 0 { beside[k - 1].powi(2) } else { 0.0 };
            pivot = entry - x - coupling / pivot;
            if pivot == 0.0 {
                pivot = f64::MIN_POSITIVE.sqrt();
            }
            count += usize::from(pivot < 0.0);
        }
        count
    };
    let within = |x: f64| below(x) - below(-x) == diagonal.len();
    let (mut low, mut high) = (0.0, 1.0 + 1e-12);
    while high - low > 1e-15 {
        let middle = f64::midpoint(low, high);
        if within(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    // Below this, what is found is the rounding of zero.
    if high < 1e-14 { 0.0 } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, array};
    use xscatter_core::ErrorKind;
    use xscatter_testkit::check_extractor;

    fn frame() -> Frame {
        Frame::new(Array2::from_shape_fn((40, 51), |(r, c)| {
            (5000 / (1 + (r + 2 * c) % 37) + (r * r * 7 + c * 3) % 19) as f32
        }))
    }

    #[test]
    fn two_levels_that_decide_each_other_correlate_fully() {
        // A chess board: the neighbour is always the other one.
        let board = array![[0u32, 50], [50, 0]];
        let values = features(board.view(), true).unwrap();
        assert_relative_eq!(values[13], 1.0, max_relative = 1e-12);
        assert_relative_eq!(values[2], -1.0, max_relative = 1e-12);
    }

    #[test]
    fn independent_levels_do_not_correlate() {
        let weights = [1u32, 4, 2, 7];
        let counts = Array2::from_shape_fn((4, 4), |(i, j)| weights[i] * weights[j]);
        let values = features(counts.view(), true).unwrap();
        for (feature, value) in NAMES.iter().zip(&values) {
            if ["correlation", "imc1", "imc2", "max_correlation"].contains(feature) {
                assert!(value.abs() < 1e-7, "{feature}: {value}");
            }
        }
    }

    #[test]
    fn blocks_of_levels_correlate_fully_whatever_their_number() {
        let counts = Array2::from_shape_fn((60, 60), |(i, j)| u32::from(i / 20 == j / 20));
        let values = features(counts.view(), true).unwrap();
        assert_relative_eq!(values[13], 1.0, max_relative = 1e-10);
    }

    #[test]
    fn a_constant_frame_is_defined() {
        let table = Haralick::new(HaralickConfig::default())
            .unwrap()
            .extract(&[Frame::new(Array2::zeros((5, 7)))])
            .unwrap();
        for (column, &value) in table.columns().iter().zip(table.values()) {
            let name = column.split('.').nth(1).unwrap();
            let mean = if ["asm", "correlation", "idm"].contains(&name) {
                1.0
            } else {
                0.0
            };
            let expected = if column.ends_with("mean") { mean } else { 0.0 };
            assert_eq!(value, expected, "{column}");
        }
    }

    #[test]
    fn flips_do_not_change_the_mean_and_range() {
        let counts = frame().counts().to_owned();
        let mut flipped = counts.clone();
        flipped.invert_axis(ndarray::Axis(1));
        let turned = flipped.clone().reversed_axes();
        let haralick = Haralick::new(HaralickConfig::default()).unwrap();
        let rows = haralick.extract(&[counts, flipped, turned].map(Frame::new));
        let rows = rows.unwrap();
        for column in 0..rows.n_columns() {
            for row in 1..3 {
                let (value, moved) = (rows.values()[(0, column)], rows.values()[(row, column)]);
                assert_relative_eq!(value, moved, max_relative = 1e-5, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn settings_far_from_the_defaults_keep_the_contract() {
        for (aggregation, levels) in [
            (GlcmAggregation::Isotropic, 256),
            (GlcmAggregation::PerAngle, 8),
        ] {
            let haralick = Haralick::new(HaralickConfig {
                aggregation,
                levels,
                distances_px: vec![1, 3],
                range: LevelRange::Rank,
                ..Default::default()
            });
            check_extractor(&haralick.unwrap(), &[frame(), frame()]).unwrap();
        }
    }

    #[test]
    fn a_frame_without_a_pair_is_an_error() {
        let haralick = Haralick::new(HaralickConfig::default()).unwrap();
        let error = haralick.extract(&[Frame::new(array![[1.0]])]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }
}
