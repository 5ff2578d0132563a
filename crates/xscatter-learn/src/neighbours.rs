//! The k nearest neighbours vote.
//!
//! Use it where classes are many small clouds and rows are up to some ten thousands; scale the
//! features first ([`StandardScaler`](crate::StandardScaler)). It keeps all training rows, and it
//! suffers from features that say nothing.
//!
//! ```text
//! p(c | x) = Σ_{i ∈ N_k(x), y_i = c} w_i v_i / Σ_{i ∈ N_k(x)} w_i v_i      v = 1, or 1 / |x − x_i|
//! ```
//!
//! Distances are Euclidean. If a neighbour is at distance 0 and votes go by distance, only such
//! neighbours vote. Of rows at equal distance the earlier one is nearer. A row of weight 2 has two
//! votes but is one neighbour. Features must be finite. A matrix product finds the candidates, and
//! exact distances in `f64` decide among them, so a row's result depends on nothing but the row. A
//! prediction costs O(training rows · features). Source: scikit-learn 1.9.1, `KNeighborsClassifier`.

use std::sync::Arc;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Predictor, Result, TrainingSet};

use crate::error::{ConfigError, require};
use crate::problem::{ClassMap, ClassWeight, Missing, Problem, check_finite};

/// So many queries share a matrix product, whose memory is this times the training rows.
const BLOCK: usize = 64;

/// How much a neighbour's vote counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    /// All alike.
    Uniform,
    /// By the inverse of the distance.
    #[default]
    Distance,
}

/// The parameters of [`NearestNeighbours`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NearestNeighboursConfig {
    /// How many neighbours vote; all rows if there are fewer.
    pub k: usize,
    /// How much a neighbour's vote counts.
    pub vote: Vote,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
}

impl Default for NearestNeighboursConfig {
    /// Five neighbours, votes by distance.
    fn default() -> Self {
        Self {
            k: 5,
            vote: Vote::Distance,
            class_weight: ClassWeight::Uniform,
        }
    }
}

/// Classification by the nearest training rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "NearestNeighboursConfig", into = "NearestNeighboursConfig")]
pub struct NearestNeighbours(NearestNeighboursConfig);

impl NearestNeighbours {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: NearestNeighboursConfig) -> Result<Self, ConfigError> {
        require(config.k >= 1, "k", "1 or more", config.k)?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &NearestNeighboursConfig {
        &self.0
    }
}

impl TryFrom<NearestNeighboursConfig> for NearestNeighbours {
    type Error = ConfigError;

