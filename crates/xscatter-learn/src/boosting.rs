//! Gradient boosting: a sum of small trees, each of which corrects those before it.
//!
//! Use it where thousands of rows and interactions between features make single effects too simple;
//! it takes missing values and needs no scaling. Below some hundred rows forests and linear models
//! are as good and cheaper.
//!
//! ```text
//! p_k = softmax(F_k)          F_k ← F_k + η Σ_leaf v_leaf [row in leaf]        v = − S(G) / (H + λ)
//! G = Σ w (p_k − y_k)         H = Σ w K/(K−1) p_k (1 − p_k)                    S(G) = sign(G) max(|G| − α, 0)
//! gain of a split = S(G_L)²/(H_L+λ) + S(G_R)²/(H_R+λ) − S(G)²/(H+λ)
//! ```
//!
//! | growth | splits next | one tree is for | as in |
//! |---|---|---|---|
//! | [`TreeGrowth::LeafWise`] | the leaf with the largest gain | one class | LightGBM |
//! | [`TreeGrowth::DepthWise`] | every leaf down to a depth | one class | XGBoost |
//! | [`TreeGrowth::Symmetric`] | all leaves of a level alike | all classes | CatBoost |
//!
//! Two classes have one score, with a logistic link. Features are cut into bins, derivatives are summed for each
//! bin, and of two sibling histograms one is a difference. `NaN` goes to the side where the gain is larger. The
//! model does not depend on the number of threads. Fitting costs O(rounds · classes · rows · features · log leaves)
//! time. Sources: Friedman 2001 (doi:10.1214/aos/1013203451); Ke et al. 2017 (LightGBM); Chen and Guestrin 2016
//! (doi:10.1145/2939672.2939785) for the gain; Prokhorenkova et al. 2018 (CatBoost) for symmetric trees.

mod free;
mod histogram;
mod model;
mod symmetric;
mod symmetric_tree;

use std::borrow::Cow;
use std::sync::Mutex;

use ndarray::Axis;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::derive;
use xscatter_core::{Estimator, Result, StopToken, TrainingSet};

use crate::bins::{Bins, Column, MOST_BINS};
use crate::error::{ConfigError, require};
use crate::grow::below;
use crate::problem::{ClassWeight, Missing, Problem, probabilities};
use free::FreeGrowth;
use histogram::{Codes, Gradient, LEAST_SECOND, Output, Penalty, Sum, Unit, roots};
pub use model::FittedBoosting;
use model::Trees;
use symmetric::SymmetricGrowth;
use symmetric_tree::DEEPEST;

