//! Learners of the `smartcore` crate behind our seams; no other file names it.
//!
//! Use them to compare, not to work: they check our own learners in the tests, and they are offered as
//! families of their own. Both are slower than ours, know no row weights (a training set with weights
//! is refused) and look at the stop token only before they start.
//!
//! Logistic regression minimises Σ −ln p + ½ Σ|w|² / C, as ours does; the softmax of its coefficients
//! is taken here, because `smartcore` predicts labels alone. Its k nearest neighbours give
//! probabilities themselves. Source: smartcore 0.7.0.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use smartcore::algorithm::neighbour::KNNAlgorithmName;
use smartcore::error::Failed;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};
use smartcore::metrics::distance::euclidian::Euclidian;
use smartcore::neighbors::KNNWeightFunction;
use smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};
use xscatter_core::learn::check_features;
use xscatter_core::{Error, ErrorKind, Estimator, Predictor, Result, TrainingSet};

use crate::error::{ConfigError, require};
use crate::logistic::FittedLogistic;
use crate::neighbours::Vote;
use crate::problem::{ClassMap, ClassWeight, Missing, Problem, check_finite};

/// So many rows are scored at once.
const BLOCK: usize = 64;

/// The training set as `smartcore` can take it.
fn problem<'a>(train: &TrainingSet<'a>) -> Result<Problem<'a>> {
    if train.weights().is_some() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected a training set without weights: smartcore takes none",
        ));
    }
    Problem::new(train, ClassWeight::Uniform, Missing::Refused)
}

fn failed(error: Failed) -> Error {
    Error::new(ErrorKind::Numerical, error.to_string()).with_source(error)
}

/// The logistic regression of `smartcore`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct SmartcoreLogistic {
    c: f64,
}

impl SmartcoreLogistic {
    /// With C, above 0: the larger, the weaker the penalty.
    ///
    /// # Errors
    /// [`ConfigError`] if C is out of its domain.
    pub fn new(c: f64) -> Result<Self, ConfigError> {
        require(c > 0.0 && c.is_finite(), "c", "above 0", c)?;
        Ok(Self { c })
    }
}

impl TryFrom<f64> for SmartcoreLogistic {
    type Error = ConfigError;

    fn try_from(c: f64) -> Result<Self, ConfigError> {
        Self::new(c)
    }
}

impl From<SmartcoreLogistic> for f64 {
    fn from(logistic: SmartcoreLogistic) -> Self {
        logistic.c
    }
}

impl Estimator for SmartcoreLogistic {
    type Fitted = FittedLogistic;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedLogistic> {
        let problem = problem(train)?;
        let rows: Array2<f64> = problem.rows.mapv(f64::from);
        let labels = Array1::from(problem.labels);
        let parameters = LogisticRegressionParameters::default().with_alpha(1.0 / self.c);
        let model = LogisticRegression::fit(&rows, &labels, parameters).map_err(failed)?;
        // Scores × features there, features × scores here.
        let weights = model.coefficients().t().to_owned();
        let point = weights.iter().chain(model.intercept()).copied().collect();
        Ok(FittedLogistic::new(problem.classes, rows.ncols(), point))
    }
}

/// The k nearest neighbours of `smartcore`, by linear search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(usize, Vote)", into = "(usize, Vote)")]
pub struct SmartcoreNeighbours {
    k: usize,
    vote: Vote,
}

impl SmartcoreNeighbours {
    /// So many neighbours vote in this way.
    ///
    /// # Errors
    /// [`ConfigError`] if k is 0.
    pub fn new(k: usize, vote: Vote) -> Result<Self, ConfigError> {
        require(k >= 1, "k", "1 or more", k)?;
        Ok(Self { k, vote })
    }
}

impl TryFrom<(usize, Vote)> for SmartcoreNeighbours {
    type Error = ConfigError;

    fn try_from((k, vote): (usize, Vote)) -> Result<Self, ConfigError> {
        Self::new(k, vote)
    }
}

impl From<SmartcoreNeighbours> for (usize, Vote) {
    fn from(neighbours: SmartcoreNeighbours) -> Self {
        (neighbours.k, neighbours.vote)
    }
}

impl Estimator for SmartcoreNeighbours {
    type Fitted = FittedSmartcoreNeighbours;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedSmartcoreNeighbours> {
        let problem = problem(train)?;
        FittedSmartcoreNeighbours::new(RawNeighbours {
            recipe: self.clone(),
            n_features: problem.rows.ncols(),
            rows: problem.flat().to_vec(),
            labels: problem.labels,
            classes: problem.classes,
        })
    }
}

type Knn = KNNClassifier<f32, u32, Array2<f32>, Array1<u32>, Euclidian<f32>>;

/// A fitted [`SmartcoreNeighbours`].
///
/// A file keeps the training rows, from which the model is made again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "RawNeighbours", into = "RawNeighbours")]
pub struct FittedSmartcoreNeighbours {
    raw: RawNeighbours,
    model: Arc<Knn>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RawNeighbours {
    recipe: SmartcoreNeighbours,
    n_features: usize,
    classes: ClassMap,
    labels: Vec<u32>,
    rows: Vec<f32>,
}

impl From<FittedSmartcoreNeighbours> for RawNeighbours {
    fn from(fitted: FittedSmartcoreNeighbours) -> Self {
        fitted.raw
    }
}

impl TryFrom<RawNeighbours> for FittedSmartcoreNeighbours {
    type Error = Error;

