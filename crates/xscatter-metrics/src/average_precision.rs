//! Average precision, and its mean over classes or tags (mAP).
//!
//! With the samples in the order of their scores, `P_n` and `R_n` precision and recall of the samples up
//! to the `n`-th distinct score: `AP = Σ (R_n − R_{n−1}) P_n`, the area under the steps of the
//! precision-recall curve, without the interpolation that flatters. `average-precision-macro` is what
//! others call mAP.
//!
//! Use it for rare classes and tags: unlike the area under the ROC it looks at the found ones alone.
//! Chance is the share of positive samples. A class or tag without a positive sample has none, so the
//! macro average is [`Score::Undefined`] (scikit-learn counts it as 0 and warns). Two classes are two
//! outputs here, while scikit-learn takes the second alone. Cost: one sort a class.
//!
//! Source: scikit-learn 1.9.1, `average_precision_score`.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::average::{Average, Missing, of_ranks};
use crate::problem::{Outcome, Problem};
use crate::weighted::WeightedMetric;

/// The mean precision over the ranks of the positive samples, of each class or tag against the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePrecision {
    /// How the values of the classes, tags or samples become one; the macro average is the mAP.
    pub average: Average,
}

impl Metric for AveragePrecision {
    fn name(&self) -> &str {
        match self.average {
            Average::Micro => "average-precision-micro",
            Average::Macro => "average-precision-macro",
            Average::Weighted => "average-precision-weighted",
            Average::Samples => "average-precision-samples",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for AveragePrecision {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        of_ranks(&problem, self.average, average_precision)
    }
}

/// The average precision of samples in falling order, or the reason why there is none.
pub(crate) fn average_precision(ranked: &[Outcome]) -> Result<f64, Missing> {
    let (mut sum, mut hits, mut taken) = (0.0, 0.0, 0.0);
    for ties in ranked.chunk_by(|left, right| left.score == right.score) {
        let mut new_hits = 0.0;
        for sample in ties {
            taken += sample.weight;
            new_hits += if sample.is_positive {
                sample.weight
            } else {
                0.0
            };
        }
        hits += new_hits;
        sum += new_hits * hits / taken;
    }
    if hits == 0.0 {
        return Err(Missing::Sample);
    }
    Ok((sum / hits).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use xscatter_core::{TagState, Tags};

    #[test]
    fn precision_is_averaged_over_the_positive_ranks() {
        let states = array![
            [TagState::Positive],
            [TagState::Negative],
            [TagState::Positive],
            [TagState::Unknown],
        ];
        let truth = Target::Tags(Tags::new(vec!["ring".into()], states).unwrap());
        let map = AveragePrecision {
            average: Average::Macro,
        };
        let score = map
            .evaluate(&truth, array![[0.9], [0.5], [0.4], [1.0]].view())
            .unwrap();
        assert_relative_eq!(score.value().unwrap(), f64::midpoint(1.0, 2.0 / 3.0));
        let nothing = truth.select(&[1, 3]);
        let score = map.evaluate(&nothing, array![[0.5], [1.0]].view()).unwrap();
        assert_eq!(
            score,
            Score::Undefined("tag ring has no positive sample".into())
        );
    }
}
