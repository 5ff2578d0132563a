//! Scores of predicted classes: accuracy, precision, recall, F, Cohen's kappa, Matthews correlation.
//!
//! All are computed from the exact counts of a [`ConfusionMatrix`], so the order of the samples cannot
//! reach them. With `t_k` samples of class `k`, `p_k` predictions of it, `c` right predictions and `s`
//! samples in all:
//!
//! - accuracy `c / s`; balanced accuracy is the mean of the recalls of all classes;
//! - Cohen's kappa `(c s − Σ t_k p_k) / (s² − Σ t_k p_k)` (Cohen 1960, doi:10.1177/001316446002000104);
//! - Matthews correlation `(c s − Σ t_k p_k) / √((s² − Σ p_k²)(s² − Σ t_k²))` for any number of
//!   classes (Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006).
//!
//! What is not defined is said, not counted as 0: the recall of a class without a sample, the
//! precision of a class that was never predicted, kappa and Matthews correlation without variation.
//! Where scikit-learn 1.9 puts a 0 or leaves such a class out with a warning, these give
//! [`Score::Undefined`]; everywhere else they agree with it to 1e-12. Weights are not supported.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::confusion::ConfusionMatrix;

/// How the values of the classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Average {
    /// From the counts of all classes together. With one class a sample, precision, recall and F are
    /// then all equal to the accuracy.
    Micro,
    /// The mean over the classes: rare classes count as much as frequent ones.
    Macro,
    /// The mean over the classes, weighted by their numbers of samples.
    Weighted,
}

impl Average {
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::Macro => "macro",
            Self::Weighted => "weighted",
        }
    }
}

/// The share of samples whose class was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accuracy;

impl Metric for Accuracy {
    fn name(&self) -> &str {
        "accuracy"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        on_counts(truth, scores, |matrix| Score::Value(accuracy(matrix)))
    }
}

/// The mean of the recalls of all classes: what accuracy would be if all classes were equally
/// frequent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BalancedAccuracy;

impl Metric for BalancedAccuracy {
    fn name(&self) -> &str {
        "balanced-accuracy"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        on_counts(truth, scores, |matrix| recall(matrix, Average::Macro))
    }
}

/// The share of the samples of a class that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall {
    /// How the values of the classes become one.
    pub average: Average,
}

impl Metric for Recall {
    fn name(&self) -> &str {
        match self.average {
            Average::Micro => "recall-micro",
            Average::Macro => "recall-macro",
            Average::Weighted => "recall-weighted",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        on_counts(truth, scores, |matrix| recall(matrix, self.average))
    }
}

/// The share of the predictions of a class that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision {
    /// How the values of the classes become one.
    pub average: Average,
}

