//! Gradient boosting: a sum of small trees, each of which corrects those before it.
//!
//! Use it where thousands of rows and interactions between features make single effects too simple;
//! it takes missing values and needs no scaling. Below some hundred rows forests and linear models
//! are as good and cheaper.
//!
//! ```text
//! p_k = softmax(F_k)          F_k ← F_k + η Σ_leaf v_leaf [row in leaf]        v = − G / (H + λ)
//! G = Σ w (p_k − y_k)         H = Σ w K/(K−1) p_k (1 − p_k)
//! gain of a split = G_L²/(H_L+λ) + G_R²/(H_R+λ) − G²/(H+λ)
//! ```
//!
//! Each round grows one tree a class (one in all for two classes, with a logistic link), leaf by leaf
//! where the gain is largest, on histograms of binned features; of two sibling histograms one is a
//! difference. `NaN` goes to the side where the gain is larger. Fitting costs O(rounds · classes · rows
//! · features · log leaves) time. Sources: Friedman 2001 (doi:10.1214/aos/1013203451); Ke et al. 2017
//! (LightGBM) for the growth; scikit-learn 1.9.1, `HistGradientBoostingClassifier`.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::seed::derive;
use xscatter_core::{Estimator, Predictor, Result, TrainingSet};

use crate::bins::{Bins, MOST_BINS};
use crate::error::{ConfigError, require};
use crate::gradient_tree::{Gradient, GradientGrowth, Grown};
use crate::grow::below;
use crate::problem::{ClassMap, ClassWeight, Missing, Problem, n_scores, probabilities};
use crate::tree::Tree;

/// So many rows pass through the trees at once.
const BLOCK: usize = 64;

/// The end of boosting once held-out rows no longer gain from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// The part of each class's rows to hold out, above 0 and below 1. Rows of one group may fall on
    /// both sides.
    pub held_out: f64,
    /// So many rounds without a smaller log-loss end the fit; the best round counts.
    pub patience: usize,
}

/// The parameters of [`GradientBoosting`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoostingConfig {
    /// The most rounds; each adds a tree a class.
    pub rounds: usize,
    /// η: how much of each correction is taken, above 0 and up to 1.
    pub learning_rate: f64,
    /// The most leaves of a tree, 2 or more.
    pub max_leaves: usize,
    /// The fewest rows of a leaf.
    pub min_samples_leaf: usize,
    /// λ, 0 or more.
    pub l2: f64,
    /// The part of the features that a tree may use, above 0 and up to 1.
    pub feature_fraction: f64,
    /// The most bins of a feature, 2 to 255.
    pub max_bins: usize,
    /// Off by default: all rows train and all rounds are used.
    pub early_stopping: Option<EarlyStopping>,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
    /// The seed of feature choice and hold-out.
    pub seed: u64,
}

impl Default for GradientBoostingConfig {
    /// 100 rounds of trees with up to 15 leaves; 63 bins, which small tables hardly miss.
    fn default() -> Self {
        Self {
            rounds: 100,
            learning_rate: 0.1,
            max_leaves: 15,
            min_samples_leaf: 10,
            l2: 1.0,
            feature_fraction: 1.0,
            max_bins: 63,
            early_stopping: None,
            class_weight: ClassWeight::Uniform,
            seed: 0,
        }
    }
}

/// Gradient boosting of histogram trees for the log-loss.
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::GradientBoosting;
///
/// let rows = Array2::from_shape_fn((60, 1), |(row, _)| row as f32);
/// let names: Vec<&str> = (0..60).map(|row| if row < 30 { "low" } else { "high" }).collect();
/// let target = Target::Classes(Classes::from_names(&names));
/// let boosting = GradientBoosting::default();
/// let model = boosting.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(rows.view())?[[3, 1]] > 0.9);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "GradientBoostingConfig", into = "GradientBoostingConfig")]
pub struct GradientBoosting(GradientBoostingConfig);

impl GradientBoosting {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: GradientBoostingConfig) -> Result<Self, ConfigError> {
        let positive_part = |value: f64| value > 0.0 && value <= 1.0;
        require(config.rounds >= 1, "rounds", "1 or more", config.rounds)?;
        let rate = config.learning_rate;
        require(
            positive_part(rate),
            "learning_rate",
            "above 0 and up to 1",
            rate,
        )?;
        let leaves = config.max_leaves;
        require(leaves >= 2, "max_leaves", "2 or more", leaves)?;
        let samples = config.min_samples_leaf;
        require(samples >= 1, "min_samples_leaf", "1 or more", samples)?;
        let l2 = config.l2;
        require(l2 >= 0.0 && l2.is_finite(), "l2", "0 or more", l2)?;
        let fraction = config.feature_fraction;
        require(
            positive_part(fraction),
            "feature_fraction",
            "above 0 and up to 1",
            fraction,
        )?;
        let bins = config.max_bins;
        require(
            (2..=MOST_BINS).contains(&bins),
            "max_bins",
            "2 to 255",
            bins,
        )?;
        if let Some(EarlyStopping { held_out, patience }) = config.early_stopping {
            let inside = held_out > 0.0 && held_out < 1.0;
            require(inside, "held_out", "above 0 and below 1", held_out)?;
            require(patience >= 1, "patience", "1 or more", patience)?;
        }
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &GradientBoostingConfig {
        &self.0
    }

