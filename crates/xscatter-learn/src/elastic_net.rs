//! Elastic net classifier: least squares on coded classes with a penalty that makes weights 0.
//!
//! Use it to learn which of many features matter, quickly: a fit never looks at the rows again once their
//! products are summed. Logistic regression with an `l1_ratio` is the better model of probabilities. Scale
//! the features first ([`StandardScaler`](crate::StandardScaler)).
//!
//! ```text
//! minimise  Σ_i w_i (y_i − b − w · x_i)² / (2 Σ w) + α ρ |w|₁ + ½ α (1 − ρ) |w|²
//! ```
//!
//! y is 1 for the class and −1 for others. Coordinate descent on the summed products, first over all weights,
//! then over those that are not 0. Probabilities are Platt's sigmoids of decisions on rows held out in
//! five portions, one for each class, divided by their sum; the products of a portion are subtracted, not
//! summed anew. Features must be finite. Cost: rows · features², and features² a sweep. Source:
//! scikit-learn 1.9.1, `ElasticNet` with `precompute=True` (same minimum; `l1_ratio` is ρ).

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Estimator, Predictor, Result, StopToken, TrainingSet};

use crate::batch::Batch;
use crate::error::{ConfigError, require};
use crate::least_squares::{Decisions, System, class_factors, coded};
use crate::moments::{ClassMoments, Moments};
use crate::problem::ClassWeight;

/// Portions of rows that are held out in turn.
const PORTIONS: usize = 5;

/// The parameters of [`ElasticNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticNetConfig {
    /// α, above 0: the larger, the stronger the penalty.
    pub alpha: f64,
    /// ρ, from 0 (squares alone) to 1 (absolute values alone).
    pub l1_ratio: f64,
    /// The largest change of a weight in the last sweep, in units of 1/deviation of its feature.
    pub tolerance: f64,
    /// The most sweeps; beyond them the weights so far are the result.
    pub max_sweeps: usize,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
}

impl Default for ElasticNetConfig {
    /// α = 0.01, half of it for absolute values.
    fn default() -> Self {
        Self {
            alpha: 0.01,
            l1_ratio: 0.5,
            tolerance: 1e-5,
            max_sweeps: 1000,
            class_weight: ClassWeight::Uniform,
        }
    }
}

/// The elastic net classifier.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet};
/// use xscatter_learn::{ElasticNet, ElasticNetConfig};
///
/// // The second feature says nothing about the class.
/// let rows = array![[0.0_f32, 1.0], [0.1, -1.0], [0.9, -1.0], [1.0, 1.0]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let net = ElasticNet::new(ElasticNetConfig { alpha: 0.1, ..ElasticNetConfig::default() })?;
/// let model = net.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.coefficients()[[0, 0]] > 1.0 && model.coefficients()[[1, 0]] == 0.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "ElasticNetConfig", into = "ElasticNetConfig")]
pub struct ElasticNet(ElasticNetConfig);

impl ElasticNet {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: ElasticNetConfig) -> Result<Self, ConfigError> {
        let ElasticNetConfig {
            alpha,
            l1_ratio,
            tolerance,
            max_sweeps,
            ..
        } = config;
        require(alpha > 0.0 && alpha.is_finite(), "alpha", "above 0", alpha)?;
        require(
            (0.0..=1.0).contains(&l1_ratio),
            "l1_ratio",
            "0 to 1",
            l1_ratio,
        )?;
        require(tolerance > 0.0, "tolerance", "above 0", tolerance)?;
        require(max_sweeps >= 1, "max_sweeps", "1 or more", max_sweeps)?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &ElasticNetConfig {
        &self.0
    }

    /// The weights of all functions, from where others ended.
    fn solve(
        &self,
        system: &System,
        starts: &[Vec<f64>],
        stop: &StopToken,
    ) -> Result<Vec<Vec<f64>>> {
        let targets = system.targets.par_iter().zip(starts);
        targets
            .map(|((sums, _), start)| self.descend(system, sums, start, stop))
            .collect()
    }

