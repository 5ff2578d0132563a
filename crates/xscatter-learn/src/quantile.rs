//! Quantile transform: every feature gets a uniform or a normal distribution.
//!
//! Use it where features are wildly skewed or have outliers that spoil means (intensities, counts) and the learner
//! compares features with each other. It keeps the order of values and nothing else: distances are gone. A
//! [`PowerTransform`](crate::PowerTransform) is gentler, a [`StandardScaler`](crate::StandardScaler) keeps the
//! shape.
//!
//! ```text
//! u(x) = the share of training values below x, from 0 to 1, linear between the quantiles that are kept;
//!        for a value that several quantiles share, the middle of their shares
//! z    = u  or  Φ⁻¹(u) within ± 5.2
//! ```
//!
//! `NaN` is missing: it takes no part and stays. A feature that does not vary, or is missing everywhere, becomes
//! the lowest value. Rows of weight 0 are left out; other weights are not used. Fitting sorts every feature; a
//! value costs a binary search. Source: scikit-learn 1.9.1, `QuantileTransformer` without its subsample; Wichura
//! 1988, algorithm AS 241, doi:10.2307/2347330 for Φ⁻¹.

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Result, TrainingSet, Transformer};

use crate::counted::{Counted, quantile};
use crate::error::{ConfigError, require};
use crate::problem::Missing;

/// A value this near to the lowest or highest training value becomes the lowest or highest one, if normal.
const NEAR: f64 = 1e-7;
/// So many rows are treated feature by feature, so that both they and the quantiles stay in the cache.
const BLOCK: usize = 256;

/// What the values of a feature become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Spread evenly from 0 to 1.
    #[default]
    Uniform,
    /// Normal with mean 0 and variance 1, within ± 5.2.
    Normal,
}

/// The parameters of [`QuantileTransform`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantileTransformConfig {
    /// How many quantiles to keep, 2 or more; never more than there are rows.
    pub quantiles: usize,
    /// What the values become.
    pub output: Distribution,
}

impl Default for QuantileTransformConfig {
    /// A thousand quantiles, uniform.
    fn default() -> Self {
        Self {
            quantiles: 1000,
            output: Distribution::Uniform,
        }
    }
}

/// The quantile transform of every feature on its own.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::QuantileTransform;
///
/// let rows = array![[1.0_f32], [10.0], [100.0]];
/// let target = Target::Classes(Classes::from_names(&["a", "b", "b"]));
/// let fitted = QuantileTransform::default().fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert_eq!(fitted.transform(rows.view())?, array![[0.0], [0.5], [1.0]]);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "QuantileTransformConfig", into = "QuantileTransformConfig")]
pub struct QuantileTransform(QuantileTransformConfig);

impl QuantileTransform {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: QuantileTransformConfig) -> Result<Self, ConfigError> {
        let quantiles = config.quantiles;
        require(quantiles >= 2, "quantiles", "2 or more", quantiles)?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &QuantileTransformConfig {
        &self.0
    }
}

impl TryFrom<QuantileTransformConfig> for QuantileTransform {
    type Error = ConfigError;

