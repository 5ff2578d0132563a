//! Imputation: a value for every value that is missing.
//!
//! Use it before learners that refuse missing values (all but trees, which learn from what is missing and need
//! none). With `indicator` the learner still sees what was missing.
//!
//! A missing value (`NaN`) becomes the weighted mean or the median of the known values of its feature in the
//! training rows, or a constant; a feature that is missing in all of them becomes 0, or the constant. The
//! indicator adds a feature of 0 and 1 for each feature that misses a value in some training row, in their order,
//! behind all others. Infinite values are refused in training. Rows of weight 0 are left out; the median uses no
//! other weights. A fit passes once over the rows, the median sorts. Source: scikit-learn 1.9.1, `SimpleImputer`
//! with `keep_empty_features`.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Result, TrainingSet, Transformer};

use crate::counted::{Counted, quantile, to_f32};
use crate::error::{ConfigError, require};
use crate::problem::Missing;

/// What stands for a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// The mean of the feature.
    #[default]
    Mean,
    /// The median of the feature.
    Median,
    /// This number, which is finite.
    Constant(f32),
}

/// The parameters of [`Imputer`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImputerConfig {
    /// What stands for a missing value.
    pub fill: Fill,
    /// Whether to add features that say what was missing.
    pub indicator: bool,
}

/// Fills in what is missing.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::{Imputer, ImputerConfig};
///
/// let rows = array![[1.0_f32], [f32::NAN], [3.0]];
/// let target = Target::Classes(Classes::from_names(&["a", "b", "b"]));
/// let imputer = Imputer::new(ImputerConfig { indicator: true, ..ImputerConfig::default() })?;
/// let fitted = imputer.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert_eq!(fitted.transform(rows.view())?, array![[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "ImputerConfig", into = "ImputerConfig")]
pub struct Imputer(ImputerConfig);

impl Imputer {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if the constant is not finite.
    pub fn new(config: ImputerConfig) -> Result<Self, ConfigError> {
        if let Fill::Constant(value) = config.fill {
            require(value.is_finite(), "fill", "a finite constant", value)?;
        }
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &ImputerConfig {
        &self.0
    }
}

impl TryFrom<ImputerConfig> for Imputer {
    type Error = ConfigError;

    fn try_from(config: ImputerConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<Imputer> for ImputerConfig {
    fn from(imputer: Imputer) -> Self {
        imputer.0
    }
}

impl Estimator for Imputer {
    type Fitted = FittedImputer;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedImputer> {
        let counted = Counted::new(train, Missing::Allowed)?;
        let fills = (0..counted.rows.ncols())
            .into_par_iter()
            .map(|feature| {
                train.stop().check()?;
                Ok(self.fill(&counted, feature))
            })
            .collect::<Result<Vec<f32>>>()?;
        let indicated = if self.0.indicator {
            let columns = counted.rows.columns().into_iter().enumerate();
            columns
                .filter(|(_, column)| column.iter().any(|x| x.is_nan()))
                .map(|(feature, _)| feature as u32)
                .collect()
        } else {
            Vec::new()
        };
        Ok(FittedImputer { fills, indicated })
    }
}

impl Imputer {
    fn fill(&self, counted: &Counted<'_>, feature: usize) -> f32 {
        match self.0.fill {
            Fill::Constant(value) => value,
            Fill::Median => {
                let values = counted.sorted(feature);
                if values.is_empty() {
                    return 0.0;
                }
                to_f32(quantile(&values, 0.5))
            }
            Fill::Mean => {
                let (mut sum, mut total) = (0.0, 0.0);
                for (row, &x) in counted.rows.column(feature).iter().enumerate() {
                    if !x.is_nan() {
                        sum += counted.weight(row) * f64::from(x);
                        total += counted.weight(row);
                    }
                }
                if total > 0.0 {
                    to_f32(sum / total)
                } else {
                    0.0
                }
            }
        }
    }
}

/// What stands for the missing values of every feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawImputer")]
pub struct FittedImputer {
    fills: Vec<f32>,
    /// Features with an indicator, ascending.
    indicated: Vec<u32>,
}

#[derive(Deserialize)]
struct RawImputer {
    fills: Vec<f32>,
    indicated: Vec<u32>,
}

impl TryFrom<RawImputer> for FittedImputer {
    type Error = String;

    fn try_from(RawImputer { fills, indicated }: RawImputer) -> Result<Self, String> {
        let ascends = indicated.windows(2).all(|pair| pair[0] < pair[1]);
        let known = indicated
            .last()
            .is_none_or(|&last| (last as usize) < fills.len());
        if !ascends || !known || !fills.iter().all(|fill| fill.is_finite()) {
            return Err(format!(
                "expected finite fills and ascending features below {}, got {indicated:?}",
                fills.len()
            ));
        }
        Ok(Self { fills, indicated })
    }
}

impl FittedImputer {
    /// What stands for the missing values of every feature.
    pub fn fills(&self) -> &[f32] {
        &self.fills
    }

    /// The features that have an indicator.
    pub fn indicated(&self) -> &[u32] {
        &self.indicated
    }
}

impl Transformer for FittedImputer {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let n_features = self.fills.len();
        check_features(rows, n_features)?;
        let width = n_features + self.indicated.len();
        let mut filled = Array2::zeros((rows.nrows(), width));
        for (mut out, row) in filled.rows_mut().into_iter().zip(rows.rows()) {
            for ((out, &x), &fill) in out.iter_mut().zip(row).zip(&self.fills) {
                *out = if x.is_nan() { fill } else { x };
            }
            for (place, &feature) in self.indicated.iter().enumerate() {
                out[n_features + place] = f32::from(u8::from(row[feature as usize].is_nan()));
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Target};

    const NAN: f32 = f32::NAN;

    #[test]
    fn every_kind_of_fill() {
        let rows = array![
            [1.0, NAN, 2.0],
            [NAN, NAN, 2.0],
            [4.0, NAN, 2.0],
            [9.0, NAN, 2.0]
        ];
        let target = Target::Classes(Classes::new(vec!["a".into()], vec![0; 4]).unwrap());
        let weights = [1.0, 1.0, 2.0, 0.0];
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let train = train.with_weights(&weights).unwrap();
        for (fill, expected) in [
            (Fill::Mean, [3.0, 0.0, 2.0]),
            (Fill::Median, [2.5, 0.0, 2.0]),
            (Fill::Constant(-1.0), [-1.0; 3]),
        ] {
            let imputer = Imputer::new(ImputerConfig {
                fill,
                indicator: true,
            });
            let fitted = imputer.unwrap().fit(&train).unwrap();
            assert_eq!(fitted.fills(), expected);
            assert_eq!(fitted.indicated(), [0, 1]);
            // The third feature never was missing in training.
            let new = fitted.transform(array![[NAN, 8.0, NAN]].view()).unwrap();
            let [a, _, c] = expected;
            assert_eq!(new, array![[a, 8.0, c, 1.0, 0.0]]);
        }
        let infinite = ImputerConfig {
            fill: Fill::Constant(f32::INFINITY),
            indicator: false,
        };
        assert!(Imputer::new(infinite).is_err());
    }
}
