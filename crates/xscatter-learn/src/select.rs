//! Feature selection: keep the features that tell most about the target.
//!
//! Use it where there are more features than rows can teach, or to see which ones matter; in a chain, so that each
//! fold selects on its own training rows (features selected on all rows make any score too good). Trees and
//! penalised linear models cope without it.
//!
//! | criterion | score of a feature | keeps |
//! |---|---|---|
//! | `Variance` | Σ w (x − μ)²/Σ w | those above a limit |
//! | `AnovaF` | F = (Σ_k w_k (μ_k − μ)²/(K − 1)) / (Σ w (x − μ_k)²/(Σ w − K)) over K classes | the highest |
//! | `MutualInformation` | I(x; class) = ψ(n) + ⟨ψ(k)⟩ − ⟨ψ(n_class)⟩ − ⟨ψ(m)⟩ in nats | the highest |
//! | `Permutation` | how much the log-loss of extra trees grows on held-out rows when the feature is shuffled among them | the highest |
//! | `Correlation` | F as above | in the order of their F, those that correlate with none kept before by more than a limit |
//!
//! Mutual information is the estimate of Ross by the nearest neighbours within the class: k neighbours, at the
//! distance of the k-th m rows of any class; features are divided by their deviation and get noise of 1e-10
//! against ties. For tags a feature has the highest score that it has for any of them; rows for which a tag is
//! unknown do not count for it. `NaN` is missing: it takes no part in the scores (extra trees learn from it). A
//! feature that does not vary has no score and goes first; rows of weight 0 are left out. A fit costs a pass over
//! the rows; mutual information sorts every feature; correlation multiplies all features with each other;
//! permutation fits trees and predicts once a feature.
//!
//! Source: scikit-learn 1.9.1, `VarianceThreshold`, `f_classif`, `mutual_info_classif`; Ross 2014,
//! doi:10.1371/journal.pone.0087357; the correlation filter after PyCaret's `remove_multicollinearity`.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Result, StopToken, TagState, Target, TrainingSet, Transformer};

use crate::counted::{Counted, degenerate};
use crate::error::{ConfigError, require};
use crate::problem::Missing;
use crate::select_scores::{anova_f, mutual_information, permutation, variance};

/// Which features to keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// Those whose variance is above a limit.
    Variance {
        /// The limit, 0 or more; 0 drops constants.
        above: f64,
    },
    /// Those whose classes have means farthest apart.
    AnovaF {
        /// How many, 1 or more.
        keep: usize,
    },
    /// Those that tell most about the class, in whatever way.
    MutualInformation {
        /// How many, 1 or more.
        keep: usize,
        /// k, 1 or more: fewer neighbours for less bias, more for less noise.
        neighbours: usize,
        /// Makes the noise against ties.
        seed: u64,
    },
    /// Those that extra trees miss most.
    Permutation {
        /// How many, 1 or more.
        keep: usize,
        /// How many trees, 1 or more.
        trees: usize,
        /// Makes the trees, the split and the shuffles.
        seed: u64,
    },
    /// Those that no other feature, which tells more about the class, repeats.
    Correlation {
        /// The largest correlation, as a magnitude between 0 and 1, that two kept features may have.
        limit: f64,
    },
}

/// Keeps some of the features.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::{Criterion, Selection};
///
/// let rows = array![[5.0_f32, 0.1], [3.0, 0.2], [4.0, 0.9], [5.0, 0.8]];
/// let target = Target::Classes(Classes::from_names(&["a", "a", "b", "b"]));
/// let selection = Selection::new(Criterion::AnovaF { keep: 1 })?;
/// let fitted = selection.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert_eq!(fitted.kept(), [1]);
/// assert_eq!(fitted.transform(array![[7.0, 0.3]].view())?, array![[0.3]]);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Criterion", into = "Criterion")]
pub struct Selection(Criterion);

