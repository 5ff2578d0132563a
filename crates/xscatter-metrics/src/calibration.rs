//! Whether a probability of 0.8 is right in 8 of 10 cases: expected calibration error and the
//! reliability curve.
//!
//! Probabilities are put into `B` bins of equal width, `(b/B, (b+1)/B]`, the first with 0 too. With `w_b`
//! the share of the samples in bin `b`, `a_b` the share of them that is right and `p_b` their mean
//! probability, the expected calibration error is `Σ w_b |a_b − p_b|` (Naeini, Cooper and Hauskrecht
//! 2015, doi:10.1609/aaai.v29i1.9602). Of classes, the probability is that of the predicted class and
//! right means that it is the true one (Guo et al. 2017, arXiv:1706.04599); of tags, every known (sample,
//! tag) pair counts with its score and right means that the tag is there.
//!
//! The error depends on the number of bins, so the name states it: `expected-calibration-error-15`. With
//! few samples it is biased upwards. A model that always says how frequent the classes are is calibrated
//! and useless: use it beside [`LogLoss`](crate::LogLoss), not instead. Scores that are no probabilities
//! and data without a sample give [`Score::Undefined`]. Cost: one sort.
//!
//! The curve is that of scikit-learn 1.9.1 (`calibration_curve`), which has no calibration error.

use std::sync::Arc;

use ndarray::ArrayView2;
use xscatter_core::{Error, ErrorKind, Goal, Metric, Result, Score, Target};

use crate::confusion::predicted_labels;
use crate::probability::improbable;
use crate::problem::{Labels, Outcome, Problem, ranked};
use crate::weighted::WeightedMetric;

const MOST_BINS: usize = 10_000;

/// Why a calibration could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationError {
    /// No bin, or more than any curve can show.
    #[error("expected 1 to {MOST_BINS} bins, got {0}")]
    Bins(usize),
}

impl From<CalibrationError> for Error {
    fn from(error: CalibrationError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string())
    }
}

/// The mean distance of probabilities and the share that is right; less is better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedCalibrationError {
    bins: usize,
    name: String,
}

impl ExpectedCalibrationError {
    /// With this many bins of equal width.
    ///
    /// # Errors
    /// [`CalibrationError::Bins`] if there is none or more than 10,000.
    pub fn new(bins: usize) -> Result<Self, CalibrationError> {
        check_bins(bins)?;
        Ok(Self::of(bins))
    }

    fn of(bins: usize) -> Self {
        Self {
            bins,
            name: format!("expected-calibration-error-{bins}"),
        }
    }
}

impl Default for ExpectedCalibrationError {
    /// With 15 bins, as is usual.
    fn default() -> Self {
        Self::of(15)
    }
}

impl Metric for ExpectedCalibrationError {
    fn name(&self) -> &str {
        &self.name
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for ExpectedCalibrationError {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        if let Some(reason) = improbable(&problem) {
            return Ok(Score::Undefined(reason));
        }
        let points = points(&confidences(&problem), &uniform_edges(self.bins));
        let total: f64 = points.iter().map(|point| point.weight).sum();
        if total == 0.0 {
            return Ok(Score::Undefined("there is no sample".into()));
        }
        let error = points.iter().fold(0.0, |sum, point| {
            sum + point.weight * (point.observed - point.predicted).abs()
        });
        Ok(Score::Value(error / total))
    }
}

/// How probabilities are put into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Binning {
    /// Bins of equal width.
    #[default]
    Uniform,
    /// Bins of about as many samples each.
    Quantile,
}

/// One bin of a reliability curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliabilityPoint {
    /// The mean probability of the samples in the bin.
    pub predicted: f64,
    /// The share of them that is positive.
    pub observed: f64,
    /// Their weight: their number, unless samples are weighted.
    pub weight: f64,
}

/// Predicted probabilities against observed shares, of one class or tag.
#[derive(Debug, Clone, PartialEq)]
pub struct ReliabilityCurve {
    /// The class or tag.
    pub name: Arc<str>,
    /// The bins that hold a sample, from low to high probabilities.
    pub points: Vec<ReliabilityPoint>,
}

