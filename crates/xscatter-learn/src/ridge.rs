//! Ridge classifier: least squares on coded classes, in closed form, with leave-one-out for free.
//!
//! Use it as the fastest linear model with a penalty, above all with many classes or when rows arrive in
//! portions. Logistic regression is the better model of probabilities. Scale the features first
//! ([`StandardScaler`](crate::StandardScaler)).
//!
//! ```text
//! minimise  Σ_i w_i (y_i − b − w · x_i)² + α |w|²      y = 1 for the class, −1 for others
//! decision without the row:  y_i − (y_i − s_i)/(1 − h_i)      h_i the leverage of the row
//! ```
//!
//! Of several α the one with the least squared leave-one-out error is taken. Probabilities are Platt's
//! sigmoids of leave-one-out decisions, one for each class, divided by their sum; see there
//! (doi:10.1007/s10994-007-5018-6). Features must be finite. Cost: rows · features² and, for each α,
//! features³ and rows · features² for the leverages. Source: scikit-learn 1.9.1, `RidgeClassifier` and
//! `RidgeClassifierCV` (which give decisions alone).

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Estimator, Predictor, Result, StopToken, TrainingSet};

use crate::batch::Batch;
use crate::cholesky::Cholesky;
use crate::discriminant::more_moments;
use crate::error::{ConfigError, require};
use crate::least_squares::{
    Decisions, System, class_factors, class_of, coded, leave_one_out, side,
};
use crate::linear_scores::LinearScores;
use crate::moments::Moments;
use crate::problem::{ClassMap, ClassWeight};

/// The parameters of [`Ridge`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RidgeConfig {
    /// α, above 0; of several the best by leave-one-out.
    pub alphas: Vec<f64>,
    /// How much the classes weigh.
    pub class_weight: ClassWeight,
    /// Whether the fitted model can learn more rows: it then keeps a matrix of features × features for
    /// each class.
    pub keep_moments: bool,
}

impl Default for RidgeConfig {
    /// α = 1.
    fn default() -> Self {
        Self {
            alphas: vec![1.0],
            class_weight: ClassWeight::Uniform,
            keep_moments: false,
        }
    }
}

/// The ridge classifier.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::{Ridge, RidgeConfig};
///
/// let rows = array![[0.0_f32], [0.2], [0.3], [0.7], [0.9], [1.0]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "SAXS", "WAXS", "WAXS", "WAXS"]));
/// let ridge = Ridge::new(RidgeConfig { alphas: vec![0.01, 0.1, 1.0], ..RidgeConfig::default() })?;
/// let model = ridge.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(array![[0.95]].view())?[[0, 1]] > 0.5);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "RidgeConfig", into = "RidgeConfig")]
pub struct Ridge(RidgeConfig);

impl Ridge {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: RidgeConfig) -> Result<Self, ConfigError> {
        let count = config.alphas.len();
        require(count >= 1, "alphas", "at least one", count)?;
        for &alpha in &config.alphas {
            require(alpha > 0.0 && alpha.is_finite(), "alphas", "above 0", alpha)?;
        }
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &RidgeConfig {
        &self.0
    }
}

impl TryFrom<RidgeConfig> for Ridge {
    type Error = ConfigError;

