//! Where to cut the score of each tag, so that a score of the decisions is best.
//!
//! A tag is predicted if its score reaches a threshold. 0.5 is right for calibrated probabilities and
//! errors of equal cost; for rare tags and F1 it is not. [`best_threshold`] tries a cut between every two
//! neighbouring scores of the known samples (and one below all), half way between them, and takes the
//! best; of equally good ones that nearest to 0.5. [`decide`] then turns scores into 0 and 1, which every
//! score of this crate takes.
//!
//! Choose thresholds on out-of-fold predictions: on the training rows they are too good, and few positive
//! samples make them noisy. A tag without a positive or without a negative sample has no best threshold:
//! an error of kind [`ErrorKind::DegenerateData`]. Cost: one sort a tag.

use ndarray::{Array2, ArrayView2};
use xscatter_core::{Error, ErrorKind, Result, Target};

use crate::counts::Counts;
use crate::problem::{Outcome, Problem};

/// What a threshold is to be best for.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ThresholdScore {
    /// The F score with this weight of the recall, a finite number above 0.
    FBeta(f64),
    /// The mean of the recalls of the samples with and without the tag (Youden's index).
    BalancedAccuracy,
    /// The Matthews correlation.
    Matthews,
    /// The Jaccard index.
    Jaccard,
    /// The share of right decisions.
    Accuracy,
}

/// A cut and what it reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// A sample whose score is this or more is predicted to have the tag.
    pub value: f32,
    /// The score of the decisions on the samples from which the threshold was chosen.
    pub score: f64,
}

impl ThresholdScore {
    /// `None` where it is not defined.
    fn of(self, counts: &Counts) -> Option<f64> {
        let (positives, predicted) = (counts.support(), counts.predicted());
        let negatives = counts.false_alarms + counts.rejections;
        match self {
            Self::FBeta(beta) => counts.f_beta(beta).ok(),
            Self::BalancedAccuracy => Some(f64::midpoint(
                counts.hits / positives,
                counts.rejections / negatives,
            )),
            Self::Matthews => {
                let rejected = counts.misses + counts.rejections;
                let spread = (positives * negatives).sqrt() * (predicted * rejected).sqrt();
                let covariance =
                    counts.hits * counts.rejections - counts.false_alarms * counts.misses;
                (spread > 0.0).then(|| covariance / spread)
            }
            Self::Jaccard => counts.jaccard().ok(),
            Self::Accuracy => Some((counts.hits + counts.rejections) / (positives + negatives)),
        }
    }
}

/// The best threshold of one tag (or one class against the rest).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{TagState, Tags, Target};
/// use xscatter_metrics::{ThresholdScore, best_threshold};
///
/// let states = array![[TagState::Positive], [TagState::Positive], [TagState::Negative]];
/// let truth = Target::Tags(Tags::new(vec!["ring".into()], states)?);
/// let scores = array![[0.5], [0.25], [0.125]];
/// let best = best_threshold(&truth, scores.view(), 0, ThresholdScore::FBeta(1.0))?;
/// assert_eq!((best.value, best.score), (0.1875, 1.0));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::DegenerateData`] without a positive or without a negative sample; else if the sizes do not
/// agree, a score is not finite, there is no such output or β is not above 0.
pub fn best_threshold(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    output: usize,
    by: ThresholdScore,
) -> Result<Threshold> {
    let problem = Problem::new(truth, scores, None)?;
    problem.check_output(output)?;
    if let ThresholdScore::FBeta(beta) = by
        && !(beta.is_finite() && beta > 0.0)
    {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("expected a finite beta above 0, got {beta}"),
        ));
    }
    let ranked = problem.ranked(output);
    let mut counts = Counts::default();
    for sample in &ranked {
        counts.add(sample.is_positive, false, 1.0);
    }
    if counts.misses == 0.0 || counts.rejections == 0.0 {
        let lacks = if counts.misses == 0.0 {
            "positive"
        } else {
            "negative"
        };
        return Err(Error::new(
            ErrorKind::DegenerateData,
            format!("{} has no {lacks} sample", problem.called(output)),
        ));
    }
    let groups: Vec<&[Outcome]> = ranked
        .chunk_by(|left, right| left.score == right.score)
        .collect();
    let mut best: Option<Threshold> = None;
    for (rank, group) in groups.iter().enumerate() {
        for sample in *group {
            counts.add(sample.is_positive, false, -1.0);
            counts.add(sample.is_positive, true, 1.0);
        }
        let Some(score) = by.of(&counts) else {
            continue;
        };
        let lowest = group[0].score;
        let value = groups
            .get(rank + 1)
            .map_or(lowest, |next| between(next[0].score, lowest));
        let is_better = best.is_none_or(|best| {
            score > best.score
                || (score == best.score && (value - 0.5).abs() < (best.value - 0.5).abs())
        });
        if is_better {
            best = Some(Threshold { value, score });
        }
    }
    best.ok_or_else(|| {
        let message = format!(
            "no cut of the scores of {} has a score",
            problem.called(output)
        );
        Error::new(ErrorKind::DegenerateData, message)
    })
}

