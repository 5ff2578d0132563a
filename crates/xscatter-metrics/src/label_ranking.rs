//! How well the tags of each sample are ranked: coverage error, label-ranking average precision and
//! loss.
//!
//! Of one sample with the positive tags `P` (out of the known ones `K`), ranks counted from the highest
//! score and equal scores sharing the worst of their ranks:
//!
//! - coverage error: the worst rank in `P`: how far one must go down the list to have them all;
//! - label-ranking average precision: the mean over `P` of (positive tags down to it) / (rank of it);
//! - label-ranking loss: the share of pairs (positive, negative) in which the negative tag scores as high
//!   or higher.
//!
//! Each is the mean over the samples with a known tag. A sample without a positive tag has coverage 0;
//! one whose known tags are all alike has precision 1 and loss 0, as there is nothing to rank: these are
//! the conventions of scikit-learn 1.9.1 (`coverage_error`, `label_ranking_average_precision_score`,
//! `label_ranking_loss`), with which they agree. Unknown tags are as absent.
//!
//! For tags only. Use them where a person looks at the first few tags of each frame. Cost: one sort a
//! sample. Source: Tsoumakas, Katakis and Vlahavas 2010, doi:10.1007/978-0-387-09823-4_34.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::problem::{Outcome, Problem, weighted_mean};
use crate::weighted::WeightedMetric;

/// How far down its ranking the last tag of a sample is; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CoverageError;

impl Metric for CoverageError {
    fn name(&self) -> &str {
        "coverage-error"
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for CoverageError {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        over_samples(truth, scores, weights, coverage)
    }
}

/// The share of tags above each tag of a sample that are its tags too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabelRankingAveragePrecision;

impl Metric for LabelRankingAveragePrecision {
    fn name(&self) -> &str {
        "label-ranking-average-precision"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for LabelRankingAveragePrecision {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        over_samples(truth, scores, weights, precision)
    }
}

/// The share of pairs of tags of a sample in the wrong order; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabelRankingLoss;

impl Metric for LabelRankingLoss {
    fn name(&self) -> &str {
        "label-ranking-loss"
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for LabelRankingLoss {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        over_samples(truth, scores, weights, loss)
    }
}

fn over_samples(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    weights: Option<&[f32]>,
    value: impl Fn(&[Outcome]) -> f64,
) -> Result<Score> {
    let problem = Problem::new(truth, scores, weights)?;
    problem.tags()?;
    let values = problem.rows().filter_map(|row| {
        let tags = problem.ranked_row(row);
        (!tags.is_empty()).then(|| (value(&tags), problem.weight(row)))
    });
    Ok(weighted_mean(values.collect()).map_or_else(
        || Score::Undefined("there is no sample with a known tag".into()),
        Score::Value,
    ))
}

/// The tags of one sample in groups of equal scores, the highest first: positive ones and all.
fn groups(tags: &[Outcome]) -> impl Iterator<Item = (f64, f64)> {
    tags.chunk_by(|left, right| left.score == right.score)
        .map(|ties| {
            let positives = ties.iter().filter(|tag| tag.is_positive).count();
            (positives as f64, ties.len() as f64)
        })
}

fn coverage(tags: &[Outcome]) -> f64 {
    let (mut rank, mut last) = (0.0, 0.0);
    for (positives, all) in groups(tags) {
        rank += all;
        if positives > 0.0 {
            last = rank;
        }
    }
    last
}

fn precision(tags: &[Outcome]) -> f64 {
    let (mut sum, mut hits, mut rank) = (0.0, 0.0, 0.0);
    for (positives, all) in groups(tags) {
        rank += all;
        hits += positives;
        sum += positives * hits / rank;
    }
    if hits == 0.0 || hits == rank {
        return 1.0;
    }
    sum / hits
}

fn loss(tags: &[Outcome]) -> f64 {
    let (mut wrong, mut hits, mut rank) = (0.0, 0.0, 0.0);
    for (positives, all) in groups(tags) {
        // A positive tag is in the wrong order with the negative ones above it and of its own score.
        wrong += positives * (rank - hits + all - positives);
        rank += all;
        hits += positives;
    }
    let pairs = hits * (rank - hits);
    if pairs == 0.0 {
        return 0.0;
    }
    wrong / pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{TagState, Tags};

    #[test]
    fn the_worst_of_equal_ranks_counts() {
        use TagState::{Negative, Positive, Unknown};
        let names = ["ring", "halo", "spot", "rod"].map(Into::into).to_vec();
        let states = array![[Positive, Negative, Unknown, Positive]];
        let truth = Target::Tags(Tags::new(names, states).unwrap());
        let scores = array![[0.5, 0.5, 0.9, 0.7]];
        for (metric, expected) in [
            (&CoverageError as &dyn Metric, 3.0),
            (&LabelRankingAveragePrecision, f64::midpoint(1.0, 2.0 / 3.0)),
            (&LabelRankingLoss, 0.5),
        ] {
            let score = metric.evaluate(&truth, scores.view()).unwrap();
            assert_eq!(score, Score::Value(expected), "{}", metric.name());
        }
    }
}