    fn try_from(config: RidgeConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<Ridge> for RidgeConfig {
    fn from(recipe: Ridge) -> Self {
        recipe.0
    }
}

impl Estimator for Ridge {
    type Fitted = FittedRidge;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedRidge> {
        let stop = train.stop();
        let batch = Batch::first(train)?;
        let names = train.target().names();
        let moments = Moments::full(&batch, names.len(), stop, |_, _, _, _| ())?;
        let classes = moments.classes(names)?;
        let factors = factors(self.0.class_weight, &moments);
        let system = system(&moments, &factors);
        let (labels, weights) = coded(&batch, &classes, &factors);
        let n = system.targets.len();
        let mut best: Option<(f64, f64, LinearScores, Vec<f64>)> = None;
        for &alpha in &self.0.alphas {
            let (scores, inverse) = solve(&system, alpha, stop)?;
            let coded = (&*labels, &*weights);
            let held_out = leave_one_out(&system, &scores, &inverse, &batch, coded, stop)?;
            let rows = held_out.chunks_exact(n).zip(&labels).zip(&weights);
            let error: f64 = rows
                .map(|((decisions, label), weight)| {
                    let of_score = |(score, decision): (usize, &f64)| {
                        (side(*label == class_of(score, n)) - decision).powi(2)
                    };
                    weight * decisions.iter().enumerate().map(of_score).sum::<f64>()
                })
                .sum();
            if best.as_ref().is_none_or(|(least, ..)| error < *least) {
                best = Some((error, alpha, scores, held_out));
            }
        }
        let (_, alpha, scores, held_out) = best
            .ok_or_else(|| Error::new(ErrorKind::Numerical, "expected a finite error, got none"))?;
        Ok(FittedRidge {
            decisions: Decisions::new(classes, scores, &held_out, &labels, &weights),
            alpha,
            class_weight: self.0.class_weight,
            moments: self.0.keep_moments.then_some(moments),
        })
    }
}

/// Of each name.
fn factors(class_weight: ClassWeight, moments: &Moments) -> Vec<f64> {
    let weights: Vec<f64> = moments.0.iter().map(|class| class.weight).collect();
    class_factors(class_weight, &weights)
}

fn system(moments: &Moments, factors: &[f64]) -> System {
    let classes = factors.iter().copied().zip(&moments.0);
    let present: Vec<_> = classes.filter(|(_, class)| class.weight > 0.0).collect();
    System::of_classes(&present)
}

/// The scores, and the inverse of the Cholesky factor of scatter + α.
fn solve(system: &System, alpha: f64, stop: &StopToken) -> Result<(LinearScores, Vec<f64>)> {
    let n = system.mean.len();
    let mut matrix = system.scatter.clone();
    for i in 0..n {
        matrix[i * n + i] += alpha;
    }
    let cholesky = Cholesky::new(matrix, n, 0.0, stop)?.ok_or_else(|| {
        Error::new(
            ErrorKind::Numerical,
            format!("expected α to outweigh rounding, got {alpha}"),
        )
    })?;
    let solutions: Vec<Vec<f64>> = system
        .targets
        .iter()
        .map(|(sums, _)| {
            let mut x = sums.clone();
            cholesky.forward(&mut x);
            cholesky.back(&mut x);
            x
        })
        .collect();
    Ok((system.scores(&solutions), cholesky.inverse(stop)?))
}

/// The weights of a fitted ridge classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRidge")]
pub struct FittedRidge {
    decisions: Decisions,
    alpha: f64,
    class_weight: ClassWeight,
    moments: Option<Moments>,
}

#[derive(Deserialize)]
struct RawRidge {
    decisions: Decisions,
    alpha: f64,
    class_weight: ClassWeight,
    moments: Option<Moments>,
}

impl TryFrom<RawRidge> for FittedRidge {
    type Error = String;

    fn try_from(raw: RawRidge) -> Result<Self, String> {
        if let Some(moments) = &raw.moments {
            let n_features = raw.decisions.scores.n_features();
            let per_class = n_features.checked_mul(n_features);
            moments.check(raw.decisions.names().len(), n_features, per_class)?;
        }
        if !(raw.alpha > 0.0 && raw.alpha.is_finite()) {
            return Err(format!("expected α above 0, got {}", raw.alpha));
        }
        Ok(Self {
            decisions: raw.decisions,
            alpha: raw.alpha,
            class_weight: raw.class_weight,
            moments: raw.moments,
        })
    }
}

impl FittedRidge {
    /// Learns more rows: the weights are those of a fit on all rows with this α, to rounding; the sigmoids
    /// stay those of the fit. On an error the model stays as it was.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] unless the model was fitted with `keep_moments`, or if a row has a
    /// class that the rows of the fit had not, for which there is no sigmoid; if the features differ in
    /// number or are not finite, or the work is asked to stop.
    pub fn update(&mut self, train: &TrainingSet<'_>) -> Result<()> {
        let names = self.decisions.names();
        let n_features = self.decisions.scores.n_features();
        let moments = more_moments(self.moments.as_ref(), train, names, n_features)?;
        let classes: ClassMap = moments.classes(names)?;
        if classes != self.decisions.classes {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected the classes of the fit alone, got another one",
            ));
        }
        let factors = factors(self.class_weight, &moments);
        let (scores, _) = solve(&system(&moments, &factors), self.alpha, train.stop())?;
        self.decisions.scores = scores;
        self.moments = Some(moments);
        Ok(())
    }

    /// The α of the fit, which is the best of those it was to try.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Features × scores: a column for each class that occurred in the training rows, or a single one
    /// that speaks for the second of two.
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        self.decisions.scores.matrix()
    }

    /// One for each score.
    pub fn intercepts(&self) -> &[f64] {
        self.decisions.scores.intercepts()
    }
}