/// Which leaf is split next, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreeGrowth {
    /// The leaf with the largest gain: few leaves where they matter most.
    LeafWise {
        /// The most leaves of a tree, 2 or more.
        max_leaves: usize,
    },
    /// Every leaf that gains: balanced trees.
    DepthWise {
        /// The most splits between root and leaf, 1 to 16.
        max_depth: usize,
    },
    /// All leaves of a level by the same split, for all classes at once: smooth models that predict fast and learn
    /// slowly from each tree, so that they take a larger learning rate.
    Symmetric {
        /// The splits between root and leaf, 1 to 16.
        depth: usize,
    },
}

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
    /// Which leaf is split next, and how many there may be.
    pub growth: TreeGrowth,
    /// The fewest rows of a leaf; symmetric trees have none.
    pub min_samples_leaf: usize,
    /// The least H of a leaf, 0 or more; a split that leaves less on a side gains nothing.
    pub min_child_weight: f64,
    /// A split gains more than this, 0 or more.
    pub min_gain: f64,
    /// α, 0 or more.
    pub l1: f64,
    /// λ, 0 or more.
    pub l2: f64,
    /// The part of the features that the trees of a round may use, above 0 and up to 1.
    pub feature_fraction: f64,
    /// The part of the rows that the trees of a round learn from, above 0 and up to 1.
    pub row_fraction: f64,
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
            growth: TreeGrowth::LeafWise { max_leaves: 15 },
            min_samples_leaf: 10,
            min_child_weight: LEAST_SECOND,
            min_gain: 0.0,
            l1: 0.0,
            l2: 1.0,
            feature_fraction: 1.0,
            row_fraction: 1.0,
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
        let deep = |field, depth| require((1..=DEEPEST).contains(&depth), field, "1 to 16", depth);
        match config.growth {
            TreeGrowth::LeafWise { max_leaves } => {
                require(max_leaves >= 2, "max_leaves", "2 or more", max_leaves)?;
            }
            TreeGrowth::DepthWise { max_depth } => deep("max_depth", max_depth)?,
            TreeGrowth::Symmetric { depth } => deep("depth", depth)?,
        }
        let samples = config.min_samples_leaf;
        require(samples >= 1, "min_samples_leaf", "1 or more", samples)?;
        for (field, value) in [
            ("min_child_weight", config.min_child_weight),
            ("min_gain", config.min_gain),
            ("l1", config.l1),
            ("l2", config.l2),
        ] {
            let holds = value >= 0.0 && value.is_finite();
            require(holds, field, "0 or more", value)?;
        }
        for (field, value) in [
            ("feature_fraction", config.feature_fraction),
            ("row_fraction", config.row_fraction),
        ] {
            require(positive_part(value), field, "above 0 and up to 1", value)?;
        }
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

    /// The features that a round uses and, unless it learns from all, the rows, both ascending.
    fn draw(&self, round: usize, n_features: usize, n_rows: usize) -> (Vec<u32>, Option<Vec<u32>>) {
        let part = |fraction: f64, n: usize, stream: u64| {
            let wished = (fraction * n as f64).ceil() as usize;
            (wished < n).then(|| {
                let seed = derive(derive(self.0.seed, 1 + round as u64), stream);
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let mut drawn: Vec<u32> = (0..n as u32).collect();
                for place in 0..wished {
                    let other = place + below(&mut rng, (n - place) as u32) as usize;
                    drawn.swap(place, other);
                }
                drawn.truncate(wished);
                drawn.sort_unstable();
                drawn
            })
        };
        let features = part(self.0.feature_fraction, n_features, 0);
        let all = || (0..n_features as u32).collect();
        (
            features.unwrap_or_else(all),
            part(self.0.row_fraction, n_rows, 1),
        )
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
        let trees = match config.growth {
            TreeGrowth::Symmetric { .. } => Trees::Symmetric(Vec::new()),
            _ => Trees::Free(Vec::new()),
        };
        let mut model =
            FittedBoosting::new(bins.columns.len(), problem.classes.clone(), base, trees);
        let mut watch = Watch::new(&model, &problem, &held);
        let mut gains = Vec::new();
        let mut codes: Option<Codes> = None;
        let spare = Mutex::new(Vec::new());
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let usual = mean.log2().floor().exp2();
        let flat = rows
            .as_slice()
            .expect("selected rows stand one after the other");
        for round in 0..config.rounds {
            train.stop().check()?;
            boost.differentiate();
            let (features, drawn) = self.draw(round, bins.columns.len(), labels.len());
            let codes = match &mut codes {
                Some(codes) if drawn.is_none() && codes.features == features => codes,
                codes => codes.insert(Codes::new(&bins, features, drawn.as_deref())),
            };
            let learning = Learning {
                config,
                columns: &bins.columns,
                codes,
                drawn: drawn.as_deref(),
                usual,
                spare: &spare,
                stop: train.stop(),
            };
            gains.push(learning.round(&mut boost, &mut model)?);
            if let Some(drawn) = &drawn {
                boost.see_others(drawn, &model, flat, round);
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
            model.truncate(watch.best_round);
            gains.truncate(watch.best_round);
        }
        for (feature, gain) in gains.into_iter().flatten() {
            model.gains[feature as usize] += gain;
        }
        Ok(model)
    }
}

/// What a round learns with.
struct Learning<'a> {
    config: &'a GradientBoostingConfig,
    columns: &'a [Column],
    codes: &'a Codes,
    /// The rows that the codes are of, if not of all.
    drawn: Option<&'a [u32]>,
    /// The usual weight of a row, to a power of two.
    usual: f64,
    /// Histograms to use again.
    spare: &'a Mutex<Vec<Vec<Sum>>>,
    stop: &'a StopToken,
}

