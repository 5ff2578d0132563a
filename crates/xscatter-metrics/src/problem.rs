//! The truth and the scores of one evaluation, checked, as every score sees them.
//!
//! A row of weight 0 is as absent, an unknown tag is as absent. What is summed over samples is summed
//! in the order of the values, so that the order of the samples cannot change a bit.

use std::cmp::Ordering;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use xscatter_core::{Classes, Error, ErrorKind, Result, TagState, Tags, Target};

use crate::confusion::predicted_labels;

/// A tag whose score reaches this is predicted.
pub(crate) const TAG_THRESHOLD: f32 = 0.5;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Labels<'a> {
    Classes(&'a Classes),
    Tags(&'a Tags),
}

/// Classes or tags with the scores of every output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) labels: Labels<'a>,
    pub(crate) scores: ArrayView2<'a, f32>,
    weights: Option<&'a [f32]>,
}

/// One sample of one output against the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) score: f32,
    pub(crate) is_positive: bool,
    pub(crate) weight: f64,
}

impl<'a> Problem<'a> {
    pub(crate) fn new(
        truth: &'a Target,
        scores: ArrayView2<'a, f32>,
        weights: Option<&'a [f32]>,
    ) -> Result<Self> {
        let labels = match truth {
            Target::Classes(classes) => Labels::Classes(classes),
            Target::Tags(tags) => Labels::Tags(tags),
            _ => return Err(wrong_kind("classes or tags", "values")),
        };
        check(truth, scores, weights)?;
        Ok(Self {
            labels,
            scores,
            weights,
        })
    }

    pub(crate) fn classes(&self) -> Result<&'a Classes> {
        match self.labels {
            Labels::Classes(classes) => Ok(classes),
            Labels::Tags(_) => Err(wrong_kind("classes", "tags")),
        }
    }

    pub(crate) fn tags(&self) -> Result<&'a Tags> {
        match self.labels {
            Labels::Tags(tags) => Ok(tags),
            Labels::Classes(_) => Err(wrong_kind("tags", "classes")),
        }
    }

    pub(crate) fn names(&self) -> &'a [Arc<str>] {
        match self.labels {
            Labels::Classes(classes) => classes.names(),
            Labels::Tags(tags) => tags.names(),
        }
    }

    /// An output in a message: `class SAXS`, `tag ring`.
    pub(crate) fn called(&self, output: usize) -> String {
        let kind = match self.labels {
            Labels::Classes(_) => "class",
            Labels::Tags(_) => "tag",
        };
        format!("{kind} {}", self.names()[output])
    }

    pub(crate) fn check_output(&self, output: usize) -> Result<()> {
        let outputs = self.names().len();
        if output < outputs {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("expected an output below {outputs}, got {output}"),
        ))
    }

    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// The rows that count.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        let problem = *self;
        (0..self.scores.nrows()).filter(move |&row| problem.weight(row) > 0.0)
    }

    /// Whether a sample carries the output; `None` if nobody knows.
    pub(crate) fn is_positive(&self, row: usize, output: usize) -> Option<bool> {
        match self.labels {
            Labels::Classes(classes) => Some(classes.labels()[row] as usize == output),
            Labels::Tags(tags) => match tags.states()[[row, output]] {
                TagState::Positive => Some(true),
                TagState::Negative => Some(false),
                TagState::Unknown => None,
            },
        }
    }

    fn outcome(&self, row: usize, output: usize) -> Option<Outcome> {
        self.is_positive(row, output).map(|is_positive| Outcome {
            score: self.scores[[row, output]],
            is_positive,
            weight: self.weight(row),
        })
    }

    /// One output against the rest, the highest score first.
    pub(crate) fn ranked(&self, output: usize) -> Vec<Outcome> {
        ranked(self.rows().filter_map(|row| self.outcome(row, output)))
    }

    /// All outputs of all samples together, the highest score first.
    pub(crate) fn ranked_together(&self) -> Vec<Outcome> {
        let outputs = self.names().len();
        ranked(
            self.rows()
                .flat_map(|row| (0..outputs).filter_map(move |output| self.outcome(row, output))),
        )
    }

    /// The outputs of one sample, each with weight 1.
    pub(crate) fn of_row(&self, row: usize) -> impl Iterator<Item = Outcome> {
        (0..self.names().len()).filter_map(move |output| {
            self.outcome(row, output).map(|outcome| Outcome {
                weight: 1.0,
                ..outcome
            })
        })
    }

    /// The outputs of one sample, the highest score first, each with weight 1.
    pub(crate) fn ranked_row(&self, row: usize) -> Vec<Outcome> {
        ranked(self.of_row(row))
    }

    /// One output against the rest, to be summed: in order only where rounding depends on it.
    pub(crate) fn unordered(&self, output: usize) -> Vec<Outcome> {
        let outcomes = self.rows().filter_map(|row| self.outcome(row, output));
        if self.weights.is_some() {
            ranked(outcomes)
        } else {
            outcomes.collect()
        }
    }

    /// The weight of the samples by true class (row) and predicted class (column).
    pub(crate) fn confusion(&self) -> Result<Array2<f64>> {
        let classes = self.classes()?;
        let guesses = predicted_labels(self.scores);
        let mut samples: Vec<(u32, u32, f64)> = self
            .rows()
            .map(|row| (classes.labels()[row], guesses[row], self.weight(row)))
            .collect();
        if self.weights.is_some() {
            samples.sort_unstable_by(|left, right| left.2.total_cmp(&right.2));
        }
        let mut cells = Array2::zeros((classes.n_classes(), classes.n_classes()));
        for (label, guess, weight) in samples {
            cells[[label as usize, guess as usize]] += weight;
        }
        Ok(cells)
    }
}

