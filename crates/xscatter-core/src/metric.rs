//! How good scores are, given the truth.

use std::fmt;
use std::sync::Arc;

use ndarray::ArrayView2;

use crate::error::Result;
use crate::target::Target;

/// Whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Goal {
    /// More is better.
    Maximise,
    /// Less is better.
    Minimise,
}

/// A number, or the reason why there is none.
///
/// A score that is not defined (a class without a sample, a single class) is never 0 and never `NaN`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Score {
    /// The score.
    Value(f64),
    /// Why the score is not defined on these data.
    Undefined(String),
}

impl Score {
    /// The number, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Undefined(_) => None,
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => match f.precision() {
                Some(precision) => write!(f, "{value:.precision$}"),
                None => write!(f, "{value}"),
            },
            Self::Undefined(reason) => write!(f, "undefined: {reason}"),
        }
    }
}

/// Scores predictions against the truth.
///
/// # Contract
/// The order of the samples does not matter; data on which the metric is not defined give
/// [`Score::Undefined`] with the reason; a truth and scores of different sizes are an error.
/// `xscatter-testkit` checks all of it (`check_metric`).
pub trait Metric: Send + Sync {
    /// A short name that states the averaging: `recall-macro`.
    fn name(&self) -> &str;

    /// Whether more is better.
    fn goal(&self) -> Goal;

    /// The score of `scores` (samples × outputs, as [`Predictor`](crate::learn::Predictor) gives
    /// them) against the truth.
    ///
    /// # Errors
    /// If the sizes do not agree or the target is of a kind that the metric does not know.
    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score>;
}

macro_rules! forward_metric {
    ($($pointer:ty),*) => {$(
        impl<T: Metric + ?Sized> Metric for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn goal(&self) -> Goal {
                (**self).goal()
            }
            fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
                (**self).evaluate(truth, scores)
            }
        }
    )*};
}
forward_metric!(&T, Box<T>, Arc<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undefined_score_has_no_number_and_shows_its_reason() {
        let score = Score::Undefined("class WAXS has no sample".into());
        assert_eq!(score.value(), None);
        assert_eq!(format!("{score:.3}"), "undefined: class WAXS has no sample");
        assert_eq!(format!("{:.3}", Score::Value(0.12345)), "0.123");
    }
}
