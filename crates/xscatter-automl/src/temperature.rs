//! Temperature: one number that makes the probabilities of a model less, or more, sure of themselves.
//!
//! For classes `q_k ∝ p_k^(1/T)`; for tags the log-odds are divided by `T`, each tag for itself. With
//! `T > 1` probabilities come nearer to each other, with `T < 1` the higher ones gain; their order in a
//! row does not change, so no decision does. `T` minimises, on out-of-fold scores, the sum over the rows
//! (and known tags) of `−ln q` of the truth plus `(ln T)² / (2 · 0.5²)`: the second term counts about as
//! much as one row and keeps `T` from 0 where the scores know every row (Guo et al. 2017,
//! proceedings.mlr.press/v70/guo17a, without it).
//!
//! Use it on the mean of several models, which is less sure than each of them. It cannot mend scores
//! that are wrong in one class and right in another. Cost: some 50 passes over the scores.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result, TagState, Target};

/// What the outputs of a row are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outputs {
    /// Probabilities with a sum of 1.
    Classes,
    /// Each a probability of its own.
    Tags,
}

/// The temperature of a model's scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTemperature")]
pub struct Temperature {
    /// The temperature: 1 leaves the scores as they are.
    pub value: f64,
    /// What it is applied to.
    pub outputs: Outputs,
}

/// What a file says, not looked at yet.
#[derive(Deserialize)]
struct RawTemperature {
    value: f64,
    outputs: Outputs,
}

impl TryFrom<RawTemperature> for Temperature {
    type Error = String;

    fn try_from(raw: RawTemperature) -> Result<Self, String> {
        let RawTemperature { value, outputs } = raw;
        if value.is_finite() && value > 0.0 {
            return Ok(Self { value, outputs });
        }
        Err(format!("expected a temperature above 0, got {value}"))
    }
}

const LOWEST: f64 = 0.1;
const HIGHEST: f64 = 10.0;
/// The spread of `ln T` that is expected before a row is seen.
const SPREAD: f64 = 0.5;

impl Temperature {
    /// The temperature at which these out-of-fold scores say most about the truth.
    ///
    /// # Errors
    /// If the target is one of values, there is no row, the sizes differ or a score is not within
    /// `[0, 1]`.
    pub fn fit(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Self> {
        let outputs = match truth {
            Target::Classes(_) => Outputs::Classes,
            Target::Tags(_) => Outputs::Tags,
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "temperature: expected a target of classes or tags, got values",
                ));
            }
        };
        check(truth, scores)?;
        let loss = |ln_t: f64| {
            let prior = (ln_t / SPREAD).powi(2) / 2.0;
            prior + sum_of_losses(truth, scores, (-ln_t).exp())
        };
        let ln_t = minimise(loss, LOWEST.ln(), HIGHEST.ln());
        Ok(Self {
            value: ln_t.exp(),
            outputs,
        })
    }

    /// The scores at this temperature.
    pub fn apply(&self, scores: ArrayView2<'_, f32>) -> Array2<f32> {
        let inverse = 1.0 / self.value;
        let mut tempered = scores.to_owned();
        match self.outputs {
            Outputs::Classes => {
                let mut powers = vec![];
                for mut row in tempered.rows_mut() {
                    let highest = row.iter().fold(0.0_f32, |max, &score| max.max(score));
                    powers.clear();
                    powers.extend(row.iter().map(|&p| power(p, highest, inverse)));
                    let sum: f64 = powers.iter().sum();
                    if sum > 0.0 {
                        for (score, power) in row.iter_mut().zip(&powers) {
                            *score = (power / sum) as f32;
                        }
                    }
                }
            }
            Outputs::Tags => tempered.mapv_inplace(|p| tag_probability(p, inverse) as f32),
        }
        tempered
    }
}

/// `(p / highest)^inverse`, which stays within the range of numbers.
fn power(p: f32, highest: f32, inverse: f64) -> f64 {
    (f64::from(p) / f64::from(highest)).powf(inverse)
}

fn tag_probability(p: f32, inverse: f64) -> f64 {
    let p = f64::from(p);
    let (with, without) = (p.powf(inverse), (1.0 - p).powf(inverse));
    with / (with + without)
}

fn sum_of_losses(truth: &Target, scores: ArrayView2<'_, f32>, inverse: f64) -> f64 {
    let loss = |q: f64| {
        let epsilon = f64::from(f32::EPSILON);
        -q.clamp(epsilon, 1.0 - epsilon).ln()
    };
    let mut sum = 0.0;
    match truth {
        Target::Classes(classes) => {
            for (row, &label) in scores.rows().into_iter().zip(classes.labels()) {
                let highest = row.iter().fold(0.0_f32, |max, &score| max.max(score));
                let all: f64 = row.iter().map(|&p| power(p, highest, inverse)).sum();
                sum += loss(power(row[label as usize], highest, inverse) / all);
            }
        }
        Target::Tags(tags) => {
            for (&p, state) in scores.iter().zip(tags.states()) {
                match state {
                    TagState::Positive => sum += loss(tag_probability(p, inverse)),
                    TagState::Negative => sum += loss(1.0 - tag_probability(p, inverse)),
                    TagState::Unknown => {}
                }
            }
        }
        _ => {}
    }
    sum
}