/// The highest score first; of equal ones the positive, then the heavy samples.
pub(crate) fn ranked(outcomes: impl Iterator<Item = Outcome>) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = outcomes.collect();
    if outcomes.iter().any(|outcome| outcome.weight != 1.0) {
        // Weights are not negative, so their bits are in order.
        outcomes.sort_unstable_by_key(|outcome| (key(outcome), !outcome.weight.to_bits()));
        return outcomes;
    }
    // Numbers alone sort three times as fast.
    let mut keys: Vec<u64> = outcomes.iter().map(key).collect();
    keys.sort_unstable();
    for (outcome, key) in outcomes.iter_mut().zip(keys) {
        outcome.is_positive = key & 1 == 0;
        outcome.score = score_of(key);
    }
    outcomes
}

/// A number that falls as the score rises (the total order of floats), then puts positive ones first.
fn key(outcome: &Outcome) -> u64 {
    let bits = outcome.score.to_bits();
    let rising = if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    };
    u64::from(!rising) << 1 | u64::from(!outcome.is_positive)
}

fn score_of(key: u64) -> f32 {
    let rising = !((key >> 1) as u32);
    f32::from_bits(if rising >> 31 == 1 {
        rising & !(1 << 31)
    } else {
        !rising
    })
}

/// Checks that the scores are finite and of the size of the truth, and so are the weights.
pub(crate) fn check(
    truth: &Target,
    scores: ArrayView2<'_, f32>,
    weights: Option<&[f32]>,
) -> Result<()> {
    let (kind, kinds) = match truth {
        Target::Classes(_) => ("class", "classes"),
        Target::Tags(_) => ("tag", "tags"),
        _ => ("value", "values"),
    };
    let expected = (truth.len(), truth.names().len());
    if scores.dim() != expected {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected {} × {} scores (samples × {kinds}), got {} × {}",
                expected.0,
                expected.1,
                scores.nrows(),
                scores.ncols()
            ),
        ));
    }
    // All at once is many times faster than looking for the first.
    let is_finite = scores.fold(true, |all, score| all & score.is_finite());
    let first = || scores.indexed_iter().find(|(_, score)| !score.is_finite());
    if let Some(((row, output), score)) = if is_finite { None } else { first() } {
        let name = &truth.names()[output];
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("row {row}, {kind} {name}: expected a finite score, got {score}"),
        ));
    }
    check_weights(expected.0, weights)
}

fn check_weights(samples: usize, weights: Option<&[f32]>) -> Result<()> {
    let Some(weights) = weights else {
        return Ok(());
    };
    if weights.len() != samples {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected a weight for each of {samples} samples, got {}",
                weights.len()
            ),
        ));
    }
    let valid = |weight: &f32| weight.is_finite() && *weight >= 0.0;
    match weights.iter().position(|weight| !valid(weight)) {
        Some(row) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "row {row}: expected a weight of 0 or more, got {}",
                weights[row]
            ),
        )),
        None => Ok(()),
    }
}

pub(crate) fn wrong_kind(expected: &str, found: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("expected a target of {expected}, got {found}"),
    )
}

/// The mean of (value, weight) pairs, whatever their order; `None` if no weight is above 0.
pub(crate) fn weighted_mean(mut pairs: Vec<(f64, f64)>) -> Option<f64> {
    pairs.sort_unstable_by(|left, right| {
        let by_value = left.0.total_cmp(&right.0);
        match by_value {
            Ordering::Equal => left.1.total_cmp(&right.1),
            other => other,
        }
    });
    let (sum, weights) = pairs.iter().fold((0.0, 0.0), |(sum, weights), pair| {
        (sum + pair.0 * pair.1, weights + pair.1)
    });
    (weights > 0.0).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_without_weight_and_unknown_tags_are_absent() {
        let states = array![
            [TagState::Positive],
            [TagState::Unknown],
            [TagState::Negative],
            [TagState::Negative],
        ];
        let truth = Target::Tags(Tags::new(vec!["ring".into()], states).unwrap());
        let scores = array![[0.2], [0.9], [0.8], [0.1]];
        let weights = [1.0, 1.0, 0.0, 2.0];
        let problem = Problem::new(&truth, scores.view(), Some(&weights)).unwrap();
        let ranked = problem.ranked(0);
        assert_eq!(ranked.len(), 2);
        assert_eq!((ranked[0].score, ranked[0].is_positive), (0.2, true));
        assert_eq!(ranked[1].weight, 2.0);
    }

    #[test]
    fn keys_fall_as_scores_rise_and_lead_back() {
        let scores = [-1e30, -1.5, -1e-40, -0.0, 0.0, 1e-40, 0.25, 3.0, 1e30];
        let outcome = |score, is_positive| Outcome {
            score,
            is_positive,
            weight: 1.0,
        };
        for pair in scores.windows(2) {
            assert!(key(&outcome(pair[0], true)) > key(&outcome(pair[1], false)));
        }
        for score in scores {
            assert!(key(&outcome(score, true)) < key(&outcome(score, false)));
            let back = score_of(key(&outcome(score, false)));
            assert_eq!(back.to_bits(), f32::to_bits(score));
        }
    }

    #[test]
    fn bad_weights_are_named() {
        let truth = Target::Classes(Classes::from_names(&["a", "b"]));
        let scores = array![[0.5, 0.5], [0.5, 0.5]];
        let message = |weights: &[f32]| {
            Problem::new(&truth, scores.view(), Some(weights))
                .unwrap_err()
                .message()
                .to_owned()
        };
        assert_eq!(
            message(&[1.0]),
            "expected a weight for each of 2 samples, got 1"
        );
        assert_eq!(
            message(&[1.0, -1.0]),
            "row 1: expected a weight of 0 or more, got -1"
        );
    }
}
