//! A single decision tree.
//!
//! Use it where a person is to read the rules, or as a cheap first look; forests of such trees are far better
//! guesses. All features are looked at in every node, at every cut between their bins. Leaves hold the shares of
//! the classes, so an unlimited tree knows its training rows by heart: `max_depth` and `min_samples_leaf` keep it from
//! that. `NaN` goes to the side where it helps most. Of cuts that are equally good the first feature drawn
//! counts, in an order that the seed gives. Fitting costs O(rows · features · depth) time. Sources: Breiman et al. 1984,
//! *Classification and Regression Trees*; scikit-learn 1.9.1 for the defaults.

use serde::{Deserialize, Serialize};
use xscatter_core::{Estimator, Result, TrainingSet};

use crate::bins::MOST_BINS;
use crate::error::ConfigError;
use crate::forest::{Draw, FittedForest, ForestConfig, SplitFeatures};
use crate::grow::{Cuts, SplitCriterion};
use crate::problem::ClassWeight;

/// The parameters of [`DecisionTree`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionTreeConfig {
    /// The most splits between root and leaf; `None` lets the tree grow until leaves are pure.
    pub max_depth: Option<usize>,
    /// The fewest rows of a leaf.
    pub min_samples_leaf: usize,
    /// What a split makes smaller.
    pub criterion: SplitCriterion,
    /// The most bins of a feature, 2 to 255.
    pub max_bins: usize,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
    /// The seed of the order in which features are looked at.
    pub seed: u64,
}

impl Default for DecisionTreeConfig {
    /// A full tree by Gini impurity.
    fn default() -> Self {
        Self {
            max_depth: None,
            min_samples_leaf: 1,
            criterion: SplitCriterion::Gini,
            max_bins: MOST_BINS,
            class_weight: ClassWeight::Uniform,
            seed: 0,
        }
    }
}

impl DecisionTreeConfig {
    /// A forest of one tree that looks at everything.
    fn forest(&self) -> ForestConfig {
        ForestConfig {
            trees: 1,
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf,
            split_features: SplitFeatures::Fraction(1.0),
            criterion: self.criterion,
            max_bins: self.max_bins,
            class_weight: self.class_weight,
            seed: self.seed,
        }
    }
}

/// A decision tree; fitted it is a forest of one.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::DecisionTree;
///
/// let rows = array![[0.0_f32], [0.1], [0.9], [1.0]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let model = DecisionTree::default().fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert_eq!(model.predict_proba(array![[0.7]].view())?[[0, 1]], 1.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "DecisionTreeConfig", into = "DecisionTreeConfig")]
pub struct DecisionTree(DecisionTreeConfig);

impl DecisionTree {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: DecisionTreeConfig) -> Result<Self, ConfigError> {
        config.forest().check()?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &DecisionTreeConfig {
        &self.0
    }
}

impl TryFrom<DecisionTreeConfig> for DecisionTree {
    type Error = ConfigError;

    fn try_from(config: DecisionTreeConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<DecisionTree> for DecisionTreeConfig {
    fn from(tree: DecisionTree) -> Self {
        tree.0
    }
}

impl Estimator for DecisionTree {
    type Fitted = FittedForest;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedForest> {
        self.0.forest().fit(train, Cuts::Best, Draw::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use xscatter_core::{Classes, Predictor, Target};

    #[test]
    fn entropy_and_gini_impurity_fall_by_what_the_formula_says() {
        // One split parts eight rows 3 : 5 into (3, 0) and (1, 4).
        let rows = Array2::from_shape_fn((8, 1), |(row, _)| f32::from(u8::from(row >= 3)));
        let labels = vec![0, 0, 0, 0, 1, 1, 1, 1];
        let names = vec!["a".into(), "b".into()];
        let target = Target::Classes(Classes::new(names, labels).unwrap());
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        for (criterion, expected) in [
            (SplitCriterion::Gini, 0.5 - 5.0 / 8.0 * (1.0 - 0.04 - 0.64)),
            (
                SplitCriterion::Entropy,
                1.0 + 5.0 / 8.0 * (0.2 * 0.2_f64.log2() + 0.8 * 0.8_f64.log2()),
            ),
        ] {
            let config = DecisionTreeConfig {
                criterion,
                ..DecisionTreeConfig::default()
            };
            let model = DecisionTree::new(config).unwrap().fit(&train).unwrap();
            approx::assert_relative_eq!(model.importance().gain[0], expected, max_relative = 1e-12);
            assert_eq!(model.importance().splits, [1]);
            let proba = model.predict_proba(rows.view()).unwrap();
            assert_eq!(proba.row(7).to_vec(), [0.2, 0.8]);
        }
    }

    #[test]
    fn a_field_out_of_its_domain_is_named() {
        let config = DecisionTreeConfig {
            min_samples_leaf: 0,
            ..DecisionTreeConfig::default()
        };
        let message = DecisionTree::new(config).unwrap_err().to_string();
        assert_eq!(message, "min_samples_leaf: expected 1 or more, got 0");
    }
}
