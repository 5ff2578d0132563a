//! What every cut of a score reaches: receiver operating characteristic, detection error trade-off and
//! precision against recall.
//!
//! One class or tag is set against the rest and the cut falls from above the highest score through every
//! distinct one; a sample is predicted if its score reaches the cut. With the shares of positive samples
//! that are found (true positive rate, recall), of negative ones that are taken too (false positive rate)
//! and of positive ones that are missed (false negative rate):
//!
//! - [`RocCurve`]: true against false positive rate, and the area below;
//! - its [`det`](RocCurve::det): false negative against false positive rate, drawn on the scales of normal
//!   deviates, which spreads out small rates (Martin et al. 1997, doi:10.21437/Eurospeech.1997-504);
//! - [`PrecisionRecallCurve`]: precision against recall, and the average precision.
//!
//! A rate without samples does not exist: an error of kind [`ErrorKind::DegenerateData`]. Unknown tags do
//! not count. Cost: one sort. All points are kept: agrees with scikit-learn 1.9.1 (`roc_curve` with
//! `drop_intermediate=False`, `det_curve`, `precision_recall_curve`).

use std::fmt::Write as _;
use std::sync::Arc;

use ndarray::ArrayView2;
use xscatter_core::{Error, ErrorKind, Result, Target};

use crate::average::Missing;
use crate::average_precision::average_precision;
use crate::problem::Problem;
use crate::roc_auc::area;

/// One cut of a receiver operating characteristic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// Scores of this or more are predicted; infinite for the first point, which predicts nothing.
    pub threshold: f32,
    /// The share of the negative samples that are predicted.
    pub false_positive_rate: f64,
    /// The share of the positive samples that are predicted.
    pub true_positive_rate: f64,
}

/// The receiver operating characteristic of one class or tag.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Target};
/// use xscatter_metrics::RocCurve;
///
/// let truth = Target::Classes(Classes::from_names(&["SAXS", "WAXS", "WAXS"]));
/// let scores = array![[0.7, 0.3], [0.4, 0.6], [0.8, 0.2]];
/// let curve = RocCurve::new(&truth, scores.view(), 1, None)?;
/// assert_eq!(curve.area, 0.5);
/// assert_eq!(curve.points.len(), 4);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    /// The class or tag.
    pub name: Arc<str>,
    /// The cuts, from the highest to the lowest.
    pub points: Vec<RocPoint>,
    /// The area below.
    pub area: f64,
}

impl RocCurve {
    /// Of the output at this position among the names.
    ///
    /// # Errors
    /// If the sizes do not agree, a score is not finite or there is no such output;
    /// [`ErrorKind::DegenerateData`] without a positive or without a negative sample.
    pub fn new(
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        output: usize,
        weights: Option<&[f32]>,
    ) -> Result<Self> {
        let problem = Problem::new(truth, scores, weights)?;
        problem.check_output(output)?;
        let ranked = problem.ranked(output);
        let area = area(&ranked).map_err(|missing| degenerate(missing, &problem, output))?;
        let mut points = vec![RocPoint {
            threshold: f32::INFINITY,
            false_positive_rate: 0.0,
            true_positive_rate: 0.0,
        }];
        let (mut hits, mut false_alarms) = (0.0, 0.0);
        for ties in ranked.chunk_by(|left, right| left.score == right.score) {
            for sample in ties {
                if sample.is_positive {
                    hits += sample.weight;
                } else {
                    false_alarms += sample.weight;
                }
            }
            points.push(RocPoint {
                threshold: ties[0].score,
                false_positive_rate: false_alarms,
                true_positive_rate: hits,
            });
        }
        for point in &mut points {
            point.false_positive_rate /= false_alarms;
            point.true_positive_rate /= hits;
        }
        Ok(Self {
            name: problem.names()[output].clone(),
            points,
            area,
        })
    }

    /// Of every class or tag, in the order of the names; those without a curve say why.
    ///
    /// # Errors
    /// If the sizes do not agree or a score is not finite.
    pub fn of_all(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Vec<Result<Self>>> {
        of_all(truth, scores, |output| {
            Self::new(truth, scores, output, None)
        })
    }

    /// False positive and false negative rate of every cut.
    pub fn det(&self) -> Vec<(f64, f64)> {
        let rates = |point: &RocPoint| (point.false_positive_rate, 1.0 - point.true_positive_rate);
        self.points.iter().map(rates).collect()
    }

    /// The points as CSV.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("threshold,false_positive_rate,true_positive_rate\n");
        for point in &self.points {
            let RocPoint {
                threshold,
                false_positive_rate,
                true_positive_rate,
            } = point;
            // Text in memory takes all that is written to it.
            let _ = writeln!(
                csv,
                "{threshold},{false_positive_rate},{true_positive_rate}"
            );
        }
        csv
    }
}

