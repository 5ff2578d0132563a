//! Scaling by the range of a feature: minimum and maximum, largest magnitude, or median and quartiles.
//!
//! Use [`RangeScaler::Robust`] where a few wild values must not widen the scale of a feature,
//! [`RangeScaler::MinMax`] where a learner wants values from 0 to 1 (kernels of histograms),
//! [`RangeScaler::MaxAbs`] where 0 must stay 0. In all other cases the
//! [`StandardScaler`](crate::StandardScaler) does.
//!
//! ```text
//! z = (x − a)/b     min-max   a = min     b = max − min
//!                   max-abs   a = 0       b = max |x|
//!                   robust    a = median  b = third quartile − first; 1 where they are equal
//! ```
//!
//! `NaN` is missing: it takes no part and stays. A feature that does not vary in the training rows says nothing
//! and becomes 0. Rows of weight 0 are left out; other weights are not used. A fit passes once over the rows, the
//! robust one sorts every feature. Source: scikit-learn 1.9.1, `MinMaxScaler`, `MaxAbsScaler`, `RobustScaler`.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Result, TrainingSet, Transformer};

use crate::counted::{Counted, quantile, to_f32};
use crate::problem::Missing;

/// What becomes the unit of a feature.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::RangeScaler;
///
/// let rows = array![[2.0_f32], [4.0], [10.0]];
/// let target = Target::Classes(Classes::from_names(&["a", "b", "b"]));
/// let fitted = RangeScaler::MinMax.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert_eq!(fitted.transform(rows.view())?, array![[0.0], [0.25], [1.0]]);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeScaler {
    /// The training rows lie between 0 and 1.
    MinMax,
    /// The training rows lie between −1 and 1, and 0 stays 0.
    MaxAbs,
    /// The quartiles of the training rows lie 1 apart, around the median.
    Robust,
}

/// Where a feature begins and how wide it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRanges")]
pub struct FittedRanges {
    centres: Vec<f64>,
    widths: Vec<f64>,
}

#[derive(Deserialize)]
struct RawRanges {
    centres: Vec<f64>,
    widths: Vec<f64>,
}

impl TryFrom<RawRanges> for FittedRanges {
    type Error = String;

    fn try_from(RawRanges { centres, widths }: RawRanges) -> Result<Self, String> {
        let finite = centres.iter().chain(&widths).all(|value| value.is_finite());
        if centres.len() != widths.len() || !finite {
            return Err(format!(
                "expected as many finite centres as widths, got {} and {}",
                centres.len(),
                widths.len()
            ));
        }
        Ok(Self { centres, widths })
    }
}

impl Estimator for RangeScaler {
    type Fitted = FittedRanges;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedRanges> {
        let counted = Counted::new(train, Missing::Allowed)?;
        let ranges: Vec<(f64, f64)> = (0..counted.rows.ncols())
            .into_par_iter()
            .map(|feature| {
                train.stop().check()?;
                Ok(self.range(&counted, feature))
            })
            .collect::<Result<_>>()?;
        let (centres, widths) = ranges.into_iter().unzip();
        Ok(FittedRanges { centres, widths })
    }
}

impl RangeScaler {
    /// Centre and width; the latter is 0 for a feature that does not vary.
    fn range(self, counted: &Counted<'_>, feature: usize) -> (f64, f64) {
        let known = counted.rows.column(feature);
        let known = known.iter().copied().filter(|x| !x.is_nan());
        let (low, high) = known.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        if low >= high {
            return (0.0, 0.0);
        }
        let (low, high) = (f64::from(low), f64::from(high));
        match self {
            Self::MinMax => (low, high - low),
            Self::MaxAbs => (0.0, low.abs().max(high.abs())),
            Self::Robust => {
                let values = counted.sorted(feature);
                let width = quantile(&values, 0.75) - quantile(&values, 0.25);
                let width = if width > 0.0 { width } else { 1.0 };
                (quantile(&values, 0.5), width)
            }
        }
    }
}

impl FittedRanges {
    /// What is subtracted from every feature.
    pub fn centres(&self) -> &[f64] {
        &self.centres
    }

    /// What every feature is divided by; 0 where it did not vary.
    pub fn widths(&self) -> &[f64] {
        &self.widths
    }
}

impl Transformer for FittedRanges {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.centres.len())?;
        let mut scaled = rows.to_owned();
        for mut row in scaled.rows_mut() {
            let ranges = self.centres.iter().zip(&self.widths);
            for (value, (centre, &width)) in row.iter_mut().zip(ranges) {
                if value.is_nan() {
                    *value = f32::NAN;
                } else if width > 0.0 {
                    *value = to_f32((f64::from(*value) - centre) / width);
                } else {
                    *value = 0.0;
                }
            }
        }
        Ok(scaled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Target};

    #[test]
    fn constants_become_zero_and_holes_stay() {
        let rows = array![
            [5.0_f32, -8.0, f32::NAN, 0.0],
            [5.0, f32::NAN, f32::NAN, 0.0],
            [5.0, 4.0, f32::NAN, 0.0],
            [5.0, 0.0, f32::NAN, 0.0],
            [5.0, 2.0, f32::NAN, 9.0]
        ];
        let target = Target::Classes(Classes::new(vec!["a".into()], vec![0; 5]).unwrap());
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        for (scaler, expected) in [
            (RangeScaler::MinMax, [0.0, 1.0]),
            (RangeScaler::MaxAbs, [-1.0, 0.5]),
            // The quartiles of −8, 0, 2, 4 are −2 and 2.5; those of the last feature coincide.
            (RangeScaler::Robust, [-2.0, 2.0 / 3.0]),
        ] {
            let z = scaler.fit(&train).unwrap().transform(rows.view()).unwrap();
            assert!(z.column(0).iter().all(|&z| z == 0.0));
            assert!(z[[1, 1]].is_nan() && z.column(2).iter().all(|z| z.is_nan()));
            approx::assert_relative_eq!(z[[0, 1]], expected[0]);
            approx::assert_relative_eq!(z[[2, 1]], expected[1]);
            if scaler == RangeScaler::Robust {
                approx::assert_relative_eq!(z[[4, 3]], 9.0);
            }
        }
    }
}
