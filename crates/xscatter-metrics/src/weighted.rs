//! Scores that can weigh the samples.
//!
//! Use weights where samples stand for different numbers of frames, or where a draw favoured some of
//! them. A weight of 2 counts as the sample twice, a weight of 0 as no sample. Weights are finite and
//! not negative. The weighted scores agree with the `sample_weight` of scikit-learn.

use ndarray::ArrayView2;
use xscatter_core::{Metric, Result, Score, Target};

/// A [`Metric`] that can weigh the samples. All scores of this crate can.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Score, Target};
/// use xscatter_metrics::{Accuracy, WeightedMetric};
///
/// let truth = Target::Classes(Classes::from_names(&["SAXS", "WAXS"]));
/// let scores = array![[0.9, 0.1], [0.8, 0.2]];
/// let score = Accuracy.evaluate_weighted(&truth, scores.view(), Some(&[3.0, 1.0]))?;
/// assert_eq!(score, Score::Value(0.75));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
pub trait WeightedMetric: Metric {
    /// The score of `scores` (samples × outputs) against the truth, with a weight for every sample;
    /// `None` weighs all alike.
    ///
    /// # Errors
    /// If the sizes do not agree, a score is not finite, a weight is negative or not finite, or the
    /// target is of a kind that the metric does not know.
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score>;
}
