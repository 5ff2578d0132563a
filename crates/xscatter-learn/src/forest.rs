//! Extra trees and random forest: the mean of many deep trees that differ by chance.
//!
//! Use them as the first guess on tables of any scale, with missing values, with features that say
//! nothing: they need no scaling and hardly any tuning. Do not expect them to extrapolate, and prefer
//! a linear model where rows are few and features many and correlated.
//!
//! ```text
//! p(class | row) = 1/T Σ_t (weight of the class in the row's leaf of tree t) / (weight of that leaf)
//! ```
//!
//! | | rows of a tree | cuts that a node tries |
//! |---|---|---|
//! | [`RandomForest`] | drawn with replacement | for each feature drawn, all |
//! | [`ExtraTrees`] | all | for each feature drawn, one, uniform between its extremes |
//!
//! Splits minimise the weighted impurity. Features are cut into at most
//! [`max_bins`](ForestConfig::max_bins) bins first; `NaN` is *missing* and goes to the side where it
//! helps most. Tree t uses the random stream t of the seed, so the model does not depend on the number
//! of threads. Fitting costs O(trees · rows · features drawn · log rows) time. Sources: Breiman 2001
//! (doi:10.1023/A:1010933404324); Geurts, Ernst and Wehenkel 2006 (doi:10.1007/s10994-006-6226-1);
//! scikit-learn 1.9.1 for the defaults.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::seed::derive;
use xscatter_core::{Estimator, Predictor, Result, TrainingSet};

use crate::bins::{Bins, MOST_BINS};
use crate::error::{ConfigError, require};
use crate::grow::{Cuts, Growth, Sample, SplitCriterion, below};
use crate::importance::Importance;
use crate::problem::{ClassMap, ClassWeight, Missing, Problem};
use crate::shap::{Explained, ShapValues};
use crate::tree::Tree;

/// So many rows pass through a tree while it is in the cache.
const BLOCK: usize = 512;

/// How many of the features a node looks at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitFeatures {
    /// √(features).
    Sqrt,
    /// log₂(features).
    Log2,
    /// This part of the features, above 0 and up to 1.
    Fraction(f64),
}

impl SplitFeatures {
    fn count(self, n_features: usize) -> usize {
        let count = match self {
            Self::Sqrt => (n_features as f64).sqrt(),
            Self::Log2 => (n_features as f64).log2(),
            Self::Fraction(fraction) => fraction * n_features as f64,
        };
        (count as usize).clamp(1, n_features)
    }
}

/// The parameters of both forests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForestConfig {
    /// How many trees.
    pub trees: usize,
    /// The most splits between root and leaf; `None` lets trees grow until leaves are pure.
    pub max_depth: Option<usize>,
    /// The fewest rows of a leaf.
    pub min_samples_leaf: usize,
    /// How many features a node looks at.
    pub split_features: SplitFeatures,
    /// What a split makes smaller.
    pub criterion: SplitCriterion,
    /// The most bins of a feature, 2 to 255.
    pub max_bins: usize,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
    /// The seed of all trees.
    pub seed: u64,
}

impl Default for ForestConfig {
    /// 200 full trees, √(features) a node.
    fn default() -> Self {
        Self {
            trees: 200,
            max_depth: None,
            min_samples_leaf: 1,
            split_features: SplitFeatures::Sqrt,
            criterion: SplitCriterion::Gini,
            max_bins: MOST_BINS,
            class_weight: ClassWeight::Uniform,
            seed: 0,
        }
    }
}

impl ForestConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        require(self.trees >= 1, "trees", "1 or more", self.trees)?;
        let leaf = self.min_samples_leaf;
        require(leaf >= 1, "min_samples_leaf", "1 or more", leaf)?;
        let bins = self.max_bins;
        require(
            (2..=MOST_BINS).contains(&bins),
            "max_bins",
            "2 to 255",
            bins,
        )?;
        if let SplitFeatures::Fraction(fraction) = self.split_features {
            let holds = fraction > 0.0 && fraction <= 1.0;
            require(holds, "split_features", "above 0 and up to 1", fraction)?;
        }
        Ok(())
    }

    pub(crate) fn fit(
        &self,
        train: &TrainingSet<'_>,
        cuts: Cuts,
        draw: Draw,
    ) -> Result<FittedForest> {
        let problem = Problem::new(train, self.class_weight, Missing::Allowed)?;
        let bins = Bins::new(problem.rows.view(), &problem.weights, self.max_bins);
        let growth = Growth {
            bins: &bins,
            n_classes: problem.classes.len(),
            cuts,
            criterion: self.criterion,
            n_candidates: self.split_features.count(bins.columns.len()),
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_leaf: self.min_samples_leaf,
        };
        let grown = (0..self.trees)
            .into_par_iter()
            .map(|tree| {
                let mut rng = ChaCha8Rng::seed_from_u64(derive(self.seed, tree as u64));
                let mut samples = match draw {
                    Draw::WithReplacement => bootstrap(&problem, &mut rng),
                    Draw::All => all(&problem),
                };
                growth.grow(&mut samples, &mut rng, train.stop())
            })
            .collect::<Result<Vec<(Tree, Vec<f64>)>>>()?;
        let mut gains = vec![0.0; bins.columns.len()];
        let mut trees = Vec::with_capacity(grown.len());
        for (tree, of_tree) in grown {
            trees.push(tree);
            for (gain, of_tree) in gains.iter_mut().zip(of_tree) {
                *gain += of_tree / self.trees as f64;
            }
        }
        Ok(FittedForest {
            n_features: bins.columns.len(),
            classes: problem.classes,
            trees,
            gains,
        })
    }
}