    /// The features of a tree, ascending.
    fn features(&self, n_features: usize, round: usize, output: usize) -> Vec<u32> {
        let wished = (self.0.feature_fraction * n_features as f64).ceil() as usize;
        let mut features: Vec<u32> = (0..n_features as u32).collect();
        if wished < n_features {
            let stream = derive(derive(self.0.seed, 1 + round as u64), output as u64);
            let mut rng = ChaCha8Rng::seed_from_u64(stream);
            for place in 0..wished {
                let other = place + below(&mut rng, (n_features - place) as u32) as usize;
                features.swap(place, other);
            }
            features.truncate(wished);
            features.sort_unstable();
        }
        features
    }

    /// Which rows train and which are held out, both ascending; each class keeps at least one.
    fn hold_out(&self, labels: &[u32], n_classes: usize) -> (Vec<usize>, Vec<usize>) {
        let mut held = vec![false; labels.len()];
        if let Some(EarlyStopping { held_out, .. }) = self.0.early_stopping {
            let mut rng = ChaCha8Rng::seed_from_u64(derive(self.0.seed, 0));
            for class in 0..n_classes as u32 {
                let mut rows: Vec<usize> = (0..labels.len())
                    .filter(|&row| labels[row] == class)
                    .collect();
                let wished = (held_out * rows.len() as f64).round() as usize;
                for place in 0..wished.min(rows.len() - 1) {
                    let other = place + below(&mut rng, (rows.len() - place) as u32) as usize;
                    rows.swap(place, other);
                    held[rows[place]] = true;
                }
            }
        }
        (0..labels.len()).partition(|&row| !held[row])
    }
}

impl TryFrom<GradientBoostingConfig> for GradientBoosting {
    type Error = ConfigError;

    fn try_from(config: GradientBoostingConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<GradientBoosting> for GradientBoostingConfig {
    fn from(boosting: GradientBoosting) -> Self {
        boosting.0
    }
}

impl Estimator for GradientBoosting {
    type Fitted = FittedBoosting;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedBoosting> {
        let config = &self.0;
        let problem = Problem::new(train, config.class_weight, Missing::Allowed)?;
        let (training, held) = self.hold_out(&problem.labels, problem.classes.len());
        let rows = problem.rows.select(Axis(0), &training);
        let weights: Vec<f64> = training.iter().map(|&row| problem.weights[row]).collect();
        let labels: Vec<u32> = training.iter().map(|&row| problem.labels[row]).collect();
        let bins = Bins::new(rows.view(), &weights, config.max_bins);

        let n_classes = problem.classes.len();
        let base = base_scores(&labels, &weights, n_classes);
        let mut boost = Boost {
            labels: &labels,
            weights: &weights,
            n_classes,
            scores: base.iter().map(|&s| vec![s; labels.len()]).collect(),
            gradients: vec![vec![Gradient::default(); labels.len()]; base.len()],
        };
        let mut model = FittedBoosting {
            n_features: bins.columns.len(),
            classes: problem.classes.clone(),
            base,
            trees: Vec::new(),
        };
        let mut watch = Watch::new(&model, &problem, &held);
        for round in 0..config.rounds {
            train.stop().check()?;
            boost.differentiate();
            let grown: Vec<Grown> = (0..model.base.len())
                .into_par_iter()
                .map(|output| {
                    let growth = GradientGrowth {
                        bins: &bins,
                        features: &self.features(bins.columns.len(), round, output),
                        max_leaves: config.max_leaves,
                        min_samples_leaf: config.min_samples_leaf,
                        l2: config.l2,
                        learning_rate: config.learning_rate,
                    };
                    growth.grow(&boost.gradients[output], train.stop())
                })
                .collect::<Result<_>>()?;
            for (scores, Grown { tree, leaves }) in boost.scores.iter_mut().zip(grown) {
                for (rows, value) in leaves {
                    for row in rows {
                        scores[row as usize] += f64::from(value);
                    }
                }
                model.trees.push(tree);
            }
            if let Some(EarlyStopping { patience, .. }) = config.early_stopping
                && !held.is_empty()
            {
                watch.see(&model, &problem, &held);
                if watch.rounds - watch.best_round >= patience {
                    break;
                }
            }
        }
        if config.early_stopping.is_some() && !held.is_empty() {
            model.trees.truncate(watch.best_round * model.base.len());
        }
        Ok(model)
    }
}

/// The scores that give each class its share of the weight.
fn base_scores(labels: &[u32], weights: &[f64], n_classes: usize) -> Vec<f64> {
    let mut share = vec![0.0; n_classes];
    for (&label, weight) in labels.iter().zip(weights) {
        share[label as usize] += weight;
    }
    if let [first, second] = share[..] {
        return vec![(second / first).ln()];
    }
    let total: f64 = share.iter().sum();
    share.iter().map(|share| (share / total).ln()).collect()
}

/// The state of the training rows.
struct Boost<'a> {
    labels: &'a [u32],
    weights: &'a [f64],
    n_classes: usize,
    /// Outputs × rows.
    scores: Vec<Vec<f64>>,
    /// Outputs × rows.
    gradients: Vec<Vec<Gradient>>,
}

impl Boost<'_> {
    fn differentiate(&mut self) {
        let mut scores = vec![0.0; self.scores.len()];
        let mut proba = vec![0.0; self.n_classes];
        // Friedman's factor: one class's score is redundant.
        let factor = if self.scores.len() == 1 {
            1.0
        } else {
            self.n_classes as f64 / (self.n_classes as f64 - 1.0)
        };
        // With a single score it is the second class that the score speaks for.
        let first_output = self.n_classes - self.scores.len();
        let single = self.scores.len() == 1;
        for (row, (&label, &weight)) in self.labels.iter().zip(self.weights).enumerate() {
            for (score, of_output) in scores.iter_mut().zip(&self.scores) {
                *score = of_output[row];
            }
            probabilities(&scores, &mut proba);
            for (output, gradients) in self.gradients.iter_mut().enumerate() {
                let class = if single { first_output } else { output };
                let p = proba[class];
                let truth = f64::from(u8::from(label as usize == class));
                gradients[row] = Gradient {
                    first: (weight * (p - truth)) as f32,
                    second: (weight * factor * p * (1.0 - p)) as f32,
                };
            }
        }
    }
}