impl Learning<'_> {
    /// Grows the trees of a round; the features and gains of their splits.
    fn round(&self, boost: &mut Boost<'_>, model: &mut FittedBoosting) -> Result<Vec<(u32, f64)>> {
        let config = self.config;
        let pick = |drawn: &[u32], of: &[Gradient]| -> Vec<Gradient> {
            drawn.iter().map(|&row| of[row as usize]).collect()
        };
        let picked: Option<Vec<Vec<Gradient>>> = self
            .drawn
            .map(|drawn| boost.gradients.iter().map(|of| pick(drawn, of)).collect());
        let gradients = picked.as_ref().unwrap_or(&boost.gradients);
        let weights: Cow<'_, [f64]> = match self.drawn {
            None => boost.weights.into(),
            Some(drawn) => drawn
                .iter()
                .map(|&row| boost.weights[row as usize])
                .collect(),
        };
        let whole: Vec<(Unit, Vec<Sum>)> = gradients
            .par_iter()
            .map(|gradients| {
                let unit = Unit::of(gradients);
                let rows = gradients.iter().zip(&*weights);
                let sums = rows.map(|(&gradient, weight)| unit.sum(gradient, weight / self.usual));
                (unit, sums.collect())
            })
            .collect();
        let outputs: Vec<Output<'_>> = gradients
            .iter()
            .zip(&whole)
            .map(|(gradients, (unit, sums))| Output {
                gradients,
                unit: *unit,
                sums,
            })
            .collect();
        let row_of = |row: u32| self.drawn.map_or(row, |drawn| drawn[row as usize]) as usize;
        let penalty = Penalty {
            l1: config.l1,
            l2: config.l2,
            least: config.min_child_weight,
        };
        match (config.growth, &mut model.trees) {
            (TreeGrowth::Symmetric { depth }, Trees::Symmetric(trees)) => {
                let growth = SymmetricGrowth {
                    codes: self.codes,
                    columns: self.columns,
                    weights: &weights,
                    depth,
                    min_gain: config.min_gain,
                    penalty,
                    learning_rate: config.learning_rate,
                };
                let grown = growth.grow(&outputs, self.stop)?;
                for (row, leaf) in (0..).zip(grown.leaves) {
                    let values = grown.tree.values(leaf);
                    for (scores, &value) in boost.scores.iter_mut().zip(values) {
                        scores[row_of(row)] += f64::from(value);
                    }
                }
                trees.push(grown.tree);
                Ok(grown.gains)
            }
            (growth, Trees::Free(trees)) => {
                let (max_leaves, max_depth) = match growth {
                    TreeGrowth::DepthWise { max_depth } => (usize::MAX, max_depth),
                    TreeGrowth::LeafWise { max_leaves } => (max_leaves, usize::MAX),
                    TreeGrowth::Symmetric { .. } => unreachable!("its trees are symmetric"),
                };
                let growth = FreeGrowth {
                    codes: self.codes,
                    columns: self.columns,
                    weights: &weights,
                    max_leaves,
                    max_depth,
                    min_samples_leaf: config.min_samples_leaf,
                    min_gain: config.min_gain,
                    penalty,
                    learning_rate: config.learning_rate,
                    spare: self.spare,
                };
                let roots = roots(self.codes, &outputs);
                let grown = outputs
                    .par_iter()
                    .zip(roots)
                    .map(|(output, root)| growth.grow(output, root, self.stop))
                    .collect::<Result<Vec<_>>>()?;
                let mut gains = Vec::new();
                for (scores, grown) in boost.scores.iter_mut().zip(grown) {
                    for (range, value) in grown.leaves {
                        for &row in &grown.rows[range] {
                            scores[row_of(row)] += f64::from(value);
                        }
                    }
                    trees.push(grown.tree);
                    gains.extend(grown.gains);
                }
                Ok(gains)
            }
            (_, Trees::Symmetric(_)) => unreachable!("the trees are those of the growth"),
        }
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
    /// Adds the newest round's values to the scores of the rows that it was not shown.
    fn see_others(&mut self, drawn: &[u32], model: &FittedBoosting, rows: &[f32], round: usize) {
        let mut next = drawn.iter().peekable();
        for row in 0..self.labels.len() {
            if next.next_if(|&&drawn| drawn as usize == row).is_some() {
                continue;
            }
            let mut scores = vec![0.0; self.scores.len()];
            let width = model.n_features();
            model.add(round..round + 1, &rows[row * width..][..width], &mut scores);
            for (of_output, score) in self.scores.iter_mut().zip(scores) {
                of_output[row] += score;
            }
        }
    }

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
            scores: model.base().repeat(held.len()),
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
        let width = model.n_features();
        let scores = self.scores.chunks_exact_mut(model.base().len());
        for (&row, scores) in held.iter().zip(scores) {
            let row = &problem.flat()[row * width..][..width];
            model.add(self.rounds..self.rounds + 1, row, scores);
        }
        self.rounds += 1;
        let loss = self.loss(model, problem, held);
        if loss < self.best_loss {
            self.best_loss = loss;
            self.best_round = self.rounds;
        }
    }

    fn loss(&self, model: &FittedBoosting, problem: &Problem<'_>, held: &[usize]) -> f64 {
        let mut proba = vec![0.0; problem.classes.len()];
        let rows = held
            .iter()
            .zip(self.scores.chunks_exact(model.base().len()));
        rows.map(|(&row, scores)| {
            probabilities(scores, &mut proba);
            let p = proba[problem.labels[row] as usize].max(f64::MIN_POSITIVE);
            -problem.weights[row] * p.ln()
        })
        .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, concatenate};
    use xscatter_core::{Classes, Predictor, Target};

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
