//! First-order statistics: how intensities are distributed, wherever they lie.
//!
//! Use it as the cheapest description of a frame: how bright, how sparse, how peaked, how heavy its
//! tail. It does not see structure: any permutation of the pixels has the same row, to the last bit
//! (it is computed from the distinct counts and how often each occurs).
//!
//! With `x` the transformed intensities of the `n` valid pixels, `m_k = Σ (x − x̄)^k / n`, and `p` the
//! shares of a histogram over fixed limits:
//!
//! | column | formula |
//! |---|---|
//! | mean, std, variance | `x̄`, `√m₂`, `m₂` |
//! | skewness, kurtosis | `m₃ / m₂^1.5`, `m₄ / m₂² − 3` (biased, Fisher) |
//! | roughness | `1 − 1 / (1 + m₂)` |
//! | entropy, energy | `−Σ p ln p`, `Σ p²` |
//! | p1 … p99.9 | percentiles, linear between order statistics |
//! | zero_fraction | share of pixels with a count of zero or less |
//! | gini | `Σ (2k − n − 1) c_k / (n Σ c)` over ascending counts `c ≥ 0`: 0 all equal, 1 all in one pixel |
//! | max_over_median | `ln((1 + max) / (1 + median))` of the counts |
//! | saturated_fraction | share of the pixels flagged as overflow among those and the valid ones of the frame |
//!
//! *Conventions*: masked pixels do not exist; values beyond the limits of the histogram fall into its
//! first or last bin. Where all values agree to rounding, skewness and kurtosis are 0 (scipy: NaN);
//! a frame without any count has a Gini coefficient of 0; where no mask flags an overflow, none is
//! known and the saturated fraction is 0. A frame without a valid pixel is an error
//! of kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData).
//!
//! *Cost*: one pass over the pixels and some ten operations for every distinct count; counts that are not
//! whole or above 16,383 are sorted.
//!
//! [`HistogramForm::Original`] is the seven-value form of Ushizima et al. 2021, for comparison.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, PixelFlags, Result};

use crate::batch::fill_rows;
use crate::glcm::{Spread, entropy};
use crate::intensity::{IntensityError, IntensityTransform};
use crate::resample::{Grid, GridError, Resampled};
use crate::tally::Tally;

/// Which statistics [`HistogramStatistics`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistogramForm {
    /// The statistics of the [module](self), of the intensities themselves.
    #[default]
    Intensities,
    /// The seven "first-order texture features" of Ushizima et al. 2021 as their published script
    /// (`dani-lbnl/camSortXS`) computes them, faults included, to compare with their figures only:
    /// `bins` equal bins between the frame's own extremes, entropy in bits, an energy divided by the
    /// pixel count twice, and variance, skewness, kurtosis and roughness *of the bin shares*, not of
    /// the intensities. Intensities are cut to whole numbers first, negatives to 0, and
    /// [`HistogramConfig::limits`] is not used. Columns `histogram.original.*`.
    Original,
}

/// What [`HistogramStatistics`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistogramConfig {
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// Bins of the histogram behind entropy and energy.
    pub bins: usize,
    /// The limits of that histogram on the transformed scale, the same for every frame.
    pub limits: (f64, f64),
    /// Which statistics.
    pub form: HistogramForm,
    /// The pixels that are counted.
    pub grid: Grid,
}

impl Default for HistogramConfig {
    /// `ln(1 + I)` in 256 bins over what a 20-bit counter can hold, at full resolution.
    fn default() -> Self {
        Self {
            transform: IntensityTransform::Log1p,
            bins: 256,
            limits: (0.0, f64::from(1u32 << 20).ln_1p()),
            form: HistogramForm::Intensities,
            grid: Grid::Native,
        }
    }
}

/// Why [`HistogramStatistics`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// One bin tells nothing apart.
    #[error("expected at least 2 bins, got {0}")]
    Bins(usize),
    /// The grid has no pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform or the limits make no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

const PERCENTILES: [f64; 8] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9];

