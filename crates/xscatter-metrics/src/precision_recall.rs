//! Precision, recall, F-beta and Jaccard index of predicted classes and tags.
//!
//! With `TP` hits, `FP` false alarms and `FN` misses of a class or tag:
//!
//! - precision `TP / (TP + FP)`, recall `TP / (TP + FN)`;
//! - F-beta `(1 + β²) TP / ((1 + β²) TP + β² FN + FP)`: the weighted harmonic mean of both;
//! - Jaccard index `TP / (TP + FP + FN)`.
//!
//! A class is predicted if its score is the highest (the first of equal ones), a tag if its score is
//! 0.5 or more; [`best_thresholds`](crate::threshold::best_thresholds) finds better cuts. [`Average`] says
//! how the values of the classes become one.
//!
//! What is not defined is said, not counted as 0: the recall of a class without a sample, the precision
//! of a class that was never predicted, F and Jaccard of a class with neither. Cost: one pass over the
//! scores. Source: van Rijsbergen 1979, *Information Retrieval*; scikit-learn 1.9.1 for the averages.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::average::Average;
use crate::counts::{Counts, of_counts};
use crate::problem::Problem;
use crate::weighted::WeightedMetric;

/// The share of the samples of a class or tag that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall {
    /// How the values of the classes, tags or samples become one.
    pub average: Average,
}

impl Metric for Recall {
    fn name(&self) -> &str {
        match self.average {
            Average::Micro => "recall-micro",
            Average::Macro => "recall-macro",
            Average::Weighted => "recall-weighted",
            Average::Samples => "recall-samples",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Recall {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        of_counts(&problem, self.average, Counts::recall)
    }
}

/// The share of the predictions of a class or tag that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision {
    /// How the values of the classes, tags or samples become one.
    pub average: Average,
}

impl Metric for Precision {
    fn name(&self) -> &str {
        match self.average {
            Average::Micro => "precision-micro",
            Average::Macro => "precision-macro",
            Average::Weighted => "precision-weighted",
            Average::Samples => "precision-samples",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Precision {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        of_counts(&problem, self.average, Counts::precision)
    }
}

/// The samples that have a class or tag and were predicted to, among those for which either holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jaccard {
    /// How the values of the classes, tags or samples become one.
    pub average: Average,
}

impl Metric for Jaccard {
    fn name(&self) -> &str {
        match self.average {
            Average::Micro => "jaccard-micro",
            Average::Macro => "jaccard-macro",
            Average::Weighted => "jaccard-weighted",
            Average::Samples => "jaccard-samples",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Jaccard {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        of_counts(&problem, self.average, Counts::jaccard)
    }
}

/// Why an F score could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FBetaError {
    /// The weight of the recall is no positive number.
    #[error("expected a finite beta above 0, got {0}")]
    Beta(f64),
}

/// The weighted harmonic mean of precision and recall; `beta` above 1 favours recall.
///
/// The macro average is the mean of the classes' F scores, not the F score of the mean precision and
/// recall.
#[derive(Debug, Clone, PartialEq)]
pub struct FBeta {
    beta: f64,
    average: Average,
    name: String,
}

impl FBeta {
    /// With this weight of the recall.
    ///
    /// # Errors
    /// [`FBetaError::Beta`] unless `beta` is finite and above 0.
    pub fn new(beta: f64, average: Average) -> Result<Self, FBetaError> {
        if !(beta.is_finite() && beta > 0.0) {
            return Err(FBetaError::Beta(beta));
        }
        Ok(Self::of(beta, average))
    }

    /// Precision and recall weighted alike: `f1-macro` and the like.
    pub fn f1(average: Average) -> Self {
        Self::of(1.0, average)
    }

