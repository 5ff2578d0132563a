//! Standard scores: every feature with mean 0 and standard deviation 1.
//!
//! Use it before every learner that compares features with each other (logistic regression,
//! neighbours); trees do not need it. A single wild value widens the scale of its whole feature.
//!
//! ```text
//! z = (x − μ) / σ      μ = Σ w x / Σ w      σ² = Σ w (x − μ)² / Σ w
//! ```
//!
//! `NaN` counts as missing: it takes no part in μ and σ and stays `NaN`. A feature that does not
//! vary in the training rows says nothing and becomes 0. The cost is two passes over the rows.
//! Source: scikit-learn 1.9.1, `StandardScaler` (which leaves x − μ of a constant feature).

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Error, ErrorKind, Estimator, Result, TrainingSet, Transformer};

/// The recipe; it has nothing to configure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StandardScaler;

/// Means and standard deviations of the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawScaler")]
pub struct FittedScaler {
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// Σ w of the known values of every feature.
    weights: Vec<f64>,
    /// One of the known values of every feature: what it is if it does not vary.
    constants: Vec<f32>,
}

#[derive(Deserialize)]
struct RawScaler {
    means: Vec<f64>,
    deviations: Vec<f64>,
    weights: Vec<f64>,
    constants: Vec<f32>,
}

impl TryFrom<RawScaler> for FittedScaler {
    type Error = String;

    fn try_from(raw: RawScaler) -> Result<Self, String> {
        let RawScaler {
            means,
            deviations,
            weights,
            constants,
        } = raw;
        let n = means.len();
        if deviations.len() != n || weights.len() != n || constants.len() != n {
            return Err(format!(
                "expected as many means as deviations, weights and values, got {n}, {}, {} and {}",
                deviations.len(),
                weights.len(),
                constants.len()
            ));
        }
        Ok(Self {
            means,
            deviations,
            weights,
            constants,
        })
    }
}

impl Estimator for StandardScaler {
    type Fitted = FittedScaler;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedScaler> {
        train.stop().check()?;
        let rows = train.rows();
        let weight = |row: usize| {
            train
                .weights()
                .map_or(1.0, |weights| f64::from(weights[row]))
        };
        if (0..rows.nrows()).all(|row| weight(row) == 0.0) {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected a row with a weight above 0, got none",
            ));
        }
        let mut columns = vec![Column::default(); rows.ncols()];
        for (index, row) in rows.rows().into_iter().enumerate() {
            let weight = weight(index);
            if weight > 0.0 {
                for (column, &value) in columns.iter_mut().zip(row) {
                    column.see(value, weight);
                }
            }
        }
        let means: Vec<f64> = columns.iter().map(Column::mean).collect();
        let mut squares = vec![0.0; rows.ncols()];
        for (index, row) in rows.rows().into_iter().enumerate() {
            let weight = weight(index);
            for ((square, &value), mean) in squares.iter_mut().zip(row).zip(&means) {
                if weight > 0.0 && !value.is_nan() {
                    *square += weight * (f64::from(value) - mean).powi(2);
                }
            }
        }
        let deviations = columns
            .iter()
            .zip(squares)
            .map(|(column, square)| {
                if column.varies() {
                    (square / column.weight).sqrt()
                } else {
                    0.0
                }
            })
            .collect();
        if let Some(column) = means.iter().position(|mean| !mean.is_finite()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("feature {column}: expected finite values, got an infinite one"),
            ));
        }
        let constant = |column: &Column| if column.weight > 0.0 { column.low } else { 0.0 };
        Ok(FittedScaler {
            means,
            deviations,
            weights: columns.iter().map(|column| column.weight).collect(),
            constants: columns.iter().map(constant).collect(),
        })
    }
}

/// The first pass over one feature.
#[derive(Debug, Clone, Copy)]
struct Column {
    sum: f64,
    weight: f64,
    low: f32,
    high: f32,
}

impl Default for Column {
    fn default() -> Self {
        Self {
            sum: 0.0,
            weight: 0.0,
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
        }
    }
}

impl Column {
    fn see(&mut self, value: f32, weight: f64) {
        if !value.is_nan() {
            self.sum += weight * f64::from(value);
            self.weight += weight;
            self.low = self.low.min(value);
            self.high = self.high.max(value);
        }
    }

    /// 0 for a feature that is missing everywhere.
    fn mean(&self) -> f64 {
        if self.weight > 0.0 {
            self.sum / self.weight
        } else {
            0.0
        }
    }

    /// Compared exactly: the rounding of σ would make a constant look like noise.
    fn varies(&self) -> bool {
        self.low < self.high
    }
}

impl FittedScaler {
    /// μ of every feature; 0 where it was missing in all training rows.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// σ of every feature; 0 where it did not vary.
    pub fn deviations(&self) -> &[f64] {
        &self.deviations
    }