/// The rows that a tree learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Draw {
    All,
    /// As many as there are, of which some come twice and some not at all.
    WithReplacement,
}

fn sample(problem: &Problem<'_>, row: usize, times: u32) -> Sample {
    Sample {
        row: row as u32,
        label: problem.labels[row],
        weight: problem.weights[row] * f64::from(times),
    }
}

fn all(problem: &Problem<'_>) -> Vec<Sample> {
    (0..problem.labels.len())
        .map(|row| sample(problem, row, 1))
        .collect()
}

/// As many rows as there are, drawn with replacement; a row drawn twice weighs double.
fn bootstrap(problem: &Problem<'_>, rng: &mut ChaCha8Rng) -> Vec<Sample> {
    let n_rows = problem.labels.len();
    let mut times = vec![0; n_rows];
    for _ in 0..n_rows {
        times[below(rng, n_rows as u32) as usize] += 1;
    }
    (0..n_rows)
        .filter(|&row| times[row] > 0)
        .map(|row| sample(problem, row, times[row]))
        .collect()
}

/// Extremely randomised trees: fast to fit, smooth, the best first guess.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::{ExtraTrees, ForestConfig};
///
/// let rows = array![[0.0_f32], [0.1], [0.9], [1.0]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let trees = ExtraTrees::new(ForestConfig { trees: 50, ..ForestConfig::default() })?;
/// let model = trees.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(array![[0.95]].view())?[[0, 1]] > 0.5);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ForestConfig", into = "ForestConfig")]
pub struct ExtraTrees(ForestConfig);

/// Random forest: bootstrap rows and the best cuts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ForestConfig", into = "ForestConfig")]
pub struct RandomForest(ForestConfig);

macro_rules! forest {
    ($forest:ident, $cuts:expr, $draw:expr) => {
        impl $forest {
            /// From its configuration.
            ///
            /// # Errors
            /// [`ConfigError`] if a field is out of its domain.
            pub fn new(config: ForestConfig) -> Result<Self, ConfigError> {
                config.check()?;
                Ok(Self(config))
            }

            /// Its configuration.
            pub fn config(&self) -> &ForestConfig {
                &self.0
            }
        }

        impl TryFrom<ForestConfig> for $forest {
            type Error = ConfigError;

            fn try_from(config: ForestConfig) -> Result<Self, ConfigError> {
                Self::new(config)
            }
        }

        impl From<$forest> for ForestConfig {
            fn from(forest: $forest) -> Self {
                forest.0
            }
        }

        impl Estimator for $forest {
            type Fitted = FittedForest;

            fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedForest> {
                self.0.fit(train, $cuts, $draw)
            }
        }
    };
}
forest!(ExtraTrees, Cuts::Random, Draw::All);
forest!(RandomForest, Cuts::Best, Draw::WithReplacement);

/// The trees of a forest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawForest")]
pub struct FittedForest {
    n_features: usize,
    classes: ClassMap,
    trees: Vec<Tree>,
    /// What the splits by each feature took from the impurity, in the mean of the trees.
    gains: Vec<f64>,
}

#[derive(Deserialize)]
struct RawForest {
    n_features: usize,
    classes: ClassMap,
    trees: Vec<Tree>,
    /// What the splits by each feature took from the impurity, in the mean of the trees.
    gains: Vec<f64>,
}

impl TryFrom<RawForest> for FittedForest {
    type Error = String;

    fn try_from(raw: RawForest) -> Result<Self, String> {
        if raw.trees.is_empty() || raw.n_features == 0 {
            return Err("expected at least one tree and one feature".to_owned());
        }
        if raw.gains.len() != raw.n_features || raw.gains.iter().any(|gain| !gain.is_finite()) {
            return Err(format!(
                "expected a finite gain for each of {} features, got {}",
                raw.n_features,
                raw.gains.len()
            ));
        }
        for tree in &raw.trees {
            tree.check(raw.n_features, raw.classes.len())?;
            if !tree.holds_shares(raw.classes.len()) {
                return Err("expected leaves that share 1 among the classes".to_owned());
            }
        }
        Ok(Self {
            n_features: raw.n_features,
            classes: raw.classes,
            trees: raw.trees,
            gains: raw.gains,
        })
    }
}

impl FittedForest {
    /// How many trees.
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// How much each feature's splits took from the impurity, in the mean of the trees.
    pub fn importance(&self) -> Importance {
        let splits = self.trees.iter().flat_map(Tree::split_features);
        Importance::new(self.gains.clone(), splits)
    }