/// The log-loss of the held-out rows, round by round.
struct Watch {
    /// Rows × outputs.
    scores: Vec<f64>,
    rounds: usize,
    best_round: usize,
    best_loss: f64,
}

impl Watch {
    fn new(model: &FittedBoosting, problem: &Problem<'_>, held: &[usize]) -> Self {
        let mut watch = Self {
            scores: model.base.repeat(held.len()),
            rounds: 0,
            best_round: 0,
            best_loss: f64::INFINITY,
        };
        if !held.is_empty() {
            watch.best_loss = watch.loss(model, problem, held);
        }
        watch
    }

    fn see(&mut self, model: &FittedBoosting, problem: &Problem<'_>, held: &[usize]) {
        let n_outputs = model.base.len();
        let newest = &model.trees[self.rounds * n_outputs..];
        for (&row, scores) in held.iter().zip(self.scores.chunks_exact_mut(n_outputs)) {
            let row = &problem.flat()[row * model.n_features..][..model.n_features];
            for (score, tree) in scores.iter_mut().zip(newest) {
                *score += f64::from(tree.values(row, 1)[0]);
            }
        }
        self.rounds += 1;
        let loss = self.loss(model, problem, held);
        if loss < self.best_loss {
            self.best_loss = loss;
            self.best_round = self.rounds;
        }
    }

    fn loss(&self, model: &FittedBoosting, problem: &Problem<'_>, held: &[usize]) -> f64 {
        let mut proba = vec![0.0; model.classes.len()];
        let rows = held.iter().zip(self.scores.chunks_exact(model.base.len()));
        rows.map(|(&row, scores)| {
            probabilities(scores, &mut proba);
            let p = proba[problem.labels[row] as usize].max(f64::MIN_POSITIVE);
            -problem.weights[row] * p.ln()
        })
        .sum()
    }
}

/// The trees of a boosted model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawBoosting")]
pub struct FittedBoosting {
    n_features: usize,
    classes: ClassMap,
    /// The score of every output before the first tree.
    base: Vec<f64>,
    /// Round by round, output by output.
    trees: Vec<Tree>,
}

#[derive(Deserialize)]
struct RawBoosting {
    n_features: usize,
    classes: ClassMap,
    base: Vec<f64>,
    trees: Vec<Tree>,
}

impl TryFrom<RawBoosting> for FittedBoosting {
    type Error = String;

