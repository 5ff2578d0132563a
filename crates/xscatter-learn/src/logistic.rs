//! Multinomial logistic regression with a penalty of squares, of absolute values, or of both.
//!
//! Use it on many, dense, correlated features (deep features, profiles) and wherever weights per
//! feature should be read; with absolute values in the penalty only features that matter keep one. Scale
//! the features first ([`StandardScaler`](crate::StandardScaler)): the penalty treats all weights alike.
//! It cannot see interactions.
//!
//! ```text
//! p(k | x) = softmax_k(w_k · x + b_k)
//! minimise  C Σ_i w_i · (−ln p(y_i | x_i)) + (1 − ρ) ½ Σ_k |w_k|² + ρ Σ_k |w_k|₁
//! ```
//!
//! Intercepts bear no penalty. Two classes share a single weight vector. The loss is convex, so the
//! result depends on no seed; rows are summed in fixed blocks, so it depends on no thread count.
//! Features must be finite. One iteration costs O(rows · features · classes). Source: scikit-learn
//! 1.9.1, `LogisticRegression` (same loss, same stopping rule on the mean loss; `l1_ratio` is ρ).

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Error, ErrorKind, Estimator, Predictor, Result, TrainingSet};

use crate::error::{ConfigError, require};
use crate::lbfgs::{Limits, minimise};
use crate::linear_scores::LinearScores;
use crate::logistic_loss::Loss;
use crate::orthant::minimise_absolute;
use crate::problem::{ClassMap, ClassWeight, Missing, Problem, n_scores, probabilities};

/// The parameters of [`LogisticRegression`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegressionConfig {
    /// C, above 0: the larger, the weaker the penalty.
    pub c: f64,
    /// ρ, from 0 (squares alone) to 1 (absolute values alone, which makes weights 0).
    pub l1_ratio: f64,
    /// The largest component of the gradient of the mean loss at the end.
    pub tolerance: f64,
    /// The most iterations; beyond them the best point so far is the result.
    pub max_iterations: usize,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
}

impl Default for LogisticRegressionConfig {
    /// C = 1, the penalty of squares alone.
    fn default() -> Self {
        Self {
            c: 1.0,
            l1_ratio: 0.0,
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
            l1_ratio,
            tolerance,
            max_iterations,
            ..
        } = config;
        require(c > 0.0 && c.is_finite(), "c", "above 0", c)?;
        require(
            (0.0..=1.0).contains(&l1_ratio),
            "l1_ratio",
            "0 to 1",
            l1_ratio,
        )?;
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

impl LogisticRegression {
    /// Fits from where another fit ended, which takes fewer iterations: along a path of C, or when rows
    /// have been added. The result differs from that of [`fit`](Estimator::fit) within the tolerance.
    ///
    /// # Errors
    /// As [`fit`](Estimator::fit), and [`ErrorKind::InvalidArgument`] if the features or classes are not
    /// those of `start`.
    pub fn fit_from(
        &self,
        train: &TrainingSet<'_>,
        start: &FittedLogistic,
    ) -> Result<FittedLogistic> {
        check_features(train.rows(), start.scores.n_features())?;
        let problem = Problem::new(train, self.0.class_weight, Missing::Refused)?;
        if problem.classes != start.classes {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected the classes of the fit to start from, got others",
            ));
        }
        let point = [start.scores.coefficients(), start.scores.intercepts()].concat();
        self.fit_near(train, problem, point)
    }

    fn fit_near(
        &self,
        train: &TrainingSet<'_>,
        problem: Problem<'_>,
        start: Vec<f64>,
    ) -> Result<FittedLogistic> {
        let n_features = problem.rows.ncols();
        let total: f64 = problem.weights.iter().sum();
        let penalty = 1.0 / (self.0.c * total);
        let loss = Loss::new(&problem, (1.0 - self.0.l1_ratio) * penalty, train.stop());
        let limits = Limits {
            tolerance: self.0.tolerance,
            max_iterations: self.0.max_iterations,
        };
        let point = if self.0.l1_ratio > 0.0 {
            let n_penalised = n_features * n_scores(problem.classes.len());
            let absolute = self.0.l1_ratio * penalty;
            minimise_absolute(start, absolute, n_penalised, limits, |point, gradient| {
                loss.evaluate(point, gradient)
            })?
        } else {
            minimise(start, limits, |point, gradient| {
                loss.evaluate(point, gradient)
            })?
        };
        Ok(FittedLogistic::new(problem.classes, n_features, point))
    }
}

impl Estimator for LogisticRegression {
    type Fitted = FittedLogistic;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedLogistic> {
        let problem = Problem::new(train, self.0.class_weight, Missing::Refused)?;
        let n = (problem.rows.ncols() + 1) * n_scores(problem.classes.len());
        self.fit_near(train, problem, vec![0.0; n])
    }
}

/// The weights of a fitted logistic regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLogistic")]
pub struct FittedLogistic {
    classes: ClassMap,
    scores: LinearScores,
}

#[derive(Deserialize)]
struct RawLogistic {
    classes: ClassMap,
    scores: LinearScores,
}

impl TryFrom<RawLogistic> for FittedLogistic {
    type Error = String;

    fn try_from(RawLogistic { classes, scores }: RawLogistic) -> Result<Self, String> {
        scores.check(n_scores(classes.len()))?;
        Ok(Self { classes, scores })
    }
}

impl FittedLogistic {
    /// From features × scores weights and then the intercepts.
    pub(crate) fn new(classes: ClassMap, n_features: usize, mut point: Vec<f64>) -> Self {
        let intercepts = point.split_off(n_features * n_scores(classes.len()));
        Self {
            classes,
            scores: LinearScores::new(n_features, point, intercepts),
        }
    }

    /// Features × scores: a column for each class that occurred in the training rows, or a single one
    /// that speaks for the second of two.
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        self.scores.matrix()
    }

    /// One for each score.
    pub fn intercepts(&self) -> &[f64] {
        self.scores.intercepts()
    }
}

impl Predictor for FittedLogistic {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.scores.predict(&self.classes, rows, probabilities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array, concatenate};
    use xscatter_core::{Classes, Target};

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
