//! What was decided about each tag: hits, false alarms, misses and rejections.
//!
//! A tag is predicted if its score is 0.5 or more; use
//! [`decide`](crate::threshold::decide) for other cuts. Unknown tags are not counted. The counts are
//! exact integers. Use [`ConfusionMatrix`](crate::ConfusionMatrix) for classes. Cost: one pass.

use std::sync::Arc;

use ndarray::ArrayView2;
use xscatter_core::{Result, Target};

use crate::average::ratio;
use crate::problem::{Problem, TAG_THRESHOLD};

/// The counts of one tag over the samples in which it is known.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{TagState, Tags, Target};
/// use xscatter_metrics::TagConfusion;
///
/// let states = array![[TagState::Positive], [TagState::Unknown], [TagState::Negative]];
/// let truth = Target::Tags(Tags::new(vec!["ring".into()], states)?);
/// let tags = TagConfusion::from_scores(&truth, array![[0.9], [0.9], [0.7]].view())?;
/// assert_eq!((tags[0].hits, tags[0].false_alarms), (1, 1));
/// assert_eq!(tags[0].precision(), Some(0.5));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagConfusion {
    /// The tag.
    pub name: Arc<str>,
    /// Samples that have it and were predicted to.
    pub hits: u64,
    /// Samples that lack it and were predicted to have it.
    pub false_alarms: u64,
    /// Samples that have it and were predicted to lack it.
    pub misses: u64,
    /// Samples that lack it and were predicted to.
    pub rejections: u64,
}

impl TagConfusion {
    /// The counts of every tag, in the order of the names.
    ///
    /// # Errors
    /// If the target is not one of tags, the sizes differ or a score is not finite.
    pub fn from_scores(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Vec<Self>> {
        let problem = Problem::new(truth, scores, None)?;
        let tags = problem.tags()?;
        let count = |(tag, name): (usize, &Arc<str>)| {
            let mut counts = Self {
                name: name.clone(),
                hits: 0,
                false_alarms: 0,
                misses: 0,
                rejections: 0,
            };
            for row in 0..scores.nrows() {
                let is_predicted = scores[[row, tag]] >= TAG_THRESHOLD;
                match (problem.is_positive(row, tag), is_predicted) {
                    (Some(true), true) => counts.hits += 1,
                    (Some(false), true) => counts.false_alarms += 1,
                    (Some(true), false) => counts.misses += 1,
                    (Some(false), false) => counts.rejections += 1,
                    (None, _) => {}
                }
            }
            counts
        };
        Ok(tags.names().iter().enumerate().map(count).collect())
    }

    /// How many samples have the tag.
    pub fn support(&self) -> u64 {
        self.hits + self.misses
    }

    /// The share of the predictions that is right; `None` if it was never predicted.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.hits as f64, (self.hits + self.false_alarms) as f64)
    }

    /// The share of the samples with the tag that was found; `None` if there is none.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.hits as f64, self.support() as f64)
    }

    /// The harmonic mean of both; `None` without a positive sample and a prediction.
    pub fn f1(&self) -> Option<f64> {
        let errors = self.false_alarms + self.misses;
        ratio(2.0 * self.hits as f64, (2 * self.hits + errors) as f64)
    }
}
