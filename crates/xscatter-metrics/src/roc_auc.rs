//! How well scores rank: the area under the receiver operating characteristic, for any number of
//! classes and for tags.
//!
//! Each class or tag is set against the rest, or each class against each other one. With `P` samples of
//! it, `N` others and `U` the number of pairs in which the sample of the class has the higher score (half
//! a pair for equal scores: the mid-ranks of Mann and Whitney), the area is `U / (P N)`: the chance that
//! a sample of the class scores above another one (Hanley and McNeil 1982,
//! doi:10.1148/radiology.143.1.7063747). One against one is the mean of both directions of every pair
//! (Hand and Till 2001, doi:10.1023/A:1010920819831); it does not depend on how frequent classes are.
//!
//! With two classes and complementary scores all averages equal the usual binary area. If a class has no
//! sample or nothing but samples, its area does not exist and the score is [`Score::Undefined`]: never
//! the 0 that some systems print. With [`Average::Samples`] (tags only), samples whose known tags are all
//! alike are left out. Cost: one sort a class, `K − 1` sorts in one against one.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::average::{Average, Missing, of_ranks};
use crate::problem::{Outcome, Problem, ranked};
use crate::weighted::WeightedMetric;

/// The area under the receiver operating characteristic, one class or tag against the rest.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Metric, Score, Target};
/// use xscatter_metrics::{Average, RocAuc};
///
/// let auc = RocAuc { average: Average::Macro };
/// let truth = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS"]));
/// let scores = array![[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]];
/// assert_eq!(auc.evaluate(&truth, scores.view())?, Score::Value(0.75));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RocAuc {
    /// How the areas of the classes, tags or samples become one.
    pub average: Average,
}

impl Metric for RocAuc {
    fn name(&self) -> &str {
        match self.average {
            Average::Micro => "roc-auc-ovr-micro",
            Average::Macro => "roc-auc-ovr-macro",
            Average::Weighted => "roc-auc-ovr-weighted",
            Average::Samples => "roc-auc-ovr-samples",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for RocAuc {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        of_ranks(&problem, self.average, area)
    }
}

/// How the areas of the pairs of classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairAverage {
    /// The mean over the pairs.
    Macro,
    /// The mean over the pairs, weighted by their numbers of samples.
    Weighted,
}

/// The area under the receiver operating characteristic, each class against each other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RocAucOneVsOne {
    /// How the areas of the pairs become one.
    pub average: PairAverage,
}

impl Metric for RocAucOneVsOne {
    fn name(&self) -> &str {
        match self.average {
            PairAverage::Macro => "roc-auc-ovo-macro",
            PairAverage::Weighted => "roc-auc-ovo-weighted",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for RocAucOneVsOne {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        let classes = problem.classes()?;
        let mut rows_of = vec![Vec::new(); classes.n_classes()];
        for row in problem.rows() {
            rows_of[classes.labels()[row] as usize].push(row);
        }
        if let Some(empty) = rows_of.iter().position(Vec::is_empty) {
            return Ok(Score::Undefined(Missing::Sample.of(&problem, empty)));
        }
        let against = |class: usize, other: usize| {
            let side = |label: usize| {
                rows_of[label].iter().map(move |&row| Outcome {
                    score: scores[[row, class]],
                    is_positive: label == class,
                    weight: problem.weight(row),
                })
            };
            area(&ranked(side(class).chain(side(other)))).expect("both classes have samples")
        };
        let weight_of = |rows: &[usize]| {
            let mut weights: Vec<f64> = rows.iter().map(|&row| problem.weight(row)).collect();
            weights.sort_unstable_by(f64::total_cmp);
            weights.iter().sum::<f64>()
        };
        let (mut sum, mut weights) = (0.0, 0.0);
        for (class, rows) in rows_of.iter().enumerate() {
            for (other, other_rows) in rows_of.iter().enumerate().skip(class + 1) {
                let weight = match self.average {
                    PairAverage::Macro => 1.0,
                    PairAverage::Weighted => weight_of(rows) + weight_of(other_rows),
                };
                let there = against(class, other);
                let back = against(other, class);
                sum += weight * f64::midpoint(there, back);
                weights += weight;
            }
        }
        Ok(if weights > 0.0 {
            Score::Value(sum / weights)
        } else {
            Score::Undefined("there is no pair of classes".into())
        })
    }
}

/// The area under the curve of samples in falling order, or the reason why there is none.
pub(crate) fn area(ranked: &[Outcome]) -> Result<f64, Missing> {
    let weight = |samples: &[Outcome], is_positive| {
        let alike = samples
            .iter()
            .filter(|sample| sample.is_positive == is_positive);
        alike.map(|sample| sample.weight).sum::<f64>()
    };
    let (positives, negatives) = (weight(ranked, true), weight(ranked, false));
    if positives == 0.0 {
        return Err(Missing::Sample);
    }
    if negatives == 0.0 {
        return Err(Missing::Rest);
    }
    let mut half_pairs = 0.0;
    let mut positives_above = 0.0;
    // `==` joins 0 and -0, which the order keeps apart.
    for ties in ranked.chunk_by(|left, right| left.score == right.score) {
        let (positives, negatives) = (weight(ties, true), weight(ties, false));
        half_pairs += negatives * (2.0 * positives_above + positives);
        positives_above += positives;
    }
    // Rounding of uneven weights can carry a perfect ranking beyond its range.
    Ok((half_pairs / (2.0 * positives * negatives)).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::Classes;

    const MACRO: RocAuc = RocAuc {
        average: Average::Macro,
    };

    #[test]
    fn a_missing_and_an_only_class_are_undefined() {
        let names = || vec!["SAXS".into(), "WAXS".into()];
        let scores = array![[0.9, 0.1], [0.4, 0.6]];
        let only = Target::Classes(Classes::new(names(), vec![0, 0]).unwrap());
        assert_eq!(
            MACRO.evaluate(&only, scores.view()).unwrap(),
            Score::Undefined("all samples are of class SAXS".into())
        );
        let missing = Target::Classes(Classes::new(names(), vec![1, 1]).unwrap());
        assert_eq!(
            MACRO.evaluate(&missing, scores.view()).unwrap(),
            Score::Undefined("class SAXS has no sample".into())
        );
    }

    #[test]
    fn equal_scores_count_half_and_signed_zeros_are_equal() {
        let truth = Target::Classes(Classes::from_names(&["a", "b"]));
        for zero in [0.0, -0.0] {
            let scores = array![[0.0, 0.0], [zero, zero]];
            let score = MACRO.evaluate(&truth, scores.view()).unwrap();
            assert_eq!(score, Score::Value(0.5));
        }
    }

    #[test]
    fn two_classes_have_one_area_whatever_the_average() {
        let truth = Target::Classes(Classes::from_names(&["a", "b", "a", "b", "a"]));
        let scores = array![
            [0.9, 0.1],
            [0.5, 0.5],
            [0.5, 0.5],
            [0.125, 0.875],
            [0.25, 0.75]
        ];
        let metrics: [&dyn Metric; 4] = [
            &MACRO,
            &RocAuc {
                average: Average::Weighted,
            },
            &RocAucOneVsOne {
                average: PairAverage::Macro,
            },
            &RocAucOneVsOne {
                average: PairAverage::Weighted,
            },
        ];
        for metric in metrics {
            let score = metric.evaluate(&truth, scores.view()).unwrap();
            assert_eq!(score, Score::Value(0.75), "{}", metric.name());
        }
    }
}