impl Selection {
    /// From its criterion.
    ///
    /// # Errors
    /// [`ConfigError`] if a number of it is out of its domain.
    pub fn new(criterion: Criterion) -> Result<Self, ConfigError> {
        match criterion {
            Criterion::Variance { above } => {
                let fits = above >= 0.0 && above.is_finite();
                require(fits, "above", "0 or more", above)?;
            }
            Criterion::AnovaF { keep }
            | Criterion::MutualInformation { keep, .. }
            | Criterion::Permutation { keep, .. } => {
                require(keep >= 1, "keep", "1 or more", keep)?;
            }
            Criterion::Correlation { limit } => {
                let fits = (0.0..=1.0).contains(&limit);
                require(fits, "limit", "between 0 and 1", limit)?;
            }
        }
        match criterion {
            Criterion::MutualInformation { neighbours, .. } => {
                require(neighbours >= 1, "neighbours", "1 or more", neighbours)?;
            }
            Criterion::Permutation { trees, .. } => {
                require(trees >= 1, "trees", "1 or more", trees)?;
            }
            _ => {}
        }
        Ok(Self(criterion))
    }

    /// Its criterion.
    pub fn criterion(&self) -> &Criterion {
        &self.0
    }
}

impl TryFrom<Criterion> for Selection {
    type Error = ConfigError;

    fn try_from(criterion: Criterion) -> Result<Self, ConfigError> {
        Self::new(criterion)
    }
}

impl From<Selection> for Criterion {
    fn from(selection: Selection) -> Self {
        selection.0
    }
}

impl Estimator for Selection {
    type Fitted = FittedSelection;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedSelection> {
        let counted = Counted::new(train, Missing::Allowed)?;
        let n_features = counted.rows.ncols();
        let stop = train.stop();
        let scores: Vec<Option<f64>> = match self.0 {
            Criterion::Variance { .. } => (0..n_features)
                .map(|feature| variance(&counted, feature))
                .collect(),
            Criterion::AnovaF { .. } | Criterion::Correlation { .. } => {
                let labelled = Labelling::all(&counted, train.target())?;
                score_all(n_features, &labelled, stop, |feature, labels| {
                    anova_f(&counted, feature, labels)
                })?
            }
            Criterion::MutualInformation {
                neighbours, seed, ..
            } => {
                let labelled = Labelling::all(&counted, train.target())?;
                score_all(n_features, &labelled, stop, |feature, labels| {
                    mutual_information(&counted, feature, labels, neighbours, seed)
                })?
            }
            Criterion::Permutation { trees, seed, .. } => {
                permutation(&counted, train.target(), trees, seed, stop)?
            }
        };
        // A sort that keeps the order of equals: the first of two equal features stays.
        let mut order: Vec<usize> = (0..n_features).filter(|&f| scores[f].is_some()).collect();
        order.sort_by(|&a, &b| {
            scores[b]
                .unwrap_or(0.0)
                .total_cmp(&scores[a].unwrap_or(0.0))
        });
        let mut kept = match self.0 {
            Criterion::Variance { above } => {
                order.retain(|&feature| scores[feature].is_some_and(|score| score > above));
                order
            }
            Criterion::AnovaF { keep }
            | Criterion::MutualInformation { keep, .. }
            | Criterion::Permutation { keep, .. } => {
                order.truncate(keep);
                order
            }
            Criterion::Correlation { limit } => uncorrelated(&counted, &order, limit, stop)?,
        };
        if kept.is_empty() {
            return Err(degenerate(format!(
                "expected a feature worth keeping, got none among {n_features}"
            )));
        }
        kept.sort_unstable();
        Ok(FittedSelection {
            kept: kept.into_iter().map(|feature| feature as u32).collect(),
            scores,
        })
    }
}

/// Classes of the rows that count: those of the target, or yes and no of one of its tags.
pub(crate) struct Labelling {
    /// The class of each row; `None` where it is unknown.
    pub(crate) labels: Vec<Option<u32>>,
    pub(crate) n_classes: usize,
}