impl Predictor for FittedRidge {
    fn outputs(&self) -> &[Arc<str>] {
        self.decisions.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.decisions.predict(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Axis, s};
    use xscatter_core::{Classes, Target};

    fn table(n_rows: usize, n_classes: u32) -> (Array2<f32>, Target, Vec<f32>) {
        let rows = Array2::from_shape_fn((n_rows, 4), |(row, column)| {
            let noise = ((row * (5 + 6 * column) + column) % 29) as f32 / 7.0;
            noise + f32::from(u8::from(row % n_classes as usize == column))
        });
        let labels = (0..n_rows as u32).map(|row| row % n_classes).collect();
        let names = ["a", "b", "c"].map(Into::into)[..n_classes as usize].to_vec();
        let weights = (0..n_rows).map(|row| 0.5 + (row % 4) as f32).collect();
        (
            rows,
            Target::Classes(Classes::new(names, labels).unwrap()),
            weights,
        )
    }

    #[test]
    fn leave_one_out_is_what_it_says() {
        for n_classes in [2, 3] {
            let (rows, target, weights) = table(20, n_classes);
            let train = TrainingSet::new(rows.view(), &target)
                .unwrap()
                .with_weights(&weights)
                .unwrap();
            let batch = Batch::first(&train).unwrap();
            let stop = train.stop();
            let names = target.names();
            let moments = Moments::full(&batch, names.len(), stop, |_, _, _, _| ()).unwrap();
            let classes = moments.classes(names).unwrap();
            let factors = factors(ClassWeight::Uniform, &moments);
            let system = system(&moments, &factors);
            let (labels, coded_weights) = coded(&batch, &classes, &factors);
            let (scores, inverse) = solve(&system, 0.7, stop).unwrap();
            let coded = (&*labels, &*coded_weights);
            let found = leave_one_out(&system, &scores, &inverse, &batch, coded, stop).unwrap();
            let n = system.targets.len();
            let recipe = Ridge::new(RidgeConfig {
                alphas: vec![0.7],
                ..Default::default()
            })
            .unwrap();
            for row in 0..20 {
                let others: Vec<usize> = (0..20).filter(|other| *other != row).collect();
                let (some, some_target) = (rows.select(Axis(0), &others), target.select(&others));
                let some_weights: Vec<f32> = others.iter().map(|&row| weights[row]).collect();
                let train = TrainingSet::new(some.view(), &some_target).unwrap();
                let model = recipe
                    .fit(&train.with_weights(&some_weights).unwrap())
                    .unwrap();
                let plain = model.decisions.scores.of(rows.row(row).as_slice().unwrap());
                for (found, plain) in found[row * n..][..n].iter().zip(plain) {
                    assert_relative_eq!(*found, plain, max_relative = 1e-9, epsilon = 1e-10);
                }
            }
        }
    }

    #[test]
    fn portions_learn_what_all_rows_do() {
        let (rows, target, weights) = table(60, 3);
        for class_weight in [ClassWeight::Uniform, ClassWeight::Balanced] {
            let config = RidgeConfig {
                class_weight,
                keep_moments: true,
                ..Default::default()
            };
            let recipe = Ridge::new(config).unwrap();
            let set = |from: usize, to: usize| target.select(&(from..to).collect::<Vec<_>>());
            let all = TrainingSet::new(rows.view(), &target)
                .unwrap()
                .with_weights(&weights)
                .unwrap();
            let at_once = recipe.fit(&all).unwrap();
            let (first, rest) = (set(0, 25), set(25, 60));
            let train = TrainingSet::new(rows.slice(s![..25, ..]), &first).unwrap();
            let mut model = recipe
                .fit(&train.with_weights(&weights[..25]).unwrap())
                .unwrap();
            let train = TrainingSet::new(rows.slice(s![25.., ..]), &rest).unwrap();
            model
                .update(&train.with_weights(&weights[25..]).unwrap())
                .unwrap();
            for (one, other) in at_once.coefficients().iter().zip(model.coefficients()) {
                assert_relative_eq!(one, other, max_relative = 1e-9, epsilon = 1e-12);
            }
            for (one, other) in at_once.intercepts().iter().zip(model.intercepts()) {
                assert_relative_eq!(one, other, max_relative = 1e-9, epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn a_class_without_a_sigmoid_is_refused() {
        let (rows, target, _) = table(60, 3);
        let two: Vec<usize> = (0..60).filter(|row| row % 3 < 2).collect();
        let (some, some_target) = (rows.select(Axis(0), &two), target.select(&two));
        let config = RidgeConfig {
            keep_moments: true,
            ..Default::default()
        };
        let train = TrainingSet::new(some.view(), &some_target).unwrap();
        let mut model = Ridge::new(config).unwrap().fit(&train).unwrap();
        let before = model.clone();
        let all = TrainingSet::new(rows.view(), &target).unwrap();
        assert_eq!(
            model.update(&all).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        assert_eq!(model, before);
    }
}