    /// Goes on with new rows: as if fitted on all rows at once, but for rounding. The target does not
    /// matter.
    ///
    /// # Errors
    /// If the rows have other features or an infinite value, or the work was asked to stop.
    pub fn update(&mut self, train: &TrainingSet<'_>) -> Result<()> {
        check_features(train.rows(), self.means.len())?;
        let new = StandardScaler.fit(train)?;
        for feature in 0..self.means.len() {
            let (old_weight, new_weight) = (self.weights[feature], new.weights[feature]);
            if new_weight == 0.0 {
                continue;
            }
            if old_weight == 0.0 {
                self.constants[feature] = new.constants[feature];
            }
            let weight = old_weight + new_weight;
            let shift = new.means[feature] - self.means[feature];
            let squares = old_weight * self.deviations[feature].powi(2)
                + new_weight * new.deviations[feature].powi(2)
                + old_weight / weight * new_weight * shift * shift;
            let varies = self.deviations[feature] > 0.0
                || new.deviations[feature] > 0.0
                || self.constants[feature] != new.constants[feature];
            self.deviations[feature] = if varies {
                (squares / weight).sqrt()
            } else {
                0.0
            };
            self.means[feature] += shift * (new_weight / weight);
            self.weights[feature] = weight;
        }
        Ok(())
    }
}

impl Transformer for FittedScaler {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.means.len())?;
        let mut scaled = rows.to_owned();
        for mut row in scaled.rows_mut() {
            let scales = self.means.iter().zip(&self.deviations);
            for (value, (mean, &deviation)) in row.iter_mut().zip(scales) {
                *value = if deviation > 0.0 {
                    let score = ((f64::from(*value) - mean) / deviation) as f32;
                    // A finite value stays finite, however far out it lies.
                    if value.is_finite() {
                        score.clamp(f32::MIN, f32::MAX)
                    } else {
                        score
                    }
                } else if value.is_nan() {
                    f32::NAN
                } else {
                    0.0
                };
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

    fn target(rows: usize) -> Target {
        Target::Classes(Classes::new(vec!["a".into()], vec![0; rows]).unwrap())
    }

    #[test]
    fn a_constant_becomes_zero_and_a_missing_value_stays_missing() {
        // 0.1 has no exact binary form: a rounded σ would not be 0.
        let rows = array![
            [0.1_f32, 1.0, f32::NAN],
            [0.1, f32::NAN, f32::NAN],
            [0.1, 3.0, f32::NAN]
        ];
        let target = target(3);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let fitted = StandardScaler.fit(&train).unwrap();
        assert_eq!(fitted.means()[1], 2.0);
        let scaled = fitted.transform(array![[7.0, 3.0, 5.0]].view()).unwrap();
        assert_eq!(scaled, array![[0.0, 1.0, 0.0]]);
        let scaled = fitted.transform(rows.view()).unwrap();
        assert!(scaled[[1, 1]].is_nan() && scaled[[0, 2]].is_nan());
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice_and_of_zero_is_none() {
        let target3 = target(3);
        let target4 = target(4);
        let rows = array![[1.0_f32], [4.0], [9e9]];
        let weights = [3.0, 1.0, 0.0];
        let weighted = TrainingSet::new(rows.view(), &target3)
            .unwrap()
            .with_weights(&weights)
            .unwrap();
        let repeated = array![[1.0_f32], [1.0], [1.0], [4.0]];
        let repeated = TrainingSet::new(repeated.view(), &target4).unwrap();
        assert_eq!(
            StandardScaler.fit(&weighted).unwrap(),
            StandardScaler.fit(&repeated).unwrap()
        );
    }

    #[test]
    fn updates_are_a_fit_on_all_rows() {
        let rows = array![
            [0.1_f32, 1.0, f32::NAN, 0.3],
            [0.1, 5.0, f32::NAN, 0.3],
            [0.1, f32::NAN, 7.0, 0.3],
            [0.1, -2.5, 9.0, 0.4]
        ];
        let (four, two) = (target(4), target(2));
        let weights = [1.0, 2.0, 0.5, 3.0];
        let part = |from: usize| {
            let rows = rows.slice(ndarray::s![from..from + 2, ..]);
            let train = TrainingSet::new(rows, &two).unwrap();
            train.with_weights(&weights[from..from + 2]).unwrap()
        };
        let mut grown = StandardScaler.fit(&part(0)).unwrap();
        grown.update(&part(2)).unwrap();
        let train = TrainingSet::new(rows.view(), &four).unwrap();
        let whole = StandardScaler
            .fit(&train.with_weights(&weights).unwrap())
            .unwrap();
        assert_eq!(grown.deviations()[0], 0.0);
        for feature in 1..4 {
            approx::assert_relative_eq!(
                grown.means()[feature],
                whole.means()[feature],
                max_relative = 1e-12
            );
            let (grown, whole) = (grown.deviations()[feature], whole.deviations()[feature]);
            approx::assert_relative_eq!(grown, whole, max_relative = 1e-12);
        }
    }

    #[test]
    fn extremes_stay_finite_and_infinity_is_refused() {
        let target2 = target(2);
        let rows = array![[0.0_f32], [1e-20]];
        let train = TrainingSet::new(rows.view(), &target2).unwrap();
        let fitted = StandardScaler.fit(&train).unwrap();
        let scaled = fitted.transform(array![[f32::MAX]].view()).unwrap();
        assert_eq!(scaled[[0, 0]], f32::MAX);
        let rows = array![[0.0_f32], [f32::INFINITY]];
        let train = TrainingSet::new(rows.view(), &target2).unwrap();
        assert!(StandardScaler.fit(&train).is_err());
    }
}
