//! Calibration: scores that come true as often as they say.
//!
//! Use it on scores of rows that the classifier has not seen (out-of-fold scores, a held-out set), where the
//! probabilities themselves matter: thresholds, costs, log-loss, averaging with other models. The order of rows
//! hardly changes, so accuracy and ROC AUC gain nothing. [`Calibrated`](crate::Calibrated) does the folds itself.
//!
//! ```text
//! sigmoid      p = 1/(1 + exp(a s + b))        a, b by maximum likelihood with Platt's smoothed targets
//! isotonic     p = the ascending step function of s nearest to the outcomes, linear between its corners
//! temperature  p = softmax(β ln(s + 1e-12))    β in [e⁻¹⁰, e¹⁰] minimises the log-loss
//! ```
//!
//! Sigmoid needs few rows (some dozens a class), isotonic a thousand or more, temperature fewest: one number for
//! all classes. Sigmoid and isotonic treat each class against the rest and divide by the sum; of two classes they
//! treat the second. For tags each tag has a curve of its own, fitted where the tag is known; one that has
//! no rows of both states keeps its scores. Classes without a row get 0. Scores must be finite, and probabilities
//! for temperature. Rows of weight 0 are left out.
//!
//! A fit passes some ten to fifty times over the scores, isotonic sorts them. Source: scikit-learn 1.9.1,
//! `CalibratedClassifierCV`; Platt 1999; Zadrozny and Elkan 2002, doi:10.1145/775047.775151; Guo et al. 2017,
//! arXiv:1706.04599.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{
    Error, ErrorKind, Estimator, Result, TagState, Target, TrainingSet, Transformer,
};

use crate::counted::{Counted, degenerate};
use crate::isotonic::Isotonic;
use crate::problem::{Missing, check_finite, first_without, probabilities};
use crate::svm::sigmoid::Sigmoid;

/// Added to a probability before its logarithm.
const EPSILON: f64 = 1e-12;
/// The logarithm of β lies within ± this.
const BOUND: f64 = 10.0;

/// How scores become probabilities: a recipe to be fitted to held-out scores (rows × outputs) and their target.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::Calibrator;
///
/// // A classifier that is right three times in four, and always says 99 %.
/// let scores = array![[0.99_f32, 0.01], [0.99, 0.01], [0.01, 0.99], [0.99, 0.01]];
/// let target = Target::Classes(Classes::from_names(&["a", "a", "b", "b"]));
/// let fitted = Calibrator::Temperature.fit(&TrainingSet::new(scores.view(), &target)?)?;
/// let honest = fitted.transform(scores.view())?;
/// assert!((honest[[0, 0]] - 0.75).abs() < 1e-3);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibrator {
    /// Platt's sigmoid of the score.
    #[default]
    Sigmoid,
    /// Any ascending function of the score.
    Isotonic,
    /// One exponent for all probabilities.
    Temperature,
}

/// From one score to one probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Curve {
    Sigmoid(Sigmoid),
    Isotonic(Isotonic),
    Temperature(f64),
}

/// The curves of a [`Calibrator`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawCalibrator")]
pub struct FittedCalibrator {
    n_outputs: usize,
    curves: Curves,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Curves {
    /// One for each class that occurred, or one for the second of two.
    Each {
        present: Vec<u32>,
        curves: Vec<Curve>,
    },
    /// β for all classes that occurred.
    Together { present: Vec<u32>, beta: f64 },
    /// One for each tag; none keeps the score.
    Tags(Vec<Option<Curve>>),
}

#[derive(Deserialize)]
struct RawCalibrator {
    n_outputs: usize,
    curves: Curves,
}

impl TryFrom<RawCalibrator> for FittedCalibrator {
    type Error = String;

