//! Which features a model goes by.
//!
//! [`Importance`] is read off the trees at no cost: what the splits by a feature gained on the *training* rows, and how
//! many there are. It favours features with many values. [`permutation_importance`] asks any model, with any metric, on
//! rows of your choice, best those that it never saw: how much worse is the score if a feature's values change places
//! among the rows? Features that say the same share their importance in both; for single predictions see
//! [`ShapValues`](crate::ShapValues). Source: Breiman 2001 (doi:10.1023/A:1010933404324).

use ndarray::ArrayView2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use xscatter_core::metric::{Goal, Score};
use xscatter_core::seed::derive;
use xscatter_core::{Error, ErrorKind, Metric, Predictor, Result, Target};

use crate::classifier::FittedClassifier;
use crate::grow::below;

/// What the splits by each feature gained, and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// The gains of all splits by each feature.
    pub gain: Vec<f64>,
    /// How many splits there are by each feature.
    pub splits: Vec<usize>,
}

impl Importance {
    pub(crate) fn new(gain: Vec<f64>, features: impl Iterator<Item = u32>) -> Self {
        let mut splits = vec![0; gain.len()];
        for feature in features {
            splits[feature as usize] += 1;
        }
        Self { gain, splits }
    }

    /// The mean gain of each feature's splits; 0 if there is none.
    pub fn mean_gain(&self) -> Vec<f64> {
        let features = self.gain.iter().zip(&self.splits);
        features
            .map(|(gain, &splits)| {
                if splits == 0 {
                    0.0
                } else {
                    gain / splits as f64
                }
            })
            .collect()
    }

    /// Each feature's part of all gains; they sum to 1 unless there is no split at all.
    pub fn shares(&self) -> Vec<f64> {
        let total: f64 = self.gain.iter().sum();
        let share = |gain: &f64| if total > 0.0 { gain / total } else { 0.0 };
        self.gain.iter().map(share).collect()
    }
}

impl FittedClassifier {
    /// What its splits gained, if it is made of trees.
    pub fn importance(&self) -> Option<Importance> {
        match self {
            Self::DecisionTree(model) | Self::ExtraTrees(model) | Self::RandomForest(model) => {
                Some(model.importance())
            }
            Self::GradientBoosting(model) => Some(model.importance()),
            _ => None,
        }
    }
}

/// How much worse a score is without a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationImportance {
    /// The mean over the repeats; above 0 where the feature helps, whether or not more is better for the metric.
    pub mean: f64,
    /// The standard deviation over the repeats.
    pub deviation: f64,
}

/// How much worse the model's score on these rows is if the values of one feature change places, feature by feature.
///
/// The order of the rows is drawn anew for each repeat and feature, from the seed alone. Costs
/// features × repeats predictions.
///
/// # Errors
/// If the sizes do not agree, there are no repeats or the metric is not defined on these rows.
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet};
/// use xscatter_learn::{DecisionTree, permutation_importance};
/// # use xscatter_core::{Goal, Metric, Result, Score};
/// # struct Accuracy;
/// # impl Metric for Accuracy {
/// #     fn name(&self) -> &str { "accuracy" }
/// #     fn goal(&self) -> Goal { Goal::Maximise }
/// #     fn evaluate(&self, truth: &Target, scores: ndarray::ArrayView2<'_, f32>) -> Result<Score> {
/// #         let labels = truth.classes()?.labels();
/// #         let right = scores.rows().into_iter().zip(labels).filter(|(row, label)| row[**label as usize] > 0.5);
/// #         Ok(Score::Value(right.count() as f64 / labels.len() as f64))
/// #     }
/// # }
///
/// let rows = Array2::from_shape_fn((60, 2), |(row, column)| (row % 30 * (2 * column + 1) % 30) as f32);
/// let names: Vec<&str> = (0..60).map(|row| if row % 30 < 15 { "low" } else { "high" }).collect();
/// let target = Target::Classes(Classes::from_names(&names));
/// let model = DecisionTree::default().fit(&TrainingSet::new(rows.view(), &target)?)?;
/// let importance = permutation_importance(&model, rows.view(), &target, &Accuracy, 5, 1)?;
/// assert!(importance[0].mean > 0.3 && importance[1].mean == 0.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
pub fn permutation_importance(
    model: &dyn Predictor,
    rows: ArrayView2<'_, f32>,
    target: &Target,
    metric: &dyn Metric,
    repeats: usize,
    seed: u64,
) -> Result<Vec<PermutationImportance>> {
    if repeats == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "repeats: expected 1 or more, got 0",
        ));
    }
    let score = |rows: ArrayView2<'_, f32>| match metric
        .evaluate(target, model.predict_proba(rows)?.view())?
    {
        Score::Value(value) => Ok(value),
        Score::Undefined(reason) => Err(Error::new(
            ErrorKind::DegenerateData,
            format!("{}: undefined: {reason}", metric.name()),
        )),
    };
    let whole = score(rows)?;
    (0..rows.ncols())
        .into_par_iter()
        .map(|feature| {
            let mut shuffled = rows.to_owned();
            let mut losses = Vec::with_capacity(repeats);
            for repeat in 0..repeats {
                let stream = derive(derive(seed, feature as u64), repeat as u64);
                let mut rng = ChaCha8Rng::seed_from_u64(stream);
                let mut column = shuffled.column_mut(feature);
                for row in (1..column.len()).rev() {
                    column.swap(row, below(&mut rng, row as u32 + 1) as usize);
                }
                let change = whole - score(shuffled.view())?;
                losses.push(match metric.goal() {
                    Goal::Maximise => change,
                    Goal::Minimise => -change,
                });
            }
            let n = repeats as f64;
            let mean = losses.iter().sum::<f64>() / n;
            let squares = losses.iter().map(|loss| (loss - mean).powi(2));
            Ok(PermutationImportance {
                mean,
                deviation: (squares.sum::<f64>() / n).sqrt(),
            })
        })
        .collect()
}
