//! Scores of predicted numbers: root-mean-square error, mean absolute error, R².
//!
//! Of one value with the truth `y_i` (mean `ȳ`), the prediction `p_i` and the weight `w_i`:
//!
//! - RMSE `√(Σ w_i (p_i − y_i)² / Σ w_i)`, in the unit of the value;
//! - MAE `Σ w_i |p_i − y_i| / Σ w_i`, in the unit of the value; outliers weigh less;
//! - R² `1 − Σ w_i (p_i − y_i)² / Σ w_i (y_i − ȳ)²`: 1 is perfect, 0 is the mean of the truth.
//!
//! With several values each score is the mean over them. Use R² if they have different units. Undefined:
//! no sample; R² of a value that does not vary (scikit-learn puts 1 or 0). A true value that is not finite
//! is an error. Cost: one sort a value.
//!
//! Source: scikit-learn 1.9.1, `root_mean_squared_error`, `mean_absolute_error`, `r2_score`.

use ndarray::ArrayView2;
use xscatter_core::{Error, ErrorKind, Goal, Metric, Result, Score, Target, Values};

use crate::problem::{check, weighted_mean, wrong_kind};
use crate::weighted::WeightedMetric;

/// The root of the mean squared error; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rmse;

impl Metric for Rmse {
    fn name(&self) -> &str {
        "rmse"
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Rmse {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        over_values(truth, scores, weights, |_, pairs| {
            mean_of(pairs, |pair| (pair.prediction - pair.truth).powi(2)).map(f64::sqrt)
        })
    }
}

/// The mean absolute error; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mae;

impl Metric for Mae {
    fn name(&self) -> &str {
        "mae"
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Mae {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        over_values(truth, scores, weights, |_, pairs| {
            mean_of(pairs, |pair| (pair.prediction - pair.truth).abs())
        })
    }
}

/// The share of the variance that is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct R2;

impl Metric for R2 {
    fn name(&self) -> &str {
        "r2"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for R2 {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        over_values(truth, scores, weights, |name, pairs| {
            let mean = mean_of(pairs, |pair| pair.truth)?;
            let error = mean_of(pairs, |pair| (pair.prediction - pair.truth).powi(2))?;
            let variance = mean_of(pairs, |pair| (pair.truth - mean).powi(2))?;
            if pairs.iter().all(|pair| pair.truth == pairs[0].truth) {
                return Err(format!("value {name} does not vary"));
            }
            Ok(1.0 - error / variance)
        })
    }
}

/// One number and what was predicted for it.
struct Pair {
    truth: f64,
    prediction: f64,
    weight: f64,
}

fn mean_of(pairs: &[Pair], value: impl Fn(&Pair) -> f64) -> Result<f64, String> {
    weighted_mean(
        pairs
            .iter()
            .map(|pair| (value(pair), pair.weight))
            .collect(),
    )
    .ok_or_else(|| "there is no sample".to_owned())
}

fn over_values(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    weights: Option<&[f32]>,
    score: impl Fn(&str, &[Pair]) -> Result<f64, String>,
) -> Result<Score> {
    let values = values_of(truth)?;
    check(truth, scores, weights)?;
    let mut sum = 0.0;
    for (column, name) in values.names().iter().enumerate() {
        let mut pairs = Vec::new();
        for (row, &truth) in values.values().column(column).iter().enumerate() {
            if !truth.is_finite() {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("row {row}, value {name}: expected a finite number, got {truth}"),
                ));
            }
            let weight = weights.map_or(1.0, |weights| f64::from(weights[row]));
            if weight > 0.0 {
                pairs.push(Pair {
                    truth,
                    prediction: f64::from(scores[[row, column]]),
                    weight,
                });
            }
        }
        match score(name, &pairs) {
            Ok(score) => sum += score,
            Err(reason) => return Ok(Score::Undefined(reason)),
        }
    }
    Ok(match values.names().len() {
        0 => Score::Undefined("there is no value".into()),
        count => Score::Value(sum / count as f64),
    })
}

fn values_of(truth: &Target) -> Result<&Values> {
    match truth {
        Target::Values(values) => Ok(values),
        Target::Tags(_) => Err(wrong_kind("values", "tags")),
        _ => Err(wrong_kind("values", "classes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;

    #[test]
    fn errors_have_the_unit_of_the_value() {
        let values = Values::new(vec!["d_nm".into()], array![[1.0], [2.0], [3.0]]).unwrap();
        let truth = Target::Values(values);
        let scores = array![[1.0], [2.0], [6.0]];
        let value = |metric: &dyn Metric| {
            metric
                .evaluate(&truth, scores.view())
                .unwrap()
                .value()
                .unwrap()
        };
        assert_relative_eq!(value(&Rmse), 3.0_f64.sqrt());
        assert_relative_eq!(value(&Mae), 1.0);
        assert_relative_eq!(value(&R2), 1.0 - 9.0 / 2.0);
    }

    #[test]
    fn a_value_that_does_not_vary_has_no_r2() {
        let values = Values::new(vec!["d_nm".into()], array![[0.1], [0.1], [0.1]]).unwrap();
        let scores = array![[0.1], [0.2], [0.1]];
        let score = R2.evaluate(&Target::Values(values), scores.view()).unwrap();
        assert_eq!(score, Score::Undefined("value d_nm does not vary".into()));
    }
}