    /// The weights of one function.
    fn descend(
        &self,
        system: &System,
        sums: &[f64],
        start: &[f64],
        stop: &StopToken,
    ) -> Result<Vec<f64>> {
        let n = start.len();
        let config = &self.0;
        let absolute = config.alpha * config.l1_ratio;
        let squares = config.alpha - absolute;
        let row = |j: usize| &system.scatter[j * n..(j + 1) * n];
        let mut weights = start.to_vec();
        // What is left of the sums once the weights have had their part.
        let mut left = sums.to_vec();
        for (j, &weight) in weights.iter().enumerate() {
            if weight != 0.0 {
                for (left, product) in left.iter_mut().zip(row(j)) {
                    *left -= weight * product;
                }
            }
        }
        let mut all = true;
        for _ in 0..config.max_sweeps {
            stop.check()?;
            let mut most = 0.0_f64;
            for j in 0..n {
                let old = weights[j];
                if !all && old == 0.0 {
                    continue;
                }
                let variance = row(j)[j] / system.weight;
                let pull = left[j] / system.weight + variance * old;
                let stiffness = variance + squares;
                let new = if pull.abs() > absolute && stiffness > 0.0 {
                    (pull - absolute.copysign(pull)) / stiffness
                } else {
                    0.0
                };
                if new == old {
                    continue;
                }
                weights[j] = new;
                for (left, product) in left.iter_mut().zip(row(j)) {
                    *left -= (new - old) * product;
                }
                most = most.max((new - old).abs() * variance.sqrt());
            }
            let settled = most <= config.tolerance;
            if settled && all {
                break;
            }
            // Only a sweep over all can end it.
            all = settled;
        }
        Ok(weights)
    }
}

impl TryFrom<ElasticNetConfig> for ElasticNet {
    type Error = ConfigError;