impl Labelling {
    fn all(counted: &Counted<'_>, target: &Target) -> Result<Vec<Self>> {
        let labellings: Vec<Self> = match target {
            Target::Tags(tags) => (0..tags.names().len())
                .map(|tag| {
                    let label = |&row: &usize| match tags.states()[[row, tag]] {
                        TagState::Negative => Some(0),
                        TagState::Positive => Some(1),
                        TagState::Unknown => None,
                    };
                    Self {
                        labels: counted.places.iter().map(label).collect(),
                        n_classes: 2,
                    }
                })
                .collect(),
            target => {
                let classes = target.classes()?;
                let label = |&row: &usize| Some(classes.labels()[row]);
                vec![Self {
                    labels: counted.places.iter().map(label).collect(),
                    n_classes: classes.n_classes(),
                }]
            }
        };
        let tells = |labelling: &&Self| {
            let mut known = labelling.labels.iter().flatten();
            let first = known.next();
            known.any(|label| Some(label) != first)
        };
        if !labellings.iter().any(|labelling| tells(&labelling)) {
            return Err(degenerate("expected rows of at least two classes, got one"));
        }
        Ok(labellings)
    }
}

/// The highest score of every feature for any labelling.
fn score_all(
    n_features: usize,
    labellings: &[Labelling],
    stop: &StopToken,
    score: impl Fn(usize, &Labelling) -> Option<f64> + Sync,
) -> Result<Vec<Option<f64>>> {
    (0..n_features)
        .into_par_iter()
        .map(|feature| {
            stop.check()?;
            let scores = labellings
                .iter()
                .filter_map(|labels| score(feature, labels));
            Ok(scores.reduce(f64::max))
        })
        .collect()
}

/// In this order, the features that correlate with none before them by more than the limit.
fn uncorrelated(
    counted: &Counted<'_>,
    order: &[usize],
    limit: f64,
    stop: &StopToken,
) -> Result<Vec<usize>> {
    let mut kept: Vec<usize> = Vec::new();
    for &feature in order {
        stop.check()?;
        let repeats = kept
            .par_iter()
            .any(|&other| correlation(counted, feature, other) > limit);
        if !repeats {
            kept.push(feature);
        }
    }
    Ok(kept)
}

/// The magnitude of Pearson's correlation over the rows where both features are known; 0 where one of them does
/// not vary there.
fn correlation(counted: &Counted<'_>, a: usize, b: usize) -> f64 {
    let known = || {
        let columns = counted
            .rows
            .column(a)
            .into_iter()
            .zip(counted.rows.column(b));
        columns
            .enumerate()
            .filter(|(_, (x, y))| !x.is_nan() && !y.is_nan())
            .map(|(row, (&x, &y))| (counted.weight(row), f64::from(x), f64::from(y)))
    };
    let (mut total, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
    for (weight, x, y) in known() {
        total += weight;
        x_sum += weight * x;
        y_sum += weight * y;
    }
    let (x_mean, y_mean) = (x_sum / total, y_sum / total);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (weight, x, y) in known() {
        xx += weight * (x - x_mean).powi(2);
        yy += weight * (y - y_mean).powi(2);
        xy += weight * (x - x_mean) * (y - y_mean);
    }
    let scale = (xx * yy).sqrt();
    if scale > 0.0 { xy.abs() / scale } else { 0.0 }
}

/// The features that were kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawSelection")]
pub struct FittedSelection {
    /// Ascending.
    kept: Vec<u32>,
    /// One a feature of the training rows.
    scores: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct RawSelection {
    kept: Vec<u32>,
    scores: Vec<Option<f64>>,
}

impl TryFrom<RawSelection> for FittedSelection {
    type Error = String;

    fn try_from(RawSelection { kept, scores }: RawSelection) -> Result<Self, String> {
        let ascends = kept.windows(2).all(|pair| pair[0] < pair[1]);
        let known = kept
            .last()
            .is_some_and(|&last| (last as usize) < scores.len());
        if !ascends || !known {
            return Err(format!(
                "expected ascending features below {}, got {kept:?}",
                scores.len()
            ));
        }
        Ok(Self { kept, scores })
    }
}

impl FittedSelection {
    /// The features that were kept, ascending.
    pub fn kept(&self) -> &[u32] {
        &self.kept
    }

    /// The score of every feature; `None` for one that does not vary.
    pub fn scores(&self) -> &[Option<f64>] {
        &self.scores
    }
}

impl Transformer for FittedSelection {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.scores.len())?;
        let kept: Vec<usize> = self.kept.iter().map(|&feature| feature as usize).collect();
        Ok(rows.select(Axis(1), &kept))
    }
}
