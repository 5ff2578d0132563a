//! Multinomial logistic regression with an L2 penalty.
//!
//! Use it on many, dense, correlated features (deep features, profiles) and wherever weights per
//! feature should be read. Scale the features first ([`StandardScaler`](crate::StandardScaler)): the
//! penalty treats all weights alike. It cannot see interactions.
//!
//! ```text
//! p(k | x) = softmax_k(w_k · x + b_k)        minimise  C Σ_i w_i · (−ln p(y_i | x_i)) + ½ Σ_k |w_k|²
//! ```
//!
//! Intercepts bear no penalty. Two classes share a single weight vector. The loss is convex, so the
//! result depends on no seed; rows are summed in fixed blocks, so it depends on no thread count.
//! Features must be finite. One iteration costs O(rows · features · classes). Source: scikit-learn
//! 1.9.1, `LogisticRegression` (same loss, same stopping rule on the mean loss).

use std::sync::Arc;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Predictor, Result, TrainingSet};

use crate::error::{ConfigError, require};
use crate::lbfgs::{Limits, minimise};
use crate::problem::{
    ClassMap, ClassWeight, Missing, Problem, check_finite, n_scores, probabilities,
};

/// So many rows are scored at once.
const BLOCK: usize = 64;

/// The parameters of [`LogisticRegression`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegressionConfig {
    /// C, above 0: the larger, the weaker the penalty.
    pub c: f64,
    /// The largest component of the gradient of the mean loss at the end.
    pub tolerance: f64,
    /// The most iterations; beyond them the best point so far is the result.
    pub max_iterations: usize,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
}

impl Default for LogisticRegressionConfig {
    /// C = 1.
    fn default() -> Self {
        Self {
            c: 1.0,
            tolerance: 1e-4,
            max_iterations: 300,
            class_weight: ClassWeight::Uniform,
        }
    }
}

/// Multinomial logistic regression.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::{LogisticRegression, StandardScaler};
///
/// let rows = array![[100.0_f32], [110.0], [190.0], [200.0]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let model = StandardScaler
///     .then(LogisticRegression::default())
///     .fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(array![[195.0]].view())?[[0, 1]] > 0.5);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    try_from = "LogisticRegressionConfig",
    into = "LogisticRegressionConfig"
)]
pub struct LogisticRegression(LogisticRegressionConfig);

impl LogisticRegression {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: LogisticRegressionConfig) -> Result<Self, ConfigError> {
        let LogisticRegressionConfig {
            c,
            tolerance,
            max_iterations,
            ..
        } = config;
        require(c > 0.0 && c.is_finite(), "c", "above 0", c)?;
        require(tolerance > 0.0, "tolerance", "above 0", tolerance)?;
        require(
            max_iterations >= 1,
            "max_iterations",
            "1 or more",
            max_iterations,
        )?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &LogisticRegressionConfig {
        &self.0
    }
}

impl TryFrom<LogisticRegressionConfig> for LogisticRegression {
    type Error = ConfigError;

    fn try_from(config: LogisticRegressionConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<LogisticRegression> for LogisticRegressionConfig {
    fn from(regression: LogisticRegression) -> Self {
        regression.0
    }
}

impl Estimator for LogisticRegression {
    type Fitted = FittedLogistic;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedLogistic> {
        let problem = Problem::new(train, self.0.class_weight, Missing::Refused)?;
        let n_features = problem.rows.ncols();
        let n_scores = n_scores(problem.classes.len());
        let rows = problem.rows.mapv(f64::from);
        let total: f64 = problem.weights.iter().sum();
        let loss = Loss {
            rows: rows.view(),
            labels: &problem.labels,
            weights: &problem.weights,
            n_classes: problem.classes.len(),
            n_scores,
            total,
            penalty: 1.0 / (self.0.c * total),
        };
        let limits = Limits {
            tolerance: self.0.tolerance,
            max_iterations: self.0.max_iterations,
        };
        let start = vec![0.0; (n_features + 1) * n_scores];
        let point = minimise(start, limits, |point, gradient| {
            train.stop().check()?;
            Ok(loss.evaluate(point, gradient))
        })?;
        Ok(FittedLogistic::new(problem.classes, n_features, point))
    }
}

/// The mean loss with its penalty, as a function of features × scores weights and then the intercepts.
struct Loss<'a> {
    rows: ArrayView2<'a, f64>,
    labels: &'a [u32],
    weights: &'a [f64],
    n_classes: usize,
    n_scores: usize,
    total: f64,
    penalty: f64,
}

impl Loss<'_> {
    /// So many rows are summed on their own; fixed, because the order of summation is.
    const BLOCK: usize = 256;