    fn try_from(config: QuantileTransformConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<QuantileTransform> for QuantileTransformConfig {
    fn from(transform: QuantileTransform) -> Self {
        transform.0
    }
}

impl Estimator for QuantileTransform {
    type Fitted = FittedQuantiles;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedQuantiles> {
        let counted = Counted::new(train, Missing::Allowed)?;
        let kept = self.0.quantiles.min(counted.rows.nrows());
        let quantiles = (0..counted.rows.ncols())
            .into_par_iter()
            .map(|feature| {
                train.stop().check()?;
                let values = counted.sorted(feature);
                if values.is_empty() {
                    return Ok(Vec::new());
                }
                Ok((0..kept)
                    .map(|place| quantile(&values, share(place, kept)))
                    .collect())
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(FittedQuantiles {
            quantiles,
            output: self.0.output,
        })
    }
}

/// The share below a quantile: from 0 for the first to 1 for the last.
fn share(place: usize, kept: usize) -> f64 {
    if kept < 2 {
        return 0.0;
    }
    place as f64 / (kept - 1) as f64
}

/// The quantiles of the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawQuantiles")]
pub struct FittedQuantiles {
    /// Ascending, for every feature; none for one that was missing everywhere.
    quantiles: Vec<Vec<f64>>,
    output: Distribution,
}

#[derive(Deserialize)]
struct RawQuantiles {
    quantiles: Vec<Vec<f64>>,
    output: Distribution,
}

impl TryFrom<RawQuantiles> for FittedQuantiles {
    type Error = String;

    fn try_from(raw: RawQuantiles) -> Result<Self, String> {
        let ascends = |of_feature: &Vec<f64>| {
            of_feature.iter().all(|value| value.is_finite())
                && of_feature.windows(2).all(|pair| pair[0] <= pair[1])
        };
        if raw.quantiles.is_empty() {
            return Err("expected the quantiles of at least one feature, got none".to_owned());
        }
        if let Some(feature) = raw.quantiles.iter().position(|values| !ascends(values)) {
            return Err(format!("feature {feature}: expected ascending quantiles"));
        }
        Ok(Self {
            quantiles: raw.quantiles,
            output: raw.output,
        })
    }
}

impl FittedQuantiles {
    /// The quantiles of every feature, ascending; none for one that was missing everywhere.
    pub fn quantiles(&self) -> &[Vec<f64>] {
        &self.quantiles
    }

    fn value(&self, quantiles: &[f64], x: f32) -> f32 {
        if x.is_nan() {
            return f32::NAN;
        }
        let uniform = uniform(quantiles, f64::from(x), self.output);
        match self.output {
            Distribution::Uniform => uniform as f32,
            Distribution::Normal => {
                let least = NEAR - f64::EPSILON;
                normal_quantile(uniform.clamp(least, 1.0 - least)) as f32
            }
        }
    }
}

fn uniform(quantiles: &[f64], x: f64, output: Distribution) -> f64 {
    let (Some(&lowest), Some(&highest)) = (quantiles.first(), quantiles.last()) else {
        return 0.0;
    };
    let (lowest, highest) = match output {
        Distribution::Uniform => (lowest, highest),
        Distribution::Normal => (lowest + NEAR, highest - NEAR),
    };
    // The lower end goes first: it is what a feature without variance becomes.
    if x < lowest || x == quantiles[0] {
        return 0.0;
    }
    if x > highest || x >= quantiles[quantiles.len() - 1] {
        return 1.0;
    }
    let kept = quantiles.len();
    let beyond = quantiles.partition_point(|&quantile| quantile <= x);
    let last = beyond - 1;
    if quantiles[last] == x {
        let first = quantiles[..beyond].partition_point(|&quantile| quantile < x);
        return 0.5 * (share(first, kept) + share(last, kept));
    }
    let (low, high) = (quantiles[last], quantiles[beyond]);
    let (from, to) = (share(last, kept), share(beyond, kept));
    from + (to - from) * (x - low) / (high - low)
}

impl Transformer for FittedQuantiles {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.quantiles.len())?;
        let mut transformed = Array2::zeros(rows.raw_dim());
        let width = self.quantiles.len();
        transformed
            .as_slice_mut()
            .expect("a new array is in standard layout")
            .par_chunks_mut(BLOCK * width)
            .enumerate()
            .for_each(|(block, out)| {
                for (feature, quantiles) in self.quantiles.iter().enumerate() {
                    let column = rows.slice(s![block * BLOCK.., feature]);
                    for (out, &x) in out[feature..].iter_mut().step_by(width).zip(column) {
                        *out = self.value(quantiles, x);
                    }
                }
            });
        Ok(transformed)
    }
}

/// Φ⁻¹: the value that a standard normal variable falls short of with this probability, to 16 digits.
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    let ratio = |above: &[f64; 8], below: &[f64; 8], x: f64| {
        let sum = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * x + term);
        sum(above) / sum(below)
    };
    let from_half = probability - 0.5;
    if from_half.abs() <= 0.425 {
        let x = 0.425 * 0.425 - from_half * from_half;
        return from_half * ratio(&CENTRE[0], &CENTRE[1], x);
    }
    let tail = if from_half < 0.0 {
        probability
    } else {
        1.0 - probability
    };
    let depth = (-tail.ln()).sqrt();
    let size = if depth <= 5.0 {
        ratio(&TAIL[0], &TAIL[1], depth - 1.6)
    } else {
        ratio(&FAR[0], &FAR[1], depth - 5.0)
    };
    size.copysign(from_half)
}

/// For probabilities from 0.075 to 0.925.
const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];

/// Down to 1.4e-11.
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

/// Beyond.
const FAR: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_9,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Target};

    fn fit(rows: &Array2<f32>, output: Distribution) -> FittedQuantiles {
        let target =
            Target::Classes(Classes::new(vec!["a".into()], vec![0; rows.nrows()]).unwrap());
        let config = QuantileTransformConfig {
            output,
            ..QuantileTransformConfig::default()
        };
        QuantileTransform::new(config)
            .unwrap()
            .fit(&TrainingSet::new(rows.view(), &target).unwrap())
            .unwrap()
    }

    #[test]
    fn the_normal_quantile_is_that_of_the_tables() {
        // scipy.stats.norm.ppf of SciPy 1.17.1.
        for (probability, expected) in [
            (0.25_f64, -0.674_489_750_196_081_7_f64),
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.001, -3.090_232_306_167_813_5),
            (1e-7, -5.199_337_582_192_816_5),
            (1e-20, -9.262_340_089_798_409),
            (1e-300, -37.047_096_299_361_2),
        ] {
            let ours = normal_quantile(probability);
            approx::assert_abs_diff_eq!(ours, expected, epsilon = 4e-15 * (1.0 + expected.abs()));
        }
    }

    #[test]
    fn ends_ties_constants_and_holes() {
        let rows = array![
            [1.0_f32, 5.0, f32::NAN],
            [2.0, 5.0, f32::NAN],
            [2.0, 5.0, f32::NAN],
            [2.0, 5.0, f32::NAN],
            [3.0, f32::NAN, f32::NAN]
        ];
        let uniform = fit(&rows, Distribution::Uniform);
        let z = uniform
            .transform(array![[2.0, 5.0, 1.0], [9.0, 9.0, f32::NAN], [-9.0, f32::NAN, 0.0]].view())
            .unwrap();
        assert_eq!(z.column(0).to_vec(), [0.5, 1.0, 0.0]);
        assert_eq!(z[[0, 1]], 0.0);
        assert!(z[[2, 1]].is_nan() && z[[1, 2]].is_nan());
        assert_eq!(z[[0, 2]], 0.0);
        let normal = fit(&rows, Distribution::Normal);
        let z = normal
            .transform(array![[2.0, 5.0, 1.0], [9.0, 5.0, 1.0]].view())
            .unwrap();
        assert_eq!(z[[0, 0]], 0.0);
        approx::assert_abs_diff_eq!(z[[1, 0]], 5.199_337_6, epsilon = 1e-6);
    }
}