    fn try_from(RawCalibrator { n_outputs, curves }: RawCalibrator) -> Result<Self, String> {
        let classes = |present: &[u32]| {
            present.len() >= 2
                && present.windows(2).all(|pair| pair[0] < pair[1])
                && present.iter().all(|&class| (class as usize) < n_outputs)
        };
        let sound = |curve: &Curve| match curve {
            Curve::Sigmoid(sigmoid) => sigmoid.is_finite(),
            Curve::Isotonic(_) => true,
            Curve::Temperature(beta) => beta.is_finite() && *beta > 0.0,
        };
        let fits = match &curves {
            Curves::Each { present, curves } => {
                let expected = if present.len() == 2 { 1 } else { present.len() };
                classes(present) && curves.len() == expected && curves.iter().all(sound)
            }
            Curves::Together { present, beta } => {
                classes(present) && beta.is_finite() && *beta > 0.0
            }
            Curves::Tags(curves) => curves.len() == n_outputs && curves.iter().flatten().all(sound),
        };
        if !fits {
            return Err(format!("expected curves for {n_outputs} outputs"));
        }
        Ok(Self { n_outputs, curves })
    }
}

impl Estimator for Calibrator {
    type Fitted = FittedCalibrator;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedCalibrator> {
        let n_outputs = train.target().names().len();
        check_features(train.rows(), n_outputs)?;
        let counted = Counted::new(train, Missing::Refused)?;
        if *self == Self::Temperature {
            check_probabilities(counted.rows.view())?;
        }
        let weights: Vec<f64> = (0..counted.places.len())
            .map(|row| counted.weight(row))
            .collect();
        let curves = match train.target() {
            Target::Tags(tags) => Curves::Tags(
                (0..n_outputs)
                    .map(|tag| {
                        train.stop().check()?;
                        let states = tags.states().column(tag);
                        let mut cases = Cases::default();
                        for (row, &place) in counted.places.iter().enumerate() {
                            let yes = match states[place] {
                                TagState::Positive => true,
                                TagState::Negative => false,
                                TagState::Unknown => continue,
                            };
                            cases.push(counted.rows[[row, tag]], yes, weights[row]);
                        }
                        Ok(cases.of_both().then(|| self.curve(&cases)))
                    })
                    .collect::<Result<_>>()?,
            ),
            target => {
                let classes = target.classes()?;
                let labels: Vec<u32> = counted
                    .places
                    .iter()
                    .map(|&place| classes.labels()[place])
                    .collect();
                let mut present = labels.clone();
                present.sort_unstable();
                present.dedup();
                if present.len() < 2 {
                    return Err(degenerate("expected rows of at least two classes, got one"));
                }
                if *self == Self::Temperature {
                    let beta = common_beta(&counted, &labels, &present, &weights, train)?;
                    Curves::Together { present, beta }
                } else {
                    let skipped = usize::from(present.len() == 2);
                    let curves = present[skipped..]
                        .iter()
                        .map(|&class| {
                            train.stop().check()?;
                            let mut cases = Cases::default();
                            for (row, &label) in labels.iter().enumerate() {
                                let score = counted.rows[[row, class as usize]];
                                cases.push(score, label == class, weights[row]);
                            }
                            Ok(self.curve(&cases))
                        })
                        .collect::<Result<_>>()?;
                    Curves::Each { present, curves }
                }
            }
        };
        Ok(FittedCalibrator { n_outputs, curves })
    }
}

/// Scores, outcomes and weights of one output.
#[derive(Default)]
struct Cases {
    scores: Vec<f64>,
    /// 1 for yes, −1 for no.
    sides: Vec<f64>,
    weights: Vec<f64>,
}

impl Cases {
    fn push(&mut self, score: f32, yes: bool, weight: f64) {
        self.scores.push(score.into());
        self.sides.push(if yes { 1.0 } else { -1.0 });
        self.weights.push(weight);
    }