    fn try_from(config: NearestNeighboursConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<NearestNeighbours> for NearestNeighboursConfig {
    fn from(neighbours: NearestNeighbours) -> Self {
        neighbours.0
    }
}

impl Estimator for NearestNeighbours {
    type Fitted = FittedNeighbours;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedNeighbours> {
        let problem = Problem::new(train, self.0.class_weight, Missing::Refused)?;
        Ok(FittedNeighbours::new(RawNeighbours {
            config: self.0.clone(),
            n_features: problem.rows.ncols(),
            rows: problem.flat().to_vec(),
            labels: problem.labels,
            weights: problem.weights,
            classes: problem.classes,
        }))
    }
}

/// The training rows of a neighbours classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawNeighbours", into = "RawNeighbours")]
pub struct FittedNeighbours {
    raw: RawNeighbours,
    /// |x|² of every training row.
    squares: Vec<f32>,
    largest_square: f32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RawNeighbours {
    config: NearestNeighboursConfig,
    n_features: usize,
    classes: ClassMap,
    labels: Vec<u32>,
    weights: Vec<f64>,
    rows: Vec<f32>,
}

impl From<FittedNeighbours> for RawNeighbours {
    fn from(fitted: FittedNeighbours) -> Self {
        fitted.raw
    }
}

impl TryFrom<RawNeighbours> for FittedNeighbours {
    type Error = String;

    fn try_from(raw: RawNeighbours) -> Result<Self, String> {
        let n_rows = raw.labels.len();
        let n_classes = raw.classes.len();
        let sound = raw.config.k >= 1
            && raw.n_features >= 1
            && n_rows >= 1
            && raw.weights.len() == n_rows
            && Some(raw.rows.len()) == n_rows.checked_mul(raw.n_features)
            && raw.labels.iter().all(|&label| (label as usize) < n_classes)
            && raw.weights.iter().all(|w| w.is_finite() && *w > 0.0)
            && raw.rows.iter().all(|value| value.is_finite());
        if !sound {
            return Err(format!(
                "expected {n_rows} rows of {} finite features, each with a weight and one of \
                 {n_classes} labels",
                raw.n_features
            ));
        }
        Ok(Self::new(raw))
    }
}

impl FittedNeighbours {
    fn new(raw: RawNeighbours) -> Self {
        let squares: Vec<f32> = raw.rows.chunks_exact(raw.n_features).map(square).collect();
        let largest_square = squares.iter().copied().fold(0.0, f32::max);
        Self {
            raw,
            squares,
            largest_square,
        }
    }

    /// The k nearest rows of one query, nearest first, with their distances. `near` is overwritten.
    fn nearest(&self, query: &[f32], products: &[f32], near: &mut Near) {
        let k = self.raw.config.k.min(self.raw.labels.len());
        // |x|² − 2 x·q orders the rows like their distance, but for rounding.
        near.rough.clear();
        let rough = self.squares.iter().zip(products);
        near.rough
            .extend(rough.map(|(square, product)| square - 2.0 * product));
        near.order.clone_from(&near.rough);
        let (_, kth, _) = near.order.select_nth_unstable_by(k - 1, f32::total_cmp);
        // Twice the rounding of a sum of that many products bounds the error of a difference.
        let rounding = (self.raw.n_features + 8) as f32 * f32::EPSILON;
        let limit = *kth + 2.0 * rounding * (square(query) + self.largest_square);
        near.rows.clear();
        for (row, rough) in near.rough.iter().enumerate() {
            // Rows that overflowed to no number are candidates too.
            if rough.partial_cmp(&limit) != Some(std::cmp::Ordering::Greater) {
                let other = &self.raw.rows[row * self.raw.n_features..][..self.raw.n_features];
                near.rows.push((distance(query, other), row));
            }
        }
        near.rows
            .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        near.rows.truncate(k);
    }

    fn vote(&self, near: &[(f64, usize)], proba: &mut [f64]) {
        let touches = near[0].0 == 0.0;
        for &(distance, row) in near {
            let vote = match self.raw.config.vote {
                Vote::Uniform => 1.0,
                Vote::Distance if touches => f64::from(u8::from(distance == 0.0)),
                Vote::Distance => near[0].0 / distance,
            };
            proba[self.raw.labels[row] as usize] += vote * self.raw.weights[row];
        }
    }
}

/// Memory for one query after the other.
#[derive(Default)]
struct Near {
    rough: Vec<f32>,
    order: Vec<f32>,
    /// Distances and rows.
    rows: Vec<(f64, usize)>,
}

fn square(row: &[f32]) -> f32 {
    row.iter().map(|x| x * x).sum()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    squares.sum::<f64>().sqrt()
}

impl Predictor for FittedNeighbours {
    fn outputs(&self) -> &[Arc<str>] {
        self.raw.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let n_features = self.raw.n_features;
        check_features(rows, n_features)?;
        check_finite(rows)?;
        let known = ArrayView2::from_shape((self.raw.labels.len(), n_features), &self.raw.rows)
            .expect("checked when the model was made");
        let n_classes = self.raw.classes.len();
        self.raw.classes.predict(rows, BLOCK, |rows, proba| {
            let queries = ArrayView2::from_shape((rows.len() / n_features, n_features), rows)
                .expect("a block holds whole rows");
            let mut products = Array2::zeros((queries.nrows(), known.nrows()));
            general_mat_mul(1.0, &queries, &known.t(), 0.0, &mut products);
            let mut near = Near::default();
            let proba = proba.chunks_exact_mut(n_classes);
            for ((query, products), proba) in rows
                .chunks_exact(n_features)
                .zip(products.rows())
                .zip(proba)
            {
                let products = products.to_slice().expect("rows of a new array");
                self.nearest(query, products, &mut near);
                self.vote(&near.rows, proba);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Target};

    fn fit(rows: &Array2<f32>, names: &[&str], k: usize, vote: Vote) -> FittedNeighbours {
        let target = Target::Classes(Classes::from_names(names));
        let config = NearestNeighboursConfig {
            k,
            vote,
            ..NearestNeighboursConfig::default()
        };
        let recipe = NearestNeighbours::new(config).unwrap();
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        recipe.fit(&train).unwrap()
    }

    #[test]
    fn votes_count_alike_or_by_distance() {
        let rows = array![[0.0_f32], [1.0], [4.0], [100.0]];
        let names = ["a", "b", "b", "a"];
        let proba = |k, vote, x| {
            let model = fit(&rows, &names, k, vote);
            model.predict_proba(array![[x]].view()).unwrap()[[0, 0]]
        };
        assert_eq!(proba(3, Vote::Uniform, 0.5), 1.0 / 3.0);
        // Votes 1/2, 1/1 and 1/2 at x = 2.
        assert_eq!(proba(3, Vote::Distance, 2.0), 0.25);
        assert_eq!(proba(3, Vote::Distance, 0.0), 1.0);
        // All rows vote if there are fewer than k.
        assert_eq!(proba(9, Vote::Uniform, 0.0), 0.5);
    }

    #[test]
    fn of_rows_at_equal_distance_the_earlier_is_nearer() {
        let rows = array![[1.0_f32], [-1.0], [1.0]];
        let model = fit(&rows, &["a", "b", "b"], 1, Vote::Uniform);
        let proba = model.predict_proba(array![[0.0]].view()).unwrap();
        assert_eq!(proba.row(0).to_vec(), [1.0, 0.0]);
    }

    #[test]
    fn close_rows_far_from_the_origin_are_told_apart() {
        // Squares near 10¹⁰ swallow differences of 1 in f32: exact distances decide.
        let rows = array![[1e5_f32, 1.0], [1e5, 2.0], [1e5, 3.0], [0.0, 0.0]];
        let model = fit(&rows, &["a", "b", "c", "d"], 1, Vote::Uniform);
        let proba = model.predict_proba(array![[1e5, 2.2]].view()).unwrap();
        assert_eq!(proba.row(0).to_vec(), [0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn huge_features_overflow_nothing() {
        let rows = array![[1e30_f32, 0.0], [-1e30, 0.0], [1e30, 1e30]];
        let model = fit(&rows, &["a", "b", "c"], 1, Vote::Distance);
        let proba = model
            .predict_proba(array![[9e29, 1e28], [-2e38, 1.0]].view())
            .unwrap();
        assert_eq!(proba, array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    }
}
