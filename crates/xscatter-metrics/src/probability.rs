//! How good probabilities are: log-loss and Brier score.
//!
//! With `p` the probability that a model gave to the true class of a sample,
//!
//! - log-loss is the mean of `−ln p`, with `p` kept within `[ε, 1 − ε]`, `ε = 2⁻²³` (that of `f32`), so
//!   that one certain error does not make it infinite;
//! - the Brier score is the mean over the samples of `Σ_k (p_k − y_k)²` with `y` the one-hot truth:
//!   from 0 to 2, also for two classes (Brier 1950,
//!   doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).
//!
//! Of tags every known (sample, tag) pair is a problem of its own: `p` is the score, or 1 less the score
//! of a tag that is absent, and the Brier score is the mean of `(p − y)²`, from 0 to 1.
//!
//! Use these to compare how far scores can be trusted as probabilities; use the label scores for
//! decisions. Scores that are not probabilities (below 0, above 1, or of classes a row whose sum is off 1
//! by more than 1e-3) give [`Score::Undefined`]. (scikit-learn warns or raises.) Samples are summed in
//! the order of their losses, so the order in which they come cannot change a bit. Cost: one sort.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::problem::{Labels, Problem, weighted_mean};
use crate::weighted::WeightedMetric;

const SUM_TOLERANCE: f64 = 1e-3;

/// The mean of `−ln p` of the truth; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogLoss;

impl Metric for LogLoss {
    fn name(&self) -> &str {
        "log-loss"
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for LogLoss {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        let epsilon = f64::from(f32::EPSILON);
        Ok(mean_loss(&problem, |row, output| {
            let p = f64::from(problem.scores[[row, output]]);
            let p = if problem.is_positive(row, output)? {
                p
            } else {
                1.0 - p
            };
            Some(-p.clamp(epsilon, 1.0 - epsilon).ln())
        }))
    }
}

/// The mean squared distance of the probabilities to the truth; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Brier;

impl Metric for Brier {
    fn name(&self) -> &str {
        "brier"
    }

    fn goal(&self) -> Goal {
        Goal::Minimise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Brier {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        let squared = |row: usize, output: usize| {
            let truth = f64::from(u8::from(problem.is_positive(row, output)?));
            let distance = f64::from(problem.scores[[row, output]]) - truth;
            Some(distance * distance)
        };
        Ok(mean_loss(&problem, |row, output| match problem.labels {
            Labels::Classes(classes) => (0..classes.n_classes()).map(|k| squared(row, k)).sum(),
            Labels::Tags(_) => squared(row, output),
        }))
    }
}

/// The mean over the samples (of their true class) or the known tags.
fn mean_loss(problem: &Problem<'_>, loss: impl Fn(usize, usize) -> Option<f64>) -> Score {
    if let Some(reason) = improbable(problem) {
        return Score::Undefined(reason);
    }
    let mut losses = Vec::new();
    for row in problem.rows() {
        let outputs = match problem.labels {
            Labels::Classes(classes) => {
                let label = classes.labels()[row] as usize;
                label..label + 1
            }
            Labels::Tags(tags) => 0..tags.names().len(),
        };
        for output in outputs {
            losses.extend(loss(row, output).map(|loss| (loss, problem.weight(row))));
        }
    }
    weighted_mean(losses).map_or_else(
        || Score::Undefined("there is no sample".into()),
        Score::Value,
    )
}

/// Why the scores are no probabilities, if they are not.
pub(crate) fn improbable(problem: &Problem<'_>) -> Option<String> {
    problem.rows().find_map(|row| {
        let scores = problem.scores.row(row);
        let is_probable = match problem.labels {
            Labels::Classes(_) => {
                let sum: f64 = scores.iter().map(|&score| f64::from(score)).sum();
                scores.iter().all(|&score| score >= 0.0) && (sum - 1.0).abs() <= SUM_TOLERANCE
            }
            Labels::Tags(tags) => (0..tags.names().len())
                .filter(|&tag| problem.is_positive(row, tag).is_some())
                .all(|tag| (0.0..=1.0).contains(&scores[tag])),
        };
        (!is_probable).then(|| format!("scores are no probabilities: row {row} is {scores:.4}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use xscatter_core::{Classes, TagState, Tags};

    fn truth() -> Target {
        Target::Classes(Classes::from_names(&["a", "b"]))
    }

    #[test]
    fn a_certain_error_costs_much_but_not_all() {
        let scores = array![[1.0, 0.0], [1.0, 0.0]];
        let loss = LogLoss.evaluate(&truth(), scores.view()).unwrap();
        let epsilon = f64::from(f32::EPSILON);
        let expected = -(epsilon.ln() + (1.0 - epsilon).ln()) / 2.0;
        assert_relative_eq!(loss.value().unwrap(), expected, max_relative = 1e-12);
        let brier = Brier.evaluate(&truth(), scores.view()).unwrap();
        assert_eq!(brier, Score::Value(1.0));
    }

    #[test]
    fn scores_that_are_no_probabilities_are_undefined() {
        for scores in [
            array![[0.5, 0.5], [2.0, -1.0]],
            array![[0.5, 0.5], [0.7, 0.7]],
        ] {
            for metric in [&LogLoss as &dyn Metric, &Brier] {
                let score = metric.evaluate(&truth(), scores.view()).unwrap();
                assert!(score.to_string().contains("row 1"), "{score}");
            }
        }
    }

    #[test]
    fn every_known_tag_is_a_problem_of_its_own() {
        let states = array![
            [TagState::Positive, TagState::Unknown],
            [TagState::Negative, TagState::Negative],
        ];
        let names = vec!["ring".into(), "halo".into()];
        let truth = Target::Tags(Tags::new(names, states).unwrap());
        let scores = array![[0.75, 7.0], [0.5, 0.25]];
        let loss = LogLoss.evaluate(&truth, scores.view()).unwrap();
        let expected = -(0.75_f64.ln() + 0.5_f64.ln() + 0.75_f64.ln()) / 3.0;
        assert_relative_eq!(loss.value().unwrap(), expected, max_relative = 1e-12);
        let brier = Brier.evaluate(&truth, scores.view()).unwrap();
        assert_relative_eq!(brier.value().unwrap(), 0.375 / 3.0, max_relative = 1e-12);
    }
}