    /// How much each feature adds to each row's probabilities; see [`ShapValues`].
    ///
    /// # Errors
    /// If the number of features differs from that of the fit.
    pub fn shap_values(&self, rows: ArrayView2<'_, f32>) -> Result<ShapValues> {
        check_features(rows, self.n_features)?;
        let names = self.classes.present_names();
        let base = vec![0.0; names.len()];
        Ok(ShapValues::of(&self.explained(), names, base, rows))
    }

    pub(crate) fn explained(&self) -> Vec<Explained<'_>> {
        let explained = |tree| Explained {
            tree: Cow::Borrowed(tree),
            outputs: 0..self.classes.len(),
            share: 1.0 / self.trees.len() as f64,
        };
        self.trees.iter().map(explained).collect()
    }
}

impl Predictor for FittedForest {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        let n_classes = self.classes.len();
        self.classes.predict(rows, BLOCK, |rows, scores| {
            let mut leaves = vec![0; rows.len() / self.n_features];
            for tree in &self.trees {
                tree.leaves(rows, self.n_features, &mut leaves);
                for (&leaf, scores) in leaves.iter().zip(scores.chunks_exact_mut(n_classes)) {
                    let values = tree.leaf_values(leaf, n_classes);
                    for (score, &value) in scores.iter_mut().zip(values) {
                        *score += f64::from(value);
                    }
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use xscatter_core::{Classes, Target};

    fn noisy(n_rows: usize) -> (Array2<f32>, Target) {
        let number =
            |row: usize, column: usize| (derive(row as u64, column as u64) % 1000) as f32 / 1000.0;
        let rows = Array2::from_shape_fn((n_rows, 3), |(row, column)| number(row, column));
        let labels = (0..n_rows)
            .map(|row| u32::from(rows[[row, 0]] + 0.3 * number(row, 9) > 0.6))
            .collect();
        let names = vec!["no".into(), "yes".into()];
        (rows, Target::Classes(Classes::new(names, labels).unwrap()))
    }

    #[test]
    fn limits_make_trees_smaller() {
        let (rows, target) = noisy(200);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let most_nodes = |config: ForestConfig| {
            let forest = ExtraTrees::new(ForestConfig { trees: 5, ..config }).unwrap();
            let model = serde_json::to_value(forest.fit(&train).unwrap()).unwrap();
            let trees = model["trees"].as_array().unwrap().iter();
            let nodes = trees.map(|tree| tree["features"].as_array().unwrap().len());
            nodes.max().unwrap()
        };
        assert!(most_nodes(ForestConfig::default()) > 19);
        let shallow = ForestConfig {
            max_depth: Some(2),
            ..ForestConfig::default()
        };
        assert_eq!(most_nodes(shallow), 7);
        // At most ten leaves of at least 20 of the 200 rows.
        let broad = ForestConfig {
            min_samples_leaf: 20,
            ..ForestConfig::default()
        };
        assert!(most_nodes(broad) <= 19);
    }

    #[test]
    fn another_seed_gives_another_forest() {
        let (rows, target) = noisy(100);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let fit = |seed| {
            let config = ForestConfig {
                trees: 3,
                seed,
                ..ForestConfig::default()
            };
            ExtraTrees::new(config).unwrap().fit(&train).unwrap()
        };
        assert_eq!(fit(1), fit(1));
        assert_ne!(fit(1), fit(2));
    }

    #[test]
    fn balance_helps_a_rare_class() {
        let (rows, _) = noisy(400);
        // One row in twenty is rare, and none of them can be told apart for sure.
        let labels = (0..400).map(|row| u32::from(row % 20 == 0)).collect();
        let names = vec!["common".into(), "rare".into()];
        let target = Target::Classes(Classes::new(names, labels).unwrap());
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let mean = |class_weight| {
            let config = ForestConfig {
                trees: 50,
                max_depth: Some(2),
                class_weight,
                ..ForestConfig::default()
            };
            let model = RandomForest::new(config).unwrap().fit(&train).unwrap();
            let proba = model.predict_proba(rows.view()).unwrap();
            proba.column(1).mean().unwrap()
        };
        let (uniform, balanced) = (mean(ClassWeight::Uniform), mean(ClassWeight::Balanced));
        assert!(uniform < 0.1 && balanced > 0.3, "{uniform} {balanced}");
    }

    #[test]
    fn fields_out_of_their_domain_are_named() {
        for (config, message) in [
            (
                ForestConfig {
                    trees: 0,
                    ..ForestConfig::default()
                },
                "trees: expected 1 or more, got 0",
            ),
            (
                ForestConfig {
                    max_bins: 256,
                    ..ForestConfig::default()
                },
                "max_bins: expected 2 to 255, got 256",
            ),
            (
                ForestConfig {
                    split_features: SplitFeatures::Fraction(f64::NAN),
                    ..ForestConfig::default()
                },
                "split_features: expected above 0 and up to 1, got NaN",
            ),
        ] {
            assert_eq!(ExtraTrees::new(config).unwrap_err().to_string(), message);
        }
    }
}