    fn try_from(raw: RawNeighbours) -> Result<Self> {
        Self::new(raw)
    }
}

impl FittedSmartcoreNeighbours {
    fn new(raw: RawNeighbours) -> Result<Self> {
        let malformed = |message: &str| Error::new(ErrorKind::Malformed, message);
        let rows = Array2::from_shape_vec((raw.labels.len(), raw.n_features), raw.rows.clone())
            .map_err(|error| malformed("expected whole rows").with_source(error))?;
        check_finite(rows.view())?;
        let mut seen = raw.labels.clone();
        seen.sort_unstable();
        seen.dedup();
        if !seen.iter().copied().eq(0..raw.classes.len() as u32) {
            return Err(malformed("expected a row of every class"));
        }
        let parameters = KNNClassifierParameters::default()
            .with_k(raw.recipe.k.min(raw.labels.len()))
            .with_algorithm(KNNAlgorithmName::LinearSearch)
            .with_weight(match raw.recipe.vote {
                Vote::Uniform => KNNWeightFunction::Uniform,
                Vote::Distance => KNNWeightFunction::Distance,
            });
        let labels = Array1::from(raw.labels.clone());
        let model = Knn::fit(&rows, &labels, parameters).map_err(failed)?;
        Ok(Self {
            raw,
            model: Arc::new(model),
        })
    }
}

impl Predictor for FittedSmartcoreNeighbours {
    fn outputs(&self) -> &[Arc<str>] {
        self.raw.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.raw.n_features)?;
        check_finite(rows)?;
        let n_classes = self.raw.classes.len();
        self.raw.classes.predict(rows, BLOCK, |rows, proba| {
            let n_rows = rows.len() / self.raw.n_features;
            let rows = ArrayView2::from_shape((n_rows, self.raw.n_features), rows)
                .expect("a block holds whole rows");
            let votes = self.model.predict_proba(&rows.to_owned()).map_err(failed)?;
            for (votes, proba) in votes.iter().zip(proba.chunks_exact_mut(n_classes)) {
                proba.copy_from_slice(votes);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LogisticRegressionConfig, NearestNeighbours, NearestNeighboursConfig, StandardScaler,
    };
    use approx::assert_abs_diff_eq;
    use xscatter_core::{Classes, Target};

    /// Three overlapping clouds on a spiral, without any random number.
    fn clouds(n_classes: usize) -> (Array2<f32>, Target) {
        let n_rows = 120;
        let rows = Array2::from_shape_fn((n_rows, 4), |(row, column)| {
            let class = (row % n_classes) as f32;
            let turn = (row * (column + 3) * 7 % 31) as f32 / 31.0 - 0.5;
            class * (column as f32 - 1.0) + 3.0 * turn
        });
        let names: Vec<String> = (0..n_rows)
            .map(|row| (row % n_classes).to_string())
            .collect();
        (rows, Target::Classes(Classes::from_names(&names)))
    }

    #[test]
    fn both_logistic_regressions_find_the_same_minimum() {
        for n_classes in [2, 3] {
            let (rows, target) = clouds(n_classes);
            let train = TrainingSet::new(rows.view(), &target).unwrap();
            let exact = crate::LogisticRegression::new(LogisticRegressionConfig {
                tolerance: 1e-8,
                max_iterations: 2000,
                ..LogisticRegressionConfig::default()
            });
            let ours = StandardScaler.then(exact.unwrap()).fit(&train).unwrap();
            let theirs = StandardScaler
                .then(SmartcoreLogistic::new(1.0).unwrap())
                .fit(&train)
                .unwrap();
            let ours = ours.predict_proba(rows.view()).unwrap();
            let theirs = theirs.predict_proba(rows.view()).unwrap();
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_abs_diff_eq!(ours, theirs, epsilon = 1e-3);
            }
        }
    }

    #[test]
    fn both_neighbours_agree() {
        let (rows, target) = clouds(3);
        // Queries off the grid of the training rows, where distances are not tied.
        let queries = rows.mapv(|x| 1.013 * x + 0.0371);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        for vote in [Vote::Uniform, Vote::Distance] {
            let ours = NearestNeighbours::new(NearestNeighboursConfig {
                k: 7,
                vote,
                ..NearestNeighboursConfig::default()
            });
            let ours = ours.unwrap().fit(&train).unwrap();
            let theirs = SmartcoreNeighbours::new(7, vote)
                .unwrap()
                .fit(&train)
                .unwrap();
            let ours = ours.predict_proba(queries.view()).unwrap();
            let theirs = theirs.predict_proba(queries.view()).unwrap();
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_abs_diff_eq!(ours, theirs, epsilon = 1e-5);
            }
        }
    }

    #[test]
    fn weights_are_refused() {
        let (rows, target) = clouds(2);
        let weights = vec![1.0; rows.nrows()];
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_weights(&weights)
            .unwrap();
        let error = SmartcoreLogistic::new(1.0)
            .unwrap()
            .fit(&train)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
