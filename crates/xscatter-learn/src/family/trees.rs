//! Forests and boosting.

use xscatter_core::search::{Domain, ParamValue};
use xscatter_core::{Params, Result, Space};

use super::{BuiltIn, choice, class_weight, int, real, whole, yes_or_no};
use crate::boosting::{EarlyStopping, GradientBoosting, GradientBoostingConfig, TreeGrowth};
use crate::classifier::Classifier;
use crate::decision_tree::{DecisionTree, DecisionTreeConfig};
use crate::forest::{ExtraTrees, ForestConfig, RandomForest, SplitFeatures};
use crate::grow::SplitCriterion;

pub(super) fn extra_trees() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "extra-trees",
        space: forest_space(),
        guesses: vec![
            none(),
            none().with("balanced", true).with("min_samples_leaf", 2),
            none().with("split_features", 0.25),
        ],
        make: |params, seed| {
            let config = forest(params, seed)?;
            Ok(Classifier::ExtraTrees(ExtraTrees::new(config)?))
        },
    }
}

pub(super) fn random_forest() -> BuiltIn {
    let balanced = Params::new().with("balanced", true);
    BuiltIn {
        name: "random-forest",
        space: forest_space(),
        guesses: vec![Params::new(), balanced.with("min_samples_leaf", 2)],
        make: |params, seed| {
            let config = forest(params, seed)?;
            Ok(Classifier::RandomForest(RandomForest::new(config)?))
        },
    }
}

pub(super) fn gradient_boosting() -> BuiltIn {
    BuiltIn {
        name: "gradient-boosting",
        space: boosting_space(100, 0.1, 1.0, [0.5, 1.0])
            .with("max_leaves", int(2, 127, true), 15)
            .with("min_samples_leaf", int(1, 100, true), 10),
        guesses: vec![Params::new(), slow()],
        make: |params, seed| {
            boosting(GradientBoostingConfig {
                growth: TreeGrowth::LeafWise {
                    max_leaves: whole(params, "max_leaves")?,
                },
                min_samples_leaf: whole(params, "min_samples_leaf")?,
                ..boosting_config(params, seed)?
            })
        },
    }
}

pub(super) fn gradient_boosting_depthwise() -> BuiltIn {
    BuiltIn {
        name: "gradient-boosting-depthwise",
        space: boosting_space(100, 0.1, 1.0, [0.5, 1.0])
            .with("max_depth", int(1, 12, true), 5)
            .with("min_child_weight", real(1e-3, 100.0, true), 1.0),
        guesses: vec![Params::new(), slow().with("row_fraction", 0.8)],
        make: |params, seed| {
            boosting(GradientBoostingConfig {
                growth: TreeGrowth::DepthWise {
                    max_depth: whole(params, "max_depth")?,
                },
                min_samples_leaf: 1,
                min_child_weight: params.real("min_child_weight")?,
                ..boosting_config(params, seed)?
            })
        },
    }
}

pub(super) fn gradient_boosting_symmetric() -> BuiltIn {
    let slow = Params::new()
        .with("rounds", 400)
        .with("learning_rate", 0.15)
        .with("l2", 1.0);
    BuiltIn {
        name: "gradient-boosting-symmetric",
        space: boosting_space(200, 0.3, 3.0, [0.3, 0.6]).with("depth", int(1, 8, false), 5),
        guesses: vec![Params::new(), slow],
        make: |params, seed| {
            boosting(GradientBoostingConfig {
                growth: TreeGrowth::Symmetric {
                    depth: whole(params, "depth")?,
                },
                ..boosting_config(params, seed)?
            })
        },
    }
}