    fn try_from(raw: RawBoosting) -> Result<Self, String> {
        let outputs = n_scores(raw.classes.len());
        let whole = raw.trees.len().is_multiple_of(outputs);
        if raw.base.len() != outputs || !whole || raw.n_features == 0 {
            return Err(format!(
                "expected features, {outputs} base scores and a multiple of {outputs} trees, got {}, \
                 {} and {}",
                raw.n_features,
                raw.base.len(),
                raw.trees.len()
            ));
        }
        for tree in &raw.trees {
            tree.check(raw.n_features, 1)?;
        }
        Ok(Self {
            n_features: raw.n_features,
            classes: raw.classes,
            base: raw.base,
            trees: raw.trees,
        })
    }
}

impl FittedBoosting {
    /// How many rounds the model uses.
    pub fn n_rounds(&self) -> usize {
        self.trees.len() / self.base.len()
    }
}

impl Predictor for FittedBoosting {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        let n_outputs = self.base.len();
        let n_classes = self.classes.len();
        self.classes.predict(rows, BLOCK, |rows, proba| {
            let mut scores = self.base.repeat(rows.len() / self.n_features);
            for (number, tree) in self.trees.iter().enumerate() {
                let rows = rows.chunks_exact(self.n_features);
                for (row, scores) in rows.zip(scores.chunks_exact_mut(n_outputs)) {
                    scores[number % n_outputs] += f64::from(tree.values(row, 1)[0]);
                }
            }
            let scores = scores.chunks_exact(n_outputs);
            for (scores, proba) in scores.zip(proba.chunks_exact_mut(n_classes)) {
                probabilities(scores, proba);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::concatenate;
    use xscatter_core::{Classes, Target};

    /// Labels that depend on the first feature, but for some noise.
    fn noisy(n_rows: usize, n_classes: u32, noise: f32) -> (Array2<f32>, Target) {
        let number =
            |row: usize, column: usize| (derive(row as u64, column as u64) % 1000) as f32 / 1000.0;
        let rows = Array2::from_shape_fn((n_rows, 4), |(row, column)| number(row, column));
        let labels = (0..n_rows)
            .map(|row| {
                let place = rows[[row, 0]] + noise * (number(row, 9) - 0.5);
                ((place * n_classes as f32).max(0.0) as u32).min(n_classes - 1)
            })
            .collect();
        let names = (0..n_classes)
            .map(|class| class.to_string().into())
            .collect();
        (rows, Target::Classes(Classes::new(names, labels).unwrap()))
    }

    #[test]
    fn early_stopping_ends_where_held_out_rows_gain_no_more() {
        let (rows, target) = noisy(300, 3, 1.0);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let config = GradientBoostingConfig {
            rounds: 400,
            early_stopping: Some(EarlyStopping {
                held_out: 0.2,
                patience: 10,
            }),
            ..GradientBoostingConfig::default()
        };
        let model = GradientBoosting::new(config).unwrap().fit(&train).unwrap();
        assert!((1..200).contains(&model.n_rounds()), "{}", model.n_rounds());
    }

    #[test]
    fn more_rounds_fit_the_training_rows_better() {
        let (rows, target) = noisy(300, 3, 0.2);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let labels = target.classes().unwrap().labels();
        let loss = |rounds| {
            let config = GradientBoostingConfig {
                rounds,
                ..GradientBoostingConfig::default()
            };
            let model = GradientBoosting::new(config).unwrap().fit(&train).unwrap();
            let proba = model.predict_proba(rows.view()).unwrap();
            let of_truth = labels.iter().zip(proba.rows());
            of_truth
                .map(|(&label, p)| -p[label as usize].ln())
                .sum::<f32>()
        };
        let losses = [1, 5, 25, 125].map(loss);
        assert!(losses.is_sorted_by(|a, b| a > b), "{losses:?}");
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        for n_classes in [2, 3] {
            let (rows, target) = noisy(120, n_classes, 0.4);
            let twice = concatenate![Axis(0), rows, rows.slice(ndarray::s![..60, ..])];
            let twice_target = target.select(&(0..180).map(|row| row % 120).collect::<Vec<_>>());
            let weights: Vec<f32> = (0..120)
                .map(|row| if row < 60 { 2.0 } else { 1.0 })
                .collect();
            let config = GradientBoostingConfig {
                rounds: 10,
                min_samples_leaf: 1,
                max_bins: MOST_BINS,
                ..GradientBoostingConfig::default()
            };
            let boosting = GradientBoosting::new(config).unwrap();
            let train = TrainingSet::new(rows.view(), &target).unwrap();
            let weighted = boosting
                .fit(&train.with_weights(&weights).unwrap())
                .unwrap();
            let train = TrainingSet::new(twice.view(), &twice_target).unwrap();
            let repeated = boosting.fit(&train).unwrap();
            let weighted = weighted.predict_proba(rows.view()).unwrap();
            let repeated = repeated.predict_proba(rows.view()).unwrap();
            for (a, b) in weighted.iter().zip(&repeated) {
                approx::assert_abs_diff_eq!(a, b, epsilon = 1e-5);
            }
        }
    }
}