/// First-order statistics of the valid pixels; see the [module](self).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{HistogramConfig, HistogramStatistics};
///
/// let statistics = HistogramStatistics::new(HistogramConfig::default())?;
/// let table = statistics.extract(&[Frame::new(array![[0.0, 0.0], [3.0, 5.0]])])?;
/// let zeros = table.columns().iter().position(|name| &**name == "histogram.zero_fraction");
/// assert_eq!(zeros.map(|column| table.values()[(0, column)]), Some(0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HistogramStatistics {
    config: HistogramConfig,
    columns: Vec<Arc<str>>,
}

impl HistogramStatistics {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`HistogramError`] if a setting is outside its domain.
    pub fn new(config: HistogramConfig) -> Result<Self, HistogramError> {
        config.transform.check()?;
        let (min, max) = config.limits;
        if !(min < max && (max - min).is_finite()) {
            return Err(IntensityError::Limits { min, max }.into());
        }
        if config.bins < 2 {
            return Err(HistogramError::Bins(config.bins));
        }
        config.grid.check(1)?;
        let columns = match config.form {
            HistogramForm::Intensities => ["mean", "std", "variance", "skewness", "kurtosis"]
                .into_iter()
                .chain(["roughness", "entropy", "energy"])
                .map(str::to_owned)
                .chain(PERCENTILES.iter().map(|percent| format!("p{percent}")))
                .chain({
                    let others = ["zero_fraction", "gini", "max_over_median"];
                    others
                        .into_iter()
                        .chain(["saturated_fraction"])
                        .map(str::to_owned)
                })
                .map(|name| format!("histogram.{name}").into())
                .collect(),
            HistogramForm::Original => ["entropy", "energy", "mean", "variance"]
                .into_iter()
                .chain(["skewness", "kurtosis", "roughness"])
                .map(|name| format!("histogram.original.{name}").into())
                .collect(),
        };
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let tally = Tally::of(&Resampled::of(frame, self.config.grid)?);
        let values = match self.config.form {
            HistogramForm::Intensities => {
                let mut values = self.intensities(&tally);
                values.push(saturated_fraction(frame));
                values
            }
            HistogramForm::Original => self.original(&tally),
        };
        Ok(values.into_iter().map(|value| value as f32).collect())
    }

    /// The distinct intensities, ascending, and how many pixels have each.
    fn weighted(&self, tally: &Tally) -> Vec<(f64, f64)> {
        let transform = self.config.transform;
        let runs = tally.runs();
        runs.map(|run| (transform.apply(f64::from(run.count)), run.times()))
            .collect()
    }

    fn intensities(&self, tally: &Tally) -> Vec<f64> {
        let x = self.weighted(tally);
        let Moments {
            mean,
            variance,
            skewness,
            kurtosis,
        } = Moments::of(&x);
        let (min, max) = self.config.limits;
        let bins = bins(&x, self.config.bins, min, max);
        let pixels = tally.len() as f64;
        let percentile = |percent: &f64| {
            tally.quantile(percent / 100.0, |count| self.config.transform.apply(count))
        };
        let median = tally.quantile(0.5, |count| count.max(0.0));
        let largest = f64::from(tally.nth(tally.len() - 1).max(0.0));
        let zeros = tally.runs().take_while(|run| run.count <= 0.0);
        let mut values = vec![
            mean,
            variance.sqrt(),
            variance,
            skewness,
            kurtosis,
            1.0 - 1.0 / (1.0 + variance),
            entropy(&bins, pixels),
            bins.iter().map(|times| (times / pixels).powi(2)).sum(),
        ];
        values.extend(PERCENTILES.iter().map(percentile));
        values.extend([
            zeros.map(|run| run.times()).sum::<f64>() / pixels,
            gini(tally),
            ((1.0 + largest) / (1.0 + median)).ln(),
        ]);
        values
    }

    /// The seven values of [`HistogramForm::Original`].
    fn original(&self, tally: &Tally) -> Vec<f64> {
        let mut whole = self.weighted(tally);
        for (value, _) in &mut whole {
            *value = value.max(0.0).trunc();
        }
        let ((mut min, _), (mut max, _)) = (whole[0], whole[whole.len() - 1]);
        if min == max {
            (min, max) = (min - 0.5, max + 0.5);
        }
        let pixels = tally.len() as f64;
        let bins = bins(&whole, self.config.bins, min, max);
        let shares: Vec<(f64, f64)> = bins.iter().map(|times| (times / pixels, 1.0)).collect();
        let Moments {
            variance,
            skewness,
            kurtosis,
            ..
        } = Moments::of(&shares);
        vec![
            entropy(&bins, pixels) / std::f64::consts::LN_2,
            shares
                .iter()
                .map(|(share, _)| (share / pixels).powi(2))
                .sum(),
            Spread::of(whole.iter().copied(), pixels).mean,
            variance,
            skewness,
            kurtosis,
            1.0 - 1.0 / (1.0 + variance),
        ]
    }
}