    fn evaluate(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let blocks: Vec<(f64, Vec<f64>)> = (0..self.labels.len())
            .into_par_iter()
            .step_by(Self::BLOCK)
            .map(|start| self.block(start, point))
            .collect();
        gradient.fill(0.0);
        let mut loss = 0.0;
        for (of_block, gradient_of_block) in blocks {
            loss += of_block;
            for (sum, of_block) in gradient.iter_mut().zip(gradient_of_block) {
                *sum += of_block;
            }
        }
        loss /= self.total;
        let n_weights = self.rows.ncols() * self.n_scores;
        for (place, component) in gradient.iter_mut().enumerate() {
            *component /= self.total;
            if place < n_weights {
                *component += self.penalty * point[place];
            }
        }
        let squares: f64 = point[..n_weights].iter().map(|w| w * w).sum();
        loss + 0.5 * self.penalty * squares
    }

    /// The sums over the rows of one block.
    fn block(&self, start: usize, point: &[f64]) -> (f64, Vec<f64>) {
        let end = self.labels.len().min(start + Self::BLOCK);
        let rows = self.rows.slice(s![start..end, ..]);
        let (coefficients, intercepts) = point.split_at(self.rows.ncols() * self.n_scores);
        let shape = (self.rows.ncols(), self.n_scores);
        let coefficients = ArrayView2::from_shape(shape, coefficients)
            .expect("the point holds features × scores weights");
        let mut scores =
            Array2::from_shape_fn((end - start, self.n_scores), |(_, k)| intercepts[k]);
        general_mat_mul(1.0, &rows, &coefficients, 1.0, &mut scores);

        let mut loss = 0.0;
        let mut proba = vec![0.0; self.n_classes];
        let first = self.n_classes - self.n_scores;
        let single = self.n_scores == 1;
        let mut of_intercepts = vec![0.0; self.n_scores];
        for (mut scores, row) in scores.rows_mut().into_iter().zip(start..end) {
            let scores = scores.as_slice_mut().expect("rows of a new array");
            let (label, weight) = (self.labels[row] as usize, self.weights[row]);
            loss += weight * negative_log(scores, label);
            probabilities(scores, &mut proba);
            for (output, score) in scores.iter_mut().enumerate() {
                let class = if single { first } else { output };
                let truth = f64::from(u8::from(label == class));
                *score = weight * (proba[class] - truth);
                of_intercepts[output] += *score;
            }
        }
        let mut gradient = vec![0.0; point.len()];
        let (of_weights, rest) = gradient.split_at_mut(shape.0 * shape.1);
        let mut of_weights = ndarray::ArrayViewMut2::from_shape(shape, of_weights)
            .expect("the gradient has the shape of the point");
        general_mat_mul(1.0, &rows.t(), &scores, 0.0, &mut of_weights);
        rest.copy_from_slice(&of_intercepts);
        (loss, gradient)
    }
}

/// −ln p(label) without the detour over a p that may be 0.
fn negative_log(scores: &[f64], label: usize) -> f64 {
    if let [score] = scores {
        let against = if label == 1 { -score } else { *score };
        return against.max(0.0) + (-against.abs()).exp().ln_1p();
    }
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
    highest + sum.ln() - scores[label]
}

/// The weights of a fitted logistic regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLogistic")]
pub struct FittedLogistic {
    n_features: usize,
    classes: ClassMap,
    /// Features × scores, row after row.
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
}

#[derive(Deserialize)]
struct RawLogistic {
    n_features: usize,
    classes: ClassMap,
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
}

impl TryFrom<RawLogistic> for FittedLogistic {
    type Error = String;

    fn try_from(raw: RawLogistic) -> Result<Self, String> {
        let n_scores = n_scores(raw.classes.len());
        let fits = raw.intercepts.len() == n_scores
            && Some(raw.coefficients.len()) == raw.n_features.checked_mul(n_scores)
            && raw.n_features > 0;
        if !fits {
            return Err(format!(
                "expected weights of {} features and {n_scores} intercepts, got {} and {}",
                raw.n_features,
                raw.coefficients.len(),
                raw.intercepts.len()
            ));
        }
        Ok(Self {
            n_features: raw.n_features,
            classes: raw.classes,
            coefficients: raw.coefficients,
            intercepts: raw.intercepts,
        })
    }
}

