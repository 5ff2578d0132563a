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
//! Use these to compare how far scores can be trusted as probabilities; use the label scores for
//! decisions. Scores that are not probabilities (below 0, or a row whose sum is off 1 by more than
//! 1e-3) give [`Score::Undefined`]. Both agree with scikit-learn 1.9.1 to 1e-12. Samples are summed in
//! the order of their losses, so the order in which they come cannot change a bit.

use ndarray::{ArrayView1, ArrayView2};
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::confusion::check_scores;

const SUM_TOLERANCE: f64 = 1e-3;

/// The mean of `−ln p` of the true class; less is better.
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
        mean_loss(truth, scores, |row, class| {
            let epsilon = f64::from(f32::EPSILON);
            -f64::from(row[class]).clamp(epsilon, 1.0 - epsilon).ln()
        })
    }
}

/// The mean squared distance of the probabilities to the one-hot truth; less is better.
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
        mean_loss(truth, scores, |row, class| {
            row.iter().enumerate().fold(0.0, |sum, (other, &p)| {
                let distance = f64::from(p) - f64::from(u8::from(other == class));
                sum + distance * distance
            })
        })
    }
}

fn mean_loss(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    loss: impl Fn(ArrayView1<'_, f32>, usize) -> f64,
) -> Result<Score> {
    let classes = check_scores(truth, scores)?;
    if classes.labels().is_empty() {
        return Ok(Score::Undefined("there is no sample".into()));
    }
    for (row, scores) in scores.rows().into_iter().enumerate() {
        let sum: f64 = scores.iter().map(|&score| f64::from(score)).sum();
        if scores.iter().any(|&score| score < 0.0) || (sum - 1.0).abs() > SUM_TOLERANCE {
            return Ok(Score::Undefined(format!(
                "scores are no probabilities: row {row} is {scores:.4}"
            )));
        }
    }
    let mut losses: Vec<f64> = scores
        .rows()
        .into_iter()
        .zip(classes.labels())
        .map(|(row, &label)| loss(row, label as usize))
        .collect();
    losses.sort_unstable_by(f64::total_cmp);
    Ok(Score::Value(
        losses.iter().sum::<f64>() / losses.len() as f64,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use xscatter_core::Classes;

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
}
