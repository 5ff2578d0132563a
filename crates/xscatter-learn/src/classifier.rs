//! All classifiers of this crate as one type, so that a search's winner can be kept.
//!
//! A search engine handles boxes; a box cannot be written to a file. [`Classifier::from_params`] makes
//! from a family's name and parameters the very estimator that the family builds, and what it becomes
//! when fitted is a [`FittedClassifier`], which can be saved.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::Then;
use xscatter_core::search::ParamValue;
use xscatter_core::{Error, ErrorKind, Estimator, Params, Predictor, Result, TrainingSet};

use crate::boosting::{EarlyStopping, FittedBoosting, GradientBoosting, GradientBoostingConfig};
use crate::family::space_of;
use crate::forest::{ExtraTrees, FittedForest, ForestConfig, RandomForest, SplitFeatures};
use crate::logistic::{FittedLogistic, LogisticRegression, LogisticRegressionConfig};
use crate::neighbours::{FittedNeighbours, NearestNeighbours, NearestNeighboursConfig, Vote};
use crate::problem::ClassWeight;
use crate::scale::{FittedScaler, StandardScaler};
use crate::smartcore::{FittedSmartcoreNeighbours, SmartcoreLogistic, SmartcoreNeighbours};

/// A classifier of any family, with the preparation it needs, not yet fitted.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Params, Predictor, Target, TrainingSet};
/// use xscatter_learn::{Classifier, FittedClassifier};
///
/// let rows = array![[0.0_f32], [0.1], [0.9], [1.0]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let params = Params::new().with("k", 1);
/// let classifier = Classifier::from_params("k-nearest-neighbours", &params, 7)?;
/// let model = classifier.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// let copy = FittedClassifier::from_json(&model.to_json()?)?;
/// assert_eq!(copy.predict_proba(rows.view())?, model.predict_proba(rows.view())?);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Classifier {
    /// Extremely randomised trees.
    ExtraTrees(ExtraTrees),
    /// Random forest.
    RandomForest(RandomForest),
    /// Gradient boosting of trees.
    GradientBoosting(GradientBoosting),
    /// Logistic regression on standard scores.
    LogisticRegression(Then<StandardScaler, LogisticRegression>),
    /// The nearest neighbours among standard scores.
    KNearestNeighbours(Then<StandardScaler, NearestNeighbours>),
    /// The logistic regression of `smartcore` on standard scores.
    SmartcoreLogisticRegression(Then<StandardScaler, SmartcoreLogistic>),
    /// The nearest neighbours of `smartcore` among standard scores.
    SmartcoreKNearestNeighbours(Then<StandardScaler, SmartcoreNeighbours>),
}

impl Classifier {
    /// The classifier that the family of this name builds with these parameters.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if there is no such family, or a parameter is unknown or out of
    /// its range.
    pub fn from_params(family: &str, params: &Params, seed: u64) -> Result<Self> {
        let params = &space_of(family)?.complete(params)?;
        Ok(match family {
            "extra-trees" => Self::ExtraTrees(ExtraTrees::new(forest(params, seed)?)?),
            "random-forest" => Self::RandomForest(RandomForest::new(forest(params, seed)?)?),
            "gradient-boosting" => {
                Self::GradientBoosting(GradientBoosting::new(boosting(params, seed)?)?)
            }
            "logistic-regression" => Self::LogisticRegression(StandardScaler.then(
                LogisticRegression::new(LogisticRegressionConfig {
                    c: params.real("c")?,
                    class_weight: class_weight(params)?,
                    ..LogisticRegressionConfig::default()
                })?,
            )),
            "k-nearest-neighbours" => Self::KNearestNeighbours(StandardScaler.then(
                NearestNeighbours::new(NearestNeighboursConfig {
                    k: whole(params, "k")?,
                    vote: vote(params)?,
                    class_weight: class_weight(params)?,
                })?,
            )),
            "smartcore-logistic-regression" => Self::SmartcoreLogisticRegression(
                StandardScaler.then(SmartcoreLogistic::new(params.real("c")?)?),
            ),
            "smartcore-k-nearest-neighbours" => {
                Self::SmartcoreKNearestNeighbours(StandardScaler.then(SmartcoreNeighbours::new(
                    whole(params, "k")?,
                    vote(params)?,
                )?))
            }
            _ => return Err(unknown_family(family)),
        })
    }
}

/// The error for a name that no family bears.
pub(crate) fn unknown_family(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("expected the name of a family of classifiers, got {name}"),
    )
}

fn whole(params: &Params, name: &str) -> Result<usize> {
    let value = params.int(name)?;
    usize::try_from(value).map_err(|_| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("parameter {name}: expected 0 or more, got {value}"),
        )
    })
}

fn class_weight(params: &Params) -> Result<ClassWeight> {
    Ok(if params.bool("balanced")? {
        ClassWeight::Balanced
    } else {
        ClassWeight::Uniform
    })
}

fn vote(params: &Params) -> Result<Vote> {
    Ok(match params.text("vote")? {
        "uniform" => Vote::Uniform,
        _ => Vote::Distance,
    })
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

impl Estimator for Classifier {
    type Fitted = FittedClassifier;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedClassifier> {
        Ok(match self {
            Self::ExtraTrees(forest) => FittedClassifier::ExtraTrees(forest.fit(train)?),
            Self::RandomForest(forest) => FittedClassifier::RandomForest(forest.fit(train)?),
            Self::GradientBoosting(boosting) => {
                FittedClassifier::GradientBoosting(boosting.fit(train)?)
            }
            Self::LogisticRegression(chain) => {
                FittedClassifier::LogisticRegression(chain.fit(train)?)
            }
            Self::KNearestNeighbours(chain) => {
                FittedClassifier::KNearestNeighbours(chain.fit(train)?)
            }
            Self::SmartcoreLogisticRegression(chain) => {
                FittedClassifier::SmartcoreLogisticRegression(chain.fit(train)?)
            }
            Self::SmartcoreKNearestNeighbours(chain) => {
                FittedClassifier::SmartcoreKNearestNeighbours(chain.fit(train)?)
            }
        })
    }
}

/// A fitted classifier of any family; see [`save`](Self::save) and [`load`](Self::load).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FittedClassifier {
    /// Extremely randomised trees.
    ExtraTrees(FittedForest),
    /// Random forest.
    RandomForest(FittedForest),
    /// Gradient boosting of trees.
    GradientBoosting(FittedBoosting),
    /// Logistic regression on standard scores.
    LogisticRegression(Then<FittedScaler, FittedLogistic>),
    /// The nearest neighbours among standard scores.
    KNearestNeighbours(Then<FittedScaler, FittedNeighbours>),
    /// The logistic regression of `smartcore` on standard scores.
    SmartcoreLogisticRegression(Then<FittedScaler, FittedLogistic>),
    /// The nearest neighbours of `smartcore` among standard scores.
    SmartcoreKNearestNeighbours(Then<FittedScaler, FittedSmartcoreNeighbours>),
}

impl FittedClassifier {
    fn model(&self) -> &dyn Predictor {
        match self {
            Self::ExtraTrees(model) | Self::RandomForest(model) => model,
            Self::GradientBoosting(model) => model,
            Self::LogisticRegression(model) | Self::SmartcoreLogisticRegression(model) => model,
            Self::KNearestNeighbours(model) => model,
            Self::SmartcoreKNearestNeighbours(model) => model,
        }
    }
}

impl Predictor for FittedClassifier {
    fn outputs(&self) -> &[Arc<str>] {
        self.model().outputs()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.model().predict_proba(rows)
    }
}