    fn of_both(&self) -> bool {
        self.sides.contains(&1.0) && self.sides.contains(&-1.0)
    }
}

impl Calibrator {
    fn curve(self, cases: &Cases) -> Curve {
        let Cases {
            scores,
            sides,
            weights,
        } = cases;
        match self {
            Self::Sigmoid => Curve::Sigmoid(Sigmoid::fit(scores, sides, weights)),
            Self::Isotonic => {
                let points = scores.iter().zip(sides).zip(weights);
                let points =
                    points.map(|((&x, &side), &weight)| (x, f64::from(side > 0.0), weight));
                Curve::Isotonic(Isotonic::fit(points.collect()))
            }
            Self::Temperature => Curve::Temperature(best_beta(|beta| {
                let rows = scores.iter().zip(sides).zip(weights);
                rows.map(|((&score, &side), weight)| {
                    let logit = logit(score);
                    let p = 1.0 / (1.0 + (-beta * logit).exp());
                    weight * (p - f64::from(side > 0.0)) * logit
                })
                .sum()
            })),
        }
    }
}

/// β from the slope of the log-loss, which ascends with β.
fn best_beta(slope: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-BOUND, BOUND);
    if slope(low.exp()) >= 0.0 {
        return low.exp();
    }
    if slope(high.exp()) <= 0.0 {
        return high.exp();
    }
    while high - low > 1e-12 {
        let middle = 0.5 * (low + high);
        if slope(middle.exp()) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

fn common_beta(
    counted: &Counted<'_>,
    labels: &[u32],
    present: &[u32],
    weights: &[f64],
    train: &TrainingSet<'_>,
) -> Result<f64> {
    let mut logs = Vec::with_capacity(labels.len() * present.len());
    for row in counted.rows.rows() {
        logs.extend(present.iter().map(|&class| log(row[class as usize])));
    }
    let places: Vec<usize> = labels
        .iter()
        .map(|label| present.partition_point(|class| class < label))
        .collect();
    let beta = best_beta(|beta| {
        // A slope of 0 ends the search; the caller reports why.
        if train.stop().is_stopped() {
            return 0.0;
        }
        let (mut scaled, mut proba) = (vec![0.0; present.len()], vec![0.0; present.len()]);
        let rows = logs.chunks_exact(present.len()).zip(&places).zip(weights);
        rows.map(|((logs, &place), weight)| {
            scaled
                .iter_mut()
                .zip(logs)
                .for_each(|(scaled, log)| *scaled = beta * log);
            probabilities(&scaled, &mut proba);
            let mean: f64 = proba.iter().zip(logs).map(|(p, log)| p * log).sum();
            weight * (mean - logs[place])
        })
        .sum()
    });
    train.stop().check()?;
    Ok(beta)
}

fn log(score: f32) -> f64 {
    (f64::from(score) + EPSILON).ln()
}

fn logit(score: f64) -> f64 {
    (score + EPSILON).ln() - (1.0 - score + EPSILON).ln()
}

fn check_probabilities(scores: ArrayView2<'_, f32>) -> Result<()> {
    match first_without(scores, |score| (0.0..=1.0).contains(&score)) {
        None => Ok(()),
        Some((row, output)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "row {row}, output {output}: expected a probability, got {}",
                scores[[row, output]]
            ),
        )),
    }
}

impl Curve {
    fn at(&self, score: f32) -> f64 {
        match self {
            Self::Sigmoid(sigmoid) => sigmoid.probability(score.into()),
            Self::Isotonic(isotonic) => isotonic.at(score.into()),
            Self::Temperature(beta) => 1.0 / (1.0 + (-beta * logit(score.into())).exp()),
        }
    }
}

impl FittedCalibrator {
    /// How many scores a row has.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// β, where one temperature is common to all classes.
    pub fn beta(&self) -> Option<f64> {
        match self.curves {
            Curves::Together { beta, .. } => Some(beta),
            _ => None,
        }
    }

    fn takes_probabilities(&self) -> bool {
        match &self.curves {
            Curves::Each { .. } => false,
            Curves::Together { .. } => true,
            Curves::Tags(curves) => curves
                .iter()
                .flatten()
                .any(|curve| matches!(curve, Curve::Temperature(_))),
        }
    }
}

