//! The k nearest neighbours vote.
//!
//! Use it where classes are many small clouds and rows are up to some ten thousands; scale the
//! features first ([`StandardScaler`](crate::StandardScaler)). It keeps all training rows, and it
//! suffers from features that say nothing.
//!
//! ```text
//! p(c | x) = Σ_{i ∈ N_k(x), y_i = c} w_i v_i / Σ_{i ∈ N_k(x)} w_i v_i      v = 1, or 1 / d(x, x_i)
//! d = |a − b|, or 1 − a·b / (|a| |b|), which is 1 if a or b is 0
//! ```
//!
//! If a neighbour is at distance 0 and votes go by distance, only such neighbours vote. Of rows at equal
//! distance the earlier one is nearer (scikit-learn leaves their order open). A row of weight 2 has two
//! votes but is one neighbour. Features must be finite. A matrix product in single precision finds the
//! candidates, and exact distances in `f64` decide among them, so a row's result depends on that row and
//! the training rows alone. More rows can be learned later ([`FittedNeighbours::update`]). A prediction
//! costs O(training rows · features). Source: scikit-learn 1.9.1, `KNeighborsClassifier`.

mod index;

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Classes, Error, ErrorKind, Estimator, Predictor, Result, Target, TrainingSet};

use crate::error::{ConfigError, require};
use crate::neighbours::index::Index;
use crate::pairwise::QUERIES;
use crate::problem::{ClassMap, ClassWeight, Missing, Problem, check_finite};

/// How far two rows are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// `|a − b|`.
    #[default]
    Euclidean,
    /// `1 − a·b / (|a| |b|)`, for rows whose direction alone counts.
    Cosine,
}

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
    /// How far two rows are apart.
    pub metric: Distance,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
}