pub(super) fn decision_tree() -> BuiltIn {
    let criteria = choice(&["gini", "entropy"]);
    BuiltIn {
        name: "decision-tree",
        space: Space::new()
            .with("max_depth", int(1, 100, true), 100)
            .with("min_samples_leaf", int(1, 50, true), 1)
            .with("criterion", criteria, "gini")
            .with("balanced", yes_or_no(), false),
        guesses: vec![Params::new(), Params::new().with("min_samples_leaf", 5)],
        make: |params, seed| {
            let tree = DecisionTree::new(DecisionTreeConfig {
                max_depth: Some(whole(params, "max_depth")?),
                min_samples_leaf: whole(params, "min_samples_leaf")?,
                criterion: match params.text("criterion")? {
                    "entropy" => SplitCriterion::Entropy,
                    _ => SplitCriterion::Gini,
                },
                class_weight: class_weight(params)?,
                seed,
                ..DecisionTreeConfig::default()
            })?;
            Ok(Classifier::DecisionTree(tree))
        },
    }
}

fn forest_space() -> Space {
    let parts = [
        "sqrt".into(),
        "log2".into(),
        0.25.into(),
        0.5.into(),
        1.0.into(),
    ];
    Space::new()
        .with("trees", int(10, 2000, true), 200)
        // A hundred splits from root to leaf are as good as no limit.
        .with("max_depth", int(1, 100, true), 100)
        .with("min_samples_leaf", int(1, 50, true), 1)
        .with("split_features", Domain::Choice(parts.to_vec()), "sqrt")
        .with("balanced", yes_or_no(), false)
}

/// More and smaller steps with fewer features each.
fn slow() -> Params {
    Params::new()
        .with("rounds", 200)
        .with("learning_rate", 0.05)
        .with("feature_fraction", 0.3)
}

/// What all three growths have, at first with these parts of features and rows.
fn boosting_space(rounds: i64, learning_rate: f64, l2: f64, [features, rows]: [f64; 2]) -> Space {
    Space::new()
        .with("rounds", int(10, 1000, true), rounds)
        .with("learning_rate", real(0.005, 0.5, true), learning_rate)
        .with("l1", real(0.0, 10.0, false), 0.0)
        .with("l2", real(0.0, 100.0, false), l2)
        .with("feature_fraction", real(0.05, 1.0, false), features)
        .with("row_fraction", real(0.2, 1.0, false), rows)
        // 0 uses all rounds; else 15 % of the rows are held out to end earlier.
        .with("patience", int(0, 50, false), 0)
        .with("balanced", yes_or_no(), false)
}

fn forest(params: &Params, seed: u64) -> Result<ForestConfig> {
    Ok(ForestConfig {
        trees: whole(params, "trees")?,
        max_depth: Some(whole(params, "max_depth")?),
        min_samples_leaf: whole(params, "min_samples_leaf")?,
        split_features: match params.get("split_features") {
            Some(&ParamValue::Real(fraction)) => SplitFeatures::Fraction(fraction),
            Some(ParamValue::Text(text)) if text == "log2" => SplitFeatures::Log2,
            _ => SplitFeatures::Sqrt,
        },
        class_weight: class_weight(params)?,
        seed,
        ..ForestConfig::default()
    })
}

fn boosting(config: GradientBoostingConfig) -> Result<Classifier> {
    Ok(Classifier::GradientBoosting(GradientBoosting::new(config)?))
}

/// All of the configuration but the growth and its limits.
fn boosting_config(params: &Params, seed: u64) -> Result<GradientBoostingConfig> {
    let patience = whole(params, "patience")?;
    Ok(GradientBoostingConfig {
        rounds: whole(params, "rounds")?,
        learning_rate: params.real("learning_rate")?,
        l1: params.real("l1")?,
        l2: params.real("l2")?,
        feature_fraction: params.real("feature_fraction")?,
        row_fraction: params.real("row_fraction")?,
        early_stopping: (patience > 0).then_some(EarlyStopping {
            held_out: 0.15,
            patience,
        }),
        class_weight: class_weight(params)?,
        seed,
        ..GradientBoostingConfig::default()
    })
}