impl FittedLogistic {
    /// From features × scores weights and then the intercepts.
    pub(crate) fn new(classes: ClassMap, n_features: usize, mut point: Vec<f64>) -> Self {
        let intercepts = point.split_off(n_features * n_scores(classes.len()));
        Self {
            n_features,
            classes,
            coefficients: point,
            intercepts,
        }
    }

    /// Features × scores: a column for each class that occurred in the training rows, or a single one
    /// that speaks for the second of two.
    ///
    /// # Panics
    /// Never: the number of weights is checked when the model is made.
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        ArrayView2::from_shape((self.n_features, self.intercepts.len()), &self.coefficients)
            .expect("checked when the model was made")
    }

    /// One for each score.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }
}

impl Predictor for FittedLogistic {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        check_finite(rows)?;
        let n_scores = self.intercepts.len();
        self.classes.predict(rows, BLOCK, |rows, proba| {
            let mut scores = vec![0.0; n_scores];
            let proba = proba.chunks_exact_mut(self.classes.len());
            for (row, proba) in rows.chunks_exact(self.n_features).zip(proba) {
                scores.copy_from_slice(&self.intercepts);
                for (&x, weights) in row.iter().zip(self.coefficients.chunks_exact(n_scores)) {
                    for (score, weight) in scores.iter_mut().zip(weights) {
                        *score += f64::from(x) * weight;
                    }
                }
                probabilities(&scores, proba);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array, concatenate};
    use xscatter_core::{Classes, Target};

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let rows = array![[0.5, -1.0], [1.5, 0.3], [-0.7, 0.2], [0.1, 0.9]];
        for n_classes in [2, 3] {
            let loss = Loss {
                rows: rows.view(),
                labels: &[0, 1, n_classes as u32 - 1, 1],
                weights: &[1.0, 2.0, 0.5, 1.0],
                n_classes,
                n_scores: n_scores(n_classes),
                total: 4.5,
                penalty: 0.2,
            };
            let n = 3 * n_scores(n_classes);
            let point: Vec<f64> = (0..n).map(|i| 0.3 * i as f64 - 0.7).collect();
            let mut gradient = vec![0.0; n];
            loss.evaluate(&point, &mut gradient);
            for place in 0..n {
                let at = |step: f64| {
                    let mut moved = point.clone();
                    moved[place] += step;
                    loss.evaluate(&moved, &mut vec![0.0; n])
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                approx::assert_abs_diff_eq!(slope, gradient[place], epsilon = 1e-8);
            }
        }
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let rows = Array2::from_shape_fn((30, 2), |(row, column)| {
            ((row * (5 + 2 * column)) % 11) as f32 / 5.0 - 1.0
        });
        let labels: Vec<u32> = (0..30).map(|row| (row * 7 % 3) as u32).collect();
        let names = ["a", "b", "c"].map(Into::into).to_vec();
        let target = Target::Classes(Classes::new(names, labels).unwrap());
        let twice = concatenate![Axis(0), rows, rows];
        let twice_target = target.select(&(0..60).map(|row| row % 30).collect::<Vec<_>>());
        let config = LogisticRegressionConfig {
            tolerance: 1e-9,
            ..LogisticRegressionConfig::default()
        };
        let recipe = LogisticRegression::new(config).unwrap();
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let weighted = recipe
            .fit(&train.with_weights(&[2.0; 30]).unwrap())
            .unwrap();
        let train = TrainingSet::new(twice.view(), &twice_target).unwrap();
        let repeated = recipe.fit(&train).unwrap();
        for (a, b) in weighted.coefficients().iter().zip(repeated.coefficients()) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-6);
        }
    }

    #[test]
    fn separable_classes_do_not_run_away() {
        let rows = array![[-1.0_f32], [1.0]];
        let target = Target::Classes(Classes::from_names(&["a", "b"]));
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let config = LogisticRegressionConfig {
            c: 1e6,
            ..LogisticRegressionConfig::default()
        };
        let model = LogisticRegression::new(config)
            .unwrap()
            .fit(&train)
            .unwrap();
        assert!(model.coefficients()[[0, 0]].is_finite());
        assert!(model.predict_proba(rows.view()).unwrap()[[1, 1]] > 0.99);
    }
}