fn check(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<()> {
    let expected = (truth.len(), truth.names().len());
    if scores.dim() != expected {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!("expected scores of {expected:?}, got {:?}", scores.dim()),
        ));
    }
    if truth.is_empty() {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "temperature: expected a row, got none",
        ));
    }
    let is_sound = |row: &ndarray::ArrayView1<'_, f32>| {
        row.iter().all(|score| (0.0..=1.0).contains(score))
            && (matches!(truth, Target::Tags(_)) || row.iter().any(|&score| score > 0.0))
    };
    match scores.rows().into_iter().position(|row| !is_sound(&row)) {
        Some(row) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("row {row}: expected probabilities, got {}", scores.row(row)),
        )),
        None => Ok(()),
    }
}

/// Where the function, with one lowest point between these two, is least: golden sections.
fn minimise(function: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    const SECTION: f64 = 0.618_033_988_749_894_9;
    const WIDTH: f64 = 1e-6;
    let mut left = high - SECTION * (high - low);
    let mut right = low + SECTION * (high - low);
    let (mut at_left, mut at_right) = (function(left), function(right));
    while high - low > WIDTH {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - SECTION * (high - low);
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + SECTION * (high - low);
            at_right = function(right);
        }
    }
    low.midpoint(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use xscatter_core::{Classes, Tags, seed};

    /// 4000 rows of which the class is drawn by the probability, given a temperature too high.
    fn drawn(heat: f64) -> (Array2<f32>, Vec<bool>) {
        let unit =
            |stream: u64, row: u64| (seed::derive(stream, row) >> 11) as f64 / (1_u64 << 53) as f64;
        let mut scores = Array2::zeros((4000, 2));
        let mut is_second = vec![];
        for row in 0..4000 {
            let log_odds = 8.0 * unit(1, row as u64) - 4.0;
            let p = 1.0 / (1.0 + (-log_odds).exp());
            is_second.push(unit(2, row as u64) < p);
            let shown = 1.0 / (1.0 + (-log_odds / heat).exp());
            scores[[row, 0]] = (1.0 - shown) as f32;
            scores[[row, 1]] = shown as f32;
        }
        (scores, is_second)
    }

    #[test]
    fn it_finds_what_the_scores_were_heated_by() {
        for heat in [0.5, 1.0, 2.0] {
            let (scores, is_second) = drawn(heat);
            let labels = is_second.iter().map(|&is| u32::from(is)).collect();
            let names = vec!["a".into(), "b".into()];
            let truth = Target::Classes(Classes::new(names, labels).unwrap());
            let found = Temperature::fit(&truth, scores.view()).unwrap();
            assert_relative_eq!(found.value * heat, 1.0, max_relative = 0.06);
            // As tags: two of which one is the absence of the other.
            let states = Array2::from_shape_fn((4000, 2), |(row, tag)| {
                if is_second[row] == (tag == 1) {
                    TagState::Positive
                } else {
                    TagState::Negative
                }
            });
            let tags = Tags::new(vec!["a".into(), "b".into()], states).unwrap();
            let of_tags = Temperature::fit(&Target::Tags(tags), scores.view()).unwrap();
            // The same but for the second term, which counts once against twice as many cells.
            assert_relative_eq!(of_tags.value, found.value, max_relative = 3e-3);
            let cooled = found.apply(scores.view());
            for (cooled, heated) in cooled.rows().into_iter().zip(scores.rows()) {
                assert_relative_eq!(cooled.sum(), 1.0, epsilon = 1e-6);
                assert_eq!(cooled[0] > cooled[1], heated[0] > heated[1]);
            }
        }
    }

    #[test]
    fn a_few_rows_that_are_all_right_do_not_make_it_certain() {
        let truth = Target::Classes(Classes::from_names(&["a", "b", "a"]));
        let scores = array![[0.8, 0.2], [0.3, 0.7], [0.9, 0.1]];
        let found = Temperature::fit(&truth, scores.view()).unwrap();
        assert!((0.5..1.0).contains(&found.value), "{found:?}");
    }

    #[test]
    fn zeros_and_ones_stay_what_they_are() {
        let temperature = |outputs| Temperature {
            value: 0.3,
            outputs,
        };
        let scores = array![[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]];
        assert_eq!(temperature(Outputs::Classes).apply(scores.view()), scores);
        assert_eq!(temperature(Outputs::Tags).apply(scores.view()), scores);
    }

    #[test]
    fn a_file_with_an_impossible_temperature_is_refused() {
        let good = r#"{"value":0.5,"outputs":"tags"}"#;
        assert!(serde_json::from_str::<Temperature>(good).is_ok());
        for value in ["0.0", "-1.0", "1e999"] {
            let bad = good.replace("0.5", value);
            assert!(serde_json::from_str::<Temperature>(&bad).is_err());
        }
    }

    #[test]
    fn what_is_no_probability_is_named() {
        let truth = Target::Classes(Classes::from_names(&["a", "b"]));
        let message = |scores: Array2<f32>| {
            let error = Temperature::fit(&truth, scores.view()).unwrap_err();
            error.message().to_owned()
        };
        assert!(message(array![[0.5, 0.5], [f32::NAN, 0.5]]).starts_with("row 1"));
        assert!(message(array![[0.0, 0.0], [0.5, 0.5]]).starts_with("row 0"));
        assert!(message(array![[0.5, 0.5]]).starts_with("expected scores of"));
    }
}