impl ReliabilityCurve {
    /// Of one class against the rest, or one tag.
    ///
    /// # Errors
    /// If the sizes do not agree, there is no such output, no sample, no bin or more than 10,000, or the
    /// scores are no probabilities.
    pub fn new(
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        output: usize,
        bins: usize,
        binning: Binning,
    ) -> Result<Self> {
        let problem = Problem::new(truth, scores, None)?;
        problem.check_output(output)?;
        check_bins(bins)?;
        let degenerate = |reason| Error::new(ErrorKind::DegenerateData, reason);
        if let Some(reason) = improbable(&problem) {
            return Err(degenerate(reason));
        }
        let samples = problem.ranked(output);
        if samples.is_empty() {
            return Err(degenerate(format!(
                "{} has no sample",
                problem.called(output)
            )));
        }
        let edges = match binning {
            Binning::Uniform => uniform_edges(bins),
            Binning::Quantile => quantile_edges(&samples, bins),
        };
        Ok(Self {
            name: problem.names()[output].clone(),
            points: points(&samples, &edges),
        })
    }
}

fn check_bins(bins: usize) -> Result<(), CalibrationError> {
    if (1..=MOST_BINS).contains(&bins) {
        Ok(())
    } else {
        Err(CalibrationError::Bins(bins))
    }
}

/// What was predicted with which probability, and whether it was right.
fn confidences(problem: &Problem<'_>) -> Vec<Outcome> {
    match problem.labels {
        Labels::Classes(classes) => {
            let guesses = predicted_labels(problem.scores);
            ranked(problem.rows().map(|row| Outcome {
                score: problem.scores[[row, guesses[row] as usize]],
                is_positive: guesses[row] == classes.labels()[row],
                weight: problem.weight(row),
            }))
        }
        Labels::Tags(_) => problem.ranked_together(),
    }
}

/// The upper edges of all bins but the last.
fn uniform_edges(bins: usize) -> Vec<f64> {
    (1..bins).map(|edge| edge as f64 / bins as f64).collect()
}

fn quantile_edges(samples: &[Outcome], bins: usize) -> Vec<f64> {
    let score = |rank: usize| f64::from(samples[samples.len() - 1 - rank].score);
    let edge = |edge: usize| {
        let place = (samples.len() - 1) as f64 * edge as f64 / bins as f64;
        let below = place as usize;
        let above = (below + 1).min(samples.len() - 1);
        score(below) + (score(above) - score(below)) * (place - below as f64)
    };
    (1..bins).map(edge).collect()
}

/// The bins that hold a sample.
fn points(samples: &[Outcome], edges: &[f64]) -> Vec<ReliabilityPoint> {
    let bin = |sample: &Outcome| edges.partition_point(|edge| *edge < f64::from(sample.score));
    // The samples fall, the bins rise.
    let mut points: Vec<ReliabilityPoint> = samples
        .chunk_by(|left, right| bin(left) == bin(right))
        .map(|samples| {
            let (mut weight, mut right, mut probability) = (0.0, 0.0, 0.0);
            for sample in samples {
                weight += sample.weight;
                right += if sample.is_positive {
                    sample.weight
                } else {
                    0.0
                };
                probability += sample.weight * f64::from(sample.score);
            }
            ReliabilityPoint {
                predicted: probability / weight,
                observed: right / weight,
                weight,
            }
        })
        .collect();
    points.reverse();
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use xscatter_core::Classes;

    #[test]
    fn the_distance_of_confidence_and_accuracy_is_weighted_by_the_bins() {
        let truth = Target::Classes(Classes::from_names(&["a", "b", "a", "b"]));
        // 0.9 right, 0.9 wrong, 0.6 right twice.
        let scores = array![[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]];
        let error = ExpectedCalibrationError::new(10).unwrap();
        assert_eq!(error.name(), "expected-calibration-error-10");
        let value = error.evaluate(&truth, scores.view()).unwrap();
        let expected = 0.5 * (0.9 - 0.5) + 0.5 * (1.0 - 0.6);
        assert_relative_eq!(value.value().unwrap(), expected, epsilon = 1e-7);
        assert_eq!(
            ExpectedCalibrationError::new(0),
            Err(CalibrationError::Bins(0))
        );
    }

    #[test]
    fn empty_bins_have_no_point() {
        let truth = Target::Classes(Classes::from_names(&["a", "b", "b"]));
        let scores = array![[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]];
        let curve = ReliabilityCurve::new(&truth, scores.view(), 1, 10, Binning::Uniform).unwrap();
        let points: Vec<_> = curve
            .points
            .iter()
            .map(|point| (point.predicted, point.observed))
            .collect();
        assert_eq!(points, [(0.0, 0.0), (0.5, 1.0), (1.0, 1.0)]);
        assert!(ReliabilityCurve::new(&truth, scores.view(), 2, 10, Binning::Uniform).is_err());
    }
}