impl Transformer for FittedCalibrator {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_outputs)?;
        check_finite(rows)?;
        if self.takes_probabilities() {
            check_probabilities(rows)?;
        }
        let mut calibrated = Array2::zeros(rows.raw_dim());
        for (mut out, row) in calibrated.rows_mut().into_iter().zip(rows.rows()) {
            match &self.curves {
                Curves::Each { present, curves } => {
                    let mut proba = vec![0.0; present.len()];
                    if let [curve] = &curves[..] {
                        let second = curve.at(row[present[1] as usize]);
                        proba.copy_from_slice(&[1.0 - second, second]);
                    } else {
                        for ((p, curve), &class) in proba.iter_mut().zip(curves).zip(present) {
                            *p = curve.at(row[class as usize]);
                        }
                        let total: f64 = proba.iter().sum();
                        let even = 1.0 / present.len() as f64;
                        for p in &mut proba {
                            *p = if total > 0.0 { *p / total } else { even };
                        }
                    }
                    for (&class, p) in present.iter().zip(proba) {
                        out[class as usize] = p as f32;
                    }
                }
                Curves::Together { present, beta } => {
                    let logs: Vec<f64> = present
                        .iter()
                        .map(|&class| beta * log(row[class as usize]))
                        .collect();
                    let mut proba = vec![0.0; present.len()];
                    probabilities(&logs, &mut proba);
                    for (&class, p) in present.iter().zip(proba) {
                        out[class as usize] = p as f32;
                    }
                }
                Curves::Tags(curves) => {
                    for ((out, &score), curve) in out.iter_mut().zip(row).zip(curves) {
                        *out = curve.as_ref().map_or(score, |curve| curve.at(score) as f32);
                    }
                }
            }
        }
        Ok(calibrated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Tags};

    const ALL: [Calibrator; 3] = [
        Calibrator::Sigmoid,
        Calibrator::Isotonic,
        Calibrator::Temperature,
    ];

    #[test]
    fn an_absent_class_stays_absent() {
        let names = ["a", "b", "c"].map(Into::into).to_vec();
        let target = Target::Classes(Classes::new(names, vec![0, 2, 0, 2]).unwrap());
        let scores = array![
            [0.9_f32, 0.0, 0.1],
            [0.4, 0.0, 0.6],
            [0.3, 0.0, 0.7],
            [0.1, 0.0, 0.9]
        ];
        let train = TrainingSet::new(scores.view(), &target).unwrap();
        for calibrator in ALL {
            let proba = calibrator
                .fit(&train)
                .unwrap()
                .transform(scores.view())
                .unwrap();
            for row in proba.rows() {
                assert_eq!(row[1], 0.0);
                approx::assert_abs_diff_eq!(row.sum(), 1.0, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn a_tag_is_calibrated_where_it_is_known() {
        use TagState::{Negative, Positive, Unknown};
        let states = array![
            [Positive, Negative],
            [Negative, Negative],
            [Positive, Unknown],
            [Unknown, Negative],
            [Negative, Negative]
        ];
        let names = vec!["ring".into(), "halo".into()];
        let target = Target::Tags(Tags::new(names, states).unwrap());
        let scores = array![
            [0.8_f32, 0.5],
            [0.7, 0.25],
            [0.6, 0.5],
            [9e-9, 0.5],
            [0.1, 0.5]
        ];
        let train = TrainingSet::new(scores.view(), &target).unwrap();
        for calibrator in ALL {
            let proba = calibrator
                .fit(&train)
                .unwrap()
                .transform(scores.view())
                .unwrap();
            assert_eq!(proba.column(1), scores.column(1));
            assert!(
                proba
                    .column(0)
                    .windows(2)
                    .into_iter()
                    .all(|pair| pair[0] >= pair[1] || pair[0] < 0.5)
            );
            assert!(proba.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    #[test]
    fn what_is_no_probability_has_no_temperature() {
        let target = Target::Classes(Classes::from_names(&["a", "b"]));
        let scores = array![[0.5_f32, 0.5], [-0.1, 1.1]];
        let train = TrainingSet::new(scores.view(), &target).unwrap();
        let error = Calibrator::Temperature.fit(&train).unwrap_err();
        assert!(error.message().starts_with("row 1, output 0"), "{error}");
        assert!(Calibrator::Sigmoid.fit(&train).is_ok());
    }
}