/// One cut of a precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecallPoint {
    /// Scores of this or more are predicted.
    pub threshold: f32,
    /// The share of the positive samples that are predicted.
    pub recall: f64,
    /// The share of the predicted samples that are positive.
    pub precision: f64,
}

/// Precision against recall of one class or tag.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecallCurve {
    /// The class or tag.
    pub name: Arc<str>,
    /// The cuts, from the highest to the lowest.
    pub points: Vec<PrecisionRecallPoint>,
    /// The average precision.
    pub average_precision: f64,
    /// The share of positive samples: the precision of chance.
    pub prevalence: f64,
}

impl PrecisionRecallCurve {
    /// Of the output at this position among the names.
    ///
    /// # Errors
    /// If the sizes do not agree, a score is not finite or there is no such output;
    /// [`ErrorKind::DegenerateData`] without a positive sample.
    pub fn new(
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        output: usize,
        weights: Option<&[f32]>,
    ) -> Result<Self> {
        let problem = Problem::new(truth, scores, weights)?;
        problem.check_output(output)?;
        let ranked = problem.ranked(output);
        let average_precision =
            average_precision(&ranked).map_err(|missing| degenerate(missing, &problem, output))?;
        let mut points = Vec::new();
        let (mut hits, mut taken) = (0.0, 0.0);
        for ties in ranked.chunk_by(|left, right| left.score == right.score) {
            for sample in ties {
                hits += if sample.is_positive {
                    sample.weight
                } else {
                    0.0
                };
                taken += sample.weight;
            }
            points.push(PrecisionRecallPoint {
                threshold: ties[0].score,
                recall: hits,
                precision: hits / taken,
            });
        }
        for point in &mut points {
            point.recall /= hits;
        }
        Ok(Self {
            name: problem.names()[output].clone(),
            points,
            average_precision,
            prevalence: hits / taken,
        })
    }

    /// Of every class or tag, in the order of the names; those without a curve say why.
    ///
    /// # Errors
    /// If the sizes do not agree or a score is not finite.
    pub fn of_all(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Vec<Result<Self>>> {
        of_all(truth, scores, |output| {
            Self::new(truth, scores, output, None)
        })
    }

    /// The points as CSV.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("threshold,recall,precision\n");
        for point in &self.points {
            // Text in memory takes all that is written to it.
            let _ = writeln!(
                csv,
                "{},{},{}",
                point.threshold, point.recall, point.precision
            );
        }
        csv
    }
}

fn of_all<T>(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    curve: impl Fn(usize) -> Result<T>,
) -> Result<Vec<Result<T>>> {
    Problem::new(truth, scores, None)?;
    Ok((0..truth.names().len()).map(curve).collect())
}

fn degenerate(missing: Missing, problem: &Problem<'_>, output: usize) -> Error {
    Error::new(ErrorKind::DegenerateData, missing.of(problem, output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::Classes;

    #[test]
    fn cuts_fall_through_every_distinct_score() {
        let names = vec!["a".into(), "b".into()];
        let truth = Target::Classes(Classes::new(names, vec![1, 0, 1, 0]).unwrap());
        let scores = array![[0.1, 0.9], [0.5, 0.5], [0.5, 0.5], [0.75, 0.25]];
        let roc = RocCurve::new(&truth, scores.view(), 1, None).unwrap();
        assert_eq!(
            roc.to_csv(),
            "threshold,false_positive_rate,true_positive_rate\n\
             inf,0,0\n0.9,0,0.5\n0.5,0.5,1\n0.25,1,1\n"
        );
        assert_eq!(roc.det()[2], (0.5, 0.0));
        let curve = PrecisionRecallCurve::new(&truth, scores.view(), 1, None).unwrap();
        assert_eq!(
            curve.to_csv(),
            "threshold,recall,precision\n0.9,0.5,1\n0.5,1,0.6666666666666666\n0.25,1,0.5\n"
        );
        assert_eq!(curve.prevalence, 0.5);
    }

    #[test]
    fn a_class_without_a_sample_has_no_curve_and_the_others_do() {
        let names = vec!["a".into(), "b".into(), "c".into()];
        let truth = Target::Classes(Classes::new(names, vec![1, 0]).unwrap());
        let scores = array![[0.1, 0.8, 0.1], [0.5, 0.25, 0.25]];
        let curves = RocCurve::of_all(&truth, scores.view()).unwrap();
        assert!(curves[0].is_ok() && curves[1].is_ok());
        let error = curves[2].as_ref().unwrap_err();
        assert_eq!(error.message(), "class c has no sample");
    }
}