/// The best threshold of every tag, in the order of the names.
///
/// # Errors
/// As [`best_threshold`], for the first tag without one.
pub fn best_thresholds(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    by: ThresholdScore,
) -> Result<Vec<Threshold>> {
    (0..truth.names().len())
        .map(|output| best_threshold(truth, scores, output, by))
        .collect()
}

/// 1 for every score that reaches the threshold of its column, 0 for the others.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] unless there is a threshold for every column.
pub fn decide(scores: ArrayView2<'_, f32>, thresholds: &[f32]) -> Result<Array2<f32>> {
    if scores.ncols() != thresholds.len() {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected a threshold for each of {} outputs, got {}",
                scores.ncols(),
                thresholds.len()
            ),
        ));
    }
    Ok(Array2::from_shape_fn(scores.dim(), |(row, output)| {
        f32::from(u8::from(scores[[row, output]] >= thresholds[output]))
    }))
}

/// Half way, but above the lower score whatever the rounding.
fn between(lower: f32, upper: f32) -> f32 {
    let middle = lower.midpoint(upper);
    if middle > lower { middle } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Metric, TagState, Tags};

    use crate::average::Average;
    use crate::precision_recall::FBeta;

    fn truth(states: &[TagState]) -> Target {
        let column = Array2::from_shape_vec((states.len(), 1), states.to_vec()).unwrap();
        Target::Tags(Tags::new(vec!["ring".into()], column).unwrap())
    }

    #[test]
    fn no_other_cut_is_better() {
        use TagState::{Negative, Positive, Unknown};
        let states = [
            Positive, Negative, Positive, Unknown, Negative, Positive, Negative, Negative,
        ];
        let scores = array![[0.9], [0.8], [0.5], [0.6], [0.5], [0.3], [0.2], [0.1]];
        let truth = truth(&states);
        let f1 = FBeta::f1(Average::Macro);
        let best = best_threshold(&truth, scores.view(), 0, ThresholdScore::FBeta(1.0)).unwrap();
        let reached = |cut: f32| {
            let decided = decide(scores.view(), &[cut]).unwrap();
            f1.evaluate(&truth, decided.view()).unwrap().value()
        };
        assert_eq!(reached(best.value), Some(best.score));
        for step in 0..90 {
            let cut = step as f32 / 100.0;
            assert!(
                reached(cut).is_none_or(|score| score <= best.score),
                "{cut}"
            );
        }
    }

    #[test]
    fn every_score_finds_a_perfect_cut() {
        use TagState::{Negative, Positive};
        let truth = truth(&[Negative, Positive, Negative, Positive]);
        let scores = array![[0.1], [0.4], [0.2], [0.3]];
        for by in [
            ThresholdScore::FBeta(2.0),
            ThresholdScore::BalancedAccuracy,
            ThresholdScore::Matthews,
            ThresholdScore::Jaccard,
            ThresholdScore::Accuracy,
        ] {
            let best = best_thresholds(&truth, scores.view(), by).unwrap();
            assert_eq!((best[0].value, best[0].score), (0.25, 1.0), "{by:?}");
        }
    }

    #[test]
    fn a_tag_without_both_states_has_no_threshold() {
        for (state, reason) in [
            (TagState::Positive, "tag ring has no negative sample"),
            (TagState::Unknown, "tag ring has no positive sample"),
        ] {
            let error = best_threshold(
                &truth(&[state]),
                array![[0.5]].view(),
                0,
                ThresholdScore::Accuracy,
            )
            .unwrap_err();
            assert_eq!(error.message(), reason);
        }
        let neighbours = (0.1_f32, 0.1_f32.next_up());
        assert_eq!(between(neighbours.0, neighbours.1), neighbours.1);
    }
}