impl Metric for Precision {
    fn name(&self) -> &str {
        match self.average {
            Average::Micro => "precision-micro",
            Average::Macro => "precision-macro",
            Average::Weighted => "precision-weighted",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        on_counts(truth, scores, |matrix| {
            average(matrix, self.average, |class| {
                let name = &matrix.names()[class];
                matrix
                    .precision(class)
                    .ok_or_else(|| format!("class {name} was never predicted"))
            })
        })
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
        Ok(Self {
            beta,
            average,
            name: format!("f{beta}-{}", average.suffix()),
        })
    }

    /// Precision and recall weighted alike: `f1-macro` and the like.
    pub fn f1(average: Average) -> Self {
        Self {
            beta: 1.0,
            average,
            name: format!("f1-{}", average.suffix()),
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
        on_counts(truth, scores, |matrix| {
            average(matrix, self.average, |class| {
                let name = &matrix.names()[class];
                matrix
                    .f_beta(class, self.beta)
                    .ok_or_else(|| format!("class {name} has neither a sample nor a prediction"))
            })
        })
    }
}

/// Agreement beyond what chance gives at these class frequencies: 1 is perfect, 0 is chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CohensKappa;

impl Metric for CohensKappa {
    fn name(&self) -> &str {
        "cohens-kappa"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        on_counts(truth, scores, |matrix| {
            let sums = Sums::of(matrix);
            let beyond_chance = sums.total * sums.total - sums.chance;
            if beyond_chance == 0 {
                return Score::Undefined("truth and predictions are all of one class".into());
            }
            Score::Value(sums.covariance() as f64 / beyond_chance as f64)
        })
    }
}

/// The correlation of truth and predictions: 1 is perfect, 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matthews;

impl Metric for Matthews {
    fn name(&self) -> &str {
        "matthews"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        on_counts(truth, scores, |matrix| {
            let sums = Sums::of(matrix);
            let squared = sums.total * sums.total;
            let (of_truth, of_guesses) = (squared - sums.truth, squared - sums.guesses);
            if of_truth == 0 {
                return Score::Undefined("all samples are of one class".into());
            }
            if of_guesses == 0 {
                return Score::Undefined("all predictions are of one class".into());
            }
            let spread = (of_truth as f64).sqrt() * (of_guesses as f64).sqrt();
            // Rounding of the roots can carry a perfect or perfectly wrong result beyond its range.
            Score::Value((sums.covariance() as f64 / spread).clamp(-1.0, 1.0))
        })
    }
}

/// The integers that kappa and Matthews correlation are made of, exact for any real number of samples.
struct Sums {
    total: i128,
    correct: i128,
    /// Σ t_k p_k
    chance: i128,
    /// Σ t_k²
    truth: i128,
    /// Σ p_k²
    guesses: i128,
}

impl Sums {
    fn of(matrix: &ConfusionMatrix) -> Self {
        let mut sums = Self {
            total: i128::from(matrix.total()),
            correct: i128::from(matrix.correct()),
            chance: 0,
            truth: 0,
            guesses: 0,
        };
        for class in 0..matrix.n_classes() {
            let support = i128::from(matrix.support(class));
            let predicted = i128::from(matrix.predicted(class));
            sums.chance += support * predicted;
            sums.truth += support * support;
            sums.guesses += predicted * predicted;
        }
        sums
    }

    fn covariance(&self) -> i128 {
        self.correct * self.total - self.chance
    }
}

fn on_counts(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    score: impl FnOnce(&ConfusionMatrix) -> Score,
) -> Result<Score> {
    let matrix = ConfusionMatrix::from_scores(truth, scores)?;
    if matrix.total() == 0 {
        return Ok(Score::Undefined("there is no sample".into()));
    }
    Ok(score(&matrix))
}

fn accuracy(matrix: &ConfusionMatrix) -> f64 {
    matrix.correct() as f64 / matrix.total() as f64
}

fn recall(matrix: &ConfusionMatrix, how: Average) -> Score {
    average(matrix, how, |class| {
        let name = &matrix.names()[class];
        matrix
            .recall(class)
            .ok_or_else(|| format!("class {name} has no sample"))
    })
}

/// One value from those of the classes, or the reason why one that counts does not exist.
fn average(
    matrix: &ConfusionMatrix,
    how: Average,
    value: impl Fn(usize) -> Result<f64, String>,
) -> Score {
    let weight = |class| match how {
        Average::Weighted => matrix.support(class) as f64,
        Average::Micro | Average::Macro => 1.0,
    };
    if how == Average::Micro {
        return Score::Value(accuracy(matrix));
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for class in (0..matrix.n_classes()).filter(|&class| weight(class) > 0.0) {
        match value(class) {
            Ok(value) => {
                sum += weight(class) * value;
                weights += weight(class);
            }
            Err(reason) => return Score::Undefined(reason),
        }
    }
    Score::Value(sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use xscatter_core::Classes;

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
        let recall = Recall {
            average: Average::Macro,
        };
        assert_eq!(
            reason(&recall, &no_waxs, &[0, 1, 2]),
            "class WAXS has no sample"
        );
        assert_eq!(
            reason(&BalancedAccuracy, &no_waxs, &[0, 1, 2]),
            "class WAXS has no sample"
        );
        let precision = Precision {
            average: Average::Weighted,
        };
        assert_eq!(
            reason(&precision, &truth(&[0, 1, 2]), &[0, 1, 1]),
            "class WAXS was never predicted"
        );
        let f1 = FBeta::f1(Average::Macro);
        assert_eq!(
            reason(&f1, &no_waxs, &[0, 1, 1]),
            "class WAXS has neither a sample nor a prediction"
        );
    }

    #[test]
    fn agreement_without_variation_is_undefined() {
        assert_eq!(
            reason(&CohensKappa, &truth(&[1, 1]), &[1, 1]),
            "truth and predictions are all of one class"
        );
        assert_eq!(
            reason(&Matthews, &truth(&[1, 1]), &[1, 0]),
            "all samples are of one class"
        );
        assert_eq!(
            reason(&Matthews, &truth(&[1, 0]), &[1, 1]),
            "all predictions are of one class"
        );
    }

    #[test]
    fn no_sample_has_no_score() {
        let nothing = Array2::zeros((0, 3));
        let score = Accuracy.evaluate(&truth(&[]), nothing.view()).unwrap();
        assert_eq!(score, Score::Undefined("there is no sample".into()));
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

    #[test]
    fn another_kind_of_target_is_an_error() {
        let values = xscatter_core::Values::new(vec!["q".into()], array![[1.0]]).unwrap();
        let error = Accuracy
            .evaluate(&Target::Values(values), array![[1.0]].view())
            .unwrap_err();
        assert!(error.message().contains("classes"), "{error}");
    }
}