    pub(crate) fn of(beta: f64, average: Average) -> Self {
        Self {
            beta,
            average,
            name: format!("f{beta}-{}", average.suffix()),
        }
    }
}

impl Metric for FBeta {
    fn name(&self) -> &str {
        &self.name
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for FBeta {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        of_counts(&problem, self.average, |counts| counts.f_beta(self.beta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use xscatter_core::{Classes, TagState, Tags};

    use crate::accuracy::Accuracy;

    fn truth(labels: &[u32]) -> Target {
        let names = vec!["GISAXS".into(), "SAXS".into(), "WAXS".into()];
        Target::Classes(Classes::new(names, labels.to_vec()).unwrap())
    }

    fn one_hot(labels: &[usize]) -> Array2<f32> {
        Array2::from_shape_fn((labels.len(), 3), |(row, class)| {
            f32::from(u8::from(labels[row] == class))
        })
    }

    fn reason(metric: &dyn Metric, truth: &Target, predicted: &[usize]) -> String {
        match metric.evaluate(truth, one_hot(predicted).view()).unwrap() {
            Score::Undefined(reason) => reason,
            Score::Value(value) => panic!("{}: expected no value, got {value}", metric.name()),
        }
    }

    #[test]
    fn undefined_scores_name_the_class() {
        let no_waxs = truth(&[0, 1, 1]);
        let average = Average::Macro;
        assert_eq!(
            reason(&Recall { average }, &no_waxs, &[0, 1, 2]),
            "class WAXS has no sample"
        );
        assert_eq!(
            reason(&Precision { average }, &truth(&[0, 1, 2]), &[0, 1, 1]),
            "class WAXS was never predicted"
        );
        for metric in [&FBeta::f1(average) as &dyn Metric, &Jaccard { average }] {
            assert_eq!(
                reason(metric, &no_waxs, &[0, 1, 1]),
                "class WAXS has neither a sample nor a prediction"
            );
        }
    }

    #[test]
    fn micro_averages_equal_the_accuracy() {
        let (truth, scores) = (truth(&[0, 1, 2, 2]), one_hot(&[0, 2, 2, 1]));
        let average = Average::Micro;
        let metrics: [&dyn Metric; 4] = [
            &Accuracy,
            &Recall { average },
            &Precision { average },
            &FBeta::f1(average),
        ];
        for metric in metrics {
            let score = metric.evaluate(&truth, scores.view()).unwrap();
            assert_eq!(score, Score::Value(0.5), "{}", metric.name());
        }
    }

    #[test]
    fn unknown_tags_do_not_count_and_samples_without_a_value_are_left_out() {
        let states = array![
            [TagState::Positive, TagState::Unknown, TagState::Negative],
            [TagState::Negative, TagState::Negative, TagState::Negative],
        ];
        let names = ["ring", "halo", "spot"].map(Into::into).to_vec();
        let truth = Target::Tags(Tags::new(names, states).unwrap());
        let scores = array![[0.9, 0.9, 0.8], [0.1, 0.1, 0.1]];
        let score = |average| {
            Precision { average }
                .evaluate(&truth, scores.view())
                .unwrap()
        };
        assert_eq!(score(Average::Samples), Score::Value(0.5));
        assert_eq!(score(Average::Micro), Score::Value(0.5));
        assert_eq!(
            score(Average::Macro),
            Score::Undefined("tag halo was never predicted".into())
        );
        let classes = self::truth(&[0]);
        let error = Recall {
            average: Average::Samples,
        }
        .evaluate(&classes, one_hot(&[0]).view())
        .unwrap_err();
        assert!(error.message().contains("expected tags"), "{error}");
    }

    #[test]
    fn names_state_the_averaging_and_beta_is_checked() {
        assert_eq!(FBeta::f1(Average::Micro).name(), "f1-micro");
        let f_half = FBeta::new(0.5, Average::Weighted).unwrap();
        assert_eq!(f_half.name(), "f0.5-weighted");
        assert_eq!(
            FBeta::new(1.0, Average::Macro).unwrap(),
            FBeta::f1(Average::Macro)
        );
        assert_eq!(FBeta::new(0.0, Average::Macro), Err(FBetaError::Beta(0.0)));
    }
}
