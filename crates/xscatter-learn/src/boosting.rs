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
mod round;
mod symmetric;
mod symmetric_tree;

use std::sync::Mutex;

use ndarray::Axis;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::derive;
use xscatter_core::{Estimator, Result, TrainingSet};

use crate::bins::{Bins, MOST_BINS};
use crate::error::{ConfigError, require};
use crate::grow::below;
use crate::problem::{ClassWeight, Missing, Problem};
use histogram::{Codes, LEAST_SECOND};
pub use model::FittedBoosting;
use model::Trees;
use round::{Boost, Learning, Watch, base_scores};
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
        let mut boost = Boost::new(&labels, &weights, n_classes, &base);
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

    #[test]
    fn leaves_and_splits_keep_their_limits() {
        let (mut rows, target) = noisy(400, 3, 0.5);
        for row in (0..400).step_by(7) {
            rows[[row, 0]] = f32::NAN;
        }
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let fit = |config: GradientBoostingConfig| {
            let config = GradientBoostingConfig {
                rounds: 5,
                ..config
            };
            let model = GradientBoosting::new(config).unwrap().fit(&train).unwrap();
            let Trees::Free(trees) = model.trees else {
                panic!("symmetric trees");
            };
            trees
        };
        let covers = |tree: &crate::tree::Tree| -> Vec<f64> {
            let leaves = 0..tree.covers().len();
            let is_leaf = |&node: &usize| matches!(tree.branch(node), crate::tree::Branch::Leaf(_));
            leaves
                .filter(is_leaf)
                .map(|node| tree.covers()[node])
                .collect()
        };
        for min_samples_leaf in [1, 25] {
            let trees = fit(GradientBoostingConfig {
                growth: TreeGrowth::LeafWise { max_leaves: 9 },
                min_samples_leaf,
                ..GradientBoostingConfig::default()
            });
            for covers in trees.iter().map(covers) {
                assert!((2..=9).contains(&covers.len()));
                assert!(covers.iter().all(|&rows| rows >= min_samples_leaf as f64));
                assert_eq!(covers.iter().sum::<f64>(), 400.0);
            }
        }
        let trees = fit(GradientBoostingConfig {
            growth: TreeGrowth::DepthWise { max_depth: 3 },
            ..GradientBoostingConfig::default()
        });
        assert!(trees.iter().map(covers).all(|covers| covers.len() <= 8));
        for strict in [
            GradientBoostingConfig {
                l1: 1e6,
                ..GradientBoostingConfig::default()
            },
            GradientBoostingConfig {
                min_gain: 1e6,
                ..GradientBoostingConfig::default()
            },
            GradientBoostingConfig {
                min_child_weight: 1e6,
                ..GradientBoostingConfig::default()
            },
        ] {
            assert!(
                fit(strict)
                    .iter()
                    .map(covers)
                    .all(|covers| covers.len() == 1)
            );
        }
    }

    #[test]
    fn the_feature_that_counts_gains_most() {
        let (rows, target) = noisy(300, 3, 0.2);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        for growth in [
            TreeGrowth::LeafWise { max_leaves: 8 },
            TreeGrowth::DepthWise { max_depth: 3 },
            TreeGrowth::Symmetric { depth: 3 },
        ] {
            let config = GradientBoostingConfig {
                rounds: 20,
                growth,
                row_fraction: 0.7,
                ..GradientBoostingConfig::default()
            };
            let model = GradientBoosting::new(config).unwrap().fit(&train).unwrap();
            let importance = model.importance();
            assert!(importance.shares()[0] > 0.5, "{importance:?}");
            assert!((importance.shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(importance.mean_gain()[0] > importance.mean_gain()[3]);
        }
    }

    #[test]
    fn fields_out_of_their_domain_are_named() {
        for (config, message) in [
            (
                GradientBoostingConfig {
                    growth: TreeGrowth::Symmetric { depth: 17 },
                    ..GradientBoostingConfig::default()
                },
                "depth: expected 1 to 16, got 17",
            ),
            (
                GradientBoostingConfig {
                    row_fraction: 0.0,
                    ..GradientBoostingConfig::default()
                },
                "row_fraction: expected above 0 and up to 1, got 0",
            ),
            (
                GradientBoostingConfig {
                    min_gain: f64::NAN,
                    ..GradientBoostingConfig::default()
                },
                "min_gain: expected 0 or more, got NaN",
            ),
        ] {
            let error = GradientBoosting::new(config).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
