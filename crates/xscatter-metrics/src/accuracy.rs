//! The share of right decisions: accuracy, balanced accuracy, top-k accuracy, Hamming loss.
//!
//! With `s` samples in all, `c` of them decided right and `r_k` the recall of class `k` of `K`:
//!
//! - accuracy `c / s`; of tags, a sample is right if all its known tags are (subset accuracy);
//! - balanced accuracy `Σ r_k / K`: what accuracy would be if all classes were equally frequent;
//! - top-k accuracy: the true class is among the `k` highest scores (of equal scores the first
//!   classes rank first, as everywhere here);
//! - Hamming loss: the share of wrong decisions; of tags, over all known (sample, tag) pairs.
//!
//! Use accuracy for classes of like size, balanced accuracy otherwise. Undefined: no sample (or none
//! with a known tag); balanced accuracy if a class has no sample. Cost: one pass over the scores.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::average::Average;
use crate::counts::{Counts, counts, of_counts};
use crate::problem::{Labels, Problem, TAG_THRESHOLD, weighted_mean};
use crate::weighted::WeightedMetric;

const NO_SAMPLE: &str = "there is no sample";

/// The share of samples whose class, or whose known tags, were predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accuracy;

impl Metric for Accuracy {
    fn name(&self) -> &str {
        "accuracy"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Accuracy {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        if let Labels::Classes(_) = problem.labels {
            let cells = problem.confusion()?;
            return Ok(share(cells.diag().sum(), cells.sum()));
        }
        let right = problem.rows().filter_map(|row| {
            let mut counts = Counts::default();
            for tag in problem.of_row(row) {
                counts.add(tag.is_positive, tag.score >= TAG_THRESHOLD, 1.0);
            }
            let wrong = counts.misses + counts.false_alarms;
            let known = wrong + counts.hits + counts.rejections;
            (known > 0.0).then(|| (f64::from(u8::from(wrong == 0.0)), problem.weight(row)))
        });
        Ok(weighted_mean(right.collect()).map_or_else(
            || Score::Undefined("there is no sample with a known tag".into()),
            Score::Value,
        ))
    }
}

/// The mean of the recalls of all classes: what accuracy would be if all classes were equally
/// frequent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BalancedAccuracy;

impl Metric for BalancedAccuracy {
    fn name(&self) -> &str {
        "balanced-accuracy"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for BalancedAccuracy {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        problem.classes()?;
        of_counts(&problem, Average::Macro, Counts::recall)
    }
}

/// Why a top-k accuracy could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopKError {
    /// No class would ever be among the best.
    #[error("expected k of 1 or more, got 0")]
    Zero,
}

/// The share of samples whose class is among the `k` highest scores; `top-2-accuracy` and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopKAccuracy {
    k: usize,
    name: String,
}

impl TopKAccuracy {
    /// Among the `k` highest scores. With `k` classes or fewer, every sample is right.
    ///
    /// # Errors
    /// [`TopKError::Zero`] if `k` is 0.
    pub fn new(k: usize) -> Result<Self, TopKError> {
        if k == 0 {
            return Err(TopKError::Zero);
        }
        Ok(Self::of(k))
    }

    pub(crate) fn of(k: usize) -> Self {
        Self {
            k,
            name: format!("top-{k}-accuracy"),
        }
    }
}

impl Metric for TopKAccuracy {
    fn name(&self) -> &str {
        &self.name
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for TopKAccuracy {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        let labels = problem.classes()?.labels();
        let right = problem.rows().map(|row| {
            let label = labels[row] as usize;
            let own = scores[[row, label]];
            let is_better = |class: usize| {
                let score = scores[[row, class]];
                score > own || (score == own && class < label)
            };
            let better = (0..scores.ncols()).filter(|&class| is_better(class));
            let is_right = better.count() < self.k;
            (f64::from(u8::from(is_right)), problem.weight(row))
        });
        Ok(weighted_mean(right.collect())
            .map_or_else(|| Score::Undefined(NO_SAMPLE.into()), Score::Value))
    }
}

/// The share of wrong decisions; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HammingLoss;

impl Metric for HammingLoss {
    fn name(&self) -> &str {
        "hamming-loss"
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for HammingLoss {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        if let Labels::Classes(_) = problem.labels {
            let cells = problem.confusion()?;
            let total = cells.sum();
            return Ok(share(total - cells.diag().sum(), total));
        }
        let (mut wrong, mut known) = (0.0, 0.0);
        for tag in counts(&problem)? {
            wrong += tag.misses + tag.false_alarms;
            known += tag.misses + tag.false_alarms + tag.hits + tag.rejections;
        }
        Ok(if known > 0.0 {
            Score::Value(wrong / known)
        } else {
            Score::Undefined("there is no sample with a known tag".into())
        })
    }
}

fn share(part: f64, whole: f64) -> Score {
    if whole > 0.0 {
        Score::Value(part / whole)
    } else {
        Score::Undefined(NO_SAMPLE.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use xscatter_core::{Classes, TagState, Tags, Values};

    #[test]
    fn no_sample_has_no_score() {
        let truth = Target::Classes(Classes::new(vec!["a".into(), "b".into()], vec![]).unwrap());
        let nothing = Array2::zeros((0, 2));
        let score = Accuracy.evaluate(&truth, nothing.view()).unwrap();
        assert_eq!(score, Score::Undefined("there is no sample".into()));
    }

    #[test]
    fn all_known_tags_must_be_right() {
        let states = array![
            [TagState::Positive, TagState::Unknown],
            [TagState::Negative, TagState::Positive],
            [TagState::Unknown, TagState::Unknown],
        ];
        let names = vec!["ring".into(), "halo".into()];
        let truth = Target::Tags(Tags::new(names, states).unwrap());
        let scores = array![[0.5, 0.9], [0.1, 0.49], [0.9, 0.9]];
        let accuracy = Accuracy.evaluate(&truth, scores.view()).unwrap();
        assert_eq!(accuracy, Score::Value(0.5));
        let hamming = HammingLoss.evaluate(&truth, scores.view()).unwrap();
        assert_eq!(hamming, Score::Value(1.0 / 3.0));
    }

    #[test]
    fn the_first_of_equal_scores_rank_first() {
        let truth = Target::Classes(
            Classes::new(vec!["a".into(), "b".into(), "c".into()], vec![1, 2]).unwrap(),
        );
        let scores = array![[0.4, 0.4, 0.2], [0.4, 0.3, 0.3]];
        let top = |k| {
            let metric = TopKAccuracy::new(k).unwrap();
            metric.evaluate(&truth, scores.view()).unwrap()
        };
        assert_eq!(top(1), Score::Value(0.0));
        assert_eq!(top(2), Score::Value(0.5));
        assert_eq!(top(3), Score::Value(1.0));
        assert_eq!(TopKAccuracy::new(0), Err(TopKError::Zero));
    }

    #[test]
    fn another_kind_of_target_is_an_error() {
        let values = Values::new(vec!["q".into()], array![[1.0]]).unwrap();
        let error = Accuracy
            .evaluate(&Target::Values(values), array![[1.0]].view())
            .unwrap_err();
        assert!(error.message().contains("classes"), "{error}");
    }
}