impl Default for NearestNeighboursConfig {
    /// Five neighbours, votes by Euclidean distance.
    fn default() -> Self {
        Self {
            k: 5,
            vote: Vote::Distance,
            metric: Distance::Euclidean,
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
        let problem = Problem::new(train, ClassWeight::Uniform, Missing::Refused)?;
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
    /// By how much the votes of each class are multiplied.
    class_factors: Vec<f64>,
    index: Index,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RawNeighbours {
    config: NearestNeighboursConfig,
    n_features: usize,
    classes: ClassMap,
    labels: Vec<u32>,
    /// Those of the rows, without those of the classes.
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
        let mut class_factors = vec![1.0; raw.classes.len()];
        if raw.config.class_weight == ClassWeight::Balanced {
            let mut of_class = vec![0.0; raw.classes.len()];
            for (&label, weight) in raw.labels.iter().zip(&raw.weights) {
                of_class[label as usize] += weight;
            }
            let mean = of_class.iter().sum::<f64>() / of_class.len() as f64;
            for (factor, weight) in class_factors.iter_mut().zip(of_class) {
                *factor = mean / weight;
            }
        }
        let index = Index::new(raw.config.metric, &raw.rows, raw.n_features);
        Self {
            raw,
            class_factors,
            index,
        }
    }

    /// Learns more rows: the result is that of a fit on the old rows and the new ones below them.
    ///
    /// New rows may have classes of their own, whose names follow those that are known. A single class is
    /// enough, and no row of positive weight changes nothing. It costs no more than copying all rows.
    ///
    /// # Errors
    /// If the number of features differs, a feature is not finite, or the target is not one of classes; the
    /// model is as it was.
    pub fn update(&mut self, more: &TrainingSet<'_>) -> Result<()> {
        let raw = &self.raw;
        check_features(more.rows(), raw.n_features)?;
        let new = more.target().classes()?;
        let mut names = raw.classes.names().to_vec();
        let place_of: Vec<u32> = new
            .names()
            .iter()
            .map(|name| {
                let place = names.iter().position(|other| other == name);
                place.unwrap_or_else(|| {
                    names.push(name.clone());
                    names.len() - 1
                }) as u32
            })
            .collect();
        let old_labels = raw.labels.iter();
        let mut labels: Vec<u32> = old_labels
            .map(|&label| raw.classes.present()[label as usize])
            .collect();
        labels.extend(new.labels().iter().map(|&label| place_of[label as usize]));
        let mut weights: Vec<f32> = raw.weights.iter().map(|&weight| weight as f32).collect();
        match more.weights() {
            Some(new) => weights.extend(new),
            None => weights.resize(labels.len(), 1.0),
        }
        let shape = (raw.labels.len(), raw.n_features);
        let old = ArrayView2::from_shape(shape, &raw.rows).map_err(|error| {
            let message = format!("expected {} rows of the model: {error}", shape.0);
            Error::new(ErrorKind::ShapeMismatch, message)
        })?;
        let rows = concatenate![Axis(0), old, more.rows()];
        let target = Target::Classes(Classes::new(names, labels)?);
        let train = TrainingSet::new(rows.view(), &target)?
            .with_weights(&weights)?
            .with_stop(more.stop().clone());
        *self = NearestNeighbours(raw.config.clone()).fit(&train)?;
        Ok(())
    }

    /// How many training rows it keeps.
    pub fn n_rows(&self) -> usize {
        self.raw.labels.len()
    }

    fn vote(&self, near: &[(f64, usize)], proba: &mut [f64]) {
        let touches = near[0].0 == 0.0;
        for &(distance, row) in near {
            let vote = match self.raw.config.vote {
                Vote::Uniform => 1.0,
                Vote::Distance if touches => f64::from(u8::from(distance == 0.0)),
                Vote::Distance => near[0].0 / distance,
            };
            let label = self.raw.labels[row] as usize;
            proba[label] += vote * self.raw.weights[row] * self.class_factors[label];
        }
    }
}

impl Predictor for FittedNeighbours {
    fn outputs(&self) -> &[Arc<str>] {
        self.raw.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let n_features = self.raw.n_features;
        check_features(rows, n_features)?;
        check_finite(rows)?;
        let n_classes = self.raw.classes.len();
        self.raw.classes.predict(rows, QUERIES, |rows, proba| {
            let mut proba = proba.chunks_exact_mut(n_classes);
            self.index
                .nearest(&self.raw.rows, rows, self.raw.config.k, |near| {
                    let proba = proba.next().expect("as many rows of scores as queries");
                    self.vote(near, proba);
                });
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

    #[test]
    fn the_cosine_knows_directions_alone() {
        let rows = array![[2.0_f32, 0.0], [0.0, 0.1], [-3.0, 0.0], [0.0, 0.0]];
        let model = |vote| {
            let target = Target::Classes(Classes::from_names(&["a", "b", "c", "d"]));
            let config = NearestNeighboursConfig {
                k: 2,
                vote,
                metric: Distance::Cosine,
                ..NearestNeighboursConfig::default()
            };
            let train = TrainingSet::new(rows.view(), &target).unwrap();
            NearestNeighbours::new(config).unwrap().fit(&train).unwrap()
        };
        let queries = array![[1e-3_f32, 0.0], [0.0, 0.0], [3e30, 4e30], [1.0, 1e-20]];
        let proba = model(Vote::Uniform).predict_proba(queries.view()).unwrap();
        // At equal distance (1) the earlier row is nearer.
        assert_eq!(proba.row(0).to_vec(), [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(proba.row(1).to_vec(), [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(proba.row(2).to_vec(), [0.5, 0.5, 0.0, 0.0]);
        let proba = model(Vote::Distance).predict_proba(queries.view()).unwrap();
        assert_eq!(proba.row(0).to_vec(), [1.0, 0.0, 0.0, 0.0]);
        approx::assert_abs_diff_eq!(proba[[2, 0]], 1.0 / 3.0, epsilon = 1e-6);
    }

    /// Clouds that hold many equal rows, with one decimal.
    fn coarse(n_rows: usize, n_features: usize, seed: u64) -> Array2<f32> {
        Array2::from_shape_fn((n_rows, n_features), |(row, column)| {
            let place = xscatter_core::seed::derive(seed, (row * n_features + column) as u64) % 7;
            100.0 + place as f32 / 10.0
        })
    }

    #[test]
    fn a_row_of_weight_two_has_two_votes() {
        let rows = array![[0.0_f32], [1.0], [2.0]];
        let target = Target::Classes(Classes::from_names(&["a", "b", "b"]));
        let proba = |class_weight| {
            let config = NearestNeighboursConfig {
                k: 3,
                vote: Vote::Uniform,
                class_weight,
                ..NearestNeighboursConfig::default()
            };
            let train = TrainingSet::new(rows.view(), &target).unwrap();
            let train = train.with_weights(&[2.0, 1.0, 5.0]).unwrap();
            let model = NearestNeighbours::new(config).unwrap().fit(&train).unwrap();
            model.predict_proba(rows.view()).unwrap()[[0, 0]]
        };
        assert_eq!(proba(ClassWeight::Uniform), 0.25);
        assert_eq!(proba(ClassWeight::Balanced), 0.5);
    }

    #[test]
    fn an_update_is_a_fit_on_all_rows() {
        let rows = coarse(60, 4, 3);
        let names: Vec<&str> = (0..60)
            .map(|row| ["b", "a", "c"][(row + row / 7) % 3])
            .collect();
        let (old, new) = rows.view().split_at(Axis(0), 40);
        let weights: Vec<f32> = (0..60).map(|row| (row % 4) as f32 / 3.0).collect();
        for class_weight in [ClassWeight::Uniform, ClassWeight::Balanced] {
            let recipe = NearestNeighbours(NearestNeighboursConfig {
                class_weight,
                ..NearestNeighboursConfig::default()
            });
            let fit = |rows: ArrayView2<'_, f32>, names: &[&str], weights: &[f32]| {
                let target = Target::Classes(Classes::from_names(names));
                let train = TrainingSet::new(rows, &target)
                    .unwrap()
                    .with_weights(weights)
                    .unwrap();
                recipe.fit(&train).unwrap()
            };
            let whole = fit(rows.view(), &names, &weights);
            let mut grown = fit(old, &names[..40], &weights[..40]);
            // Under names in another order, one class of which is new.
            let target = Target::Classes(
                Classes::new(
                    ["d", "c", "b", "a"].map(Into::into).to_vec(),
                    names[40..]
                        .iter()
                        .map(|name| match *name {
                            "a" => 3,
                            "b" => 2,
                            _ => 1,
                        })
                        .collect(),
                )
                .unwrap(),
            );
            let more = TrainingSet::new(new, &target).unwrap();
            grown
                .update(&more.with_weights(&weights[40..]).unwrap())
                .unwrap();
            assert_eq!(grown.n_rows(), whole.n_rows());
            assert_eq!(&*grown.outputs()[grown.outputs().len() - 1], "d");
            let (one, two) = (
                grown.predict_proba(rows.view()).unwrap(),
                whole.predict_proba(rows.view()).unwrap(),
            );
            assert_eq!(one.slice(ndarray::s![.., ..whole.outputs().len()]), two);

            // A new class alone.
            let target = Target::Classes(Classes::from_names(&["z"; 20]));
            let mut model = whole.clone();
            model
                .update(&TrainingSet::new(new, &target).unwrap())
                .unwrap();
            assert!(
                model
                    .predict_proba(new)
                    .unwrap()
                    .column(model.outputs().len() - 1)
                    .iter()
                    .all(|p| *p > 0.0)
            );
            // An error leaves the model as it was.
            let before = model.clone();
            let narrow = new.slice(ndarray::s![.., ..2]);
            assert!(
                model
                    .update(&TrainingSet::new(narrow, &target).unwrap())
                    .is_err()
            );
            let holes = new.mapv(|_| f32::NAN);
            assert!(
                model
                    .update(&TrainingSet::new(holes.view(), &target).unwrap())
                    .is_err()
            );
            assert_eq!(model, before);
        }
    }
}