impl FeatureExtractor for HistogramStatistics {
    fn name(&self) -> &str {
        match self.config.form {
            HistogramForm::Intensities => "histogram",
            HistogramForm::Original => "histogram.original",
        }
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// Biased moments; the kurtosis of a normal distribution is 0.
struct Moments {
    mean: f64,
    variance: f64,
    skewness: f64,
    kurtosis: f64,
}

impl Moments {
    /// Of values and how often each occurs.
    fn of(values: &[(f64, f64)]) -> Self {
        let total = values.iter().map(|(_, times)| times).sum();
        let Spread { mean, variance } = Spread::of(values.iter().copied(), total);
        // Below this, the deviations are rounding errors of the mean (the rule of scipy).
        if variance <= (f64::EPSILON * mean).powi(2) {
            return Self {
                mean,
                variance: 0.0,
                skewness: 0.0,
                kurtosis: 0.0,
            };
        }
        let (mut third, mut fourth) = (0.0, 0.0);
        for (value, times) in values {
            let deviation = value - mean;
            let cube = deviation * deviation * deviation * times;
            third += cube;
            fourth += cube * deviation;
        }
        Self {
            mean,
            variance,
            skewness: third / total / variance.powf(1.5),
            kurtosis: fourth / total / (variance * variance) - 3.0,
        }
    }
}

/// The number of values in each of `bins` equal bins; those beyond the limits go to the ends.
fn bins(values: &[(f64, f64)], bins: usize, min: f64, max: f64) -> Vec<f64> {
    let per_unit = bins as f64 / (max - min);
    let last = (bins - 1) as f64;
    let mut counts = vec![0.0; bins];
    for (value, times) in values {
        counts[((value - min) * per_unit).floor().clamp(0.0, last) as usize] += times;
    }
    counts
}

/// The Gini coefficient of the counts, those below zero taken as zero.
fn gini(tally: &Tally) -> f64 {
    let n = tally.len() as f64;
    let (mut sum, mut weighted) = (0.0, 0.0);
    for run in tally.runs() {
        let count = f64::from(run.count.max(0.0));
        sum += count * run.times();
        // The sum of 2k + 1 − n over the places k of the run.
        weighted += ((run.start + run.end) as f64 - n) * run.times() * count;
    }
    if sum > 0.0 { weighted / (n * sum) } else { 0.0 }
}

/// The share of overflown pixels among those that could have been measured.
fn saturated_fraction(frame: &Frame) -> f64 {
    let Some(mask) = frame.mask() else { return 0.0 };
    let flags = mask.as_slice();
    let overflown = |flags: &&PixelFlags| flags.contains(PixelFlags::OVERFLOW);
    let overflown = flags.iter().filter(overflown).count();
    overflown as f64 / (overflown + flags.len() - mask.invalid_count()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use xscatter_core::ErrorKind;

    fn value(table: &xscatter_core::FeatureTable, name: &str) -> f32 {
        let column = table.columns().iter().position(|column| &**column == name);
        table.values()[(0, column.unwrap())]
    }

    #[test]
    fn a_constant_frame_has_defined_statistics() {
        let statistics = HistogramStatistics::new(HistogramConfig::default()).unwrap();
        for (count, zeros) in [(0.0, 1.0), (7.0, 0.0)] {
            let frame = Frame::new(Array2::from_elem((3, 4), count));
            let table = statistics.extract(&[frame]).unwrap();
            for name in [
                "variance",
                "skewness",
                "kurtosis",
                "entropy",
                "gini",
                "roughness",
            ] {
                assert_eq!(value(&table, &format!("histogram.{name}")), 0.0, "{name}");
            }
            assert_eq!(value(&table, "histogram.energy"), 1.0);
            assert_eq!(value(&table, "histogram.zero_fraction"), zeros);
        }
    }

    #[test]
    fn a_single_pixel_holds_all_of_the_inequality() {
        let mut counts = Array2::zeros((10, 10));
        counts[(3, 4)] = 50.0;
        let statistics = HistogramStatistics::new(HistogramConfig::default()).unwrap();
        let table = statistics.extract(&[Frame::new(counts)]).unwrap();
        assert_eq!(value(&table, "histogram.gini"), 0.99);
        assert_eq!(value(&table, "histogram.max_over_median"), 51f32.ln());
    }

    #[test]
    fn any_permutation_of_the_pixels_gives_the_same_bits() {
        let counts = Array2::from_shape_fn((21, 17), |(r, c)| ((r * 31 + c * c * 7) % 113) as f32);
        let mut flipped = counts.clone();
        flipped.invert_axis(ndarray::Axis(0));
        let frames = [counts, flipped.reversed_axes()].map(Frame::new);
        for form in [HistogramForm::Intensities, HistogramForm::Original] {
            let config = HistogramConfig {
                form,
                ..Default::default()
            };
            let table = HistogramStatistics::new(config).unwrap().extract(&frames);
            let values = table.unwrap().values().map(|value| value.to_bits());
            assert_eq!(values.row(0), values.row(1));
        }
    }

    #[test]
    fn overflown_pixels_are_a_share_of_those_that_could_be_measured() {
        use xscatter_core::Mask;
        let mut mask = Mask::all_valid((3, 4));
        mask.set(0, 0, PixelFlags::OVERFLOW);
        mask.set(1, 0, PixelFlags::GAP);
        mask.set(1, 1, PixelFlags::BAD);
        let frame = Frame::new(Array2::zeros((3, 4))).with_mask(mask).unwrap();
        let statistics = HistogramStatistics::new(HistogramConfig::default()).unwrap();
        let table = statistics.extract(&[frame]).unwrap();
        assert_eq!(value(&table, "histogram.saturated_fraction"), 0.1);
    }

    #[test]
    fn the_original_form_survives_a_constant_frame() {
        let config = HistogramConfig {
            form: HistogramForm::Original,
            transform: IntensityTransform::Raw,
            ..Default::default()
        };
        let statistics = HistogramStatistics::new(config).unwrap();
        let table = statistics
            .extract(&[Frame::new(Array2::from_elem((4, 4), 3.0))])
            .unwrap();
        assert_eq!(value(&table, "histogram.original.mean"), 3.0);
        assert_eq!(value(&table, "histogram.original.entropy"), 0.0);
        assert!(table.values().iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_frame_without_pixels_is_degenerate() {
        let statistics = HistogramStatistics::new(HistogramConfig::default()).unwrap();
        let error = statistics
            .extract(&[Frame::new(Array2::zeros((0, 4)))])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = HistogramConfig {
            bins: 1,
            ..Default::default()
        };
        assert_eq!(
            HistogramStatistics::new(broken).unwrap_err(),
            HistogramError::Bins(1)
        );
        let broken = HistogramConfig {
            limits: (2.0, 1.0),
            ..Default::default()
        };
        assert!(HistogramStatistics::new(broken).is_err());
    }
}
