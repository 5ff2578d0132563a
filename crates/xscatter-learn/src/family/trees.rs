//! Forests and boosting.

use xscatter_core::search::{Domain, ParamValue};
use xscatter_core::{Params, Result, Space};

use super::{BuiltIn, class_weight, int, real, whole, yes_or_no};
use crate::boosting::{EarlyStopping, GradientBoosting, GradientBoostingConfig};
use crate::classifier::Classifier;
use crate::forest::{ExtraTrees, ForestConfig, RandomForest, SplitFeatures};

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
    let slow = Params::new()
        .with("rounds", 200)
        .with("learning_rate", 0.05)
        .with("feature_fraction", 0.5);
    BuiltIn {
        name: "gradient-boosting",
        space: boosting_space(),
        guesses: vec![Params::new(), slow],
        make: |params, seed| {
            let config = boosting(params, seed)?;
            Ok(Classifier::GradientBoosting(GradientBoosting::new(config)?))
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

fn boosting_space() -> Space {
    Space::new()
        .with("rounds", int(10, 1000, true), 100)
        .with("learning_rate", real(0.005, 0.5, true), 0.1)
        .with("max_leaves", int(2, 127, true), 15)
        .with("min_samples_leaf", int(1, 100, true), 10)
        .with("l2", real(0.0, 100.0, false), 1.0)
        .with("feature_fraction", real(0.05, 1.0, false), 1.0)
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

fn boosting(params: &Params, seed: u64) -> Result<GradientBoostingConfig> {
    let patience = whole(params, "patience")?;
    Ok(GradientBoostingConfig {
        rounds: whole(params, "rounds")?,
        learning_rate: params.real("learning_rate")?,
        max_leaves: whole(params, "max_leaves")?,
        min_samples_leaf: whole(params, "min_samples_leaf")?,
        l2: params.real("l2")?,
        feature_fraction: params.real("feature_fraction")?,
        early_stopping: (patience > 0).then_some(EarlyStopping {
            held_out: 0.15,
            patience,
        }),
        class_weight: class_weight(params)?,
        seed,
        ..GradientBoostingConfig::default()
    })
}