    fn try_from(config: ElasticNetConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<ElasticNet> for ElasticNetConfig {
    fn from(recipe: ElasticNet) -> Self {
        recipe.0
    }
}

/// The sums of some rows: of all together, and the weights and means of each class that occurs anywhere.
struct Portion {
    all: ClassMoments,
    classes: Moments,
}

impl Portion {
    fn new(batch: &Batch<'_>, n_classes: usize, stop: &StopToken) -> Result<Self> {
        let together = Batch {
            rows: batch.view().into(),
            labels: vec![0; batch.labels.len()],
            weights: batch.weights.clone(),
        };
        let mut all = Moments::full(&together, 1, stop, |_, _, _, _| ())?;
        Ok(Self {
            all: all.0.remove(0),
            classes: Moments::means(batch, n_classes, stop)?,
        })
    }

    fn nothing(n_features: usize, n_classes: usize) -> Self {
        let none = |scatter| ClassMoments {
            weight: 0.0,
            mean: vec![0.0; n_features],
            scatter,
        };
        Self {
            all: none(vec![0.0; n_features * n_features]),
            classes: Moments(vec![none(Vec::new()); n_classes]),
        }
    }

    fn and(&self, more: &Self) -> Self {
        Self {
            all: self.all.and(&more.all),
            classes: self.classes.and(&more.classes),
        }
    }

    fn system(self) -> System {
        let classes: Vec<(f64, &[f64])> = self
            .classes
            .0
            .iter()
            .map(|class| (class.weight, &*class.mean))
            .collect();
        System::new(self.all, &classes)
    }
}

impl Estimator for ElasticNet {
    type Fitted = FittedElasticNet;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedElasticNet> {
        let stop = train.stop();
        let batch = Batch::first(train)?;
        let names = train.target().names();
        let moments = Moments::means(&batch, names.len(), stop)?;
        let classes = moments.classes(names)?;
        let weights: Vec<f64> = moments.0.iter().map(|class| class.weight).collect();
        let factors = class_factors(self.0.class_weight, &weights);
        let (labels, weights) = coded(&batch, &classes, &factors);

        let mut members = vec![Vec::new(); PORTIONS];
        let mut seen: Vec<usize> = (0..classes.len()).collect();
        for (row, &label) in labels.iter().enumerate() {
            members[seen[label] % PORTIONS].push(row);
            seen[label] += 1;
        }
        members.retain(|rows| !rows.is_empty());
        let portions = members
            .iter()
            .map(|rows| {
                let part = Batch {
                    rows: batch.view().select(Axis(0), rows).into(),
                    labels: rows.iter().map(|&row| labels[row] as u32).collect(),
                    weights: rows.iter().map(|&row| weights[row]).collect(),
                };
                Portion::new(&part, classes.len(), stop)
            })
            .collect::<Result<Vec<_>>>()?;
        let sum = |but: usize| {
            let others = portions
                .iter()
                .enumerate()
                .filter(|(place, _)| *place != but);
            let start = Portion::nothing(batch.view().ncols(), classes.len());
            others
                .fold(start, |sum, (_, portion)| sum.and(portion))
                .system()
        };
        let system = sum(usize::MAX);
        let zeros = vec![vec![0.0; system.mean.len()]; system.targets.len()];
        let solution = self.solve(&system, &zeros, stop)?;
        let n = solution.len();
        let mut held_out = vec![0.0; labels.len() * n];
        for (portion, rows) in members.iter().enumerate() {
            let system = sum(portion);
            let scores = system.scores(&self.solve(&system, &solution, stop)?);
            let inputs = batch.view().select(Axis(0), rows);
            let decisions = scores.of(inputs
                .as_slice()
                .expect("selected rows are in standard layout"));
            for (decisions, &row) in decisions.chunks_exact(n).zip(rows) {
                held_out[row * n..][..n].copy_from_slice(decisions);
            }
        }
        let scores = system.scores(&solution);
        Ok(FittedElasticNet(Decisions::new(
            classes, scores, &held_out, &labels, &weights,
        )))
    }
}

/// The weights of a fitted elastic net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedElasticNet(Decisions);

impl FittedElasticNet {
    /// Features × scores: a column for each class that occurred in the training rows, or a single one
    /// that speaks for the second of two.
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        self.0.scores.matrix()
    }

    /// One for each score.
    pub fn intercepts(&self) -> &[f64] {
        self.0.scores.intercepts()
    }
}

impl Predictor for FittedElasticNet {
    fn outputs(&self) -> &[Arc<str>] {
        self.0.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.0.predict(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter_core::{Classes, Target};

    fn table() -> (Array2<f32>, Target) {
        let rows = Array2::from_shape_fn((60, 5), |(row, column)| {
            let noise = ((row * (5 + 6 * column) + column) % 29) as f32 / 7.0;
            noise + f32::from(u8::from(row % 3 == column))
        });
        let names = ["a", "b", "c"].map(Into::into).to_vec();
        let labels = (0..60).map(|row| row % 3).collect();
        (rows, Target::Classes(Classes::new(names, labels).unwrap()))
    }

    #[test]
    fn the_conditions_of_the_minimum_hold() {
        let (rows, target) = table();
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let config = ElasticNetConfig {
            alpha: 0.05,
            tolerance: 1e-13,
            ..Default::default()
        };
        let model = ElasticNet::new(config).unwrap().fit(&train).unwrap();
        let labels = target.classes().unwrap().labels();
        for class in 0..3 {
            let weights = model.coefficients().column(class).to_vec();
            let left: Vec<f64> = (0..60)
                .map(|row| {
                    let y = if labels[row] as usize == class {
                        1.0
                    } else {
                        -1.0
                    };
                    let s: f64 = (0..5).map(|j| f64::from(rows[[row, j]]) * weights[j]).sum();
                    y - s - model.intercepts()[class]
                })
                .collect();
            approx::assert_abs_diff_eq!(left.iter().sum::<f64>(), 0.0, epsilon = 1e-9);
            for j in 0..5 {
                let pull: f64 = (0..60)
                    .map(|row| f64::from(rows[[row, j]]) * left[row] / 60.0)
                    .sum();
                let pull = pull - 0.025 * weights[j];
                if weights[j] == 0.0 {
                    assert!(pull.abs() <= 0.025 + 1e-9);
                } else {
                    approx::assert_abs_diff_eq!(pull, 0.025 * weights[j].signum(), epsilon = 1e-9);
                }
            }
        }
    }

    #[test]
    fn a_penalty_that_leaves_nothing_gives_the_shares_of_the_classes() {
        let (rows, target) = table();
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let config = ElasticNetConfig {
            alpha: 100.0,
            l1_ratio: 1.0,
            ..Default::default()
        };
        let model = ElasticNet::new(config).unwrap().fit(&train).unwrap();
        assert!(model.coefficients().iter().all(|w| *w == 0.0));
        for p in model.predict_proba(rows.view()).unwrap() {
            approx::assert_abs_diff_eq!(p, 1.0 / 3.0, epsilon = 1e-3);
        }
    }
}
