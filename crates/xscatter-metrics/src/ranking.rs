//! How well scores rank: the area under the receiver operating characteristic, for any number of
//! classes.
//!
//! Each class is set against all others. With `P` samples of the class, `N` others and `U` the number
//! of pairs in which the sample of the class has the higher score (half a pair for equal scores: the
//! mid-ranks of Mann and Whitney), the area is `U / (P N)`: the chance that a sample of the class
//! scores above one of another class (Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747).
//!
//! Pairs are counted in integers, so neither ties nor the order of the samples can disturb the result.
//! With two classes and complementary scores it equals the usual binary area. If a class has no sample
//! or nothing but samples, its area does not exist and the score is [`Score::Undefined`]: never the 0
//! that some systems print. Cost: one sort a class.

use ndarray::{ArrayView1, ArrayView2};
use xscatter_core::{Classes, Goal, Metric, Result, Score, Target};

use crate::confusion::check_scores;

/// How the areas of the classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassAverage {
    /// The mean over the classes: rare classes count as much as frequent ones.
    Macro,
    /// The mean over the classes, weighted by their numbers of samples.
    Weighted,
}

/// The area under the receiver operating characteristic, one class against the rest.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Metric, Score, Target};
/// use xscatter_metrics::{ClassAverage, RocAuc};
///
/// let auc = RocAuc { average: ClassAverage::Macro };
/// let truth = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS"]));
/// let scores = array![[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]];
/// assert_eq!(auc.evaluate(&truth, scores.view())?, Score::Value(0.75));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RocAuc {
    /// How the areas of the classes become one.
    pub average: ClassAverage,
}

impl Metric for RocAuc {
    fn name(&self) -> &str {
        match self.average {
            ClassAverage::Macro => "roc-auc-ovr-macro",
            ClassAverage::Weighted => "roc-auc-ovr-weighted",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        let classes = check_scores(truth, scores)?;
        if classes.labels().is_empty() {
            return Ok(Score::Undefined("there is no sample".into()));
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (class, &count) in classes.counts().iter().enumerate() {
            let weight = match self.average {
                ClassAverage::Macro => 1.0,
                ClassAverage::Weighted => count as f64,
            };
            match class_area(classes, scores.column(class), class) {
                Ok(area) => {
                    sum += weight * area;
                    weights += weight;
                }
                Err(reason) => return Ok(Score::Undefined(reason)),
            }
        }
        Ok(Score::Value(sum / weights))
    }
}

/// The area of one class against the rest, or the reason why there is none.
fn class_area(classes: &Classes, scores: ArrayView1<'_, f32>, class: usize) -> Result<f64, String> {
    let name = &classes.names()[class];
    let mut samples: Vec<(f32, bool)> = scores
        .iter()
        .zip(classes.labels())
        .map(|(&score, &label)| (score, label as usize == class))
        .collect();
    let positives = samples.iter().filter(|(_, positive)| *positive).count() as u128;
    let negatives = samples.len() as u128 - positives;
    if positives == 0 {
        return Err(format!("class {name} has no sample"));
    }
    if negatives == 0 {
        return Err(format!("all samples are of class {name}"));
    }
    // Scores are finite, so this is a total order; `==` below also joins 0 and -0.
    samples.sort_unstable_by(|(left, _), (right, _)| left.total_cmp(right));
    let mut half_pairs = 0;
    let mut negatives_below = 0;
    for ties in samples.chunk_by(|(left, _), (right, _)| left == right) {
        let positives = ties.iter().filter(|(_, positive)| *positive).count() as u128;
        let negatives = ties.len() as u128 - positives;
        half_pairs += positives * (2 * negatives_below + negatives);
        negatives_below += negatives;
    }
    Ok(half_pairs as f64 / (2 * positives * negatives) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const MACRO: RocAuc = RocAuc {
        average: ClassAverage::Macro,
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
}
